# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and addresses of the simulated people and nodes. Throw-away test keys: never fund them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import base58
from coincurve import PrivateKey
from Crypto.Hash import RIPEMD160


def hash160(payload: bytes) -> bytes:
    """ripemd160(sha256(payload)); OpenSSL 3 no longer offers ripemd160, hence the package."""
    return RIPEMD160.new(hashlib.sha256(payload).digest()).digest()


def p2pkh(public_key: bytes, prefix: bytes = b"\x00") -> str:
    """The address of a public key: prefix 00 is a Flux ID ``1...``, 1cb8 a Flux address ``t1...``."""
    return base58.b58encode_check(prefix + hash160(public_key)).decode()


@dataclass(frozen=True)
class Person:
    """Somebody who owns nodes or apps. The key is derived from the label."""

    label: str
    private_key: bytes

    @classmethod
    def named(cls, label: str) -> Person:
        """The same label is the same person in every run."""
        return cls(label, hashlib.sha256(f"fluxme.fluxos simulator / {label}".encode()).digest())

    @property
    def public_key(self) -> bytes:
        """33 bytes, compressed."""
        return PrivateKey(self.private_key).public_key.format(compressed=True)

    @property
    def flux_id(self) -> str:
        """``1...``"""
        return p2pkh(self.public_key)

    @property
    def payment_address(self) -> str:
        """``t1...``"""
        return p2pkh(self.public_key, b"\x1c\xb8")

    @property
    def wif(self) -> str:
        """The private key in wallet import format, for the compressed address."""
        return base58.b58encode_check(b"\x80" + self.private_key + b"\x01").decode()

    def sign(self, text: str) -> str:
        """A Bitcoin message signature of the Flux ID."""
        import base64

        from tests.simulator.signatures import bitcoin_digest

        compact = PrivateKey(self.private_key).sign_recoverable(bitcoin_digest(text), hasher=None)
        return base64.b64encode(bytes([31 + compact[64]]) + compact[:64]).decode()
