# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_instance``: every state of every kind of app on both ways that FluxOS runs them.

The journal and the simulator's own containers are the witnesses.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.instances import NAMES, NEW, OLD, PARTS, PRIMARY, SCENARIO, STANDBY, VERBS, Instance, owner
from tests.unit.module_run import STRANGER, RunModule

STATES = ("started", "stopped", "restarted", "killed", "redeployed", "absent")
GENERATIONS = pytest.mark.parametrize("number", [pytest.param(OLD, id="8.17"), pytest.param(NEW, id="8.20")])


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=250) as running:
        yield running


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("app", NAMES)
@GENERATIONS
class TestEveryState:
    @pytest.fixture
    def instance(self, sim: RunningSimulator, run_module: RunModule, app: str, number: int, state: str) -> Instance:
        instance = Instance(sim, run_module, app, number)
        if state == "started":
            instance.run("stopped")
        return instance

    def test_is_predicted_reached_and_left_alone(self, instance: Instance, state: str, number: int) -> None:
        if state == "killed" and number == OLD:
            ran = instance.run(state)
            assert "8.18 or later" in ran.error
            assert ran.writes == []
            return
        options = instance.options(state)
        before = instance.states()
        checked = instance.run(state, check=True, **options)
        assert (checked.changed, checked.writes, instance.states()) == (True, [], before)

        done = instance.run(state, **options)
        assert (done.changed, done.writes) == (True, instance.expected_writes(state))
        assert instance.states() == instance.expected_states(state)
        assert set(instance.locks().values()) <= {state in ("stopped", "killed")}
        shown = {part["identifier"]: part["state"] for part in done.result["instance"]["components"]}
        assert shown == instance.states()

        again, checked_again = instance.run(state, **options), instance.run(state, check=True, **options)
        repeats = state == "redeployed"
        assert (again.changed, checked_again.changed) == (repeats, repeats)
        assert again.writes == instance.expected_writes(state, again=True)
        assert (checked_again.writes, instance.states()) == ([], instance.expected_states(state))

    def test_is_refused_to_a_stranger_who_is_told_whose_it_is(
        self, instance: Instance, state: str, number: int
    ) -> None:
        before, locks = instance.states(), instance.locks()
        stranger = Person.named(STRANGER)
        ran = instance.run(state, private_key=stranger.wif)
        if state == "killed" and number == OLD:
            assert "8.18" in ran.error
            return
        assert ran.result["error"]["kind"] == "unauthorized"
        assert f"{instance.app} belongs to {owner().flux_id}; this was asked as {stranger.flux_id}" in ran.error
        assert len(ran.writes) <= 1, "a refused write was repeated"
        assert (instance.states(), instance.locks()) == (before, locks)

    def test_waits_for_a_node_that_is_busy(
        self, instance: Instance, sim: RunningSimulator, state: str, number: int
    ) -> None:
        sim.fault(instance.node, kind="node_busy", what="installation", for_seconds=40)
        ran = instance.run(state)
        if state == "killed" and number == OLD:
            assert "8.18 or later" in ran.error
            return
        assert ran.changed
        assert instance.states() == instance.expected_states(state)
        if state in VERBS:
            assert ran.writes == instance.expected_writes(state), "a promise was not waited for"
        else:
            assert next(line["outcome"] for line in ran.journal if line.get("write")) == "warning"

    def test_without_a_container_that_should_be_there(
        self, instance: Instance, sim: RunningSimulator, state: str, number: int
    ) -> None:
        lost = PARTS[instance.app][0]
        sim.fault(instance.node, kind="container_missing", name=f"flux{lost}")
        ran = instance.run(state)
        if number == OLD and state in VERBS:
            assert ran.writes == [], "docker would fail at it"
            assert "8.18" in ran.error if state == "killed" else f"there is none of {lost}" in ran.error
            return
        assert ran.writes == instance.expected_writes(state)
        states = instance.expected_states(state)
        down = state in ("stopped", "killed")
        assert ran.changed is not (down and PARTS[instance.app][1:] in ([], [STANDBY])), "nothing else runs"
        if down:
            assert instance.states()[lost] is None
            del states[lost]
        assert {name: each for name, each in instance.states().items() if name in states} == states


@pytest.mark.parametrize(
    ("version", "state"),
    [
        (version, state)
        for version in ("8.17.0", "8.20.0")
        for state in STATES
        if (version, state) != ("8.17.0", "killed")
    ],
)
class TestThePrimary:
    """The node that runs the elected component; no other holds the app, so nobody takes over."""

    @pytest.fixture
    def sim(self, version: str) -> Iterator[RunningSimulator]:
        alone = {"apps": SCENARIO["apps"], "nodes": [{"version": version, "apps": ["ReefMail"]}]}
        with RunningSimulator(alone, time_factor=300) as running:
            yield running

    def test_is_predicted_reached_and_left_alone(
        self, sim: RunningSimulator, run_module: RunModule, state: str
    ) -> None:
        instance = Instance(sim, run_module, "ReefMail", PRIMARY)
        if state == "started":
            instance.run("stopped")
        options = instance.options(state)
        checked = instance.run(state, check=True, **options)
        assert (checked.changed, checked.writes) == (True, [])
        done = instance.run(state, **options)
        assert (done.changed, done.writes) == (True, instance.expected_writes(state))
        # FluxOS leaves its container to the election, which comes within half a minute.
        sim.advance(40)
        up = state in ("started", "restarted", "redeployed")
        states = dict.fromkeys(instance.expected_states(state), "running" if up else "exited")
        assert instance.states() == states
        if state == "redeployed":
            return
        again = instance.run(state, **options)
        assert (again.changed, again.writes) == (False, instance.expected_writes(state, again=True) if not up else [])
        assert instance.states() == states


class TestStandbys:
    def test_say_what_they_are(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = Instance(sim, run_module, "ReefMail", NEW).run("started")
        roles = {part["component"]: part["role"] for part in ran.result["instance"]["components"]}
        assert (ran.changed, roles) == (False, {"web": None, "db": "standby"})

    def test_the_only_one_that_runs_is_started_again_where_it_was_stopped(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        instance = Instance(sim, run_module, "ReefMail", 0)
        stopped = instance.run("stopped", component="db")
        assert (stopped.changed, stopped.writes) == (True, ["/apps/appstop/db_ReefMail"])
        for number in (NEW, OLD):
            Instance(sim, run_module, "ReefMail", number).run("stopped", component="db")
        checked = instance.run("started", component="db", check=True)
        started = instance.run("started", component="db")
        assert (checked.changed, started.changed) == (True, True)
        assert started.result["instance"]["components"][1]["role"] == "primary"

    def test_of_an_app_whose_specification_is_encrypted_are_known_by_the_reason(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        """As far as the collection sees, this is an ordinary component; the node promises to start it."""
        instance = Instance(sim, run_module, "TideBoard", NEW)
        instance.run("stopped", component="web")
        reason = "the election has not made this node the writer"
        sim.fault(instance.node, kind="reconciler_slow", seconds=30000, reason=reason)
        ran = instance.run("started", component="web")
        assert (ran.changed, ran.result["steps"][0]["state"]) == (False, "exited")
        assert ran.result["steps"][0]["said"].endswith(reason)

    def test_nobody_runs_it_and_nobody_is_elected(self, sim: RunningSimulator, run_module: RunModule) -> None:
        for node in sim.addresses:
            sim.fault(node, kind="no_election")
        instance = Instance(sim, run_module, "ReefMail", 0)
        instance.run("stopped", component="db")
        ran = instance.run("started", component="db", wait_timeout=0.5)
        assert "wait until db_ReefMail is started: not so after 0.5 s; last seen: db_ReefMail exited" in ran.error

    def test_a_synchronised_component_without_its_data_is_left_to_fluxos(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        instance = Instance(sim, run_module, "KelpForum", NEW)
        instance.run("redeployed", hard=True, data_loss="accepted")
        ran = instance.run("started")
        component = ran.result["instance"]["components"][1]
        assert (ran.changed, ran.writes, component["state"], component["role"]) == (False, [], "created", "syncing")


class TestRestartsOnce:
    @pytest.fixture
    def sim(self) -> Iterator[RunningSimulator]:
        """With a clock that runs as ours does, which is asked as well."""
        with RunningSimulator(SCENARIO, time_factor=1) as running:
            yield running

    @GENERATIONS
    def test_what_has_gone_down_since_is_started_all_the_same(
        self, sim: RunningSimulator, run_module: RunModule, number: int
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        begun = str(sim.now() - 1)
        instance.run("restarted", not_after=begun)
        instance.run("stopped", component="web")
        checked, done = (instance.run("restarted", not_after=begun, check=check) for check in (True, False))
        assert (checked.changed, done.changed, done.writes) == (True, True, ["/apps/apprestart/web_TideBoard"])
        assert set(instance.states().values()) == {"running"}

    @GENERATIONS
    @pytest.mark.parametrize("wrong_by", [0, -3600, 3600])
    def test_once_whatever_the_clock_of_the_node_says(
        self, sim: RunningSimulator, run_module: RunModule, number: int, wrong_by: int
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        sim.fault(instance.node, kind="clock", seconds=wrong_by)
        begun = str(sim.now() - 1)
        first, second = instance.run("restarted", not_after=begun), instance.run("restarted", not_after=begun)
        assert (first.changed, len(first.writes), second.changed, second.writes) == (True, 2, False, [])


class TestRestarts:
    def test_are_proved_by_the_start_time(self, sim: RunningSimulator, run_module: RunModule) -> None:
        instance = Instance(sim, run_module, "PlainTide", NEW)
        before = len(sim.states(node=instance.node, what="container_started"))
        sim.fault(instance.node, kind="reconciler_slow", seconds=30, count=1)
        ran = instance.run("restarted")
        assert ran.result["steps"][0]["said"].startswith("Application PlainTide will be restarted: ")
        assert len(sim.states(node=instance.node, what="container_started")) == before + 1
        assert any("will be restarted" in line for line in ran.lines)

    def test_a_time_that_is_none(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = Instance(sim, run_module, "PlainTide", NEW).run("restarted", not_after="yesterday")
        assert "'yesterday'" in ran.error
        assert ran.writes == []

    @pytest.mark.parametrize(
        ("state", "option", "value"),
        [("stopped", "not_after", "2026-11-25T08:00:00Z"), ("absent", "not_after", "1"), ("restarted", "hard", True)],
    )
    def test_an_option_of_another_state_is_refused(
        self, sim: RunningSimulator, run_module: RunModule, state: str, option: str, value: object
    ) -> None:
        ran = Instance(sim, run_module, "PlainTide", NEW).run(state, **{option: value})
        assert ran.error.startswith(f"{option}: it is for state ")
        assert f"and state is {state}" in ran.error
        assert ran.writes == []


class TestPromises:
    def test_are_waited_for(self, sim: RunningSimulator, run_module: RunModule) -> None:
        instance = Instance(sim, run_module, "TideBoard", NEW)
        sim.fault(instance.node, kind="reconciler_slow", seconds=30)
        ran = instance.run("stopped")
        assert (ran.changed, ran.writes) == (True, instance.expected_writes("stopped"))
        assert set(instance.states().values()) == {"exited"}

    def test_are_told_when_nobody_waits(self, sim: RunningSimulator, run_module: RunModule) -> None:
        instance = Instance(sim, run_module, "PlainTide", NEW)
        sim.fault(instance.node, kind="reconciler_slow", seconds=3000)
        ran = instance.run("stopped", wait=False)
        assert (ran.changed, ran.result["instance"]["components"][0]["state"]) == (True, "running")
        assert "will be stopped: the reconciler has not stopped it yet" in ran.result["steps"][0]["said"]

    @pytest.mark.parametrize(
        "reason", ["its restart policy does not allow it to run", "its specification cannot be actuated"]
    )
    def test_that_will_never_be_kept_are_failures_at_once(
        self, sim: RunningSimulator, run_module: RunModule, reason: str
    ) -> None:
        instance = Instance(sim, run_module, "PlainTide", NEW)
        instance.run("stopped")
        sim.fault(instance.node, kind="reconciler_slow", seconds=3000, reason=reason)
        assert reason in instance.run("started").error


class TestTheDifference:
    def test_is_shown(self, sim: RunningSimulator, run_module: RunModule) -> None:
        instance = Instance(sim, run_module, "TideBoard", NEW)
        for check in (True, False):
            diff = instance.run("stopped", component="web", diff=True, check=check).result["diff"]
            assert diff["before"] == {"web": "running", "cache": "running"}
            assert diff["after"] == {"web": "stopped" if check else "exited", "cache": "running"}
        assert instance.run("absent", diff=True, check=True).result["diff"]["after"] == {}
