# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saying in our words what the HTTP library reports, and whether the request had left when it happened.

The system's own error lies below layers of wrapping: of requests, and of urllib3, whose versions (1.26 and 2) differ.
"""

from __future__ import annotations

import http.client
import re
import socket
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT, TooLarge
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    FluxOSError,
    Unreachable,
    clean,
)

try:
    import requests
    from urllib3 import exceptions as wrong
except ImportError:
    # Without requests no transport can be made, so nothing here is reached; wire keeps the traceback.
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True


def failure(node: str, operation: str, error: requests.RequestException, timeout: float) -> FluxOSError:
    """The error that ``error`` stands for; ``timeout`` is the one that was in force, in seconds."""
    library, cause = _library_error(error), innermost(error)
    if isinstance(library, wrong.DecodeError):
        return BadAnswer(node, operation, "an answer that does not decompress", "Ask again", transient=True)
    if isinstance(cause, TooLarge):
        return too_large(node, operation, ATTEMPT.limit)
    if ATTEMPT.sent:
        if isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, http.client.RemoteDisconnected):
            return BadAnswer(
                node, operation, "an answer that is not HTTP", "Check that the address is a node's API, and its scheme"
            )
        late = _is_timeout(library, cause)
        return AnswerLost(node, operation, *_lost(cause, timeout, late=late), transient=not late)
    return Unreachable(node, operation, *_unsent(library, cause, timeout))


def too_large(node: str, operation: str, limit: int) -> BadAnswer:
    """An answer of more than ``limit`` bytes."""
    return BadAnswer(
        node,
        operation,
        f"an answer of more than {limit / 2**20:.0f} MiB, which was not read to its end",
        "Ask for less, or raise max_answer",
    )


def _lost(cause: BaseException, timeout: float, *, late: bool) -> tuple[str, str]:
    advice = "Whether the node did it is not known: read its state back before asking again"
    if late:
        if ATTEMPT.remaining() <= 0:
            return "the answer did not end in the time allowed", advice
        return f"no answer within {timeout:g} s", advice
    if isinstance(cause, http.client.IncompleteRead):
        return f"half an answer: the connection ended after {_partial(cause)} bytes", advice
    if isinstance(cause, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
        return "the node closed the connection without an answer", advice
    return "the connection broke before the answer was complete", advice


def _partial(error: http.client.IncompleteRead) -> int:
    # urllib3 puts the number of bytes where http.client has the bytes themselves.
    partial: Any = error.partial
    return partial if isinstance(partial, int) else len(partial)


def _unsent(library: BaseException, cause: BaseException, timeout: float) -> tuple[str, str]:
    if isinstance(library, wrong.ProxyError):
        return "the proxy could not be used: " + clean(str(cause), 160), "Check the option proxy and the proxy itself"
    if isinstance(library, wrong.SSLError) or "ssl" in type(cause).__name__.lower():
        return _tls(cause)
    if _is_timeout(library, cause):
        return f"no connection within {timeout:g} s", "Check that the node is up and the port open"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused", "FluxOS is not running there, or not on this port"
    text = str(cause)
    if isinstance(cause, socket.gaierror):
        return "no such host name", "Check the address"
    if isinstance(cause, OSError) and cause.strerror:
        text = cause.strerror
    return clean(text, 160) or "no connection", "Check the address, the network and the port"


def _tls(cause: BaseException) -> tuple[str, str]:
    text = str(cause)
    if "ingerprint" in text:
        found = re.findall(r"[gG]ot \"(?:b')?([0-9a-fA-F:]+)", text)
        return (
            "the certificate is another one than pinned" + (f": its SHA-256 is {found[0]}" if found else ""),
            "Nothing was sent. If the node's certificate was renewed, check it at the node and set tls_fingerprint",
        )
    if any(sign in text for sign in ("CERTIFICATE_VERIFY_FAILED", "doesn't match", "subjectAltName")):
        return (
            "the certificate could not be verified: " + clean(re.sub(r"^.*\]|\(_ssl.*$", "", text), 160),
            "A node signs its own certificate, which only tls_mode pin can check. Authorities of your own, that vouch "
            "for a gateway, are given in ca_file",
        )
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text.lower():
        return "no TLS is spoken on this port", "Check the port and the scheme"
    return "TLS failed: " + clean(text, 160), "Check the port, the scheme and tls_mode"


def _is_timeout(library: BaseException, cause: BaseException) -> bool:
    if isinstance(cause, TimeoutError):
        return True
    # urllib3 derives "could not connect at all" from its timeouts, for the sake of old callers.
    return isinstance(library, wrong.TimeoutError) and not isinstance(library, wrong.NewConnectionError)


def _library_error(error: BaseException) -> BaseException:
    """What urllib3 said inside of what requests says."""
    inner: object = error
    while isinstance(inner, (requests.RequestException, wrong.MaxRetryError)):
        error = inner
        inner = inner.reason if isinstance(inner, wrong.MaxRetryError) else next(iter(inner.args), None)
    return inner if isinstance(inner, BaseException) else error


def innermost(error: BaseException) -> BaseException:
    """The operating system's or http.client's own error below the libraries' wrapping."""
    seen: BaseException = error
    for _level in range(8):
        inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        inner = inner or seen.__cause__ or getattr(seen, "reason", None)
        if inner is None and isinstance(seen, wrong.HTTPError):
            # Only the library's: what was under way when the system's error came up says nothing of it.
            inner = seen.__context__
        if not isinstance(inner, BaseException):
            break
        seen = inner
    return seen
