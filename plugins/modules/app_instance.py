#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop, redeploy or remove an app on one node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_instance
short_description: Start, stop, redeploy or remove an app on one node
version_added: 0.1.0
description:
  - Brings one instance of an app, or one of its components, to a state, and proves by reading back that it is there.
  - Components are handled one by one, in the order of the specification, and in the reverse order to stop them.
  - It never touches another instance, and never sends a command that a node would forward to all of them.
  - It never deletes data unless O(state=absent) or O(data_loss=accepted) says so.
options:
  state:
    description:
      - V(started) starts what does not run.
      - V(stopped) stops what runs. It stays stopped, also when the node restarts.
      - V(restarted) restarts what runs and starts what does not.
      - V(killed) is a stop without grace. FluxOS 8.18 and later only.
      - V(redeployed) makes the containers anew from the newest specification and the newest images, and keeps the data.
        It is for whole apps only.
      - V(absent) takes the app from the node with its data there. The network may install it elsewhere. It is for whole
        apps only.
    type: str
    choices: [started, stopped, restarted, killed, redeployed, absent]
    default: started
  not_after:
    description:
      - Leave containers alone that run and started after this time, epoch seconds or ISO 8601 with a time zone.
      - With the start of a run here, a run that is repeated restarts nothing twice.
      - It is for O(state=restarted).
    type: str
  hard:
    description:
      - Whether O(state=redeployed) deletes the data volumes and makes empty ones. Needs O(data_loss=accepted).
    type: bool
    default: false
  data_loss:
    description:
      - Whether O(state=redeployed) may delete the data of the app on this node.
      - Even a soft redeploy deletes them where the components of the app have changed. It is refused unless this is
        V(accepted). Those of an enterprise app are encrypted, so it is refused there for any other specification.
    type: str
    choices: [refused, accepted]
    default: refused
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.instance
  - fluxme.fluxos.auth
  - fluxme.fluxos.wait
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the state of each container before and after.
  idempotent:
    support: partial
    details:
      - O(state=started), O(state=stopped), O(state=killed) and O(state=absent) change nothing the second time, nor does
        O(state=restarted) with O(not_after). O(state=redeployed) redeploys every time.
      - What keeps a stopped component stopped is a lock that nobody can see. So components that may come up by
        themselves, standbys and crashed ones, are told their state again each time, which counts as no change.
notes:
  - The owner of the app may do this, and the Flux team. Up to FluxOS 8.17 the node's operator may as well.
  - A C(g:) component runs on one node at a time, chosen by an election. Where it does not run it is a standby, which is
    a correct final state of O(state=started), and RV(instance.components[].role) says so. Stopping the one that runs is
    an outage, since FluxOS does not choose another one.
  - An C(r:) component without its data yet is V(syncing), and is left to FluxOS.
  - A node that has just started, or on which another operation runs, is waited for as O(wait_timeout) says.
  - Up to FluxOS 8.17 a redeploy that fails removes the app from the node, with its data. That is a failure of this
    module which says so, and its C(error.kind) is V(app_lost). A failure has the values below as far as they are known,
    and C(changed) tells whether anything was begun.
  - "What can go wrong: Unauthorized names the app's owner and who asked. A restart or start that comes to nothing says
    which state was seen last."
seealso:
  - module: fluxme.fluxos.app_instance_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Start whatever of an app does not run on a node
  fluxme.fluxos.app_instance:
    node: 127.18.0.1:16127
    app: TideBoard
    private_key_file: ~/.flux/owner.wif

- name: Restart one component, once in this maintenance
  fluxme.fluxos.app_instance:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    state: restarted
    not_after: "2026-11-25T08:00:00Z"
    private_key_file: ~/.flux/owner.wif

- name: Apply the newest specification and image, and keep the data
  fluxme.fluxos.app_instance:
    node: 127.18.0.3:16127
    app: TideBoard
    state: redeployed
    private_key_file: ~/.flux/owner.wif
  register: redeployed

- name: Show what FluxOS said meanwhile
  ansible.builtin.debug:
    var: redeployed.stream

- name: Stop an app on a node
  fluxme.fluxos.app_instance:
    node: 127.18.0.4:16127
    app: TideBoard
    state: stopped
    private_key_file: ~/.flux/owner.wif

- name: Take it from the node, with its data there
  fluxme.fluxos.app_instance:
    node: 127.18.0.4:16127
    app: TideBoard
    state: absent
    private_key_file: ~/.flux/owner.wif
"""

RETURN = r"""
instance:
  description: The instance as it is afterwards, or in check mode as it is.
  returned: success
  type: dict
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
      description: Whether the node holds the app.
      returned: always
      type: bool
      sample: true
    version:
      description: Version of the specification, or null without one.
      returned: always
      type: int
      sample: 8
    hash:
      description: Hash of the message that the installed specification came with, or null without one.
      returned: always
      type: str
      sample: 86d9eca59aa22d7c192d8eb29b45ed2c64ee94a75d4e87a9584eda3c9af16b82
    owner:
      description: Flux ID of the owner as the installed specification names it.
      returned: always
      type: str
      sample: 1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89
    components:
      description:
        - Components in the order of the specification. An app without components has one entry, whose C(component) is
          null.
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
      contains:
        sync:
          description: How its volume is shared, C(g), C(r), C(s) or empty.
          returned: always
          type: str
          sample: g
        state:
          description: Docker's word, V(running), V(exited), V(created) or V(paused), or V(missing) without a container.
          returned: always
          type: str
          sample: running
        role:
          description:
            - V(primary) or V(standby) for a C(g:) component, V(syncing) for an C(r:) component that waits for its
              data, else null.
          returned: always
          type: str
          sample: standby
steps:
  description: What was done, or in check mode would be, with each component.
  returned: unless O(state) is V(redeployed) or V(absent)
  type: list
  elements: dict
  sample:
    - component: web
      identifier: web_TideBoard
      before: exited
      state: running
      verb: start
      said: Application web_TideBoard started
      changed: true
outcome:
  description:
    - What the stream said. V(done) for a redeploy, V(removed) for a removal.
    - V(unended) is a stream that came to no end, whose effect was read back.
    - Null when nothing was sent.
  returned: when O(state) is V(redeployed) or V(absent)
  type: str
  sample: done
said:
  description: The text of it that decided, or null when nothing was sent.
  returned: when O(state) is V(redeployed) or V(absent)
  type: str
  sample: Flux App TideBoard successfully installed and launched
stream:
  description: What FluxOS said meanwhile, without the progress of images.
  returned: when O(state) is V(redeployed) or V(absent)
  type: list
  elements: str
  sample: [Stopping Flux App Component web..., Flux App TideBoard successfully installed and launched]
data_lost:
  description:
    - Whether data of the app on this node were deleted, or are being deleted where O(wait) is false.
    - Null where that is not known, after a hard redeploy that failed.
  returned: when O(state) is V(redeployed) or V(absent)
  type: bool
  sample: false
locks_cleared:
  description:
    - Components that did not run before a soft redeploy and were started for good after it. FluxOS would stop those
      again within the hour that had been stopped by their owner.
  returned: when O(state) is V(redeployed) or V(absent)
  type: list
  elements: str
  sample: [web_TideBoard]
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_change import change_state, deploy
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, INSTANCE, WAIT, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module

ARGUMENT_SPEC = argument_spec(
    INSTANCE,
    AUTH,
    WAIT,
    own={
        "state": {
            "type": "str",
            "choices": ["started", "stopped", "restarted", "killed", "redeployed", "absent"],
            "default": "started",
        },
        "not_after": {"type": "str"},
        "hard": {"type": "bool", "default": False},
        "data_loss": {"type": "str", "choices": ["refused", "accepted"], "default": "refused"},
    },
)


def run(call: Call) -> Result:
    """Bring the instance to the state that is asked for."""
    return deploy(call) if call.params["state"] in ("redeployed", "absent") else change_state(call)


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
