# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded case of FluxOS 8.17.0 against the simulator's 8.17 profile.

``deviations.json`` lists, one by one and with a reason, the cases that differ, and the endpoints that the simulator
does not have yet. Both lists only ever shrink: a case that differs and is not listed fails, and so does a listed one
that has come to agree; likewise for endpoints.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulator.replay import DIFFERS, Verdict, main, replay
from tests.simulator.replay_recording import load

RECORDING = Path(__file__).parents[1] / "data" / "recordings" / "fluxos-8.17-node.json"
LISTS = json.loads((Path(__file__).parent / "deviations.json").read_text(encoding="utf-8"))
DEVIATIONS: dict[str, str] = LISTS["differs"]
NOT_BUILT: list[str] = LISTS["not_built"]
CASES = [case.name for case in load(RECORDING).cases]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    """All cases, run once and in recorded order: later ones build on the sessions of earlier ones."""
    return {verdict.case: verdict for verdict in replay(load(RECORDING))}


@pytest.mark.parametrize("case", CASES)
def test_case(verdicts: dict[str, Verdict], case: str) -> None:
    verdict = verdicts[case]
    if case in DEVIATIONS:
        assert verdict.outcome == DIFFERS, f"{case} agrees now: take it out of deviations.json"
        return
    assert verdict.lines == []
    assert set(verdict.missing) <= set(NOT_BUILT)


def test_every_deviation_is_a_case_and_has_a_reason() -> None:
    assert set(DEVIATIONS) <= set(CASES)
    assert all(len(reason.split()) > 5 for reason in DEVIATIONS.values())


def test_endpoints_that_are_not_built_are_listed_and_no_others(verdicts: dict[str, Verdict]) -> None:
    missing = {endpoint for verdict in verdicts.values() for endpoint in verdict.missing}
    assert sorted(missing) == NOT_BUILT, "deviations.json lists what is not built: it only ever shrinks"


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["--endpoints", "all", "--case", "cache/etag-*"], 0, "2 agree, 0 differ, 0 not built"),
        (["--case", "no such case"], 0, "0 agree, 0 differ, 0 not built"),
    ],
)
def test_the_command_counts_and_exits(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, last: str
) -> None:
    assert main([str(RECORDING), *arguments]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def _altered(tmp_path: Path, case: str, old: str, new: str) -> Path:
    """Return a recording of one case whose answer was altered."""
    raw = json.loads(RECORDING.read_text(encoding="utf-8"))
    raw["cases"] = [each for each in raw["cases"] if each["case"] == case]
    response = raw["cases"][0]["exchanges"][0]["response"]
    assert old in response["body"]
    response["body"] = response["body"].replace(old, new)
    path = tmp_path / "altered.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_the_command_says_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _altered(tmp_path, "public-read/version", "8.17.0", "8.17.9")
    assert main([str(path), "--endpoints", "built"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "differs   public-read/version",
        "          #1 GET /flux/version: data: recorded 8.17.9, got 8.17.0",
        "0 agree, 1 differ, 0 not built",
    ]


def test_a_route_that_is_missing_fails_only_when_all_are_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _altered(tmp_path, "public-read/version", "8.17.0", "8.17.0")
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["cases"][0]["exchanges"][0]["request"]["path"] = "/flux/nosuchroute/x"
    path.write_text(json.dumps(raw), encoding="utf-8")
    assert main([str(path), "-v"]) == 1
    assert "no route: GET /flux/nosuchroute" in capsys.readouterr().out
    assert main([str(path), "--endpoints", "built"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 agree, 0 differ, 1 not built"


def test_the_command_refuses_another_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}", encoding="utf-8")
    assert main([str(path)]) == 2
    assert "is not a recording" in capsys.readouterr().err
