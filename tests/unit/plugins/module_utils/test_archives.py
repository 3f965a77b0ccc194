# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives on this side, and bodies of which only a piece is in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.archives import (
    PIECE,
    Archive,
    ArchiveCheck,
    BrokenArchive,
    free_space,
    read_archive,
    read_backup,
    receive,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT
from ansible_collections.fluxme.fluxos.plugins.module_utils.repeats import Repeats
from ansible_collections.fluxme.fluxos.plugins.module_utils.transfers import FormFile

CONTENT = random.Random(1).randbytes(50_000)
WHOLE = gzip.compress(CONTENT)


def check(*pieces: bytes) -> Archive:
    found = ArchiveCheck()
    for piece in pieces:
        found.feed(piece)
    return found.finish()


@given(st.integers(0, len(WHOLE)))
def test_a_whole_archive_wherever_it_is_cut(at: int) -> None:
    assert check(WHOLE[:at], WHOLE[at:]) == Archive(len(WHOLE), len(CONTENT), hashlib.sha256(WHOLE).hexdigest())


@pytest.mark.parametrize("tail", [WHOLE, bytes(1000), WHOLE + bytes(10)])
def test_more_members_and_padding_belong_to_it(tail: bytes) -> None:
    assert check(WHOLE, tail).unpacked == len(CONTENT) * (1 + tail.count(WHOLE))
    assert check(WHOLE + tail).unpacked == len(CONTENT) * (1 + tail.count(WHOLE))


@given(st.integers(1, len(WHOLE) - 1))
def test_half_of_one_is_none(at: int) -> None:
    with pytest.raises(BrokenArchive, match="breaks off"):
        check(WHOLE[:at])


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "empty"), (b"no archive at all", "header"), (WHOLE[:-6] + b"xx" + WHOLE[-4:], "check"), (WHOLE + b"x", ".")],
)
def test_what_is_broken(content: bytes, why: str) -> None:
    with pytest.raises(BrokenArchive, match=why):
        check(content)


class TestABackup:
    @staticmethod
    def tar(*names: str) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size = 5000
                archive.addfile(entry, io.BytesIO(CONTENT[:5000]))
        return buffer.getvalue()

    def test_holds_a_tar_whose_paths_stay_within_it(self, tmp_path: Path) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(self.tar(".", "./data/a", "b/../c", "..c"))
        assert read_backup(path).size == path.stat().st_size

    @pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
    def test_with_another_path_is_none(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(self.tar("a", name))
        with pytest.raises(BrokenArchive, match="refuses the path"):
            read_backup(path)

    @pytest.mark.parametrize("at", [0, 700, 3000])
    def test_without_a_whole_tar_is_none(self, tmp_path: Path, at: int) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(gzip.compress(gzip.decompress(self.tar("a", "b"))[:at] if at else CONTENT))
        with pytest.raises(BrokenArchive, match="no whole tar"):
            read_backup(path)


def test_what_unpacks_to_very_much_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.tar.gz"
    with gzip.open(path, "wb") as stream:
        for _piece in range(200):
            stream.write(bytes(PIECE))
    tracemalloc.start()
    try:
        assert read_archive(path).unpacked == 200 * PIECE
        assert tracemalloc.get_traced_memory()[1] < 8 * PIECE
    finally:
        tracemalloc.stop()


def test_room_is_that_of_the_nearest_folder_that_is_there(tmp_path: Path) -> None:
    # Others write to the same disk meanwhile.
    assert abs(free_space(tmp_path / "a" / "b") - free_space(tmp_path)) < 2**30
    assert free_space(tmp_path) > 0


class TestReceive:
    def test_a_file_that_is_whole_private_and_of_its_time(self, tmp_path: Path) -> None:
        path = tmp_path / "web.tar.gz"

        def fetch(write: Callable[[bytes], None]) -> Archive:
            write(WHOLE)
            assert not path.exists(), "it appears when it is whole"
            return check(WHOLE)

        assert receive(path, fetch, 1000.5).size == len(WHOLE)
        assert path.read_bytes() == WHOLE
        assert (path.stat().st_mode & 0o777, path.stat().st_mtime) == (0o600, 1000.5)

    @pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
    def test_nothing_when_it_fails(self, tmp_path: Path, error: BaseException) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(b"before")

        def fetch(write: Callable[[bytes], None]) -> Archive:
            write(WHOLE[:100])
            raise error

        with pytest.raises(type(error)):
            receive(path, fetch, None)
        assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"before"]


class TestFormFile:
    @pytest.fixture(autouse=True)
    def _time(self) -> None:
        ATTEMPT.begin(deadline=float("inf"), timeout=1, limit=0, repeats=Repeats.of(0))

    def test_is_a_form_of_the_told_length(self, tmp_path: Path) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(WHOLE)
        with closing(FormFile(path, "backup_web.tar.gz")) as form:
            body = b"".join(form)
        boundary = form.content_type.partition("boundary=")[2].encode()
        assert len(body) == len(form)
        head, content, tail = body.partition(WHOLE)
        assert content == WHOLE
        assert head.startswith(b"--" + boundary + b"\r\n")
        assert b'name="backup_web.tar.gz"' in head
        assert tail == b"\r\n--" + boundary + b"--\r\n"

    def test_of_a_file_that_becomes_shorter_ends_with_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(WHOLE)
        with closing(FormFile(path, "web")) as form:
            os.truncate(path, 10)
            with pytest.raises(OSError, match="shorter"):
                b"".join(form)
        assert form.problem is not None

    def test_ends_with_the_time_of_the_request(self, tmp_path: Path) -> None:
        path = tmp_path / "web.tar.gz"
        path.write_bytes(WHOLE)
        with closing(FormFile(path, "web")) as form:
            form.read(10)
            ATTEMPT.begin(deadline=0.0, timeout=1, limit=0, repeats=Repeats.of(0))
            with pytest.raises(TimeoutError):
                form.read(10)
        assert form.problem is None
