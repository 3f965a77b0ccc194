# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node or a gateway is: the forms in which people and FluxOS write addresses, and the URLs made of them.

A node is named by its API address, ``ip:port``, with one of eight ports (FluxOS: apiServer.js, up to eight nodes share
one public IP). Lists of the network leave ``:16127`` away. A node's HTTPS listener is its API port plus one. Everything
else, a gateway such as ``https://api.runonflux.io`` or a proxy in front of a node, is given as a URL and used as given.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_PORT = 16127
"""API port of a node whose address names none."""

NODE_PORTS: tuple[int, ...] = tuple(range(16127, 16198, 10))
"""Every API port that FluxOS accepts."""

KNOWN_GATEWAYS: frozenset[str] = frozenset({"api.runonflux.io", "api.runonflux.com"})
"""Hosts that answer from whichever node they like, hence never stand for a certain node."""

Scheme = Literal["http", "https"]

_SCHEMES = ("http", "https")
_SCHEME_PORTS = {"http": 80, "https": 443}
_ACCEPTED = (
    "Accepted are 1.2.3.4 (port 16127), 1.2.3.4:16137, [2001:db8::1]:16127, a host name with or without such a port, "
    "and for a gateway or proxy a URL such as https://api.runonflux.io or http://host:8080"
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# One of NODE_PORTS, which a test holds against this.
_LISTED_IPV4 = re.compile(rf"({_OCTET}(?:\.{_OCTET}){{3}})(?::(161[2-9]7))?")


class AddressError(ValueError):
    """A text that is no address; the message says what is accepted."""


def segment(text: str) -> str:
    """Percent-encode ``text`` for use as one segment of a path.

    FluxOS decodes path parameters once (express), so a slash inside a name survives as ``%2F``.

    Raises:
        AddressError: for an empty text, ``.`` and ``..``, which no URL can carry as a segment.
    """
    if text in ("", ".", ".."):
        raise AddressError(f"{text!r} cannot be a part of a path")
    return quote(text, safe="")


def target(path: str, query: Mapping[str, str] | None = None) -> str:
    """What a request asks for: the part of a URL after :attr:`Endpoint.origin`. See :meth:`Endpoint.url`."""
    if not path.startswith("/"):
        raise AddressError(f"a path begins with a slash, {path!r} does not")
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place that answers FluxOS requests. Hashable, comparable, immutable."""

    host: str
    """Lower-case host name, IPv4 address, or IPv6 address without brackets."""
    port: int
    """API (http) port of a node, also when it is reached over https; the port on the wire for an explicit URL."""
    scheme: Scheme = "http"
    explicit_url: bool = False
    """Given as a URL with a place of its own (a gateway or proxy): :meth:`url` uses exactly that port."""

    @classmethod
    def parse(cls, text: str, *, scheme: str | None = None) -> Endpoint:
        """Read an address as people write it.

        ``scheme`` (``http`` or ``https``) is for addresses without one; a URL brings its own.

        Raises:
            AddressError: saying what is accepted.
        """
        if scheme is not None and scheme not in _SCHEMES:
            raise AddressError(f"{scheme!r} is no scheme that FluxOS speaks: http or https")
        stripped = text.strip()
        if "://" in stripped:
            return cls._from_url(stripped)
        host, port = _split_host(stripped)
        return cls(host, _node_port(port, stripped), cast(Scheme, scheme or "http"))

    @classmethod
    def _from_url(cls, text: str) -> Endpoint:
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise AddressError(f"{text!r} is no URL ({error}). {_ACCEPTED}") from error
        if "@" in parts.netloc:
            # Not repeated: what stands before the @ may be a password.
            raise AddressError("A URL with a user name or password in it is not accepted. " + _ACCEPTED)
        if parts.scheme not in _SCHEMES:
            raise AddressError(f"{parts.scheme!r} is no scheme that FluxOS speaks: http or https. {_ACCEPTED}")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise AddressError(f"Give only the base, {parts.scheme}://{parts.netloc}, without a path or query")
        host, port = _split_host(parts.netloc)
        scheme = cast(Scheme, parts.scheme)
        if port is None and _is_ip(host):
            return cls(host, DEFAULT_PORT, scheme)
        if port in NODE_PORTS:
            return cls(host, port, scheme)
        if scheme == "https" and port is not None and port - 1 in NODE_PORTS:
            return cls(host, port - 1, scheme)
        return cls(host, port if port is not None else _SCHEME_PORTS[scheme], scheme, explicit_url=True)

    @property
    def address(self) -> str:
        """The name in every message: ``1.2.3.4:16127`` for a node, the URL for a gateway or proxy."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if not self.explicit_url:
            return f"{host}:{self.port}"
        port = "" if self.port == _SCHEME_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def ip(self) -> str:
        """The public address that nodes may share; the host name where the endpoint was given by name."""
        return self.host

    @property
    def is_gateway(self) -> bool:
        """True for a known gateway, which answers from any node."""
        return self.host in KNOWN_GATEWAYS

    def with_scheme(self, scheme: Scheme) -> Endpoint:
        """The same node over the other protocol; an explicit URL stays as it is."""
        return self if self.explicit_url else replace(self, scheme=scheme)

    @property
    def origin(self) -> str:
        """Scheme, host and the port on the wire: what a URL begins with."""
        wire_port = self.port
        if self.scheme == "https" and not self.explicit_url:
            wire_port += 1
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{wire_port}"

    def url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The URL of ``path``, which begins with a slash and is taken as it is: see :func:`segment`.

        ``query`` is percent-encoded, in the order given: the node's response cache takes another order for another URL.
        """
        return self.origin + target(path, query)

    def __str__(self) -> str:
        return self.address


def node_address(text: str) -> str:
    """Normalise an address from a network list: ``1.2.3.4`` becomes ``1.2.3.4:16127``.

    Raises:
        AddressError: when it is no node address.
    """
    return Endpoint.parse(text).address


def listed_place(text: str) -> tuple[str, int] | None:
    """IP and API port of a node as lists of the network print it, ``None`` for what is no node's place.

    ``1.2.3.4`` is port 16127. Host names and URLs are for users: a list that holds one would make the controller
    resolve or call what it says. Made for 15,000 rows: ten times faster than :meth:`Endpoint.parse` where it is IPv4.
    """
    found = _LISTED_IPV4.fullmatch(text)
    if found is not None:
        return found[1], int(found[2] or DEFAULT_PORT)
    if "://" in text:
        return None
    try:
        place = Endpoint.parse(text)
    except AddressError:
        return None
    return (place.host, place.port) if _is_ip(place.host) else None


def address_of(ip: str, port: int) -> str:
    """The name of the node at ``ip`` and ``port``: ``1.2.3.4:16127``, ``[2001:db8::1]:16127``."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _split_host(text: str) -> tuple[str, int | None]:
    """Split ``host[:port]`` and check both; IPv6 with brackets, or bare when it has no port."""
    rest = ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ip(host) or ":" not in host:
            raise AddressError(f"{text!r} is no IPv6 address in brackets. {_ACCEPTED}")
    elif text.count(":") > 1:
        host = text
        if not _is_ip(host):
            raise AddressError(f"{text!r} is no address. {_ACCEPTED}")
    else:
        host, colon, port = text.partition(":")
        rest = colon + port
        _check_host(host.lower(), text)
    if rest in ("",):
        return _canonical(host), None
    digits = rest.removeprefix(":")
    if not rest.startswith(":") or not re.fullmatch(r"[0-9]{1,5}", digits) or not 0 < int(digits) < 65536:
        raise AddressError(f"{text!r} has no valid port. {_ACCEPTED}")
    return _canonical(host), int(digits)


def _canonical(host: str) -> str:
    return str(ipaddress.ip_address(host)) if ":" in host else host.lower()


def _check_host(host: str, text: str) -> None:
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError(f"{text!r} is no address. {_ACCEPTED}")
    # No top-level domain is a number: 1.2.3 and 1.2.3.256 are mistyped addresses, not names.
    if labels[-1].isdigit() and not _is_ip(host):
        raise AddressError(f"{text!r} is no IPv4 address. {_ACCEPTED}")


def _node_port(port: int | None, text: str) -> int:
    if port is None:
        return DEFAULT_PORT
    if port in NODE_PORTS:
        return port
    ports = ", ".join(str(each) for each in NODE_PORTS)
    hint = f"a node's API port is one of {ports}; a gateway or proxy is given as a URL, http://HOST:{port}"
    if port - 1 in NODE_PORTS:
        hint = f"{port} is the HTTPS port of the node with API port {port - 1}: give that port and the scheme https"
    elif port + 1 in NODE_PORTS:
        hint = f"{port} is the port of the web interface; the API port of that node is {port + 1}"
    raise AddressError(f"{text!r}: {hint}")
