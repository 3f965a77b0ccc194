# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``node_restart``, with the simulator's journal as witness of every restart."""

from __future__ import annotations

import pytest

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import STRANGER, Ran, RunModule

RESTART = "/flux/restart"


def went_down(sim: RunningSimulator, address: str) -> int:
    return len(sim.states(node=address, what="down"))


class TestARunningNode:
    def test_is_restarted_once_and_its_new_process_is_shown(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        ran = run_module("node_restart")
        assert ran.changed
        assert ran.result["restarted"] is True
        assert ran.result["outcome"] == "dropped"
        assert ran.result["process"]["uptime"] < ran.result["before"]["uptime"]
        assert ran.result["seconds"] > 0
        assert (ran.writes.count(RESTART), went_down(sim, node)) == (1, 1)

    def test_that_answers_before_it_goes_down_is_restarted_once_too(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.call(lambda fleet: setattr(fleet.world.nodes[node].timings, "restart_answer", "answer"))
        ran = run_module("node_restart")
        assert (ran.changed, ran.result["outcome"], went_down(sim, node)) == (True, "accepted", 1)

    def test_is_restarted_in_check_mode_only_in_words(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        ran = run_module("node_restart", check=True)
        assert (ran.changed, ran.result["restarted"]) == (True, True)
        assert (ran.writes, went_down(sim, node)) == ([], 0)
        assert "process" not in ran.result

    def test_is_not_waited_for_when_nobody_wants_to(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        ran = run_module("node_restart", wait=False)
        assert (ran.changed, "process" in ran.result, went_down(sim, node)) == (True, False, 1)

    def test_forgets_the_login_that_the_restart_has_ended(self, node: str, run_module: RunModule) -> None:
        first, second = run_module("node_restart"), run_module("node_restart")
        assert (first.logins, second.logins) == (1, 1)
        assert second.writes.count(RESTART) == 1, "a stale login was tried before"


class TestANodeThatWasRestarted:
    def test_is_left_alone_after_the_given_time(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        begun = str(sim.now() - 1)
        assert run_module("node_restart", not_after=begun).changed
        again = run_module("node_restart", not_after=begun)
        assert (again.changed, again.result["reason"], again.writes) == (False, "already_restarted", [])

    def test_is_left_alone_in_check_mode_too(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        begun = str(sim.now() - 1)
        run_module("node_restart", not_after=begun)
        again = run_module("node_restart", check=True, not_after=begun)
        assert (again.changed, again.result["restarted"]) == (False, False)

    @pytest.mark.parametrize("wrong_by", [0, -7 * 86400, 7 * 86400])
    def test_is_left_alone_by_the_process_that_was_seen_before_whatever_its_clock_says(
        self, sim: RunningSimulator, node: str, run_module: RunModule, wrong_by: int
    ) -> None:
        sim.fault(node, kind="clock", seconds=wrong_by)
        before = run_module("node_info", gather=["process"]).result["node"]["process"]
        assert run_module("node_restart", before=before).changed
        again = run_module("node_restart", before=before)
        assert (again.changed, again.result["reason"], went_down(sim, node)) == (False, "already_restarted", 1)


class TestANodeThatCannotBeRestarted:
    def said(self, ran: Ran, sim: RunningSimulator, address: str) -> str:
        assert went_down(sim, address) == 0
        assert ran.writes.count(RESTART) <= 1, "a write was repeated"
        return ran.error

    def test_arcane_says_that_it_cannot_and_what_to_do(self, sim: RunningSimulator, run_module: RunModule) -> None:
        arcane = sim.addresses[3]
        text = self.said(run_module("node_restart", node=arcane), sim, arcane)
        assert text.startswith(f"{arcane}: restart FluxOS: ")
        assert "ENOENT" in text
        assert "systemctl restart fluxos" in text

    def test_no_key_says_where_a_key_may_come_from(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        ran = run_module("node_restart", private_key=None)
        text = self.said(ran, sim, node)
        assert "private_key_file" in text
        assert ran.writes == []

    def test_another_owner_is_told_that_the_node_is_not_his(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        stranger = Person.named(STRANGER)
        ran = run_module("node_restart", private_key=stranger.wif)
        text = self.said(ran, sim, node)
        assert f"{stranger.flux_id} is an ordinary user" in text
        assert ran.result["error"]["kind"] == "unauthorized"

    def test_a_restart_that_nothing_came_of_is_an_error_that_says_what_was_seen(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="restart_ignored")
        text = self.said(run_module("node_restart", wait_timeout=0.5), sim, node)
        assert "wait until FluxOS restarted: not so after 0.5 s; last seen: the same process" in text
        assert "(the request to restart had ended with: Restarting FluxOS)" in text

    def test_a_key_that_is_none_is_not_repeated(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        wrong = "L1" + "secretsecret" * 4 + "ab"
        ran = run_module("node_restart", private_key=wrong)
        assert wrong not in str(ran.result)
        assert "private key" in self.said(ran, sim, node).lower()

    @pytest.mark.parametrize("when", ["yesterday", "2026-11-25T08:00:00"])
    def test_a_time_that_is_none_is_refused_before_anything_is_sent(self, run_module: RunModule, when: str) -> None:
        ran = run_module("node_restart", not_after=when)
        assert repr(when) in ran.error
        assert ran.writes == []


class TestFaults:
    def test_a_node_that_stays_away_is_named_with_what_was_tried_last(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="never_up")
        ran = run_module("node_restart", wait_timeout=1)
        assert f"{node}: wait until FluxOS restarted" in ran.error
        assert "last seen: read the uptime" in ran.error
        assert (ran.writes.count(RESTART), went_down(sim, node)) == (1, 1)

    def test_a_lost_answer_is_read_back_and_not_sent_again(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="http_error", status=502, path=RESTART, late=True)
        ran = run_module("node_restart")
        assert (ran.changed, ran.result["outcome"], ran.writes.count(RESTART)) == (True, "dropped", 1)
        assert went_down(sim, node) == 1
