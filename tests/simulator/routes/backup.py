# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of volumes: sizes, lists, downloads, removal (FluxOS: backupRestoreService.js)."""

from __future__ import annotations

import posixpath
import re

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data, envelope, error, unauthorized
from tests.simulator.routes.owner import OWNER_VERBS, authorized, named
from tests.simulator.routes.volume import attachment, raw, volume_of
from tests.simulator.routing import Registry
from tests.simulator.volumes import Volume

ROUTES = Registry()
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
BAD_PATH = "Path validation failed.."
SIZES = ("size", "used", "available")


def _rounded(value: float, decimals: str) -> float | int:
    places = int(decimals) if decimals.isdigit() else 0
    found = round(value, places)
    return int(found) if found == int(found) else found


def volume_data(volume: Volume, unit: str, decimals: str, fields: str) -> dict[str, object]:
    """What ``df`` says; ``B`` gives KiB unless sizes are asked for by name."""
    scale = float(UNITS.get(unit.upper(), UNITS["MB"]))
    if unit.upper() == "B" and not any(name in fields for name in SIZES):
        scale = 1024.0
    used = volume.used + 24 * 2**20
    found: dict[str, object] = {
        "filesystem": "/dev/loop11",
        "size": _rounded(volume.size / scale, decimals),
        "used": _rounded(used / scale, decimals),
        "available": _rounded((volume.size - used) / scale, decimals),
        "capacity": round(used / volume.size, 2),
        "mount": volume.mount,
    }
    wanted = [name for name in fields.split(",") if name]
    return {name: found[name] for name in wanted if name in found} if wanted else found


@ROUTES.get(
    "/backup/getvolumedataofcomponent/:appname?/:component?/:multiplier?/:decimal?/:fields?",
    privilege=OWNER_VERBS,
    checks="handler",
)
def volume_info(call: Call) -> Reply:
    """Size and use of a volume; without a volume a success without data."""
    app, component = named(call), named(call, "component")
    if not app or not component:
        return error("Both the appname and component parameters are required")
    if not authorized(call, app):
        return unauthorized()
    volume = volume_of(call, app, component)
    if volume is None:
        return Reply(b'{"status":"success"}')
    full = call.node.faults.condition("no_space")
    shown = volume_data(volume, named(call, "multiplier") or "MB", named(call, "decimal") or "0", named(call, "fields"))
    if full is not None and "available" in shown:
        shown["available"] = 0
    return data(shown)


def _located(call: Call, path: str, app: str) -> tuple[Volume, str] | None:
    """Volume and path in it of an absolute path below a folder of backups; None for another path."""
    found = re.fullmatch(r"(?P<mount>/.+?)/(?P<rest>backup/(local|upload|remote)(/[^/]+)?)/?", path)
    if found is None or ".." in path:
        return None
    for volume in call.node.apps.volumes.values():
        owner = volume.name.removeprefix("flux").rsplit("_", 1)[-1]
        if volume.mount == found["mount"] and owner == app:
            return volume, found["rest"]
    return None


@ROUTES.get(
    "/backup/getlocalbackuplist/:path?/:multiplier?/:decimal?/:number?/:appname?",
    privilege=OWNER_VERBS,
    checks="handler",
)
def local_list(call: Call) -> Reply:
    """Archives in a folder of backups. The app must be in the path: the query is read under another name."""
    path, app = named(call, "path"), call.params.get("appname", "")
    if not app or not authorized(call, app):
        call.authorized = False
        return unauthorized()
    located = _located(call, path, app)
    if located is None:
        return error(BAD_PATH)
    volume, folder = located
    unit = UNITS.get((named(call, "multiplier") or "B").upper(), 1)
    rows = [
        {
            "name": posixpath.basename(name),
            "create": str(int(volume.changed.get(name, volume.created) * 1000)),
            "size": _rounded(len(content) / unit, named(call, "decimal") or "0"),
        }
        for name, content in sorted(volume.files.items())
        if posixpath.dirname(name) == folder and ".tar.gz" in name
    ]
    return data(rows) if rows else error("No matching mount found")


@ROUTES.get(
    "/backup/getremotefilesize/:fileurl?/:multiplier?/:decimal?/:number?/:appname?",
    privilege=OWNER_VERBS,
    checks="handler",
)
def remote_size(call: Call) -> Reply:
    """What a HEAD says of a URL outside the network."""
    url, app = named(call, "fileurl"), named(call)
    if not url or not app:
        return error("fileurl and appname parameters are mandatory")
    if not authorized(call, app):
        return unauthorized()
    content = call.world.remote.get(url)
    if content is None:
        return error("Error fetching file size")
    unit = UNITS.get((named(call, "multiplier") or "B").upper(), 1)
    return data(_rounded(len(content) / unit, named(call, "decimal") or "0"))


def _file(call: Call) -> tuple[Volume, str] | Reply:
    path, app = named(call, "filepath"), named(call)
    if not path or not app:
        return error("filepath and appname parameters are mandatory")
    if not authorized(call, app):
        return unauthorized()
    return _located(call, path, app) or error(BAD_PATH)


@ROUTES.get("/backup/removebackupfile/:filepath?/:appname?", privilege=OWNER_VERBS, checks="handler", write=True)
def remove_file(call: Call) -> Reply:
    """Whether it was removed is in the message; the status is a success either way."""
    found = _file(call)
    if isinstance(found, Reply):
        return found
    volume, path = found
    return envelope("success", {"message": volume.remove(path)})


@ROUTES.get("/backup/downloadlocalfile/:filepath?/:appname?", privilege=OWNER_VERBS, checks="handler")
def download(call: Call) -> Reply:
    """An archive as an attachment."""
    found = _file(call)
    if isinstance(found, Reply):
        return found
    volume, path = found
    content = volume.files.get(path)
    if content is None:
        full = f"{volume.mount}/{path}"
        return raw(call, error(f"Command failed: sudo chmod 777 {full}\nchmod: cannot access '{full}'\n"))
    return attachment(content, posixpath.basename(path), "application/gzip")
