# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending a request to FluxOS, and getting an answer, an error that says what happened, or an end in time.

* FluxOS has no response timeout: a handler that never answers leaves the connection open for ever. So every request
  has three bounds of its own: to connect, for each read, and for the whole.
* Reads are repeated where that helps. Writes are sent exactly once, on a connection of their own (a kept one may be
  closed by the node in the very moment that it is used), and never follow a redirect. Most writes of FluxOS are GETs,
  so the method says nothing: the caller says ``write``.
* Most GETs are answered from a cache with the URL as its only key (FluxOS: routes.js); ``x-apicache-bypass`` skips it.
* POST bodies come in two kinds. Most handlers read the raw stream and hang for ever when the web framework has read it
  before, which it does for ``application/json``; a few need exactly that type.
"""

from __future__ import annotations

import enum
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from ansible_collections.fluxme.fluxos.plugins.module_utils import repeats as again
from ansible_collections.fluxme.fluxos.plugins.module_utils import wire
from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import target
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer, judge
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError, Misuse, StaleAnswer, UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.failures import failure, innermost, too_large
from ansible_collections.fluxme.fluxos.plugins.module_utils.transfers import Attachment, FormFile
from ansible_collections.fluxme.fluxos.plugins.module_utils.wire import TlsSettings

if TYPE_CHECKING:
    from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint

try:
    import requests
except ImportError:
    # wire keeps the traceback; Transport() raises it.
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True

REQUESTS_IMPORT_ERROR = wire.REQUESTS_IMPORT_ERROR
"""Set when what this needs is missing: requests, or urllib3, which it brings."""

TlsMode = Literal["off", "verify", "pin"]

Sink = Callable[[bytes], bool]
"""Takes the next bytes of an answer's body and says whether more of it is wanted."""

_CHUNK = 65536
_HEADERS = {"User-Agent": "fluxme.fluxos", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}


class BodyKind(enum.Enum):
    """How a POST handler reads its body; the wrong kind hangs or arrives empty."""

    RAW = "text/plain"
    """Reads the stream itself: login, daemon, benchmark, app registration and update, exec."""
    JSON = "application/json"
    """Takes what express has parsed: at most 100 kB, an object or a list."""


class WriteForbidden(RuntimeError):
    """A write was about to be sent by a transport that may only read: a defect of the caller, found before any I/O."""


class RunGone(RuntimeError):
    """The run that a request belongs to was killed; what is left of it must not go on by itself."""


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to send. Times in seconds, sizes in bytes."""

    timeout: float = 20.0
    """To connect, and for each read."""
    retries: int = 2
    """Repeats of a read after a failure that may pass."""
    proxy: str | None = None
    """URL of an HTTP proxy; the environment is never asked for one."""
    tls_mode: TlsMode = "off"
    tls_fingerprint: str | None = None
    """SHA-256 of the certificate (DER), 64 hexadecimal digits, colons allowed; for ``pin``."""
    ca_file: str | None = None
    """Authorities for ``verify`` instead of the system's."""
    max_answer: int = 64 * 2**20
    """Largest answer, after decompression."""
    pool: int = 256
    """Hosts kept connected: more than are asked at the same time, so that the second question to a node finds it so."""
    deadline: float | None = None
    """For one operation with its repeats; three times ``timeout`` when not given."""

    def __post_init__(self) -> None:
        for name in ("timeout", "max_answer"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} is {getattr(self, name):g}: a number above 0 is expected")
        if self.retries < 0:
            raise UsageError(f"retries is {self.retries}: 0 or more repeats are expected")
        if self.tls_mode == "pin":
            digits = (self.tls_fingerprint or "").replace(":", "").strip()
            if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
                raise UsageError(
                    "tls_mode pin needs tls_fingerprint, the SHA-256 of the certificate as 64 hexadecimal digits: "
                    "openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -fingerprint -sha256"
                )


class Transport:
    """Sends requests; safe to share between threads. Holds connections open until :meth:`close`."""

    def __init__(
        self,
        options: TransportOptions | None = None,
        *,
        read_only: bool = False,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        """``read_only`` makes every write raise :class:`WriteForbidden`, as check mode wants it. ``abandoned`` is asked
        right before anything is sent, and makes every request raise :class:`RunGone`.

        Raises:
            ImportError: when requests is missing.
            Misuse: when the options cannot work (a proxy of an unknown kind, an unreadable ``ca_file``).
        """
        if not HAS_REQUESTS:
            raise ImportError(f"The Python package requests is needed: {REQUESTS_IMPORT_ERROR}")
        self.options = options or TransportOptions()
        self.read_only = read_only
        self._abandoned = abandoned
        self._proxies = _proxies(self.options.proxy)
        self._tls = _tls(self.options)
        self._reads = self._wire(self.options.pool)

    def get(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str] | None = None,
        auth: str | None = None,
        write: bool = False,
        fresh: bool = True,
        timeout: float | None = None,
        deadline: float | None = None,
        retries: int | None = None,
        since: str | None = None,
        accept_text: bool = False,
        sink: Sink | None = None,
        attachment: Attachment | None = None,
    ) -> Answer:
        """GET ``path``.

        ``operation`` names it in errors. ``auth`` is the value of the ``zelidauth`` header. ``write`` says that the
        route changes something. ``fresh`` skips the node's response cache. ``since`` and ``accept_text``: see
        :func:`envelope.judge`. ``sink`` gets an answer that comes bit by bit while it comes. ``attachment`` takes an
        answer that is a file, and nothing of it is kept.

        Raises:
            FluxOSError: one of its family, see :mod:`errors`.
            WriteForbidden: for a write on a read-only transport.
            RunGone: when the run was killed.
        """
        headers = dict(_HEADERS)
        if fresh or write or auth is not None:
            # An answer to another caller, or to an earlier question, is of no use to these.
            headers["x-apicache-bypass"] = "1"
        if attachment is not None:
            # So that its length is told, and half of it is seen to be so.
            headers["Accept-Encoding"] = "identity"
        return self._perform(
            "GET",
            endpoint,
            target(path, query),
            _Request(operation, headers, None, write, timeout, deadline, retries, since, accept_text, sink, attachment),
            auth,
        )

    def post(
        self,
        endpoint: Endpoint,
        path: str,
        body: Any,
        *,
        operation: str,
        kind: BodyKind = BodyKind.RAW,
        query: Mapping[str, str] | None = None,
        auth: str | None = None,
        write: bool = True,
        timeout: float | None = None,
        deadline: float | None = None,
        retries: int | None = None,
        since: str | None = None,
        accept_text: bool = False,
        sink: Sink | None = None,
    ) -> Answer:
        """POST ``body`` (a text and a form as they are, anything else as JSON, ``None`` as nothing); otherwise like
        :meth:`get`.
        """
        content: bytes | FormFile
        if body is None:
            content = b""
        elif isinstance(body, FormFile):
            content = body
        elif isinstance(body, str):
            content = body.encode()
        else:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        content_type = body.content_type if isinstance(body, FormFile) else kind.value
        headers = {**_HEADERS, "Content-Type": content_type, "x-apicache-bypass": "1"}
        return self._perform(
            "POST",
            endpoint,
            target(path, query),
            _Request(operation, headers, content, write, timeout, deadline, retries, since, accept_text, sink),
            auth,
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._reads.close()

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    # -- one request ------------------------------------------------------------------------------------------------

    def _wire(self, size: int) -> wire.Wire:
        return wire.Wire(size=size, tls=self._tls)

    def _perform(self, method: str, endpoint: Endpoint, wanted: str, request: _Request, auth: str | None) -> Answer:
        if request.write and self.read_only:
            raise WriteForbidden(f"{endpoint.address}: {request.operation}: a write, and this transport may only read")
        if self.options.tls_mode == "pin" and endpoint.scheme == "http":
            raise Misuse(
                endpoint.address,
                request.operation,
                "a pinned certificate protects nothing over plain http, so nothing was sent",
                "Set scheme to https, or tls_mode to off",
            )
        if auth is not None:
            if not auth.isascii() or not auth.isprintable():
                # Refused here, because http.client would put the whole value into its error.
                raise ValueError("the zelidauth header holds characters that no header may have")
            request.headers["zelidauth"] = auth
        timeout = request.timeout or self.options.timeout
        allowed = request.deadline or (3 * timeout if request.timeout else self.options.deadline or 3 * timeout)
        deadline = time.monotonic() + allowed
        asked = wire.Asked(method, endpoint.origin, wire.on_the_wire(wanted), request.headers, request.body)
        if not request.write:
            retries = self.options.retries if request.retries is None else request.retries
            return self._send(self._reads, asked, endpoint, request, timeout, deadline, again.Repeats.of(retries))
        # A kept connection may be closed by the node in the very moment that it is used, so a write has its own.
        asked.headers["Connection"] = "close"
        with closing(self._wire(1)) as own:
            answer = self._send(own, asked, endpoint, request, timeout, deadline, again.Repeats.of(0))
        if answer.from_cache:
            # Up to 8.17 mutating GETs were cached too, and something between here and the node may drop our header.
            raise StaleAnswer(
                endpoint.address,
                request.operation,
                "answered from the node's response cache, so nothing was done",
                "Ask again when the cached answer has expired, after 30 s",
            )
        return answer

    def _send(
        self,
        line: wire.Wire,
        asked: wire.Asked,
        endpoint: Endpoint,
        request: _Request,
        timeout: float,
        deadline: float,
        repeats: again.Repeats,
    ) -> Answer:
        node, operation = endpoint.address, request.operation
        while True:
            if self._abandoned():
                raise RunGone(f"{node}: {operation}: the run that asks this was killed, so nothing was sent")
            limit = sys.maxsize if request.attachment else self.options.max_answer
            ATTEMPT.begin(deadline=deadline, timeout=timeout, limit=limit, repeats=repeats)
            try:
                # What fails before an answer has begun is repeated in here.
                response = line.ask(asked, timeout=timeout, proxies=self._proxies)
            except requests.RequestException as error:
                raise failure(node, operation, error, timeout) from innermost(error)
            with response:
                try:
                    return self._judge(response, endpoint, request, timeout)
                except FluxOSError as error:
                    left = again.after_half_an_answer(response) if error.transient else None
                    if left is None:
                        raise
            repeats = left
            repeats.sleep()

    def _judge(self, response: requests.Response, endpoint: Endpoint, request: _Request, timeout: float) -> Answer:
        node, operation = endpoint.address, request.operation
        chunks: list[bytes] = []
        size = 0
        file = request.attachment
        if file is not None and not file.begins(response.status_code, response.headers):
            file = None
        try:
            for chunk in response.iter_content(_CHUNK):
                if file is not None:
                    file.take(chunk)
                    continue
                size += len(chunk)
                if size > self.options.max_answer:
                    raise too_large(node, operation, self.options.max_answer)
                chunks.append(chunk)
                if request.sink is not None and not request.sink(chunk):
                    break
        except requests.RequestException as error:
            raise failure(node, operation, error, timeout) from innermost(error)
        if file is not None:
            return Answer(None, http_status=response.status_code, headers=response.headers)
        return judge(
            node,
            operation,
            http_status=response.status_code,
            headers=response.headers,
            body=b"".join(chunks),
            since=request.since,
            accept_text=request.accept_text,
        )


@dataclass(slots=True)
class _Request:
    operation: str
    headers: dict[str, str]
    body: bytes | FormFile | None
    write: bool
    timeout: float | None
    deadline: float | None
    retries: int | None
    since: str | None
    accept_text: bool
    sink: Sink | None
    attachment: Attachment | None = None


def _proxies(proxy: str | None) -> dict[str, str]:
    if proxy is None:
        return {}
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # Not repeated: it may hold a password.
        raise Misuse("proxy", "prepare requests", "the proxy's URL is not usable", "Give it as http://HOST:PORT")
    return {"http": proxy, "https": proxy}


def _tls(options: TransportOptions) -> TlsSettings:
    try:
        return TlsSettings(options.tls_mode, options.tls_fingerprint, options.ca_file)
    except OSError as error:
        raise Misuse(
            "tls",
            "read ca_file",
            f"{options.ca_file}: {error.strerror or error}",
            "Give a file with PEM certificates",
        ) from error
