# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_instance`` where something goes wrong: rights, data, streams, lost answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.simulator.running import RunningSimulator
from tests.unit.instances import NEW, OLD, SCENARIO, Instance, owner
from tests.unit.module_run import RunModule

GENERATIONS = pytest.mark.parametrize("number", [pytest.param(OLD, id="8.17"), pytest.param(NEW, id="8.20")])
STATES = ["started", "stopped", "restarted", "killed", "redeployed", "absent"]
MARKER = "appdata/marker"


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=100) as running:
        yield running


@pytest.fixture
def old(sim: RunningSimulator, run_module: RunModule) -> Instance:
    return Instance(sim, run_module, "TideBoard", OLD)


@pytest.fixture
def new(sim: RunningSimulator, run_module: RunModule) -> Instance:
    return Instance(sim, run_module, "TideBoard", NEW)


def has_data(instance: Instance) -> bool:
    return MARKER in (instance.sim.files(instance.node, f"fluxweb_{instance.app}") or {})


class TestTheOperatorOfTheNode:
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("check", [False, True])
    def test_is_told_since_8_18_that_only_the_owner_may(
        self, new: Instance, sim: RunningSimulator, state: str, check: bool
    ) -> None:
        ran = new.run(state, private_key=sim.operator.wif, check=check)
        assert ran.error.startswith(f"{new.node}: act on TideBoard: ")
        assert "Since FluxOS 8.18 the operator of a node may not act on the apps of others" in ran.error
        assert "this node runs 8.20.0" in ran.error
        assert f"TideBoard belongs to {owner().flux_id}; this was asked as {sim.operator.flux_id}" in ran.error
        assert (ran.result["error"]["kind"], ran.result["error"]["code"], ran.writes) == ("unauthorized", 401, [])

    def test_is_told_it_from_8_18_on(self, new: Instance, sim: RunningSimulator) -> None:
        sim.set(new.node, version="8.18.0")
        ran = new.run("started", private_key=sim.operator.wif)
        assert "Since FluxOS 8.18 the operator of a node may not act" in ran.error
        assert "this node runs 8.18.0" in ran.error
        assert ran.writes == []

    @pytest.mark.parametrize("state", ["started", "stopped", "restarted", "redeployed", "absent"])
    def test_may_up_to_8_17(self, old: Instance, sim: RunningSimulator, state: str) -> None:
        if state == "started":
            old.run("stopped")
        ran = old.run(state, private_key=sim.operator.wif)
        assert (ran.changed, old.states()) == (True, old.expected_states(state))

    def test_no_key_says_where_a_key_may_come_from(self, new: Instance) -> None:
        ran = new.run("stopped", private_key=None)
        assert "only the owner of TideBoard may act on it" in ran.error
        assert ran.writes == []


class TestARedeployThatFails:
    @pytest.mark.parametrize("hard", [False, True])
    @pytest.mark.parametrize("phase", ["removal", "requirements", "install"])
    def test_up_to_8_17_has_lost_the_app_and_says_so(
        self, old: Instance, sim: RunningSimulator, phase: str, hard: bool
    ) -> None:
        sim.fault(old.node, kind="redeploy_fails", phase=phase, message="no room for it")
        ran = old.run("redeployed", hard=hard, data_loss="accepted")
        assert "the redeploy failed and the app is no longer on this node, its data there are gone" in ran.error
        assert ("no room for it" if phase == "install" else "FluxOS does not say why") in ran.error
        assert ran.result["error"]["kind"] == "app_lost"
        assert ran.result["data_lost"] is True
        assert ran.result["stream"][-1].startswith("Removal step done. Result:"), "the last object looks like a success"
        assert old.states() == {}

    @pytest.mark.parametrize("phase", ["removal", "requirements", "install"])
    def test_since_8_18_keeps_app_and_data(self, new: Instance, sim: RunningSimulator, phase: str) -> None:
        sim.fault(new.node, kind="redeploy_fails", phase=phase, message="no room for it")
        ran = new.run("redeployed")
        assert "no room for it" in ran.error
        assert ran.result["error"]["kind"] == "refused"
        assert ran.result["data_lost"] is False
        assert has_data(new)

    @GENERATIONS
    def test_because_fluxos_dies_within_it(self, sim: RunningSimulator, run_module: RunModule, number: int) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        dies = threading.Timer(0.15, sim.restart, [instance.node])
        dies.start()
        ran = instance.run("redeployed", wait_timeout=1.5)
        dies.join()
        assert "its data there are gone: the stream came to no end" in ran.error
        assert (ran.result["error"]["kind"], instance.states()) == ("app_lost", {})


class TestAStreamWithoutAnEnd:
    @GENERATIONS
    @pytest.mark.parametrize("state", ["redeployed", "absent"])
    def test_of_an_operation_that_goes_on_is_read_back(
        self, sim: RunningSimulator, run_module: RunModule, number: int, state: str
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        sim.fault(instance.node, kind="stream_stall", after=5)
        ran = instance.run(state, wait_timeout=1)
        assert (ran.changed, ran.result["outcome"]) == (True, "unended")
        assert (instance.states(), len(ran.result["stream"])) == (instance.expected_states(state), 5)
        assert len(ran.writes) == 1

    @GENERATIONS
    def test_of_an_operation_that_stands_still_is_a_failure(
        self, sim: RunningSimulator, run_module: RunModule, number: int
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        sim.fault(instance.node, kind="stream_stall", after=2, finishes=False)
        ran = instance.run("redeployed", wait_timeout=0.6)
        assert "redeploy TideBoard: the stream came to no end" in ran.error
        assert "not made anew: web_TideBoard, cache_TideBoard" in ran.error
        assert has_data(instance)
        assert len(ran.writes) == 1

    @GENERATIONS
    @pytest.mark.parametrize("kind", ["truncate", "reset"])
    def test_that_breaks_off_is_read_back(
        self, sim: RunningSimulator, run_module: RunModule, number: int, kind: str
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        sim.fault(instance.node, kind=kind, path="/apps/redeploy/*", bytes=60, late=True)
        ran = instance.run("redeployed")
        assert (ran.changed, ran.result["outcome"], len(ran.writes)) == (True, "unended", 1)

    def test_of_a_busy_node_up_to_8_17_ends_with_the_time_allowed(self, old: Instance, sim: RunningSimulator) -> None:
        sim.fault(old.node, kind="node_busy", what="removal")
        ran = old.run("redeployed", wait_timeout=0.5)
        assert "wait until the node is ready to redeploy TideBoard" in ran.error
        assert "Another application is undergoing removal" in ran.error
        assert set(old.states().values()) == {"running"}

    def test_is_not_waited_for_when_nobody_wants_to(self, new: Instance) -> None:
        ran = new.run("redeployed", wait=False)
        assert (ran.changed, ran.result["outcome"]) == (True, "unended")
        assert len(ran.result["stream"]) < 3


class TestTheData:
    @GENERATIONS
    def test_stay_in_a_soft_redeploy(self, sim: RunningSimulator, run_module: RunModule, number: int) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        ran = instance.run("redeployed")
        assert (ran.result["data_lost"], has_data(instance)) == (False, True)

    def test_go_in_a_hard_one_only_where_that_is_accepted(self, new: Instance) -> None:
        refused = new.run("redeployed", hard=True)
        assert "set data_loss to accepted" in refused.error
        assert (refused.writes, has_data(new)) == ([], True)
        done = new.run("redeployed", hard=True, data_loss="accepted")
        assert (done.writes, done.result["data_lost"], has_data(new)) == (
            ["/apps/redeploy/TideBoard/true"],
            True,
            False,
        )

    def test_would_go_in_a_soft_one_when_components_have_changed(self, new: Instance, sim: RunningSimulator) -> None:
        sim.update_app("TideBoard", components=["web", "queue"])
        for check in (True, False):
            ran = new.run("redeployed", check=check)
            assert "(web, cache, now web, queue)" in ran.error
            assert (ran.writes, has_data(new)) == ([], True)
        done = new.run("redeployed", data_loss="accepted")
        assert (done.changed, done.result["data_lost"], has_data(new)) == (True, True, False)
        assert "FluxOS made this a hard redeploy" in done.result["warnings"][0]


class TestLocks:
    @GENERATIONS
    def test_that_would_undo_a_redeploy_are_cleared_and_told(
        self, sim: RunningSimulator, run_module: RunModule, number: int
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        instance.run("stopped", component="cache")
        ran = instance.run("redeployed")
        assert ran.writes == ["/apps/redeploy/TideBoard", "/apps/appstart/cache_TideBoard"]
        assert ran.result["locks_cleared"] == ["cache_TideBoard"]
        assert "FluxOS would stop again within the hour what its owner had stopped" in ran.result["warnings"][0]
        sim.advance(2 * 3600)
        assert set(instance.states().values()) == {"running"}, "the sweep has stopped it"

    def test_are_no_matter_where_nothing_had_been_stopped(self, new: Instance, sim: RunningSimulator) -> None:
        ran = new.run("redeployed")
        assert (ran.result["locks_cleared"], len(ran.writes), "warnings" in ran.result) == ([], 1, False)

    def test_are_set_again_on_what_has_crashed(self, new: Instance, sim: RunningSimulator) -> None:
        # FluxOS starts it at once, then after half a minute, then after five.
        for back_after in (5, 35, 0):
            sim.fault(new.node, kind="crash", name="fluxweb_TideBoard")
            sim.advance(back_after)
        ran = new.run("stopped", component="web")
        assert (ran.changed, ran.writes) == (False, ["/apps/appstop/web_TideBoard"])
        sim.advance(2 * 3600)
        assert new.states()["web_TideBoard"] == "exited"


class TestLostAnswers:
    @GENERATIONS
    @pytest.mark.parametrize("state", ["started", "stopped", "restarted"])
    @pytest.mark.parametrize("kind", ["reset", "empty", "http_error"])
    def test_are_read_back_and_nothing_is_sent_twice(
        self, sim: RunningSimulator, run_module: RunModule, number: int, state: str, kind: str
    ) -> None:
        instance = Instance(sim, run_module, "TideBoard", number)
        if state == "started":
            instance.run("stopped")
        sim.fault(instance.node, kind=kind, path="/apps/app[sr]t*", late=True, status=502)
        ran = instance.run(state)
        assert (ran.changed, ran.writes) == (True, instance.expected_writes(state))
        assert instance.states() == instance.expected_states(state)

    def test_of_what_was_not_done_are_failures_that_say_both(self, new: Instance, sim: RunningSimulator) -> None:
        sim.fault(new.node, kind="reset", path="/apps/appstop/*")
        ran = new.run("stopped", wait_timeout=0.5)
        assert "stop cache_TideBoard (/apps/appstop/cache_TideBoard): the node closed the connection" in ran.error
        assert "last seen: cache_TideBoard running" in ran.error
        assert len(ran.writes) <= 1


class TestOneOfSeveral:
    def test_component_alone_is_touched(self, new: Instance) -> None:
        ran = new.run("stopped", component="WEB")
        assert (ran.changed, ran.writes) == (True, ["/apps/appstop/web_TideBoard"])
        assert new.states() == {"web_TideBoard": "exited", "cache_TideBoard": "running"}

    def test_that_fails_leaves_those_after_it_and_the_result_tells_those_before(
        self, new: Instance, sim: RunningSimulator
    ) -> None:
        new.run("stopped")
        sim.fault(new.node, kind="container", name="fluxcache_TideBoard")
        ran = new.run("started", wait_timeout=0.5)
        assert "wait until cache_TideBoard is started" in ran.error
        assert [(step["component"], step["changed"]) for step in ran.result["steps"]] == [("web", True)]
        assert ran.result["changed"] is True

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"component": "ghost"}, "has no component 'ghost'; it has web, cache"),
            ({"app": "PlainTide", "component": "web"}, "with this specification version has none"),
            ({"state": "redeployed", "component": "web"}, "whole apps only"),
            ({"state": "absent", "component": "web"}, "whole apps only"),
            ({"app": "Nowhere"}, "Nowhere is not installed on this node"),
        ],
    )
    def test_what_cannot_work_is_refused_before_anything_is_sent(
        self, sim: RunningSimulator, run_module: RunModule, options: dict[str, str], said: str
    ) -> None:
        given = {"app": "TideBoard", "state": "stopped", "private_key": owner().wif, **options}
        ran = run_module("app_instance", node=sim.addresses[NEW], **given)
        assert said in ran.error
        assert ran.writes == []

    def test_name_in_other_letters_is_found(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = Instance(sim, run_module, "TIDEBOARD", NEW).run("stopped")
        assert ran.writes == ["/apps/appstop/cache_TideBoard", "/apps/appstop/web_TideBoard"]


class TestPausedContainers:
    def test_are_woken_up_to_8_17(self, old: Instance, sim: RunningSimulator, run_module: RunModule) -> None:
        run_module("api", node=old.node, path="/apps/apppause/TideBoard", authenticate="self", private_key=owner().wif)
        assert set(old.states().values()) == {"paused"}
        ran = old.run("started")
        assert ran.writes == ["/apps/appunpause/web_TideBoard", "/apps/appunpause/cache_TideBoard"]
        assert (ran.changed, set(old.states().values())) == (True, {"running"})


class TestANodeThatStarts:
    @pytest.mark.parametrize("state", STATES)
    def test_is_waited_for(self, new: Instance, sim: RunningSimulator, state: str) -> None:
        if state == "started":
            new.run("stopped")
        sim.restart(new.node, down_seconds=0)
        sim.advance(10)
        assert sim.node(new.node)["boot_settled"] is False
        ran = new.run(state)
        outcomes = [line["outcome"] for line in ran.journal if line.get("write")]
        refused = outcomes.count("http_503")
        assert (ran.changed, outcomes) == (
            True,
            ["http_503"] * refused + ["success"] * len(new.expected_writes(state)),
        )
        assert refused > 0
        assert new.states() == new.expected_states(state)

    def test_is_named_when_it_takes_too_long(self, new: Instance, sim: RunningSimulator) -> None:
        sim.restart(new.node, down_seconds=0)
        sim.advance(10)
        sim.fault(new.node, kind="boot_stuck")
        waited, refused = new.run("stopped", wait_timeout=0.3), new.run("stopped", wait=False)
        assert "wait until the node is ready to stop cache_TideBoard: not so after 0.3 s" in waited.error
        assert refused.result["error"]["kind"] == "busy"
        assert set(new.states().values()) == {"running"}
