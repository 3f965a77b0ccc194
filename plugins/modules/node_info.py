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
      - Addresses of many nodes to read at once, instead of O(node).
      - A node that does not answer gets an RV(nodes[].error) and does not fail the task.
    type: list
    elements: str
  gather:
    description:
      - What to read. Each entry costs one request, V(benchmark) two.
      - V(info) is the node's own summary, large, and fails as a whole when one of its parts fails.
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
      - How many of the O(nodes) to read at the same time.
    type: int
    default: 50
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
    nodes: "{{ groups['fluxos_nodes'] | map('extract', hostvars, 'fluxos_node') | list }}"
    gather: [version]
  run_once: true
  register: fleet

- name: Show which nodes did not answer
  ansible.builtin.debug:
    msg: "{{ fleet.nodes | selectattr('error', 'defined') | map(attribute='address') | list }}"
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
      sample: cumulus_new
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
  sample: [{address: "127.18.0.1:16127", version: 8.20.0}]
  contains:
    error:
      description: Why the node could not be read. C(kind) is one of unreachable, answer_lost, refused, not_found,
        busy, bad_answer.
      returned: when it could not be read
      type: dict
      sample: {kind: unreachable, node: "127.18.0.1:16127", operation: read the version, said: connection refused}
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import CONNECTION, NODE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.facts import FACTS, read
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each

ARGUMENT_SPEC = argument_spec(
    CONNECTION,
    NODE,
    own={
        "nodes": {"type": "list", "elements": "str"},
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": list(FACTS),
            "default": ["version", "process", "tier", "confirmation", "dos", "health"],
        },
        "fresh": {"type": "bool", "default": True},
        "workers": {"type": "int", "default": 50},
    },
)


def run(call: Call) -> Result:
    """Read the facts that are asked for, of one node or of many at once."""
    gather, fresh = call.params["gather"], call.params["fresh"]
    if not call.params["nodes"]:
        return Result(values={"node": read(call.client_of(call.endpoint, fresh=fresh), gather)})
    clients = [call.client_of(node, fresh=fresh) for node in call.params["nodes"]]
    outcomes = each(clients, lambda client: read(client, gather), workers=call.params["workers"])
    return Result(
        values={
            "nodes": [
                outcome.result
                if outcome.error is None
                else {"address": outcome.node.endpoint.address, "error": outcome.error.as_dict()}
                for outcome in outcomes
            ]
        }
    )


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
