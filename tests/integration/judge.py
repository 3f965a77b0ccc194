# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a maintenance was safe, judged from the simulator's journal alone: pure functions.

The judge knows nothing of the collection. It sees when each node went down, when it was whole again and what the
network had at that time, and says in sentences which rule was broken; an empty list is a verdict of innocence.

A node is *away* from the moment it goes down until it is up, has settled its apps, has its explorer and its peers back
and runs every container that ran before. Explorer and peers leave no line in the journal: ``recovery`` says how long
they take after the start, in simulated seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]

BLOCK_SECONDS = 30.0
CONFIRM_FROM = 500
#: State changes that a maintenance must never cause, whatever the node.
LOSSES = {"apps_removed": "lost its apps", "expired": "lost its confirmation"}
#: What may not be going on when a node is restarted: the line that begins it, the line that ends it.
OBSTACLES = {
    "daemon_down": ("daemon_down", "daemon_up"),
    "in DOS": ("dos", "dos_cleared"),
    "not confirmed": ("expired", "confirmed"),
    "in its boot window": ("up", "boot_settled"),
}


@dataclass(frozen=True)
class Away:
    """One absence of a node, in simulated seconds; ``until`` is infinite when it never became whole again."""

    node: str
    since: float
    until: float

    def overlaps(self, other: Away) -> bool:
        return self.since < other.until and other.since < self.until


@dataclass(frozen=True)
class Fleet:
    """What the journal's first line says, ready to be asked."""

    ips: Mapping[str, str]
    apps: Mapping[str, tuple[str, ...]]
    arcane: Mapping[str, bool]
    ages: Mapping[str, int]
    begun: float

    @classmethod
    def of(cls, journal: Sequence[Line]) -> Fleet:
        """Read the first line. Raises ValueError when it is not the fleet's."""
        if not journal or journal[0]["kind"] != "fleet":
            raise ValueError("the journal does not begin with the line that describes the fleet")
        nodes = journal[0]["nodes"]
        return cls(
            {node["node"]: node["ip"] for node in nodes},
            {node["node"]: tuple(node["apps"]) for node in nodes},
            {node["node"]: bool(node["arcane"]) for node in nodes},
            {node["node"]: int(node["confirmation_age"]) for node in nodes},
            float(journal[0]["sim"]),
        )

    @property
    def holders(self) -> dict[str, list[str]]:
        """App to the nodes that host it."""
        found: dict[str, list[str]] = defaultdict(list)
        for node, names in self.apps.items():
            for name in names:
                found[name].append(node)
        return dict(found)


def states(journal: Iterable[Line], *what: str) -> Iterator[Line]:
    return (line for line in journal if line["kind"] == "state" and line["what"] in what)


def writes(journal: Iterable[Line]) -> Iterator[Line]:
    return (line for line in journal if line["kind"] == "request" and line["write"])


def restarted(journal: Iterable[Line]) -> list[str]:
    """The nodes that went down, in that order, once for each time."""
    return [str(line["node"]) for line in states(journal, "down")]


def absences(journal: Sequence[Line], recovery: float) -> list[Away]:
    """All absences, in the order in which they began."""
    found = []
    for at, line in enumerate(journal):
        if line["kind"] == "state" and line["what"] == "down":
            found.append(Away(line["node"], line["sim"], _whole_again(journal, at, recovery)))
    return found


def _whole_again(journal: Sequence[Line], at: int, recovery: float) -> float:
    """When the node that went down in line ``at`` was whole again."""
    node = journal[at]["node"]
    before, after = journal[:at], journal[at:]
    # "healed" counts: a daemon that was down for the start, for instance, keeps the node away until then.
    mine = [line for line in after if line.get("node") == node and line["kind"] == "state"]
    again = next((number for number, line in enumerate(mine[1:], 1) if line["what"] == "down"), len(mine))
    up = next((line for line in mine[:again] if line["what"] == "up"), None)
    settled = next((line for line in mine[:again] if line["what"] == "boot_settled"), None)
    if up is None or settled is None:
        return float("inf")
    moments = [up["sim"] + recovery, settled["sim"]]
    stopped = {_container(line): line for line in states(before, "container_stopped") if line["node"] == node}
    for line in mine[:again]:
        if line["what"] == "container_stopped" and _container(line) not in stopped:
            started = [
                one["sim"]
                for one in mine[:again]
                if one["what"] == "container_started"
                and _container(one) == _container(line)
                and one["seq"] > line["seq"]
            ]
            moments.append(started[0] if started else float("inf"))
    return float(max(moments))


def _container(line: Line) -> str:
    """The name at the head of the line's reason: ``fluxweb_TideBoard: exited``."""
    return str(line["why"]).partition(":")[0]


# -- the rules ---------------------------------------------------------------------------------------------------


def judge(
    journal: Sequence[Line],
    *,
    expected: Collection[str],
    cap: int,
    recovery: float,
    budgets: Mapping[str, int] | None = None,
    waves: Sequence[Collection[str]] | None = None,
    canary: bool = True,
) -> list[str]:
    """Every broken rule of a maintenance in one sentence each.

    :param expected: the nodes that had to be restarted, each once, and no other.
    :param waves: the waves that the run claims; then no node of one may go down before those of all earlier ones are
        back.
    """
    fleet, away = Fleet.of(journal), absences(journal, recovery)
    return [
        *once_each(journal, expected),
        *no_write_elsewhere(journal, expected),
        *within_cap(away, cap),
        *one_per_ip(fleet, away),
        *within_budgets(fleet, away, budgets or {}),
        *(canary_first(away) if canary else ()),
        *(wave_after_wave(away, waves) if waves is not None else ()),
        *nothing_lost(journal),
        *no_obstacle(journal),
        *back_before_confirmation(journal, fleet, away),
    ]


def once_each(journal: Sequence[Line], expected: Collection[str]) -> list[str]:
    counts = Counter(restarted(journal))
    broken = [f"{node} was restarted {count} times" for node, count in counts.items() if count > 1]
    broken += [f"{node} was restarted and should not have been" for node in counts if node not in expected]
    return broken + [f"{node} was not restarted" for node in expected if node not in counts]


def no_write_elsewhere(journal: Sequence[Line], expected: Collection[str]) -> list[str]:
    return [
        f"{line['node']} was left out of the maintenance and got {line['method']} {line['path']}"
        for line in writes(journal)
        if line["node"] not in expected
    ]


def within_cap(away: Sequence[Away], cap: int) -> list[str]:
    return [
        f"{len(others)} nodes were away at once when {one.node} went down, {cap} may: {', '.join(others)}"
        for one, others in _at_each_start(away)
        if len(others) > cap
    ]


def one_per_ip(fleet: Fleet, away: Sequence[Away]) -> list[str]:
    return [
        f"{one.node} went down while {other} of the same public IP was away"
        for one, others in _at_each_start(away)
        for other in others
        if other != one.node and fleet.ips[other] == fleet.ips[one.node]
    ]


def within_budgets(fleet: Fleet, away: Sequence[Away], budgets: Mapping[str, int]) -> list[str]:
    """No more instances of an app away than its budget (1), and never the last one."""
    broken, holders = [], fleet.holders
    for one, others in _at_each_start(away):
        for app in fleet.apps[one.node]:
            gone = [node for node in others if app in fleet.apps[node]]
            if len(gone) > budgets.get(app, 1):
                broken.append(f"{len(gone)} instances of {app} were away at once: {', '.join(gone)}")
            if not set(holders[app]) - set(gone):
                broken.append(f"no instance of {app} was left when {one.node} went down")
    return broken


def canary_first(away: Sequence[Away]) -> list[str]:
    if len(away) < 2 or away[1].since >= away[0].until:
        return []
    return [f"{away[1].node} went down before the first node, {away[0].node}, was whole again"]


def wave_after_wave(away: Sequence[Away], waves: Sequence[Collection[str]]) -> list[str]:
    number = {node: at for at, wave in enumerate(waves) for node in wave}
    broken = [f"{one.node} is in no wave and went down" for one in away if one.node not in number]
    known = [one for one in away if one.node in number]
    return broken + [
        f"{later.node} of wave {number[later.node] + 1} went down before {earlier.node} of wave "
        f"{number[earlier.node] + 1} was whole again"
        for later in known
        for earlier in known
        if number[earlier.node] < number[later.node] and later.since < earlier.until
    ]


def nothing_lost(journal: Iterable[Line]) -> list[str]:
    return [f"{line['node']} {LOSSES[line['what']]}: {line['why']}" for line in states(journal, *LOSSES)]


def no_obstacle(journal: Iterable[Line]) -> list[str]:
    """No node goes down while something is wrong with it that a start would turn into a loss."""
    broken = []
    going_on: dict[tuple[str, str], bool] = {}
    for line in (line for line in journal if line["kind"] == "state"):
        if line["what"] == "down":
            broken += [
                f"{line['node']} was restarted while it was {name}"
                for name in OBSTACLES
                if going_on.get((line["node"], name))
            ]
        for name, (begins, ends) in OBSTACLES.items():
            if line["what"] in (begins, ends):
                going_on[line["node"], name] = line["what"] == begins
    return broken


def back_before_confirmation(journal: Sequence[Line], fleet: Fleet, away: Sequence[Away]) -> list[str]:
    """Every node is whole again before it may confirm (500 blocks after the last time)."""
    broken = []
    for one in away:
        confirmed_at = fleet.begun - fleet.ages[one.node] * BLOCK_SECONDS
        for line in states(journal, "confirmed"):
            if line["node"] == one.node and line["sim"] <= one.since:
                confirmed_at = line["sim"]
        age = (min(one.until, one.since + 86400.0) - confirmed_at) / BLOCK_SECONDS
        if age > CONFIRM_FROM:
            broken.append(f"{one.node} was away when it wanted to confirm: {age:.0f} blocks after the last time")
    return broken


def _at_each_start(away: Sequence[Away]) -> Iterator[tuple[Away, list[str]]]:
    """Each absence with all nodes that were away the moment it began, itself included."""
    for one in away:
        yield one, [other.node for other in away if other.since <= one.since < other.until]
