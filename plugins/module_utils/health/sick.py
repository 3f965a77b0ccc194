# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet gate: too many sick nodes, ours or not, end the run before the next wave.

Steps: a node is sick when one of a few gates fails that a healthy node passes at any time; the run may go on while no
more nodes are sick than the limit, a number or a share of the fleet.

Properties:

- At least one sick node is always allowed, also in a small fleet: which node that is, the other rules decide.
- A node that could not be read is sick.
- A node that is merely busy (benchmark, boot, confirmation due) or hosts an app's only instance is not sick.
- The verdict names the sick nodes in the order of the fleet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import GATES
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.reasons import Reason
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import cap_from

# A node that does not answer at all fails the first of them.
SICK_GATES = ("daemon", "confirmed", "dos", "health")
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class FleetVerdict:
    """Whether the run may go on. ``reason`` is ``None`` exactly when ``ok``."""

    ok: bool
    reason: Reason | None
    sentence: str
    sick: tuple[str, ...]
    allowed: int


def sickness(reading: NodeReading, limits: Limits) -> str | None:
    """Why a node is sick, or ``None`` when it is well."""
    for name in SICK_GATES:
        verdict = GATES[name](reading, limits)
        if not verdict.ok:
            return verdict.sentence
    return None


def fleet_gate(nodes: Mapping[str, str | None], limit: int | str) -> FleetVerdict:
    """Judge a fleet: node name to why it is sick, ``None`` for a node that is well.

    ``limit`` is a number of nodes or a share of the fleet such as ``5%``, read as the cap of a wave is. Raises
    :class:`~ansible_collections.fluxme.fluxos.plugins.module_utils.waves.WaveError` when it is neither.
    """
    sick = {name: why for name, why in nodes.items() if why is not None}
    allowed = cap_from(limit, len(nodes), what="the limit of sick nodes")
    if len(sick) <= allowed:
        sentence = f"{len(sick)} of {len(nodes)} nodes are sick, {allowed} may be"
        return FleetVerdict(True, None, sentence, tuple(sick), allowed)
    named = [f"{name} ({why})" for name, why in list(sick.items())[:_MOST_NAMED]]
    if len(sick) > _MOST_NAMED:
        named.append(f"and {len(sick) - _MOST_NAMED} more")
    facts = {"count": len(sick), "fleet": len(nodes), "allowed": allowed, "nodes": "; ".join(named)}
    return FleetVerdict(False, Reason.TOO_MANY_SICK, Reason.TOO_MANY_SICK.sentence(**facts), tuple(sick), allowed)
