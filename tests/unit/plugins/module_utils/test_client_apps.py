# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of the whole network through a gateway, against the simulator and answers of live nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import network_shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Instance
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.simulator.running import RunningSimulator
from tests.unit.recordings import recorded

SCENARIO = {
    "nodes": [
        {"host": 1, "apps": ["TideBoard"]},
        {"host": 1, "port": 16137, "apps": ["PlainTide", "TideBoard"]},
        {"host": 2, "version": "8.17.0", "apps": ["TideBoard"]},
    ],
    "apps": [
        {"name": "TideBoard", "owner": "@app owner 0", "instances": 4, "components": ["web", "cache"], "version": 8},
        {"name": "PlainTide", "owner": "@app owner 1", "instances": 3, "components": [], "version": 3},
        {"name": "LowTide", "owner": "@app owner 0", "instances": 3, "components": ["db"], "version": 8},
    ],
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=0) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator) -> Iterator[GatewayClient]:
    with Transport(TransportOptions(timeout=5, retries=0), read_only=True) as transport:
        yield GatewayClient(Endpoint.parse(simulator.gateway), transport)


class TestLocations:
    def test_all_in_one_request(self, simulator: RunningSimulator, gateway: GatewayClient) -> None:
        first, second, third = simulator.addresses
        found = {(each.name, each.address) for each in gateway.locations()}
        assert found == {
            ("TideBoard", first),
            ("TideBoard", second),
            ("PlainTide", second),
            ("TideBoard", third),
        }

    def test_of_one_app_in_any_case_of_its_letters(self, simulator: RunningSimulator, gateway: GatewayClient) -> None:
        assert {each.address for each in gateway.app_locations("tideboard")} == set(simulator.addresses)
        assert gateway.app_locations("NoSuchApp") == ()

    def test_a_name_is_no_pattern(self, gateway: GatewayClient) -> None:
        assert gateway.app_locations("T.deBoard") == ()

    def test_what_a_record_says(self) -> None:
        (first, *others) = network_shapes.locations(Field("n", "o", recorded("apps_locations")))[0]
        assert len(others) == 24
        assert first.name == "FoldingAtRunOnFlux13"
        assert first.address == "65.109.86.15:16127"
        assert first.hash == "b5063c7473d5355ea6daf4b7f5fcc592b7a829db41477e38ea2183b472c70eb8"
        assert first.broadcast_at == 1790794516.43
        assert first.expires_at == first.broadcast_at + 125 * 60
        assert first.running_since == 1780599719.505
        assert first.os_uptime == 11117783.41
        assert first.static_ip is True
        assert isinstance(first, Instance)

    def test_rows_that_name_no_node_are_left_out_and_odd_values_are_not_known(self) -> None:
        rows = [
            {"name": "a", "ip": "metadata.internal"},
            {"name": "a", "ip": 7},
            {"name": "", "ip": "1.2.3.4:16127"},
            {"ip": "1.2.3.4:16127"},
            {"name": "{{ x }}", "ip": "1.2.3.4", "broadcastedAt": 1, "expireAt": "soonZ", "osUptime": True},
        ]
        (row,) = network_shapes.locations(Field("n", "o", rows))[0]
        assert (row.name, row.address) == ("{{ x }}", "1.2.3.4:16127")
        assert (row.broadcast_at, row.expires_at, row.os_uptime, row.static_ip, row.hash) == (
            None,
            None,
            None,
            None,
            "",
        )

    def test_a_list_that_is_none(self) -> None:
        with pytest.raises(BadAnswer, match=r"where a list of objects was expected"):
            network_shapes.locations(Field("n", "o", {"message": "x"}))


class TestSpecifications:
    def test_all(self, gateway: GatewayClient) -> None:
        found = {each.name: each for each in gateway.specifications()}
        assert set(found) == {"TideBoard", "PlainTide", "LowTide"}
        tide = found["TideBoard"]
        assert (tide.version, tide.instances, tide.component_names) == (8, 4, ("web", "cache"))
        assert tide.document["compose"][0]["name"] == "web"
        assert tide.hash == tide.document["hash"]

    def test_of_an_owner(self, gateway: GatewayClient) -> None:
        owner = gateway.app_owner("lowtide")
        assert owner is not None
        assert {each.name for each in gateway.specifications(owner=owner)} == {"TideBoard", "LowTide"}
        assert [each.name for each in gateway.specifications(owner=owner, names=["LowTide", "PlainTide"])] == [
            "LowTide"
        ]
        assert gateway.specifications(owner="1Nobody") == ()

    def test_of_names(self, simulator: RunningSimulator, gateway: GatewayClient) -> None:
        assert [each.name for each in gateway.specifications(names=["PlainTide"])] == ["PlainTide"]
        assert {each.name for each in gateway.specifications(names=["PlainTide", "LowTide", "x"])} == {
            "PlainTide",
            "LowTide",
        }
        assert gateway.specifications(names=["plaintide"]) == ()
        assert gateway.specifications(names=[]) == ()

    def test_of_live_nodes(self) -> None:
        rows = recorded("apps_globalappsspecifications_variants")
        found = {each.name: each for each in network_shapes.specifications(Field("n", "o", rows))}
        facts = {
            name: (each.version, each.instances, each.component_names, each.encrypted, each.height)
            for name, each in found.items()
        }
        assert facts == {
            "131barb1": (8, 100, ("fm1", "ps1", "rp1"), False, 2916487),
            "BitcoinWhitepaper": (3, 3, (), False, found["BitcoinWhitepaper"].document["height"]),
            "DiBiFetch": (5, 3, found["DiBiFetch"].component_names, False, found["DiBiFetch"].document["height"]),
            "Firod": (2, 3, (), False, found["Firod"].document["height"]),
            "ownllmdocs": (8, 20, (), True, found["ownllmdocs"].document["height"]),
        }
        assert len(found["DiBiFetch"].component_names) == len(found["DiBiFetch"].document["compose"])
        # Its text is long and belongs into no message.
        assert "fm1" in repr(found["131barb1"])
        assert "EARNFM_TOKEN" not in repr(found["131barb1"])
