# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing nodes by what is known of them. Pure functions, no input or output.

A filter answers yes, no, or "not known". Only a yes chooses: a node whose country nobody knows is in no country, and is
neither reachable nor unreachable while nobody has said. How many were left out for not being known is counted, so that
a caller can say it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import AddressError, node_address
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import NodeRow
from ansible_collections.fluxme.fluxos.plugins.module_utils.versions import Version, VersionError, parse_version

Test: TypeAlias = "Callable[[NodeRow], bool | None]"

_COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    "": operator.eq,
}
_CONDITION = re.compile(r"\s*(<=|>=|==|!=|<|>|=|)\s*(.*?)\s*")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on nodes."""

    name: str
    """The option that it stands for, for messages."""
    fields: tuple[str, ...]
    """Fields of :class:`NodeRow` that it looks at, for ``projection_for``."""
    test: Test
    """Yes, no, or ``None`` for not known."""


@dataclass
class Selected:
    """The nodes that every filter chooses, in the order given."""

    rows: list[NodeRow] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    """Name of a filter to the number of nodes that it left out because the fact is not known. A node counts for the
    first such filter, and only when no filter says no."""


def select(rows: Iterable[NodeRow], filters: Sequence[Filter]) -> Selected:
    """Apply all filters; none chooses everything."""
    selected = Selected()
    for row in rows:
        undecided: str | None = None
        for each in filters:
            verdict = each.test(row)
            if verdict is False:
                break
            if verdict is None and undecided is None:
                undecided = each.name
        else:
            if undecided is None:
                selected.rows.append(row)
            else:
                selected.unknown[undecided] = selected.unknown.get(undecided, 0) + 1
    return selected


def fields_of(filters: Iterable[Filter]) -> frozenset[str]:
    """The fields of :class:`NodeRow` that have to be known for these filters."""
    return frozenset(name for each in filters for name in each.fields)


# -- the chain --------------------------------------------------------------------------------------------------------


def by_payment_address(addresses: Iterable[str], name: str = "payment_addresses") -> Filter:
    """Nodes paid to one of these addresses; case matters in them."""
    return Filter(name, ("payment_address",), _one_of("payment_address", _listed(addresses, name)))


def by_public_key(keys: Iterable[str], name: str = "public_keys") -> Filter:
    """Nodes started with one of these public keys, in hexadecimal digits."""
    return Filter(name, ("public_key",), _one_of("public_key", _listed(keys, name), str.lower))


def by_tier(tiers: Iterable[str], name: str = "tiers") -> Filter:
    """``cumulus``, ``nimbus``, ``stratus``, in any case."""
    return Filter(name, ("tier",), _one_of("tier", _listed(tiers, name), str.lower))


def by_status(statuses: Iterable[str], name: str = "statuses") -> Filter:
    """``confirmed``, ``started``, ``dos``, ``offline``, ``expired``, in any case."""
    return Filter(name, ("status",), _one_of("status", _listed(statuses, name), str.lower))


def by_address(addresses: Iterable[str], name: str = "nodes") -> Filter:
    """These nodes and no others: ``1.2.3.4`` is the node at port 16127 alone.

    Raises UsageError for a text that is no address.
    """
    wanted: set[str] = set()
    for address in _listed(addresses, name):
        try:
            wanted.add(node_address(address))
        except AddressError as error:
            raise UsageError(f"{name}: {error}") from error
    return Filter(name, ("address",), lambda row: row.address in wanted)


# -- what stats tell --------------------------------------------------------------------------------------------------


def by_flux_id(flux_ids: Iterable[str], name: str = "flux_ids") -> Filter:
    """Nodes whose operator has one of these Flux IDs. An Ethereum address is compared without regard to case."""
    return Filter(name, ("flux_id",), _one_of("flux_id", _listed(flux_ids, name), _flux_id))


def by_country(countries: Iterable[str], name: str = "countries") -> Filter:
    """Codes (``DE``) or names (``Germany``), in any case."""
    return Filter(name, ("country_code", "country"), _one_of_two("country_code", "country", _listed(countries, name)))


def by_continent(continents: Iterable[str], name: str = "continents") -> Filter:
    """Codes (``EU``) or names (``Europe``), in any case."""
    return Filter(
        name, ("continent_code", "continent"), _one_of_two("continent_code", "continent", _listed(continents, name))
    )


def by_version(conditions: Iterable[str], name: str = "versions") -> Filter:
    """Nodes whose FluxOS meets one of the conditions, such as ``8.20.0``, ``<8.20.0`` or ``>=8.18.0,<8.20.0``.

    A version that is not three numbers, such as a development build's, is not known. Raises UsageError for a condition
    that cannot be read.
    """
    choices = [_condition(each, name) for each in _listed(conditions, name)]
    verdicts: dict[str, bool | None] = {}

    def verdict(text: str) -> bool | None:
        try:
            version = parse_version(text)
        except VersionError:
            return None
        return any(all(holds(version, bound) for holds, bound in choice) for choice in choices)

    def test(row: NodeRow) -> bool | None:
        # Thousands of nodes have a handful of versions.
        text = row.version
        if text is None:
            return None
        if text not in verdicts:
            verdicts[text] = verdict(text)
        return verdicts[text]

    return Filter(name, ("version",), test)


def is_reachable(wanted: bool, name: str = "reachable") -> Filter:
    """Nodes that the stats service could read, or those that it could not."""
    return Filter(name, ("reachable",), lambda row: None if row.reachable is None else row.reachable is wanted)


def is_arcane(wanted: bool, name: str = "arcane") -> Filter:
    """Nodes that run ArcaneOS, or those that do not."""
    return Filter(name, ("arcane",), lambda row: None if row.arcane is None else row.arcane is wanted)


def by_app(apps: Iterable[str], name: str = "apps") -> Filter:
    """Nodes where a container of one of these apps ran when stats looked; names in any case, as FluxOS has them."""
    wanted = frozenset(app.lower() for app in _listed(apps, name))

    def test(row: NodeRow) -> bool | None:
        return None if row.apps is None else any(app.lower() in wanted for app in row.apps)

    return Filter(name, ("apps",), test)


# -- how --------------------------------------------------------------------------------------------------------------


def _listed(values: Iterable[str], name: str) -> Iterable[str]:
    if isinstance(values, str):
        raise UsageError(f"{name}: a list is expected, such as [{values!r}]")
    return values


def _same(text: str) -> str:
    return text


def _flux_id(text: str) -> str:
    return text.lower() if text.lower().startswith("0x") else text


def _one_of(attribute: str, values: Iterable[str], form: Callable[[str], str] = _same) -> Test:
    wanted = frozenset(form(value) for value in values)
    read: Callable[[NodeRow], str | None] = operator.attrgetter(attribute)

    def test(row: NodeRow) -> bool | None:
        value = read(row)
        return None if value is None else form(value) in wanted

    return test


def _one_of_two(code: str, full: str, values: Iterable[str]) -> Test:
    wanted = frozenset(value.lower() for value in values)
    read: Callable[[NodeRow], tuple[str | None, str | None]] = operator.attrgetter(code, full)

    def test(row: NodeRow) -> bool | None:
        known = [text.lower() for text in read(row) if text is not None]
        return None if not known else any(text in wanted for text in known)

    return test


def _condition(text: str, name: str) -> list[tuple[Callable[[Version, Version], bool], Version]]:
    """The comparisons of one condition, all of which have to hold."""
    bounds: list[tuple[Callable[[Version, Version], bool], Version]] = []
    for part in str(text).split(","):
        found = _CONDITION.fullmatch(part)
        if found is None:
            raise UsageError(f"{name}: {part!r} is no condition on a version, such as '<8.20.0'")
        try:
            bounds.append((_COMPARISONS[found[1]], parse_version(found[2])))
        except VersionError as error:
            raise UsageError(f"{name}: {error}; with <, <=, >, >=, == or != before it where wanted") from error
    return bounds
