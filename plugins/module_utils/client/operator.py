# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One FluxOS node, with a login: sessions, operator's operations, and the raw call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
            BadAnswer: answered from a cache or by something that is not FluxOS.
        """
        operation = "restarting FluxOS (/flux/restart)"

        def send(header: str) -> Answer:
            return self.transport.get(
                self.endpoint,
                "/flux/restart",
                operation=operation,
                auth=header,
                write=True,
                timeout=RESTART_TIMEOUT,
                deadline=RESTART_TIMEOUT,
            )

        try:
            answer = self.authorised(send, operation, privilege="stored")
        except AnswerLost as error:
            return RestartAnswer("dropped", error.said)
        except BadAnswer as error:
            if error.incomplete or error.code in (502, 504):
                return RestartAnswer("dropped", error.said)
            raise
        except Unauthorized:
            raise
        except Refused as error:
            if error.code == "ENOENT" or "ENOENT" in error.said:
                return RestartAnswer("cannot", error.said)
            raise
        if answer.from_cache:
            raise BadAnswer(
                self.node,
                operation,
                "answered from the node's response cache, so nothing was done",
                "Ask again when the cached answer has expired, after 30 s",
            )
        return RestartAnswer("accepted", answer.message or str(answer.data))

    # -- login and sessions -----------------------------------------------------------------------------------------

    def emergency_phrase(self) -> str:
        """A login phrase of this node, valid 15 minutes and once.

        ``GET /id/emergencyphrase``, public, not cached (idService.js emergencyPhrase). Unlike ``/id/loginphrase`` it is
        given out by a sick node too.
        """
        return self.field("/id/emergencyphrase", "asking for a login phrase", fresh=True).text()

    def verify_login(self, flux_id: str, phrase: str, signature: str) -> dict[str, Any]:
        """Make a session of a signed phrase; answers ``privilage`` (so spelled), ``createdAt`` and ``expireAt``.

        ``POST /id/verifylogin``, public, raw body (idService.js verifyLogin). The session ends after 14 days, and
        whenever FluxOS starts.
        """
        operation = "logging in (/id/verifylogin)"
        answer = self.transport.post(
            self.endpoint,
            "/id/verifylogin",
            {"zelid": flux_id, "loginPhrase": phrase, "signature": signature},
            operation=operation,
            kind=BodyKind.RAW,
        )
        return shapes.Field(self.node, operation, answer.data).mapping()

    def login(self) -> None:
        """Make sure that there is a session on this node."""
        self._login("logging in").header(self, privilege="stored")

    def sessions(self) -> list[dict[str, Any]]:
        """Sessions of the Flux ID on this node. ``loginPhrase`` in the rows is left out: it is half of a credential.

        ``GET /id/loggedsessions``, user (idService.js loggedSessions); up to 8.17 cached for 30 s.
        """
        operation = "listing the sessions (/id/loggedsessions)"
        answer = self.authorised(self._getter("/id/loggedsessions", operation), operation, privilege="stored")
        rows = shapes.Field(self.node, operation, answer.data).rows()
        return [{key: value for key, value in row.items() if key not in ("loginPhrase", "_id")} for row in rows]

    def logout(self, *, everywhere: bool = False) -> str:
        """End the session in use, or with ``everywhere`` all sessions of the Flux ID on this node.

        ``GET /id/logoutcurrentsession`` or ``/id/logoutallsessions``, user (idService.js); up to 8.17 cached for 30 s.
        """
        path = "/id/logoutallsessions" if everywhere else "/id/logoutcurrentsession"
        operation = f"logging out ({path})"
        answer = self.authorised(self._getter(path, operation, write=True), operation, privilege="stored")
        self._login(operation).forget(self)
        return answer.message or "Successfully logged out"

    # -- anything -----------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: BodyKind = BodyKind.RAW,
        privilege: Privilege | None = None,
        write: bool | None = None,
        fresh: bool | None = None,
        timeout: float | None = None,
        accept_text: bool = False,
    ) -> Answer:
        """One raw operation. ``privilege`` says how to authenticate, ``None`` not at all.

        ``write`` defaults to true for POST and for anything authenticated: most changes of FluxOS are GETs, so what is
        not known to be a read is never repeated and never sent in check mode.
        """
        verb = method.upper()
        if verb not in ("GET", "POST"):
            raise Misuse(self.node, f"{verb} {path}", "FluxOS has GET and POST routes only", "Use one of them")
        operation = f"{verb} {path}"
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

    def authorised(self, send: Callable[[str], Answer], operation: str, *, privilege: Privilege) -> Answer:
        """Send with the login's header; once more with a new one when the node no longer knows the session.

        "Unauthorized" means that nothing was done, so sending again is safe for writes too. A header that is the same
        as before, or that was made just now, would be refused again and is not repeated.
        """
        login = self._login(operation)
        header = login.header(self, privilege=privilege)
        try:
            return send(header)
        except Unauthorized as refused:
            login.forget(self)
            renewed = login.header(self, privilege=privilege)
            if renewed == header:
                raise
            try:
                return send(renewed)
            except Unauthorized as again:
                raise again from refused

    def _getter(self, path: str, operation: str, *, write: bool = False) -> Callable[[str], Answer]:
        def send(header: str) -> Answer:
            return self.transport.get(self.endpoint, path, operation=operation, auth=header, write=write)

        return send

    def _login(self, operation: str) -> Login:
        if self.login_as is None:
            raise Unauthorized(
                self.node,
                operation,
                "this needs a login and no Flux ID with a key was given",
                "Give flux_id with private_key, private_key_file or signer_command",
            )
        return self.login_as
