# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_info``: what the network knows of apps, in few requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import RunModule

NAMES = ["Alder", "Beech", "Cedar", "Elder", "Fir", "Gorse"]
ALL = ["/apps/globalappsspecifications", "/apps/locations", "/daemon/getblockcount"]


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    """Six apps of two owners on three nodes; Cedar has no components, Gorse runs nowhere."""
    apps: list[dict[str, Any]] = [
        {"name": name, "owner": f"@owner {at % 2}", "instances": 3, "version": 3 if name == "Cedar" else 8}
        for at, name in enumerate(NAMES)
    ]
    nodes = [{"host": host, "apps": NAMES[:-1]} for host in (1, 2, 3)]
    with RunningSimulator({"apps": apps, "nodes": nodes}, time_factor=60) as running:
        yield running


def owner(number: int) -> str:
    return Person.named(f"owner {number}").flux_id


class TestWhichApps:
    def test_all_of_the_network_in_three_requests(self, run_module: RunModule) -> None:
        ran = run_module("app_info")
        assert [row["name"] for row in ran.result["apps"]] == NAMES
        assert (ran.result["unknown"], sorted(ran.requests), ran.changed) == ([], ALL, False)

    def test_many_names_take_as_many_requests_as_all(self, run_module: RunModule) -> None:
        ran = run_module("app_info", names=[*NAMES[:5], "Alder"])
        assert [row["name"] for row in ran.result["apps"]] == NAMES[:5]
        assert sorted(ran.requests) == ALL

    def test_a_few_are_located_one_by_one(self, run_module: RunModule) -> None:
        ran = run_module("app_info", names=["Beech"])
        (row,) = ran.result["apps"]
        assert (row["name"], len(row["locations"])) == ("Beech", 3)
        assert sorted(ran.requests) == [ALL[0], "/apps/location/Beech", ALL[2]]

    def test_those_of_an_owner(self, run_module: RunModule) -> None:
        ran = run_module("app_info", owners=[owner(1)])
        assert [row["name"] for row in ran.result["apps"]] == ["Beech", "Elder", "Gorse"]
        assert {row["owner"] for row in ran.result["apps"]} == {owner(1)}
        assert sorted(ran.requests) == ALL

    def test_those_of_several_owners(self, run_module: RunModule) -> None:
        assert len(run_module("app_info", owners=[owner(0), owner(1)]).result["apps"]) == len(NAMES)

    def test_unknown_ones_are_named(self, run_module: RunModule) -> None:
        ran = run_module("app_info", names=["beech", "Alder", "NoSuchApp"])
        assert ([row["name"] for row in ran.result["apps"]], ran.result["unknown"]) == (
            ["Alder"],
            ["beech", "NoSuchApp"],
        )

    def test_names_of_another_owner_are_unknown(self, run_module: RunModule) -> None:
        ran = run_module("app_info", names=["Alder", "Beech"], owners=[owner(0)])
        assert ([row["name"] for row in ran.result["apps"]], ran.result["unknown"]) == (["Alder"], ["Beech"])

    def test_no_name_is_not_all_names(self, run_module: RunModule) -> None:
        assert run_module("app_info", names=[]).result["apps"] == []


class TestWhatIsTold:
    def test_a_row_has_it_all(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = run_module("app_info", names=["Alder"])
        (row,) = ran.result["apps"]
        assert (row["owner"], row["version"], row["instances"], row["components"]) == (owner(0), 8, 3, ["web"])
        assert (row["height"], row["expires_height"], row["encrypted"]) == (2_900_000, 2_988_000, False)
        assert row["expires_in"] == row["expires_height"] - ran.result["block_height"]
        assert [each["address"] for each in row["locations"]] == sorted(sim.addresses)
        assert {each["hash"] for each in row["locations"]} == {row["hash"]} == {row["specification"]["hash"]}
        assert all(each["expires_at"] - each["broadcast_at"] == pytest.approx(7500) for each in row["locations"])

    def test_an_app_that_runs_nowhere_has_no_locations(self, run_module: RunModule) -> None:
        rows = {row["name"]: row for row in run_module("app_info").result["apps"]}
        assert (rows["Gorse"]["locations"], rows["Cedar"]["components"]) == ([], [])

    @pytest.mark.parametrize("gather", [[], ["specification"], ["locations"]])
    def test_only_what_is_gathered_is_there_and_asked(self, run_module: RunModule, gather: list[str]) -> None:
        ran = run_module("app_info", subset=gather)
        keys = {"specification", "locations"}
        assert all(keys & set(row) == set(gather) for row in ran.result["apps"])
        assert ("/apps/locations" in ran.requests) is ("locations" in gather)


class TestFailures:
    def test_a_gateway_that_does_not_answer_is_passed_over(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = run_module("app_info", gateway=["http://127.18.255.1:9", sim.gateway], names=["Alder"])
        assert [row["name"] for row in ran.result["apps"]] == ["Alder"]

    def test_no_gateway_answers(self, run_module: RunModule) -> None:
        ran = run_module("app_info", gateway=["http://127.18.255.1:9"])
        assert ran.error.startswith("http://127.18.255.1:9: ")
        assert ran.result["error"]["kind"] == "unreachable"
