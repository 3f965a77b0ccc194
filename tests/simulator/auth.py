# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins and privileges of one node (FluxOS: idService.js, verificationHelper.js, verificationHelperUtils.js)."""

from __future__ import annotations

import random
import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulator.appnames import BadName
from tests.simulator.jsvalues import ensure_object, ensure_string, iso, js_length, number
from tests.simulator.signatures import verify

if TYPE_CHECKING:
    from tests.simulator.node import Node

PHRASE_SECONDS = 15 * 60
SESSION_SECONDS = 14 * 24 * 3600
SELF_ISSUED_SECONDS = {
    "user": 16 * 3600,
    "appowner": 2 * 3600,
    "appownerabove": 2 * 3600,
    "appownerorfluxteam": 2 * 3600,
}
STORED_ONLY = {"admin", "fluxteam", "adminandfluxteam"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a ``zelidauth`` header claims."""

    zelid: str
    signature: str
    login_phrase: str


@dataclass(slots=True)
class Session:
    """A row of ``loggedusers``; moments in epoch milliseconds on the node's clock."""

    zelid: str
    login_phrase: str
    created_at: float

    def row(self) -> dict[str, str]:
        """As ``/id/loggedsessions`` shows it."""
        return {
            "zelid": self.zelid,
            "loginPhrase": self.login_phrase,
            "createdAt": iso(self.created_at),
            "expireAt": iso(self.created_at + SESSION_SECONDS * 1000),
        }


def claimed(header: str | None) -> Credentials | None:
    """The three values of the header, or None when it is missing, unreadable or incomplete."""
    fields = ensure_object(header or "")
    if not isinstance(fields, dict):
        return None
    zelid, signature, phrase = fields.get("zelid"), fields.get("signature"), fields.get("loginPhrase")
    if not zelid or not signature or not phrase:
        return None
    if not (isinstance(zelid, str) and isinstance(signature, str)):
        return None
    return Credentials(zelid, signature, str(ensure_string(phrase)))


class Logins:
    """The three collections that a start of FluxOS drops: sessions, phrases, provided signatures."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(f"phrases of {seed}")
        self.sessions: list[Session] = []
        self.phrases: dict[str, float] = {}
        self.signatures: dict[str, dict[str, Any]] = {}

    def drop(self) -> int:
        """Forget everything; answers how many sessions there were."""
        count = len(self.sessions)
        self.sessions.clear()
        self.phrases.clear()
        self.signatures.clear()
        return count

    def issue(self, now_ms: float) -> str:
        """A new login phrase: 13 digits of milliseconds and four base36 random parts."""
        letters = string.digits + string.ascii_lowercase
        parts = "".join(
            "".join(self._random.choice(letters) for _unused in range(self._random.randint(10, 12)))
            for _unused in range(4)
        )
        phrase = f"{int(now_ms):013d}{parts}"
        self.phrases[phrase] = now_ms
        return phrase

    def active_phrases(self, now_ms: float) -> dict[str, float]:
        """Phrases that are still valid."""
        limit = now_ms - PHRASE_SECONDS * 1000
        self.phrases = {phrase: made for phrase, made in self.phrases.items() if made > limit}
        return self.phrases

    def active_sessions(self, now_ms: float) -> list[Session]:
        """Sessions that have not run out."""
        limit = now_ms - SESSION_SECONDS * 1000
        self.sessions = [session for session in self.sessions if session.created_at > limit]
        return self.sessions

    def has_session(self, zelid: str, phrase: str, now_ms: float) -> bool:
        """Whether phrase and Flux ID belong to a stored session."""
        return any(s.zelid == zelid and s.login_phrase == phrase for s in self.active_sessions(now_ms))


def flux_id_is_valid(text: str) -> bool:
    """The check of verifylogin."""
    if text.startswith("1"):
        return re.fullmatch(r"[123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz]{25,34}", text) is not None
    return re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is not None


def phrase_is_in_window(phrase: str, seconds: float, now_ms: float) -> bool:
    """Not older than the window and not from the future. A text that is no number passes both comparisons (NaN)."""
    moment = number(phrase[:13])
    return not (moment < now_ms - seconds * 1000 or moment > now_ms)


def _identity_allows(node: Node, privilege: str, zelid: str, app: str | None) -> bool:
    team = node.world.team_ids
    if privilege == "user":
        return True
    if privilege == "admin":
        return zelid == node.owner
    if privilege == "fluxteam":
        return zelid in team
    if privilege == "adminandfluxteam":
        return zelid == node.owner or zelid in team
    if not app:
        return False
    try:
        owner = node.world.app_owner(app)
    except BadName:
        # Whatever is thrown on the way means: not authorised.
        return False
    if privilege == "appowner":
        return owner is not None and zelid == owner
    if privilege == "appownerorfluxteam":
        return zelid in team or (owner is not None and zelid == owner)
    if privilege == "appownerabove":
        return zelid in team or zelid == node.owner or (owner is not None and zelid == owner)
    raise ValueError(f"no such privilege: {privilege}")


def verify_privilege(node: Node, privilege: str, who: Credentials | None, app: str | None = None) -> bool:
    """verifyPrivilege: header complete, then identity, then session or phrase, then the signature."""
    if who is None or not node.database_ready or node.database_down:
        return False
    if not _identity_allows(node, privilege, who.zelid, app):
        return False
    now_ms = node.now_ms()
    if not node.logins.has_session(who.zelid, who.login_phrase, now_ms):
        if privilege in STORED_ONLY:
            return False
        if not 40 <= js_length(who.login_phrase) <= 70:
            return False
        if not phrase_is_in_window(who.login_phrase, SELF_ISSUED_SECONDS[privilege], now_ms):
            return False
    return verify(who.login_phrase, who.zelid, who.signature)


def highest_privilege(node: Node, who: Credentials) -> str | None:
    """What ``/id/checkprivilege`` and the login answer say."""
    for privilege, name in (("admin", "admin"), ("fluxteam", "fluxteam"), ("user", "user")):
        if verify_privilege(node, privilege, who):
            return name
    return None
