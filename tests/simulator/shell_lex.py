# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the language of ``sh``: words with their quotes, operators, and the tree of commands.

As much of POSIX as a command for a container needs: lists, pipes, groups, ``if``, ``while``, ``until``, ``for``,
redirections, assignments. Here-documents, functions, ``case`` and arithmetic are not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

OPERATORS = ("&&", "||", ";;", ">>", "<<", ">&", "<&", ";", "|", "&", "(", ")", "<", ">", "\n")
RESERVED = {"then", "do", "done", "fi", "else", "elif", "}", "in"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "?#@*$!0123456789"


class ShellSyntax(Exception):
    """A text that sh would not take; the message is its own."""


@dataclass(frozen=True)
class Piece:
    """Part of a word. ``kind``: ``text``, ``var`` (``default`` after ``:-``) or ``command`` (a substitution)."""

    kind: str
    text: str
    quoted: bool = False
    default: str | None = None


Word = tuple[Piece, ...]


@dataclass(frozen=True)
class Token:
    """An operator (``op``) or a word; ``fd`` stands in front of a redirection."""

    op: str | None
    word: Word = ()
    fd: int | None = None

    @property
    def plain(self) -> str | None:
        """The text of a word without quotes and variables."""
        if self.op is None and len(self.word) == 1 and self.word[0].kind == "text" and not self.word[0].quoted:
            return self.word[0].text
        return None


@dataclass
class Redirect:
    """``op`` is ``>``, ``>>``, ``<`` or ``>&``."""

    fd: int
    op: str
    target: Word


@dataclass
class Command:
    """A node of the tree. ``kind``: simple, list, pipe, and, or, not, group, subshell, if, while, until, for."""

    kind: str
    words: list[Word] = field(default_factory=list)
    parts: list[Command] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    name: str = ""


class Lexer:
    """Text to tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def tokens(self) -> list[Token]:
        """All of them. Raises ShellSyntax."""
        found: list[Token] = []
        text = self._text
        while self._at < len(text):
            char = text[self._at]
            if char in " \t\r":
                self._at += 1
            elif text.startswith("\\\n", self._at):
                self._at += 2
            elif char == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            else:
                found.append(self._token())
        return found

    def _token(self) -> Token:
        text = self._text
        numbered = re.compile(r"(\d)(>>|>&|<&|>|<)").match(text, self._at)
        if numbered:
            self._at = numbered.end()
            return Token(numbered[2], fd=int(numbered[1]))
        for operator in OPERATORS:
            if text.startswith(operator, self._at):
                self._at += len(operator)
                return Token(operator)
        return Token(None, self._word())

    def _word(self) -> Word:
        pieces: list[Piece] = []
        text = self._text
        while self._at < len(text) and text[self._at] not in " \t\r\n;|&()<>":
            char = text[self._at]
            if char == "'":
                end = text.find("'", self._at + 1)
                if end < 0:
                    raise ShellSyntax("syntax error: unterminated quoted string")
                pieces.append(Piece("text", text[self._at + 1 : end], quoted=True))
                self._at = end + 1
            elif char == '"':
                self._at += 1
                self._double(pieces)
            elif char == "\\":
                pieces.append(Piece("text", text[self._at + 1 : self._at + 2], quoted=True))
                self._at += 2
            elif char in "$`":
                pieces.append(self._expansion(quoted=False))
            else:
                start = self._at
                while self._at < len(text) and text[self._at] not in " \t\r\n;|&()<>'\"\\$`":
                    self._at += 1
                pieces.append(Piece("text", text[start : self._at]))
        return tuple(pieces)

    def _double(self, pieces: list[Piece]) -> None:
        text = self._text
        pieces.append(Piece("text", "", quoted=True))
        plain = ""
        while True:
            if self._at >= len(text):
                raise ShellSyntax("syntax error: unterminated quoted string")
            char = text[self._at]
            if char == '"':
                self._at += 1
                break
            if char == "\\" and text[self._at + 1 : self._at + 2] in ('"', "\\", "$", "`", "\n"):
                plain += "" if text[self._at + 1] == "\n" else text[self._at + 1]
                self._at += 2
            elif char in "$`":
                pieces.append(Piece("text", plain, quoted=True))
                plain = ""
                pieces.append(self._expansion(quoted=True))
            else:
                plain += char
                self._at += 1
        pieces.append(Piece("text", plain, quoted=True))

    def _expansion(self, *, quoted: bool) -> Piece:
        text = self._text
        if text[self._at] == "`":
            end = text.find("`", self._at + 1)
            if end < 0:
                raise ShellSyntax("syntax error: EOF in backquote substitution")
            inner, self._at = text[self._at + 1 : end], end + 1
            return Piece("command", inner, quoted)
        follow = text[self._at + 1 : self._at + 2]
        if follow == "(":
            return Piece("command", self._balanced("(", ")"), quoted)
        if follow == "{":
            inner = self._balanced("{", "}")
            name, colon, default = inner.partition(":-")
            return Piece("var", name, quoted, default if colon else None)
        if follow and follow in _SPECIAL:
            self._at += 2
            return Piece("var", follow, quoted)
        name_found = _NAME.match(text, self._at + 1)
        if name_found is None:
            self._at += 1
            return Piece("text", "$", quoted)
        self._at = name_found.end()
        return Piece("var", name_found[0], quoted)

    def _balanced(self, opening: str, closing: str) -> str:
        """What stands between a pair of brackets, quotes respected."""
        text, depth, at, quote = self._text, 0, self._at + 1, ""
        while at < len(text):
            char = text[at]
            if quote:
                if char == "\\" and quote == '"':
                    at += 1
                elif char == quote:
                    quote = ""
            elif char in "'\"":
                quote = char
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if depth == 0:
                    inner = text[self._at + 2 : at]
                    self._at = at + 1
                    return inner
            at += 1
        raise ShellSyntax(f'syntax error: unexpected end of file (expecting "{closing}")')
