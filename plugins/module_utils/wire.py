# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that know when to give up and whether anything was sent.

Two things that an HTTP library does not tell, and that restarting nodes needs:

* **A deadline for the whole answer.** A read timeout starts anew with every byte, so a node that trickles one byte a
  second holds a client for ever. Here every read of the socket is bounded by what is left of the request's time.
* **Whether the request left.** "Connection reset" during the TLS handshake means that nothing was asked; the same error
  after the request was written means that the node may have done it.

urllib3 is used directly, with connections of our own; ``requests``, which brings it, would hide both.
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
from typing import Any

URLLIB3_IMPORT_ERROR: str | None = None
"""The traceback when urllib3 (which comes with requests) cannot be imported, else ``None``."""


class _Attempt(threading.local):
    """The request that the current thread is making; urllib3 makes and reads one request in one thread."""

    deadline = float("inf")
    """``time.monotonic()`` at which to give up."""
    read_timeout = 60.0
    """Seconds that any single read may take."""
    sent = False
    """Something of the request was written to the node."""

    def begin(self, deadline: float, read_timeout: float) -> None:
        self.deadline = deadline
        self.read_timeout = read_timeout
        self.sent = False

    def remaining(self) -> float:
        return self.deadline - time.monotonic()


ATTEMPT = _Attempt()


class _BoundedReader(io.RawIOBase):
    """The raw bytes of a connection, each read within the attempt's time."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        # makefile keeps the socket open while the answer is read, also when the connection object lets go of it.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = ATTEMPT.remaining()
        if remaining <= 0:
            raise TimeoutError("the time for the whole answer is over")
        self._sock.settimeout(min(ATTEMPT.read_timeout, remaining))
        return self._raw.readinto(buffer)

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
        self._context = ssl.create_default_context(cafile=ca_file) if mode == "verify" and ca_file else None

    @functools.cached_property
    def options(self) -> dict[str, Any]:
        """What urllib3 wants, made at the first TLS connection: loading the system's authorities takes 50 ms."""
        if self._mode == "verify":
            context = self._context or ssl.create_default_context()
            # urllib3 checks the name itself then, which works for addresses in every version of it.
            context.check_hostname = False
            return {"ssl_context": context}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        pinned = {"assert_fingerprint": self._fingerprint} if self._mode == "pin" else {}
        return {"ssl_context": context, "assert_hostname": False, **pinned}


try:
    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
except ImportError:
    URLLIB3_IMPORT_ERROR = traceback.format_exc()
else:

    class _Watched(HTTPConnection):
        """Notes when a request has begun to leave."""

        response_class = _BoundedResponse
        _established = False

        def connect(self) -> None:
            # False while a tunnel through a proxy is made: what is sent then is not the request.
            self._established = False
            super().connect()
            self._established = True

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            if self._established and self.sock is not None:
                ATTEMPT.sent = True
                # A reused connection still has what was left of the previous request's time.
                self.sock.settimeout(ATTEMPT.read_timeout)
            super().send(data)

        def close(self) -> None:
            self._established = False
            super().close()

    class _WatchedTls(_Watched, HTTPSConnection):
        """The same over TLS."""

    class _Pool(HTTPConnectionPool):
        ConnectionCls = _Watched

    class _TlsPool(HTTPSConnectionPool):
        ConnectionCls = _WatchedTls

        def _validate_conn(self, conn: Any) -> None:
            # The library's own method also warns, for each request, that the certificate is not verified. Nodes have
            # self-signed certificates, so with tls_mode off this is what the user asked for; silencing the warning
            # class would silence it for everything else in the process too.
            if conn.sock is None:
                conn.connect()

    def pool_manager(*, size: int, tls: TlsSettings, proxy: str | None = None) -> urllib3.PoolManager:
        """Connections by host, shared by all threads; ``size`` bounds the hosts and the idle connections per host."""

        class Tls(_TlsPool):
            # Not given to the manager: urllib3 1.26 hands those of its TLS options that it forgets to plain pools too.
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **{**kwargs, **tls.options})

        options: dict[str, Any] = {"num_pools": size, "maxsize": size, "block": False}
        manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": Tls}
        return manager
