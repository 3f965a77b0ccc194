# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 8.18 added for apps: held components, promoted folders, jobs."""

from __future__ import annotations

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data
from tests.simulator.profiles import SINCE_18
from tests.simulator.routes.owner import named
from tests.simulator.routing import Registry

ROUTES = Registry()


@ROUTES.get("/apps/heldcomponents", refuses_query=True, profiles=SINCE_18)
def held(call: Call) -> Reply:
    """Components that this node has, stopped ones too (the form is assumed)."""
    return data([container.identifier for container in call.node.apps.containers])


@ROUTES.get("/apps/promotedfolders", refuses_query=True, profiles=SINCE_18)
def promoted(call: Call) -> Reply:
    """Folders that a primary writes: those of ``g:`` components that run here (the form is assumed)."""
    return data([each.name for each in call.node.apps.containers if each.flag == "g" and each.running])


@ROUTES.get("/apps/operations/:jobid", profiles=SINCE_18)
def job(call: Call) -> Reply:
    """How far a job is."""
    since = named(call, "sinceSeq")
    return call.node.jobs.show(call.params["jobid"], int(since) if since.isdigit() else 0)


@ROUTES.delete("/apps/operations/:jobid", profiles=SINCE_18, write=True)
def cancel(call: Call) -> Reply:
    """Cancel a job."""
    return call.node.jobs.cancel(call.params["jobid"])
