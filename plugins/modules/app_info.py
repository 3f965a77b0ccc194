#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what the network knows of apps."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_info
short_description: Read specifications and locations of apps
version_added: 0.1.0
description:
  - Reads what the network has recorded of apps, who owns them, until when they live, and which nodes hold them.
  - Asks a gateway, without a login. Any number of apps takes three requests, or one more for each of a few.
  - It never changes anything.
options:
  names:
    description:
      - Apps to read. FluxOS tells upper and lower case apart.
      - A name that is not registered comes back in RV(unknown).
      - With O(owners) too, apps of other owners count as unknown.
    type: list
    elements: str
  owners:
    description:
      - Flux IDs whose apps to read.
      - Without O(names) and O(owners) all apps of the network are read, some 2,000 with 5 MB.
    type: list
    elements: str
  gather:
    description:
      - What to return of each app beside its basic facts.
      - V(specification) is the whole of it as the network tells it. V(locations) are the nodes that hold it.
    aliases: [subset]
    type: list
    elements: str
    choices: [specification, locations]
    default: [specification, locations]
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.connection.gateway
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
  - fluxme.fluxos.attributes.info
notes:
  - Answers may be 30 s old, since gateways keep them for so long.
  - "What can go wrong: a location is what its node said of itself within the last two hours. The node may have died
    since, and stopped apps are listed too. Ask the node with M(fluxme.fluxos.node_info) whether the app runs."
seealso:
  - module: fluxme.fluxos.node_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Read some apps
  fluxme.fluxos.app_info:
    names: [TideBoard, NoSuchApp]
  register: result

- name: Tell which do not exist
  ansible.builtin.debug:
    msg: "{{ result.unknown }}"

- name: See where all apps of an owner run
  fluxme.fluxos.app_info:
    owners: 1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89
    gather: [locations]

- name: Read the basic facts of all apps of the network
  fluxme.fluxos.app_info:
    gather: []
  register: network

- name: Show the apps that end within a day, which is 2880 blocks
  ansible.builtin.debug:
    msg: "{{ network.apps | selectattr('expires_in', 'integer') | selectattr('expires_in', 'lt', 2880)
      | map(attribute='name') | list }}"
"""

RETURN = r"""
apps:
  description: The apps that were found, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The app's name.
      returned: always
      type: str
      sample: TideBoard
    owner:
      description: Flux ID of the owner.
      returned: always
      type: str
      sample: 1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89
    version:
      description: Version of the specification's form, 1 to 8. 0 when it does not say.
      returned: always
      type: int
      sample: 8
    hash:
      description: Hash of the message that recorded the specification.
      returned: always
      type: str
      sample: 86d9a1f0c2b44e5e8d3c7a60f1b29e7d5a4c3b2a190817263544536271809fab
    height:
      description: Block in which it was paid for. 0 when it does not say.
      returned: always
      type: int
      sample: 2900000
    expires_height:
      description: Last block of the app. Null when its own block is not known.
      returned: always
      type: int
      sample: 2988000
    expires_in:
      description: Blocks until then, of 30 s each. Below 0 when it is about to be removed.
      returned: always
      type: int
      sample: 41234
    encrypted:
      description: Whether this is an enterprise app, whose components only its owner and the nodes that hold it know.
      returned: always
      type: bool
      sample: false
    instances:
      description: How many instances the network shall run.
      returned: always
      type: int
      sample: 3
    components:
      description: Names of the components. Empty for versions 1 to 3, and for an enterprise app.
      returned: always
      type: list
      elements: str
      sample: [web]
    locations:
      description: The nodes that hold it, by address.
      returned: when gathered
      type: list
      elements: dict
      contains:
        address:
          description: The node, always with its port.
          returned: always
          type: str
          sample: 127.18.0.1:16127
        hash:
          description: Hash of the specification that this node has installed. Another one than RV(apps[].hash) means
            that the node has not updated the app yet.
          returned: always
          type: str
          sample: 86d9a1f0c2b44e5e8d3c7a60f1b29e7d5a4c3b2a190817263544536271809fab
        broadcast_at:
          description: When the node last said so, epoch seconds on its clock.
          returned: always
          type: float
          sample: 1790000000.0
        expires_at:
          description: When the location goes unless the node says so again, epoch seconds.
          returned: always
          type: float
          sample: 1790007500.0
        running_since:
          description: Since when it runs there, epoch seconds.
          returned: always
          type: float
          sample: 1789913600.0
    specification:
      description: The specification as the network tells it.
      returned: when gathered
      type: dict
      sample: {version: 8, name: TideBoard, instances: 3, compose: [{name: web}]}
unknown:
  description: The O(names) that are not registered.
  returned: success
  type: list
  elements: str
  sample: [NoSuchApp]
block_height:
  description: The network's height when it was asked.
  returned: success
  type: int
  sample: 2946766
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_reads import read_apps
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import CONNECTION, GATEWAY, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module

ARGUMENT_SPEC = argument_spec(
    CONNECTION,
    GATEWAY,
    own={
        "names": {"type": "list", "elements": "str"},
        "owners": {"type": "list", "elements": "str"},
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": ["specification", "locations"],
            "default": ["specification", "locations"],
            "aliases": ["subset"],
        },
    },
)


def run(call: Call) -> Result:
    """Read the task's apps from the network."""
    return Result(values=read_apps(call))


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
