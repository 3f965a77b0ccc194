# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers kept on disk: who asks, what is served when nobody answers, and what a spoilt folder does."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.answer_cache import AnswerCache, Kept, Question, spoken_age
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    BadAnswer,
    Busy,
    FluxOSError,
    Misuse,
    Unreachable,
)

STATS = Question.of(Endpoint.parse("https://stats.example"), "/fluxinfo", ["tier", "ip", "tier"])
DOWN = Unreachable("https://stats.example", "read the nodes (/fluxinfo)", "connection refused", "Ask again later")


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def __call__(self) -> Any:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [{"ip": "1.2.3.4", "round": self.asked}]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> AnswerCache:
    return AnswerCache(tmp_path / "answers", clock=clock)


def files(cache: AnswerCache) -> list[Path]:
    return sorted(cache.folder.iterdir())


class TestLife:
    def test_asked_once_in_ten_minutes(self, cache: AnswerCache, clock: Clock, service: Service) -> None:
        first = cache.fetch(STATS, service)
        clock.now += 600
        second = cache.fetch(STATS, service)
        assert (first.asked, first.age, second.asked, second.age) == (True, 0, False, 600)
        assert second.data == first.data == [{"ip": "1.2.3.4", "round": 1}]
        clock.now += 1
        assert cache.fetch(STATS, service).data == [{"ip": "1.2.3.4", "round": 2}]

    def test_refresh_asks_and_keeps(self, cache: AnswerCache, clock: Clock, service: Service) -> None:
        cache.fetch(STATS, service)
        clock.now += 1
        assert cache.fetch(STATS, service, refresh=True).data[0]["round"] == 2
        assert cache.fetch(STATS, service).data[0]["round"] == 2

    def test_no_life_asks_always(self, tmp_path: Path, clock: Clock, service: Service) -> None:
        cache = AnswerCache(tmp_path / "answers", clock=clock, life=0)
        for _each in range(2):
            clock.now += 1
            cache.fetch(STATS, service)
        assert service.asked == 2

    def test_an_answer_from_the_future_is_not_young(self, cache: AnswerCache, clock: Clock, service: Service) -> None:
        """Its clock was wrong then or is now, and a year ahead would otherwise count for a year."""
        cache.fetch(STATS, service)
        clock.now -= 5
        assert cache.fetch(STATS, service).data[0]["round"] == 2
        service.error = DOWN
        clock.now -= 10_000
        kept = cache.fetch(STATS, service)
        assert (kept.stale, kept.age) == (True, 0)

    def test_questions_are_told_apart_and_the_order_of_names_is_none(
        self, cache: AnswerCache, service: Service
    ) -> None:
        cache.fetch(STATS, service)
        here = Endpoint.parse("https://stats.example")
        cache.fetch(Question.of(here, "/fluxinfo", ["ip", "tier"]), service)
        assert service.asked == 1
        for other in (
            Question.of(here, "/fluxinfo", ["ip"]),
            Question.of(here, "/other", ["ip", "tier"]),
            Question.of(Endpoint.parse("http://stats.example"), "/fluxinfo", ["ip", "tier"]),
        ):
            assert cache.fetch(other, service).asked
        assert service.asked == 4


class TestFailure:
    def test_an_old_answer_with_a_warning_that_tells_its_age(
        self, cache: AnswerCache, clock: Clock, service: Service
    ) -> None:
        cache.fetch(STATS, service)
        clock.now += 7500
        service.error = DOWN
        kept = cache.fetch(STATS, service)
        assert (kept.stale, kept.age, kept.data[0]["round"]) == (True, 7500, 1)
        assert kept.warnings == (
            "The answer of https://stats.example/fluxinfo is 2 hours old, because there was no newer one. "
            "https://stats.example: read the nodes (/fluxinfo): connection refused. Ask again later.",
        )

    def test_also_when_it_was_to_be_refreshed(self, cache: AnswerCache, clock: Clock, service: Service) -> None:
        cache.fetch(STATS, service)
        clock.now += 1
        service.error = DOWN
        assert cache.fetch(STATS, service, refresh=True).stale

    def test_without_an_old_answer_it_is_raised(self, cache: AnswerCache, service: Service) -> None:
        service.error = DOWN
        with pytest.raises(Unreachable) as caught:
            cache.fetch(STATS, service)
        assert caught.value is DOWN

    def test_a_failure_is_not_kept(self, cache: AnswerCache, clock: Clock, service: Service) -> None:
        service.error = DOWN
        with pytest.raises(Unreachable):
            cache.fetch(STATS, service)
        clock.now += 0.001
        service.error = None
        assert cache.fetch(STATS, service).asked
        assert not [path for path in files(cache) if path.suffix == ".failed"]

    @pytest.mark.parametrize("error", [Misuse("a", "b", "c", "d"), KeyError("a defect")])
    def test_what_no_service_is_to_blame_for_passes(
        self, cache: AnswerCache, clock: Clock, service: Service, error: Exception
    ) -> None:
        cache.fetch(STATS, service)
        clock.now += 601
        service.error = error
        with pytest.raises(type(error)):
            cache.fetch(STATS, service)


class TestFiles:
    def test_only_the_user_can_read_them(self, cache: AnswerCache, service: Service) -> None:
        cache.fetch(STATS, service)
        assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
        (path,) = files(cache)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.name.startswith("stats.example_fluxinfo-")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b'{"schema":1}',
            b"[]",
            b"null",
            b"\xff",
            b"[" * 100_000,
            b'{"schema":1,"question":["https://stats.example","/other",[]],"read_at":1,"data":[]}',
            b'{"schema":0,"question":["https://stats.example","/fluxinfo",["ip","tier"]],"read_at":1e99,"data":[]}',
            b'{"schema":1,"question":["https://stats.example","/fluxinfo",["ip","tier"]],"read_at":true,"data":[]}',
        ],
    )
    def test_a_spoilt_file_is_as_if_absent(self, cache: AnswerCache, service: Service, content: bytes) -> None:
        cache.fetch(STATS, service)
        (path,) = files(cache)
        path.write_bytes(content)
        assert cache.fetch(STATS, service).asked
        assert cache.fetch(STATS, service).asked is False
        path.write_bytes(content)
        service.error = DOWN
        with pytest.raises(Unreachable):
            cache.fetch(STATS, service)

    def test_half_a_file_too(self, cache: AnswerCache, service: Service) -> None:
        cache.fetch(STATS, service)
        (path,) = files(cache)
        path.write_bytes(path.read_bytes()[:-20])
        assert cache.fetch(STATS, service).asked

    def test_a_file_that_others_may_write_is_not_believed(self, cache: AnswerCache, service: Service) -> None:
        cache.fetch(STATS, service)
        (path,) = files(cache)
        path.chmod(0o666)
        assert cache.fetch(STATS, service).asked

    def test_a_link_is_not_followed(self, cache: AnswerCache, service: Service, tmp_path: Path) -> None:
        cache.fetch(STATS, service)
        (path,) = files(cache)
        planted = tmp_path / "planted"
        path.rename(planted)
        path.symlink_to(planted)
        assert cache.fetch(STATS, service).asked
        assert json.loads(planted.read_text())["data"][0]["round"] == 1

    def test_a_folder_open_to_others_is_not_used_and_said(
        self, tmp_path: Path, service: Service, cache: AnswerCache
    ) -> None:
        cache.folder.mkdir(mode=0o755)
        for number in (1, 2):
            kept = cache.fetch(STATS, service)
            assert kept.data[0]["round"] == number
            assert "too open" in kept.warnings[0]
            assert f"chmod 700 {cache.folder}" in kept.warnings[0]
        assert files(cache) == []

    def test_a_folder_that_is_none(self, cache: AnswerCache, service: Service) -> None:
        cache.folder.write_text("")
        kept = cache.fetch(STATS, service)
        assert kept.asked
        assert kept.warnings[0].startswith("Answers are not kept. ")

    def test_too_large_an_answer_is_not_kept_nor_is_the_one_before(self, tmp_path: Path, service: Service) -> None:
        cache = AnswerCache(tmp_path / "answers", largest=1000)
        cache.fetch(STATS, service)
        assert len(files(cache)) == 1
        assert len(cache.fetch(STATS, lambda: ["x" * 1000], refresh=True).data) == 1
        assert files(cache) == []

    def test_the_oldest_answers_go_when_there_is_no_room(self, tmp_path: Path, service: Service) -> None:
        cache = AnswerCache(tmp_path / "answers", room=3500)
        questions = [Question("https://stats.example", f"/{number}") for number in range(5)]
        for number, question in enumerate(questions):
            cache.fetch(question, lambda: "x" * 1000)
            newest = max(cache.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
            os.utime(newest, (number, number))
        assert sum(path.stat().st_size for path in files(cache)) <= 3500
        kept = [cache.fetch(question, service).asked for question in questions[::-1]]
        assert kept == [False, False, False, True, True]

    def test_what_a_killed_worker_left_goes_too(self, cache: AnswerCache, clock: Clock, service: Service) -> None:
        cache.fetch(STATS, service)
        (path,) = files(cache)
        old, new = (cache.folder / f".{path.name}.{name}" for name in ("old", "new"))
        old.write_text("half")
        os.utime(old, (1, 1))
        new.write_text("half")
        clock.now += 1
        cache.fetch(STATS, service, refresh=True)
        assert set(files(cache)) == {path, new}

    def test_any_text_is_kept_as_it_is(self, cache: AnswerCache, service: Service) -> None:
        data = ["日本", "\ud800", "a\u2028b", "{{ x }}", 1e300, None, {"": True}]
        cache.fetch(STATS, lambda: data)
        assert cache.fetch(STATS, service).data == data
        assert service.asked == 0

    def test_forget(self, cache: AnswerCache, service: Service) -> None:
        cache.fetch(STATS, service)
        assert cache.forget() == 1
        assert cache.fetch(STATS, service).asked


class Gate:
    """A service that answers when the test says so."""

    def __init__(self, error: FluxOSError | None = None) -> None:
        self.error = error
        self.asked = 0
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> Any:
        self.asked += 1
        self.entered.set()
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        return "new"


def in_threads(count: int, work: Callable[[], Any]) -> tuple[list[threading.Thread], list[Any]]:
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except FluxOSError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _each in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


class Waiting(AnswerCache):
    """Counts who has looked and found nothing young, hence will wait for the lock."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.looks = threading.Semaphore(0)

    def _young(self, question: Question) -> Kept | None:
        found = super()._young(question)
        self.looks.release()
        return found


class TestWorkers:
    @pytest.mark.parametrize("error", [None, DOWN, Busy("n", "o", "s", "a"), BadAnswer("n", "o", "s", "a")])
    def test_one_asks_and_the_others_wait(self, tmp_path: Path, error: FluxOSError | None) -> None:
        cache = Waiting(tmp_path / "answers")
        gate = Gate(error)
        threads, results = in_threads(8, lambda: cache.fetch(STATS, gate))
        for _each in range(8):
            assert cache.looks.acquire(timeout=30)
        assert gate.entered.wait(30)
        gate.open.set()
        for thread in threads:
            thread.join(30)
        assert gate.asked == 1
        assert len(results) == 8
        if error is None:
            assert [kept.data for kept in results] == ["new"] * 8
            assert sum(kept.asked for kept in results) == 1
        else:
            assert {(type(each), str(each)) for each in results} == {(type(error), str(error))}

    def test_the_others_get_the_old_answer_when_the_one_fails(self, tmp_path: Path) -> None:
        cache = Waiting(tmp_path / "answers", life=0)
        cache.fetch(STATS, lambda: "old")
        assert cache.looks.acquire(timeout=30)
        gate = Gate(DOWN)
        threads, results = in_threads(4, lambda: cache.fetch(STATS, gate))
        for _each in range(4):
            assert cache.looks.acquire(timeout=30)
        gate.open.set()
        for thread in threads:
            thread.join(30)
        assert gate.asked == 1
        assert [(kept.data, kept.stale, len(kept.warnings)) for kept in results] == [("old", True, 1)] * 4

    def test_who_waited_too_long_asks_all_the_same(self, tmp_path: Path, service: Service) -> None:
        cache = AnswerCache(tmp_path / "answers", patience=0.05)
        gate = Gate()
        threads, _results = in_threads(1, lambda: cache.fetch(STATS, gate))
        assert gate.entered.wait(30)
        kept = cache.fetch(STATS, service)
        assert kept.asked
        assert "Another process holds the lock" in kept.warnings[0]
        gate.open.set()
        threads[0].join(30)

    def test_processes_ask_once(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        start = context.Event()
        asked = tmp_path / "asked"
        workers = [
            context.Process(target=_fetch_in_a_process, args=(str(tmp_path), str(asked), start)) for _each in range(4)
        ]
        for worker in workers:
            worker.start()
        start.set()
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0
        assert asked.read_text() == "x"


def _fetch_in_a_process(folder: str, asked: str, start: Any) -> None:
    def ask() -> Any:
        with open(asked, "a", encoding="ascii") as file:
            file.write("x")
        return ["an answer"] * 10_000

    assert start.wait(60)
    assert AnswerCache(Path(folder) / "answers").fetch(STATS, ask).data == ["an answer"] * 10_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (1e6, "11 days")],
)
def test_ages_as_people_say_them(seconds: float, text: str) -> None:
    assert spoken_age(seconds) == text
