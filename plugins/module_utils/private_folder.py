# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of one user's own, for small files that several processes read and write: sessions, answers."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

_LOCK_POLL = 0.02


class FolderError(Exception):
    """The folder, or a lock in it, cannot be used; the text says why and what to do."""


def prepare_folder(folder: Path, *, noun: str, option: str) -> None:
    """Make the folder when it is missing, and refuse one that others can get at.

    ``noun`` is what it holds (``sessions``), ``option`` the setting that names it, both for messages. Raises
    FolderError.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        state = folder.stat()
    except OSError as error:
        raise FolderError(
            f"The folder of {noun} {folder} cannot be made: {error.strerror}. Set {option} to a folder of your own."
        ) from error
    if not stat.S_ISDIR(state.st_mode):
        raise FolderError(f"{folder}, which should be the folder of {noun}, is no folder.")
    if state.st_uid != os.geteuid():
        raise FolderError(
            f"The folder of {noun} {folder} belongs to another user (uid {state.st_uid}, you are {os.geteuid()}). Set "
            f"{option} to a folder of your own."
        )
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o077:
        raise FolderError(
            f"The permissions {mode:04o} of the folder of {noun} {folder} are too open: others could read or plant "
            f"{noun}. Run: chmod 700 {folder}"
        )


def read_private(path: Path, largest: int) -> bytes | None:
    """What a file of our own holds; ``None`` when it is a link, somebody else's, open to others or larger.

    Raises FileNotFoundError when it is absent.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        ours = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o077
        return file.read() if ours and state.st_size <= largest else None


@contextlib.contextmanager
def locked(path: Path, *, timeout: float, what: str) -> Iterator[None]:
    """Hold the lock of this name against other processes, and threads of this one. ``what`` is for messages.

    Raises FolderError after ``timeout`` seconds. The lock ends with its holder, also when that is killed.
    """
    descriptor = _acquire(path, time.monotonic() + timeout, what)
    try:
        yield
    finally:
        # Removed while held: who waits for the file sees that it is no longer the one in the folder (_acquire).
        remove(path)
        os.close(descriptor)


def file_name(readable: str, *parts: str) -> str:
    """A name for a file that tells what it is of, and is unlike that of anything else."""
    return f"{re.sub('[^0-9A-Za-z.]+', '_', readable)[:60]}-{'-'.join(digest(part) for part in (readable, *parts))}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def remove(path: Path) -> bool:
    """Remove a file; tell whether it was there."""
    try:
        path.unlink()
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return False
    return True


def _acquire(path: Path, deadline: float, what: str) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderError(f"The lock {path} cannot be opened: {error.strerror}.") from error
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise FolderError(
                            f"Another process holds the lock {path} for {what} and does not end. Look for a hanging "
                            "ansible process, end it, and run again."
                        ) from None
                    time.sleep(_LOCK_POLL)
            if _is_same_file(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_same_file(descriptor: int, path: Path) -> bool:
    held = os.fstat(descriptor)
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)
