# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated node in the state of a recorded one: identities, sessions, apps, containers, locations, faults.

``meta`` of a recording names the keys and the sessions. Apps and location rows are those that the recording itself
shows; a file that does not show them (a part of a longer recording) gets those of the recording in ``tests/data``, for
it was the same node. Sessions begin when their phrase was made: those of ``meta``, and those that the recorder opened
outside of the recorded exchanges, which show as requests of a "logged-in session".
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.appinfo import AppInfo, recorded_part
from tests.simulator.auth import Session, claimed
from tests.simulator.clock import SimClock, Timeline
from tests.simulator.dispatch import Exchange as NodeExchange
from tests.simulator.doors import bind
from tests.simulator.journal import Journal
from tests.simulator.jsvalues import ensure_object
from tests.simulator.keys import Person
from tests.simulator.node import Node, NodeSpec
from tests.simulator.replay_logs import RecordedLogs
from tests.simulator.replay_recording import Case, Exchange, Recording, load
from tests.simulator.replay_signing import PHRASE
from tests.simulator.routes import TABLES
from tests.simulator.routing import BadPercent
from tests.simulator.wire import HttpServer
from tests.simulator.world import World

WHOLE = Path(__file__).parents[1] / "data" / "recordings" / "fluxos-8.17-node.json"
PORT = 16127
HEIGHT = 2_200_000
_LOGGED_IN = "logged-in session"
# The stub in place of fluxbenchd did not say whether the system is secure.
_BENCHMARK: dict[str, Any] = {"kind": "benchmark", "without": ["systemsecure"]}
_STUB_ERRORS: Mapping[str, dict[str, Any]] = {"warming": {"code": -28, "message": "Loading block index..."}, "down": {}}
# What was not there around the recorded node: a network, processed blocks, pm2.
_SURROUNDINGS: tuple[dict[str, Any], ...] = (
    {"kind": "peers", "out": 0, "in": 0},
    {"kind": "explorer"},
    {"kind": "restart_ignored", "error": "spawn pm2 ENOENT"},
    _BENCHMARK,
)


class Unsupported(Exception):
    """The node of this recording cannot be simulated; the text says why."""


@dataclass(frozen=True)
class RecordedApp(AppInfo):
    """An app whose specification is the recorded one."""

    recorded: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> RecordedApp:
        """Take an app from a row of ``/apps/globalappsspecifications``."""
        return cls(
            name=spec["name"],
            owner=spec["owner"],
            instances=spec.get("instances"),
            components=tuple(component["name"] for component in spec.get("compose", [])),
            version=spec["version"],
            parts=tuple(
                recorded_part(part["name"], part) for part in spec.get("compose") or [{**spec, "name": spec["name"]}]
            ),
            recorded=spec,
        )

    @property
    def digest(self) -> str:
        """The hash of the app's message."""
        return str((self.recorded or {})["hash"])

    def specification(self) -> dict[str, Any]:
        """As recorded."""
        return copy.deepcopy(dict(self.recorded or {}))


def _whole(path: str) -> list[Any]:
    """Return what the whole recording of the same node shows at a path."""
    return (load(WHOLE).answer(path) or []) if WHOLE.exists() else []


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _issued(recording: Recording) -> set[str]:
    """Return the phrases that recorded answers issued: ours will be others in their place."""
    found = set()
    for _unused, exchange in recording.exchanges():
        if exchange.request.method == "GET" and exchange.response.answered:
            data = ensure_object(exchange.response.body)
            phrase = data.get("data") if isinstance(data, dict) else None
            if isinstance(phrase, str) and PHRASE.match(phrase):
                found.add(phrase)
    return found


def _sessions(recording: Recording, issued: set[str]) -> list[Session]:
    """Return the sessions that the recorder opened outside of the recording, oldest first."""
    found = {(row["loginPhrase"], row["zelid"]) for row in recording.sessions.values()}
    for _unused, exchange in recording.exchanges():
        if exchange.credential == _LOGGED_IN:
            who = claimed(exchange.request.header("zelidauth"))
            if who is not None and PHRASE.match(who.login_phrase) and who.login_phrase not in issued:
                found.add((who.login_phrase, who.zelid))
    return [Session(zelid, phrase, float(phrase[:13])) for phrase, zelid in sorted(found)]


class ReplayNode:
    """The node, served by a thread of its own; a context manager. Its clock stands still until it is set."""

    def __init__(
        self, recording: Recording, specs: Iterable[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
    ) -> None:
        self.address = ("", PORT)
        self._recording = recording
        self._specs = list(specs)
        self._rows = list(rows)
        self._issued = _issued(recording)
        self._waiting = _sessions(recording, self._issued)
        self._logs = RecordedLogs()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="replayed node", daemon=True)
        self._server: asyncio.Server | None = None
        self._node: Node

    @classmethod
    def of(cls, recording: Recording) -> ReplayNode:
        """Prepare the node of a recording. Raises :class:`Unsupported`."""
        specs = recording.answer("/apps/globalappsspecifications") or _whole("/apps/globalappsspecifications")
        rows = recording.answer("/apps/locations") or _whole("/apps/locations")
        if not specs or not rows:
            raise Unsupported(f"the recording does not show the apps of its node, and {WHOLE} is not there")
        return cls(recording, specs, rows)

    @property
    def name(self) -> str:
        """``ip:port``."""
        return f"{self.address[0]}:{self.address[1]}"

    @property
    def substitutes(self) -> dict[str, str]:
        """Return what stands in recorded answers for the node and its containers, and what stands there in ours."""
        pairs = {f"127.0.0.1:{PORT}": self.name}
        now = self._node.world.clock.now()
        ours = {row["Names"][0]: row["Id"] for row in (c.row(now, "docker") for c in self._node.apps.containers)}
        for row in self._recording.answer("/apps/listallapps") or _whole("/apps/listallapps"):
            if row["Names"][0] in ours:
                pairs[row["Id"]] = ours[row["Names"][0]]
        return pairs

    # -- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> ReplayNode:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        except BaseException:
            self._stop_thread()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._stop_thread()

    def _stop_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _start(self) -> None:
        self._http = HttpServer(self._serve)
        for attempt in range(200):
            # Anywhere in loopback but where fleets of the simulator live, so that checkouts do not meet.
            host = f"127.{200 + attempt % 50}.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
            with contextlib.suppress(OSError):
                self._server = await self._loop.create_server(self._http, sock=bind(host, PORT))
                break
        else:
            raise Unsupported(f"no loopback address is left to listen on port {PORT}")
        self.address = (host, PORT)
        self._node = self._build(host)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._http.abort_connections()
        await self._server.wait_closed()
        # The handlers of hung requests end with their connections.
        await asyncio.sleep(0)

    async def _serve(self, request: BaseRequest) -> web.StreamResponse:
        return await NodeExchange(self._node, request).run()

    # -- state --------------------------------------------------------------------------------------------------------

    def _build(self, host: str) -> Node:
        recording = self._recording
        first = recording.cases[0].exchanges[0].sent_at_ms if recording.cases else 0
        clock = SimClock(factor=0, start=self._moment(first))
        timeline = Timeline(clock)
        world = World(
            clock,
            timeline,
            Journal(timeline),
            operator=Person.named("recorder"),
            height=HEIGHT,
            seed=recording.cases[0].exchanges[0].seq,
        )
        world.hurries = True
        world.team_id = recording.keys["fluxTeam"]["address"]
        world.support_id = recording.keys["supportTeam"]["address"]
        apps = {spec["name"]: RecordedApp.of(spec) for spec in self._specs}
        for app in apps.values():
            world.add_app(app)
        for row in self._rows:
            ip, _unused, port = row["ip"].partition(":")
            key = f"{ip}:{port or PORT}"
            if key not in world.nodes:
                world.nodes[key] = self._node_at(world, host if key == f"127.0.0.1:{PORT}" else ip, int(port or PORT))
            world.nodes[key].apps.install(apps[row["name"]], _seconds(row["runningSince"]), self._moment(first) - 60)
        node = world.nodes.pop(f"127.0.0.1:{PORT}")
        world.nodes = {node.address: node, **world.nodes}
        self._logs.learn(recording)
        if WHOLE.exists():
            self._logs.learn(load(WHOLE))
        self._logs.begin(node.apps, self._moment(first))
        world.temporary_messages = recording.answer("/apps/temporarymessages") or []
        # The recorded node had containers without volumes.
        node.apps.volumes.clear()
        for fault in _SURROUNDINGS:
            node.faults.add(fault)
        return node

    def _node_at(self, world: World, ip: str, port: int) -> Node:
        spec = NodeSpec(
            ip=ip,
            port=port,
            version=self._recording.version,
            owner=self._recording.keys["nodeOwner"]["address"],
            confirmation_age=10,
        )
        return Node(world, spec, world.timings)

    @staticmethod
    def _moment(milliseconds: int) -> float:
        """Return epoch seconds; half a millisecond on, so that rounding never falls short of the millisecond."""
        return (milliseconds + 0.5) / 1000

    def _do(self, action: Callable[[], None]) -> None:
        """Run something in the node's own thread, and wait for it."""

        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def fault(self, text: Mapping[str, Any]) -> None:
        """Begin a fault of the node."""

        def begin() -> None:
            self._node.faults.add(text)

        self._do(begin)

    def has_route(self, method: str, target: str) -> bool:
        """Tell whether the simulator has a route for a request target."""
        path = target.split("?")[0].split("#")[0]
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        try:
            return TABLES[self._node.profile.name].find(method, path) is not None
        except BadPercent:
            return True

    def begin(self, case: Case) -> None:
        """Put the node into the state that it had at the start of a case."""
        self._do(lambda: self._begin(case))

    def _begin(self, case: Case) -> None:
        node = self._node
        now = case.exchanges[0].sent_at_ms
        node.world.clock.set(self._moment(now))
        node.responses.clear()
        while self._waiting and self._waiting[0].created_at <= now:
            node.logins.sessions.append(self._waiting.pop(0))
        if case.dos is not None:
            state, message = case.dos
            node.set_dos(int(state) if state == int(state) else state, message)
        if case.docker_down:
            node.faults.add({"kind": "docker_down"})
        if case.daemon_answer is not None:
            node.faults.add({"kind": f"daemon_{case.daemon_answer}"})
            # One stub stood in for both programs.
            node.faults.add({**_BENCHMARK, "status": "down", **_STUB_ERRORS[case.daemon_answer]})

    def before(self, exchange: Exchange) -> None:
        """Set the clock to the moment of an exchange, and do what the recorder did before it."""
        self._do(lambda: self._before(exchange))

    def _before(self, exchange: Exchange) -> None:
        node = self._node
        node.world.clock.set(self._moment(exchange.sent_at_ms))
        self._logs.until(node.apps, exchange.sent_at_ms)
        if "docker back" in exchange.note.lower():
            node.faults.heal("docker_down")
        self._know_phrase(exchange)

    def _know_phrase(self, exchange: Exchange) -> None:
        """Have the node know a phrase that the recorder asked for outside of the recorded exchanges."""
        if not exchange.request.target.lower().split("?")[0].rstrip("/").endswith("/verifylogin"):
            return
        if not any(text in exchange.response.body for text in ("Successfully logged in", "Invalid signature")):
            return
        fields = ensure_object(exchange.request.body or "")
        phrase = (fields.get("loginPhrase") or fields.get("message")) if isinstance(fields, dict) else None
        if isinstance(phrase, str) and PHRASE.match(phrase) and phrase not in self._issued:
            self._node.logins.phrases.setdefault(phrase, float(phrase[:13]))

    def end(self, case: Case) -> None:
        """Undo what the recorder had done to the node for a case."""
        self._do(lambda: self._end(case))

    def _end(self, case: Case) -> None:
        node = self._node
        if case.dos is not None:
            node.set_dos(0, None)
        for kind in ("docker_down", "daemon_warming", "daemon_down"):
            node.faults.heal(kind)
        if case.daemon_answer is not None:
            node.faults.heal("benchmark")
            node.faults.add(_BENCHMARK)
