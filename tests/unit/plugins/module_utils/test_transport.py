# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes out, what is repeated, and when it ends; TLS is in test_transport_tls.py."""

from __future__ import annotations

import gzip
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    Busy,
    FluxOSError,
    Misuse,
    Refused,
    StaleAnswer,
    Unauthorized,
    Unreachable,
    UsageError,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import (
    BodyKind,
    RunGone,
    Transport,
    TransportOptions,
    WriteForbidden,
)
from tests.unit.scripted import (
    UNAUTHORIZED,
    Behaviour,
    Server,
    answer,
    compressed,
    error,
    message,
    raw,
    reset,
    stall,
    success,
    trickle,
)

OK = answer(success("8.20.0"))
HEADER = '{"zelid":"1abc","signature":"c2lnbmF0dXJl","loginPhrase":"1795548235921flyb94af5c9g6h12a9ludciajf4nm6"}'

#: A transport that gives up soon; every bound below is far from what the behaviours would take without it.
QUICK = TransportOptions(timeout=0.5, deadline=1.5)


def get(server: Server, options: TransportOptions = QUICK, **details: object) -> object:
    with Transport(options) as transport:
        arguments = {"operation": "read the version", **details}
        return transport.get(server.endpoint, "/flux/version", **arguments).data  # type of details: see Transport.get


def failure(*behaviours: Behaviour, options: TransportOptions = QUICK, **details: object) -> tuple[FluxOSError, Server]:
    with Server(*behaviours) as server:
        begun = time.monotonic()
        with pytest.raises(FluxOSError) as caught:
            get(server, options, **details)
        assert time.monotonic() - begun < 10, "a bound did not hold"
        return caught.value, server


# -- what goes out ----------------------------------------------------------------------------------------------------


def test_a_fresh_read() -> None:
    with Server(OK) as server:
        assert get(server) == "8.20.0"
    (seen,) = server.requests
    assert (seen.method, seen.target, seen.body) == ("GET", "/flux/version", b"")
    assert seen.headers["x-apicache-bypass"] == "1"
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert "zelidauth" not in seen.headers


def test_a_read_that_may_come_from_the_cache() -> None:
    with Server(answer(success(1), headers={"apicache-store": "memory"})) as server:
        get(server, fresh=False)
    assert "x-apicache-bypass" not in server.requests[0].headers


def test_what_needs_a_login_or_changes_something_is_never_taken_from_the_cache() -> None:
    with Server(OK) as server:
        get(server, fresh=False, auth=HEADER)
        get(server, fresh=False, write=True)
    assert [seen.headers.get("x-apicache-bypass") for seen in server.requests] == ["1", "1"]
    assert server.requests[0].headers["zelidauth"] == HEADER


def test_query_and_path_arrive_as_given() -> None:
    with Server(OK) as server, Transport(QUICK) as transport:
        transport.get(server.endpoint, "/apps/location/a%2Fb", operation="locate", query={"x": "a b"})
    assert server.requests[0].target == "/apps/location/a%2Fb?x=a%20b"


@pytest.mark.parametrize(
    ("body", "kind", "sent", "content_type"),
    [
        ({"zelid": "1ä"}, BodyKind.RAW, '{"zelid":"1ä"}'.encode(), "text/plain"),
        ({"ports": [1]}, BodyKind.JSON, b'{"ports":[1]}', "application/json"),
        ("zelid=1&x=2", BodyKind.RAW, b"zelid=1&x=2", "text/plain"),
        (None, BodyKind.RAW, b"", "text/plain"),
    ],
)
def test_both_kinds_of_bodies(body: object, kind: BodyKind, sent: bytes, content_type: str) -> None:
    with Server(OK) as server, Transport(QUICK) as transport:
        transport.post(server.endpoint, "/id/verifylogin", body, operation="log in", kind=kind)
    (seen,) = server.requests
    assert (seen.method, seen.body, seen.headers["content-type"]) == ("POST", sent, content_type)


def test_a_header_that_would_break_out_is_refused_without_being_shown() -> None:
    with Server(OK) as server:
        for value in (HEADER + "\r\nX-Evil: 1", HEADER + "ü"):
            with pytest.raises(ValueError, match="zelidauth") as caught:
                get(server, auth=value)
            assert "c2lnbmF0dXJl" not in repr(caught.value)
    assert server.requests == []


def test_a_read_only_transport_sends_no_write() -> None:
    with Server(OK) as server, Transport(QUICK, read_only=True) as transport:
        with pytest.raises(WriteForbidden, match="restart FluxOS"):
            transport.get(server.endpoint, "/flux/restart", operation="restart FluxOS", write=True)
        with pytest.raises(WriteForbidden):
            transport.post(server.endpoint, "/id/verifylogin", {}, operation="log in")
        assert transport.post(server.endpoint, "/x", {}, operation="verify", write=False).data == "8.20.0"
    assert [seen.target for seen in server.requests] == ["/x"]


def test_nothing_is_sent_for_a_run_that_was_killed() -> None:
    gone = False
    with Server(OK) as server, Transport(QUICK, abandoned=lambda: gone) as transport:
        transport.get(server.endpoint, "/flux/version", operation="read the version")
        gone = True
        with pytest.raises(RunGone, match=r"restart FluxOS: the run .* was killed"):
            transport.get(server.endpoint, "/flux/restart", operation="restart FluxOS", write=True)
        with pytest.raises(RunGone):
            transport.get(server.endpoint, "/flux/version", operation="read the version")
    assert [seen.target for seen in server.requests] == ["/flux/version"]


def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Server(OK) as server:
        assert get(server) == "8.20.0"


def test_a_proxy_that_is_asked_for_is_used() -> None:
    with Server(OK) as proxy, Transport(TransportOptions(timeout=2, proxy=proxy.url)) as transport:
        transport.get(Endpoint.parse("192.0.2.1"), "/flux/version", operation="read the version")
    assert proxy.requests[0].target == "http://192.0.2.1:16127/flux/version"


def test_a_proxy_that_asks_who_is_there() -> None:
    with (
        Server(OK) as proxy,
        Transport(TransportOptions(timeout=2, proxy=proxy.url.replace("//", "//me:pass%20word@"))) as transport,
    ):
        transport.get(Endpoint.parse("192.0.2.1"), "/flux/version", operation="read the version")
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cGFzcyB3b3Jk"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "nonsense", "http://", "http://h:x", "http://h:70000"])
def test_a_proxy_that_cannot_be_used(proxy: str) -> None:
    with pytest.raises(Misuse, match="http://HOST:PORT"):
        Transport(TransportOptions(proxy=proxy))


def test_a_proxy_that_is_not_there() -> None:
    with (
        Transport(TransportOptions(timeout=2, retries=0, proxy="http://127.0.0.1:9")) as transport,
        pytest.raises(Unreachable, match="proxy could not be used"),
    ):
        transport.get(Endpoint.parse("192.0.2.1"), "/flux/version", operation="read the version")


# -- what comes back --------------------------------------------------------------------------------------------------


def test_compressed_answers() -> None:
    body = json.dumps(success(["x" * 5000])).encode()
    with Server(compressed(body)) as server:
        assert get(server) == ["x" * 5000]
    assert "gzip" in server.requests[0].headers["accept-encoding"]


def test_chunked_answers() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'4\r\n{"st\r\n12\r\natus":"success","d\r\n7\r\nata":1}\r\n0\r\n\r\n'
    )
    with Server(raw(chunked)) as server:
        assert get(server) == 1


def test_an_answer_is_handed_on_while_it_comes_until_no_more_is_wanted() -> None:
    """The rest never comes: to wait for it would end with an error."""
    first = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n'
    came: list[bytes] = []

    def sink(data: bytes) -> bool:
        came.append(data)
        return False

    with Server(stall(first)) as server, Transport(QUICK) as transport:
        found = transport.get(
            server.endpoint, "/apps/redeploy/a", operation="redeploy", write=True, accept_text=True, sink=sink
        )
    assert (found.text, b"".join(came)) == ('{"a":', b'{"a":')


def test_what_came_before_an_answer_broke_off_was_handed_on() -> None:
    first = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"status":"Stop"}\r\n'
    came: list[bytes] = []

    def sink(data: bytes) -> bool:
        came.append(data)
        return True

    problem, _server = failure(stall(first), write=True, accept_text=True, sink=sink)
    assert isinstance(problem, AnswerLost)
    assert b"".join(came) == b'{"status":"Stop"'


def test_the_size_of_an_answer_is_bounded() -> None:
    options = TransportOptions(timeout=5, max_answer=100_000)
    problem, _server = failure(answer(success("x" * 200_000)), options=options)
    assert isinstance(problem, BadAnswer)
    assert "more than 0 MiB" in problem.said
    # A megabyte of spaces is a kilobyte on the wire: it is the size after decompression that counts.
    problem, _server = failure(compressed(b" " * 2_000_000), options=options)
    assert "not read to its end" in problem.said


def test_a_connection_with_an_unread_rest_is_not_used_again() -> None:
    with (
        Server(answer(success("x" * 200_000)), OK) as server,
        Transport(TransportOptions(timeout=5, max_answer=100_000)) as transport,
    ):
        with pytest.raises(BadAnswer):
            transport.get(server.endpoint, "/a", operation="a")
        assert transport.get(server.endpoint, "/b", operation="b").data == "8.20.0"
    assert server.connections == 2


def test_an_answer_that_does_not_decompress() -> None:
    problem, server = failure(answer(b"not gzip", headers={"Content-Encoding": "gzip"}))
    assert isinstance(problem, BadAnswer)
    assert len(server.requests) == 3


def test_a_redirect_is_not_followed() -> None:
    problem, server = failure(answer("", status=302, headers={"Location": "http://127.0.0.1:9/"}))
    assert isinstance(problem, BadAnswer)
    assert "redirect" in problem.said
    assert len(server.requests) == 1


def test_the_body_of_a_redirect_is_bounded_too() -> None:
    packed = {"Location": "/elsewhere", "Content-Encoding": "gzip"}
    bomb = answer(gzip.compress(b" " * 2_000_000), status=302, headers=packed)
    problem, _server = failure(bomb, options=TransportOptions(timeout=5, max_answer=100_000))
    assert "not read to its end" in problem.said


def test_cookies_are_not_kept() -> None:
    with Server(answer(success(1), headers={"Set-Cookie": "session=1"}), OK) as server, Transport(QUICK) as transport:
        for _time in range(2):
            transport.get(server.endpoint, "/flux/version", operation="read the version")
    assert "cookie" not in server.requests[1].headers


# -- what is repeated -------------------------------------------------------------------------------------------------

PATIENT = TransportOptions(timeout=5, retries=2)


@pytest.mark.parametrize(
    "behaviour",
    [
        reset(),
        raw(b""),
        reset(message(success("x" * 1000))[:300]),
        raw(message(success("x"), length=5000)),
        raw(message('{"status":"succ')),
        answer("<h1>Bad Gateway</h1>", status=502),
        answer("<h1>Gateway Timeout</h1>", status=504),
        answer("", status=503, headers={"Retry-After": "0"}),
    ],
    ids=["reset", "closed", "reset in the middle", "short", "half a JSON", "502", "504", "503 with Retry-After"],
)
def test_a_read_is_repeated_after_what_may_pass_and_a_write_is_not(behaviour: Behaviour) -> None:
    with Server(behaviour, behaviour, OK) as server:
        assert get(server, PATIENT) == "8.20.0"
    assert len(server.requests) == 3
    _problem, server = failure(behaviour, OK, options=PATIENT, write=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer(error("Application not found")), Refused),
        (answer(UNAUTHORIZED), Unauthorized),
        (answer("<pre>Cannot GET /x</pre>", status=404), FluxOSError),
        (answer("<h1>maintenance</h1>"), BadAnswer),
        (answer("", status=503), Busy),
        (answer("", status=503, headers={"Retry-After": "15"}), Busy),
        (answer("", status=503, headers={"Retry-After": "9" * 5000}), Busy),
        (answer("", status=500), BadAnswer),
        (answer("", status=413, headers={"Retry-After": "1"}), BadAnswer),
    ],
    ids=["refused", "unauthorized", "404", "page", "503", "503 for 15 s", "503 for ever", "500", "413"],
)
def test_what_will_not_pass_is_asked_once(behaviour: Behaviour, kind: type[FluxOSError]) -> None:
    problem, server = failure(behaviour, OK, options=PATIENT)
    assert isinstance(problem, kind)
    assert len(server.requests) == 1


def test_a_read_that_ran_out_of_time_is_not_repeated() -> None:
    for behaviour in (stall(), stall(message(success("x"), length=500))):
        problem, server = failure(behaviour, OK, options=TransportOptions(timeout=0.5, retries=2, deadline=9))
        assert problem.said == "no answer within 0.5 s"
        assert len(server.requests) == 1


def test_a_retry_after_that_says_nothing_does_not_hurt() -> None:
    with Server(answer("", status=503, headers={"Retry-After": "soon"}), OK) as server:
        assert get(server, PATIENT) == "8.20.0"
    assert len(server.requests) == 2


def test_all_repeats_of_a_request_count_together() -> None:
    # The first fails before an answer, the second while one is read, the third by its status.
    behaviours = (reset(), raw(message(success("x"), length=5000)), answer("<h1>Bad Gateway</h1>", status=502))
    problem, server = failure(*behaviours, OK, options=PATIENT)
    assert "Bad Gateway" in problem.said
    assert len(server.requests) == 3


def test_what_an_error_page_holds_is_not_kept_in_memory_for_a_repeat() -> None:
    options = TransportOptions(timeout=5, max_answer=100_000)
    with Server(answer(b" " * 5_000_000, status=502), OK) as server:
        assert get(server, options) == "8.20.0"
    # Its rest was not read, so its connection was not used again.
    assert server.connections == 2


def test_repeats_end() -> None:
    problem, server = failure(reset(), options=PATIENT)
    assert isinstance(problem, AnswerLost)
    assert len(server.requests) == 3


def test_writes_have_a_connection_of_their_own() -> None:
    with Server(OK) as server, Transport(QUICK) as transport:
        for _time in range(2):
            transport.get(server.endpoint, "/flux/version", operation="read the version")
        assert server.connections == 1
        for _time in range(2):
            transport.get(server.endpoint, "/flux/restart", operation="restart FluxOS", write=True)
        assert server.connections == 3
    assert server.requests[2].headers["connection"] == "close"


def test_a_write_that_a_cache_answered_is_told_apart() -> None:
    problem, _server = failure(
        answer(success("Restarting FluxOS"), headers={"apicache-store": "memory"}), auth=HEADER, write=True
    )
    assert isinstance(problem, StaleAnswer)
    assert not problem.maybe_done
    assert "nothing was done" in str(problem)


# -- when it ends -----------------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with Transport(TransportOptions(timeout=2, retries=1)) as transport, pytest.raises(Unreachable) as caught:
        transport.get(Endpoint.parse(f"http://127.0.0.1:{port}"), "/x", operation="read x", write=True)
    assert caught.value.kind == Unreachable.kind
    assert not caught.value.maybe_sent
    assert "connection refused" in caught.value.said


def test_no_such_host() -> None:
    with (
        Transport(TransportOptions(timeout=5, retries=0)) as transport,
        pytest.raises(Unreachable, match="no such host name") as caught,
    ):
        transport.get(Endpoint.parse("node.invalid"), "/x", operation="read x")
    assert not caught.value.maybe_sent


def test_a_connection_that_is_never_accepted() -> None:
    # A backlog of nothing, filled: further connections are neither accepted nor refused.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        fillers = [socket.socket() for _each in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        begun = time.monotonic()
        with (
            Transport(TransportOptions(timeout=0.5)) as transport,
            pytest.raises(Unreachable, match=r"no connection within 0\.5 s") as caught,
        ):
            transport.get(Endpoint.parse(f"http://127.0.0.1:{port}"), "/x", operation="read x", write=True)
        assert time.monotonic() - begun < 10
        assert not caught.value.maybe_sent
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (stall(), "no answer within 0.5 s"),
        (stall(b"HTTP/1.1 200 OK\r\nContent-"), "no answer within 0.5 s"),
        (stall(message(success("x"), length=500)), "no answer within 0.5 s"),
        (trickle(message(success("x" * 500)), 0.2), "the answer did not end in the time allowed"),
        (
            trickle(b"HTTP/1.1 200 OK\r\n" + b"X-Header: long\r\n" * 50, 0.2),
            "the answer did not end in the time allowed",
        ),
        (reset(), "the node closed the connection without an answer"),
        (raw(b""), "the node closed the connection without an answer"),
        (raw(message(success("x"), length=500)), "half an answer: the connection ended after 34 bytes"),
    ],
    ids=["stall", "stall in headers", "stall in body", "trickled body", "trickled headers", "reset", "closed", "short"],
)
def test_an_answer_that_does_not_come_is_lost_in_time(behaviour: Behaviour, said: str) -> None:
    problem, server = failure(behaviour, write=True)
    assert isinstance(problem, AnswerLost)
    assert problem.maybe_sent
    assert problem.said == said
    assert "read its state back" in problem.advice
    assert len(server.requests) == 1


def test_a_deadline_holds_for_all_repeats_together() -> None:
    problem, server = failure(reset(), options=TransportOptions(timeout=5, retries=1000, deadline=1.0))
    assert isinstance(problem, AnswerLost)
    assert 2 <= len(server.requests) <= 4


def test_one_operation_may_have_its_own_bounds() -> None:
    problem, _server = failure(stall(), options=TransportOptions(timeout=60), timeout=0.3)
    assert problem.said == "no answer within 0.3 s"
    problem, _server = failure(trickle(b"x" * 100, 0.2), options=TransportOptions(timeout=60), deadline=0.5)
    assert problem.said == "the answer did not end in the time allowed"


def test_the_time_of_one_request_is_not_the_next_ones() -> None:
    with Server(OK) as server, Transport(TransportOptions(timeout=5)) as transport:
        for _time in range(3):
            transport.get(server.endpoint, "/x", operation="read x", deadline=1.0)
            time.sleep(0.5)
    assert server.connections == 1


def test_what_is_not_http() -> None:
    problem, _server = failure(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), write=True)
    assert isinstance(problem, BadAnswer)
    assert problem.said == "an answer that is not HTTP"


# -- many at once -----------------------------------------------------------------------------------------------------


def test_many_threads_share_a_transport() -> None:
    with Server(OK) as server, Transport(TransportOptions(timeout=20)) as transport:

        def ask(number: int) -> object:
            if number % 10 == 0:
                return transport.post(server.endpoint, "/x", {"n": number}, operation="write").data
            return transport.get(server.endpoint, f"/{number}", operation="read").data

        with ThreadPoolExecutor(40) as pool:
            assert list(pool.map(ask, range(400))) == ["8.20.0"] * 400
    assert {seen.target for seen in server.requests if seen.method == "GET"} == {f"/{n}" for n in range(400) if n % 10}
    assert sorted(json.loads(seen.body)["n"] for seen in server.requests if seen.method == "POST") == list(
        range(0, 400, 10)
    )


def test_errors_hold_nothing_of_what_was_sent() -> None:
    for behaviour in (reset(), stall(), answer(UNAUTHORIZED), answer("<h1>no</h1>"), raw(gzip.compress(b"x"))):
        with Server(behaviour) as server, Transport(QUICK) as transport, pytest.raises(FluxOSError) as caught:
            transport.post(
                server.endpoint, "/id/verifylogin", {"signature": "c2lnbmF0dXJl"}, operation="log in", auth=HEADER
            )
        for text in (str(caught.value), repr(caught.value), str(caught.value.as_dict()), repr(caught.value.__cause__)):
            assert "c2lnbmF0dXJl" not in text
            assert "1795548235921" not in text


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"retries": -1},
        {"max_answer": 0},
        {"tls_mode": "pin"},
        {"tls_mode": "pin", "tls_fingerprint": "ab:cd"},
    ],
)
def test_options_that_cannot_work(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"timeout is 0|retries is -1|max_answer is 0|openssl"):
        TransportOptions(**options)
