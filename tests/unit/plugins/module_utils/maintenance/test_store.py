# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of runs, and which of them goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.lock import Holder
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.plan import in_flight, make_plan
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.store import (
    FleetStore,
    Run,
    StoreError,
    report_directory,
)
from tests.unit.plans import EVERYTHING, plan

#: As Ansible makes its workers.
FORK = multiprocessing.get_context("fork")
DAY = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> FleetStore:
    fleet = FleetStore(tmp_path / "state", "example")
    fleet.prepare()
    return fleet


def begin(store: FleetStore, run_id: str = "20261125T080000Z-0001", *, ago: float = 60.0, **params: Any) -> Run:
    run = store.run(run_id)
    params = {"plan": plan(), "report_dir": None, **params}
    run.begin(make_plan(run_id, store.fleet, time.time() - ago, params, check_mode=False))
    return run


class TestNames:
    @pytest.mark.parametrize("name", ["example", "my-fleet_2.eu", "x" * 64])
    def test_of_fleets(self, tmp_path: Path, name: str) -> None:
        assert FleetStore(tmp_path, name).directory == tmp_path / name

    @pytest.mark.parametrize("name", ["", ".", "..", "../other", "a/b", "-x", "a b", "x" * 65, "a\n"])
    def test_that_leave_the_directory_are_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(StoreError, match="the fleet's name"):
            FleetStore(tmp_path, name)
        with pytest.raises(StoreError, match="is no run"):
            FleetStore(tmp_path, "example").run(name)

    def test_of_runs_are_unique_and_found_again(self, store: FleetStore) -> None:
        ids = {store.new_run_id() for _unused in range(20)}
        assert len(ids) > 1
        assert all(store.run(run_id).run_id == run_id for run_id in ids)


class TestPlaces:
    def test_everything_is_private(self, store: FleetStore) -> None:
        run = begin(store)
        run.record("restarting", node="alpha")
        store.remember_restart("203.0.113.1:16127", {"version": "8.20.0"})
        for path in store.directory.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path

    @pytest.mark.parametrize("directory", ["/proc/nowhere", "/dev/null/x"])
    def test_that_cannot_be_made_are_named(self, directory: str) -> None:
        with pytest.raises(StoreError, match=f"the state directory {directory}/example cannot be made"):
            FleetStore(directory, "example").prepare()
        with pytest.raises(StoreError, match=f"the report directory {directory} cannot be made"):
            report_directory(directory)

    def test_a_home_is_a_home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert FleetStore("~/state", "example").directory == tmp_path / "state" / "example"
        assert report_directory("~/reports") == tmp_path / "reports"


class TestRun:
    def test_the_report_on_disk_is_never_older_than_the_last_event(self, store: FleetStore, tmp_path: Path) -> None:
        run = begin(store, report_dir=str(tmp_path / "reports"))
        for event, result in (("restarting", "restarting"), ("restarted", "restarted")):
            run.record(event, node="alpha")
            for place in (run.directory, tmp_path / "reports"):
                assert json.loads((place / "report.json").read_text())["nodes"][0]["result"] == result
                assert "| alpha |" in (place / "report.md").read_text()

    @pytest.mark.parametrize(
        ("events", "status"),
        [
            ([], "running"),
            ([("finished", "failed")], "failed"),
            ([("finished", "failed"), ("resumed", "running")], "running"),
            ([("resumed", "running"), ("finished", "finished")], "finished"),
        ],
    )
    def test_runs_until_an_event_says_otherwise(
        self, store: FleetStore, events: list[tuple[str, str]], status: str
    ) -> None:
        run = begin(store)
        for event, says in events:
            run.record(event, status=says)
        assert run.status == run.report()["status"] == status

    def test_an_event_that_was_cut_off_does_not_stop_a_run_from_going_on(self, store: FleetStore) -> None:
        run = begin(store)
        run.record("restarting", node="alpha")
        with (run.directory / "events.jsonl").open("a") as stream:
            stream.write('{"event": "restarted", "no')
        assert in_flight(run.events()) == {"alpha"}
        run.record("resumed", status="running")
        run.record("restarted", node="alpha", version="8.20.0")
        assert in_flight(run.events()) == set()
        assert run.report()["nodes"][0]["result"] == "restarted"

    def test_a_plan_that_is_gone_is_named(self, store: FleetStore) -> None:
        run = begin(store)
        (run.directory / "plan.json").write_text("{")
        with pytest.raises(StoreError, match="has no readable plan"):
            assert run.plan
        with pytest.raises(StoreError, match="has no run 20261125T080000Z-0001 with a readable plan"):
            store.kept_run(run.run_id)

    def test_workers_that_record_at_once_lose_no_event_and_leave_the_newest_report(self, store: FleetStore) -> None:
        run = begin(store)

        def record(node: str) -> None:
            for number in range(15):
                run.record("restarting", node=node, number=number)
            run.record("restarted", node=node, version="8.20.0")

        workers = [FORK.Process(target=record, args=(node,)) for node in EVERYTHING]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
        assert len(run.events()) == 4 * 16
        on_disk = json.loads((run.directory / "report.json").read_text())
        assert on_disk["counts"] == {"restarted": 4}


class TestUnfinished:
    def test_nothing_is_nothing(self, tmp_path: Path) -> None:
        assert FleetStore(tmp_path / "never", "example").unfinished(DAY) is None

    def test_the_last_run_that_never_ended_goes_on(self, store: FleetStore) -> None:
        begin(store, "20261125T080000Z-0001")
        begin(store, "20261125T090000Z-0001")
        found = store.unfinished(DAY)
        assert found is not None
        assert found.run_id == "20261125T090000Z-0001"

    @pytest.mark.parametrize("status", ["finished", "failed", "interrupted"])
    def test_one_that_ended_does_not_and_neither_do_older_ones(self, store: FleetStore, status: str) -> None:
        begin(store, "20261125T080000Z-0001")
        begin(store, "20261125T090000Z-0001").record("finished", status=status)
        assert store.unfinished(DAY) is None

    @pytest.mark.parametrize(("ago", "goes_on"), [(DAY - 60, True), (DAY + 60, False)])
    def test_one_that_is_too_old_does_not(self, store: FleetStore, ago: float, goes_on: bool) -> None:
        begin(store, ago=ago)
        assert (store.unfinished(DAY) is not None) is goes_on

    def test_one_that_somebody_works_on_does_not(self, store: FleetStore) -> None:
        run = begin(store)
        store.lock.take(Holder.of_this_process(run.run_id, os.getpid(), 60.0))
        assert store.unfinished(DAY) is None
        store.lock.release(run.run_id)
        assert store.unfinished(DAY) is not None

    def test_foreign_files_and_runs_without_a_plan_are_passed_over(self, store: FleetStore) -> None:
        begin(store, "20261125T080000Z-0001")
        (store.directory / "runs" / "20261125T100000Z-0001").mkdir()
        (store.directory / "runs" / "zz notes.txt").write_text("mine")
        (store.directory / "runs" / ".hidden").mkdir()
        found = store.unfinished(DAY)
        assert found is not None
        assert found.run_id == "20261125T080000Z-0001"


class TestRestarts:
    def test_the_latest_of_each_node_is_remembered(self, store: FleetStore) -> None:
        assert store.restarts() == {}
        store.remember_restart("203.0.113.1:16127", {"version": "8.18.0"})
        store.remember_restart("203.0.113.2:16127", {"version": "8.20.0"})
        store.remember_restart("203.0.113.1:16127", {"version": "8.20.0"})
        assert store.restarts() == {
            address: {"version": "8.20.0"} for address in ("203.0.113.1:16127", "203.0.113.2:16127")
        }

    def test_workers_that_remember_at_once_forget_nothing(self, store: FleetStore) -> None:
        def remember(number: int) -> None:
            for port in range(20):
                store.remember_restart(f"203.0.113.{number}:{port}", {"version": "8.20.0"})

        workers = [FORK.Process(target=remember, args=(number,)) for number in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert len(store.restarts()) == 60

    @pytest.mark.parametrize("content", ["", "[]", "{"])
    def test_a_file_that_is_broken_remembers_nothing(self, store: FleetStore, content: str) -> None:
        (store.directory / "restarts.json").write_text(content)
        assert store.restarts() == {}
