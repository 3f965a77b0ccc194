# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_backup``: every state on every generation of FluxOS.

The journal, the simulator's own volumes and the files on disk are the witnesses.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_backup_run import is_synced
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Standing
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.simulator.volumes import packed
from tests.unit.backups import BACKUP, RESTORE, SCENARIO, URL, VERSIONS, Backup
from tests.unit.instances import owner
from tests.unit.module_run import STRANGER, RunModule

GENERATIONS = pytest.mark.parametrize("number", range(3), ids=VERSIONS)
LOCAL = "backup/local/backup_web.tar.gz"


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=100) as running:
        yield running


@pytest.fixture
def backup(sim: RunningSimulator, run_module: RunModule, number: int) -> Backup:
    return Backup(sim, run_module, number=number)


@GENERATIONS
class TestCreated:
    def test_is_predicted_made_and_made_again(self, backup: Backup) -> None:
        checked = backup.run("created", check=True)
        assert (checked.changed, checked.writes, checked.result["archives"]) == (True, [], [])
        done, again = backup.run("created"), backup.run("created")
        assert (done.changed, done.writes, again.changed, again.writes) == (True, [BACKUP], True, [BACKUP])
        assert [(row["component"], row["place"], row["name"]) for row in done.result["archives"]] == [
            ("web", "local", "backup_web.tar.gz"),
            ("Cache", "local", "backup_cache.tar.gz"),
        ]
        assert again.result["archives"][0]["size"] == len(backup.files()[LOCAL])
        assert (done.result["outcome"], done.result["said"]) == ("done", "Finalizing...")
        assert done.result["stream"][:2] == ["Stopping application...", "Creating backup archive for web..."]
        assert any("Creating backup archive for cache..." in line for line in done.lines)
        assert set(backup.states().values()) == {"running"}

    def test_once_for_a_maintenance(self, backup: Backup, sim: RunningSimulator) -> None:
        begun = str(sim.now() - 1)
        assert backup.run("created", component="web", not_after=begun).changed
        again = backup.run("created", component="web", not_after=begun)
        assert (again.changed, again.writes, again.result["outcome"]) == (False, [], None)
        both = backup.run("created", not_after=begun)
        assert (both.changed, both.result["stream"].count("Creating backup archive for cache...")) == (True, 1)
        assert "Creating backup archive for web..." not in both.result["stream"]

    def test_and_downloaded(self, backup: Backup, tmp_path: Path) -> None:
        folder = tmp_path / "backups"
        assert not backup.run("created", component="web", dest=str(folder), check=True).result["files"]
        assert not folder.exists()
        done = backup.run("created", component="web", dest=str(folder))
        (file,) = done.result["files"]
        content = Path(file["path"]).read_bytes()
        assert content == backup.files()[LOCAL]
        assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert Path(file["path"]).stat().st_mode & 0o777 == 0o600
        assert [path.name for path in folder.iterdir()] == [f"web_Tide_{backup.slug}.tar.gz"]

    def test_is_refused_to_a_stranger(self, backup: Backup) -> None:
        stranger = Person.named(STRANGER)
        ran = backup.run("created", private_key=stranger.wif)
        assert f"Tide belongs to {owner().flux_id}; this was asked as {stranger.flux_id}" in ran.error
        assert (ran.writes, ran.result["error"]["kind"]) == ([], "unauthorized")

    def test_of_a_component_that_is_not_there(self, backup: Backup) -> None:
        ran = backup.run("created", component=["web", "shop"])
        assert "has no component 'shop'; it has web, Cache" in ran.error
        assert ran.writes == []

    def test_of_an_app_without_components(self, backup: Backup) -> None:
        ran = backup.run("created", app="Plain")
        assert "with components only" in ran.error
        assert ran.writes == []

    def test_waits_for_another_backup(self, backup: Backup) -> None:
        backup.run("created", component="Cache", wait=False)
        ran = backup.run("created", component="web")
        assert ran.writes.count(BACKUP) > 1, "the other one was not met"
        assert (ran.changed, LOCAL in backup.files()) == (True, True)

    def test_is_not_waited_for(self, backup: Backup) -> None:
        ran = backup.run("created", component="web", wait=False)
        assert (ran.changed, ran.result["outcome"], ran.result["stream"]) == (
            True,
            "unended",
            ["Stopping application..."],
        )

    def test_without_a_volume(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="no_volume", name="fluxweb_Tide")
        ran = backup.run("created")
        assert "find the volume of web_Tide: none is mounted" in ran.error
        assert ran.writes == []
        listed = backup.run("listed")
        assert listed.result["warnings"] == [f"{backup.node}: no volume of web_Tide is mounted"]


@GENERATIONS
class TestRoom:
    def test_for_the_archive_is_looked_at_first(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="no_space")
        for check in (True, False):
            ran = backup.run("created", component="web", check=check)
            assert "make the archive of web_Tide: its volume has 0 bytes for it, and 21 may be needed" in ran.error
            assert ran.writes == []

    def test_that_is_missing_all_the_same_is_told(self, backup: Backup, sim: RunningSimulator) -> None:
        """Whoever knows better may try; the app runs again, and the failure is a failure."""
        sim.fault(backup.node, kind="no_space")
        ran = backup.run("created", component="web", check_space=False)
        assert "Failed to create backup archive for web, tar: write error: No space left on device" in ran.error
        assert (ran.result["outcome"], ran.result["changed"]) == ("failed", True)
        assert set(backup.states().values()) == {"running"}

    def test_of_an_archive_that_will_be_replaced_counts(self, backup: Backup, sim: RunningSimulator) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="no_space")
        ran = backup.run("created", component="web", check=True)
        assert ran.changed, "the old archive is larger than the data"

    def test_to_restore_a_file(self, backup: Backup, sim: RunningSimulator, archive: Path) -> None:
        sim.fault(backup.node, kind="no_space")
        ran = backup.run("restored", component="web", src=str(archive))
        assert "upload the archive of web_Tide" in ran.error
        assert ran.writes == []

    def test_on_the_controller(self, backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        backup.run("created", component="web")
        place = "ansible_collections.fluxme.fluxos.plugins.module_utils.archive_store.free_space"
        monkeypatch.setattr(place, lambda folder: 10)
        ran = backup.run("downloaded", component="web", dest=str(tmp_path / "backups"))
        assert "there are 10 bytes free" in ran.error
        assert not (tmp_path / "backups").exists()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One on the controller, with data that no node has."""
    path = tmp_path / "web.tar.gz"
    path.write_bytes(packed({"marker": b"from the controller\n", "big": os.urandom(200_000)}, 0))
    return path


@GENERATIONS
class TestDownloaded:
    def test_once(self, backup: Backup, tmp_path: Path) -> None:
        backup.run("created")
        folder = str(tmp_path)
        checked = backup.run("downloaded", dest=folder, check=True)
        done, again = backup.run("downloaded", dest=folder), backup.run("downloaded", dest=folder)
        checked_again = backup.run("downloaded", dest=folder, check=True)
        assert [ran.changed for ran in (checked, done, again, checked_again)] == [True, True, False, False]
        assert [len(ran.writes) for ran in (checked, done, again)] == [0, 0, 0]
        assert not any("downloadlocalfile" in path for path in again.requests), "it was there"
        assert [row["sha256"] for row in again.result["files"]] == [row["sha256"] for row in done.result["files"]]
        assert [row["sha256"] for row in checked.result["files"]] == [None, None]

    def test_again_when_the_node_has_another_one(self, backup: Backup, tmp_path: Path) -> None:
        for _time in range(2):
            backup.run("created", component="web")
            assert backup.run("downloaded", component="web", dest=str(tmp_path)).changed

    def test_again_when_the_file_was_damaged(self, backup: Backup, tmp_path: Path) -> None:
        backup.run("created", component="web")
        (row,) = backup.run("downloaded", component="web", dest=str(tmp_path)).result["files"]
        file = Path(row["path"])
        stat = file.stat()
        file.write_bytes(bytes(stat.st_size))
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert backup.run("downloaded", component="web", dest=str(tmp_path)).changed
        assert file.read_bytes() == backup.files()[LOCAL]

    def test_without_an_archive(self, backup: Backup, tmp_path: Path) -> None:
        ran = backup.run("downloaded", dest=str(tmp_path))
        assert "find the archive of web_Tide: there is none in backup/local of its volume" in ran.error
        assert list(tmp_path.glob("*.gz")) == []

    def test_to_a_place_that_cannot_be_written(self, backup: Backup, tmp_path: Path) -> None:
        backup.run("created", component="web")
        (tmp_path / "file").write_text("")
        ran = backup.run("downloaded", component="web", dest=str(tmp_path / "file"))
        assert f"dest: {tmp_path}/file/web_Tide_{backup.slug}.tar.gz: " in ran.error


@GENERATIONS
class TestRestored:
    def test_from_the_node(self, backup: Backup) -> None:
        backup.run("created", component="web")
        backup.spoil_data()
        checked = backup.run("restored", component="web", check=True)
        assert (checked.changed, checked.writes) == (True, [])
        done = backup.run("restored", component="web")
        assert (done.changed, done.writes, done.result["outcome"]) == (True, [RESTORE], "done")
        assert backup.files() == {"appdata/marker": b"data of fluxweb_Tide\n"}
        assert (done.result["archives"], done.result["data_lost"], done.result["others"]) == ([], False, [])
        assert set(backup.states().values()) == {"running"}
        again = backup.run("restored", component="web")
        assert "there is none in backup/local" in again.error
        assert again.writes == [], "FluxOS would delete the data first"

    def test_from_a_file(self, backup: Backup, archive: Path) -> None:
        done = backup.run("restored", component="web", src=str(archive))
        assert done.writes == ["/ioutils/fileupload/backup/Tide/web", RESTORE]
        assert backup.files()["appdata/marker"] == b"from the controller\n"
        assert len(backup.files()["appdata/big"]) == 200_000
        (row,) = done.result["files"]
        assert row["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()

    def test_from_a_url(self, backup: Backup, sim: RunningSimulator) -> None:
        missing = backup.run("restored", component="web", url=URL)
        assert "Error fetching file size" in missing.error
        assert (missing.writes, backup.files()) == ([], {"appdata/marker": b"data of fluxweb_Tide\n"})
        sim.publish(URL, packed({"marker": b"from elsewhere\n"}, 0))
        done = backup.run("restored", component="web", url=URL)
        assert (done.changed, done.writes) == (True, [RESTORE])
        assert backup.files() == {"appdata/marker": b"from elsewhere\n"}

    def test_that_lost_the_data_says_so(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.publish(URL, packed({"marker": b""}, 0))
        sim.fault(backup.node, kind="restore_fails", phase="download", count=1)
        ran = backup.run("restored", component="web", url=URL)
        assert f"Failed to download {URL}...; the data of web were deleted and are not replaced" in ran.error
        assert (ran.result["data_lost"], ran.result["changed"], ran.result["outcome"]) == (True, True, "failed")
        assert set(backup.states().values()) == {"running"}

    @pytest.mark.parametrize("content", [b"", b"no archive", b"half"], ids=["empty", "other", "half"])
    def test_from_a_file_that_is_no_archive(self, backup: Backup, archive: Path, content: bytes) -> None:
        archive.write_bytes(archive.read_bytes()[:100_000] if content == b"half" else content)
        ran = backup.run("restored", component="web", src=str(archive))
        assert "is no whole archive (tar.gz): " in ran.error
        assert (ran.writes, backup.files()) == ([], {"appdata/marker": b"data of fluxweb_Tide\n"})

    def test_a_file_is_for_one_component(self, backup: Backup, archive: Path) -> None:
        assert "name one component of web, Cache" in backup.run("restored", src=str(archive)).error

    def test_a_synced_app_only_when_the_others_may_lose_their_data(self, backup: Backup, sim: RunningSimulator) -> None:
        backup.run("created", app="Reef")
        others = [address for address in sim.addresses if address != backup.node]
        for check in (True, False):
            ran = backup.run("restored", app="Reef", component="web", check=check)
            assert "redeploys all other instances hard after the restore, in your name" in ran.error
            assert ", ".join(others) in ran.error
            assert ran.writes == []
        checked = backup.run("restored", app="Reef", component="web", data_loss="accepted", check=True)
        done = backup.run("restored", app="Reef", component="web", data_loss="accepted")
        assert checked.result["others"] == done.result["others"] == others
        assert RESTORE in done.writes


@GENERATIONS
class TestUploadedAndAbsent:
    def test_there_and_away(self, backup: Backup, archive: Path) -> None:
        checked = backup.run("uploaded", component="web", src=str(archive), check=True)
        done = backup.run("uploaded", component="web", src=str(archive))
        assert [checked.changed, checked.writes, done.changed] == [True, [], True]
        assert backup.files()["backup/upload/backup_web.tar.gz"] == archive.read_bytes()
        assert [row["place"] for row in done.result["archives"]] == ["upload"]
        again = backup.run("uploaded", component="web", src=str(archive))
        assert [path.split("/")[2] for path in again.writes] == ["removebackupfile", "fileupload"]

        elsewhere = backup.run("absent")
        assert (elsewhere.changed, elsewhere.writes) == (False, [])
        checked = backup.run("absent", place="upload", check=True)
        assert (checked.changed, checked.writes) == (True, [])
        gone = backup.run("absent", place="upload")
        assert (gone.changed, len(gone.writes), gone.result["archives"]) == (True, 1, [])
        assert not backup.run("absent", place="upload").changed

    def test_restored_later(self, backup: Backup, archive: Path) -> None:
        backup.run("uploaded", component="web", src=str(archive))
        assert backup.run("restored", component="web", place="upload").changed
        assert backup.files()["appdata/marker"] == b"from the controller\n"

    def test_listed(self, backup: Backup) -> None:
        assert backup.run("listed").result["archives"] == []
        backup.run("created", component="Cache")
        ran = backup.run("listed")
        assert (ran.changed, [row["component"] for row in ran.result["archives"]]) == (False, ["Cache"])


def test_an_app_whose_specification_is_encrypted_counts_as_synced() -> None:
    sealed = AppSpec("Tide", "1owner", 8, "hash", 3, ())
    assert is_synced(Standing("127.18.0.1:16127", "Tide", sealed, ()))


@pytest.mark.parametrize("number", [1])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"state": "listed", "dest": "/x"}, "dest goes with state created and downloaded, not with listed"),
        ({"state": "created", "url": URL}, "url goes with state restored"),
        ({"state": "created", "dest": "/x", "wait": False}, "set wait to true"),
        ({"state": "created", "not_after": "yesterday"}, "'yesterday'"),
        ({"state": "restored", "component": "web", "url": "file:///etc/passwd"}, "https://HOST/PATH is expected"),
        ({"state": "restored", "component": "web", "src": "/nowhere.tar.gz"}, "src: /nowhere.tar.gz: No such file"),
    ],
)
def test_options_that_cannot_work(backup: Backup, options: dict[str, Any], words: str) -> None:
    ran = backup.run(**options)
    assert words in ran.error
    assert ran.writes == []
