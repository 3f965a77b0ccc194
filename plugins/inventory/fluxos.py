# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory of Flux nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fluxos
short_description: Flux nodes from the network's node list, by owner or by address
version_added: 0.1.0
author:
  - fluxme.fluxos contributors (@fluxme)
description:
  - Makes one host of each Flux node. The nodes come from a gateway's node list, all of them or an owner's, or are given
    as addresses.
  - It only reads and needs no key and no login. With O(nodes) alone it sends no request at all.
  - The file must be named V(fluxos.yml), or end in V(.fluxos.yml) or V(.fluxos.yaml).
  - A host is named after its address with dashes, V(203-0-113-7-16137). See O(hostname).
  - Group V(fluxos_nodes) holds every node.
  - Groups V(fluxos_tier_cumulus), V(fluxos_tier_nimbus) and V(fluxos_tier_stratus) hold the nodes of a tier.
  - Groups V(fluxos_status_confirmed), V(fluxos_status_unreachable) and so on hold those of a status; see O(statuses).
  - Group V(fluxos_shared_ip) holds the nodes that have another node of the same answer at their IP address.
  - Groups without a node are not made, except V(fluxos_nodes).
  - Hosts have the variables V(fluxos_node) (V(203.0.113.7:16137), where modules look for their node), V(fluxos_ip),
    V(fluxos_port), V(fluxos_tier), V(fluxos_status), V(fluxos_payment_address), V(fluxos_collateral) (its transaction
    and output), V(fluxos_last_confirmed_height) and V(ansible_host) (the IP address), each only where it is known.
  - Group V(fluxos_nodes) has the variable V(fluxos_scope), how much of the network was asked for (V(network), V(owner)
    or V(nodes)).
  - Group V(fluxos_nodes) has the variable V(fluxos_gateway), the gateway that answered, where one was asked.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices:
      - fluxme.fluxos.fluxos
  gateway:
    description:
      - URLs of gateways. They are asked in this order until one answers.
      - Not asked with O(nodes).
    type: list
    elements: str
    default:
      - https://api.runonflux.io
      - https://api.runonflux.com
    env:
      - name: FLUXOS_GATEWAY
  owners:
    description:
      - Payment addresses (V(t1...), V(t3...)) or public keys of node owners. Only their nodes are read.
      - A Flux ID (V(1...), V(0x...)) does not work; the node list does not know it.
      - Without it and without O(nodes) the whole network is read.
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
      - No gateway is asked then.
      - An address without a port means port 16127.
      - Cannot be used together with O(owners).
    type: list
    elements: str
    default: []
  read_status:
    description:
      - Ask each node of O(nodes) for its own status, tier and confirmation, all nodes at once.
      - A node that does not answer stays in the inventory with the status V(unreachable).
      - A node that answers but cannot tell, for example because its daemon is down, gets V(unknown).
    type: bool
    default: false
  tiers:
    description:
      - Keep only nodes of these tiers, V(cumulus), V(nimbus) or V(stratus).
      - With O(nodes) it needs O(read_status=true).
    type: list
    elements: str
    default: []
  statuses:
    description:
      - Keep only nodes with these statuses, V(confirmed), V(started), V(dos), V(offline), V(expired), V(unreachable) or
        V(unknown).
      - A gateway's node list holds confirmed nodes only. Other statuses need O(nodes) with O(read_status=true).
    type: list
    elements: str
    default: []
  hostname:
    description:
      - How hosts are named.
      - V(dashed) is V(203-0-113-7-16127), always with the port.
      - V(ip) is V(203.0.113.7) on the default port 16127 and V(203.0.113.7-16137) on others.
    type: str
    choices:
      - dashed
      - ip
    default: dashed
  timeout:
    description:
      - Seconds that a gateway or node may take to connect, and to go on answering.
    type: float
    default: 20.0
    env:
      - name: FLUXOS_TIMEOUT
  retries:
    description:
      - How many times a read is tried again on the same gateway or node.
    type: int
    default: 2
    env:
      - name: FLUXOS_RETRIES
  proxy:
    description:
      - URL of a proxy for all requests. The proxy variables of the environment are not used.
    type: str
    env:
      - name: FLUXOS_PROXY
  ca_file:
    description:
      - File with the certificate authorities that may vouch for a gateway, instead of the usual ones.
    type: path
    env:
      - name: FLUXOS_CA_FILE
  refresh:
    description:
      - Ask the network even when the cache holds an answer that is young enough, and keep the new answer.
    type: bool
    default: false
    env:
      - name: FLUXOS_REFRESH
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
  - Rows of the node list without a usable address are left out. C(ansible-inventory -v) tells how many.
requirements:
  - requests >= 2.31
seealso:
  - module: fluxme.fluxos.node_info
    description: What a node says of itself.
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
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError, UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import TransportOptions
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import (
    NodeHost,
    from_addresses,
    group_names,
    host_name,
    selected,
    shared_ips,
    skipped_sentence,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request, RequestError
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot, spoken_age
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_source import NoGatewayError, read
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.unsafe import inert

SUFFIXES = (".fluxos.yml", ".fluxos.yaml")
ALL = "fluxos_nodes"


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
        if snapshot.skipped:
            self.display.v(skipped_sentence(snapshot.skipped))
        self._populate(request, snapshot)

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
            snapshot = read(request, self._transport_options(request), self.display)
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

    def _transport_options(self, request: Request) -> TransportOptions:
        # A gateway has a certificate that somebody vouches for; a node signs its own, for a name that it does not have.
        verify = request.scope != "nodes"
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
            instead = "Without a gateway, your nodes can be given with the option 'nodes'."
            raise AnsibleParserError(f"No gateway gave a node list. {error} {instead}") from None
        age = spoken_age(kept.age(time.time()))
        self.display.warning(f"No gateway gave a node list, so the inventory is as it was {age} ago. {error}")
        return kept

    # -- hosts and groups ---------------------------------------------------------------------------------------

    def _populate(self, request: Request, snapshot: Snapshot) -> None:
        self.inventory.add_group(ALL)
        shared_variables: dict[str, str] = {"fluxos_scope": request.scope}
        if snapshot.gateway is not None:
            shared_variables["fluxos_gateway"] = snapshot.gateway
        for name, value in shared_variables.items():
            self.inventory.set_variable(ALL, name, inert(value))

        form = self.get_option("hostname")
        shared = shared_ips(snapshot.hosts)
        # Jinja is slow: where the file has none of it, no host pays for looking.
        constructs = any(self.get_option(option) for option in ("compose", "groups", "keyed_groups"))
        known_groups: set[str] = set()
        names: dict[str, str] = {}
        for host in snapshot.hosts:
            if not selected(host, request.tiers, request.statuses):
                continue
            name = host_name(host, form)
            if name in names:
                both = f"{names[name]} and {host['fluxos_node']}"
                raise AnsibleParserError(f"{both} would both be the host {name}; keep one of them")
            names[name] = host["fluxos_node"]
            groups = group_names(host, shared)
            for group in groups:
                if group not in known_groups:
                    self.inventory.add_group(group)
                    known_groups.add(group)
            variables = self._add_host(name, host, groups)
            if constructs:
                self._construct(name, {**shared_variables, **variables})

    def _add_host(self, name: str, host: NodeHost, groups: Sequence[str]) -> dict[str, Any]:
        variables = {key: inert(value) for key, value in host.items()}
        variables["ansible_host"] = variables["fluxos_ip"]
        self.inventory.add_host(name, group=ALL)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        for group in groups:
            self.inventory.add_child(group, name)
        return variables

    def _construct(self, name: str, variables: dict[str, Any]) -> None:
        """What the user adds by expressions."""
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
