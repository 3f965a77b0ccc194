# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is data, what is a refusal, and what is no answer of FluxOS: read from the parts of an HTTP answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import (
    Answer,
    BadAnswer,
    Busy,
    FluxOSError,
    NotFound,
    Refused,
    Unauthorized,
    judge,
    page_heading,
    retry_after,
)

NODE = "1.2.3.4:16127"
EXPRESS_404 = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Error</title>
</head>
<body>
<pre>Cannot GET /flux/health</pre>
</body>
</html>
"""
EXPRESS_400 = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>Error</title>\n</head>\n<body>\n<pre>URIError: Failed to '
    b"decode param &#39;100%&#39;<br> &nbsp; &nbsp;at decodeURIComponent (&lt;anonymous&gt;)</pre>\n</body>\n</html>\n"
)
PROXY_PAGE = (
    b"<html><head><title>Flux</title><style>h1 {color: red}</style></head><body><h1>Flux Node is not confirmed "
    b"on the network</h1><p>Try another one.</p></body></html>"
)


def judged(
    body: bytes | str | Mapping[str, Any],
    http_status: int = 200,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Answer:
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return judge(NODE, "read the health", http_status=http_status, headers=headers or {}, body=content, **options)


def failure(*args: Any, **options: Any) -> FluxOSError:
    with pytest.raises(FluxOSError) as caught:
        judged(*args, **options)
    return caught.value


@pytest.mark.parametrize("data", ["8.20.0", 0, 2996952, 0.13, False, None, [], ["x"], {}, {"dosState": 0}])
def test_data_is_of_any_type(data: Any) -> None:
    assert judged({"status": "success", "data": data}).data == data


def test_a_byte_order_mark_before_the_envelope_does_no_harm() -> None:
    assert judged(b'\xef\xbb\xbf{"status": "success", "data": "8.20.0"}').data == "8.20.0"


def test_a_success_may_have_no_data() -> None:
    # As the recorded answer of /flux/isarcaneos of an 8.17 node whose benchmark does not know the field.
    assert judged('{"status":"success"}').data is None


def test_messages_and_warnings() -> None:
    answer = judged({"status": "warning", "data": {"message": "Connection to 1.2.3.4 does not exists."}})
    assert (answer.status, answer.message) == ("warning", "Connection to 1.2.3.4 does not exists.")
    assert judged({"status": "success", "data": {"message": {"an": "object"}}}).message is None


def test_answers_on_the_top_level_are_kept() -> None:
    assert judged({"status": "success", "logs": ["a"], "cursor": "x"}).extra == {"logs": ["a"], "cursor": "x"}


def test_the_nodes_clock_and_its_cache_are_read_from_the_headers() -> None:
    answer = judged(
        {"status": "success", "data": 1}, headers={"Date": "Wed, 25 Nov 2026 08:00:00 GMT", "Apicache-Store": "memory"}
    )
    assert answer.node_time == 1795593600.0
    assert answer.from_cache
    without = judged({"status": "success", "data": 1}, headers={"date": "yesterday"})
    assert without.node_time is None
    assert not without.from_cache


@pytest.mark.parametrize(
    ("data", "said", "code", "name"),
    [
        ({"code": "ENOENT", "name": "Error", "message": "spawn pm2 ENOENT"}, "spawn pm2 ENOENT", "ENOENT", "Error"),
        ({"code": -28, "name": "Error", "message": "Loading block index..."}, "Loading block index", -28, "Error"),
        ({"code": 12, "name": "CONNERROR", "message": "not available"}, "not available", 12, "CONNERROR"),
        ({"code": 12.5, "message": "x"}, "x", "12.5", None),
        ({"message": {"code": -1, "message": "deep"}}, '{"code": -1, "message": "deep"}', None, None),
        ({"message": 7}, "7", None, None),
        ({"name": "Error"}, "an error without a text", None, "Error"),
        ({"code": True, "name": ["x"], "message": None}, "an error without a text", None, '["x"]'),
        ("only a text", "only a text", None, None),
        (None, "an error without a text", None, None),
        ({"message": "two\nlines\x1b[31m"}, "two lines [31m", None, None),
    ],
)
def test_refusals_of_every_shape(data: Any, said: str, code: Any, name: str | None) -> None:
    error = failure({"status": "error", "data": data})
    assert error.kind == Refused.kind
    assert (error.said, error.code, error.name) == (said, code, name)
    assert str(error).startswith(f"{NODE}: read the health: {said}. ")


def test_an_error_without_data() -> None:
    assert failure('{"status":"error"}').said == "an error without a text"


@pytest.mark.parametrize("http_status", [200, 401])
def test_unauthorized_by_envelope(http_status: int) -> None:
    body = {"status": "error", "data": {"code": 401, "name": "Unauthorized", "message": "Unauthorized. Access denied."}}
    error = failure(body, http_status)
    assert isinstance(error, Unauthorized)
    assert "another Flux ID" in error.advice
    assert not error.maybe_done


def test_unauthorized_by_http_code_alone() -> None:
    error = failure("Access denied", 401)
    assert isinstance(error, Unauthorized)
    assert error.said == "Access denied"


@pytest.mark.parametrize("http_status", [400, 403, 500, 501, 502])
def test_an_error_envelope_counts_whatever_the_http_code(http_status: int) -> None:
    error = failure(
        {"status": "error", "data": {"name": "ForbiddenProtocol", "message": "HTTPS required"}}, http_status
    )
    assert error.kind == Refused.kind
    assert error.said == "HTTPS required"


def test_the_boot_window() -> None:
    body = {
        "status": "error",
        "data": {
            "code": 503,
            "name": "ServiceUnavailable",
            "message": "Node is still reconciling its applications after boot",
        },
    }
    error = failure(body, 503, {"Retry-After": "15"})
    assert isinstance(error, Busy)
    assert error.retry_after == 15
    assert error.as_dict()["retry_after"] == 15
    assert str(error) == (
        f"{NODE}: read the health: Node is still reconciling its applications after boot. It asks to come back in "
        "15 s; the node has just started and does not act on apps before it has settled."
    )


def test_busy_without_a_word() -> None:
    error = failure(b"", 429)
    assert isinstance(error, Busy)
    assert (error.said, error.retry_after, error.advice) == ("HTTP 429", None, "Try again later")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("15", 15.0),
        (" 0 ", 0.0),
        ("Wed, 25 Nov 2026 08:00:30 GMT", 30.0),
        ("Wed, 25 Nov 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value, "date": "Wed, 25 Nov 2026 08:00:00 GMT"}) == seconds


def test_an_endpoint_that_the_node_does_not_have() -> None:
    error = failure(EXPRESS_404, 404, since="8.19")
    assert isinstance(error, NotFound)
    assert error.said == "Cannot GET /flux/health"
    assert error.advice == "This node's FluxOS does not have this endpoint; it needs 8.19 or later"
    assert "compare its version" in failure(EXPRESS_404, 404).advice


def test_a_thing_that_does_not_exist_is_not_a_missing_endpoint() -> None:
    error = failure({"status": "error", "data": {"message": "Operation not found"}}, 404)
    assert isinstance(error, NotFound)
    assert error.said == "Operation not found"


def test_a_page_instead_of_json_is_named_by_its_heading() -> None:
    error = failure(PROXY_PAGE)
    assert isinstance(error, BadAnswer)
    assert error.said == 'not JSON but an HTML page: "Flux Node is not confirmed on the network"'
    assert "proxy" in error.advice


@pytest.mark.parametrize(
    ("body", "http_status", "said"),
    [
        (EXPRESS_400, 400, "HTTP 400: URIError: Failed to decode param '100%'"),
        (b"<pre>PayloadTooLargeError: request entity too large</pre>", 413, "HTTP 413: PayloadTooLargeError: request"),
        (b"<html><h1>502 Bad Gateway</h1></html>", 502, "HTTP 502: 502 Bad Gateway"),
        (b"upstream timed out", 504, "HTTP 504: upstream timed out"),
        (b"", 500, "HTTP 500"),
        (b"", 302, "HTTP 302, a redirect instead of an answer"),
        (b"", 304, "HTTP 304, a redirect instead of an answer"),
        (b"", 200, "an empty answer"),
        (b"  \n", 200, "an empty answer"),
        (b'{"status":"success","data":{"db":"o', 200, "half an answer: JSON that ends after 35 bytes"),
        (b'{"status":"success","data":', 200, "half an answer: JSON that ends after 27 bytes"),
        (b'{"status":"success"', 200, "half an answer: JSON that ends after 19 bytes"),
        (b"8.20.0", 200, "an answer that is not JSON: 8.20.0"),
        (b'{"status":"success",}', 200, "an answer that is not JSON: "),
        (b"\x89PNG\r\n", 200, "an answer that is not text"),
        (b'"Unknown"', 200, "JSON that is no FluxOS envelope but a text"),
        (b"true", 200, "JSON that is no FluxOS envelope but a truth value"),
        (b"17", 200, "JSON that is no FluxOS envelope but a number"),
        (b"null", 200, "JSON that is no FluxOS envelope but a null"),
        (b"[]", 200, "JSON that is no FluxOS envelope but a list"),
        (b'{"data":1}', 200, "JSON that is no FluxOS envelope: its status is None"),
        (b'{"status":"fine","data":1}', 200, "JSON that is no FluxOS envelope: its status is 'fine'"),
        (b'{"status":["success"]}', 200, "JSON that is no FluxOS envelope: its status is ['success']"),
        (b"[" * 200000, 200, "JSON nested too deeply"),
    ],
)
def test_what_is_no_answer_of_fluxos(body: bytes, http_status: int, said: str) -> None:
    error = failure(body, http_status)
    assert isinstance(error, BadAnswer)
    assert error.said.startswith(said)
    assert error.incomplete == said.startswith("half an answer")


def test_a_text_is_an_answer_only_where_it_may_be() -> None:
    log = judged(b"line 1\nline 2\n", headers={"Content-Type": "text/plain"}, accept_text=True)
    assert (log.text, log.data) == ("line 1\nline 2\n", None)
    # An envelope stays one, and an error stays an error.
    assert judged({"status": "success", "data": 1}, accept_text=True).data == 1
    assert isinstance(failure({"status": "error", "data": {}}, accept_text=True), Refused)
    assert isinstance(failure(EXPRESS_404, 404, accept_text=True), NotFound)


def test_the_heading_of_a_page() -> None:
    assert page_heading(b"plain text") is None
    assert page_heading(b"<title> A &amp; B </title>") == "A & B"
    assert page_heading(b"<html><script>var x = 1</script>just text</html>") == "just text"
    assert page_heading(b"<html></html>") == "a page without text"


@given(st.binary(max_size=200), st.integers(200, 599))
def test_any_bytes_give_an_answer_or_an_error_of_the_family(body: bytes, http_status: int) -> None:
    problem: FluxOSError | None = None
    try:
        answer = judged(body, http_status)
    except FluxOSError as error:
        problem = error
    if problem is None:
        assert answer.status in ("success", "warning")
    else:
        assert str(problem).startswith(NODE)
        assert "\n" not in str(problem)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["success", "warning", "error", "other"]), json_values)
def test_any_envelope_is_judged_by_its_status(status: str, data: Any) -> None:
    if status in ("success", "warning"):
        answer = judged({"status": status, "data": data})
        assert json.dumps(answer.data) == json.dumps(json.loads(json.dumps(data)))
    else:
        error = failure({"status": status, "data": data})
        assert isinstance(error, Refused if status == "error" else BadAnswer)
        json.dumps(error.as_dict())


RECORDED = json.loads(
    (Path(__file__).parents[3] / "data" / "recordings" / "fluxos-8.17-node.json").read_text(encoding="utf-8")
)
EXCHANGES = [
    (case["case"], exchange["response"])
    for case in RECORDED["cases"]
    for exchange in case["exchanges"]
    if exchange["response"].get("answered") and exchange["response"].get("complete", True)
]


def test_every_recorded_answer_is_judged_by_its_body() -> None:
    """440 exchanges with a real node: what its own JSON says is what we make of it, whatever the HTTP code."""
    assert len(EXCHANGES) > 300
    kinds: Counter[str] = Counter()
    for case, response in EXCHANGES:
        body = response.get("body") or ""
        expected = _by_its_own_words(response["status"], body)
        try:
            judged(body, response["status"], response["headers"])
            kind = "answer"
        except FluxOSError as error:
            kind = error.kind
        assert kind == expected, case
        kinds[kind] += 1
    # Each kind occurs, so this test has something to fail on.
    assert {"answer", "refused", "unauthorized", "not_found", "bad_answer"} <= set(kinds)


def _by_its_own_words(http_status: int, body: str) -> str:
    if http_status == 404:
        return "not_found"
    try:
        document = json.loads(body)
    except ValueError:
        return "unauthorized" if http_status == 401 else "bad_answer"
    if not isinstance(document, dict) or document.get("status") not in ("success", "warning", "error"):
        return "bad_answer"
    if document["status"] != "error":
        return "answer" if http_status < 300 else "bad_answer"
    data = document.get("data")
    return "unauthorized" if isinstance(data, dict) and data.get("code") == 401 else "refused"
