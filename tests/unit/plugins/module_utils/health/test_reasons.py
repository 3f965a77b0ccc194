# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reasons: names, sentences, and text from nodes inside them."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.reasons import Effect, Reason, told


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.value)
def test_every_reason_has_a_name_for_machines_and_a_sentence_from_its_facts(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason.value)
    assert Reason(reason.value) is reason
    facts = {part[1]: f"<{part[1]}>" for part in Formatter().parse(reason.template) if part[1]}
    sentence = reason.sentence(**facts)
    assert all(fact in sentence for fact in facts.values())
    assert "{" not in sentence
    for name in facts:
        with pytest.raises(KeyError):
            reason.sentence(**{other: fact for other, fact in facts.items() if other != name})


def test_what_clears_by_itself_within_an_hour() -> None:
    assert {reason.value for reason in Reason if reason.clears} == {
        "app_budget",
        "benchmarking",
        "booting",
        "confirmation_due",
        "daemon_behind",
        "explorer_behind",
        "slack",
    }
    assert {reason.effect for reason in Reason if reason.clears} == {Effect.HOLD}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Flux IP detection failed", "`Flux IP detection failed`"),
        ("two\nlines\tand  blanks ", "`two lines and blanks`"),
        ("\x1b[31mred\x00\u202e", "`[31mred`"),
        ("x" * 500, f"`{'x' * 200}...`"),
        (None, "`None`"),
        ("{facts}", "`{facts}`"),
    ],
)
def test_text_of_a_node_is_shown_on_one_line_and_short(text: object, shown: str) -> None:
    assert told(text) == shown
    assert Reason.UNHEALTHY.sentence(said=told(text)) == f"its own health check failed: {shown}"
