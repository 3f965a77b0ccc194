# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""again: each condition alone keeps a node from being healthy again; a restart is proved, whatever the clock says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.again import (
    Missing,
    Streak,
    healthy_again,
    restarted_since,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import (
    Communication,
    Confirmation,
    Container,
    Dos,
    Health,
    Process,
)
from tests.unit.readings import HEIGHT, UNREAD, healthy

LIMITS = Limits()
BEFORE = healthy()
LOCATED = frozenset({"shop", "wiki"})
RESTARTED = Process(uptime=60, node_time=1_790_000_000.0 + 90)


def back(**spoilt: Any) -> NodeReading:
    """The node after a restart that went well, with some values replaced."""
    return healthy(**{"process": RESTARTED, **spoilt})


def missing(
    now: NodeReading, *, before: NodeReading | None = BEFORE, located: frozenset[str] | Unread = LOCATED
) -> list[Missing]:
    return healthy_again(before, now, LIMITS, located_apps=located)


def test_a_node_that_came_back_misses_nothing() -> None:
    assert missing(back()) == []


def test_a_healthy_node_misses_nothing_outside_a_run() -> None:
    assert missing(healthy(), before=None) == []


WEB, DB, WIKI = BEFORE.containers if not isinstance(BEFORE.containers, Unread) else ()
WHY = UNREAD.why

CONDITIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"version": UNREAD}, "FluxOS to answer", f"its version could not be read, because {WHY}"),
    ({"health": Health(False, said="db down")}, "its own health check to be green", "`db down`"),
    ({"health": UNREAD}, "its own health check to be green", WHY),
    ({"confirmation": Confirmation("STARTED", HEIGHT)}, "its status to be CONFIRMED", "`STARTED`"),
    ({"confirmation": UNREAD}, "its status to be CONFIRMED", WHY),
    ({"explorer_synced": False}, "its explorer to be synced", "has not reached the tip"),
    ({"explorer_synced": UNREAD}, "its explorer to be synced", WHY),
    ({"dos": Dos(2, None)}, "its DOS state to be 0", "its DOS state is 2 (no message)"),
    ({"dos": UNREAD}, "its DOS state to be 0", WHY),
    ({"boot_settled": False}, "its boot window to be over", "still starting its apps"),
    ({"boot_settled": UNREAD}, "its boot window to be over", WHY),
    (
        {"communication": Communication(False, "Minimum required 8 found 3")},
        "its communication with peers to be established",
        "`Minimum required 8 found 3`",
    ),
    ({"communication": UNREAD}, "its communication with peers to be established", WHY),
    (
        {"process": Process(86_500, 1_790_000_100.0)},
        "its uptime to go down",
        "up for 86500 s, before the restart 86400 s",
    ),
    ({"process": Process(86_500, None)}, "its uptime to go down", "its clock does not tell"),
    ({"containers": (WEB,)}, "every app container that ran before to run again", "fluxdb_shop gone"),
    (
        {"containers": (WEB, Container("fluxdb_shop", "shop", "db", "exited", "Exited (1)"))},
        "every app container that ran before to run again",
        "fluxdb_shop exited",
    ),
    ({"containers": UNREAD}, "every app container that ran before to run again", WHY),
]


@pytest.mark.parametrize(("spoilt", "what", "saw"), CONDITIONS)
def test_each_condition_alone_is_missing_and_says_what_it_saw(spoilt: dict[str, Any], what: str, saw: str) -> None:
    found = missing(back(**spoilt))
    assert [one.what for one in found] == [what]
    assert saw in found[0].saw
    assert str(found[0]) == f"{what} (saw: {found[0].saw})"


def test_an_uptime_that_was_not_read_is_missing_twice() -> None:
    assert [one.what for one in missing(back(process=UNREAD))] == ["FluxOS to answer", "its uptime to go down"]


def test_a_container_that_stood_still_before_may_stand_still_or_be_gone() -> None:
    assert missing(back(containers=(WEB, DB))) == []


@pytest.mark.parametrize(
    ("located", "saw"),
    [(frozenset({"shop"}), "not listed: wiki"), (UNREAD, f"the list was not read: {WHY}")],
)
def test_its_apps_are_missing_until_the_network_lists_them(located: frozenset[str] | Unread, saw: str) -> None:
    expected = [Missing("its apps to be on the network's location list", saw)]
    assert missing(back(), located=located) == expected
    assert missing(back(), before=None, located=located) == expected


def test_the_apps_from_before_count_even_when_the_node_lost_them() -> None:
    assert [one.saw for one in missing(back(apps=()), located=frozenset())] == ["not listed: shop, wiki"]


def test_a_node_without_apps_needs_no_list() -> None:
    assert missing(back(apps=()), before=healthy(apps=()), located=UNREAD) == []


@pytest.mark.parametrize(
    ("value", "saw"),
    [
        ("process", f"the uptime before the restart was not read: {WHY}"),
        ("containers", f"which ones ran was not read: {WHY}"),
        ("apps", f"which apps it hosts was not read: {WHY}"),
    ],
)
def test_what_was_not_read_before_cannot_be_compared(value: str, saw: str) -> None:
    assert [one.saw for one in missing(back(), before=healthy(**{value: UNREAD}))] == [saw]


def test_nothing_read_is_everything_missing() -> None:
    unread = NodeReading("berlin", "203.0.113.7:16127", "203.0.113.7")
    assert {one.what for one in missing(unread)} == {
        *(condition[1] for condition in CONDITIONS),
    }


# One node, its true start, its clock's error; times in seconds that a node would cut to whole ones.
STARTS = st.floats(0, 1e6, allow_nan=False)
SPANS = st.floats(0, 1e6, allow_nan=False)
CLOCKS = st.floats(-1e8, 1e8, allow_nan=False)


def seen(start: float, at: float, clock: float) -> Process:
    """What a node says at ``at`` of a process that began at ``start``: both values cut to whole seconds."""
    return Process(uptime=int(at - start), node_time=float((at + clock) // 1))


@given(STARTS, SPANS, SPANS, CLOCKS)
def test_one_process_is_never_a_restart_whatever_the_clock_is_wrong_by(
    start: float, first: float, later: float, clock: float
) -> None:
    before, now = seen(start, start + first, clock), seen(start, start + first + later, clock)
    assert restarted_since(before, now) is False


@given(STARTS, SPANS, st.floats(4, 1e6), SPANS, CLOCKS)
def test_a_restart_shows_however_late_it_is_looked_at(
    start: float, first: float, restart_after: float, later: float, clock: float
) -> None:
    before = seen(start, start + first, clock)
    restart = start + first + restart_after
    now = seen(restart, restart + later, clock)
    assert restarted_since(before, now) is True


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.sampled_from([None, 1e9, 2e9]))
def test_an_uptime_that_went_down_needs_no_clock(uptime: int, less: int, node_time: float | None) -> None:
    now = Process(max(0, uptime - 1 - less), node_time)
    assert restarted_since(Process(uptime, None), now) is True
    assert restarted_since(Process(uptime, 3e9), now) is True


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Process(60, None), Process(60, 1000.0)),
        (Process(60, 1000.0), Process(90, None)),
        (Process(60, 1000.0), Process(90, 500.0)),
    ],
    ids=["no time before", "no time now", "clock went back"],
)
def test_without_a_clock_to_trust_it_is_not_known(before: Process, now: Process) -> None:
    assert restarted_since(before, now) is None


def test_a_clock_set_forward_by_an_hour_is_no_restart_of_an_older_process() -> None:
    before = Process(7200, 1_000_000.0)
    assert restarted_since(before, Process(7230, 1_000_030.0 + 3600)) is False


def test_the_start_is_on_the_nodes_clock_or_on_ours() -> None:
    process = Process(60, 1000.0)
    assert process.started == 940.0
    assert Process(60).started is None
    assert process.started_on(2000.0) == 1940.0


class TestStreak:
    def test_one_bad_sample_starts_it_anew(self) -> None:
        streak = Streak(3)
        samples = [True, True, False, True, True, True, True, False]
        assert [streak.add(good) for good in samples] == [False, False, False, False, False, True, True, False]
        assert not streak.complete

    def test_a_streak_of_none_cannot_be_waited_for(self) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            Streak(0)
