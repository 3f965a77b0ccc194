# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that are too large for memory: a file that is sent, an attachment that comes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT

_PIECE = 65536


class FormFile:
    """A form with one file in it (``multipart/form-data``), read while it is sent.

    FluxOS stores the file under the name of the form's field (FluxOS: IOUtils.js fileUpload).
    """

    def __init__(self, path: Path, field: str) -> None:
        """Raises OSError when the file cannot be read."""
        boundary = f"fluxme-{secrets.token_hex(16)}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.problem: OSError | None = None
        """Why the file could not be read to its end."""
        self._file = path.open("rb")
        self._left = os.fstat(self._file.fileno()).st_size
        self._before = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{field}"\r\n'
            "Content-Type: application/gzip\r\n\r\n"
        ).encode()
        self._after = f"\r\n--{boundary}--\r\n".encode()
        self._size = len(self._before) + self._left + len(self._after)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(_PIECE):
            yield data

    def read(self, size: int = _PIECE) -> bytes:
        """The next bytes, ``size`` of them at most. Raises OSError, also when the request's time is over."""
        if ATTEMPT.remaining() <= 0:
            raise TimeoutError("the time for the whole request is over")
        if self._before:
            data, self._before = self._before[:size], self._before[size:]
        elif self._left:
            data = self._content(min(size, self._left))
            self._left -= len(data)
        else:
            data, self._after = self._after[:size], self._after[size:]
        return data

    def _content(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
            if not data:
                raise OSError("it became shorter while it was sent")
        except OSError as error:
            self.problem = error
            raise
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Attachment:
    """What takes an answer that is a file. An answer that is none, an error, is judged as always."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        """``take`` gets the bytes while they come; it may raise to end that."""
        self.take = take

    @staticmethod
    def begins(status: int, headers: Mapping[str, str]) -> bool:
        """Whether the answer is the file (express: ``res.download``). Errors come without this header."""
        return status == 200 and headers.get("Content-Disposition", "").startswith("attachment")
