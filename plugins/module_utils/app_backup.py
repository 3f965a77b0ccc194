# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task with backups of an app on one node: from its options to its result.

Properties:

- What would fail after FluxOS has deleted data is looked at before anything is sent: the archive is there, it is whole
  where it is ours to read, and there is room for it.
- A write is sent once. What came of one whose answer was lost is read back.
- A file appears on the controller when it is whole, proved by gzip's own checksum, or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_backup_run import LongTask, Report, is_synced
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import look_at_instance, when_allowed
from ansible_collections.fluxme.fluxos.plugins.module_utils.archive_store import ArchiveStore, Target
from ansible_collections.fluxme.fluxos.plugins.module_utils.archives import Archive, BrokenArchive, read_backup
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError, Result
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_files import Place, Stored
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Standing, parts_of, read_standing
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import epoch

T = TypeVar("T")

#: Which states each option is for.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "not_after": ("created",),
    "dest": ("created", "downloaded"),
    "src": ("uploaded", "restored"),
    "url": ("restored",),
}
_LARGEST_UPLOAD = 10 * 2**30


def manage_backups(call: Call) -> Result:
    """Bring the archives, or the data, of the components to what the task wants.

    Raises:
        CallError: with what was done by then.
    """
    _check_options(call.params)
    standing, version = look_at_instance(call)
    backups = Backups(call, standing, version)
    try:
        changed = backups.bring_about(call.params["state"])
        values = backups.values()
    except FluxOSError as error:
        report = backups.report
        raise CallError(
            str(error), error=error.as_dict(), changed=report.changed and not call.check_mode, **report.as_dict()
        ) from error
    return Result(changed=changed, values=values)


def _check_options(params: Mapping[str, Any]) -> None:
    """Raises UsageError or TimeError for what cannot work."""
    state = params["state"]
    for name, states in _OPTIONS.items():
        if params[name] is not None and state not in states:
            raise UsageError(f"{name} goes with state {' and '.join(states)}, not with {state}")
    if params["not_after"] is not None:
        epoch(params["not_after"])
    if params["dest"] is not None and not params["wait"]:
        raise UsageError("dest needs the archive, and with wait false it is not waited for: set wait to true")
    if params["url"] is not None:
        parts = urlsplit(params["url"])
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("url is not one that a node can fetch: https://HOST/PATH is expected")


class Backups:
    """The backups of one app on one node."""

    def __init__(self, call: Call, standing: Standing, version: str) -> None:
        """Raises UsageError for an app that has no backups, or components that it does not have."""
        self._call, self._standing, self._version = call, standing, version
        self.report = Report()
        parts = [part for name in call.params["component"] or [None] for part in parts_of(standing, name)]
        if any(part.component.name is None for part in parts):
            raise UsageError(
                f"{standing.address}: FluxOS makes backups of apps with components only, and the specification of "
                f"{standing.app} has none"
            )
        self._parts = list({part.identifier: part for part in parts}.values())
        self._store = ArchiveStore(call, standing, version, self.report)
        self._after = standing

    def bring_about(self, state: str) -> bool:
        """Whether it was a change, or in check mode would be one."""
        act: Mapping[str, Callable[[], bool]] = {
            "created": self._create,
            "downloaded": self._download,
            "uploaded": self._upload,
            "restored": self._restore,
            "listed": lambda: False,
            "absent": self._remove,
        }
        return act[state]()

    def values(self) -> dict[str, Any]:
        """For the result."""
        rows = []
        for part in self._parts:
            target = self._store.find(part)
            if target is None:
                self._call.warn(f"{self._standing.address}: no volume of {part.identifier} is mounted")
                continue
            for place in ("local", "upload"):
                stored = self._store.stored(target, place)
                rows += [] if stored is None else [self._store.row(target, place, stored)]
        return {
            "address": self._standing.address,
            "app": self._standing.app,
            "archives": rows,
            "instance": self._after.as_dict(),
            **self.report.as_dict(),
        }

    # -- the states -------------------------------------------------------------------------------------------------

    def _create(self) -> bool:
        targets = self._targets()
        before = {target.name: self._store.stored(target, "local") for target in targets}
        stale = [target for target in targets if not self._is_young(before[target.name])]
        for target in stale:
            self._check_room_for_backup(target, before[target.name])
        if stale and not self._call.check_mode:
            self._back_up(stale, before)
        changed = bool(stale)
        if self._call.params["dest"] is not None:
            young = [target for target in targets if not (self._call.check_mode and target in stale)]
            changed = self._fetch(young, "local") or changed
        return changed

    def _back_up(self, targets: Sequence[Target], before: Mapping[str, Stored | None]) -> None:
        names = [target.name for target in targets]

        def result() -> tuple[str, bool]:
            old = []
            for target in targets:
                now, was = self._store.stored(target, "local"), before[target.name]
                if now is None or now.size == 0 or (was is not None and now.created == was.created):
                    old.append(target.name)
            return (f"no new archive of {', '.join(old)}" if old else "the new archives are there"), not old

        self._long(
            f"back up {', '.join(names)} of {self._standing.app}",
            lambda task, operation: task.run(
                operation, lambda watch, left: self._store.files.backup(names, watch, left), result
            ),
        )

    def _download(self) -> bool:
        return self._fetch(self._targets(), self._call.params["place"])

    def _upload(self) -> bool:
        target, file, archive = self._source()
        self._store.check_room(target, archive.size, "upload the archive")
        if not self._call.check_mode:
            self._store.upload(target, file, archive)
        return True

    def _restore(self) -> bool:
        params = self._call.params
        place: Place = "upload" if params["src"] else "remote" if params["url"] else params["place"]
        others = self._others()
        sent: tuple[Target, Path, Archive] | None = None
        if params["src"]:
            sent = target, _file, archive = self._source()
            targets = [target]
            self._store.check_room(target, archive.size, "upload the archive")
            self._check_room_for_data(target, archive.size + archive.unpacked)
        else:
            targets = self._targets(one=params["url"] is not None)
            for target in targets:
                self._check_room_for_data(target, self._size_to_unpack(target, place))
        if self._call.check_mode:
            self.report.others = others
            return True
        if sent is not None:
            self._store.upload(*sent)
        names = [target.name for target in targets]

        def result() -> tuple[str, bool]:
            if place == "remote":
                return "what was fetched and unpacked leaves no trace", False
            left = [target.name for target in targets if self._store.stored(target, place) is not None]
            gone = "the archives are gone, as they are once they are unpacked"
            return (f"the archive of {', '.join(left)} is still there" if left else gone), not left

        self._long(
            f"restore {', '.join(names)} of {self._standing.app}",
            lambda task, operation: task.run(
                operation,
                lambda watch, limit: self._store.files.restore(names, place, params["url"] or "", watch, limit),
                result,
                deletes=True,
            ),
            others,
        )
        return True

    def _remove(self) -> bool:
        place: Place = self._call.params["place"]
        found = [target for target in self._targets() if self._store.stored(target, place) is not None]
        if not self._call.check_mode:
            for target in found:
                self._store.remove(target, place)
        return bool(found)

    # -- before it is sent ------------------------------------------------------------------------------------------

    def _targets(self, *, one: bool = False) -> list[Target]:
        if one and len(self._parts) != 1:
            names = ", ".join(part.label for part in self._parts)
            raise UsageError(f"component: src and url are one archive, so name one component of {names}")
        return [self._store.target(part) for part in self._parts]

    def _source(self) -> tuple[Target, Path, Archive]:
        """The file to upload, proved to be an archive: FluxOS deletes the data before it looks into one."""
        (target,) = self._targets(one=True)
        file = Path(self._call.params["src"])
        try:
            archive = read_backup(file)
        except OSError as error:
            raise UsageError(f"src: {file}: {error.strerror or error}") from error
        except BrokenArchive as broken:
            raise UsageError(f"src: {file} is no whole archive (tar.gz): {broken}") from broken
        if archive.size > _LARGEST_UPLOAD:
            raise UsageError(f"src: {file} has {archive.size} bytes, and FluxOS takes 10 GB at most")
        return target, file, archive

    def _size_to_unpack(self, target: Target, place: Place) -> int:
        """Bytes that the archive has at least once it is unpacked; proves that there is one."""
        if place == "remote":
            size = self._explained(lambda: self._store.files.remote_size(self._call.params["url"]))
            return 2 * size
        return self._store.existing(target, place).size

    def _others(self) -> list[str]:
        """Instances whose data a restore deletes. Raises UsageError unless that is accepted."""
        if not is_synced(self._standing):
            return []
        own, app = self._standing.address, self._standing.app
        others = sorted({row.address for row in self._call.client.app_locations(app)} - {own})
        if self._call.params["data_loss"] == "accepted":
            return others
        why = f"{app} is synced between its instances"
        if self._standing.spec is not None and not self._standing.spec.components:
            why = f"the specification of {app} is encrypted, so whether it is synced cannot be told; if it is"
        raise UsageError(
            f"{own}: {why}, FluxOS redeploys all other instances hard after the restore, in your name. Their data are "
            f"deleted and have to come anew from here: {', '.join(others) or 'none is known now'}. Set data_loss to "
            "accepted when that is wanted"
        )

    def _check_room_for_backup(self, target: Target, old: Stored | None) -> None:
        if not self._call.params["check_space"]:
            return
        needed = self._explained(lambda: self._store.files.data_size(target.name))
        if needed is not None:
            # An archive that is there is removed before the new one is made.
            self._store.check_room(target, needed, "make the archive", freed=old.size if old else 0)

    def _check_room_for_data(self, target: Target, needed: int) -> None:
        if not self._call.params["check_space"]:
            return
        freed = self._explained(lambda: self._store.files.data_size(target.name)) or 0
        self._store.check_room(target, needed, "unpack the archive", freed=freed)

    def _is_young(self, stored: Stored | None) -> bool:
        """Whether it was made after the given time, by the controller's clock or by the node's own: with a node whose
        clock is wrong there is then at worst one backup less, never a second stop of the app.
        """
        not_after = self._call.params["not_after"]
        if stored is None or not_after is None:
            return False
        ahead = 0.0 if stored.node_time is None else time.time() - stored.node_time
        return max(stored.created, stored.created + ahead) >= epoch(not_after)

    # -- doing it ---------------------------------------------------------------------------------------------------

    def _fetch(self, targets: Sequence[Target], place: Place) -> bool:
        wanted = [(target, self._store.existing(target, place)) for target in targets]
        changes = [self._store.download(target, place, stored) for target, stored in wanted]
        return any(changes)

    def _long(self, operation: str, run: Callable[[LongTask, str], None], others: Sequence[str] = ()) -> None:
        task = LongTask(self._call, self._standing, self._version, self.report, others=list(others))
        try:
            run(task, operation)
        finally:
            self._store.forget()
        self._after = read_standing(self._call.client, self._standing.app)

    def _explained(self, send: Callable[[], T]) -> T:
        return when_allowed(self._call, self._standing.app, self._version, send)
