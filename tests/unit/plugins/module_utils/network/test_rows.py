# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of real services, odd rows, and rows that nobody should send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.stats import projection_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import (
    NODE_PORTS,
    AddressError,
    Endpoint,
    listed_place,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import (
    CHAIN_FIELDS,
    FIELDS,
    STATS_NAMES,
    NodeRow,
    projection_for,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.odd import NAMED, Odd
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.rows import (
    BAD_ADDRESS,
    NO_OBJECT,
    WITHOUT_ADDRESS,
    Rows,
    from_node_list,
    from_stats,
)
from tests.unit.recordings import projected, recorded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
HOSTILE = ["{{ lookup('pipe', 'id') }}", "{% raw %}", "naïve\u202e日本", "a\nb", "!unsafe", "8.20.0\x00", " "]


def by_address(rows: Rows) -> dict[str, NodeRow]:
    return {row.address: row for row in rows.rows}


class TestStats:
    def test_what_a_document_tells(self) -> None:
        row = by_address(from_stats(recorded("stats_fluxinfo_variants")))["168.226.218.98:16127"]
        assert row.as_dict() == {
            "address": "168.226.218.98:16127",
            "ip": "168.226.218.98",
            "port": 16127,
            "tier": "CUMULUS",
            "status": "CONFIRMED",
            "collateral": "4bea3b029112ec20a2182e913dac76ff077ca7fe82d85198ce1e45ebd18e0b37:0",
            "payment_address": "t1WkZpFN7yVYgGBLxNhGTz91xUgta5sXmsv",
            "public_key": "04331e40d42cd89aff0deacf3b818d2bdd496231ebd8125b67be99bc0256f7c0d6e90eb7308952e6f974ba42b3a4"
            "4e49140aa15cc8e84c69986a1c039a580d214f",
            "added_height": 2695477,
            "confirmed_height": 2695479,
            "last_confirmed_height": 2996831,
            "last_paid_height": 2993608,
            "active_since": 1781740834,
            "reachable": True,
            "version": "8.20.0",
            "flux_id": "194yenzQRQSxegnfmyMgxx3vBP6bXjE17x",
            "arcane": False,
            "arcane_version": None,
            "development": False,
            "static_ip": False,
            "dos_state": 0,
            "dos_message": None,
            "connections_in": 24,
            "connections_out": 28,
            "daemon_version": 9010050,
            "daemon_height": 2996841,
            "scanned_height": 2996841,
            "benchmark_version": "6.3.1",
            "benchmark_status": "online",
            "benchmark_tier": "CUMULUS",
            "cores": 4,
            "ram_gb": 7.7,
            "ssd_gb": 250,
            "continent": "South America",
            "continent_code": "SA",
            "country": "Argentina",
            "country_code": "AR",
            "region": "Buenos Aires",
            "organisation": "Telefonica de Argentina",
            "latitude": -34.684,
            "longitude": -58.3192,
            "apps": ["FluxExport", "SpacePumpkinPG", "civclicker", "mole", "vanilla-harness"],
            "collected_at": 1790795032.419,
            "round_started": 1790795020.393,
            "listed": None,
        }

    def test_of_an_unreachable_node_only_the_chain_is_known(self) -> None:
        row = by_address(from_stats(recorded("stats_fluxinfo_variants")))["82.165.138.200:16157"]
        assert row.reachable is False
        assert row.last_confirmed_height == 2996334
        assert row.payment_address == "t1X1hKAb9rYmsikPKVJXBHueJU4VeuV7Tbb"
        told = {name for name in FIELDS if getattr(row, name) is not None}
        assert told == {
            *(set(CHAIN_FIELDS) - {"status", "public_key"}),
            "reachable",
            "collected_at",
            "round_started",
        }

    def test_the_variety_of_the_network(self) -> None:
        rows = by_address(from_stats(recorded("stats_fluxinfo_variants")))
        facts = {address: (row.version, row.arcane, row.dos_state, row.benchmark_tier) for address, row in rows.items()}
        assert facts == {
            "86.66.168.9:16127": ("8.20.0", True, 0, "CUMULUS"),
            "82.165.138.200:16137": ("8.20.0", True, 100, "running"),
            "96.60.107.9:16127": ("8.20.0", False, 0, "CUMULUS"),
            "168.226.218.98:16127": ("8.20.0", False, 0, "CUMULUS"),
            "202.3.248.134:16127": ("8.18.0", False, 8, "CUMULUS"),
            "65.109.21.153:16167": ("8.20.0", True, 0, "failed"),
            "65.109.63.145:16147": ("8.20.0", True, 0, "NIMBUS"),
            "91.226.198.157:16127": ("8.20.0", True, 0, "STRATUS"),
            "82.165.138.200:16157": (None, None, None, None),
        }
        assert (rows["82.165.138.200:16137"].dos_message or "").startswith("Flux collision detection.")

    @pytest.mark.parametrize("name", sorted(STATS_NAMES))
    def test_a_projection_tells_what_the_whole_document_tells(self, name: str) -> None:
        """Every field is filled by exactly what projection_for asks for, and needs nothing else."""
        documents = recorded("stats_fluxinfo_variants")
        names = projection_for([name])
        assert projection_of(names) == names
        whole, part = from_stats(documents), from_stats(projected(documents, names), names)
        assert [getattr(row, name) for row in part.rows] == [getattr(row, name) for row in whole.rows]
        assert [row.reachable for row in part.rows] == [row.reachable for row in whole.rows]
        assert any(getattr(row, name) is not None for row in part.rows)

    def test_what_was_not_asked_for_is_not_known(self) -> None:
        names = ("ip", "tier")
        for row in from_stats(projected(recorded("stats_fluxinfo_variants"), names), names).rows:
            told = {name for name in FIELDS if getattr(row, name) is not None}
            assert told == {"address", "ip", "port", "tier"}

    def test_legacy_and_not_asked_are_two_things(self) -> None:
        document = {"ip": "1.2.3.4", "flux": {"version": "8.20.0"}}
        assert from_stats([document], ["ip", "flux.version"]).rows[0].arcane is None
        assert from_stats([document], ["ip", "flux.version", "flux.arcaneVersion"]).rows[0].arcane is False
        assert from_stats([document], ["ip", "flux"]).rows[0].arcane is False

    def test_no_version_asked_and_an_error_is_unreachable_all_the_same(self) -> None:
        assert from_stats([{"ip": "1.2.3.4", "error": {}}], ["ip", "error"]).rows[0].reachable is False
        assert from_stats([{"ip": "1.2.3.4"}], ["ip", "error"]).rows[0].reachable is None

    def test_no_geolocation_and_the_sea_off_africa_are_no_place(self) -> None:
        nowhere = {"continent": "", "country": "", "countryCode": "", "lat": 0, "lon": 0}
        for geolocation in (None, {}, nowhere, [], "x"):
            document = {"ip": "1.2.3.4", "flux": {"version": "8.20.0"}, "geolocation": geolocation}
            row = from_stats([document]).rows[0]
            assert (row.country, row.country_code, row.latitude, row.longitude) == (None, None, None, None)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_stays_text(self, text: str) -> None:
        document = {
            "ip": "1.2.3.4",
            "tier": text,
            "paymentAddress": text,
            "flux": {"version": text, "zelid": text},
            "geolocation": {"country": text},
            "apps": {"runningapps": [{"Names": [f"/fluxweb_{text}"]}]},
        }
        row = from_stats([document]).rows[0]
        assert (row.version, row.flux_id, row.country, row.payment_address) == (text, text, text, text)
        assert row.apps == (text,)

    def test_containers_become_apps(self) -> None:
        containers: list[Any] = [
            {"Names": ["/fluxweb_shop"]},
            {"Names": ["/fluxdb_shop"]},
            {"Names": ["/zelold"]},
            {"Names": []},
            {"Names": [7]},
            {"State": "running"},
            "no container",
            None,
        ]
        document = {"ip": "1.2.3.4", "flux": {"version": "8.20.0"}, "apps": {"runningapps": containers}}
        assert from_stats([document]).rows[0].apps == ("old", "shop")
        document["apps"] = {"fluxusage": "0"}
        assert from_stats([document]).rows[0].apps is None

    @given(st.lists(st.dictionaries(st.sampled_from(["ip", "flux", "geolocation", "apps", "error", "tier"]), JSON)))
    def test_no_row_raises(self, documents: list[Any]) -> None:
        read = from_stats(documents)
        assert len(read.rows) + read.odd.total == len(documents)

    @given(st.lists(JSON, max_size=4))
    def test_nor_do_rows_that_are_none(self, documents: list[Any]) -> None:
        read = from_stats(documents)
        assert read.odd.total == len(documents)

    @given(st.recursive(st.sampled_from(["1.2.3.4", 7, "", None]), lambda inner: st.dictionaries(
        st.sampled_from(sorted({part for names in STATS_NAMES.values() for name in names for part in name.split(".")})),
        inner | st.lists(inner, max_size=2), max_size=6), max_leaves=20))  # fmt: skip
    def test_nor_do_values_of_other_types_than_they_should_have(self, document: Any) -> None:
        read = from_stats([{"ip": "1.2.3.4", **document} if isinstance(document, dict) else document])
        for row in read.rows:
            for name in ("version", "flux_id", "country", "tier", "status"):
                assert isinstance(getattr(row, name), str | None)
            for name in ("last_confirmed_height", "daemon_height", "cores"):
                assert type(getattr(row, name)) in (int, type(None))


class TestNodeList:
    def test_rows_of_a_gateway(self) -> None:
        read = from_node_list(map(shapes.node_row, recorded("daemon_viewdeterministicfluxnodelist")))
        assert len(read.rows) == 24
        first = read.rows[0]
        assert first.address == "5.230.173.203:16127"
        assert first.status == "CONFIRMED"
        assert first.collateral == "b3c3b4a1f9eaa5f180a13e186c1512c1ef6e9d186e8b9c1c3c41559bb907b6f9:159"
        assert first.last_confirmed_height == 2996667
        assert first.reachable is None
        assert {row.last_paid_height for row in read.rows if row.last_paid_height == 0} == {0}

    def test_a_node_without_address_is_counted_and_named(self) -> None:
        read = from_node_list(map(shapes.node_row, recorded("daemon_viewdeterministicfluxnodelist")))
        assert read.odd.counts == {WITHOUT_ADDRESS: 1}
        assert read.odd.sentence("the node list") == (
            "Left out 1 row of the node list: 1 without an address "
            "(897a767e0f0e29fc229f838699d79931d21cb082117f8c73fe41d56c16d88f66:0)"
        )

    def test_a_host_name_in_a_list_is_never_called(self) -> None:
        read = from_node_list(map(shapes.node_row, [{"ip": "metadata.internal"}, {"ip": "https://evil.example"}]))
        assert read.rows == []
        assert read.odd.total == 2


class TestAddresses:
    @given(st.ip_addresses(v=4), st.sampled_from(NODE_PORTS))
    def test_of_lists_and_of_people_are_the_same(self, ip: Any, port: int) -> None:
        for text in [f"{ip}:{port}", *([str(ip)] if port == 16127 else [])]:
            assert listed_place(text) == (str(ip), port)
            parsed = Endpoint.parse(text)
            assert (parsed.host, parsed.port) == (str(ip), port)

    @given(st.ip_addresses(v=6), st.sampled_from(NODE_PORTS))
    def test_ipv6(self, ip: Any, port: int) -> None:
        assert listed_place(f"[{ip}]:{port}") == (str(ip), port)
        assert listed_place(str(ip)) == (str(ip), 16127)

    @given(st.text(max_size=30) | st.from_regex(r"[0-9.:]{3,24}", fullmatch=True))
    def test_what_people_may_not_write_lists_may_not_either(self, text: str) -> None:
        place = listed_place(text)
        try:
            parsed = Endpoint.parse(text)
        except AddressError:
            assert place is None
        else:
            assert place in (None, (parsed.host, parsed.port))

    @pytest.mark.parametrize(
        "text", ["1.2.3.4:16128", "1.2.3.4:80", "256.1.1.1", "01.2.3.4", "1.2.3", "١.2.3.4", "1.2.3.4:", "node.example"]
    )
    def test_no_node(self, text: str) -> None:
        assert listed_place(text) is None

    def test_stats_documents_without_a_usable_one(self) -> None:
        read = from_stats([{"ip": ""}, {}, {"ip": "node.example"}, {"ip": ["1.2.3.4"]}, "x"])
        assert read.odd.counts == {WITHOUT_ADDRESS: 2, BAD_ADDRESS: 2, NO_OBJECT: 1}
        assert read.odd.names[BAD_ADDRESS] == ["node.example", "row 3"]
        read = from_stats(recorded("stats_fluxinfo_places"))
        assert read.odd.names[WITHOUT_ADDRESS] == ["897a767e0f0e29fc229f838699d79931d21cb082117f8c73fe41d56c16d88f66:0"]


class TestOdd:
    def test_many_are_counted_and_few_named(self) -> None:
        odd = Odd()
        for number in range(9):
            odd.add("without an address", f"row {number}")
        odd.add("listed twice", "1.2.3.4:16127\n{{ x }}")
        assert odd.total == 10
        assert odd.sentence("stats") == (
            "Left out 10 rows of stats: 9 without an address (row 0, row 1, row 2, ...), "
            "1 listed twice (1.2.3.4:16127 {{ x }})"
        )
        assert Odd().sentence("stats") == ""

    def test_two_lists_together(self) -> None:
        left, right = Odd(), Odd()
        for odd in (left, right):
            odd.add("twice", "a")
            odd.add("twice", "b")
        right.add("odd", "c")
        left.update(right)
        assert left.counts == {"twice": 4, "odd": 1}
        assert left.names == {"twice": ["a", "b", "a"], "odd": ["c"]}
        assert len(left.names["twice"]) == NAMED
        assert left.as_entry() == {"counts": left.counts, "names": left.names}
