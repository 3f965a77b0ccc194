# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of foreign JSON: what they should be, or ``None``. Nothing here raises, whatever it is given."""

from __future__ import annotations

import re
from typing import Any

_NOTHING: dict[str, Any] = {}
_TRANSACTION = re.compile(r"[0-9a-fA-F]{64}")
LARGEST = 2**53
"""The largest whole number that JSON of a JavaScript program can tell from its neighbour."""


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def whole(value: Any) -> int | None:
    """A whole number of 0 or more, also written as text or with a point."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= LARGEST else None
    if isinstance(value, str) and len(value) <= 16 and value.isdecimal() and value.isascii():
        return int(value)
    if isinstance(value, float) and 0 <= value <= LARGEST and value.is_integer():
        return int(value)
    return None


def number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST:
        return value
    return None


def milliseconds(value: Any) -> float | None:
    found = number(value)
    return found / 1000 if found is not None and found > 0 else None


def outpoint(transaction: Any, output: Any) -> str | None:
    index = whole(output)
    if index is None or not isinstance(transaction, str) or not _TRANSACTION.fullmatch(transaction):
        return None
    return f"{transaction.lower()}:{index}"
