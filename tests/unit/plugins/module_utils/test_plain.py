# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed results as plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Container, Dos, Process


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Dos(0, None), {"state": 0, "message": None}),
        (Process(60, 1000.0), {"uptime": 60, "node_time": 1000.0, "started": 940.0}),
        (Process(60, None), {"uptime": 60, "node_time": None, "started": None}),
        ((Dos(5, "slow"), Dos(0)), [{"state": 5, "message": "slow"}, {"state": 0, "message": None}]),
        ({7: (1, 2)}, {"7": [1, 2]}),
        (frozenset({"a"}), ["a"]),
        (None, None),
        ("text", "text"),
        (
            {"deep": [Container("fluxwiki", "wiki", None, "running", "Up")]},
            {"deep": [{"name": "fluxwiki", "app": "wiki", "component": None, "state": "running", "status": "Up"}]},
        ),
    ],
)
def test_values_become_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value))) == expected


def test_a_class_is_no_value_of_it() -> None:
    assert plain(Dos) is Dos
