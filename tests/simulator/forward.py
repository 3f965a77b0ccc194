# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Global commands: a node passes a verb on to every instance of an app (FluxOS: executeAppGlobalCommand).

The caller learns nothing of the results. The journal holds each passed-on request with the node it came from (``by``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidict import CIMultiDict, CIMultiDictProxy

from tests.simulator.auth import claimed
from tests.simulator.bodies import Body
from tests.simulator.call import Call, node_header
from tests.simulator.envelope import Reply, success, unauthorized, unavailable

if TYPE_CHECKING:
    from tests.simulator.node import Node

APART = 0.5
AGAIN = 15.0
TRIES = 8
BOOT_MESSAGE = "Node is still reconciling its applications after boot"


def to_all_instances(call: Call, name: str, command: str, said: str, *, suffix: str = "") -> Reply:
    """Answer at once, and send the command to the locations of the name, half a second apart.

    A component has no locations, so nothing is sent for one; the answer is the same.
    """
    world = call.world
    header = node_header(call.headers, "zelidauth") or ""
    origin = call.node.address
    path = f"/apps/{command}/{name}{suffix}"
    for at, row in enumerate(world.locations(name)):
        target = world.find(row["ip"])
        if target is not None:
            world.timeline.after((at + 1) * APART, _Send(target, path, header, origin))
    return success(said)


class _Send:
    """One request from node to node."""

    def __init__(self, target: Node, path: str, header: str, origin: str) -> None:
        self._target = target
        self._path = path
        self._header = header
        self._origin = origin
        self._tries = TRIES

    def __call__(self) -> None:
        """Send it; a 503 is tried again, up to eight times (since 8.18)."""
        from tests.simulator.routes import TABLES

        node = self._target
        if not node.is_reachable:
            return
        found = TABLES[node.profile.name].find("GET", self._path)
        if found is None:
            return
        route, params = found
        headers = CIMultiDictProxy(CIMultiDict({"zelidauth": self._header}))
        call = Call(node, "GET", self._path, "", headers, route, params, Body())
        if route.gated and node.profile.boot_window and not node.boot.settled:
            reply = unavailable(BOOT_MESSAGE)
            if self._tries > 1:
                self._tries -= 1
                node.world.timeline.after(AGAIN, self)
        else:
            reply = route.handler(call) if claimed(self._header) else unauthorized()
        self._journal(call, reply)
        if reply.after is not None:
            reply.after()

    def _journal(self, call: Call, reply: Reply) -> None:
        who = claimed(self._header)
        route = call.route
        self._target.world.journal.write(
            {
                "node": self._target.address,
                "kind": "request",
                "method": "GET",
                "path": self._path,
                "query": "",
                "flux_id": who.zelid if who else None,
                "privilege": str(route.of(route.privilege, self._target.profile) or "public"),
                "authorized": call.authorized,
                "write": route.write,
                "from_cache": False,
                "outcome": "hung" if reply.flow == "hang" else reply.outcome,
                "http": None if reply.flow != "answer" else reply.status,
                "by": self._origin,
            }
        )
