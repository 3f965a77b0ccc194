#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the logins of a Flux ID at a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: session_info
short_description: List the logins of a Flux ID at a FluxOS node
version_added: 0.1.0
description:
  - Lists when the logins of a Flux ID at a node were made and when they end.
  - It never changes anything, and never logs in. Without a login that is kept it lists in the name of a phrase that it
    signs itself, which a node accepts for reading.
options: {}
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.auth
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
  - fluxme.fluxos.attributes.info
notes:
  - Login phrases are secrets. They are not in the result.
seealso:
  - module: fluxme.fluxos.session
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: List the operator's logins at a node
  fluxme.fluxos.session_info:
    node: 127.18.0.1:16127
    private_key_file: ~/.flux/operator.wif
  register: logins

- name: Show how many there are
  ansible.builtin.debug:
    msg: "{{ logins.sessions | length }} logins"
"""

RETURN = r"""
flux_id:
  description: Whose logins these are.
  returned: success
  type: str
  sample: 17B3yoDNb4ocZCjCyQkeNNeVQrT1y7cKyT
sessions:
  description: The logins that the node knows.
  returned: success
  type: list
  elements: dict
  sample: [{created: "2026-11-25T08:00:00.000Z", expires: "2026-12-09T08:00:00.000Z", kept: true}]
  contains:
    created:
      description: When the login phrase was made, as the node writes it.
      returned: always
      type: str
      sample: "2026-11-25T08:00:00.000Z"
    expires:
      description: When the login ends.
      returned: always
      type: str
      sample: "2026-12-09T08:00:00.000Z"
    kept:
      description: Whether it is the one in O(session_cache).
      returned: always
      type: bool
      sample: true
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, NODE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import require_login

ARGUMENT_SPEC = argument_spec(NODE, AUTH)


def run(call: Call) -> Result:
    """List the logins of the task's Flux ID."""
    login = require_login(call)
    return Result(values={"flux_id": login.flux_id, "sessions": call.client.sessions()})


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
