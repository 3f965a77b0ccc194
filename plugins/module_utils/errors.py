# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong between here and FluxOS, as one family.

Each error has four parts: which node, which operation, what was said, what to do. Together they are its text. None
holds request headers, signatures, login phrases or bodies, and what the other side said is scrubbed before it is kept.
"""

from __future__ import annotations

import copy
import re
from typing import Any, TypeVar

E = TypeVar("E", bound="FluxOSError")

MAX_SAID = 400
"""Characters kept of what the other side said."""

_SECRET_NAMES = (
    "zelidauth|login_?phrase|signature|priv(?:ate)?_?key|password|passphrase|secret|token|wif|api_?key|authorization"
)
_SECRET_VALUE = re.compile(rf"(?i)\b({_SECRET_NAMES})(\"?\s*[:=]\s*\"?)([^\s\"&,}}]+)")
# A private key in wallet import format, wherever it stands.
_WIF = re.compile(
    r"(?<![1-9A-HJ-NP-Za-km-z])(?:[KL][1-9A-HJ-NP-Za-km-z]{51}|5[1-9A-HJ-NP-Za-km-z]{50})(?![1-9A-HJ-NP-Za-km-z])"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def clean(text: str, limit: int = MAX_SAID) -> str:
    """Make a foreign text fit for a message: one line, bounded, without values of parameters that are secrets."""
    # Bounded first: the text may be megabytes of what is not FluxOS.
    line = " ".join(_CONTROL.sub(" ", text[: 4 * limit]).split())
    line = _WIF.sub("***", _SECRET_VALUE.sub(r"\1\2***", line))
    return line if len(line) <= limit else line[: limit - 3] + "..."


class UsageError(ValueError):
    """Options cannot be used as given; the text names the option and says what is accepted."""


class FluxOSError(Exception):
    """An operation did not succeed. ``str()`` is ``node: operation: said. advice``."""

    kind = "error"
    """Name for machines, the same for all errors of one class."""
    maybe_done = False
    """True when the node may have done what was asked: read back before asking again."""

    def __init__(
        self,
        node: str,
        operation: str,
        said: str,
        advice: str,
        *,
        code: str | int | None = None,
        name: str | None = None,
        transient: bool = False,
    ) -> None:
        said = clean(said).rstrip(".")
        # Scrubbed for the base class as well: a traceback shows its arguments.
        super().__init__(node, operation, said, advice)
        self.node = node
        self.operation = operation
        self.said = said
        self.advice = advice.rstrip(".")
        self.code = code
        """FluxOS' own code (an RPC number, 401, ``ENOENT`` ...), or the HTTP code where there was no envelope."""
        self.name = name
        """FluxOS' own name of the error."""
        self.transient = transient
        """The answer broke off: the same request may well get a whole one."""

    def __str__(self) -> str:
        return f"{self.node}: {self.operation}: {self.said}. {self.advice}."

    def advising(self: E, advice: str) -> E:
        """The same error with another advice, for callers who know better than who met it what can be done."""
        other = copy.copy(self)
        other.advice = advice.rstrip(".")
        other.args = (self.node, self.operation, self.said, advice)
        return other

    def as_dict(self) -> dict[str, Any]:
        """For results and reports; holds no secrets."""
        return {
            "kind": self.kind,
            "node": self.node,
            "operation": self.operation,
            "said": self.said,
            "advice": self.advice,
            "code": self.code,
            "name": self.name,
        }


class Unreachable(FluxOSError):
    """Nothing was sent: no such host, connection refused, no connection in time, TLS not accepted."""

    kind = "unreachable"

    maybe_sent = False
    """True when the request may have reached the node."""


class AnswerLost(Unreachable):
    """The request was sent and no complete answer came: reset, closed, or not in time."""

    kind = "answer_lost"
    maybe_done = True
    maybe_sent = True


class Refused(FluxOSError):
    """FluxOS answered with an error envelope."""

    kind = "refused"


class Unauthorized(Refused):
    """FluxOS' 401 envelope: the Flux ID has not the privilege, or the session has ended. Nothing was done."""

    kind = "unauthorized"


class NotFound(FluxOSError):
    """The node's FluxOS does not have the endpoint, or what was asked for does not exist. Nothing was done."""

    kind = "not_found"


class Busy(FluxOSError):
    """HTTP 503 or 429: not now. Nothing was done."""

    kind = "busy"

    def __init__(self, *args: Any, retry_after: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.retry_after = retry_after
        """Seconds after which the node wants to be asked again; ``None`` when it did not say."""

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "retry_after": self.retry_after}


class BadAnswer(FluxOSError):
    """Something answered, but not as FluxOS does: HTML, half an answer, no envelope, too large, an odd HTTP code."""

    kind = "bad_answer"
    maybe_done = True

    def __init__(self, *args: Any, incomplete: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.incomplete = incomplete
        """The answer began as FluxOS' own and broke off."""


class StaleAnswer(BadAnswer):
    """A write was answered from a cache: nothing was done."""

    maybe_done = False


class Misuse(FluxOSError):
    """The operation makes no sense for this endpoint or these options; nothing was sent."""

    kind = "misuse"


class GatewayNotANode(Misuse):
    """A node was needed and a gateway was given, which answers from whichever node it likes."""

    kind = "gateway_not_a_node"


class OutOfTime(FluxOSError):
    """The time for the whole task ended before this node was asked."""

    kind = "out_of_time"
