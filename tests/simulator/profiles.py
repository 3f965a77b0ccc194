# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the FluxOS generations that the simulator knows: 8.17, 8.18 and 8.20."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

P17, P18, P20 = "8.17", "8.18", "8.20"
ALL = frozenset({P17, P18, P20})
SINCE_18 = frozenset({P18, P20})
ONLY_17 = frozenset({P17})
ONLY_20 = frozenset({P20})

TEAM_ID = "1hjy4bCYBJr4mny4zCE85J94RXa8W6q37"
SUPPORT_ID = "16iJqiVbHptCx87q6XQwNpKdgEZnFtKcyP"


@dataclass(frozen=True)
class Profile:
    """One generation. ``max_age`` says what ``cache-control`` of a cache hit tells."""

    name: str
    default_version: str
    health: bool
    boot_window: bool
    max_age: str
    container_view: str
    app_identities: str


PROFILES = {
    P17: Profile(P17, "8.17.0", False, False, "full", "docker", "owner, operator, team"),
    P18: Profile(P18, "8.18.0", False, True, "remaining", "names", "owner, team"),
    P20: Profile(P20, "8.20.0", True, True, "remaining", "names", "owner, team"),
}


@lru_cache(maxsize=256)
def version_key(version: str) -> tuple[int, ...]:
    """Numbers of a version for comparing; what is not a number counts as 0."""
    parts = version.split("-")[0].split(".")
    return tuple(int(part) if part.isdigit() else 0 for part in parts)


@lru_cache(maxsize=256)
def profile_of(version: str) -> Profile:
    """The profile that fits a FluxOS version: before 8.18 the oldest, from 8.19 on the newest."""
    key = version_key(version)
    if key < (8, 18):
        return PROFILES[P17]
    if key < (8, 19):
        return PROFILES[P18]
    return PROFILES[P20]
