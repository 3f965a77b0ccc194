# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many nodes at once: order, bounds, errors of one node and defects of the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import OutOfTime, Refused, Unreachable
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import Outcome, each
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.simulator.running import RunningSimulator


def refused(node: object) -> Refused:
    return Refused(str(node), "ask", "no", "Do not")


@given(st.lists(st.integers(), max_size=40), st.integers(1, 60))
def test_outcomes_are_in_the_order_of_the_nodes(nodes: list[int], workers: int) -> None:
    outcomes = each(nodes, lambda node: node * 2, workers=workers)
    assert [(outcome.node, outcome.value()) for outcome in outcomes] == [(node, node * 2) for node in nodes]
    assert all(outcome.ok for outcome in outcomes)


def test_no_more_than_the_workers_at_a_time() -> None:
    lock = threading.Lock()
    now, most = 0, 0
    together = threading.Barrier(4, timeout=10)

    def work(node: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        # Four must be here at once for any of them to go on.
        together.wait()
        with lock:
            now -= 1

    each(range(20), work, workers=4)
    assert most == 4


def test_as_many_as_allowed_are_at_work_when_nodes_let_them_wait() -> None:
    together = threading.Barrier(60, timeout=10)
    outcomes = each(range(60), lambda node: together.wait() >= 0, workers=60)
    assert all(outcome.value() for outcome in outcomes)


def test_an_error_of_one_node_is_that_nodes_outcome() -> None:
    def work(node: int) -> str:
        if node == 2:
            raise refused(node)
        return f"{node} fine"

    first, second, third = each([1, 2, 3], work)
    assert (first.value(), third.value()) == ("1 fine", "3 fine")
    assert isinstance(second.error, Refused)
    assert not second.ok
    with pytest.raises(Refused):
        second.value()


def test_a_defect_is_raised_and_stops_the_rest() -> None:
    begun: list[int] = []

    def work(node: int) -> None:
        begun.append(node)
        if node == 0:
            raise KeyError("defect")
        time.sleep(0.01)

    with pytest.raises(KeyError, match="defect"):
        each(range(1000), work, workers=2)
    assert len(begun) < 1000


def test_after_the_deadline_no_node_is_begun() -> None:
    release = threading.Event()
    begun: list[str] = []

    def work(node: str) -> str:
        begun.append(node)
        if node != "quick":
            release.wait(30)
        return node

    started = time.monotonic()
    try:
        outcomes = each(["quick", "slow", "never"], work, workers=1, deadline=0.5)
    finally:
        release.set()
    assert time.monotonic() - started < 10
    assert begun == ["quick", "slow"]
    assert outcomes[0] == Outcome("quick", "quick")
    for outcome in outcomes[1:]:
        assert isinstance(outcome.error, OutOfTime)
        assert str(outcome.error).startswith(f"{outcome.node}: ask the node: no outcome when the 0.5 s")


def test_nothing_to_do() -> None:
    assert each([], refused) == []


def test_an_interrupt_ends_it_at_once(checkout: Path, collections_path: Path, tmp_path: Path) -> None:
    program = tmp_path / "ask.py"
    program.write_text(
        "import signal, sys, time\n"
        # A shell without job control has what it starts in the background ignore interrupts.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.path[:0] = [{str(collections_path)!r}]\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each\n"
        "def work(node):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(1 if node == 0 else 60)\n"
        "try:\n"
        "    each(range(50), work, workers=1)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, cwd=checkout, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "begun\n"
            os.kill(process.pid, signal.SIGINT)
            # The node that is being asked is waited for, the 49 others are not begun.
            assert process.communicate(timeout=30)[0] == "interrupted\n"
        finally:
            process.kill()


def test_a_fleet_with_nodes_that_are_away() -> None:
    with (
        RunningSimulator("fleet", nodes=40, time_factor=0) as simulator,
        Transport(TransportOptions(timeout=5), read_only=True) as transport,
    ):
        away = set(simulator.addresses[::10])
        for address in away:
            simulator.fault(address, kind="unreachable")
        clients = [NodeClient(Endpoint.parse(address), transport) for address in simulator.addresses]
        outcomes = each(clients, lambda client: client.version())
        assert [outcome.node.node for outcome in outcomes] == simulator.addresses
        assert {outcome.node.node for outcome in outcomes if isinstance(outcome.error, Unreachable)} == away
        assert [outcome.result for outcome in outcomes if outcome.ok] == [
            node.version for node in simulator.nodes if node.address not in away
        ]
