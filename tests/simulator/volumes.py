# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data volume of a component: a small tree of files in memory (FluxOS: fileSystemManager.js, pathSecurity.js)."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.jsvalues import iso

MARKER = "appdata/marker"
ALLOWED = re.compile(r"[A-Za-z0-9_\-. @#+=()\[\]{}]+")
GIB = 10**9


class PathRefused(Exception):
    """A path that pathSecurity.js does not take; the text is FluxOS'."""


class FileMissing(Exception):
    """ENOENT; the text is Node's."""


def checked(path: str) -> str:
    """A path of a request. Raises PathRefused."""
    if "\\" in path:
        raise PathRefused("Invalid path: backslashes are not allowed")
    if path.startswith("/"):
        raise PathRefused("Invalid path: absolute paths not allowed")
    parts = path.rstrip("/").split("/") if path else []
    for part in parts:
        if part == "..":
            raise PathRefused("Invalid path: directory traversal not allowed")
        if part == "":
            raise PathRefused("Invalid path: empty path component (double slash)")
        if not ALLOWED.fullmatch(part):
            raise PathRefused(f'Invalid path: component "{part}" contains disallowed characters')
    return posixpath.normpath("/".join(parts)) if parts else ""


def packed(files: Mapping[str, bytes], now: float) -> bytes:
    """A tar.gz of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime = len(files[path]), int(now)
            archive.addfile(entry, io.BytesIO(files[path]))
    return buffer.getvalue()


def archived(content: bytes) -> list[str]:
    """The names in a tar.gz. Raises tarfile.TarError, OSError, EOFError."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return archive.getnames()


@dataclass
class Volume:
    """Paths are relative to the volume's root, which holds ``appdata``, ``backup`` and ``.stfolder``."""

    name: str
    apps_folder: str
    size: int
    created: float
    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"appdata"})
    changed: dict[str, float] = field(default_factory=dict)

    @property
    def mount(self) -> str:
        """The absolute path on the node."""
        return f"{self.apps_folder}{self.name}"

    @property
    def used(self) -> int:
        """Bytes of its files."""
        return sum(len(content) for content in self.files.values())

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return path in ("", ".") or path in self.files or path in self.folders

    def write(self, path: str, content: bytes, now: float) -> None:
        """Write a file and the folders above it."""
        parent = posixpath.dirname(path)
        while parent:
            self.folders.add(parent)
            parent = posixpath.dirname(parent)
        self.files[path] = content
        self.changed[path] = now

    def remove(self, path: str) -> bool:
        """Remove a file or a folder with all in it; whether anything was there."""
        inside = f"{path}/"
        gone = [name for name in self.files if name == path or name.startswith(inside)]
        for name in gone:
            del self.files[name]
        folders = {name for name in self.folders if name == path or name.startswith(inside)}
        self.folders -= folders
        return bool(gone or folders)

    def rename(self, old: str, new: str) -> None:
        """Rename within the folder."""
        inside = f"{old}/"
        for name in [name for name in self.files if name == old or name.startswith(inside)]:
            self.files[new + name[len(old) :]] = self.files.pop(name)
        for name in [name for name in self.folders if name == old or name.startswith(inside)]:
            self.folders.discard(name)
            self.folders.add(new + name[len(old) :])

    def rows(self, folder: str) -> list[dict[str, Any]]:
        """``/apps/getfolderinfo``. Raises FileMissing."""
        if not self.exists(folder):
            full = f"{self.mount}/{folder}"
            raise FileMissing(f"ENOENT: no such file or directory, scandir '{full}'")
        start = f"{folder}/" if folder not in ("", ".") else ""
        names = sorted(
            {
                path[len(start) :].split("/")[0]
                for path in (*self.files, *self.folders)
                if path.startswith(start) and path != start
            }
        )
        return [self._row(start + name, name) for name in names if name]

    def _row(self, path: str, name: str) -> dict[str, Any]:
        is_file = path in self.files
        inside = [len(content) for each, content in self.files.items() if each == path or each.startswith(f"{path}/")]
        stamp = iso(self.changed.get(path, self.created) * 1000)
        return {
            "name": name,
            "size": sum(inside),
            "isDirectory": not is_file,
            "isFile": is_file,
            "isSymbolicLink": False,
            "createdAt": stamp,
            "modifiedAt": stamp,
        }

    # -- archives ---------------------------------------------------------------------------------------------------

    def pack(self, now: float) -> bytes:
        """A tar.gz of ``appdata``."""
        inside = {path[len("appdata/") :]: self.files[path] for path in self.files if path.startswith("appdata/")}
        return packed(inside, now)

    def unpack(self, content: bytes, now: float) -> None:
        """Put the files of an archive into ``appdata``. Raises tarfile.TarError, OSError, EOFError."""
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for entry in archive.getmembers():
                source = archive.extractfile(entry) if entry.isfile() else None
                if source is not None:
                    self.write(posixpath.normpath(f"appdata/{entry.name.lstrip('./')}"), source.read(), now)
