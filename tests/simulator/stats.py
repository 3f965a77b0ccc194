# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stats.runonflux.io: rounds of what all nodes said, by projection (fluxstats: fluxService.js, routes.js)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator.envelope import Reply, data, error
from tests.simulator.faults import Fault
from tests.simulator.projection import BadProjection, Tree, compile_names, names_of, project
from tests.simulator.routes.nodelist import again
from tests.simulator.routes.registry import USD_PRICE
from tests.simulator.service import Ask, Service, ServiceRoute
from tests.simulator.shapes import chain_row
from tests.simulator.stats_document import ROOTS, Snapshot, document

if TYPE_CHECKING:
    from tests.simulator.world import World

AT_ONCE = 250
COLD_SECONDS = 1.0
LRU_SECONDS = 1200.0
LRU_ANSWERS = 20
ROUND_SECONDS = 900.0
COLD = "Internal error. Try again later"
MINIMUM = {"syncthing": "2.0.10", "docker": "26.1.2"}
LOCATION = ("ip", "continent", "continentCode", "country", "countryCode", "region", "regionName", "lat", "lon", "org")
HISTORY = 2585


@dataclass
class Round:
    """One walk over all nodes: ``began`` and ``height`` when, ``awake`` what those said whose answers can change."""

    began: float
    taken: float
    height: int
    awake: dict[str, Snapshot]
    order: list[tuple[str, str, str | None]] = field(default_factory=list)


class Stats(Service):
    """The last completed round, through two caches: by projection in the given order, and by URL."""

    name = "stats"
    conditions = ("unreachable", "cold_cache", "stale_round")

    def __init__(self, world: World, *, round_age: float = 600.0, round_seconds: float = ROUND_SECONDS) -> None:
        super().__init__(world)
        self._age = round_age
        self._every = round_seconds
        self._answers: dict[tuple[str, ...], tuple[float, bytes]] = {}
        self._computing = False
        self._served: Round | None = None
        self._collecting: Round | None = None
        self._times: list[int] = []

    # -- rounds -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A first round is complete, the next under way."""
        now = self.world.clock.now()
        self._served = self._walk(now - self._age)
        self._times = [int((self._served.began - at * self._every) * 1000) for at in range(HISTORY)]
        self.world.timeline.after(max(0.0, self._every - self._age), self._tick)

    def _walk(self, began: float) -> Round:
        world = self.world
        awake = {address: Snapshot.of_node(node) for address, node in world.nodes.items()}
        return Round(began, world.clock.now(), world.height(), awake)

    def _tick(self) -> None:
        """A walk is over: it is what is served from now on, and the next begins."""
        now = self.world.clock.now()
        if self._collecting is not None and self.faults.condition("stale_round") is None:
            self._served = self._collecting
            self._times.insert(0, int(self._served.began * 1000))
        self._collecting = self._walk(now)
        self.world.timeline.after(self._every, self._tick)

    @property
    def served(self) -> Round:
        """The round of the answers."""
        assert self._served is not None
        return self._served

    def condition_changed(self, kind: str, fault: Fault | None) -> None:
        """``cold_cache`` forgets all answers; ``stale_round`` with an ``age`` makes the served round that old."""
        super().condition_changed(kind, fault)
        if fault is not None and kind in ("cold_cache", "stale_round"):
            self._forget()
        if fault is not None and kind == "stale_round" and "age" in fault.options:
            self.served.began = self.world.clock.now() - float(fault.options["age"])

    def _forget(self) -> None:
        self._answers.clear()
        self.kept.clear()

    # -- documents --------------------------------------------------------------------------------------------------

    def _order(self, found: Round) -> list[tuple[str, str, str | None]]:
        """Collateral, address, and a second collateral's transaction, in the explorer's order; made when asked for."""
        if not found.order:
            for sleeper in self.world.roll.values():
                address = sleeper.spec.address
                snapshot = found.awake.get(address)
                if snapshot is not None and not snapshot.confirmed:
                    continue
                found.order.append((sleeper.txhash, address, None))
                if "duplicate" in sleeper.spec.odd:
                    second = again(chain_row(sleeper.spec, sleeper.txhash, "", 0))["txhash"]
                    found.order.append((second, address, second))
            found.order.sort(key=lambda row: row[0])
        return found.order

    async def documents(self, roots: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        """The documents of the served round with these parts, one after another, letting others work in between."""
        found = self.served
        wanted = set(roots)
        began = int(found.began * 1000)
        order = self._order(found)
        for at, (_txhash, address, second) in enumerate(order):
            if at % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            snapshot = found.awake.get(address)
            if snapshot is None:
                sleeper = self.world.roll[address]
                snapshot = Snapshot.of_sleeper(
                    self.world, sleeper, found.taken, found.height, with_apps="apps" in wanted
                )
            # Twenty a second; who does not answer is asked again at the end.
            asked = began + 50 * (at if snapshot.answers else at + len(order))
            yield document(snapshot, round_ms=began, asked_ms=asked, again=second, roots=wanted)

    async def _compute(self, tree: Tree | None) -> bytes:
        # Row by row into bytes: one text of all, with a letter beyond the usual ones, takes four bytes for each.
        body = bytearray(b'{"status":"success","data":[')
        async for row in self.documents(ROOTS if tree is None else ROOTS & set(tree)):
            kept = row if tree is None else project(row, tree)
            body += json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
            body += b","
        if body.endswith(b","):
            del body[-1:]
        return bytes(body + b"]}")

    # -- routes -----------------------------------------------------------------------------------------------------

    def routes(self) -> list[ServiceRoute]:
        """What of the service is simulated."""
        return [
            ServiceRoute("/fluxinfo/:projection?", self._flux_info, 600),
            ServiceRoute("/fluxversions", self._versions, 300),
            ServiceRoute("/fluxlocations", self._locations, 1200),
            ServiceRoute("/fluxlocationsnow", self._locations, 300),
            ServiceRoute("/fluxlocation/:ip", self._location, 300),
            ServiceRoute("/fluxhistory/ip/:ip", self._history_of, 300),
            ServiceRoute("/fluxhistorystats", self._history, 900),
            ServiceRoute("/availabletimes", lambda ask: data(sorted(self._times)), 300),
            ServiceRoute("/getmodulesminimumversions", lambda ask: data(MINIMUM), 600),
            ServiceRoute("/apps/getappspecsusdprice", lambda ask: data(USD_PRICE), 600),
            ServiceRoute("/apps/multiplier", lambda ask: data(8), 60),
        ]

    async def _cold(self, ask: Ask) -> Reply | None:
        """The error of a request that comes while another one computes, or that a fault wants."""
        fault = self.faults.use("cold_cache")
        if fault is None and not self._computing:
            return None
        await asyncio.sleep(COLD_SECONDS if fault is None else float(fault.options.get("seconds", COLD_SECONDS)))
        reply = error(COLD)
        if fault is not None and fault.options.get("kept"):
            # The cache by URL takes it for an answer, since its HTTP status is 200.
            self.kept.put(ask.url, reply, 600, self.world.clock.now())
        return reply

    async def _flux_info(self, ask: Ask) -> Reply:
        """``/fluxinfo``: the path wins over the query; nothing given is everything."""
        text = ask.param("projection")
        names = names_of(text) if text else ()
        now = self.world.clock.now()
        known = self._answers.get(names)
        if known is None or now >= known[0]:
            cold = await self._cold(ask)
            if cold is not None:
                return cold
            try:
                tree = compile_names(names) if names else None
            except BadProjection as wrong:
                return error(wrong.message, name="MongoServerError", code=wrong.code)
            self._computing = True
            try:
                known = (now + LRU_SECONDS, await self._compute(tree))
            finally:
                self._computing = False
            self._answers.pop(names, None)
            self._answers[names] = known
            while len(self._answers) > LRU_ANSWERS:
                self._answers.pop(next(iter(self._answers)))
        return Reply(known[1])

    async def _versions(self, ask: Ask) -> Reply:
        """By the address that a node itself reports: of one that did not answer it is empty."""
        rows = []
        async for row in self.documents(("daemon", "benchmark", "flux")):
            flux, daemon, benchmark = row["flux"], row["daemon"]["info"], row["benchmark"]["info"]
            found = {"ip": flux["ip"], "daemon": daemon["version"], "benchmark": benchmark["version"]}
            rows.append({**found, "flux": flux["version"]})
        return data(rows)

    async def _locations(self, ask: Ask) -> Reply:
        """One for each node that has one."""
        rows = [row["geolocation"] async for row in self.documents(("geolocation",))]
        return data([row for row in rows if row])

    async def _location(self, ask: Ask) -> Reply:
        """Of an address without port; null when it is not known."""
        wanted = ask.param("ip").split(":")[0]
        async for row in self.documents(("geolocation",)):
            place = row["geolocation"]
            if place and place.get("ip") == wanted:
                return data({name: place[name] for name in LOCATION})
        return data(None)

    async def _history_of(self, ask: Ask) -> Reply:
        """The documents of a node; of the thirty days only the last round is there."""
        wanted = ask.param("ip")
        return data([row async for row in self.documents(ROOTS) if row["ip"] == wanted])

    async def _history(self, ask: Ask) -> Reply:
        """Nodes of each tier at each round of thirty days: they were always as many."""
        counts = dict.fromkeys(("cumulus", "nimbus", "stratus"), 0)
        async for row in self.documents(()):
            counts[row["tier"].lower()] += 1
        return data({str(moment): counts for moment in self._times})
