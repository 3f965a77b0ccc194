# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: parallel processes, holders that died, numbers that were given again."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.lock import (
    FleetLock,
    Holder,
    process_start,
    user_name,
)

#: As Ansible makes its workers.
FORK = multiprocessing.get_context("fork")


def holder(run_id: str = "run-1", **changes: Any) -> Holder:
    return replace(Holder.of_this_process(run_id, os.getpid(), 3600.0), **changes)


@pytest.fixture
def lock(tmp_path: Path) -> FleetLock:
    return FleetLock(tmp_path)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the test ends it."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


class TestTaking:
    def test_a_free_lock_is_taken_and_names_its_holder(self, lock: FleetLock, tmp_path: Path) -> None:
        assert lock.take(holder()) is None
        found = lock.holder()
        assert found is not None
        assert found == lock.living_holder()
        who = f"run run-1 of {user_name()}@{socket.gethostname()} (process {os.getpid()}), since "
        assert found.sentence().startswith(who)
        assert (tmp_path / "lock.json").stat().st_mode & 0o777 == 0o600

    def test_another_run_is_refused_by_name_even_in_the_same_process(self, lock: FleetLock) -> None:
        lock.take(holder("run-1"))
        refused_by = lock.take(holder("run-2"))
        assert refused_by is not None
        assert refused_by.run_id == "run-1"

    def test_the_same_run_takes_it_again(self, lock: FleetLock) -> None:
        lock.take(holder("run-1"))
        assert lock.take(holder("run-1")) is None

    def test_the_same_run_resumed_by_another_process_is_refused_while_the_first_lives(
        self, lock: FleetLock, other: subprocess.Popen[bytes]
    ) -> None:
        lock.take(Holder.of_this_process("run-1", other.pid, 3600.0))
        assert lock.take(holder("run-1")) is not None

    def test_of_many_processes_at_once_one_gets_it_and_the_others_learn_which(self, tmp_path: Path) -> None:
        count = 6
        barrier, said = FORK.Barrier(count), FORK.Queue()

        def contend(number: int) -> None:
            barrier.wait(60)
            refused_by = FleetLock(tmp_path).take(holder(f"run-{number}"))
            said.put((number, refused_by.run_id if refused_by else None))
            barrier.wait(60)  # The winner lives until the last has asked.

        contenders = [FORK.Process(target=contend, args=(number,)) for number in range(count)]
        for contender in contenders:
            contender.start()
        words = dict(said.get(timeout=60) for _unused in contenders)
        for contender in contenders:
            contender.join(60)
        winners = [f"run-{number}" for number, refused_by in words.items() if refused_by is None]
        assert len(winners) == 1, words
        assert set(words.values()) == {None, winners[0]}


class TestHoldersThatAreGone:
    def test_a_killed_process_blocks_nobody(self, lock: FleetLock, other: subprocess.Popen[bytes]) -> None:
        lock.take(Holder.of_this_process("run-1", other.pid, 3600.0))
        assert lock.take(holder("run-2")) is not None
        other.kill()
        other.wait()
        assert lock.living_holder() is None
        assert lock.take(holder("run-2")) is None

    def test_nor_does_one_that_nobody_has_waited_for(self, lock: FleetLock, other: subprocess.Popen[bytes]) -> None:
        """As in a container whose first process leaves its orphans as they are."""
        lock.take(Holder.of_this_process("run-1", other.pid, 3600.0))
        os.kill(other.pid, signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{other.pid}").exists(), "this test has to look at a process that was not waited for"
        assert process_start(other.pid) is None
        assert lock.take(holder("run-2")) is None

    def test_nor_does_a_later_process_with_the_same_number(self, lock: FleetLock) -> None:
        lock.take(holder("run-1", pid_start="12345"))
        assert lock.take(holder("run-2")) is None

    @pytest.mark.parametrize(("silent", "alive"), [(0, True), (59, True), (61, False)])
    def test_one_on_another_machine_lives_as_long_as_its_last_sign(self, silent: int, alive: bool) -> None:
        now = time.time()
        assert holder(host="elsewhere", ttl=60.0, seen=now - silent).is_alive(now) is alive

    def test_one_on_this_machine_needs_no_signs(self) -> None:
        assert holder(ttl=60.0, seen=0.0).is_alive(time.time())

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"owner": "me"}', "null", '{"pid": "x", "unknown": 1}'])
    def test_a_file_that_names_nobody_blocks_nobody(self, lock: FleetLock, tmp_path: Path, content: str) -> None:
        (tmp_path / "lock.json").write_text(content)
        assert lock.holder() is None
        assert lock.take(holder()) is None


class TestSignsAndRelease:
    def test_a_sign_of_life_is_kept(self, lock: FleetLock) -> None:
        lock.take(holder(seen=1.0))
        lock.refresh("run-1")
        found = lock.holder()
        assert found is not None
        assert found.seen > 1.0

    def test_what_belongs_to_another_run_is_left_alone(self, lock: FleetLock, tmp_path: Path) -> None:
        lock.take(holder("run-1", seen=1.0))
        before = (tmp_path / "lock.json").read_text()
        lock.refresh("run-2")
        assert lock.release("run-2") is False
        assert (tmp_path / "lock.json").read_text() == before

    def test_a_released_lock_is_free_and_released_once(self, lock: FleetLock) -> None:
        lock.take(holder("run-1"))
        assert [lock.release("run-1"), lock.release("run-1")] == [True, False]
        assert lock.holder() is None
        assert lock.take(holder("run-2")) is None


class TestProcesses:
    def test_a_process_keeps_its_start_and_another_has_another(self, other: subprocess.Popen[bytes]) -> None:
        own = process_start(os.getpid())
        assert own == process_start(os.getpid())
        assert {own, process_start(other.pid), None} - {None} == {own, process_start(other.pid)}
        assert own != process_start(other.pid)

    def test_a_name_with_brackets_and_blanks_is_read_past(self, tmp_path: Path) -> None:
        odd = tmp_path / "odd) R 1 ("
        odd.symlink_to("/bin/sleep")
        process = subprocess.Popen([odd, "60"])
        try:
            stat = Path(f"/proc/{process.pid}/stat").read_text()
            assert "odd) R 1 (" in stat
            assert process_start(process.pid) == stat.rpartition(")")[2].split()[19]
        finally:
            process.kill()
            process.wait()

    def test_a_user_without_a_name_has_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nameless() -> str:
            raise KeyError("getpwuid(): uid not found")

        monkeypatch.setattr(getpass, "getuser", nameless)
        assert user_name() == f"uid {os.getuid()}"
        monkeypatch.undo()
        assert user_name() == getpass.getuser()
