#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide whether FluxOS may be restarted on nodes now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_preflight
short_description: Decide whether FluxOS may be restarted on nodes now
version_added: 0.1.0
description:
  - Judges one node, or a whole fleet in one task, by the rules that keep a node its confirmation and its apps.
  - It only reads, without a login, and never changes anything.
  - A rule that cannot be judged, because something could not be read, holds a node back like one that is broken.
options:
  nodes:
    description:
      - The nodes to judge instead of O(node), name to address.
    type: dict
  restart_command:
    description:
      - Whether there is a command that restarts FluxOS on O(node) over the host's own connection.
    type: bool
    default: false
  restart_commands:
    description:
      - The names among O(nodes) for which there is such a command.
    type: list
    elements: str
    default: []
  before:
    description:
      - Name to process of O(nodes), as RV(fluxme.fluxos.maintenance_run#module:before) keeps it. Another process now
        means that the node was restarted since.
    type: dict
    default: {}
  in_flight:
    description:
      - Names among O(nodes) whose restart an interrupted run had begun.
    type: list
    elements: str
    default: []
  restarts:
    description:
      - What earlier restarts gave, as RV(fluxme.fluxos.maintenance_run#module:restarts) keeps it. A node that an
        earlier restart did not update is not restarted for its version again.
    type: dict
    default: {}
  target_version:
    description:
      - Nodes with an older version are candidates. V(newest) is the newest version that any of the nodes reports.
      - Without this option, O(max_uptime) and O(names) every node is a candidate.
    type: str
  max_uptime:
    description:
      - Nodes whose FluxOS process runs longer are candidates, such as V(7d), V(12h) or seconds.
    type: str
  names:
    description:
      - Nodes of these names are candidates, whatever their version and uptime.
    type: list
    elements: str
  planned_minutes:
    description:
      - How long a node is expected to be away. It must be back well before it has to confirm again.
    type: int
    default: 10
  app_budget:
    description:
      - How many instances of an app may be away at once.
    type: int
    default: 1
  app_budgets:
    description:
      - The same for single apps, by name.
    type: dict
  overrides:
    description:
      - Gates that do not hold a node back. Each that mattered is reported.
    type: list
    elements: str
    choices: [daemon, explorer, confirmed, dos, slack, benchmark, health, boot, restart_path, apps]
    default: []
  patience:
    description:
      - For how many seconds to ask nodes again that are held back for a reason that passes by itself.
    type: float
    default: 0.0
  interval:
    description:
      - Seconds between asking again.
    type: float
    default: 30.0
  workers:
    description:
      - How many nodes to read at the same time.
    type: int
    default: 50
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.connection.gateway
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
  - fluxme.fluxos.attributes.info
notes:
  - "The gates are these. V(daemon): it answers and is within 12 blocks of the network. V(explorer): it is synced.
    V(confirmed): the node is CONFIRMED. V(dos): its DOS state is 0 without a message. V(slack): enough blocks are left
    until it confirms again. V(benchmark): none runs, and none has failed. V(health): its own health check is green,
    where it has one. V(boot): its boot window is over. V(restart_path): there is a way to restart it. V(apps): every
    app on it has enough instances that run on other nodes right now."
seealso:
  - module: fluxme.fluxos.node_restart
  - module: fluxme.fluxos.node_health
  - plugin: fluxme.fluxos.maintenance_waves
    plugin_type: filter
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Ask whether a node may be restarted now
  fluxme.fluxos.node_preflight:
    node: 127.18.0.1:16127
  register: verdict

- name: Say why not
  ansible.builtin.debug:
    msg: "{{ verdict.message }}"
  when: verdict.decision != 'restart'

- name: Decide about a fleet in one task
  fluxme.fluxos.node_preflight:
    nodes:
      alpha: 127.18.0.1:16127
      beta: 127.18.0.2:16127
    target_version: newest
    max_uptime: 30d
  register: fleet
"""

RETURN = r"""
decision:
  description:
    - V(restart) when it may be restarted now, V(hold) when it should be restarted and may not be now.
    - V(skip) when there is no need to, V(verify) when an interrupted run had begun its restart.
  returned: when O(nodes) is not set
  type: str
  sample: hold
reason:
  description: Why, for programs.
  returned: when O(nodes) is not set
  type: str
  sample: slack
message:
  description: Why, for people.
  returned: when O(nodes) is not set
  type: str
  sample: "confirmation age 471 of 500 blocks: 29 blocks left, 40 needed; ask again after it confirmed, in about 15
    to 25 min"
node:
  description: The whole verdict of the node, as in RV(nodes).
  returned: when O(nodes) is not set
  type: dict
  sample: {name: "127.18.0.1:16127", decision: hold, reason: slack}
  contains:
    method:
      description: How it would be restarted, V(api) or V(command), and null when there is no way.
      returned: always
      type: str
      sample: api
    clears:
      description: Whether the reason is one that passes by itself within an hour.
      returned: always
      type: bool
      sample: true
    overridden:
      description: The O(overrides) without which it would be held back.
      returned: always
      type: list
      elements: str
      sample: []
    gates:
      description: What each gate said. Empty for a node that is no candidate.
      returned: always
      type: list
      elements: dict
      sample: [{gate: reachable, ok: true, message: "FluxOS 8.18.0, up for 864000 s"}]
    before:
      description: What M(fluxme.fluxos.node_health) needs to know of the node from before its restart.
      returned: always
      type: dict
      sample: {version: 8.18.0, process: {uptime: 864000}, containers: [], apps: []}
nodes:
  description: The verdict of each node, in the order of O(nodes).
  returned: when O(nodes) is set
  type: list
  elements: dict
  sample: [{name: alpha, decision: restart, reason: outdated, method: api}]
candidates:
  description: The nodes to restart, in the form that P(fluxme.fluxos.maintenance_waves#filter) takes.
  returned: when O(nodes) is set
  type: list
  elements: dict
  sample: [{name: alpha, ip: 127.18.0.1, apps: [shop]}]
target_version:
  description: The target version that was used.
  returned: when O(target_version) is set
  type: str
  sample: 8.20.0
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import GATEWAY, NODE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.decide import Decider
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.selection import (
    Criteria,
    checked_target,
    seconds,
)

GATES = ["daemon", "explorer", "confirmed", "dos", "slack", "benchmark", "health", "boot", "restart_path", "apps"]

ARGUMENT_SPEC = argument_spec(
    NODE,
    GATEWAY,
    own={
        "nodes": {"type": "dict"},
        "restart_command": {"type": "bool", "default": False},
        "restart_commands": {"type": "list", "elements": "str", "default": []},
        "before": {"type": "dict", "default": {}},
        "in_flight": {"type": "list", "elements": "str", "default": []},
        "restarts": {"type": "dict", "default": {}},
        "target_version": {"type": "str"},
        "max_uptime": {"type": "str"},
        "names": {"type": "list", "elements": "str"},
        "planned_minutes": {"type": "int", "default": 10},
        "app_budget": {"type": "int", "default": 1},
        "app_budgets": {"type": "dict"},
        "overrides": {"type": "list", "elements": "str", "choices": GATES, "default": []},
        "patience": {"type": "float", "default": 0.0},
        "interval": {"type": "float", "default": 30.0},
        "workers": {"type": "int", "default": 50},
    },
)


def run(call: Call) -> Result:
    """Judge one node, or many."""
    params = call.params
    decider = Decider(call, criteria(params), params["overrides"], params["workers"])
    judged = [node.as_dict() for node in decider.decide(params["patience"], params["interval"])]
    if not params["nodes"]:
        node = judged[0]
        return Result(values={"node": node, **{key: node[key] for key in ("decision", "reason", "message")}})
    candidates = [
        {key: node[key] for key in ("name", "ip", "apps")} for node in judged if node["decision"] == "restart"
    ]
    return Result(values={"nodes": judged, "candidates": candidates, "target_version": decider.criteria.target_version})


def criteria(params: Mapping[str, Any]) -> Criteria:
    """Which nodes are candidates, from the task's options."""
    return Criteria(
        target_version=checked_target(params["target_version"]),
        max_uptime=seconds(params["max_uptime"]) if params["max_uptime"] else None,
        names=None if params["names"] is None else frozenset(params["names"]),
    )


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
