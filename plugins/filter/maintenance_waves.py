# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``maintenance_waves``: documented in maintenance_waves.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import BudgetError
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import AddressError, Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import (
    Held,
    WaveError,
    WaveNode,
    WaveReason,
    cap_from,
    plan_waves,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.unsafe import inert


def maintenance_waves(
    nodes: Any,
    cap: Any = "5%",
    fleet_size: Any = None,
    budgets: Any = None,
    default_budget: Any = 1,
    canary: Any = True,
) -> Any:
    """Plan waves for ``nodes``: plain dictionaries and lists in, plain ones out."""
    try:
        if not isinstance(nodes, list | tuple):
            raise WaveError(f"a list of nodes is expected, not {_kind(nodes)}")
        placed = [_node(item, f"node number {number}") for number, item in enumerate(nodes, 1)]
        size = len(placed) if fleet_size is None else _whole(fleet_size, "fleet_size")
        plan = plan_waves(
            placed,
            budgets=_budgets(budgets),
            default_budget=_whole(default_budget, "default_budget"),
            cap=cap_from(cap, size),
            canary=_truth(canary, "canary"),
        )
    except (WaveError, BudgetError) as error:
        raise AnsibleFilterError(f"fluxme.fluxos.maintenance_waves: {error}") from error
    return inert(
        {
            "waves": [list(wave) for wave in plan.waves],
            "reasons": {name: _reason(reason) for name, reason in plan.reasons.items()},
            "held": [_held(held) for held in plan.held],
        }
    )


def _node(item: Any, which: str) -> WaveNode:
    if not isinstance(item, Mapping):
        raise WaveError(f"{which} is {_kind(item)}: a dictionary with name, ip (or address) and apps is expected")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise WaveError(f"{which} has no name")
    which = f"node {name!r}"
    apps = item.get("apps")
    if not isinstance(apps, list | tuple) or not all(isinstance(app, str) for app in apps):
        raise WaveError(f"{which} has no list of app names under 'apps' (give an empty one for a node without apps)")
    return WaveNode(_plain(name), _ip(item, which), frozenset(_plain(app) for app in apps))


def _ip(item: Mapping[str, Any], which: str) -> str:
    given = item.get("ip") or item.get("address")
    if not isinstance(given, str):
        raise WaveError(
            f"{which} has neither an 'ip' nor an 'address', so nothing says which nodes share its public IP"
        )
    try:
        return Endpoint.parse(given).ip
    except AddressError as error:
        raise WaveError(f"{which}: {error}") from error


def _budgets(budgets: Any) -> dict[str, int]:
    if budgets is None:
        return {}
    if not isinstance(budgets, Mapping):
        raise WaveError(f"budgets is {_kind(budgets)}: a dictionary of app name to number of instances is expected")
    return {_plain(app): _whole(budget, f"the budget of app {app!r}") for app, budget in budgets.items()}


def _whole(value: Any, what: str) -> int:
    """A whole number; extra variables of the command line arrive as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    raise WaveError(f"{what} is {value!r}: a whole number is expected")


def _truth(value: Any, what: str) -> bool:
    try:
        return bool(boolean(value))
    except TypeError as error:
        raise WaveError(f"{what} is {value!r}: true or false is expected") from error


def _plain(text: str) -> str:
    """The text without the marks that Ansible's own string classes carry."""
    return "".join(text)


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


def _reason(reason: WaveReason) -> dict[str, Any]:
    return {
        "reason": reason.rule.value,
        "wave": reason.wave,
        "sentence": reason.sentence,
        "beside": list(reason.beside),
        "app": reason.app,
    }


def _held(held: Held) -> dict[str, str]:
    return {"name": held.name, "reason": held.reason.value, "sentence": held.sentence}


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"maintenance_waves": maintenance_waves}
