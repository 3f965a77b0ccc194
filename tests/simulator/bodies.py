# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How FluxOS reads request bodies: ``express.json()`` first, then each handler in its own way.

``express.json()`` consumes the body of every request with the JSON content type. A raw-body handler then waits for a
stream that has ended, for ever. A parsed-body handler sees ``{}`` with any other type.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

from aiohttp.web_request import BaseRequest

from tests.simulator.envelope import Reply, html_page
from tests.simulator.v8json import complaint, strict_complaint

JSON_LIMIT = 100 * 1024
_CHARSET = re.compile(r"""charset\s*=\s*"?([^\s;"]+)""", re.IGNORECASE)
# Content encodings of a JSON body, with the window bits that zlib wants for them.
_INFLATERS = {"identity": 0, "gzip": 31, "deflate": 15}


@dataclass(slots=True)
class Body:
    """``raw``: the stream; ``text``: as text; ``parsed``: what express.json() made of it; ``consumed``: it did so."""

    text: str = ""
    parsed: Any = None
    consumed: bool = False
    raw: bytes = b""

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
    declared = request.headers.get("Content-Type", "")
    raw = await request.content.read()
    if not _is_json(declared):
        return Body(text=raw.decode("utf-8", "replace"), raw=raw)
    charset = _CHARSET.search(declared)
    if charset is not None and not charset[1].lower().startswith("utf-"):
        return _refusal(415, f'UnsupportedMediaTypeError: unsupported charset "{charset[1].upper()}"')
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in _INFLATERS:
        return _refusal(415, f'UnsupportedMediaTypeError: unsupported content encoding "{encoding}"')
    if len(raw) > JSON_LIMIT:
        return _refusal(413, "PayloadTooLargeError: request entity too large")
    if encoding != "identity":
        try:
            raw = zlib.decompress(raw, _INFLATERS[encoding])
        except zlib.error:
            return _refusal(400, "Error: incorrect header check")
        if len(raw) > JSON_LIMIT:
            return _refusal(413, "PayloadTooLargeError: request entity too large")
    return _parse(raw.decode("utf-8", "replace"))


def _is_json(declared: str) -> bool:
    """Whether body-parser takes a content type for JSON; a parameter that is none makes it take nothing."""
    kind, semicolon, parameters = declared.partition(";")
    return kind.strip().lower() == "application/json" and (not semicolon or "=" in parameters)


def _parse(text: str) -> Body | Reply:
    if not text:
        return Body(parsed={}, consumed=True)
    if text.lstrip(" \t\n\r")[:1] not in ("{", "["):
        return _refusal(400, f"SyntaxError: {strict_complaint(text)}")
    try:
        return Body(text, json.loads(text, parse_constant=_refuse), consumed=True)
    except ValueError as problem:
        return _refusal(400, f"SyntaxError: {complaint(text) or problem}")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refusal(status: int, text: str) -> Reply:
    stack = "\n    at parse (/opt/zelflux/node_modules/body-parser/lib/types/json.js:96:19)"
    return html_page(status, text + stack, cors=False)
