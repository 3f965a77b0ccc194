# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions kept between tasks and runs, in files that only the user can read.

One file per node, Flux ID and kind of session, in a folder of mode 0700. Ansible runs every task in a process of its
own: without this each task would log in again. The files hold header values, which are as good as the login itself for
as long as they live; hence the modes, and hence the refusal of a folder that others can get at.

Safe for parallel workers: files appear whole (written aside and renamed), and who logs in holds a lock of the entry, so
that the others wait and then find the session instead of logging in as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ansible_collections.fluxme.fluxos.plugins.module_utils.private_folder import (
    FolderError,
    file_name,
    locked,
    prepare_folder,
    read_private,
    remove,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError

#: Seconds to wait for another worker's login to the same node.
LOCK_TIMEOUT = 120.0
_LARGEST_ENTRY = 64 * 1024
_SUFFIX = ".session"


class SessionCacheError(IdentityError):
    """The folder of sessions cannot be used; the text says why and what to do."""

    kind = "session_cache"


@dataclass(frozen=True, slots=True)
class Session:
    """What authenticates a Flux ID.

    node: address, "ip:port", or "*" for a self-issued phrase that suits all nodes with a right clock.
    kind: "stored" (a login on that node) or "self" (a self-issued phrase).
    privilege: what the node said at login: "admin", "fluxteam", "user"; "self" sessions have "user".
    created, expires: epoch seconds by the controller's clock, so that a node's wrong clock does not matter.
    """

    node: str
    flux_id: str
    kind: str
    header: str = field(repr=False)
    privilege: str
    created: float
    expires: float


class SessionCache:
    """The folder of sessions."""

    def __init__(self, folder: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        """Make the folder when it is missing. Raises SessionCacheError when it is not safe to use."""
        self.folder = Path(os.path.expanduser(folder))
        self._clock = clock
        self._prepare()

    def __repr__(self) -> str:
        return f"SessionCache({str(self.folder)!r})"

    def get(self, node: str, flux_id: str, kind: str) -> Session | None:
        """Return the session, or None when there is none that is still good. A spoilt entry is removed."""
        path = self._path(node, flux_id, kind)
        session = self._read(path)
        if session is None:
            return None
        if (session.node, session.flux_id, session.kind) != (node, flux_id, kind) or session.expires <= self._clock():
            remove(path)
            return None
        return session

    def put(self, session: Session) -> None:
        """Keep a session, in place of an older one."""
        path = self._path(session.node, session.flux_id, session.kind)
        aside = self.folder / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(asdict(session), file)
                os.replace(aside, path)
            except BaseException:
                remove(aside)
                raise
        except OSError as error:
            raise SessionCacheError(
                f"A session cannot be kept in {self.folder}: {error.strerror}. Make room there or set session_cache to "
                "another folder."
            ) from error

    def drop(self, node: str, flux_id: str | None = None, *, header: str | None = None) -> int:
        """Forget the sessions of a node (of one Flux ID, when given) and return how many there were.

        For after a restart, which ends every session of the node. With header only a session with just this header
        goes: another worker may have logged in again since.
        """
        dropped = 0
        for path in self.folder.glob(f"{file_name(node)}-*{_SUFFIX}"):
            session = self._read(path)
            if session is None or session.node != node or flux_id not in (None, session.flux_id):
                continue
            if header is None or header == session.header:
                dropped += remove(path)
        return dropped

    def sessions(self) -> list[Session]:
        """Return every session that is still good, ordered by node and Flux ID. Expired ones are removed."""
        now = self._clock()
        found = []
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            session = self._read(path)
            if session is None:
                continue
            if session.expires <= now:
                remove(path)
            else:
                found.append(session)
        return sorted(found, key=lambda session: (session.node, session.flux_id, session.kind))

    @contextlib.contextmanager
    def lock(self, node: str, flux_id: str, kind: str, *, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Hold an entry against other workers, threads of this process included.

        Raises SessionCacheError after timeout seconds. The lock ends with its holder, also when that is killed.
        """
        path = self._path(node, flux_id, kind).with_suffix(".lock")
        with contextlib.ExitStack() as held:
            # Only what goes wrong here is ours to name; the body's own errors pass.
            try:
                held.enter_context(locked(path, timeout=timeout, what=f"the login of {flux_id} to {node}"))
            except FolderError as error:
                raise SessionCacheError(str(error)) from error
            yield

    def _path(self, node: str, flux_id: str, kind: str) -> Path:
        return self.folder / f"{file_name(node, flux_id)}-{kind}{_SUFFIX}"

    def _prepare(self) -> None:
        try:
            prepare_folder(self.folder, noun="sessions", option="session_cache")
        except FolderError as error:
            raise SessionCacheError(str(error)) from error

    def _read(self, path: Path) -> Session | None:
        """Return what a file holds; remove it and return None when it is no entry of ours, whole and private."""
        try:
            data = read_private(path, _LARGEST_ENTRY)
        except FileNotFoundError:
            return None
        session = None if data is None else _session(data)
        if session is None:
            remove(path)
        return session


def _session(data: bytes) -> Session | None:
    """Return the session in a file's bytes, or None when a version of another time or a crash left something else."""
    try:
        values = json.loads(data)
        header = json.loads(values["header"])
        texts = [*(values[name] for name in ("node", "flux_id", "kind", "header", "privilege")), *header.values()]
        numbers = [float(values["created"]), float(values["expires"])]
        whole = set(values) == {each.name for each in fields(Session)} and set(header) == {
            "zelid",
            "signature",
            "loginPhrase",
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not whole or not all(isinstance(text, str) for text in texts) or values["flux_id"] != header["zelid"]:
        return None
    return Session(*texts[:5], *numbers)
