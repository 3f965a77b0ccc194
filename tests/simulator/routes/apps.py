# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/apps/*``: what the network and the node say of apps (FluxOS: appsService.js and its parts)."""

from __future__ import annotations

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data, error
from tests.simulator.placement import placement
from tests.simulator.profiles import SINCE_18
from tests.simulator.routes import views
from tests.simulator.routes.health import docker_down, docker_error
from tests.simulator.routing import Registry

ROUTES = Registry()


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
    return data([] if call.node.faults.condition("short_registry") else call.world.locations())


@ROUTES.get("/apps/location/:appname?", cache=30)
def location(call: Call) -> Reply:
    """Location rows of one app."""
    name = call.param("appname")
    if not name:
        return error("No Flux App name specified")
    if call.node.faults.condition("short_registry"):
        return data([])
    # A name that is a list becomes text in the expression, joined by commas.
    return data(call.world.locations(",".join(name) if isinstance(name, list) else str(name)))


@ROUTES.get("/apps/appowner/:appname?", cache=30)
def owner(call: Call) -> Reply:
    """The registered owner."""
    name = call.param("appname")
    if not name:
        return error("No Application Name specified")
    if isinstance(name, list):
        return error("appName.toLowerCase is not a function", name="TypeError")
    found = call.world.find_app(name)
    return data(found.owner) if found else error("Application not found")


@ROUTES.get("/apps/appspecifications/:appname/:decrypt?", cache=None)
def specification(call: Call) -> Reply:
    """The registered specification. Only an enterprise app has something to decrypt, and none is simulated."""
    if not call.node.daemon_is_fine:
        return error("Daemon not yet synced.")
    name = str(call.param("appname"))
    app = call.world.find_app(name)
    if app is None:
        return error(f"Application: {name} not found")
    if call.query.get("decrypt") or call.params.get("decrypt"):
        return error("App spec decryption is only possible for version 8+ Apps.")
    return data(app.specification())


@ROUTES.get("/apps/globalappsspecifications/:hash?/:owner?/:appname?", cache=30)
def global_specifications(call: Call) -> Reply:
    """All registered specifications, filtered by hash, owner and name."""
    wanted = {"digest": call.param("hash"), "owner": call.param("owner"), "name": call.param("appname")}
    apps = [] if call.node.faults.condition("short_registry") else call.world.apps.values()
    given = {key: value for key, value in wanted.items() if value is not None}
    return data([app.specification() for app in apps if all(getattr(app, key) == given[key] for key in given)])


@ROUTES.get("/apps/placementlocations", refuses_query=True, profiles=SINCE_18)
def placement_locations(call: Call) -> Reply:
    """Where the nodes of the network are."""
    return data(placement(call.world))


@ROUTES.get("/apps/latestspecificationversion", cache=300)
def latest_version(call: Call) -> Reply:
    """The newest specification that this FluxOS takes."""
    return data(8)
