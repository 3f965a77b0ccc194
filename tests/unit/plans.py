# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of four nodes, for tests of what is kept of a run: two to restart, one held back, one not selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

EVERYTHING = ("alpha", "beta", "gamma", "delta")
_DECISIONS = {
    "alpha": ("restart", "outdated"),
    "beta": ("restart", "outdated"),
    "gamma": ("hold", "slack"),
    "delta": ("skip", "not_outdated"),
}


def node(name: str, **facts: Any) -> dict[str, Any]:
    """A node as ``node_preflight`` returns it."""
    decision, reason = _DECISIONS[name]
    number = EVERYTHING.index(name) + 1
    return {
        "name": name,
        "address": f"203.0.113.{number}:16127",
        "ip": f"203.0.113.{number}",
        "decision": decision,
        "reason": reason,
        "message": f"why {name} is {reason}",
        "version": "8.18.0",
        "process": {"uptime": 86400, "node_time": 1_790_000_000.0},
        "tier": "CUMULUS",
        "arcane": False,
        "apps": [],
        "overridden": [],
        **facts,
    }


def plan(
    *, waves: Sequence[Sequence[str]] = (("alpha",), ("beta",)), only: Sequence[str] = EVERYTHING, **changes: Any
) -> dict[str, Any]:
    """The option ``plan``; a change under a node's name changes that node, others the plan."""
    nodes = [node(name, **changes.pop(name, {})) for name in only]
    return {"nodes": nodes, "waves": [list(wave) for wave in waves], "held": [], "cap": 1, **changes}
