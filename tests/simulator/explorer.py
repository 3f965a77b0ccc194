# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The explorer's node list (insight): another envelope than FluxOS', errors are HTTP errors with a text."""

from __future__ import annotations

from tests.simulator.envelope import Reply, stringify
from tests.simulator.routes.nodelist import node_rows
from tests.simulator.service import Ask, Service, ServiceRoute


class Explorer(Service):
    """explorer.runonflux.io."""

    name = "explorer"

    def routes(self) -> list[ServiceRoute]:
        """What of the service is simulated."""
        return [
            ServiceRoute("/api/fluxnode/listfluxnodes/:filter?", self._list),
            ServiceRoute("/api/status", self._status),
        ]

    def missing(self, ask: Ask) -> Reply:
        """An error of this service is a text."""
        return text(404, "Not found")

    def _list(self, ask: Ask) -> Reply:
        """What the daemon's RPC answers, as it is."""
        rows = node_rows(self.world, ask.param("filter"))
        return Reply(stringify({"result": rows, "error": None, "id": None}))

    def _status(self, ask: Ask) -> Reply:
        """``?q=getFluxNodes``: all nodes; ``getInfo``, or nothing: the height."""
        wanted = ask.param("q") or "getInfo"
        if wanted == "getFluxNodes":
            return Reply(stringify({"fluxNodes": node_rows(self.world)}))
        if wanted == "getInfo":
            return Reply(stringify({"info": {"version": 9010050, "blocks": self.world.height(), "testnet": False}}))
        return text(400, f"Unknown query {wanted}")


def text(status: int, said: str) -> Reply:
    """An error."""
    return Reply(said.encode(), status, "text/plain; charset=utf-8", outcome=f"http_{status}", etag=False)
