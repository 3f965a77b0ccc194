# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that more than one module takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Busy, FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.facts import place_of, read_what_answers, summary
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import started_after
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process
from ansible_collections.fluxme.fluxos.plugins.module_utils.session import NodeLogin
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter

T = TypeVar("T")


def require_login(call: Call, purpose: str = "this operation needs a login") -> NodeLogin:
    """The login of the task, or an error that says how to give one."""
    if call.login is None:
        where = f"{call.endpoint.address}: " if call.params.get("node") else ""
        raise CallError(
            f"{where}{purpose}, and no key is given: set private_key, private_key_file or "
            "signer_command in the task, in a host variable such as fluxos_private_key_file, or in the environment"
        )
    return call.login


def wait_for_new_process(call: Call, client: NodeClient, before: Process, said: str = "") -> Process:
    """Wait until the node answers with another process than before, as the task's wait options say.

    ``said`` is what became of the request to restart, for the message of a wait in vain.
    """

    def look() -> Look[Process]:
        now = client.process()
        saw = f"the same process, up for {now.uptime} s"
        if said:
            saw += f" (the request to restart had ended with: {said})"
        return Look(saw, now if started_after(now, before=before) else None)

    waiter = Waiter(
        node=client.endpoint.address,
        operation="wait until FluxOS restarted",
        timeout=call.params["wait_timeout"],
        interval=call.params["wait_interval"],
        progress=call.progress,
        advice="When its uptime never went down the node cannot restart itself (ArcaneOS): restart it on the host. "
        "When it does not answer, look at the host: docker, MongoDB and the FluxOS log",
    )
    return waiter.until(look)


def when_ready(call: Call, operation: str, send: Callable[[], T]) -> T:
    """Send something as soon as the node takes it. A node that answers 503 has done nothing and is asked again, as the
    task's wait options say; whatever else comes of it, an error too, is its end.
    """
    if not call.params["wait"]:
        return send()

    def look() -> Look[Callable[[], T]]:
        try:
            result = send()
        except Busy as busy:
            return Look(busy.said)
        except FluxOSError as error:
            return Look(error.said, partial(_raise, error))
        return Look("an answer", lambda: result)

    waiter = Waiter(
        node=call.endpoint.address,
        operation=f"wait until the node is ready to {operation}",
        timeout=call.params["wait_timeout"],
        interval=call.params["wait_interval"],
        progress=call.progress,
        advice="Nothing was done. Another operation runs there, or the node has just started and takes some minutes to "
        "settle; ask again later",
    )
    return waiter.until(look)()


def _raise(error: FluxOSError) -> NoReturn:
    raise error


def from_gateways(call: Call, ask: Callable[[GatewayClient], T], *, enough: Callable[[T], bool]) -> T:
    """What the first gateway says that is enough; else the last answer. A gateway hands requests to nodes, and one that
    has just started tells a short or empty list as a success.

    Raises:
        FluxOSError: when none answers.
        CallError: when none is set.
    """
    answers: list[T] = []
    problem: FluxOSError | None = None
    for gateway in call.gateways:
        try:
            answers.append(ask(gateway))
        except FluxOSError as error:
            problem = error
            continue
        if enough(answers[-1]):
            break
    if answers:
        return answers[-1]
    if problem is not None:
        raise problem
    raise CallError("no gateway is set: set gateway, the host variable fluxos_gateway or FLUXOS_GATEWAY")


def read_fleet(call: Call) -> dict[str, Any]:
    """``nodes`` and ``summary``: what the task gathers of all its nodes, a row for each, at once and in time.

    A node that cannot be read is a row with its error. An address that is none ends the task before anything is sent.
    """
    params = call.params
    total = params["total_timeout"]
    if total <= 0:
        raise UsageError(f"total_timeout is {total:g}: a number of seconds above 0 is expected")
    places = [place_of(entry) for entry in params["nodes"]]
    clients = [call.client_of(address, fresh=params["fresh"]) for _name, address in places]
    outcomes = each(
        clients,
        lambda client: read_what_answers(client, params["gather"]),
        workers=params["workers"],
        deadline=total,
    )
    rows: list[dict[str, Any]] = []
    for (name, _address), outcome in zip(places, outcomes, strict=True):
        row = outcome.result or {"address": outcome.node.endpoint.address}
        if outcome.error is not None:
            row = {**row, "error": outcome.error.as_dict()}
        rows.append(row if name is None else {**row, "name": name})
    return {"nodes": rows, "summary": summary(rows)}
