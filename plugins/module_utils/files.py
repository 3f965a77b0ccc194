# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that survive a crash: private, whole or absent, never half written."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def private_directory(path: Path) -> Path:
    """Make a directory that only its user may enter. Directories that exist keep their mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_text(path: Path, text: str) -> None:
    """Replace a file by a new one in one step, readable by its user alone."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def as_json(content: Any) -> str:
    """As all our JSON files are: for programs, and for people with an editor."""
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def write_json(path: Path, content: Any) -> None:
    write_text(path, as_json(content))


def read_json(path: Path) -> Any:
    """The content of a JSON file, or nothing when it is absent or not JSON (a disk that was full, a foreign file)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def append_line(path: Path, content: Any) -> None:
    """Add one JSON line in a single write, so that lines of parallel workers never mix.

    Half a line that a crash has left is ended first: it would swallow this one.
    """
    line = (json.dumps(content, sort_keys=True) + "\n").encode()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, "only half of it could be written", str(path))
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> list[Any]:
    """The JSON lines of a file. What a crash has cut off is left out, wherever later lines went on behind it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    whole = (_whole_line(line) for line in text.split("\n")[:-1])
    return [content for content in whole if content is not None]


def _whole_line(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
