# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a simulated network: whose nodes, which of them, what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleParserError
from ansible.plugins.loader import inventory_loader

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.plugins.inventory.conftest import Reader

OTHER = Person.named("another owner").payment_address
NOBODY = Person.named("an owner without nodes").payment_address
SCENARIO = {
    "nodes": [
        {"host": 1, "tier": "STRATUS"},
        {"host": 2, "tier": "CUMULUS", "payment_address": OTHER},
        {"host": 3, "tier": "NIMBUS", "status": "expired"},
        {"host": 4, "tier": "NIMBUS", "faults": [{"kind": "daemon_down"}]},
        {"host": 5, "tier": "NIMBUS", "faults": [{"kind": "unreachable"}]},
    ]
}


@pytest.fixture(scope="module")
def fleet() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO) as simulator:
        yield simulator


def ip(fleet: RunningSimulator, host: int) -> str:
    return f"127.{fleet.fleet.network}.0.{host}"


def test_an_owners_nodes_by_the_daemons_own_filter(fleet: RunningSimulator, read: Reader) -> None:
    result = read(gateway=[fleet.gateway], owners=[OTHER])
    assert [host["fluxos_ip"] for host in result.hosts.values()] == [ip(fleet, 2)]
    assert result.shared == {"fluxos_scope": "owner", "fluxos_gateway": fleet.gateway}
    assert result.said.warnings == []
    assert OTHER in fleet.requests()[-1]["path"]


def test_an_owner_without_nodes_is_named_in_a_warning(fleet: RunningSimulator, read: Reader) -> None:
    result = read(gateway=[fleet.gateway], owners=[OTHER, NOBODY])
    assert len(result.hosts) == 1
    (warning,) = result.said.warnings
    assert f"no confirmed node of {NOBODY}" in warning


@pytest.mark.parametrize(("tiers", "hosts"), [(["stratus"], [1]), (["Cumulus", "STRATUS"], [1, 2]), ([], [1, 2, 4, 5])])
def test_tiers(tiers: list[str], hosts: list[int], fleet: RunningSimulator, read: Reader) -> None:
    result = read(gateway=[fleet.gateway], tiers=tiers)
    assert sorted(host["fluxos_ip"] for host in result.hosts.values()) == [ip(fleet, host) for host in hosts]
    assert result.shared["fluxos_scope"] == "network"


def test_no_request_of_the_inventory_is_a_write_or_has_a_login(fleet: RunningSimulator, read: Reader) -> None:
    before = len(fleet.requests())
    read(gateway=[fleet.gateway])
    read(nodes=[ip(fleet, 1)], read_status=True)
    requests = fleet.requests()[before:]
    assert len(requests) == 2
    assert [(request["write"], request["flux_id"]) for request in requests] == [(False, None)] * 2


class TestReadStatus:
    def test_each_node_tells_its_own(self, fleet: RunningSimulator, read: Reader) -> None:
        result = read(nodes=[ip(fleet, host) for host in range(1, 6)], read_status=True)
        told = {host["fluxos_ip"]: host["fluxos_status"] for host in result.hosts.values()}
        assert told == {
            ip(fleet, 1): "CONFIRMED",
            ip(fleet, 2): "CONFIRMED",
            ip(fleet, 3): "expired",
            ip(fleet, 4): "unknown",
            ip(fleet, 5): "unreachable",
        }
        name = f"127-{fleet.fleet.network}-0-{{}}-16127".format
        assert result.groups == {
            "fluxos_nodes": [name(host) for host in range(1, 6)],
            "fluxos_status_confirmed": [name(1), name(2)],
            "fluxos_status_expired": [name(3)],
            "fluxos_status_unknown": [name(4)],
            "fluxos_status_unreachable": [name(5)],
            "fluxos_tier_cumulus": [name(2)],
            "fluxos_tier_nimbus": [name(3)],
            "fluxos_tier_stratus": [name(1)],
        }
        assert result.shared == {"fluxos_scope": "nodes"}
        (warning,) = result.said.warnings
        assert warning.startswith("2 of 5 nodes did not tell their status.")
        assert f"{ip(fleet, 4)}:16127" in warning
        assert f"{ip(fleet, 5)}:16127" in warning

    def test_it_is_the_same_as_in_the_networks_list(self, fleet: RunningSimulator, read: Reader) -> None:
        (listed,) = read(gateway=[fleet.gateway], owners=[OTHER]).hosts.values()
        (told,) = read(nodes=[ip(fleet, 2)], read_status=True).hosts.values()
        assert told == listed

    def test_statuses_choose(self, fleet: RunningSimulator, read: Reader) -> None:
        result = read(
            nodes=[ip(fleet, host) for host in (1, 3, 5)], read_status=True, statuses=["EXPIRED", "unreachable"]
        )
        assert [host["fluxos_ip"] for host in result.hosts.values()] == [ip(fleet, 3), ip(fleet, 5)]


def test_two_addresses_that_would_be_one_host_are_an_error(read: Reader) -> None:
    with pytest.raises(AnsibleParserError, match=r"node-a\.example.*node\.a\.example.*would both be the host"):
        read(nodes=["node-a.example", "node.a.example"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nodes": ["203.0.113.7:80"]}, "nodes: '203.0.113.7:80'"),
        ({"nodes": ["203.0.113.7"], "read_status": True, "timeout": 0}, "timeout is 0: a number above 0 is expected"),
        ({"owners": ["me"]}, "owners: 'me' is neither a payment address"),
        ({"proxy": "nonsense://x"}, "proxy"),
        ({"ca_file": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
    ],
)
def test_options_that_cannot_work_are_errors_of_one_sentence(
    options: dict[str, object], words: str, read: Reader
) -> None:
    with pytest.raises(AnsibleParserError) as caught:
        read(**options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("file", "ours"),
    [
        ("fluxos.yml", True),
        ("fleet.fluxos.yml", True),
        ("fleet.fluxos.yaml", True),
        ("notfluxos.yml", False),
        ("fleet.yml", False),
        ("fleet.fluxos.json", False),
    ],
)
def test_which_files_are_ours(file: str, ours: bool, tmp_path: Path) -> None:
    (tmp_path / file).write_text("plugin: fluxme.fluxos.fluxos\n")
    assert inventory_loader.get("fluxme.fluxos.fluxos").verify_file(str(tmp_path / file)) is ours
