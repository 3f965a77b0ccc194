# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers about the whole network, kept on disk for the tasks and runs that ask the same within ten minutes.

They are large, seconds old is as good as new (the stats service itself keeps them for ten minutes and more), and
Ansible runs every task in processes of its own. One file per question, in a folder that only the user can enter; what
is in it is public, but who could write there could tell the user's playbooks which nodes to work on.

Safe for parallel workers: files appear whole (written aside and renamed), and who asks holds a lock, so that the others
wait for the answer instead of asking too. What went wrong for the one counts for those who were waiting for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils import errors
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError, Misuse
from ansible_collections.fluxme.fluxos.plugins.module_utils.files import write_text
from ansible_collections.fluxme.fluxos.plugins.module_utils.private_folder import (
    FolderError,
    file_name,
    locked,
    prepare_folder,
    read_private,
    remove,
)

DEFAULT_FOLDER = "~/.ansible/fluxos/answers"
DEFAULT_LIFE = 600.0
"""Seconds for which an answer is taken without asking: the stats service cannot be fresher."""
LARGEST_ENTRY = 64 * 2**20
"""Bytes; larger answers are not kept."""
LARGEST_FOLDER = 256 * 2**20
"""Bytes; beyond, the oldest answers go."""
PATIENCE = 120.0
"""Seconds to wait for another worker that asks the same; then it is asked all the same."""

SCHEMA = 1
"""Of the files: raise it with every change of them, or of what the callers in this collection keep in them."""
_SUFFIX = ".answer"
_HALF_WRITTEN = 3600.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of whom: equal questions have one answer, whoever asks."""

    base: str
    """The service's base URL."""
    path: str
    names: tuple[str, ...] = ()
    """The projection, or other parts of the question that are in no order: sorted, each once."""

    @classmethod
    def of(cls, endpoint: Endpoint, path: str, names: Iterable[str] = ()) -> Question:
        base = endpoint.address if endpoint.explicit_url else endpoint.url("/").rstrip("/")
        return cls(base, path, tuple(sorted(set(names))))

    def __str__(self) -> str:
        """For messages."""
        return f"{self.base}{self.path}"

    def parts(self) -> list[Any]:
        return [self.base, self.path, list(self.names)]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, new or kept."""

    data: Any
    read_at: float
    """When the service gave it, epoch seconds by our clock."""
    age: float = 0.0
    """Seconds since."""
    asked: bool = False
    """Whether this call asked the service."""
    stale: bool = False
    """Older than wanted: the service did not answer."""
    warnings: tuple[str, ...] = ()
    """For the user."""


class AnswerCache:
    """The folder of answers. Where it cannot be used, every call asks, and the answer comes with a warning."""

    def __init__(
        self,
        folder: str | os.PathLike[str] = DEFAULT_FOLDER,
        *,
        life: float = DEFAULT_LIFE,
        largest: int = LARGEST_ENTRY,
        room: int = LARGEST_FOLDER,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``life`` in seconds (0 asks always), ``largest`` and ``room`` in bytes, ``patience`` in seconds."""
        self.folder = Path(os.path.expanduser(folder))
        self.life = life
        self._largest = largest
        self._room = room
        self._patience = patience
        self._clock = clock

    def fetch(self, question: Question, ask: Callable[[], Any], *, refresh: bool = False) -> Kept:
        """The answer to a question: a kept one that is young enough, or a new one.

        ``ask`` sends the request and returns plain values as JSON has them. ``refresh`` takes no answer that was there
        before this call. When ``ask`` fails and there is an older answer, that one is returned with a warning that
        tells its age and what went wrong.

        Raises:
            FluxOSError: what ``ask`` raised, where no older answer helps.
        """
        try:
            prepare_folder(self.folder, noun="answers", option="answer_cache")
        except FolderError as error:
            return self._uncached(ask, str(error))
        began = self._clock()
        if not refresh:
            kept = self._young(question)
            if kept is not None:
                return kept
        path = self._path(question)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(
                    locked(path.with_suffix(".lock"), timeout=self._patience, what=f"the answer to {question}")
                )
            except FolderError as error:
                return self._uncached(ask, str(error))
            return self._ask(question, ask, began, refresh=refresh)

    def forget(self) -> int:
        """Remove every answer, and return how many there were."""
        return sum(remove(path) for path in self._files())

    # -- asking -------------------------------------------------------------------------------------------------

    def _uncached(self, ask: Callable[[], Any], trouble: str) -> Kept:
        return Kept(ask(), self._clock(), asked=True, warnings=(f"Answers are not kept. {trouble}",))

    def _ask(self, question: Question, ask: Callable[[], Any], began: float, *, refresh: bool) -> Kept:
        """Ask, unless another worker did while this one waited for the lock."""
        kept = self._read(question)
        now = self._clock()
        if kept is not None and (began <= kept.read_at <= now or (not refresh and self._is_young(kept))):
            return kept
        path = self._path(question)
        failure = _noted_failure(path, began, now)
        if failure is None:
            try:
                data = ask()
            except Misuse:
                raise
            except FluxOSError as error:
                failure = error
                self._note_failure(path, error)
            else:
                return self._keep(question, data)
        if kept is None:
            raise failure
        text = f"The answer of {question} is {spoken_age(kept.age)} old, because there was no newer one. {failure}"
        return Kept(kept.data, kept.read_at, kept.age, stale=True, warnings=(text,))

    def _keep(self, question: Question, data: Any) -> Kept:
        new = Kept(data, self._clock(), asked=True)
        path = self._path(question)
        content = {"schema": SCHEMA, "question": question.parts(), "read_at": new.read_at, "data": data}
        text = json.dumps(content, separators=(",", ":"))
        remove(path.with_suffix(".failed"))
        # All of it is ASCII, so its length is that of the file.
        if len(text) > self._largest:
            remove(path)
            return new
        try:
            write_text(path, text)
        except OSError as error:
            trouble = f"The answer of {question} cannot be kept in {self.folder}: {error.strerror or error}."
            return Kept(data, new.read_at, asked=True, warnings=(trouble,))
        self._make_room(path)
        return new

    def _note_failure(self, path: Path, error: FluxOSError) -> None:
        note = {"at": self._clock(), "error": {**error.as_dict(), "class": type(error).__name__}}
        # Only those who wait right now need it: without the note they ask for themselves.
        with contextlib.suppress(OSError):
            write_text(path.with_suffix(".failed"), json.dumps(note))

    # -- files --------------------------------------------------------------------------------------------------

    def _path(self, question: Question) -> Path:
        name = file_name(str(question).partition("://")[2], json.dumps(question.parts()))
        return self.folder / f"{name}{_SUFFIX}"

    def _young(self, question: Question) -> Kept | None:
        kept = self._read(question)
        return kept if kept is not None and self._is_young(kept) else None

    def _is_young(self, kept: Kept) -> bool:
        # One from the future is by a clock that has been set back since: its age is not known.
        return self.life > 0 and 0 <= self._clock() - kept.read_at <= self.life

    def _read(self, question: Question) -> Kept | None:
        """What is kept, however old; ``None`` also for half a file, a foreign one or one of another version."""
        try:
            content = json.loads(read_private(self._path(question), self._largest) or b"")
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        if not isinstance(content, dict) or "data" not in content:
            return None
        read_at = content.get("read_at")
        ours = content.get("schema") == SCHEMA and content.get("question") == question.parts()
        if not ours or isinstance(read_at, bool) or not isinstance(read_at, (int, float)):
            return None
        return Kept(content["data"], float(read_at), age=max(0.0, self._clock() - read_at))

    def _make_room(self, newest: Path) -> None:
        """Remove the oldest answers beyond the bound; the one just written stays."""
        for path in self.folder.glob(f".*{_SUFFIX}.*"):
            # What a worker that was killed has left half written; a living one is done within seconds.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _HALF_WRITTEN:
                    remove(path)
        found = []
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                state = path.stat()
                found.append((path == newest, state.st_mtime, state.st_size, path))
        left = sum(size for _is_new, _time, size, _path in found)
        for _is_new, _time, size, path in sorted(found)[:-1]:
            if left <= self._room:
                return
            remove(path)
            left -= size

    def _files(self) -> Iterator[Path]:
        return self.folder.glob(f"*{_SUFFIX}")


def spoken_age(seconds: float) -> str:
    """``40 seconds``, ``12 minutes``, ``5 hours``, ``3 days``."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}s"
    return f"{int(seconds)} seconds"


def _noted_failure(path: Path, began: float, now: float) -> FluxOSError | None:
    """The failure of another worker that asked while this one waited, between these two times."""
    try:
        note = json.loads(read_private(path.with_suffix(".failed"), 64 * 1024) or b"")
        at, told = float(note["at"]), note["error"]
        kind = getattr(errors, str(told["class"]))
        if not began <= at <= now or not issubclass(kind, FluxOSError):
            return None
        failure: FluxOSError = kind(*(str(told[part]) for part in ("node", "operation", "said", "advice")))
        failure.code, failure.name = told["code"], told["name"]
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return failure
