# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""App names as FluxOS looks them up: put into a regular expression, anchored, without regard to letter case.

Source: FluxOS registryManager.js (``new RegExp(`^${name}$`, 'i')``); words of NodeJS 20 for an expression that is none.
"""

from __future__ import annotations

import re
from functools import lru_cache

# The beginning of what Python says is wrong with an expression, and what V8 says.
_COMPLAINTS = (
    ("missing ), unterminated subpattern", "Unterminated group"),
    ("invalid group reference", "Unterminated group"),
    ("unbalanced parenthesis", "Unmatched ')'"),
    ("nothing to repeat", "Nothing to repeat"),
    ("multiple repeat", "Nothing to repeat"),
    ("unterminated character set", "Unterminated character class"),
    ("bad character range", "Range out of order in character class"),
    ("min repeat greater than max repeat", "numbers out of order in {} quantifier"),
)


class BadName(Exception):
    """A name that cannot be looked up: ``name`` and text of the JavaScript error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


@lru_cache(maxsize=1024)
def matcher(name: str) -> re.Pattern[str]:
    """Return what matches the names that FluxOS finds for *name*. Raises :class:`BadName`."""
    if "\0" in name:
        raise BadName("BSONError", f"value ^{name}$ must not contain null bytes")
    try:
        return re.compile(f"^{name}$", re.IGNORECASE)
    except re.error as wrong:
        said = next((ours for theirs, ours in _COMPLAINTS if wrong.msg.startswith(theirs)), "Invalid group")
        raise BadName("SyntaxError", f"Invalid regular expression: /^{name}$/i: {said}") from wrong
