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
import queue
import ssl
import threading
import traceback
from collections import OrderedDict
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT, BoundedResponse

REQUESTS_IMPORT_ERROR: str | None = None
"""The traceback when requests (with urllib3, which it brings) cannot be imported, else ``None``."""


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

        response_class = BoundedResponse
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
                if self.sock.gettimeout() != ATTEMPT.timeout:
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

    class _Idle:
        """Open connections of one host that wait for their next request, for urllib3's pools in place of its queue.

        That one is filled with as many blanks as it may hold, for every node anew, and takes a lock for each of them.
        """

        MOST = 100

        def __init__(self, _maxsize: int) -> None:
            self._kept: list[Any] = []

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            if item is None:
                return
            if len(self._kept) >= self.MOST:
                raise queue.Full
            self._kept.append(item)

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            try:
                return self._kept.pop()
            except IndexError:
                # The pool makes a new one then.
                raise queue.Empty from None

        def qsize(self) -> int:
            return len(self._kept)

        def drain(self) -> None:
            """Close them all."""
            while self._kept:
                self._kept.pop().close()

    class _Pool(HTTPConnectionPool):
        ConnectionCls = _Watched
        ResponseCls = _Whole  # asked by urllib3 1.26 only
        QueueCls: Any = _Idle

    class _TlsPool(HTTPSConnectionPool):
        ConnectionCls = _WatchedTls
        ResponseCls = _Whole
        QueueCls: Any = _Idle

        def _validate_conn(self, conn: Any) -> None:
            # The library's own method also warns, for each request, that the certificate is not verified. Nodes have
            # self-signed certificates, so with tls_mode off this is what the user asked for; silencing the warning
            # class would silence it for everything else in the process too.
            if conn.sock is None:
                conn.connect()

    class Asked(requests.PreparedRequest):
        """A request that is ready to be sent. The library prepares one by taking the URL apart, five times."""

        def __init__(self, method: str, origin: str, target: str, headers: dict[str, str], body: Any) -> None:
            """``origin`` is ``http://host:port``, ``target`` the rest of the URL, as :func:`on_the_wire` gives it.
            ``body`` is bytes, or what has a length and is read while it is sent.
            """
            super().__init__()
            self.method = method
            self.origin = origin
            self.target = target
            self.url = origin + target
            self.body = body or None
            if method == "POST":
                headers = {**headers, "Content-Length": str(len(body or b""))}
            # In one spelling; the library's own kind of dictionary is copied entry by entry.
            self.headers: Any = headers

    class Wire(HTTPAdapter):
        """requests' connections, made by the classes above and kept (shared by all threads); no cookies, no redirects,
        nothing from the environment.

        A request goes to the adapter without a session, and to a host's pool without the library's pool manager: what
        both do for each request, and for each node that was not asked before, costs more than the request.
        """

        def __init__(self, *, size: int, tls: TlsSettings) -> None:
            """``size`` bounds the hosts that are kept connected."""

            class Tls(_TlsPool):
                # The last word about TLS, whatever this version of requests and urllib3 hands to pools.
                def __init__(self, *args: Any, **kwargs: Any) -> None:
                    super().__init__(*args, **{**kwargs, **tls.options})

            self._classes = {"http": _Pool, "https": Tls}
            self._size = size
            self._pools: OrderedDict[str, Any] = OrderedDict()
            self._lock = threading.Lock()
            super().__init__(pool_connections=size, pool_maxsize=size)

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = self._classes

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            manager.pool_classes_by_scheme = self._classes
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

        def ask(self, request: Asked, *, timeout: float, proxies: dict[str, str]) -> requests.Response:
            """Send, and return as soon as the answer has begun.

            Raises:
                requests.RequestException: as ``requests`` does.
            """
            return self.send(request, stream=True, timeout=timeout, proxies=proxies)

        def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("proxies"):
                return super().get_connection_with_tls_context(request, *args, **kwargs)
            return self._pool(request.origin)

        def get_connection(self, url: Any, proxies: Any = None) -> Any:
            # What requests before 2.32 asks, where the other does not exist.
            return super().get_connection(url, proxies) if proxies else self._pool(url[: url.index("/", 8)])

        def request_url(self, request: Any, proxies: Any) -> str:
            return super().request_url(request, proxies) if proxies else request.target

        def build_response(self, req: Any, resp: Any) -> requests.Response:
            # Without cookies, history and a guess at the encoding.
            response = requests.Response()
            response.status_code = resp.status
            response.headers = resp.headers
            response.raw = resp
            return response

        def _pool(self, origin: str) -> Any:
            dropped = None
            with self._lock:
                pool = self._pools.get(origin)
                if pool is None:
                    scheme, _separator, place = origin.partition("://")
                    host, _colon, port = place.rpartition(":")
                    pool = self._pools[origin] = self._classes[scheme](host, int(port), maxsize=0)
                    if len(self._pools) > self._size:
                        dropped = self._pools.popitem(last=False)[1]
                else:
                    self._pools.move_to_end(origin)
            if dropped is not None:
                # Only what is idle: another thread may still be reading from it.
                dropped.pool.drain()
            return pool

        def close(self) -> None:
            super().close()
            with self._lock:
                pools = list(self._pools.values())
                self._pools.clear()
            for pool in pools:
                pool.pool.drain()

    @functools.lru_cache(maxsize=1024)
    def on_the_wire(target: str) -> str:
        """The target as ``requests`` would send it: what may not stand in a URL is percent-encoded, a fragment is cut
        off. The same few are asked of thousands of nodes.
        """
        prepared = requests.PreparedRequest()
        prepared.prepare_url(f"http://node{target}", None)
        return str(prepared.path_url)
