# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long operations answer with JSON objects one after another, without separators and without an end marker.

Three kinds of objects come (FluxOS: advancedWorkflows.js, appUninstaller.js, appInstaller.js): progress
``{"status": "<text>"}``; docker's pull events, which have an ``id`` or ``progressDetail`` as well; and envelopes with
``status`` success, warning or error and ``data``, which come in the middle too.

Properties of the verdicts:

- Only texts decide, never the status of the last object: a redeploy that failed and removed the app ends with success.
- A stream without an end proves nothing but what was done already.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

LONGEST_OBJECT = 2**20
"""Characters after which something that has no end is taken for no object."""

LAUNCHED = "successfully installed and launched"
_BUSY = ("Another application is undergoing", "Restore is running for")
_REMOVING = "Initiating Flux App"
_GIVES_UP = "Error occured. Initiating"
_REMOVED = "Removal step done. Result:"
_PARTIALLY = "was partially removed"
_ESCALATED = "Escalating to hard redeploy"

_Utf8 = codecs.getincrementaldecoder("utf-8")

Outcome = Literal["done", "busy", "removed", "failed", "unended"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One object of a stream."""

    status: str
    """``success``, ``warning``, ``error`` for an envelope, else ``progress`` or ``pull``."""
    text: str


@dataclass
class ObjectStream:
    """Decodes a stream as its bytes come, wherever they are cut."""

    pieces: list[Piece] = field(default_factory=list)
    _text: str = ""
    _depth: int = 0
    _in_string: bool = False
    _escaped: bool = False
    _decoder: codecs.IncrementalDecoder = field(default_factory=lambda: _Utf8("replace"))

    def feed(self, data: bytes) -> list[Piece]:
        """The objects that became complete; they are kept in ``pieces`` as well. What is no object is skipped."""
        begun: list[str] = [self._text]
        found: list[Piece] = []
        for character in self._decoder.decode(data):
            if self._depth == 0 and character != "{":
                continue
            begun.append(character)
            self._step(character)
            if self._depth == 0:
                found += _pieces("".join(begun))
                begun = [""]
        self._text = "".join(begun)
        if len(self._text) > LONGEST_OBJECT:
            self._text, self._depth, self._in_string, self._escaped = "", 0, False, False
        self.pieces += found
        return found

    def _step(self, character: str) -> None:
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self._in_string = False
        elif character == '"':
            self._in_string = True
        elif character == "{":
            self._depth += 1
        elif character == "}":
            self._depth -= 1


def _pieces(text: str) -> list[Piece]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    status = value.get("status")
    if "data" in value and status in ("success", "warning", "error"):
        return [Piece(status, _text_of(value["data"]))]
    if "id" in value or "progressDetail" in value:
        return [Piece("pull", str(status))]
    return [Piece("progress", str(status))] if isinstance(status, str) else []


def _text_of(data: Any) -> str:
    message = data.get("message") if isinstance(data, dict) else data
    return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a stream says of the operation. The state of the node has to confirm it."""

    outcome: Outcome
    """``done``; ``busy``: refused for now, nothing was done; ``removed``: it failed and the app was taken from the node
    with its data; ``failed``: it failed otherwise; ``unended``: nothing certain."""
    said: str
    """The text that decided, or FluxOS' own reason of the failure."""


def is_refusal(piece: Piece) -> bool:
    """Whether a node writes this instead of beginning: another operation runs. Up to 8.17 the body never ends then."""
    return piece.status == "warning" and piece.text.startswith(_BUSY)


def is_escalation(piece: Piece) -> bool:
    """Whether a soft redeploy became a hard one, which deletes the data."""
    return _ESCALATED in piece.text


def judge_redeploy(pieces: Iterable[Piece], *, ended: bool) -> Verdict:
    """What became of a redeploy. ``ended``: the body came to its end."""
    told = [piece for piece in pieces if piece.status != "pull"]
    launched = max((at for at, piece in enumerate(told) if piece.text.endswith(LAUNCHED)), default=None)
    after = told if launched is None else told[launched + 1 :]
    gone = any(_REMOVING in piece.text and piece.text.endswith("removal") for piece in after)
    if launched is not None and not gone:
        return Verdict("done", told[launched].text)
    return _judge(told, ended=ended, reason_needed=True)


def judge_removal(pieces: Iterable[Piece], *, ended: bool) -> Verdict:
    """What became of a removal; ``removed`` is its success."""
    return _judge([piece for piece in pieces if piece.status != "pull"], ended=ended, reason_needed=False)


def _judge(told: list[Piece], *, ended: bool, reason_needed: bool) -> Verdict:
    last = told[-1] if told else None
    refusal = next((piece for piece in told if is_refusal(piece)), None)
    if refusal is not None:
        return Verdict("busy", refusal.text)
    reason = _reason(told)
    if last is not None and ended:
        if last.text.startswith(_REMOVED) and not last.text.endswith(_PARTIALLY):
            return Verdict("removed", (reason or "FluxOS does not say why") if reason_needed else last.text)
        if last.status in ("error", "warning") and not is_escalation(last):
            # A refusal for a reason that a newer FluxOS has words for is a warning too.
            return Verdict("failed", reason or last.text)
    return Verdict("unended", reason or (last.text if last else "nothing"))


def _reason(told: list[Piece]) -> str:
    """The error that ended it: the last one before FluxOS gave up, or the last object of all. What fails before its
    removal or its installation is not told, and errors within a removal end nothing.
    """
    at = next((at for at, piece in enumerate(told) if piece.text.startswith(_GIVES_UP)), None)
    if at is None:
        return told[-1].text if told and told[-1].status == "error" else ""
    errors = [piece.text for piece in told[:at] if piece.status == "error"]
    return errors[-1] if errors else ""
