# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``JSON.parse`` of NodeJS 20 says of a text that is not JSON: clients see it in the error page of a refused body.

Found out by asking NodeJS 20.20.2, the one of the recorded node. Positions count UTF-16 units, as JavaScript does.
"""

from __future__ import annotations

import struct

_SPACE = " \t\n\r"
_DIGITS = "0123456789"
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_CONTEXT = 10


class _Wrong(Exception):
    """The complaint of the first error."""


def _units(text: str) -> str:
    """Return one character for each UTF-16 unit."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, struct.unpack(f"<{len(raw) // 2}H", raw)))


def _text(units: str) -> str:
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Parser:
    """Walks over a text until the first error."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def here(self) -> str:
        """Return the character at the position, or an empty text at the end."""
        return self.text[self.at : self.at + 1]

    def skip(self) -> str:
        """Skip white space and return what follows."""
        while self.here() and self.here() in _SPACE:
            self.at += 1
        return self.here()

    def complain(self, message: str) -> _Wrong:
        """Make the complaint *message* about the position."""
        return _Wrong(f"{message} in JSON at position {self.at}")

    def unexpected(self) -> _Wrong:
        """Make the complaint about a character that nothing can begin with here."""
        token, length, at = self.here(), len(self.text), self.at
        if not token:
            return _Wrong("Unexpected end of JSON input")
        if token == "-" or token in _DIGITS:
            return self.complain("Unexpected number")
        if token == '"':
            return self.complain("Unexpected string")
        excerpt = f'"{self.text}"'
        if length > 2 * _CONTEXT:
            excerpt = f'"{self.text[max(0, at - _CONTEXT) : at + _CONTEXT]}"'
            if at >= _CONTEXT:
                excerpt = "..." + excerpt
            if at < length - _CONTEXT:
                excerpt += "..."
        return _Wrong(f"Unexpected token '{token}', {excerpt} is not valid JSON")

    def whole(self) -> None:
        """Walk over the whole text."""
        self.value()
        if self.skip():
            raise _Wrong(f"Unexpected non-whitespace character after JSON at position {self.at}")

    def value(self) -> None:
        """Walk over one value."""
        token = self.skip()
        if token == "{":
            self.object()
        elif token == "[":
            self.array()
        elif token == '"':
            self.string()
        elif token and (token == "-" or token in _DIGITS):
            self.number()
        elif token in _LITERALS:
            for letter in _LITERALS[token]:
                if self.here() != letter:
                    raise self.unexpected()
                self.at += 1
        else:
            raise self.unexpected()

    def object(self) -> None:
        """Walk over an object."""
        self.at += 1
        if self.skip() == "}":
            self.at += 1
            return
        first = True
        while True:
            if self.skip() != '"':
                raise self.complain(
                    "Expected property name or '}'" if first else "Expected double-quoted property name"
                )
            self.string()
            if self.skip() != ":":
                # V8 has words of its own for the first property only.
                raise self.complain("Expected ':' after property name") if first else self.unexpected()
            self.at += 1
            self.value()
            if self.skip() not in (",", "}"):
                raise self.complain("Expected ',' or '}' after property value")
            self.at += 1
            if self.text[self.at - 1] == "}":
                return
            first = False

    def array(self) -> None:
        """Walk over an array."""
        self.at += 1
        if self.skip() == "]":
            self.at += 1
            return
        while True:
            self.value()
            if self.skip() not in (",", "]"):
                raise self.complain("Expected ',' or ']' after array element")
            self.at += 1
            if self.text[self.at - 1] == "]":
                return

    def string(self) -> None:
        """Walk over a string."""
        self.at += 1
        while (token := self.here()) != '"':
            if not token:
                raise self.complain("Unterminated string")
            if token < " ":
                raise self.complain("Bad control character in string literal")
            self.at += 1
            if token == "\\":
                self.escape()
        self.at += 1

    def escape(self) -> None:
        """Walk over what follows a backslash."""
        token = self.here()
        if token == "u":
            for _unused in range(4):
                self.at += 1
                if not self.here() or self.here() not in "0123456789abcdefABCDEF":
                    raise self.complain("Bad Unicode escape")
        elif not token or token > "\xff":
            raise self.unexpected()
        elif token not in '"\\/bfnrt':
            raise self.complain("Bad escaped character")
        self.at += 1

    def digits(self, message: str) -> None:
        """Walk over digits, of which there has to be one."""
        if not self.here() or self.here() not in _DIGITS:
            raise self.complain(message)
        while self.here() and self.here() in _DIGITS:
            self.at += 1

    def number(self) -> None:
        """Walk over a number."""
        if self.here() == "-":
            self.at += 1
            if not self.here() or self.here() not in _DIGITS:
                raise self.complain("No number after minus sign")
        if self.here() == "0":
            self.at += 1
            if self.here() and self.here() in _DIGITS:
                raise self.complain("Unexpected number")
        else:
            self.digits("No number after minus sign")
        if self.here() == ".":
            self.at += 1
            self.digits("Unterminated fractional number")
        if self.here() and self.here() in "eE":
            self.at += 1
            if self.here() and self.here() in "+-":
                self.at += 1
            self.digits("Exponent part is missing a number")


def complaint(text: str) -> str | None:
    """Return what V8 says of a text that is not JSON, None of one that is."""
    try:
        _Parser(_units(text)).whole()
    except _Wrong as wrong:
        return _text(str(wrong))
    return None


def strict_complaint(text: str) -> str:
    """Return what body-parser says of JSON that is neither an object nor an array (library body-parser 1.20)."""
    units = _units(text)
    start = len(units) - len(units.lstrip(_SPACE))
    rest = len(units) - start
    # body-parser has V8 parse the text with # in place of all from the first character on, and puts the text back.
    message = complaint(units[:start] + "#" * rest) or ""
    pieces: list[str] = []
    at = 0
    while at < len(message):
        run = len(message) - at - len(message[at:].lstrip("#"))
        pieces.append(units[start : start + run] if run else message[at])
        at += run or 1
    return _text("".join(pieces))
