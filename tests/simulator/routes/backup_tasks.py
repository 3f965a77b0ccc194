# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``POST /apps/appendbackuptask`` and ``/apps/appendrestoretask`` (FluxOS: advancedWorkflows.js)."""

from __future__ import annotations

from typing import Any

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, streamed, unauthorized
from tests.simulator.forward import to_all_instances
from tests.simulator.operations import Script
from tests.simulator.routes.owner import OWNER_VERBS, authorized
from tests.simulator.routing import Registry
from tests.simulator.tasks import backup, restore, text_only

ROUTES = Registry()
NO_COMPONENTS = "Cannot read properties of undefined (reading 'some')"


def _text(call: Call, script: Script, app: str, outcome: str = "success") -> Reply:
    stall = call.node.faults.use("stream_stall", app)
    limit = int(stall.options.get("after", 3)) if stall else None
    freezes = stall is not None and not stall.options.get("finishes", True)
    return streamed(call.node.operations.begin(script, limit=limit, freezes=freezes), None, outcome=outcome)


def _jobs(fields: Any, key: str) -> list[dict[str, Any]]:
    listed = fields.get(key)
    return [job for job in listed if isinstance(job, dict)] if isinstance(listed, list) else []


def _task(path: str, key: str, mandatory: str, needed: tuple[str, ...], act: Any) -> None:
    def handler(call: Call) -> Reply:
        fields = call.body.as_parsed
        fields = fields if isinstance(fields, dict) else {}
        if not all(fields.get(name) for name in needed):
            return _text(call, text_only(mandatory), "", "error")
        name = str(fields["appname"])
        if not authorized(call, name):
            return unauthorized()
        app = call.node.apps.installed.get(name)
        if app is None:
            return _text(call, text_only("Cannot read properties of undefined (reading 'version')"), name, "error")
        if not app.is_composed:
            return _text(call, text_only(NO_COMPONENTS), name, "error")
        reply: Reply = act(call, app, fields, [job for job in _jobs(fields, key) if job.get(key)])
        return reply

    ROUTES.post(path, privilege=OWNER_VERBS, checks="handler", body="json", gated=True, write=True)(handler)


def _backup(call: Call, app: Any, fields: dict[str, Any], jobs: list[dict[str, Any]]) -> Reply:
    if app.name in call.node.operations.backups:
        return _text(call, text_only("Backup in progress..."), app.name, "error")
    if not jobs:
        return _text(call, text_only("No backup jobs..."), app.name, "error")
    return _text(call, backup(call.node, app, [str(job.get("component")) for job in jobs]), app.name)


def _restore(call: Call, app: Any, fields: dict[str, Any], jobs: list[dict[str, Any]]) -> Reply:
    if app.name in call.node.operations.restores:
        return _text(call, text_only(f"Restore for app {app.name} is running..."), app.name, "error")
    if not jobs:
        return _text(call, text_only("No restore jobs..."), app.name, "error")

    def others() -> None:
        to_all_instances(call, app.name, "redeploy", "", suffix="/true")

    return _text(call, restore(call.node, app, str(fields["type"]), list(jobs), others), app.name)


_task(
    "/apps/appendbackuptask",
    "backup",
    "appname and backup parameters are mandatory",
    ("appname", "backup"),
    _backup,
)
_task(
    "/apps/appendrestoretask",
    "restore",
    "appname, restore and type parameters are mandatory",
    ("appname", "restore", "type"),
    _restore,
)
