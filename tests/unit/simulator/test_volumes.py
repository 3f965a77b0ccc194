# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in volumes, uploads, backups and restores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from tests.simulator.volumes import packed

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Lab, Start

OLD, NEW = "8.17.0", "8.20.0"
APPS = [
    {"name": "Tide", "components": ["web", "Cache"], "version": 8},
    {"name": "Plain", "version": 3},
    {"name": "Sync", "components": [{"name": "db", "data": "g:/data"}], "version": 8},
]
FOLDER = "/home/flux/zelflux/ZelApps/fluxweb_Tide/backup/local"
ARCHIVE = "backup/local/backup_web.tar.gz"


def _lab(start: Start, version: str = NEW, nodes: int = 1) -> Lab:
    return start([{"version": version, "apps": ["Tide", "Plain", "Sync"]} for _unused in range(nodes)], apps=APPS)


def _task(lab: Lab, path: str, body: dict[str, Any], seconds: float = 200) -> list[str]:
    """The lines of a backup or restore."""
    url = f"http://{lab.first}/apps/{path}"
    answer = lab.http.post(url, json=body, headers=lab.owner(), stream=True, timeout=10)
    lab.sim.advance(seconds)
    assert answer.status_code == 200
    return answer.text.split("\n\n")[:-1]


def _backup(lab: Lab, *components: str, app: str = "Tide") -> list[str]:
    jobs = [{"component": component, "backup": True} for component in components]
    return _task(lab, "appendbackuptask", {"appname": app, "backup": jobs})


def _restore(lab: Lab, component: str = "web", app: str = "Tide", kind: str = "local", **job: Any) -> list[str]:
    jobs = [{"component": component, "restore": True, **job}]
    return _task(lab, "appendrestoretask", {"appname": app, "type": kind, "restore": jobs})


def _list(lab: Lab) -> dict[str, Any]:
    path = f"/backup/getlocalbackuplist/{quote(FOLDER, safe='')}/B/0/true/Tide"
    answer: dict[str, Any] = lab.get(path, headers=lab.owner()).json()
    return answer


def test_folders_and_files(start: Start) -> None:
    lab = _lab(start)
    header = lab.owner()
    rows = lab.said("/apps/getfolderinfo/Tide/web/appdata", header)
    assert [(row["name"], row["size"], row["isFile"]) for row in rows] == [("marker", 21, True)]
    answer = lab.get("/apps/downloadfile/Tide/web/appdata%2Fmarker", headers=header)
    assert answer.content == b"data of fluxweb_Tide\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="marker"'
    assert lab.said("/apps/createfolder/Tide/web/appdata%2Fnew", header) == {"message": "Folder Created"}
    assert lab.said("/apps/renameobject/Tide/web/appdata%2Fmarker/mark", header) == {"message": "Rename successful"}
    assert [row["name"] for row in lab.said("/apps/getfolderinfo/Tide/web/appdata", header)] == ["mark", "new"]
    assert lab.said("/apps/removeobject/Tide/web/appdata%2Fmark", header) == {"message": "File Removed"}
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}
    assert lab.said("/apps/getfolderinfo/Plain/null/appdata", header)[0]["name"] == "marker"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("getfolderinfo/Tide/web/..%2Fx", "Invalid path: directory traversal not allowed"),
        ("getfolderinfo/Tide/web/%2Fetc", "Invalid path: absolute paths not allowed"),
        ("getfolderinfo/Tide/web/a%2F%2Fb", "Invalid path: empty path component (double slash)"),
        ("getfolderinfo/Tide/web/a%5Cb", "Invalid path: backslashes are not allowed"),
        ("getfolderinfo/Tide/web/a*b", 'Invalid path: component "a*b" contains disallowed characters'),
        ("getfolderinfo/Tide/ghost", "Application volume not found"),
        ("getfolderinfo/Tide", "appname and component parameters are mandatory"),
        ("removeobject/Tide/web", "No object specified"),
        ("downloadfile/Tide/web/appdata%2Fnone", "Command failed: sudo chmod 777"),
    ],
)
def test_what_is_wrong_with_a_path(start: Start, path: str, says: str) -> None:
    lab = _lab(start)
    assert lab.said(f"/apps/{path}", lab.owner()).startswith(says)


def test_a_missing_folder_has_a_code(start: Start) -> None:
    lab = _lab(start)
    answer = lab.get("/apps/getfolderinfo/Tide/web/none", headers=lab.owner()).json()
    assert answer["data"]["code"] == "ENOENT"


@pytest.mark.parametrize("version", [OLD, NEW])
def test_upload(start: Start, version: str) -> None:
    lab = _lab(start, version)
    url = f"http://{lab.first}/ioutils/fileupload"
    files = {"note.txt": ("other", b"x" * 100_000)}
    answer = lab.http.post(f"{url}/file/Tide/web/appdata", files=files, headers=lab.owner(), timeout=10)
    assert answer.text.startswith("[65536,100")
    assert answer.text.endswith("note.txt")
    found = lab.sim.files(lab.first, "fluxweb_Tide") or {}
    assert found["appdata/note.txt"] == b"x" * 100_000
    lab.http.post(f"{url}/backup/Tide/web/null/backup_web.tar.gz", files=files, headers=lab.owner(), timeout=10)
    assert "backup/upload/backup_web.tar.gz" in (lab.sim.files(lab.first, "fluxweb_Tide") or {})
    if version == OLD:
        with pytest.raises(requests.ConnectionError):
            lab.http.post(f"{url}/file/Tide/web/appdata", files=files, timeout=10)
    else:
        assert lab.http.post(f"{url}/file/Tide/web/appdata", files=files, timeout=10).json()["data"]["code"] == 401


def test_one_file_operation_at_a_time_and_none_in_the_boot_window(start: Start) -> None:
    lab = _lab(start)
    lab.sim.fault(lab.first, kind="file_operation")
    assert lab.get("/apps/removeobject/Tide/web/x", headers=lab.owner()).status_code == 503
    lab.sim.heal(lab.first)
    lab.sim.restart(lab.first)
    lab.sim.advance(30)
    assert lab.get("/apps/createfolder/Tide/web/x", headers=lab.owner()).status_code == 503
    assert lab.get("/apps/getfolderinfo/Tide/web/appdata", headers=lab.owner()).status_code == 200


def test_a_slow_removal_is_a_job_since_8_18(start: Start) -> None:
    lab = _lab(start)
    lab.sim.fault(lab.first, kind="slow_files", seconds=30)
    answer = lab.get("/apps/removeobject/Tide/web/appdata%2Fmarker", headers=lab.owner())
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "Running")
    url = answer.json()["data"]["statusUrl"]
    assert answer.headers["Location"] == url
    assert lab.get("/apps/removeobject/Tide/web/appdata", headers=lab.owner()).status_code == 503
    assert lab.data(url)["status"] == "Running"
    lab.sim.advance(31)
    assert lab.data(url)["status"] == "Succeeded"
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}
    other = lab.get("/apps/removeobject/Tide/Cache/appdata", headers=lab.owner()).json()["data"]["statusUrl"]
    assert lab.http.delete(f"http://{lab.first}{other}", timeout=10).json()["data"]["status"] == "Canceled"
    lab.sim.advance(3700)
    assert lab.get(url).status_code == 404
    assert lab.sim.files(lab.first, "fluxCache_Tide") == {"appdata/marker": b"data of fluxCache_Tide\n"}


def test_sizes(start: Start) -> None:
    lab = _lab(start)
    header = lab.owner()
    found = lab.said("/backup/getvolumedataofcomponent/Tide/web/MB/2", header)
    assert set(found) == {"filesystem", "size", "used", "available", "capacity", "mount"}
    assert found["size"] == 5000
    assert found["mount"] == FOLDER.removesuffix("/backup/local")
    some = lab.said("/backup/getvolumedataofcomponent/Tide/web/B/0/mount,available", header)
    assert set(some) == {"mount", "available"}
    assert some["available"] > 4 * 10**9
    assert lab.get("/backup/getvolumedataofcomponent/Tide/none", headers=header).json() == {"status": "success"}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_backup_and_restore(start: Start, version: str) -> None:
    lab = _lab(start, version)
    lines = _backup(lab, "web")
    assert lines == [
        "Stopping application...",
        "Creating backup archive for web...",
        "Starting application...",
        "Finalizing...",
    ]
    assert _backup(lab, "web")[1] == "Removing exists backup archive for web..."
    assert [row["name"] for row in _list(lab)["data"]] == ["backup_web.tar.gz"]
    header = lab.owner()
    path = quote(f"{FOLDER}/backup_web.tar.gz", safe="")
    archive = lab.get(f"/backup/downloadlocalfile/{path}/Tide", headers=header).content
    assert archive == (lab.sim.files(lab.first, "fluxweb_Tide") or {})[ARCHIVE]
    lab.said("/apps/removeobject/Tide/web/appdata%2Fmarker", header)
    assert _restore(lab)[-1] == "Finalizing..."
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {"appdata/marker": b"data of fluxweb_Tide\n"}
    assert _list(lab)["data"]["message"] == "No matching mount found"
    assert set(lab.states("Tide").values()) == {"running"}
    removed = lab.get(f"/backup/removebackupfile/{path}/Tide", headers=header).json()
    assert removed == {"status": "success", "data": {"message": False}}


def test_all_data_go_before_the_first_archive_is_unpacked(start: Start) -> None:
    lab = _lab(start)
    _backup(lab, "web", "Cache")
    lab.sim.store(lab.first, "fluxweb_Tide", ARCHIVE, packed({"../out": b""}, 0))
    jobs = [{"component": component, "restore": True} for component in ("web", "Cache")]
    assert _task(lab, "appendrestoretask", {"appname": "Tide", "type": "local", "restore": jobs})[1:] == [
        "Removing web component data...",
        "Removing Cache component data...",
        "Unpacking backup archive for web...",
        "Error: Failed to unpack archive file for web, Archive member would escape extraction directory: ../out",
    ]
    assert set(lab.sim.files(lab.first, "fluxCache_Tide") or {}) == {"backup/local/backup_cache.tar.gz"}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_archive_from_the_web(start: Start, version: str) -> None:
    lab = _lab(start, version)
    url = "https://backups.example.org/web.tar.gz"
    asked = f"/backup/getremotefilesize/{quote(url, safe='')}/B/0/true/Tide"
    assert lab.get(asked, headers=lab.owner()).json()["data"]["message"] == "Error fetching file size"
    archive = packed({"marker": b"from elsewhere\n"}, 0)
    lab.sim.publish(url, archive)
    assert lab.said(asked, lab.owner()) == len(archive)
    assert _restore(lab, kind="remote", url=url)[1:] == [
        "Removing web component data...",
        f"Downloading {url}...",
        "Unpacking backup archive for web...",
        "Removing backup file for web...",
        "Starting application...",
        "Finalizing...",
    ]
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {"appdata/marker": b"from elsewhere\n"}
    lab.sim.fault(lab.first, kind="restore_fails", phase="download", count=1)
    assert _restore(lab, kind="remote", url=url)[-1] == f"Error: Failed to download {url}..."
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}, "the data went before"


def test_an_archive_lives_24_hours(start: Start) -> None:
    lab = _lab(start)
    _backup(lab, "Cache")
    assert "backup/local/backup_cache.tar.gz" in (lab.sim.files(lab.first, "fluxCache_Tide") or {})
    lab.sim.advance(86400)
    assert "backup/local/backup_cache.tar.gz" not in (lab.sim.files(lab.first, "fluxCache_Tide") or {})


def test_the_app_is_stopped_meanwhile_and_left_alone(start: Start) -> None:
    lab = _lab(start)
    url = f"http://{lab.first}/apps/appendbackuptask"
    body = {"appname": "Tide", "backup": [{"component": "web", "backup": True}]}
    answer = lab.http.post(url, json=body, headers=lab.owner(), stream=True, timeout=10)
    lab.sim.advance(10)
    assert set(lab.states("Tide").values()) == {"exited"}
    assert "/fluxweb_Tide" in [row["Names"][0] for row in lab.data("/apps/listrunningapps")]
    assert _backup(lab, "web") == ["Backup in progress..."]
    lab.sim.advance(100)
    assert answer.text.endswith("Finalizing...\n\n")
    assert set(lab.states("Tide").values()) == {"running"}


def test_failures_are_lines_too(start: Start) -> None:
    lab = _lab(start)
    assert _task(lab, "appendbackuptask", {"appname": "Tide"}) == ["appname and backup parameters are mandatory"]
    assert _backup(lab) == ["No backup jobs..."] or _backup(lab) == ["appname and backup parameters are mandatory"]
    assert _backup(lab, "web", app="Plain")[0].startswith("Cannot read properties")
    lab.sim.fault(lab.first, kind="backup_fails", count=1)
    last = _backup(lab, "web")[-1]
    assert last == "Error: Failed to create backup archive for web, tar: write error: No space left on device"
    assert set(lab.states("Tide").values()) == {"running"}, "the reconciler starts what the task left stopped"
    last = _restore(lab)[-1]
    assert last.startswith("Error: Failed to unpack archive file for web,")
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}, "the data went first"
    assert _restore(lab, kind="remote", url="https://example.com/x")[-1].startswith("Error: Failed to download")


def test_without_the_json_type_the_body_is_not_seen(start: Start) -> None:
    lab = _lab(start)
    url = f"http://{lab.first}/apps/appendbackuptask"
    header = {**lab.owner(), "Content-Type": "text/plain"}
    answer = lab.http.post(url, data='{"appname":"Tide"}', headers=header, timeout=10)
    assert answer.text == "appname and backup parameters are mandatory\n\n"
    assert "Content-Type" not in answer.headers


def test_a_restore_of_a_synced_app_redeploys_all_instances_hard(start: Start) -> None:
    lab = _lab(start, nodes=2)
    first, second = lab.sim.addresses
    _backup(lab, "db", app="Sync")
    lines = _restore(lab, "db", app="Sync")
    assert "Redeploying other instances..." in lines
    assert lines[-1] == "Finalizing..."
    passed = [line for line in lab.sim.requests(path="/apps/redeploy/Sync/true") if "by" in line]
    assert {line["node"] for line in passed} == {first, second}
    lab.sim.advance(100)
    assert lab.sim.files(second, "fluxdb_Sync") == {}
    assert lab.sim.files(first, "fluxdb_Sync") == {"appdata/marker": b"data of fluxdb_Sync\n"}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_inspection_of_a_container(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    found = lab.said("/apps/appinspect/web_Tide", header)
    assert found["State"]["Running"]
    assert found["Mounts"][0]["Source"].endswith("fluxweb_Tide/appdata")
    assert lab.said("/apps/apptop/web_Tide", header)["Titles"][0] == "UID"
    assert lab.said("/apps/appstats/web_Tide", header)["disk_stats"]["bind"] == 21
    lab.said("/apps/appstop/Tide", header)
    assert lab.said("/apps/apptop/web_Tide", header).endswith("is not running ")
    lab.sim.advance(600)
    samples = lab.said("/apps/appmonitor/web_Tide/600000", header)
    assert isinstance(samples, str) if version == OLD else len(samples) == 3
    retired = lab.get("/apps/startmonitoring/Tide", headers=header).json()["data"]
    assert (retired.get("code") == 410) is (version == NEW)
