# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys, and the addresses that one key can stand for.

A Flux ID is an address: ``1...`` (Bitcoin P2PKH) or ``0x...`` (Ethereum). One private key has three of them: the
Bitcoin address of its compressed public key, the one of its uncompressed key, and the Ethereum address.
FluxOS: utils/fluxCryptoUtils.js; idService.js verifyLogin says which texts may log in.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field

from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.curve import (
    ORDER,
    decode_check,
    encode_check,
    hash160,
    keccak256,
    keccak_available,
    public_key,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError

_HEX_KEY = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
_ETHEREUM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BITCOIN_ADDRESS = re.compile(r"1[1-9A-HJ-NP-Za-km-z]{24,33}")
_PRIVATE_KEY_LIKE = re.compile(r"(?:0[xX])?[0-9a-fA-F]{60,70}|[5KLc9][1-9A-HJ-NP-Za-km-z]{45,60}")
_ACCEPTED = "Accepted are a WIF (starts with 5, K or L) and 64 hex digits, with or without 0x."


class Form(enum.Enum):
    """The way a key is turned into an address and a signature."""

    COMPRESSED = "compressed"
    UNCOMPRESSED = "uncompressed"
    ETHEREUM = "ethereum"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key. Its repr shows nothing of it.

    secret: 32 bytes.  form: what the text said (a WIF says compressed or not), None for hex, which says nothing.
    given: the text as it was given, kept so that exactly this text can be kept out of results.
    """

    secret: bytes = field(repr=False)
    form: Form | None
    given: str = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> PrivateKey:
        """Read a key from a WIF or from hex. Raises IdentityError, whose text never quotes the key."""
        text = text.strip()
        if not text:
            raise IdentityError(f"The private key is empty. {_ACCEPTED}")
        if text.startswith("$ANSIBLE_VAULT"):
            raise IdentityError(
                "The private key is still encrypted by ansible-vault. Give it as a variable of a vaulted vars file, "
                "so that Ansible decrypts it, or use a signer command."
            )
        match = _HEX_KEY.fullmatch(text)
        if match:
            return cls._checked(bytes.fromhex(match.group(1)), None, text)
        payload = decode_check(text)
        if payload is None:
            raise IdentityError(
                f"The private key ({len(text)} characters) is neither a WIF with a right checksum nor 64 hex digits. "
                + _ACCEPTED
            )
        if payload[0] == 0xEF:
            raise IdentityError("The private key is a WIF of the Bitcoin test network; Flux IDs need a mainnet key.")
        if payload[0] != 0x80:
            raise IdentityError(f"The given text is no private key (it may be an address or a public key). {_ACCEPTED}")
        if len(payload) == 34 and payload[33] == 1:
            return cls._checked(payload[1:33], Form.COMPRESSED, text)
        if len(payload) == 33:
            return cls._checked(payload[1:], Form.UNCOMPRESSED, text)
        raise IdentityError(f"The private key is a WIF of a wrong length. {_ACCEPTED}")

    @classmethod
    def _checked(cls, secret: bytes, form: Form | None, given: str) -> PrivateKey:
        if not 0 < int.from_bytes(secret, "big") < ORDER:
            raise IdentityError("The private key is zero or beyond the order of secp256k1, so it is no key.")
        return cls(secret, form, given)

    def address(self, form: Form) -> str:
        """Return the Flux ID that the key has in this form."""
        if form is Form.ETHEREUM:
            return checksum_address(keccak256(public_key(self.secret, compressed=False)[1:])[-20:])
        return p2pkh_address(public_key(self.secret, compressed=form is Form.COMPRESSED))

    def addresses(self) -> dict[Form, str]:
        """Return every Flux ID that the key can stand for (Ethereum left out where Keccak is not available)."""
        return {form: self.address(form) for form in Form if form is not Form.ETHEREUM or keccak_available()}

    def wif(self, *, compressed: bool) -> str:
        """Return the key in wallet import format. A secret: for keeping it out of texts, and for tests."""
        return encode_check(b"\x80" + self.secret + (b"\x01" if compressed else b""))

    def secrets(self) -> set[str]:
        """Return every text form of the key, so that none of them is ever shown."""
        return {
            self.given,
            self.secret.hex(),
            self.secret.hex().upper(),
            self.wif(compressed=True),
            self.wif(compressed=False),
        }


def p2pkh_address(key: bytes) -> str:
    """Return the ``1...`` address of a public key, in the form (33 or 65 bytes) in which it is given."""
    return encode_check(b"\0" + hash160(key))


def checksum_address(twenty_bytes: bytes) -> str:
    """Return the ``0x...`` address with the capitals of EIP-55."""
    digits = twenty_bytes.hex()
    marks = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False)
    )


def is_ethereum(flux_id: str) -> bool:
    """Tell how FluxOS treats this identity. FluxOS: signatureVerifier.js verifySignature."""
    return flux_id.startswith("0x")


def check_flux_id(text: str) -> str:
    """Return the Flux ID without surrounding space; raise IdentityError when no node would let it log in.

    The spelling is kept: a node compares owners letter by letter, so ``0xAbC...`` is not ``0xabc...`` there,
    though a signature verifies for both. FluxOS: idService.js verifyLogin, verificationHelperUtils.js.
    """
    text = text.strip()
    if _ETHEREUM_ADDRESS.fullmatch(text):
        return text
    if _BITCOIN_ADDRESS.fullmatch(text):
        payload = decode_check(text)
        if payload is not None and len(payload) == 21 and payload[0] == 0:
            return text
        raise IdentityError(f"The Flux ID {text} has a wrong checksum: a character was mistyped or left out.")
    if text.startswith(("t1", "t3")):
        raise IdentityError(
            f"{text} is a Flux payment address, not a Flux ID. A Flux ID starts with 1 (Bitcoin form) or 0x (Ethereum "
            "form); FluxOS shows the one of a node at /flux/id."
        )
    if _PRIVATE_KEY_LIKE.fullmatch(text):
        raise IdentityError("The given Flux ID looks like a private key. Give the address that belongs to it instead.")
    # A long text may be a key with something wrong about it: not quoted.
    named = f"'{text}'" if len(text) <= 42 else f"The given text of {len(text)} characters"
    raise IdentityError(f"{named} is no Flux ID. A Flux ID starts with 1 (Bitcoin form) or 0x and 40 hex digits.")
