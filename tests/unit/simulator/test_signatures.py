# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures: every verdict equals FluxOS' own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.keys import Person
from tests.simulator.signatures import bitcoin_digest, node_base64, varint, verify

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "vectors" / "signing.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = VECTORS["cases"]


def text_of(case: dict[str, Any]) -> str:
    """The message of a case; long ones are given as a text and how often."""
    if "message" in case:
        return str(case["message"])
    return str(case["message_repeat"]["text"]) * int(case["message_repeat"]["count"])


def test_there_are_46_vectors_of_both_verdicts() -> None:
    assert len(CASES) == 46
    assert {case["valid"] for case in CASES} == {True, False}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_verdict(case: dict[str, Any]) -> None:
    assert verify(text_of(case), case["address"], case["signature"]) is case["valid"]


@pytest.mark.parametrize("case", [c for c in CASES if "magic_double_sha256" in c], ids=lambda case: str(case["id"]))
def test_digest(case: dict[str, Any]) -> None:
    assert bitcoin_digest(text_of(case)).hex() == case["magic_double_sha256"]


@pytest.mark.parametrize(
    ("number", "encoded"),
    [(252, "fc"), (253, "fdfd00"), (65535, "fdffff"), (65536, "fe00000100"), (2**32, "ff0000000001000000")],
)
def test_varint(number: int, encoded: str) -> None:
    assert varint(number).hex() == encoded


def test_base64_is_as_lenient_as_node() -> None:
    assert node_base64("-_-_\n") == node_base64("+/+/") == b"\xfb\xff\xbf"
    assert node_base64("QUJD=garbage") == b"ABC"


def test_a_person_signs_what_verifies() -> None:
    who = Person.named("somebody")
    assert verify("a text", who.flux_id, who.sign("a text"))
    assert not verify("another text", who.flux_id, who.sign("a text"))
    assert Person.named("somebody").wif == who.wif != Person.named("somebody else").wif
