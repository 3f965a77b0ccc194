# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a simulated container has."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.simulator.jsvalues import iso
from tests.simulator.shell_run import Exit, Run, Shell
from tests.simulator.shell_text import TOOLS, given

Handler = Callable[[Shell, list[str]], Run]
COMMANDS: dict[str, Handler] = {}


def _command(*names: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for name in names:
            COMMANDS[name] = handler
        return handler

    return register


def _quick(*names: str) -> Callable[[Callable[[Shell, list[str]], int]], None]:
    """A command that does not sleep."""

    def register(act: Callable[[Shell, list[str]], int]) -> None:
        def handler(shell: Shell, words: list[str]) -> Run:
            yield from ()
            return act(shell, words)

        for name in names:
            COMMANDS[name] = handler

    return register


@_command("sh", "bash", "ash")
def _sh(shell: Shell, words: list[str]) -> Run:
    flags = ""
    while words and words[0].startswith("-") and words[0] not in ("-", "--"):
        flags += words.pop(0)[1:]
    if "c" not in flags:
        text = (given(shell, words[:1], "sh")[0]).decode("utf-8", "surrogateescape")
        rest = words[1:]
    elif not words:
        shell.err("sh: -c requires an argument\n")
        return 2
    else:
        text, rest = words[0], words[1:]
    inner = Shell(shell.files, dict(shell.env), dict(shell.sinks), shell.stdin, shell.folder, host=shell.host)
    inner.steps = shell.steps
    inner.name = rest[0] if rest and "c" in flags else "sh"
    inner.arguments = rest[1:] if "c" in flags else rest
    code = yield from inner.script(text)
    return code


@_command("exec", "command", "env", "nohup")
def _env(shell: Shell, words: list[str]) -> Run:
    env = dict(shell.env)
    while words and ("=" in words[0] or words[0] in ("-v", "--")):
        if words[0] == "-v":
            known = len(words) > 1 and words[1] in COMMANDS
            shell.out(f"{words[1]}\n" if known else "")
            return 0 if known else 127
        name, _unused, value = words.pop(0).partition("=")
        env[name] = value
    if not words:
        shell.out("".join(f"{name}={value}\n" for name, value in env.items()))
        return 0
    shell.env, before = env, shell.env
    code = yield from shell.execute(words)
    shell.env = before
    return code


@_command("eval")
def _eval(shell: Shell, words: list[str]) -> Run:
    code = yield from shell.script(" ".join(words))
    return code


@_command("sleep")
def _sleep(shell: Shell, words: list[str]) -> Run:
    yield float(words[0].rstrip("s")) if words else 0.0
    return 0


@_command("slow")
def _slow(shell: Shell, words: list[str]) -> Run:
    shell.out("tick 1\n")
    yield 0.3
    shell.out("tick 2\n")
    return 0


@_command("timeout")
def _timeout(shell: Shell, words: list[str]) -> Run:
    left = float(words[0].rstrip("s"))
    inner = shell.execute(words[1:])
    while True:
        try:
            pause = next(inner)
        except StopIteration as ended:
            return int(ended.value)
        if pause >= left:
            yield left
            return 143
        left -= pause
        yield pause


@_quick("true", ":", "sync", "trap", "set", "export", "chmod", "chown", "unset", "ulimit", "umask")
def _true(shell: Shell, words: list[str]) -> int:
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            shell.env[name] = value
    return 0


@_quick("false")
def _false(shell: Shell, words: list[str]) -> int:
    return 1


@_quick("exit")
def _exit(shell: Shell, words: list[str]) -> int:
    raise Exit(int(words[0]) & 255 if words else shell.status)


@_quick("shift")
def _shift(shell: Shell, words: list[str]) -> int:
    del shell.arguments[: int(words[0]) if words else 1]
    return 0


@_quick("cd")
def _cd(shell: Shell, words: list[str]) -> int:
    path = shell.path(words[0] if words else "/")
    if shell.files.names(path) is None:
        shell.err(f"{shell.name}: cd: can't cd to {words[0]}: No such file or directory\n")
        return 2
    shell.folder = path
    return 0


@_quick("pwd")
def _pwd(shell: Shell, words: list[str]) -> int:
    shell.out(f"{shell.folder}\n")
    return 0


@_quick("echo")
def _echo(shell: Shell, words: list[str]) -> int:
    ending = "\n"
    while words and words[0] in ("-n", "-e"):
        if words.pop(0) == "-n":
            ending = ""
    shell.out(" ".join(words) + ending)
    return 0


@_quick("printf")
def _printf(shell: Shell, words: list[str]) -> int:
    pattern = words[0].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")
    values = words[1:]
    slots = len(re.findall(r"%[sdiq]", pattern))
    while True:
        taken, values = values[:slots], values[slots:]
        shell.out(_filled(pattern, [*taken, *[""] * (slots - len(taken))]))
        if not values or not slots:
            return 0


def _filled(pattern: str, values: list[str]) -> str:
    queue = iter(values)
    return re.sub(r"%[sdiq]", lambda _: next(queue), pattern).replace("%%", "%")


@_quick("cat")
def _cat(shell: Shell, words: list[str]) -> int:
    content, code = given(shell, words, "cat")
    shell.out(content)
    return code


@_quick("tee")
def _tee(shell: Shell, words: list[str]) -> int:
    for word in words:
        if not word.startswith("-"):
            shell.files.write(shell.path(word), shell.stdin)
    shell.out(shell.stdin)
    return 0


@_quick("ls")
def _ls(shell: Shell, words: list[str]) -> int:
    code = 0
    for word in [word for word in words if not word.startswith("-")] or ["."]:
        path = shell.path(word)
        names = shell.files.names(path)
        if names is not None:
            shell.out("".join(f"{name}\n" for name in names))
        elif shell.files.read(path) is not None:
            shell.out(f"{word}\n")
        else:
            shell.err(f"ls: {word}: No such file or directory\n")
            code = 1
    return code


@_quick("rm")
def _rm(shell: Shell, words: list[str]) -> int:
    code = 0
    for word in [word for word in words if not word.startswith("-")]:
        if not shell.files.remove(shell.path(word)) and "-f" not in words and "-rf" not in words:
            shell.err(f"rm: can't remove '{word}': No such file or directory\n")
            code = 1
    return code


@_quick("mkdir")
def _mkdir(shell: Shell, words: list[str]) -> int:
    for word in [word for word in words if not word.startswith("-")]:
        shell.files.make_folder(shell.path(word))
    return 0


@_quick("touch")
def _touch(shell: Shell, words: list[str]) -> int:
    for word in words:
        path = shell.path(word)
        shell.files.write(path, shell.files.read(path) or b"")
    return 0


@_quick("cp", "mv")
def _copy(shell: Shell, words: list[str]) -> int:
    source, target = [shell.path(word) for word in words if not word.startswith("-")][:2]
    content = shell.files.read(source)
    if content is None:
        shell.err(f"cp: can't stat '{source}': No such file or directory\n")
        return 1
    shell.files.write(target, content)
    return 0


@_quick("test", "[")
def _test(shell: Shell, words: list[str]) -> int:
    if words and words[-1] == "]":
        words = words[:-1]
    if words and words[0] == "!":
        return int(_test_holds(shell, words[1:]))
    return int(not _test_holds(shell, words))


def _test_holds(shell: Shell, words: list[str]) -> bool:
    if len(words) == 2 and words[0] in ("-e", "-f", "-d", "-s", "-r", "-w", "-x"):
        path = shell.path(words[1])
        content, names = shell.files.read(path), shell.files.names(path)
        if words[0] == "-d":
            return content is None and names is not None
        if words[0] == "-s":
            return bool(content)
        return content is not None or (words[0] != "-f" and names is not None)
    if len(words) == 2 and words[0] in ("-z", "-n"):
        return (words[1] == "") is (words[0] == "-z")
    if len(words) == 3:
        left, operator, right = words
        if operator in ("=", "==", "!="):
            return (left == right) is (operator != "!=")
        if left.lstrip("-").isdigit() and right.lstrip("-").isdigit():
            order = (int(left) > int(right)) - (int(left) < int(right))
            return {
                "-eq": order == 0, "-ne": order != 0, "-lt": order < 0,
                "-le": order <= 0, "-gt": order > 0, "-ge": order >= 0,
            }.get(operator, False)  # fmt: skip
        return False
    return len(words) == 1 and bool(words[0])


@_quick("seq")
def _seq(shell: Shell, words: list[str]) -> int:
    first, last = (1, int(words[0])) if len(words) == 1 else (int(words[0]), int(words[-1]))
    shell.out("".join(f"{number}\n" for number in range(first, last + 1)))
    return 0


@_quick("hostname")
def _hostname(shell: Shell, words: list[str]) -> int:
    shell.out(f"{shell.host}\n")
    return 0


@_quick("whoami")
def _whoami(shell: Shell, words: list[str]) -> int:
    shell.out("root\n")
    return 0


@_quick("id")
def _id(shell: Shell, words: list[str]) -> int:
    shell.out("0\n" if "-u" in words else "uid=0(root) gid=0(root)\n")
    return 0


@_quick("date")
def _date(shell: Shell, words: list[str]) -> int:
    now = shell.files.clock()
    shell.out(f"{int(now)}\n" if "+%s" in words else f"{iso(now * 1000)}\n")
    return 0


@_quick("nginx", "redis-cli", "ping")
def _service(shell: Shell, words: list[str]) -> int:
    shell.out("OK\n")
    return 0


for _name, _tool in TOOLS.items():
    _quick(_name)(_tool)
