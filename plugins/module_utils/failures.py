# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saying in our words what the HTTP library reports, and whether the request had left when it happened.

The system's own error lies below layers of wrapping that differ between the versions of urllib3 (1.26 and 2).
"""

from __future__ import annotations

import http.client
import re
import socket
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    FluxOSError,
    Unreachable,
    clean,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.wire import ATTEMPT

try:
    from urllib3 import exceptions as wrong
except ImportError:
    # Without urllib3 no transport can be made, so nothing here is reached; wire keeps the traceback.
    HAS_URLLIB3 = False
else:
    HAS_URLLIB3 = True


def failure(node: str, operation: str, error: Exception, timeout: float) -> FluxOSError:
    """The error that ``error`` of urllib3 stands for; ``timeout`` is the one that was in force, in seconds."""
    cause = _innermost(error)
    if isinstance(error, wrong.DecodeError):
        return BadAnswer(node, operation, "an answer that does not decompress", "Ask again", transient=True)
    if ATTEMPT.sent:
        if isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, http.client.RemoteDisconnected):
            return BadAnswer(
                node, operation, "an answer that is not HTTP", "Check that the address is a node's API, and its scheme"
            )
        return AnswerLost(node, operation, *_lost(error, cause, timeout), transient=not _is_timeout(error))
    said, advice = _unsent(error, cause, timeout)
    return Unreachable(
        node,
        operation,
        said,
        advice,
        transient=isinstance(cause, (ConnectionRefusedError, ConnectionResetError)),
    )


def _lost(error: Exception, cause: BaseException, timeout: float) -> tuple[str, str]:
    advice = "Whether the node did it is not known: read its state back before asking again"
    if _is_timeout(error):
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


def _unsent(error: Exception, cause: BaseException, timeout: float) -> tuple[str, str]:
    if isinstance(error, wrong.ProxyError):
        return "the proxy could not be used: " + clean(str(cause), 160), "Check the option proxy and the proxy itself"
    if isinstance(error, (wrong.SSLError,)) or "ssl" in type(cause).__name__.lower():
        return _tls(cause)
    if _is_timeout(error):
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
            "the certificate could not be verified: " + clean(text.split("]")[-1].split("(_ssl")[0], 160),
            "Nodes have self-signed certificates, which only tls_mode pin can check",
        )
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text.lower():
        return "no TLS is spoken on this port", "Check the port and the scheme"
    return "TLS failed: " + clean(text, 160), "Check the port, the scheme and tls_mode"


def _is_timeout(error: Exception) -> bool:
    if isinstance(_innermost(error), TimeoutError):
        return True
    # urllib3 derives "could not connect at all" from its timeouts, for the sake of old callers.
    return isinstance(error, wrong.TimeoutError) and not isinstance(error, wrong.NewConnectionError)


def _innermost(error: BaseException) -> BaseException:
    """The operating system's or http.client's own error below the library's wrapping."""
    seen: BaseException = error
    for _level in range(6):
        inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        inner = inner or seen.__cause__ or getattr(seen, "reason", None)
        if inner is None and isinstance(seen, wrong.HTTPError):
            # Only the library's: what was under way when the system's error came up says nothing of it.
            inner = seen.__context__
        if not isinstance(inner, BaseException):
            break
        seen = inner
    return seen
