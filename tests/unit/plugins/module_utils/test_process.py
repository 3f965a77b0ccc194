# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a FluxOS process was started after some point."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import TimeError, epoch, from_plain, started_after
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process

DAY = 86400


class TestFromPlain:
    @pytest.mark.parametrize("process", [Process(60, 1000.0), Process(0, None)])
    def test_reads_what_a_result_holds(self, process: Process) -> None:
        assert from_plain(plain(process)) == process

    @pytest.mark.parametrize("values", [None, {}, {"uptime": None}, {"node_time": 3}])
    def test_nothing_is_nothing(self, values: Any) -> None:
        assert from_plain(values) is None

    def test_numbers_may_be_texts_as_templates_make_them(self) -> None:
        assert from_plain({"uptime": "60", "node_time": "1000.5"}) == Process(60, 1000.5)

    @pytest.mark.parametrize("values", [{"uptime": "long"}, {"uptime": 1, "node_time": "now"}, {"uptime": []}, "text"])
    def test_what_cannot_be_one_is_refused(self, values: Any) -> None:
        with pytest.raises(TimeError, match="is no process"):
            from_plain(values)


class TestEpoch:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1790000000", 1_790_000_000.0),
            (" 1790000000.5 ", 1_790_000_000.5),
            ("2026-11-25T08:00:00Z", 1_795_593_600.0),
            ("2026-11-25T09:00:00+01:00", 1_795_593_600.0),
            ("2026-11-25 08:00:00.25+00:00", 1_795_593_600.25),
        ],
    )
    def test_reads_seconds_and_iso(self, text: str, expected: float) -> None:
        assert epoch(text) == expected

    @pytest.mark.parametrize("text", ["", "yesterday", "-5", "12:00", "2026-13-01T00:00:00Z"])
    def test_refuses_what_is_no_time(self, text: str) -> None:
        with pytest.raises(TimeError, match="is no time"):
            epoch(text)

    def test_refuses_a_time_that_could_be_anywhere(self) -> None:
        with pytest.raises(TimeError, match="no time zone"):
            epoch("2026-11-25T08:00:00")


class TestStartedAfter:
    """``ago`` is the age of the process; the clock of the node may be wrong by ``off``; the limit lies an hour back."""

    @pytest.mark.parametrize(
        ("ago", "off", "expected"),
        [
            (DAY, 0, False),
            (60, 0, True),
            (60, -7 * DAY, True),
            (60, 7 * DAY, True),
            (DAY, -7 * DAY, False),
            # The node's clock alone says that it is younger: it is left alone, at worst.
            (DAY, 7 * DAY, True),
        ],
    )
    def test_one_clock_is_enough_to_be_younger_than_a_time(self, ago: int, off: int, expected: bool) -> None:
        now = time.time()
        assert started_after(Process(ago, now + off), not_after=str(now - 3600)) is expected

    def test_without_a_clock_of_the_node_the_controllers_decides(self) -> None:
        limit = str(time.time() - 3600)
        assert started_after(Process(60, None), not_after=limit)
        assert not started_after(Process(DAY, None), not_after=limit)

    def test_another_process_than_before_is_younger(self) -> None:
        assert started_after(Process(60, 2000.0), before=Process(600, 1000.0))
        assert not started_after(Process(1600, 2000.0), before=Process(600, 1000.0))

    def test_what_cannot_be_told_is_no_proof(self) -> None:
        assert not started_after(Process(700, None), before=Process(600, None))

    def test_nothing_asked_is_nothing_told(self) -> None:
        assert not started_after(Process(1, time.time()))

    def test_either_says_so(self) -> None:
        old = Process(DAY, time.time())
        assert started_after(old, not_after=str(time.time() - 2 * DAY), before=old)
        assert not started_after(old, not_after=str(time.time() - 3600), before=old)
