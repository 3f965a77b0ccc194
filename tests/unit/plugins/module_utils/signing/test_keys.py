# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, what they are read from, and which Flux IDs they stand for."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.curve import encode_check
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.keys import (
    Form,
    PrivateKey,
    check_flux_id,
    checksum_address,
)
from tests.unit.plugins.module_utils.signing.vectors import KEYS, key_text

HEX = KEYS["wiki_c"]["private_key_hex"]
SECRET = bytes.fromhex(HEX)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize("vector", [vector for vector in KEYS.values() if "wif" in vector], ids=lambda v: v["id"])
def test_wif_tells_key_and_form(vector: dict[str, Any]) -> None:
    key = PrivateKey.parse(vector["wif"])
    assert key.secret.hex() == vector["private_key_hex"]
    assert key.form is (Form.COMPRESSED if vector["compressed"] else Form.UNCOMPRESSED)
    assert key.form is not None
    assert key.address(key.form) == vector["address"]
    assert key.wif(compressed=vector["compressed"]) == vector["wif"]


@pytest.mark.parametrize("text", [HEX, HEX.upper(), "0x" + HEX, "0X" + HEX, f" {HEX}\n"])
def test_hex_tells_the_key_but_no_form(text: str) -> None:
    key = PrivateKey.parse(text)
    assert key.secret == SECRET
    assert key.form is None
    assert key.addresses()[Form.COMPRESSED] == KEYS["wiki_c"]["address"]
    assert key.addresses()[Form.UNCOMPRESSED] == KEYS["wiki_u"]["address"]


def test_ethereum_address_has_the_capitals_of_eip_55() -> None:
    assert PrivateKey.parse(key_text("hardhat_0")).address(Form.ETHEREUM) == KEYS["hardhat_0"]["address"]


@pytest.mark.parametrize(
    "address",
    [
        # The examples of EIP-55.
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_examples_of_eip_55(address: str) -> None:
    assert checksum_address(bytes.fromhex(address[2:])) == address


NONSENSE = {
    "empty": ("", "empty"),
    "space": ("  \n", "empty"),
    "word": ("correct horse battery staple", "neither a WIF"),
    "63 digits": (HEX[1:], "neither a WIF"),
    "65 digits": (HEX + "0", "neither a WIF"),
    "zero": ("0" * 64, "zero or beyond"),
    "order": (format(ORDER, "064x"), "zero or beyond"),
    "wrong checksum": (KEYS["wiki_c"]["wif"][:-1] + "8", "neither a WIF"),
    "test network": (encode_check(b"\xef" + SECRET + b"\x01"), "test network"),
    "address": (KEYS["wiki_c"]["address"], "may be an address"),
    "too short": (encode_check(b"\x80" + SECRET[1:]), "wrong length"),
    "wrong flag": (encode_check(b"\x80" + SECRET + b"\x02"), "wrong length"),
    "vault": ("$ANSIBLE_VAULT;1.1;AES256\n3132", "ansible-vault"),
}


@pytest.mark.parametrize(("text", "said"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_without_quoting_it(text: str, said: str) -> None:
    with pytest.raises(IdentityError, match=said) as caught:
        PrivateKey.parse(text)
    shown = "".join(traceback.format_exception(caught.value))
    if len(text) > 30:
        assert text not in shown
        assert text[8:24] not in shown


def test_nothing_that_describes_a_key_holds_it() -> None:
    key = PrivateKey.parse(KEYS["wiki_c"]["wif"])
    for shown in (repr(key), str(key), f"{key!r:>9}", repr([key])):
        for secret in key.secrets():
            assert secret not in shown
        assert repr(key.secret) not in shown


def test_every_text_form_of_a_key_is_known_as_a_secret() -> None:
    from_wif = PrivateKey.parse(KEYS["wiki_c"]["wif"]).secrets()
    assert {HEX, HEX.upper(), KEYS["wiki_c"]["wif"], KEYS["wiki_u"]["wif"]} <= from_wif
    assert "0x" + HEX in PrivateKey.parse("0x" + HEX).secrets()


@given(some.integers(min_value=1, max_value=ORDER - 1), some.booleans())
def test_any_key_survives_its_wif(number: int, compressed: bool) -> None:
    secret = number.to_bytes(32, "big")
    key = PrivateKey.parse(secret.hex())
    again = PrivateKey.parse(key.wif(compressed=compressed))
    assert again.secret == secret
    assert again.form is (Form.COMPRESSED if compressed else Form.UNCOMPRESSED)
    assert pickle.loads(pickle.dumps(again)) == again


@pytest.mark.parametrize(
    "flux_id",
    [KEYS["wiki_c"]["address"], KEYS["wiki_u"]["address"], KEYS["hardhat_0"]["address"], "0x" + "ab" * 20],
)
def test_a_flux_id_keeps_its_spelling(flux_id: str) -> None:
    assert check_flux_id(f" {flux_id}\n") == flux_id


WRONG_IDS = {
    "mistyped": ("1LoVGDgRs9hTfTNJNuXKSpywcbdvwRXpmL", "wrong checksum"),
    "payment address": (KEYS["wiki_c"]["flux_t1_address"], "payment address"),
    "test network": (KEYS["wiki_c"]["testnet_address"], "no Flux ID"),
    "script": (KEYS["wiki_c"]["p2sh_p2wpkh_address"], "no Flux ID"),
    "short ethereum": ("0x" + "a" * 39, "no Flux ID"),
    "word": ("me", "no Flux ID"),
    "empty": ("", "no Flux ID"),
}


@pytest.mark.parametrize(("text", "said"), WRONG_IDS.values(), ids=WRONG_IDS.keys())
def test_what_no_node_lets_in_is_refused(text: str, said: str) -> None:
    with pytest.raises(IdentityError, match=said):
        check_flux_id(text)


@pytest.mark.parametrize("key", [KEYS["wiki_c"]["wif"], KEYS["wiki_u"]["wif"], HEX, "0x" + HEX, HEX + "00" * 9])
def test_a_key_in_the_place_of_a_flux_id_is_not_quoted(key: str) -> None:
    with pytest.raises(IdentityError) as caught:
        check_flux_id(key)
    assert key[:16] not in str(caught.value)
