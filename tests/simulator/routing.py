# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of routes, and express' way of matching them: letter case does not count, one slash may trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.simulator.envelope import Reply
from tests.simulator.profiles import ALL, Profile

if TYPE_CHECKING:
    from tests.simulator.call import Call

Handler = Callable[["Call"], Reply]
PerProfile = Mapping[str, Any] | str | float | None


@dataclass(frozen=True)
class Route:
    """One route of FluxOS.

    ``pattern``: express form, optional parameters last (``/apps/location/:appname?``). ``privilege``: ``public`` or a
    name of the contract, per profile if it changed. ``cache``: seconds in the response cache (None = not cached), per
    profile if it changed. ``body``: ``raw`` (hangs on JSON), ``json`` or None. ``write``: changes a node's state.
    ``checks``: ``first`` (the privilege is decided before the handler) or ``handler`` (the handler asks for it itself,
    after looking at parameters). ``gated``: answers 503 in the boot window. ``keeps_errors``: the response cache does.
    """

    method: str
    pattern: str
    handler: Handler
    privilege: PerProfile = "public"
    cache: PerProfile = None
    body: str | None = None
    write: bool = False
    checks: str = "first"
    gated: bool = False
    keeps_errors: bool = True
    refuses_query: bool = False
    profiles: frozenset[str] = ALL
    segments: tuple[str, ...] = field(default=(), compare=False)

    def of(self, value: PerProfile, profile: Profile) -> Any:
        """A value that may differ per profile."""
        return value.get(profile.name) if isinstance(value, Mapping) else value


class BadPercent(Exception):
    """A malformed percent sequence in a path parameter."""


def decode_segment(text: str) -> str:
    """decodeURIComponent: ``+`` stays, ``%2F`` becomes a slash."""
    if "%" not in text:
        return text
    pieces = text.split("%")
    for piece in pieces[1:]:
        if len(piece) < 2 or any(digit not in "0123456789abcdefABCDEF" for digit in piece[:2]):
            raise BadPercent(text)
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as problem:
        raise BadPercent(text) from problem


class RouteTable:
    """The routes of one profile."""

    def __init__(self, routes: list[Route], profile: Profile) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._by_prefix: dict[tuple[str, str], list[tuple[Route, tuple[str, ...]]]] = {}
        for route in routes:
            if profile.name not in route.profiles:
                continue
            segments = tuple(route.pattern.strip("/").split("/"))
            if any(segment.startswith(":") for segment in segments):
                fixed = "/".join(segment for segment in segments[:2] if not segment.startswith(":"))
                self._by_prefix.setdefault((route.method, fixed), []).append((route, segments))
            else:
                self._exact[(route.method, route.pattern.lower())] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and its path parameters. Raises BadPercent. HEAD finds the GET route."""
        wanted = "GET" if method == "HEAD" else method
        lowered = path.lower()
        route = self._exact.get((wanted, lowered))
        if route is None and lowered.endswith("/"):
            route = self._exact.get((wanted, lowered[:-1]))
        if route is not None:
            return route, {}
        parts = path[1:].split("/")
        if parts and parts[-1] == "":
            parts.pop()
        if "" in parts:
            return None
        for fixed in ("/".join(parts[:2]).lower(), parts[0].lower() if parts else ""):
            for candidate, segments in self._by_prefix.get((wanted, fixed), ()):
                found = _match(segments, parts)
                if found is not None:
                    return candidate, found
        return None


def _match(segments: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    if len(parts) > len(segments):
        return None
    found: dict[str, str] = {}
    for at, segment in enumerate(segments):
        if at >= len(parts):
            if not segment.endswith("?"):
                return None
            continue
        if segment.startswith(":"):
            found[segment[1:].rstrip("?")] = parts[at]
        elif segment.lower() != parts[at].lower():
            return None
    return {name: decode_segment(value) for name, value in found.items()}


class Registry:
    """All routes of all profiles."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def get(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a GET route."""
        return self._add("GET", pattern, options)

    def post(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a POST route."""
        return self._add("POST", pattern, options)

    def delete(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a DELETE route."""
        return self._add("DELETE", pattern, options)

    def _add(self, method: str, pattern: str, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, pattern, handler, **options))
            return handler

        return register

    def table(self, profile: Profile) -> RouteTable:
        """The routes of a profile, compiled."""
        return RouteTable(self.routes, profile)
