# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error texts: four parts, one line, no secrets."""

from __future__ import annotations

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils import errors
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import AnswerLost, Busy, FluxOSError, clean

# sha256("fluxos test key / node owner"), a throw-away key of the recordings.
WIF = "L3kJXW7o8rFU8JazQ7U8uPUvLMmYPeDyKnJRFurqnv8BUcaGzZ5H"


def test_the_text_has_four_parts() -> None:
    error = AnswerLost("1.2.3.4:16127", "restart FluxOS", "no answer within 30 s.", "Read the uptime.")
    assert str(error) == "1.2.3.4:16127: restart FluxOS: no answer within 30 s. Read the uptime."
    assert error.as_dict() == {
        "kind": "answer_lost",
        "node": "1.2.3.4:16127",
        "operation": "restart FluxOS",
        "said": "no answer within 30 s",
        "advice": "Read the uptime",
        "code": None,
        "name": None,
    }


def test_the_kinds_are_distinct_names() -> None:
    family = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, FluxOSError)]
    own = {error.kind for error in family if "kind" in vars(error)}
    assert {"unreachable", "answer_lost", "refused", "unauthorized", "not_found", "busy", "bad_answer"} <= own
    assert len(own) == len([error for error in family if "kind" in vars(error)])


def test_only_an_answer_that_was_lost_or_not_understood_leaves_doubt() -> None:
    doubtful = {
        value.__name__
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, FluxOSError) and value.maybe_done
    }
    assert doubtful == {"AnswerLost", "BadAnswer"}


def test_busy_tells_when_to_come_back() -> None:
    assert Busy("n", "o", "s", "a", retry_after=15.0).as_dict()["retry_after"] == 15.0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '{"zelid":"1abc","loginPhrase":"1795548235921fly","signature":"IEmV+/="}',
            '"loginPhrase":"***","signature":"***"',
        ),
        ("GET /x?signature=abc%3D&app=shop", "signature=***&app=shop"),
        ("?loginphrase=17955&apiKey=k", "loginphrase=***&apiKey=***"),
        ("password: hunter2", "password: ***"),
        (f"importprivkey {WIF} failed", "importprivkey *** failed"),
        ("zelidauth=x", "zelidauth=***"),
        ("the signature is wrong", "the signature is wrong"),
        ("Invalid signature", "Invalid signature"),
        ("dropped\tby\r\nproxy", "dropped by proxy"),
    ],
)
def test_what_others_say_is_scrubbed(text: str, shown: str) -> None:
    assert shown in clean(text)
    assert WIF not in clean(text)


def test_what_others_say_is_bounded() -> None:
    assert len(clean("x" * 10_000_000)) == errors.MAX_SAID
    assert clean("a b") == "a b"


def test_an_error_scrubs_what_it_is_given() -> None:
    error = FluxOSError("n", "o", f"bad key {WIF}", "a")
    assert WIF not in str(error)
    assert WIF not in repr(error)
    assert WIF not in str(error.as_dict())
