# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of containers: what is written, what docker keeps, and how it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Lab, Start

OLD, NEW = "8.17.0", "8.20.0"
TIDE = {"name": "Tide", "components": [{"name": "web", "log_rate": 2, "log_file": 2000}], "version": 8}
QUIET = {"name": "Quiet", "components": ["web"], "version": 8}


def _lab(start: Start, version: str = NEW) -> Lab:
    return start([{"version": version, "apps": ["Tide", "Quiet"]}], apps=[TIDE, QUIET])


def _poll(lab: Lab, query: str = "", path: str = "web_Tide") -> dict[str, Any]:
    answer: dict[str, Any] = lab.get(f"/apps/applogpolling/{path}{query}", headers=lab.owner()).json()
    return answer


def test_a_rate_writes_numbered_lines(start: Start) -> None:
    lab = _lab(start)
    lab.sim.advance(5)
    assert [line.split(" ", 1)[1] for line in lab.sim.written(lab.first, "fluxweb_Tide")] == [
        f"fluxweb_Tide wrote line {number}" for number in range(10)
    ]
    said = lab.said("/apps/applog/web_Tide/2", lab.owner())
    assert said == "fluxweb_Tide wrote line 8\nfluxweb_Tide wrote line 9\n"
    assert lab.said("/apps/applog/web_Tide/0", lab.owner()) == ""
    assert lab.said("/apps/applog/web_Quiet", lab.owner()) == ""


def test_a_stopped_container_writes_nothing_and_can_be_read(start: Start) -> None:
    lab = _lab(start)
    header = lab.owner()
    lab.sim.advance(2)
    lab.said("/apps/appstop/Tide", header)
    lab.sim.advance(10)
    lab.said("/apps/appstart/Tide", header)
    lab.sim.advance(1)
    texts = lab.said("/apps/applog/web_Tide", header).splitlines()
    assert texts[4:6] == ["received SIGTERM, exiting", "started"]
    assert len(texts) == 8


def test_a_restart_of_fluxos_does_not_stop_the_writing(start: Start) -> None:
    lab = _lab(start)
    lab.sim.restart(lab.first)
    lab.sim.advance(100)
    assert len(lab.sim.written(lab.first, "fluxweb_Tide")) == 200


@pytest.mark.parametrize(("version", "files"), [(OLD, 1), (NEW, 4)])
def test_rotation_keeps_so_many_files(start: Start, version: str, files: int) -> None:
    lab = _lab(start, version)
    lab.sim.advance(200)
    written = lab.sim.written(lab.first, "fluxweb_Tide")
    kept = _poll(lab)["logs"]
    assert len(written) == 400
    assert written[-len(kept) :] == kept
    assert 0 < len(kept) <= files * 23
    assert len(kept) > (files - 1) * 20


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_poll(start: Start, version: str) -> None:
    lab = _lab(start, version)
    lab.sim.advance(5)
    answer = _poll(lab, "/3")
    assert answer["logs"] == lab.sim.written(lab.first, "fluxweb_Tide")[-3:]
    assert (answer["lineCount"], answer["logCount"], answer["truncated"]) == (3, 3, True)
    since = answer["logs"][0].split()[0][:23] + "Z"
    again = _poll(lab, f"?since={since}")
    assert (again["logs"], again["lineCount"], again["truncated"]) == (answer["logs"], "all", False)
    assert again["sinceTimestamp"] == since
    assert _poll(lab, "?lineCount=x")["lineCount"] == 100
    assert _poll(lab, "?since=1795590000")["data"] == {"name": "RangeError", "message": "Invalid time value"}
    assert ("cursor" in answer) is (version == NEW)


def test_a_cursor_loses_and_repeats_nothing(start: Start) -> None:
    lab = _lab(start)
    lab.sim.advance(3)
    answer = _poll(lab)
    seen = answer["logs"]
    for seconds in (0, 4, 1, 7):
        lab.sim.advance(seconds)
        answer = _poll(lab, f"?cursor={answer['cursor']}")
        seen += answer["logs"]
        assert (answer["rolledOver"], answer["skipped"]) == (False, False)
    assert seen == lab.sim.written(lab.first, "fluxweb_Tide")
    lab.sim.advance(5)
    first = _poll(lab, f"?cursor={answer['cursor']}&lineCount=4")
    assert first["truncated"]
    rest = _poll(lab, f"?cursor={first['cursor']}")
    assert seen + first["logs"] + rest["logs"] == lab.sim.written(lab.first, "fluxweb_Tide")


def test_a_cursor_that_rotation_overtook(start: Start) -> None:
    lab = _lab(start)
    lab.sim.advance(3)
    cursor = _poll(lab)["cursor"]
    lab.sim.advance(200)
    answer = _poll(lab, f"?cursor={cursor}")
    assert answer["rolledOver"]
    assert answer["logs"] == _poll(lab)["logs"]


def test_a_cursor_of_another_container_moves_to_the_end(start: Start) -> None:
    lab = _lab(start)
    lab.sim.advance(3)
    cursor = _poll(lab)["cursor"]
    lab.stream("/apps/redeploy/Tide", lab.owner())
    answer = _poll(lab, f"?cursor={cursor}")
    assert (answer["skipped"], answer["logs"]) == (True, [])
    lab.sim.advance(1)
    assert len(_poll(lab, f"?cursor={answer['cursor']}")["logs"]) == 2
    assert _poll(lab, "?cursor=nonsense")["skipped"]


def test_a_cursor_is_not_known_up_to_8_17(start: Start) -> None:
    lab = _lab(start, OLD)
    lab.sim.advance(3)
    assert len(_poll(lab, "?cursor=nonsense")["logs"]) == 6


def test_polls_up_to_8_17_may_lack_lines(start: Start) -> None:
    lab = _lab(start, OLD)
    lab.sim.fault(lab.first, kind="log_loss", every=5)
    lab.sim.advance(10)
    first, second = _poll(lab)["logs"], _poll(lab)["logs"]
    written = lab.sim.written(lab.first, "fluxweb_Tide")
    assert len(first) == len(second) == 16
    assert sorted({*first, *second}) == written, "what one lacks the next has"


@pytest.mark.parametrize(("version", "exits"), [(OLD, True), (NEW, False)])
def test_an_unknown_container_may_end_the_process_up_to_8_17(start: Start, version: str, exits: bool) -> None:
    lab = _lab(start, version)
    lab.sim.fault(lab.first, kind="exits")
    answer = _poll(lab, path="Tide")
    assert answer["status"] == "error"
    lab.sim.advance(2)
    assert lab.sim.node(lab.first)["up"] is not exits
