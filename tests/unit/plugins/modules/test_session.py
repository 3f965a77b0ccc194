# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``session`` and ``session_info``: logins that are made, kept, listed and ended."""

from __future__ import annotations

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import STRANGER, RunModule


def known(sim: RunningSimulator, address: str) -> int:
    """How many logins the node knows."""
    return sim.call(lambda fleet: len(fleet.world.nodes[address].logins.sessions))


class TestPresent:
    def test_logs_in(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        ran = run_module("session")
        assert (ran.changed, ran.result["privilege"], ran.result["flux_id"]) == (True, "admin", sim.operator.flux_id)
        assert (ran.logins, known(sim, node)) == (1, 1)

    def test_changes_nothing_while_the_node_knows_the_login(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        run_module("session")
        again = run_module("session")
        assert (again.changed, again.result["privilege"], again.writes) == (False, "admin", [])

    def test_logs_in_in_check_mode_only_in_words(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        ran = run_module("session", check=True)
        assert (ran.changed, ran.writes, known(sim, node)) == (True, [], 0)

    def test_is_idempotent_in_check_mode(self, run_module: RunModule) -> None:
        run_module("session")
        again = run_module("session", check=True)
        assert (again.changed, again.writes) == (False, [])

    def test_logs_in_anew_after_the_node_restarted(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        run_module("session")
        sim.restart(node)
        sim.advance(60)
        assert run_module("session", check=True).changed
        ran = run_module("session")
        assert (ran.changed, ran.logins) == (True, 1)

    def test_tells_a_stranger_that_he_is_a_user_there(self, run_module: RunModule) -> None:
        ran = run_module("session", private_key=Person.named(STRANGER).wif)
        assert (ran.changed, ran.result["privilege"]) == (True, "user")

    def test_says_when_the_flux_id_is_not_that_of_the_key(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        stranger = Person.named(STRANGER)
        ran = run_module("session", flux_id=stranger.flux_id)
        assert stranger.flux_id in ran.error
        assert known(sim, node) == 0

    def test_needs_a_key(self, run_module: RunModule) -> None:
        ran = run_module("session", private_key=None)
        assert "no key is given" in ran.error
        assert ran.requests == []


class TestAbsent:
    def test_logs_out(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        run_module("session")
        ran = run_module("session", state="absent")
        assert (ran.changed, ran.result["privilege"], known(sim, node)) == (True, None, 0)

    def test_changes_nothing_without_a_login(self, run_module: RunModule) -> None:
        ran = run_module("session", state="absent")
        assert (ran.changed, ran.writes) == (False, [])

    def test_logs_out_in_check_mode_only_in_words(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        run_module("session")
        ran = run_module("session", state="absent", check=True)
        assert (ran.changed, ran.writes, known(sim, node)) == (True, [], 1)
        assert not run_module("session").changed, "the login was dropped in check mode"

    def test_is_idempotent_in_check_mode(self, run_module: RunModule) -> None:
        assert not run_module("session", state="absent", check=True).changed

    def test_ends_every_login_of_the_flux_id_when_asked(
        self, sim: RunningSimulator, node: str, run_module: RunModule, tmp_path: object
    ) -> None:
        run_module("session", session_cache=f"{tmp_path}/another")
        run_module("session")
        assert known(sim, node) == 2
        assert run_module("session", state="absent", all_sessions=True).changed
        assert known(sim, node) == 0
        assert not run_module("session", state="absent", all_sessions=True).changed


class TestFaults:
    def test_a_node_that_does_not_answer_is_named(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="unreachable")
        ran = run_module("session")
        assert ran.error.startswith(f"{node}: ")
        assert ran.result["error"]["kind"] == "unreachable"

    def test_a_lost_answer_to_the_login_is_read_back(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="reset", path="/id/verifylogin", count=1, late=True)
        ran = run_module("session")
        assert (ran.changed, ran.logins, known(sim, node)) == (True, 1, 1)


class TestInfo:
    def test_lists_logins_without_their_phrases_and_never_logs_in(
        self, sim: RunningSimulator, node: str, run_module: RunModule, tmp_path: object
    ) -> None:
        assert run_module("session_info").result["sessions"] == []
        run_module("session", session_cache=f"{tmp_path}/another")
        run_module("session")
        for check in (False, True):
            ran = run_module("session_info", check=check)
            assert (ran.changed, ran.writes, ran.result["flux_id"]) == (False, [], sim.operator.flux_id)
            assert sorted(row["kept"] for row in ran.result["sessions"]) == [False, True]
            assert {tuple(sorted(row)) for row in ran.result["sessions"]} == {("created", "expires", "kept")}

    def test_needs_a_key(self, run_module: RunModule) -> None:
        assert "no key is given" in run_module("session_info", private_key=None).error

    def test_html_instead_of_an_answer_is_an_error_that_says_so(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="html", path="/id/loggedsessions")
        ran = run_module("session_info")
        assert ran.result["error"]["kind"] == "bad_answer"
        assert "HTML" in ran.error
