# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging an answer of FluxOS: what is data, what is a refusal, and what is no answer of FluxOS at all.

FluxOS answers HTTP 200 with ``status: "error"`` for nearly every failure, "unauthorized" included
(FluxOS: messageHelper.js), so only the body decides. The few real codes: 503 with ``Retry-After`` while a node boots
(since 8.18), 429 on a payment route, 404 as an HTML page for a route that the node does not have, 400 and 413 as HTML
from the web framework. Proxies in front of nodes answer HTML pages with any code.
"""

from __future__ import annotations

import codecs
import html
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    Busy,
    FluxOSError,
    NotFound,
    Refused,
    Unauthorized,
    Unreachable,
    clean,
)

__all__ = [
    "Answer",
    "AnswerLost",
    "BadAnswer",
    "Busy",
    "FluxOSError",
    "NotFound",
    "Refused",
    "Unauthorized",
    "Unreachable",
    "judge",
    "no_answer",
    "node_time",
    "page_heading",
    "refusal",
    "retry_after",
]

ANSWER_STATUSES = ("success", "warning")


@dataclass(frozen=True, slots=True)
class Answer:
    """What FluxOS answered when it did what was asked."""

    data: Any
    """Of any JSON type; ``None`` when the answer had no ``data``, which is a success too."""
    message: str | None = None
    """``data.message`` where it is a text."""
    status: Literal["success", "warning"] = "success"
    http_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    from_cache: bool = False
    """The node answered from its response cache, without running anything."""
    text: str | None = None
    """The body as text where the caller accepts answers that are no envelope."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Keys beside ``status`` and ``data``: some routes answer on the top level. All keys of an accepted answer that is
    JSON and no envelope."""

    @property
    def node_time(self) -> float | None:
        """The node's clock, epoch seconds in whole seconds, from the ``Date`` header."""
        return node_time(self.headers)


def judge(
    node: str,
    operation: str,
    *,
    http_status: int,
    headers: Mapping[str, str],
    body: bytes,
    since: str | None = None,
    accept_text: bool = False,
) -> Answer:
    """Turn the parts of an HTTP answer into an :class:`Answer`, or raise what it means.

    ``since`` is the FluxOS version that introduced the endpoint, for the advice of a 404. ``accept_text`` lets a
    2xx answer without an envelope (a log file, a stream) through as ``Answer.text``.

    Raises:
        Busy, NotFound, Unauthorized, Refused, BadAnswer: see :mod:`errors`.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    document, problem = _document(body)
    if http_status in (429, 503):
        raise _busy(node, operation, http_status, headers, document, body)
    if http_status == 404:
        raise _not_found(node, operation, document, body, since)
    if 300 <= http_status < 400:
        raise BadAnswer(
            node,
            operation,
            f"HTTP {http_status}, a redirect instead of an answer",
            "Something in front of the node redirects requests; give the address that it redirects to",
            code=http_status,
        )
    if document is not None and document.get("status") == "error":
        raise refusal(node, operation, document.get("data"), http_status=http_status)
    if not 200 <= http_status < 300:
        raise _bad_status(node, operation, http_status, document, body)
    if document is not None and document.get("status") in ANSWER_STATUSES:
        return _answer(document, http_status, headers)
    if accept_text:
        return Answer(
            None,
            http_status=http_status,
            headers=headers,
            from_cache="apicache-store" in headers,
            text=body.decode("utf-8", "replace"),
            extra=document or {},
        )
    if document is not None:
        problem = "JSON that is no FluxOS envelope: its status is " + clean(repr(document.get("status")), 60)
    raise _no_envelope(node, operation, http_status, body, problem)


def refusal(node: str, operation: str, data: Any, *, http_status: int = 200) -> FluxOSError:
    """The error that an error envelope with this ``data`` stands for."""
    details = data if isinstance(data, Mapping) else {"message": data}
    code = _simple(details.get("code"))
    named = _simple(details.get("name"))
    name = None if named is None else str(named)
    said = _message_text(details.get("message"))
    if code in (401, "401") or http_status == 401:
        return Unauthorized(
            node,
            operation,
            said or "Unauthorized",
            "FluxOS does not say why. Either the Flux ID in use has not the privilege (the node belongs to another "
            "Flux ID), or the session has ended: log in again",
            code=code,
            name=name,
        )
    return Refused(node, operation, said or "an error without a text", _advice_for(code, said), code=code, name=name)


def no_answer(node: str, operation: str, answer: Answer, expected: str) -> BadAnswer:
    """The error for an accepted text that was to be JSON: a page, half an answer, or not ``expected``."""
    body = (answer.text or "").encode()
    document, problem = _document(body)
    if document is not None:
        problem = f"JSON without {expected}: {clean((answer.text or '')[:80], 80)}"
    return _no_envelope(node, operation, answer.http_status, body, problem)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds of a ``Retry-After`` header, given as seconds or as a date; ``None`` without a usable one."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    return max(0.0, moment - (now if now is not None else node_time(headers) or time.time()))


def node_time(headers: Mapping[str, str]) -> float | None:
    """The node's clock from the ``Date`` header, epoch seconds; ``None`` without a readable one."""
    return _http_date(headers.get("date", ""))


def page_heading(body: bytes) -> str | None:
    """What an HTML page says of itself: heading, else title, else the text's beginning; ``None`` for no page."""
    text = body[:20000].decode("utf-8", "replace")
    if not text.lstrip("\ufeff \r\n\t").startswith("<"):
        return None
    # express' own error pages have the reason in <pre>, proxies theirs in <h1>.
    for tag in ("h1", "h2", "pre", "title"):
        found = re.search(rf"<{tag}\b[^>]*>(.*?)</{tag}>", text, re.IGNORECASE | re.DOTALL)
        if found and (heading := _plain(found.group(1))):
            return heading
    return _plain(text) or "a page without text"


def _plain(markup: str) -> str:
    without_blocks = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", markup)
    # A stack trace in a page of express begins at the first line break.
    first = re.split(r"(?i)<br\s*/?>", without_blocks)[0]
    return clean(html.unescape(re.sub(r"<[^>]*>", " ", first)), 200)


def _document(body: bytes) -> tuple[dict[str, Any] | None, str]:
    """The JSON object in ``body``, or ``None`` and what is wrong with it."""
    if not body.strip():
        return None, "an empty answer"
    if page_heading(body) is not None:
        return None, "an HTML page"
    try:
        # The codec utf-8-sig does the same, but every forked worker would load it from disk anew.
        parsed = json.loads(body.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError:
        return None, "an answer that is not text"
    except RecursionError:
        return None, "JSON nested too deeply"
    except ValueError as error:
        if _breaks_off(body.strip(), error):
            return None, f"half an answer: JSON that ends after {len(body)} bytes"
        return None, "an answer that is not JSON: " + clean(body[:80].decode("utf-8", "replace"), 80)
    if not isinstance(parsed, dict):
        return None, f"JSON that is no FluxOS envelope but a {_json_type(parsed)}"
    return parsed, ""


def _breaks_off(body: bytes, error: ValueError) -> bool:
    """Whether this is the beginning of a JSON object or list, rather than something else."""
    closing = {b"{": b"}", b"[": b"]"}.get(body[:1])
    if closing is None:
        return False
    stopped_at_end = isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip())
    return stopped_at_end or not body.endswith(closing)


def _answer(document: Mapping[str, Any], http_status: int, headers: Mapping[str, str]) -> Answer:
    data = document.get("data")
    message = data.get("message") if isinstance(data, Mapping) else None
    return Answer(
        data,
        message=message if isinstance(message, str) else None,
        status="warning" if document["status"] == "warning" else "success",
        http_status=http_status,
        headers=headers,
        from_cache="apicache-store" in headers,
        extra={key: value for key, value in document.items() if key not in ("status", "data")},
    )


def _busy(
    node: str,
    operation: str,
    http_status: int,
    headers: Mapping[str, str],
    document: Mapping[str, Any] | None,
    body: bytes,
) -> Busy:
    data = document.get("data") if document else None
    said = _message_text(data.get("message")) if isinstance(data, Mapping) else None
    said = said or page_heading(body) or f"HTTP {http_status}"
    wait = retry_after(headers)
    advice = "Try again later" if wait is None else f"It asks to come back in {wait:.0f} s"
    if "reconciling" in said:
        advice += "; the node has just started and does not act on apps before it has settled"
    return Busy(node, operation, said, advice, code=http_status, retry_after=wait)


def _not_found(
    node: str, operation: str, document: Mapping[str, Any] | None, body: bytes, since: str | None
) -> NotFound:
    data = document.get("data") if document else None
    said = _message_text(data.get("message")) if isinstance(data, Mapping) else None
    if said:
        return NotFound(node, operation, said, "What was asked for does not exist there", code=404)
    advice = "This node's FluxOS does not have this endpoint"
    advice += f"; it needs {since} or later" if since else ": compare its version with what the operation needs"
    return NotFound(node, operation, page_heading(body) or "HTTP 404", advice, code=404)


def _bad_status(
    node: str, operation: str, http_status: int, document: Mapping[str, Any] | None, body: bytes
) -> FluxOSError:
    text = page_heading(body) or (clean(body.decode("utf-8", "replace"), 120) if document is None else "")
    if http_status == 401:
        return refusal(node, operation, {"message": text or None}, http_status=401)
    advice = "The request did not reach FluxOS' own code; check what stands between here and the node"
    if http_status in (400, 413):
        advice = "FluxOS' web framework refused the form of the request; check parameters and the size of the body"
    elif http_status in (502, 504):
        advice = "A proxy answered because the node behind it did not; ask the node itself, or later"
    return BadAnswer(
        node,
        operation,
        f"HTTP {http_status}" + (f": {text}" if text else ""),
        advice,
        code=http_status,
    )


def _no_envelope(node: str, operation: str, http_status: int, body: bytes, problem: str) -> BadAnswer:
    heading = page_heading(body)
    if heading is not None:
        said = f'not JSON but an HTML page: "{heading}"'
        advice = "A proxy or another service answered instead of FluxOS; check the address, or ask the node itself"
    else:
        said = problem
        advice = "This is not how FluxOS answers; check that the address is a node's API, and try again"
    half = "half an answer" in problem
    return BadAnswer(node, operation, said, advice, code=http_status, incomplete=half, transient=half)


def _advice_for(code: str | int | None, said: str | None) -> str:
    text = said or ""
    if code == -28 or "warming up" in text.lower():
        return "The node's daemon is still starting; ask again in some minutes"
    if code in ("ECONNREFUSED", "ECONNABORTED", "ETIMEDOUT", "ECONNRESET"):
        return (
            "A service behind FluxOS on the node (daemon, benchmark or database) does not answer; check it on the node"
        )
    if code == "ENOENT":
        return "The node has not the program that this operation runs, as is usual on ArcaneOS"
    if code == 410:
        return "FluxOS no longer offers this operation"
    return "FluxOS refused it; its words above say why"


def _message_text(message: Any) -> str | None:
    """The message as a sentence: FluxOS passes objects of the daemon and numbers on as messages too."""
    if message is None or message == "":
        return None
    if isinstance(message, str):
        return clean(message)
    return clean(json.dumps(message, ensure_ascii=False, default=str))


def _simple(value: Any) -> str | int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else str(value)
    return clean(value if isinstance(value, str) else json.dumps(value, default=str), 80)


def _json_type(value: Any) -> str:
    names: tuple[tuple[type, str], ...] = (
        (bool, "truth value"),
        (str, "text"),
        (int, "number"),
        (float, "number"),
        (list, "list"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _http_date(value: str) -> float | None:
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
