#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log in to a node, or out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: session
short_description: Log in to a FluxOS node, or out
version_added: 0.1.0
description:
  - Makes or ends a login at a node. Logins are kept in O(session_cache), where the other modules find them.
  - The other modules log in by themselves when they need to. Use this one to check a key before a run, and to end a
    login after it.
  - It changes nothing when the node still knows the login that is kept, or when there is none to end.
options:
  state:
    description:
      - V(present) makes sure that a login is kept which the node accepts. V(absent) ends the login that is kept.
    type: str
    choices: [present, absent]
    default: present
  all_sessions:
    description:
      - With O(state=absent), end every login of this Flux ID at the node, whoever made it.
    type: bool
    default: false
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.auth
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: A login is a secret and has nothing to show.
  idempotent:
    support: full
notes:
  - A login lives 14 days, at one node only, and ends when FluxOS starts again.
  - "What can go wrong: C(Invalid signature) means that the key is not that of the Flux ID. A privilege of V(user) in
    the result means that the Flux ID is not the node's owner, so that the node will refuse the operator's verbs."
seealso:
  - module: fluxme.fluxos.session_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Log in to a node
  fluxme.fluxos.session:
    node: 127.18.0.1:16127
    private_key_file: ~/.flux/operator.wif
  register: login

- name: Make sure that it is the operator who logged in
  ansible.builtin.assert:
    that: login.privilege == 'admin'
    fail_msg: "{{ login.flux_id }} is not the owner of this node"
  when: not ansible_check_mode

- name: Log out
  fluxme.fluxos.session:
    node: 127.18.0.1:16127
    private_key_file: ~/.flux/operator.wif
    state: absent
"""

RETURN = r"""
flux_id:
  description: In whose name.
  returned: success
  type: str
  sample: 17B3yoDNb4ocZCjCyQkeNNeVQrT1y7cKyT
privilege:
  description:
    - What the node lets this Flux ID do. One of V(admin) (the operator), V(fluxteam) and V(user).
    - It is null without a login, and in check mode when a login would have to be made.
  returned: success
  type: str
  sample: admin
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, NODE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import require_login

ARGUMENT_SPEC = argument_spec(
    NODE,
    AUTH,
    own={
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "all_sessions": {"type": "bool", "default": False},
    },
)


def run(call: Call) -> Result:
    """Bring the login to the state that is asked for."""
    login = require_login(call)
    session = login.alive(call.client)
    values = {"flux_id": login.flux_id, "privilege": session.privilege if session else None}
    if call.params["state"] == "present":
        if session:
            return Result(values=values)
        values["privilege"] = call.change(lambda: login.login(call.client).privilege, predicted=None)
        return Result(changed=True, values=values)
    if not session:
        return Result(values=values)
    call.change(lambda: call.client.logout(everywhere=call.params["all_sessions"]), predicted=None)
    return Result(changed=True, values={**values, "privilege": None})


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
