# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of apps as hosts: of a simulated network, and of gateways that say what a healthy one does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.plugins.inventory.conftest import OddGateway, Reader

OWNER, OTHER = Person.named("app owner").flux_id, Person.named("another owner").flux_id
NOBODY = Person.named("an owner without apps").flux_id
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": "TideBoard", "owner": "@app owner", "components": ["web", "cache"], "version": 8, "instances": 4},
        {"name": "ReefMail", "owner": "@app owner", "version": 3},
        {"name": "FarShore", "owner": "@another owner", "components": ["web"], "version": 7},
    ],
    "nodes": [
        {"host": 1, "tier": "STRATUS", "apps": ["TideBoard", "ReefMail"]},
        {"host": 2, "tier": "NIMBUS", "apps": ["FarShore"]},
        {"host": 2, "tier": "NIMBUS", "apps": ["TideBoard"]},
        {"host": 3, "tier": "CUMULUS", "outdated": ["TideBoard"], "apps": ["TideBoard", "FarShore"]},
    ],
}
EVIL = "{{ lookup('ansible.builtin.pipe', 'touch ' ~ marker) }}"


@pytest.fixture(scope="module")
def fleet() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO) as simulator:
        yield simulator


def ip(fleet: RunningSimulator, host: int) -> str:
    return f"127.{fleet.fleet.network}.0.{host}"


def node(fleet: RunningSimulator, host: int, port: int = 16127) -> str:
    """The inventory's name of a node, and the end of that of an instance."""
    return f"127-{fleet.fleet.network}-0-{host}-{port}"


def paths(fleet: RunningSimulator, since: int = 0) -> list[str]:
    return [f"{line['path']}?{line['query']}".rstrip("?") for line in fleet.requests()[since:]]


class TestOfASimulatedNetwork:
    def test_an_app_is_a_host_on_each_of_its_nodes(self, fleet: RunningSimulator, read: Reader) -> None:
        before = len(fleet.requests())
        # FluxOS finds places by any spelling and specifications by the right one only.
        result = read(gateway=[fleet.gateway], apps="tideboard")
        names = [f"tideboard-{node(fleet, 1)}", f"tideboard-{node(fleet, 2, 16137)}", f"tideboard-{node(fleet, 3)}"]
        assert list(result.hosts) == names
        assert result.groups == {"fluxos_apps": [], "fluxos_app_tideboard": names}
        assert [group.name for group in result.inventory.groups["fluxos_apps"].child_groups] == ["fluxos_app_tideboard"]
        assert dict(result.inventory.groups["fluxos_apps"].vars) == {"fluxos_gateway": fleet.gateway}
        # Ansible itself adds where the inventory is.
        host = {key: value for key, value in result.hosts[names[1]].items() if not key.startswith("inventory_")}
        assert host.pop("fluxos_app_hash")
        assert host.pop("fluxos_app_running_since") <= host.pop("fluxos_app_announced")
        assert host == {
            "ansible_host": ip(fleet, 2),
            "fluxos_app": "TideBoard",
            "fluxos_app_components": ["web", "cache"],
            "fluxos_app_instances": 4,
            "fluxos_app_outdated": False,
            "fluxos_app_owner": OWNER,
            "fluxos_app_version": 8,
            "fluxos_ip": ip(fleet, 2),
            "fluxos_node": f"{ip(fleet, 2)}:16137",
            "fluxos_port": 16137,
        }
        assert result.hosts[names[2]]["fluxos_app_outdated"] is True
        assert result.said.warnings == []
        asked = fleet.requests()[before:]
        assert paths(fleet, before) == [
            "/apps/location/tideboard",
            "/apps/globalappsspecifications?appname=TideBoard",
        ]
        assert [(request["write"], request["flux_id"]) for request in asked] == [(False, None)] * 2

    def test_several_apps_on_one_node_are_several_hosts(self, fleet: RunningSimulator, read: Reader) -> None:
        result = read(gateway=[fleet.gateway], apps=["TideBoard", "ReefMail", "FarShore"])
        on_first = [name for name, host in result.hosts.items() if host["fluxos_ip"] == ip(fleet, 1)]
        assert on_first == [f"reefmail-{node(fleet, 1)}", f"tideboard-{node(fleet, 1)}"]
        assert len(result.hosts) == 6
        assert result.hosts[on_first[0]]["fluxos_app_components"] == []
        # Two nodes at one address; two apps on one node are not two nodes.
        assert result.groups["fluxos_shared_ip"] == [f"farshore-{node(fleet, 2)}", f"tideboard-{node(fleet, 2, 16137)}"]

    def test_of_an_owner_are_all_apps_and_those_named_besides(self, fleet: RunningSimulator, read: Reader) -> None:
        before = len(fleet.requests())
        result = read(gateway=[fleet.gateway], app_owner=[OWNER])
        assert {host["fluxos_app"] for host in result.hosts.values()} == {"TideBoard", "ReefMail"}
        assert sorted(paths(fleet, before)) == [
            f"/apps/globalappsspecifications?owner={OWNER}",
            "/apps/location/ReefMail",
            "/apps/location/TideBoard",
        ]
        both = read(gateway=[fleet.gateway], app_owners=[OWNER], apps=["farshore", "TIDEBOARD"])
        assert len(both.hosts) == 6
        assert {host["fluxos_app_owner"] for host in both.hosts.values()} == {OWNER, OTHER}

    def test_nodes_and_apps_in_one_source(self, fleet: RunningSimulator, read: Reader) -> None:
        result = read(
            gateway=[fleet.gateway],
            nodes=[ip(fleet, 1), ip(fleet, 2)],
            read_status=True,
            apps=["ReefMail", "FarShore"],
        )
        nodes = [node(fleet, 1), node(fleet, 2)]
        assert result.groups == {
            "fluxos_nodes": nodes,
            "fluxos_apps": [],
            "fluxos_app_reefmail": [f"reefmail-{nodes[0]}"],
            "fluxos_app_farshore": [f"farshore-{nodes[1]}", f"farshore-{node(fleet, 3)}"],
            "fluxos_tier_stratus": [nodes[0], f"reefmail-{nodes[0]}"],
            "fluxos_tier_nimbus": [nodes[1], f"farshore-{nodes[1]}"],
            "fluxos_status_confirmed": [*nodes, f"farshore-{nodes[1]}", f"reefmail-{nodes[0]}"],
        }
        assert result.shared == {"fluxos_scope": "nodes"}
        # Always in this order, for two runs have to give the same.
        assert list(result.groups) == [
            "fluxos_nodes",
            "fluxos_apps",
            "fluxos_tier_stratus",
            "fluxos_status_confirmed",
            "fluxos_tier_nimbus",
            "fluxos_app_farshore",
            "fluxos_app_reefmail",
        ]

    def test_the_owner_of_nodes_and_of_apps_are_two_things(self, fleet: RunningSimulator, read: Reader) -> None:
        owner = fleet.operator.payment_address
        result = read(gateway=[fleet.gateway], owners=[owner], apps=["ReefMail"], tiers=["cumulus"])
        assert result.groups["fluxos_nodes"] == [node(fleet, 3)]
        assert result.groups["fluxos_app_reefmail"] == [f"reefmail-{node(fleet, 1)}"]
        assert result.groups["fluxos_tier_stratus"] == [f"reefmail-{node(fleet, 1)}"]
        assert result.shared == {"fluxos_scope": "owner", "fluxos_gateway": fleet.gateway}

    def test_expressions_see_the_variables_of_instances(self, fleet: RunningSimulator, read: Reader) -> None:
        result = read(
            gateway=[fleet.gateway],
            apps=["TideBoard"],
            hostname="ip",
            strict=True,
            compose={"place": "fluxos_app ~ '@' ~ fluxos_gateway", "parts": "fluxos_app_components | length"},
            groups={"old": "fluxos_app_outdated"},
            keyed_groups=[{"key": "fluxos_app_owner", "prefix": "of"}],
        )
        assert result.groups["old"] == [f"tideboard-{ip(fleet, 3)}"]
        assert len(result.groups[f"of_{OWNER}"]) == 3
        assert {(host["place"], host["parts"]) for host in result.hosts.values()} == {(f"TideBoard@{fleet.gateway}", 2)}
        with pytest.raises(AnsibleError, match="no_such_variable"):
            read(gateway=[fleet.gateway], apps=["TideBoard"], strict=True, compose={"x": "no_such_variable"})

    def test_what_nobody_has_is_named_in_a_warning(self, fleet: RunningSimulator, read: Reader) -> None:
        result = read(gateway=[fleet.gateway], apps=["NoSuchApp"], app_owners=[NOBODY])
        assert result.hosts == {}
        assert result.groups == {"fluxos_apps": []}
        owner, app = result.said.warnings
        assert owner == f"The network has no app of {NOBODY}. Check the Flux ID; letter case counts."
        assert app.startswith("The network knows no instance of nosuchapp. Check the name;")

    def test_a_cache_hit_sends_no_request(self, fleet: RunningSimulator, read: Reader, cached: dict[str, Any]) -> None:
        first = read(gateway=[fleet.gateway], apps=["TideBoard"], **cached)
        before = len(fleet.requests())
        again = read(gateway=[fleet.gateway], apps=["tideboard"], hostname="ip", **cached)
        assert list(again.hosts.values()) == list(first.hosts.values())
        assert len(fleet.requests()) == before
        read(gateway=[fleet.gateway], apps=["tideboard"], reuse_cache=False, **cached)
        assert len(fleet.requests()) == before + 2


def place(app: str = "TideBoard", ip: str = "203.0.113.7:16127", **changes: Any) -> dict[str, Any]:
    return {"name": app, "ip": ip, "hash": "ab" * 32, "broadcastedAt": "2026-09-30T19:24:01.046Z", **changes}


class TestOfAnOddGateway:
    """It says the same to each question, so specifications are always rows of places, which are none."""

    def test_no_text_of_a_row_is_ever_rendered(self, gateway: OddGateway, read: Reader, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        gateway.rows([{**place(hash=EVIL), "version": 8, "owner": EVIL, "compose": [{"name": EVIL}]}])
        result = read(
            gateway=[gateway.url],
            apps=["TideBoard"],
            compose={"told": "fluxos_app_owner", "first": "fluxos_app_components | first"},
            keyed_groups=[{"key": "fluxos_app_hash", "prefix": "h"}],
        )
        (host,) = result.hosts.values()
        rendered = Templar(loader=DataLoader(), variables={**host, "marker": str(marker)}).template(
            {name: host[name] for name in host if name.startswith(("fluxos_", "told", "first"))}
        )
        for name in ("fluxos_app_owner", "fluxos_app_hash", "told", "first"):
            assert rendered[name] == EVIL
        assert rendered["fluxos_app_components"] == [EVIL]
        assert not marker.exists()

    def test_from_the_cache_neither(
        self, gateway: OddGateway, read: Reader, tmp_path: Path, cached: dict[str, Any]
    ) -> None:
        marker = tmp_path / "marker"
        gateway.rows([place(hash=EVIL)])
        for _time in range(2):
            (host,) = read(gateway=[gateway.url], apps=["TideBoard"], **cached).hosts.values()
            variables = {**host, "marker": str(marker)}
            assert Templar(loader=DataLoader(), variables=variables).template(host["fluxos_app_hash"]) == EVIL
        assert len(gateway.paths) == 2
        assert not marker.exists()

    def test_rows_of_other_apps_are_not_taken_and_bad_ones_are_left_out(
        self, gateway: OddGateway, read: Reader
    ) -> None:
        gateway.rows([place(), place("TideBoard2"), place(ip=""), place(ip="evil.example.org"), place(), {}])
        result = read(gateway=[gateway.url], apps=["TideBoard"])
        assert list(result.hosts) == ["tideboard-203-0-113-7-16127"]
        assert result.said.warnings == []
        assert result.said.verbose == [
            "Left out 4 entries of the location list: 1 listed twice, 3 without an address or a name"
        ]

    @pytest.mark.parametrize(("count", "requests"), [(20, 21), (21, 2)])
    def test_many_apps_cost_two_requests(self, count: int, requests: int, gateway: OddGateway, read: Reader) -> None:
        apps = [f"App{number}" for number in range(count)]
        gateway.rows([place("App0"), place("Somebodys"), {}])
        result = read(gateway=[gateway.url], apps=apps)
        assert list(result.hosts) == ["app0-203-0-113-7-16127"]
        assert len(gateway.paths) == requests
        (warning,) = result.said.warnings
        assert f"knows no instance of app1, app2, app3, app4, app5 and {count - 6} more." in warning

    def test_a_gateway_that_knows_no_instance_is_not_the_last_to_be_asked(
        self, gateway: OddGateway, read: Reader
    ) -> None:
        gateway.rows([])
        second = OddGateway()
        try:
            second.rows([place()])
            result = read(gateway=[gateway.url, second.url], apps=["TideBoard"])
        finally:
            second.stop()
        assert len(result.hosts) == 1
        assert dict(result.inventory.groups["fluxos_apps"].vars) == {"fluxos_gateway": second.url}
        assert result.said.warnings == []
        # When the other does not answer at all, the empty answer stands.
        result = read(gateway=[second.url, gateway.url], apps=["TideBoard"])
        assert result.hosts == {}
        assert result.said.warnings[0].startswith("The network knows no instance of tideboard.")

    def test_no_gateway_is_an_error_that_says_what_to_do(self, gateway: OddGateway, read: Reader) -> None:
        gateway.body = b"<html><body><h1>Bad day</h1></body></html>"
        with pytest.raises(AnsibleParserError) as caught:
            read(gateway=[gateway.url], apps=["TideBoard"])
        text = str(caught.value)
        assert text.startswith(f"No gateway said where the apps are. {gateway.url}: locate TideBoard")
        assert "Bad day" in text
        assert text.endswith(
            "instances can be hosts of any inventory that have the variables fluxos_node and fluxos_app."
        )

    def test_or_the_old_copy_with_its_age(
        self, gateway: OddGateway, read: Reader, cached: dict[str, Any], tmp_path: Path
    ) -> None:
        gateway.rows([place()])
        first = read(gateway=[gateway.url], apps=["TideBoard"], **cached)
        gateway.stop()
        second = read(gateway=[gateway.url], apps=["TideBoard"], refresh=True, **cached)
        assert second.hosts == first.hosts
        (warning,) = second.said.warnings
        assert warning.startswith("No gateway said where the apps are, so the inventory is as it was ")
        with pytest.raises(AnsibleParserError, match="No gateway said where the apps are"):
            read(gateway=[gateway.url], apps=["TideBoard"], refresh=True, strict=True, **cached)


def test_an_answer_that_is_no_list_is_an_error(gateway: OddGateway, read: Reader) -> None:
    gateway.body = json.dumps({"status": "success", "data": {"name": "TideBoard"}}).encode()
    with pytest.raises(AnsibleParserError, match="a list of objects was expected"):
        read(gateway=[gateway.url], apps=["TideBoard"])
