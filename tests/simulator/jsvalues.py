# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JavaScript's ways with values, as FluxOS meets them (FluxOS: serviceHelper.js; qs 6)."""

from __future__ import annotations

import json
import math
import re
from typing import Any
from urllib.parse import unquote

_NUMBER = re.compile(r"[+-]?(Infinity|\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)")


def unquote_plus_lenient(text: str) -> str:
    """qs decodes ``+`` as a space and leaves a malformed percent sequence as it is."""
    spaced = text.replace("+", " ")
    try:
        return unquote(spaced, errors="strict")
    except UnicodeDecodeError:
        return spaced


def parse_query(text: str) -> dict[str, Any]:
    """qs.parse: a key given twice is a list, ``a[b]=c`` an object."""
    found: dict[str, Any] = {}
    for part in text.split("&"):
        if not part:
            continue
        raw_key, _unused, raw_value = part.partition("=")
        key, value = unquote_plus_lenient(raw_key), unquote_plus_lenient(raw_value)
        nested = re.fullmatch(r"([^\[\]]+)\[([^\[\]]*)\]", key)
        if nested:
            outer, inner = nested.groups()
            if inner == "":
                found.setdefault(outer, [])
                if isinstance(found[outer], list):
                    found[outer].append(value)
            else:
                found.setdefault(outer, {})
                if isinstance(found[outer], dict):
                    found[outer][inner] = value
        elif key in found:
            known = found[key]
            found[key] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            found[key] = value
    return found


def ensure_object(value: Any) -> Any:
    """ensureObject: JSON, else a query string; a JSON scalar is ``{}``, ``null`` stays null (None)."""
    if isinstance(value, dict | list):
        return value
    if not value or not isinstance(value, str):
        return {}
    try:
        parsed = json.loads(value, parse_constant=_refuse)
    except ValueError:
        return parse_query(value)
    if parsed is None or isinstance(parsed, dict | list):
        return parsed
    return {}


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def ensure_boolean(value: Any) -> bool | None:
    """ensureBoolean: anything but true, 'true', 1, '1' and their opposites is undefined (None)."""
    if value in (True, "true", "1"):
        return True
    if value in (False, "false", "0"):
        return False
    return None


def ensure_string(value: Any) -> Any:
    """ensureString: text stays, undefined stays, everything else becomes JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number(text: str) -> float:
    """JavaScript's Number(text)."""
    stripped = text.strip()
    if not stripped:
        return 0.0
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", stripped):
        return float(int(stripped, 16))
    if not _NUMBER.fullmatch(stripped):
        return math.nan
    return float(stripped)


def js_length(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def iso(milliseconds: float) -> str:
    """Date.toISOString."""
    import datetime

    seconds, rest = divmod(int(milliseconds), 1000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment.isoformat()[:19]}.{rest:03d}Z"
