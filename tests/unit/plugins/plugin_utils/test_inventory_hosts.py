# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and addresses to hosts, names and groups."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import node_row
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import AddressError
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Confirmation
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import (
    NodeHost,
    from_addresses,
    from_rows,
    group_names,
    host_name,
    owned_by,
    put_confirmation,
    selected,
    shared_ips,
    skipped_sentence,
)

TXID = "b3c3b4a1f9eaa5f180a13e186c1512c1ef6e9d186e8b9c1c3c41559bb907b6f9"


def row(**changes: Any) -> dict[str, Any]:
    """A row as the client hands it on when the live network sends it (seen 2026-09-30), at a documentation address."""
    return node_row(sent(**changes))


def sent(**changes: Any) -> dict[str, Any]:
    return {
        "collateral": f"COutPoint({TXID}, 159)",
        "txhash": TXID,
        "outidx": "159",
        "ip": "203.0.113.7",
        "network": "ipv4",
        "added_height": 2889367,
        "confirmed_height": 2889369,
        "last_confirmed_height": 2996667,
        "last_paid_height": 2993598,
        "tier": "CUMULUS",
        "payment_address": "t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge",
        "pubkey": "04" + "fa" * 64,
        "activesince": "1787565604",
        "lastpaid": "1790697724",
        "amount": "1000.00",
        "rank": 0,
        **changes,
    }


ANYTHING = st.one_of(
    st.sampled_from([None, True, [], {}, "", "203.0.113.7", "203.0.113.7:16137", "{{ x }}", "²"]),
    st.integers(),
    st.text(max_size=10),
)


class TestRows:
    def test_a_row_of_the_live_network(self) -> None:
        assert from_rows([row()]).hosts == [
            {
                "fluxos_node": "203.0.113.7:16127",
                "fluxos_ip": "203.0.113.7",
                "fluxos_port": 16127,
                "fluxos_tier": "CUMULUS",
                "fluxos_status": "CONFIRMED",
                "fluxos_payment_address": "t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge",
                "fluxos_collateral": f"{TXID}:159",
                "fluxos_last_confirmed_height": 2996667,
            }
        ]

    def test_numbers_that_come_as_text_are_numbers(self) -> None:
        (host,) = from_rows([row(last_confirmed_height=" 2996667", outidx=3)]).hosts
        assert host["fluxos_last_confirmed_height"] == 2996667
        assert host["fluxos_collateral"] == f"{TXID}:3"

    @pytest.mark.parametrize(
        ("changes", "missing"),
        [
            ({"last_confirmed_height": True}, "fluxos_last_confirmed_height"),
            ({"last_confirmed_height": "soon"}, "fluxos_last_confirmed_height"),
            ({"last_confirmed_height": 2.5}, "fluxos_last_confirmed_height"),
            ({"tier": None}, "fluxos_tier"),
            ({"tier": ""}, "fluxos_tier"),
            ({"payment_address": 7}, "fluxos_payment_address"),
            ({"txhash": ""}, "fluxos_collateral"),
            ({"txhash": "{{ evil }}"}, "fluxos_collateral"),
        ],
    )
    def test_what_cannot_be_read_is_left_away_and_the_node_kept(self, changes: dict[str, Any], missing: str) -> None:
        (host,) = from_rows([row(**changes)]).hosts
        assert missing not in host
        assert host["fluxos_node"] == "203.0.113.7:16127"

    @pytest.mark.parametrize("time", ["²", "9" * 5000, "-1", 1.5, None])
    def test_a_time_that_is_none_does_no_harm(self, time: Any) -> None:
        assert len(from_rows([row(activesince=time, lastpaid=time)]).hosts) == 1

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (row(ip=""), "without an address"),
            (row(ip="  "), "without an address"),
            (row(ip=None), "without an address"),
            (row(ip=203), "without an address"),
            (node_row({}), "without an address"),
            (row(ip="203.0.113.7:80"), "without an address"),
            (row(ip="203.0.113.777"), "without an address"),
            (row(ip="evil.example.org"), "with a bad address"),
            (row(ip="https://203.0.113.7:8443"), "with a bad address"),
            (row(ip="203.0.113.7 --limit"), "without an address"),
        ],
    )
    def test_a_bad_row_is_counted_and_the_others_are_kept(self, bad: dict[str, Any], reason: str) -> None:
        listing = from_rows([bad, row(ip="203.0.113.8")])
        assert [host["fluxos_node"] for host in listing.hosts] == ["203.0.113.8:16127"]
        assert listing.skipped == {reason: 1}

    @pytest.mark.parametrize("heights", [(10, 20), (20, 10)])
    def test_of_two_rows_for_one_node_the_one_confirmed_last_is_kept(self, heights: tuple[int, int]) -> None:
        addresses = ("203.0.113.7", "203.0.113.7:16127")
        rows = [row(ip=ip, last_confirmed_height=h) for ip, h in zip(addresses, heights, strict=True)]
        listing = from_rows(rows)
        assert [host["fluxos_last_confirmed_height"] for host in listing.hosts] == [20]
        assert listing.skipped == {"listed twice": 1}

    def test_hosts_are_in_the_order_of_their_addresses_whatever_the_rank(self) -> None:
        rows = [row(ip=ip) for ip in ("203.0.113.10", "203.0.113.9:16147", "203.0.113.9", "198.51.100.77")]
        expected = ["198.51.100.77:16127", "203.0.113.9:16127", "203.0.113.9:16147", "203.0.113.10:16127"]
        for order in (rows, rows[::-1]):
            assert [host["fluxos_node"] for host in from_rows(order).hosts] == expected

    @given(
        st.lists(
            st.one_of(
                st.dictionaries(st.sampled_from(sorted(sent())), ANYTHING, max_size=8).map(lambda odd: row(**odd)),
                st.integers(0, 255).map(lambda last: row(ip=f"203.0.113.{last}")),
            ),
            max_size=8,
        )
    )
    def test_every_row_is_a_host_or_counted(self, rows: list[dict[str, Any]]) -> None:
        listing = from_rows(rows)
        assert len(listing.hosts) + sum(listing.skipped.values()) == len(rows)
        nodes = [host["fluxos_node"] for host in listing.hosts]
        assert len(nodes) == len(set(nodes))


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "node", "port"),
        [
            ("203.0.113.7", "203.0.113.7:16127", 16127),
            ("203.0.113.7:16137", "203.0.113.7:16137", 16137),
            ("http://203.0.113.7:16137/", "203.0.113.7:16137", 16137),
            ("https://203.0.113.7:16138", "https://203.0.113.7:16138", 16137),
            ("https://203.0.113.7", "https://203.0.113.7:16128", 16127),
            ("node.example.org", "node.example.org:16127", 16127),
        ],
    )
    def test_only_what_an_address_tells(self, text: str, node: str, port: int) -> None:
        (host,) = from_addresses([text]).hosts
        assert (host["fluxos_node"], host["fluxos_port"]) == (node, port)
        assert set(host) == {"fluxos_node", "fluxos_ip", "fluxos_port"}

    def test_the_same_node_in_two_forms_is_one_host(self) -> None:
        listing = from_addresses(["203.0.113.7", "https://203.0.113.7:16128"])
        assert len(listing.hosts) == 1
        assert listing.skipped == {"given twice": 1}

    def test_a_users_typing_error_is_an_error(self) -> None:
        with pytest.raises(AddressError, match=r"203\.0\.113\.7:80"):
            from_addresses(["203.0.113.7:80"])


def test_a_nodes_own_word_is_added_to_its_host() -> None:
    (host,) = from_addresses(["203.0.113.7"]).hosts
    put_confirmation(
        host,
        Confirmation(
            status="expired",
            last_confirmed_height=99,
            collateral=f"COutPoint({TXID}, 0)",
            tier="NIMBUS",
            payment_address="t1abc",
        ),
    )
    assert host == {
        "fluxos_node": "203.0.113.7:16127",
        "fluxos_ip": "203.0.113.7",
        "fluxos_port": 16127,
        "fluxos_status": "expired",
        "fluxos_tier": "NIMBUS",
        "fluxos_payment_address": "t1abc",
        "fluxos_collateral": f"{TXID}:0",
        "fluxos_last_confirmed_height": 99,
    }


def test_an_owner_is_the_whole_address_or_key_not_a_part() -> None:
    owners = frozenset({row()["payment_address"]})
    assert owned_by(row(), owners)
    assert owned_by(row(payment_address="x"), frozenset({row()["pubkey"]}))
    assert not owned_by(row(payment_address=["x"], pubkey=None), owners)
    assert not owned_by(row(payment_address=row()["payment_address"] + "x"), owners)


@pytest.mark.parametrize(
    ("tiers", "statuses", "kept"),
    [
        (set(), set(), True),
        ({"cumulus", "nimbus"}, set(), True),
        ({"stratus"}, set(), False),
        (set(), {"confirmed"}, True),
        (set(), {"dos"}, False),
        ({"cumulus"}, {"dos"}, False),
    ],
)
def test_selection(tiers: set[str], statuses: set[str], kept: bool) -> None:
    (host,) = from_rows([row()]).hosts
    assert selected(host, frozenset(tiers), frozenset(statuses)) is kept


@pytest.mark.parametrize(
    ("address", "dashed", "ip"),
    [
        ("203.0.113.7", "203-0-113-7-16127", "203.0.113.7"),
        ("203.0.113.7:16197", "203-0-113-7-16197", "203.0.113.7-16197"),
        ("node.example.org:16137", "node-example-org-16137", "node.example.org-16137"),
        ("[2001:db8::1]:16127", f"2001-0db8-{'0000-' * 5}0001-16127", f"2001-0db8-{'0000-' * 5}0001"),
    ],
)
def test_names(address: str, dashed: str, ip: str) -> None:
    (host,) = from_addresses([address]).hosts
    assert host_name(host, "dashed") == dashed
    assert host_name(host, "ip") == ip


class TestGroups:
    def test_tier_status_and_shared_ip(self) -> None:
        hosts = from_rows([row(), row(ip="203.0.113.7:16137", tier="STRATUS"), row(ip="203.0.113.8")]).hosts
        shared = shared_ips(hosts)
        assert [list(group_names(host, shared)) for host in hosts] == [
            ["fluxos_tier_cumulus", "fluxos_status_confirmed", "fluxos_shared_ip"],
            ["fluxos_tier_stratus", "fluxos_status_confirmed", "fluxos_shared_ip"],
            ["fluxos_tier_cumulus", "fluxos_status_confirmed"],
        ]

    def test_the_networks_text_makes_no_names(self) -> None:
        host: NodeHost = {
            "fluxos_node": "203.0.113.7:16127",
            "fluxos_ip": "203.0.113.7",
            "fluxos_port": 16127,
            "fluxos_tier": "{{ evil }}",
            "fluxos_status": "all",
        }
        assert list(group_names(host, frozenset())) == ["fluxos_tier_other", "fluxos_status_other"]

    def test_an_address_alone_has_no_group(self) -> None:
        (host,) = from_addresses(["203.0.113.7"]).hosts
        assert list(group_names(host, frozenset())) == []


def test_what_was_left_out_is_said_in_one_sentence() -> None:
    assert skipped_sentence(Counter()) == ""
    assert skipped_sentence(Counter({"listed twice": 1})) == "Left out 1 entry of the node list: 1 listed twice"
    assert (
        skipped_sentence(Counter({"without an address": 2, "listed twice": 1}))
        == "Left out 3 entries of the node list: 2 without an address, 1 listed twice"
    )
    said = skipped_sentence(Counter({"with a bad name": 1}), "location list")
    assert said == "Left out 1 entry of the location list: 1 with a bad name"
