# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run verbs of apps (FluxOS: appController.js).

Up to 8.17 the route calls docker, and docker's words are the answer. Since 8.18 it records what is wanted, a
reconciler acts, and the words are always the same; both behave alike on a running node, but for their answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulator.call import Call
from tests.simulator.containers import AppInfo, Container
from tests.simulator.envelope import Reply, data, envelope, error, success, unauthorized, unavailable
from tests.simulator.profiles import P17, P18, P20, SINCE_18
from tests.simulator.routes.health import docker_down, docker_error
from tests.simulator.routing import Registry

ROUTES = Registry()
OWNER_VERBS = {P17: "appownerabove", P18: "appownerorfluxteam", P20: "appownerorfluxteam"}
DONE = {"start": "started", "stop": "stopped", "restart": "restarted", "kill": "killed"}
NO_PAUSE = "Pausing applications is no longer supported. Use appstop to stop an application."
NO_CONTAINER = ("Cannot read properties of undefined (reading 'Id')", "TypeError")


class DockerError(Exception):
    """Docker refused; the text is dockerode's."""


def main_name(name: str) -> str:
    """``component_app`` names one component of an app."""
    return name.split("_", 1)[1] if "_" in name else name


def authorized(call: Call, name: str) -> bool:
    """Whether the caller may use the run verbs of the app."""
    return call.authorize(OWNER_VERBS[call.node.profile.name], main_name(name))


# -- docker, as up to 8.17 -------------------------------------------------------------------------------------------


def _docker_start(call: Call, container: Container) -> str:
    if container.paused:
        raise DockerError("(HTTP code 409) unexpected - cannot start a paused container, try unpause instead ")
    if container.running:
        raise DockerError("(HTTP code 304) container already started -  ")
    call.node.apps.start(container)
    return "successfully started."


def _docker_stop(call: Call, container: Container) -> str:
    if not container.running:
        return "is already stopped."
    call.node.apps.stop(container, "stopped by its owner")
    container.held_down = True
    return "successfully stopped."


def _docker_restart(call: Call, container: Container) -> str:
    if not container.running:
        call.node.apps.start(container)
        return "was stopped, successfully started."
    call.node.apps.stop(container, "restarted by its owner")
    call.node.apps.start(container)
    return "successfully restarted."


def _docker_pause(call: Call, container: Container) -> str:
    if container.paused:
        raise DockerError(f"(HTTP code 409) unexpected - container {container.docker_id} is already paused ")
    container.paused = True
    return "successfully paused."


def _docker_unpause(call: Call, container: Container) -> str:
    if not container.paused:
        raise DockerError(f"(HTTP code 500) server error - Container {container.docker_id} is not paused ")
    container.paused = False
    return "successfully unpaused."


def _by_docker(call: Call, name: str, act: Callable[[Call, Container], str], done: str) -> Reply:
    """A component or an app of version 3 is one container; a composed app is all of them, the first error ends it."""
    apps = call.node.apps
    if docker_down(call.node):
        return docker_error()
    app: AppInfo | None = None
    if "_" not in name:
        app = call.world.find_app(name)
        if app is None:
            return error("Application not found")
    single = app is None or app.version <= 3
    wanted = f"flux{app.name if app else name}"
    containers = [c for c in apps.containers if (c.name == wanted if single else app is not None and c.app == app.name)]
    if not containers:
        return error(NO_CONTAINER[0], name=NO_CONTAINER[1])
    said = ""
    try:
        for container in containers:
            said = act(call, container)
    except DockerError as refused:
        return error(str(refused))
    label = app.name if app else name
    return data(f"Flux App {label} {said}" if single else f"Application {label} {done}")


# -- intent, since 8.18 ----------------------------------------------------------------------------------------------


def _by_intent(call: Call, name: str, verb: str) -> Reply:
    """Always the same words; what cannot be done now is promised with its reason."""
    node = call.node
    promise = f"Application {name} will be {DONE[verb]}: "
    if "_" not in name and call.world.find_app(name) is None:
        return error("Application not found")
    if docker_down(node):
        return data(promise + "docker is not reachable")
    app = call.world.find_app(main_name(name))
    containers = [
        container
        for container in node.apps.containers
        if app is not None and container.app == app.name and ("_" not in name or container.name == f"flux{name}")
    ]
    if not containers:
        return data(promise + "it is not installed on this node")
    stuck = node.faults.condition("container") is not None
    for container in containers:
        if verb in ("stop", "kill", "restart"):
            node.apps.stop(container, f"{DONE[verb]} by its owner")
        if verb in ("stop", "kill"):
            container.held_down = True
        elif stuck and container.held_down:
            return data(promise + "the reconciler has not started it yet")
        else:
            node.apps.start(container)
    return data(f"Application {name} {DONE[verb]}")


def _verb(verb: str, act: Callable[[Call, Container], str]) -> None:
    def handler(call: Call) -> Reply:
        name = call.param("appname")
        if not name:
            return error("No Flux App specified")
        name = str(name)
        if not authorized(call, name):
            return unauthorized()
        if call.node.profile.name == P17:
            return _by_docker(call, name, act, DONE[verb])
        return _by_intent(call, name, verb)

    path = f"/apps/app{verb}/:appname?/:global?"
    ROUTES.get(path, privilege=OWNER_VERBS, checks="handler", gated=True, write=True)(handler)


_verb("start", _docker_start)
_verb("stop", _docker_stop)
_verb("restart", _docker_restart)


def _pause_verb(verb: str, act: Callable[[Call, Container], str], done: str) -> None:
    def handler(call: Call) -> Reply:
        name = str(call.param("appname") or "")
        if call.node.profile.name == P17 and not name:
            return error("No Flux App specified")
        if name and not authorized(call, name):
            return unauthorized()
        if call.node.profile.name != P17:
            return error(NO_PAUSE, name="Deprecated", code=410)
        return _by_docker(call, name, act, done)

    path = f"/apps/{verb}/:appname?/:global?"
    ROUTES.get(path, privilege=OWNER_VERBS, checks="handler", gated=True, write=True)(handler)


_pause_verb("apppause", _docker_pause, "paused")
_pause_verb("appunpause", _docker_unpause, "unpaused")


@ROUTES.get(
    "/apps/appkill/:appname?", privilege=OWNER_VERBS, checks="handler", gated=True, write=True, profiles=SINCE_18
)
def kill(call: Call) -> Reply:
    """A durable forced stop."""
    name = str(call.param("appname") or "")
    if not name:
        return error("No Flux App specified")
    return _by_intent(call, name, "kill") if authorized(call, name) else unauthorized()


# -- removal and redeployment ----------------------------------------------------------------------------------------


def _heavy(path: str, act: Callable[[Call, AppInfo], Reply]) -> None:
    def handler(call: Call) -> Reply:
        name = str(call.param("appname") or "")
        if not name:
            return error("No Flux App specified")
        if not authorized(call, name):
            return unauthorized()
        app = call.world.find_app(name)
        if app is None or app.name not in call.node.apps.installed:
            return error("Flux App not found")
        return act(call, app)

    ROUTES.get(path, privilege=OWNER_VERBS, checks="handler", gated=True, write=True)(handler)


def _remove(call: Call, app: AppInfo) -> Reply:
    call.node.apps.remove([app.name], "removed by its owner")
    return success(f"Flux App {app.name} was successfully removed")


def _redeploy(call: Call, app: AppInfo) -> Reply:
    if call.node.profile.name == P20 and call.node.faults.condition("policy_missing"):
        return unavailable("Network policy not yet obtained")
    for container in call.node.apps.of(app.name):
        call.node.apps.stop(container, "redeployed by its owner")
        call.node.apps.start(container)
    return success(f"Application {app.name} redeployed")


_heavy("/apps/appremove/:appname?/:force?/:global?", _remove)
_heavy("/apps/redeploy/:appname?/:force?/:global?", _redeploy)


# -- what an owner may look at ---------------------------------------------------------------------------------------


@ROUTES.get("/apps/appchanges/:appname?", privilege=OWNER_VERBS, checks="handler")
def changes(call: Call) -> Reply:
    """docker diff: 0 modified, 1 added, 2 deleted."""
    name = str(call.param("appname") or "")
    if not name:
        return error("No Flux App specified")
    if not authorized(call, name):
        return unauthorized()
    if docker_down(call.node):
        return docker_error()
    if not any(container.name == f"flux{name}" for container in call.node.apps.containers):
        return error(NO_CONTAINER[0], name=NO_CONTAINER[1])
    rows: list[dict[str, Any]] = [{"Path": "/var", "Kind": 0}, {"Path": "/var/cache", "Kind": 0}]
    return data([*rows, {"Path": "/var/cache/new.tmp", "Kind": 1}])


@ROUTES.post("/apps/checkdockerexistance", privilege="user", body="raw")
def docker_existence(call: Call) -> Reply:
    """Deprecated; still asks who is calling."""
    return envelope("success", {"message": "deprecated"})
