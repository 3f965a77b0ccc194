# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a simulated container that turn one text into another."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

from tests.simulator.shell_run import Shell


def given(shell: Shell, words: list[str], name: str) -> tuple[bytes, int]:
    """Files or standard input, and the code: what is missing is complained of."""
    if not words:
        return shell.stdin, 0
    found, code = [], 0
    for word in words:
        content = shell.stdin if word == "-" else shell.files.read(shell.path(word))
        if content is None:
            shell.err(f"{name}: can't open '{word}': No such file or directory\n")
            code = 1
        else:
            found.append(content)
    return b"".join(found), code


def amount_of(words: list[str]) -> tuple[str, str, list[str]]:
    """The unit (``c`` or ``n``), the amount as it is written, and the files of ``head`` and ``tail``."""
    amount, unit, names = "10", "n", []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word in ("-n", "-c"):
            unit, amount = word[1], queue.pop(0)
        elif re.fullmatch(r"-[nc]?[+]?\d+", word):
            unit, amount = "c" if word[1] == "c" else "n", word.lstrip("-nc")
        else:
            names.append(word)
    return unit, amount, names


def head(shell: Shell, words: list[str]) -> int:
    """The first lines or bytes."""
    unit, amount, names = amount_of(words)
    content, code = given(shell, names, "head")
    shell.out(content[: int(amount)] if unit == "c" else b"".join(content.splitlines(keepends=True)[: int(amount)]))
    return code


def tail(shell: Shell, words: list[str]) -> int:
    """The last lines or bytes, or those from one on."""
    unit, amount, names = amount_of(words)
    content, code = given(shell, names, "tail")
    pieces = [content[at : at + 1] for at in range(len(content))] if unit == "c" else content.splitlines(keepends=True)
    begin = int(amount) - 1 if amount.startswith("+") else max(0, len(pieces) - int(amount))
    shell.out(b"".join(pieces[begin:]))
    return code


def dd(shell: Shell, words: list[str]) -> int:
    """Blocks of a file."""
    options = dict(word.partition("=")[::2] for word in words)
    content, code = given(shell, [options["if"]] if "if" in options else [], "dd")
    size = int(options.get("bs", "512"))
    blocks = [content[at : at + size] for at in range(0, len(content), size)][int(options.get("skip", "0")) :]
    blocks = blocks[: int(options["count"])] if "count" in options else blocks
    full = sum(len(block) == size for block in blocks)
    shell.err(f"{full}+{len(blocks) - full} records in\n{full}+{len(blocks) - full} records out\n")
    shell.out(b"".join(blocks))
    return code


def wc(shell: Shell, words: list[str]) -> int:
    """Counts."""
    content, code = given(shell, [word for word in words if not word.startswith("-")], "wc")
    counts = {"-c": len(content), "-l": content.count(b"\n"), "-w": len(content.split())}
    shown = [str(counts[flag]) for flag in counts if flag in words] or [str(count) for count in counts.values()]
    shell.out(" ".join(shown) + "\n")
    return code


def encode(shell: Shell, words: list[str]) -> int:
    """base64, both ways."""
    content, code = given(shell, [word for word in words if not word.startswith("-") and word != "0"], "base64")
    if "-d" in words:
        shell.out(base64.b64decode(content))
        return code
    text = base64.b64encode(content).decode()
    width = len(text) or 1 if "-w0" in words or "0" in words else 76
    shell.out("".join(f"{text[at : at + width]}\n" for at in range(0, len(text), width)))
    return code


def digest(shell: Shell, words: list[str]) -> int:
    """A checksum; sha256 whatever the name."""
    content, code = given(shell, words, "sha256sum")
    shell.out(f"{hashlib.sha256(content).hexdigest()}  {words[0] if words else '-'}\n")
    return code


def grep(shell: Shell, words: list[str]) -> int:
    """Lines that match."""
    plain = [word for word in words if not word.startswith("-")]
    content, _unused = given(shell, plain[1:], "grep")
    lines = [line for line in content.decode("utf-8", "replace").splitlines() if re.search(plain[0], line)]
    if "-q" not in words:
        shell.out(f"{len(lines)}\n" if "-c" in words else "".join(f"{line}\n" for line in lines))
    return int(not lines)


TOOLS: dict[str, Callable[[Shell, list[str]], int]] = {
    "head": head,
    "tail": tail,
    "dd": dd,
    "wc": wc,
    "base64": encode,
    "sha256sum": digest,
    "md5sum": digest,
    "grep": grep,
}
