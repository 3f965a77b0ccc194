# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that know when to give up and whether anything was sent, for ``requests`` to use.

What an HTTP library does not do, and restarting nodes needs:

* **A deadline for the whole answer.** A read timeout starts anew with every byte, so a node that trickles one byte a
  second holds a client for ever. Here every read of the socket is bounded by what is left of the request's time.
* **Whether the request left.** "Connection reset" during the TLS handshake means that nothing was asked; the same error
  after the request was written means that the node may have done it.
* **A number of repeats for each request.** ``requests`` knows one for all.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import threading
import time
import traceback
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.fluxme.fluxos.plugins.module_utils.repeats import Repeats

REQUESTS_IMPORT_ERROR: str | None = None
"""The traceback when requests (with urllib3, which it brings) cannot be imported, else ``None``."""


class TooLarge(OSError):
    """More came than the request allows, as it comes over the wire."""


class _Attempt(threading.local):
    """The request that the current thread is making; requests makes and reads one request in one thread."""

    deadline = float("inf")
    """``time.monotonic()`` at which to give up."""
    timeout = 60.0
    """Seconds to connect, and that any single read may take."""
    limit = 0
    """Bytes that one answer may have."""
    repeats: Repeats | None = None
    """How often it may still be made again."""
    sent = False
    """Something of the request was written to the node, by the newest connection made for it."""

    def begin(self, *, deadline: float, timeout: float, limit: int, repeats: Repeats) -> None:
        self.deadline = deadline
        self.timeout = timeout
        self.limit = limit
        self.repeats = repeats
        self.sent = False

    def remaining(self) -> float:
        return self.deadline - time.monotonic()


ATTEMPT = _Attempt()


class _BoundedReader(io.RawIOBase):
    """The raw bytes of one answer, each read within the attempt's time."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        # makefile keeps the socket open while the answer is read, also when the connection object lets go of it.
        self._raw = sock.makefile("rb", buffering=0)
        # What is read is bounded where it is used; this holds for what the library reads by itself and throws away.
        # The allowance is for the headers, which http.client bounds.
        self._left = ATTEMPT.limit + 2**20

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = ATTEMPT.remaining()
        if remaining <= 0:
            raise TimeoutError("the time for the whole answer is over")
        self._sock.settimeout(min(ATTEMPT.timeout, remaining))
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooLarge("the answer is too large")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # A TLS connection through a TLS proxy is no real socket; it keeps the plain read timeout.
        if isinstance(sock, socket.socket):
            plain = self.fp
            self.fp = io.BufferedReader(_BoundedReader(sock), 65536)
            plain.close()


class TlsSettings:
    """How certificates are checked.

    ``mode``: ``verify`` checks chain and name against ``ca_file`` or the system's authorities, ``pin`` the SHA-256
    ``fingerprint`` of the certificate, ``off`` nothing.
    """

    def __init__(self, mode: str, fingerprint: str | None = None, ca_file: str | None = None) -> None:
        """Raises OSError when ``ca_file`` cannot be used."""
        self._mode = mode
        self._fingerprint = fingerprint
        self._context = ssl.create_default_context(cafile=ca_file) if self.verify and ca_file else None

    @property
    def verify(self) -> bool:
        """Whether an authority has to vouch for the certificate."""
        return self._mode == "verify"

    @functools.cached_property
    def options(self) -> dict[str, Any]:
        """What urllib3 wants, made at the first TLS connection: loading the system's authorities takes 50 ms."""
        if self.verify:
            context = self._context or ssl.create_default_context()
            # urllib3 checks the name itself then, which works for addresses in every version of it.
            context.check_hostname = False
            return {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        pinned = {"assert_fingerprint": self._fingerprint} if self._mode == "pin" else {}
        return {"ssl_context": context, "cert_reqs": "CERT_NONE", "assert_hostname": False, **pinned}


try:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:

    class _Watched(HTTPConnection):
        """Notes when a request has begun to leave."""

        response_class = _BoundedResponse
        _established = False

        def connect(self) -> None:
            # False while a tunnel through a proxy is made: what is sent then is not the request.
            self._established = ATTEMPT.sent = False
            self.timeout = max(0.001, min(ATTEMPT.timeout, ATTEMPT.remaining()))
            super().connect()
            self._established = True

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            if self._established and self.sock is not None:
                ATTEMPT.sent = True
                # A reused connection still has what was left of the previous request's time.
                self.sock.settimeout(ATTEMPT.timeout)
            super().send(data)

        def close(self) -> None:
            self._established = False
            super().close()

    class _WatchedTls(_Watched, HTTPSConnection):
        """The same over TLS."""

    class _Whole(urllib3.HTTPResponse):
        """Takes half an answer for an error, which urllib3 1.26 does only when it is told to."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "enforce_content_length": True})

    class _Pool(HTTPConnectionPool):
        ConnectionCls = _Watched
        ResponseCls = _Whole  # asked by urllib3 1.26 only

    class _TlsPool(HTTPSConnectionPool):
        ConnectionCls = _WatchedTls
        ResponseCls = _Whole

        def _validate_conn(self, conn: Any) -> None:
            # The library's own method also warns, for each request, that the certificate is not verified. Nodes have
            # self-signed certificates, so with tls_mode off this is what the user asked for; silencing the warning
            # class would silence it for everything else in the process too.
            if conn.sock is None:
                conn.connect()

    class _Adapter(HTTPAdapter):
        """requests' connections, made by the classes above; ``size`` bounds hosts and idle connections per host."""

        def __init__(self, *, size: int, tls: TlsSettings) -> None:
            class Tls(_TlsPool):
                # The last word about TLS, whatever this version of requests and urllib3 hands to pools.
                def __init__(self, *args: Any, **kwargs: Any) -> None:
                    super().__init__(*args, **{**kwargs, **tls.options})

            self._pools = {"http": _Pool, "https": Tls}
            super().__init__(pool_connections=size, pool_maxsize=size)

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = self._pools

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            manager.pool_classes_by_scheme = self._pools
            return manager

        def cert_verify(self, *_details: Any) -> None:
            # The pools know; requests would add its own authorities to those of ca_file.
            return

        @property
        def max_retries(self) -> Any:
            return ATTEMPT.repeats

        @max_retries.setter
        def max_retries(self, value: Any) -> None:
            # requests sets the one for all requests here.
            return

    class _Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> None:
            # Even when it does not follow, requests prepares to, and reads the redirect's body without a bound for it.
            return None

    def open_session(*, size: int, tls: TlsSettings) -> requests.Session:
        """A session that keeps connections (shared by all threads), but no cookies, and asks no environment."""
        session = _Session()
        session.trust_env = False
        session.verify = tls.verify
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        adapter = _Adapter(size=size, tls=tls)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session
