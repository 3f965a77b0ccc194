# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redeploying an app, or one component of it, on one node (FluxOS: advancedWorkflows.js).

A failure costs the app and its data up to 8.17. Since 8.18 both stay, and the failure is in the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator.appinfo import AppInfo
from tests.simulator.deploy import (
    RECREATE,
    Failed,
    Labels,
    install_app,
    install_component,
    is_old,
    lose,
    remove_app,
    remove_component,
)
from tests.simulator.operations import Script, message

if TYPE_CHECKING:
    from tests.simulator.faults import Fault
    from tests.simulator.node import Node

COMPONENT_PAUSE = 5.0
REASON = "(HTTP code 500) server error - toomanyrequests: You have reached your unauthenticated pull rate limit. "


def busy(node: Node) -> Script:
    """Another operation runs."""
    yield message("warning", f"Another application is undergoing {node.operations.busy}")


def redeploy(node: Node, app: AppInfo, target: AppInfo, *, hard: bool) -> Script:
    """``app`` is what the node has, ``target`` the newest specification."""
    fault = node.faults.use("redeploy_fails", app.name)
    if target.version >= 8 and target.components != app.components and not hard:
        yield message(
            "warning",
            f"Component structure changed for v{target.version} app. Escalating to hard redeploy for safety.",
        )
        hard = True
    kind = "hard" if hard else "soft"
    node.operations.flag = f"{kind} redeploy"
    try:
        yield from _redeploy(node, app, target, fault, hard=hard)
    except GeneratorExit:
        if app.name not in node.apps.installed:
            # The process died while the app had no row: nothing remembers it.
            lose(node, app, f"FluxOS ended within a {kind} redeploy")
        raise
    finally:
        node.operations.flag = None


def _redeploy(node: Node, app: AppInfo, target: AppInfo, fault: Fault | None, *, hard: bool) -> Script:
    kind = "hard" if hard else "soft"
    why = f"{kind} redeploy"
    phase = str(fault.options.get("phase", "install")) if fault else None
    reason = str(fault.options.get("message", REASON)) if fault else REASON
    keeps = bool(fault.options.get("keeps", not is_old(node))) if fault else not is_old(node)
    if phase in ("removal", "requirements") and keeps:
        # Since 8.18 the checks come first: nothing was touched.
        yield message("error", reason)
        return
    if phase == "removal":
        yield from _silent_removal(node, app, why)
        return
    yield from remove_app(node, app, soft=not hard, keep=phase is not None and keeps, why=why)
    step = "removed" if hard else "softly removed"
    yield message("success", f"Application {step}. Awaiting installation...")
    yield node.timings.redeploy
    if phase == "requirements":
        yield from _silent_removal(node, app, why)
        return
    try:
        yield from install_app(node, target, hard=hard, fails=reason if phase else None)
    except Failed as failed:
        if keeps:
            yield message("error", str(failed))
            _keep(node, app)
            return
        yield message("error", str(failed))
        yield message("error", f"Error occured. Initiating Flux App {app.name} removal")
        yield from remove_app(node, target, why=f"failed {why}")
        lose(node, app, f"failed {why}")
        return
    node.say("redeployed", why=kind, apps=[app.name])
    if hard:
        node.apps.broadcast()


def _silent_removal(node: Node, app: AppInfo, why: str) -> Script:
    """Up to 8.17: the reason is not told, and the last object looks like a success."""
    yield from remove_app(node, app, why=f"failed {why}")
    lose(node, app, f"failed {why}")


def _keep(node: Node, app: AppInfo) -> None:
    """The old specification stays, and the reconciler makes the missing containers anew on the old volumes."""
    node.apps.installed[app.name] = app
    node.world.timeline.after(RECREATE, lambda: node.apps.reconcile(app.name))


def redeploy_missing(node: Node, target: AppInfo, *, hard: bool) -> Script:
    """The app is not on this node. Up to 8.17 a hard redeploy installs it, a soft one ends like a removal."""
    yield message("error", "Flux App not found")
    if not is_old(node):
        return
    if not hard:
        yield message("success", f"Removal step done. Result: Flux App {target.name} was successfuly removed")
        return
    node.operations.flag = "hard redeploy"
    try:
        yield message("success", "Application removed. Awaiting installation...")
        yield node.timings.redeploy
        yield from install_app(node, target, hard=True)
        node.apps.broadcast()
    finally:
        node.operations.flag = None


def redeploy_component(node: Node, app: AppInfo, target: AppInfo, component: str, *, hard: bool) -> Script:
    """One component; its siblings are not touched. Up to 8.17 this is broken and costs the whole app."""
    kind = "hard" if hard else "soft"
    why = f"{kind} redeploy of {component}"
    fault = node.faults.use("redeploy_fails", app.name)
    node.operations.flag = f"{kind} redeploy"
    try:
        if is_old(node):
            yield from _silent_removal(node, app, why)
            return
        if fault is not None:
            yield message("error", str(fault.options.get("message", REASON)))
            return
        yield from remove_component(node, app, component, soft=not hard, keep=False, why=why)
        yield COMPONENT_PAUSE
        node.apps.installed[app.name] = target
        try:
            yield from install_component(node, target, component, hard=hard)
        except Failed as failed:
            yield message("error", str(failed))
            _keep(node, app)
            return
        node.say("redeployed", why=f"{kind}: {Labels(app, component).identifier}", apps=[app.name])
        yield message("success", f"Component {component} of {app.name} redeployed successfully")
    finally:
        node.operations.flag = None
