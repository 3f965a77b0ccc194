# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replay judges the simulator, so it is judged itself: it sees each difference, and none where there is none."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.simulator.replay_client import head
from tests.simulator.replay_compare import differences, etag_of
from tests.simulator.replay_recording import (
    Exchange,
    Recording,
    RecordingError,
    Request,
    Response,
    load,
    written_out,
)
from tests.simulator.replay_signing import PHRASE, Signatures, Substitutions
from tests.simulator.signatures import verify

RECORDING = Path(__file__).parents[1] / "data" / "recordings" / "fluxos-8.17-node.json"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load(RECORDING)


def _exchange(recording: Recording, case: str, at: int = 0) -> Exchange:
    return next(each for each in recording.cases if each.name == case).exchanges[at]


def test_the_recording_is_read_whole(recording: Recording) -> None:
    assert recording.version == "8.17.0"
    assert (len(recording.cases), len(list(recording.exchanges()))) == (288, 440)
    numbers = [exchange.seq for _unused, exchange in recording.exchanges()]
    assert numbers == sorted(numbers)


def test_abbreviations_are_written_out(recording: Recording) -> None:
    body = _exchange(recording, "login/big-json").request.body
    assert body is not None
    assert len(body) == 103008
    assert set(json.loads(body)["a"]) == {"x"}
    assert len(_exchange(recording, "auth-header/too-large").request.headers[0][1]) == 17000
    assert written_out("no... (abbreviation) here") == "no... (abbreviation) here"


def test_notes_about_the_node_are_understood(recording: Recording) -> None:
    cases = {case.name: case for case in recording.cases}
    assert cases["node-state/dos-ip-detection"].dos == (100.0, "Flux IP detection failed")
    assert cases["node-state/dos-low"].dos == (5.0, None)
    assert cases["node-state/docker-down"].docker_down
    assert cases["node-state/daemon-warming-up"].daemon_answer == "warming"
    assert cases["cache/bypass-headers"].dos is None
    assert cases["cache/bypass-headers"].daemon_answer is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "is not a recording"),
        ('{"cases": []}', "is not a recording"),
        ('{"meta": 1}', "is not a recording"),
    ],
)
def test_another_file_is_refused_with_a_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError, match=says):
        load(path)
    with pytest.raises(RecordingError, match="cannot be read"):
        load(tmp_path / "nothing.json")


def test_every_recorded_answer_agrees_with_itself(recording: Recording) -> None:
    """Also shows that the etag formula is express's: each recorded etag is recomputed from its body."""
    for case, exchange in recording.exchanges():
        assert differences(exchange.request, exchange.response, exchange.response) == [], case.name


def test_etag_is_the_one_of_express() -> None:
    assert etag_of(b'{"status":"success","data":"8.17.0"}') == 'W/"24-66qwtH9/Rcf1acnkY9OOg3Z1mTQ"'


def _with_header(response: Response, name: str, value: str | None) -> Response:
    headers = {key: text for key, text in response.headers.items() if key != name}
    return dataclasses.replace(response, headers=headers if value is None else headers | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-powered-by", None),
        ("access-control-allow-origin", "http://app.example"),
        ("content-type", "application/json"),
        ("cache-control", "max-age=29"),
        ("cache-control", None),
        ("apicache-store", "memory"),
        ("server", "Python"),
        ("etag", None),
        ("etag", '"24-66qwtH9/Rcf1acnkY9OOg3Z1mTQ"'),
        ("etag", 'W/"24-66qwtH9/Rcf1acnkY9OOg3Z1mTQ="'),
        ("etag", 'W/"24-76qwtH9/Rcf1acnkY9OOg3Z1mTQ"'),
        ("content-length", None),
        ("keep-alive", "timeout=75"),
    ],
)
def test_another_header_is_a_difference(recording: Recording, name: str, value: str | None) -> None:
    exchange = _exchange(recording, "public-read/version")
    changed = _with_header(exchange.response, name, value)
    found = differences(exchange.request, exchange.response, changed)
    assert len(found) == 1
    assert name in found[0]


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        ("public-read/version", "8.17.0", "8.17.1"),
        ("public-read/dosstate", '"dosState":0', '"dosState":0.13'),
        ("public-read/dosstate", '"dosMessage":null', '"dosMessage":""'),
        ("public-read/dosstate", ',"dosMessage":null', ""),
        ("public-read/zelid-deprecated", "17B3yoDNb4ocZCjCyQkeNNeVQrT1y7cKyT", "12Su5Z3zpihwgbaoD6APag3RRAdRPxZTzN"),
        ("public-read/isarcaneos", "}", ',"data":false}'),
        ("public-read/info", ',"zmqEnabled":false', ""),
        ("public-read/info", '"zmqEnabled":false', '"zmqEnabled":"false"'),
        ("public-read/info", '"blocks":2200000', '"blocks":"2200000"'),
        ("public-read/daemon-getinfo", '"success"', '"error"'),
        ("apps-read/appowner-none", "Application not found", "Application not Found"),
        ("apps-read/appowner-none", '"name":"Error",', ""),
        ("apps-read/location", '"name":"FarShore"', '"name":"FarShores"'),
        ("apps-read/location", '"osUptime":864000', '"osUptime":"864000"'),
        ("apps-read/installedapps", '"instances":3,', ""),
        ("privilege/loggedusers-none", '"code":401', '"code":"401"'),
        ("routing/unknown", "Cannot GET /no/such/path", "Cannot GET /no/such"),
        ("login/bad-json-as-json", "Unexpected end", "Unexpected"),
        ("login/bad-json-as-json", "<br> &nbsp; &nbsp;at ", "<br>"),
    ],
)
def test_another_body_is_a_difference(recording: Recording, case: str, old: str, new: str) -> None:
    exchange = _exchange(recording, case)
    body = exchange.response.body
    assert old in body
    body = body[: body.rindex(old)] + new if old == "}" else body.replace(old, new)
    changed = dataclasses.replace(exchange.response, body=body)
    if "etag" in changed.headers:
        changed = _with_header(changed, "etag", etag_of(body.encode()))
    assert differences(exchange.request, exchange.response, changed)


def test_a_session_that_lives_longer_is_a_difference(recording: Recording) -> None:
    exchange = _exchange(recording, "login/good-ownerA", 1)
    body = exchange.response.body.replace("2026-12-08T", "2026-12-09T")
    changed = _with_header(dataclasses.replace(exchange.response, body=body), "etag", etag_of(body.encode()))
    found = differences(exchange.request, exchange.response, changed)
    assert found == ["data: lives 14 days, 0:00:00 in the recording, 15 days, 0:00:00 here"]


@pytest.mark.parametrize(
    "changed",
    [
        Response(answered=False, closed=True),
        Response(answered=False, closed=False),
        Response(answered=True, status=500, reason="Internal Server Error"),
    ],
)
def test_another_fate_is_a_difference(recording: Recording, changed: Response) -> None:
    exchange = _exchange(recording, "public-read/version")
    assert differences(exchange.request, exchange.response, changed)


def test_an_answer_without_an_end_is_a_difference(recording: Recording) -> None:
    exchange = _exchange(recording, "public-read/version")
    endless = dataclasses.replace(exchange.response, complete=False, body="")
    assert differences(exchange.request, exchange.response, endless) == ["the answer does not end"]
    assert differences(exchange.request, endless, exchange.response) == [
        "recorded an answer without an end, got a whole one"
    ]
    assert differences(exchange.request, endless, endless) == []


def test_hanging_and_hanging_up_are_not_the_same(recording: Recording) -> None:
    hangs = _exchange(recording, "login/empty-json-body")
    assert not hangs.response.answered
    assert differences(hangs.request, hangs.response, Response(answered=False, closed=True)) == [
        "recorded no answer, got a closed connection"
    ]
    closes = _exchange(recording, "other-post/upload-no-auth")
    assert differences(closes.request, closes.response, Response(answered=False, closed=False))


def test_a_call_that_the_stub_did_not_know_only_has_to_be_let_in(recording: Recording) -> None:
    let_in = _exchange(recording, "privilege/adminandfluxteam", 1)
    assert "-32601" in let_in.response.body
    refused = _exchange(recording, "privilege/adminandfluxteam", 0).response
    body = '{"status":"success","data":"pong"}'
    answered = _with_header(dataclasses.replace(let_in.response, body=body), "etag", etag_of(body.encode()))
    assert differences(let_in.request, let_in.response, answered) == []
    assert differences(let_in.request, let_in.response, refused)


def _renewed(recording: Recording, case: str, at: int = 1) -> tuple[str, Request]:
    """Return our phrase and the request of a case as sent to a node that issued it."""
    known = Substitutions(Signatures.of(recording.keys))
    theirs = json.loads(_exchange(recording, case, 0).response.body)["data"]
    ours = theirs[:13] + "ourownphrase" + theirs[13:40]
    assert PHRASE.match(ours)
    known.issued(theirs, ours)
    return ours, known.request(_exchange(recording, case, at).request)


@pytest.mark.parametrize("case", ["login/good-ownerA", "login/good-ethOwner", "login/emergency-phrase"])
def test_a_json_login_is_signed_again(recording: Recording, case: str) -> None:
    phrase, request = _renewed(recording, case)
    assert request.body is not None
    fields = json.loads(request.body)
    assert fields["loginPhrase"] == phrase
    assert verify(phrase, fields["zelid"], fields["signature"])
    assert request.header("content-length") == str(len(request.body))


def test_the_aliases_are_signed_again(recording: Recording) -> None:
    phrase, request = _renewed(recording, "login/alias-address-message")
    fields = json.loads(request.body or "")
    assert list(fields) == ["address", "signature", "message"]
    assert verify(phrase, fields["address"], fields["signature"])


def test_a_query_string_stays_percent_encoded(recording: Recording) -> None:
    phrase, request = _renewed(recording, "login/form-body-text-plain")
    assert "%3D" in (request.body or "")
    fields = {key: values[0] for key, values in parse_qs(request.body).items()}
    assert verify(phrase, fields["zelid"], fields["signature"])


def test_a_raw_plus_stays_a_raw_plus(recording: Recording) -> None:
    phrase, request = _renewed(recording, "login/form-body-plus-not-escaped")
    signature = (request.body or "").split("signature=")[1].split("&")[0]
    assert "+" in signature
    assert verify(phrase, recording.keys["stranger"]["address"], signature)


@pytest.mark.parametrize("case", ["login/signature-not-base64", "login/signature-of-other-text"])
def test_a_bad_signature_stays_bad(recording: Recording, case: str) -> None:
    phrase, request = _renewed(recording, case)
    recorded = _exchange(recording, case, 1).request
    assert json.loads(request.body or "")["signature"] == json.loads(recorded.body or "")["signature"]
    assert not verify(phrase, recording.keys["ownerA"]["address"], json.loads(request.body or "")["signature"])


@pytest.mark.parametrize("form", ["compressed", "uncompressed"])
@pytest.mark.parametrize("high", [False, True])
@pytest.mark.parametrize("dress", ["plain", "url-safe", "no padding"])
def test_the_form_of_a_bitcoin_signature_is_kept(recording: Recording, form: str, high: bool, dress: str) -> None:
    import base64

    from coincurve import PrivateKey

    from tests.simulator.keys import p2pkh
    from tests.simulator.replay_signing import sign
    from tests.simulator.signatures import bitcoin_digest

    secret = bytes.fromhex(recording.keys["ownerA"]["privateKeyHex"])
    theirs, ours = "1795548244390" + "a" * 40, "1795548244391" + "b" * 40
    compact, recovery = sign(secret, bitcoin_digest(theirs), 0, high=high)
    header = (31 if form == "compressed" else 27) + recovery
    encode = base64.urlsafe_b64encode if dress == "url-safe" else base64.b64encode
    recorded = encode(bytes([header]) + compact).decode()
    if dress == "no padding":
        recorded = recorded.rstrip("=")
    renewed = Signatures.of(recording.keys).again(recorded, theirs, ours)
    assert renewed is not None
    assert verify(ours, p2pkh(PrivateKey(secret).public_key.format(compressed=form == "compressed")), renewed)
    raw = base64.b64decode(renewed.replace("-", "+").replace("_", "/") + "==")
    assert (raw[0] >= 31) == (form == "compressed")
    assert (raw[33] >= 0x80) == high
    assert renewed.endswith("=") == (dress != "no padding")


def test_a_chunked_body_is_framed_again(recording: Recording) -> None:
    known = Substitutions(Signatures.of(recording.keys))
    recorded = _exchange(recording, "other-post/chunked-text").request
    phrase = json.loads((recorded.body or "").split("\r\n")[1])["loginPhrase"]
    known.issued(phrase, phrase[:13] + "z" * 30)
    size, payload, *rest = (known.request(recorded).body or "").split("\r\n")
    assert int(size, 16) == len(payload)
    assert rest == ["0", "", ""]
    fields = json.loads(payload)
    assert verify(phrase[:13] + "z" * 30, fields["zelid"], fields["signature"])


def test_the_recorded_answer_reads_with_our_phrase(recording: Recording) -> None:
    known = Substitutions(Signatures.of(recording.keys), names={"127.0.0.1:16127": "127.18.0.1:16127"})
    asked, login = (_exchange(recording, "login/good-ownerA", at) for at in (0, 1))
    theirs = json.loads(asked.response.body)["data"]
    known.issued(theirs, theirs[:13] + "z" * 30)
    sent = json.loads(known.request(login.request).body or "")
    data = json.loads(known.answer(login.response).body)["data"]
    assert (data["loginPhrase"], data["signature"]) == (sent["loginPhrase"], sent["signature"])
    assert "127.18.0.1:16127" in known.answer(_exchange(recording, "public-read/ip").response).body


def test_the_recorded_bytes_are_sent(recording: Recording) -> None:
    assert head(_exchange(recording, "routing/double-slash").request, "h:1") == (
        b"GET //apps/appowner/TideBoard HTTP/1.1\r\nHost: h:1\r\n\r\n"
    )
    assert head(_exchange(recording, "routing/no-leading-slash").request, "h:1").startswith(b"GET flux/version HTTP")
    assert b"t\xc3\xafde" in head(_exchange(recording, "routing/utf8-raw").request, "h:1")
    assert b"Host" not in head(_exchange(recording, "routing/no-host").request, None)
