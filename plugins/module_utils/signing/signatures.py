# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and verifying signatures exactly as FluxOS does, its quirks included.

FluxOS: signatureVerifier.js verifySignature (bitcoinjs-message 2.2.0), ethereumHelper.js hashMessage and recoverSigner
(nano-ethereum-signer 0.1.2). Login phrases, session headers and app messages all go through that one function.
"""

from __future__ import annotations

import base64
import re

from ansible_collections.fluxme.fluxos.plugins.module_utils.signing import curve
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.keys import (
    Form,
    PrivateKey,
    checksum_address,
    is_ethereum,
    p2pkh_address,
)

_BITCOIN_PREFIX = b"\x18Bitcoin Signed Message:\n"
_ETHEREUM_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_NOT_SIGNABLE = re.compile(r"[^\x20-\x7e]")


def _varint(number: int) -> bytes:
    if number < 0xFD:
        return bytes([number])
    for mark, size in ((b"\xfd", 2), (b"\xfe", 4), (b"\xff", 8)):
        if number < 1 << (8 * size):
            return mark + number.to_bytes(size, "little")
    raise OverflowError("no message is that long")


def bitcoin_digest(message: str) -> bytes:
    """Return the double SHA-256 that a Bitcoin signed message signs. The length counts UTF-8 bytes."""
    data = message.encode("utf-8", "surrogatepass")
    return curve.sha256d(_BITCOIN_PREFIX + _varint(len(data)) + data)


def ethereum_digest(message: str) -> bytes:
    """Return the Keccak-256 that FluxOS verifies a personal_sign against.

    FluxOS does not take the UTF-8 bytes: it writes each UTF-16 unit as hex without padding, joins the digits and cuts
    them in pairs. For printable ASCII that is the same; for anything else it is not what a wallet signs.
    """
    units = message.encode("utf-16-be", "surrogatepass")
    digits = "".join(format(units[at] << 8 | units[at + 1], "x") for at in range(0, len(units), 2))
    data = bytes(int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))
    return curve.keccak256(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode("ascii") + data)


def sign_bitcoin(message: str, key: PrivateKey, *, compressed: bool) -> str:
    """Return the base64 signature (88 characters) of a Bitcoin signed message; deterministic (RFC 6979, low s)."""
    r_and_s, recovery_id = curve.sign(bitcoin_digest(message), key.secret)
    header = 27 + recovery_id + (4 if compressed else 0)
    return base64.b64encode(bytes([header]) + r_and_s).decode("ascii")


def sign_ethereum(message: str, key: PrivateKey) -> str:
    """Return the personal_sign signature: 0x and 130 hex digits (r, s, v with v 27 or 28).

    Raises IdentityError for text beyond printable ASCII: FluxOS refuses the signatures that wallets make of it, so an
    Ethereum identity cannot sign it, and the refusal would not say why.
    """
    _check_ascii(message)
    r_and_s, recovery_id = curve.sign(ethereum_digest(message), key.secret)
    return "0x" + r_and_s.hex() + format(27 + recovery_id, "02x")


def check_signable(message: str, flux_id: str) -> None:
    """Raise IdentityError for a text of which FluxOS accepts no signature of this Flux ID."""
    if not message:
        raise IdentityError("There is nothing to sign: the text is empty.")
    if is_ethereum(flux_id):
        _check_ascii(message)


def _check_ascii(message: str) -> None:
    unfit = _NOT_SIGNABLE.search(message)
    if unfit:
        raise IdentityError(
            f"An Ethereum Flux ID cannot sign this text: it holds U+{ord(unfit.group()):04X} at position "
            f"{unfit.start()}, and FluxOS accepts Ethereum signatures for printable ASCII only. Keep the text ASCII, "
            "or use a Flux ID that starts with 1."
        )


def sign(message: str, key: PrivateKey, form: Form) -> str:
    """Sign in the form whose address is the Flux ID. An empty text is refused, as FluxOS never accepts one."""
    if not message:
        raise IdentityError("There is nothing to sign: the text is empty.")
    if form is Form.ETHEREUM:
        return sign_ethereum(message, key)
    return sign_bitcoin(message, key, compressed=form is Form.COMPRESSED)


def verify(message: str, address: str, signature: str) -> bool:
    """Tell whether FluxOS takes signature as address's signature of message. Never raises for bad input."""
    if not message or not address or not signature:
        return False
    if is_ethereum(address):
        signer = _ethereum_signer(message, signature)
        return signer is not None and signer.lower() == address.lower()
    if len(address) > 36:
        address = p2pkh_address(_leading_hex(address))
    parts = _bitcoin_parts(signature)
    if parts is None:
        return False
    header, r_and_s = parts
    key = curve.recover(bitcoin_digest(message), r_and_s, header & 3, compressed=header >= 4)
    expected = curve.decode_check(address)
    if key is None or expected is None or header >= 12:
        # 12 to 15 say "bech32", whose addresses are longer than 36 characters and so never get here.
        return False
    actual = curve.hash160(key)
    if header >= 8:
        actual = curve.hash160(b"\x00\x14" + actual)
    # The version byte is not compared, so the test network address of a key verifies as well.
    return expected[1:] == actual


def signer_of(message: str, signature: str, *, ethereum: bool) -> str | None:
    """Return the address whose key made this signature, or None. For saying which wrong key was used."""
    if not message:
        return None
    if ethereum:
        return _ethereum_signer(message, signature)
    parts = _bitcoin_parts(signature)
    if parts is None:
        return None
    header, r_and_s = parts
    key = curve.recover(bitcoin_digest(message), r_and_s, header & 3, compressed=header >= 4)
    return None if key is None else curve.encode_check(b"\0" + curve.hash160(key))


def _bitcoin_parts(signature: str) -> tuple[int, bytes] | None:
    """Return header - 27 (0 to 15) and r and s, or None.

    Node's base64 reader, which FluxOS uses, takes both alphabets, skips what is in neither, and needs no padding.
    """
    kept = re.sub(r"[^A-Za-z0-9+/]", "", signature.split("=", 1)[0].replace("-", "+").replace("_", "/"))
    whole = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
    data = base64.b64decode(whole + "=" * (-len(whole) % 4))
    if len(data) != 65 or not 27 <= data[0] <= 42:
        return None
    return data[0] - 27, data[1:]


def _ethereum_signer(message: str, signature: str) -> str | None:
    if not _ETHEREUM_SIGNATURE.fullmatch(signature):
        return None
    data = bytes.fromhex(signature[2:])
    recovery_id = data[64] - 27 if data[64] >= 27 else data[64]
    if recovery_id not in (0, 1):
        return None
    key = curve.recover(ethereum_digest(message), data[:64], recovery_id, compressed=False)
    return None if key is None else checksum_address(curve.keccak256(key[1:])[-20:])


def _leading_hex(text: str) -> bytes:
    # Node's Buffer.from(text, 'hex') stops at the first pair that is not hex, without an error.
    pairs = re.match(r"(?:[0-9a-fA-F]{2})*", text)
    return bytes.fromhex(pairs.group() if pairs else "")
