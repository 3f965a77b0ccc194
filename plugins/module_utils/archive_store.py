# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archives of an app's backups on a node, and their way to the controller and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_backup_run import LAST_LOOKS, Report
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import when_allowed
from ansible_collections.fluxme.fluxos.plugins.module_utils.archives import (
    Archive,
    ArchiveCheck,
    BrokenArchive,
    free_space,
    read_archive,
    receive,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_files import (
    AppFiles,
    Place,
    Stored,
    Volume,
    archive_name,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import AnswerLost, BadAnswer, FluxOSError, Refused
from ansible_collections.fluxme.fluxos.plugins.module_utils.files import private_directory
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import when_ready
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """A component with its volume."""

    part: Part
    name: str
    volume: Volume


class ArchiveStore:
    """What lies in the volumes of one app on one node."""

    def __init__(self, call: Call, standing: Standing, version: str, report: Report) -> None:
        self._call, self._standing, self._version = call, standing, version
        self._report = report
        self.files = AppFiles(call.client, standing.app)
        self._volumes: dict[str, Volume | None] = {}

    # -- what is there ----------------------------------------------------------------------------------------------

    def find(self, part: Part) -> Target | None:
        """A component with its volume, or nothing when none is mounted."""
        name = part.component.name or "null"
        if name not in self._volumes:
            self._volumes[name] = self._explained(lambda: self.files.volume(name))
        volume = self._volumes[name]
        return None if volume is None else Target(part, name, volume)

    def target(self, part: Part) -> Target:
        """The same, and Refused when no volume is mounted."""
        found = self.find(part)
        if found is None:
            raise Refused(
                self._standing.address,
                f"find the volume of {part.identifier}",
                "none is mounted",
                "FluxOS tries to mount a missing one every 30 s; look at the node's disk",
            )
        return found

    def forget(self) -> None:
        """What was read of volumes is old now."""
        self._volumes.clear()

    def stored(self, target: Target, place: Place) -> Stored | None:
        """The archive of a component, or nothing."""
        return self._explained(lambda: self.files.stored(target.name, target.volume, place))

    def existing(self, target: Target, place: Place) -> Stored:
        """The archive of a component. Raises Refused when there is none, or an empty one."""
        found = self.stored(target, place)
        if found is None or found.size == 0:
            raise Refused(
                self._standing.address,
                f"find the archive of {target.part.identifier}",
                f"there is none in backup/{place} of its volume" if found is None else "it is empty",
                "Make one with state created; a node deletes those in backup/local after 24 h, and each one that it "
                "has restored",
            )
        return found

    def row(self, target: Target, place: Place, stored: Stored) -> dict[str, Any]:
        """For results."""
        made = datetime.fromtimestamp(stored.created, timezone.utc)
        return {
            "component": target.name,
            "identifier": target.part.identifier,
            "place": place,
            "name": stored.name,
            "size": stored.size,
            "created": made.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }

    def check_room(self, target: Target, needed: int, purpose: str, *, freed: int = 0) -> None:
        """Raises Refused when the volume has not that many bytes; ``freed`` will be given back before."""
        available = target.volume.available + freed
        if self._call.params["check_space"] and needed > available:
            raise Refused(
                self._standing.address,
                f"{purpose} of {target.part.identifier}",
                f"its volume has {available} bytes for it, and {needed} may be needed, so nothing was sent",
                "Make room in the volume; or set check_space to false where you know that less is needed",
            )

    # -- to the controller ------------------------------------------------------------------------------------------

    def download(self, target: Target, place: Place, stored: Stored) -> bool:
        """Bring an archive to the folder of the task; whether it was not there yet."""
        slug = re.sub(r"[^A-Za-z0-9_-]", "-", f"{target.part.identifier}_{self._standing.address}")
        path = Path(self._call.params["dest"]) / f"{slug}.tar.gz"
        try:
            archive = _same(path, stored)
            changed = archive is None
            if archive is None and not self._call.check_mode:
                archive = self._received(target, place, stored, path)
        except OSError as error:
            raise self._local(path, error.strerror or str(error)) from error
        self._report.changed = self._report.changed or changed
        self._report.files.append(
            {
                "component": target.name,
                "path": str(path),
                "size": stored.size,
                "sha256": archive.sha256 if archive else None,
                "changed": changed,
            }
        )
        return changed

    def _received(self, target: Target, place: Place, stored: Stored, path: Path) -> Archive:
        free = free_space(path.parent)
        if self._call.params["check_space"] and free < stored.size:
            raise self._local(path, f"there are {free} bytes free, and {stored.size} are needed")
        private_directory(path.parent)
        left = self._call.params["retries"]
        while True:
            try:
                return receive(path, lambda write: self._content(target, place, stored, write), stored.created)
            except FluxOSError as error:
                if not error.transient or left == 0:
                    raise
                self._call.progress(f"{self._standing.address}: {error.operation}: {error.said}, and once more")
                left -= 1

    def _content(self, target: Target, place: Place, stored: Stored, write: Callable[[bytes], None]) -> Archive:
        check = ArchiveCheck()
        operation = f"download the archive of {target.part.identifier}"

        def take(data: bytes) -> None:
            check.feed(data)
            if check.size > stored.size:
                raise BadAnswer(
                    self._standing.address,
                    operation,
                    f"more than the {stored.size} bytes that the node lists for it",
                    "A backup may be at work; try again later",
                )
            write(data)

        limit = self._call.params["wait_timeout"]
        self._explained(lambda: self.files.download(target.name, target.volume, place, take, limit))
        if check.size != stored.size:
            raise BadAnswer(
                self._standing.address,
                operation,
                f"{check.size} bytes came of the {stored.size} that the node lists for it",
                "Nothing was kept; try again",
                incomplete=True,
                transient=True,
            )
        try:
            return check.finish()
        except BrokenArchive as broken:
            raise BadAnswer(
                self._standing.address,
                operation,
                f"the archive on the node is no whole tar.gz: {broken}",
                "Nothing was kept. Make a new one with state created, and do not restore this one",
            ) from broken

    def _local(self, path: Path, why: str) -> CallError:
        return CallError(f"dest: {path}: {why}", changed=self._report.changed, **self._report.as_dict())

    # -- to the node ------------------------------------------------------------------------------------------------

    def upload(self, target: Target, file: Path, archive: Archive) -> None:
        """Put an archive into the volume, and prove by its size there that it came."""
        operation = f"upload the archive of {target.part.identifier}"
        if self.stored(target, "upload") is not None:
            # So that what lies there afterwards is this one.
            self.remove(target, "upload")
        lost: FluxOSError | None = None
        limit = self._call.params["wait_timeout"]
        try:
            when_ready(
                self._call,
                operation,
                lambda: self._explained(lambda: self.files.upload(target.name, file, limit)),
            )
        except FluxOSError as error:
            if not error.maybe_done:
                raise
            lost = error
        self._prove_upload(target, operation, archive, lost)
        self._report.changed = True
        self._report.files.append(
            {
                "component": target.name,
                "path": str(file),
                "size": archive.size,
                "sha256": archive.sha256,
                "changed": True,
            }
        )

    def _prove_upload(self, target: Target, operation: str, archive: Archive, lost: FluxOSError | None) -> None:
        def look() -> Look[Stored]:
            now = self.stored(target, "upload")
            saw = "it is not there" if now is None else f"{now.size} of {archive.size} bytes are there"
            return Look(saw, now if now is not None and now.size == archive.size else None)

        waiter = Waiter(
            node=self._standing.address,
            operation=operation,
            timeout=min(LAST_LOOKS, self._call.params["wait_timeout"]),
            interval=self._call.params["wait_interval"],
            progress=self._call.progress,
            advice="",
            looks=3 if lost is None else None,
        )
        try:
            waiter.until(look)
        except WaitTimeout as late:
            told = f"{lost.said}; " if lost else ""
            raise AnswerLost(
                self._standing.address,
                operation,
                told + late.said,
                "Check the room in the volume (state listed) and try again; nothing was restored",
            ) from late

    def remove(self, target: Target, place: Place) -> None:
        """Remove an archive, and prove that it is gone."""
        operation = f"remove the archive of {target.part.identifier}"
        said = f"FluxOS says that it did not remove {archive_name(target.name)}"
        try:
            done = self._explained(lambda: self.files.remove(target.name, target.volume, place))
        except FluxOSError as error:
            if not error.maybe_done:
                raise
            done, said = False, error.said
        if not done and self.stored(target, place) is not None:
            raise Refused(
                self._standing.address, operation, f"{said}, and it is still there", "Try again; look at the node's log"
            )
        self._report.changed = True

    def _explained(self, send: Callable[[], T]) -> T:
        return when_allowed(self._call, self._standing.app, self._version, send)


def _same(path: Path, stored: Stored) -> Archive | None:
    """A file that was downloaded before: the same size, and the time that the archive was made."""
    if not path.is_file():
        return None
    found = path.stat()
    # A file system may keep less of a time than the millisecond that FluxOS tells.
    if found.st_size != stored.size or abs(found.st_mtime - stored.created) > 0.01:
        return None
    try:
        return read_archive(path)
    except BrokenArchive:
        return None
