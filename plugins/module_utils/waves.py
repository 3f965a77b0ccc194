# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: which nodes may be restarted at the same time.

Steps:

1. Hold every node that hosts an app with a budget of 0.
2. Take the other nodes in the order given. Each goes into the earliest wave in which it breaks no rule. The rules:
   one node per public IP; of an app no more nodes than its budget; no more nodes than the cap, and in the first wave
   (the canary) only one.
3. Note for each node what kept it out of the wave before its own.

Properties:

- Every node is in exactly one wave or held, never both, never lost.
- No wave holds two nodes of one public IP, more nodes of an app than its budget, or more nodes than the cap.
- With a canary the first wave is exactly one node: the first that is not held.
- No wave is empty, and inside a wave nodes keep the order given.
- No node could be in an earlier wave beside the nodes that were given before it.
- The reason of a node names a rule that the wave before its own, with this node in it, would break.
- Equal input gives equal output: neither the order of sets nor of budgets matters.
- 15,000 nodes take less than a second.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import Budgets, app_key

_PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%")
_WHOLE = re.compile(r"[0-9]{1,9}")


class WaveError(ValueError):
    """The plan cannot be made from what was given; the message names the node or option."""


class WaveRule(Enum):
    """What decides where a node stands; the value is the name for machines."""

    FIRST = "first"
    CANARY = "canary"
    SAME_IP = "same_ip"
    APP_BUDGET = "app_budget"
    CAP = "cap"


@dataclass(frozen=True, slots=True)
class WaveNode:
    """One node to place. ``name`` is the caller's own and unique, ``ip`` the public IP without port."""

    name: str
    ip: str
    apps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WaveReason:
    """Why a node is not in an earlier wave."""

    rule: WaveRule
    wave: int
    """The node's own wave, counted from 1."""
    sentence: str
    beside: tuple[str, ...] = ()
    """The nodes of the wave before that it could not stand beside; empty for ``first``, ``canary`` and ``cap``."""
    app: str | None = None
    """The app whose budget decided."""


@dataclass(frozen=True, slots=True)
class Held:
    """A node that is in no wave at all."""

    name: str
    reason: WaveRule
    sentence: str


@dataclass(frozen=True, slots=True)
class WavePlan:
    """Node names, wave by wave; the reason of every node in a wave; the nodes left out."""

    waves: tuple[tuple[str, ...], ...]
    reasons: Mapping[str, WaveReason]
    held: tuple[Held, ...]


def cap_from(value: int | str, fleet_size: int, *, what: str = "the cap") -> int:
    """Nodes per wave: a number, or a share of the fleet such as ``5%``, rounded down but never below 1.

    ``what`` is the word for it in messages. Raises :class:`WaveError` for 0 or less, over 100 %, or anything else.
    """
    if fleet_size < 0:
        raise WaveError(f"the size of the fleet is {fleet_size}: it cannot be negative")
    if isinstance(value, int) and not isinstance(value, bool):
        return _at_least_one(value, what)
    text = value.strip() if isinstance(value, str) else ""
    if _WHOLE.fullmatch(text):
        return _at_least_one(int(text), what)
    if match := _PERCENT.fullmatch(text):
        share = Fraction(match.group(1)) / 100
        if not 0 < share <= 1:
            raise WaveError(f"{what} is {value!r}: a share lies above 0% and goes up to 100%")
        return max(1, int(share * fleet_size))
    raise WaveError(f"{what} is {value!r}: expected is a number of nodes such as 3 or a share of them such as '5%'")


def _at_least_one(count: int, what: str) -> int:
    if count < 1:
        raise WaveError(f"{what} is {count}: at least 1 node is needed")
    return count


def plan_waves(
    nodes: Sequence[WaveNode],
    *,
    budgets: Mapping[str, int] | None = None,
    default_budget: int = 1,
    cap: int,
    canary: bool = True,
) -> WavePlan:
    """Place ``nodes`` into waves, in the order given where the rules allow it.

    ``cap`` is a number of nodes (see :func:`cap_from`). Raises :class:`WaveError` or
    :class:`~ansible_collections.fluxme.fluxos.plugins.module_utils.budgets.BudgetError`.
    """
    allowance = Budgets(budgets, default_budget)
    placer = _Placer(_at_least_one(cap, "the cap"), canary, allowance)
    held: list[Held] = []
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise WaveError(f"node {node.name!r} is given twice")
        seen.add(node.name)
        if not node.ip:
            raise WaveError(f"node {node.name!r} has no public IP, so nothing says which nodes it shares one with")
        forbidden = sorted(app for app in node.apps if allowance.of(app) == 0)
        if forbidden:
            sentence = f"its app {forbidden[0]} has a budget of 0: no instance of it may be away"
            held.append(Held(node.name, WaveRule.APP_BUDGET, sentence))
        else:
            placer.place(node)
    return WavePlan(tuple(tuple(wave) for wave in placer.waves), placer.reasons, tuple(held))


class _Slots:
    """Places of one resource (an IP, an app, the waves themselves) in each wave.

    ``full`` has bit ``w`` set when wave ``w`` has no place left: the first wave with room in several resources is then
    the lowest bit set in none of them, which costs microseconds even behind thousands of full waves.
    """

    __slots__ = ("_size", "_sizes", "full", "members")

    def __init__(self, size: int, sizes: Mapping[int, int] | None = None) -> None:
        self._size = size
        self._sizes = sizes or {}
        self.full = 0
        self.members: defaultdict[int, list[str]] = defaultdict(list)

    def has_room(self, wave: int) -> bool:
        return not self.full >> wave & 1

    def take(self, wave: int, name: str) -> None:
        members = self.members[wave]
        members.append(name)
        if len(members) >= self._sizes.get(wave, self._size):
            self.full |= 1 << wave


class _Placer:
    def __init__(self, cap: int, canary: bool, budgets: Budgets) -> None:
        self._canary = canary
        self._budgets = budgets
        self._waves = _Slots(cap, {0: 1} if canary else None)
        self._ips: dict[str, _Slots] = {}
        self._apps: dict[str, _Slots] = {}
        self.reasons: dict[str, WaveReason] = {}

    @property
    def waves(self) -> list[list[str]]:
        members = self._waves.members
        return [members[wave] for wave in range(len(members))]

    def place(self, node: WaveNode) -> None:
        ip = self._ips.get(node.ip) or self._ips.setdefault(node.ip, _Slots(1))
        apps = {app: self._slots_of(app) for app in sorted(node.apps)}
        # Two spellings of one name are one app, and take one place.
        resources = [self._waves, ip, *dict.fromkeys(apps.values())]
        wave = _first_with_room(resources)
        self.reasons[node.name] = self._reason(wave, node, ip, apps)
        for slots in resources:
            slots.take(wave, node.name)

    def _slots_of(self, app: str) -> _Slots:
        key = app_key(app)
        slots = self._apps.get(key)
        if slots is None:
            slots = self._apps[key] = _Slots(self._budgets.of(app))
        return slots

    def _reason(self, wave: int, node: WaveNode, ip: _Slots, apps: Mapping[str, _Slots]) -> WaveReason:
        if wave == 0:
            return WaveReason(WaveRule.FIRST, 1, "nothing keeps it from the first wave")
        before = wave - 1
        if not ip.has_room(before):
            beside = tuple(ip.members[before])
            sentence = f"wave {wave} restarts {beside[0]}, which has the same public IP {node.ip}"
            return WaveReason(WaveRule.SAME_IP, wave + 1, sentence, beside)
        for app, slots in apps.items():
            if not slots.has_room(before):
                beside = tuple(slots.members[before])
                hosts = "hosts" if len(beside) == 1 else "host"
                sentence = (
                    f"wave {wave} restarts {_names(beside)}, which {hosts} {app} too, "
                    f"and only {self._budgets.of(app)} of its instances may be away at once"
                )
                return WaveReason(WaveRule.APP_BUDGET, wave + 1, sentence, beside, app)
        if before == 0 and self._canary:
            canary = self._waves.members[0][0]
            return WaveReason(WaveRule.CANARY, wave + 1, f"the first wave is one node only, the canary {canary}")
        size = len(self._waves.members[before])
        return WaveReason(WaveRule.CAP, wave + 1, f"wave {wave} is full with {size} node{'s' if size != 1 else ''}")


def _first_with_room(resources: Iterable[_Slots]) -> int:
    full = 0
    for slots in resources:
        full |= slots.full
    return (~full & (full + 1)).bit_length() - 1


def _names(names: Sequence[str], most: int = 3) -> str:
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
