# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stats service (``https://stats.runonflux.io``): all nodes with chosen fields, in one request.

Its collector walks every node of the explorer's list, asks each for ``/flux/info``, and serves the last complete round:
an answer is 0 to about 45 minutes old, never good enough to judge a node's health before acting on it. Its envelope is
that of FluxOS. Source: RunOnFlux/fluxstats.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.service import Service
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer, FluxOSError, Refused, UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Round
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport

T = TypeVar("T")

DEFAULT_URL = "https://stats.runonflux.io"

GEO: tuple[str, ...] = tuple(
    f"geolocation.{name}" for name in ("continent", "continentCode", "country", "countryCode", "regionName")
)
"""What the service takes the one name ``geo`` for."""

COLD_PAUSES: tuple[float, ...] = (2.0, 3.0, 4.0, 5.0, 5.0)
"""Seconds before each repeat while another request still computes the same answer."""

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_COLD = "try again later"


def projection_of(names: Iterable[str]) -> tuple[str, ...]:
    """The names as they are sent: sorted, each once, ``ip`` always among them.

    The service caches by the text, order included: all users of the collection who ask for the same share its cache.
    ``geo`` stays ``geo``; what it stands for is left out beside it.

    Raises:
        UsageError: for a name that the service would refuse (a part of another name beside it, ``$``) or take for one
            that nothing has (spaces).
    """
    if isinstance(names, str):
        raise UsageError(f"projection: a list of names is expected, such as {[*names.split(',')]!r}")
    wanted = {"ip"}
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(
                f"projection: {name!r} is no name of a field. Names are words joined by dots, such as flux.version, "
                "without spaces, commas or $"
            )
        wanted.add(name)
    if "geo" in wanted:
        wanted.difference_update(GEO)
    # What geo stands for collides like any other name.
    shown = {each: each for each in wanted if each != "geo"}
    if "geo" in wanted:
        shown.update((each, "geo") for each in GEO)
    for name in sorted(shown):
        parts = name.split(".")
        for length in range(1, len(parts)):
            parent = ".".join(parts[:length])
            if parent in shown:
                raise UsageError(
                    f"projection: {shown[parent]} and {shown[name]} exclude each other, because one is a part of the "
                    f"other: keep {parent}, which brings all of it, or the parts that you need"
                )
    return tuple(sorted(wanted))


def round_of(documents: Iterable[Mapping[str, Any]]) -> Round | None:
    """Which round these documents are of; ``None`` unless ``roundTime`` was asked for (``dataCollectedAt`` helps)."""
    started = newest = 0.0
    for document in documents:
        started = max(started, _milliseconds(document.get("roundTime")))
        newest = max(newest, _milliseconds(document.get("dataCollectedAt")))
    return Round(started, max(started, newest)) if started > 0 else None


class StatsClient(Service):
    """Reads of the stats service. All are public."""

    NOUN = "the stats service"

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        *,
        pauses: Sequence[float] = COLD_PAUSES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(endpoint, transport)
        self._pauses = tuple(pauses)
        self._sleep = sleep

    def fluxinfo(self, projection: Iterable[str] | None) -> list[dict[str, Any]]:
        """One document per node of the last round, with the fields asked for, in no order.

        ``projection`` are names such as ``flux.version`` (see :func:`projection_of`); ``None`` asks for everything,
        22 MB for 6,700 nodes, where a projection gives 80 to 300 bytes a node. Fields that a document lacks are
        missing in it. Nodes that did not answer the collector are there with placeholders: :mod:`network.rows` tells
        them apart.

        ``GET /fluxinfo?projection=...``, cached 20 min for each projection and 10 min for each URL.

        Raises:
            UsageError: for a projection that cannot work; nothing was sent.
            FluxOSError: also when the service has no round to show, or rows are not objects.
        """
        return self.fluxinfo_at(projection)[0]

    def fluxinfo_at(self, projection: Iterable[str] | None) -> tuple[list[dict[str, Any]], float | None]:
        """As :meth:`fluxinfo`, and the service's clock when it answered (epoch seconds), which tells a round's age."""
        query: dict[str, str] = {}
        if projection is not None:
            query["projection"] = ",".join(projection_of(projection))
        path, operation = "/fluxinfo", "read the nodes"
        answer = self._answer(path, operation, query)
        field = shapes.Field(self.node, self.operation(path, operation), answer.data)
        rows = self._checked(field.rows)
        if not rows:
            raise BadAnswer(
                self.node,
                field.operation,
                "a list without a single node",
                f"{self.NOUN.capitalize()} has not finished a round yet: ask again in some minutes",
            )
        return rows, answer.node_time

    def minimum_versions(self) -> dict[str, str]:
        """Versions below which FluxOS updates a package of the system: ``{"docker": "26.1.2", ...}``.

        ``GET /getmodulesminimumversions``, cached 10 min.
        """
        field = self._field("/getmodulesminimumversions", "read the minimum versions", {})
        versions = self._checked(field.mapping)
        return {str(name): self._checked(field.of(name).text) for name in versions}

    def round_times(self) -> list[float]:
        """When the rounds that are kept began, oldest first, epoch seconds.

        ``GET /availabletimes``, cached 5 min; the service tells milliseconds.
        """
        field = self._field("/availabletimes", "read the times of the rounds", {})
        if not isinstance(field.value, list):
            raise self.retold(field.wrong("a list of times"))
        return sorted(each for each in map(_milliseconds, field.value) if each > 0)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The data of any other read: ``/fluxversions``, ``/fluxlocation/<ip>``, ``/fluxhistorystats``, ``/marketplace/
        listapps``, ``/fluxmessages/stats``, ...

        ``path`` is taken as it is: use :func:`endpoint.segment` for foreign parts of it.
        """
        return self._field(path, "read", query or {}).value

    # -- how ----------------------------------------------------------------------------------------------------

    def _field(self, path: str, operation: str, query: Mapping[str, str]) -> shapes.Field:
        return shapes.Field(self.node, self.operation(path, operation), self._answer(path, operation, query).data)

    def _answer(self, path: str, operation: str, query: Mapping[str, str]) -> Answer:
        """Ask, and again while the answer is not computed yet.

        While one request computes, others are told "Internal error. Try again later" after one second. That comes with
        HTTP 200, so the service's cache by URL may keep it for ten minutes: who asks again asks past that cache. The
        whole takes no longer than the transport allows for one request.
        """
        options = self.transport.options
        ends = time.monotonic() + (options.deadline or 3 * options.timeout)
        pauses = iter(self._pauses)
        again = False
        while True:
            left = max(0.1, ends - time.monotonic())
            try:
                return self.ask(path, operation, query=query or None, deadline=left, fresh=again)
            except Refused as error:
                if _COLD not in error.said.lower():
                    raise
                pause = next(pauses, None)
                if pause is None or time.monotonic() + pause >= ends:
                    raise error.advising(
                        f"{self.NOUN.capitalize()} is still computing this answer, or cannot: ask again in a minute"
                    ) from error
                self._sleep(pause)
                again = True

    def _checked(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except FluxOSError as error:
            raise self.retold(error) from error


def _milliseconds(value: Any) -> float:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 2**53
    return value / 1000 if usable else 0.0
