# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deciding about a fleet, beyond what ``test_node_preflight`` shows: interrupted runs, patience, what is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import BudgetError
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import preflight
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance import decide
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.decide import Decider, Judged, limits_for
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.selection import (
    Criteria,
    Past,
    SelectionError,
    choose,
    judge,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.recovery import reading_from_plain
from tests.simulator.running import RunningSimulator
from tests.unit.calls import call_of
from tests.unit.readings import UNREAD, healthy


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    nodes = [{"host": number, "confirmation_age": 100} for number in (1, 2, 3)]
    with RunningSimulator({"nodes": nodes}, time_factor=60) as running:
        yield running


def decider(sim: RunningSimulator, **options: Any) -> Decider:
    nodes = dict(zip("abc", sim.addresses, strict=True))
    return Decider(call_of("node_preflight", sim, nodes=nodes, **options), Criteria(), ())


def decided(judged: list[Judged]) -> dict[str, tuple[str, str]]:
    return {one.reading.name: (one.decision.decision, one.decision.reason.value) for one in judged}


class TestInterruptedRuns:
    def seen(self, sim: RunningSimulator) -> dict[str, Any]:
        return {one.reading.name: one.as_dict()["process"] for one in decider(sim).decide()}

    def test_a_restart_that_shows_only_now_is_given_time(
        self, sim: RunningSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The request had been sent when the run died; the node still answers as before for a moment."""
        before = self.seen(sim)
        first = time.sleep

        def sleep(seconds: float) -> None:
            sim.restart(sim.addresses[0])
            monkeypatch.setattr(time, "sleep", first)
            first(seconds)

        monkeypatch.setattr(time, "sleep", sleep)
        assert decided(decider(sim, before=before, in_flight=["a"]).decide())["a"] == ("verify", "interrupted")

    def test_one_that_never_came_is_restarted_after_that_time(
        self, sim: RunningSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decide, "SETTLED_AFTER", 1.5)
        before = self.seen(sim)
        asked = len(sim.requests(node=sim.addresses[0], path="/flux/uptime"))
        assert decided(decider(sim, before=before, in_flight=["a"]).decide())["a"] == ("restart", "named")
        assert len(sim.requests(node=sim.addresses[0], path="/flux/uptime")) - asked >= 3
        assert len(sim.requests(node=sim.addresses[1], path="/flux/uptime")) == 2, "others are not asked again"


class TestPatience:
    def test_only_those_that_are_held_are_asked_again(self, sim: RunningSimulator) -> None:
        sim.fault(sim.addresses[0], kind="benchmark", status="running", for_seconds=60)
        judged = decider(sim).decide(patience=60, interval=0.2)
        assert decided(judged) == dict.fromkeys("abc", ("restart", "named"))
        counts = [len(sim.requests(node=address, path="/flux/dosstate")) for address in sim.addresses]
        assert counts[0] > 1
        assert counts[1:] == [1, 1]

    def test_it_ends(self, sim: RunningSimulator) -> None:
        sim.fault(sim.addresses[0], kind="benchmark", status="running")
        judged = decider(sim).decide(patience=0.6, interval=0.2)
        assert decided(judged)["a"] == ("hold", "benchmarking")

    def test_what_does_not_pass_by_itself_is_not_waited_for(self, sim: RunningSimulator) -> None:
        sim.fault(sim.addresses[0], kind="unreachable")
        judged = decider(sim).decide(patience=3600, interval=30)
        assert decided(judged)["a"] == ("hold", "unreachable")


#: The defaults.
PARAMS: dict[str, Any] = {"planned_minutes": 10, "app_budgets": None, "app_budget": 1}


class TestLimits:
    def test_are_those_of_the_options(self) -> None:
        params = {"planned_minutes": 5, "app_budgets": {"shop": 2}, "app_budget": 0}
        assert limits_for(params, restart_command=True) == Limits(5, 12, True, {"shop": 2}, 0)
        assert limits_for(PARAMS, restart_command=False) == Limits()

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"planned_minutes": 241}, "planned_minutes is 241"),
            ({"app_budget": -1}, "the default budget is -1"),
            ({"app_budgets": {"shop": "2"}}, "the budget of app 'shop' is '2'"),
        ],
    )
    def test_that_no_node_can_meet_are_refused_in_words(self, change: dict[str, Any], said: str) -> None:
        with pytest.raises((SelectionError, BudgetError), match=said):
            limits_for({**PARAMS, **change}, restart_command=False)


class TestKept:
    def judged(self, **spoilt: Any) -> Judged:
        reading = healthy(**spoilt)
        candidate = choose(reading, Criteria(), Past())
        verdict = preflight(reading, Limits()) if candidate.decision == "restart" else None
        return Judged(reading, judge(candidate, verdict) if verdict else candidate, verdict, Limits())

    def test_a_verdict_is_plain_and_holds_every_gate(self) -> None:
        kept = self.judged().as_dict()
        assert json.loads(json.dumps(kept)) == kept
        assert (kept["decision"], kept["method"], kept["apps"]) == ("restart", "api", ["shop", "wiki"])
        assert all(gate["ok"] and gate["message"] for gate in kept["gates"])
        came_back = reading_from_plain(kept["address"], kept["before"])
        assert came_back is not None
        assert came_back.containers == healthy().containers

    def test_a_node_that_tells_nothing_still_has_a_verdict(self) -> None:
        nothing = dict.fromkeys(
            ("version", "process", "arcane", "confirmation", "apps", "containers", "elsewhere"), UNREAD
        )
        kept = self.judged(**nothing).as_dict()
        assert (kept["decision"], kept["version"], kept["process"], kept["method"]) == ("hold", None, None, None)
        assert (kept["apps"], kept["gates"]) == ([], [])
        assert UNREAD.why in kept["message"]
