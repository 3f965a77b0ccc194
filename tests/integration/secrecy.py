# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds secrets where none may be: in what a run printed, in its files, and in the process list while it ran.

The simulator runs in the test's own process, so that every phrase it issued and every header it was sent is known, not
only those that are still in some file when the run has ended.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.integration.support import RunningPlaybook, Site
from tests.simulator import call, dispatch
from tests.simulator.auth import Credentials, Logins, claimed
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.tools.simulated_fleet import SimulatedFleet, write_files

#: Seconds between two looks at processes and files.
LOOK_EVERY = 0.02
#: Larger files hold logs of the simulator at most, and are read when the run has ended.
LARGEST = 2**20


def _inside_base64(secret: bytes) -> Iterator[bytes]:
    """What base64 makes of a secret in the middle of a longer text, for each place where it may begin."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret)
        yield encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


def spellings(secret: str) -> set[bytes]:
    """The ways in which a text may carry a secret: plain, in JSON (also twice), percent-encoded, in base64, in hex."""
    escaped = json.dumps(secret)[1:-1]
    texts = {
        secret,
        secret[::-1],
        escaped,
        json.dumps(escaped)[1:-1],
        secret.replace("/", "\\/"),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        quote(secret, safe="").lower(),
        secret.encode().hex(),
    }
    standard = set(_inside_base64(secret.encode()))
    for_urls = {text.translate(bytes.maketrans(b"+/", b"-_")) for text in standard}
    return {text.encode() for text in texts} | standard | for_urls


def found_in(content: bytes, secrets: Iterable[str]) -> list[str]:
    """Which secrets a content holds, each by its first four characters: a failed test is printed, too."""
    return sorted({f"{secret[:4]}..." for secret in secrets if any(way in content for way in spellings(secret))})


@dataclass
class Overheard:
    """Everything secret that passed between a run and the simulator."""

    people: list[Person] = field(default_factory=list)
    phrases: set[str] = field(default_factory=set)
    headers: list[Credentials] = field(default_factory=list)

    @property
    def signatures(self) -> set[str]:
        """Those that were sent, and those that the operator's key makes of every phrase that a node issued."""
        made = {person.sign(phrase) for person in self.people for phrase in self.phrases}
        return made | {each.signature for each in self.headers}

    @property
    def keys(self) -> set[str]:
        return {text for person in self.people for text in (person.wif, person.private_key.hex())}

    @property
    def secrets(self) -> set[str]:
        """All of them. A header is none of its own: it holds a phrase and a signature, each looked for by itself."""
        return self.keys | self.phrases | self.signatures | {each.login_phrase for each in self.headers}


@contextmanager
def overheard_site(
    folder: Path, scenario: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, *, time_factor: float = 60
) -> Iterator[tuple[Site, Overheard]]:
    """A fleet with a controller, as ``support.controller`` makes one, and somebody who listens."""
    fleet_folder = folder / "fleet"
    fleet_folder.mkdir(mode=0o700)
    with RunningSimulator(scenario, time_factor=time_factor, journal=fleet_folder / "journal.jsonl") as simulator:
        overheard = Overheard([simulator.operator])
        issue = Logins.issue

        def issue_and_note(logins: Logins, now_ms: float) -> str:
            phrase = issue(logins, now_ms)
            overheard.phrases.add(phrase)
            return phrase

        def claimed_and_noted(header: str | None) -> Credentials | None:
            credentials = claimed(header)
            if credentials:
                overheard.headers.append(credentials)
            return credentials

        monkeypatch.setattr(Logins, "issue", issue_and_note)
        monkeypatch.setattr(dispatch, "claimed", claimed_and_noted)
        monkeypatch.setattr(call, "claimed", claimed_and_noted)
        fleet = SimulatedFleet(fleet_folder, simulator.call(lambda running: running.state()))
        write_files(fleet)
        yield Site(fleet, folder), overheard


@dataclass(frozen=True)
class SeenFile:
    """A file at one moment of a run."""

    path: Path
    mode: int
    content: bytes
    closed_to_others: bool
    """Whether neither the file nor a folder on its way lets group or others in."""


class Watcher(threading.Thread):
    """Looks at the processes of a run and at the files below a folder for as long as the run lasts."""

    def __init__(self, running: RunningPlaybook) -> None:
        super().__init__(name="watcher", daemon=True)
        self._pid = running.process.pid
        self._folder = running.site.folder
        self._ended = threading.Event()
        self._versions: set[tuple[Path, int, int]] = set()
        self.files: list[SeenFile] = []
        self.command_lines: set[bytes] = set()
        self.environments: set[bytes] = set()

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._ended.set()
        self.join()
        self._look_at_files(LARGEST * 1024)

    def run(self) -> None:
        while not self._ended.is_set():
            self._look_at_processes()
            self._look_at_files(LARGEST)
            self._ended.wait(LOOK_EVERY)

    def _look_at_processes(self) -> None:
        for pid in descendants(self._pid):
            for name, seen in (("cmdline", self.command_lines), ("environ", self.environments)):
                try:
                    seen.add(Path(f"/proc/{pid}/{name}").read_bytes())
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    # It ended between the list and this look; while it ends, only root may still see its environment.
                    continue

    def _look_at_files(self, largest: int) -> None:
        for root, _unused, names in os.walk(self._folder):
            for name in names:
                path = Path(root, name)
                try:
                    state = path.lstat()
                    version = (path, state.st_mtime_ns, state.st_size)
                    if not stat.S_ISREG(state.st_mode) or version in self._versions or state.st_size > largest:
                        continue
                    content = path.read_bytes()
                    closed = is_closed_to_others(path, self._folder)
                except FileNotFoundError:
                    continue
                self._versions.add(version)
                self.files.append(SeenFile(path, stat.S_IMODE(state.st_mode), content, closed))

    def holding(self, secrets: Iterable[str]) -> list[SeenFile]:
        """The files that held a secret at some moment."""
        ways = {way for secret in secrets for way in spellings(secret)}
        return [each for each in self.files if any(way in each.content for way in ways)]


def is_closed_to_others(path: Path, folder: Path) -> bool:
    """Whether the file, or a folder between it and ``folder``, has no permission for anybody but its owner."""
    steps = [path, *(parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder)]
    return any(stat.S_IMODE(step.stat().st_mode) & 0o077 == 0 for step in steps)


def descendants(pid: int) -> list[int]:
    """A process and all below it, also those in sessions of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in brackets may hold anything; the parent's number is the second word after it.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found
