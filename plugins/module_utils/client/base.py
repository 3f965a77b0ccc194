# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What node and gateway clients have in common: asking one endpoint, and the shape of network lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint, segment
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import Refused
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Instance
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport

Privilege = Literal["stored", "self"]
"""``stored``: a session made by logging in on this node (operator, Flux team). ``self``: a phrase that the Flux ID
issued and signed itself (app owners and users)."""


class KnownSession(Protocol):
    """A session that a login keeps."""

    @property
    def header(self) -> str:
        """The value of the ``zelidauth`` header, JSON."""


class Login(Protocol):
    """Who is asking; the session layer implements it."""

    def header(self, client: Any, *, privilege: Privilege) -> str:
        """The value of the ``zelidauth`` header for this node; logs in where that is needed."""

    def forget(self, client: Any) -> None:
        """Take note that the node refused the header that it was given last."""

    def drop(self, client: Any) -> None:
        """Drop every session with this node, as after a logout or a restart."""

    def current(self, client: Any) -> KnownSession | None:
        """The session stored on this node that is known here, without asking the node."""

    def explain(self, client: Any) -> str | None:
        """What is known here of why the node may refuse this login."""


class Client:
    """One place that answers FluxOS requests. Safe to share between threads."""

    def __init__(self, endpoint: Endpoint, transport: Transport, *, fresh: bool) -> None:
        self.endpoint = endpoint
        self.transport = transport
        self.fresh = fresh
        """Whether reads skip the response cache of the node that answers."""

    @property
    def node(self) -> str:
        """The name in messages: the address."""
        return self.endpoint.address

    def read(
        self,
        path: str,
        operation: str,
        *,
        query: Mapping[str, str] | None = None,
        fresh: bool | None = None,
        since: str | None = None,
        retries: int | None = None,
    ) -> Answer:
        """GET a public endpoint that changes nothing."""
        return self.transport.get(
            self.endpoint,
            path,
            operation=f"{operation} ({path})",
            query=query,
            fresh=self.fresh if fresh is None else fresh,
            since=since,
            retries=retries,
        )

    def field(self, path: str, operation: str, **options: Any) -> shapes.Field:
        """GET a public endpoint; the answer's data, ready to be checked for its type."""
        return shapes.Field(self.node, f"{operation} ({path})", self.read(path, operation, **options).data)

    def block_height(self) -> int:
        """Height of the best block that the daemon knows.

        ``GET /daemon/getblockcount``, public, cache 30 s and 20 s of the daemon's own that no header skips
        (FluxOS: daemonServiceBlockchainRpcs.js getBlockCount).
        """
        return self.field("/daemon/getblockcount", "read the block height").whole()

    def app_locations(self, app: str) -> tuple[Instance, ...]:
        """Where the network holds ``app``; empty for an unknown app.

        ``GET /apps/location/<app>``, public, cache 30 s (FluxOS: registryManager.js getAppLocation). FluxOS takes the
        name as a regular expression without regard to case: rows of other apps are left out here. A row outlives a
        dead instance by up to 7500 s, and lists also what is installed but stopped.
        """
        field = self.field(f"/apps/location/{segment(app)}", f"locate {app}")
        return tuple(row for row in shapes.instances(field) if row.name.lower() == app.lower())

    def app_owner(self, app: str) -> str | None:
        """Flux ID of the owner, ``None`` for an app that is not registered.

        ``GET /apps/appowner/<app>``, public, cache 30 s, errors included (FluxOS: registryManager.js
        getApplicationOwner).
        """
        try:
            return self.field(f"/apps/appowner/{segment(app)}", f"read the owner of {app}").text()
        except Refused as error:
            if error.said == "Application not found":
                return None
            raise
