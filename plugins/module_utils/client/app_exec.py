# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a command in a container of an app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import BodyKind


def execute(
    node: NodeClient, identifier: str, command: Sequence[str], env: Mapping[str, str] | None = None, *, timeout: float
) -> bytes:
    """Run ``command`` in a container, once, and return all that it wrote.

    ``POST /apps/appexec``: the app's owner only (appInspector.js appExec). stdout and stderr come as one text in the
    order of their arrival, without an exit code, until the process has ended. FluxOS decodes what it reads from docker
    piece by piece: bytes that are no UTF-8 become replacement characters, and of output over 64 kB whole blocks may be
    missing, without a word. Nothing ends the process when nobody listens any more.

    ``identifier``: of a container that runs. Up to 8.17 FluxOS neither answers nor survives when docker refuses.
    ``timeout``: seconds that the process may take.

    Raises:
        Refused: the container does not run, or there is none (since 8.18). Nothing was done.
        AnswerLost: the command may have run, or may still run.
    """
    operation = f"run a command in {identifier} (/apps/appexec)"
    body = {
        "appname": identifier,
        "cmd": list(command),
        "env": [f"{name}={value}" for name, value in (env or {}).items()],
    }
    output = bytearray()

    def take(data: bytes) -> bool:
        output.extend(data)
        return True

    def send(header: str) -> Answer:
        output.clear()
        return node.transport.post(
            node.endpoint,
            "/apps/appexec",
            body,
            operation=operation,
            # express takes JSON away from the handler, which then waits for it for ever.
            kind=BodyKind.RAW,
            auth=header,
            timeout=timeout,
            deadline=timeout,
            accept_text=True,
            sink=take,
        )

    node.authorised(send, operation, privilege="self")
    # Not the answer's own text: a command may well print JSON that looks like an answer of FluxOS.
    return bytes(output)
