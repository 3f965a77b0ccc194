# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: whether a node may be restarted now.

Steps: every gate looks at one concern and gives a verdict; the node may be restarted when each gate is passed or was
overridden by name. The first gate that is neither gives the reason.

Properties:

- Each gate alone holds a node.
- A gate whose input was not read is a failed gate.
- Gates are pure: equal input gives an equal verdict, and no gate looks at another's verdict.
- An override is reported when it mattered, and only then. One that names no gate is an error.
- Every sentence holds the numbers that decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.reasons import Reason, told
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import (
    BLOCKS_PER_MINUTE,
    CONFIRM_FROM,
    CONFIRM_USUALLY_BY,
    EXPIRES_AT,
    Limits,
    NodeReading,
    Unread,
)

PASSING_TIERS = ("CUMULUS", "NIMBUS", "STRATUS")
#: Values of a health check that are successes; every check that is not named knows ``ok`` only (FluxOS 8.19 and later).
_WELL = {"syncthing": ("ok", "unmeasured", "degraded")}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate says of a node. ``reason`` is ``None`` exactly when ``ok``."""

    gate: str
    ok: bool
    reason: Reason | None
    sentence: str

    @property
    def clears(self) -> bool:
        """Whether a failed gate is expected to pass by itself within an hour."""
        return self.reason is not None and self.reason.clears


@dataclass(frozen=True, slots=True)
class Preflight:
    """The gates of a node together. ``reason`` and ``sentence`` are those of the first gate that holds it."""

    ok: bool
    verdicts: tuple[Verdict, ...]
    reason: Reason | None
    sentence: str
    overridden: tuple[str, ...]
    """Gates that failed and were overridden."""

    @property
    def clears(self) -> bool:
        """Whether everything that holds the node is expected to clear by itself within an hour."""
        holding = [verdict for verdict in self.verdicts if not verdict.ok and verdict.gate not in self.overridden]
        return bool(holding) and all(verdict.clears for verdict in holding)


class GateError(ValueError):
    """An override names something that is no gate."""


def _passed(gate: str, sentence: str) -> Verdict:
    return Verdict(gate, True, None, sentence)


def _failed(gate: str, reason: Reason, **facts: object) -> Verdict:
    return Verdict(gate, False, reason, reason.sentence(**facts))


def _unread(gate: str, what: str, value: Unread) -> Verdict:
    return _failed(gate, Reason.CANNOT_EVALUATE, what=what, why=f"it could not be read: {value.why}")


def reachable(reading: NodeReading, limits: Limits) -> Verdict:
    """The node answers for itself: version and uptime."""
    if isinstance(reading.version, Unread):
        return _failed("reachable", Reason.UNREACHABLE, what="version", why=reading.version.why)
    if isinstance(reading.process, Unread):
        return _failed("reachable", Reason.UNREACHABLE, what="uptime", why=reading.process.why)
    return _passed("reachable", f"FluxOS {reading.version}, up for {reading.process.uptime} s")


def daemon(reading: NodeReading, limits: Limits) -> Verdict:
    """The daemon answers and is near the network's height."""
    height, network = reading.block_height, reading.network_height
    if isinstance(height, Unread):
        return _failed("daemon", Reason.DAEMON_UNREACHABLE, why=height.why)
    if isinstance(network, Unread):
        return _unread("daemon", "how far its daemon is", network)
    behind, allowed = network - height, limits.max_blocks_behind
    if behind > allowed:
        facts = {"height": height, "behind": behind, "network": network, "allowed": allowed}
        return _failed("daemon", Reason.DAEMON_BEHIND, **facts)
    if behind < -allowed:
        why = f"it is at block {height}, {-behind} ahead of the network's {network}: one of the two is wrong"
        return _failed("daemon", Reason.CANNOT_EVALUATE, what="how far its daemon is", why=why)
    return _passed("daemon", f"its daemon is at block {height}, the network at {network}")


def explorer(reading: NodeReading, limits: Limits) -> Verdict:
    """FluxOS has read the chain up to its tip; its app database is not ready before."""
    if isinstance(reading.explorer_synced, Unread):
        return _unread("explorer", "whether its explorer is synced", reading.explorer_synced)
    if not reading.explorer_synced:
        return _failed("explorer", Reason.EXPLORER_BEHIND)
    return _passed("explorer", "its explorer is synced")


def confirmed(reading: NodeReading, limits: Limits) -> Verdict:
    """The node is confirmed on the chain."""
    if isinstance(reading.confirmation, Unread):
        return _unread("confirmed", "whether it is confirmed", reading.confirmation)
    if not reading.confirmation.confirmed:
        return _failed("confirmed", Reason.NOT_CONFIRMED, status=told(reading.confirmation.status))
    return _passed("confirmed", "its status is CONFIRMED")


def dos(reading: NodeReading, limits: Limits) -> Verdict:
    """The node counts no trouble of its own."""
    if isinstance(reading.dos, Unread):
        return _unread("dos", "its DOS state", reading.dos)
    state, message = reading.dos.state, reading.dos.message
    if message or state != 0:
        return _failed("dos", Reason.DOS, state=f"{state:g}", message=told(message) if message else "no message")
    return _passed("dos", "its DOS state is 0")


def slack(reading: NodeReading, limits: Limits) -> Verdict:
    """The node will be back well before it wants to confirm again."""
    if isinstance(reading.confirmation, Unread):
        return _unread("slack", "its confirmation age", reading.confirmation)
    if isinstance(reading.block_height, Unread):
        return _unread("slack", "its confirmation age", reading.block_height)
    age = reading.block_height - reading.confirmation.last_confirmed_height
    if not 0 <= age <= EXPIRES_AT:
        why = (
            f"it was last confirmed at block {reading.confirmation.last_confirmed_height} and its daemon is at "
            f"{reading.block_height}: an age of {age} blocks is not between 0 and {EXPIRES_AT}"
        )
        return _failed("slack", Reason.CANNOT_EVALUATE, what="its confirmation age", why=why)
    if age >= CONFIRM_FROM:
        return _failed("slack", Reason.CONFIRMATION_DUE, age=age, expires=_minutes(EXPIRES_AT - age))
    left, needed = CONFIRM_FROM - age, limits.needed_blocks
    if left < needed:
        soonest, latest = _minutes(left), _minutes(CONFIRM_USUALLY_BY - age)
        facts = {"age": age, "left": left, "needed": needed, "soonest": soonest, "latest": latest}
        return _failed("slack", Reason.SLACK, **facts)
    return _passed("slack", f"confirmation age {age} of {CONFIRM_FROM} blocks: {left} blocks left, {needed} needed")


def _minutes(blocks: int) -> int:
    """Whole minutes that ``blocks`` take, rounded up."""
    return -(-blocks // BLOCKS_PER_MINUTE)


def benchmark(reading: NodeReading, limits: Limits) -> Verdict:
    """No benchmark runs (a restart would spoil it), and the last one proved a tier."""
    if isinstance(reading.benchmark, Unread):
        return _unread("benchmark", "its benchmark", reading.benchmark)
    status, tier = reading.benchmark.status, reading.benchmark.tier_status
    if status.casefold() == "running":
        return _failed("benchmark", Reason.BENCHMARKING)
    if status.casefold() in ("failed", "") or tier not in PASSING_TIERS:
        facts = {"status": told(status) if status else "nothing", "tier": told(tier) if tier else "empty"}
        return _failed("benchmark", Reason.BENCHMARK_FAILED, **facts)
    return _passed("benchmark", f"its benchmark proved {tier}")


def health(reading: NodeReading, limits: Limits) -> Verdict:
    """FluxOS' own health check is green, where it has one. Necessary, never sufficient: it does not see the daemon."""
    if isinstance(reading.health, Unread):
        return _unread("health", "its own health check", reading.health)
    if not reading.health.offered:
        return _passed("health", "its FluxOS has no health check (it came with 8.19)")
    if not reading.health.ok:
        return _failed("health", Reason.UNHEALTHY, said=told(reading.health.said or "it gave no reason"))
    for check, value in reading.health.checks.items():
        if value not in _WELL.get(check, ("ok",)):
            return _failed("health", Reason.UNHEALTHY, said=f"{told(check)} is {told(value)}")
    return _passed("health", "its own health check is green")


def boot(reading: NodeReading, limits: Limits) -> Verdict:
    """The node is not still starting its apps."""
    if isinstance(reading.boot_settled, Unread):
        return _unread("boot", "whether it is still starting its apps", reading.boot_settled)
    if reading.boot_settled is None:
        return _passed("boot", "its FluxOS has no boot window (it came with 8.18)")
    if not reading.boot_settled:
        return _failed("boot", Reason.BOOTING)
    return _passed("boot", "its boot window is over")


def restart_way(reading: NodeReading, limits: Limits) -> Literal["api", "command"] | Unread | None:
    """How FluxOS can be restarted here: on legacy nodes over the API, on ArcaneOS only with the user's command."""
    if isinstance(reading.arcane, Unread):
        return reading.arcane
    if not reading.arcane:
        return "api"
    return "command" if limits.restart_command else None


def restart_path(reading: NodeReading, limits: Limits) -> Verdict:
    """There is a way to restart it."""
    way = restart_way(reading, limits)
    if isinstance(way, Unread):
        return _unread("restart_path", "whether it runs ArcaneOS", way)
    if way is None:
        return _failed("restart_path", Reason.NO_RESTART_PATH)
    return _passed("restart_path", "over its API" if way == "api" else "with the restart command on its host")


def apps(reading: NodeReading, limits: Limits) -> Verdict:
    """The counterfactual: without this node every app it hosts still has the instances that it needs.

    Installed counts as hosting, running or not: the network counts on it, and a restart may start or remove it.
    """
    if isinstance(reading.apps, Unread):
        return _unread("apps", "which apps it hosts", reading.apps)
    if not reading.apps:
        return _passed("apps", "it hosts no app")
    if isinstance(reading.elsewhere, Unread):
        return _unread("apps", "where else its apps run", reading.elsewhere)
    only: list[str] = []
    unknown: list[str] = []
    short: list[str] = []
    for app in reading.apps:
        elsewhere = reading.elsewhere.get(app.name)
        budget = limits.allowance.of(app.name)
        needed = max(1, app.instances - budget)
        if elsewhere is None:
            unknown.append(app.name)
        elif elsewhere <= 0:
            only.append(app.name)
        elif elsewhere < needed:
            short.append(
                f"{app.name} ({elsewhere} elsewhere, {needed} needed: {app.instances} less a budget of {budget})"
            )
    if only:
        return _failed("apps", Reason.ONLY_INSTANCE, apps=_listed(only))
    if unknown:
        why = f"the instances of {_listed(unknown)} on other nodes were not counted"
        return _failed("apps", Reason.CANNOT_EVALUATE, what="what its apps can spare", why=why)
    if short:
        return _failed("apps", Reason.APP_BUDGET, apps=_listed(short))
    return _passed("apps", f"each of its {len(reading.apps)} apps has enough instances on other nodes")


def _listed(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


Gate = Callable[[NodeReading, Limits], Verdict]

GATES: dict[str, Gate] = {
    "reachable": reachable,
    "daemon": daemon,
    "explorer": explorer,
    "confirmed": confirmed,
    "dos": dos,
    "slack": slack,
    "benchmark": benchmark,
    "health": health,
    "boot": boot,
    "restart_path": restart_path,
    "apps": apps,
}
"""The gates by name, in the order in which they are asked."""


def preflight(reading: NodeReading, limits: Limits, overrides: Collection[str] = ()) -> Preflight:
    """Judge a node by every gate. Raises :class:`GateError` when ``overrides`` names no gate."""
    if wrong := sorted(set(overrides) - set(GATES)):
        raise GateError(f"there is no gate {wrong[0]!r} to override; the gates are {', '.join(GATES)}")
    verdicts = tuple(gate(reading, limits) for gate in GATES.values())
    failed = [verdict for verdict in verdicts if not verdict.ok]
    holding = [verdict for verdict in failed if verdict.gate not in overrides]
    overridden = tuple(verdict.gate for verdict in failed if verdict.gate in overrides)
    if holding:
        return Preflight(False, verdicts, holding[0].reason, holding[0].sentence, overridden)
    sentence = f"every gate is passed or overridden ({', '.join(overridden)})" if overridden else "every gate is passed"
    return Preflight(True, verdicts, None, sentence, overridden)
