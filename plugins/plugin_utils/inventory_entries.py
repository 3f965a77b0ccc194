# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was read of the network to what is put into the inventory: names, groups, variables. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import (
    group_names,
    host_name,
    selected,
    shared_ips,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_instances import APPS, app_group, instance_name
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot

NODES = "fluxos_nodes"
"""The group of all nodes. Instances are not in it: what is done to each node must not be done to a node twice."""


class SameNameError(Exception):
    """Two hosts would have one name; the text says which."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One host. Its variables are as the network gave them, not yet fit for Ansible."""

    name: str
    top: str
    """``fluxos_nodes`` or ``fluxos_apps``."""
    parent: str
    """The group that it is put into: ``top``, or one below it."""
    groups: tuple[str, ...]
    """Its other groups."""
    variables: Mapping[str, Any]


def top_groups(request: Request, snapshot: Snapshot) -> dict[str, dict[str, str]]:
    """The groups that are made even when nothing is in them, with the variables that all their hosts share."""
    shared = {} if snapshot.gateway is None else {"fluxos_gateway": snapshot.gateway}
    tops: dict[str, dict[str, str]] = {}
    if request.scope != "none":
        tops[NODES] = {"fluxos_scope": request.scope, **(shared if request.lists_nodes else {})}
    if request.wants_apps:
        tops[APPS] = shared
    return tops


def entries(request: Request, snapshot: Snapshot, form: str) -> Iterator[Entry]:
    """All hosts: the nodes that ``request`` chooses, then the instances. Raises :class:`SameNameError`."""
    shared = shared_ips((*snapshot.hosts, *snapshot.instances))
    names: dict[str, str] = {}

    def named(name: str, what: str) -> str:
        if name in names:
            raise SameNameError(f"{names[name]} and {what} would both be the host {name}; keep one of them")
        names[name] = what
        return name

    for host in snapshot.hosts:
        if selected(host, request.tiers, request.statuses):
            name = named(host_name(host, form), host["fluxos_node"])
            yield Entry(name, NODES, NODES, tuple(group_names(host, shared)), host)
    for instance in snapshot.instances:
        name = named(instance_name(instance, form), f"{instance['fluxos_app']} on {instance['fluxos_node']}")
        group = app_group(instance["fluxos_app"])
        yield Entry(name, APPS, group, tuple(group_names(instance, shared)), instance)
