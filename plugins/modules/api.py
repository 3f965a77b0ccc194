#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one operation to FluxOS as it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: api
short_description: Send one operation to FluxOS as it is
version_added: 0.1.0
description:
  - Sends one request to a node or a gateway and judges its answer, for everything that has no module of its own.
  - It never repeats a request that changes something, and in check mode it does not send one.
options:
  path:
    description:
      - Path of the operation, such as V(/flux/version). Percent-encode what needs it.
    type: str
    required: true
  query:
    description:
      - Parameters of the query. Path parameters win over them in FluxOS.
    type: dict
  method:
    description:
      - Most operations of FluxOS are V(GET), also those that change something.
    type: str
    choices: [GET, POST]
    default: GET
  body:
    description:
      - What to send with O(method=POST), as a JSON text.
    type: dict
  body_kind:
    description:
      - FluxOS has two kinds of handlers. Most read V(raw) text and hang for ever on JSON. A few need V(json).
    type: str
    choices: [raw, json]
    default: raw
  changes:
    description:
      - Whether the operation changes something. It decides C(changed) and what check mode does.
    type: bool
    default: false
  authenticate:
    description:
      - V(no) sends no login. V(session) logs in at the node, which the operator's verbs need. V(self) signs a phrase
        of its own, which is enough for app owners and users.
    type: str
    choices: ["no", session, self]
    default: "no"
  fresh:
    description:
      - Whether to pass by the node's cache.
    type: bool
    default: true
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.auth
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
    details: An operation that changes something, or that would need a new login, is not sent.
  diff_mode:
    support: none
    details: The module does not know what the operation means.
  idempotent:
    support: none
    details: The module does not know what the operation means.
notes:
  - A gateway such as C(https://api.runonflux.io) hands a request to whichever node it likes. So it is only asked for
    what anybody may read, and its certificate is verified.
  - The app verbs' parameter C(global) makes a node send your login over plain HTTP to every instance. Do not use it.
  - "What can go wrong: FluxOS answers HTTP 200 for nearly every failure. This module fails when the answer itself
    says error."
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Ask a node for its version
  fluxme.fluxos.api:
    node: 127.18.0.1:16127
    path: /flux/version

- name: List who is logged in at a node, as its operator
  fluxme.fluxos.api:
    node: 127.18.0.1:16127
    path: /id/loggedusers
    authenticate: session
    private_key_file: ~/.flux/operator.wif

- name: End all logins at a node
  fluxme.fluxos.api:
    node: 127.18.0.1:16127
    path: /id/logoutallusers
    authenticate: session
    private_key_file: ~/.flux/operator.wif
    changes: true
"""

RETURN = r"""
status:
  description: FluxOS's own word, success or warning.
  returned: when the request was sent
  type: str
  sample: success
data:
  description: What came back, null when FluxOS sent none.
  returned: when the request was sent
  type: raw
  sample: 8.20.0
message:
  description: FluxOS's message, when the answer holds one.
  returned: when the request was sent
  type: str
  sample: Successfully logged out all users
sent:
  description: Whether the request was sent.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, NODE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import require_login

ARGUMENT_SPEC = argument_spec(
    NODE,
    AUTH,
    own={
        "path": {"type": "str", "required": True},
        "query": {"type": "dict"},
        "method": {"type": "str", "choices": ["GET", "POST"], "default": "GET"},
        "body": {"type": "dict"},
        "body_kind": {"type": "str", "choices": ["raw", "json"], "default": "raw"},
        "changes": {"type": "bool", "default": False},
        "authenticate": {"type": "str", "choices": ["no", "session", "self"], "default": "no"},
        "fresh": {"type": "bool", "default": True},
    },
)


def run(call: Call) -> Result:
    """Send the operation once and return what FluxOS said."""
    params = call.params
    login = require_login(call) if params["authenticate"] != "no" else None
    needs_login = params["authenticate"] == "session" and login is not None and login.current(call.client) is None
    if call.check_mode and (params["changes"] or needs_login):
        return Result(changed=params["changes"], values={"sent": False})
    path, query = params["path"], params["query"]
    answer: Answer
    if call.endpoint.is_gateway and login is None and params["method"] == "GET" and not params["changes"]:
        gateway = GatewayClient(call.endpoint, call.public_transport)
        answer = gateway.read(path, "ask a gateway", query=query, fresh=params["fresh"])
    else:
        # Without a login no key is read: one that is set for other tasks may be missing here.
        client = call.client if login else call.client_of(call.endpoint)
        answer = client.call(
            params["method"],
            path,
            query=query,
            body=params["body"],
            body_kind=params["body_kind"],
            privilege={"no": None, "session": "stored", "self": "self"}[params["authenticate"]],
            write=params["changes"],
            fresh=params["fresh"],
        )
    return Result(
        changed=params["changes"],
        values={"sent": True, "status": answer.status, "data": answer.data, "message": answer.message},
    )


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
