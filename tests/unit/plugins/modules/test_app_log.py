# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_log``: what was read against what the simulated containers wrote, line by line."""

from __future__ import annotations

import itertools
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.keys import Person
from tests.simulator.logs import ENTRY_OVERHEAD
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import STRANGER, Ran, RunModule

OWNER = "app owner"
WEB = "fluxweb_TideBoard"
FILE = 2000
"""Bytes of a file of docker's."""
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": "PlainTide", "version": 3, "owner": f"@{OWNER}", "log_rate": 1},
        {
            "name": "TideBoard",
            "version": 8,
            "owner": f"@{OWNER}",
            # The small files are emptied (8.17) or rotated every 20 lines.
            "components": [
                {"name": "web", "log_rate": 1},
                "quiet",
                {"name": "busy", "log_rate": 3, "log_file": FILE},
                {"name": "turning", "log_rate": 1, "log_file": FILE},
            ],
        },
    ],
    "nodes": [{"version": version, "apps": ["TideBoard", "PlainTide"]} for version in ("8.20.0", "8.17.0")],
    "timings": {"down": 8, "database": 1, "explorer": 10, "boot": 20, "peers": 30},
}
NEW, OLD = 0, 1
GENERATIONS = pytest.mark.parametrize("number", [pytest.param(OLD, id="8.17"), pytest.param(NEW, id="8.20")])


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=20) as running:
        running.advance(200)
        yield running


class App:
    """The app on one node, whose owner reads its logs."""

    def __init__(self, sim: RunningSimulator, run_module: RunModule, number: int) -> None:
        self.sim, self.node, self.number, self._run_module = sim, sim.addresses[number], number, run_module

    def read(self, *, component: str | None = "web", check: bool = False, **options: Any) -> Ran:
        given = {
            "node": self.node,
            "app": "TideBoard",
            "private_key": Person.named(OWNER).wif,
            "timeout": 2,
            "interval": 0.2,
            **options,
        }
        return self._run_module("app_log", check=check, component=component, **given)

    def written(self, container: str = WEB) -> list[str]:
        """All that a container wrote, with times."""
        return self.sim.written(self.node, container)

    def meanwhile(self, events: Callable[[], None], **options: Any) -> Ran:
        """Follow, and let something happen when the log was read for the first time."""

        def when_read() -> None:
            while not done.is_set():
                if any("/applogpolling/" in line["path"] for line in self.sim.requests()):
                    events()
                    return
                done.wait(0.02)

        done = threading.Event()
        thread = threading.Thread(target=when_read)
        thread.start()
        try:
            return self.read(**options)
        finally:
            done.set()
            thread.join()


@pytest.fixture
def app(sim: RunningSimulator, run_module: RunModule, number: int) -> App:
    return App(sim, run_module, number)


def log(ran: Ran) -> dict[str, Any]:
    """The only log of a result."""
    (found,) = ran.result["logs"]
    return dict(found)


def without_times(lines: list[str]) -> list[str]:
    return [line.partition(" ")[2] for line in lines]


@GENERATIONS
class TestReading:
    def test_gives_the_last_100_lines(self, app: App) -> None:
        ran = app.read()
        found = log(ran)["lines"]
        assert (ran.changed, ran.writes) == (False, [])
        assert len(found) == 100
        written = without_times(app.written())
        at = written.index(found[0])
        assert written[at : at + 100] == found

    @pytest.mark.parametrize(("lines", "count"), [("3", 3), ("0", 0)])
    def test_gives_as_many_as_are_wanted(self, app: App, lines: str, count: int) -> None:
        assert log(app.read(lines=lines))["count"] == count

    @pytest.mark.parametrize("timestamps", [False, True])
    def test_gives_all_of_them(self, app: App, timestamps: bool) -> None:
        found = log(app.read(lines="all", timestamps=timestamps))["lines"]
        written = app.written() if timestamps else without_times(app.written())
        assert len(found) >= 200
        assert written[: len(found)] == found

    def test_gives_those_since_a_time(self, app: App) -> None:
        since = app.written()[50].partition(" ")[0]
        found = log(app.read(since=since, timestamps=True))
        written = app.written()
        assert found["lines"] == written[50 : 50 + found["count"]]
        assert found["first"] == since
        assert found["last"] == written[49 + found["count"]].partition(" ")[0]

    def test_is_of_all_components_at_once(self, app: App) -> None:
        ran = app.read(component=None, lines="5")
        counts = {each["component"]: each["count"] for each in ran.result["logs"]}
        assert list(counts) == ["web", "quiet", "busy", "turning"]
        assert (counts["web"], counts["quiet"]) == (5, 0)
        assert 1 <= counts["busy"] <= 5, "its only file may just have been emptied"

    def test_is_of_an_app_without_components(self, app: App) -> None:
        found = log(app.read(app="PlainTide", component=None, lines="2"))
        assert (found["component"], found["identifier"], found["count"]) == (None, "PlainTide", 2)

    def test_works_while_the_container_is_down(self, app: App, run_module: RunModule) -> None:
        key = Person.named(OWNER).wif
        run_module("app_instance", node=app.node, app="TideBoard", component="web", state="stopped", private_key=key)
        assert log(app.read(lines="1"))["lines"] == ["received SIGTERM, exiting"]


@GENERATIONS
class TestWhatIsKnownOfTheWhole:
    def test_a_plain_reading_is_whole(self, app: App) -> None:
        ran = app.read()
        assert (log(ran)["complete"], ran.result.get("warnings")) == (True, None)

    def test_with_times_only_nodes_with_cursors_can_tell(self, app: App, number: int) -> None:
        ran = app.read(timestamps=True)
        assert log(ran)["complete"] is (True if number == NEW else None)
        assert bool(ran.result.get("warnings")) is (number == OLD)

    def test_pages_with_holes_are_asked_for_again(self, app: App, number: int) -> None:
        app.sim.fault(app.node, kind="log_loss", every=5)
        found = log(app.read(lines="all", timestamps=True))["lines"]
        assert found == app.written()[: len(found)]
        assert len(found) >= 199, "the newest line may count as one that came later"


@GENERATIONS
class TestFollowing:
    def test_begins_now_and_loses_nothing(self, app: App) -> None:
        before = len(app.written())
        found = log(app.read(follow=1.5, timestamps=True))
        written = app.written()
        at = written.index(found["lines"][0])
        assert at >= before - 1
        assert found["lines"] == written[at : at + found["count"]]
        assert found["count"] >= 20, "a line for each simulated second"

    def test_in_check_mode_reads_once(self, app: App) -> None:
        ran = app.read(follow=100, wait_for="never", lines="3", check=True)
        assert (ran.changed, log(ran)["count"], ran.result["matched"]) == (False, 3, None)

    def test_over_a_connection_reset(self, app: App) -> None:
        def reset() -> None:
            app.sim.fault(app.node, kind="reset", path="/apps/applogpolling/*", late=True, count=2)
            app.sim.fault(app.node, kind="truncate", path="/apps/applogpolling/*", bytes=40, count=1)

        ran = app.meanwhile(reset, follow=3, lines="all", timestamps=True)
        self.check_whole(app, ran)
        resets = [line for line in ran.journal if line.get("outcome") in ("reset", "truncated")]
        assert len(resets) == 3

    def test_over_a_restart_of_fluxos(self, app: App) -> None:
        def restart() -> None:
            app.sim.restart(app.node, down_seconds=10)

        ran = app.meanwhile(restart, follow=4, lines="all", timestamps=True)
        self.check_whole(app, ran)
        assert [line["what"] for line in ran.journal if line["kind"] == "state"][:2] == ["down", "up"]

    @staticmethod
    def check_whole(app: App, ran: Ran) -> None:
        found = log(ran)
        assert found["lines"] == app.written()[: found["count"]]
        assert found["gaps"] == []
        assert found["count"] >= 230

    def test_that_begins_while_the_node_does_not_answer_says_so(self, app: App) -> None:
        app.sim.fault(app.node, kind="reset", path="/apps/applogpolling/*", count=3)
        ran = app.read(follow=2, timestamps=True)
        found, written = log(ran), app.written()
        at = written.index(found["lines"][0])
        assert found["lines"] == written[at : at + found["count"]]
        assert found["complete"] is False
        assert "the node did not answer at first" in ran.result["warnings"][0]

    def test_that_ends_while_the_node_does_not_answer_says_so(self, app: App) -> None:
        def leave() -> None:
            app.sim.fault(app.node, kind="unreachable")

        ran = app.meanwhile(leave, follow=1, lines="all", timestamps=True)
        found = log(ran)
        assert found["lines"] == app.written()[: found["count"]]
        assert found["complete"] is False
        assert "the node did not answer at the end" in ran.result["warnings"][0]

    def test_over_a_redeploy_goes_on_in_the_new_container(self, app: App, run_module: RunModule) -> None:
        def redeploy() -> None:
            run_module(
                "app_instance",
                node=app.node,
                app="TideBoard",
                state="redeployed",
                private_key=Person.named(OWNER).wif,
                timeout=3,
            )

        ran = app.meanwhile(redeploy, follow=6, lines="all")
        found = log(ran)
        assert found["lines"][0].endswith("wrote line 0")
        assert found["lines"].count("started") == 1
        assert found["lines"].index("started") >= 200
        assert found["complete"] is False
        assert "made anew" in ran.result["warnings"][0]
        assert app.sim.states(what="down") == [], "FluxOS 8.17 does not survive a poll for a missing container"


def missing(found: dict[str, Any], written: list[str]) -> list[tuple[int, int]]:
    """The holes in what was read, each as its first line and the one behind it, counted from the container's first."""
    number = {line: at for at, line in enumerate(written)}
    places = [number[line] for line in found["lines"]]
    assert places == sorted(set(places)), "no line twice, and in order"
    holes = [(before + 1, after) for before, after in itertools.pairwise(places) if after > before + 1]
    assert found["count"] == places[-1] + 1 - places[0] - sum(end - begin for begin, end in holes)
    return holes


def first_lines(written: list[str], size: int) -> set[int]:
    """Which lines begin a file of docker's, of ``size`` bytes."""
    found, used = {0}, 0
    for number, line in enumerate(without_times(written)):
        each = len(line.encode()) + ENTRY_OVERHEAD
        if used + each > size:
            found.add(number)
            used = 0
        used += each
    return found


class TestRotation:
    """Components whose files are full after 20 lines: ``turning`` writes one each second, ``busy`` three."""

    @pytest.mark.parametrize("number", [NEW])
    def test_loses_nothing_with_a_cursor_while_files_are_kept(self, app: App) -> None:
        found = log(app.read(component="busy", follow=4, timestamps=True, interval=0.1))
        written = app.written("fluxbusy_TideBoard")
        at = written.index(found["lines"][0])
        assert found["lines"] == written[at : at + found["count"]]
        assert (found["complete"], found["gaps"]) == (True, [])
        assert found["count"] > 200, "more than ten files of 20 lines"

    @pytest.mark.parametrize("number", [NEW])
    def test_loses_nothing_when_fluxos_restarts_and_connections_are_reset_meanwhile(self, app: App) -> None:
        def trouble() -> None:
            app.sim.restart(app.node, down_seconds=10)
            app.sim.fault(app.node, kind="reset", path="/apps/applogpolling/*", late=True, count=2)
            app.sim.fault(app.node, kind="truncate", path="/apps/applogpolling/*", bytes=40, count=1)

        ran = app.meanwhile(trouble, component="turning", follow=4, timestamps=True)
        found, written = log(ran), app.written("fluxturning_TideBoard")
        at = written.index(found["lines"][0])
        assert found["lines"] == written[at : at + found["count"]]
        assert (found["complete"], found["gaps"], ran.result.get("warnings")) == (True, [], None)
        assert len(first_lines(written, FILE) & set(range(at, at + found["count"]))) >= 2, "it was rotated meanwhile"
        assert [line["what"] for line in ran.journal if line.get("what") in ("down", "up")] == ["down", "up"]
        assert len([line for line in ran.journal if line.get("outcome") in ("reset", "truncated")]) == 3

    @GENERATIONS
    def test_loses_only_what_went_away_unread_and_says_so(self, app: App) -> None:
        ran = app.meanwhile(
            lambda: app.sim.advance(600), component="turning", lines="10", follow=2, timestamps=True, interval=0.1
        )
        found, written = log(ran), app.written("fluxturning_TideBoard")
        holes = missing(found, written)
        assert max(end - begin for begin, end in holes) > 400, "what was written at once, less the files that are kept"
        assert {end for _unused, end in holes} <= first_lines(written, FILE), "all that was kept was read"
        assert found["complete"] is False
        assert "rotated" in ran.result["warnings"][0]


@GENERATIONS
class TestWaitFor:
    def test_ends_when_a_line_matches(self, app: App) -> None:
        ran = app.read(wait_for=r"wrote line 22\d", follow=30)
        matched = ran.result["matched"]
        assert matched["component"] == "web"
        assert matched["line"].startswith(f"{WEB} wrote line 22")
        assert f"{matched['time']} {matched['line']}" in app.written()

    def test_looks_at_lines_that_are_there_already_when_it_is_told_to(self, app: App) -> None:
        ran = app.read(wait_for="wrote line 17$", lines="all")
        assert ran.result["matched"]["line"] == f"{WEB} wrote line 17"

    def test_in_any_component_ends_the_reading_of_all(self, app: App) -> None:
        ran = app.read(component=None, wait_for="busy_TideBoard wrote", follow=60)
        assert ran.result["matched"]["component"] == "busy"

    def test_in_vain_is_a_failure_with_what_was_read(self, app: App) -> None:
        ran = app.read(wait_for="never said", follow=1)
        assert "wait for 'never said' in the log of web_TideBoard: not there after 1 s; last line: " in ran.error
        assert "Set since to a time before the event" in ran.error
        assert ran.result["logs"][0]["count"] > 10


@GENERATIONS
class TestFiles:
    def test_get_the_lines_instead_of_the_result(self, app: App, tmp_path: Path) -> None:
        folder = tmp_path / "logs" / "of tide"
        ran = app.read(dest=str(folder), lines="4", component=None)
        names = {each["component"]: Path(each["path"]) for each in ran.result["logs"]}
        assert ran.changed
        assert names["web"].name == f"web_TideBoard_{app.node.replace('.', '-').replace(':', '-')}.log"
        assert set(folder.iterdir()) == set(names.values())
        assert names["web"].read_text().count("\n") == 4
        assert names["quiet"].read_text() == ""
        assert all("lines" not in each for each in ran.result["logs"])
        assert {stat.S_IMODE(path.stat().st_mode) for path in names.values()} == {0o600}

    def test_are_replaced_only_when_there_is_something_new(self, app: App, tmp_path: Path) -> None:
        options = {"dest": str(tmp_path), "component": "quiet"}
        assert [app.read(**options).changed for _unused in range(2)] == [True, False]

    def test_are_not_written_in_check_mode(self, app: App, tmp_path: Path) -> None:
        ran = app.read(dest=str(tmp_path / "logs"), check=True)
        assert (ran.changed, (tmp_path / "logs").exists()) == (True, False)

    def test_that_cannot_be_written(self, app: App, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        ran = app.read(dest=str(tmp_path / "file"))
        assert "dest: " in ran.error
        assert "File exists" in ran.error


@GENERATIONS
class TestWhereThereIsNothingToRead:
    def test_a_missing_container_is_not_asked_for(self, app: App) -> None:
        app.sim.fault(app.node, kind="container_missing", name=WEB, stuck=True)
        ran = app.read()
        assert "there is no container of web_TideBoard, so it has no log" in ran.error
        assert not any("applog" in path for path in ran.requests), "FluxOS 8.17 does not survive it"
        rest = app.read(component=None)
        assert [each["component"] for each in rest.result["logs"]] == ["quiet", "busy", "turning"]
        assert "there is no container of web_TideBoard" in rest.result["warnings"][0]

    def test_a_stranger_is_told_whose_it_is(self, app: App) -> None:
        stranger = Person.named(STRANGER)
        ran = app.read(private_key=stranger.wif)
        assert ran.result["error"]["kind"] == "unauthorized"
        assert f"TideBoard belongs to {Person.named(OWNER).flux_id}; this was asked as {stranger.flux_id}" in ran.error

    def test_the_operator_may_up_to_8_17_only(self, app: App, number: int) -> None:
        ran = app.read(private_key=app.sim.operator.wif)
        if number == OLD:
            assert log(ran)["count"] == 100
        else:
            assert "Since FluxOS 8.18 the operator of a node may not act on the apps of others" in ran.error

    def test_a_node_that_does_not_answer(self, app: App) -> None:
        app.sim.fault(app.node, kind="unreachable")
        assert app.read().result["error"]["kind"] == "unreachable"


@pytest.mark.parametrize("number", [NEW])
class TestOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"lines": "many"}, "lines is 'many'"),
            ({"lines": "-1"}, "lines is '-1'"),
            ({"since": "yesterday"}, "'yesterday' is no time"),
            ({"since": "2026-11-25T08:00:00"}, "has no time zone"),
            ({"wait_for": "("}, "wait_for is no regular expression"),
            ({"wait_for": "x", "follow": 0}, "wait_for needs time"),
            ({"follow": -1}, "follow is a number of seconds of 0 or more"),
            ({"interval": 0}, "interval one above 0"),
        ],
    )
    def test_that_cannot_work_are_refused_before_any_request(
        self, app: App, options: dict[str, Any], words: str
    ) -> None:
        ran = app.read(**options)
        assert words in ran.error
        assert ran.requests == []
