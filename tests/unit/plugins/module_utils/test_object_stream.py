# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects without separators, and what the texts of long operations mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.object_stream import (
    LONGEST_OBJECT,
    ObjectStream,
    Piece,
    is_escalation,
    is_refusal,
    judge_redeploy,
    judge_removal,
)

LAUNCHED = Piece("success", "Flux App Tide successfully installed and launched")
REMOVED = Piece("success", "Removal step done. Result: Flux App Tide was successfuly removed")
PARTLY = Piece("success", "Removal step done. Result: Flux App Tide was partially removed")
GIVES_UP = Piece("error", "Error occured. Initiating Flux App Tide removal")
NO_IMAGE = Piece("error", "(HTTP code 409) conflict - image is in use ")
NO_ROOM = Piece("error", "Insufficient space on Flux Node to spawn an application")
STEP = Piece("progress", "Stopping Flux App Component web...")
BUSY = Piece("warning", "Another application is undergoing installation")
LATER = Piece("warning", "Something else keeps Flux App Tide from being redeployed")
ESCALATED = Piece("warning", "Component structure changed for v8 app. Escalating to hard redeploy for safety.")


class TestObjects:
    @pytest.mark.parametrize(
        ("value", "piece"),
        [
            ({"status": "Stopping..."}, Piece("progress", "Stopping...")),
            ({"status": "success", "data": "started."}, Piece("success", "started.")),
            ({"status": "error", "data": {"name": "Error", "message": "no"}}, Piece("error", "no")),
            ({"status": "warning", "data": {"message": {"a": 1}}}, Piece("warning", '{"a": 1}')),
            ({"status": "Downloading", "id": "ab12", "progressDetail": {"current": 1}}, Piece("pull", "Downloading")),
        ],
    )
    def test_are_progress_envelopes_and_pulls(self, value: dict[str, Any], piece: Piece) -> None:
        assert ObjectStream().feed(json.dumps(value).encode()) == [piece]

    @given(st.lists(st.text(max_size=12), max_size=6), st.integers(1, 9))
    def test_are_the_same_wherever_the_bytes_are_cut(self, texts: list[str], size: int) -> None:
        body = "".join(json.dumps({"status": text}, ensure_ascii=False) for text in texts).encode()
        stream = ObjectStream()
        for at in range(0, len(body), size):
            stream.feed(body[at : at + size])
        assert stream.pieces == [Piece("progress", text) for text in texts]

    @pytest.mark.parametrize(
        "noise", [b"<html>no</html>", b"\r\n\r\n", b"12,[", b'"text"', b"{'a': 1}", b"{}", b'{"a":1}']
    )
    def test_what_is_none_is_skipped(self, noise: bytes) -> None:
        assert ObjectStream().feed(noise + b'{"status":"Going on"}') == [Piece("progress", "Going on")]

    def test_one_without_an_end_is_given_up(self) -> None:
        stream = ObjectStream()
        stream.feed(b'{"status":"' + b"a" * (LONGEST_OBJECT + 1))
        assert stream.feed(b'{"status":"Going on"}') == [Piece("progress", "Going on")]


@pytest.mark.parametrize(
    ("pieces", "ended", "outcome", "said"),
    [
        ([STEP, PARTLY, STEP, LAUNCHED], True, "done", LAUNCHED.text),
        ([STEP, LAUNCHED], False, "done", LAUNCHED.text),
        ([NO_IMAGE, LAUNCHED, STEP], True, "done", LAUNCHED.text),
        ([STEP, NO_ROOM, GIVES_UP, STEP, NO_IMAGE, REMOVED], True, "removed", NO_ROOM.text),
        ([LAUNCHED, GIVES_UP, REMOVED], True, "removed", "FluxOS does not say why"),
        ([STEP, NO_IMAGE, REMOVED], True, "removed", "FluxOS does not say why"),
        ([STEP, REMOVED], False, "unended", REMOVED.text),
        ([STEP, PARTLY], True, "unended", PARTLY.text),
        ([STEP, NO_ROOM], True, "failed", NO_ROOM.text),
        ([BUSY], False, "busy", BUSY.text),
        ([ESCALATED, STEP], False, "unended", STEP.text),
        ([LATER], True, "failed", LATER.text),
        ([ESCALATED], True, "unended", ESCALATED.text),
        ([STEP, LATER], False, "unended", LATER.text),
        ([], True, "unended", "nothing"),
        ([Piece("pull", "Downloading"), NO_ROOM], True, "failed", NO_ROOM.text),
    ],
)
def test_verdicts_of_a_redeploy(pieces: list[Piece], ended: bool, outcome: str, said: str) -> None:
    verdict = judge_redeploy(pieces, ended=ended)
    assert (verdict.outcome, verdict.said) == (outcome, said)


@pytest.mark.parametrize(
    ("pieces", "ended", "outcome"),
    [
        ([STEP, NO_IMAGE, REMOVED], True, "removed"),
        ([STEP, NO_IMAGE], True, "failed"),
        ([STEP], False, "unended"),
        ([Piece("warning", "Another application is undergoing removal. Removal not possible.")], True, "busy"),
    ],
)
def test_verdicts_of_a_removal(pieces: list[Piece], ended: bool, outcome: str) -> None:
    assert judge_removal(pieces, ended=ended).outcome == outcome


def test_warnings_are_not_all_the_same() -> None:
    assert [is_refusal(piece) for piece in (BUSY, ESCALATED, Piece("error", BUSY.text))] == [True, False, False]
    assert [is_escalation(piece) for piece in (BUSY, ESCALATED)] == [False, True]
