# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of apps to hosts, names and groups."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppComponent, AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.network_shapes import locations
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_entries import (
    SameNameError,
    entries,
    top_groups,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import NodeHost, from_addresses
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_instances import (
    InstanceHost,
    app_group,
    from_locations,
    instance_name,
    with_node_facts,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot

HASH = "044cced7073cea01f1b11475370615083526763558bf0bd73f8e62b5e21c7242"
OWNER = "1PLscbUqzZMtFvLGbbQ5ZrDVfVMFFmMbiQ"
#: As the live network sends it (seen 2026-09-30), at a documentation address.
ROW: dict[str, Any] = {
    "name": "BitcoinWhitepaper",
    "hash": HASH,
    "ip": "203.0.113.7:16167",
    "broadcastedAt": "2026-09-30T19:24:01.046Z",
    "expireAt": "2026-09-30T21:29:01.046Z",
    "osUptime": 11119402.68,
    "staticIp": True,
    "runningSince": "2026-09-03T21:16:33.831Z",
}
SPEC = AppSpec(
    name="BitcoinWhitepaper",
    owner=OWNER,
    version=8,
    hash=HASH,
    instances=5,
    components=(AppComponent("web"), AppComponent("db", "g")),
)


def at(app: str = "TideBoard", ip: str = "203.0.113.7", port: int = 16127, **facts: Any) -> Location:
    return Location(app, f"{ip}:{port}", **facts)


def read(row: dict[str, Any]) -> tuple[Location, ...]:
    """What the client makes of one row."""
    return locations(Field("gateway", "locate", [row]))[0]


def located(**changes: Any) -> InstanceHost:
    (host,) = from_locations(read({**ROW, **changes}), [SPEC]).hosts
    return host


class TestPlaces:
    def test_a_row_of_the_live_network_and_its_specification(self) -> None:
        assert located() == {
            "fluxos_app": "BitcoinWhitepaper",
            "fluxos_node": "203.0.113.7:16167",
            "fluxos_ip": "203.0.113.7",
            "fluxos_port": 16167,
            "fluxos_app_hash": HASH,
            "fluxos_app_running_since": pytest.approx(1788470193.831),
            "fluxos_app_announced": pytest.approx(1790796241.046),
            "fluxos_app_owner": OWNER,
            "fluxos_app_version": 8,
            "fluxos_app_instances": 5,
            "fluxos_app_components": ["web", "db"],
            "fluxos_app_outdated": False,
        }

    @pytest.mark.parametrize(
        ("changes", "missing"),
        [
            ({"hash": None}, {"fluxos_app_hash", "fluxos_app_outdated"}),
            ({"hash": ""}, {"fluxos_app_hash", "fluxos_app_outdated"}),
            ({"runningSince": None}, {"fluxos_app_running_since"}),
            ({"runningSince": "{{ soon }}"}, {"fluxos_app_running_since"}),
            ({"runningSince": "2026-13-45T25:61:61.000Z"}, {"fluxos_app_running_since"}),
            ({"broadcastedAt": 1790796241046}, {"fluxos_app_announced"}),
        ],
    )
    def test_what_cannot_be_read_is_left_away_and_the_instance_kept(
        self, changes: dict[str, Any], missing: set[str]
    ) -> None:
        assert set(located()) - set(located(**changes)) == missing

    def test_another_hash_than_the_registered_one_is_outdated(self) -> None:
        assert located(hash="ab" * 32)["fluxos_app_outdated"] is True

    def test_of_an_app_that_is_not_registered_only_the_place_is_known(self) -> None:
        (host,) = from_locations([at(hash=HASH)], [SPEC]).hosts
        assert set(host) == {"fluxos_app", "fluxos_node", "fluxos_ip", "fluxos_port", "fluxos_app_hash"}

    @pytest.mark.parametrize(
        ("components", "expected"),
        [((AppComponent(None),), []), ((), None)],
        ids=["without components", "encrypted"],
    )
    def test_components_that_are_none_and_that_are_not_known(
        self, components: tuple[AppComponent, ...], expected: list[str] | None
    ) -> None:
        spec = AppSpec("TideBoard", OWNER, 8, HASH, 3, components)
        (host,) = from_locations([at()], [spec]).hosts
        assert host.get("fluxos_app_components") == expected

    @pytest.mark.parametrize(
        "row", [{}, {**ROW, "ip": ""}, {**ROW, "ip": 5}, {**ROW, "name": None}, {**ROW, "name": ""}]
    )
    def test_a_row_without_a_name_or_an_address_is_none(self, row: dict[str, Any]) -> None:
        assert locations(Field("gateway", "locate", [row])) == ((), 1)

    @pytest.mark.parametrize("ip", ["203.0.113.7:80", "https://evil.example.org", "203.0.113.7 --limit"])
    def test_an_address_that_is_no_nodes_is_none(self, ip: str) -> None:
        assert read({**ROW, "ip": ip}) == ()

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (at(ip="evil.example.org"), "with a bad address"),
            (at(port=80), "with a bad address"),
            (at(app="{{ evil }}"), "with a bad name"),
            (at(app="a_b"), "with a bad name"),
            (at(app="all:!x"), "with a bad name"),
            (at(app="A" * 64), "with a bad name"),
        ],
    )
    def test_a_bad_place_is_counted_and_the_others_are_kept(self, bad: Location, reason: str) -> None:
        listing = from_locations([bad, at(ip="203.0.113.8")], [])
        assert [host["fluxos_node"] for host in listing.hosts] == ["203.0.113.8:16127"]
        assert listing.skipped == {reason: 1}

    @pytest.mark.parametrize("times", [(10.0, 20.0), (20.0, 10.0), (None, 20.0)])
    def test_of_two_rows_for_one_instance_the_one_announced_last_is_kept(self, times: tuple[Any, Any]) -> None:
        listing = from_locations([at(broadcast_at=times[0]), at(app="tideboard", broadcast_at=times[1])], [])
        assert [host["fluxos_app_announced"] for host in listing.hosts] == [20.0]
        assert listing.skipped == {"listed twice": 1}

    @given(
        st.lists(
            st.builds(
                at,
                app=st.sampled_from(["TideBoard", "tideboard", "ReefMail", "reef-mail", "{{ x }}"]),
                ip=st.sampled_from(["203.0.113.10", "203.0.113.9", "2001:db8::1", "x"]),
                port=st.sampled_from([16127, 16137]),
            ),
            max_size=12,
        ).flatmap(lambda places: st.tuples(st.just(places), st.permutations(places)))
    )
    def test_every_place_is_a_host_or_counted_in_an_order_of_its_own(
        self, orders: tuple[list[Location], list[Location]]
    ) -> None:
        one, other = (from_locations(places, []) for places in orders)
        assert len(one.hosts) + sum(one.skipped.values()) == len(orders[0])
        assert [instance_name(host, "dashed") for host in one.hosts] == [
            instance_name(host, "dashed") for host in other.hosts
        ]
        for form in ("dashed", "ip"):
            names = [instance_name(host, form) for host in one.hosts]
            assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("app", "port", "dashed", "ip"),
    [
        ("TideBoard", 16127, "tideboard-203-0-113-7-16127", "tideboard-203.0.113.7"),
        ("tide-board", 16137, "tide-board-203-0-113-7-16137", "tide-board-203.0.113.7-16137"),
    ],
)
def test_names_are_the_app_in_small_letters_and_the_name_of_the_node(app: str, port: int, dashed: str, ip: str) -> None:
    (host,) = from_locations([at(app, port=port)], []).hosts
    assert (instance_name(host, "dashed"), instance_name(host, "ip")) == (dashed, ip)


def test_groups_of_apps_have_names_that_ansible_takes() -> None:
    assert app_group("Tide-Board2") == "fluxos_app_tide_board2"
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", app_group("2nd-App"))


def test_an_instance_has_what_is_known_of_its_node() -> None:
    node: NodeHost = {
        # A node over https is the same node.
        "fluxos_node": "https://203.0.113.7:16128",
        "fluxos_ip": "203.0.113.7",
        "fluxos_port": 16127,
        "fluxos_tier": "NIMBUS",
    }
    one, other = with_node_facts(from_locations([at(), at(ip="203.0.113.8")], []).hosts, [node])
    assert (one["fluxos_tier"], one["fluxos_node"]) == ("NIMBUS", "203.0.113.7:16127")
    assert "fluxos_tier" not in other


class TestEntries:
    OPTIONS: ClassVar[dict[str, Any]] = {
        "gateway": ["https://api.runonflux.io"],
        "owners": [],
        "nodes": ["203.0.113.7", "203.0.113.8"],
        "apps": ["TideBoard"],
        "app_owners": [],
        "read_status": True,
        "tiers": ["stratus"],
        "statuses": [],
    }

    def snapshot(self, *places: Location) -> Snapshot:
        nodes = from_addresses(self.OPTIONS["nodes"]).hosts
        nodes[0]["fluxos_tier"] = "STRATUS"
        instances = with_node_facts(from_locations(places, []).hosts, nodes)
        return Snapshot(hosts=nodes, gateway="https://g", read_at=0.0, instances=instances)

    def request(self, **options: Any) -> Request:
        return Request.from_options({**self.OPTIONS, **options}.__getitem__)

    def test_nodes_are_chosen_and_instances_all_kept(self) -> None:
        snapshot = self.snapshot(at(), at(ip="203.0.113.8"), at(ip="203.0.113.8", port=16137))
        found = [
            (entry.name, entry.top, entry.parent, entry.groups) for entry in entries(self.request(), snapshot, "ip")
        ]
        app = ("fluxos_apps", "fluxos_app_tideboard")
        assert found == [
            ("203.0.113.7", "fluxos_nodes", "fluxos_nodes", ("fluxos_tier_stratus",)),
            ("tideboard-203.0.113.7", *app, ("fluxos_tier_stratus",)),
            ("tideboard-203.0.113.8", *app, ("fluxos_shared_ip",)),
            ("tideboard-203.0.113.8-16137", *app, ("fluxos_shared_ip",)),
        ]

    def test_a_node_and_an_instance_of_one_name_are_an_error(self) -> None:
        snapshot = self.snapshot(at())
        snapshot.hosts.append({"fluxos_node": "x:16127", "fluxos_ip": "tideboard-203.0.113.7", "fluxos_port": 16127})
        request = self.request(tiers=[])
        with pytest.raises(
            SameNameError, match=r"x:16127 and TideBoard on 203\.0\.113\.7:16127 would both be the host"
        ):
            list(entries(request, snapshot, "dashed"))

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, {"fluxos_nodes": {"fluxos_scope": "nodes"}, "fluxos_apps": {"fluxos_gateway": "https://g"}}),
            ({"nodes": [], "tiers": [], "read_status": False}, {"fluxos_apps": {"fluxos_gateway": "https://g"}}),
            (
                {"nodes": [], "apps": [], "read_status": False},
                {"fluxos_nodes": {"fluxos_scope": "network", "fluxos_gateway": "https://g"}},
            ),
        ],
    )
    def test_the_groups_that_are_there_without_hosts(self, options: dict[str, Any], expected: dict[str, Any]) -> None:
        """A source of apps alone says nothing of nodes: it must not replace what another source says of them."""
        assert top_groups(self.request(**options), self.snapshot()) == expected
