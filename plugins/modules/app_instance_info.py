#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the instances of an app."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_instance_info
short_description: Read one instance of an app, or all of them at once
version_added: 0.1.0
description:
  - Reads what an app is on a node, the specification that is installed there and its containers, without a login.
  - With O(all_instances) it asks every node that the network knows to hold the app, all of them at the same time.
  - With the key of the app's owner it also tells since when containers run, and of which image.
  - It never changes anything.
options:
  all_instances:
    description:
      - Whether to read all instances on the network instead of the one on O(node).
      - An instance whose node does not answer gets an RV(instances[].error) and does not fail the task.
      - With O(component), an instance that does not have it yet or any more has no RV(instances[].components).
    type: bool
    default: false
  gather:
    description:
      - What only the owner of the app may see of each container, besides its state. It is not asked without a key.
      - V(inspect) is start time, image and health.
      - V(stats) is one sample of use, and takes a node 1 to 2 s. V(top) lists the processes. Both are for containers
        that run.
    type: list
    elements: str
    choices: [inspect, stats, top]
    default: [inspect]
  workers:
    description:
      - How many requests to make at the same time.
    type: int
    default: 200
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.connection.gateway
  - fluxme.fluxos.node
  - fluxme.fluxos.instance
  - fluxme.fluxos.auth
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
  - fluxme.fluxos.attributes.info
notes:
  - The network lists an instance for up to two hours after it is gone. So RV(instances[].installed) tells whether the
    node holds the app.
  - The values of the environment of a container are never returned.
  - "What can go wrong: C(error) of a component says why the owner's part could not be read. Unauthorized means that the
    key is not that of the app's owner. Up to FluxOS 8.17 the node's operator may see it as well."
seealso:
  - module: fluxme.fluxos.app_instance
  - module: fluxme.fluxos.node_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Read an app on one node
  fluxme.fluxos.app_instance_info:
    node: 127.18.0.1:16127
    app: TideBoard
  register: here

- name: Read all its instances, with start times and images
  fluxme.fluxos.app_instance_info:
    app: TideBoard
    all_instances: true
    private_key_file: ~/.flux/owner.wif
  register: tide

- name: Show which of them have not got the newest specification, and which do not answer
  ansible.builtin.debug:
    msg:
      outdated: "{{ tide.instances | selectattr('outdated') | map(attribute='address') | list }}"
      silent: "{{ tide.instances | selectattr('error', 'defined') | map(attribute='address') | list }}"

- name: See what one component uses
  fluxme.fluxos.app_instance_info:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    gather: [inspect, stats, top]
    private_key_file: ~/.flux/owner.wif
"""

RETURN = r"""
instance:
  description: The instance on O(node).
  returned: when O(all_instances) is false
  type: dict
  sample: {address: "127.18.0.1:16127", app: TideBoard, installed: true, outdated: false}
instances:
  description: All instances, by address.
  returned: when O(all_instances) is true
  type: list
  elements: dict
  sample: [{address: "127.18.0.1:16127", app: TideBoard, installed: true, outdated: false}]
  contains:
    address:
      description: The node, always with its port.
      returned: always
      type: str
      sample: 127.18.0.1:16127
    app:
      description: The app as its specification spells it.
      returned: always
      type: str
      sample: TideBoard
    installed:
      description: Whether the node holds the app, or null when it does not answer.
      returned: always
      type: bool
      sample: true
    version:
      description: Version of the installed specification.
      returned: always
      type: int
      sample: 8
    hash:
      description: Hash of the message that the installed specification came with.
      returned: always
      type: str
      sample: 86d9eca59aa22d7c192d8eb29b45ed2c64ee94a75d4e87a9584eda3c9af16b82
    owner:
      description: Flux ID of the owner as the installed specification names it.
      returned: always
      type: str
      sample: 1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89
    outdated:
      description: Whether another specification is registered by now. Null where one of both is not known.
      returned: always
      type: bool
      sample: false
    components:
      description:
        - Components in the order of the specification. An app without components has one entry, whose C(component) is
          null.
        - Times are epoch seconds by the clock of the node. What only an owner sees is null for others.
      returned: always
      type: list
      elements: dict
      sample:
        - component: web
          identifier: web_TideBoard
          sync: ""
          container: fluxweb_TideBoard
          state: running
          status: Up 3 hours
          role: null
          id: 4f66ad9a0b2e
          image: nginx:1.27-alpine
          image_digest: sha256:b5a0f3
          created: 1795593500.1
          started: 1795593600.5
          age: 10800.5
          finished: null
          exit_code: 0
          health: null
      contains:
        age:
          description: Seconds since the start of a container that runs.
          returned: always
          type: float
          sample: 10800.5
        stats:
          description:
            - One sample of use. Sizes in bytes, C(cpu_total) in nanoseconds of processor time.
            - Null while it does not run.
          returned: when gathered
          type: dict
          sample:
            cpu_total: 52000000
            memory: 10485760
            memory_limit: 524288000
            network_in: 1234
            network_out: 1234
            disk: 48135760
            processes: 3
        top:
          description: The processes, with the titles of docker as keys. Null while it does not run.
          returned: when gathered
          type: list
          elements: dict
          sample: [{uid: root, pid: "4001", cmd: "nginx: master process"}]
        error:
          description: Why a part that was asked for could not be read.
          returned: when it could not
          type: dict
          sample: {kind: unauthorized, said: Unauthorized. Access denied}
    error:
      description: Why the node could not be read.
      returned: when it could not
      type: dict
      sample: {kind: unreachable, node: "127.18.0.1:16127", said: connection refused}
registered:
  description: The registered specification in short, or null for an app that the network does not know.
  returned: when O(all_instances) is true
  type: dict
  sample:
    name: TideBoard
    owner: 1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89
    version: 8
    hash: 86d9eca59aa22d7c192d8eb29b45ed2c64ee94a75d4e87a9584eda3c9af16b82
    instances: 3
    components: [web]
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_survey import LOOKS, AppSurvey, registered_row
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, GATEWAY, INSTANCE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module

ARGUMENT_SPEC = argument_spec(
    INSTANCE,
    GATEWAY,
    AUTH,
    own={
        "all_instances": {"type": "bool", "default": False},
        "gather": {"type": "list", "elements": "str", "choices": list(LOOKS), "default": ["inspect"]},
        "workers": {"type": "int", "default": 200},
    },
)


def run(call: Call) -> Result:
    """Read the instance on the node, or all of them."""
    survey = AppSurvey(call)
    if not call.params["all_instances"]:
        return Result(values={"instance": survey.here()})
    registered, rows = survey.everywhere()
    return Result(values={"registered": registered_row(registered), "instances": rows})


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
