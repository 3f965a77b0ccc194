# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS for real: a node's self-signed certificate, one of an authority, and no certificate at all."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import AnswerLost, Misuse, Unreachable
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.unit.scripted import Server, answer, raw, reset, success

OK = answer(success("8.20.0"))


@dataclass(frozen=True)
class Identity:
    """A server's certificate: the context that presents it, its file and its fingerprint."""

    context: ssl.SSLContext
    file: Path
    fingerprint: str


def _certificate(folder: Path, name: str, *alternatives: x509.GeneralName) -> Identity:
    """A self-signed certificate; with alternative names it is one that a client could verify."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    file = folder / f"{name}.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = folder / f"{name}.key"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return Identity(context, file, certificate.fingerprint(hashes.SHA256()).hex())


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """As FluxOS makes its own: self-signed, one name for all nodes, no alternative names (createSSLcert.sh)."""
    return _certificate(tmp_path_factory.mktemp("node"), "self.api.runonflux.io")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """As a gateway has it: verifiable, for this address."""
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return _certificate(tmp_path_factory.mktemp("proxy"), "127.0.0.1", address)


def read(server: Server, **options: object) -> object:
    with Transport(TransportOptions(timeout=5, retries=0, **options)) as transport:
        return transport.get(server.endpoint, "/flux/version", operation="read the version").data


def colons(fingerprint: str) -> str:
    return ":".join(fingerprint[index : index + 2] for index in range(0, 64, 2)).upper()


def test_off_takes_any_certificate_and_warns_nobody(node: Identity) -> None:
    # Warnings are errors here, so the library's warning for each request would fail this test.
    with Server(OK, tls=node.context) as server:
        assert read(server) == "8.20.0"


def test_a_pinned_certificate_is_accepted_in_both_spellings(node: Identity) -> None:
    with Server(OK, tls=node.context) as server:
        for fingerprint in (node.fingerprint, colons(node.fingerprint)):
            assert read(server, tls_mode="pin", tls_fingerprint=fingerprint) == "8.20.0"


def test_another_certificate_than_pinned_gets_no_request(node: Identity, proxy: Identity) -> None:
    with Server(OK, tls=node.context) as server:
        with pytest.raises(Unreachable) as caught:
            read(server, tls_mode="pin", tls_fingerprint=proxy.fingerprint)
        assert server.requests == []
    assert not caught.value.maybe_sent
    assert "another one than pinned" in caught.value.said
    assert node.fingerprint in caught.value.said.replace(":", "").lower()


def test_verify_accepts_what_an_authority_vouches_for(proxy: Identity) -> None:
    with Server(OK, tls=proxy.context) as server:
        assert read(server, tls_mode="verify", ca_file=str(proxy.file)) == "8.20.0"


def test_verify_refuses_a_nodes_own_certificate(node: Identity) -> None:
    with Server(OK, tls=node.context) as server:
        with pytest.raises(Unreachable, match="could not be verified") as caught:
            read(server, tls_mode="verify")
        assert server.requests == []
    assert "tls_mode pin" in caught.value.advice


def test_verify_checks_the_name_too(node: Identity) -> None:
    with Server(OK, tls=node.context) as server:
        with pytest.raises(Unreachable, match="could not be verified"):
            read(server, tls_mode="verify", ca_file=str(node.file))
        assert server.requests == []


def test_a_file_of_authorities_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="No such file"):
        Transport(TransportOptions(tls_mode="verify", ca_file=str(tmp_path / "none.pem")))


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("nothing\n")
    with pytest.raises(Misuse, match="PEM"):
        Transport(TransportOptions(tls_mode="verify", ca_file=str(file)))


def test_a_port_without_tls() -> None:
    with Server(at_once=raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        endpoint = Endpoint.parse(server.url.replace("http:", "https:"))
        with (
            Transport(TransportOptions(timeout=5, retries=0)) as transport,
            pytest.raises(Unreachable) as caught,
        ):
            transport.get(endpoint, "/flux/restart", operation="restart FluxOS", write=True)
    assert caught.value.said == "no TLS is spoken on this port"
    assert not caught.value.maybe_sent


def test_a_reset_in_the_handshake_is_not_a_lost_answer() -> None:
    with Server(at_once=reset()) as server:
        endpoint = Endpoint.parse(server.url.replace("http:", "https:"))
        with (
            Transport(TransportOptions(timeout=1, retries=0)) as transport,
            pytest.raises(Unreachable) as caught,
        ):
            transport.get(endpoint, "/flux/restart", operation="restart FluxOS", write=True)
    assert caught.value.kind == Unreachable.kind
    assert not caught.value.maybe_sent


def test_a_reset_after_the_request_is_a_lost_answer(node: Identity) -> None:
    with Server(reset(), tls=node.context) as server, Transport(TransportOptions(timeout=5)) as transport:
        with pytest.raises(AnswerLost):
            transport.get(server.endpoint, "/flux/restart", operation="restart FluxOS", write=True)
        assert len(server.requests) == 1


def test_a_pin_over_plain_http_is_refused() -> None:
    with Server(OK) as server:
        with pytest.raises(Misuse, match="Set scheme to https"):
            read(server, tls_mode="pin", tls_fingerprint="ab" * 32)
        assert server.requests == []
