# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that runs a command in a container of an app: from its options to its result.

The command is sent once. When its answer is lost the container is asked what became of it, until the command's time is
over. What is read after that, and the removal of what the wrapper left, changes nothing that matters and is repeated or
given up.

Neither the command nor its environment nor its output is in a warning or in what is told meanwhile: a task's ``no_log``
hides results only.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.fluxme.fluxos.plugins.module_utils import shell_wrapper
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import look_at_instance, with_explanation
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError, Result
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_exec import execute
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import AnswerLost, FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing, parts_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.shell_wrapper import Report, Stream
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout

SAFE_OUTPUT = 49152
"""Bytes from which on FluxOS may have lost blocks of an output (64 kB, less what docker puts between)."""
LOOK_EVERY = 2.0
"""Seconds between two looks at a command whose answer was lost."""
LOOKS_FOR_A_TRACE = 3
PIECE_ATTEMPTS = 3
_CANNOT_START = b"OCI runtime exec failed"
_VARIABLE = re.compile(r"[^=\0]+")


@dataclass(frozen=True)
class Order:
    """What a task wants to be run."""

    command: Sequence[str]
    env: Mapping[str, str]
    creates: str
    removes: str
    raw: bool
    seconds: float
    max_output: int

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Order:
        """Raises UsageError for options that cannot work."""
        command, raw = params["command"], params["raw"]
        if isinstance(command, str) and command.strip():
            if raw:
                raise UsageError("command: with raw there is no shell to read a text, so give it as a list of words")
            command = ["sh", "-c", command]
        elif (
            not isinstance(command, list)
            or not command
            or not all(isinstance(word, (str, int, float)) for word in command)
        ):
            raise UsageError(
                "command: a text for sh, or a list of words of which the first is the program, is expected"
            )
        if raw and (params["creates"] or params["removes"]):
            raise UsageError("creates and removes need a shell in the container, so they do not go with raw")
        for name in ("command_timeout", "max_output"):
            if params[name] <= 0:
                raise UsageError(f"{name} is {params[name]:g}: a number above 0 is expected")
        return cls(
            command=[str(word) for word in command],
            env=_environment(params["env"] or {}),
            creates=params["creates"] or "",
            removes=params["removes"] or "",
            raw=raw,
            seconds=params["command_timeout"],
            max_output=params["max_output"],
        )


def run_command(call: Call) -> Result:
    """Run it, and judge it by its exit code.

    Raises:
        CallError: for an exit code other than 0, with the outputs; when the container or its shell is not there.
        AnswerLost, WaitTimeout: the command may have run, or may still run.
    """
    order = Order.of(call.params)
    standing, version = look_at_instance(call)
    part = _running_part(standing, call.params["component"])
    job = _Job(call, order, standing, version, part)
    if call.check_mode:
        return Result(changed=True, values=job.values(Ended()))
    ended = job.run_raw() if order.raw else job.run()
    values = job.values(ended)
    if ended.code:
        raise CallError(f"{job.place}: the command ended with exit code {ended.code}", changed=True, **values)
    return Result(changed=ended.guarded_by is None, values=values)


@dataclass(frozen=True)
class Ended:
    """A command that has ended, or was not begun."""

    code: int | None = None
    out: bytes = b""
    err: bytes = b""
    complete: bool | None = True
    merged: bool = False
    guarded_by: str | None = None


class _Job:
    """One command in one container."""

    def __init__(self, call: Call, order: Order, standing: Standing, version: str, part: Part) -> None:
        self._call, self._order, self._standing, self._version, self._part = call, order, standing, version, part
        #: Begins what is ours in the container and in its output; nobody can guess it.
        self._name = f"fluxme-{secrets.token_hex(16)}"
        self._operation = f"run a command in {part.identifier}"

    @property
    def place(self) -> str:
        return f"{self._standing.address}: {self._part.identifier}"

    def values(self, ended: Ended) -> dict[str, Any]:
        """For the result; with the names that C(ansible.builtin.command) has for them."""
        out, err = _text(ended.out), _text(ended.err)
        # Absent rather than null: ansible-core 2.16 takes every rc that is not 0 for a failure.
        code = {} if ended.code is None else {"rc": ended.code}
        return {
            **code,
            "address": self._standing.address,
            "app": self._standing.app,
            "component": self._part.component.name,
            "identifier": self._part.identifier,
            "cmd": self._call.params["command"],
            "stdout": out,
            "stderr": err,
            "stdout_lines": out.split("\n") if out else [],
            "stderr_lines": err.split("\n") if err else [],
            "complete": ended.complete,
            "merged": ended.merged,
            "guarded_by": ended.guarded_by,
        }

    # -- running ----------------------------------------------------------------------------------------------------

    def run_raw(self) -> Ended:
        """Without a shell: no exit code, both outputs in one."""
        output = self._send(self._order.command, self._order.seconds)
        if output.startswith(_CANNOT_START):
            raise CallError(
                f"{self.place}: docker could not start the program, see stdout", **self.values(Ended(out=output))
            )
        return Ended(out=output, complete=self._judge_merged(output), merged=True)

    def run(self) -> Ended:
        """By the wrapper."""
        order, begun = self._order, time.monotonic()
        command = shell_wrapper.run(self._name, order.command, creates=order.creates, removes=order.removes)
        lost: FluxOSError
        try:
            answer = self._send(command, order.seconds)
        except FluxOSError as error:
            if not error.maybe_done:
                raise
            lost = error
            report = self._read_back(lost, begun)
        else:
            if answer.startswith(_CANNOT_START):
                raise CallError(
                    f"{self.place}: the image has no sh, which would tell the exit code. Give command as a list of "
                    "words and set raw"
                )
            report = shell_wrapper.read_report(self._name, answer)
            if report.state == "broken":
                lost = AnswerLost(
                    self._standing.address, self._operation, "the exit code did not come with the output", "See below"
                )
                report = self._read_back(lost, begun)
        if report.state == "skipped":
            return Ended(guarded_by=report.skipped_by)
        return self._collected(report)

    def _send(self, command: Sequence[str], seconds: float, *, env: bool = True) -> bytes:
        return with_explanation(
            self._call,
            self._standing.app,
            self._version,
            lambda: execute(
                self._call.client,
                self._part.identifier,
                command,
                self._order.env if env else None,
                timeout=seconds,
            ),
        )

    def _ask(self, command: Sequence[str]) -> bytes:
        """Something of the wrapper's own, which takes no time."""
        return self._send(command, self._call.transport.options.timeout, env=False)

    # -- after a lost answer ----------------------------------------------------------------------------------------

    def _read_back(self, lost: FluxOSError, begun: float) -> Report:
        """Wait for the end of a command that was sent and not answered, for as long as it may take."""
        traces = 0

        def look() -> Look[Report]:
            nonlocal traces
            report = shell_wrapper.read_report(self._name, self._ask(shell_wrapper.look(self._name)))
            if report.state == "absent":
                traces += 1
            found = report.state == "done" or traces == LOOKS_FOR_A_TRACE
            return Look(
                {"running": "it runs", "absent": "no trace of it"}.get(report.state, "no sense"),
                report if found else None,
            )

        left = begun + self._order.seconds - time.monotonic()
        waiter = Waiter(
            node=self._standing.address,
            operation=f"wait for the end of the command in {self._part.identifier}",
            timeout=left,
            interval=LOOK_EVERY,
            progress=self._call.progress,
            advice="",
            looks=1 if left < LOOK_EVERY else None,
        )
        try:
            report = waiter.until(look)
        except WaitTimeout as late:
            raise WaitTimeout(
                self._standing.address,
                self._operation,
                f"no exit code after {self._order.seconds:g} s: {lost.said}; {late.said.partition('; ')[2]}",
                "FluxOS cannot end a command, so it may run on in the container, or may have ended. Look there before "
                f"it is run again; what it wrote may be in /tmp/{self._name}",
            ) from lost
        if report.state == "absent":
            self._without_trace(lost)
        return report

    def _without_trace(self, lost: FluxOSError) -> NoReturn:
        raise AnswerLost(
            self._standing.address,
            self._operation,
            f"{lost.said}, and there is no trace of the command in the container",
            "It was not begun, or the container has no folder to write to. Look at what it should have done before it "
            "is run again",
        ) from lost

    # -- the outputs ------------------------------------------------------------------------------------------------

    def _collected(self, report: Report) -> Ended:
        if report.sizes is None:
            return Ended(report.code, report.out, complete=self._judge_merged(report.out), merged=True)
        out, out_whole = self._output(report, "out")
        err, err_whole = self._output(report, "err")
        try:
            self._ask(shell_wrapper.remove(self._name))
        except FluxOSError as error:
            self._call.warn(f"{self.place}: the folder /tmp/{self._name} stays in the container: {error.said}")
        return Ended(report.code, out, err, complete=out_whole and err_whole)

    def _output(self, report: Report, stream: Stream) -> tuple[bytes, bool]:
        """One of the two outputs, up to ``max_output``, and whether that is all of it."""
        printed, at = (report.out, 0) if stream == "out" else (report.err, 1)
        size = report.sizes[at] if report.sizes else len(printed)
        most = self._order.max_output
        if report.whole(stream):
            found = printed
        else:
            found = b""
            while len(found) < min(size, most):
                piece = self._piece(stream, len(found) // shell_wrapper.PIECE, size)
                if piece is None:
                    self._call.warn(
                        f"{self.place}: {len(found)} of {size} bytes of std{stream} came, the rest could not be read"
                    )
                    return found, False
                found += piece
        if size > most:
            self._call.warn(f"{self.place}: std{stream} has {size} bytes, and max_output lets {most} of them come")
        return found[:most], size <= most

    def _piece(self, stream: Stream, number: int, size: int) -> bytes | None:
        expected = min(shell_wrapper.PIECE, size - number * shell_wrapper.PIECE)
        for _attempt in range(PIECE_ATTEMPTS):
            try:
                answer = self._ask(shell_wrapper.piece(self._name, stream, number))
            except FluxOSError:
                continue
            piece = shell_wrapper.read_piece(self._name, answer)
            if piece is not None and len(piece) == expected:
                return piece
        return None

    def _judge_merged(self, output: bytes) -> bool | None:
        """Whether all of an output came whose size nobody knows."""
        if len(output) < SAFE_OUTPUT:
            return True
        self._call.warn(
            f"{self.place}: {len(output)} bytes came. Of outputs over 64 kB FluxOS may lose blocks without saying so; "
            "write to a file in the container instead"
        )
        return None


def _running_part(standing: Standing, component: str | None) -> Part:
    """The container for the command. Up to 8.17 FluxOS does not survive a command for one that does not run."""
    parts = parts_of(standing, component)
    if len(parts) != 1:
        names = ", ".join(part.label for part in parts)
        raise UsageError(
            f"component: {standing.app} has {names or 'no container'}; say in which one to run the command"
        )
    part = parts[0]
    if not part.running:
        hint = "It is a standby: another instance runs it" if part.role == "standby" else "Start it first"
        raise CallError(
            f"{standing.address}: {part.identifier} is {part.state}, and a command needs a container that runs. {hint}"
        )
    return part


def _environment(env: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in env.items():
        if not _VARIABLE.fullmatch(str(name)) or not isinstance(value, (str, int, float)):
            # Not repeated: it may be a secret.
            raise UsageError("env: names without = and values that are texts or numbers are expected")
        found[str(name)] = str(value)
    return found


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").rstrip("\r\n")
