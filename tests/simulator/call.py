# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request as a handler sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDictProxy

from tests.simulator.auth import Credentials, claimed, verify_privilege
from tests.simulator.bodies import Body
from tests.simulator.jsvalues import ensure_object, parse_query
from tests.simulator.routing import Route

if TYPE_CHECKING:
    from tests.simulator.node import Node
    from tests.simulator.world import World


def node_header(headers: CIMultiDictProxy[str], name: str) -> str | None:
    """A header as Node gives it: bytes taken for Latin-1, several of one name joined."""
    values = headers.getall(name, None)
    if not values:
        return None
    joined = ", ".join(values)
    return joined if joined.isascii() else joined.encode("utf-8", "surrogateescape").decode("latin-1")


@dataclass(slots=True)
class Call:
    """A request on its way through a node.

    ``authorized`` is None until a privilege was asked for. ``flux_id`` is who the request claims to come from.
    """

    node: Node
    method: str
    path: str
    query_text: str
    headers: CIMultiDictProxy[str]
    route: Route
    params: dict[str, str]
    body: Body
    secure: bool = False
    authorized: bool | None = None
    flux_id: str | None = None
    credentials: Credentials | None = None
    _query: dict[str, Any] | None = field(default=None)

    @property
    def world(self) -> World:
        """Where the node lives."""
        return self.node.world

    @property
    def query(self) -> dict[str, Any]:
        """The query, decoded as express does."""
        if self._query is None:
            self._query = parse_query(self.query_text)
        return self._query

    def param(self, name: str) -> Any:
        """``req.params.x || req.query.x``: the path wins; None when neither is given."""
        return self.params.get(name) or self.query.get(name) or None

    def raw_fields(self) -> Any:
        """The body of a raw-body handler: JSON text or a query string."""
        return ensure_object(self.body.text)

    def authorize(self, privilege: str, app: str | None = None) -> bool:
        """verifyPrivilege; remembered for the journal."""
        self.credentials = self.credentials or claimed(node_header(self.headers, "zelidauth"))
        self.authorized = verify_privilege(self.node, privilege, self.credentials, app)
        return self.authorized
