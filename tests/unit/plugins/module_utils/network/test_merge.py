# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source is believed about what."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.merge import LISTED_TWICE, merge
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import CHAIN_FIELDS, FIELDS, NodeRow
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.rows import from_node_list, from_stats
from tests.unit.recordings import recorded

NODE_FIELDS = [name for name in FIELDS if name not in CHAIN_FIELDS and name != "listed"]


def node(address: str = "1.2.3.4:16127", **facts: object) -> NodeRow:
    ip, _colon, port = address.rpartition(":")
    row = NodeRow(address, ip.strip("[]"), int(port))
    for name, value in facts.items():
        setattr(row, name, value)
    return row


ROWS = st.builds(
    node,
    st.sampled_from(["1.2.3.4:16127", "1.2.3.4:16137", "1.2.3.10:16127", "9.9.9.9:16127", "[2001:db8::1]:16127"]),
    tier=st.sampled_from(["CUMULUS", "STRATUS", None]),
    collateral=st.sampled_from(["aa:0", "bb:1", None]),
    last_confirmed_height=st.none() | st.integers(0, 3),
    confirmed_height=st.none() | st.integers(0, 2),
    status=st.sampled_from(["CONFIRMED", "DOS", None]),
    version=st.sampled_from(["8.20.0", "8.18.0", None]),
    reachable=st.sampled_from([True, False, None]),
    country=st.sampled_from(["Germany", None]),
    collected_at=st.none() | st.floats(1, 2),
)
LISTS = st.lists(ROWS, max_size=8)


class TestPrecedence:
    def test_the_chain_from_the_list_the_node_from_stats(self) -> None:
        listed = node(collateral="aa:0", tier="STRATUS", status="CONFIRMED", last_confirmed_height=900)
        stats = node(
            collateral="aa:0",
            tier="NIMBUS",
            status="STARTED",
            last_confirmed_height=400,
            public_key="04ab",
            version="8.20.0",
            reachable=True,
            country="Germany",
        )
        (row,) = merge([listed], [stats]).rows
        assert (row.tier, row.status, row.last_confirmed_height) == ("STRATUS", "CONFIRMED", 900)
        assert (row.version, row.reachable, row.country) == ("8.20.0", True, "Germany")
        assert row.public_key == "04ab"
        assert row.listed is True

    def test_facts_of_another_collateral_fill_no_gap(self) -> None:
        (row,) = merge(
            [node(collateral="aa:0")], [node(collateral="bb:0", payment_address="t1x", version="8.20.0")]
        ).rows
        assert (row.collateral, row.payment_address, row.version) == ("aa:0", None, "8.20.0")

    def test_the_newest_confirmation_of_one_address_counts(self) -> None:
        old = node(collateral="aa:0", last_confirmed_height=100)
        new = node(collateral="bb:0", last_confirmed_height=640)
        for rows in ([old, new], [new, old]):
            merged = merge(rows)
            assert [row.collateral for row in merged.rows] == ["bb:0"]
            assert merged.odd.counts == {LISTED_TWICE: 1}
            assert merged.odd.names == {LISTED_TWICE: ["1.2.3.4:16127"]}

    def test_a_node_that_left_the_list_is_said_to_have(self) -> None:
        stats = [node(status="CONFIRMED"), node("1.2.3.4:16137", status="DOS"), node("1.2.3.4:16147")]
        merged = merge([node("1.2.3.4:16147", status="CONFIRMED")], stats, whole_list=True)
        assert [(row.port, row.status, row.listed) for row in merged.rows] == [
            (16127, None, False),
            (16137, "DOS", False),
            (16147, "CONFIRMED", True),
        ]

    def test_of_a_part_of_the_list_nothing_follows(self) -> None:
        (row, _other) = merge([node("1.2.3.4:16147")], [node(status="CONFIRMED")]).rows
        assert (row.status, row.listed) == ("CONFIRMED", None)

    def test_sorted_by_number(self) -> None:
        addresses = ["[2001:db8::1]:16127", "10.0.0.1:16127", "9.0.0.1:16137", "9.0.0.1:16127"]
        assert [row.address for row in merge(map(node, addresses)).rows] == addresses[::-1]

    def test_the_sources_stay_as_they_were(self) -> None:
        listed, stats = node(tier="STRATUS"), node(version="8.20.0", status="CONFIRMED")
        before = (replace(listed), replace(stats))
        merge([listed], [stats], whole_list=True)
        merge([], [stats], whole_list=True)
        assert (listed, stats) == before


def test_of_two_real_sources() -> None:
    listed = from_node_list(map(shapes.node_row, recorded("daemon_viewdeterministicfluxnodelist"))).rows
    stats = from_stats(recorded("stats_fluxinfo_variants")).rows
    merged = {row.address: row for row in merge(listed, stats, whole_list=True).rows}
    # Both recordings are cut; one node is in both.
    both = {row.address for row in listed} & {row.address for row in stats}
    assert both == {"168.226.218.98:16127"}
    assert len(merged) == len(listed) + len(stats) - 1
    row = merged["168.226.218.98:16127"]
    assert (row.status, row.country_code, row.listed) == ("CONFIRMED", "AR", True)
    (measured,) = (each for each in stats if each.address == row.address)
    measured.listed = True
    # The same node on the same day: where both tell a fact of the chain, they tell the same.
    assert row == measured


class TestProperties:
    @given(LISTS, LISTS, st.booleans())
    def test_every_address_is_there_once(self, listed: list[NodeRow], stats: list[NodeRow], whole: bool) -> None:
        merged = merge(listed, stats, whole_list=whole).rows
        addresses = [row.address for row in merged]
        assert len(addresses) == len(set(addresses))
        assert set(addresses) == {row.address for row in (*listed, *stats)}

    @given(LISTS, LISTS, st.booleans())
    def test_merging_again_changes_nothing(self, listed: list[NodeRow], stats: list[NodeRow], whole: bool) -> None:
        merged = merge(listed, stats, whole_list=whole).rows
        assert merge(stats=merged).rows == merged

    @given(LISTS, LISTS, st.booleans(), st.randoms(use_true_random=False))
    def test_the_order_of_rows_decides_nothing(
        self, listed: list[NodeRow], stats: list[NodeRow], whole: bool, dice: random.Random
    ) -> None:
        merged = merge(listed, stats, whole_list=whole)
        dice.shuffle(listed)
        dice.shuffle(stats)
        again = merge(listed, stats, whole_list=whole)
        assert again.rows == merged.rows
        assert again.odd.counts == merged.odd.counts

    @given(LISTS, LISTS)
    def test_nothing_is_made_up(self, listed: list[NodeRow], stats: list[NodeRow]) -> None:
        for row in merge(listed, stats).rows:
            theirs = [other for other in (*listed, *stats) if other.address == row.address]
            for name in CHAIN_FIELDS:
                assert getattr(row, name) in [getattr(other, name) for other in theirs]
            measured = [other for other in stats if other.address == row.address]
            for name in NODE_FIELDS:
                if measured:
                    assert getattr(row, name) in [getattr(other, name) for other in measured]

    @given(LISTS)
    def test_the_one_kept_was_confirmed_last(self, rows: list[NodeRow]) -> None:
        for row in merge(rows).rows:
            heights = [other.last_confirmed_height or -1 for other in rows if other.address == row.address]
            assert (row.last_confirmed_height or -1) == max(heights)


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_is_lost(name: str) -> None:
    """Guards the copying by place against a field put in between."""
    stats = node()
    if name not in ("address", "ip", "port", "listed"):
        setattr(stats, name, f"value of {name}")
    (row,) = merge(stats=[stats]).rows
    assert row == stats
