# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``restart_outdated`` on a fleet of 60: planned, carried out, repeated. The simulator's journal is the witness."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.judge import judge, restarted
from tests.integration.scenarios import Plot, fleet_of_60
from tests.integration.support import HANGS_AFTER, PlaybookRun, RunningPlaybook, Site, controller

pytestmark = pytest.mark.slow

#: Simulated seconds from a node's start until its peers are back, the last thing to come (Timings of the simulator).
RECOVERY = 150.0
#: 5% of 60.
CAP = 3


@dataclass(frozen=True)
class Story:
    """The three runs: in check mode, for real, and once more."""

    plot: Plot
    addresses: list[str]
    planned: PlaybookRun
    done: PlaybookRun
    again: PlaybookRun

    def of(self, *expected: str) -> set[str]:
        return self.plot.of(self.addresses, *expected)

    @property
    def late(self) -> str:
        """The node that is past its confirmation slack at first and confirms while the run is at work."""
        (address,) = self.of("confirmation_due")
        return address


def wait_for_first_restart(site: Site, running: RunningPlaybook) -> None:
    """Return once the run has restarted a node, or has ended."""
    deadline = time.monotonic() + HANGS_AFTER
    while running.process.poll() is None and time.monotonic() < deadline and not restarted(site.journal()):
        time.sleep(0.2)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    plot = fleet_of_60()
    with controller(tmp_path_factory.mktemp("fleet"), plot.scenario(), time_factor=40) as site:
        planned = site.check()
        with site.start() as running:
            wait_for_first_restart(site, running)
            (late,) = plot.of(site.addresses, "confirmation_due")
            site.heal(late, "no_confirmation")
            done = running.wait()
        yield Story(plot, site.addresses, planned, done, site.run())


def test_safe_outdated_nodes_are_restarted_once_and_no_rule_is_broken(story: Story) -> None:
    assert story.done.code == 0, story.done.told
    waves = [set(wave["nodes"]) for wave in story.done.report["waves"]]
    names = {node["name"]: node["address"] for node in story.done.report["nodes"]}
    assert (
        judge(
            [*story.planned.journal, *story.done.journal],
            expected=story.of("restart") | {story.late},
            cap=CAP,
            recovery=RECOVERY,
            waves=[{names[name] for name in wave} for wave in waves],
        )
        == []
    )
