# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``collect_logs`` and ``exec_app``: all instances of an app, found on the network or in an inventory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.support import BIN, PlaybookRun, Site, controller

TIDE, REEF = "TideBoard", "ReefMail"
EXEC = "/apps/appexec"
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": TIDE, "owner": "@app owner", "components": [{"name": "web", "log_rate": 1}, "cache"], "version": 8},
        {"name": REEF, "owner": "@app owner", "version": 3, "log_rate": 1},
        {"name": "FarShore", "owner": "@another owner", "components": ["web"], "version": 8},
    ],
    "nodes": [
        {"version": "8.20.0", "apps": [TIDE, REEF, "FarShore"]},
        {"version": "8.18.0", "apps": [TIDE, "FarShore"]},
        {"version": "8.17.0", "apps": [TIDE]},
    ],
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with controller(tmp_path, SCENARIO, time_factor=20) as running:
        running.control("/advance", {"seconds": 60})
        yield running


@pytest.fixture(params=["newest", pytest.param("2.16", marks=pytest.mark.core216)])
def bin_folder(request: pytest.FixtureRequest) -> Path:
    """Where the commands of a release of ansible-core are."""
    return Path(request.getfixturevalue("core216")) if request.param == "2.16" else BIN


def owner(site: Site) -> dict[str, Any]:
    """Who owns the first two apps."""
    person: dict[str, Any] = next(each for each in site.fleet.state["owners"] if each["label"] == "app owner")
    return person


def run(site: Site, playbook: str, *arguments: str, bin_folder: Path = BIN, **variables: Any) -> PlaybookRun:
    """Run a playbook of the collection as the owner, from a folder of the owner's."""
    key = site.folder / "owner.key"
    key.touch(mode=0o600)
    key.write_text(owner(site)["wif"] + "\n")
    return site.run(
        *arguments,
        playbook=f"fluxme.fluxos.{playbook}",
        inventory=instances(site),
        extra=variables,
        environment={"FLUXOS_PRIVATE_KEY_FILE": str(key), "FLUXOS_GATEWAY": site.fleet.gateway},
        bin_folder=bin_folder,
    )


def instances(site: Site) -> Path:
    """An inventory with the instances of one app, in the group that the playbooks take by default."""
    hosts: Mapping[str, Any] = {
        f"{TIDE}-{site.name(address)}": {"fluxos_node": address, "fluxos_app": TIDE} for address in site.addresses
    }
    path = site.folder / "instances.yml"
    path.write_text(yaml.safe_dump({"fluxos_apps": {"hosts": hosts}}, sort_keys=False))
    return path


def index(site: Site) -> dict[tuple[str, str], dict[str, Any]]:
    """The index for programs: app and node to what is known."""
    rows = json.loads((site.folder / "fluxos-logs" / "index.json").read_text())
    return {(row["app"], row["address"]): row for row in rows}


class TestCollectLogs:
    def test_of_an_app_puts_a_file_for_each_component_into_a_folder(self, site: Site, bin_folder: Path) -> None:
        done = run(site, "collect_logs", fluxos_apps=TIDE, bin_folder=bin_folder)
        assert (done.code, done.writes) == (0, []), done.told
        assert "Could not" not in done.told
        assert f"{site.addresses[2]}: FluxOS 8.17.0 may leave lines out of an answer" in done.stderr
        found = index(site)
        assert set(found) == {(TIDE, address) for address in site.addresses}
        folder = site.folder / "fluxos-logs"
        paths = [log["path"] for row in found.values() for log in row["logs"]]
        assert len(paths) == 6
        assert set(paths) == {str(path.relative_to(folder)) for path in folder.glob("*/*.log")}
        for row in found.values():
            assert row["error"] is None
            web, cache = row["logs"]
            lines = (folder / web["path"]).read_text().splitlines()
            assert [line.rpartition(" ")[2] for line in lines] == [str(number) for number in range(web["count"])]
            assert (web["count"] >= 60, cache["count"]) == (True, 0)

    def test_index_for_people_links_to_the_files(self, site: Site) -> None:
        run(site, "collect_logs", fluxos_apps=[TIDE, REEF])
        page = (site.folder / "fluxos-logs" / "index.md").read_text()
        rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| app ")]
        assert len(rows) == 7
        for row in rows:
            target = row.partition("](")[2].partition(")")[0]
            assert (site.folder / "fluxos-logs" / target).is_file(), row
        old = next(row for row in rows if site.addresses[2] in row and "web" in row)
        assert "lines may be missing" in old

    def test_of_an_owner_is_of_all_his_apps(self, site: Site) -> None:
        done = run(site, "collect_logs", fluxos_app_owner=owner(site)["flux_id"])
        assert done.code == 0, done.told
        assert {app for app, _unused in index(site)} == {TIDE, REEF}
        assert len(index(site)) == 4

    def test_from_an_inventory_asks_nobody_where_they_are(self, site: Site) -> None:
        done = run(site, "collect_logs")
        assert done.code == 0, done.told
        assert len(index(site)) == 3
        assert not any("location" in line["path"] for line in done.journal if line["kind"] == "request")

    def test_names_an_instance_that_does_not_answer_and_fails_in_the_end(self, site: Site, bin_folder: Path) -> None:
        site.fault(site.addresses[1], kind="unreachable")
        done = run(site, "collect_logs", fluxos_apps=TIDE, fluxos_timeout=2, bin_folder=bin_folder)
        assert done.code == 2
        assert "1 of 3 instances could not be read" in done.stdout
        found = index(site)
        silent = found.pop((TIDE, site.addresses[1]))
        assert silent["logs"] == []
        assert site.addresses[1] in silent["error"]
        assert all(len(row["logs"]) == 2 for row in found.values())
        assert silent["error"][:40] in (site.folder / "fluxos-logs" / "index.md").read_text()

    def test_when_no_instance_answers_there_is_an_index_all_the_same(self, site: Site) -> None:
        for address in site.addresses:
            site.fault(address, kind="unreachable")
        done = run(site, "collect_logs", fluxos_timeout=1, fluxos_retries=0)
        assert done.code == 2
        assert all(row["error"] for row in index(site).values())
        assert len(index(site)) == 3

    def test_in_check_mode_writes_nothing(self, site: Site) -> None:
        done = run(site, "collect_logs", "--check", fluxos_apps=TIDE)
        assert (done.code, done.writes, (site.folder / "fluxos-logs").exists()) == (0, [], False), done.told

    def test_of_an_app_that_nobody_has_says_so(self, site: Site) -> None:
        done = run(site, "collect_logs", fluxos_apps="NoSuchApp")
        assert done.code == 2
        assert "The network knows no instance of NoSuchApp" in done.stdout


class TestExecApp:
    def test_runs_it_in_one_instance_after_the_other(self, site: Site, bin_folder: Path) -> None:
        done = run(
            site,
            "exec_app",
            fluxos_apps=TIDE,
            fluxos_component="web",
            fluxos_command="echo hello from $(hostname)",
            bin_folder=bin_folder,
        )
        assert (done.code, done.stderr) == (0, ""), done.told
        assert done.stdout.count("hello from web") >= 3
        nodes = [line["node"] for line in done.writes]
        assert nodes == [node for node in dict.fromkeys(nodes) for _twice in range(2)], "never two at the same time"
        assert set(nodes) == set(site.addresses)

    def test_stops_at_the_first_that_fails_and_names_the_others(self, site: Site, bin_folder: Path) -> None:
        # The file is there only where it was made before.
        for address in site.addresses[:1]:
            run(site, "exec_app", "--limit", f"{TIDE}-{site.name(address)},localhost", **self.command("touch /tmp/ok"))
        done = run(site, "exec_app", bin_folder=bin_folder, **self.command("test -e /tmp/ok"))
        assert done.code == 2
        assert {line["node"] for line in done.writes} == set(site.addresses[:2])
        names = [f"{TIDE}-{site.name(address)}" for address in site.addresses]
        assert f"ended with exit code 1. Not reached: {names[2]}." in done.stdout, done.told

    def test_runs_it_in_several_at_once_when_it_is_told_to(self, site: Site) -> None:
        done = run(site, "exec_app", fluxos_serial=3, **self.command("false"))
        assert done.code == 2
        assert {line["node"] for line in done.writes} == set(site.addresses)
        failed = [line for line in done.stdout.splitlines() if line.startswith("fatal: ") and "Not reached" in line]
        assert len(failed) == 3
        assert all("ended with exit code 1. Not reached: none." in line for line in failed)

    def test_takes_a_list_of_words_and_variables(self, site: Site) -> None:
        done = run(
            site,
            "exec_app",
            fluxos_component="web",
            fluxos_command=["sh", "-c", 'echo "$1 $MODE"', "sh", "two words"],
            fluxos_env={"MODE": "fast"},
            fluxos_creates="/tmp/none",
        )
        assert (done.code, done.stderr) == (0, ""), done.told
        assert done.stdout.count("two words fast") == 3

    def test_in_check_mode_sends_nothing(self, site: Site) -> None:
        done = run(site, "exec_app", "--check", **self.command("true"))
        assert (done.code, done.writes) == (0, []), done.told

    @pytest.mark.parametrize("command", ["echo s3cret; true", "echo s3cret; false"])
    def test_shows_nothing_that_it_is_told_to_hide(self, site: Site, bin_folder: Path, command: str) -> None:
        secret = self.command(command) | {"fluxos_env": {"PASSWORD": "s3cret"}, "fluxos_no_log": True}
        done = run(site, "exec_app", "-vvv", bin_folder=bin_folder, **secret)
        # The command line of the run itself is shown with -vvv, which no playbook can change.
        told = "\n".join(line for line in done.stdout.splitlines() if "--extra-vars" not in line)
        assert done.code == (2 if "false" in command else 0), done.told
        assert "s3cret" not in told + done.stderr
        assert done.writes

    @staticmethod
    def command(text: str) -> dict[str, Any]:
        return {"fluxos_component": "web", "fluxos_command": text}
