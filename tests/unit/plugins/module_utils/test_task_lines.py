# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of backups and restores: cut anywhere, judged by their texts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.task_lines import (
    LONGEST_LINE,
    TaskWatch,
    judge_task,
    lost_components,
    redeploys_others,
)

BACKUP = ["Stopping application...", "Creating backup archive for wéb...", "Starting application...", "Finalizing..."]
BODY = "".join(f"{line}\n\n" for line in BACKUP).encode()


@given(st.lists(st.integers(0, len(BODY)), max_size=8))
def test_lines_are_the_same_wherever_they_are_cut(cuts: list[int]) -> None:
    told: list[str] = []
    watch = TaskWatch(told.append)
    edges = sorted({0, len(BODY), *cuts})
    for start, end in pairwise(edges):
        assert watch.take(BODY[start:end])
    assert watch.lines == told == BACKUP


def test_who_does_not_wait_leaves_with_the_first_line_but_not_with_a_refusal() -> None:
    watch = TaskWatch(leave_when_begun=True)
    assert not watch.take(BODY[:30])
    assert watch.left
    for refusal in (b"Backup in progress...\n\n", b"Error: no\n\n"):
        watch.begin()
        assert watch.take(refusal)
        assert not watch.left


@pytest.mark.parametrize("body", [b'{"status":"error","data":{}}\n', b"<html>\n<body>x</body>\n"])
def test_what_is_no_line_of_a_task_is_left_to_others(body: bytes) -> None:
    watch = TaskWatch()
    watch.take(body.split(b"\n")[0] + b"\n")
    assert watch.lines == []


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    watch = TaskWatch()
    for _piece in range(10):
        watch.take(b"x" * LONGEST_LINE)
    watch.take(b"\n")
    assert [len(line) for line in watch.lines] == [LONGEST_LINE]


@pytest.mark.parametrize(
    ("lines", "ended", "outcome", "said"),
    [
        (BACKUP, True, "done", "Finalizing..."),
        (BACKUP, False, "done", "Finalizing..."),
        (BACKUP[:3], True, "failed", "Starting application..."),
        (BACKUP[:3], False, "unended", "Starting application..."),
        ([*BACKUP[:2], "Error: Failed to create, x"], True, "failed", "Failed to create, x"),
        ([*BACKUP[:2], "Error: Failed to create, x"], False, "failed", "Failed to create, x"),
        (["Backup in progress..."], True, "busy", "Backup in progress..."),
        (["Restore for app Tide is running..."], False, "busy", "Restore for app Tide is running..."),
        (["Cannot read properties of undefined"], True, "failed", "Cannot read properties of undefined"),
        (["No backup jobs..."], True, "failed", "No backup jobs..."),
        ([], False, "unended", "nothing"),
        ([], True, "failed", "an answer without a word"),
    ],
)
def test_verdicts(lines: list[str], ended: bool, outcome: str, said: str) -> None:
    verdict = judge_task(lines, ended=ended)
    assert (verdict.outcome, verdict.said) == (outcome, said)


def test_data_are_lost_between_their_removal_and_the_unpacking_of_others() -> None:
    lines = [
        "Removing web component data...",
        "Removing Cache component data...",
        "Unpacking backup archive for web...",
        "Removing backup file for web...",
        "Unpacking backup archive for cache...",
        "Removing backup file for cache...",
    ]
    lost = [lost_components(lines[:count]) for count in range(7)]
    assert lost == [[], ["web"], ["web", "Cache"], ["web", "Cache"], ["Cache"], ["Cache"], []]
    assert not redeploys_others(lines)
    assert redeploys_others([*lines, "Redeploying other instances..."])
