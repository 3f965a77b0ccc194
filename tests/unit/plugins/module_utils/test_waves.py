# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""waves: each property of its docstring, on tables and on arbitrary fleets."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import BudgetError, Budgets, app_key
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import (
    WaveError,
    WaveNode,
    WavePlan,
    WaveRule,
    cap_from,
    plan_waves,
)

APPS = ["shop", "wiki", "bank", "chat", "Shop"]


@dataclass(frozen=True)
class Fleet:
    nodes: list[WaveNode]
    budgets: dict[str, int]
    default_budget: int
    cap: int
    canary: bool
    allowance: Budgets = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowance", Budgets(self.budgets, self.default_budget))

    def plan(self) -> WavePlan:
        return plan_waves(
            self.nodes,
            budgets=self.budgets,
            default_budget=self.default_budget,
            cap=self.cap,
            canary=self.canary,
        )

    def node(self, name: str) -> WaveNode:
        return next(node for node in self.nodes if node.name == name)

    def room(self, wave: int) -> int:
        return 1 if wave == 0 and self.canary else self.cap

    def broken_rules(self, wave: int, names: list[str]) -> set[WaveRule]:
        """The rules that a wave of these nodes breaks, counted anew and naively."""
        nodes = [self.node(name) for name in names]
        broken = set()
        if len(names) > self.room(wave):
            broken.add(WaveRule.CANARY if wave == 0 and self.canary else WaveRule.CAP)
        if max(Counter(node.ip for node in nodes).values()) > 1:
            broken.add(WaveRule.SAME_IP)
        hosted = Counter(key for node in nodes for key in {app_key(app) for app in node.apps})
        if any(count > self.allowance.of(app) for app, count in hosted.items()):
            broken.add(WaveRule.APP_BUDGET)
        return broken

    def position(self, name: str) -> int:
        return [node.name for node in self.nodes].index(name)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    size = draw(st.integers(0, 25))
    nodes = [
        WaveNode(f"n{number}", f"ip{draw(st.integers(0, 12))}", draw(st.frozensets(st.sampled_from(APPS), max_size=3)))
        for number in range(size)
    ]
    return Fleet(
        nodes=draw(st.permutations(nodes)),
        budgets=draw(st.dictionaries(st.sampled_from(APPS[:4]), st.integers(0, 4), max_size=3)),
        default_budget=draw(st.integers(0, 2)),
        cap=draw(st.integers(1, 8)),
        canary=draw(st.booleans()),
    )


class TestProperties:
    @given(fleets())
    def test_every_node_is_in_exactly_one_wave_or_held(self, fleet: Fleet) -> None:
        plan = fleet.plan()
        placed = [name for wave in plan.waves for name in wave]
        held = [one.name for one in plan.held]
        assert sorted(placed + held) == sorted(node.name for node in fleet.nodes)
        assert set(plan.reasons) == set(placed)

    @given(fleets())
    def test_no_wave_breaks_a_rule(self, fleet: Fleet) -> None:
        for number, wave in enumerate(fleet.plan().waves):
            assert fleet.broken_rules(number, list(wave)) == set()

    @given(fleets())
    def test_only_a_budget_of_0_holds_a_node(self, fleet: Fleet) -> None:
        held = {one.name for one in fleet.plan().held}
        for node in fleet.nodes:
            assert (node.name in held) == any(fleet.allowance.of(app) == 0 for app in node.apps)

    @given(fleets())
    def test_no_wave_is_empty_and_nodes_keep_the_order_given(self, fleet: Fleet) -> None:
        for wave in fleet.plan().waves:
            positions = [fleet.position(name) for name in wave]
            assert positions
            assert positions == sorted(positions)

    @given(fleets())
    def test_with_a_canary_the_first_wave_is_the_first_node_that_is_not_held(self, fleet: Fleet) -> None:
        plan = fleet.plan()
        free = [node.name for node in fleet.nodes if node.name not in {one.name for one in plan.held}]
        if fleet.canary and free:
            assert plan.waves[0] == (free[0],)

    @given(fleets())
    def test_no_node_could_be_earlier_beside_the_nodes_given_before_it(self, fleet: Fleet) -> None:
        waves = fleet.plan().waves
        for own, wave in enumerate(waves):
            for name in wave:
                for earlier in range(own):
                    before = [other for other in waves[earlier] if fleet.position(other) < fleet.position(name)]
                    assert fleet.broken_rules(earlier, [*before, name])

    @given(fleets())
    def test_the_reason_names_a_rule_that_the_wave_before_would_break(self, fleet: Fleet) -> None:
        plan = fleet.plan()
        for own, wave in enumerate(plan.waves):
            for name in wave:
                reason = plan.reasons[name]
                assert reason.wave == own + 1
                if own == 0:
                    assert reason.rule is WaveRule.FIRST
                    continue
                before = plan.waves[own - 1]
                assert reason.rule in fleet.broken_rules(own - 1, [*before, name])
                assert set(reason.beside) <= set(before)
                if reason.rule is WaveRule.SAME_IP:
                    assert [fleet.node(other).ip for other in reason.beside] == [fleet.node(name).ip]
                if reason.rule is WaveRule.APP_BUDGET:
                    assert reason.app in fleet.node(name).apps
                    assert reason.app in reason.sentence
                    assert len(reason.beside) == fleet.allowance.of(reason.app)

    @given(fleets(), st.randoms(use_true_random=False))
    def test_equal_input_gives_equal_output_in_any_order_of_sets_and_budgets(
        self, fleet: Fleet, chance: random.Random
    ) -> None:
        nodes = [WaveNode(node.name, node.ip, frozenset(_shuffled(node.apps, chance))) for node in fleet.nodes]
        budgets = {app: fleet.budgets[app] for app in _shuffled(fleet.budgets, chance)}
        other = Fleet(nodes, budgets, fleet.default_budget, fleet.cap, fleet.canary)
        assert other.plan() == fleet.plan()


def _shuffled(names: Iterable[str], chance: random.Random) -> list[str]:
    ordered = sorted(names)
    chance.shuffle(ordered)
    return ordered


def node(name: str, ip: str | None = None, *apps: str) -> WaveNode:
    return WaveNode(name, ip or f"ip-of-{name}", frozenset(apps))


class TestPlans:
    def test_the_demo_of_every_rule(self) -> None:
        plan = plan_waves(
            [
                node("a", None, "shop"),
                node("b", "shared"),
                node("c", "shared"),
                node("d", None, "shop"),
                node("e", None, "bank"),
                node("f"),
                node("g"),
            ],
            budgets={"bank": 0},
            cap=2,
        )
        assert plan.waves == (("a",), ("b", "d"), ("c", "f"), ("g",))
        assert {name: reason.rule.value for name, reason in plan.reasons.items()} == {
            "a": "first",
            "b": "canary",
            "d": "app_budget",
            "c": "same_ip",
            "f": "cap",
            "g": "cap",
        }
        assert [reason.sentence for reason in plan.reasons.values()] == [
            "nothing keeps it from the first wave",
            "the first wave is one node only, the canary a",
            "wave 2 restarts b, which has the same public IP shared",
            "wave 1 restarts a, which hosts shop too, and only 1 of its instances may be away at once",
            "wave 2 is full with 2 nodes",
            "wave 3 is full with 2 nodes",
        ]
        assert [(one.name, one.reason.value, one.sentence) for one in plan.held] == [
            ("e", "app_budget", "its app bank has a budget of 0: no instance of it may be away")
        ]

    def test_a_budget_lets_as_many_instances_be_away(self) -> None:
        nodes = [node(name, None, "shop") for name in "abcde"]
        plan = plan_waves(nodes, budgets={"shop": 2}, cap=5, canary=False)
        assert plan.waves == (("a", "b"), ("c", "d"), ("e",))
        assert plan.reasons["e"].sentence == (
            "wave 2 restarts c and d, which host shop too, and only 2 of its instances may be away at once"
        )

    def test_two_spellings_of_one_app_are_one_app(self) -> None:
        plan = plan_waves([node("a", None, "Shop", "shop"), node("b", None, "SHOP")], cap=5, canary=False)
        assert plan.waves == (("a",), ("b",))
        assert plan_waves([node("a", None, "Shop", "shop")], budgets={"SHOP": 2}, cap=1).waves == (("a",),)

    def test_the_canary_is_not_a_node_that_is_held(self) -> None:
        plan = plan_waves([node("a", None, "bank"), node("b"), node("c")], budgets={"bank": 0}, cap=5)
        assert plan.waves == (("b",), ("c",))

    def test_nothing_to_plan_is_an_empty_plan(self) -> None:
        assert plan_waves([], cap=1) == WavePlan((), {}, ())

    @pytest.mark.parametrize(
        ("nodes", "arguments", "says"),
        [
            ([node("a"), node("b"), node("a")], {}, "node 'a' is given twice"),
            ([WaveNode("a", "")], {}, "node 'a' has no public IP"),
            ([node("a")], {"cap": 0}, "the cap is 0: at least 1 node"),
        ],
    )
    def test_what_cannot_be_planned_is_an_error_that_names_it(
        self, nodes: list[WaveNode], arguments: dict[str, int], says: str
    ) -> None:
        with pytest.raises(WaveError, match=says):
            plan_waves(nodes, **{"cap": 1, **arguments})

    def test_a_budget_that_makes_no_sense_is_an_error(self) -> None:
        with pytest.raises(BudgetError, match="'shop' is -1"):
            plan_waves([], budgets={"shop": -1}, cap=1)


@pytest.mark.parametrize(
    ("apps_in_all", "ips", "cap"),
    [(3000, 7500, 750), (1, 15_000, 750), (300, 15_000, 1), (100, 500, 750)],
    ids=["like the network", "all host one app", "one at a time", "crowded"],
)
def test_15000_nodes_take_less_than_a_second(apps_in_all: int, ips: int, cap: int) -> None:
    chance = random.Random(1)
    nodes = [
        node(f"n{number}", f"ip{number % ips}", *{f"app{chance.randrange(apps_in_all)}" for drawn in range(5)})
        for number in range(15_000)
    ]
    began = time.process_time()
    plan = plan_waves(nodes, cap=cap)
    assert time.process_time() - began < 1.0
    assert sum(len(wave) for wave in plan.waves) == 15_000


class TestCapFrom:
    @pytest.mark.parametrize(
        ("value", "fleet_size", "expected"),
        [
            (3, 60, 3),
            ("3", 60, 3),
            (100, 60, 100),
            ("5%", 60, 3),
            ("5%", 79, 3),
            ("5%", 80, 4),
            (" 2.5 % ", 15_000, 375),
            ("0.1%", 999, 1),
            ("5%", 3, 1),
            ("5%", 0, 1),
            ("100%", 7, 7),
            ("29%", 100, 29),
        ],
    )
    def test_a_share_is_rounded_down_but_never_below_one(
        self, value: int | str, fleet_size: int, expected: int
    ) -> None:
        assert cap_from(value, fleet_size) == expected

    @given(st.integers(1, 100), st.integers(0, 20_000))
    def test_a_share_never_exceeds_itself_unless_it_is_one_node(self, percent: int, fleet_size: int) -> None:
        cap = cap_from(f"{percent}%", fleet_size)
        assert cap >= 1
        assert cap == 1 or cap * 100 <= percent * fleet_size
        assert (cap + 1) * 100 > percent * fleet_size

    @pytest.mark.parametrize(
        "value", [0, -1, "0", "0%", "0.0%", "101%", "-5%", "", "%", "five", 0.05, True, None, "1e2%"]
    )
    def test_nonsense_is_an_error_that_shows_it(self, value: object) -> None:
        with pytest.raises(WaveError) as caught:
            cap_from(value, 60)
        assert str(value).strip() in str(caught.value)

    def test_the_message_names_what_the_number_is_for(self) -> None:
        with pytest.raises(WaveError, match=r"the limit of sick nodes is 'many'"):
            cap_from("many", 60, what="the limit of sick nodes")

    def test_a_fleet_has_no_negative_size(self) -> None:
        with pytest.raises(WaveError, match="size of the fleet is -1"):
            cap_from("5%", -1)
