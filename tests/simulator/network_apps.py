# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps of the scenario ``network``: how many, of which version, with how many instances, and where those run."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import base58

APPS, RUNNING, OWNERS = 0.28, 0.945, 0.195
STEEP = 3.5
# Weights of what was registered on 2026-09-30; 3 is the usual number of instances, 100 the largest.
VERSIONS = ((2, 3, 4, 5, 6, 7, 8), (0.11, 1.43, 0.58, 0.16, 3.45, 10.68, 83.58))
INSTANCES = ((1, 2, 3, 5, 10, 20, 40, 100), (8, 5, 61, 15, 6, 3, 1, 0.4))
COMPONENTS = ((1, 2, 3), (85, 11, 4))
ENTERPRISE = 0.576
EXPIRE = ((88000, 20160, 1056000), (6, 3, 1))
NAMES = (
    "presearchnode", "FoldingAtRunOnFlux", "inkscape", "ghostflux", "Palworld", "minecraft", "KaspaNode", "wordpress",
    "TideBoard", "KelpForum", "ReefMail", "SandClock", "GullRadio", "PierShop", "DuneWiki", "MistMaps",
)  # fmt: skip
PARTS = ("web", "db", "cache")
DESCRIPTIONS = (
    "{{ 7*7 }} {% raw %}",
    "naïve café, 東京, Ελλάδα, 🚀",
    "first line\nsecond line\u2028third",
    "\x1b]0;title\x07 $(id) `id`",
)


def install_apps(source: random.Random, rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The apps, and their instances put on the nodes that can be reached."""
    apps = []
    free = [row for row in rows if not row.get("faults") and row.get("status", "CONFIRMED") == "CONFIRMED"]
    owners = [_owner(seed, at) for at in range(max(1, int(len(rows) * OWNERS)))]
    for at in range(max(1, round(len(rows) * APPS))):
        version = source.choices(*VERSIONS)[0]
        parts = PARTS[: source.choices(*COMPONENTS)[0]] if version > 3 else PARTS[:1]
        wanted = source.choices(*INSTANCES)[0]
        # The first apps are of owners whose keys the state file has.
        owner = f"@app owner {at}" if at < 9 else owners[int(len(owners) * source.random() ** STEEP)]
        name = f"{NAMES[at % len(NAMES)]}{at if at >= len(NAMES) else ''}"
        app: dict[str, Any] = {
            "name": name,
            "owner": owner,
            "version": version,
            "instances": wanted,
            "components": parts,
            "height": source.randrange(2_700_000, 2_996_000),
            "expire": source.choices(*EXPIRE)[0],
        }
        if version == 8 and at >= len(NAMES) and source.random() < ENTERPRISE:
            app["enterprise"] = True
        if at < len(DESCRIPTIONS):
            app["description"] = DESCRIPTIONS[at]
        apps.append(app)
        if free and (at < len(NAMES) or source.random() < RUNNING):
            for row in source.sample(free, k=min(wanted, len(free))):
                row.setdefault("apps", []).append(name)
    return apps


def _owner(seed: int, at: int) -> str:
    digest = hashlib.sha256(f"app owner {seed} {at}".encode()).digest()
    return base58.b58encode_check(b"\x00" + digest[:20]).decode()
