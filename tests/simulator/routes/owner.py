# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the routes of app owners have in common: who may use them, and how they find containers."""

from __future__ import annotations

from tests.simulator.appinfo import container_name, main_name
from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, error, unauthorized
from tests.simulator.instances import rejected
from tests.simulator.profiles import P17, P18, P20
from tests.simulator.routes.health import docker_down, docker_error

OWNER_VERBS = {P17: "appownerabove", P18: "appownerorfluxteam", P20: "appownerorfluxteam"}
# The reference of 8.20 lets the team in, the source of 8.18 does not.
EXEC_RIGHTS = {P17: "appowner", P18: "appowner", P20: "appownerorfluxteam"}
NO_NAME = "No Flux App specified"
NO_CONTAINER = ("Cannot read properties of undefined (reading 'Id')", "TypeError")


def named(call: Call, name: str = "appname") -> str:
    """A parameter as text; empty when it is not given."""
    value = call.param(name)
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return "" if value is None else str(value)


def authorized(call: Call, identifier: str) -> bool:
    """Whether the caller may use the owner's routes of an app (or of one of its components)."""
    return call.authorize(OWNER_VERBS[call.node.profile.name], main_name(identifier))


def is_old(call: Call) -> bool:
    """Whether the node runs 8.17 or less."""
    return call.node.profile.name == P17


def find(call: Call, identifier: str) -> Container | None:
    """The container of an identifier, a docker name or a whole docker id."""
    apps = call.node.apps
    return apps.find(container_name(identifier)) or apps.find(identifier)


def missing(call: Call, identifier: str) -> Reply:
    """There is no such container: a JavaScript error up to 8.17, since then one that says so."""
    if is_old(call):
        return error(NO_CONTAINER[0], name=NO_CONTAINER[1])
    return error(f"Container {container_name(identifier)} not found")


def opened(call: Call, *, rejects: bool = False) -> Container | Reply:
    """The container of ``appname`` for its owner, or the refusal.

    ``rejects``: up to 8.17 a missing one leaves a rejection that nobody handles.
    """
    name = named(call)
    if not name:
        return error(NO_NAME)
    if not authorized(call, name):
        return unauthorized()
    if docker_down(call.node):
        return docker_error()
    container = find(call, name)
    if container is None:
        reply = missing(call, name)
        if rejects and is_old(call):
            reply.after = lambda: rejected(call.node)
        return reply
    return container
