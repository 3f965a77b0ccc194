# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running commands in a simulated container: a small ``sh`` over the container's files and its volume.

Running is a generator: it yields the seconds that commands sleep; what they write goes to the sinks.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.simulator.appinfo import mount_path
from tests.simulator.shell_lex import Command, Piece, Redirect, ShellSyntax, Word
from tests.simulator.shell_parse import parse

if TYPE_CHECKING:
    from tests.simulator.containers import Container
    from tests.simulator.volumes import Volume

Run = Generator[float, None, int]
Sink = Callable[[bytes], None]
STEPS = 100_000


class Exit(Exception):
    """``exit``: ends the shell with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Files:
    """What a container sees: its own files, and the volume where it is mounted."""

    def __init__(self, container: Container, volume: Volume | None, clock: Callable[[], float]) -> None:
        self._container = container
        self._volume = volume
        self._mount = mount_path(container.part.data)
        self.clock = clock

    def _in_volume(self, path: str) -> str | None:
        if self._volume is not None and (path == self._mount or path.startswith(f"{self._mount}/")):
            return posixpath.normpath(f"appdata/{path[len(self._mount) :].lstrip('/')}")
        return None

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None."""
        inner = self._in_volume(path)
        if inner is not None and self._volume is not None:
            return self._volume.files.get(inner)
        return self._container.files.get(path)

    def write(self, path: str, content: bytes) -> None:
        """Make or replace a file."""
        inner = self._in_volume(path)
        if inner is not None and self._volume is not None:
            self._volume.write(inner, content, self.clock())
        elif path not in ("/dev/null", "/dev/stderr", "/dev/stdout"):
            self._container.files[path] = content

    def remove(self, path: str) -> bool:
        """Remove a file or a folder."""
        inner = self._in_volume(path)
        if inner is not None and self._volume is not None:
            return self._volume.remove(inner)
        gone = [name for name in self._container.files if name == path or name.startswith(f"{path}/")]
        for name in gone:
            del self._container.files[name]
        return bool(gone)

    def names(self, path: str) -> list[str] | None:
        """Names in a folder; None when there is no such folder."""
        found: set[str] = set()
        inner = self._in_volume(path)
        if inner is not None and self._volume is not None:
            if not self._volume.exists(inner):
                return None
            return [str(row["name"]) for row in self._volume.rows(inner)]
        start = path.rstrip("/") + "/"
        found = {name[len(start) :].split("/")[0] for name in self._container.files if name.startswith(start)}
        if path == "/":
            found |= {"bin", "etc", "usr", "var", self._mount.strip("/").split("/")[0]}
        return sorted(found) if found or path in ("/", "/tmp", "/etc", "/var", "/usr", "/bin") else None

    def make_folder(self, path: str) -> None:
        """mkdir -p."""
        inner = self._in_volume(path)
        if inner is not None and self._volume is not None:
            while inner and inner != "appdata":
                self._volume.folders.add(inner)
                inner = posixpath.dirname(inner)


@dataclass
class Shell:
    """One shell: variables, parameters, where its output goes. ``sinks``: file descriptor -> where to write."""

    files: Files
    env: dict[str, str]
    sinks: dict[int, Sink]
    stdin: bytes = b""
    folder: str = "/"
    name: str = "sh"
    arguments: list[str] = field(default_factory=list)
    status: int = 0
    steps: list[int] = field(default_factory=lambda: [0])
    host: str = "container"

    def out(self, text: str | bytes) -> None:
        """Write to standard output."""
        self.sinks[1](text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)

    def err(self, text: str) -> None:
        """Write to standard error."""
        self.sinks[2](text.encode("utf-8", "surrogateescape"))

    def path(self, text: str) -> str:
        """A path as seen from the current folder."""
        return posixpath.normpath(posixpath.join(self.folder, text))

    def script(self, text: str) -> Run:
        """``sh -c text``; the code."""
        try:
            tree = parse(text)
        except ShellSyntax as wrong:
            self.err(f"{self.name}: {wrong}\n")
            return 2
        try:
            code = yield from self.run(tree)
        except Exit as ended:
            return ended.code
        return code

    def execute(self, words: list[str]) -> Run:
        """One command by name, as docker starts it."""
        from tests.simulator.shell_commands import COMMANDS

        self.steps[0] += 1
        if self.steps[0] > STEPS:
            raise Exit(137)
        command = COMMANDS.get(posixpath.basename(words[0]))
        if command is None:
            self.err(f"{self.name}: {words[0]}: not found\n")
            return 127
        code = yield from command(self, words[1:])
        return code

    # -- the tree -----------------------------------------------------------------------------------------------------

    def run(self, command: Command) -> Run:
        """Run a node of the tree. Raises Exit."""
        shell = self
        if command.redirects and command.kind != "simple":
            shell = self._redirected(command.redirects)
        code = yield from shell._node(command)
        self.status = code
        return code

    def _node(self, command: Command) -> Run:
        parts = command.parts
        code = 0
        if command.kind == "simple":
            code = yield from self._simple(command)
        elif command.kind in ("list", "group"):
            for part in parts:
                code = yield from self.run(part)
        elif command.kind in ("and", "or"):
            code = yield from self.run(parts[0])
            if (code == 0) is (command.kind == "and"):
                code = yield from self.run(parts[1])
        elif command.kind == "not":
            code = int((yield from self.run(parts[0])) == 0)
        elif command.kind == "subshell":
            code = yield from self._apart(parts[0])
        elif command.kind == "pipe":
            code = yield from self._pipe(parts)
        elif command.kind == "if":
            if (yield from self.run(parts[0])) == 0:
                code = yield from self.run(parts[1])
            elif len(parts) > 2:
                code = yield from self.run(parts[2])
        elif command.kind in ("while", "until"):
            while ((yield from self.run(parts[0])) == 0) is (command.kind == "while"):
                code = yield from self.run(parts[1])
        elif command.kind == "for":
            values = yield from self._expand_all(command.words)
            for value in values if command.words else self.arguments:
                self.env[command.name] = value
                code = yield from self.run(parts[0])
        return code

    def _copy(self) -> Shell:
        return replace(self, env=dict(self.env), sinks=dict(self.sinks), arguments=list(self.arguments))

    def _apart(self, command: Command) -> Run:
        try:
            code = yield from self._copy().run(command)
        except Exit as ended:
            return ended.code
        return code

    def _pipe(self, parts: list[Command]) -> Run:
        passed = self.stdin
        code = 0
        for at, part in enumerate(parts):
            inner = self._copy()
            inner.stdin = passed
            pieces: list[bytes] = []
            if at < len(parts) - 1:
                inner.sinks[1] = pieces.append
            try:
                code = yield from inner.run(part)
            except Exit as ended:
                code = ended.code
            passed = b"".join(pieces)
        return code

    def _redirected(self, redirects: list[Redirect]) -> Shell:
        shell = replace(self, sinks=dict(self.sinks))
        # Variables and the folder belong to the same shell.
        shell.env = self.env
        for redirect in redirects:
            target = "".join(piece.text if piece.kind == "text" else self._value(piece) for piece in redirect.target)
            if redirect.op == ">&":
                if target == "-":
                    shell.sinks[redirect.fd] = _nowhere
                else:
                    shell.sinks[redirect.fd] = shell.sinks.get(int(target), _nowhere)
            elif redirect.op == "<":
                shell.stdin = self.files.read(self.path(target)) or b""
            elif redirect.op in (">", ">>"):
                shell.sinks[redirect.fd] = self._file_sink(self.path(target), append=redirect.op == ">>")
        return shell

    def _file_sink(self, path: str, *, append: bool) -> Sink:
        if path == "/dev/null":
            return _nowhere
        if path in ("/dev/stdout", "/dev/stderr"):
            return self.sinks[1 if path.endswith("stdout") else 2]
        if not append or self.files.read(path) is None:
            self.files.write(path, b"")

        def add(data: bytes) -> None:
            self.files.write(path, (self.files.read(path) or b"") + data)

        return add

    def _simple(self, command: Command) -> Run:
        words = yield from self._expand_all(command.words)
        assignments: dict[str, str] = {}
        while words and words[0].partition("=")[1] and words[0].partition("=")[0].isidentifier():
            name, _unused, value = words.pop(0).partition("=")
            assignments[name] = value
        if not words:
            self.env.update(assignments)
            if command.redirects:
                self._redirected(command.redirects)
            return 0
        if words[0] == "exec" and len(words) == 1:
            self.sinks = self._redirected(command.redirects).sinks
            return 0
        shell = self._redirected(command.redirects) if command.redirects else self
        if assignments:
            shell = replace(shell, env={**self.env, **assignments})
        code = yield from shell.execute(words)
        self.folder, self.arguments = shell.folder, shell.arguments
        return code

    # -- words --------------------------------------------------------------------------------------------------------

    def _expand_all(self, words: list[Word]) -> Generator[float, None, list[str]]:
        found: list[str] = []
        for word in words:
            found += yield from self._expand(word)
        return found

    def _expand(self, word: Word) -> Generator[float, None, list[str]]:
        fields: list[str] = [""]
        anything = False
        for piece in word:
            if piece.kind == "var" and piece.text == "@" and piece.quoted:
                if self.arguments:
                    fields[-1] += self.arguments[0]
                    fields += self.arguments[1:]
                    anything = True
                continue
            if piece.kind == "text":
                value = piece.text
            elif piece.kind == "command":
                value = yield from self._substitute(piece.text)
            else:
                value = self._value(piece)
            if piece.quoted or piece.kind == "text":
                fields[-1] += value
                anything = anything or (piece.quoted and not self._is_at(word)) or bool(value)
                continue
            split = value.split()
            if split:
                anything = True
                if value[0].isspace() and fields[-1]:
                    fields.append("")
                fields[-1] += split[0]
                fields += split[1:]
        return fields if anything else []

    @staticmethod
    def _is_at(word: Word) -> bool:
        return any(piece.kind == "var" and piece.text == "@" for piece in word)

    def _substitute(self, text: str) -> Generator[float, None, str]:
        inner = self._copy()
        pieces: list[bytes] = []
        inner.sinks[1] = pieces.append
        yield from inner.script(text)
        return b"".join(pieces).decode("utf-8", "surrogateescape").rstrip("\n")

    def _value(self, piece: Piece) -> str:
        name = piece.text
        if name == "?":
            return str(self.status)
        if name == "#":
            return str(len(self.arguments))
        if name in ("@", "*"):
            return " ".join(self.arguments)
        if name == "$":
            return "7"
        if name.isdigit():
            values = [self.name, *self.arguments]
            return values[int(name)] if int(name) < len(values) else ""
        value = self.env.get(name, "")
        return value if value or piece.default is None else piece.default


def _nowhere(data: bytes) -> None:
    """/dev/null."""
