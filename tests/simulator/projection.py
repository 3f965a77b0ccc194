# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stats takes for a projection: names of a MongoDB inclusion projection (fluxstats: fluxService.js; MongoDB 4.4+).

``a.b`` keeps the nesting, goes into each element of an array and drops what is neither object nor array on the way.
"""

from __future__ import annotations

from typing import Any

GEO = ("continent", "continentCode", "country", "countryCode", "regionName")

# Names to keep; True: whole, else what to keep below.
Tree = dict[str, Any]


class BadProjection(Exception):
    """What MongoDB refuses; ``code`` as in its error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def names_of(text: str) -> tuple[str, ...]:
    """The names in the order of the answer's cache: ``geo`` brings its five to the front, what comes twice counts once.

    Beside ``geolocation`` the name ``geo`` changes nothing but the order; beside one of its five it collides.
    """
    listed = list(dict.fromkeys(text.split(",")))
    if "geo" not in listed:
        return tuple(listed)
    geo = ["geolocation"] if "geolocation" in listed else [f"geolocation.{name}" for name in GEO]
    return (*geo, *(name for name in listed if name not in ("geo", "geolocation")))


def compile_names(names: tuple[str, ...]) -> Tree:
    """The tree of the names. Raises BadProjection: a parent and its child, a ``$``, or an empty name."""
    tree: Tree = {}
    for name in names:
        parts = _parts(name)
        at = tree
        for depth, part in enumerate(parts[:-1], start=1):
            below = at.setdefault(part, {})
            if below is True:
                rest = ".".join(parts[depth:])
                raise BadProjection(31249, f"Path collision at {name} remaining portion {rest}")
            at = below
        if parts[-1] in at:
            raise BadProjection(31250, f"Path collision at {name}")
        at[parts[-1]] = True
    return tree


def _parts(name: str) -> list[str]:
    if not name:
        raise BadProjection(40352, "FieldPath cannot be constructed with empty string")
    if name.endswith("."):
        raise BadProjection(40353, "FieldPath must not end with a '.'.")
    parts = name.split(".")
    for part in parts:
        if not part:
            raise BadProjection(15998, "FieldPath field names may not be empty strings.")
        if part.startswith("$"):
            said = "FieldPath field names may not start with '$'. Consider using $getField or $setField."
            raise BadProjection(16410, said)
    return parts


def project(document: dict[str, Any], tree: Tree) -> dict[str, Any]:
    """What a tree keeps of a document, in the document's own order; ``{}`` when nothing matches."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        below = tree.get(key)
        if below is True:
            found[key] = value
        elif below is not None:
            if isinstance(value, dict):
                found[key] = project(value, below)
            elif isinstance(value, list):
                found[key] = _project_list(value, below)
    return found


def _project_list(values: list[Any], tree: Tree) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            found.append(project(value, tree))
        elif isinstance(value, list):
            found.append(_project_list(value, tree))
    return found
