# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public reads of nodes of three generations, and of the network through a gateway, against the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    BadAnswer,
    GatewayNotANode,
    Refused,
    Unreachable,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.simulator.running import RunningSimulator
from tests.unit.scripted import Server, answer, error, success

SCENARIO = {
    "nodes": [
        {"host": 1, "port": 16127, "tier": "STRATUS", "uptime": 86400, "confirmation_age": 100, "apps": ["TideBoard"]},
        {"host": 1, "port": 16137, "tier": "CUMULUS", "arcane": True, "apps": ["PlainTide"]},
        {"host": 2, "version": "8.18.0", "apps": ["TideBoard"]},
        {"host": 3, "version": "8.17.0", "apps": ["TideBoard"]},
    ],
    "apps": [
        {"name": "TideBoard", "owner": "@app owner 0", "instances": 4, "components": ["web", "cache"], "version": 8},
        {"name": "PlainTide", "owner": "@app owner 1", "instances": 3, "components": [], "version": 3},
    ],
}
G20, ARCANE, G18, G17 = range(4)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """Shared: what a test spoils is healed after it, and time goes on only when a test says so."""
    with RunningSimulator(SCENARIO, time_factor=0) as running:
        yield running


@pytest.fixture(scope="module")
def transport() -> Iterator[Transport]:
    # Reads only: nothing here may need more.
    with Transport(TransportOptions(timeout=5, retries=0), read_only=True) as shared:
        yield shared


@pytest.fixture
def node(simulator: RunningSimulator, transport: Transport) -> Iterator[Callable[[int], NodeClient]]:
    yield lambda number: NodeClient(Endpoint.parse(simulator.addresses[number]), transport)
    for address in simulator.addresses:
        simulator.heal(address)


@pytest.fixture
def gateway(simulator: RunningSimulator, transport: Transport) -> GatewayClient:
    return GatewayClient(Endpoint.parse(simulator.gateway), transport)


Node = Callable[[int], NodeClient]


@pytest.mark.parametrize(
    ("number", "version", "arcane"),
    [(G20, "8.20.0", False), (ARCANE, "8.20.0", True), (G18, "8.18.0", False), (G17, "8.17.0", False)],
)
def test_identity_of_every_generation(
    simulator: RunningSimulator, node: Node, number: int, version: str, arcane: bool
) -> None:
    client = node(number)
    assert client.node == simulator.addresses[number]
    assert client.version() == version
    assert client.is_arcane() is arcane
    assert client.flux_id() == simulator.operator.flux_id
    assert client.confirmation().confirmed
    assert client.dos().state == 0
    assert client.dos().message is None
    assert client.explorer_synced() is True
    assert client.communication().established
    assert client.info()["flux"]["version"] == version


def test_tier_and_process(simulator: RunningSimulator, node: Node) -> None:
    client = node(G20)
    assert client.tier() == "STRATUS"
    process = client.process()
    assert process.uptime >= 86400
    assert process.node_time == pytest.approx(simulator.now(), abs=1.5)
    assert process.started == pytest.approx(simulator.now() - process.uptime, abs=1.5)


def test_a_wrong_clock_is_the_nodes_own(simulator: RunningSimulator, node: Node) -> None:
    simulator.fault(simulator.addresses[G20], kind="clock", seconds=7200)
    process = node(G20).process()
    assert process.uptime >= 86400
    assert process.node_time == pytest.approx(simulator.now() + 7200, abs=1.5)


def test_confirmation_and_height(node: Node) -> None:
    client = node(G20)
    status = client.confirmation()
    assert client.block_height() - status.last_confirmed_height in range(100, 120)
    assert client.daemon_info()["blocks"] == client.block_height()
    assert status.tier == "STRATUS"
    assert status.collateral.startswith("COutPoint(")


def test_health_where_it_exists_and_where_not(node: Node) -> None:
    health = node(G20).health()
    assert (health.ok, health.offered) == (True, True)
    assert list(health.checks) == ["db", "syncthing", "docker", "hardware", "dos", "appsDos"]
    for number in (G18, G17):
        missing = node(number).health()
        assert (missing.ok, missing.offered, missing.checks) == (False, False, {})


def test_a_failed_check_is_a_result_and_not_an_error(simulator: RunningSimulator, node: Node) -> None:
    simulator.fault(simulator.addresses[G20], kind="health", check="hardware")
    health = node(G20).health()
    assert (health.ok, health.offered, health.said) == (False, True, "Node hardware requirements not met")


def test_a_dos_state(simulator: RunningSimulator, node: Node) -> None:
    simulator.fault(simulator.addresses[G20], kind="dos", state=12, message="Flux IP detection failed")
    dos = node(G20).dos()
    assert (dos.state, dos.message) == (12, "Flux IP detection failed")
    assert node(G20).health().said == "Flux IP detection failed"


def test_too_few_peers_are_a_result(simulator: RunningSimulator, node: Node) -> None:
    simulator.fault(simulator.addresses[G20], kind="peers", out=3)
    communication = node(G20).communication()
    assert not communication.established
    assert "Minimum required 8 found 3" in communication.said


def test_benchmark(simulator: RunningSimulator, node: Node) -> None:
    assert node(G20).benchmark().tier_status == "STRATUS"
    simulator.fault(simulator.addresses[G20], kind="benchmark", status="running")
    assert node(G20).benchmark().status == "running"


def test_a_daemon_that_is_down_is_an_error_of_the_reads_that_need_it(simulator: RunningSimulator, node: Node) -> None:
    simulator.fault(simulator.addresses[G20], kind="daemon_down")
    # What the daemon said before is kept for 20 s, and no header skips that.
    simulator.advance(25)
    client = node(G20)
    for read in (client.confirmation, client.block_height):
        with pytest.raises(Refused) as caught:
            read()
        assert caught.value.code == "ECONNREFUSED"
        assert "daemon" in caught.value.advice
    assert client.version() == "8.20.0"


def test_containers_and_apps(simulator: RunningSimulator, node: Node) -> None:
    containers = node(G20).containers()
    assert [(each.name, each.app, each.component, each.running) for each in containers] == [
        ("fluxweb_TideBoard", "TideBoard", "web", True),
        ("fluxcache_TideBoard", "TideBoard", "cache", True),
    ]
    assert node(G20).containers(all_states=True) == containers
    (app,) = node(G20).installed_apps()
    assert (app.name, app.instances, app.components, app.version) == ("TideBoard", 4, ("web", "cache"), 8)
    # Rows of 8.17 have much more, and name the same.
    assert [each.name for each in node(G17).containers()] == [each.name for each in containers]


def test_an_app_without_components(node: Node) -> None:
    (container,) = node(ARCANE).containers()
    assert (container.name, container.app, container.component) == ("fluxPlainTide", "PlainTide", None)
    (app,) = node(ARCANE).installed_apps()
    assert (app.name, app.components, app.version) == ("PlainTide", (), 3)


def test_the_boot_window_is_told_without_doing_anything(simulator: RunningSimulator, node: Node) -> None:
    assert node(G20).boot_settled() is True
    assert node(G18).boot_settled("8.18.0") is True
    assert node(G17).boot_settled() is None
    simulator.fault(simulator.addresses[G20], kind="boot_stuck")
    simulator.restart(simulator.addresses[G20])
    simulator.advance(60)
    assert node(G20).boot_settled() is False
    assert not any(line["write"] for line in simulator.journal("request"))


def test_reads_are_fresh_unless_cached_ones_are_asked_for(simulator: RunningSimulator, node: Node) -> None:
    address = simulator.addresses[G18]
    reader = node(G18).cached()
    assert reader.version() == node(G18).version()
    assert reader.version() == "8.18.0"
    lines = simulator.requests(node=address, path="/flux/version")[-3:]
    assert [line["from_cache"] for line in lines] == [False, False, True]


def test_locations_and_owner(simulator: RunningSimulator, gateway: GatewayClient, node: Node) -> None:
    holders = {simulator.addresses[number] for number in (G20, G18, G17)}
    for client in (gateway, node(ARCANE)):
        locations = client.app_locations("TideBoard")
        assert {row.address for row in locations} == holders
        assert {row.name for row in locations} == {"TideBoard"}
        assert client.app_locations("NoSuchApp") == ()
        assert client.app_owner("NoSuchApp") is None
    owner = gateway.app_owner("TideBoard")
    assert owner == node(G20).installed_apps()[0].owner


def test_places_and_specifications_for_the_inventory(simulator: RunningSimulator, gateway: GatewayClient) -> None:
    (spec,) = gateway.specifications(names=["TideBoard"])
    places, unreadable = gateway.located("tideboard")
    assert {place.address for place in places} == {row.address for row in gateway.app_locations("TideBoard")}
    assert ({place.hash for place in places}, unreadable) == ({spec.hash}, 0)
    assert all((place.running_since or 0) <= (place.broadcast_at or 0) <= simulator.now() for place in places)
    everywhere = gateway.locations()
    assert tuple(place for place in everywhere if place.name == "TideBoard") == places
    assert spec in gateway.specifications(owner=spec.owner)
    assert spec in gateway.specifications()
    assert gateway.specifications(names=["tideboard"]) == gateway.specifications(owner="nobody") == ()
    assert gateway.located("NoSuchApp") == ((), 0)


def test_a_name_is_a_name_and_not_a_pattern(gateway: GatewayClient) -> None:
    # FluxOS takes it for a regular expression, which ".*" makes match everything.
    assert gateway.app_locations(".*") == ()
    assert gateway.app_locations("T.deBoard") == ()


def test_the_node_list(simulator: RunningSimulator, gateway: GatewayClient) -> None:
    rows = gateway.node_list()
    assert {row["address"] for row in rows} == set(simulator.addresses)
    first = next(row for row in rows if row["address"] == simulator.addresses[G20])
    assert (first["ip"], first["port"], first["tier"]) == (simulator.nodes[G20].ip, 16127, "STRATUS")
    assert first["payment_address"] == simulator.operator.payment_address
    assert gateway.block_height() - first["last_confirmed_height"] in range(100, 120)
    assert first["collateral"].count(":") == 1
    assert gateway.node_count()["total"] == len(rows)


def test_the_node_list_of_one_owner(simulator: RunningSimulator, gateway: GatewayClient) -> None:
    assert len(gateway.node_list(filter=simulator.operator.payment_address)) == 4
    assert gateway.node_list(filter="t1NobodyAtAll") == []


def test_a_gateway_is_no_node(transport: Transport) -> None:
    with pytest.raises(GatewayNotANode, match="Give the node's own address"):
        NodeClient(Endpoint.parse("https://api.runonflux.io"), transport)


def test_a_node_that_is_away(simulator: RunningSimulator, node: Node) -> None:
    simulator.fault(simulator.addresses[G18], kind="unreachable")
    with pytest.raises(Unreachable, match=r"read the version \(/flux/version\): connection refused"):
        node(G18).version()


@pytest.mark.parametrize("fault", ["html", "truncate", "reset", "empty"])
def test_spoilt_answers_are_errors_with_the_operation(simulator: RunningSimulator, node: Node, fault: str) -> None:
    simulator.fault(simulator.addresses[G18], kind=fault, path="/daemon/getfluxnodestatus")
    with pytest.raises((BadAnswer, Unreachable), match="read the confirmation"):
        node(G18).confirmation()


# What a simulator that keeps to the contract does not answer, and a proxy or a shared variable of FluxOS may.


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("version", None),
        ("version", ""),
        ("version", {"version": "8.20.0"}),
        ("process", "86400"),
        ("process", -1),
        ("process", 1.5),
        ("process", True),
        ("block_height", None),
        ("info", []),
        ("is_arcane", None),
        ("is_arcane", "false"),
        ("dos", {"dosMessage": None}),
        ("dos", [0, None]),
        ("confirmation", {}),
        ("confirmation", {"status": "CONFIRMED", "last_confirmed_height": "2996541"}),
        ("confirmation", "CONFIRMED"),
        ("explorer_synced", 1),
        ("benchmark", {"status": "online"}),
        ("containers", {"Names": []}),
        ("containers", [{"State": "running"}]),
        ("containers", [{"Names": []}]),
        ("installed_apps", [{"version": 8}]),
        ("installed_apps", ["TideBoard"]),
        ("health", None),
        ("geolocation", "Germany"),
    ],
)
def test_odd_shapes_are_said_and_never_guessed(transport: Transport, method: str, data: Any) -> None:
    with Server(answer(success(data))) as server:
        client = NodeClient(server.endpoint, transport)
        with pytest.raises(BadAnswer, match="was expected"):
            getattr(client, method)()


def test_shapes_that_are_rare_and_right(transport: Transport) -> None:
    def ask(method: str, data: Any) -> Any:
        with Server(answer(success(data))) as server:
            return getattr(NodeClient(server.endpoint, transport), method)()

    assert ask("geolocation", None) is None
    assert ask("process", 12.0).uptime == 12
    assert ask("dos", {"dosState": 0.13, "dosMessage": ""}).message is None
    assert ask("confirmation", {"status": "STARTED"}).last_confirmed_height == 0
    assert ask("benchmark", {"benchmarking": "running"}).tier_status == ""
    assert ask("tier", "cumulus_new") == "CUMULUS"
    (enterprise,) = ask("installed_apps", [{"name": "secretapp", "version": 8, "compose": [], "instances": 30}])
    assert (enterprise.components, enterprise.instances) == ((), 30)
    (old,) = ask("installed_apps", [{"name": "old", "version": 2}])
    assert old.instances == 3


def test_a_node_that_acts_without_a_login_is_not_fluxos(transport: Transport) -> None:
    with (
        Server(answer(success("Application x started"))) as server,
        pytest.raises(BadAnswer, match="without a login"),
    ):
        NodeClient(server.endpoint, transport).boot_settled("8.20.0")
    with Server(answer(error("No Flux App specified"))) as server:
        assert NodeClient(server.endpoint, transport).boot_settled("8.21.0-beta.1") is True


def test_rows_of_the_node_list_that_name_no_place(transport: Transport) -> None:
    row = {"ip": "", "network": "", "txhash": "ab", "outidx": "0", "tier": "NIMBUS", "lastpaid": "1516980000"}
    with Server(answer(success([{**row, "last_paid_height": 0, "activesince": "1761730714"}]))) as server:
        (read,) = GatewayClient(server.endpoint, transport).node_list()
    assert (read["address"], read["ip"], read["port"], read["collateral"]) == ("", "", 0, "ab:0")
    # "1516980000" is what the daemon writes for never.
    assert (read["last_paid"], read["active_since"]) == (0, 1761730714)
