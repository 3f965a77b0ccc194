# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the volume of a component (FluxOS: fileQueryService.js, fileSystemManager.js, IOUtils.js).

Here ``appname`` is the app and ``component`` a parameter of its own (``null`` as text for an app without components).
Paths are relative to the root of the volume; the container's files are under ``appdata``.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable

from tests.simulator.appinfo import container_name
from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data, drop, error, streamed, stringify, success, unauthorized, unavailable
from tests.simulator.operations import Script
from tests.simulator.routes.owner import OWNER_VERBS, authorized, is_old, named
from tests.simulator.routing import Registry
from tests.simulator.volumes import FileMissing, PathRefused, Volume, checked

ROUTES = Registry()
NO_VOLUME = "Application volume not found"
Act = Callable[[Call, Volume], Reply]
PART_BYTES = 65536


def volume_of(call: Call, app: str, component: str) -> Volume | None:
    """The mounted volume of a component; names are exact."""
    identifier = app if component == "null" else f"{component}_{app}"
    return call.node.apps.volumes.get(container_name(identifier))


def raw(call: Call, reply: Reply) -> Reply:
    """Downloads write their errors as a body without type and length."""

    def script() -> Script:
        yield reply.body

    return streamed(call.node.operations.begin(script()), None, outcome=reply.outcome)


def attachment(content: bytes, name: str, content_type: str = "application/octet-stream") -> Reply:
    """express' ``res.download``."""
    headers = (
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "public, max-age=0"),
    )
    return Reply(content, content_type=content_type, headers=headers, etag=True)


def _guarded(call: Call, mandatory: str, names: tuple[str, ...], act: Act) -> Reply:
    app, component = named(call), named(call, "component")
    if not app or not component or not all(named(call, name) for name in names):
        return error(mandatory)
    if not authorized(call, app):
        return unauthorized()
    volume = volume_of(call, app, component)
    if volume is None:
        return error(NO_VOLUME)
    try:
        return act(call, volume)
    except PathRefused as refused:
        return error(str(refused))
    except FileMissing as missing:
        return error(str(missing), code="ENOENT")


def _drop(volume: Volume, path: str) -> None:
    """Remove what is there; the root of a volume stays."""
    if path:
        volume.remove(path)


def _write_is_refused(call: Call) -> Reply | None:
    """Since 8.18 one file operation at a time."""
    if not is_old(call) and call.node.faults.condition("file_operation"):
        return unavailable("Another file operation is running")
    return None


@ROUTES.get("/apps/getfolderinfo/:appname?/:component?/:folder?", privilege=OWNER_VERBS, checks="handler")
def folder_info(call: Call) -> Reply:
    """What is in a folder."""
    return _guarded(
        call,
        "appname and component parameters are mandatory",
        (),
        lambda call, volume: data(volume.rows(checked(named(call, "folder")))),
    )


@ROUTES.get(
    "/apps/createfolder/:appname?/:component?/:folder?",
    privilege=OWNER_VERBS,
    checks="handler",
    gated=True,
    write=True,
)
def create_folder(call: Call) -> Reply:
    """One level."""

    def act(call: Call, volume: Volume) -> Reply:
        path = checked(named(call, "folder"))
        if volume.exists(path) or not volume.exists(posixpath.dirname(path)):
            why = "File exists" if volume.exists(path) else "No such file or directory"
            full = f"{volume.mount}/{path}"
            return error(f"Command failed: sudo mkdir {full}\nmkdir: cannot create directory '{full}': {why}\n")
        volume.folders.add(path)
        return success("Folder Created")

    refusal = _write_is_refused(call)
    return refusal or _guarded(call, "appname and component parameters are mandatory", (), act)


@ROUTES.get(
    "/apps/renameobject/:appname?/:component?/:oldpath?/:newname?",
    privilege=OWNER_VERBS,
    checks="handler",
    gated=True,
    write=True,
)
def rename(call: Call) -> Reply:
    """Within the folder."""

    def act(call: Call, volume: Volume) -> Reply:
        old, new = checked(named(call, "oldpath")), named(call, "newname")
        if "/" in new:
            return error("New name is invalid")
        if not volume.exists(old):
            full = f"{volume.mount}/{old}"
            return error(f"Command failed: sudo mv {full}\nmv: cannot stat '{full}': No such file or directory\n")
        volume.rename(old, posixpath.join(posixpath.dirname(old), checked(new)))
        return success("Rename successful")

    refusal = _write_is_refused(call)
    if refusal is not None:
        return refusal
    if not named(call, "component"):
        return error("component parameter is mandatory")
    if not named(call, "oldpath"):
        return error("No file nor folder to rename specified")
    return _guarded(call, "No new name specified", ("newname",), act)


@ROUTES.get(
    "/apps/removeobject/:appname?/:component?/:object?",
    privilege=OWNER_VERBS,
    checks="handler",
    gated=True,
    write=True,
)
def remove_object(call: Call) -> Reply:
    """A file or a folder with all in it; also when there is none."""

    def act(call: Call, volume: Volume) -> Reply:
        path = checked(named(call, "object"))
        slow = None if is_old(call) else call.node.faults.use("slow_files")
        if slow is not None:
            # What takes more than 10 s goes on as a job.
            if call.node.jobs.is_full_for(named(call)):
                return unavailable("Another file operation is running")
            seconds = float(slow.options.get("seconds", 30.0))
            return call.node.jobs.begin(named(call), seconds, lambda: _drop(volume, path))
        _drop(volume, path)
        return success("File Removed")

    refusal = _write_is_refused(call)
    if refusal is not None:
        return refusal
    if not named(call, "component"):
        return error("component parameter is mandatory")
    return _guarded(call, "No object specified", ("object",), act)


@ROUTES.get("/apps/downloadfile/:appname?/:component?/:file?", privilege=OWNER_VERBS, checks="handler")
def download_file(call: Call) -> Reply:
    """A file as an attachment."""

    def act(call: Call, volume: Volume) -> Reply:
        path = checked(named(call, "file"))
        content = volume.files.get(path)
        if content is None:
            full = f"{volume.mount}/{path}"
            return error(f"Command failed: sudo chmod 777 {full}\nchmod: cannot access '{full}'\n")
        return attachment(content, posixpath.basename(path))

    reply = _guarded(call, "file and component parameters are mandatory", ("file",), act)
    return raw(call, reply) if reply.outcome == "error" and call.authorized is not False else reply


@ROUTES.get("/apps/downloadfolder/:appname?/:component?/:folder?", privilege=OWNER_VERBS, checks="handler")
def download_folder(call: Call) -> Reply:
    """A folder as a zip."""

    def act(call: Call, volume: Volume) -> Reply:
        path = checked(named(call, "folder"))
        volume.rows(path)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in volume.files.items():
                if name.startswith(f"{path}/"):
                    archive.writestr(name[len(path) + 1 :], content)
        return attachment(packed.getvalue(), f"{posixpath.basename(path)}.zip", "application/zip")

    reply = _guarded(call, "folder and component parameters are mandatory", ("folder",), act)
    return raw(call, reply) if reply.outcome == "error" and call.authorized is not False else reply


# -- upload ----------------------------------------------------------------------------------------------------------


@ROUTES.post(
    "/ioutils/fileupload/:type?/:appname?/:component?/:folder?/:filename?",
    privilege=OWNER_VERBS,
    checks="handler",
    gated=True,
    write=True,
)
def upload(call: Call) -> Reply:
    """multipart/form-data. Whatever is wrong before the parsing closes the connection without an answer."""
    refusal = _write_is_refused(call)
    if refusal is not None:
        return refusal
    app, component = named(call), named(call, "component")
    if not app or not authorized(call, app):
        return drop() if is_old(call) else unauthorized()
    volume = volume_of(call, app, component)
    parts = multipart(call.headers.get("Content-Type", ""), call.body.raw)
    if volume is None or parts is None:
        return drop() if is_old(call) else error(NO_VOLUME if volume is None else "No multipart body")
    folder = "backup/upload" if named(call, "type") == "backup" else named(call, "folder")
    try:
        folder, filename = checked(folder), checked(named(call, "filename"))
    except PathRefused as refused:
        return drop() if is_old(call) else error(str(refused))
    now = call.world.clock.now()
    for field, content in parts:
        volume.write(posixpath.join(folder, filename or field), content, now)
    return streamed(call.node.operations.begin(_progress(parts, len(call.body.raw))), None)


def _progress(parts: list[tuple[str, bytes]], expected: int) -> Script:
    """``[received,expected]`` again and again, then the name of the field; nothing says how it ended."""
    received = 0
    while received < expected:
        received = min(expected, received + PART_BYTES)
        yield stringify([received, expected])
    for field, _unused in parts:
        yield field.encode()


def multipart(content_type: str, body: bytes) -> list[tuple[str, bytes]] | None:
    """Field names and contents of a form; None for what is none."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.lower().startswith("multipart/form-data") or found is None:
        return None
    parts = []
    for part in body.split(b"--" + found[1].encode())[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        if blank and name is not None:
            parts.append((name[1].decode("utf-8", "replace"), content.removesuffix(b"\r\n")))
    return parts
