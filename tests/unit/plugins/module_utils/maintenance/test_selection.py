# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes of a fleet are restarted: one table, and the properties that the docstring names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import Preflight, preflight
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.reasons import Reason
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.selection import (
    NEWEST,
    Criteria,
    Past,
    SelectionError,
    checked_target,
    choose,
    judge,
    resolve_target,
    seconds,
    worth_waiting,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Dos, Process
from ansible_collections.fluxme.fluxos.plugins.module_utils.versions import VersionError
from tests.unit.readings import UNREAD, confirmed_at_age, healthy

DAY = 86_400
NOW = 1_790_000_000.0
OLD = Process(DAY, NOW)
YOUNG = Process(60, NOW)
#: What OLD was an hour ago, and what YOUNG replaced.
SEEN = Process(DAY - 3600, NOW - 3600)


@dataclass(frozen=True)
class Case:
    what: str
    expected: tuple[str, str]
    criteria: Criteria = field(default_factory=Criteria)
    past: Past = field(default_factory=Past)
    reading: dict[str, Any] = field(default_factory=dict)


TO_8_21 = Criteria(target_version="8.21.0")
AFTER = {"version": "8.20.0", "process": plain(SEEN)}

CASES = [
    # 1. An interrupted run
    Case("begun, another process now", ("verify", "interrupted"), TO_8_21, Past(SEEN, True), {"process": YOUNG}),
    Case("begun, away", ("verify", "interrupted"), TO_8_21, Past(SEEN, True), {"version": UNREAD}),
    Case("begun, no uptime", ("verify", "interrupted"), TO_8_21, Past(SEEN, True), {"process": UNREAD}),
    Case("begun, still the same process", ("restart", "outdated"), TO_8_21, Past(SEEN, True)),
    Case("begun, nothing known of before", ("restart", "outdated"), TO_8_21, Past(None, True)),
    # 2. Nothing told
    Case("no version", ("hold", "unreachable"), TO_8_21, reading={"version": UNREAD}),
    Case("no uptime", ("hold", "unreachable"), Criteria(), reading={"process": UNREAD}),
    # 3. Restarted already
    Case(
        "another process than this run saw", ("skip", "already_restarted"), Criteria(), Past(SEEN), {"process": YOUNG}
    ),
    Case("the process that this run saw", ("restart", "named"), Criteria(), Past(SEEN)),
    # 4. Candidates
    Case("no criterion", ("restart", "named")),
    Case("named", ("restart", "named"), Criteria("8.20.0", names=frozenset({"berlin"}))),
    Case("another is named", ("skip", "not_selected"), Criteria(names=frozenset({"paris"}))),
    Case("nobody is named", ("skip", "not_selected"), Criteria(names=frozenset())),
    Case("runs too long", ("restart", "long_running"), Criteria("8.20.0", max_uptime=DAY - 1)),
    Case("runs as long as it may", ("skip", "not_selected"), Criteria(max_uptime=DAY)),
    Case("older", ("restart", "outdated"), TO_8_21),
    Case("equal", ("skip", "not_outdated"), Criteria("8.20.0")),
    Case("newer", ("skip", "not_outdated"), Criteria("8.9.9")),
    Case("no version that compares", ("hold", "cannot_evaluate"), TO_8_21, reading={"version": "8.20.0-dev"}),
    Case("nothing in the fleet compares", ("hold", "cannot_evaluate"), Criteria(NEWEST)),
    Case("named, whatever its version", ("restart", "named"), Criteria(NEWEST, names=frozenset({"berlin"}))),
    # 5. A restart that did not update
    Case("our restart did not help", ("skip", "not_updated_by_restart"), TO_8_21, Past(after_restart=AFTER)),
    Case("restarted since by others", ("restart", "outdated"), TO_8_21, Past(after_restart=AFTER), {"process": YOUNG}),
    Case(
        "older than after our restart",
        ("restart", "outdated"),
        TO_8_21,
        Past(after_restart={**AFTER, "version": "8.19.0"}),
    ),
    Case("no process was kept", ("restart", "outdated"), TO_8_21, Past(after_restart={"version": "8.20.0"})),
    Case(
        "named all the same",
        ("restart", "named"),
        Criteria("8.21.0", names=frozenset({"berlin"})),
        Past(after_restart=AFTER),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_node_is_chosen(case: Case) -> None:
    reading = healthy(**{"process": OLD, **case.reading})
    decision = choose(reading, case.criteria, case.past)
    assert (decision.decision, decision.reason.value) == case.expected
    assert decision.sentence


@given(
    version=st.sampled_from(["8.20.0", "8.21.0", "8.20.0-dev", UNREAD]),
    process=st.sampled_from([OLD, YOUNG, UNREAD]),
    target=st.sampled_from([None, NEWEST, "8.20.0", "8.21.0"]),
    max_uptime=st.sampled_from([None, 3600.0]),
    names=st.sampled_from([None, frozenset(), frozenset({"berlin"})]),
    seen=st.sampled_from([None, SEEN]),
    in_flight=st.booleans(),
    after=st.sampled_from([{}, AFTER]),
)
def test_every_node_gets_one_decision_and_no_process_is_restarted_twice(
    version: Any, process: Any, target: Any, max_uptime: Any, names: Any, seen: Any, in_flight: bool, after: Any
) -> None:
    reading = healthy(version=version, process=process)
    decision = choose(reading, Criteria(target, max_uptime, names), Past(seen, in_flight, after))
    assert decision.decision in ("restart", "verify", "hold", "skip")
    assert decision.sentence
    if seen is not None and process is YOUNG:
        assert decision.decision != "restart"
    if decision.decision == "restart":
        assert not isinstance(process, type(UNREAD))
        assert not isinstance(version, type(UNREAD))
    if decision.reason is Reason.OUTDATED:
        assert (version, target) == ("8.20.0", "8.21.0")


class TestTarget:
    @pytest.mark.parametrize(
        ("target", "versions", "expected"),
        [
            (NEWEST, ["8.9.0", "8.20.0", "8.18.0"], "8.20.0"),
            (NEWEST, ["8.9.0", "9.0.0-dev", UNREAD], "8.9.0"),
            (NEWEST, ["9.0.0-dev", UNREAD], NEWEST),
            (NEWEST, [], NEWEST),
            ("8.18.0", ["8.20.0"], "8.18.0"),
            (None, ["8.20.0"], None),
        ],
    )
    def test_newest_is_what_the_fleet_reports_and_is_never_dropped(
        self, target: str | None, versions: list[Any], expected: str | None
    ) -> None:
        assert resolve_target(target, [healthy(version=version) for version in versions]) == expected

    @pytest.mark.parametrize(("text", "expected"), [("", None), (None, None), (NEWEST, NEWEST), ("8.20.0", "8.20.0")])
    def test_what_a_user_may_give(self, text: str | None, expected: str | None) -> None:
        assert checked_target(text) == expected

    @pytest.mark.parametrize("text", ["8.20", "latest", "v8.20.0"])
    def test_what_is_no_version_is_refused_before_a_node_is_read(self, text: str) -> None:
        with pytest.raises(VersionError, match=text):
            checked_target(text)


class TestSeconds:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("90", 90), ("90s", 90), ("1.5m", 90), ("12h", 43200), (" 7 D ", 604800), ("2w", 1209600), ("0", 0)],
    )
    def test_durations_as_people_write_them(self, text: str, expected: float) -> None:
        assert seconds(text) == expected

    @pytest.mark.parametrize("text", ["", "soon", "-5", "7 days", "1e3", "d"])
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(SelectionError, match="is no duration"):
            seconds(text)


class TestJudging:
    CANDIDATE = choose(healthy(), Criteria(), Past())

    def judged(self, **spoilt: Any) -> tuple[Any, Preflight]:
        verdict = preflight(healthy(**spoilt), Limits())
        return judge(self.CANDIDATE, verdict), verdict

    def test_a_candidate_that_passes_keeps_its_own_reason(self) -> None:
        decision, _unused = self.judged()
        assert (decision.decision, decision.reason) == ("restart", Reason.NAMED)

    def test_one_that_does_not_is_held_for_the_first_gate(self) -> None:
        decision, verdict = self.judged(dos=Dos(5, "slow"), explorer_synced=False)
        assert (decision.decision, decision.reason) == ("hold", Reason.EXPLORER_BEHIND)
        assert decision.sentence == verdict.sentence

    def test_what_passes_by_itself_is_worth_waiting_for(self) -> None:
        assert worth_waiting([self.judged(confirmation=confirmed_at_age(470))[0]])
        assert not worth_waiting([self.judged(dos=Dos(5, "slow"))[0], self.CANDIDATE])
        assert not worth_waiting([])

    def test_instances_elsewhere_are_not_waited_for(self) -> None:
        decision, _unused = self.judged(elsewhere={"shop": 1, "wiki": 2})
        assert (decision.reason, decision.clears) == (Reason.APP_BUDGET, True)
        assert not worth_waiting([decision])


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        (Criteria(names=frozenset()), "it was not selected: it is not named"),
        (Criteria(max_uptime=2 * DAY), "it was not selected: it does not run longer than allowed"),
        (Criteria(max_uptime=2 * DAY, names=frozenset()), "it was not selected: it does not run longer than allowed"),
    ],
)
def test_why_a_node_was_not_selected_is_true(criteria: Criteria, said: str) -> None:
    assert choose(healthy(), criteria, Past()).sentence == said
