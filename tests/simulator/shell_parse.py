# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of ``sh``: tokens to a tree of commands."""

from __future__ import annotations

from tests.simulator.shell_lex import RESERVED, Command, Lexer, Redirect, ShellSyntax, Token

REDIRECTS = (">", ">>", "<", ">&", "<&")


def parse(text: str) -> Command:
    """A whole program. Raises ShellSyntax."""
    parser = _Parser(Lexer(text).tokens())
    program = parser.sequence(())
    if parser.peek() is not None:
        raise ShellSyntax(f"syntax error: unexpected {parser.shown()}")
    return program


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def shown(self) -> str:
        token = self.peek()
        if token is None:
            return "end of file"
        if token.op == "\n":
            return "newline"
        return f'"{token.op or token.plain or "word"}"'

    def _op(self, *operators: str) -> str | None:
        token = self.peek()
        if token is not None and token.op in operators and token.fd is None:
            self._at += 1
            return token.op
        return None

    def _reserved(self) -> str | None:
        token = self.peek()
        return token.plain if token is not None else None

    def _expect(self, word: str) -> None:
        if self._reserved() != word:
            raise ShellSyntax(f'syntax error: unexpected {self.shown()} (expecting "{word}")')
        self._at += 1

    def _newlines(self) -> None:
        while self._op("\n"):
            continue

    def sequence(self, ends: tuple[str, ...]) -> Command:
        """Commands until a reserved word of *ends*, a closing bracket, or the end."""
        found = Command("list")
        while True:
            while self._op(";", "\n", "&"):
                continue
            token = self.peek()
            if token is None or token.op == ")" or (token.plain is not None and token.plain in ends):
                return found
            if token.plain in RESERVED:
                raise ShellSyntax(f"syntax error: unexpected {self.shown()}")
            found.parts.append(self._and_or())

    def _and_or(self) -> Command:
        left = self._pipeline()
        while True:
            operator = self._op("&&", "||")
            if operator is None:
                return left
            self._newlines()
            left = Command("and" if operator == "&&" else "or", parts=[left, self._pipeline()])

    def _pipeline(self) -> Command:
        if self._reserved() == "!":
            self._at += 1
            return Command("not", parts=[self._pipeline()])
        first = self._command()
        if not self._op("|"):
            return first
        pipe = Command("pipe", parts=[first])
        while True:
            self._newlines()
            pipe.parts.append(self._command())
            if not self._op("|"):
                return pipe

    def _command(self) -> Command:
        word = self._reserved()
        if self._op("("):
            inner = Command("subshell", parts=[self.sequence(())])
            if not self._op(")"):
                raise ShellSyntax(f'syntax error: unexpected {self.shown()} (expecting ")")')
            return self._redirected(inner)
        if word == "{":
            self._at += 1
            inner = Command("group", parts=[self.sequence(("}",))])
            self._expect("}")
            return self._redirected(inner)
        if word == "if":
            self._at += 1
            return self._redirected(self._if())
        if word in ("while", "until"):
            self._at += 1
            condition = self.sequence(("do",))
            return self._redirected(Command(word, parts=[condition, self._do()]))
        if word == "for":
            self._at += 1
            return self._redirected(self._for())
        return self._simple()

    def _do(self) -> Command:
        self._expect("do")
        body = self.sequence(("done",))
        self._expect("done")
        return body

    def _if(self) -> Command:
        parts = [self.sequence(("then",))]
        self._expect("then")
        parts.append(self.sequence(("elif", "else", "fi")))
        word = self._reserved()
        if word == "elif":
            self._at += 1
            return Command("if", parts=[*parts, self._if()])
        if word == "else":
            self._at += 1
            parts.append(self.sequence(("fi",)))
        self._expect("fi")
        return Command("if", parts=parts)

    def _for(self) -> Command:
        name = self._reserved()
        if name is None:
            raise ShellSyntax(f"syntax error: unexpected {self.shown()}")
        self._at += 1
        loop = Command("for", name=name)
        if self._reserved() == "in":
            self._at += 1
            while (token := self.peek()) is not None and token.op is None:
                loop.words.append(token.word)
                self._at += 1
        while self._op(";", "\n"):
            continue
        loop.parts.append(self._do())
        return loop

    def _redirected(self, command: Command) -> Command:
        while self._redirect(command):
            continue
        return command

    def _redirect(self, command: Command) -> bool:
        token = self.peek()
        if token is None or token.op not in REDIRECTS:
            return False
        self._at += 1
        target = self.peek()
        if target is None or target.op is not None:
            raise ShellSyntax(f"syntax error: unexpected {self.shown()}")
        self._at += 1
        fd = token.fd if token.fd is not None else (0 if token.op.startswith("<") else 1)
        command.redirects.append(Redirect(fd, token.op, target.word))
        return True

    def _simple(self) -> Command:
        command = Command("simple")
        while True:
            if self._redirect(command):
                continue
            token = self.peek()
            if token is None or token.op is not None:
                break
            command.words.append(token.word)
            self._at += 1
        if not command.words and not command.redirects:
            raise ShellSyntax(f"syntax error: unexpected {self.shown()}")
        return command
