#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart FluxOS on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_restart
short_description: Restart FluxOS on a node
version_added: 0.1.0
description:
  - Asks FluxOS on a legacy node to restart itself, and proves by its uptime that it did. App containers keep running.
  - It never restarts the daemon, the host or an app, and it never sends the request twice.
  - It does not judge whether a restart is safe. M(fluxme.fluxos.node_preflight) does.
  - It changes nothing when O(not_after) or O(before) say that the process was restarted already.
options:
  not_after:
    description:
      - Restart only a process that started before this time, as epoch seconds or as ISO 8601 with a time zone.
      - With the start of a run here, a run that is repeated restarts no node twice.
    type: str
  before:
    description:
      - The process as an earlier task read it, RV(fluxme.fluxos.node_info#module:node.process). Restart only that
        very process.
      - It is judged on the node's own clock, so a node with a wrong clock is judged rightly too.
    type: dict
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.auth
  - fluxme.fluxos.wait
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The change is a new process, which RV(process) describes.
  idempotent:
    support: partial
    details: With O(not_after) or O(before) a second run changes nothing. Without them every run restarts.
notes:
  - The node's operator may restart it. On FluxOS 8.19 and later the Flux team may too.
  - "ArcaneOS nodes, 94 % of the network, cannot restart themselves over the API. There use the host's own connection,
    as the role of the same name does."
  - FluxOS forgets all logins when it starts.
  - "What can go wrong: Unauthorized means that the login is not that of the node's owner. An uptime that does not go
    down means that the node did not restart. Both are errors, and nothing was changed."
seealso:
  - module: fluxme.fluxos.node_preflight
  - module: fluxme.fluxos.node_health
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Restart FluxOS on one node
  fluxme.fluxos.node_restart:
    node: 127.18.0.1:16127
    private_key_file: ~/.flux/operator.wif

- name: Restart it unless that happened since the maintenance began
  fluxme.fluxos.node_restart:
    node: 127.18.0.1:16127
    private_key_file: ~/.flux/operator.wif
    not_after: "2026-11-25T08:00:00Z"

- name: Restart with a signer that keeps the key elsewhere, and do not wait
  fluxme.fluxos.node_restart:
    node: 127.18.0.2:16127
    signer_command: ~/.flux/sign
    flux_id: "{{ operator_flux_id }}"
    wait: false
"""

RETURN = r"""
restarted:
  description: Whether a restart was asked for, or in check mode would have been.
  returned: success
  type: bool
  sample: true
reason:
  description: Why nothing was done.
  returned: when nothing was done
  type: str
  sample: already_restarted
outcome:
  description:
    - What came back. V(dropped) is the usual end of the connection, since the process that answers is the one that
      is replaced. V(accepted) is an answer. V(unclear) is one that did not come from FluxOS.
    - None of them proves a restart. Only the uptime does, which O(wait) looks at.
  returned: when a restart was asked for
  type: str
  sample: dropped
said:
  description: FluxOS's answer in words.
  returned: when a restart was asked for
  type: str
  sample: connection closed without an answer
before:
  description: The process before.
  returned: success
  type: dict
  sample: {uptime: 86400, node_time: 1790000000.0, started: 1789913600.0}
process:
  description: The process after.
  returned: when O(wait) and not in check mode
  type: dict
  sample: {uptime: 3, node_time: 1790000020.0, started: 1790000017.0}
seconds:
  description: From the request until the new process answered.
  returned: when O(wait) and not in check mode
  type: float
  sample: 20.5
"""

import time

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, NODE, WAIT, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Refused
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import require_login, wait_for_new_process
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import from_plain, started_after

ARGUMENT_SPEC = argument_spec(NODE, AUTH, WAIT, own={"not_after": {"type": "str"}, "before": {"type": "dict"}})


def run(call: Call) -> Result:
    """Restart FluxOS unless its process is younger than asked, and prove it by the uptime."""
    params = call.params
    process = call.client.process()
    if started_after(process, not_after=params["not_after"], before=from_plain(params["before"])):
        return Result(values={"restarted": False, "reason": "already_restarted", "before": plain(process)})
    values = {"restarted": True, "before": plain(process)}
    if call.check_mode:
        return Result(changed=True, values=values)
    login = require_login(call, "only the node's operator may restart it")
    begun = time.monotonic()
    answer = call.client.restart()
    if answer.outcome == "cannot":
        raise Refused(
            call.endpoint.address,
            "restart FluxOS",
            answer.said,
            "This node cannot restart itself over the API (ArcaneOS has no pm2); nothing was restarted. Restart it on "
            "the host (systemctl restart fluxos), or set fluxos_restart_command for the role node_restart",
        )
    values.update(outcome=answer.outcome, said=answer.said)
    if params["wait"]:
        after = wait_for_new_process(call, call.client, process, answer.said)
        values.update(process=plain(after), seconds=round(time.monotonic() - begun, 1))
    login.drop(call.client)
    return Result(changed=True, values=values)


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
