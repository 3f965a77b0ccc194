# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the wire: what a client gets in place of FluxOS' answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.faults import Fault
from tests.simulator.wire import head

Headers = list[tuple[str, str]]

# These keep a request from FluxOS, unless they are "late": then it is carried out and only the answer is spoiled.
EARLY = ("http_error", "html", "reset", "empty", "flood")


@dataclass(frozen=True)
class Spoiled:
    """``outcome`` and ``http`` are for the journal; ``ending``: keep, close or abort the connection, or wait."""

    outcome: str
    http: int | None
    payload: bytes
    ending: str


def spoil(fault: Fault, answer: tuple[int, bytes, Headers], connection: Headers) -> Spoiled:
    """Make the spoiled answer. ``answer`` is FluxOS' own (status, body, headers), used by truncate and stall."""
    if fault.kind == "http_error":
        return _http_error(fault.options, connection)
    if fault.kind == "html":
        return _html(fault.options, connection)
    if fault.kind == "flood":
        return _flood(fault.options, connection)
    if fault.kind == "reset":
        return Spoiled("reset", None, b"", "abort")
    if fault.kind == "empty":
        return Spoiled("dropped", None, b"", "close")
    status, body, headers = answer
    portion = body[: int(fault.options.get("bytes", len(body) // 2))]
    if fault.kind == "truncate":
        return Spoiled("truncated", status, head(status, headers) + portion, "close")
    return Spoiled("stalled", status, head(status, headers) + portion, "wait")


def _page(code: int, content_type: str, body: bytes, extra: Headers, connection: Headers) -> bytes:
    lines = [*extra, ("Content-Type", content_type), ("Content-Length", str(len(body))), *connection]
    return head(code, lines) + body


def _http_error(options: Mapping[str, Any], connection: Headers) -> Spoiled:
    code = int(options.get("status", 502))
    body = str(options.get("body", f"<html><body><h1>{code}</h1></body></html>")).encode()
    extra: Headers = []
    if "retry_after" in options:
        extra.append(("Retry-After", str(options["retry_after"])))
    if "location" in options:
        extra.append(("Location", str(options["location"])))
    content_type = str(options.get("content_type", "text/html"))
    return Spoiled(f"http_{code}", code, _page(code, content_type, body, extra, connection), "keep")


def _html(options: Mapping[str, Any], connection: Headers) -> Spoiled:
    code = int(options.get("status", 200))
    title = options.get("title", "Flux Node is not confirmed on the network")
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Spoiled("html", code, _page(code, "text/html", text.encode(), [], connection), "keep")


def _flood(options: Mapping[str, Any], connection: Headers) -> Spoiled:
    """A well-formed envelope that is far too large."""
    body = b'{"status":"success","data":"' + b"x" * int(options.get("bytes", 100 * 2**20)) + b'"}'
    return Spoiled("flood", 200, _page(200, "application/json; charset=utf-8", body, [], connection), "keep")
