# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs a login: restarts, sessions, raw calls. The simulator's journal is the witness of what was done."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    FluxOSError,
    Misuse,
    Refused,
    StaleAnswer,
    Unauthorized,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.identity import load_signer
from ansible_collections.fluxme.fluxos.plugins.module_utils.session import NodeLogin
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import (
    BodyKind,
    Transport,
    TransportOptions,
    WriteForbidden,
)
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.scripted import UNAUTHORIZED, Behaviour, Server, answer, error, raw, reset, success

LEGACY, ARCANE, G17 = range(3)
SCENARIO = {
    "nodes": [
        {"host": 1, "uptime": 86400, "apps": ["TideBoard"]},
        {"host": 2, "arcane": True},
        {"host": 3, "version": "8.17.0", "disk_version": "8.17.0"},
    ],
    "apps": [{"name": "TideBoard", "owner": "@operator", "instances": 3, "components": ["web"], "version": 8}],
}
OPTIONS = TransportOptions(timeout=5, retries=0)


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=0) as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(OPTIONS) as shared:
        yield shared


def login_of(person: Person) -> NodeLogin:
    signer = load_signer(private_key=person.wif)
    assert signer is not None
    return NodeLogin(signer)


@pytest.fixture
def login(simulator: RunningSimulator) -> NodeLogin:
    return login_of(simulator.operator)


def client_of(simulator: RunningSimulator, transport: Transport, number: int, login: NodeLogin) -> NodeClient:
    return NodeClient(Endpoint.parse(simulator.addresses[number]), transport, login)


def restarts(simulator: RunningSimulator) -> list[str]:
    return [line["outcome"] for line in simulator.requests(path="/flux/restart")]


# -- restart ----------------------------------------------------------------------------------------------------------


def test_a_legacy_node_drops_the_connection_and_is_restarted(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    client = client_of(simulator, transport, LEGACY, login)
    before = client.process()
    answer = client.restart()
    assert (answer.outcome, answer.said) == ("dropped", "the node closed the connection without an answer")
    simulator.advance(120)
    after = client.process()
    assert after.uptime < before.uptime
    assert restarts(simulator) == ["dropped"]


def test_an_arcane_node_cannot(simulator: RunningSimulator, transport: Transport, login: NodeLogin) -> None:
    client = client_of(simulator, transport, ARCANE, login)
    answer = client.restart()
    assert (answer.outcome, answer.said) == ("cannot", "spawn pm2 ENOENT")
    assert simulator.states(what="down") == []


def test_a_stranger_may_not_restart_and_learns_why(simulator: RunningSimulator, transport: Transport) -> None:
    client = client_of(simulator, transport, LEGACY, login_of(Person.named("stranger")))
    with pytest.raises(Unauthorized, match="belongs to another Flux ID"):
        client.restart()
    # One login and one try: a session that was just made is not worth another.
    assert len(simulator.requests(path="/id/verifylogin")) == 1
    assert restarts(simulator) == ["error"]
    assert simulator.states(what="down") == []


def test_a_session_that_the_node_lost_is_renewed_and_the_restart_done_once(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    client = client_of(simulator, transport, LEGACY, login)
    login.login(client)
    simulator.restart(client.node)
    simulator.advance(300)
    assert client.restart().outcome == "dropped"
    assert restarts(simulator) == ["error", "dropped"]
    assert len(simulator.states(what="down")) == 2


def test_a_refusal_in_the_cache_of_an_old_node_does_not_reach_us(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    client = client_of(simulator, transport, G17, login)
    with pytest.raises(Unauthorized):
        transport.get(client.endpoint, "/flux/restart", operation="restart as nobody", fresh=False)
    assert client.restart().outcome == "dropped"


def test_a_success_in_the_cache_of_an_old_node_is_not_taken_for_a_restart(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    """Up to 8.17 the answer to a restart is kept for 30 s: who asks again without a word gets it, and no restart."""
    client = client_of(simulator, transport, G17, login)
    header = login.header(client, privilege="stored")
    request = urllib.request.Request(f"http://{client.node}/flux/restart", headers={"zelidauth": header})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    simulator.fault(client.node, kind="restart_ignored")
    kept = []
    for _unused in range(2):
        with opener.open(request, timeout=5) as reply:
            assert json.load(reply)["data"] == "Restarting FluxOS"
            kept.append("apicache-store" in reply.headers)
    simulator.heal(client.node)
    assert kept == [False, True]
    assert client.restart().outcome == "dropped"
    assert len(simulator.states(node=client.node, what="down")) == 1


def test_a_lost_login_is_not_taken_for_a_restart(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    client = client_of(simulator, transport, LEGACY, login)
    simulator.fault(client.node, kind="reset", path="/id/emergencyphrase")
    with pytest.raises(AnswerLost, match="login phrase"):
        client.restart()
    assert restarts(simulator) == []


def test_no_login_no_restart(simulator: RunningSimulator, transport: Transport) -> None:
    client = NodeClient(Endpoint.parse(simulator.addresses[LEGACY]), transport)
    with pytest.raises(Unauthorized, match="Give flux_id with private_key"):
        client.restart()
    assert simulator.requests() == []


def test_check_mode_cannot_restart(simulator: RunningSimulator, transport: Transport, login: NodeLogin) -> None:
    login.login(client_of(simulator, transport, LEGACY, login))
    with Transport(OPTIONS, read_only=True) as read_only, pytest.raises(WriteForbidden):
        client_of(simulator, read_only, LEGACY, login).restart()
    assert restarts(simulator) == []


@dataclass
class OneHeader:
    """The protocol that clients expect of a login, as small as it gets; the header tells how often it was renewed."""

    forgotten: int = 0
    header_value: str = '{"zelid":"1","signature":"s","loginPhrase":"p"}'

    def header(self, _client: object, *, privilege: str) -> str:
        return f'{self.header_value[:-1]},"try":{self.forgotten},"for":"{privilege}"}}'

    def forget(self, _client: object) -> None:
        self.forgotten += 1

    def drop(self, _client: object) -> None:
        self.forgotten += 1

    def current(self, _client: object) -> None:
        return None

    def explain(self, _client: object) -> None:
        return None


def restart_answered(*behaviours: Behaviour) -> tuple[str, str, int]:
    """Outcome and words of a restart that is answered so, and how often it was sent."""
    with Server(*behaviours) as server, Transport(OPTIONS) as transport:
        answer = NodeClient(server.endpoint, transport, OneHeader()).restart()
        return answer.outcome, answer.said, len(server.requests)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "said"),
    [
        (answer(success("Restarting FluxOS")), "accepted", "Restarting FluxOS"),
        (answer(success({"message": "Restarting FluxOS"})), "accepted", "Restarting FluxOS"),
        (reset(), "dropped", "the node closed the connection without an answer"),
        (raw(b""), "dropped", "the node closed the connection without an answer"),
        (answer('{"status":"succ'), "dropped", "half an answer: JSON that ends after 15 bytes"),
        (answer("<h1>502 Bad Gateway</h1>", status=502), "dropped", "HTTP 502: 502 Bad Gateway"),
        (
            answer("<h1>Flux Node is not confirmed</h1>"),
            "unclear",
            'not JSON but an HTML page: "Flux Node is not confirmed"',
        ),
        (answer("nonsense"), "unclear", "an answer that is not JSON: nonsense"),
        (answer(error("spawn pm2 ENOENT", code="ENOENT")), "cannot", "spawn pm2 ENOENT"),
    ],
)
def test_every_way_to_answer_a_restart(behaviour: Behaviour, outcome: str, said: str) -> None:
    assert restart_answered(behaviour) == (outcome, said, 1)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer(success("Restarting FluxOS"), headers={"apicache-store": "memory"}), StaleAnswer),
        (answer(error("Command failed", code=1)), Refused),
        (answer(UNAUTHORIZED), Unauthorized),
    ],
)
def test_what_is_no_restart_is_an_error(behaviour: Behaviour, kind: type[FluxOSError]) -> None:
    with pytest.raises(kind):
        restart_answered(behaviour)


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_logins_are_listed_without_logging_in(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    client = client_of(simulator, transport, LEGACY, login)
    assert client.sessions() == []
    assert simulator.requests(path="/id/verifylogin") == []
    login_of(simulator.operator).login(client)
    login.login(client)
    rows = client.sessions()
    assert sorted(row["kept"] for row in rows) == [False, True]
    assert all(set(row) == {"created", "expires", "kept"} and row["expires"] > row["created"] for row in rows)


def test_logout_ends_one_session_or_all(simulator: RunningSimulator, transport: Transport, login: NodeLogin) -> None:
    client = client_of(simulator, transport, LEGACY, login)
    login_of(simulator.operator).login(client)
    login.login(client)
    assert client.logout() == "Successfully logged out"
    assert login.current(client) is None
    assert [row["kept"] for row in client.sessions()] == [False]
    login.login(client)
    assert client.logout(everywhere=True) == "Successfully logged out all sessions"
    assert client.sessions() == []


# -- raw calls --------------------------------------------------------------------------------------------------------


def test_raw_reads_and_writes(simulator: RunningSimulator, transport: Transport, login: NodeLogin) -> None:
    client = client_of(simulator, transport, LEGACY, login)
    assert client.call("get", "/flux/version").data == "8.20.0"
    assert client.call("GET", "/apps/appowner", query={"appname": "TideBoard"}).data == simulator.operator.flux_id
    assert client.call("GET", "/id/loggedusers", privilege="stored").status == "success"
    assert client.call("GET", "/id/loggedsessions", privilege="self").status == "success"
    body = {"zelid": "1abc", "signature": "x", "loginPhrase": "y"}
    with pytest.raises(Refused, match="none"):
        client.call("POST", "/id/checkprivilege", body=body, body_kind="raw", write=False)
    assert [line["privilege"] for line in simulator.requests(path="/id/loggedusers")] == ["admin"]


def test_an_authenticated_call_counts_as_a_write_unless_said_otherwise(
    simulator: RunningSimulator, transport: Transport, login: NodeLogin
) -> None:
    login.login(client_of(simulator, transport, LEGACY, login))
    with Transport(OPTIONS, read_only=True) as read_only:
        client = client_of(simulator, read_only, LEGACY, login)
        with pytest.raises(WriteForbidden):
            client.call("GET", "/id/loggedusers", privilege="stored")
        assert client.call("GET", "/id/loggedusers", privilege="stored", write=False).status == "success"
        with pytest.raises(WriteForbidden):
            client.call("POST", "/id/checkprivilege", body={})


def test_only_what_fluxos_routes(transport: Transport) -> None:
    with pytest.raises(Misuse, match="GET and POST"):
        NodeClient(Endpoint.parse("127.0.0.1"), transport).call("DELETE", "/x")


def test_the_wrong_body_kind_ends_by_our_timeout_and_not_never(simulator: RunningSimulator) -> None:
    with Transport(TransportOptions(timeout=0.5)) as transport:
        client = NodeClient(Endpoint.parse(simulator.addresses[LEGACY]), transport)
        with pytest.raises(AnswerLost, match=r"no answer within 0\.5 s"):
            client.call("POST", "/id/checkprivilege", body={"zelid": "1"}, body_kind=BodyKind.JSON)
    assert [line["outcome"] for line in simulator.requests(path="/id/checkprivilege")] == ["hung"]


# -- asking twice -----------------------------------------------------------------------------------------------------


class KnownHeader(OneHeader):
    def current(self, _client: object) -> KnownSession:
        return KnownSession()


class KnownSession:
    header = "{}"


def test_a_known_session_is_renewed_once_and_no_more() -> None:
    login = KnownHeader()
    with Server(answer(UNAUTHORIZED)) as server, Transport(OPTIONS) as transport:
        with pytest.raises(Unauthorized):
            NodeClient(server.endpoint, transport, login).call("GET", "/x", privilege="stored")
        tries = ['"try":' in seen.headers["zelidauth"] for seen in server.requests]
    assert tries == [True, True]
    assert login.forgotten == 1


def test_the_same_header_is_not_sent_twice() -> None:
    class Stubborn(KnownHeader):
        def header(self, _client: object, *, privilege: str) -> str:
            return self.header_value

    with Server(answer(UNAUTHORIZED)) as server, Transport(OPTIONS) as transport:
        with pytest.raises(Unauthorized):
            NodeClient(server.endpoint, transport, Stubborn()).call("GET", "/x", privilege="stored")
        assert len(server.requests) == 1


def test_only_a_refusal_is_asked_twice() -> None:
    with Server(answer(error("Command failed")), answer(success(1))) as server, Transport(OPTIONS) as transport:
        with pytest.raises(Refused, match="Command failed"):
            NodeClient(server.endpoint, transport, KnownHeader()).call("GET", "/x", privilege="stored")
        assert len(server.requests) == 1
