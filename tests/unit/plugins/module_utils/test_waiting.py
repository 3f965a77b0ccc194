# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting: when it ends, and what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils import waiting
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError, Unauthorized, Unreachable
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout

NODE = "203.0.113.7:16127"


class Clock:
    """A clock that only sleeping moves, so that no test depends on the machine's speed."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    it = Clock()
    monkeypatch.setattr(waiting, "time", it)
    return it


def waiter(
    told: list[str] | None = None, *, timeout: float = 60.0, interval: float = 5.0, looks: int | None = None
) -> Waiter:
    told = [] if told is None else told
    return Waiter(NODE, "wait until it rains", timeout, interval, told.append, "Look at the sky", looks)


def after(looks: int, then: str = "rain") -> Callable[[], Look[str]]:
    count = 0

    def look() -> Look[str]:
        nonlocal count
        count += 1
        return Look(then, then) if count > looks else Look(f"sun {count}")

    return look


def failing(error: FluxOSError) -> Callable[[], Look[str]]:
    def look() -> Look[str]:
        raise error

    return look


def test_a_satisfied_look_ends_it_at_once(clock: Clock) -> None:
    assert waiter().until(after(0)) == "rain"
    assert clock.slept == []


def test_it_looks_at_intervals_until_satisfied(clock: Clock) -> None:
    assert waiter().until(after(3)) == "rain"
    assert clock.slept == [5.0] * 3


@pytest.mark.parametrize("value", [0, "", (), False])
def test_a_value_that_is_false_is_a_value(clock: Clock, value: object) -> None:
    assert waiter().until(lambda: Look("something", value)) == value


@pytest.mark.parametrize(("timeout", "looks"), [(0.0, 1), (4.0, 1), (5.0, 2), (60.0, 13)])
def test_no_look_is_begun_after_the_deadline(clock: Clock, timeout: float, looks: int) -> None:
    with pytest.raises(WaitTimeout) as caught:
        waiter(timeout=timeout).until(after(1000))
    assert caught.value.said == f"not so after {timeout:g} s; last seen: sun {looks}"
    assert str(caught.value).startswith(f"{NODE}: wait until it rains: not so after ")
    assert str(caught.value).endswith("Look at the sky.")


@pytest.mark.parametrize("looks", [1, 3])
def test_who_will_not_wait_gets_just_so_many_looks_however_long_each_takes(clock: Clock, looks: int) -> None:
    def slow() -> Look[str]:
        clock.now += 100
        return Look("sun")

    with pytest.raises(WaitTimeout, match=f"not so after {looks} look"):
        waiter(looks=looks).until(slow)
    assert len(clock.slept) == looks - 1
    assert waiter(looks=looks).until(after(looks - 1)) == "rain"


def test_errors_of_the_node_are_what_was_seen(clock: Clock) -> None:
    with pytest.raises(WaitTimeout, match="last seen: read the uptime: connection refused"):
        waiter(timeout=5).until(failing(Unreachable(NODE, "read the uptime", "connection refused", "Wait")))


def test_a_lost_login_ends_it_at_once(clock: Clock) -> None:
    with pytest.raises(Unauthorized):
        waiter().until(failing(Unauthorized(NODE, "read", "Unauthorized. Access denied.", "Log in")))
    assert clock.slept == []


def test_defects_are_not_waited_away(clock: Clock) -> None:
    def look() -> Look[str]:
        raise KeyError("height")

    with pytest.raises(KeyError):
        waiter().until(look)


def test_now_and_then_it_says_what_it_waits_for_and_saw(clock: Clock) -> None:
    told: list[str] = []
    with pytest.raises(WaitTimeout):
        waiter(told, timeout=100).until(after(1000))
    assert told == [
        f"{NODE}: wait until it rains: 30 s of 100 s; saw sun 7",
        f"{NODE}: wait until it rains: 60 s of 100 s; saw sun 13",
        f"{NODE}: wait until it rains: 90 s of 100 s; saw sun 19",
    ]
