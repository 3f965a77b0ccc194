#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until a node is healthy, or judge a fleet."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_health
short_description: Wait until a FluxOS node is healthy, or judge a fleet
version_added: 0.1.0
description:
  - Waits until a node is healthy several times in a row.
  - After a restart, with O(before), it also waits until FluxOS runs in a new process, every app container that ran
    before runs again, and the network lists the node's apps there again.
  - With O(nodes) it looks at a fleet once, and fails when too many of its nodes are sick.
  - It only reads, without a login, and never changes anything.
options:
  before:
    description:
      - What was known of the node right before its restart, RV(fluxme.fluxos.node_preflight#module:node.before).
    type: dict
  samples:
    description:
      - How many times in a row the node has to be healthy.
    type: int
    default: 3
  nodes:
    description:
      - The fleet to look at instead of O(node), name to address.
    type: dict
  max_sick:
    description:
      - How many of O(nodes) may be sick, as a number or a share such as V(10%). At least one always may.
      - A node is sick when it does not answer, its daemon is behind, it is not CONFIRMED, its DOS state is not 0 or
        its own health check fails.
    type: str
    default: 10%
  workers:
    description:
      - How many of O(nodes) to read at the same time.
    type: int
    default: 50
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.connection.gateway
  - fluxme.fluxos.wait
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
  - fluxme.fluxos.attributes.info
notes:
  - Peers take minutes to come back after a restart, so a wait of some minutes is usual.
  - "What can go wrong: the error at the deadline says what the node still lacks and what was seen last."
seealso:
  - module: fluxme.fluxos.node_preflight
  - module: fluxme.fluxos.node_restart
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Wait until a node is healthy
  fluxme.fluxos.node_health:
    node: 127.18.0.1:16127
    wait_timeout: 1200

- name: Look once
  fluxme.fluxos.node_health:
    node: 127.18.0.1:16127
    wait: false
    samples: 1

- name: Go on only when at most a tenth of the fleet is sick
  fluxme.fluxos.node_health:
    nodes:
      alpha: 127.18.0.1:16127
      beta: 127.18.0.2:16127
    max_sick: 10%
"""

RETURN = r"""
seconds:
  description: How long the node was waited for.
  returned: when O(nodes) is not set
  type: float
  sample: 95.2
version:
  description: Version of FluxOS now.
  returned: when O(nodes) is not set
  type: str
  sample: 8.20.0
process:
  description: The FluxOS process now.
  returned: when O(nodes) is not set
  type: dict
  sample: {uptime: 180, node_time: 1790000200.0, started: 1790000020.0}
sick:
  description: The nodes that are sick.
  returned: when O(nodes) is set
  type: list
  elements: str
  sample: [beta]
message:
  description: The verdict on the fleet.
  returned: when O(nodes) is set
  type: str
  sample: 1 of 40 nodes are sick, 4 may be
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import GATEWAY, NODE, WAIT, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.recovery import (
    judge_fleet,
    reading_from_plain,
    wait_until_healthy,
)

ARGUMENT_SPEC = argument_spec(
    NODE,
    GATEWAY,
    WAIT,
    own={
        "before": {"type": "dict"},
        "samples": {"type": "int", "default": 3},
        "nodes": {"type": "dict"},
        "max_sick": {"type": "str", "default": "10%"},
        "workers": {"type": "int", "default": 50},
    },
)


def run(call: Call) -> Result:
    """Wait for one node, or judge many."""
    params = call.params
    if params["nodes"]:
        verdict = judge_fleet(call, params["nodes"], params["max_sick"], params["workers"])
        if not verdict.ok:
            raise CallError(
                f"{verdict.sentence}. Nothing more is restarted. Look at these nodes first; max_sick says how many "
                "may be sick",
                sick=list(verdict.sick),
                reason=verdict.reason.value if verdict.reason else None,
            )
        return Result(values={"sick": list(verdict.sick), "message": verdict.sentence})
    before = reading_from_plain(call.endpoint.address, params["before"])
    done = wait_until_healthy(call, before, params["samples"])
    reading = done.reading
    return Result(values={"seconds": done.seconds, "version": reading.version, "process": plain(reading.process)})


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
