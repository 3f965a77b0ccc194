# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FluxOS versions: read, compare, choose.

Steps: a version is three numbers and nothing else; two versions compare number by number.

Properties:

- Text that is not exactly three numbers (``8.20``, ``8.20.0-beta.1``, nothing) is never compared: it is an error, and
  the caller decides what an unknown version means. ``8.20`` is refused on purpose: written without quotes in YAML it
  is the number 8.2, and a silent ``8.2.0`` would make every node look newer than the target.
- Numbers compare as numbers: 8.9.0 is older than 8.20.0.
- Exactly one of "older", "equal" and "newer" holds for two versions.
- The newest version of a fleet is one that a node reports, and no node reports a newer one. Versions that cannot be
  read do not count: one development node must not become everybody's target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_THREE_NUMBERS = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")
_LONGEST_QUOTE = 60


class VersionError(ValueError):
    """The text is not a FluxOS version; the message says which text and what one looks like."""


class Version(NamedTuple):
    """A FluxOS version; compares like a tuple of numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: object) -> Version:
    """Read ``8.20.0``. Raises :class:`VersionError` for anything else, numbers included."""
    if isinstance(text, str) and (match := _THREE_NUMBERS.fullmatch(text.strip())):
        major, minor, patch = match.groups()
        return Version(int(major), int(minor), int(patch))
    shown = repr(text)
    if len(shown) > _LONGEST_QUOTE:
        shown = f"{shown[:_LONGEST_QUOTE]}..."
    raise VersionError(f"{shown} is not a FluxOS version: three numbers are expected, in quotes, such as '8.20.0'")


def outdated(version: object, target: object) -> bool:
    """Whether ``version`` is older than ``target``. Raises :class:`VersionError` when either cannot be read."""
    return parse_version(version) < parse_version(target)


def at_least(version: object, minimum: object) -> bool:
    """Whether ``version`` is ``minimum`` or newer. Raises :class:`VersionError` when either cannot be read."""
    return parse_version(version) >= parse_version(minimum)


def newest(versions: Iterable[object]) -> str:
    """The newest of the versions that can be read, as text.

    Raises :class:`VersionError` when there is none.
    """
    readable: list[Version] = []
    for text in versions:
        try:
            readable.append(parse_version(text))
        except VersionError:
            continue
    if not readable:
        raise VersionError("no node reports a FluxOS version that can be read: name the target version")
    return str(max(readable))
