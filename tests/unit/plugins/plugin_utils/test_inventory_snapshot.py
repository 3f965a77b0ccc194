# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot survives a cache, and a foreign entry is no snapshot."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.answer_cache import spoken_age
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import SCHEMA, from_addresses
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_instances import from_locations
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot


def test_through_json_and_back() -> None:
    before = Snapshot(
        hosts=from_addresses(["203.0.113.7", "203.0.113.7:16137"]).hosts,
        gateway="https://api.runonflux.io",
        read_at=1790000000.5,
        skipped=Counter({"listed twice": 2}),
        instances=from_locations(
            [Location("TideBoard", "203.0.113.7:16137", "ab", running_since=1.5, broadcast_at=2.5)], []
        ).hosts,
        skipped_instances=Counter({"with a bad name": 1}),
    )
    assert Snapshot.from_entry(json.loads(json.dumps(before.as_entry()))) == before


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "text",
        {},
        {"schema": SCHEMA + 1, "read_at": 1.0, "hosts": [], "instances": []},
        {"schema": SCHEMA, "read_at": "yesterday", "hosts": [], "instances": []},
        {"schema": SCHEMA, "read_at": True, "hosts": [], "instances": []},
        {"schema": SCHEMA, "read_at": 1.0, "hosts": None, "instances": []},
        {"schema": SCHEMA, "read_at": 1.0, "hosts": []},
    ],
)
def test_an_entry_of_another_kind_is_none(entry: Any) -> None:
    assert Snapshot.from_entry(entry) is None


def test_a_clock_that_went_back_makes_no_negative_age() -> None:
    assert Snapshot(hosts=[], gateway=None, read_at=100.0).age(40.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (500000, "5 days")],
)
def test_ages_are_spoken(seconds: float, words: str) -> None:
    assert spoken_age(seconds) == words
