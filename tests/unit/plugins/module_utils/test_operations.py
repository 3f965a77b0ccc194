# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that modules share. ``test_node_restart`` and ``test_session`` have them against nodes."""

from __future__ import annotations

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import require_login, wait_for_new_process
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import WaitTimeout
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.calls import call_of


def test_a_key_is_needed_and_its_sources_are_named_with_the_node_and_the_purpose() -> None:
    call = call_of("session", node="203.0.113.7")
    with pytest.raises(CallError) as caught:
        require_login(call, "only the node's operator may restart it")
    text = str(caught.value)
    assert text.startswith("203.0.113.7:16127: only the node's operator may restart it, and no key is given: set ")
    assert "fluxos_private_key_file" in text


def test_the_login_is_that_of_the_key_and_the_same_each_time(tmp_path: object) -> None:
    operator = Person.named("operator")
    call = call_of("session", node="203.0.113.7", private_key=operator.wif, session_cache=f"{tmp_path}/sessions")
    assert require_login(call).flux_id == operator.flux_id
    assert require_login(call) is require_login(call)


class TestNewProcess:
    def call(self, sim: RunningSimulator, wait_timeout: float = 30) -> Call:
        return call_of("node_restart", sim, wait_interval=0.1, wait_timeout=wait_timeout)

    def test_it_is_waited_for_while_the_node_is_away(self) -> None:
        with RunningSimulator({"nodes": [{"host": 1}]}, time_factor=60) as sim:
            call = self.call(sim)
            before = call.client.process()
            sim.restart(sim.addresses[0])
            after = wait_for_new_process(call, call.client, before)
            assert after.uptime < before.uptime
            assert len(sim.states(what="down")) == 1

    def test_the_same_process_is_never_taken_for_it(self) -> None:
        with RunningSimulator({"nodes": [{"host": 1}]}, time_factor=60) as sim:
            call = self.call(sim, wait_timeout=0.3)
            before = call.client.process()
            with pytest.raises(WaitTimeout, match="last seen: the same process, up for") as caught:
                wait_for_new_process(call, call.client, before)
            assert "ArcaneOS" in caught.value.advice
