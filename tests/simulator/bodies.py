# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How FluxOS reads request bodies: ``express.json()`` first, then each handler in its own way.

``express.json()`` consumes the body of every request with the JSON content type. A raw-body handler then waits for a
stream that has ended, for ever. A parsed-body handler sees ``{}`` with any other type.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp.web_request import BaseRequest

from tests.simulator.envelope import Reply, html_page

JSON_LIMIT = 100 * 1024


@dataclass(slots=True)
class Body:
    """``text``: the raw stream; ``parsed``: what express.json() made of it; ``consumed``: it did so."""

    text: str = ""
    parsed: Any = None
    consumed: bool = False

    @property
    def as_parsed(self) -> Any:
        """``req.body``: never undefined."""
        return self.parsed if self.consumed and self.parsed is not None else {}


def _has_body(request: BaseRequest) -> bool:
    return "Transfer-Encoding" in request.headers or "Content-Length" in request.headers


async def read_body(request: BaseRequest) -> Body | Reply:
    """The body, or the error page of body-parser (which comes before CORS and before any route)."""
    if not _has_body(request):
        return Body()
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    content_type = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    raw = await request.content.read()
    if content_type != "application/json":
        return Body(text=raw.decode("utf-8", "replace"))
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "deflate"):
        return _refusal(415, f'UnsupportedMediaTypeError: unsupported content encoding "{encoding}"')
    if len(raw) > JSON_LIMIT:
        return _refusal(413, "PayloadTooLargeError: request entity too large")
    return _parse(raw.decode("utf-8", "replace"))


def _parse(text: str) -> Body | Reply:
    if not text:
        return Body(parsed={}, consumed=True)
    first = text.lstrip()[:1]
    if first not in ("{", "["):
        return _refusal(400, f"SyntaxError: {_unexpected(text, first)}")
    try:
        return Body(text, json.loads(text), consumed=True)
    except ValueError as problem:
        return _refusal(400, f"SyntaxError: {_complaint(text, problem)}")


def _unexpected(text: str, token: str) -> str:
    if not token:
        return "Unexpected end of JSON input"
    return f"Unexpected token '{token}', \"{text}\" is not valid JSON"


def _complaint(text: str, problem: ValueError) -> str:
    """V8's words for the common cases."""
    position = problem.pos if isinstance(problem, json.JSONDecodeError) else 0
    if position >= len(text.rstrip()) and not text.rstrip().endswith("{"):
        return "Unexpected end of JSON input"
    if text[:position].rstrip().endswith("{") or position >= len(text):
        return f"Expected property name or '}}' in JSON at position {min(position, len(text))}"
    return _unexpected(text, text[position])


def _refusal(status: int, text: str) -> Reply:
    stack = "\n    at parse (/opt/zelflux/node_modules/body-parser/lib/types/json.js:96:19)"
    return html_page(status, text + stack, cors=False)
