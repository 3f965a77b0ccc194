# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole network, simulated with its odd rows, read by all its sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.answer_cache import AnswerCache
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.stats import StatsClient, round_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import NotFound, Refused, Unreachable
from ansible_collections.fluxme.fluxos.plugins.module_utils.network import select as by
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.merge import LISTED_TWICE
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import FIELDS
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.rows import WITHOUT_ADDRESS, from_stats
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.select import select
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_reader import NetworkReader, Sources
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.simulator.network import network
from tests.simulator.running import RunningSimulator

COUNT = 120
FACTS = ("version", "reachable", "country", "arcane", "flux_id", "apps", "benchmark_tier", "organisation")


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with RunningSimulator(network(COUNT, 1), time_factor=0) as running:
        yield running


@pytest.fixture
def simulator(shared: RunningSimulator) -> Iterator[RunningSimulator]:
    yield shared
    for service in ("gateway", "stats", "explorer"):
        shared.heal(service)


@pytest.fixture(scope="module")
def transport() -> Iterator[Transport]:
    with Transport(TransportOptions(timeout=5, retries=0), read_only=True) as opened:
        yield opened


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def reader(simulator: RunningSimulator, transport: Transport, warnings: list[str]) -> NetworkReader:
    return NetworkReader(transport, sources_of(simulator), warn=warnings.append)


def sources_of(simulator: RunningSimulator) -> Sources:
    return Sources(
        [Endpoint.parse(simulator.gateway)], Endpoint.parse(simulator.stats), [Endpoint.parse(simulator.explorer)]
    )


class TestNodes:
    def test_every_confirmed_node_with_an_address_once(self, reader: NetworkReader, warnings: list[str]) -> None:
        nodes = reader.nodes(FACTS)
        addresses = [row.address for row in nodes.rows]
        assert len(addresses) == len(set(addresses)) >= COUNT - 5
        assert any(WITHOUT_ADDRESS in text for text in nodes.left_out)
        assert any(LISTED_TWICE in text for text in nodes.left_out)
        assert warnings == []

    def test_what_does_not_answer_is_unreachable_and_nothing_else_is_known_of_it(
        self, simulator: RunningSimulator, reader: NetworkReader
    ) -> None:
        rows = {row.address: row for row in reader.nodes(FACTS).rows}
        away = {address for address, row in rows.items() if row.reachable is False}
        assert away
        for address in away:
            row = rows[address]
            assert all(getattr(row, name) is None for name in FACTS if name != "reachable"), row
            assert row.tier in ("CUMULUS", "NIMBUS", "STRATUS")
            node = Transport(TransportOptions(timeout=2, retries=0), read_only=True)
            with node, pytest.raises(Unreachable):
                node.get(Endpoint.parse(address), "/flux/version", operation="ask")

    def test_hostile_text_comes_through_as_it_is(self, reader: NetworkReader) -> None:
        told = {row.organisation for row in reader.nodes(FACTS).rows}
        assert {"{{ 7*7 }}", "$(reboot); `id` && rm -rf ~", "line one\nline two\r\ttab"} <= told

    def test_explorer_and_gateway_tell_the_same(self, simulator: RunningSimulator, transport: Transport) -> None:
        sources = sources_of(simulator)
        theirs = NetworkReader(transport, Sources(explorers=sources.explorers)).nodes()
        assert theirs.rows == NetworkReader(transport, Sources(sources.gateways)).nodes().rows
        assert theirs.sources == [simulator.explorer]

    def test_stats_tell_every_field(self, simulator: RunningSimulator, transport: Transport) -> None:
        """Each field of a row is known of some node, so each name in the projection is one that the service has."""
        wanted = set(FIELDS) - {"address", "ip", "port", "listed"}
        rows = NetworkReader(transport, Sources(stats=Endpoint.parse(simulator.stats))).nodes(wanted).rows
        assert {name for name in wanted if all(getattr(row, name) is None for row in rows)} == set()

    def test_a_projection_and_whole_documents_give_the_same_rows(
        self, simulator: RunningSimulator, transport: Transport
    ) -> None:
        reader = NetworkReader(transport, Sources(stats=Endpoint.parse(simulator.stats)))
        whole = {row.address: row for row in from_stats(reader.documents(None)).rows}
        for row in reader.nodes(FACTS).rows:
            assert [getattr(row, name) for name in FACTS] == [getattr(whole[row.address], name) for name in FACTS]

    def test_filters_divide_the_network(self, reader: NetworkReader) -> None:
        rows = reader.nodes(FACTS).rows
        old, new = (select(rows, [by.by_version([condition])]) for condition in ("<8.20.0", ">=8.20.0"))
        unknown = sum(row.version is None for row in rows)
        assert old.rows
        assert len(old.rows) + len(new.rows) + unknown == len(rows)
        assert old.unknown == new.unknown == {"versions": unknown}


class TestService:
    @pytest.mark.parametrize("kept", [False, True], ids=["told once", "kept by the cache of URLs"])
    def test_the_cold_cache(self, simulator: RunningSimulator, transport: Transport, kept: bool) -> None:
        pauses: list[float] = []
        client = StatsClient(Endpoint.parse(simulator.stats), transport, sleep=pauses.append)
        simulator.fault("stats", kind="cold_cache", count=1, kept=kept)
        assert len(client.fluxinfo(["tier"])) >= COUNT - 5
        assert pauses == [2.0]

    def test_a_round_and_its_age(self, simulator: RunningSimulator, transport: Transport) -> None:
        documents, told_at = StatsClient(Endpoint.parse(simulator.stats), transport).fluxinfo_at(
            ["roundTime", "dataCollectedAt"]
        )
        found = round_of(documents)
        assert found is not None
        assert told_at is not None
        assert found.age(told_at) == pytest.approx(600, abs=2)

    def test_an_old_round_is_said(self, transport: Transport, warnings: list[str]) -> None:
        # One of its own: a round stays old until the next is complete.
        with RunningSimulator(network(40, 2), time_factor=0) as simulator:
            simulator.fault("stats", kind="stale_round", age=5 * 3600 + 60)
            NetworkReader(transport, sources_of(simulator), warn=warnings.append).nodes(["version"])
        (warning,) = warnings
        assert warning.startswith("What the stats service tells is 5 hours old")

    def test_other_reads(self, simulator: RunningSimulator, transport: Transport) -> None:
        client = StatsClient(Endpoint.parse(simulator.stats), transport)
        assert client.minimum_versions() == {"syncthing": "2.0.10", "docker": "26.1.2"}
        assert len(client.round_times()) > 1000
        assert {"ip", "flux"} <= set(client.get("/fluxversions")[0])
        with pytest.raises(NotFound, match="The stats service has nothing at this path"):
            client.get("/no/such/path")

    def test_what_the_service_itself_refuses(self, simulator: RunningSimulator, transport: Transport) -> None:
        """The refusals that projection_of saves a request."""
        client = StatsClient(Endpoint.parse(simulator.stats), transport)
        with pytest.raises(Refused, match="the words of the stats service"):
            client.get("/fluxinfo", {"projection": "apps,apps.resources,ip"})


def test_services_that_go_away(
    simulator: RunningSimulator, transport: Transport, warnings: list[str], tmp_path: Path
) -> None:
    reader = NetworkReader(
        transport, sources_of(simulator), cache=AnswerCache(tmp_path / "answers", life=0), warn=warnings.append
    )
    first = reader.nodes(FACTS).rows
    simulator.fault("gateway", kind="unreachable")
    assert reader.nodes(FACTS).rows == first
    assert warnings == []
    simulator.fault("explorer", kind="unreachable")
    simulator.fault("stats", kind="unreachable")
    assert reader.nodes(FACTS).rows == first
    assert len(warnings) == 2
    assert all("old, because there was no newer one" in text for text in warnings)
    with pytest.raises(Unreachable):
        NetworkReader(transport, Sources(stats=Endpoint.parse(simulator.stats))).nodes()


def test_apps_of_the_network(reader: NetworkReader) -> None:
    everywhere = reader.locations()
    names = list(everywhere)[:6]
    asked = reader.locations(names)
    assert {name: set(asked[name]) for name in names} == {name: set(everywhere[name]) for name in names}
    one_by_one = reader.locations(names[:2])
    assert {name: set(one_by_one[name]) for name in names[:2]} == {name: set(everywhere[name]) for name in names[:2]}
    registered = {each.name for each in reader.specifications()}
    assert set(names) <= registered
    (first,) = reader.specifications(names=names[:1])
    assert first in reader.specifications(owner=first.owner)
