# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of live services, for tests (tests/data/README.md), and what a projection leaves of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[1] / "data" / "recordings"


@cache
def _read(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))["answer"]["data"]


def recorded(name: str) -> Any:
    """The ``data`` of a recorded answer, a copy of its own for each caller."""
    return copy.deepcopy(_read(name))


def projected(documents: Iterable[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """What a MongoDB inclusion projection leaves of documents: nested as they were, mapped over lists."""
    names = list(names)
    return [_cut(document, [name.split(".") for name in names]) for document in documents]


def _cut(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_cut(each, paths) for each in value if isinstance(each, dict | list)]
    found: dict[str, Any] = {}
    for key in value:
        below = [path[1:] for path in paths if path[0] == key]
        if [] in below:
            found[key] = value[key]
        elif below and isinstance(value[key], dict | list):
            found[key] = _cut(value[key], below)
    return found
