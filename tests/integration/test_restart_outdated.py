# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``restart_outdated`` on a fleet of 60: planned, carried out, repeated. The simulator's journal is the witness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.judge import judge, restarted
from tests.integration.scenarios import Plot, fleet_of_60
from tests.integration.support import PlaybookRun, controller

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
    journal: list[dict[str, Any]]
    """From the fleet's first line to the end of the last run."""

    def of(self, *expected: str) -> set[str]:
        return self.plot.of(self.addresses, *expected)

    @property
    def late(self) -> str:
        """The node that is past its confirmation slack at first and confirms while the run is at work."""
        (address,) = self.of("confirmation_due")
        return address


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    plot = fleet_of_60()
    with controller(tmp_path_factory.mktemp("fleet"), plot.scenario(), time_factor=40) as site:
        planned = site.check()
        with site.start() as running:
            running.wait_until(lambda lines: bool(restarted(lines)))
            (late,) = plot.of(site.addresses, "confirmation_due")
            site.heal(late, "no_confirmation")
            done = running.wait()
        again = site.run()
        yield Story(plot, site.addresses, planned, done, again, site.journal())


class TestTheFleetOf60:
    """Issue: every outdated safe node restarted exactly once, no rule broken, every other node untouched."""

    def test_each_safe_outdated_node_is_restarted_once_and_no_rule_is_broken(self, story: Story) -> None:
        assert (story.done.code, story.done.stderr) == (0, ""), story.done.told
        address = {node["name"]: node["address"] for node in story.done.report["nodes"]}
        broken = judge(
            story.journal,
            expected=story.of("restart") | {story.late},
            cap=CAP,
            recovery=RECOVERY,
            waves=[{address[name] for name in wave["nodes"]} for wave in story.done.report["waves"]],
        )
        assert broken == []

    def test_waves_are_used_where_the_rules_allow_more_than_one_node(self, story: Story) -> None:
        """A run that restarts one node after the other would break no rule and take three times as long."""
        sizes = [len(wave["nodes"]) for wave in story.done.report["waves"]]
        assert sizes[0] == 1
        assert sizes.count(CAP) >= 3

    def test_every_other_node_is_in_the_report_with_its_reason(self, story: Story) -> None:
        expected = dict(zip(story.addresses, story.plot.expected, strict=True))
        left_alone = {address: one for address, one in expected.items() if one != "restart" and address != story.late}
        reasons = story.done.reasons()
        assert {address: reasons[address] for address in left_alone} == left_alone
        results = story.done.results()
        assert {address: results[address] for address in left_alone} == {
            address: "skipped" if one == "not_outdated" else "held" for address, one in left_alone.items()
        }
        assert len(story.done.report["nodes"]) == 60

    def test_restarted_nodes_are_in_the_report_with_both_versions(self, story: Story) -> None:
        for address in story.of("restart") | {story.late}:
            row = story.done.rows[address]
            assert (row["result"], row["reason"], row["version_after"]) == ("restarted", "outdated", "8.20.0")
            assert row["version_before"] in ("8.17.0", "8.18.0")
            assert row["seconds"] > 0

    def test_arcane_nodes_are_restarted_over_their_hosts_only(self, story: Story) -> None:
        rows = [row for row in story.done.rows.values() if row["result"] == "restarted"]
        assert {row["method"] for row in rows if row["arcane"]} == {"command"}
        assert {row["method"] for row in rows if not row["arcane"]} == {"api"}
        arcane = {row["address"] for row in rows if row["arcane"]}
        assert len(arcane) == 2
        assert not [line for line in story.done.writes if line["node"] in arcane]

    def test_a_held_back_node_is_asked_again_and_restarted_after_it_confirmed(self, story: Story) -> None:
        assert story.planned.reasons()[story.late] == "confirmation_due"
        mine = [line for line in story.journal if line["kind"] == "state" and line["node"] == story.late]
        order = [line["what"] for line in mine if line["what"] in ("confirmed", "down", "up")]
        assert order == ["confirmed", "down", "up"]
        assert story.done.rows[story.late]["wave"] == len(story.done.report["waves"])

    def test_the_report_says_how_the_run_ended(self, story: Story) -> None:
        report = story.done.report
        assert report["status"] == "finished"
        assert report["changed"]
        assert report["counts"] == {"restarted": 21, "held": 12, "skipped": 27}
        assert "60 nodes: 21 restarted, 12 held back, 27 not selected." in story.done.stdout
        assert "# Maintenance report" in (story.done.reports / "report.md").read_text()
        assert not list(story.done.state.rglob("lock.json"))


class TestCheckMode:
    """Issue: not one write in the journal; the plan equals what the real run then does."""

    def test_nothing_is_written(self, story: Story) -> None:
        assert (story.planned.code, story.planned.stderr) == (0, ""), story.planned.told
        assert story.planned.writes == []
        assert restarted(story.planned.journal) == []
        assert len(story.planned.journal) > 60

    def test_nothing_is_kept_but_the_report(self, story: Story) -> None:
        runs = [path for path in (story.planned.state / "site" / "runs").iterdir() if path.is_dir()]
        assert len(runs) == 2
        assert (story.planned.report["status"], story.planned.report["check_mode"]) == ("checked", True)

    def test_the_real_run_does_what_was_planned(self, story: Story) -> None:
        waves = story.planned.report["waves"]
        assert story.done.report["waves"] == [
            *waves,
            {"wave": len(waves) + 1, "nodes": [story.done.rows[story.late]["name"]]},
        ]
        planned = {address for address, result in story.planned.results().items() if result == "planned"}
        assert set(restarted(story.done.journal)) == planned | {story.late}
        before, after = story.planned.reasons(), story.done.reasons()
        assert {address for address in before if before[address] != after[address]} == {story.late}

    def test_the_recap_predicts_which_hosts_change(self, story: Story) -> None:
        def changed(run: PlaybookRun) -> set[str]:
            return {host for host, counters in run.recap.items() if counters["changed"]}

        assert changed(story.done) - changed(story.planned) == {story.done.rows[story.late]["name"]}
        assert changed(story.planned) <= changed(story.done)


class TestTheSecondRun:
    """Issue: a second real run changes nothing and reports so."""

    def test_nothing_is_written(self, story: Story) -> None:
        assert (story.again.code, story.again.stderr) == (0, ""), story.again.told
        assert story.again.writes == []
        assert restarted(story.again.journal) == []

    def test_no_host_changed(self, story: Story) -> None:
        assert story.again.recap
        assert {counters["changed"] for counters in story.again.recap.values()} == {0}

    def test_it_says_so(self, story: Story) -> None:
        assert not story.again.report["changed"]
        assert story.again.report["counts"] == {"held": 12, "skipped": 48}
        assert "Nothing was changed." in story.again.stdout
        assert {story.again.reasons()[address] for address in story.of("restart")} == {"not_outdated"}
