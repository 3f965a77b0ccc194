# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several sources say of the same nodes, as one row per node. Pure functions, no input or output.

Precedence, by normalised address:

1. two rows of one address in the *same* source (a node that moved to another collateral is listed under both until the
   old one expires): the one with the newest confirmation, and of equal ones the higher first confirmation, then the
   later reading, then the greater collateral, so that the order of the rows decides nothing;
2. chain facts (tier, status, collateral, payment address, heights): the node list, which is 30 s old, where stats are
   up to 45 minutes; stats fill what the list does not say, but only for the same collateral;
3. node facts (version, reachable, country, apps, ...): stats, which alone have them.

A node of stats that a *whole* node list does not have is kept with ``listed`` false, and without a status when stats
say ``CONFIRMED``: a list holds every confirmed node, so it no longer was one, and what it is now nobody has said.

Properties: every address is there once; merging a result again, as ``stats``, changes nothing; the order of the given
rows does not change the result, which is sorted by address and port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import CHAIN_FIELDS, FIELDS, NodeRow
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.odd import Odd
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.rows import Rows

LISTED_TWICE = "listed twice"

# Fields by place: by name a row takes twice the time.
_row: Callable[..., NodeRow] = NodeRow
_NODE_FIELDS = FIELDS[len(CHAIN_FIELDS) : -1]
_chain_facts = attrgetter(*CHAIN_FIELDS)
_node_facts = attrgetter(*_NODE_FIELDS)
_COLLATERAL = CHAIN_FIELDS.index("collateral")


def merge(listed: Iterable[NodeRow] = (), stats: Iterable[NodeRow] = (), *, whole_list: bool = False) -> Rows:
    """One row per node of both sources; new rows, the given ones stay as they are.

    ``listed`` are rows of :func:`rows.from_node_list`, ``stats`` of :func:`rows.from_stats`. ``whole_list`` says that
    ``listed`` is the network's whole node list, not what a filter left of it.
    """
    odd = Odd()
    by_list = _once(listed, odd)
    by_stats = _once(stats, odd)
    merged: list[NodeRow] = []
    for address, row in by_list.items():
        measured = by_stats.pop(address, None)
        chain = _chain_facts(row)
        if measured is None:
            merged.append(_row(*chain, *_node_facts(row), True))
            continue
        if None in chain:
            chain = _filled(chain, _chain_facts(measured))
        merged.append(_row(*chain, *_node_facts(measured), True))
    for row in by_stats.values():
        left = _row(*_chain_facts(row), *_node_facts(row), False if whole_list else row.listed)
        if whole_list and left.status == "CONFIRMED":
            left.status = None
        merged.append(left)
    merged.sort(key=position)
    return Rows(merged, odd)


def position(row: NodeRow) -> tuple[int, tuple[int, ...], str, int]:
    """Sorts by address as numbers, IPv4 first, then by port."""
    if ":" in row.ip:
        return 6, (), row.ip, row.port
    return 4, tuple(map(int, row.ip.split("."))), "", row.port


def _once(rows: Iterable[NodeRow], odd: Odd) -> dict[str, NodeRow]:
    found: dict[str, NodeRow] = {}
    for row in rows:
        known = found.setdefault(row.address, row)
        if known is row:
            continue
        odd.add(LISTED_TWICE, row.address)
        if _age_key(row) > _age_key(known):
            found[row.address] = row
    return found


def _age_key(row: NodeRow) -> tuple[Any, ...]:
    """The greater, the newer. Every field takes part at the end: of equal rows it makes no difference which is kept."""
    numbers = (row.last_confirmed_height, row.confirmed_height, row.collected_at)
    return (*(-1 if number is None else number for number in numbers), row.collateral or "", repr(row))


def _filled(chain: tuple[Any, ...], measured: tuple[Any, ...]) -> tuple[Any, ...]:
    """Chain facts of the list, with those of stats where it has none, if both speak of the same collateral."""
    ours, theirs = chain[_COLLATERAL], measured[_COLLATERAL]
    if ours is not None and theirs is not None and ours != theirs:
        return chain
    return tuple(other if own is None else own for own, other in zip(chain, measured, strict=True))
