# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing the phrases that the recorded node issued by those that ours issues, signatures included.

A login phrase is partly random: what the recording asks to be signed is not what our node asks. So each phrase that a
recorded answer issued is paired with the one that our node issued in its place. When a later request has that phrase

* its text is replaced wherever it stands, in the header or the body, in whatever form (JSON, query string, aliases);
* the signature beside it is looked at: if one of the recording's test keys made it over the recorded phrase, that key
  signs our phrase in the same form (compressed or not, the high or low half of s, alphabet and padding of the base64,
  with or without ``+``, percent-encoded or raw, Ethereum's v as 27/28 or 0/1);
* any other signature (garbage, one over another text, one of an unknown key) stays as it is: it has to be refused.

The same pairs are then applied to the recorded answer, so that an answer that echoes phrase and signature can be
compared to the letter.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote_plus

from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak

from tests.simulator.replay_recording import Request, Response
from tests.simulator.signatures import bitcoin_digest, node_base64

PHRASE = re.compile(r"\d{13}[0-9a-z]{27,57}\Z")
"""The form of a phrase that a node issues: epoch milliseconds and random base36, 40 to 70 characters."""

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_SIGNATURE = re.compile(r'"signature"\s*:\s*"(?P<json>[^"]+)"|(?:^|&)signature=(?P<form>[^&]+)')


def ethereum_digest(text: str) -> bytes:
    """Return what FluxOS has an Ethereum owner sign for an ASCII text (phrases are ASCII)."""
    payload = text.encode("ascii")
    return keccak.new(digest_bits=256, data=b"\x19Ethereum Signed Message:\n%d" % len(payload) + payload).digest()


def sign(secret: bytes, digest: bytes, attempt: int, *, high: bool) -> tuple[bytes, int]:
    """Return r and s (64 bytes) and the recovery id; another *attempt* gives another valid signature."""
    key = int.from_bytes(secret, "big")
    nonce = int.from_bytes(hashlib.sha256(secret + digest + attempt.to_bytes(4, "big")).digest(), "big") % _ORDER
    x, y = PrivateKey(nonce.to_bytes(32, "big")).public_key.point()
    r = x % _ORDER
    s = pow(nonce, -1, _ORDER) * (int.from_bytes(digest, "big") + r * key) % _ORDER
    recovery = (y & 1) | (2 if x >= _ORDER else 0)
    if (s > _ORDER // 2) != high:
        s, recovery = _ORDER - s, recovery ^ 1
    return r.to_bytes(32, "big") + s.to_bytes(32, "big"), recovery


def _recovered(compact: bytes, recovery: int, digest: bytes) -> bytes | None:
    """Return the compressed public key that made a signature; None when there is none."""
    try:
        return PublicKey.from_signature_and_message(compact + bytes([recovery]), digest, hasher=None).format()
    except ValueError:
        return None
    except Exception as exc:
        # coincurve raises a bare Exception when no key can be recovered; anything else is a mistake here.
        if exc.__class__ is Exception:
            return None
        raise


@dataclass
class Signatures:
    """The recording's test keys, as signers of our phrases."""

    secrets: Mapping[bytes, bytes]

    @classmethod
    def of(cls, keys: Mapping[str, Mapping[str, str]]) -> Signatures:
        """Take the keys from ``meta.test_keys`` of a recording."""
        secrets = [bytes.fromhex(key["privateKeyHex"]) for key in keys.values()]
        return cls({PrivateKey(secret).public_key.format(): secret for secret in secrets})

    def _ethereum(self, recorded: str, theirs: str, ours: str) -> str | None:
        raw = bytes.fromhex(recorded[2:])
        base = 27 if raw[64] >= 27 else 0
        if raw[64] - base not in (0, 1):
            return None
        secret = self.secrets.get(_recovered(raw[:64], raw[64] - base, ethereum_digest(theirs)) or b"")
        if secret is None:
            return None
        high = int.from_bytes(raw[32:64], "big") > _ORDER // 2
        compact, recovery = sign(secret, ethereum_digest(ours), 0, high=high)
        return "0x" + (compact + bytes([base + recovery])).hex()

    def _bitcoin(self, recorded: str, theirs: str, ours: str) -> str | None:
        raw = node_base64(recorded)
        if len(raw) != 65 or not 27 <= raw[0] <= 42:
            return None
        kind, recovery = divmod(raw[0] - 27, 4)
        secret = self.secrets.get(_recovered(raw[1:], recovery, bitcoin_digest(theirs)) or b"")
        if secret is None:
            return None
        high = int.from_bytes(raw[33:], "big") > _ORDER // 2
        url_safe = "-" in recorded or "_" in recorded
        encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
        plus = "-" if url_safe else "+"
        attempt = 0
        while True:
            compact, recovery = sign(secret, bitcoin_digest(ours), attempt, high=high)
            text = encode(bytes([27 + 4 * kind + recovery]) + compact).decode()
            # A raw + in a query string is what makes some recorded logins fail: ours needs one as well, or none.
            if (plus in text) == (plus in recorded):
                return text if recorded.endswith("=") else text.rstrip("=")
            attempt += 1

    def again(self, recorded: str, theirs: str, ours: str) -> str | None:
        """Return *recorded*, a signature over *theirs*, made over *ours*; None when no test key had made it."""
        if re.fullmatch(r"0x[0-9a-fA-F]{130}", recorded):
            return self._ethereum(recorded, theirs, ours)
        return self._bitcoin(recorded, theirs, ours)


@dataclass
class Substitutions:
    """The pairs (recorded text, our text) found so far in one replay."""

    signatures: Signatures
    names: dict[str, str] = field(default_factory=dict)
    """What else stands in recorded answers -> in ours: the node's address, ids of containers."""
    phrases: dict[str, str] = field(default_factory=dict)
    signed: dict[str, str] = field(default_factory=dict)

    def issued(self, recorded: object, ours: object) -> None:
        """Note what two answers issued, when both are phrases."""
        if isinstance(recorded, str) and isinstance(ours, str) and PHRASE.match(recorded) and PHRASE.match(ours):
            self.phrases[recorded] = ours

    def _resign(self, text: str, theirs: str, ours: str) -> str:
        """Replace in *text*, which holds the recorded phrase, the signature over it."""
        for found in list(_SIGNATURE.finditer(text)):
            group = "json" if found["json"] is not None else "form"
            written = found[group]
            # A + of a query string is taken for what the signer meant; the node reads it as a space and refuses it.
            recorded = written if group == "json" or "%" not in written else unquote_plus(written)
            renewed = self.signatures.again(recorded, theirs, ours)
            if renewed is None:
                continue
            self.signed[recorded] = renewed
            encoded = quote(renewed, safe="") if group == "form" and "%" in written else renewed
            text = text.replace(written, encoded)
        return text

    def text(self, text: str) -> str:
        """Return a header value or body with our phrases, freshly signed."""
        for theirs, ours in self.phrases.items():
            if theirs in text:
                text = self._resign(text, theirs, ours).replace(theirs, ours)
        return text

    def request(self, request: Request) -> Request:
        """Return a request as it has to be sent to our node; its framing follows the length of the new body."""
        body = None if request.body is None else self.text(request.body)
        changed = body != request.body
        chunked = (request.header("transfer-encoding") or "").lower() == "chunked"
        if changed and chunked and body is not None:
            payload = "".join(body.split("\r\n")[1:-3])
            body = f"{len(payload.encode()):x}\r\n{payload}\r\n0\r\n\r\n"
        length = str(len((body or "").encode()))
        headers = tuple(
            (name, length if changed and name.lower() == "content-length" else self.text(value))
            for name, value in request.headers
        )
        return Request(request.method, request.target, headers, body)

    def answer(self, response: Response) -> Response:
        """Return a recorded answer as it reads with our phrases, signatures and names in it."""
        body = response.body
        for theirs, ours in (self.phrases | self.signed | self.names).items():
            body = body.replace(theirs, ours)
        return replace(response, body=body)
