# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/id/*`` and its old name ``/zelid/*`` (FluxOS: idService.js)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulator.auth import (
    PHRASE_SECONDS,
    Credentials,
    Session,
    flux_id_is_valid,
    highest_privilege,
    phrase_is_in_window,
)
from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data, envelope, error, success
from tests.simulator.jsvalues import ensure_string, iso, js_length
from tests.simulator.profiles import P17
from tests.simulator.routes.health import refusal
from tests.simulator.routing import Handler, Registry
from tests.simulator.signatures import verify

ROUTES = Registry()
CACHED_IN_17 = {P17: 30}


def _both(method: str, name: str, **options: Any) -> Callable[[Handler], Handler]:
    """Register under ``/id`` and ``/zelid``."""
    add = ROUTES.get if method == "GET" else ROUTES.post

    def register(handler: Handler) -> Handler:
        for prefix in ("/id", "/zelid"):
            add(f"{prefix}/{name}", **options)(handler)
        return handler

    return register


def _of_null(key: str) -> Reply:
    """What JavaScript says of a property of null: the body was the JSON text ``null``."""
    return error(f"Cannot read properties of null (reading '{key}')", name="TypeError")


def _claim_is_wrong(fields: dict[str, Any], zelid: Any, message: Any) -> Reply | None:
    """What verifylogin and providesign check first, in their order; None when the claim may be looked at further."""
    if zelid is None and fields.get("address", "") is None:
        return error("Cannot read properties of null (reading '0')", name="TypeError")
    if zelid is None or zelid == "":
        return error("No Flux ID is specified")
    if not isinstance(zelid, str) or not flux_id_is_valid(zelid):
        return error("Flux ID is not valid")
    if message is None or message == "":
        return error("No message is specified")
    if isinstance(message, str | list) and (len(message) if isinstance(message, list) else js_length(message)) < 40:
        return error("Signed message is not valid")
    return None


def _no_database() -> Reply:
    return error("Cannot read properties of undefined (reading 'db')", name="TypeError")


@_both("GET", "loginphrase")
def login_phrase(call: Call) -> Reply:
    """A phrase to sign, after the node's health checks."""
    refused = refusal(call.node, for_phrase=True)
    return refused if refused is not None else emergency_phrase(call)


@_both("GET", "emergencyphrase")
def emergency_phrase(call: Call) -> Reply:
    """A phrase to sign, without any check."""
    if not call.node.database_ready:
        return _no_database()
    if call.node.database_down:
        return error("connect ECONNREFUSED 127.0.0.1:27017", name="MongoServerSelectionError")
    return data(call.node.logins.issue(call.node.now_ms()))


@_both("POST", "verifylogin", body="raw", write=True)
def verify_login(call: Call) -> Reply:
    """Checks in FluxOS' order; the phrase is used up by a success."""
    node = call.node
    fields = call.raw_fields()
    if fields is None:
        return _of_null("zelid")
    fields = fields if isinstance(fields, dict) else {}
    zelid = fields.get("zelid") or fields.get("address")
    phrase = fields.get("loginPhrase") or fields.get("message")
    signature = fields.get("signature", "")
    if isinstance(zelid, str):
        call.flux_id = zelid
    now = node.now_ms()
    wrong = _claim_is_wrong(fields, zelid, phrase)
    if wrong is not None:
        return wrong
    if not isinstance(phrase, str):
        return error("message.substring is not a function", name="TypeError")
    if not phrase_is_in_window(phrase, PHRASE_SECONDS, now):
        return error("Signed message is not valid")
    if signature == "":
        return error("No signature is specified")
    if not node.database_ready:
        return _no_database()
    if phrase not in node.logins.active_phrases(now):
        return error("Signed message is no longer valid. Please request a new one.")
    if not isinstance(signature, str) or not verify(phrase, str(zelid), signature):
        return error("Invalid signature")
    del node.logins.phrases[phrase]
    session = Session(str(zelid), phrase, float(phrase[:13]))
    node.logins.sessions.append(session)
    row = session.row()
    return data(
        {
            "message": "Successfully logged in",
            "zelid": zelid,
            "loginPhrase": phrase,
            "signature": signature,
            "privilage": highest_privilege(node, Credentials(str(zelid), signature, phrase)) or "user",
            "createdAt": row["createdAt"],
            "expireAt": row["expireAt"],
        }
    )


@_both("POST", "providesign", body="raw", write=True)
def provide_sign(call: Call) -> Reply:
    """Keeps a signature for 15 minutes; does not verify it."""
    fields = call.raw_fields()
    if fields is None:
        return _of_null("zelid")
    fields = fields if isinstance(fields, dict) else {}
    address = fields.get("zelid") or fields.get("address")
    message = fields.get("loginPhrase") or fields.get("message")
    signature = fields.get("signature", "")
    wrong = _claim_is_wrong(fields, address, message)
    if wrong is not None:
        return wrong
    if signature == "":
        return error("No signature is specified")
    if not isinstance(message, str):
        return error("message.slice is not a function", name="TypeError")
    now = call.node.now_ms()
    record = {
        "signature": signature,
        "identifier": f"{address}{message[-13:]}",
        "createdAt": iso(now),
        "expireAt": iso(now + PHRASE_SECONDS * 1000),
    }
    call.node.logins.signatures[record["identifier"]] = record
    return data({**record, "_id": f"{int(now):024x}"[-24:]})


@_both("POST", "checkprivilege", body="raw")
def check_privilege(call: Call) -> Reply:
    """admin, fluxteam, user or none."""
    fields = call.raw_fields()
    if fields is None:
        return error("Cannot destructure property 'zelid' of 'processedBody' as it is null.", name="TypeError")
    fields = fields if isinstance(fields, dict) else {}
    zelid, phrase, signature = (fields.get(name) for name in ("zelid", "loginPhrase", "signature"))
    if isinstance(zelid, str):
        call.flux_id = zelid
    if not zelid:
        return error("No user Flux ID specificed")
    if not phrase:
        return error("No user loginPhrase specificed")
    if not signature:
        return error("No user Flux ID signature specificed")
    name = highest_privilege(call.node, Credentials(str(zelid), str(signature), str(ensure_string(phrase))))
    return success(name) if name else envelope("error", {"message": "none"})


@_both("GET", "loggedsessions", privilege="user", cache=CACHED_IN_17)
def logged_sessions(call: Call) -> Reply:
    """The caller's sessions."""
    assert call.credentials is not None
    sessions = call.node.logins.active_sessions(call.node.now_ms())
    return data([session.row() for session in sessions if session.zelid == call.credentials.zelid])


@_both("GET", "logoutcurrentsession", privilege="user", cache=CACHED_IN_17, write=True)
def logout_current(call: Call) -> Reply:
    """Ends the session of the header; a success also when there was none."""
    assert call.credentials is not None
    who = call.credentials
    logins = call.node.logins
    logins.sessions = [s for s in logins.sessions if (s.zelid, s.login_phrase) != (who.zelid, who.login_phrase)]
    return success("Successfully logged out")


@_both("GET", "logoutallsessions", privilege="user", cache=CACHED_IN_17, write=True)
def logout_all(call: Call) -> Reply:
    """Ends all sessions of the caller."""
    assert call.credentials is not None
    zelid = call.credentials.zelid
    call.node.logins.sessions = [s for s in call.node.logins.sessions if s.zelid != zelid]
    return success("Successfully logged out all sessions")


@_both("POST", "logoutspecificsession", privilege="user", body="raw", write=True)
def logout_specific(call: Call) -> Reply:
    """Ends the session with the phrase of the body."""
    fields = call.raw_fields()
    if fields is None:
        return _of_null("loginPhrase")
    phrase = fields.get("loginPhrase") if isinstance(fields, dict) else None
    logins = call.node.logins
    if not any(session.login_phrase == phrase for session in logins.sessions):
        return error("Cannot read properties of null (reading 'value')", name="TypeError")
    logins.sessions = [session for session in logins.sessions if session.login_phrase != phrase]
    return success("Session successfully logged out")


@_both("GET", "loggedusers", privilege="admin")
def logged_users(call: Call) -> Reply:
    """All sessions."""
    return data([session.row() for session in call.node.logins.active_sessions(call.node.now_ms())])


@_both("GET", "activeloginphrases", privilege="admin")
def active_login_phrases(call: Call) -> Reply:
    """Phrases that were issued and not used."""
    phrases = call.node.logins.active_phrases(call.node.now_ms())
    return data(
        [
            {"loginPhrase": phrase, "createdAt": iso(made), "expireAt": iso(made + PHRASE_SECONDS * 1000)}
            for phrase, made in phrases.items()
        ]
    )


@_both("GET", "logoutallusers", privilege="admin", write=True)
def logout_all_users(call: Call) -> Reply:
    """Ends every session of the node."""
    call.node.logins.sessions.clear()
    return success("Successfully logged out all users")
