# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_exec``: what a command says, and what becomes of one whose answer never came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import STRANGER, Ran, RunModule

EXEC = "/apps/appexec"
OWNER = "app owner"
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": "PlainTide", "version": 3, "owner": f"@{OWNER}"},
        {
            "name": "TideBoard",
            "version": 8,
            "owner": f"@{OWNER}",
            "components": ["web", {"name": "bare", "shell": False}, {"name": "db", "data": "g:/data"}],
        },
    ],
    "nodes": [{"version": version, "apps": ["TideBoard", "PlainTide"]} for version in ("8.20.0", "8.20.0", "8.17.0")],
}
#: The first node runs the elected component, the others are its standbys.
NEW, OLD = 1, 2
GENERATIONS = pytest.mark.parametrize("number", [pytest.param(OLD, id="8.17"), pytest.param(NEW, id="8.20")])


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=20) as running:
        yield running


class Container:
    """A component of the app on one node, with its owner at work in it."""

    def __init__(self, sim: RunningSimulator, run_module: RunModule, number: int) -> None:
        self.sim, self.node, self._run_module = sim, sim.addresses[number], run_module

    def run(self, command: Any, *, component: str | None = "web", check: bool = False, **options: Any) -> Ran:
        given = {"node": self.node, "app": "TideBoard", "private_key": Person.named(OWNER).wif, "timeout": 3, **options}
        return self._run_module("app_exec", check=check, command=command, component=component, **given)

    def left_behind(self) -> list[str]:
        """What the wrapper has not removed."""
        listed = self.run(["ls", "/tmp"], raw=True).result["stdout_lines"]
        return [name for name in listed if name.startswith("fluxme")]


@pytest.fixture
def container(sim: RunningSimulator, run_module: RunModule, number: int) -> Container:
    return Container(sim, run_module, number)


@GENERATIONS
class TestACommand:
    def test_returns_its_exit_code_and_outputs(self, container: Container) -> None:
        ran = container.run("echo out; echo err >&2")
        told = {name: ran.result[name] for name in ("rc", "stdout", "stderr", "stdout_lines", "complete", "merged")}
        assert ran.changed
        assert told == {
            "rc": 0,
            "stdout": "out",
            "stderr": "err",
            "stdout_lines": ["out"],
            "complete": True,
            "merged": False,
        }
        assert ran.writes == [EXEC, EXEC], "once, and the removal of the outputs"
        assert container.left_behind() == []

    def test_fails_with_its_exit_code_and_what_it_said(self, container: Container) -> None:
        ran = container.run("echo before; echo why >&2; exit 3")
        assert ran.error == f"{container.node}: web_TideBoard: the command ended with exit code 3"
        told = {name: ran.result[name] for name in ("rc", "stdout", "stderr", "changed")}
        assert told == {"rc": 3, "stdout": "before", "stderr": "why", "changed": True}
        assert container.left_behind() == []

    def test_may_be_a_list_that_no_shell_reads(self, container: Container) -> None:
        assert container.run(["printf", "%s|", "a b", "$HOME", 7]).result["stdout"] == "a b|$HOME|7|"

    def test_gets_its_environment(self, container: Container) -> None:
        ran = container.run('echo "$MODE $LEVEL"', env={"MODE": "very fast", "LEVEL": 3})
        assert ran.result["stdout"] == "very fast 3"

    def test_in_check_mode_is_not_sent(self, container: Container) -> None:
        ran = container.run("echo out > /data/new", check=True)
        assert (ran.changed, ran.writes, "rc" in ran.result) == (True, [], False)
        assert "appdata/new" not in (container.sim.files(container.node, "fluxweb_TideBoard") or {})

    def test_needs_no_component_where_there_is_one_container(self, container: Container) -> None:
        ran = container.run("hostname", app="PlainTide", component=None)
        assert (ran.result["identifier"], ran.result["component"]) == ("PlainTide", None)

    def test_that_takes_time_is_waited_for(self, container: Container) -> None:
        assert container.run("sleep 20; echo done").result["stdout"] == "done"


@GENERATIONS
class TestGuards:
    def test_creates_lets_it_run_once(self, container: Container) -> None:
        first, second = (container.run("echo x > /data/made", creates="/data/made") for _unused in range(2))
        assert (first.changed, first.result["guarded_by"]) == (True, None)
        assert (second.changed, second.result["guarded_by"], "rc" in second.result) == (False, "creates", False)
        assert second.writes == [EXEC], "looking and running is one request"

    def test_removes_lets_it_run_once(self, container: Container) -> None:
        first, second = (container.run("rm /data/marker", removes="/data/marker") for _unused in range(2))
        assert (first.changed, second.changed, second.result["guarded_by"]) == (True, False, "removes")


@GENERATIONS
class TestLongOutputs:
    def test_come_whole(self, container: Container) -> None:
        ran = container.run("seq 1 20000; seq 20000 -1 1 >/dev/null; echo short >&2")
        assert ran.result["stdout"] == "\n".join(map(str, range(1, 20001)))
        assert (ran.result["stderr"], ran.result["complete"]) == ("short", True)
        assert container.left_behind() == []

    def test_are_cut_where_the_task_says_and_said_to_be(self, container: Container) -> None:
        ran = container.run("seq 1 20000", max_output=30000)
        assert (len(ran.result["stdout"]), ran.result["complete"]) == (30000, False)
        assert "stdout has 108894 bytes, and max_output lets 30000 of them come" in ran.result["warnings"][0]

    def test_without_a_shell_are_said_to_have_holes(self, container: Container) -> None:
        ran = container.run(["seq", "1", "20000"], raw=True)
        assert len(ran.result["stdout"]) < 108893, "the simulator loses blocks as FluxOS does"
        assert ran.result["complete"] is None
        assert "FluxOS may lose blocks" in ran.result["warnings"][0]


@GENERATIONS
class TestImagesWithoutAShell:
    def test_are_told_from_others(self, container: Container) -> None:
        ran = container.run("ls", component="bare")
        assert "bare_TideBoard: the image has no sh" in ran.error
        assert "set raw" in ran.error

    def test_run_programs_by_themselves(self, container: Container) -> None:
        ran = container.run(["echo", "hello"], component="bare", raw=True)
        told = {name: ran.result.get(name) for name in ("rc", "stdout", "complete", "merged")}
        assert told == {"rc": None, "stdout": "hello", "complete": True, "merged": True}
        assert ran.writes == [EXEC]

    def test_that_lack_the_program_too(self, container: Container) -> None:
        ran = container.run(["no-such-program"], component="bare", raw=True)
        assert "docker could not start the program, see stdout" in ran.error
        assert "executable file not found" in ran.result["stdout"]

    def test_may_print_what_looks_like_an_answer_of_fluxos(self, container: Container) -> None:
        said = '{"status":"success","data":"Application started"}'
        assert container.run(["echo", said], component="bare", raw=True).result["stdout"] == said

    def test_run_once_whatever_they_print(self, container: Container) -> None:
        """After this answer a login that no longer holds is renewed, and what was asked is sent again."""
        said = '{"status":"error","data":{"code":401,"name":"Unauthorized","message":"Unauthorized. Access denied."}}'
        script = f"echo x >> /data/runs; printf '%s' '{said}'"
        ran = container.run(["sh", "-c", script], raw=True)
        assert ran.result["error"]["kind"] == "unauthorized"
        files = container.sim.files(container.node, "fluxweb_TideBoard") or {}
        assert (files["appdata/runs"], ran.writes) == (b"x\n", [EXEC])
        assert container.run(script).result["stdout"] == said, "the wrapper tells them apart"


@GENERATIONS
class TestLostAnswers:
    def test_the_end_is_read_back(self, container: Container) -> None:
        container.sim.fault(container.node, kind="reset", path=EXEC, late=True, count=1)
        ran = container.run("echo x >> /data/runs; echo out; exit 4")
        assert (ran.result["rc"], ran.result["stdout"], ran.result["complete"]) == (4, "out", True)
        files = container.sim.files(container.node, "fluxweb_TideBoard") or {}
        assert files["appdata/runs"] == b"x\n", "it ran once"

    def test_a_command_that_goes_on_is_waited_for(self, container: Container) -> None:
        container.sim.fault(container.node, kind="truncate", path=EXEC, bytes=0, count=1)
        ran = container.run("sleep 30; echo late", command_timeout=20)
        assert ran.result["stdout"] == "late"

    def test_one_that_never_arrived_is_a_failure_that_says_so(self, container: Container) -> None:
        container.sim.fault(container.node, kind="reset", path=EXEC, count=1)
        ran = container.run("echo x >> /data/runs")
        assert ran.result["error"]["kind"] == "answer_lost"
        assert "there is no trace of the command in the container" in ran.error
        assert "appdata/runs" not in (container.sim.files(container.node, "fluxweb_TideBoard") or {})

    def test_one_that_takes_too_long_is_left_running_and_said_so(self, container: Container) -> None:
        ran = container.run("sleep 1000", command_timeout=0.5)
        assert "run a command in web_TideBoard: no exit code after 0.5 s: " in ran.error
        assert "last seen: it runs" in ran.error
        assert "it may run on in the container" in ran.error
        assert container.left_behind() != []

    @pytest.mark.parametrize("silent", [False, True])
    def test_a_process_that_hangs_does_not_hold_the_task(self, container: Container, silent: bool) -> None:
        container.sim.fault(container.node, kind="exec_hangs", app="TideBoard", silent=silent, count=1)
        ran = container.run("true", command_timeout=0.5)
        assert "no exit code after 0.5 s" in ran.error

    def test_outputs_that_cannot_be_removed_are_named(self, container: Container) -> None:
        def spoil_the_next_one() -> None:
            deadline = time.monotonic() + 30
            while not container.sim.requests(path=EXEC) and time.monotonic() < deadline:
                time.sleep(0.01)
            container.sim.fault(container.node, kind="reset", path=EXEC, count=1)

        spoiler = threading.Thread(target=spoil_the_next_one)
        spoiler.start()
        ran = container.run("sleep 20; echo out")
        spoiler.join()
        assert (ran.changed, ran.result["stdout"]) == (True, "out")
        assert "stays in the container: " in ran.result["warnings"][0]
        assert container.left_behind() != []


@GENERATIONS
class TestWhereNoCommandCanRun:
    @pytest.mark.parametrize(
        ("component", "words"),
        [
            (None, "component: TideBoard has web, bare, db; say in which one to run the command"),
            ("nope", "TideBoard has no component 'nope'"),
            ("db", "db_TideBoard is exited, and a command needs a container that runs. It is a standby"),
        ],
    )
    def test_is_told_before_anything_is_sent(self, container: Container, component: str | None, words: str) -> None:
        ran = container.run("true", component=component)
        assert words in ran.error
        assert ran.writes == []

    def test_a_stopped_container(self, container: Container, run_module: RunModule) -> None:
        key = Person.named(OWNER).wif
        run_module(
            "app_instance", node=container.node, app="TideBoard", component="web", state="stopped", private_key=key
        )
        ran = container.run("true")
        assert "web_TideBoard is exited" in ran.error
        assert (ran.writes, container.sim.states(what="down")) == ([], []), "FluxOS 8.17 does not survive it"

    def test_an_app_that_is_not_there(self, container: Container) -> None:
        assert "NoTide is not installed on this node" in container.run("true", app="NoTide").error

    @pytest.mark.parametrize("who", [STRANGER, "operator"])
    def test_others_than_the_owner_are_told_whose_it_is(self, container: Container, who: str) -> None:
        person = Person.named(who)
        ran = container.run("true", private_key=person.wif)
        assert ran.result["error"]["kind"] == "unauthorized"
        assert f"TideBoard belongs to {Person.named(OWNER).flux_id}; this was asked as {person.flux_id}" in ran.error


@pytest.mark.parametrize("number", [NEW])
class TestOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"command": ""}, "command: a text for sh, or a list of words"),
            ({"command": []}, "command: a text for sh, or a list of words"),
            ({"command": {"a": 1}}, "command: a text for sh, or a list of words"),
            ({"command": "ls", "raw": True}, "give it as a list of words"),
            ({"command": ["ls"], "raw": True, "creates": "/x"}, "do not go with raw"),
            ({"command": "ls", "command_timeout": 0}, "command_timeout is 0"),
            ({"command": "ls", "max_output": 0}, "max_output is 0"),
            ({"command": "ls", "env": {"A=B": "s3cret"}}, "env: names without ="),
            ({"command": "ls", "env": {"A": ["s3cret"]}}, "env: names without ="),
        ],
    )
    def test_that_cannot_work_are_refused_before_any_request(
        self, container: Container, options: dict[str, Any], words: str
    ) -> None:
        ran = container.run(options.pop("command"), **options)
        assert words in ran.error
        assert "s3cret" not in ran.error
        assert ran.requests == []


@pytest.mark.parametrize("number", [NEW])
def test_what_a_task_wants_hidden_is_in_no_warning_and_in_no_line_that_is_told(container: Container) -> None:
    """``no_log`` hides results; warnings and progress are shown whatever it says."""
    container.sim.fault(container.node, kind="reset", path=EXEC, late=True, count=1)
    ran = container.run("echo s3cret; seq 1 20000", env={"PASSWORD": "s3cret"}, max_output=20000)
    assert ran.result["stdout"].startswith("s3cret")
    assert ran.result["warnings"]
    assert not any("s3cret" in line for line in [*ran.result["warnings"], *ran.lines])
