# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a recording: cases of exchanges with one FluxOS node, read from a JSON file.

A file is ``{"meta": {...}, "cases": [{"case", "group", "note", "exchanges": [...]}]}``. The recorder left out the
``Host`` and ``Date`` headers and wrote long runs of one character as ``"xxx... (17000 characters)"``; the latter is
undone here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ABBREVIATED = re.compile(r"(?P<head>.*(?P<last>.))\.\.\. \((?P<length>\d+) characters\)\Z", re.DOTALL)
# The recorder says for people, in the note of a case, what it did to the node. These sentences mean something here.
_DOS_NOTE = re.compile(r"node with dosState (?P<state>[0-9.]+), message (?P<message>.*)\Z")


class RecordingError(Exception):
    """The file is not a recording of the form that is replayed here; the text says what is wrong with it."""


def written_out(text: str, closing: str = "") -> str:
    """Return a text with its abbreviated run of characters restored.

    *closing* is what the whole text must end in: the recorder cut ``"}`` from a long JSON body.
    """
    found = _ABBREVIATED.match(text)
    if found is None:
        return text
    head, length = found["head"], int(found["length"])
    return head + found["last"] * (length - len(head) - len(closing)) + closing


@dataclass(frozen=True)
class Request:
    """What was sent: the request target exactly as in the request line, headers in order, the body as text (UTF-8)."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | None

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in whatever case it was written."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Response:
    """What came back. ``answered`` is False when not a byte came; then ``closed`` says whether the node hung up.

    ``complete`` is False when an answer began and did not end; its body is then not kept.
    """

    answered: bool
    closed: bool = False
    status: int = 0
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    interim: str | None = None
    complete: bool = True


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. ``sent_at_ms`` is the node's clock (epoch milliseconds) when it was sent."""

    seq: int
    sent_at_ms: int
    request: Request
    response: Response
    who: str | None
    credential: str | None
    note: str


@dataclass(frozen=True)
class Case:
    """A named run of exchanges that starts with an empty response cache."""

    name: str
    note: str
    exchanges: tuple[Exchange, ...]

    @property
    def dos(self) -> tuple[float, str | None] | None:
        """The DOS score and message that the node had during this case, when the note names them."""
        found = _DOS_NOTE.match(self.note)
        if found is None:
            return None
        message = found["message"]
        return float(found["state"]), None if message in ("None", "null", "") else message

    @property
    def docker_down(self) -> bool:
        """Whether Docker was gone at the start of this case."""
        return "docker socket is gone" in self.note.lower()

    @property
    def daemon_answer(self) -> str | None:
        """``warming`` when fluxd was still loading in this case, ``down`` when it could not be reached, else None."""
        note = self.note.lower()
        if "fluxd" not in note:
            return None
        return "warming" if "-28" in note else "down"


@dataclass(frozen=True)
class Recording:
    """A whole file."""

    version: str
    keys: Mapping[str, Mapping[str, str]]
    sessions: Mapping[str, Mapping[str, str]]
    cases: tuple[Case, ...]

    def exchanges(self) -> Iterator[tuple[Case, Exchange]]:
        """Yield every exchange with its case, in the order in which they were recorded."""
        for case in self.cases:
            for exchange in case.exchanges:
                yield case, exchange

    def answer(self, path: str) -> Any:
        """Return ``data`` of the first successful answer to ``GET path``, or None: the state that the node had."""
        for _unused, exchange in self.exchanges():
            if exchange.request.method == "GET" and exchange.request.target == path and exchange.response.status == 200:
                envelope = json.loads(exchange.response.body)
                if envelope.get("status") == "success" and "data" in envelope:
                    return envelope["data"]
        return None


def _response(raw: Mapping[str, Any]) -> Response:
    if not raw["answered"]:
        return Response(answered=False, closed="closed" in raw.get("note", ""))
    return Response(
        answered=True,
        status=raw["status"],
        reason=raw["reason"],
        headers={key.lower(): value for key, value in raw["headers"].items()},
        body=raw["body"] or "",
        interim=raw.get("interim"),
        complete=raw.get("complete", True),
    )


def _request(raw: Mapping[str, Any]) -> Request:
    body = raw["body"]
    if body is not None:
        body = written_out(body, closing='"}' if body.startswith('{"') else "")
    return Request(
        method=raw["method"],
        target=written_out(raw["path"]),
        headers=tuple((name, written_out(value)) for name, value in raw["headers"]),
        body=body,
    )


def _exchange(raw: Mapping[str, Any]) -> Exchange:
    auth = raw.get("auth") or {}
    return Exchange(
        seq=raw["seq"],
        sent_at_ms=raw["sent_at_ms"],
        request=_request(raw["request"]),
        response=_response(raw["response"]),
        who=auth.get("who"),
        credential=auth.get("kind"),
        note=raw.get("note") or "",
    )


def load(path: Path) -> Recording:
    """Read a recording. Raises :class:`RecordingError` for a file of another form."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        meta = raw["meta"]
        return Recording(
            version=meta["fluxos_version"],
            keys=meta["test_keys"],
            sessions=meta.get("sessions", {}),
            cases=tuple(
                Case(case["case"], case.get("note") or "", tuple(_exchange(each) for each in case["exchanges"]))
                for case in sorted(raw["cases"], key=lambda case: case["exchanges"][0]["seq"])
            ),
        )
    except OSError as exc:
        raise RecordingError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, IndexError) as exc:
        raise RecordingError(f"{path} is not a recording of a FluxOS node: {exc!r}") from exc
