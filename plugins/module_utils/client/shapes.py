# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the JSON that FluxOS answers to typed results, with a clear error where a shape is not what it should be.

Daemon and benchmark answers are passed through by FluxOS, whose wrappers share state between requests (FluxOS:
daemonService), so every shape is checked. Unknown keys are kept where a whole object is handed on, else ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import (
    AddressError,
    Endpoint,
    address_of,
    listed_place,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import (
    DEFAULT_INSTANCES,
    App,
    Confirmation,
    Container,
    Dos,
    Instance,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A value that a node answered, and what to say when it is not what it should be."""

    node: str
    operation: str
    value: Any

    def text(self) -> str:
        """A text that is not empty."""
        if isinstance(self.value, str) and self.value:
            return self.value
        raise self.wrong("a text")

    def whole(self) -> int:
        """A whole number of 0 or more."""
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise self.wrong("a whole number")

    def number(self) -> float:
        """A number."""
        if isinstance(self.value, (int, float)) and not isinstance(self.value, bool):
            return self.value
        raise self.wrong("a number")

    def truth(self) -> bool:
        """True or false."""
        if isinstance(self.value, bool):
            return self.value
        raise self.wrong("true or false")

    def mapping(self) -> dict[str, Any]:
        """An object."""
        if isinstance(self.value, dict):
            return self.value
        raise self.wrong("an object")

    def rows(self) -> list[dict[str, Any]]:
        """A list of objects."""
        if not isinstance(self.value, list):
            raise self.wrong("a list of objects")
        for number, row in enumerate(self.value):
            if not isinstance(row, dict):
                raise Field(self.node, f"{self.operation}, row {number}", row).wrong("an object")
        return self.value

    def of(self, key: str) -> Field:
        """One key of an object; the value ``None`` when it is absent."""
        return Field(self.node, f"{self.operation}, {key}", self.mapping().get(key))

    def wrong(self, expected: str) -> BadAnswer:
        """The error to raise."""
        # A list may have megabytes, and only the beginning is shown.
        value = self.value[:3] if isinstance(self.value, list) else self.value
        seen = json.dumps(value, ensure_ascii=False, default=str)
        return BadAnswer(
            self.node,
            self.operation,
            f"{seen[:80]} where {expected} was expected",
            "The daemon, the benchmark or another service of the node may be starting; ask again",
        )


def confirmation(field: Field) -> Confirmation:
    """``/daemon/getfluxnodestatus``; the daemon names no height and no address for a node that never was confirmed."""
    data = field.mapping()
    height = field.of("last_confirmed_height")
    return Confirmation(
        status=field.of("status").text(),
        last_confirmed_height=0 if height.value is None else height.whole(),
        collateral=_text(data, "collateral"),
        ip=_text(data, "ip"),
        tier=_text(data, "tier").upper(),
        payment_address=_text(data, "payment_address"),
    )


def dos(field: Field) -> Dos:
    """``/flux/dosstate``."""
    message = field.mapping().get("dosMessage")
    return Dos(state=field.of("dosState").number(), message=None if message in (None, "") else str(message))


def containers(field: Field) -> tuple[Container, ...]:
    """``/apps/listrunningapps`` and ``/apps/listallapps``: rows with at least ``Names``, ``State``, ``Status``."""
    found: list[Container] = []
    for row in field.rows():
        names = row.get("Names")
        if not isinstance(names, list) or not names or not isinstance(names[0], str):
            raise field.wrong("rows with Names")
        found.append(Container.from_docker(names[0], _text(row, "State"), _text(row, "Status")))
    return tuple(found)


def apps(field: Field) -> tuple[App, ...]:
    """``/apps/installedapps``: specifications. An enterprise app's components are not readable, hence none here."""
    return tuple(_app(field, row) for row in field.rows())


def _app(field: Field, row: Mapping[str, Any]) -> App:
    if not _text(row, "name"):
        raise field.wrong("specifications with a name")
    compose = row.get("compose")
    components = compose if isinstance(compose, list) else []
    parts = [each for each in components if isinstance(each, dict)] or [{**row, "name": ""}]
    return App(
        name=_text(row, "name"),
        owner=_text(row, "owner"),
        instances=_count(row.get("instances"), DEFAULT_INSTANCES),
        components=tuple(_text(each, "name") for each in components if isinstance(each, dict)),
        version=_count(row.get("version"), 0),
        # A substring test, as FluxOS makes it (FluxOS: appController.js, appstart).
        elected=tuple(_text(part, "name") for part in parts if "g:" in _text(part, "containerData")),
    )


def instances(field: Field) -> tuple[Instance, ...]:
    """``/apps/location(s)``; a row whose address nobody can read is left out."""
    found: list[Instance] = []
    for row in field.rows():
        address, _ip, _port = _place(row)
        if address and _text(row, "name"):
            found.append(Instance(name=_text(row, "name"), address=address))
    return tuple(found)


NODE_ROW_KEYS: Sequence[str] = (
    "added_height",
    "confirmed_height",
    "last_confirmed_height",
    "last_paid_height",
    "payment_address",
    "pubkey",
    "txhash",
    "outidx",
    "rank",
    "network",
)


def node_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the network's node list, normalised.

    ``address`` (``ip:port``), ``ip`` and ``port`` are empty, empty and 0 for the few confirmed rows without an address.
    ``collateral`` is ``txhash:outidx``, a node's primary key. ``active_since`` and ``last_paid`` are epoch seconds, 0
    when never.
    """
    address, ip, port = _place(row)
    return {
        "address": address,
        "ip": ip,
        "port": port,
        "tier": _text(row, "tier").upper(),
        "collateral": f"{row.get('txhash', '')}:{row.get('outidx', '')}",
        "active_since": _seconds(row.get("activesince")),
        "last_paid": _seconds(row.get("lastpaid")) if row.get("last_paid_height") else 0,
        **{key: row.get(key) for key in NODE_ROW_KEYS},
    }


def _place(row: Mapping[str, Any]) -> tuple[str, str, int]:
    """Address, IP (or host name) and API port of a row; empty, empty and 0 when nobody can read it."""
    text = _text(row, "ip")
    place = listed_place(text) if text else None
    if place is not None:
        return address_of(*place), *place
    try:
        named = Endpoint.parse(text)
    except AddressError:
        return "", "", 0
    return named.address, named.host, named.port


def _seconds(value: Any) -> int:
    """The daemon writes times as texts of digits."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= 12 else 0


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
