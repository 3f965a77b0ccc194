# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network services that are not FluxOS, asked as FluxOS is; what their errors advise is about them."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    Busy,
    FluxOSError,
    Misuse,
    NotFound,
    Refused,
    Unreachable,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport


class Service:
    """One service at one base URL. Safe to share between threads."""

    NOUN = "the service"
    """How messages call it."""

    def __init__(self, endpoint: Endpoint, transport: Transport) -> None:
        self.endpoint = endpoint
        self.transport = transport

    @property
    def node(self) -> str:
        """The name in messages: the base URL."""
        return self.endpoint.address

    def ask(
        self,
        path: str,
        operation: str,
        *,
        query: Mapping[str, str] | None = None,
        deadline: float | None = None,
        fresh: bool = False,
        accept_text: bool = False,
    ) -> Answer:
        """GET ``path``; ``deadline`` in seconds for this request with its repeats, ``fresh`` skips the cache by URL.

        Raises:
            FluxOSError: one of its family, with this service's URL as its node.
        """
        try:
            return self.transport.get(
                self.endpoint,
                path,
                operation=self.operation(path, operation),
                query=query,
                fresh=fresh,
                deadline=deadline,
                accept_text=accept_text,
            )
        except FluxOSError as error:
            raise self.retold(error) from error

    def operation(self, path: str, operation: str) -> str:
        """The operation's name in messages: what and where."""
        return f"{operation} ({path})"

    def retold(self, error: FluxOSError) -> FluxOSError:
        """The error with an advice that makes sense for this service instead of a node."""
        return error.advising(self._advice(error))

    def _advice(self, error: FluxOSError) -> str:
        if isinstance(error, (Busy, Misuse)):
            return error.advice
        if isinstance(error, AnswerLost):
            return "It may be overloaded: ask again, and allow more time with timeout if this is usual"
        if isinstance(error, Unreachable):
            if "certificate could not be verified" in error.said:
                return "Authorities of your own, that vouch for this address, are given in ca_file"
            if any(sign in error.said for sign in ("TLS", "certificate", "proxy")):
                return error.advice
            return f"Check that this is the URL of {self.NOUN}, and that this machine may reach it"
        if isinstance(error, NotFound):
            return f"{self.NOUN.capitalize()} has nothing at this path: check the URL, and what was asked for"
        if isinstance(error, Refused):
            return f"These are the words of {self.NOUN}; they say why"
        if isinstance(error, BadAnswer) and "max_answer" not in error.advice:
            return f"This is not how {self.NOUN} answers: check the URL and what stands before it, or ask again later"
        return error.advice
