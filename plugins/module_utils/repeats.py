# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request is made again: urllib3's ``Retry``, with what FluxOS needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import retry_after

if TYPE_CHECKING:
    import requests

try:
    from urllib3 import exceptions as wrong
    from urllib3.util import Retry
except ImportError:
    # wire keeps the traceback; without requests no transport is made, so nobody comes here.
    HAS_URLLIB3 = False
else:
    HAS_URLLIB3 = True

    class Repeats(Retry):
        """How often a request may still be made again; 0 for a write.

        Repeated is what may pass: no connection, an answer that broke off, 502 and 504 of a proxy, 503 and 429 when
        they say for how long. Not repeated is what ran out of time, and what TLS refused.
        """

        RETRY_AFTER_STATUS_CODES = frozenset((429, 503))
        LONGEST_PAUSE = 10.0
        """Seconds that a node's ``Retry-After`` may ask of us; beyond them the caller decides."""

        @classmethod
        def of(cls, count: int) -> Repeats:
            """``count`` repeats, whatever the method: most writes of FluxOS are GETs, and some reads are POSTs."""
            return cls(
                total=count,
                other=0,
                allowed_methods=None,
                status_forcelist=(502, 504),
                raise_on_status=False,
            )

        def get_backoff_time(self) -> float:
            # The library's own has no pause before the first repeat, which a node that closes connections needs most.
            return 0.2 * 2.0 ** (len(self.history) - 1)

        def get_retry_after(self, response: Any) -> float | None:
            # The library's own fails on what is neither a number nor a date.
            return retry_after(response.headers)

        def increment(
            self,
            method: str | None = None,
            url: str | None = None,
            response: Any = None,
            error: Exception | None = None,
            _pool: Any = None,
            _stacktrace: Any = None,
        ) -> Repeats:
            """One repeat less; raises MaxRetryError when there is none left, or no time for it."""
            if isinstance(error, wrong.TimeoutError) and not isinstance(error, wrong.NewConnectionError):
                raise wrong.MaxRetryError(_pool, url or "", error)
            left = super().increment(method, url, response, error, _pool, _stacktrace)
            pause = (response is not None and left.get_retry_after(response)) or left.get_backoff_time()
            if pause > self.LONGEST_PAUSE or pause >= ATTEMPT.remaining():
                raise wrong.MaxRetryError(_pool, url or "", error)
            return left

    def after_half_an_answer(response: requests.Response) -> Repeats | None:
        """What is left for an answer that broke off while it was read, which the library leaves to its caller."""
        repeats = response.raw.retries
        if not isinstance(repeats, Repeats):
            return None
        try:
            return repeats.increment("", error=wrong.ProtocolError("the answer broke off"))
        except wrong.MaxRetryError:
            return None
