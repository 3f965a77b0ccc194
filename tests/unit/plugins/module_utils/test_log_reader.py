# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following logs of every kind of node: what a container wrote against what was read."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import LogLine, LogPage
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_logs import log_line
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import AnswerLost
from ansible_collections.fluxme.fluxos.plugins.module_utils.log_reader import LogReader, newest, stamp

MS = 1_000_000
START = 1_795_593_600_000 * MS


@dataclass
class Log:
    """A container's log on a node, with or without cursors."""

    cursors: bool
    kept: list[LogLine] = field(default_factory=list)
    written: list[LogLine] = field(default_factory=list)
    loses: int = 0
    """Every so many lines one is left out of a page, another one each time."""
    lost: int = 0
    identity: int = 0
    polls: int = 0
    fails: int = 0

    def write(self, *texts: str, step: int = MS) -> None:
        for text in texts:
            line = LogLine(START + len(self.written) * step, text)
            self.written.append(line)
            self.kept.append(line)

    def rotate(self, keep: int = 0) -> None:
        self.lost += len(self.kept) - keep
        del self.kept[: len(self.kept) - keep]

    def renew(self) -> None:
        """The container is made anew."""
        self.identity += 1
        self.kept.clear()
        self.lost = 0

    def poll(self, *, lines: int | None = None, since: str | None = None, cursor: str | None = None) -> LogPage:
        self.polls += 1
        if self.fails:
            self.fails -= 1
            raise AnswerLost("1.2.3.4:16127", "read", "connection reset", "Try again")
        end = f"{self.identity}/{self.lost + len(self.kept)}"
        if cursor is not None:
            identity, _unused, number = cursor.partition("/")
            if identity != str(self.identity):
                return LogPage((), end, skipped=True)
            begin = int(number)
            return LogPage(tuple(self.kept[max(0, begin - self.lost) :]), end, rolled_over=begin < self.lost)
        floor = 0 if since is None else log_line(since).at
        found = [line for line in self.kept if line.at >= floor]
        found = newest(found, lines)
        if self.loses:
            found = [line for line in found if (self.written.index(line) + self.polls) % self.loses]
        return LogPage(tuple(found), end if self.cursors else None, answered=START)


KINDS = pytest.mark.parametrize("cursors", [pytest.param(True, id="cursor"), pytest.param(False, id="without")])


@KINDS
class TestWhereItBegins:
    @pytest.mark.parametrize(
        ("lines", "since", "first"), [(None, None, 0), (2, None, 3), (0, None, 5), (9, None, 0), (None, 0.003, 3)]
    )
    def test_is_what_was_asked_for(self, cursors: bool, lines: int | None, since: float | None, first: int) -> None:
        log = Log(cursors)
        log.write(*"abcde")
        reader = LogReader(log.poll, lines=lines, since=None if since is None else START / 1e9 + since)
        reader.read()
        log.write("f")
        assert [line.text for line in reader.read()] == ["f"]
        reader.settle()
        assert [line.text for line in reader.lines] == list("abcdef"[first:])
        assert (reader.gaps, reader.proved) == ([], cursors)

    def test_may_be_an_empty_log(self, cursors: bool) -> None:
        log = Log(cursors)
        for lines in (None, 5, 0):
            reader = LogReader(log.poll, lines=lines)
            assert (reader.read(), reader.read()) == ([], [])
        log.write("a")
        assert ([line.text for line in reader.read()], reader.gaps) == (["a"] if cursors else [], [])


@KINDS
class TestFollowing:
    @given(steps=st.lists(st.lists(st.sampled_from(["same", "other", ""]), max_size=6), max_size=12))
    def test_keeps_each_line_once_and_in_order(self, cursors: bool, steps: list[list[str]]) -> None:
        log = Log(cursors)
        log.write("begin")
        reader = LogReader(log.poll, lines=None)
        for texts in steps:
            reader.read()
            log.write(*texts)
        reader.read()
        reader.settle()
        assert (reader.lines, reader.gaps) == (log.written, [])

    def test_takes_equal_lines_of_one_moment_for_two(self, cursors: bool) -> None:
        log = Log(cursors)
        reader = LogReader(log.poll, lines=None)
        log.write("twice", "twice", step=0)
        reader.read()
        reader.read()
        assert reader.lines == log.written

    def test_loses_nothing_by_a_poll_that_failed(self, cursors: bool) -> None:
        log = Log(cursors)
        log.write("a")
        reader = LogReader(log.poll, lines=None)
        reader.read()
        log.write("b")
        log.fails = 1
        with pytest.raises(AnswerLost):
            reader.read()
        log.write("c")
        reader.read()
        assert (reader.lines, reader.gaps) == (log.written, [])

    def test_names_what_was_rotated_away_unread(self, cursors: bool) -> None:
        log = Log(cursors)
        log.write("a")
        reader = LogReader(log.poll, lines=None)
        reader.read()
        log.write("b", "c")
        log.rotate(keep=1)
        reader.read()
        assert [line.text for line in reader.lines] == ["a", "c"]
        assert len(reader.gaps) == 1
        assert "rotated" in reader.gaps[0]

    def test_does_not_mind_a_rotation_of_what_it_has_read(self, cursors: bool) -> None:
        log = Log(cursors)
        log.write("a", "b")
        reader = LogReader(log.poll, lines=None)
        reader.read()
        log.write("c")
        log.rotate(keep=2)
        reader.read()
        assert (reader.lines, reader.gaps) == (log.written, [])

    def test_goes_on_in_a_container_that_was_made_anew(self, cursors: bool) -> None:
        log = Log(cursors)
        log.write("a")
        reader = LogReader(log.poll, lines=None)
        reader.read()
        log.write("unread")
        log.renew()
        log.write("new")
        reader.read()
        log.write("newer")
        reader.read()
        assert [line.text for line in reader.lines] == ["a", "new", "newer"]
        assert len(reader.gaps) == 1
        assert "made anew" in reader.gaps[0]


def test_a_node_that_forgot_its_cursors_costs_no_line() -> None:
    log = Log(cursors=True)
    log.write("a", "b")
    reader = LogReader(log.poll, lines=None)
    reader.read()
    log.write("c")
    log.identity += 1
    reader.read()
    assert (reader.lines, reader.gaps, reader.proved) == (log.written, [], True)


@pytest.mark.parametrize("every", [2, 3, 10])
def test_pages_with_holes_make_a_whole_log_in_the_end(every: int) -> None:
    log = Log(cursors=False, loses=every)
    log.write(*map(str, range(30)))
    reader = LogReader(log.poll, lines=None)
    for number in range(30, 60):
        reader.read()
        log.write(str(number))
    reader.read()
    reader.settle()
    assert reader.lines == log.written[: len(reader.lines)]
    assert len(reader.lines) >= 59, "only the very last line may count as one that came later"
    assert not reader.proved


def test_what_comes_while_the_end_is_settled_is_left_out() -> None:
    log = Log(cursors=False)
    log.write("a")

    def poll(*, lines: int | None = None, since: str | None = None, cursor: str | None = None) -> LogPage:
        page = log.poll(lines=lines, since=since, cursor=cursor)
        log.write("later")
        return page

    reader = LogReader(poll, lines=None)
    reader.read()
    reader.settle()
    assert [line.text for line in reader.lines] == ["a"]


def test_a_node_that_is_updated_meanwhile_is_followed_by_its_cursor_from_then_on() -> None:
    log = Log(cursors=False)
    log.write("a")
    reader = LogReader(log.poll, lines=None)
    reader.read()
    log.cursors = True
    log.write("b")
    reader.read()
    assert (reader.proved, reader.lines) == (True, log.written)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2026-11-25T08:00:00.000000001Z ready", LogLine(1_795_593_600_000_000_001, "ready")),
        ("2026-11-25T08:00:00.5Z  two blanks", LogLine(1_795_593_600_500_000_000, " two blanks")),
        ("2026-11-25T08:00:00Z ", LogLine(1_795_593_600_000_000_000, "")),
        ("no time", LogLine(0, "no time")),
        ("2026-13-25T08:00:00Z no month", LogLine(0, "2026-13-25T08:00:00Z no month")),
    ],
)
def test_lines_with_the_times_of_docker(text: str, line: LogLine) -> None:
    assert log_line(text) == line


def test_times_are_written_as_docker_writes_them() -> None:
    assert stamp(1_795_593_600_000_000_001) == "2026-11-25T08:00:00.000000001Z"
