# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redeploy, removal and installation: long operations whose answers are streams of JSON objects without separators."""

from __future__ import annotations

from tests.simulator.appinfo import main_name
from tests.simulator.call import Call
from tests.simulator.deploy import installation, not_here, removal, trial_installation
from tests.simulator.envelope import Reply, error, hang, streamed, unauthorized, unavailable, warning
from tests.simulator.forward import to_all_instances
from tests.simulator.instances import rejected
from tests.simulator.jsvalues import ensure_boolean
from tests.simulator.operations import Script
from tests.simulator.profiles import P17, P18, P20
from tests.simulator.redeploy import busy, redeploy, redeploy_component, redeploy_missing
from tests.simulator.routes.owner import NO_NAME, OWNER_VERBS, authorized, is_old, named
from tests.simulator.routing import Registry

ROUTES = Registry()
INSTALLERS = {P17: "adminandfluxteam", P18: "fluxteam", P20: "fluxteam"}


def _no_policy(call: Call) -> Reply | None:
    """Since 8.20 a node needs the signed network policy first."""
    if call.node.profile.name == P20 and call.node.faults.condition("policy_missing"):
        return unavailable("Network policy not yet obtained")
    return None


def begin(call: Call, script: Script, app: str, *, outcome: str = "success", endless: bool = False) -> Reply:
    """Start an operation; a fault may let its stream stall, with the operation going on or standing still."""
    stall = call.node.faults.use("stream_stall", app)
    limit = int(stall.options.get("after", 10)) if stall else None
    freezes = stall is not None and not stall.options.get("finishes", True)
    return streamed(call.node.operations.begin(script, limit=limit, freezes=freezes, endless=endless), outcome=outcome)


@ROUTES.get(
    "/apps/redeploy/:appname?/:force?/:global?", privilege=OWNER_VERBS, checks="handler", gated=True, write=True
)
def redeploy_app(call: Call) -> Reply:
    """Soft, or hard when ``force`` is true."""
    refusal = _no_policy(call)
    if refusal is not None:
        return refusal
    node, name = call.node, named(call)
    if not name:
        return error(NO_NAME)
    if "_" in name:
        return error("Component cannot be redeployed manually")
    if name in node.operations.restores:
        return hang() if is_old(call) else warning(f"Restore is running for {name}, redeploy skipped...")
    if not authorized(call, name):
        return unauthorized()
    hard = bool(ensure_boolean(call.param("force")))
    if ensure_boolean(call.param("global")):
        said = f"{name} queried for global {'hard' if hard else 'soft'} redeploy"
        return to_all_instances(call, name, "redeploy", said, suffix="/true" if hard else "")
    target = call.world.find_app(name)
    if target is None:
        return error("Application not found")
    if node.operations.busy:
        # Up to 8.17 the body is never ended.
        return begin(call, busy(node), target.name, outcome="warning", endless=is_old(call))
    installed = node.apps.installed.get(target.name)
    if installed is None:
        return begin(call, redeploy_missing(node, target, hard=hard), target.name, outcome="error")
    return begin(call, redeploy(node, installed, target, hard=hard), target.name)


@ROUTES.get(
    "/apps/redeploycomponent/:appname?/:component?/:force?",
    privilege=OWNER_VERBS,
    checks="handler",
    gated=True,
    write=True,
)
def redeploy_one(call: Call) -> Reply:
    """One component: app name and component name apart."""
    refusal = _no_policy(call)
    if refusal is not None:
        return refusal
    node, name, component = call.node, named(call), named(call, "component")
    if not name:
        return error(NO_NAME)
    if not component:
        return error("No component specified")
    if "_" in name:
        return error("Invalid app name format. Please provide the app name and component name separately")
    if name in node.operations.restores:
        return warning(f"Restore is running for {name}, component redeploy skipped...")
    if not authorized(call, name):
        return unauthorized()
    target = call.world.find_app(name)
    if target is None:
        return error(f"Application {name} not found")
    if not target.is_composed:
        return error(f"Application {name} is not a composed application")
    if component not in target.components:
        return error(f"Component {component} not found in application {name}")
    installed = node.apps.installed.get(target.name)
    if installed is None:
        return begin(call, not_here(), target.name, outcome="error")
    if node.operations.busy:
        return begin(call, busy(node), target.name, outcome="warning", endless=is_old(call))
    hard = bool(ensure_boolean(call.param("force")))
    reply = begin(call, redeploy_component(node, installed, target, component, hard=hard), target.name)
    if is_old(call):
        reply.after = lambda: rejected(node)
    return reply


@ROUTES.get(
    "/apps/appremove/:appname?/:force?/:global?", privilege=OWNER_VERBS, checks="handler", gated=True, write=True
)
def remove(call: Call) -> Reply:
    """Always with all data."""
    node, name = call.node, named(call)
    if not name:
        if node.profile.name == P20:
            return error(NO_NAME)
        return error("Cannot read properties of undefined (reading 'includes')", name="TypeError")
    if "_" in name:
        return error("Components cannot be removed manually")
    if not authorized(call, name):
        return unauthorized()
    if ensure_boolean(call.param("global")):
        return to_all_instances(call, name, "appremove", f"{name} queried for global reinstallation")
    force = bool(ensure_boolean(call.param("force")))
    app = node.apps.installed.get(name)
    if app is None:
        # With force FluxOS goes by the registered specification, and finds nothing to remove either.
        return begin(call, not_here(), name, outcome="error")
    refused = not force and node.operations.busy in ("removal", "installation")
    return begin(call, removal(node, app, force=force), name, outcome="warning" if refused else "success")


def _installer(path: str, *, test: bool) -> None:
    def handler(call: Call) -> Reply:
        refusal = _no_policy(call)
        if refusal is not None:
            return refusal
        name = named(call)
        if not name:
            return error(NO_NAME)
        if not call.authorize(INSTALLERS[call.node.profile.name], main_name(name)):
            return unauthorized()
        app = call.world.find_app(name)
        if app is None:
            return error(f"Application Specifications of {name} not found")
        here = app.name in call.node.apps.installed
        if test:
            endless = is_old(call) and (here or call.node.faults.condition("no_space") is not None)
            return begin(call, trial_installation(call.node, app), app.name, endless=endless)
        if here:
            return error(f"Application {app.name} is already installed")
        return begin(call, installation(call.node, app), app.name)

    ROUTES.get(path, privilege=INSTALLERS, checks="handler", gated=True, write=True)(handler)


_installer("/apps/installapplocally/:appname?", test=False)
_installer("/apps/testappinstall/:appname?", test=True)
