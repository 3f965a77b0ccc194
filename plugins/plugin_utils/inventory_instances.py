# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From where the network holds apps to inventory hosts, one for each app on each node. Pure functions.

An instance is a place like a node, with an app: it has the variables of the node as far as they are known, so whatever
works on a node's host works on an instance's.

Properties: as those of the nodes (see ``inventory_hosts``). What cannot be read is counted and the rest kept; an
instance is there once; equal input gives equal output, by app and address.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import listed_place
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import (
    NodeHost,
    host_name,
    position,
)

APPS = "fluxos_apps"
"""The group of all instances; those of one app are a group below it."""

APP_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
"""What FluxOS accepts as a name (appValidator.js), all versions of specifications together. Two names that differ only
in letter case are one app."""


class InstanceHost(NodeHost, total=False):
    """The variables of one instance: those of its node, and these. Only what is known is there."""

    fluxos_app: str
    """``TideBoard``, the app as its specification spells it; where modules look for their app."""
    fluxos_app_owner: str
    """``1PLscbUqzZMtFvLGbbQ5ZrDVfVMFFmMbiQ``, the Flux ID of the owner."""
    fluxos_app_version: int
    """``8``, the version of the registered specification."""
    fluxos_app_instances: int
    """``3``, how many instances the network shall run."""
    fluxos_app_components: list[str]
    """``[web, cache]``; empty for an app without components, not there where they are encrypted."""
    fluxos_app_hash: str
    """``86d9eca5...af16b82``, of the message of the specification that the instance has."""
    fluxos_app_outdated: bool
    """Whether another specification is registered by now."""
    fluxos_app_running_since: float
    """``1788441393.8``, epoch seconds by the clock of the node."""
    fluxos_app_announced: float
    """``1790795082.6``, when the node said last that it holds the app, likewise. The network believes that for 125
    minutes, so an old one may be of a node that is gone."""


@dataclass
class InstanceListing:
    """Instances as read, and what was left out."""

    hosts: list[InstanceHost] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason, in words for a person, to number of rows."""


def from_locations(locations: Iterable[Location], specs: Iterable[AppSpec]) -> InstanceListing:
    """One host for each app and node. ``specs`` are the registered specifications, as far as they are known."""
    listing = InstanceListing()
    known = {spec.name.lower(): spec for spec in specs}
    found: dict[tuple[str, str], Location] = {}
    for location in locations:
        # As for nodes: names are for users, and text of the network makes no names of hosts and groups.
        if listed_place(location.address) is None:
            listing.skipped["with a bad address"] += 1
            continue
        if not APP_NAME.fullmatch(location.name):
            listing.skipped["with a bad name"] += 1
            continue
        key = (location.name.lower(), location.address)
        other = found.setdefault(key, location)
        if other is not location:
            listing.skipped["listed twice"] += 1
            if (location.broadcast_at or 0) > (other.broadcast_at or 0):
                found[key] = location
    listing.hosts = [_host(location, known.get(name)) for (name, _address), location in found.items()]
    listing.hosts.sort(key=lambda host: (host["fluxos_app"].lower(), position(host)))
    return listing


def _host(location: Location, spec: AppSpec | None) -> InstanceHost:
    ip, port = listed_place(location.address) or ("", 0)
    host: InstanceHost = {
        "fluxos_app": location.name,
        "fluxos_node": location.address,
        "fluxos_ip": ip,
        "fluxos_port": port,
    }
    if location.hash:
        host["fluxos_app_hash"] = location.hash
    if location.running_since is not None:
        host["fluxos_app_running_since"] = location.running_since
    if location.broadcast_at is not None:
        host["fluxos_app_announced"] = location.broadcast_at
    if spec is not None:
        _put_specification(host, spec)
    return host


def _put_specification(host: InstanceHost, spec: AppSpec) -> None:
    host["fluxos_app_version"] = spec.version
    host["fluxos_app_instances"] = spec.instances
    if spec.owner:
        host["fluxos_app_owner"] = spec.owner
    if spec.components:
        host["fluxos_app_components"] = [part.name for part in spec.components if part.name]
    if spec.hash and "fluxos_app_hash" in host:
        host["fluxos_app_outdated"] = host["fluxos_app_hash"] != spec.hash


def with_node_facts(instances: Iterable[InstanceHost], nodes: Iterable[NodeHost]) -> list[InstanceHost]:
    """The instances with what is known of their nodes, such as the tier."""
    known: Mapping[tuple[str, int], NodeHost] = {(node["fluxos_ip"], node["fluxos_port"]): node for node in nodes}
    return [{**known.get((host["fluxos_ip"], host["fluxos_port"]), {}), **host} for host in instances]


def instance_name(host: InstanceHost, form: str) -> str:
    """The inventory's name of an instance: the app and the name of its node, ``tideboard-203-0-113-7-16127``.

    In small letters, since letter case tells no apps apart, and a name must not change with the spelling that somebody
    asked for.
    """
    return f"{host['fluxos_app'].lower()}-{host_name(host, form)}"


def app_group(app: str) -> str:
    """The group of an app's instances, ``fluxos_app_tideboard``. No two apps share one: no name has an underscore."""
    return f"fluxos_app_{app.lower().replace('-', '_')}"
