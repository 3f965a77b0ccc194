# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge finds the innocent innocent, and sees each broken rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.judge import Away, absences, judge, wave_after_wave

RECOVERY = 150.0
#: Two behind one IP; three that host one app, two another.
NODES = {
    "a": {"ip": "1", "apps": ["Shop"]},
    "b": {"ip": "1", "apps": []},
    "c": {"ip": "2", "apps": ["Shop"]},
    "d": {"ip": "3", "apps": ["Shop", "Solo"]},
    "e": {"ip": "4", "apps": []},
}


class Record:
    """Writes a journal as the simulator would."""

    def __init__(self, **ages: int) -> None:
        self.lines: list[dict[str, Any]] = []
        nodes = [
            {"node": node, "arcane": False, "confirmation_age": ages.get(node, 0), **NODES[node]} for node in NODES
        ]
        self._write(0.0, {"kind": "fleet", "nodes": nodes, "apps": []})

    def _write(self, sim: float, line: dict[str, Any]) -> None:
        self.lines.append({"seq": len(self.lines), "sim": sim, **line})

    def state(self, sim: float, node: str, what: str, why: str | None = None) -> Record:
        self._write(sim, {"kind": "state", "node": node, "what": what, "why": why, "apps": []})
        return self

    def request(self, sim: float, node: str, path: str, *, write: bool) -> Record:
        self._write(sim, {"kind": "request", "node": node, "method": "GET", "path": path, "write": write})
        return self

    def restarts(self, *times: tuple[str, float]) -> Record:
        """Nodes with the moments of their restart; each is up after 10 and settled after 80 seconds."""
        moments = []
        for node, since in times:
            moments += [(since, node, "down"), (since + 10, node, "up"), (since + 80, node, "boot_settled")]
        for sim, node, what in sorted(moments):
            self.state(sim, node, what)
        return self


def verdict(record: Record, expected: Sequence[str], **options: Any) -> list[str]:
    return judge(record.lines, **{"expected": expected, "cap": 2, "recovery": RECOVERY, **options})


def test_a_safe_maintenance_breaks_no_rule() -> None:
    record = Record().restarts(("a", 100), ("c", 400), ("e", 400), ("b", 700))
    record.request(50, "d", "/flux/version", write=False)
    assert verdict(record, "aceb", waves=["a", "ce", "b"]) == []


def test_a_node_is_away_until_its_peers_are_back() -> None:
    assert absences(Record().restarts(("a", 100)).lines, RECOVERY) == [Away("a", 100, 260)]


def test_a_node_is_away_until_its_boot_is_over_when_that_comes_last() -> None:
    assert absences(Record().restarts(("a", 100)).lines, 0.0) == [Away("a", 100, 180)]


def test_a_node_that_does_not_come_back_is_away_for_ever() -> None:
    (away,) = absences(Record().state(100, "a", "down").lines, RECOVERY)
    assert away.until == float("inf")


def test_a_node_is_away_until_the_container_that_stopped_runs_again() -> None:
    record = Record().restarts(("a", 100)).state(185, "a", "container_stopped", "fluxweb_Shop: exited")
    assert absences(record.lines, RECOVERY)[0].until == float("inf")
    record.state(300, "a", "container_started", "fluxweb_Shop")
    assert absences(record.lines, RECOVERY)[0].until == 300


@pytest.mark.parametrize(
    ("record", "expected", "sentence"),
    [
        (Record().restarts(("a", 100), ("a", 500)), "a", "a was restarted 2 times"),
        (Record().restarts(("a", 100)), "", "a was restarted and should not have been"),
        (Record().restarts(("a", 100)), "ab", "b was not restarted"),
        (
            Record().restarts(("a", 100)).request(300, "c", "/id/verifylogin", write=True),
            "a",
            "c was left out of the maintenance and got GET /id/verifylogin",
        ),
        (
            Record().restarts(("a", 100), ("c", 400), ("e", 410), ("b", 420)),
            "aceb",
            "3 nodes were away at once when b went down, 2 may: c, e, b",
        ),
        (
            Record().restarts(("e", 100), ("a", 400), ("b", 450)),
            "eab",
            "b went down while a of the same public IP was away",
        ),
        (
            Record().restarts(("e", 100), ("a", 400), ("c", 450)),
            "eac",
            "2 instances of Shop were away at once: a, c",
        ),
        (Record().restarts(("d", 100)), "d", "no instance of Solo was left when d went down"),
        (
            Record().restarts(("a", 100), ("e", 200)),
            "ae",
            "e went down before the first node, a, was whole again",
        ),
        (
            Record().restarts(("a", 100)).state(400, "a", "apps_removed", "not CONFIRMED at the start: expired"),
            "a",
            "a lost its apps: not CONFIRMED at the start: expired",
        ),
        (
            Record().restarts(("a", 100)).state(400, "c", "expired", "not confirmed again"),
            "a",
            "c lost its confirmation: not confirmed again",
        ),
        (
            Record().state(50, "a", "daemon_down").restarts(("a", 100)),
            "a",
            "a was restarted while it was daemon_down",
        ),
        (Record().state(50, "a", "dos").restarts(("a", 100)), "a", "a was restarted while it was in DOS"),
        (
            Record(a=496).restarts(("a", 100)),
            "a",
            "a was away when it wanted to confirm: 505 blocks after the last time",
        ),
    ],
)
def test_each_broken_rule_is_seen(record: Record, expected: str, sentence: str) -> None:
    assert sentence in verdict(record, expected)


def test_an_obstacle_that_is_over_is_none() -> None:
    record = Record().state(50, "a", "daemon_down").state(90, "a", "daemon_up").restarts(("a", 100))
    assert verdict(record, "a") == []


def test_a_confirmation_that_came_in_time_gives_new_slack() -> None:
    record = Record(a=496).state(90, "a", "confirmed").restarts(("a", 100))
    assert verdict(record, "a") == []


def test_a_budget_of_two_allows_two_instances_away() -> None:
    record = Record().restarts(("e", 100), ("a", 400), ("c", 450))
    assert verdict(record, "eac", budgets={"Shop": 2}) == []


def test_a_wave_that_begins_before_the_last_one_is_whole_is_seen() -> None:
    away = [Away("a", 0, 10), Away("c", 20, 40), Away("e", 30, 50)]
    assert wave_after_wave(away, ["a", "ce"]) == []
    assert wave_after_wave(away, ["a", "c", "e"]) == ["e of wave 3 went down before c of wave 2 was whole again"]
    assert wave_after_wave(away, ["a", "c"]) == ["e is in no wave and went down"]


def test_a_journal_without_its_first_line_is_refused() -> None:
    journal = Record().restarts(("a", 100)).lines[1:]
    with pytest.raises(ValueError, match="does not begin with the line that describes the fleet"):
        judge(journal, expected="a", cap=1, recovery=RECOVERY)
