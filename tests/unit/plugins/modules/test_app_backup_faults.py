# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_backup`` where something goes wrong: rights, streams, lost answers, half archives, an app that stays down."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulator.running import RunningSimulator
from tests.simulator.volumes import packed
from tests.unit.backups import BACKUP, RESTORE, SCENARIO, URL, VERSIONS, Backup
from tests.unit.module_run import RunModule

GENERATIONS = pytest.mark.parametrize("number", [pytest.param(0, id=VERSIONS[0]), pytest.param(2, id=VERSIONS[2])])
LOCAL = "backup/local/backup_web.tar.gz"
UPLOADED = "backup/upload/backup_web.tar.gz"
DATA = {"appdata/marker": b"data of fluxweb_Tide\n"}


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=100) as running:
        yield running


@pytest.fixture
def backup(sim: RunningSimulator, run_module: RunModule, number: int) -> Backup:
    return Backup(sim, run_module, number=number)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "web.tar.gz"
    path.write_bytes(packed({"marker": b"from the controller\n", "big": os.urandom(5_000_000)}, 0))
    return path


class TestTheOperatorOfTheNode:
    @pytest.mark.parametrize("number", [1, 2])
    @pytest.mark.parametrize("check", [False, True])
    def test_is_told_since_8_18_that_only_the_owner_may(
        self, backup: Backup, sim: RunningSimulator, check: bool
    ) -> None:
        ran = backup.run("created", private_key=sim.operator.wif, check=check)
        assert "Since FluxOS 8.18 the operator of a node may not act on the apps of others" in ran.error
        assert ran.writes == []

    @pytest.mark.parametrize("number", [0])
    def test_may_up_to_8_17(self, backup: Backup, sim: RunningSimulator) -> None:
        assert backup.run("created", private_key=sim.operator.wif).changed

    @pytest.mark.parametrize("number", [0])
    def test_no_key_says_where_a_key_may_come_from(self, backup: Backup) -> None:
        ran = backup.run("listed", private_key=None)
        assert "only the owner of Tide may act on it" in ran.error


@pytest.mark.parametrize("number", [1, 2])
def test_a_node_that_has_just_started_is_waited_for(backup: Backup, sim: RunningSimulator) -> None:
    sim.restart(backup.node)
    deadline = time.monotonic() + 10
    while not sim.node(backup.node)["up"] and time.monotonic() < deadline:
        time.sleep(0.02)
    ran = backup.run("created", component="web", retries=5)
    assert (ran.changed, LOCAL in backup.files()) == (True, True)
    assert [line["http"] for line in ran.journal if line.get("path") == BACKUP][-1] == 200


@GENERATIONS
class TestABackup:
    def test_that_fails_says_why_and_that_the_app_runs(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="backup_fails", message="tar: data: Cannot open", count=1)
        ran = backup.run("created", component="web")
        assert "back up web of Tide: Failed to create backup archive for web, tar: data: Cannot open" in ran.error
        assert "does not run" not in ran.error
        assert (ran.result["outcome"], ran.result["changed"]) == ("failed", True)
        assert ran.result["stream"][-1].startswith("Error: ")
        assert set(backup.states().values()) == {"running"}

    def test_whose_stream_never_ends_is_read_back(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="stream_stall", after=2, count=1)
        ran = backup.run("created", component="web", wait_timeout=2)
        assert (ran.changed, ran.writes, ran.result["outcome"]) == (True, [BACKUP], "unended")
        assert "the new archives are there" in ran.result["warnings"][0]
        assert len(ran.result["archives"]) == 1

    def test_that_never_ends_is_told_with_what_was_seen(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="stream_stall", after=2, finishes=False)
        ran = backup.run("created", component="web", wait_timeout=1)
        assert ran.result["error"]["kind"] == "timeout"
        assert "last seen: FluxOS is at it, the app is stopped" in ran.error
        assert ran.writes == [BACKUP]

    @pytest.mark.parametrize("spoilt", ["reset", "empty"])
    def test_whose_answer_was_lost_is_read_back(self, backup: Backup, sim: RunningSimulator, spoilt: str) -> None:
        sim.fault(backup.node, kind=spoilt, path=BACKUP, late=True, bytes=30, count=1)
        ran = backup.run("created", component="web")
        assert (ran.changed, ran.writes, ran.result["outcome"]) == (True, [BACKUP], "unended")
        assert LOCAL in backup.files()

    def test_whose_answer_broke_off_is_read_back(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="truncate", path=BACKUP, bytes=40, count=1)
        ran = backup.run("created", component="web")
        assert (ran.changed, ran.result["outcome"]) == (True, "unended")
        assert ran.result["stream"] == ["Stopping application..."]

    def test_that_did_not_begin_is_told(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="reset", path=BACKUP)
        ran = backup.run("created", component="web", wait_timeout=1)
        assert "closed the connection without an answer" in ran.error
        assert "no new archive of web" in ran.error
        assert (ran.result["error"]["kind"], ran.result["changed"], ran.writes) == ("answer_lost", False, [])

    def test_answered_by_something_else(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.fault(backup.node, kind="html", path=BACKUP, title="Flux is under maintenance")
        ran = backup.run("created", component="web")
        assert "Flux is under maintenance" in ran.error
        assert ran.result["error"]["kind"] == "bad_answer"

    def test_of_an_elected_component_that_ran_here(self, sim: RunningSimulator, backup: Backup) -> None:
        for address in sim.addresses:
            sim.fault(address, kind="no_election")
        primary = next(
            address
            for address in sim.addresses
            if sim.node(address)["instances"]["Reef"]["containers"]["fluxdb_Reef"]["state"] == "running"
        )
        ran = backup.run("created", app="Reef", node=primary)
        assert ran.changed
        assert "db_Reef ran here, was stopped, and waits for an election now" in ran.result["warnings"][0]


def when(sim: RunningSimulator, what: str, act: Callable[[], None]) -> threading.Thread:
    """Do something as soon as the simulator tells of a change."""

    def wait() -> None:
        deadline = time.monotonic() + 30
        while not sim.states(what=what) and time.monotonic() < deadline:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


class TestAnAppThatStaysDown:
    @pytest.fixture
    def sim(self) -> Iterator[RunningSimulator]:
        """Where there is time, between two steps of a backup, for something to break."""
        with RunningSimulator({**SCENARIO, "timings": {"task_pause": 40}}, time_factor=50) as running:
            yield running

    @GENERATIONS
    def test_because_fluxos_ended_is_told_with_what_to_do(self, backup: Backup, sim: RunningSimulator) -> None:
        restart = when(sim, "container_stopped", lambda: sim.restart(backup.node, down_seconds=20))
        for address in sim.addresses:
            sim.fault(address, kind="boot_stuck")
        ran = backup.run("created", component="web", wait_timeout=6)
        restart.join()
        assert "no new archive of web" in ran.error
        assert "web_Tide, Cache_Tide does not run: fluxme.fluxos.app_instance with state started" in ran.error
        assert ran.result["stream"] == ["Stopping application..."]

    @GENERATIONS
    def test_is_a_failure_that_says_what_to_do(self, backup: Backup, sim: RunningSimulator) -> None:
        def break_it() -> None:
            sim.fault(backup.node, kind="container", name="fluxweb_Tide")

        breaker = when(sim, "backup_created", break_it)
        ran = backup.run("created", component="web", wait_timeout=4)
        breaker.join()
        assert "it is done, but web_Tide ran before, was stopped for it and does not run now" in ran.error
        assert "fluxme.fluxos.app_instance with state started starts it now" in ran.error
        assert (ran.result["error"]["kind"], ran.result["changed"]) == ("not_started", True)
        assert LOCAL in backup.files()


@GENERATIONS
class TestADownload:
    def test_that_breaks_off_is_begun_anew(self, backup: Backup, sim: RunningSimulator, tmp_path: Path) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="truncate", path="/backup/downloadlocalfile/*", count=1)
        ran = backup.run("downloaded", component="web", dest=str(tmp_path), retries=1)
        assert Path(ran.result["files"][0]["path"]).read_bytes() == backup.files()[LOCAL]
        assert sum("downloadlocalfile" in path for path in ran.requests) == 2

    @pytest.mark.parametrize("kind", ["truncate", "stall", "reset", "html"])
    def test_that_never_comes_whole_leaves_nothing(
        self, backup: Backup, sim: RunningSimulator, tmp_path: Path, kind: str
    ) -> None:
        folder = tmp_path / "backups"
        backup.run("created", component="web", dest=str(folder))
        backup.run("created", component="web")
        (file,) = folder.iterdir()
        before = file.read_bytes()
        sim.fault(backup.node, kind=kind, path="/backup/downloadlocalfile/*")
        ran = backup.run("downloaded", component="web", dest=str(folder), retries=1, timeout=0.5)
        assert ran.error.startswith(f"{backup.node}: download the archive of web")
        assert ran.result["changed"] is False
        assert list(folder.iterdir()) == [file]
        assert file.read_bytes() == before

    def test_of_what_is_broken_on_the_node_says_so(self, backup: Backup, sim: RunningSimulator, tmp_path: Path) -> None:
        whole = packed({"big": os.urandom(10_000)}, 0)
        sim.store(backup.node, "fluxweb_Tide", LOCAL, whole[:5000])
        ran = backup.run("downloaded", component="web", dest=str(tmp_path))
        assert "the archive on the node is no whole tar.gz: it breaks off" in ran.error
        assert list(tmp_path.glob("*.gz")) == []

    def test_after_the_backup_that_fails_tells_of_the_backup(
        self, backup: Backup, sim: RunningSimulator, tmp_path: Path
    ) -> None:
        sim.fault(backup.node, kind="html", path="/backup/downloadlocalfile/*")
        ran = backup.run("created", component="web", dest=str(tmp_path))
        assert (ran.result["changed"], ran.result["outcome"], ran.result["files"]) == (True, "done", [])

    def test_may_be_larger_than_any_answer(
        self, backup: Backup, sim: RunningSimulator, tmp_path: Path, archive: Path
    ) -> None:
        sim.store(backup.node, "fluxweb_Tide", LOCAL, archive.read_bytes())
        ran = backup.run("downloaded", component="web", dest=str(tmp_path / "new"), max_answer=2**20)
        assert Path(ran.result["files"][0]["path"]).read_bytes() == archive.read_bytes()


@GENERATIONS
class TestAnUpload:
    def test_whose_answer_was_lost_is_read_back(self, backup: Backup, sim: RunningSimulator, archive: Path) -> None:
        sim.fault(backup.node, kind="reset", path="/ioutils/fileupload/*", late=True, count=1)
        ran = backup.run("uploaded", component="web", src=str(archive))
        assert (ran.changed, len(ran.writes), backup.files()[UPLOADED]) == (True, 1, archive.read_bytes())

    def test_that_did_not_come_is_told_and_nothing_restored(
        self, backup: Backup, sim: RunningSimulator, archive: Path
    ) -> None:
        sim.fault(backup.node, kind="reset", path="/ioutils/fileupload/*")
        ran = backup.run("restored", component="web", src=str(archive), wait_timeout=1)
        assert "upload the archive of web_Tide" in ran.error
        assert "it is not there" in ran.error
        assert (ran.writes, backup.files()) == ([], DATA)

    def test_while_another_file_operation_runs(
        self, backup: Backup, sim: RunningSimulator, archive: Path, number: int
    ) -> None:
        sim.fault(backup.node, kind="file_operation", for_seconds=60)
        ran = backup.run("uploaded", component="web", src=str(archive))
        assert ran.changed
        assert (len(ran.writes) > 1) is (number > 0), "since 8.18 there is one at a time"

    def test_may_be_larger_than_any_answer(self, backup: Backup, archive: Path) -> None:
        assert backup.run("uploaded", component="web", src=str(archive), max_answer=2**20).changed


@GENERATIONS
class TestARestore:
    def test_of_an_archive_that_cannot_be_unpacked_says_what_is_lost(
        self, backup: Backup, sim: RunningSimulator
    ) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="restore_fails", message="gzip: stdin: not in gzip format", count=1)
        ran = backup.run("restored", component="web")
        assert "gzip: stdin: not in gzip format; the data of web were deleted and are not replaced" in ran.error
        assert "restore again: an archive that could not be unpacked is kept" in ran.error
        assert (ran.result["data_lost"], ran.result["outcome"]) == (True, "failed")
        assert backup.run("restored", component="web").result["data_lost"] is False
        assert backup.files() == DATA

    def test_whose_answer_was_lost_is_read_back(self, backup: Backup, sim: RunningSimulator) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="reset", path=RESTORE, late=True, bytes=30, count=1)
        ran = backup.run("restored", component="web")
        assert (ran.changed, ran.writes, ran.result["data_lost"], backup.files()) == (True, [RESTORE], False, DATA)
        assert "the archives are gone, as they are once they are unpacked" in ran.result["warnings"][0]

    def test_from_a_url_whose_answer_was_lost_is_uncertain(self, backup: Backup, sim: RunningSimulator) -> None:
        sim.publish(URL, packed({"marker": b""}, 0))
        sim.fault(backup.node, kind="stream_stall", after=2, count=1)
        ran = backup.run("restored", component="web", url=URL, wait_timeout=1)
        assert "what was fetched and unpacked leaves no trace" in ran.error
        assert (ran.result["error"]["kind"], ran.result["changed"]) == ("answer_lost", True)
        assert ran.result["data_lost"] is True, "as far as the lines tell"

    def test_that_did_not_begin_is_told(self, backup: Backup, sim: RunningSimulator) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="reset", path=RESTORE)
        ran = backup.run("restored", component="web", wait_timeout=1)
        assert "the archive of web is still there" in ran.error
        assert (ran.result["error"]["kind"], ran.result["data_lost"], ran.writes) == ("answer_lost", None, [])
        assert backup.files()["appdata/marker"] == DATA["appdata/marker"]

    def test_is_not_waited_for(self, backup: Backup) -> None:
        backup.run("created", component="web")
        ran = backup.run("restored", component="web", wait=False)
        assert (ran.changed, ran.result["outcome"]) == (True, "unended")


@GENERATIONS
class TestARemoval:
    def test_whose_answer_was_lost_is_read_back(self, backup: Backup, sim: RunningSimulator) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="reset", path="/backup/removebackupfile/*", late=True, count=1)
        ran = backup.run("absent", component="web")
        assert (ran.changed, len(ran.writes), LOCAL in backup.files()) == (True, 1, False)

    def test_that_did_not_happen_is_told(self, backup: Backup, sim: RunningSimulator) -> None:
        backup.run("created", component="web")
        sim.fault(backup.node, kind="reset", path="/backup/removebackupfile/*")
        ran = backup.run("absent", component="web")
        assert "and it is still there" in ran.error
        assert ran.result["changed"] is False
