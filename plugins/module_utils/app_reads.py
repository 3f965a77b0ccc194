# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what the network knows of many apps at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.apps import app_row
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_reader import NetworkReader, Sources, many_objects


def read_apps(call: Call) -> dict[str, Any]:
    """``apps``, ``unknown`` and ``block_height``: what the network knows of the task's apps, all asked at once.

    Specifications are one request, whatever the number of apps; locations are one for each of a few, else one for all.
    """
    params = call.params
    names, owners, gather = params["names"], params["owners"], params["gather"]
    reader = NetworkReader(
        call.public_transport, Sources([Endpoint.parse(url) for url in params["gateway"]]), warn=call.warn
    )
    wanted = None if names is None else list(dict.fromkeys(names))
    questions: dict[str, Callable[[], Any]] = {
        "specifications": lambda: reader.specifications(
            owner=owners[0] if owners and len(owners) == 1 else None, names=wanted
        ),
        "block_height": lambda: reader.from_gateway(lambda gateway: gateway.block_height()),
    }
    if "locations" in gather:
        # Apps of an owner are known by name only afterwards, and then the list of all is as cheap as a few of them.
        questions["locations"] = lambda: reader.locations(wanted)
    with many_objects():
        told = {done.node: done.value() for done in each(list(questions), lambda name: questions[name]())}
        found = [spec for spec in told["specifications"] if not owners or spec.owner in owners]
        height = told["block_height"]
        rows = [
            app_row(
                spec,
                block_height=height,
                locations=told["locations"].get(spec.name, ()) if "locations" in told else None,
                whole="specification" in gather,
            )
            for spec in sorted(found, key=lambda spec: spec.name.lower())
        ]
    known = {row["name"] for row in rows}
    return {"apps": rows, "unknown": [name for name in wanted or () if name not in known], "block_height": height}
