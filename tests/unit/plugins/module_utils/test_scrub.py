# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scrubber hides, in every spelling, and what it must leave alone."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.fluxme.fluxos.plugins.module_utils.phrases import auth_header, self_issued_phrase
from ansible_collections.fluxme.fluxos.plugins.module_utils.scrub import HIDDEN, Scrubber
from tests.unit.plugins.module_utils.signing.vectors import CASES, KEYS

PHRASE = "1767225600123k3j9x0q2m4n6b8v1c5z7l0p3o6i9u2y4t8r"
SIGNATURE = CASES["login_phrase"]["signature"]
FLUX_ID = KEYS["wiki_c"]["address"]
WIF = KEYS["wiki_c"]["wif"]
HEADER = auth_header(FLUX_ID, PHRASE, SIGNATURE)

SPELLINGS = {
    "plain": lambda secret: secret,
    "percent": lambda secret: quote(secret, safe=""),
    "percent, slash kept": quote,
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"value": secret})),
    "repr": lambda secret: repr({"value": secret}),
    "query": lambda secret: urlencode({"value": secret}),
    "in a sentence": lambda secret: f"the node said: {secret}.",
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("secret", [SIGNATURE, PHRASE, WIF, HEADER, 'pass/word+with spaces = "quoted" \\ and é'])
def test_known_secrets_are_hidden_in_every_spelling(secret: str, spell: object) -> None:
    assert callable(spell)
    spelt = spell(secret)
    cleaned = Scrubber({secret}).text(f"before {spelt} after")
    assert HIDDEN in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], quote_plus(secret)):
        assert form not in cleaned


def test_nested_results_are_cleaned_with_their_keys() -> None:
    scrubber = Scrubber({SIGNATURE})
    value = {
        "list": [SIGNATURE, {"deep": (f"x{SIGNATURE}x", 7, None, True)}],
        SIGNATURE: "as a key",
        "set": {SIGNATURE},
        "bytes": SIGNATURE.encode(),
        "number": 12345678,
    }
    assert scrubber.scrub(value) == {
        "list": [HIDDEN, {"deep": (f"x{HIDDEN}x", 7, None, True)}],
        HIDDEN: "as a key",
        "set": {HIDDEN},
        "bytes": HIDDEN.encode(),
        "number": 12345678,
    }
    assert value["list"][0] == SIGNATURE


def test_secrets_can_be_learned_later() -> None:
    scrubber = Scrubber()
    assert scrubber.text("tell hunter2hunter2") == "tell hunter2hunter2"
    scrubber.add(["hunter2hunter2"])
    assert scrubber.text("tell hunter2hunter2") == f"tell {HIDDEN}"


def test_a_longer_secret_goes_before_a_shorter_one_inside_it() -> None:
    assert Scrubber({SIGNATURE, HEADER}).text(HEADER) == HIDDEN


@pytest.mark.parametrize("short", ["", "1", "true", "a", "node", "1234567"])
def test_short_texts_are_not_secrets(short: str) -> None:
    text = "1 true node at 1234567 has a value"
    assert Scrubber({short}).text(text) == text


UNKNOWN = {
    "compressed WIF": f"key {WIF}",
    "uncompressed WIF": f"key={KEYS['wiki_u']['wif']};",
    "header": HEADER,
    "header in JSON": json.dumps({"zelidauth": HEADER}),
    "header twice": json.dumps(json.dumps({"headers": {"zelidauth": HEADER}})),
    "header as repr": repr({"zelidauth": HEADER}),
    "header as query": urlencode({"zelid": FLUX_ID, "signature": SIGNATURE, "loginPhrase": PHRASE}),
    "answer of a login": json.dumps({"data": {"loginPhrase": PHRASE, "signature": SIGNATURE, "privilage": "admin"}}),
    "phrase": f"the phrase is {PHRASE}",
    "header line": f"zelidauth: {HEADER}",
    "own phrase": self_issued_phrase(1.9e9),
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_secrets_that_nobody_told_of_are_found_by_their_form(text: str) -> None:
    cleaned = Scrubber().text(text)
    assert HIDDEN in cleaned
    for secret in (WIF, KEYS["wiki_u"]["wif"], PHRASE, SIGNATURE, quote(SIGNATURE, safe=""), PHRASE[14:40]):
        assert secret not in cleaned


def test_values_of_telling_keys_are_hidden() -> None:
    value = {
        "loginPhrase": "short",
        "signature": "sig",
        "zelidauth": {"zelid": FLUX_ID},
        "private_key": "x",
        "zelid": FLUX_ID,
        "privilage": "admin",
    }
    assert Scrubber().scrub(value) == {
        "loginPhrase": HIDDEN,
        "signature": HIDDEN,
        "zelidauth": HIDDEN,
        "private_key": HIDDEN,
        "zelid": FLUX_ID,
        "privilage": "admin",
    }


def test_empty_and_marked_values_stay_readable() -> None:
    value = {"private_key": None, "loginPhrase": "", "zelidauth": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}
    assert Scrubber().scrub(value) == value


ORDINARY = {
    "txhash": "a3b1375b7df6f6b2466b3d35caa08d2602d4482d23e61829b6aab074cbac7bf0",
    "txhash that looks like a phrase": "1767225600123" + "abcdef0123456789" * 3 + "0ab",
    "digits": "1767225600123" + "0" * 51,
    "address": FLUX_ID,
    "payment address": "t1dg6GZ6ZqUV4G6RCKLLSae5rsFq1jhvZyQ",
    "collateral": "COutPoint(53c5efcf4f5bd0ae34fb43d1b5aa5b2a5d4d3e5c5f6a7b8c9d0e1f2a3b4c5d6e, 0)",
    "public key": KEYS["wiki_u"]["public_key_hex"],
    "compressed public key": KEYS["wiki_c"]["public_key_hex"],
    "ethereum": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "ipfs": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    "image digest": "sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
    "sentence": "Signed message is no longer valid. Please request a new one.",
    "signature in prose": "The signature is not valid: check it.",
    "app message": json.dumps({"type": "fluxappregister", "signature": SIGNATURE, "hash": "ab" * 32}),
    "milliseconds": "1767225600123",
    "name": "K" + "a" * 30,
    "long word": "L" * 80,
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_values_stay(text: str) -> None:
    assert Scrubber({WIF}).text(text) is text


def test_a_public_signature_of_an_app_message_stays() -> None:
    message = {"type": "fluxappregister", "version": 1, "signature": SIGNATURE, "timestamp": 1767225600123}
    assert Scrubber().scrub({"data": [message]}) == {"data": [message]}


@given(some.recursive(some.none() | some.booleans() | some.integers() | some.text(), some.lists))
def test_without_secrets_nothing_changes(value: object) -> None:
    assert Scrubber().scrub(value) == value
