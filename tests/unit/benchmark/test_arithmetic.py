# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of the benchmarks: ratios, medians, and what a journal says of the nodes' own time."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark import fanout, instances, listener, plan, request, restart
from tests.benchmark.measure import BenchmarkError, Cost, Figure, in_turn, median, run

FACTOR = 10.0
TIMINGS = {"explorer": 40.0, "peers": 150.0}


def asked(node: str, sim: float, authorized: bool = True) -> dict[str, Any]:
    return {"kind": "request", "path": "/flux/restart", "node": node, "sim": sim, "authorized": authorized}


def state(node: str, what: str, sim: float) -> dict[str, Any]:
    return {"kind": "state", "what": what, "node": node, "sim": sim}


FLEET: dict[str, Any] = {"kind": "fleet", "nodes": []}
#: Two nodes together, then a third; the boot of the second is what its wave waits for, not its peers.
JOURNAL: list[dict[str, Any]] = [
    FLEET,
    {"kind": "request", "path": "/flux/version", "node": "a", "sim": 90.0, "authorized": None},
    asked("a", 100.0),
    asked("b", 105.0),
    state("a", "up", 110.0),
    state("b", "up", 120.0),
    state("a", "boot_settled", 185.0),
    state("b", "boot_settled", 300.0),
    asked("c", 400.0),
    state("c", "up", 410.0),
    state("c", "boot_settled", 500.0),
]
WAVES = [["a", "b"], ["c"], []]


class TestCosts:
    def test_the_empty_play_is_taken_off(self) -> None:
        assert Cost(5.0, 9.0).beyond(Cost(2.0, 3.0)) == Cost(3.0, 6.0)

    @pytest.mark.parametrize("other", [Cost(5.0, 1.0), Cost(1.0, 9.0)])
    def test_what_costs_nothing_cannot_be_compared(self, other: Cost) -> None:
        with pytest.raises(BenchmarkError, match="too busy"):
            Cost(5.0, 9.0).beyond(other)

    def test_medians_are_of_wall_and_processor_by_themselves(self) -> None:
        assert median([Cost(1.0, 9.0), Cost(3.0, 2.0), Cost(2.0, 4.0)]) == Cost(2.0, 4.0)

    def test_works_are_done_in_turn(self) -> None:
        order: list[str] = []

        def work(name: str, wall: float) -> Cost:
            order.append(name)
            return Cost(wall, 1.0)

        ours, theirs = ("ours", lambda: work("ours", 1.0)), ("theirs", lambda: work("theirs", 9.0))
        costs = in_turn([ours, theirs, ours], 2)
        assert order == ["ours", "theirs", "ours", "ours", "theirs", "ours"]
        assert costs == {"ours": Cost(1.0, 1.0), "theirs": Cost(9.0, 1.0)}

    def test_ratios_are_ours_to_theirs(self) -> None:
        costs = {"empty": Cost(1.0, 2.0), "node_info": Cost(3.0, 6.0), "uri": Cost(41.0, 52.0)}
        costs |= {"empty_fleet": Cost(0.5, 0.5), "fleet": Cost(0.9, 0.8)}
        figures = request.figures(costs, 200)
        assert figures["node_info_vs_uri_wall"].value == pytest.approx(2 / 40)
        assert figures["node_info_vs_uri_cpu"].value == pytest.approx(4 / 50)
        assert figures["node_info_per_host"].value == pytest.approx(10.0)
        assert figures["fleet_read_per_node"].value == pytest.approx(2.0)

    def test_a_fan_out_is_compared_with_one_answer(self) -> None:
        costs = {"empty": Cost(1.0, 2.0), "instances": Cost(3.5, 6.0)}
        found = instances.figures(costs, 1.25, 100)
        assert found["instances_fanout_vs_slowest"].value == pytest.approx(2.0)
        assert found["instances_fanout_wall"].value == pytest.approx(2.5)

    def test_the_last_node_is_the_slowest(self) -> None:
        nodes = instances.scenario(4, 2.0)["nodes"]
        assert [node["faults"][0]["seconds"] for node in nodes] == [0.5, 1.0, 1.5, 2.0]

    def test_a_figure_has_the_keys_of_the_file(self) -> None:
        figure = Figure(0.0512345, "ratio", "lower", "what it is").as_dict()
        assert figure == {"value": 0.0512, "unit": "ratio", "better": "lower", "what": "what it is"}
        assert json.loads(json.dumps(figure)) == figure


class TestRun:
    def test_the_processor_time_of_children_counts(self, tmp_path: Path) -> None:
        burn = "import time\nwhile time.process_time() < 0.3: pass"
        parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}], check=True)"
        cost = run([sys.executable, "-c", parent], folder=tmp_path, environment=os.environ)
        assert cost.cpu >= 0.3
        assert cost.wall >= 0.3

    def test_a_command_that_fails_is_no_measurement(self, tmp_path: Path) -> None:
        with pytest.raises(BenchmarkError, match=r"ended with 3:\n.*what went wrong"):
            run(
                [sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"],
                folder=tmp_path,
                environment=os.environ,
            )


class TestRestarts:
    def test_a_node_is_healthy_when_the_last_of_its_parts_is(self) -> None:
        found = restart.returns(JOURNAL, TIMINGS)
        assert [(one.node, one.asked, one.healthy) for one in found] == [
            ("a", 100.0, 260.0),
            ("b", 105.0, 300.0),
            ("c", 400.0, 560.0),
        ]

    def test_a_wave_takes_from_its_first_request_to_its_last_node(self) -> None:
        restarts = restart.returns(JOURNAL, TIMINGS)
        assert restart.seconds_of_nodes(restarts, WAVES, FACTOR) == pytest.approx((200 + 160) / FACTOR)

    def test_the_overhead_is_the_share_beyond(self) -> None:
        assert restart.overhead(54.0, 36.0) == pytest.approx(0.5)

    def test_without_a_restart_there_is_no_share(self) -> None:
        with pytest.raises(BenchmarkError, match="no node was restarted"):
            restart.overhead(3.0, restart.seconds_of_nodes([], [], FACTOR))

    def test_a_node_that_is_still_away_spoils_the_measurement(self) -> None:
        with pytest.raises(BenchmarkError, match=r"^c did not come back"):
            restart.returns(JOURNAL[:-1], TIMINGS)

    def test_so_does_one_that_was_restarted_twice(self) -> None:
        with pytest.raises(BenchmarkError, match="a was restarted twice"):
            restart.returns([*JOURNAL, asked("a", 600.0)], TIMINGS)

    def test_a_request_that_was_refused_is_no_restart(self) -> None:
        assert restart.returns([asked("d", 50.0, authorized=False), *JOURNAL], TIMINGS)[0].node == "a"


class TestFanout:
    def test_what_both_take_without_nodes_is_taken_off(self) -> None:
        costs = {
            "empty": Cost(1.0, 1.0),
            "ours": Cost(7.0, 9.0),
            "floor_empty": Cost(0.5, 0.5),
            "floor": Cost(4.5, 4.5),
        }
        found = {name: round(figure.value, 3) for name, figure in fanout.figures(costs, 10_000).items()}
        assert found == {
            "fanout_10000_vs_floor": 1.5,
            "fanout_per_node": 0.6,
            "fanout_floor_per_node": 0.4,
            "fanout_cpu_vs_floor": 2.0,
        }

    def test_one_node_in_so_many_hangs(self) -> None:
        nodes = [each.removeprefix("http://").partition(":")[0] for each in fanout.addresses(1000, 1)]
        assert len(set(nodes)) == 1000
        hanging = [listener.hangs(node, fanout.HANGING) for node in nodes]
        assert sum(hanging) == 1000 // fanout.HANGING
        assert not any(listener.hangs(node, 0) for node in nodes)


class TestPlan:
    def test_the_network_has_the_shape_that_is_told(self) -> None:
        nodes = plan.network(1500, 300)
        assert nodes == plan.network(1500, 300)
        assert len({node["name"] for node in nodes}) == 1500
        rows = [app for node in nodes for app in node["apps"]]
        assert len(set(rows)) == 300
        assert len(rows) / 300 == pytest.approx(plan.INSTANCES_PER_APP, rel=0.15)
        assert 1500 / len({node["address"] for node in nodes}) == pytest.approx(plan.NODES_PER_ADDRESS, rel=0.15)
