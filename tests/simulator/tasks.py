# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore of an app's volumes (FluxOS: advancedWorkflows.js appendBackupTask, appendRestoreTask).

Their answers are lines of plain text; how one ended is told by its last line only.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.simulator.appinfo import AppInfo, container_name
from tests.simulator.operations import Script
from tests.simulator.volumes import Volume, archived

if TYPE_CHECKING:
    from tests.simulator.node import Node

LIFE = 86400.0
CRASH_PASS = 5.0
REMOVAL_PAUSE = 2.0


def line(text: str) -> bytes:
    """A line is followed by an empty one."""
    return f"{text}\n\n".encode()


def text_only(text: str) -> Script:
    """A refusal."""
    yield line(text)


def _said(node: Node, text: str) -> Script:
    yield node.timings.task_step
    yield line(text)


def _stop_all(node: Node, app: AppInfo) -> Script:
    if app.is_synced():
        yield from _said(node, f"Stopping syncthing for {app.name}")
    yield from _said(node, "Stopping application...")
    for container in reversed(node.apps.of(app.name)):
        node.apps.stop(container, "backup or restore")
    yield node.timings.task_pause


def _start_all(node: Node, app: AppInfo) -> Script:
    yield node.timings.task_pause
    yield from _said(node, "Starting application...")
    for container in node.apps.of(app.name):
        if container.flag != "g" and not container.held_down:
            node.apps.start(container)


def _volume(node: Node, app: AppInfo, component: str) -> Volume:
    volume = node.apps.volumes.get(container_name(f"{component}_{app.name}"))
    if volume is None:
        raise LookupError("Cannot read properties of undefined (reading 'mount')")
    return volume


def backup(node: Node, app: AppInfo, components: list[str]) -> Script:
    """Archives of the chosen components, made while the whole app is stopped."""
    node.operations.backups.add(app.name)
    failing = node.faults.use("backup_fails", app.name)
    failed = False
    try:
        yield from _stop_all(node, app)
        for component in components:
            volume = _volume(node, app, component)
            small = component.lower()
            path = f"backup/local/backup_{small}.tar.gz"
            if path in volume.files:
                volume.remove(path)
                yield from _said(node, f"Removing exists backup archive for {small}...")
            yield from _said(node, f"Creating backup archive for {small}...")
            if failing is not None or node.faults.condition("no_space"):
                reason = "tar: write error: No space left on device"
                if failing is not None:
                    reason = str(failing.options.get("message", reason))
                failed = True
                yield line(f"Error: Failed to create backup archive for {small}, {reason}")
                return
            now = node.world.clock.now()
            volume.write(path, volume.pack(now), now)
            node.world.timeline.after(LIFE, _expiry(volume, path, now))
            node.say("backup_created", why=f"{volume.name}: {path}", apps=[app.name])
        yield from _start_all(node, app)
        yield from _said(node, "Finalizing...")
        yield node.timings.task_pause
    except LookupError as problem:
        failed = True
        yield line(str(problem.args[0]))
    finally:
        node.operations.backups.discard(app.name)
        if failed:
            # The task does not start the app again: the reconciler finds its containers stopped without a lock.
            node.world.timeline.after(CRASH_PASS, lambda: node.apps.reconcile(app.name))


def _expiry(volume: Volume, path: str, made: float) -> Callable[[], None]:
    def expire() -> None:
        if volume.changed.get(path) == made:
            volume.remove(path)

    return expire


def restore(
    node: Node, app: AppInfo, kind: str, jobs: list[Mapping[str, Any]], redeploy_others: Callable[[], None]
) -> Script:
    """The data of all chosen components are deleted first, then archives fetched, then unpacked one by one.

    In the end a synced app is redeployed hard everywhere.
    """
    node.operations.restores.add(app.name)
    failing = node.faults.use("restore_fails", app.name)
    failed = False
    try:
        yield from _stop_all(node, app)
        components = [str(job["component"]) for job in jobs]
        for component in components:
            volume = _volume(node, app, component)
            yield from _said(node, f"Removing {component} component data...")
            yield REMOVAL_PAUSE
            volume.remove("appdata")
            volume.folders.add("appdata")
            node.say("data_deleted", why=f"{volume.name}: restore", apps=[app.name])
        for job in jobs if kind == "remote" else []:
            if job.get("url") == "":
                continue
            yield from _said(node, f"Downloading {job.get('url')}...")
            content = node.world.remote.get(str(job.get("url")))
            if content is None or (failing is not None and failing.options.get("phase") == "download"):
                failed = True
                yield line(f"Error: Failed to download {job.get('url')}...")
                return
            component = str(job["component"])
            path = f"backup/remote/backup_{component.lower()}.tar.gz"
            _volume(node, app, component).write(path, content, node.world.clock.now())
        for component in components:
            small = component.lower()
            volume = _volume(node, app, component)
            path = f"backup/{kind}/backup_{small}.tar.gz"
            yield from _said(node, f"Unpacking backup archive for {small}...")
            problem = _unpack(volume, path, node.world.clock.now())
            if failing is not None:
                problem = str(failing.options.get("message", "gzip: stdin: unexpected end of file"))
            if problem:
                failed = True
                yield line(f"Error: Failed to unpack archive file for {small}, {problem}")
                return
            node.say("restored", why=f"{volume.name}: {path}", apps=[app.name])
            yield from _said(node, f"Removing backup file for {small}...")
            volume.remove(path)
        yield from _start_all(node, app)
        if app.is_synced():
            yield from _said(node, "Redeploying other instances...")
            redeploy_others()
            yield 60.0
        yield from _said(node, "Finalizing...")
        yield node.timings.task_pause
    except LookupError as problem:
        failed = True
        yield line(str(problem.args[0]))
    finally:
        node.operations.restores.discard(app.name)
        if failed:
            node.world.timeline.after(CRASH_PASS, lambda: node.apps.reconcile(app.name))


def _unpack(volume: Volume, path: str, now: float) -> str | None:
    content = volume.files.get(path)
    if content is None:
        return f"tar (child): {volume.mount}/{path}: Cannot open: No such file or directory"
    try:
        names = archived(content)
        if any(name.startswith("/") for name in names):
            return f"Archive contains absolute path: {next(name for name in names if name.startswith('/'))}"
        for name in names:
            if posixpath.normpath(name).split("/")[0] == "..":
                return f"Archive member would escape extraction directory: {name}"
        volume.unpack(content, now)
    except (tarfile.TarError, OSError, EOFError) as broken:
        return f"gzip: stdin: {broken}"
    return None
