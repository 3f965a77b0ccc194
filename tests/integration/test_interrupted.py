# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed and started again, and two runs on one fleet. The simulator's journal is the witness."""

from __future__ import annotations

import getpass
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.judge import Line, judge, restarted
from tests.integration.scenarios import OLD, Plot
from tests.integration.support import HANGS_AFTER, PlaybookRun, RunningPlaybook, Site, controller

pytestmark = pytest.mark.slow

#: Simulated seconds: a node is whole again 20 s after its start, a second of ours at this time factor.
TIMINGS = {"down": 8.0, "database": 1.0, "explorer": 5.0, "boot": 10.0, "peers": 20.0}
FACTOR = 20
CAP = 2


def small_fleet() -> Plot:
    """Seven nodes: two behind one IP, one that is restarted over its host, one that has to wait for its benchmark."""
    plot = Plot(timings=TIMINGS)
    plot.add("restart", host=1, apps=("TideBoard",), **OLD)
    plot.add("restart", host=1, **OLD)
    plot.add("restart", apps=("TideBoard",), arcane=True, host_connection=True, **OLD)
    plot.add("late", benchmark="running", **OLD)
    for at in range(3):
        plot.add("not_outdated", apps=("TideBoard",) if at == 0 else (), arcane=at == 1)
    return plot


@dataclass(frozen=True)
class World:
    """A site with the small fleet, whose late node has done its benchmark once another node was restarted."""

    site: Site
    plot: Plot
    extra: Mapping[str, Any]

    @property
    def late(self) -> str:
        (address,) = self.plot.of(self.site.addresses, "late")
        return address

    @property
    def wanted(self) -> set[str]:
        return self.plot.of(self.site.addresses, "restart", "late")

    def start(self, **extra: Any) -> RunningPlaybook:
        """The same command each time, the folder of the report included."""
        return self.site.start(extra={**self.extra, **extra})

    def run(self, **extra: Any) -> PlaybookRun:
        """Run to the end."""
        with self.start(**extra) as running:
            self.benchmark_done(running)
            return running.wait()

    def benchmark_done(self, running: RunningPlaybook) -> None:
        """Let the late node's benchmark end, not before somebody was restarted."""
        if until(running, lambda: bool(restarted(self.site.journal()))):
            self.site.heal(self.late, "benchmark")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the collection has kept of its runs."""
        files = sorted(self.site.state_dir.glob("site/runs/*/events.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().split("\n")[:-1]]

    @property
    def lock(self) -> Path:
        return self.site.state_dir / "site" / "lock.json"

    @property
    def runs(self) -> list[str]:
        return sorted(path.parent.name for path in self.site.state_dir.glob("site/runs/*/plan.json"))

    def asked(self) -> Counter[str]:
        """Requests for a restart that reached FluxOS, by node."""
        return Counter(
            line["node"]
            for line in self.site.journal()
            if line["kind"] == "request" and line["path"] == "/flux/restart"
        )


@contextmanager
def world(folder: Path) -> Iterator[World]:
    plot = small_fleet()
    with controller(folder, plot.scenario(), time_factor=FACTOR) as site:
        yield World(
            site,
            plot,
            {
                "fluxos_cap": CAP,
                "fluxos_wait_interval": 0.3,
                "fluxos_wait_timeout": 120,
                "fluxos_max_sick": 3,
                "fluxos_report_dir": str(folder / "report"),
            },
        )


def until(running: RunningPlaybook, condition: Callable[[], bool], timeout: float = HANGS_AFTER) -> bool:
    """Wait until the condition holds; false when the run ended without it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        if running.process.poll() is not None:
            return condition()
        time.sleep(0.005)
    raise AssertionError("neither the condition came true nor the run ended")


def states(journal: Sequence[Line], what: str, node: str | None = None) -> int:
    return sum(
        1
        for line in journal
        if line["kind"] == "state" and line["what"] == what and (node is None or line["node"] == node)
    )


# -- ten moments ---------------------------------------------------------------------------------------------------

Moment = Callable[[World], bool]

#: When the run is killed: from the moment that this is seen, a random part of so many seconds later.
MOMENTS: dict[str, tuple[Moment, float]] = {
    "while it reads the fleet": (lambda w: any(line["kind"] == "request" for line in w.site.journal()), 0.4),
    "as it takes the lock": (lambda w: w.lock.exists(), 0.1),
    "as the first restart is asked for": (lambda w: bool(w.asked()), 0.0),
    "while the first node is down": (lambda w: states(w.site.journal(), "down") == 1, 0.3),
    "while the first node starts": (lambda w: states(w.site.journal(), "up") == 1, 1.0),
    "between two waves": (lambda w: any(event["event"] == "restarted" for event in w.events), 0.8),
    "as a decision is kept": (lambda w: sum(event["event"] == "restarting" for event in w.events) >= 2, 0.05),
    "while two nodes are away": (lambda w: states(w.site.journal(), "down") >= 3, 1.5),
    "while held-back nodes are asked again": (lambda w: states(w.site.journal(), "boot_settled") >= 3, 1.5),
    "as the last one is restarted": (lambda w: states(w.site.journal(), "down", w.late) == 1, 0.5),
}


@pytest.mark.parametrize(("seed", "moment"), list(enumerate(MOMENTS)), ids=lambda value: str(value).replace(" ", "-"))
def test_no_node_is_restarted_twice_and_the_rest_is_finished(seed: int, moment: str, tmp_path: Path) -> None:
    chance = random.Random(seed)
    reached, span = MOMENTS[moment]
    with world(tmp_path) as fleet:
        with fleet.start() as first:
            if "asked again" in moment or "last" in moment:
                fleet.benchmark_done(first)
            assert until(first, lambda: reached(fleet)), first.wait().told
            time.sleep(chance.uniform(0.0, span))
            # By turns with its workers, as a machine dies, and without them, as kill -9 of one process leaves them.
            first.kill(workers=seed % 2 == 0)
            begun = len(fleet.runs)
            if seed in (3, 7):
                # Once more, at any time.
                with fleet.start() as second:
                    time.sleep(chance.uniform(0.5, 3.0))
                    second.kill()
            last = fleet.run()
            assert until_gone(first), "workers of the run that was killed are still at work"

        assert (last.code, last.stderr) == (0, ""), last.told
        journal = fleet.site.journal()
        broken = judge(journal, expected=fleet.wanted, cap=CAP, recovery=TIMINGS["peers"])
        assert broken == []
        assert set(fleet.asked().values()) == {1}
        report = last.report
        assert report["status"] == "finished"
        assert report["resumed"] >= begun
        if begun:
            assert f"Resumed {report['resumed']} time" in (last.reports / "report.md").read_text()
        results = last.results()
        assert {results[address] for address in fleet.wanted} <= {"restarted", "already_restarted"}
        assert {results[address] for address in fleet.plot.of(fleet.site.addresses, "not_outdated")} == {"skipped"}
        assert len(fleet.runs) == 1
        assert not fleet.lock.exists()


class TestTwoRuns:
    """The second run on a fleet is refused, the first goes on; a run that is dead blocks nobody."""

    def test_the_second_is_refused_and_names_the_first(self, tmp_path: Path) -> None:
        with world(tmp_path) as fleet:
            # No node finds its peers, so the first run cannot end before it may.
            for address in fleet.wanted:
                fleet.site.fault(address, kind="peers", out=3)
            with fleet.start(fluxos_wait_timeout=HANGS_AFTER) as first:
                assert until(first, fleet.lock.exists)
                second = fleet.start().wait()
                recovery = fleet.site.run(playbook=recover_playbook(tmp_path))
                assert first.process.poll() is None, first.wait().told
                for address in fleet.wanted:
                    fleet.site.heal(address, "peers")
                fleet.benchmark_done(first)
                done = first.wait()
            (run,) = fleet.runs

            assert second.code != 0
            holder = rf"run {run} of {getpass.getuser()}@\S+ \(process {first.process.pid}\), since 20\S+ \S+ UTC"
            assert re.search(rf"fleet site is being maintained by {holder}\. .*wait until it has ended", second.stdout)
            assert recovery.code != 0
            assert re.search(rf"fleet site: {holder} is still at work; nothing was changed", recovery.stdout)

            assert (done.code, done.stderr) == (0, ""), done.told
            assert done.report["run_id"] == run
            assert done.report["status"] == "finished"
            assert Counter(restarted(fleet.site.journal())) == dict.fromkeys(fleet.wanted, 1)

    def test_named_nodes_are_restarted_once_a_run_and_again_by_a_fresh_one(self, tmp_path: Path) -> None:
        """Their version does not change, so it cannot tell that they were restarted."""
        with world(tmp_path) as fleet:
            named = sorted(fleet.plot.of(fleet.site.addresses, "not_outdated"))[::2]
            names = {"fluxos_names": fleet.site.names(named), "fluxos_target_version": ""}
            with fleet.start(**names) as first:
                assert until(first, lambda: any(event["event"] == "restarted" for event in fleet.events))
                first.kill()
            resumed = fleet.site.run(extra={**fleet.extra, **names})
            assert resumed.code == 0, resumed.told
            assert Counter(restarted(fleet.site.journal())) == dict.fromkeys(named, 1)
            assert resumed.report["resumed"] == 1
            assert {resumed.results()[address] for address in named} == {"restarted"}

            # The next one is killed and recovered by hand, so that it is not gone on with.
            with fleet.start(**names) as third:
                assert until(third, lambda: len(restarted(fleet.site.journal())) == 3)
                third.kill()
            recovery = fleet.site.run(playbook=recover_playbook(tmp_path))
            assert recovery.code == 0, recovery.told
            assert re.search(r"fleet site: the lock of run \S+ of .* is released", recovery.stdout)
            assert not fleet.lock.exists()
            report = json.loads((tmp_path / "report" / "report.json").read_text())
            assert report["status"] == "interrupted"
            assert sorted(fleet.runs)[-1] == report["run_id"] != resumed.report["run_id"]
            nothing_left = fleet.site.run(playbook=recover_playbook(tmp_path))
            assert (nothing_left.code, "fleet site: nothing to recover" in nothing_left.stdout) == (0, True)

            fresh = fleet.site.run(extra={**fleet.extra, **names})
            assert fresh.code == 0, fresh.told
            assert fresh.report["resumed"] == 0
            counts = Counter(restarted(fleet.site.journal()))
            assert set(counts) == set(named)
            assert sum(counts.values()) == 5


def recover_playbook(folder: Path) -> Path:
    """What a user writes to release the lock of a run that died."""
    role = {"name": "fluxme.fluxos.node_restart", "tasks_from": "recover"}
    variables = {"node_restart_fleet": "site", "node_restart_state_dir": "{{ fluxos_state_dir }}"}
    tasks = [{"name": "Recover", "ansible.builtin.import_role": role, "vars": variables}]
    path = folder / "recover.yml"
    path.write_text(yaml.safe_dump([{"hosts": "fluxos_nodes", "gather_facts": False, "tasks": tasks}]))
    return path


def until_gone(killed: RunningPlaybook, timeout: float = 60.0) -> bool:
    """Wait until nothing of a run that was killed is left."""
    deadline = time.monotonic() + timeout
    while killed.left_behind() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not killed.left_behind()
