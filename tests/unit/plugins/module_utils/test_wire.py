# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that are kept, and requests that are made without the library's preparing them."""

from __future__ import annotations

import http.client
import queue
import socket
import time

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.bounded import ATTEMPT, BoundedResponse
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.repeats import Repeats
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from ansible_collections.fluxme.fluxos.plugins.module_utils.wire import (
    Asked,
    TlsSettings,
    Wire,
    on_the_wire,
)
from tests.unit.scripted import Server, answer, success

OK = answer(success("8.20.0"))


def prepared(method: str, url: str, body: bytes | None) -> requests.PreparedRequest:
    """The same request as the library prepares it."""
    request = requests.PreparedRequest()
    request.prepare(method, url, {"Accept": "application/json"}, data=body)
    return request


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("body", [None, b"", b"{}", "\u00fc".encode()])
def test_a_request_is_as_the_library_would_prepare_it(method: str, body: bytes | None) -> None:
    if method == "GET" and body:
        return
    ours = Asked(method, "http://127.18.0.1:16127", "/flux/version?a=b", {"Accept": "application/json"}, body)
    theirs = prepared(method, "http://127.18.0.1:16127/flux/version?a=b", body)
    assert (ours.method, ours.url, ours.body or None) == (theirs.method, theirs.url, theirs.body or None)
    assert dict(ours.headers) == dict(theirs.headers)
    assert ours.target == theirs.path_url


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, blacklist_categories=("Cs",)), max_size=30))
def test_a_target_is_as_the_library_would_send_it(text: str) -> None:
    assert on_the_wire(f"/apps/{text}") == prepared("GET", f"http://node/apps/{text}", None).path_url


@pytest.mark.parametrize("address", ["127.18.0.1:16137", "[2001:db8::1]:16127", "https://127.18.0.1:16128", "http://h"])
def test_origin_and_target_make_the_url(address: str) -> None:
    endpoint = Endpoint.parse(address)
    assert endpoint.url("/flux/version") == f"{endpoint.origin}/flux/version"


class TestPools:
    def wire(self, size: int = 2) -> Wire:
        return Wire(size=size, tls=TlsSettings("off"))

    @pytest.mark.parametrize(
        ("origin", "host", "port"),
        [("http://127.18.0.1:16127", "127.18.0.1", 16127), ("https://[2001:db8::1]:16128", "2001:db8::1", 16128)],
    )
    def test_a_host_has_one_and_old_and_new_releases_of_requests_find_it(
        self, origin: str, host: str, port: int
    ) -> None:
        wire = self.wire()
        pool = wire.get_connection_with_tls_context(Asked("GET", origin, "/", {}, None), True, proxies={})
        assert (pool.host, pool.port, pool.scheme) == (host, port, origin.partition(":")[0])
        assert wire.get_connection(f"{origin}/flux/version") is pool

    def test_the_host_that_was_not_asked_for_longest_is_forgotten(self) -> None:
        wire = self.wire(size=2)
        first, second = wire.get_connection("http://a:1/"), wire.get_connection("http://b:1/")
        assert wire.get_connection("http://a:1/") is first
        wire.get_connection("http://c:1/")
        assert wire.get_connection("http://a:1/") is first
        assert wire.get_connection("http://b:1/") is not second

    def test_the_connections_of_a_forgotten_host_are_closed(self) -> None:
        with Server(OK, OK) as one, Server(OK) as other, Transport(TransportOptions(timeout=5, pool=1)) as transport:
            transport.get(one.endpoint, "/", operation="read")
            kept = wire_of(transport).get_connection(one.endpoint.url("/")).pool
            assert kept.qsize() == 1
            transport.get(other.endpoint, "/", operation="read")
            assert kept.qsize() == 0

    def test_a_second_question_uses_the_same_connection(self) -> None:
        with Server(OK, OK) as server, Transport(TransportOptions(timeout=5)) as transport:
            for _time in range(2):
                transport.get(server.endpoint, "/", operation="read")
            assert wire_of(transport).get_connection(server.endpoint.url("/")).num_connections == 1

    def test_there_is_an_end_to_what_is_kept(self) -> None:
        idle = self.wire().get_connection("http://a:1/").pool
        sockets = [socket.socket() for _number in range(idle.MOST)]
        for each in sockets:
            idle.put(each)
        with socket.socket() as one_more, pytest.raises(queue.Full):
            idle.put(one_more)
        assert idle.get() is sockets[-1]
        sockets[-1].close()
        idle.drain()
        assert all(each.fileno() == -1 for each in sockets)
        with pytest.raises(queue.Empty):
            idle.get()


def wire_of(transport: Transport) -> Wire:
    return transport._reads


HEADS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Wed, 25 Nov 2026 08:00:00 GMT\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200\r\nX-Empty:\r\nx-latin: \xfc\r\n\r\nuntil the end",
    b"HTTP/1.1 503 Service Unavailable \r\nRetry-After: 5\r\nContent-Length: 0\r\nContent-Length: 7\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nETag: W/x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\nno header at all\r\n\r\n{}",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 101 + b"\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"",
]


def told(kind: type[http.client.HTTPResponse], sent: bytes) -> object:
    """All that an answer says to whoever reads it, or the error."""
    here, there = socket.socketpair()
    ATTEMPT.begin(deadline=time.monotonic() + 10, timeout=10, limit=1000, repeats=Repeats.of(0))
    with here, there:
        there.sendall(sent)
        there.close()
        response = kind(here, method="GET")
        try:
            response.begin()
            head = (response.status, response.reason, response.version, response.headers.items(), response.will_close)
            return (*head, response.chunked, response.length, response.headers.defects, response.read())
        except http.client.HTTPException as error:
            return type(error)
        finally:
            response.close()


@pytest.mark.parametrize("sent", HEADS)
def test_a_head_says_what_the_library_reads_in_it(sent: bytes) -> None:
    ours, theirs = told(BoundedResponse, sent), told(http.client.HTTPResponse, sent)
    assert repr(ours) == repr(theirs)


def test_the_usual_head_is_not_taken_apart_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all of the above would pass without it."""
    monkeypatch.delattr(http.client, "parse_headers")
    assert isinstance(told(BoundedResponse, HEADS[0]), tuple)
    with pytest.raises(NameError):
        told(BoundedResponse, HEADS[10])
