# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source is asked when, what a missing one means, and what the user is told. The services are scripted: what
matters here is how they fail.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.answer_cache import AnswerCache
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer, FluxOSError, Unreachable
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_reader import (
    FEW_APPS,
    NetworkReader,
    NoSource,
    Sources,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.unit.recordings import recorded
from tests.unit.scripted import Behaviour, Server, answer, error, success

DOWN = answer("<html><h1>Bad Gateway</h1></html>", status=502)


def listed(*addresses: str) -> list[dict[str, Any]]:
    return [
        {"ip": address, "tier": "STRATUS", "txhash": "ab" * 32, "outidx": str(index), "last_confirmed_height": 900}
        for index, address in enumerate(addresses)
    ]


def document(address: str, **facts: Any) -> dict[str, Any]:
    return {"ip": address, "tier": "NIMBUS", "lastConfirmedHeight": 400, "flux": {"version": "8.20.0"}, **facts}


LIST = answer(success(listed("1.2.3.4", "1.2.3.4:16137")))
STATS = answer(success([document("1.2.3.4"), document("9.9.9.9")]))


class Network:
    """Services of which a test says how they behave."""

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        self.folder = folder
        self.warnings: list[str] = []
        self.transport = self._open.enter_context(Transport(TransportOptions(timeout=5, retries=0), read_only=True))

    def serve(self, *behaviours: Behaviour) -> Server:
        return self._open.enter_context(Server(*behaviours))

    def reader(
        self,
        *gateways: Server,
        stats: Server | None = None,
        explorer: Server | None = None,
        cached: bool = False,
        life: float = 600,
        refresh: bool = False,
    ) -> NetworkReader:
        sources = Sources(
            gateways=[gateway.endpoint for gateway in gateways],
            stats=stats.endpoint if stats else None,
            explorers=[explorer.endpoint] if explorer else [],
        )
        cache = AnswerCache(self.folder / "answers", life=life) if cached else None
        return NetworkReader(self.transport, sources, cache=cache, refresh=refresh, warn=self.warnings.append)

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    found = Network(tmp_path)
    yield found
    found.close()


class TestNodes:
    def test_the_chain_needs_no_stats(self, network: Network) -> None:
        gateway, stats = network.serve(LIST), network.serve(STATS)
        nodes = network.reader(gateway, stats=stats).nodes(["tier"])
        assert [(row.address, row.tier, row.reachable) for row in nodes.rows] == [
            ("1.2.3.4:16127", "STRATUS", None),
            ("1.2.3.4:16137", "STRATUS", None),
        ]
        assert nodes.sources == [gateway.url]
        assert stats.requests == []

    def test_what_only_stats_know_is_merged_in(self, network: Network) -> None:
        gateway, stats = network.serve(LIST), network.serve(STATS)
        nodes = network.reader(gateway, stats=stats).nodes(["version", "country"])
        assert [(row.address, row.tier, row.version, row.listed) for row in nodes.rows] == [
            ("1.2.3.4:16127", "STRATUS", "8.20.0", True),
            ("1.2.3.4:16137", "STRATUS", None, True),
            ("9.9.9.9:16127", "NIMBUS", "8.20.0", False),
        ]
        assert nodes.sources == [gateway.url, stats.url]
        assert [seen.target for seen in stats.requests] == [
            "/fluxinfo?projection=flux.version%2Cgeolocation.country%2Cip%2ClastConfirmedHeight%2CroundTime"
        ]
        assert network.warnings == []

    @pytest.mark.parametrize(("age", "warned"), [(45 * 60, None), (7200, None), (3 * 3600 + 1, "is 3 hours old")])
    def test_a_round_that_is_old_is_said(self, network: Network, age: float, warned: str | None) -> None:
        # The scripted service's clock, from its Date header, not ours.
        told_at = datetime(2026, 11, 25, 8, tzinfo=UTC).timestamp()
        stats = network.serve(answer(success([document("1.2.3.4", roundTime=(told_at - age) * 1000)])))
        network.reader(stats=stats).nodes(["version"])
        assert [bool(warned) and str(warned) in text for text in network.warnings] == ([True] if warned else [])

    def test_the_next_gateway_then_the_explorer(self, network: Network) -> None:
        empty = network.serve(answer(success([])))
        explorer = network.serve(answer({"result": listed("5.5.5.5")}))
        nodes = network.reader(network.serve(DOWN), empty, explorer=explorer).nodes()
        assert [row.address for row in nodes.rows] == ["5.5.5.5:16127"]
        assert nodes.sources == [explorer.url]

    def test_without_any_node_list_stats_serve_with_a_warning(self, network: Network) -> None:
        stats = network.serve(STATS)
        for wanted in (["tier"], ["version"]):
            nodes = network.reader(network.serve(DOWN), stats=stats).nodes(wanted)
            assert [(row.address, row.tier, row.listed) for row in nodes.rows] == [
                ("1.2.3.4:16127", "NIMBUS", None),
                ("9.9.9.9:16127", "NIMBUS", None),
            ]
        assert len(network.warnings) == 2
        assert "No node list could be read" in network.warnings[0]
        assert "HTTP 502: Bad Gateway" in network.warnings[0]

    def test_stats_alone(self, network: Network) -> None:
        nodes = network.reader(stats=network.serve(STATS)).nodes(["tier"])
        assert len(nodes.rows) == 2
        assert network.warnings == []

    def test_without_stats_what_only_they_know_is_an_error(self, network: Network) -> None:
        stats = network.serve(DOWN)
        with pytest.raises(BadAnswer, match="read the nodes") as caught:
            network.reader(network.serve(LIST), stats=stats).nodes(["version"])
        assert caught.value.node == stats.url

    def test_nobody_answers(self, network: Network) -> None:
        gateway, stats = network.serve(DOWN), network.serve(answer(error("no database")))
        with pytest.raises(NoSource) as caught:
            network.reader(gateway, stats=stats).nodes(["version"])
        assert f"{gateway.url}: HTTP 502: Bad Gateway / {stats.url}: no database" in caught.value.said
        with pytest.raises(BadAnswer):
            network.reader(gateway).nodes()

    def test_nobody_is_given(self, network: Network) -> None:
        with pytest.raises(NoSource, match=r"nobody is given who could be asked\. Set the option stats"):
            network.reader().nodes()
        with pytest.raises(NoSource, match="Set the option gateway"):
            network.reader().locations(["x"])

    def test_what_was_left_out_is_told_by_source(self, network: Network) -> None:
        gateway = network.serve(answer(success(listed("1.2.3.4", "1.2.3.4:16127", ""))))
        stats = network.serve(answer(success([document("1.2.3.4"), document("node.example")])))
        nodes = network.reader(gateway, stats=stats).nodes(["version"])
        assert [text.partition(" (")[0] for text in nodes.left_out] == [
            "Left out 1 row of the node list: 1 without an address",
            "Left out 1 row of the stats service's nodes: 1 with an address that is none",
            "Left out 1 row of the nodes: 1 listed twice",
        ]


def test_the_collector_is_as_it_was(network: Network) -> None:
    for behaviour, failed in ((LIST, False), (DOWN, True)):
        with pytest.raises(BadAnswer) if failed else nullcontext():
            network.reader(network.serve(behaviour)).nodes()
        assert gc.isenabled()
    gc.disable()
    try:
        network.reader(network.serve(LIST)).nodes()
        assert not gc.isenabled()
    finally:
        gc.enable()


class TestKept:
    def test_asked_once_for_all(self, network: Network) -> None:
        gateway, stats = network.serve(LIST), network.serve(STATS)
        for _each in range(2):
            nodes = network.reader(gateway, stats=stats, cached=True).nodes(["version"])
            assert len(nodes.rows) == 3
            assert nodes.read_at is not None
        assert (len(gateway.requests), len(stats.requests)) == (1, 1)
        network.reader(gateway, stats=stats, cached=True, refresh=True).nodes(["version"])
        assert (len(gateway.requests), len(stats.requests)) == (2, 2)

    def test_an_old_copy_only_when_no_source_answers(self, network: Network) -> None:
        first = network.serve(LIST, DOWN)
        second = network.serve(answer(success(listed("7.7.7.7"))), DOWN)
        reader = network.reader(first, second, cached=True, life=0)
        assert [row.ip for row in reader.nodes().rows] == ["1.2.3.4", "1.2.3.4"]
        assert [row.ip for row in reader.nodes().rows] == ["7.7.7.7"]
        assert network.warnings == []
        assert [row.ip for row in reader.nodes().rows] == ["7.7.7.7"]
        (warning,) = network.warnings
        assert " seconds old, because there was no newer one. the network: list the nodes" in warning

    def test_a_whole_document_and_a_projection_are_two_questions(self, network: Network) -> None:
        stats = network.serve(STATS)
        reader = network.reader(stats=stats, cached=True)
        reader.documents(None)
        reader.documents([])
        reader.documents(["ip"])
        assert [seen.target for seen in stats.requests] == ["/fluxinfo", "/fluxinfo?projection=ip"]


class TestApps:
    @staticmethod
    def rows(*names: str) -> Behaviour:
        return answer(success([{"name": name, "ip": "1.2.3.4:16127"} for name in names]))

    def test_a_few_one_by_one(self, network: Network) -> None:
        gateway = network.serve(self.rows("Shop"))
        found = network.reader(gateway).locations(["shop", "Shop", "other"])
        assert {name: len(locations) for name, locations in found.items()} == {"shop": 1, "Shop": 1, "other": 0}
        assert {seen.target for seen in gateway.requests} == {
            "/apps/location/shop",
            "/apps/location/Shop",
            "/apps/location/other",
        }

    def test_many_in_one_request(self, network: Network) -> None:
        gateway = network.serve(self.rows("Shop", "Shop", "app0", "else"))
        names = ["shop", *(f"app{number}" for number in range(FEW_APPS))]
        found = network.reader(gateway).locations(names)
        assert list(found) == names
        assert [len(locations) for locations in found.values()] == [2, 1, *[0] * (FEW_APPS - 1)]
        assert [seen.target for seen in gateway.requests] == ["/apps/locations"]

    def test_all(self, network: Network) -> None:
        found = network.reader(network.serve(self.rows("Shop", "Shop", "b"))).locations()
        assert {name: len(locations) for name, locations in found.items()} == {"Shop": 2, "b": 1}

    def test_the_next_gateway(self, network: Network) -> None:
        second = network.serve(answer(success(recorded("apps_globalappsspecifications_variants"))))
        reader = network.reader(network.serve(answer(error("Daemon not yet synced."))), second)
        assert len(reader.specifications()) == 5

    def test_one_gateway_that_is_away_says_so_itself(self, network: Network) -> None:
        with Server(LIST) as server:
            gone = server.endpoint
        reader = NetworkReader(network.transport, Sources(gateways=[gone]))
        calls: list[Callable[[], Any]] = [reader.locations, lambda: reader.locations(["a"]), reader.specifications]
        for call in calls:
            with pytest.raises(Unreachable, match="connection refused"):
                call()


def test_an_error_of_several_is_one_of_the_family() -> None:
    assert issubclass(NoSource, FluxOSError)
    assert NoSource("the network", "o", "s", "a").as_dict()["kind"] == "no_source"
