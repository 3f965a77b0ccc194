# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the whole network, each with its sources in order, its kept answers and its merging.

What inventory, lookups and modules share: they say what they want to know and get it, with warnings for what is old or
missing and one error for what nobody told.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.answer_cache import AnswerCache, Question, spoken_age
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.explorer import ExplorerClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.stats import StatsClient, projection_of, round_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer, FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.merge import merge
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import (
    CHAIN_FIELDS,
    NodeRow,
    projection_for,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.rows import Rows, from_node_list, from_stats
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location, Specification
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport

T = TypeVar("T")
S = TypeVar("S")

_Told: TypeAlias = "tuple[Any, float | None]"
"""What was told, and when (epoch seconds); ``None`` for just now."""

FEW_APPS = 4
"""Up to so many apps are located one by one; beyond, the list of all (2.4 MB) is cheaper than that many requests."""


OLDEST_ROUND = 2 * 3600.0
"""Seconds; a round is 15 to 45 minutes old as long as the stats service's collector works."""


class NoSource(FluxOSError):
    """None of several sources answered; ``said`` tells what each one said."""

    kind = "no_source"


@dataclass(frozen=True)
class Sources:
    """Where the network is asked, each kind in the order of preference; a kind without a member is not asked."""

    gateways: Sequence[Endpoint] = ()
    stats: Endpoint | None = None
    explorers: Sequence[Endpoint] = ()


@dataclass
class Nodes:
    """The nodes of the network and how they came to be known."""

    rows: list[NodeRow]
    left_out: list[str] = field(default_factory=list)
    """A sentence for each source with rows that could not be used."""
    sources: list[str] = field(default_factory=list)
    """URLs of those who told."""
    read_at: float | None = None
    """When the oldest of the answers was given, epoch seconds."""


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """While a million objects are made that hold no cycles: Python's collector would walk all of them again and again.

    Takes a third off the time for 15,000 nodes. For the whole process, so keep it around what makes them alone.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class NetworkReader:
    """Asks the sources. ``warn`` is called with what a user should know of an answer. Safe to share between threads."""

    def __init__(
        self,
        transport: Transport,
        sources: Sources,
        *,
        cache: AnswerCache | None = None,
        refresh: bool = False,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Without ``cache`` everything is asked; with ``refresh`` too, and the answers are kept for others."""
        self.transport = transport
        self.sources = sources
        self.cache = cache
        self.refresh = refresh
        self.warn = warn

    # -- nodes --------------------------------------------------------------------------------------------------

    def documents(self, projection: Iterable[str] | None) -> list[dict[str, Any]]:
        """Documents of the stats service; ``None`` for whole ones."""
        documents: list[dict[str, Any]] = self._documents(projection)[0]["documents"]
        return documents

    def node_list(self) -> list[dict[str, Any]]:
        """The whole node list, in rows of ``shapes.node_row``, from the first gateway or explorer that has one."""
        rows: list[dict[str, Any]] = self._node_list()[0]["rows"]
        return rows

    def nodes(self, wanted: Iterable[str] = CHAIN_FIELDS) -> Nodes:
        """All nodes, with at least the fields of :class:`NodeRow` that are wanted, as far as somebody knows them.

        The node list is always asked, because it is the newest; stats where a field is wanted that only they have, or
        where nobody gave a node list. Both are asked at the same time.

        Raises:
            FluxOSError: when what is wanted was told by nobody. A missing node list alone is a warning.
        """
        with many_objects():
            return self._nodes(frozenset(wanted))

    def _nodes(self, names: frozenset[str]) -> Nodes:
        asks: dict[str, Callable[[], _Told]] = {}
        if self.sources.gateways or self.sources.explorers:
            asks["list"] = self._node_list
        only_chain = names.issubset(CHAIN_FIELDS)
        projection = projection_for([*(CHAIN_FIELDS if only_chain else names), "round_started"])
        if not only_chain or not asks:
            asks["stats"] = partial(self._documents, projection)
        told = {outcome.node: outcome for outcome in each(list(asks), lambda name: asks[name]())}
        listed, stats = told.get("list"), told.get("stats")
        if listed is not None and listed.error is not None and stats is None and self.sources.stats is not None:
            (stats,) = each(["stats"], lambda _name: self._documents(projection))
        missing = [outcome.error for outcome in (listed, stats) if outcome is not None and outcome.error is not None]
        if missing and not (stats is not None and stats.ok):
            # Without stats the chain alone is known, and more was wanted; without both nothing is.
            raise self._nobody(missing, "stats")
        for error in missing:
            self.warn(f"No node list could be read, so everything is as old as what stats tell. {error}")
        result = Nodes([])
        parts = {"listed": Rows(), "stats": Rows()}
        if listed is not None and listed.ok:
            data, read_at = listed.value()
            parts["listed"] = from_node_list(data["rows"])
            self._note(result, data["source"], parts["listed"], read_at, "the node list")
        if stats is not None:
            data, read_at = stats.value()
            parts["stats"] = from_stats(data["documents"], projection)
            self._note(result, self._stats().node, parts["stats"], read_at, "the stats service's nodes")
            self._warn_of_an_old_round(data)
        merged = merge(parts["listed"].rows, parts["stats"].rows, whole_list=listed is not None and listed.ok)
        result.rows = merged.rows
        if merged.odd.total:
            result.left_out.append(merged.odd.sentence("the nodes"))
        return result

    # -- apps ---------------------------------------------------------------------------------------------------

    def locations(self, apps: Collection[str] | None = None) -> dict[str, tuple[Location, ...]]:
        """Where the network holds apps: name as given (all apps: as registered) to its locations, never from a file.

        An app that is unknown or runs nowhere has an empty tuple. Names are compared without regard to case.
        """
        if apps is None:
            found: dict[str, list[Location]] = {}
            for location in self.from_gateway(lambda gateway: gateway.locations()):
                found.setdefault(location.name, []).append(location)
            return {name: tuple(locations) for name, locations in found.items()}
        names = list(dict.fromkeys(apps))
        if len(names) <= FEW_APPS:
            outcomes = each(names, lambda app: self.from_gateway(lambda gateway: gateway.app_locations(app)))
            return {outcome.node: outcome.value() for outcome in outcomes}
        by_name: dict[str, list[Location]] = {name.lower(): [] for name in names}
        for location in self.from_gateway(lambda gateway: gateway.locations()):
            if (holders := by_name.get(location.name.lower())) is not None:
                holders.append(location)
        return {name: tuple(by_name[name.lower()]) for name in names}

    def specifications(
        self, *, owner: str | None = None, names: Collection[str] | None = None
    ) -> tuple[Specification, ...]:
        """Recorded specifications; see ``GatewayClient.specifications``. Never from a file."""
        return self.from_gateway(lambda gateway: gateway.specifications(owner=owner, names=names))

    def from_gateway(self, work: Callable[[GatewayClient], T]) -> T:
        """What the first gateway that answers tells."""
        return self._first(self.sources.gateways, lambda at: work(GatewayClient(at, self.transport)))

    # -- how ----------------------------------------------------------------------------------------------------

    def _documents(self, projection: Iterable[str] | None) -> _Told:
        client = self._stats()
        names = None if projection is None else projection_of(projection)
        question = Question.of(client.endpoint, "/fluxinfo", ("*",) if names is None else names)

        def ask() -> dict[str, Any]:
            documents, told_at = client.fluxinfo_at(names)
            return {"documents": documents, "told_at": told_at}

        return self._kept(question, ask)

    def _warn_of_an_old_round(self, data: dict[str, Any]) -> None:
        """How old the facts were when they were told, both by the service's clock: ours may be wrong."""
        found = round_of(data["documents"])
        told_at = data["told_at"]
        if found is None or told_at is None or found.age(told_at) <= OLDEST_ROUND:
            return
        self.warn(
            f"What the stats service tells is {spoken_age(found.age(told_at))} old, because it has finished no newer "
            f"round ({self._stats().node}). Versions, places and apps of nodes may have changed since."
        )

    def _stats(self) -> StatsClient:
        if self.sources.stats is None:
            raise self._nobody([], "stats")
        return StatsClient(self.sources.stats, self.transport)

    def _node_list(self) -> _Told:
        """Rows and who told them. One question for all sources: a kept answer of one is as good as another's."""
        clients: list[GatewayClient | ExplorerClient] = [
            *(GatewayClient(at, self.transport) for at in self.sources.gateways),
            *(ExplorerClient(at, self.transport) for at in self.sources.explorers),
        ]
        if not clients:
            raise self._nobody([], "gateway")
        bases = [client.endpoint.url("/") for client in clients]
        question = Question.of(clients[0].endpoint, "/daemon/viewdeterministicfluxnodelist", bases)
        return self._kept(question, lambda: self._first(clients, _listed))

    def _kept(self, question: Question, ask: Callable[[], T]) -> tuple[T, float | None]:
        if self.cache is None:
            return ask(), None
        kept = self.cache.fetch(question, ask, refresh=self.refresh)
        for warning in kept.warnings:
            self.warn(warning)
        return kept.data, kept.read_at

    def _first(self, sources: Sequence[S], ask: Callable[[S], T]) -> T:
        failed: list[FluxOSError] = []
        for source in sources:
            try:
                return ask(source)
            except FluxOSError as error:
                failed.append(error)
        raise self._nobody(failed, "gateway")

    @staticmethod
    def _nobody(errors: Sequence[FluxOSError], option: str) -> FluxOSError:
        if not errors:
            return NoSource("the network", "read it", "nobody is given who could be asked", f"Set the option {option}")
        if len(errors) == 1:
            return errors[0]
        said = " / ".join(f"{error.node}: {error.said}" for error in errors)
        return NoSource("the network", errors[0].operation, said, errors[-1].advice)

    @staticmethod
    def _note(result: Nodes, source: str, rows: Rows, read_at: float | None, what: str) -> None:
        result.sources.append(source)
        if rows.odd.total:
            result.left_out.append(rows.odd.sentence(what))
        if read_at is not None:
            result.read_at = read_at if result.read_at is None else min(result.read_at, read_at)


def _listed(client: GatewayClient | ExplorerClient) -> dict[str, Any]:
    rows = client.node_list()
    if not rows:
        raise BadAnswer(
            client.node,
            "list the nodes",
            "a list without a single node",
            "The daemon behind it is not synced yet: ask another gateway, or later",
        )
    return {"source": client.node, "rows": rows}
