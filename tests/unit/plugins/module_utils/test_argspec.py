# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of which modules make their options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import (
    AUTH,
    CONNECTION,
    CONNECTION_OPTIONS,
    GATEWAY,
    NODE,
    WAIT,
    WAYS_TO_SIGN,
    argument_spec,
    constraints_for,
)


def test_own_options_come_last_and_parts_stay_as_they_are() -> None:
    merged = argument_spec(NODE, WAIT, own={"wait": {"type": "str"}, "own": {"type": "int"}})
    assert set(merged) == {*NODE, *WAIT, "own"}
    assert (merged["wait"], WAIT["wait"]["type"]) == ({"type": "str"}, "bool")


def test_options_of_the_connection_may_come_from_outside_and_those_of_the_wait_may_not() -> None:
    assert {*CONNECTION, "node", "app", "gateway", *AUTH} == CONNECTION_OPTIONS
    assert not CONNECTION_OPTIONS & set(WAIT)


def test_only_the_key_itself_is_a_secret() -> None:
    """A path marked no_log would be cut out of every result and error."""
    every = argument_spec(NODE, GATEWAY, AUTH, WAIT)
    assert [name for name, option in every.items() if option.get("no_log")] == ["private_key"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"private_key": "a", "private_key_file": "b"}, "mutually exclusive"),
        ({"private_key_file": "a", "signer_command": "b"}, "mutually exclusive"),
        ({"tls_mode": "pin"}, "tls_fingerprint"),
        ({"scheme": "gopher"}, "gopher"),
        ({}, None),
        *(({way: "a"}, None) for way in WAYS_TO_SIGN),
        ({"tls_mode": "pin", "tls_fingerprint": "ab"}, None),
    ],
)
def test_rules_that_all_modules_share(options: dict[str, str], said: str | None) -> None:
    spec = argument_spec(NODE, AUTH)
    errors = ArgumentSpecValidator(spec, **constraints_for(spec)).validate(options).error_messages
    assert bool(errors) is bool(said), errors
    assert said is None or said in errors[0]


def test_rules_concern_only_options_that_are_there() -> None:
    own: dict[str, Any] = {"required_if": [("state", "x", ("y",))]}
    assert constraints_for({"state": {}}, own) == own
    assert constraints_for(GATEWAY) == {}
    with_both = constraints_for(argument_spec(NODE, AUTH), own)
    assert len(with_both["required_if"]) == 2
    assert len(own["required_if"]) == 1, "the module's own list was changed"


def test_defaults_are_those_of_the_documentation() -> None:
    params = ArgumentSpecValidator(argument_spec(NODE, GATEWAY, AUTH, WAIT)).validate({}).validated_parameters
    assert {name: value for name, value in params.items() if value is not None} == {
        "tls_mode": "off",
        "timeout": 20.0,
        "retries": 2,
        "max_answer": 64 * 2**20,
        "gateway": ["https://api.runonflux.io"],
        "session_cache": params["session_cache"],
        "wait": True,
        "wait_timeout": 900.0,
        "wait_interval": 5.0,
    }
    assert params["session_cache"].endswith("/.ansible/fluxos/sessions")
