# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One fleet under the oldest supported ansible-core and under the newest: same plan, same end, and no warning."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.support import PlaybookRun, controller

pytestmark = [pytest.mark.slow, pytest.mark.core216]

OLD = {"version": "8.18.0", "disk_version": "8.20.0"}
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": "TideBoard", "owner": "@app owner", "instances": 3, "components": ["web", "cache"]},
        {"name": "LoneLight", "owner": "@app owner", "instances": 3, "components": ["lamp"]},
    ],
    "nodes": [
        {"host": 1, "confirmation_age": 40, "apps": ["TideBoard"], **OLD},
        {"host": 1, "confirmation_age": 50, **OLD},
        {"host": 2, "confirmation_age": 60, "apps": ["TideBoard"], "version": "8.17.0", "disk_version": "8.20.0"},
        {"host": 3, "confirmation_age": 70, "apps": ["TideBoard"]},
        {"host": 4, "confirmation_age": 80, "arcane": True, "host_connection": True, **OLD},
        {"host": 5, "confirmation_age": 90, "arcane": True, **OLD},
        {"host": 6, "confirmation_age": 95, "dos": {"state": 12, "message": "nobody reaches this node"}, **OLD},
        {"host": 7, "confirmation_age": 99, "apps": ["LoneLight"], **OLD},
        {"host": 8, "confirmation_age": 30},
    ],
    "timings": {"down": 8, "database": 1, "explorer": 10, "boot": 20, "peers": 30},
}


@dataclass(frozen=True)
class Maintained:
    """What one release of ansible-core made of the fleet: its plan, its run, and a run that has to stop."""

    core: str
    planned: PlaybookRun
    done: PlaybookRun
    stopped: PlaybookRun

    @property
    def runs(self) -> tuple[PlaybookRun, PlaybookRun, PlaybookRun]:
        return self.planned, self.done, self.stopped


def maintain(folder: Path, bin_folder: Path) -> Maintained:
    told = subprocess.run([bin_folder / "ansible-playbook", "--version"], capture_output=True, text=True, check=True)
    core = re.search(r"core (\d+\.\d+)", told.stdout)
    assert core
    with controller(folder, SCENARIO, time_factor=60) as site:
        # By address: the order of a gateway's list depends on the network that this simulator got.
        inventory = site.fleet.folder / "addresses.fluxos.yml"
        inventory.write_text(yaml.safe_dump({"plugin": "fluxme.fluxos.fluxos", "nodes": site.addresses}))
        options: dict[str, Any] = {
            "bin_folder": bin_folder,
            "inventory": inventory,
            "environment": {"FLUXOS_GATEWAY": site.fleet.gateway},
        }
        cap = {"fluxos_cap": 2}
        planned = site.check("--diff", **options, extra=cap)
        done = site.run("--diff", **options, extra=cap)
        lost = site.addresses[8]
        site.fault(lost, kind="never_up")
        # The time limit is enough for a good node, whose clock runs fast.
        stopped = site.run(**options, extra={**cap, "fluxos_names": [site.name(lost)], "fluxos_wait_timeout": 3})
    return Maintained(core.group(1), planned, done, stopped)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, core216: Path) -> tuple[Maintained, Maintained]:
    """With the oldest, and with the newest that is here."""
    oldest = maintain(tmp_path_factory.mktemp("oldest"), core216)
    newest = maintain(tmp_path_factory.mktemp("newest"), Path(sys.executable).parent)
    return oldest, newest


def essence(run: PlaybookRun) -> Any:
    """What a report says apart from times; the network's number differs, as each fleet takes a free one."""
    report = run.report
    keys = ("address", "decision", "result", "reason", "wave", "method", "version_before", "version_after", "apps")
    told = {
        "status": report["status"],
        "counts": report["counts"],
        "criteria": report["criteria"],
        "waves": report["waves"],
        "nodes": [{key: node[key] for key in keys} for node in report["nodes"]],
    }
    return json.loads(re.sub(r"127([.-])\d+[.-]", r"127\1N\1", json.dumps(told)))


def test_they_are_two_releases(both: tuple[Maintained, Maintained]) -> None:
    assert both[0].core == "2.16"
    assert both[1].core != "2.16"


def test_both_come_to_the_end_that_is_expected(both: tuple[Maintained, Maintained]) -> None:
    for each in both:
        assert [run.code == 0 for run in each.runs] == [True, True, False], each.stopped.told
        assert each.done.report["counts"] == {"restarted": 4, "held": 3, "skipped": 2}
        assert each.stopped.report["counts"] == {"failed": 1, "held": 3, "skipped": 5}


def test_the_plan_is_the_same(both: tuple[Maintained, Maintained]) -> None:
    assert essence(both[0].planned) == essence(both[1].planned)


def test_the_results_are_the_same(both: tuple[Maintained, Maintained]) -> None:
    assert essence(both[0].done) == essence(both[1].done)
    assert essence(both[0].stopped) == essence(both[1].stopped)


def test_ansible_counts_the_same(both: tuple[Maintained, Maintained]) -> None:
    for oldest, newest in zip(both[0].runs, both[1].runs, strict=True):
        counts = [
            {host.split("-", 2)[-1]: counters for host, counters in run.recap.items()} for run in (oldest, newest)
        ]
        assert counts[0] == counts[1]


def test_nothing_is_warned_of(both: tuple[Maintained, Maintained]) -> None:
    for each in both:
        assert [run.stderr for run in (each.planned, each.done)] == ["", ""]
        for run in each.runs:
            said = run.stdout + run.stderr
            assert "[WARNING]" not in said, said
            assert "deprecat" not in said.lower(), said
