# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures as FluxOS verifies them (FluxOS: signatureVerifier.js, ethereumHelper.js; bitcoinjs-message 2.2.0)."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

import base58
from coincurve import PublicKey
from Crypto.Hash import keccak

from tests.simulator.keys import hash160, p2pkh

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def varint(number: int) -> bytes:
    """Bitcoin's variable length integer."""
    if number < 0xFD:
        return bytes([number])
    if number <= 0xFFFF:
        return b"\xfd" + number.to_bytes(2, "little")
    if number <= 0xFFFFFFFF:
        return b"\xfe" + number.to_bytes(4, "little")
    return b"\xff" + number.to_bytes(8, "little")


def bitcoin_digest(message: str) -> bytes:
    """What a Bitcoin message signature signs."""
    text = message.encode("utf-8", "replace")
    framed = b"\x18Bitcoin Signed Message:\n" + varint(len(text)) + text
    return hashlib.sha256(hashlib.sha256(framed).digest()).digest()


def node_base64(text: str) -> bytes:
    """Node's Buffer.from(text, 'base64'): both alphabets, padding optional, other characters skipped."""
    kept = re.sub(r"[^A-Za-z0-9+/]", "", text.split("=", 1)[0].replace("-", "+").replace("_", "/"))
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    return base64.b64decode(kept + "=" * (-len(kept) % 4))


def _bech32_program(address: str) -> bytes | None:
    """The 20 or 32 bytes of a bech32 address; the checksum is not looked at further than its length."""
    _unused, separator, rest = address.lower().rpartition("1")
    if not separator or len(rest) < 8 or any(character not in _BECH32 for character in rest):
        return None
    bits = "".join(f"{_BECH32.index(character):05b}" for character in rest[1:-6])
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def _verify_bitcoin(message: str, address: str, signature: str) -> bool:
    if len(address) > 36:
        # A longer text is taken for a public key in hex and turned into its address.
        address = p2pkh(bytes.fromhex(address))
    raw = node_base64(signature)
    if len(raw) != 65 or not 27 <= raw[0] <= 42:
        return False
    kind, recovery = divmod(raw[0] - 27, 4)
    key = PublicKey.from_signature_and_message(raw[1:] + bytes([recovery]), bitcoin_digest(message), hasher=None)
    digest = hash160(key.format(compressed=kind != 0))
    if kind == 3:
        return _bech32_program(address) == digest
    if kind == 2:
        digest = hash160(b"\x00\x14" + digest)
    return base58.b58decode_check(address)[1:] == digest


def _ethereum_text(message: str) -> bytes:
    """FluxOS' own encoding: each UTF-16 unit as hex without padding, the digits cut in pairs, the last one alone."""
    units = message.encode("utf-16-be", "surrogatepass")
    digits = "".join(f"{int.from_bytes(units[at : at + 2], 'big'):x}" for at in range(0, len(units), 2))
    return bytes(int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))


def _verify_ethereum(message: str, address: str, signature: str) -> bool:
    if not re.fullmatch(r"0x[0-9a-fA-F]{130}", signature):
        return False
    text = _ethereum_text(message)
    framed = b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text
    digest = keccak.new(digest_bits=256, data=framed).digest()
    raw = bytes.fromhex(signature[2:])
    recovery = raw[64] - 27 if raw[64] >= 27 else raw[64]
    if recovery not in (0, 1):
        return False
    key = PublicKey.from_signature_and_message(raw[:64] + bytes([recovery]), digest, hasher=None)
    signer = keccak.new(digest_bits=256, data=key.format(compressed=False)[1:]).hexdigest()[-40:]
    return address.lower() == "0x" + signer


@lru_cache(maxsize=4096)
def verify(message: str, address: str, signature: str) -> bool:
    """FluxOS' verifySignature: never raises, anything wrong is not valid."""
    if not message or not address or not signature:
        return False
    try:
        if address.startswith("0x"):
            return _verify_ethereum(message, address, signature)
        return _verify_bitcoin(message, address, signature)
    except (ValueError, IndexError, OverflowError):
        return False
    except Exception as problem:
        # coincurve raises a bare Exception when a key cannot be recovered; anything else is a bug here.
        if problem.__class__ is Exception:
            return False
        raise
