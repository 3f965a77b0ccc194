# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signing vectors: FluxOS's own verdicts on 46 signatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parents[4] / "data" / "vectors" / "signing.json"
_VECTORS: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))

KEYS: dict[str, dict[str, Any]] = {key["id"]: key for key in _VECTORS["keys"]}
CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in _VECTORS["cases"]}


def message_of(case: dict[str, Any]) -> str:
    """Return the text of a case, which long ones give as a repetition."""
    if "message" in case:
        return str(case["message"])
    repeat = case["message_repeat"]
    return str(repeat["text"] * repeat["count"])


def key_text(name: str) -> str:
    """Return the private key of a vector as text."""
    return str(KEYS[name].get("wif") or KEYS[name]["private_key_hex"])
