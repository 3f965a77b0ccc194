# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base58Check there and back, and what is said of a library that is missing."""

from __future__ import annotations

from collections.abc import Callable

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.fluxme.fluxos.plugins.module_utils.signing import curve
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.curve import decode_check, encode_check
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import LibraryMissingError
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.keys import PrivateKey

ALPHABET = base58.BITCOIN_ALPHABET.decode()


@given(some.binary(min_size=1, max_size=60))
def test_what_was_encoded_is_decoded(payload: bytes) -> None:
    assert decode_check(encode_check(payload)) == payload


@given(some.binary(min_size=1, max_size=40), some.integers(min_value=0), some.sampled_from(ALPHABET))
def test_a_mistyped_character_is_noticed(payload: bytes, place: int, character: str) -> None:
    text = encode_check(payload)
    at = place % len(text)
    changed = text[:at] + character + text[at + 1 :]
    assert (decode_check(changed) is None) == (changed != text)


@pytest.mark.parametrize("text", ["", "1", "0", "l", "1111", "not base58", "é", "3vQB7B6MrGQZaxCuFg4o", "3QJmnh"])
def test_other_text_is_none_and_no_exception(text: str) -> None:
    assert decode_check(text) is None


def test_leading_zeros_are_kept() -> None:
    assert encode_check(b"\0" * 21) == "1111111111111111111114oLvT2"
    assert decode_check("1111111111111111111114oLvT2") == b"\0" * 21


@pytest.mark.parametrize(
    ("package", "error", "use"),
    [
        ("base58", "BASE58_ERROR", lambda: PrivateKey.parse("5" + "K" * 50)),
        ("coincurve", "COINCURVE_ERROR", lambda: PrivateKey.parse("11" * 32).addresses()),
        ("pycryptodome", "CRYPTO_ERROR", lambda: curve.keccak256(b"")),
    ],
)
def test_a_library_that_is_missing_is_named(
    package: str, error: str, use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curve, error, ImportError("No module named it"))
    with pytest.raises(LibraryMissingError, match=rf"No module named it.*pip install {package}\.$") as caught:
        use()
    assert "KKKK" not in str(caught.value)
