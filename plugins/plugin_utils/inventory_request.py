# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory file asks for, checked. Pure: no input or output."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import AddressError, Endpoint
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import SCHEMA, STATUSES, TIERS
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_instances import APP_NAME

_PAYMENT_ADDRESS = re.compile(r"t[13][1-9A-HJ-NP-Za-km-z]{33}")
_FLUX_ID = re.compile(r"[13][1-9A-HJ-NP-Za-km-z]{24,33}|0x[0-9A-Fa-f]{40}")
_PUBLIC_KEY = re.compile(r"0[23][0-9a-f]{64}|04[0-9a-f]{128}")


class RequestError(Exception):
    """The options contradict each other or make no sense; the text names the option and says what to write instead."""


@dataclass(frozen=True)
class Request:
    """Which nodes and which apps' instances, from whom, and which of the nodes to keep."""

    gateways: tuple[Endpoint, ...]
    owners: tuple[str, ...]
    nodes: tuple[str, ...]
    """Addresses as the user wrote them; each is known to be one."""
    read_status: bool
    tiers: frozenset[str]
    """Lower case; empty for every tier."""
    statuses: frozenset[str]
    """Lower case; empty for every status."""
    apps: tuple[str, ...] = ()
    """Names of apps, as the user spells them."""
    app_owners: tuple[str, ...] = ()
    """Flux IDs; all apps of theirs."""

    @property
    def scope(self) -> Literal["network", "owner", "nodes", "none"]:
        """How much of the network's nodes is asked for; a playbook may refuse to act on all of it."""
        if self.nodes:
            return "nodes"
        if self.owners:
            return "owner"
        return "none" if self.wants_apps else "network"

    @property
    def wants_apps(self) -> bool:
        """Whether instances of apps are asked for."""
        return bool(self.apps or self.app_owners)

    @property
    def lists_nodes(self) -> bool:
        """Whether the network's node list is asked for."""
        return self.scope in ("network", "owner")

    @property
    def asks_somebody(self) -> bool:
        """Whether a request has to be sent at all."""
        return self.asks_gateways or self.read_status

    @property
    def asks_gateways(self) -> bool:
        """Whether a gateway has to be asked."""
        return self.lists_nodes or self.wants_apps

    def cache_facts(self) -> list[Any]:
        """What decides the content of the cache; everything else chooses from it."""
        places = [gateway.url("/") for gateway in self.gateways]
        apps = [sorted(app.lower() for app in self.apps), sorted(self.app_owners)]
        return [SCHEMA, self.scope, list(self.nodes), self.read_status, sorted(self.owners), *apps, places]

    @classmethod
    def from_options(cls, option: Callable[[str], Any]) -> Request:
        """Read and check the plugin's options. Raises :class:`RequestError`."""
        nodes = _texts(option("nodes"))
        owners = _texts(option("owners"))
        apps = _texts(option("apps"))
        app_owners = _texts(option("app_owners"))
        asks_gateways = not nodes or apps or app_owners
        request = cls(
            gateways=tuple(_gateway(text) for text in _texts(option("gateway"))) if asks_gateways else (),
            owners=owners,
            nodes=nodes,
            read_status=bool(option("read_status")),
            tiers=_words("tiers", option("tiers"), TIERS),
            statuses=_words("statuses", option("statuses"), STATUSES),
            apps=apps,
            app_owners=app_owners,
        )
        request._check()
        return request

    def _check(self) -> None:
        if self.asks_gateways and not self.gateways:
            raise RequestError("gateway: at least one URL is needed, such as https://api.runonflux.io")
        for app in self.apps:
            _check_app(app)
        for owner in self.app_owners:
            _check_app_owner(owner)
        if self.nodes:
            self._check_nodes()
            return
        for owner in self.owners:
            _check_owner(owner)
        for name, words in (("tiers", self.tiers), ("statuses", self.statuses)):
            if words and self.scope == "none":
                raise RequestError(
                    f"{name}: they choose nodes, and only apps are asked for; give 'owners' or 'nodes' too"
                )
        if self.read_status:
            raise RequestError("read_status: it asks the nodes of the option 'nodes', and none are given there")
        if self.statuses and "confirmed" not in self.statuses:
            raise RequestError(
                "statuses: a gateway's node list holds confirmed nodes only, so nothing would be left; to find others "
                "give your nodes' addresses in 'nodes' and set 'read_status: true'"
            )

    def _check_nodes(self) -> None:
        if self.owners:
            raise RequestError("nodes and owners: give one of them; 'nodes' are taken as they are, whoever owns them")
        for node in self.nodes:
            try:
                endpoint = Endpoint.parse(node)
            except AddressError as error:
                raise RequestError(f"nodes: {error}") from error
            if endpoint.is_gateway:
                raise RequestError(f"nodes: {node} is a gateway, which answers from any node; give it in 'gateway'")
        for name, words in (("tiers", self.tiers), ("statuses", self.statuses)):
            if words and not self.read_status:
                raise RequestError(f"{name}: an address does not tell; set 'read_status: true' to ask each node")


def _gateway(text: str) -> Endpoint:
    if not text.startswith(("https://", "http://")):
        raise RequestError(f"gateway: {text!r} is no URL; write it with its scheme, such as https://api.runonflux.io")
    try:
        return Endpoint.parse(text)
    except AddressError as error:
        raise RequestError(f"gateway: {error}") from error


def _check_owner(owner: str) -> None:
    if not _PAYMENT_ADDRESS.fullmatch(owner) and not _PUBLIC_KEY.fullmatch(owner):
        raise RequestError(
            f"owners: {owner!r} is neither a payment address (t1... or t3..., 35 characters) nor a public key (02, 03 "
            "or 04 and hexadecimal digits); a Flux ID is not known in the node list"
        )


def _check_app(app: str) -> None:
    # FluxOS takes a name for a regular expression and does not escape it.
    if not APP_NAME.fullmatch(app):
        raise RequestError(f"apps: {app!r} is no name of an app, which has letters and digits and hyphens between them")


def _check_app_owner(owner: str) -> None:
    if not _FLUX_ID.fullmatch(owner):
        raise RequestError(
            f"app_owners: {owner!r} is no Flux ID (1... or 0x...); a payment address (t1..., t3...) owns nodes only"
        )


def _words(name: str, values: Any, known: Sequence[str]) -> frozenset[str]:
    words = frozenset(text.lower() for text in _texts(values))
    for word in sorted(words.difference(known)):
        raise RequestError(f"{name}: {word!r} is none of {', '.join(known)}")
    return words


def _texts(values: Iterable[Any] | None) -> tuple[str, ...]:
    """Texts without blanks around them, each once, in the order given."""
    texts = (str(value).strip() for value in values or ())
    return tuple(dict.fromkeys(text for text in texts if text))
