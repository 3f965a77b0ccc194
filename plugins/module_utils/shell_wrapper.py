# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What FluxOS does not tell of a command in a container: its exit code, its two outputs, whether all of them came.

A small program for ``sh`` runs the command with its outputs in files of a folder that only it may enter, and then
prints them and a last line with the exit code and the sizes. Its name, which nobody can guess, marks what is ours.

Properties:

- The command gets its arguments as they are, and an environment without anything of ours.
- What was printed is compared with its size. What did not come whole is read again from the files, in small pieces, in
  an encoding that FluxOS cannot spoil.
- When the answer is lost, the folder tells what became of the command: it is there from before the command's start.
- Where no file can be written, or a tool is missing, the command runs all the same, both outputs in one and nothing to
  compare it with.

It needs a shell of POSIX, and of the tools only those named in ``_TOOLS``; encoding takes ``base64``, or ``od``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

INLINE = 16384
"""Bytes of each output that are printed at once: both stay well below the 64 kB from which FluxOS loses blocks."""
PIECE = 24576
"""Bytes of a piece that is read later; 32 kB with ``base64``."""

_FOLDERS = "/tmp /var/tmp /dev/shm"
_TOOLS = "mkdir cat wc mv dd"

#: The exit code is printed from a variable: a disk that is full keeps no file with it.
#: ``$1`` the name, ``$2`` a path that must not exist, ``$3`` one that must, then the command. Variables of ours have
#: names that no container has in its environment, else the command would see them.
_GUARDS = """\
_fluxme_n=$1 _fluxme_c="$2" _fluxme_r="$3" _fluxme_f= _fluxme_m=
shift 3
if [ -n "$_fluxme_c" ] && [ -e "$_fluxme_c" ]; then echo "$_fluxme_n skip=creates"; exit 0; fi
if [ -n "$_fluxme_r" ] && [ ! -e "$_fluxme_r" ]; then echo "$_fluxme_n skip=removes"; exit 0; fi
"""
_MAKE_FOLDER = f"""\
for _fluxme_t in {_TOOLS}; do command -v "$_fluxme_t" >/dev/null 2>&1 || _fluxme_m=1; done
for _fluxme_t in {_FOLDERS}; do
if [ -z "$_fluxme_m$_fluxme_f" ] && mkdir -m 700 "$_fluxme_t/$_fluxme_n" 2>/dev/null
then _fluxme_f="$_fluxme_t/$_fluxme_n"; fi
done
if [ -z "$_fluxme_f" ]; then "$@" 2>&1 </dev/null; printf '\\n%s rc=%s\\n' "$_fluxme_n" "$?"; exit 0; fi
"$@" >"$_fluxme_f/out" 2>"$_fluxme_f/err" </dev/null
_fluxme_x=$?
printf '%s' "$_fluxme_x" 2>/dev/null >"$_fluxme_f/code"
mv "$_fluxme_f/code" "$_fluxme_f/rc"
"""
_FIND_FOLDER = f"""\
_fluxme_n=$1 _fluxme_f=
for _fluxme_t in {_FOLDERS}; do if [ -d "$_fluxme_t/$_fluxme_n" ]; then _fluxme_f="$_fluxme_t/$_fluxme_n"; fi; done
if [ -z "$_fluxme_f" ]; then echo "$_fluxme_n absent"; exit 0; fi
"""
_IF_ENDED = """\
if [ ! -e "$_fluxme_f/rc" ]; then echo "$_fluxme_n running"; exit 0; fi
_fluxme_x=$(cat "$_fluxme_f/rc")
"""
_PRINT = f"""\
_fluxme_o=$(wc -c <"$_fluxme_f/out")
_fluxme_e=$(wc -c <"$_fluxme_f/err")
if [ "$_fluxme_o" -le {INLINE} ]; then cat "$_fluxme_f/out"; fi
printf '\\n%s err\\n' "$_fluxme_n"
if [ "$_fluxme_e" -le {INLINE} ]; then cat "$_fluxme_f/err"; fi
printf '\\n%s rc=%s out=%s err=%s\\n' "$_fluxme_n" "$_fluxme_x" "$_fluxme_o" "$_fluxme_e"
"""
_PIECE = f"""\
if command -v base64 >/dev/null 2>&1
then echo "$_fluxme_n base64"; dd if="$_fluxme_f/$2" bs={PIECE} skip="$3" count=1 2>/dev/null | base64
else echo "$_fluxme_n hex"; dd if="$_fluxme_f/$2" bs={PIECE} skip="$3" count=1 2>/dev/null | od -An -v -tx1; fi
echo "$_fluxme_n end"
"""
_REMOVE = 'for _fluxme_t in /tmp /var/tmp /dev/shm; do rm -rf "$_fluxme_t/$1"; done\n'

Stream = Literal["out", "err"]


def _shell(script: str, name: str, *arguments: str) -> list[str]:
    # What follows the script is $0, which a shell shows in its own error messages.
    return ["sh", "-c", script, "sh", name, *arguments]


def run(name: str, command: Sequence[str], *, creates: str = "", removes: str = "") -> list[str]:
    """Run a command. ``name``: a fresh one, of letters, digits and dashes. An empty path guards nothing."""
    return _shell(_GUARDS + _MAKE_FOLDER + _PRINT, name, creates, removes, *command)


def look(name: str) -> list[str]:
    """Ask what became of a command whose answer was lost."""
    return _shell(_FIND_FOLDER + _IF_ENDED + _PRINT, name)


def piece(name: str, stream: Stream, number: int) -> list[str]:
    """Read a piece of an output, counted from 0."""
    return _shell(_FIND_FOLDER + _PIECE, name, stream, str(number))


def remove(name: str) -> list[str]:
    """Remove the folder."""
    return _shell(_REMOVE, name)


@dataclass(frozen=True, slots=True)
class Report:
    """What the program printed."""

    state: Literal["done", "skipped", "running", "absent", "broken"]
    """``done``: the command has ended; ``skipped``: a path spoke against it, nothing ran; ``running``: it has begun
    and not ended; ``absent``: nothing of it is there; ``broken``: the program's own words did not come."""
    code: int | None = None
    out: bytes = b""
    err: bytes = b""
    sizes: tuple[int, int] | None = None
    """How long the outputs are; ``None`` when they were not kept, and ``out`` holds both as they came."""
    skipped_by: str | None = None

    def whole(self, stream: Stream) -> bool:
        """Whether an output is here as long as it is."""
        if self.sizes is None:
            return True
        return len(self.out) == self.sizes[0] if stream == "out" else len(self.err) == self.sizes[1]


def read_report(name: str, answer: bytes) -> Report:
    """Take apart what :func:`run` or :func:`look` printed."""
    mark = re.escape(name.encode())
    ended = re.search(rb"(?:\A|\n)%s rc=(\d+)(?: out= *(\d+) err= *(\d+))?\n\Z" % mark, answer)
    if ended is None:
        state = re.search(rb"\A%s (?:(absent|running)|skip=(\w+))\n\Z" % mark, answer)
        if state is None:
            return Report("broken", out=answer)
        if state[2]:
            return Report("skipped", skipped_by=state[2].decode())
        return Report("absent" if state[1] == b"absent" else "running")
    printed = answer[: ended.start()]
    if ended[2] is None:
        return Report("done", int(ended[1]), printed)
    out, _unused, err = printed.partition(b"\n%s err\n" % name.encode())
    return Report("done", int(ended[1]), out, err, (int(ended[2]), int(ended[3])))


def read_piece(name: str, answer: bytes) -> bytes | None:
    """Take apart what :func:`piece` printed; ``None`` when it did not come whole."""
    mark = re.escape(name.encode())
    found = re.search(rb"\A%s (base64|hex)\n(.*?)%s end\n\Z" % (mark, mark), answer, re.DOTALL)
    if found is None:
        return None
    text = b"".join(found[2].split())
    try:
        return base64.b64decode(text, validate=True) if found[1] == b"base64" else binascii.unhexlify(text)
    except binascii.Error:
        return None
