# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that survive a crash."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.files import (
    append_line,
    private_directory,
    read_json,
    read_lines,
    write_json,
    write_text,
)

#: As Ansible makes its workers.
FORK = multiprocessing.get_context("fork")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestWhole:
    @pytest.mark.parametrize(
        "write",
        [
            lambda path: write_text(path, "text"),
            lambda path: write_json(path, {}),
            lambda path: append_line(path, {}),
        ],
        ids=["write_text", "write_json", "append_line"],
    )
    def test_files_are_their_users_alone_whatever_the_umask(
        self, tmp_path: Path, write: Callable[[Path], None]
    ) -> None:
        before = os.umask(0)
        try:
            write(tmp_path / "file")
        finally:
            os.umask(before)
        assert mode(tmp_path / "file") == 0o600

    def test_directories_are_private_when_they_are_new(self, tmp_path: Path) -> None:
        (tmp_path / "old").mkdir(mode=0o755)
        assert mode(private_directory(tmp_path / "old" / "new")) == 0o700
        assert mode(private_directory(tmp_path / "old")) == 0o755

    def test_a_write_that_fails_leaves_the_old_file_and_no_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "plan.json"
        write_json(path, {"a": 1})

        def full(*_unused: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            write_json(path, {"a": 2})
        assert [one.name for one in tmp_path.iterdir()] == ["plan.json"]
        assert read_json(path) == {"a": 1}

    @pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"half"])
    def test_what_is_not_json_is_nothing(self, tmp_path: Path, content: bytes | None) -> None:
        if content is not None:
            (tmp_path / "file").write_bytes(content)
        assert read_json(tmp_path / "file") is None


class TestLines:
    def test_come_back_in_order(self, tmp_path: Path) -> None:
        path = tmp_path / "events.jsonl"
        lines = [{"n": 1}, {"text": "line one\nline two\u2028three"}, {"n": 3}]
        for line in lines:
            append_line(path, line)
        assert read_lines(path) == lines

    def test_no_file_has_no_lines(self, tmp_path: Path) -> None:
        assert read_lines(tmp_path / "none") == []

    @pytest.mark.parametrize("half", ['{"event": "resta', '{"a": "\\u00', "{", '{"a": 1}'])
    def test_half_a_line_is_left_out_and_the_next_one_is_not_lost(self, tmp_path: Path, half: str) -> None:
        """A run is killed while it writes, and started again with the same file."""
        path = tmp_path / "events.jsonl"
        append_line(path, {"n": 1})
        with path.open("a") as stream:
            stream.write(half)
        assert read_lines(path) == [{"n": 1}]
        append_line(path, {"n": 2})
        append_line(path, {"n": 3})
        assert [line for line in read_lines(path) if "n" in line] == [{"n": 1}, {"n": 2}, {"n": 3}]

    def test_a_line_cut_at_any_byte_costs_that_line_only(self, tmp_path: Path) -> None:
        path = tmp_path / "events.jsonl"
        line = (json.dumps({"node": "münchen", "n": 1}) + "\n").encode()
        for length in range(len(line)):
            path.write_bytes(line[:length])
            append_line(path, {"n": 2})
            assert read_lines(path)[-1] == {"n": 2}
            assert len(read_lines(path)) == (2 if length == len(line) - 1 else 1)

    def test_half_a_write_is_an_error_and_not_a_lost_event(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5]))
        with pytest.raises(OSError, match="only half of it"):
            append_line(tmp_path / "events.jsonl", {"n": 1})

    def test_lines_of_parallel_processes_never_mix(self, tmp_path: Path) -> None:
        path = tmp_path / "events.jsonl"

        def write(who: int) -> None:
            for n in range(200):
                append_line(path, {"who": who, "n": n, "pad": "x" * 2000})

        writers = [FORK.Process(target=write, args=(who,)) for who in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(120)
        assert [writer.exitcode for writer in writers] == [0, 0, 0]
        lines = read_lines(path)
        assert sorted((line["who"], line["n"]) for line in lines) == [(w, n) for w in range(3) for n in range(200)]
