# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures, equal to FluxOS's on every vector."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.keys import Form, PrivateKey
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.signatures import (
    bitcoin_digest,
    check_signable,
    sign,
    sign_bitcoin,
    sign_ethereum,
    signer_of,
    verify,
)
from tests.unit.plugins.module_utils.signing.vectors import CASES, KEYS, key_text, message_of

REPRODUCIBLE = {name: case for name, case in CASES.items() if case.get("reproducible")}
ETHEREUM = KEYS["hardhat_0"]["address"]


def test_the_vectors_are_all_there() -> None:
    assert len(CASES) == 46
    assert {case["valid"] for case in CASES.values()} == {True, False}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_verdict_is_that_of_fluxos(case: dict[str, Any]) -> None:
    assert verify(message_of(case), case["address"], case["signature"]) is case["valid"]


@pytest.mark.parametrize("case", REPRODUCIBLE.values(), ids=REPRODUCIBLE.keys())
def test_signature_is_that_of_fluxos(case: dict[str, Any]) -> None:
    key = PrivateKey.parse(key_text(case["key"]))
    message = message_of(case)
    if case["scheme"] == "bitcoin":
        assert sign_bitcoin(message, key, compressed=KEYS[case["key"]]["compressed"]) == case["signature"]
        assert bitcoin_digest(message).hex() == case["magic_double_sha256"]
    elif case["valid"]:
        assert sign_ethereum(message, key) == case["signature"]
    else:
        # A wallet's right signature that FluxOS refuses: not made at all.
        with pytest.raises(IdentityError, match="printable ASCII only"):
            sign_ethereum(message, key)


@pytest.mark.parametrize("form", Form)
@given(text=some.text(alphabet=some.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=80))
def test_what_is_signed_verifies_for_its_address_only(form: Form, text: str) -> None:
    key = PrivateKey.parse(key_text("hardhat_0"))
    signature = sign(text, key, form)
    addresses = key.addresses()
    assert [each for each in Form if verify(text, addresses[each], signature)] == [form]
    assert not verify(text + " ", addresses[form], signature)
    assert signer_of(text, signature, ethereum=form is Form.ETHEREUM) == addresses[form]


@given(some.text(max_size=60), some.text(max_size=90), some.text(max_size=140))
def test_verifying_never_raises(message: str, address: str, signature: str) -> None:
    assert verify(message, address, signature) is False


@given(some.binary(min_size=65, max_size=65))
def test_any_65_bytes_are_judged(data: bytes) -> None:

    text = base64.b64encode(data).decode("ascii")
    assert verify("Hello Flux", KEYS["wiki_c"]["address"], text) is False
    assert verify("Hello Flux", ETHEREUM, "0x" + data.hex()) is False


@pytest.mark.parametrize("text", ["line\nbreak", "tab\t", "café", "🚀", "\x7f", "\0"])
def test_ethereum_signs_no_text_that_fluxos_reads_differently(text: str) -> None:
    key = PrivateKey.parse(key_text("hardhat_0"))
    with pytest.raises(IdentityError, match=r"it holds U\+[0-9A-F]{4,6} at position"):
        sign(text, key, Form.ETHEREUM)
    with pytest.raises(IdentityError, match="printable ASCII only"):
        check_signable(text, ETHEREUM)
    check_signable(text, KEYS["wiki_c"]["address"])
    assert verify(text, KEYS["wiki_c"]["address"], sign(text, PrivateKey.parse(key_text("wiki_c")), Form.COMPRESSED))


@pytest.mark.parametrize("form", Form)
def test_nothing_is_no_text_to_sign(form: Form) -> None:
    with pytest.raises(IdentityError, match="empty"):
        sign("", PrivateKey.parse(key_text("hardhat_0")), form)


@pytest.mark.parametrize("v", ["02", "1a", "1d", "ff"])
def test_other_recovery_values_of_ethereum_are_refused(v: str) -> None:
    good = CASES["eth_ascii"]["signature"]
    assert not verify("Hello Flux", ETHEREUM, good[:-2] + v)


def test_signer_of_says_nothing_of_what_is_no_signature() -> None:
    assert signer_of("Hello", "no signature", ethereum=False) is None
    assert signer_of("Hello", "no signature", ethereum=True) is None
    assert signer_of("", CASES["compressed_ascii"]["signature"], ethereum=False) is None
