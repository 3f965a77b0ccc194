# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sick: who is sick, and how many may be."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.sick import fleet_gate, sickness
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Benchmark, Confirmation, Dos, Health
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import WaveError
from tests.unit.readings import HEIGHT, UNREAD, confirmed_at_age, healthy

LIMITS = Limits()


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ({"block_height": UNREAD}, "its daemon's block height could not be read"),
        ({"network_height": HEIGHT + 100}, "100 behind"),
        ({"confirmation": Confirmation("expired", HEIGHT - 700)}, "its status is `expired`"),
        ({"confirmation": UNREAD}, "whether it is confirmed cannot be judged"),
        ({"dos": Dos(12, "Flux is not available for outside communication")}, "its DOS state is 12"),
        ({"health": Health(False, said="Node hardware requirements not met")}, "its own health check failed"),
    ],
)
def test_a_sick_node_says_why(spoilt: dict[str, Any], says: str) -> None:
    why = sickness(healthy(**spoilt), LIMITS)
    assert why is not None
    assert says in why


def test_a_node_of_which_nothing_could_be_read_is_sick() -> None:
    assert sickness(NodeReading("berlin", "203.0.113.7:16127", "203.0.113.7"), LIMITS) is not None


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"benchmark": Benchmark("running", "CUMULUS")},
        {"boot_settled": False},
        {"confirmation": confirmed_at_age(520)},
        {"elsewhere": {"shop": 0, "wiki": 0}},
        {"arcane": True},
    ],
)
def test_a_busy_node_is_not_sick(spoilt: dict[str, Any]) -> None:
    assert sickness(healthy(**spoilt), LIMITS) is None


def fleet(size: int, *sick: str) -> dict[str, str | None]:
    return {f"n{number}": "its DOS state is 12" if f"n{number}" in sick else None for number in range(size)}


@pytest.mark.parametrize(
    ("size", "limit", "allowed"), [(60, "5%", 3), (40, "5%", 2), (3, "5%", 1), (60, 10, 10), (0, "5%", 1)]
)
def test_the_limit_is_a_share_rounded_down_and_at_least_one(size: int, limit: int | str, allowed: int) -> None:
    verdict = fleet_gate(fleet(size), limit)
    assert verdict.ok
    assert verdict.reason is None
    assert verdict.allowed == allowed
    assert verdict.sentence == f"0 of {size} nodes are sick, {allowed} may be"


def test_as_many_sick_nodes_as_allowed_let_the_run_go_on() -> None:
    verdict = fleet_gate(fleet(40, "n3", "n1"), "5%")
    assert verdict.ok
    assert verdict.sick == ("n1", "n3")


def test_one_more_ends_it_and_they_are_named() -> None:
    verdict = fleet_gate(fleet(40, "n1", "n2", "n3"), "5%")
    assert not verdict.ok
    assert verdict.reason is not None
    assert verdict.reason.value == "too_many_sick"
    assert verdict.sick == ("n1", "n2", "n3")
    assert verdict.sentence == (
        "3 of 40 nodes are sick, 2 may be: n1 (its DOS state is 12); n2 (its DOS state is 12); n3 (its DOS state is 12)"
    )


def test_a_crowd_of_sick_nodes_is_cut_in_the_sentence_only() -> None:
    verdict = fleet_gate(fleet(30, *(f"n{number}" for number in range(12))), 1)
    assert len(verdict.sick) == 12
    assert "n9 (" in verdict.sentence
    assert "n10" not in verdict.sentence
    assert verdict.sentence.endswith("; and 2 more")


def test_a_limit_that_makes_no_sense_is_named() -> None:
    with pytest.raises(WaveError, match=r"the limit of sick nodes is '0%'"):
        fleet_gate(fleet(3), "0%")
