# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory of Flux nodes and of instances of apps."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fluxos
short_description: Flux nodes, by owner or by address, and instances of apps
version_added: 0.1.0
author:
  - fluxme.fluxos contributors (@fluxme)
description:
  - Makes one host of each Flux node, and of each instance of an app, which is the app on one node.
  - The nodes come from a gateway's node list, all of them or an owner's, or are given as addresses. The instances come
    from the gateway's list of places.
  - It only reads and needs no key and no login. With O(nodes) alone it sends no request at all.
  - The file must be named V(fluxos.yml), or end in V(.fluxos.yml) or V(.fluxos.yaml).
  - The host of a node is named after its address with dashes, V(203-0-113-7-16137), that of an instance after its app
    and its node, V(tideboard-203-0-113-7-16137). See O(hostname).
  - Group V(fluxos_nodes) holds every node and no instance.
  - Group V(fluxos_apps) holds every instance, in a group below it for each app, V(fluxos_app_tideboard) or the like, in
    small letters and with V(_) for V(-).
  - Groups V(fluxos_tier_cumulus), V(fluxos_tier_nimbus) and V(fluxos_tier_stratus) hold the nodes of a tier.
  - Groups V(fluxos_status_confirmed), V(fluxos_status_unreachable) and so on hold those of a status; see O(statuses).
  - Group V(fluxos_shared_ip) holds the nodes that have another node of the same answer at their IP address.
  - An instance is in these groups as well as far as its node is one of O(nodes) or of O(owners).
  - Groups without a host are not made, except V(fluxos_nodes) and V(fluxos_apps) when they are asked for.
  - Hosts have the variables V(fluxos_node) (V(203.0.113.7:16137), where modules look for their node), V(fluxos_ip),
    V(fluxos_port), V(fluxos_tier), V(fluxos_status), V(fluxos_payment_address), V(fluxos_collateral) (its transaction
    and output), V(fluxos_last_confirmed_height) and V(ansible_host) (the IP address), each only where it is known.
  - Instances have V(fluxos_app) (text, where modules look for their app), V(fluxos_app_owner) (text, a Flux ID),
    V(fluxos_app_hash) (text, of the specification that is installed), V(fluxos_app_outdated) (true or false, whether
    another one is registered), V(fluxos_app_version) (whole number, version of the registered specification),
    V(fluxos_app_components) (list of texts, empty for an app without components), V(fluxos_app_instances) (how many the
    network shall run), V(fluxos_app_running_since) and V(fluxos_app_announced) (epoch seconds by the node's clock, when
    it began to run and when the node last said so), each only where it is known.
  - Group V(fluxos_nodes) has the variable V(fluxos_scope), how much of the network was asked for (V(network), V(owner)
    or V(nodes)).
  - Both groups have the variable V(fluxos_gateway), the gateway that answered, where one was asked.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - fluxme.fluxos.inventory_network
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices:
      - fluxme.fluxos.fluxos
  owners:
    description:
      - Payment addresses (V(t1...), V(t3...)) or public keys of node owners. Only their nodes are read.
      - A Flux ID (V(1...), V(0x...)) does not work; the node list does not know it.
      - Without it, O(nodes), O(apps) and O(app_owners) the whole network is read.
    type: list
    elements: str
    default: []
    env:
      - name: FLUXOS_OWNERS
    aliases:
      - owner
  nodes:
    description:
      - Addresses of nodes, V(203.0.113.7), V(203.0.113.7:16137) or V(https://203.0.113.7:16138).
      - No gateway is asked for them.
      - An address without a port means port 16127.
      - Cannot be used together with O(owners).
    type: list
    elements: str
    default: []
  apps:
    description:
      - Names of apps whose instances become hosts. Letter case does not matter.
      - Several apps on one node are several hosts.
      - The nodes themselves are not listed, unless O(nodes) or O(owners) asks for them.
    type: list
    elements: str
    default: []
    aliases:
      - app
  app_owners:
    description:
      - Flux IDs (V(1...), V(0x...)) whose apps are added to O(apps), all of them.
    type: list
    elements: str
    default: []
    aliases:
      - app_owner
  read_status:
    description:
      - Ask each node of O(nodes) for its own status, tier and confirmation, all nodes at once.
      - A node that does not answer stays in the inventory with the status V(unreachable).
      - A node that answers but cannot tell, for example because its daemon is down, gets V(unknown).
    type: bool
    default: false
  tiers:
    description:
      - Keep only nodes of these tiers, V(cumulus), V(nimbus) or V(stratus). It chooses no instances.
      - With O(nodes) it needs O(read_status=true).
    type: list
    elements: str
    default: []
  statuses:
    description:
      - Keep only nodes with these statuses, V(confirmed), V(started), V(dos), V(offline), V(expired), V(unreachable) or
        V(unknown). It chooses no instances.
      - A gateway's node list holds confirmed nodes only. Other statuses need O(nodes) with O(read_status=true).
    type: list
    elements: str
    default: []
  hostname:
    description:
      - How hosts are named. For instances V(tideboard-) or the like comes before it, the app in small letters.
      - V(dashed) is V(203-0-113-7-16127), always with the port.
      - V(ip) is V(203.0.113.7) on the default port 16127 and V(203.0.113.7-16137) on others.
    type: str
    choices:
      - dashed
      - ip
    default: dashed
  strict:
    description:
      - Make it an error when an expression in O(compose), O(groups) or O(keyed_groups) fails.
      - Make it an error when no gateway answers, even when the cache holds an older answer.
      - Without it the older answer is used, with a warning that tells its age.
notes:
  - With O(cache=true) an answer younger than O(cache_timeout) is used without any request. Set O(cache_plugin) and
    O(cache_connection) too, the default plugin V(memory) forgets everything at the end of the run.
  - O(tiers), O(statuses) and O(hostname) choose from what is cached. Changing them asks nobody.
  - O(keyed_groups), O(groups) and O(compose) cost 0.3 to 0.6 ms per expression and host. The groups made by the plugin
    itself cost next to nothing.
  - Beside the download and Ansible's own start, 15,000 nodes take about two seconds with ansible-core 2.21 and less
    than one with 2.16.
  - Rows of the lists without a usable address are left out. C(ansible-inventory -v) tells how many.
  - The network lists an instance for up to two hours after it is gone. V(fluxos_app_announced) tells when the node was
    last heard of, M(fluxme.fluxos.app_instance_info) what is there now.
  - Instances cost a request for each app and one for its specification; above 20 apps the whole lists are read instead.
seealso:
  - module: fluxme.fluxos.node_info
    description: What a node says of itself.
  - module: fluxme.fluxos.app_instance_info
    description: What an app is on a node now.
"""

EXAMPLES = r"""
# fmt: code
# Each document is a whole file, for example fleet.fluxos.yml. Look at the result with
#   ansible-inventory -i fleet.fluxos.yml --graph
# or at one host. This is everything a host has:
#   ansible-inventory -i fleet.fluxos.yml --host 5-230-173-203-16127
#   {
#     "ansible_host": "5.230.173.203",
#     "fluxos_collateral": "b3c3b4a1f9eaa5f180a13e186c1512c1ef6e9d186e8b9c1c3c41559bb907b6f9:159",
#     "fluxos_gateway": "https://api.runonflux.io",
#     "fluxos_ip": "5.230.173.203",
#     "fluxos_last_confirmed_height": 2996667,
#     "fluxos_node": "5.230.173.203:16127",
#     "fluxos_payment_address": "t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge",
#     "fluxos_port": 16127,
#     "fluxos_scope": "owner",
#     "fluxos_status": "CONFIRMED",
#     "fluxos_tier": "CUMULUS"
#   }

# My nodes, by the address they are paid to
plugin: fluxme.fluxos.fluxos
owners:
  - t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge
---
# My nodes, by their addresses; nobody is asked
plugin: fluxme.fluxos.fluxos
nodes:
  - 203.0.113.7
  - 203.0.113.7:16137
  - 203.0.113.8
---
# My nodes that are not confirmed, by asking each of them
plugin: fluxme.fluxos.fluxos
nodes:
  - 203.0.113.7
  - 203.0.113.8
read_status: true
statuses: [started, dos, offline, expired, unreachable, unknown]
timeout: 5
---
# The whole network, asked at most every ten minutes
plugin: fluxme.fluxos.fluxos
tiers: [nimbus, stratus]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/fluxos-inventory
cache_timeout: 600
---
# Groups and variables of my own, and the connection to the hosts themselves
plugin: fluxme.fluxos.fluxos
owners: [t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge]
hostname: ip
keyed_groups:
  - key: fluxos_payment_address
    prefix: paid_to
groups:
  upnp: fluxos_port != 16127
compose:
  ansible_user: "'operator'"
---
# The instances of two apps, and of all apps of an owner. In a play over fluxos_apps or fluxos_app_tideboard a module
# such as fluxme.fluxos.app_instance finds node and app in the variables of the host. One of the hosts:
#   ansible-inventory -i apps.fluxos.yml --host tideboard-5-230-173-203-16127
#   {
#     "ansible_host": "5.230.173.203",
#     "fluxos_app": "TideBoard",
#     "fluxos_app_announced": 1790795082.6,
#     "fluxos_app_components": ["web", "cache"],
#     "fluxos_app_hash": "86d9eca59aa22d7c192d8eb29b45ed2c64ee94a75d4e87a9584eda3c9af16b82",
#     "fluxos_app_instances": 3,
#     "fluxos_app_outdated": false,
#     "fluxos_app_owner": "1KYLwu5rScuYuLbnAHTXgR8KWfmjfDjK5s",
#     "fluxos_app_running_since": 1788441393.8,
#     "fluxos_app_version": 8,
#     "fluxos_gateway": "https://api.runonflux.io",
#     "fluxos_ip": "5.230.173.203",
#     "fluxos_node": "5.230.173.203:16127",
#     "fluxos_port": 16127
#   }
plugin: fluxme.fluxos.fluxos
apps: [TideBoard, PierShop]
app_owners: [1KYLwu5rScuYuLbnAHTXgR8KWfmjfDjK5s]
---
# My nodes, and the app on them that I look after as well: instances are in the groups of their nodes
plugin: fluxme.fluxos.fluxos
owners: [t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge]
apps: [TideBoard]
groups:
  outdated: fluxos_app_outdated | default(false)
"""

import hashlib
import json
import time
from pathlib import PurePath
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.fluxme.fluxos.plugins.module_utils.answer_cache import spoken_age
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError, UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import TransportOptions
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_entries import (
    Entry,
    SameNameError,
    entries,
    top_groups,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import from_addresses, skipped_sentence
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request, RequestError
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_source import NoGatewayError, read
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.unsafe import inert

SUFFIXES = (".fluxos.yml", ".fluxos.yaml")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Options to a snapshot of the network (from the cache, or asked for), the snapshot to hosts and groups.

    Errors are raised ``from None``: since 2.19 Ansible appends the text of a cause, and ours have it in them already.
    """

    NAME = "fluxme.fluxos.fluxos"

    def verify_file(self, path: str) -> bool:
        """Whether the file is named like one of ours: Ansible tries every plugin on every file."""
        return bool(super().verify_file(path)) and f".{PurePath(path).name}".endswith(SUFFIXES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory. ``cache`` is false when the user asked for fresh data (``--flush-cache``)."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            request = Request.from_options(self.get_option)
        except RequestError as error:
            raise AnsibleParserError(f"{path}: {error}") from None
        try:
            snapshot = self._snapshot(path, request, may_reuse=cache and not self.get_option("refresh"))
        except (FluxOSError, ImportError) as error:
            # What no other gateway or cached copy would mend: options that cannot work, a missing package.
            raise AnsibleParserError(f"{path}: {error}") from None
        for skipped, of in ((snapshot.skipped, "node list"), (snapshot.skipped_instances, "location list")):
            if skipped:
                self.display.v(skipped_sentence(skipped, of))
        try:
            self._populate(request, snapshot)
        except SameNameError as error:
            raise AnsibleParserError(str(error)) from None

    # -- reading ------------------------------------------------------------------------------------------------

    def _snapshot(self, path: str, request: Request, *, may_reuse: bool) -> Snapshot:
        if not request.asks_somebody:
            listing = from_addresses(request.nodes)
            return Snapshot(hosts=listing.hosts, gateway=None, read_at=time.time(), skipped=listing.skipped)
        key = self._cache_key(path, request)
        kept, lifetime = self._kept(key) if self.get_option("cache") else (None, 0)
        if kept is not None and may_reuse and (lifetime == 0 or kept.age(time.time()) <= lifetime):
            return kept
        try:
            snapshot = read(request, self._transport_options, self.display)
        except NoGatewayError as error:
            return self._instead(error, kept)
        if self.get_option("cache"):
            self._cache[key] = snapshot.as_entry()
        return snapshot

    def _cache_key(self, path: str, request: Request) -> str:
        facts = json.dumps([path, *request.cache_facts()])
        return f"fluxos_{hashlib.sha256(facts.encode()).hexdigest()[:24]}"

    def _kept(self, key: str) -> tuple[Snapshot | None, float]:
        """What the cache holds, however old, and how old it may be to be used without asking (0: any age).

        The cache plugin is told that nothing expires: it would hide an old entry, and an old one is what helps when no
        gateway answers.
        """
        lifetime = float(self.get_option("cache_timeout") or 0)
        self.set_option("cache_timeout", 0)
        self.load_cache_plugin()
        try:
            return Snapshot.from_entry(self._cache.get(key)), lifetime
        except AnsibleError as error:
            self.display.warning(f"The inventory cache cannot be read, so the network is asked: {error}")
            return None, lifetime

    def _transport_options(self, verify: bool) -> TransportOptions:
        # A gateway has a certificate that somebody vouches for; a node signs its own, for a name that it does not have.
        try:
            return TransportOptions(
                timeout=self.get_option("timeout"),
                retries=self.get_option("retries"),
                proxy=self.get_option("proxy"),
                ca_file=self.get_option("ca_file") if verify else None,
                tls_mode="verify" if verify else "off",
            )
        except UsageError as error:
            raise AnsibleParserError(str(error)) from None

    def _instead(self, error: NoGatewayError, kept: Snapshot | None) -> Snapshot:
        """The old copy with a warning; or the end."""
        if kept is None or self.get_option("strict"):
            raise AnsibleParserError(f"{error.lacking}. {error} {error.instead}") from None
        age = spoken_age(kept.age(time.time()))
        self.display.warning(f"{error.lacking}, so the inventory is as it was {age} ago. {error}")
        return kept

    # -- hosts and groups ---------------------------------------------------------------------------------------

    def _populate(self, request: Request, snapshot: Snapshot) -> None:
        shared = top_groups(request, snapshot)
        for group, variables in shared.items():
            self.inventory.add_group(group)
            for name, value in variables.items():
                self.inventory.set_variable(group, name, inert(value))
        # Jinja is slow: where the file has none of it, no host pays for looking.
        constructs = any(self.get_option(option) for option in ("compose", "groups", "keyed_groups"))
        known_groups = set(shared)
        for entry in entries(request, snapshot, self.get_option("hostname")):
            for group in (entry.parent, *entry.groups):
                if group in known_groups:
                    continue
                self.inventory.add_group(group)
                known_groups.add(group)
                if group == entry.parent:
                    self.inventory.add_child(entry.top, group)
            variables = self._add_host(entry)
            if constructs:
                self._construct(entry.name, {**shared[entry.top], **variables})

    def _add_host(self, entry: Entry) -> dict[str, Any]:
        variables = {key: inert(value) for key, value in entry.variables.items()}
        variables["ansible_host"] = variables["fluxos_ip"]
        self.inventory.add_host(entry.name, group=entry.parent)
        for key, value in variables.items():
            self.inventory.set_variable(entry.name, key, value)
        for group in entry.groups:
            self.inventory.add_child(group, entry.name)
        return variables

    def _construct(self, name: str, variables: dict[str, Any]) -> None:
        """What the user adds by expressions."""
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
