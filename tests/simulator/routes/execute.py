# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``POST /apps/appexec``: a command in a container (FluxOS: appInspector.js appExec, dockerService.js).

The answer is the text of stdout and stderr as it comes, without envelope and exit code. Each piece that docker sends is
decoded alone, so a frame that lies across two pieces is lost: output of more than 64 kB at once has holes.
"""

from __future__ import annotations

import json
import posixpath
from typing import Any

from tests.simulator.appinfo import main_name
from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, error, hang, streamed, unauthorized
from tests.simulator.instances import rejected
from tests.simulator.operations import Script
from tests.simulator.routes.health import docker_down, docker_error
from tests.simulator.routes.owner import EXEC_RIGHTS, NO_NAME, find, is_old, missing
from tests.simulator.routing import Registry
from tests.simulator.shell_commands import COMMANDS
from tests.simulator.shell_run import Exit, Files, Run, Shell

ROUTES = Registry()
PIECE = 65536
FRAME = 16384
FRAME_HEADER = 8
SHELLS = ("sh", "bash", "ash")
NOT_FOUND = (
    b'OCI runtime exec failed: exec failed: unable to start container process: exec: "%s": '
    b"executable file not found in $PATH: unknown\r\n"
)


class Frames:
    """Docker's framing of what a process writes, and what FluxOS makes of it."""

    def __init__(self) -> None:
        self._at = 0
        self._ready: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Frames of at most 16 kB, in pieces of 64 kB."""
        for start in range(0, len(data), FRAME):
            payload = data[start : start + FRAME]
            begin, self._at = self._at, self._at + FRAME_HEADER + len(payload)
            if begin // PIECE == (self._at - 1) // PIECE:
                self._ready.append(payload)

    def take(self) -> bytes:
        """What came through by now; what comes later comes in a piece of its own."""
        ready = b"".join(self._ready)
        self._ready.clear()
        self._at = 0
        return ready


def _listed(value: Any) -> list[str] | None:
    """An array of strings, or a text that holds one; None for what docker will not take."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    return None


def _refusal(container: Container, command: list[str] | None) -> str | None:
    """Why docker does not run it."""
    if container.paused or not container.running:
        state = "is paused, unpause the container before exec" if container.paused else "is not running"
        return f"(HTTP code 409) unexpected - container {container.docker_id} {state} "
    if command is None:
        return (
            "(HTTP code 400) bad parameter - json: cannot unmarshal object into Go struct field .Cmd of type []string "
        )
    if not command:
        return "(HTTP code 400) bad parameter - No exec command specified "
    return None


@ROUTES.post("/apps/appexec", privilege=EXEC_RIGHTS, checks="handler", body="raw", write=True)
def execute(call: Call) -> Reply:
    """Run a command."""
    fields = call.raw_fields()
    fields = fields if isinstance(fields, dict) else {}
    name = str(fields.get("appname") or "")
    if not name:
        return error(NO_NAME)
    # An empty array is a value in JavaScript.
    if not fields.get("cmd") and fields.get("cmd") != []:
        return error("No command specified")
    if not call.authorize(EXEC_RIGHTS[call.node.profile.name], main_name(name)):
        return unauthorized()
    if docker_down(call.node):
        return docker_error()
    container = find(call, name)
    if container is None:
        return missing(call, name)
    command = _listed(fields["cmd"])
    refusal = _refusal(container, command)
    if refusal is not None:
        return _refused(call, refusal)
    stuck = call.node.faults.use("exec_hangs", container.app)
    if stuck is not None and stuck.options.get("silent"):
        return hang()
    frames = Frames()
    run = _run(call, container, command or [], _listed(fields.get("env")) or [], frames)
    script = _script(run, frames) if stuck is None else _hanging()
    return streamed(call.node.operations.begin(script, endless=stuck is not None))


def _refused(call: Call, refusal: str) -> Reply:
    """Up to 8.17 no answer comes, and nobody handles the rejection."""
    if not is_old(call):
        return error(refusal)
    reply = hang()
    reply.after = lambda: rejected(call.node)
    return reply


def _run(call: Call, container: Container, command: list[str], env: list[str], frames: Frames) -> Run:
    volume = call.node.apps.volumes.get(container.name)
    variables = dict(pair.partition("=")[::2] for pair in [*env, *container.part.env])
    variables["PATH"] = "/usr/bin"
    shell = Shell(
        Files(container, volume, call.world.clock.now),
        variables,
        {1: frames.write, 2: frames.write},
        host=container.component or container.app,
    )
    program = posixpath.basename(command[0])
    if program not in COMMANDS or (program in SHELLS and not container.part.shell):
        frames.write(NOT_FOUND % command[0].encode())
        return 127
    try:
        code = yield from shell.execute(command)
    except Exit as ended:
        return ended.code
    return code


def _script(run: Run, frames: Frames) -> Script:
    while True:
        try:
            pause = next(run)
        except StopIteration:
            yield frames.take()
            return
        yield frames.take()
        yield pause


def _hanging() -> Script:
    """A process that neither writes nor ends."""
    yield 0.0
