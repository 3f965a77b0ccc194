# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_instance`` while others are at work, and where less can be seen than usual."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.simulator.deploy import lose
from tests.simulator.fleet import Fleet
from tests.simulator.running import RunningSimulator
from tests.unit.instances import NEW, OLD, PRIMARY, SCENARIO, Instance, owner
from tests.unit.module_run import Ran, RunModule

GENERATIONS = pytest.mark.parametrize("number", [pytest.param(OLD, id="8.17"), pytest.param(NEW, id="8.20")])


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=100) as running:
        yield running


@pytest.fixture
def instance(sim: RunningSimulator, run_module: RunModule, number: int) -> Instance:
    return Instance(sim, run_module, "TideBoard", number)


@pytest.fixture
def new(sim: RunningSimulator, run_module: RunModule) -> Instance:
    return Instance(sim, run_module, "TideBoard", NEW)


@contextmanager
def meanwhile(instance: Instance, path: str, happens: Callable[[Fleet], None]) -> Iterator[None]:
    """Something happens while a request is on its way: after the node was looked at, before it acts."""
    arrived = len(instance.sim.journal())
    instance.sim.fault(instance.node, kind="latency", path=path, seconds=0.5, count=1)
    timer = threading.Timer(0.35, instance.sim.call, [happens])
    timer.start()
    yield
    timer.join()
    lines = instance.sim.journal()[arrived:]
    assert any(line.get("write") and line["node"] == instance.node for line in lines), "nothing was on its way"


def remove(instance: Instance) -> Callable[[Fleet], None]:
    def happens(fleet: Fleet) -> None:
        node = fleet.world.nodes[instance.node]
        lose(node, node.apps.installed[instance.app], "removed by somebody else")

    return happens


class TestSomebodyElseRemovesIt:
    @GENERATIONS
    def test_is_as_good_as_removing_it(self, instance: Instance) -> None:
        with meanwhile(instance, "/apps/appremove/*", remove(instance)):
            ran = instance.run("absent")
        assert (ran.changed, ran.result["data_lost"], ran.result["instance"]["installed"]) == (False, False, False)

    @GENERATIONS
    def test_in_a_removal_that_runs_is_waited_for(self, instance: Instance) -> None:
        instance.run("absent", wait=False)
        ran = instance.run("absent")
        assert (ran.failed, instance.states()) == (False, {})

    @GENERATIONS
    def test_instead_of_redeploying_it_is_a_failure_that_says_that_data_are_gone(self, instance: Instance) -> None:
        with meanwhile(instance, "/apps/redeploy/*", remove(instance)):
            ran = instance.run("redeployed")
        assert "the app is no longer on this node, its data there are gone" in ran.error
        assert (ran.result["error"]["kind"], ran.result["data_lost"]) == ("app_lost", True)

    @GENERATIONS
    @pytest.mark.parametrize("state", ["started", "stopped", "restarted"])
    def test_instead_of_running_it_is_a_failure_in_words(self, instance: Instance, state: str) -> None:
        if state == "started":
            instance.run("stopped")
        with meanwhile(instance, "/apps/app[sr]*", remove(instance)):
            ran = instance.run(state)
        assert ("it is not installed on this node" in ran.error) or ("there is none of" in ran.error)
        assert len(ran.writes) == 1


class TestAnswersThatAreNotFluxos:
    @GENERATIONS
    @pytest.mark.parametrize("state", ["redeployed", "absent"])
    @pytest.mark.parametrize("kind", ["http_error", "html", "empty"])
    def test_are_lost_answers_and_read_back(self, instance: Instance, state: str, kind: str) -> None:
        sim = instance.sim
        sim.fault(instance.node, kind=kind, path="/apps/*re[dm]*", late=True, status=502)
        ran = instance.run(state)
        assert (ran.changed, ran.result["outcome"], len(ran.writes)) == (True, "unended", 1)
        assert instance.states() == instance.expected_states(state)

    @GENERATIONS
    def test_to_a_removal_that_never_arrived_are_failures(self, instance: Instance) -> None:
        before = instance.states()
        instance.sim.fault(instance.node, kind="reset", path="/apps/appremove/*")
        ran = instance.run("absent", wait_timeout=0.5)
        assert "last seen: TideBoard installed, 2 containers" in ran.error
        assert (ran.result["changed"], ran.result["data_lost"], instance.states()) == (False, False, before)


class TestARedeployThatTakesLonger:
    @GENERATIONS
    def test_than_the_time_allowed_is_not_called_lost(
        self, run_module: RunModule, sim: RunningSimulator, instance: Instance
    ) -> None:
        """While FluxOS waits between removing and installing, the app is not in its list."""

        def is_slow(fleet: Fleet) -> None:
            fleet.world.nodes[instance.node].timings.redeploy = 3000.0

        sim.call(is_slow)
        ran = instance.run("redeployed", wait_timeout=0.6)
        assert "the stream came to no end" in ran.error
        assert "so it may be at it still: look again in some minutes" in ran.error
        assert (ran.result["error"]["kind"], ran.result["data_lost"], ran.result["changed"]) == ("timeout", False, True)
        assert len(ran.writes) == 1

    def test_because_a_restore_runs_has_no_answer_up_to_8_17(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        old = Instance(sim, run_module, "TideBoard", OLD)
        sim.call(lambda fleet: fleet.world.nodes[old.node].operations.restores.add("TideBoard"))
        ran = old.run("redeployed", wait_timeout=0.5)
        assert "Up to FluxOS 8.17 a node that restores a backup of the app gives no answer at all" in ran.error
        assert (ran.result["stream"], ran.result["changed"]) == ([], False)

    @pytest.mark.parametrize("what", ["restore", "policy"])
    def test_because_it_is_not_its_time_waits_since_8_18(self, new: Instance, what: str) -> None:
        if what == "policy":
            new.sim.fault(new.node, kind="policy_missing", for_seconds=30)
        else:

            def restores(fleet: Fleet) -> None:
                fleet.world.nodes[new.node].operations.restores.add("TideBoard")

            def is_restored(fleet: Fleet) -> None:
                fleet.world.nodes[new.node].operations.restores.clear()

            new.sim.call(restores)
            new.sim.call(lambda fleet: fleet.world.timeline.after(30.0, lambda: is_restored(fleet)))
        ran = new.run("redeployed")
        assert (ran.changed, new.states()) == (True, new.expected_states("redeployed"))
        assert next(line["outcome"] for line in ran.journal if line.get("write")) in ("warning", "http_503")

    def test_shows_what_fluxos_says_while_it_says_it(self, sim: RunningSimulator, new: Instance) -> None:
        ran = new.run("redeployed")
        assert [line.removeprefix(f"{new.node}: ") for line in ran.lines] == ran.result["stream"]
        assert len(ran.lines) > 20
        assert not any("Downloading" in line for line in ran.lines), "docker reports each layer many times a second"

    def test_is_shown_before_it_ends(self, new: Instance) -> None:
        new.sim.fault(new.node, kind="stream_stall", after=3, finishes=False)
        ran = new.run("redeployed", wait_timeout=0.5)
        assert ran.lines[:3] == [f"{new.node}: {text}" for text in ran.result["stream"]]


class TestAHardRedeploy:
    def test_that_fails_does_not_claim_that_data_are_kept(self, new: Instance) -> None:
        new.sim.fault(new.node, kind="redeploy_fails", phase="install", message="no room for it")
        ran = new.run("redeployed", hard=True, data_loss="accepted")
        assert "no room for it" in ran.error
        assert "Whether its data are kept is not known" in ran.error
        assert (ran.result["data_lost"], ran.result["changed"]) == (None, True)

    @GENERATIONS
    def test_that_a_soft_one_became_starts_no_component_that_is_no_more(self, instance: Instance) -> None:
        instance.run("stopped", component="cache")
        instance.sim.update_app("TideBoard", components=["web", "queue"])
        ran = instance.run("redeployed", data_loss="accepted")
        assert (ran.changed, ran.writes) == (True, ["/apps/redeploy/TideBoard"])
        assert instance.states() == {"web_TideBoard": "running", "queue_TideBoard": "running"}

    def test_in_check_mode_needs_the_same_word(self, new: Instance) -> None:
        refused, allowed = (
            new.run("redeployed", hard=True, check=True, data_loss=word) for word in ("refused", "accepted")
        )
        assert "set data_loss to accepted" in refused.error
        assert (allowed.changed, allowed.writes) == (True, [])


class TestALock:
    @GENERATIONS
    def test_that_is_perhaps_left_is_a_failure_that_says_what_is_done(self, instance: Instance) -> None:
        instance.run("stopped", component="cache")
        instance.sim.fault(instance.node, kind="reset", path="/apps/appstart/*")
        ran = instance.run("redeployed")
        assert "after the redeploy had been done" in ran.error
        assert "restart it (state restarted), which clears the lock" in ran.error
        assert (ran.result["error"]["kind"], ran.result["outcome"]) == ("lock_kept", "done")
        assert instance.locks()["cache_TideBoard"] is True
        instance.run("restarted", component="cache")
        assert instance.locks()["cache_TideBoard"] is False


class TestAnElection:
    @GENERATIONS
    def test_that_moves_the_primary_meanwhile_leaves_a_standby(
        self, sim: RunningSimulator, run_module: RunModule, number: int
    ) -> None:
        primary = Instance(sim, run_module, "ReefMail", PRIMARY)

        def moves(fleet: Fleet) -> None:
            here, there = (fleet.world.nodes[address].apps for address in (primary.node, sim.addresses[number]))
            running, waiting = (apps.find("fluxdb_ReefMail") for apps in (here, there))
            assert running is not None
            assert waiting is not None
            here.stop(running, "another node is elected")
            there.start(waiting)

        with meanwhile(primary, "/apps/apprestart/*", moves):
            ran = primary.run("restarted", component="db")
        assert (ran.changed, len(ran.writes)) == (True, 1)
        component = ran.result["instance"]["components"][1]
        assert (component["state"], component["role"]) == ("exited", "standby")


class TestAnEncryptedSpecification:
    """An enterprise app: its components are known by their containers only, and nobody sees which are elected."""

    APP = "VaultReef"

    @pytest.fixture
    def sim(self) -> Iterator[RunningSimulator]:
        app: dict[str, Any] = {"name": self.APP, "version": 8, "enterprise": True, "owner": "@app owner"}
        parts = {"components": ["web", {"name": "db", "data": "g:/data"}]}
        nodes = [{"version": version, "apps": [self.APP]} for version in ("8.20.0", "8.20.0", "8.17.0")]
        with RunningSimulator({"apps": [{**app, **parts}], "nodes": nodes}, time_factor=100) as running:
            yield running

    @pytest.fixture
    def vault(self, sim: RunningSimulator, run_module: RunModule, number: int) -> Instance:
        return Instance(sim, run_module, self.APP, number)

    @GENERATIONS
    def test_is_redeployed_with_what_stands_by(self, vault: Instance) -> None:
        assert vault.states() == {"web_VaultReef": "running", "db_VaultReef": "exited"}
        ran = vault.run("redeployed", wait_timeout=5)
        assert (ran.changed, ran.writes, ran.result["locks_cleared"]) == (True, ["/apps/redeploy/VaultReef"], [])
        assert vault.states() == {"web_VaultReef": "running", "db_VaultReef": "created"}

    @GENERATIONS
    def test_is_not_proved_by_containers_that_are_not_there_yet(self, vault: Instance) -> None:
        def pulls_long(fleet: Fleet) -> None:
            fleet.world.nodes[vault.node].timings.pull = 3000.0

        vault.sim.call(pulls_long)
        ran = vault.run("redeployed", wait_timeout=0.8)
        assert "not made anew: db_VaultReef, web_VaultReef" in ran.error

    @GENERATIONS
    def test_that_has_changed_may_have_other_components(self, vault: Instance) -> None:
        vault.sim.update_app(self.APP, image="nginx:1.28-alpine")
        ran = vault.run("redeployed")
        assert "the specification of VaultReef is encrypted, and another one is registered" in ran.error
        assert ran.writes == []
        assert vault.run("redeployed", data_loss="accepted").changed

    @GENERATIONS
    def test_is_started_but_for_what_stands_by(self, vault: Instance) -> None:
        ran = vault.run("started", wait_timeout=5)
        assert (ran.changed, ran.writes) == (False, ["/apps/appstart/db_VaultReef"])
        said = ran.result["steps"][1]["said"]
        assert "skipped start" in said or said.endswith("the election has not made this node the writer")


class TestNames:
    @pytest.mark.parametrize(
        ("app", "said"),
        [
            ("", "app is empty: the name of an app is expected"),
            ("web_TideBoard", "names a component: set app to 'TideBoard' and component to 'web'"),
            ("../flux", "../flux is not installed on this node"),
        ],
    )
    def test_that_are_none_are_refused(self, sim: RunningSimulator, run_module: RunModule, app: str, said: str) -> None:
        ran = run_module("app_instance", node=sim.addresses[NEW], app=app, state="absent", private_key=owner().wif)
        if "not installed" in said:
            assert (ran.changed, ran.writes) == (False, [])
            return
        assert said in ran.error
        assert ran.requests == []


class TestASession:
    @GENERATIONS
    def test_that_has_expired_is_renewed_once(self, instance: Instance) -> None:
        instance.run("stopped")
        instance.sim.advance(3 * 3600)
        ran = instance.run("started")
        refused, *done = [line["authorized"] for line in ran.journal if line.get("write")]
        assert (ran.changed, refused, done) == (True, False, [True, True])

    @GENERATIONS
    @pytest.mark.parametrize("hours", [-3, 3])
    def test_is_made_by_the_clock_of_the_node(self, instance: Instance, hours: int) -> None:
        instance.sim.fault(instance.node, kind="clock", seconds=hours * 3600)
        ran: Ran = instance.run("stopped")
        assert (ran.changed, set(instance.states().values())) == (True, {"exited"})
