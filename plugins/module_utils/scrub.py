# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets out of what leaves: results, messages, reports, failure bundles.

Two layers. Secrets that are known (the key in use, the signatures and phrases of this run) are replaced exactly, in
every spelling in which a text may carry them. For secrets that nobody told us of there are a few patterns, each so
narrow that ordinary values (addresses, hashes, specifications) are never touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "VALUE_HIDDEN"

#: Shorter texts are not taken for secrets: replacing a two-letter "secret" everywhere would ruin every result.
SHORTEST_SECRET = 8

_B58 = "1-9A-HJ-NP-Za-km-z"
#: A private key in wallet import format: 51 characters from 5 on, 52 from K or L on.
_WIF = re.compile(rf"(?<![{_B58}0IOl])(?:[KL][{_B58}]{{51}}|5[{_B58}]{{50}})(?![{_B58}0IOl])")
#: A login phrase: 13 digits of milliseconds (2020 to 2033) and base36; purely hexadecimal text is a hash, not a phrase.
_PHRASE = re.compile(r"(?<![0-9A-Za-z])(?![0-9a-f]+(?![0-9A-Za-z]))1[6-9][0-9]{11}[0-9a-z]{27,57}(?![0-9A-Za-z])")
#: "loginPhrase" and "zelidauth" with a value, in JSON, in JSON inside JSON, in Python's repr and in a query string.
_FIELD = re.compile(
    r"""((?:loginPhrase|zelidauth)(?:\\*["'])?\s*[:=]\s*)(\{[^{}]*\}|\\*"[^"\\]*\\*"|'[^']*'|[^\s&"'\\,;}{]+)"""
)
#: The signature beside a Flux ID or phrase; a lone "signature" (of an app message, say) is public and stays.
_SIGNATURE = re.compile(
    r"""((?<![A-Za-z0-9_])signature(?:\\*["'])?\s*[:=]\s*)(\\*"[^"\\]*\\*"|'[^']*'|[^\s&"'\\,;}{]+)"""
)
_LOGIN_NEARBY = re.compile(r"loginPhrase|zelidauth")
#: The shortest text that a pattern can match; most values are shorter and need no search.
_SHORTEST_MATCH = 17

_ALWAYS_SECRET_KEYS = frozenset({"loginphrase", "login_phrase", "zelidauth", "private_key", "privatekey"})
_LOGIN_KEYS = frozenset({"loginphrase", "login_phrase", "zelid", "privilage", "identifier"})


def _spellings(secret: str) -> set[str]:
    """Return the ways in which a text may carry a secret: as it is, percent-encoded, in JSON, in a Python repr."""
    escaped = json.dumps(secret)[1:-1]
    twice = json.dumps(escaped)[1:-1]
    unescaped_unicode = json.dumps(secret, ensure_ascii=False)[1:-1]
    return {
        secret,
        quote(secret, safe=""),
        repr(secret)[1:-1],
        quote(secret),
        quote_plus(secret),
        quote(secret, safe="").lower(),
        escaped,
        twice,
        unescaped_unicode,
        escaped.replace("/", "\\/"),
    }


class Scrubber:
    """Replaces secrets by VALUE_HIDDEN in texts and in nested results."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Learn further secrets. Texts of fewer than SHORTEST_SECRET characters are not taken."""
        for secret in secrets:
            secret = str(secret).strip()
            if len(secret) >= SHORTEST_SECRET:
                self._known |= _spellings(secret)
        if self._known:
            # The longest first: a header holds the signature, and the whole of it has to go.
            ordered = sorted(self._known, key=lambda text: (-len(text), text))
            self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def text(self, text: str) -> str:
        """Return text without secrets; the very same object when there was none."""
        cleaned = text
        if self._pattern is not None:
            cleaned = self._pattern.sub(HIDDEN, cleaned)
        if len(cleaned) >= _SHORTEST_MATCH:
            if _LOGIN_NEARBY.search(cleaned):
                cleaned = _SIGNATURE.sub(_hide_value, cleaned)
                cleaned = _FIELD.sub(_hide_value, cleaned)
            cleaned = _WIF.sub(HIDDEN, cleaned)
            cleaned = _PHRASE.sub(HIDDEN, cleaned)
        return text if cleaned == text else cleaned

    def scrub(self, value: Any) -> Any:
        """Return a copy of value without secrets: mappings (keys included), lists, tuples, sets, texts and bytes.

        Other types come back as they are.
        """
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, (bool, int, float)):
            # Before the abstract class is asked: that takes a millisecond for each type that it hears of first.
            return value
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list):
            return [self.scrub(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self.scrub(item) for item in value)
        if isinstance(value, (set, frozenset)):
            return type(value)(self.scrub(item) for item in value)
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return value

    def _mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        names = {key.lower() for key in value if isinstance(key, str)}
        is_login = not names.isdisjoint(_LOGIN_KEYS)
        clean: dict[Any, Any] = {}
        for key, item in value.items():
            name = key.lower() if isinstance(key, str) else ""
            secret = name in _ALWAYS_SECRET_KEYS or (name == "signature" and is_login)
            # An empty or absent value tells nothing and is worth seeing; a marker of Ansible's own stays readable.
            if secret and item and not (isinstance(item, str) and item.startswith("VALUE_")):
                clean[self.scrub(key)] = HIDDEN
            else:
                clean[self.scrub(key)] = self.scrub(item)
        return clean


def _hide_value(match: re.Match[str]) -> str:
    value = match.group(2)
    opening = re.match(r"""\\*["']""", value)
    if opening:
        return f"{match.group(1)}{opening.group()}{HIDDEN}{opening.group()}"
    return f"{match.group(1)}{HIDDEN}"
