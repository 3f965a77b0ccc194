# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper in the shells of this machine, as docker would start it: the simulator's proves nothing here."""

from __future__ import annotations

import base64
import os
import resource
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils import shell_wrapper
from ansible_collections.fluxme.fluxos.plugins.module_utils.shell_wrapper import PIECE, Report, read_piece, read_report

SHELLS = [path for path in map(shutil.which, ("sh", "dash", "bash", "busybox", "ksh", "zsh")) if path]
TOOLS = ("mkdir", "cat", "wc", "mv", "dd", "rm", "base64", "od", "seq", "env", "grep", "true", "printf")


class Container:
    """A shell with a set of tools, and a name for the wrapper's folder."""

    def __init__(self, shell: str, tools: Path) -> None:
        self.shell, self.tools, self.name = shell, tools, f"fluxme-{secrets.token_hex(8)}"

    def lacks(self, tool: str) -> None:
        (self.tools / tool).unlink()

    def start(self, command: Sequence[str], *, full: bool = False, **env: str) -> bytes:
        """All that a command of the wrapper writes, as FluxOS would tell it: both outputs in one. ``full``: no file of
        it can have content.
        """
        assert command[0] == "sh"
        program = [self.shell, "sh"] if self.shell.endswith("busybox") else [self.shell]
        done = subprocess.run(
            [*program, *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={"PATH": str(self.tools), **env},
            timeout=30,
            check=True,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))) if full else None,
            # With the signal ignored, as Python has it, a write that is too long fails as on a full disk.
            restore_signals=not full,
        )
        return done.stdout

    def run(self, *command: str, creates: str = "", removes: str = "", **env: str) -> Report:
        started = shell_wrapper.run(self.name, command, creates=creates, removes=removes)
        return read_report(self.name, self.start(started, **env))

    def look(self) -> Report:
        return read_report(self.name, self.start(shell_wrapper.look(self.name)))

    @property
    def folder(self) -> Path:
        return Path("/tmp") / self.name


@pytest.fixture(params=SHELLS, ids=lambda path: Path(path).name)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    (tmp_path / "sh").symlink_to(request.param)
    made = Container(request.param, tmp_path)
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


class TestRun:
    def test_tells_the_exit_code_and_both_outputs_apart(self, container: Container) -> None:
        report = container.run("sh", "-c", "echo out; echo err >&2; exit 7")
        assert report == Report("done", 7, b"out\n", b"err\n", (4, 4))
        assert (report.whole("out"), report.whole("err")) == (True, True)

    @pytest.mark.parametrize("words", [("a b", "", "*", "$HOME", "'\"\\"), ("-n",), ("no line end",)])
    def test_passes_the_words_on_as_they_are(self, container: Container, words: tuple[str, ...]) -> None:
        report = container.run("printf", "[%s]", *words)
        assert report.out.decode() == "".join(f"[{word}]" for word in words)

    def test_leaves_nothing_of_its_own_in_the_environment(self, container: Container) -> None:
        report = container.run("env", MODE="fast")
        assert b"MODE=fast\n" in report.out
        assert b"fluxme" not in report.out

    def test_gives_no_input(self, container: Container) -> None:
        assert container.run("cat") == Report("done", 0, b"", b"", (0, 0))

    def test_of_a_program_that_is_not_there(self, container: Container) -> None:
        report = container.run("no-such-program")
        assert report.code == 127
        assert b"not found" in report.err

    def test_is_not_taken_in_by_what_looks_like_its_own_words(self, container: Container) -> None:
        report = container.run("printf", f"\\n{container.name[:-1]} rc=9 out=1 err=1\\n")
        assert (report.code, report.sizes) == (0, (len(report.out), 0))

    def test_tells_the_exit_code_when_the_disk_is_full(self, container: Container) -> None:
        started = shell_wrapper.run(container.name, ["sh", "-c", "exit 7"])
        assert read_report(container.name, container.start(started, full=True)) == Report("done", 7, b"", b"", (0, 0))

    def test_keeps_the_outputs_where_nobody_else_may_look(self, container: Container) -> None:
        container.run("true")
        assert stat.S_IMODE(container.folder.stat().st_mode) == 0o700

    def test_leaves_nothing_behind_when_it_is_told_to(self, container: Container) -> None:
        container.run("true")
        container.start(shell_wrapper.remove(container.name))
        assert not container.folder.exists()


class TestGuards:
    def test_what_exists_already_is_not_created(self, container: Container, tmp_path: Path) -> None:
        mark = tmp_path / "mark of it"
        assert container.run("sh", "-c", f"echo > '{mark}'", creates=str(mark)).code == 0
        assert container.run("true", creates=str(mark)) == Report("skipped", skipped_by="creates")

    def test_what_is_gone_is_not_removed(self, container: Container, tmp_path: Path) -> None:
        assert container.run("true", removes=str(tmp_path / "none")) == Report("skipped", skipped_by="removes")
        assert container.run("true", removes=str(tmp_path)).code == 0


class TestLongOutputs:
    @pytest.mark.parametrize("encoder", ["base64", "od"])
    def test_come_in_pieces_whatever_is_in_them(self, container: Container, tmp_path: Path, encoder: str) -> None:
        if encoder == "od":
            container.lacks("base64")
        content = os.urandom(2 * PIECE + 1)
        (tmp_path / "data").write_bytes(content)
        report = container.run("cat", str(tmp_path / "data"))
        assert (report.code, report.sizes, report.out) == (0, (len(content), 0), b"")
        assert not report.whole("out")
        pieces = [
            read_piece(container.name, container.start(shell_wrapper.piece(container.name, "out", number)))
            for number in range(3)
        ]
        assert b"".join(piece or b"" for piece in pieces) == content

    @pytest.mark.parametrize(
        "answer", [b"", b"NAME base64\nAAA", b"NAME base64\nA*==\nNAME end\n", b"NAME hex\n0\nNAME end\n"]
    )
    def test_half_a_piece_is_none(self, answer: bytes) -> None:
        assert read_piece("NAME", answer) is None
        assert read_piece("NAME", b"NAME base64\n" + base64.b64encode(b"x") + b"\nNAME end\n") == b"x"


class TestAfterALostAnswer:
    def test_the_end_can_be_read_back(self, container: Container) -> None:
        report = container.run("sh", "-c", "echo done; exit 3")
        assert container.look() == report

    def test_a_command_that_runs_is_told_from_one_that_was_not_begun(self, container: Container) -> None:
        assert container.look() == Report("absent")
        container.folder.mkdir()
        assert container.look() == Report("running")

    @pytest.mark.parametrize(
        "answer", [b"", b"half of an out", b"\nNAME rc=", b"NAME err\n\nNAME rc=0 out=0 err=0\nmore"]
    )
    def test_words_that_did_not_come_whole_are_no_report(self, answer: bytes) -> None:
        assert read_report("NAME", answer) == Report("broken", out=answer)


#: The tools of busybox are part of its shell.
@pytest.mark.parametrize("container", [path for path in SHELLS if Path(path).name != "busybox"], indirect=True)
@pytest.mark.parametrize("tool", ["mkdir", "wc", "dd"])
def test_without_a_tool_the_command_runs_all_the_same(container: Container, tool: str) -> None:
    container.lacks(tool)
    report = container.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert report == Report("done", 7, b"out\nerr\n")
    assert report.sizes is None
    assert not container.folder.exists()
