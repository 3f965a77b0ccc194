# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One app on one node: what is installed there, and the operations of its owner on it.

Never used, whatever the version: ``global`` commands (one node forwards the caller's credentials over plain http,
without a result), ``/apps/redeploycomponent`` and ``/apps/testappinstall`` (up to 8.17 both can destroy the app).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import (
    AppSpec,
    Inspection,
    Usage,
    Verb,
    VerbAnswer,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.client import app_shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Client
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import segment
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.object_stream import ObjectStream, Piece, is_refusal

_PENDING = re.compile(r"Application .+ will be (?:started|stopped|restarted|killed): (?P<reason>.*)", re.DOTALL)

VERB_PATIENCE = 3
"""How many times the usual timeout a run verb may take: docker gives each container 10 s to stop before it answers."""


def installed_app(client: Client, app: str) -> AppSpec | None:
    """The specification with which a node holds ``app``, ``None`` when it does not hold it.

    ``GET /apps/installedapps/<app>``, public, cache 30 s, letter case counts (appQueryService.js installedApps); an app
    that is found in no other way is looked for in the whole list without regard to case, as FluxOS takes names.
    """
    exact = client.field(f"/apps/installedapps/{segment(app)}", f"read {app} as it is installed")
    field = exact if exact.rows() else client.field("/apps/installedapps", "list the installed apps")
    return next((app_shapes.app_spec(field, row) for row in field.rows() if _same(row.get("name"), app)), None)


def registered_app(client: Client, app: str) -> AppSpec | None:
    """The newest specification of ``app`` that the asked node knows, which is what a redeploy applies.

    ``GET /apps/globalappsspecifications?appname=<app>``, public, cache 30 s (registryManager.js
    getGlobalAppsSpecifications); unlike ``/apps/appspecifications`` it answers for enterprise apps on every node.
    """
    field = client.field("/apps/globalappsspecifications", f"read {app} as it is registered", query={"appname": app})
    return next((app_shapes.app_spec(field, row) for row in field.rows() if _same(row.get("name"), app)), None)


def _same(name: Any, app: str) -> bool:
    return isinstance(name, str) and name.lower() == app.lower()


class AppControl:
    """Operations of an app's owner on one node. All of them take a phrase that the Flux ID issued itself."""

    def __init__(self, node: NodeClient) -> None:
        self.node = node

    # -- run verbs --------------------------------------------------------------------------------------------------

    def run(self, verb: Verb, identifier: str) -> VerbAnswer:
        """Start, stop, restart, kill (since 8.18) or unpause (up to 8.17) one container.

        ``GET /apps/app<verb>/<identifier>``: app's owner, Flux team, up to 8.17 also the node's operator
        (appController.js). Up to 8.17 docker acts before the answer; since 8.18 the wish is recorded, one pass of the
        reconciler is waited for, and what that did not bring about is :attr:`VerbAnswer.pending`.

        Raises:
            Busy: since 8.18, until the node has settled after its start; nothing was done.
            NotFound: for ``kill`` on 8.17.
        """
        path = f"/apps/app{verb}/{segment(identifier)}"
        operation = f"{verb} {identifier} ({path})"
        patience = VERB_PATIENCE * self.node.transport.options.timeout

        def send(header: str) -> Answer:
            return self.node.transport.get(
                self.node.endpoint,
                path,
                operation=operation,
                auth=header,
                write=True,
                timeout=patience,
                deadline=patience,
                since="8.18.0" if verb == "kill" else None,
            )

        answer = self.node.authorised(send, operation, privilege="self")
        said = answer.data if isinstance(answer.data, str) else answer.message or ""
        pending = _PENDING.fullmatch(said)
        return VerbAnswer(said, pending["reason"] if pending else None)

    # -- looking into a container -----------------------------------------------------------------------------------

    def inspect(self, identifier: str) -> Inspection:
        """Docker's description of a container, without its environment. ``GET /apps/appinspect/<identifier>``."""
        answer, field = self._look("inspect", identifier)
        return app_shapes.inspection(field, answer.node_time)

    def stats(self, identifier: str) -> Usage:
        """One sample of use; takes 1 to 2 s and longer with large volumes. ``GET /apps/appstats/<identifier>``."""
        return app_shapes.usage(self._look("stats", identifier)[1])

    def top(self, identifier: str) -> list[dict[str, str]]:
        """The processes of a container that runs. ``GET /apps/apptop/<identifier>``."""
        return app_shapes.processes(self._look("top", identifier)[1])

    def _look(self, what: str, identifier: str) -> tuple[Answer, Field]:
        path = f"/apps/app{what}/{segment(identifier)}"
        operation = f"{what} {identifier} ({path})"

        def send(header: str) -> Answer:
            return self.node.transport.get(self.node.endpoint, path, operation=operation, auth=header)

        answer = self.node.authorised(send, operation, privilege="self")
        return answer, Field(self.node.node, operation, answer.data)

    # -- long operations --------------------------------------------------------------------------------------------

    def redeploy(self, app: str, watch: Watch, *, hard: bool, idle: float, deadline: float) -> None:
        """Remove the containers and images and make them anew from the newest specification; ``hard`` deletes the data.

        ``GET /apps/redeploy/<app>[/true]``, rights as for the verbs (advancedWorkflows.js redeployAPI). The node goes
        on when nobody listens. ``idle``: seconds without a byte that are borne; 30 s of silence belong to it.
        """
        path = f"/apps/redeploy/{segment(app)}" + ("/true" if hard else "")
        self._stream(path, f"redeploy {app}", watch, idle=idle, deadline=deadline)

    def remove(self, app: str, watch: Watch, *, idle: float, deadline: float) -> None:
        """Take the app from the node with all its data. ``GET /apps/appremove/<app>`` (appUninstaller.js)."""
        self._stream(f"/apps/appremove/{segment(app)}", f"remove {app}", watch, idle=idle, deadline=deadline)

    def _stream(self, path: str, operation: str, watch: Watch, *, idle: float, deadline: float) -> None:
        operation = f"{operation} ({path})"

        def send(header: str) -> Answer:
            watch.begin()
            return self.node.transport.get(
                self.node.endpoint,
                path,
                operation=operation,
                auth=header,
                write=True,
                timeout=idle,
                deadline=deadline,
                accept_text=True,
                sink=watch.take,
            )

        self.node.authorised(send, operation, privilege="self")
        watch.ended = not watch.left


class Watch:
    """Reads the stream of a long operation while it comes."""

    def __init__(self, tell: Callable[[Piece], None] = lambda piece: None, *, leave_when_begun: bool = False) -> None:
        """``tell`` is called with every piece. ``leave_when_begun``: read no further than to its first progress."""
        self._tell = tell
        self._leave_when_begun = leave_when_begun
        self.begin()

    def begin(self) -> None:
        """Forget what an attempt gave that was refused."""
        self._stream = ObjectStream()
        self.ended = False
        """The body came to its end."""
        self.left = False
        """It was not read to its end, because nothing more was wanted of it."""

    @property
    def pieces(self) -> list[Piece]:
        """All that came so far."""
        return self._stream.pieces

    def take(self, data: bytes) -> bool:
        """The next bytes; false when no more are wanted. After a refusal up to 8.17 nothing comes any more."""
        for piece in self._stream.feed(data):
            self._tell(piece)
            begun = self._leave_when_begun and piece.status == "progress"
            self.left = self.left or begun or is_refusal(piece)
        return not self.left
