# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One FluxOS node, with a login: sessions, operator's operations, and the raw call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Login, Privilege
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.node import NodeReads
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    Misuse,
    Refused,
    Unauthorized,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import RestartAnswer
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import BodyKind, Transport

T = TypeVar("T")

RESTART_TIMEOUT = 30.0
"""Seconds that the answer to a restart may take; usually the connection drops within a few."""


class NodeClient(NodeReads):
    """A node, and who asks it."""

    def __init__(
        self, endpoint: Endpoint, transport: Transport, login: Login | None = None, *, fresh: bool = True
    ) -> None:
        super().__init__(endpoint, transport, fresh=fresh)
        self.login_as = login

    # -- operations -------------------------------------------------------------------------------------------------

    def restart(self) -> RestartAnswer:
        """Ask FluxOS to restart itself. Whether it did, only :meth:`process` can prove.

        ``GET /flux/restart``, operator or (since 8.20) Flux team (fluxService.js restartFluxOS: ``pm2 restart flux``).
        On a legacy node pm2 ends the process that would answer, so a dropped connection is the usual outcome. On
        ArcaneOS there is no pm2: an error with the code ``ENOENT``, and nothing happens. Up to 8.17 it is cached for
        30 s, errors included.

        Raises:
            Unauthorized: not the operator, or no session; nothing was done.
            BadAnswer: answered from a cache; nothing was done.
        """
        operation = "restart FluxOS (/flux/restart)"

        # Judged where it is sent: a login that comes before must not be taken for the restart when its answer is lost.
        def send(header: str) -> RestartAnswer:
            try:
                answer = self.transport.get(
                    self.endpoint,
                    "/flux/restart",
                    operation=operation,
                    auth=header,
                    write=True,
                    timeout=RESTART_TIMEOUT,
                    deadline=RESTART_TIMEOUT,
                )
            except AnswerLost as error:
                return RestartAnswer("dropped", error.said)
            except BadAnswer as error:
                if error.incomplete or error.code in (502, 504):
                    return RestartAnswer("dropped", error.said)
                if not error.maybe_done:
                    raise
                return RestartAnswer("unclear", error.said)
            except Refused as error:
                if error.code == "ENOENT":
                    return RestartAnswer("cannot", error.said)
                raise
            return RestartAnswer("accepted", answer.message or str(answer.data))

        return self.authorised(send, operation, privilege="stored")

    # -- login and sessions -----------------------------------------------------------------------------------------

    def sessions(self) -> list[dict[str, Any]]:
        """The logins of the Flux ID on this node: ``created`` and ``expires`` as the node writes them, and ``kept``,
        whether it is the one that is known here. Never logs in: a self-issued phrase is enough to ask.

        ``GET /id/loggedsessions``, user (idService.js loggedSessions); up to 8.17 cached for 30 s. The phrases in its
        rows are halves of credentials and are left out.
        """
        operation = "list the logins (/id/loggedsessions)"
        kept = self._login(operation).current(self)
        phrase = None if kept is None else json.loads(kept.header).get("loginPhrase")

        def send(header: str) -> Answer:
            return self.transport.get(self.endpoint, "/id/loggedsessions", operation=operation, auth=header)

        answer = self.authorised(send, operation, privilege="self")
        return [
            {
                "created": row.get("createdAt"),
                "expires": row.get("expireAt"),
                "kept": phrase is not None and row.get("loginPhrase") == phrase,
            }
            for row in shapes.Field(self.node, operation, answer.data).rows()
        ]

    def logout(self, *, everywhere: bool = False) -> str:
        """End the session in use, or with ``everywhere`` all sessions of the Flux ID on this node.

        ``GET /id/logoutcurrentsession`` or ``/id/logoutallsessions``, user (idService.js); up to 8.17 cached for 30 s.
        """
        path = "/id/logoutallsessions" if everywhere else "/id/logoutcurrentsession"
        operation = f"log out ({path})"

        def send(header: str) -> Answer:
            return self.transport.get(self.endpoint, path, operation=operation, auth=header, write=True)

        answer = self.authorised(send, operation, privilege="stored")
        self._login(operation).drop(self)
        return answer.message or "Successfully logged out"

    # -- anything -----------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        body_kind: BodyKind | str = BodyKind.RAW,
        privilege: Privilege | None = None,
        write: bool | None = None,
        fresh: bool | None = None,
        timeout: float | None = None,
        accept_text: bool = False,
    ) -> Answer:
        """One raw operation. ``privilege`` says how to authenticate, ``None`` not at all; ``body_kind`` is also taken
        by name, ``raw`` or ``json``.

        ``write`` defaults to true for POST and for anything authenticated: most changes of FluxOS are GETs, so what is
        not known to be a read is never repeated and never sent in check mode.
        """
        verb = method.upper()
        if verb not in ("GET", "POST"):
            raise Misuse(self.node, f"{verb} {path}", "FluxOS has GET and POST routes only", "Use one of them")
        operation = f"{verb} {path}"
        kind = BodyKind[body_kind.upper()] if isinstance(body_kind, str) else body_kind
        changes = (verb == "POST" or privilege is not None) if write is None else write

        def send(header: str | None) -> Answer:
            if verb == "GET":
                return self.transport.get(
                    self.endpoint,
                    path,
                    operation=operation,
                    query=query,
                    auth=header,
                    write=changes,
                    fresh=self.fresh if fresh is None else fresh,
                    timeout=timeout,
                    accept_text=accept_text,
                )
            return self.transport.post(
                self.endpoint,
                path,
                body,
                operation=operation,
                kind=kind,
                query=query,
                auth=header,
                write=changes,
                timeout=timeout,
                accept_text=accept_text,
            )

        if privilege is None:
            return send(None)
        return self.authorised(send, operation, privilege=privilege)

    def authorised(self, send: Callable[[str], T], operation: str, *, privilege: Privilege) -> T:
        """Send with the login's header; once more with a new one when the node no longer knows the kept session.

        "Unauthorized" means that nothing was done, so sending again is safe for writes too. A session that was made
        just now, or a header that stays the same, would be refused again and is not repeated.
        """
        login = self._login(operation)
        known = privilege == "self" or login.current(self) is not None
        header = login.header(self, privilege=privilege)
        try:
            return send(header)
        except Unauthorized as refused:
            if not known:
                raise self._explained(refused, login) from refused
            login.forget(self)
            renewed = login.header(self, privilege=privilege)
            if renewed == header:
                raise self._explained(refused, login) from refused
        try:
            return send(renewed)
        except Unauthorized as refused:
            raise self._explained(refused, login) from refused

    def _explained(self, error: Unauthorized, login: Login) -> Unauthorized:
        """FluxOS never says why; sometimes it is known here."""
        reason = login.explain(self)
        if reason is None:
            return error
        return Unauthorized(error.node, error.operation, error.said, reason, code=error.code, name=error.name)

    def _login(self, operation: str) -> Login:
        if self.login_as is None:
            raise Unauthorized(
                self.node,
                operation,
                "this needs a login and no Flux ID with a key was given",
                "Give flux_id with private_key, private_key_file or signer_command",
            )
        return self.login_as
