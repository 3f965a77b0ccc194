#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a maintenance run: its lock, plan, events and report."""

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_run
short_description: Keep a maintenance run of a fleet
version_added: 0.1.0
description:
  - Keeps what a maintenance run needs to be safe when it is interrupted, its lock, its plan, what happened to each
    node and its report, on the controller. It never talks to a node.
  - The playbooks of this collection use it. Use it in your own to get the same lock, resumption and report.
options:
  state:
    description:
      - V(opened) says whether a run was interrupted, and changes nothing.
      - V(started) takes the fleet's lock and keeps the plan. It fails when another run has the lock, and names that
        run. Called again in the same run it adds to the plan.
      - V(recorded) keeps what happened to a node.
      - V(reported) returns the report as it stands, and changes nothing.
      - V(finished) releases the lock and completes the report.
      - V(recovered) releases the lock of a run that died.
    type: str
    choices: [opened, started, recorded, reported, finished, recovered]
    required: true
  fleet:
    description:
      - Name of the fleet. Runs of one fleet exclude each other. Fleets that share a node must share the name.
    type: str
    default: default
  state_dir:
    description:
      - Directory on the controller where runs are kept.
    type: path
    default: ~/.ansible/fluxos/fleets
  report_dir:
    description:
      - Directory that gets a copy of C(report.json) and C(report.md).
    type: path
  run_id:
    description:
      - The run, as O(state=opened) gave it.
    type: str
  resume:
    description:
      - Whether to go on with a run that was interrupted.
    type: bool
    default: true
  resume_within:
    description:
      - How old an interrupted run may be to go on with it.
    type: str
    default: 24h
  resuming:
    description:
      - With O(state=started), whether the run goes on after an interruption, as O(state=opened) said.
    type: bool
    default: false
  started:
    description:
      - With O(state=started), when the run began, as O(state=opened) gave it.
    type: float
  lock_ttl:
    description:
      - Seconds without a sign of life after which a run on another machine, which shares O(state_dir), counts as dead.
    type: float
    default: 3600.0
  plan:
    description:
      - With O(state=started), what is to be done. V(nodes) as M(fluxme.fluxos.node_preflight) returns them, V(waves)
        and V(held) as P(fluxme.fluxos.maintenance_waves#filter) does, V(cap), V(fleet_size),
        V(criteria) and V(overrides).
    type: dict
  node:
    description:
      - With O(state=recorded), the node's name in the plan.
    type: str
  event:
    description:
      - With O(state=recorded), what happened.
    type: str
    choices: [restarting, restarted, already_restarted, held, failed]
  facts:
    description:
      - With O(state=recorded), what is to be kept with it.
    type: dict
  error_budget:
    description:
      - How many nodes may fail before the run has to stop.
    type: int
    default: 0
  status:
    description:
      - With O(state=finished), how the run ended.
    type: str
    choices: [finished, failed]
    default: finished
  why:
    description:
      - With O(state=finished), why it ended, when it failed.
    type: str
extends_documentation_fragment:
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
    details: Nothing is kept, except the plan as a report in O(report_dir) when that is set.
  diff_mode:
    support: none
    details: The plan and the report say what changes.
  async:
    support: none
    details: The lock belongs to the run itself, so this module works on the controller, whatever host it is for.
  idempotent:
    support: partial
    details: Only O(state=opened), O(state=finished) and O(state=recovered) are.
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: See whether a run was interrupted
  fluxme.fluxos.maintenance_run:
    state: opened
    fleet: example
  register: run

- name: Take the lock and keep a plan
  fluxme.fluxos.maintenance_run:
    state: started
    fleet: example
    run_id: "{{ run.run_id }}"
    plan:
      cap: 1
      waves: [[alpha]]
      nodes:
        - {name: alpha, address: "127.18.0.1:16127", decision: restart, reason: named, message: it was named}

- name: Keep what happened
  fluxme.fluxos.maintenance_run:
    state: recorded
    fleet: example
    run_id: "{{ run.run_id }}"
    node: alpha
    event: restarted
    facts: {version: 8.20.0}

- name: End the run and show its summary
  fluxme.fluxos.maintenance_run:
    state: finished
    fleet: example
    run_id: "{{ run.run_id }}"
  register: end
"""

RETURN = r"""
run_id:
  description: The run.
  returned: with O(state=opened) and O(state=started)
  type: str
  sample: 20261125T080000Z-3f1c
resumed:
  description: Whether it is a run that was interrupted.
  returned: with O(state=opened)
  type: bool
  sample: false
started:
  description: When it began, in epoch seconds.
  returned: with O(state=opened)
  type: float
  sample: 1795593600.0
before:
  description:
    - With O(state=opened), the process of each node when the interrupted run first saw it, by name.
    - With O(state=started), what the nodes of all waves were before their restart, by name, as
      M(fluxme.fluxos.node_health) takes it. It is that of the run's first plan where that one had begun the restart.
  returned: with O(state=opened) and O(state=started)
  type: dict
  sample: {alpha: {uptime: 864000, node_time: 1795593600.0}}
in_flight:
  description: Nodes whose restart was begun and whose outcome nobody kept.
  returned: with O(state=opened)
  type: list
  elements: str
  sample: [alpha]
restarts:
  description: Version and process of each node after its last restart by any run, by address.
  returned: with O(state=opened)
  type: dict
  sample: {"127.18.0.1:16127": {version: 8.20.0, process: {uptime: 120, node_time: 1795593600.0}}}
lines:
  description: The plan or the summary, for people.
  returned: with O(state=started), O(state=finished) and O(state=recovered)
  type: list
  elements: str
  sample: ["40 nodes: 22 restarted, 5 held back, 13 not selected."]
order:
  description: The nodes of all waves, in order.
  returned: with O(state=started)
  type: list
  elements: str
  sample: [alpha, beta, gamma]
sizes:
  description: The size of each wave.
  returned: with O(state=started)
  type: list
  elements: int
  sample: [1, 2]
stop:
  description: Whether the run has to stop, since more nodes failed than O(error_budget).
  returned: with O(state=recorded)
  type: bool
  sample: false
failed_nodes:
  description: The nodes that failed so far.
  returned: with O(state=recorded)
  type: list
  elements: str
  sample: []
report:
  description: The whole report, as in C(report.json).
  returned: with O(state=reported) and O(state=finished)
  type: dict
  sample: {run_id: 20261125T080000Z-3f1c, status: finished}
processes:
  description: The process of each node as the plan saw it, by name.
  returned: with O(state=reported)
  type: dict
  sample: {alpha: {uptime: 864000, node_time: 1795593600.0}}
directory:
  description: Where the run is kept.
  returned: with O(state=started) and O(state=finished)
  type: str
  sample: ~/.ansible/fluxos/fleets/example/runs/20261125T080000Z-3f1c
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.keeper import Keeper

EVENTS = ["restarting", "restarted", "already_restarted", "held", "failed"]
STATES = ["opened", "started", "recorded", "reported", "finished", "recovered"]

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": STATES, "required": True},
    "fleet": {"type": "str", "default": "default"},
    "state_dir": {"type": "path", "default": "~/.ansible/fluxos/fleets"},
    "report_dir": {"type": "path"},
    "run_id": {"type": "str"},
    "resume": {"type": "bool", "default": True},
    "resume_within": {"type": "str", "default": "24h"},
    "resuming": {"type": "bool", "default": False},
    "started": {"type": "float"},
    "lock_ttl": {"type": "float", "default": 3600.0},
    "plan": {"type": "dict"},
    "node": {"type": "str"},
    "event": {"type": "str", "choices": EVENTS},
    "facts": {"type": "dict"},
    "error_budget": {"type": "int", "default": 0},
    "status": {"type": "str", "choices": ["finished", "failed"], "default": "finished"},
    "why": {"type": "str"},
}
CONSTRAINTS = {
    "required_if": [
        ("state", "started", ("run_id", "plan")),
        ("state", "recorded", ("run_id", "node", "event")),
        ("state", "reported", ("run_id",)),
        ("state", "finished", ("run_id",)),
    ],
}


#: The lock lives as long as the run's own process: another host or a process of its own would lose it at once.
ON_CONTROLLER = True


def run(call: Call) -> Result:
    """Do the step that the state names."""
    result: Result = getattr(Keeper(call), call.params["state"])()
    return result


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run, CONSTRAINTS)


if __name__ == "__main__":
    main()
