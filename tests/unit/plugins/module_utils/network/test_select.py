# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters: yes, no, and not known."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.network import select as by
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.merge import merge
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import NodeRow, projection_for
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.rows import from_stats
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.select import Filter, fields_of, select
from tests.unit.recordings import projected, recorded


@pytest.fixture(scope="module")
def rows() -> list[NodeRow]:
    return merge(stats=from_stats(recorded("stats_fluxinfo_variants")).rows).rows


def chosen(rows: Iterable[NodeRow], *filters: Filter) -> list[str]:
    return [row.address for row in select(rows, filters).rows]


FILTERS: list[tuple[Filter, list[str]]] = [
    (by.by_tier(["Nimbus", "stratus"]), ["65.109.63.145:16147", "91.226.198.157:16127"]),
    (by.by_payment_address(["t1X1hKAb9rYmsikPKVJXBHueJU4VeuV7Tbb"]), ["82.165.138.200:16137", "82.165.138.200:16157"]),
    (by.by_payment_address(["T1X1hKAb9rYmsikPKVJXBHueJU4VeuV7Tbb"]), []),
    (by.by_flux_id(["1BA4cZBazpRwQmGruvkr3Kk8Vs9G1fKsVi"]), ["65.109.21.153:16167", "65.109.63.145:16147"]),
    (by.by_address(["82.165.138.200:16157", "86.66.168.9"]), ["82.165.138.200:16157", "86.66.168.9:16127"]),
    (by.by_address(["82.165.138.200"]), []),
    (by.by_country(["fi", "Poland"]), ["65.109.21.153:16167", "65.109.63.145:16147", "91.226.198.157:16127"]),
    (by.by_continent(["oc", "South America"]), ["168.226.218.98:16127", "202.3.248.134:16127"]),
    (by.by_version(["<8.20.0"]), ["202.3.248.134:16127"]),
    (by.by_version([">=8.18.0,<8.20.0", "9.0.0"]), ["202.3.248.134:16127"]),
    (by.by_version(["8.18.0"]), ["202.3.248.134:16127"]),
    (by.is_reachable(False), ["82.165.138.200:16157"]),
    (by.is_arcane(False), ["96.60.107.9:16127", "168.226.218.98:16127", "202.3.248.134:16127"]),
    (by.by_app(["CIVCLICKER", "jira"]), ["168.226.218.98:16127"]),
    (by.by_status(["dos"]), []),
]


@pytest.mark.parametrize(("condition", "expected"), FILTERS, ids=lambda value: getattr(value, "name", None))
def test_what_a_filter_chooses_of_real_nodes(rows: list[NodeRow], condition: Filter, expected: list[str]) -> None:
    assert chosen(rows, condition) == expected


@pytest.mark.parametrize("condition", [each for each, _expected in FILTERS], ids=lambda each: each.name)
def test_a_filter_names_all_the_fields_it_needs(rows: list[NodeRow], condition: Filter) -> None:
    """With nothing but these fields asked for, it chooses the same."""
    names = projection_for(condition.fields)
    part = merge(stats=from_stats(projected(recorded("stats_fluxinfo_variants"), names), names).rows).rows
    assert chosen(part, condition) == chosen(rows, condition)


def test_all_filters_have_to_agree(rows: list[NodeRow]) -> None:
    filters = [by.is_arcane(False), by.by_continent(["NA"])]
    assert chosen(rows, *filters) == ["96.60.107.9:16127"]
    assert fields_of(filters) == {"arcane", "continent", "continent_code"}
    assert len(chosen(rows)) == len(rows)


def test_not_known_is_neither_yes_nor_no(rows: list[NodeRow]) -> None:
    assert select(rows, [by.is_arcane(True)]).unknown == {"arcane": 1}
    assert select(rows, [by.is_arcane(False), by.by_version(["<9.0.0"])]).unknown == {"arcane": 1}
    # What another filter refuses is no question of knowing.
    assert select(rows, [by.is_arcane(True), by.is_reachable(True)]).unknown == {}
    nobody = NodeRow("1.2.3.4:16127", "1.2.3.4", 16127)
    for condition, _expected in FILTERS:
        if condition.name != "nodes":
            assert condition.test(nobody) is None, condition.name


def test_a_version_that_is_none_is_not_known() -> None:
    row = NodeRow("1.2.3.4:16127", "1.2.3.4", 16127, version="8.21.0-rc1")
    assert by.by_version(["!=8.20.0"]).test(row) is None


def test_an_ethereum_address_is_one_in_any_case() -> None:
    row = NodeRow("1.2.3.4:16127", "1.2.3.4", 16127, flux_id="0xAbC")
    assert by.by_flux_id(["0xaBc"]).test(row) is True
    row.flux_id = "1Abc"
    assert by.by_flux_id(["1abc"]).test(row) is False


@given(
    st.tuples(*[st.integers(0, 25)] * 3),
    st.tuples(*[st.integers(0, 25)] * 3),
    st.sampled_from(["<", "<=", ">", ">=", "==", "=", "!=", ""]),
    st.sampled_from(["", " "]),
)
def test_versions_compare_as_numbers(version: tuple[int, ...], bound: tuple[int, ...], sign: str, space: str) -> None:
    def written(numbers: tuple[int, ...]) -> str:
        return ".".join(map(str, numbers))

    row = NodeRow("1.2.3.4:16127", "1.2.3.4", 16127, version=written(version))
    expected = {
        "<": version < bound,
        "<=": version <= bound,
        ">": version > bound,
        ">=": version >= bound,
        "!=": version != bound,
    }.get(sign, version == bound)
    assert by.by_version([f"{sign}{space}{written(bound)}"]).test(row) is expected


@pytest.mark.parametrize("condition", ["8.20", "<8.20", "~=8.20.0", "", "<", "8.20.0,", "latest", "<<8.20.0"])
def test_a_condition_that_cannot_be_read_says_which(condition: str) -> None:
    with pytest.raises(UsageError, match=r"^only_versions: .*three numbers"):
        by.by_version([condition], "only_versions")


def test_an_address_that_is_none_says_which() -> None:
    with pytest.raises(UsageError, match=r"^mine: '1\.2\.3\.4:80'"):
        by.by_address(["1.2.3.4:80"], "mine")


def test_a_lone_name_is_no_list_of_names() -> None:
    """A text would be taken letter by letter."""
    with pytest.raises(UsageError, match="tiers: a list is expected"):
        by.by_tier("cumulus")
