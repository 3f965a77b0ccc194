# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of backups on this side: proved to be whole while they come and before they go, never whole in memory."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PIECE = 2**20
_GZIP = 31


class BrokenArchive(ValueError):
    """The bytes are no whole gzip archive; the text says why."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What was found of one."""

    size: int
    unpacked: int
    """Bytes of the tar within it."""
    sha256: str


class ArchiveCheck:
    """Takes an archive piece by piece and says at the end what it is. Its checksums are gzip's own."""

    def __init__(self) -> None:
        self.size = 0
        self._unpacked = 0
        self._digest = hashlib.sha256()
        self._inflater = zlib.decompressobj(_GZIP)
        self._problem: str | None = None
        self._begun = False

    def feed(self, data: bytes) -> None:
        """The next bytes. What is broken stays so, and is said at the end."""
        self.size += len(data)
        self._digest.update(data)
        if self._problem is None:
            try:
                self._inflate(data)
            except zlib.error as error:
                self._problem = str(error).rpartition(": ")[2]

    def _inflate(self, data: bytes) -> None:
        while data:
            if self._inflater.eof:
                # Another member, or the zeros that tapes were filled with.
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._inflater = zlib.decompressobj(_GZIP)
            self._begun = True
            # Bounded: a few bytes may unpack to very many.
            self._unpacked += len(self._inflater.decompress(data, PIECE))
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            while not data and not self._inflater.eof:
                more = self._inflater.decompress(b"", PIECE)
                if not more:
                    break
                self._unpacked += len(more)

    def finish(self) -> Archive:
        """Raises BrokenArchive for what is none, or not whole."""
        if self._problem is None and not self._inflater.eof:
            self._problem = "it breaks off" if self._begun else "it is empty"
        if self._problem is not None:
            raise BrokenArchive(self._problem)
        return Archive(self.size, self._unpacked, self._digest.hexdigest())


def read_archive(path: Path) -> Archive:
    """Prove a file to be a whole gzip archive. Raises OSError, BrokenArchive."""
    check = ArchiveCheck()
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            check.feed(piece)
    return check.finish()


def read_backup(path: Path) -> Archive:
    """Prove a file to be an archive that FluxOS unpacks: a whole tar within, whose paths stay within it (FluxOS:
    IOUtils.js validateTarArchive). Raises OSError, BrokenArchive.
    """
    found = read_archive(path)
    try:
        with tarfile.open(path, "r|gz") as archive:
            while (member := archive.next()) is not None:
                if member.name.startswith("/") or posixpath.normpath(member.name).split("/")[0] == "..":
                    raise BrokenArchive(f"FluxOS refuses the path {member.name!r} in it")
                # Kept by the library under a name that its types do not tell, which is much for millions of files.
                vars(archive)["members"].clear()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BrokenArchive(f"there is no whole tar in it: {error}") from error
    return found


def free_space(folder: Path) -> int:
    """Bytes that a user may still write where a folder is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def receive(path: Path, fetch: Callable[[Callable[[bytes], None]], Archive], changed: float | None) -> Archive:
    """Let ``fetch`` write a file, which appears when it is whole, for its user alone, with the time ``changed``.

    Raises OSError, and what ``fetch`` raises; then nothing is left.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:

            def write(data: bytes) -> None:
                stream.write(data)

            archive = fetch(write)
            stream.flush()
            os.fsync(stream.fileno())
        if changed is not None:
            os.utime(temporary, (changed, changed))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return archive
