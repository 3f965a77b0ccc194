# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a handler answers, and the forms FluxOS and express give it (FluxOS: messageHelper.js; express 4)."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.operations import Stream

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


class Undefined:
    """JavaScript's undefined: JSON.stringify drops the key."""


UNDEFINED = Undefined()


@dataclass(slots=True)
class Reply:
    """One answer before the transport: ``flow`` says whether it is sent at all.

    ``flow``: ``answer``; ``drop`` (the connection is closed without an answer); ``hang`` (no answer, for ever).
    ``outcome`` is the journal's word for it. ``after`` runs when the journal holds the request. ``stream``: the body
    comes piece by piece. ``delay``: simulated seconds before the answer is sent.
    """

    body: bytes = b""
    status: int = 200
    content_type: str | None = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    outcome: str = "success"
    etag: bool = True
    cors: bool = True
    flow: str = "answer"
    after: Callable[[], None] | None = None
    stream: Stream | None = None
    delay: float = 0.0


def _plain(value: Any) -> Any:
    """A float that is whole prints without its fraction, as in JavaScript."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not UNDEFINED}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def stringify(value: Any) -> bytes:
    """JSON.stringify: compact, non-ASCII kept."""
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def envelope(
    status: str, content: Any, *, http: int = 200, headers: tuple[tuple[str, str], ...] = (), outcome: str | None = None
) -> Reply:
    """Any envelope."""
    return Reply(stringify({"status": status, "data": content}), http, headers=headers, outcome=outcome or status)


def data(value: Any) -> Reply:
    """createDataMessage."""
    return envelope("success", value)


def success(message: str) -> Reply:
    """createSuccessMessage."""
    return envelope("success", {"message": message})


def warning(message: str) -> Reply:
    """createWarningMessage."""
    return envelope("warning", {"message": message})


def error(message: str, *, name: str | None = "Error", code: int | float | str | None = None) -> Reply:
    """createErrorMessage; keys that are not given are absent, an empty message becomes ``Unknown error``."""
    content: dict[str, Any] = {}
    if code is not None:
        content["code"] = code
    if name is not None:
        content["name"] = name
    content["message"] = message or "Unknown error"
    return envelope("error", content)


def unauthorized() -> Reply:
    """errUnauthorizedMessage: HTTP 200."""
    return error("Unauthorized. Access denied.", name="Unauthorized", code=401)


def unavailable(message: str, *, retry_after: int = 15) -> Reply:
    """The real 503 of 8.18 and later."""
    content = {"code": 503, "name": "ServiceUnavailable", "message": message}
    headers = (("Retry-After", str(retry_after)),)
    return envelope("error", content, http=503, headers=headers, outcome="http_503")


def hang() -> Reply:
    """Never answered."""
    return Reply(flow="hang", outcome="hung")


def drop(after: Callable[[], None] | None = None) -> Reply:
    """The connection closes without an answer."""
    return Reply(flow="drop", outcome="dropped", after=after)


def streamed(stream: Stream, content_type: str | None = "application/json", *, outcome: str = "success") -> Reply:
    """A body that is written piece by piece, without length and tag."""
    return Reply(b"", content_type=content_type, etag=False, stream=stream, outcome=outcome)


def html_page(status: int, text: str, *, cors: bool = True) -> Reply:
    """The error page of express (finalhandler)."""
    escaped = html.escape(text, quote=False).replace('"', "&quot;").replace("'", "&#39;")
    escaped = escaped.replace("\n", "<br>").replace("  ", " &nbsp;")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
        f"<pre>{escaped}</pre>\n</body>\n</html>\n"
    )
    return Reply(
        page.encode(),
        status,
        HTML_TYPE,
        (("Content-Security-Policy", "default-src 'none'"), ("X-Content-Type-Options", "nosniff")),
        outcome=f"http_{status}",
        etag=False,
        cors=cors,
    )


def weak_etag(body: bytes) -> str:
    """The weak ETag of express (package etag): length in hex and 27 characters of the SHA-1."""
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest())[:27].decode()
    return f'W/"{len(body):x}-{digest}"'
