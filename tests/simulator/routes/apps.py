"""``/apps/*``: what the network and the node say of apps, and the run verbs (FluxOS: appsService.js and its parts)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, data, error, success, unauthorized
from tests.simulator.profiles import P17, P18, P20, SINCE_18
from tests.simulator.routes import views
from tests.simulator.routes.health import docker_down, docker_error
from tests.simulator.routing import Registry

ROUTES = Registry()
OWNER_VERBS = {P17: "appownerabove", P18: "appownerorfluxteam", P20: "appownerorfluxteam"}


@ROUTES.get("/apps/installedapps/:appname?", cache=30)
def installed(call: Call) -> Reply:
    """Specifications of the apps on this node."""
    name = call.param("appname")
    apps = call.node.apps.installed.values()
    return data([app.specification() for app in apps if name is None or app.name == name])


@ROUTES.get("/apps/listrunningapps", cache=15)
def running(call: Call) -> Reply:
    """Running containers."""
    return docker_error() if docker_down(call.node) else data(views.running_containers(call.node))


@ROUTES.get("/apps/listallapps", cache=30)
def all_containers(call: Call) -> Reply:
    """All containers."""
    if docker_down(call.node):
        return docker_error()
    now = call.world.clock.now()
    return data([container.row(now, call.node.profile.container_view) for container in call.node.apps.containers])


@ROUTES.get("/apps/fluxusage", cache=30)
def usage(call: Call) -> Reply:
    """Apps and containers counted."""
    return data(views.usage(call.node))


@ROUTES.get("/apps/appsresources", cache=30)
def resources(call: Call) -> Reply:
    """What apps lock."""
    return data(views.resources(call.node))


@ROUTES.get("/apps/locations", cache=30)
def locations(call: Call) -> Reply:
    """All location rows of the network."""
    return data(call.world.locations())


@ROUTES.get("/apps/location/:appname?", cache=30)
def location(call: Call) -> Reply:
    """Location rows of one app."""
    name = call.param("appname")
    if not name:
        return error("No Flux App name specified")
    return data(call.world.locations(str(name)))


@ROUTES.get("/apps/appowner/:appname?", cache=30)
def owner(call: Call) -> Reply:
    """The registered owner."""
    name = call.param("appname")
    if not name:
        return error("No Application Name specified")
    if isinstance(name, list):
        return error("appName.toLowerCase is not a function", name="TypeError")
    if "\0" in name:
        return error(f"value ^{name}$ must not contain null bytes", name="BSONError")
    found = call.world.app_owner(name)
    return data(found) if found else error("Application not found")


@ROUTES.get("/apps/appspecifications/:appname", cache=None)
def specification(call: Call) -> Reply:
    """The registered specification."""
    app = call.world.apps.get(str(call.param("appname")).lower())
    return data(app.specification()) if app else error("Application not found")


@ROUTES.get("/apps/globalappsspecifications/:hash?/:owner?/:appname?", cache=30)
def global_specifications(call: Call) -> Reply:
    """All registered specifications, filtered by hash, owner and name."""
    wanted = {"hash": call.param("hash"), "owner": call.param("owner"), "name": call.param("appname")}
    specs = [app.specification() for app in call.world.apps.values()]
    return data([spec for spec in specs if all(value is None or spec[key] == value for key, value in wanted.items())])


@ROUTES.get("/apps/latestspecificationversion", cache=300)
def latest_version(call: Call) -> Reply:
    """The newest specification that this FluxOS takes."""
    return data(8)


# -- run verbs --------------------------------------------------------------------------------------------------------


def _main_name(name: str) -> str:
    """``component_app`` names one component of an app."""
    return name.split("_", 1)[1] if "_" in name else name


def _addressed(call: Call, name: str) -> list[Container]:
    node = call.node
    if "_" in name:
        return [container for container in node.apps.containers if container.name == f"flux{name}"]
    return [container for container in node.apps.containers if container.app.lower() == name.lower()]


def _verb(path: str, done: str, act: Callable[[Call, Container], None]) -> None:
    """One run verb: since 8.18 gated in the boot window, then authorised, then acting on this node's containers."""

    def handler(call: Call) -> Reply:
        name = call.param("appname")
        if not name:
            return error("No Flux App specified")
        name = str(name)
        if not call.authorize(OWNER_VERBS[call.node.profile.name], _main_name(name)):
            return unauthorized()
        if docker_down(call.node):
            return docker_error()
        containers = _addressed(call, name)
        if not containers:
            return error("Application not found")
        for container in containers:
            act(call, container)
        return data(f"Application {name} {done}")

    ROUTES.get(
        f"/apps/{path}/:appname?/:global?", privilege=OWNER_VERBS, checks="handler", gated=True, write=True
    )(handler)


def _start(call: Call, container: Container) -> None:
    call.node.apps.start(container)


def _stop(call: Call, container: Container) -> None:
    call.node.apps.stop(container, "stopped by its owner")
    container.held_down = True


def _restart(call: Call, container: Container) -> None:
    call.node.apps.stop(container, "restarted by its owner")
    call.node.apps.start(container)


_verb("appstart", "started", _start)
_verb("appstop", "stopped", _stop)
_verb("apprestart", "restarted", _restart)


@ROUTES.get("/apps/appkill/:appname?", privilege=OWNER_VERBS, checks="handler", gated=True, write=True, profiles=SINCE_18)
def kill(call: Call) -> Reply:
    """A forced stop."""
    name = str(call.param("appname") or "")
    if not call.authorize(OWNER_VERBS[call.node.profile.name], _main_name(name)):
        return unauthorized()
    for container in _addressed(call, name):
        _stop(call, container)
    return data(f"Application {name} killed")


def _heavy(path: str, privilege: Any, answer: Callable[[Call, str], Reply]) -> None:
    def handler(call: Call) -> Reply:
        name = str(call.param("appname") or "")
        if not name and call.node.profile.name == P20:
            return error("No Flux App specified")
        if not call.authorize(str(privilege[call.node.profile.name]), _main_name(name)):
            return unauthorized()
        return answer(call, name)

    ROUTES.get(path, privilege=privilege, checks="handler", gated=True, write=True)(handler)


def _remove(call: Call, name: str) -> Reply:
    if name not in call.node.apps.installed:
        return error("Flux App not found")
    call.node.apps.remove([name], "removed by its owner")
    return success(f"Flux App {name} was successfully removed")


def _redeploy(call: Call, name: str) -> Reply:
    if name not in call.node.apps.installed:
        return error("Flux App not found")
    for container in call.node.apps.of(name):
        _restart(call, container)
    return success(f"Application {name} redeployed")


_heavy("/apps/appremove/:appname?/:force?/:global?", OWNER_VERBS, _remove)
_heavy("/apps/redeploy/:appname?/:force?/:global?", OWNER_VERBS, _redeploy)
