# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications, in parts by concern.

A module merges the parts it needs with its own options: ``argument_spec(NODE, AUTH, own={...})``. Every option of
the parts has four sources, asked in this order: the task (or ``module_defaults`` of the group), the host variable
``fluxos_<option>``, the environment variable ``FLUXOS_<OPTION>``, the default. The runner looks the middle two up: it
alone knows the host, and the environment that counts is the controller's, also for a task that is handed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Spec = dict[str, Any]


#: How to reach a node or a gateway.
CONNECTION: Spec = {
    "scheme": {"type": "str", "choices": ["http", "https"]},
    "tls_mode": {"type": "str", "choices": ["off", "verify", "pin"], "default": "off"},
    "tls_fingerprint": {"type": "str"},
    "ca_file": {"type": "path"},
    "timeout": {"type": "float", "default": 20.0},
    "retries": {"type": "int", "default": 2},
    "proxy": {"type": "str"},
    "max_answer": {"type": "int", "default": 67108864},
}

#: Which node. Without it the runner takes the host's own address.
NODE: Spec = {"node": {"type": "str"}, **CONNECTION}

#: Which app on which node, and which of its components.
INSTANCE: Spec = {**NODE, "app": {"type": "str", "required": True}, "component": {"type": "str"}}

#: Where the network as a whole is asked.
GATEWAY: Spec = {"gateway": {"type": "list", "elements": "str", "default": ["https://api.runonflux.io"]}}

#: Who asks.
AUTH: Spec = {
    "flux_id": {"type": "str"},
    "private_key": {"type": "str", "no_log": True},
    "private_key_file": {"type": "path", "no_log": False},
    "signer_command": {"type": "str"},
    "session_cache": {"type": "path", "default": "~/.ansible/fluxos/sessions", "no_log": False},
}

#: How long a change is waited for.
WAIT: Spec = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 900.0},
    "wait_interval": {"type": "float", "default": 5.0},
}

#: Options that may come from host variables and the environment.
CONNECTION_OPTIONS: frozenset[str] = frozenset({*NODE, *GATEWAY, *AUTH, "app"})

#: The ways to sign. They exclude each other within one source; one in a stronger source hides all in weaker ones.
WAYS_TO_SIGN = ("private_key", "private_key_file", "signer_command")

#: Rules that hold for every module with the parts above.
CONSTRAINTS: dict[str, Any] = {
    "mutually_exclusive": [WAYS_TO_SIGN],
    "required_if": [("tls_mode", "pin", ("tls_fingerprint",))],
}


def argument_spec(*parts: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Spec:
    """Merge the parts, this module's own options last."""
    merged: Spec = {}
    for part in (*parts, own or {}):
        merged.update(part)
    return merged


def constraints_for(spec: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The shared rules that concern options of ``spec``, and the module's own."""
    own = own or {}
    rules: dict[str, list[Any]] = {name: list(values) for name, values in own.items()}
    if "private_key" in spec:
        rules.setdefault("mutually_exclusive", []).extend(CONSTRAINTS["mutually_exclusive"])
    if "tls_mode" in spec:
        rules.setdefault("required_if", []).extend(CONSTRAINTS["required_if"])
    return rules
