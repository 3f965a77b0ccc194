# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run verbs of apps (FluxOS: appController.js).

Up to 8.17 the route calls docker, and docker's words are the answer (``docker_verbs``). Since 8.18 it records what is
wanted, a reconciler acts, and the words are always the same (``intent_verbs``).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, error, unauthorized
from tests.simulator.forward import to_all_instances
from tests.simulator.jsvalues import ensure_boolean
from tests.simulator.profiles import SINCE_18
from tests.simulator.routes import docker_verbs, intent_verbs
from tests.simulator.routes.owner import NO_NAME, OWNER_VERBS, authorized, is_old, named
from tests.simulator.routing import Registry

ROUTES = Registry()
NO_PAUSE = "Pausing applications is no longer supported. Use appstop to stop an application."
# What a global command is called in its answer; the spelling of the last is FluxOS' own.
GLOBAL = {"start": "start", "stop": "stop", "restart": "restart", "pause": "pause", "unpause": "unpase"}


def _verb(verb: str, act: Callable[[Call, str], Reply]) -> None:
    def handler(call: Call) -> Reply:
        name = named(call)
        if not name:
            return error(NO_NAME)
        if not authorized(call, name):
            return unauthorized()
        if ensure_boolean(call.param("global")):
            return to_all_instances(call, name, f"app{verb}", f"{name} queried for global {GLOBAL[verb]}")
        return act(call, name) if is_old(call) else intent_verbs.act(call, name, verb)

    path = f"/apps/app{verb}/:appname?/:global?"
    ROUTES.get(path, privilege=OWNER_VERBS, checks="handler", gated=True, write=True)(handler)


_verb("start", docker_verbs.start)
_verb("stop", docker_verbs.stop)
_verb("restart", docker_verbs.restart)


def _pause_verb(verb: str, act: Callable[[Call, str], Reply]) -> None:
    def handler(call: Call) -> Reply:
        name = named(call)
        if is_old(call) and not name:
            return error(NO_NAME)
        if name and not authorized(call, name):
            return unauthorized()
        if not is_old(call):
            return error(NO_PAUSE, name="Deprecated", code=410)
        if ensure_boolean(call.param("global")):
            return to_all_instances(call, name, f"app{verb}", f"{name} queried for global {GLOBAL[verb]}")
        return act(call, name)

    path = f"/apps/app{verb}/:appname?/:global?"
    ROUTES.get(path, privilege=OWNER_VERBS, checks="handler", gated=True, write=True)(handler)


_pause_verb("pause", docker_verbs.pause)
_pause_verb("unpause", docker_verbs.unpause)


@ROUTES.get(
    "/apps/appkill/:appname?", privilege=OWNER_VERBS, checks="handler", gated=True, write=True, profiles=SINCE_18
)
def kill(call: Call) -> Reply:
    """A durable forced stop."""
    name = named(call)
    if not name:
        return error(NO_NAME)
    return intent_verbs.act(call, name, "kill") if authorized(call, name) else unauthorized()
