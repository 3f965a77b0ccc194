# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When apps end, and rows of apps made of what live services answered."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import network_shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.apps import FORK, app_row, end_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Specification
from tests.unit.recordings import recorded


def specification(height: int, **document: Any) -> Specification:
    row = {"name": "TideBoard", "owner": "1abc", "version": 8, "height": height, **document}
    return network_shapes.specifications(Field("gateway", "read", [row]))[0]


@pytest.mark.parametrize(
    ("height", "expire", "end"),
    [
        (2_900_000, 88_000, 2_988_000),
        (2_900_000, 1, 2_900_001),
        (2_900_000, None, 2_988_000),
        (FORK, None, FORK + 88_000),
        (FORK - 1, None, FORK + 4 * 21_999),
        (1_900_000, None, 1_922_000),
        (FORK - 22_000, None, FORK),
        (FORK - 10_000, 264_000, FORK + 4 * 254_000),
        (2_900_000, "88000", 2_988_000),
        (2_900_000, True, 2_988_000),
        (0, 88_000, None),
    ],
)
def test_the_last_block_of_an_app(height: int, expire: object, end: int | None) -> None:
    given = {} if expire is None else {"expire": expire}
    assert end_of(specification(height, **given)) == end


def test_rows_of_recorded_specifications() -> None:
    answer = recorded("apps_globalappsspecifications_variants")
    found = network_shapes.specifications(Field("gateway", "read", answer))
    rows = [app_row(each, block_height=2_950_000) for each in found]
    assert [row["specification"] for row in rows] == answer
    assert {row["version"] for row in rows} == {2, 3, 5, 8}
    assert [row["name"] for row in rows if row["encrypted"]] == ["ownllmdocs"]
    assert all(row["components"] == [] for row in rows if row["encrypted"] or row["version"] < 4)
    assert all(row["expires_height"] > row["height"] for row in rows)
    assert all("locations" not in row for row in rows)
