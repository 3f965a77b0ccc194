# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores answer with lines of text, each written after a step, and say nowhere how they ended.

FluxOS: advancedWorkflows.js appendBackupTask, appendRestoreTask. The last line of one that came to its end is
``Finalizing...``; what failed ends with a line of its own, in the words of an exception or of tar.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

LONGEST_LINE = 65536
"""Characters after which something is taken for no line."""

_LAST = "Finalizing..."
_ERROR = "Error: "
_BUSY = re.compile(r"Backup in progress\.\.\.|Restore for app .+ is running\.\.\.")
_DELETES = re.compile(r"Removing (?P<component>\S+) component data\.\.\.")
_RESTORED = re.compile(r"Removing backup file for (?P<component>\S+)\.\.\.")
_OTHERS = "Redeploying other instances..."

_Utf8 = codecs.getincrementaldecoder("utf-8")

Outcome = Literal["done", "busy", "failed", "unended"]


@dataclass(frozen=True, slots=True)
class TaskVerdict:
    """What the lines say of the operation."""

    outcome: Outcome
    """``done``; ``busy``: refused for now, nothing was done; ``failed``; ``unended``: nothing certain."""
    said: str
    """The line that decided."""


class TaskWatch:
    """Reads the lines while they come."""

    def __init__(self, tell: Callable[[str], None] = lambda line: None, *, leave_when_begun: bool = False) -> None:
        """``tell`` is called with every line. ``leave_when_begun``: read no further than to the first one."""
        self._tell = tell
        self._leave_when_begun = leave_when_begun
        self.begin()

    def begin(self) -> None:
        """Forget what an attempt gave that was refused."""
        self.lines: list[str] = []
        self.ended = False
        """The body came to its end."""
        self.left = False
        """It was not read to its end, because nothing more was wanted of it."""
        self._decoder = _Utf8("replace")
        self._text = ""

    def take(self, data: bytes) -> bool:
        """The next bytes, wherever they are cut; false when no more are wanted."""
        *whole, self._text = (self._text + self._decoder.decode(data)).split("\n")
        self._text = self._text[:LONGEST_LINE]
        for line in filter(None, map(str.strip, whole)):
            # An envelope or a page of something else is judged where answers are judged.
            if self.lines or line[0] not in "{<":
                self.lines.append(line)
                self._tell(line)
        if self._leave_when_begun and self.lines and judge_task(self.lines, ended=False).outcome == "unended":
            self.left = True
        return not self.left


def judge_task(lines: Sequence[str], *, ended: bool) -> TaskVerdict:
    """What became of a backup or restore. ``ended``: the body came to its end."""
    error = next((line for line in lines if line.startswith(_ERROR)), None)
    if error is not None:
        return TaskVerdict("failed", error.removeprefix(_ERROR))
    last = lines[-1] if lines else ""
    if _BUSY.fullmatch(last):
        return TaskVerdict("busy", last)
    if last == _LAST:
        # All steps come before it; after it FluxOS only waits.
        return TaskVerdict("done", last)
    if ended:
        return TaskVerdict("failed", last or "an answer without a word")
    return TaskVerdict("unended", last or "nothing")


def lost_components(lines: Sequence[str]) -> list[str]:
    """Components whose data a restore had deleted, and not unpacked others by the last line.

    FluxOS deletes the data of all of them first, and spells them in one line as they are, in the other in lower case.
    """
    deleted = [found["component"] for line in lines if (found := _DELETES.fullmatch(line))]
    restored = {found["component"].lower() for line in lines if (found := _RESTORED.fullmatch(line))}
    return [component for component in deleted if component.lower() not in restored]


def redeploys_others(lines: Sequence[str]) -> bool:
    """Whether a restore has told the other instances to begin anew."""
    return _OTHERS in lines
