# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few primitives that signing needs: secp256k1, RIPEMD-160, Keccak-256 and Base58Check.

The libraries are looked up once, at import, because an import inside a forked Ansible worker is paid by every
worker. A missing one is no error until something needs it.
"""

from __future__ import annotations

import contextlib
import hashlib

from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import LibraryMissingError

try:
    import base58
except ImportError as error:
    BASE58_ERROR: ImportError | None = error
else:
    BASE58_ERROR = None

try:
    import coincurve
except ImportError as error:
    COINCURVE_ERROR: ImportError | None = error
else:
    COINCURVE_ERROR = None

try:
    from Crypto.Hash import RIPEMD160, keccak
except ImportError as error:
    CRYPTO_ERROR: ImportError | None = error
else:
    CRYPTO_ERROR = None

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def _native_ripemd160() -> bool:
    # OpenSSL 3 keeps RIPEMD-160 in its legacy provider, which many distributions do not load.
    try:
        hashlib.new("ripemd160", b"")
    except ValueError:
        return False
    return True


_NATIVE_RIPEMD160 = _native_ripemd160()


def _need(package: str, error: ImportError | None, purpose: str) -> None:
    if error is not None:
        raise LibraryMissingError(
            f"{purpose} needs the Python library {package}, which cannot be imported here ({error}). "
            f"Install it where the module runs: pip install {package}."
        ) from error


def keccak_available() -> bool:
    """Tell whether Ethereum addresses and signatures can be computed here."""
    return CRYPTO_ERROR is None


def sha256d(data: bytes) -> bytes:
    """Return SHA-256 of SHA-256."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def hash160(data: bytes) -> bytes:
    """Return RIPEMD-160 of SHA-256, what a Bitcoin address holds of a public key (20 bytes)."""
    inner = hashlib.sha256(data).digest()
    if _NATIVE_RIPEMD160:
        return hashlib.new("ripemd160", inner).digest()
    _need("pycryptodome", CRYPTO_ERROR, "An address (RIPEMD-160, which the OpenSSL of this Python does not offer)")
    return bytes(RIPEMD160.new(inner).digest())


def keccak256(data: bytes) -> bytes:
    """Return Keccak-256 (not SHA3-256), the hash that Ethereum uses."""
    _need("pycryptodome", CRYPTO_ERROR, "An Ethereum identity")
    return bytes(keccak.new(digest_bits=256, data=data).digest())


def public_key(secret: bytes, *, compressed: bool) -> bytes:
    """Return the public key of a 32-byte secret: 33 bytes compressed, 65 uncompressed."""
    _need("coincurve", COINCURVE_ERROR, "Signing")
    return bytes(coincurve.PrivateKey(secret).public_key.format(compressed=compressed))


def sign(digest: bytes, secret: bytes) -> tuple[bytes, int]:
    """Sign a 32-byte digest; return r and s (64 bytes) and the recovery id 0 to 3. RFC 6979, low s."""
    _need("coincurve", COINCURVE_ERROR, "Signing")
    signature = bytes(coincurve.PrivateKey(secret).sign_recoverable(digest, hasher=None))
    return signature[:64], signature[64]


def recover(digest: bytes, r_and_s: bytes, recovery_id: int, *, compressed: bool) -> bytes | None:
    """Return the public key that made the signature, or None when there is none."""
    _need("coincurve", COINCURVE_ERROR, "Signing")
    # coincurve raises a plain Exception (not a subclass) for an r or s that no key can have made.
    with contextlib.suppress(Exception):
        key = coincurve.PublicKey.from_signature_and_message(r_and_s + bytes([recovery_id]), digest, hasher=None)
        return bytes(key.format(compressed=compressed))
    return None


def encode_check(payload: bytes) -> str:
    """Return the Base58Check text of payload (version byte included), as addresses and WIF keys are written."""
    _need("base58", BASE58_ERROR, "A Bitcoin address or a WIF key")
    return base58.b58encode_check(payload).decode("ascii")


def decode_check(text: str) -> bytes | None:
    """Return the payload (version byte included) or None when text is no Base58Check text.

    None and no exception: the text may be a private key, and an exception that quotes it would disclose it.
    """
    _need("base58", BASE58_ERROR, "A Bitcoin address or a WIF key")
    with contextlib.suppress(ValueError):
        return base58.b58decode_check(text) or None
    return None
