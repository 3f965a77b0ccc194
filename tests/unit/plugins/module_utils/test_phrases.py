# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Phrases and the header that carries them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.fluxme.fluxos.plugins.module_utils.phrases import (
    BACKDATED,
    auth_header,
    header_secrets,
    is_phrase,
    issued_at,
    self_issued_phrase,
)


@given(some.floats(min_value=1.6e9, max_value=4e9))
def test_a_self_issued_phrase_has_the_form_that_nodes_take(now: float) -> None:
    phrase = self_issued_phrase(now)
    assert 40 <= len(phrase) <= 70
    assert phrase.isascii()
    assert phrase.isalnum()
    assert phrase == phrase.lower()
    assert is_phrase(phrase)
    issued = issued_at(phrase)
    assert issued is not None
    # Never later than the node's clock, not even by a millisecond; the rest is for clocks that are behind.
    assert 0 <= now - BACKDATED - issued < 0.0011


def test_phrases_differ() -> None:
    assert len({self_issued_phrase(1.8e9) for _unused in range(100)}) == 100


def test_the_choice_of_characters_can_be_given() -> None:
    assert self_issued_phrase(1_800_000_060.5, lambda text: text[-1]) == "1800000000500" + "z" * 40


@pytest.mark.parametrize("now", [0.0, 100.0, 1e12])
def test_a_clock_of_another_age_gives_a_phrase_of_the_right_form(now: float) -> None:
    assert is_phrase(self_issued_phrase(now))


@pytest.mark.parametrize(
    "text",
    [
        None,
        17,
        {"message": "x"},
        "",
        "1767225600123",
        "x" * 45,
        "1767225600123 3j9x0q2m4n6b8v1c5z7l0p3o6i9u2y4t8r",
        "<html>" + "1" * 40,
        "1" * 500,
        "1767225600123é" + "a" * 40,
    ],
)
def test_other_answers_are_no_phrase(text: object) -> None:
    assert not is_phrase(text)


def test_the_header_is_json_with_the_values_as_they_are() -> None:
    header = auth_header("1abc", "1767225600123k3j9", "IOpS+/=")
    assert header == '{"zelid":"1abc","signature":"IOpS+/=","loginPhrase":"1767225600123k3j9"}'
    assert json.loads(header)["signature"] == "IOpS+/="
    assert header_secrets(header) == {header, "IOpS+/=", "1767225600123k3j9"}
