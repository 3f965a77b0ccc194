# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in: from a signer to the header that a node accepts.

The operator of a node needs a session stored on that node: the node issues a phrase, the signer signs it, the node
keeps the login for 14 days or until FluxOS starts again (FluxOS: idService.js emergencyPhrase and verifyLogin,
serviceManager.js startFluxFunctions). Everyone else needs no login: see ``phrases``.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Literal, Protocol

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    FluxOSError,
    Misuse,
    Refused,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.identity import Signer
from ansible_collections.fluxme.fluxos.plugins.module_utils.phrases import (
    APP_OWNER_WINDOW,
    auth_header,
    header_secrets,
    is_phrase,
    issued_at,
    self_issued_phrase,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.session_cache import (
    Session,
    SessionCache,
    SessionCacheError,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import BodyKind, Transport

__all__ = ["LoginLost", "LoginNeeded", "LoginRefused", "NodeLogin", "Session", "SessionCache", "SessionCacheError"]

Privilege = Literal["stored", "self"]

#: Stands for "every node whose clock is right" as the node of a self-issued session.
ANY_NODE = "*"
#: Seconds after which a self-issued phrase is replaced: well within the 2 h that the owner of an app has.
SELF_ISSUED_LIFE = 5400.0
#: Seconds that a node keeps a login at most, and how much earlier it is taken for ended here.
STORED_LIFE = 14 * 86400.0
_MARGIN = 3600.0

_PHRASE_GONE = "Signed message is no longer valid"


class LoginRefused(Refused):
    """The node did not take the login."""

    kind = "login_refused"


class LoginLost(AnswerLost):
    """The answer to a login did not arrive, and the node does not show that there is a session."""


class LoginNeeded(Misuse):
    """A login would be needed, and nothing may be written (check mode)."""

    kind = "login_needed"


class Speaker(Protocol):
    """What a login needs of a node's client, which is of a higher layer: where the node is, and a way to talk to it."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the node is."""

    @property
    def transport(self) -> Transport:
        """What sends."""


class Store(Protocol):
    """Where sessions are kept: SessionCache, or MemoryStore when nothing may be written to disk."""

    def get(self, node: str, flux_id: str, kind: str) -> Session | None:
        """The session, unless its time is over."""

    def put(self, session: Session) -> None:
        """Keep it, in place of one for the same node, Flux ID and kind."""

    def drop(self, node: str, flux_id: str | None = None, *, header: str | None = None) -> int:
        """Forget what fits; how many did."""

    def lock(self, node: str, flux_id: str, kind: str) -> AbstractContextManager[None]:
        """Held by the one that logs in, so that the others wait for its session."""


class MemoryStore:
    """Sessions of this process only."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sessions: dict[tuple[str, str, str], Session] = {}
        self._locks: dict[tuple[str, str, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, node: str, flux_id: str, kind: str) -> Session | None:
        session = self._sessions.get((node, flux_id, kind))
        return session if session and session.expires > self._clock() else None

    def put(self, session: Session) -> None:
        self._sessions[session.node, session.flux_id, session.kind] = session

    def drop(self, node: str, flux_id: str | None = None, *, header: str | None = None) -> int:
        with self._guard:
            gone = [
                key
                for key, session in self._sessions.items()
                if key[0] == node and flux_id in (None, key[1]) and header in (None, session.header)
            ]
            for key in gone:
                del self._sessions[key]
        return len(gone)

    @contextmanager
    def lock(self, node: str, flux_id: str, kind: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault((node, flux_id, kind), threading.Lock())
        with lock:
            yield


class NodeLogin:
    """Gives clients their header: logs in where a session is needed, and keeps what it got. Thread safe."""

    def __init__(self, signer: Signer, store: Store | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """store: a SessionCache to share sessions with other tasks and runs; without one they end with this process."""
        self._signer = signer
        self._store: Store = store if store is not None else MemoryStore(clock)
        self._clock = clock
        # What each thread was given last for a node: forget() must not end a session that another thread made since.
        self._handed = threading.local()
        self._doubted: set[str] = set()
        self._secrets: set[str] = set(signer.secrets())

    def __repr__(self) -> str:
        return f"NodeLogin({self.flux_id})"

    @property
    def flux_id(self) -> str:
        """The Flux ID that logs in."""
        return self._signer.flux_id

    def header(self, client: Speaker, *, privilege: Privilege) -> str:
        """Return the value of ``zelidauth`` for a request to this node.

        privilege "stored": for calls that need the node's operator; logs in when no session is known. "self": for
        owners of apps and other users; needs no request, unless the node refused our clock before (see forget).

        Raises FluxOSError (LoginRefused, LoginNeeded, Unreachable ...), IdentityError (no signature, no safe cache).
        """
        session = self._stored(client) if privilege == "stored" else self._self_issued(client)
        self._handed_out[client.endpoint.address] = session
        self._secrets |= header_secrets(session.header)
        return session.header

    def forget(self, client: Speaker) -> None:
        """Take note that the node did not accept the header that this thread was given last for it.

        A stored session is dropped, so that the next header() logs in. After a self-issued phrase the next header()
        looks at the node's own clock first, since a wrong one is the usual reason.
        """
        address = client.endpoint.address
        session = self._handed_out.pop(address, None)
        if session is None:
            return
        if session.kind == "self":
            self._doubted.add(address)
        if session.node == address:
            self._store.drop(address, self.flux_id, header=session.header)

    def drop(self, client: Speaker) -> None:
        """Forget every session with the node, as after its restart or a logout."""
        self._handed_out.pop(client.endpoint.address, None)
        self._store.drop(client.endpoint.address)

    def current(self, client: Speaker) -> Session | None:
        """Return the stored session with the node that is known here, without asking the node."""
        return self._store.get(client.endpoint.address, self.flux_id, "stored")

    def alive(self, client: Speaker) -> Session | None:
        """Return the known stored session when the node still honours it, else None (and drop it).

        Asks /id/checkprivilege, which changes nothing. Raises FluxOSError when the node gives no clear answer.
        """
        session = self.current(client)
        if session is None:
            return None
        self._secrets |= header_secrets(session.header)
        if self._privilege_of(client, session.header) == session.privilege:
            return session
        self._store.drop(client.endpoint.address, self.flux_id, header=session.header)
        return None

    def login(self, client: Speaker) -> Session:
        """Log in anew, whatever is known, and return the session. Raises as header()."""
        session = self._log_in(client)
        self._store.put(session)
        return session

    def explain(self, client: Speaker) -> str | None:
        """Return what is known here of why the node may refuse this login, or None. For the end of a message."""
        session = self.current(client)
        if session is None or session.privilege != "user":
            return None
        return f"There the Flux ID {self.flux_id} is an ordinary user: the node belongs to another Flux ID"

    def secrets(self) -> set[str]:
        """Return everything secret that was used so far: key, headers, phrases, signatures."""
        return set(self._secrets)

    @property
    def _handed_out(self) -> dict[str, Session]:
        try:
            handed: dict[str, Session] = self._handed.sessions
        except AttributeError:
            handed = self._handed.sessions = {}
        return handed

    # Stored sessions

    def _stored(self, client: Speaker) -> Session:
        address = client.endpoint.address
        session = self._store.get(address, self.flux_id, "stored")
        if session is not None:
            return session
        with self._store.lock(address, self.flux_id, "stored"):
            # Another worker may have logged in while this one waited for the lock.
            session = self._store.get(address, self.flux_id, "stored")
            return session if session is not None else self.login(client)

    def _log_in(self, client: Speaker) -> Session:
        operation = f"log in as {self.flux_id}"
        address = client.endpoint.address
        if client.transport.read_only:
            raise LoginNeeded(
                address,
                operation,
                "no session with this node is known, and a login is a write",
                "In check mode no login is sent; run without it once, or log in with fluxme.fluxos.session first",
            )
        try:
            return self._log_in_once(client, operation)
        except LoginLost as error:
            # A second session beside a first would do no harm.
            first: FluxOSError = error
        except LoginRefused as error:
            # The node forgot its own phrase: FluxOS started again in between, and dropped phrases and sessions.
            if not error.said.startswith(_PHRASE_GONE):
                raise
            first = error
        try:
            return self._log_in_once(client, operation)
        except FluxOSError as error:
            raise error from first

    def _log_in_once(self, client: Speaker, operation: str) -> Session:
        address = client.endpoint.address
        phrase = self._phrase(client)
        header = auth_header(self.flux_id, phrase, self._signer.sign(phrase))
        self._secrets |= header_secrets(header)
        now = self._clock()
        try:
            # The body has the very fields of the header.
            answer = client.transport.post(
                client.endpoint, "/id/verifylogin", header, operation=operation, kind=BodyKind.RAW, write=True
            )
        except AnswerLost as error:
            # Read back instead of asking again. "user" proves nothing: a mere phrase gives as much.
            privilege = self._privilege_of(client, header)
            if privilege in ("admin", "fluxteam"):
                return Session(address, self.flux_id, "stored", header, privilege, now, now + STORED_LIFE - _MARGIN)
            raise LoginLost(
                address, operation, error.said, "Whether the login was made is not known; it is safe to try again"
            ) from error
        except Refused as error:
            raise LoginRefused(
                address, operation, error.said, _advice(error.said), code=error.code, name=error.name
            ) from error
        facts = answer.data if isinstance(answer.data, Mapping) else {}
        privilege = facts.get("privilage")
        if privilege not in ("admin", "fluxteam", "user"):
            raise _no_fluxos(address, operation, "a success without a privilege")
        return Session(address, self.flux_id, "stored", header, privilege, now, now + _life(facts) - _MARGIN)

    def _phrase(self, client: Speaker) -> str:
        # Not /id/loginphrase: that one refuses on a node that is not healthy, the very node that needs its operator.
        operation = "ask for a login phrase (/id/emergencyphrase)"
        answer = client.transport.get(client.endpoint, "/id/emergencyphrase", operation=operation)
        if not is_phrase(answer.data):
            raise _no_fluxos(client.endpoint.address, operation, "something that is no login phrase")
        return str(answer.data)

    def _privilege_of(self, client: Speaker, header: str) -> str | None:
        """Return what the node grants this header: "admin", "fluxteam", "user", or None."""
        try:
            answer = client.transport.post(
                client.endpoint,
                "/id/checkprivilege",
                header,
                operation=f"check the session of {self.flux_id} (/id/checkprivilege)",
                kind=BodyKind.RAW,
                write=False,
            )
        except Refused:
            return None
        return answer.message

    # Self-issued phrases

    def _self_issued(self, client: Speaker) -> Session:
        address = client.endpoint.address
        own = self._store.get(address, self.flux_id, "self")
        if own is not None:
            return own
        if address not in self._doubted:
            return self._shared()
        node_time = client.transport.get(
            client.endpoint, "/flux/version", operation="read the node's clock (/flux/version)"
        ).node_time
        shared = self._shared()
        issued = issued_at(json.loads(shared.header)["loginPhrase"])
        if node_time is None or (issued is not None and issued <= node_time < issued + APP_OWNER_WINDOW):
            # Not the clock, then.
            return shared
        return self._issue(address, node_time)

    def _shared(self) -> Session:
        """Return the phrase for all nodes with a right clock, signed once for all tasks while it lives."""
        session = self._store.get(ANY_NODE, self.flux_id, "self")
        if session is not None:
            return session
        with self._store.lock(ANY_NODE, self.flux_id, "self"):
            session = self._store.get(ANY_NODE, self.flux_id, "self")
            return session if session is not None else self._issue(ANY_NODE, self._clock())

    def _issue(self, node: str, now: float) -> Session:
        phrase = self_issued_phrase(now)
        header = auth_header(self.flux_id, phrase, self._signer.sign(phrase))
        created = self._clock()
        session = Session(node, self.flux_id, "self", header, "user", created, created + SELF_ISSUED_LIFE)
        self._store.put(session)
        return session


def _no_fluxos(address: str, operation: str, said: str) -> BadAnswer:
    return BadAnswer(address, operation, said, "This is not how FluxOS answers; check that the address is a node's API")


def _life(facts: Mapping[str, Any]) -> float:
    """Return the seconds for which a login lives, from the answer of verifylogin."""
    created, expires = _moment(facts.get("createdAt")), _moment(facts.get("expireAt"))
    if created is None or expires is None:
        return STORED_LIFE
    # Only the difference counts: both are by the node's clock, which may be wrong.
    return min(max(expires - created, 0.0), STORED_LIFE)


def _moment(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _advice(said: str) -> str:
    if said.startswith(_PHRASE_GONE):
        return "The node keeps forgetting its login phrases, as while it starts; try again in a minute"
    if said.startswith("Signed message is not valid"):
        return "The node took its own phrase for too old or for one of the future: look at the node's clock"
    if said.startswith("Invalid signature"):
        return "The signature verified here, so something between here and the node may change requests"
    if said.startswith("Flux ID is not valid"):
        return "A node lets in only Flux IDs that start with 1 or 0x"
    return "The node did not log this Flux ID in; its words above say why"
