#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read facts of FluxOS nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: Read facts of FluxOS nodes
version_added: 0.1.0
description:
  - Reads what a node tells about itself, version, uptime, confirmation, health and apps, without a login.
  - Reads many nodes in one task when O(nodes) is set.
  - It never changes anything.
options:
  nodes:
    description:
      - Many nodes to read at once, in one task, instead of O(node).
      - Each is an address, or the name of a host of the inventory that has the variable C(fluxos_node) (or
        C(ansible_host)), or a dictionary with C(address) and C(name), such as a row of another result.
      - A node that does not answer gets an RV(nodes[].error) and does not fail the task.
    type: list
    elements: raw
  gather:
    description:
      - What to read. Each entry costs one request, V(benchmark) two.
      - V(info) is the node's own summary, large, and fails as a whole when one of its parts fails.
      - Of a large fleet, ask for as little as you need. V(version) alone is one request for each node.
    aliases: [subset]
    type: list
    elements: str
    choices:
      - version
      - process
      - tier
      - flux_id
      - arcane
      - confirmation
      - block_height
      - dos
      - health
      - explorer_synced
      - benchmark
      - communication
      - boot_settled
      - containers
      - apps
      - geolocation
      - info
    default: [version, process, tier, confirmation, dos, health]
  fresh:
    description:
      - Whether to pass by the node's cache, which keeps answers for 15 s to a day. Reports over a large fleet may
        use it.
    type: bool
    default: true
  workers:
    description:
      - How many of the O(nodes) to read at the same time, 200 at the most.
      - A node that hangs keeps one of them busy for O(timeout) seconds.
    type: int
    default: 50
  total_timeout:
    description:
      - Seconds that all of the O(nodes) together may take. Nodes without an answer by then get an RV(nodes[].error) of
        the kind V(out_of_time).
    type: float
    default: 600.0
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
  - fluxme.fluxos.attributes.info
notes:
  - "What can go wrong: a gateway such as C(api.runonflux.io) answers for a node of its choice. It is refused as
    O(node)."
  - RV(node.boot_settled) is null for FluxOS before 8.18, which has no boot window, and RV(node.health.offered) is false
    for FluxOS before 8.19, which has no health check.
seealso:
  - module: fluxme.fluxos.node_preflight
  - module: fluxme.fluxos.node_health
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Read one node
  fluxme.fluxos.node_info:
    node: 127.18.0.1:16127
  register: result

- name: Read versions of the whole fleet in one task
  fluxme.fluxos.node_info:
    nodes: "{{ groups.fluxos_nodes }}"
    gather: [version]
  run_once: true
  register: fleet

- name: Show how many run which version, and which did not answer
  ansible.builtin.debug:
    msg:
      - "{{ fleet.summary.versions }}"
      - "{{ fleet.nodes | selectattr('error', 'defined') | map(attribute='address') | list }}"
  run_once: true

- name: Read nodes by their addresses, as other variables have them, and wait for a minute at the most
  fluxme.fluxos.node_info:
    nodes: "{{ groups.fluxos_nodes | map('extract', hostvars, 'fluxos_node') | list }}"
    gather: [version, tier]
    timeout: 5
    workers: 100
    total_timeout: 60
  run_once: true

- name: See which apps a node holds and what runs there
  fluxme.fluxos.node_info:
    node: 127.18.0.1:16127
    gather: [apps, containers]
"""

RETURN = r"""
node:
  description: What was read. Only the keys that O(gather) names are there.
  returned: when O(nodes) is not set
  type: dict
  contains:
    address:
      description: The node, always with its port.
      returned: always
      type: str
      sample: 127.18.0.1:16127
    version:
      description: Version of FluxOS.
      returned: when gathered
      type: str
      sample: 8.20.0
    process:
      description:
        - The FluxOS process. C(uptime) in seconds. C(node_time) and C(started) in epoch seconds on the node's own
          clock.
      returned: when gathered
      type: dict
      sample: {uptime: 86400, node_time: 1790000000.0, started: 1789913600.0}
    tier:
      description: Tier by collateral.
      returned: when gathered
      type: str
      sample: CUMULUS
    flux_id:
      description: Flux ID of the node's owner.
      returned: when gathered
      type: str
      sample: 17B3yoDNb4ocZCjCyQkeNNeVQrT1y7cKyT
    arcane:
      description: Whether the node runs ArcaneOS.
      returned: when gathered
      type: bool
      sample: false
    confirmation:
      description: Standing on the chain as the daemon tells it.
      returned: when gathered
      type: dict
      sample:
        status: CONFIRMED
        last_confirmed_height: 2996543
        collateral: COutPoint(7e9b0c1d, 0)
        ip: 127.18.0.1
        tier: CUMULUS
        payment_address: t1
    block_height:
      description: Height of the node's daemon in blocks.
      returned: when gathered
      type: int
      sample: 2996900
    dos:
      description: The node's own count of troubles. 0 is well, 100 is out of service.
      returned: when gathered
      type: dict
      sample: {state: 0, message: null}
    health:
      description: The node's own health check.
      returned: when gathered
      type: dict
      sample: {ok: true, checks: {db: ok, docker: ok}, said: null, offered: true}
      contains:
        offered:
          description: Whether the node has such a check.
          returned: always
          type: bool
          sample: true
    explorer_synced:
      description: Whether the block processor reached the tip.
      returned: when gathered
      type: bool
      sample: true
    benchmark:
      description: State of the benchmark daemon.
      returned: when gathered
      type: dict
      sample: {status: CUMULUS, tier_status: CUMULUS}
    communication:
      description: Whether the node has enough peers, and its own words on that.
      returned: when gathered
      type: dict
      sample: {established: true, said: Communication to Flux network is properly established}
    boot_settled:
      description: Whether the node has reconciled its apps after its start.
      returned: when gathered
      type: bool
      sample: true
    containers:
      description: App containers that run.
      returned: when gathered
      type: list
      elements: dict
      sample: [{name: fluxweb_shop, app: shop, component: web, state: running, status: Up 3 hours}]
    apps:
      description: Apps that are installed.
      returned: when gathered
      type: list
      elements: dict
      sample: [{name: shop, owner: 1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89, instances: 3, components: [web], version: 8}]
    geolocation:
      description: Where the node is, as it was found by its address.
      returned: when gathered
      type: dict
      sample: {country: Germany, countryCode: DE}
    info:
      description: The answer of C(/flux/info) as it came.
      returned: when gathered
      type: dict
      sample: {flux: {version: 8.20.0}}
nodes:
  description: The same for each of O(nodes), in their order.
  returned: when O(nodes) is set
  type: list
  elements: dict
  sample: [{address: "127.18.0.1:16127", name: fluxos-127-18-0-1, version: 8.20.0}]
  contains:
    name:
      description: Name of the host, where the entry of O(nodes) had one.
      returned: when there is one
      type: str
      sample: fluxos-127-18-0-1
    error:
      description:
        - Why something could not be read. What could be is there beside it.
        - C(kind) is one of unreachable, answer_lost, bad_answer, out_of_time (the node was not reached) and refused,
          unauthorized, not_found, busy (FluxOS said no).
      returned: when something could not be read
      type: dict
      sample: {kind: unreachable, node: "127.18.0.1:16127", operation: read the version, said: connection refused}
summary:
  description: What became of all O(nodes) together.
  returned: when O(nodes) is set
  type: dict
  contains:
    total:
      description: Number of nodes.
      returned: always
      type: int
      sample: 40
    reachable:
      description: Nodes on which FluxOS answered, be it with a refusal.
      returned: always
      type: int
      sample: 39
    failed:
      description: Nodes with an RV(nodes[].error).
      returned: always
      type: int
      sample: 1
    errors:
      description: Kind of error to number of nodes, the most frequent first.
      returned: always
      type: dict
      sample: {unreachable: 1}
    versions:
      description: Version of FluxOS to number of nodes, the most frequent first. Empty when not gathered.
      returned: always
      type: dict
      sample: {8.20.0: 37, 8.18.0: 2}
    tiers:
      description: Tier to number of nodes, the most frequent first. Empty when neither V(tier) nor V(confirmation) was
        gathered.
      returned: always
      type: dict
      sample: {CUMULUS: 30, NIMBUS: 9}
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import CONNECTION, NODE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.facts import FACTS, read
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import read_fleet

ARGUMENT_SPEC = argument_spec(
    CONNECTION,
    NODE,
    own={
        "nodes": {"type": "list", "elements": "raw"},
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": list(FACTS),
            "default": ["version", "process", "tier", "confirmation", "dos", "health"],
            "aliases": ["subset"],
        },
        "fresh": {"type": "bool", "default": True},
        "workers": {"type": "int", "default": 50},
        "total_timeout": {"type": "float", "default": 600.0},
    },
)


def run(call: Call) -> Result:
    """Read the facts that are asked for, of one node or of many at once."""
    if call.params["nodes"] is not None:
        return Result(values=read_fleet(call))
    client = call.client_of(call.endpoint, fresh=call.params["fresh"])
    return Result(values={"node": read(client, call.params["gather"])})


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
