# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gates: each gate alone holds a node, in each way it can; nothing else does."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import (
    GATES,
    GateError,
    preflight,
    restart_way,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import (
    App,
    Benchmark,
    Confirmation,
    Dos,
    Health,
)
from tests.unit.readings import HEIGHT, UNREAD, confirmed_at_age, healthy

LIMITS = Limits()
WHY = UNREAD.why

# gate, what is spoilt, reason, sentence, clears by itself
HOLDING: list[tuple[str, dict[str, Any], str, str, bool]] = [
    ("reachable", {"version": UNREAD}, "unreachable", f"its version could not be read, because {WHY}", False),
    ("reachable", {"process": UNREAD}, "unreachable", f"its uptime could not be read, because {WHY}", False),
    (
        "daemon",
        {"network_height": UNREAD},
        "cannot_evaluate",
        f"how far its daemon is cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "daemon",
        {"network_height": HEIGHT + 13},
        "daemon_behind",
        "its daemon is at block 2400000, 13 behind the network's 2400013; 12 are allowed",
        True,
    ),
    (
        "daemon",
        {"network_height": HEIGHT - 13},
        "cannot_evaluate",
        "how far its daemon is cannot be judged, because it is at block 2400000, 13 ahead of the network's 2399987: "
        "one of the two is wrong",
        False,
    ),
    (
        "explorer",
        {"explorer_synced": UNREAD},
        "cannot_evaluate",
        f"whether its explorer is synced cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "explorer",
        {"explorer_synced": False},
        "explorer_behind",
        "its explorer has not reached the tip of the chain",
        True,
    ),
    *[
        (
            "confirmed",
            {"confirmation": Confirmation(status, HEIGHT - 100)},
            "not_confirmed",
            f"its status is `{status}`, not CONFIRMED; FluxOS removes every app when it starts unconfirmed",
            False,
        )
        for status in ("STARTED", "DOS", "OFFLINE", "expired", "confirmed", "")
    ],
    (
        "dos",
        {"dos": UNREAD},
        "cannot_evaluate",
        f"its DOS state cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "dos",
        {"dos": Dos(0.13, None)},
        "dos",
        "its DOS state is 0.13 (no message), where 0 without a message is needed",
        False,
    ),
    (
        "dos",
        {"dos": Dos(0, "Flux IP detection failed")},
        "dos",
        "its DOS state is 0 (`Flux IP detection failed`), where 0 without a message is needed",
        False,
    ),
    (
        "dos",
        {"dos": Dos(-1, None)},
        "dos",
        "its DOS state is -1 (no message), where 0 without a message is needed",
        False,
    ),
    (
        "dos",
        {"dos": Dos(math.nan, None)},
        "dos",
        "its DOS state is nan (no message), where 0 without a message is needed",
        False,
    ),
    (
        "slack",
        {"confirmation": confirmed_at_age(471)},
        "slack",
        "confirmation age 471 of 500 blocks: 29 blocks left, 40 needed; ask again after it confirmed, "
        "in about 15 to 25 min",
        True,
    ),
    (
        "slack",
        {"confirmation": confirmed_at_age(461)},
        "slack",
        "confirmation age 461 of 500 blocks: 39 blocks left, 40 needed; ask again after it confirmed, "
        "in about 20 to 30 min",
        True,
    ),
    (
        "slack",
        {"confirmation": confirmed_at_age(500)},
        "confirmation_due",
        "confirmation age 500, past 500 blocks: it is about to confirm again (if not, it expires in 70 min); "
        "ask again after it confirmed",
        True,
    ),
    (
        "slack",
        {"confirmation": confirmed_at_age(640)},
        "confirmation_due",
        "confirmation age 640, past 500 blocks: it is about to confirm again (if not, it expires in 0 min); "
        "ask again after it confirmed",
        True,
    ),
    (
        "slack",
        {"confirmation": confirmed_at_age(641)},
        "cannot_evaluate",
        "its confirmation age cannot be judged, because it was last confirmed at block 2399359 and its daemon is at "
        "2400000: an age of 641 blocks is not between 0 and 640",
        False,
    ),
    (
        "slack",
        {"confirmation": confirmed_at_age(-1)},
        "cannot_evaluate",
        "its confirmation age cannot be judged, because it was last confirmed at block 2400001 and its daemon is at "
        "2400000: an age of -1 blocks is not between 0 and 640",
        False,
    ),
    (
        "benchmark",
        {"benchmark": UNREAD},
        "cannot_evaluate",
        f"its benchmark cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    ("benchmark", {"benchmark": Benchmark("running", "CUMULUS")}, "benchmarking", "its benchmark is running", True),
    (
        "benchmark",
        {"benchmark": Benchmark("failed", "CUMULUS")},
        "benchmark_failed",
        "its benchmark says `failed` and its tier reads `CUMULUS`, where CUMULUS, NIMBUS or STRATUS is needed",
        False,
    ),
    (
        "benchmark",
        {"benchmark": Benchmark("", "NIMBUS")},
        "benchmark_failed",
        "its benchmark says nothing and its tier reads `NIMBUS`, where CUMULUS, NIMBUS or STRATUS is needed",
        False,
    ),
    (
        "benchmark",
        {"benchmark": Benchmark("CUMULUS", "failed")},
        "benchmark_failed",
        "its benchmark says `CUMULUS` and its tier reads `failed`, where CUMULUS, NIMBUS or STRATUS is needed",
        False,
    ),
    (
        "benchmark",
        {"benchmark": Benchmark("CUMULUS", "")},
        "benchmark_failed",
        "its benchmark says `CUMULUS` and its tier reads empty, where CUMULUS, NIMBUS or STRATUS is needed",
        False,
    ),
    (
        "health",
        {"health": UNREAD},
        "cannot_evaluate",
        f"its own health check cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "health",
        {"health": Health(False, said="Syncthing is not running properly")},
        "unhealthy",
        "its own health check failed: `Syncthing is not running properly`",
        False,
    ),
    ("health", {"health": Health(False)}, "unhealthy", "its own health check failed: `it gave no reason`", False),
    (
        "health",
        {"health": Health(True, {"db": "ok", "docker": "degraded"})},
        "unhealthy",
        "its own health check failed: `docker` is `degraded`",
        False,
    ),
    (
        "boot",
        {"boot_settled": UNREAD},
        "cannot_evaluate",
        f"whether it is still starting its apps cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    ("boot", {"boot_settled": False}, "booting", "it is still starting its apps after its last start", True),
    (
        "restart_path",
        {"arcane": UNREAD},
        "cannot_evaluate",
        f"whether it runs ArcaneOS cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "restart_path",
        {"arcane": True},
        "no_restart_path",
        "it runs ArcaneOS, where FluxOS cannot restart itself, and no restart command for its host is given",
        False,
    ),
    (
        "apps",
        {"apps": UNREAD},
        "cannot_evaluate",
        f"which apps it hosts cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "apps",
        {"elsewhere": UNREAD},
        "cannot_evaluate",
        f"where else its apps run cannot be judged, because it could not be read: {WHY}",
        False,
    ),
    (
        "apps",
        {"elsewhere": {"shop": 2}},
        "cannot_evaluate",
        "what its apps can spare cannot be judged, because the instances of wiki on other nodes were not counted",
        False,
    ),
    (
        "apps",
        {"elsewhere": {"shop": 0, "wiki": 2}},
        "only_instance",
        "no other node runs shop: this is the only running instance",
        False,
    ),
    (
        "apps",
        # Installed here without a running container: the network counts on it all the same.
        {"elsewhere": {"shop": 2, "wiki": 0}},
        "only_instance",
        "no other node runs wiki: this is the only running instance",
        False,
    ),
    (
        "apps",
        {"apps": (App("solo", "1Owner", 1),), "elsewhere": {"solo": 0}},
        "only_instance",
        "no other node runs solo: this is the only running instance",
        False,
    ),
    (
        "apps",
        {"elsewhere": {"shop": 1, "wiki": 2}},
        "app_budget",
        "too few instances run on other nodes: shop (1 elsewhere, 2 needed: 3 less a budget of 1)",
        True,
    ),
    (
        "apps",
        {"elsewhere": {"shop": 1}},
        "cannot_evaluate",
        "what its apps can spare cannot be judged, because the instances of wiki on other nodes were not counted",
        False,
    ),
    (
        "apps",
        {"elsewhere": {"wiki": 0}},
        "only_instance",
        "no other node runs wiki: this is the only running instance",
        False,
    ),
]


@pytest.mark.parametrize(
    ("gate", "spoilt", "reason", "sentence", "clears"),
    HOLDING,
    ids=[f"{case[0]}-{number}-{case[2]}" for number, case in enumerate(HOLDING)],
)
def test_a_gate_alone_holds_a_node(gate: str, spoilt: dict[str, Any], reason: str, sentence: str, clears: bool) -> None:
    result = preflight(healthy(**spoilt), LIMITS)
    assert [verdict.gate for verdict in result.verdicts if not verdict.ok] == [gate]
    assert not result.ok
    assert result.reason is not None
    assert result.reason.value == reason
    assert result.sentence == sentence
    assert result.clears is clears


@pytest.mark.parametrize(
    ("gate", "spoilt"),
    [*[case[:2] for case in HOLDING], ("daemon", {"block_height": UNREAD})],
)
def test_a_gate_holds_a_node_until_it_is_overridden_whatever_else_is(gate: str, spoilt: dict[str, Any]) -> None:
    others = set(GATES) - {gate}
    if gate == "daemon" and "block_height" in spoilt:
        assert preflight(healthy(**spoilt), LIMITS, others).sentence == (
            f"its daemon's block height could not be read, because {WHY}; "
            "FluxOS removes every app when it starts without a daemon"
        )
    held = preflight(healthy(**spoilt), LIMITS, others)
    assert not held.ok
    assert gate not in held.overridden
    freed = preflight(healthy(**spoilt), LIMITS, GATES)
    assert freed.ok
    assert freed.reason is None
    assert not freed.clears
    assert gate in freed.overridden
    assert freed.sentence == f"every gate is passed or overridden ({', '.join(freed.overridden)})"


def test_every_gate_has_a_case_that_holds() -> None:
    assert {case[0] for case in HOLDING} == set(GATES)


@pytest.mark.parametrize(
    ("value", "gates"),
    [
        ("version", ["reachable"]),
        ("process", ["reachable"]),
        ("block_height", ["daemon", "slack"]),
        ("network_height", ["daemon"]),
        ("explorer_synced", ["explorer"]),
        ("confirmation", ["confirmed", "slack"]),
        ("dos", ["dos"]),
        ("benchmark", ["benchmark"]),
        ("health", ["health"]),
        ("boot_settled", ["boot"]),
        ("arcane", ["restart_path"]),
        ("apps", ["apps"]),
        ("elsewhere", ["apps"]),
    ],
)
def test_a_value_that_was_not_read_fails_the_gates_that_need_it_and_says_why(value: str, gates: list[str]) -> None:
    result = preflight(healthy(**{value: UNREAD}), LIMITS)
    failed = [verdict for verdict in result.verdicts if not verdict.ok]
    assert [verdict.gate for verdict in failed] == gates
    assert all(WHY in verdict.sentence for verdict in failed)


def test_a_node_of_which_nothing_was_read_fails_every_gate() -> None:
    result = preflight(NodeReading("berlin", "203.0.113.7:16127", "203.0.113.7"), LIMITS)
    assert [verdict.gate for verdict in result.verdicts if not verdict.ok] == list(GATES)
    assert result.sentence == "its version could not be read, because it was not asked for"


PASSING: list[tuple[str, dict[str, Any], Limits]] = [
    ("healthy", {}, LIMITS),
    ("12 blocks behind", {"network_height": HEIGHT + 12}, LIMITS),
    ("12 blocks ahead", {"network_height": HEIGHT - 12}, LIMITS),
    ("13 blocks behind, 20 allowed", {"network_height": HEIGHT + 13}, Limits(max_blocks_behind=20)),
    ("exactly the slack that is needed", {"confirmation": confirmed_at_age(460)}, LIMITS),
    ("just confirmed", {"confirmation": confirmed_at_age(0)}, LIMITS),
    ("a short restart needs little slack", {"confirmation": confirmed_at_age(470)}, Limits(planned_minutes=5)),
    ("empty DOS message", {"dos": Dos(0.0, "")}, LIMITS),
    ("syncthing not yet measured", {"health": Health(True, {"syncthing": "unmeasured"})}, LIMITS),
    ("syncthing of ArcaneOS unhealthy", {"health": Health(True, {"syncthing": "degraded"})}, LIMITS),
    ("FluxOS before 8.19 has no health check", {"health": Health(False, offered=False)}, LIMITS),
    ("FluxOS before 8.18 has no boot window", {"boot_settled": None}, LIMITS),
    ("ArcaneOS with a command", {"arcane": True}, Limits(restart_command=True)),
    ("no apps", {"apps": (), "elsewhere": UNREAD}, LIMITS),
    ("a budget of two", {"elsewhere": {"shop": 1, "wiki": 2}}, Limits(budgets={"Shop": 2})),
    ("a default budget of two", {"elsewhere": {"shop": 1, "wiki": 1}}, Limits(default_budget=2)),
    ("one instance, and another is running", {"apps": (App("solo", "1Owner", 1),), "elsewhere": {"solo": 1}}, LIMITS),
]


@pytest.mark.parametrize(("spoilt", "limits"), [case[1:] for case in PASSING], ids=[case[0] for case in PASSING])
def test_a_node_passes(spoilt: dict[str, Any], limits: Limits) -> None:
    result = preflight(healthy(**spoilt), limits)
    assert result.ok, result.sentence
    assert result.reason is None
    assert result.overridden == ()
    assert result.sentence == "every gate is passed"
    assert [verdict.gate for verdict in result.verdicts] == list(GATES)
    assert all(verdict.reason is None and verdict.sentence for verdict in result.verdicts)


def test_more_planned_minutes_need_more_slack() -> None:
    reading = healthy(confirmation=confirmed_at_age(400))
    assert preflight(reading, Limits(planned_minutes=40)).ok
    assert preflight(reading, Limits(planned_minutes=41)).sentence.startswith(
        "confirmation age 400 of 500 blocks: 100 blocks left, 102 needed"
    )


def test_no_budget_lets_the_last_instance_go() -> None:
    reading = healthy(elsewhere={"shop": 0, "wiki": 2})
    assert preflight(reading, Limits(budgets={"shop": 99})).reason is not None


def test_a_budget_of_0_needs_all_instances_elsewhere() -> None:
    limits = Limits(budgets={"shop": 0})
    assert not preflight(healthy(), limits).ok
    assert preflight(healthy(elsewhere={"shop": 3, "wiki": 2}), limits).ok


def test_the_first_gate_that_holds_gives_the_reason_and_all_decide_whether_it_clears() -> None:
    booting = {"boot_settled": False}
    assert preflight(healthy(**booting, explorer_synced=False), LIMITS).clears
    result = preflight(healthy(**booting, arcane=True), LIMITS)
    assert result.sentence == "it is still starting its apps after its last start"
    assert not result.clears
    assert preflight(healthy(**booting, arcane=True), LIMITS, {"restart_path"}).clears


def test_an_override_that_did_not_matter_is_not_reported() -> None:
    assert preflight(healthy(arcane=True), LIMITS, {"restart_path", "dos"}).overridden == ("restart_path",)


def test_an_override_of_no_gate_is_an_error_that_lists_the_gates() -> None:
    with pytest.raises(GateError, match=r"no gate 'everything' to override; the gates are reachable, daemon, "):
        preflight(healthy(), LIMITS, {"dos", "everything"})


def test_many_apps_are_named_up_to_four() -> None:
    hosted = tuple(App(f"app{number}", "1Owner") for number in range(6))
    result = preflight(healthy(apps=hosted, elsewhere={app.name: 0 for app in hosted}), LIMITS)
    assert result.sentence == "no other node runs app0, app1, app2, app3 and 2 more: this is the only running instance"


@pytest.mark.parametrize(
    ("arcane", "command", "way"),
    [(False, False, "api"), (False, True, "api"), (True, True, "command"), (True, False, None), (UNREAD, True, UNREAD)],
)
def test_the_way_to_restart(arcane: Any, command: bool, way: object) -> None:
    assert restart_way(healthy(arcane=arcane), Limits(restart_command=command)) == way


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"planned_minutes": -1}, "planned_minutes is -1"),
        ({"planned_minutes": 241}, "none can be away for longer than 240 minutes"),
        ({"max_blocks_behind": -1}, "max_blocks_behind is -1"),
        ({"budgets": {"shop": -1}}, "budget of app 'shop' is -1"),
        ({"default_budget": -1}, "default budget is -1"),
    ],
)
def test_limits_that_no_node_can_meet_are_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Limits(**arguments)


def test_240_minutes_can_be_planned() -> None:
    assert preflight(healthy(confirmation=confirmed_at_age(0)), Limits(planned_minutes=240)).ok
