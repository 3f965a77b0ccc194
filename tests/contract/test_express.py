# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What express, its body parser and its cache do around FluxOS's routes, and the recording does not show.

Expected values are what NodeJS 20.20.2 (the recorded node's) with express 4.21.2, body-parser 1.20.3, cors 2.8.5,
compression 1.8.0 and apicache 1.6.3 answered when they were asked the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.replay_client import exchange
from tests.simulator.replay_node import ReplayNode
from tests.simulator.replay_recording import Request, Response, load
from tests.simulator.v8json import complaint, strict_complaint

RECORDING = Path(__file__).parents[1] / "data" / "recordings" / "fluxos-8.17-node.json"
TAG = 'W/"24-66qwtH9/Rcf1acnkY9OOg3Z1mTQ"'
HANGS = Response(answered=False, closed=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expected property name or '}' in JSON at position 1"),
        ('{"a":', "Unexpected end of JSON input"),
        ('{"a":1', "Expected ',' or '}' after property value in JSON at position 6"),
        ('{"a":1,}', "Expected double-quoted property name in JSON at position 7"),
        ("[1,2", "Expected ',' or ']' after array element in JSON at position 4"),
        ("[1,]", "Unexpected token ']', \"[1,]\" is not valid JSON"),
        ('{"a" 1}', "Expected ':' after property name in JSON at position 5"),
        ('{"a":1,"b" 1}', "Unexpected number in JSON at position 11"),
        ('{"a":tru}', 'Unexpected token \'}\', "{"a":tru}" is not valid JSON'),
        ('{"a":nul', "Unexpected end of JSON input"),
        ('{"a":"x', "Unterminated string in JSON at position 7"),
        ('{"a":"\\q"}', "Bad escaped character in JSON at position 7"),
        ('{"a":"\\u12', "Bad Unicode escape in JSON at position 10"),
        ('{"a":"\\', "Unexpected end of JSON input"),
        ('{"a":\t"\n"}', "Bad control character in string literal in JSON at position 7"),
        ('{"a":1}x', "Unexpected non-whitespace character after JSON at position 7"),
        ('{"a":01}', "Unexpected number in JSON at position 6"),
        ('{"a":1.}', "Unterminated fractional number in JSON at position 7"),
        ('{"a":-}', "No number after minus sign in JSON at position 6"),
        ('{"a":1e}', "Exponent part is missing a number in JSON at position 7"),
        ('{"k":x' + "y" * 60 + "}", 'Unexpected token \'x\', "{"k":xyyyyyyyyy"... is not valid JSON'),
        ("[" + "1," * 30 + "]", "Unexpected token ']', ...\"1,1,1,1,1,]\" is not valid JSON"),
        (
            "[" + "1," * 30 + "x" + ",1" * 30 + "]",
            "Unexpected token 'x', ...\"1,1,1,1,1,x,1,1,1,1,\"... is not valid JSON",
        ),
        ('{"🚀" x}', "Expected ':' after property name in JSON at position 6"),
        ('{"a": [true, null, -1.5e+3, "é\\n\\u00e9", {}]} ', None),
    ],
)
def test_json_is_refused_in_the_words_of_v8(text: str, says: str | None) -> None:
    assert complaint(text) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"hello"', 'Unexpected token \'"\', ""hello"" is not valid JSON'),
        ("5", "Unexpected token '5', \"5\" is not valid JSON"),
        ("hello world this is long text", "Unexpected token 'h', \"hello worl\"... is not valid JSON"),
        ("  ", "Unexpected end of JSON input"),
    ],
)
def test_a_scalar_is_refused_in_the_words_of_body_parser(text: str, says: str) -> None:
    assert strict_complaint(text) == says


@pytest.fixture(scope="module")
def node() -> Iterator[ReplayNode]:
    with ReplayNode.of(load(RECORDING)) as running:
        yield running


def _ask(
    node: ReplayNode, target: str, *headers: tuple[str, str], method: str = "GET", body: str | None = None
) -> Response:
    framed = headers if body is None else (*headers, ("Content-Length", str(len(body.encode()))))
    return exchange(node.address, Request(method, target, tuple(framed), body), host="node:16127", patience=0.3)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("If-None-Match", "*")], 304),
        ([("If-None-Match", f'"zz", {TAG}')], 304),
        ([("If-None-Match", TAG.removeprefix("W/"))], 304),
        ([("If-None-Match", '"zz"')], 200),
        ([("If-None-Match", TAG), ("Cache-Control", "no-cache")], 200),
        ([("If-None-Match", TAG), ("If-Modified-Since", "Wed, 25 Nov 2026 09:23:59 GMT")], 200),
    ],
)
def test_a_conditional_request_that_reaches_express(
    node: ReplayNode, headers: list[tuple[str, str]], status: int
) -> None:
    assert _ask(node, "/flux/version", ("x-apicache-bypass", "1"), *headers).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("If-None-Match", TAG)], 304),
        ([("If-None-Match", TAG), ("Cache-Control", "no-cache")], 304),
        ([("If-None-Match", "*")], 200),
        ([("If-None-Match", f'"zz", {TAG}')], 200),
    ],
)
def test_a_conditional_request_that_the_cache_answers(
    node: ReplayNode, headers: list[tuple[str, str]], status: int
) -> None:
    first, second = _ask(node, "/flux/version?kept"), _ask(node, "/flux/version?kept", *headers)
    assert first.status == 200
    assert (second.status, second.headers["apicache-store"]) == (status, "memory")


def test_an_empty_bypass_header_is_none(node: ReplayNode) -> None:
    _ask(node, "/flux/version?e")
    assert "apicache-store" in _ask(node, "/flux/version?e", ("x-apicache-bypass", "")).headers
    assert "apicache-store" not in _ask(node, "/flux/version?e", ("x-apicache-bypass", "false")).headers


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("GZIP", "gzip"), ("deflate", "deflate"), ("gzip;q=0", None), ("identity", None), ("", None)],
)
def test_long_answers_are_compressed_as_asked(node: ReplayNode, accepted: str, encoding: str | None) -> None:
    plain = _ask(node, "/apps/globalappsspecifications")
    packed = _ask(node, "/apps/globalappsspecifications", ("Accept-Encoding", accepted))
    assert packed.headers.get("content-encoding") == encoding
    assert packed.body == plain.body


def test_a_preflight_allows_the_headers_that_it_asks_for(node: ReplayNode) -> None:
    answer = _ask(node, "/x", ("Access-Control-Request-Headers", "zelidauth"), method="OPTIONS")
    assert (answer.status, answer.headers["access-control-allow-headers"]) == (204, "zelidauth")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/no/<script>", "/no/%3Cscript%3E"),
        ('/no/"x"&y', "/no/%22x%22&amp;y"),
        ("/no/'x'", "/no/&#39;x&#39;"),
        ("/no/100%", "/no/100%25"),
        ("/no/a%20b?q=1", "/no/a%20b"),
    ],
)
def test_an_unknown_path_is_shown_harmlessly(node: ReplayNode, path: str, shown: str) -> None:
    answer = _ask(node, path)
    assert answer.status == 404
    assert f"<pre>Cannot GET {shown}</pre>" in answer.body


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ([("Content-Type", "application/json; charset=latin1")], 415, "unsupported charset &quot;LATIN1&quot;"),
        ([("Content-Type", "application/json"), ("Content-Encoding", "br")], 415, "unsupported content encoding"),
        ([("Content-Type", "application/json"), ("Content-Encoding", "gzip")], 400, "Error: incorrect header check"),
    ],
)
def test_a_json_body_that_cannot_be_read(
    node: ReplayNode, headers: list[tuple[str, str]], status: int, says: str
) -> None:
    answer = _ask(node, "/id/checkprivilege", *headers, method="POST", body="{}")
    assert answer.status == status
    assert says in answer.body


@pytest.mark.parametrize(
    ("content_type", "hangs"),
    [
        ("application/json", True),
        ("APPLICATION/JSON;charset=UTF-8", True),
        ("application/json;", False),
        ("text/json", False),
        ("application/json, text/plain", False),
    ],
)
def test_which_content_types_make_a_raw_body_handler_hang(node: ReplayNode, content_type: str, hangs: bool) -> None:
    answer = _ask(node, "/id/checkprivilege", ("Content-Type", content_type), method="POST", body="{}")
    assert (answer == HANGS) == hangs
    assert hangs or "No user Flux ID specificed" in answer.body


@pytest.mark.parametrize(
    ("path", "name", "says"),
    [
        ("/apps/appowner/(", "SyntaxError", "Invalid regular expression: /^($/i: Unterminated group"),
        ("/apps/appowner/[", "SyntaxError", "Invalid regular expression: /^[$/i: Unterminated character class"),
        ("/apps/location/*", "SyntaxError", "Invalid regular expression: /^*$/i: Nothing to repeat"),
        ("/apps/location/a%00", "BSONError", "value ^a\\u0000$ must not contain null bytes"),
        ("/apps/appspecifications/%5Bz-a%5D", "SyntaxError", "/^[z-a]$/i: Range out of order in character class"),
        ("/apps/appspecifications/NoSuchApp", "Error", "Application: NoSuchApp not found"),
    ],
)
def test_names_of_apps_are_expressions(node: ReplayNode, path: str, name: str, says: str) -> None:
    """FluxOS: registryManager.js."""
    answer = _ask(node, path)
    assert f'"name":"{name}"' in answer.body
    assert says in answer.body


@pytest.mark.parametrize(
    ("route", "body", "says"),
    [
        ("/id/verifylogin", "null", "Cannot read properties of null (reading 'zelid')"),
        ("/id/providesign", "null", "Cannot read properties of null (reading 'zelid')"),
        ("/id/providesign", '{"zelid":"x"}', "Flux ID is not valid"),
        ("/id/checkprivilege", "null", "Cannot destructure property 'zelid' of 'processedBody' as it is null."),
        (
            "/id/verifylogin",
            '{"zelid":"1FaXkt1MGPS4UZ1zSZdnHNx67CFhwHth89","loginPhrase":5}',
            "message.substring is not a",
        ),
        ("/id/verifylogin", "zelid=1a&zelid=1b", "Flux ID is not valid"),
    ],
)
def test_odd_bodies_of_logins(node: ReplayNode, route: str, body: str, says: str) -> None:
    """FluxOS: idService.js verifyLogin, provideSign, checkLoggedUser."""
    assert says in _ask(node, route, ("Content-Type", "text/plain"), method="POST", body=body).body


def test_an_answer_that_stalls_is_seen_not_to_end(node: ReplayNode) -> None:
    """Of the client that judges here: half an answer and then silence."""
    node.fault({"kind": "stall", "path": "/flux/timezone", "count": 1})
    stalled = _ask(node, "/flux/timezone")
    assert (stalled.answered, stalled.complete, stalled.status) == (True, False, 200)
    assert _ask(node, "/flux/timezone").complete
