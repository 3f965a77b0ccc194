# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readings of simulated nodes: complete, and never an exception because a node fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.survey import Member, Survey, apps_of
from tests.simulator.running import RunningSimulator
from tests.unit.calls import call_of

SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": "TideBoard", "owner": "@app owner", "instances": 3, "components": ["web", "cache"], "version": 7},
        {"name": "Solo", "owner": "@app owner", "instances": 3, "components": ["web"], "version": 7},
    ],
    "nodes": [
        {"host": 1, "apps": ["TideBoard", "Solo"]},
        {"host": 1, "apps": ["TideBoard"]},
        {"host": 2, "apps": ["TideBoard"], "version": "8.17.0"},
        # The gateway's answers come from here, so that faults of the others are their own.
        {"host": 3, "arcane": True, "tier": "STRATUS"},
    ],
}


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO) as running:
        yield running


@pytest.fixture
def survey(sim: RunningSimulator) -> Iterator[Survey]:
    call = call_of("node_preflight", sim)
    yield Survey(call)
    call.close()


def members(survey: Survey, sim: RunningSimulator, count: int = 3) -> list[Member]:
    return [survey.member(f"node-{number}", address) for number, address in enumerate(sim.addresses[:count])]


def examined(survey: Survey, sim: RunningSimulator, count: int = 3) -> list[NodeReading]:
    fleet = members(survey, sim, count)
    return survey.with_elsewhere(survey.examine(fleet, survey.identify(fleet)))


def unread(reading: NodeReading) -> set[str]:
    return {each.name for each in fields(reading) if isinstance(getattr(reading, each.name), Unread)}


class TestCompleteness:
    def test_a_node_is_identified_by_version_and_process_alone(self, sim: RunningSimulator, survey: Survey) -> None:
        reading = survey.identify(members(survey, sim))[0]
        assert (reading.name, reading.address, reading.ip) == ("node-0", sim.addresses[0], sim.nodes[0].ip)
        assert reading.version == "8.20.0"
        assert {line["path"] for line in sim.requests(node=sim.addresses[0])} == {"/flux/version", "/flux/uptime"}

    def test_everything_that_the_gates_need_is_read(self, sim: RunningSimulator, survey: Survey) -> None:
        for reading in examined(survey, sim):
            assert unread(reading) == set()

    def test_a_fleet_between_waves_is_read_by_four_requests_each(self, sim: RunningSimulator, survey: Survey) -> None:
        readings = survey.vitals(members(survey, sim))
        assert all(not isinstance(reading.dos, Unread) for reading in readings)
        assert len(sim.requests(node=sim.addresses[0])) == 4

    def test_only_reads_are_sent(self, sim: RunningSimulator, survey: Survey) -> None:
        examined(survey, sim)
        survey.vitals(members(survey, sim))
        assert [line for line in sim.requests() if line["write"] or line["flux_id"]] == []

    def test_nothing_comes_from_a_cache(self, sim: RunningSimulator, survey: Survey) -> None:
        for _unused in range(2):
            examined(survey, sim)
        assert [line for line in sim.requests() if line["from_cache"] and line["node"] != "gateway"] == []


class TestFailures:
    @pytest.mark.parametrize(
        ("path", "lost"),
        [
            ("/flux/isarcaneos", {"arcane"}),
            ("/daemon/getblockcount", {"block_height"}),
            ("/daemon/getfluxnodestatus", {"confirmation"}),
            ("/flux/dosstate", {"dos"}),
            ("/flux/health", {"health"}),
            ("/explorer/issynced", {"explorer_synced"}),
            ("/benchmark/getbenchmarks", {"benchmark"}),
            ("/flux/checkcommunication", {"communication"}),
            ("/apps/appstart/*", {"boot_settled"}),
            ("/apps/listallapps", {"containers"}),
            ("/apps/installedapps", {"apps", "elsewhere"}),
        ],
    )
    @pytest.mark.parametrize("fault", [{"kind": "html"}, {"kind": "truncate"}, {"kind": "http_error", "status": 502}])
    def test_what_cannot_be_read_is_unread_with_its_reason_and_nothing_else_is(
        self, sim: RunningSimulator, survey: Survey, fault: dict[str, Any], path: str, lost: set[str]
    ) -> None:
        sim.fault(sim.addresses[0], path=path, **fault)
        readings = examined(survey, sim)
        assert unread(readings[0]) == lost
        assert unread(readings[1]) == set()
        for name in lost:
            assert getattr(readings[0], name).why

    def test_a_node_that_does_not_answer_is_asked_once_between_waves(
        self, sim: RunningSimulator, survey: Survey
    ) -> None:
        fleet = members(survey, sim, 1)
        sim.fault(sim.addresses[0], kind="reset")
        reading = survey.vitals(fleet)[0]
        assert isinstance(reading.block_height, Unread)
        assert isinstance(reading.dos, Unread)
        assert len(sim.requests(node=sim.addresses[0])) == 1

    def test_a_node_without_a_version_is_not_asked_for_its_uptime(self, sim: RunningSimulator, survey: Survey) -> None:
        sim.fault(sim.addresses[0], kind="html", path="/flux/version")
        reading = survey.identify(members(survey, sim, 1))[0]
        assert reading.version == reading.process
        assert sim.requests(node=sim.addresses[0], path="/flux/uptime") == []

    @pytest.mark.parametrize("address", [None, 7, ["203.0.113.7"]])
    def test_an_address_that_is_no_text_is_refused_with_its_node(self, survey: Survey, address: Any) -> None:
        with pytest.raises(CallError, match="nodes: berlin has the address"):
            survey.member("berlin", address)


class TestElsewhere:
    def counted(self, survey: Survey, sim: RunningSimulator) -> dict[str, int]:
        elsewhere = examined(survey, sim, 1)[0].elsewhere
        assert not isinstance(elsewhere, Unread), elsewhere
        return dict(elsewhere)

    def test_instances_on_other_nodes_are_counted(self, sim: RunningSimulator, survey: Survey) -> None:
        assert self.counted(survey, sim) == {"TideBoard": 2, "Solo": 0}

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "unreachable"},
            {"kind": "container", "name": "fluxcache_TideBoard"},
            {"kind": "html", "path": "/apps/listallapps"},
        ],
        ids=lambda fault: fault["kind"],
    )
    def test_a_row_whose_node_does_not_run_all_of_it_does_not_count(
        self, sim: RunningSimulator, survey: Survey, fault: dict[str, Any]
    ) -> None:
        sim.fault(sim.addresses[1], **fault)
        assert self.counted(survey, sim)["TideBoard"] == 1

    def test_who_runs_what_is_asked_anew_each_time(self, sim: RunningSimulator, survey: Survey) -> None:
        """A task that waits for held-back nodes looks again with the same survey."""
        assert self.counted(survey, sim)["TideBoard"] == 2
        sim.fault(sim.addresses[2], kind="unreachable")
        assert self.counted(survey, sim)["TideBoard"] == 1

    def test_without_a_list_it_is_unread(self, sim: RunningSimulator, survey: Survey) -> None:
        sim.fault("gateway", kind="html", path="/apps/location*")
        assert isinstance(examined(survey, sim, 1)[0].elsewhere, Unread)

    def test_apps_on_the_list_here(self, sim: RunningSimulator, survey: Survey) -> None:
        reading = examined(survey, sim, 1)[0]
        assert survey.located(reading) == frozenset({"TideBoard", "Solo"}) == {app.name for app in apps_of(reading)}
        sim.fault(sim.addresses[0], kind="location_missing")
        assert survey.located(reading) == frozenset()
        sim.fault("gateway", kind="html")
        assert isinstance(survey.located(reading), Unread)


class TestGateways:
    def test_the_first_that_answers_counts(self, sim: RunningSimulator) -> None:
        survey = Survey(call_of("node_preflight", sim, gateway=["http://127.0.0.1:9", sim.gateway]))
        assert isinstance(survey.network_height(), int)

    def test_none_says_why_and_how_to_set_one(self, sim: RunningSimulator) -> None:
        nobody = Survey(call_of("node_preflight", sim, gateway=["http://127.0.0.1:9"])).network_height()
        assert isinstance(nobody, Unread)
        assert "height" in nobody.why
        unset = Survey(call_of("node_preflight", sim, gateway=[])).network_height()
        assert isinstance(unset, Unread)
        assert "FLUXOS_GATEWAY" in unset.why
