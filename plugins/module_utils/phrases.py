# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login phrases and the header that carries them.

The header ``zelidauth`` holds a Flux ID, a phrase and the Flux ID's signature of it. FluxOS checks it on every
request; no token is issued. FluxOS: verificationHelper.js verifyPrivilege, verificationHelperUtils.js.

Two kinds of phrases:

* issued by one node (``/id/emergencyphrase``) and made a session there by a login: for the privileges of a node's
  operator;
* self-issued, with no request at all, good on every node for 2 h as an app's owner and 16 h as a user. The node takes
  it when it is 40 to 70 characters long and its first 13, milliseconds since 1970, are neither too old nor later than
  the node's own clock, not even by one millisecond.

FluxOS reports each request with this header, header included, to an audit service: a phrase is disclosed once sent.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

SHORTEST_PHRASE = 40
LONGEST_PHRASE = 70
#: Seconds for which a node takes a self-issued phrase from the owner of an app; other users have 16 h.
APP_OWNER_WINDOW = 2 * 3600.0
#: Seconds by which a phrase is dated back, so that nodes whose clocks are a little behind take it.
BACKDATED = 60.0

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS = 40


def self_issued_phrase(now: float, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a phrase for a clock that reads now (epoch seconds): 13 digits of milliseconds and 40 of base36.

    choose picks one character of a text; it is a parameter so that tests can know the result.
    """
    # Always 13 digits, as a node reads no more and no fewer; a clock before 2001 or after 2286 gets a phrase in vain.
    stamp = min(max(int((now - BACKDATED) * 1000), 10**12), 10**13 - 1)
    return str(stamp) + "".join(choose(_BASE36) for _each in range(_RANDOM_CHARACTERS))


def issued_at(phrase: str) -> float | None:
    """Return the epoch seconds that a phrase claims, or None when it is no phrase."""
    stamp = phrase[:13]
    return int(stamp) / 1000 if len(stamp) == 13 and stamp.isascii() and stamp.isdigit() else None


def is_phrase(text: object) -> bool:
    """Tell whether a node's answer is a login phrase."""
    return (
        isinstance(text, str)
        and SHORTEST_PHRASE <= len(text) <= 2 * LONGEST_PHRASE
        and text.isascii()
        and text.isalnum()
        and issued_at(text) is not None
    )


def auth_header(flux_id: str, phrase: str, signature: str) -> str:
    """Return the value of the header ``zelidauth``: JSON, whose values FluxOS takes literally."""
    fields = {"zelid": flux_id, "signature": signature, "loginPhrase": phrase}
    return json.dumps(fields, separators=(",", ":"))


def header_secrets(header: str) -> set[str]:
    """Return the parts of a header that must never be shown: the whole, the phrase and the signature."""
    fields = json.loads(header)
    return {header, fields["signature"], fields["loginPhrase"]}
