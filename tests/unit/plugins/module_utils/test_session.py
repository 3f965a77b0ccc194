# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins against simulated nodes, with the simulator's journal as witness of what was sent."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    FluxOSError,
    Refused,
    Unauthorized,
    Unreachable,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.identity import KeySigner, PrivateKey
from ansible_collections.fluxme.fluxos.plugins.module_utils.session import (
    LoginLost,
    LoginNeeded,
    LoginRefused,
    MemoryStore,
    NodeLogin,
    SessionCache,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.simulator.running import RunningSimulator
from tests.unit.plugins.module_utils.signing.vectors import KEYS, key_text

SCENARIO: dict[str, Any] = {"nodes": [{"host": 1}, {"host": 2}, {"host": 2, "version": "8.17.0"}]}
DAY = 86400.0


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO) as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(TransportOptions(timeout=5)) as each:
        yield each


@pytest.fixture
def signer(sim: RunningSimulator) -> KeySigner:
    return KeySigner(PrivateKey.parse(sim.operator.wif))


def node(sim: RunningSimulator, number: int = 0) -> str:
    return sim.addresses[number]


def restart(sim: RunningSimulator) -> None:
    """Restart the first node, and let the time pass that it takes."""
    sim.restart(node(sim))
    sim.advance(60)


def client_of(address: str, transport: Transport, login: NodeLogin | None = None) -> NodeClient:
    return NodeClient(Endpoint.parse(address), transport, login)


def sent(sim: RunningSimulator, path: str | None = None) -> list[dict[str, Any]]:
    """Return the requests of the journal (to one path)."""
    return sim.requests(path=path)


def fields(header: str) -> dict[str, str]:
    value: dict[str, str] = json.loads(header)
    return value


# Stored sessions


def test_a_login_makes_a_session_that_the_operators_calls_need(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    login = NodeLogin(signer)
    client = client_of(node(sim), transport, login)
    session = login.login(client)
    assert (session.node, session.flux_id, session.kind) == (node(sim), sim.operator.flux_id, "stored")
    assert session.privilege == "admin"
    assert 13.5 * DAY < session.expires - session.created < 14 * DAY
    rows = client.call("GET", "/id/loggedusers", privilege="stored", write=False).data
    assert [row["zelid"] for row in rows] == [sim.operator.flux_id]
    assert len(sent(sim, "/id/verifylogin")) == 1
    assert sent(sim, "/id/loginphrase") == []


def test_one_login_serves_every_later_call_of_every_task(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    headers = {
        NodeLogin(signer, SessionCache(tmp_path / "sessions")).header(
            client_of(node(sim), transport), privilege="stored"
        )
        for _unused in range(5)
    }
    assert len(headers) == 1
    assert len(sent(sim, "/id/verifylogin")) == 1


def test_nodes_have_sessions_of_their_own_also_behind_one_ip(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    headers = [login.header(client_of(each, transport), privilege="stored") for each in sim.addresses]
    assert len(set(headers)) == len(sim.addresses) == 3
    assert {line["node"] for line in sent(sim, "/id/verifylogin")} == set(sim.addresses)


def test_twenty_threads_log_in_once(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    def ask(_number: int) -> str:
        # A login object each, as forked workers have.
        login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
        return login.header(client_of(node(sim), transport), privilege="stored")

    with ThreadPoolExecutor(20) as pool:
        headers = set(pool.map(ask, range(20)))
    assert len(headers) == 1
    assert len(sent(sim, "/id/verifylogin")) == 1
    assert len(sent(sim, "/id/emergencyphrase")) == 1


def test_threads_that_share_one_login_without_a_cache_log_in_once(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    login = NodeLogin(signer)
    with ThreadPoolExecutor(20) as pool:
        headers = set(pool.map(lambda _: login.header(client_of(node(sim), transport), privilege="stored"), range(20)))
    assert len(headers) == 1
    assert len(sent(sim, "/id/verifylogin")) == 1


def test_processes_log_in_once(sim: RunningSimulator, tmp_path: Path, checkout: Path) -> None:
    program = (
        "import sys, tests.conftest\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.identity import load_signer\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.session import NodeLogin, SessionCache\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport\n"
        "address, folder = sys.argv[1:]\n"
        "login = NodeLogin(load_signer(private_key=sys.stdin.read()), SessionCache(folder))\n"
        "print(login.header(NodeClient(Endpoint.parse(address), Transport(), login), privilege='stored'))\n"
    )
    command = [sys.executable, "-c", program, node(sim), str(tmp_path / "sessions")]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=checkout, text=True)
        for _unused in range(4)
    ]
    headers = {worker.communicate(sim.operator.wif, timeout=60)[0] for worker in workers}
    assert [worker.returncode for worker in workers] == [0] * 4
    assert len(headers) == 1
    assert len(sent(sim, "/id/verifylogin")) == 1


def test_a_restart_ends_the_session_and_the_next_call_logs_in_again(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    client = client_of(node(sim), transport, login)
    before = login.login(client)
    restart(sim)
    assert login.current(client) == before
    assert client.call("GET", "/id/loggedusers", privilege="stored", write=False).status == "success"
    after = login.current(client)
    assert after is not None
    assert after.header != before.header
    outcomes = [line["authorized"] for line in sent(sim, "/id/loggedusers")]
    assert outcomes == [False, True]
    assert len(sent(sim, "/id/verifylogin")) == 2


def test_workers_whose_session_ended_log_in_once_together(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    """A late worker must not throw away what an early one has just made."""
    folder = tmp_path / "sessions"
    NodeLogin(signer, SessionCache(folder)).login(client_of(node(sim), transport))
    ready = threading.Barrier(10, action=lambda: restart(sim))

    def work(_number: int) -> str:
        login = NodeLogin(signer, SessionCache(folder))
        client = client_of(node(sim), transport, login)
        ended = login.header(client, privilege="stored")
        ready.wait(30)
        login.forget(client)
        renewed = login.header(client, privilege="stored")
        assert renewed != ended
        return renewed

    with ThreadPoolExecutor(10) as pool:
        headers = set(pool.map(work, range(10)))
    assert len(headers) == 1
    assert len(sent(sim, "/id/verifylogin")) == 2


def test_an_expired_session_is_replaced(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    client = client_of(node(sim), transport, login)
    login.login(client)
    sim.advance(14 * DAY + 120)
    assert client.call("GET", "/id/loggedusers", privilege="stored", write=False).status == "success"
    assert len(sent(sim, "/id/verifylogin")) == 2


def test_a_session_is_taken_for_ended_before_the_node_ends_it(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    ahead = [0.0]

    def clock() -> float:
        return time.time() + ahead[0]

    login = NodeLogin(signer, SessionCache(tmp_path / "sessions", clock=clock), clock=clock)
    client = client_of(node(sim), transport, login)
    login.login(client)
    ahead[0] = 13.9 * DAY
    assert login.current(client) is not None
    ahead[0] = 14 * DAY - 600
    assert login.current(client) is None


@pytest.mark.parametrize("seconds", [-3 * 3600, 3 * 3600, 400 * DAY])
def test_a_wrong_clock_of_the_node_does_not_matter_to_a_login(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path, seconds: float
) -> None:
    sim.fault(node(sim), {"kind": "clock", "seconds": seconds})
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    client = client_of(node(sim), transport, login)
    session = login.login(client)
    assert session.privilege == "admin"
    assert 13.5 * DAY < session.expires - session.created < 14 * DAY
    assert client.call("GET", "/id/loggedusers", privilege="stored", write=False).status == "success"


def test_a_sick_node_lets_its_operator_in(sim: RunningSimulator, transport: Transport, signer: KeySigner) -> None:
    sim.fault(node(sim), {"kind": "dos", "state": 100, "message": "benchmarks failed"})
    assert NodeLogin(signer).login(client_of(node(sim), transport)).privilege == "admin"


def test_who_is_not_the_operator_is_a_user_and_is_told_so(sim: RunningSimulator, transport: Transport) -> None:
    login = NodeLogin(KeySigner(PrivateKey.parse(key_text("wiki_c"))))
    client = client_of(node(sim), transport, login)
    assert login.login(client).privilege == "user"
    said = login.explain(client)
    assert said is not None
    assert KEYS["wiki_c"]["address"] in said
    assert "another Flux ID" in said
    with pytest.raises(Unauthorized):
        client.call("GET", "/id/loggedusers", privilege="stored", write=False)


def test_an_ethereum_id_logs_in(sim: RunningSimulator, transport: Transport) -> None:
    signer = KeySigner(PrivateKey.parse(key_text("hardhat_0")), KEYS["hardhat_0"]["address"])
    assert NodeLogin(signer).login(client_of(node(sim), transport)).privilege == "user"


def test_alive_asks_the_node_and_drops_what_it_no_longer_knows(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    client = client_of(node(sim), transport, login)
    assert login.alive(client) is None
    assert sent(sim) == []
    made = login.login(client)
    assert login.alive(client) == made
    restart(sim)
    assert login.alive(client) is None
    assert login.current(client) is None
    assert [line["write"] for line in sent(sim, "/id/checkprivilege")] == [False, False]


def test_drop_forgets_the_node_and_no_other(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    first, second = (client_of(node(sim, number), transport, login) for number in (0, 1))
    login.login(first)
    kept = login.login(second)
    login.drop(first)
    assert login.current(first) is None
    assert login.current(second) == kept


def test_a_logout_ends_the_session_on_both_sides(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
    client = client_of(node(sim), transport, login)
    login.login(client)
    client.logout()
    assert login.current(client) is None
    assert sim.node(node(sim))["sessions"] == 0


# What can go wrong on the way


def test_check_mode_uses_a_known_session_and_makes_none(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    folder = tmp_path / "sessions"
    with Transport(read_only=True) as reading:
        login = NodeLogin(signer, SessionCache(folder))
        with pytest.raises(LoginNeeded, match="a login is a write") as caught:
            login.header(client_of(node(sim), reading, login), privilege="stored")
        assert caught.value.kind == "login_needed"
        assert sent(sim) == []
        made = login.login(client_of(node(sim), transport))
        client = client_of(node(sim), reading, NodeLogin(signer, SessionCache(folder)))
        assert client.login_as is not None
        assert client.login_as.header(client, privilege="stored") == made.header
        assert client.call("GET", "/id/loggedusers", privilege="stored", write=False).status == "success"


def test_a_login_whose_answer_was_lost_is_found_by_reading_back(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    sim.fault(node(sim), {"kind": "reset", "path": "/id/verifylogin", "late": True, "count": 1})
    login = NodeLogin(signer)
    client = client_of(node(sim), transport, login)
    assert login.login(client).privilege == "admin"
    assert len(sent(sim, "/id/verifylogin")) == 1
    assert len(sent(sim, "/id/checkprivilege")) == 1
    assert client.call("GET", "/id/loggedusers", privilege="stored", write=False).status == "success"


def test_a_login_that_was_lost_on_the_way_is_made_once_more(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    sim.fault(node(sim), {"kind": "reset", "path": "/id/verifylogin", "count": 1})
    assert NodeLogin(signer).login(client_of(node(sim), transport)).privilege == "admin"
    assert len(sent(sim, "/id/verifylogin")) == 2


def test_a_login_that_is_lost_again_is_an_error_that_says_so(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    sim.fault(node(sim), {"kind": "reset", "path": "/id/verifylogin", "count": 2})
    with pytest.raises(LoginLost, match="safe to try again") as caught:
        NodeLogin(signer).login(client_of(node(sim), transport))
    assert isinstance(caught.value, AnswerLost)
    assert str(caught.value).startswith(f"{node(sim)}: log in as {sim.operator.flux_id}: ")
    assert isinstance(caught.value.__cause__, FluxOSError)


def test_a_restart_between_phrase_and_login_is_got_over(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    class RestartingSigner:
        """Restarts the node the first time that it signs."""

        flux_id = signer.flux_id
        calls = 0

        def sign(self, text: str) -> str:
            self.calls += 1
            if self.calls == 1:
                restart(sim)
            return signer.sign(text)

        def secrets(self) -> set[str]:
            return set()

    slow = RestartingSigner()
    assert NodeLogin(slow).login(client_of(node(sim), transport)).privilege == "admin"
    assert slow.calls == 2
    assert [line["outcome"] for line in sent(sim, "/id/verifylogin")] == ["error", "success"]


def test_a_signature_that_the_node_does_not_take(sim: RunningSimulator, transport: Transport) -> None:
    class WrongSigner:
        flux_id = KEYS["wiki_c"]["address"]

        def sign(self, text: str) -> str:
            return KeySigner(PrivateKey.parse(key_text("one_c"))).sign(text)

        def secrets(self) -> set[str]:
            return set()

    with pytest.raises(LoginRefused, match="Invalid signature") as caught:
        NodeLogin(WrongSigner()).login(client_of(node(sim), transport))
    said = str(caught.value)
    assert said.startswith(f"{node(sim)}: log in as {WrongSigner.flux_id}: Invalid signature. ")
    assert caught.value.kind == "login_refused"
    assert isinstance(caught.value, Refused)
    assert len(sent(sim, "/id/verifylogin")) == 1


@pytest.mark.parametrize("path", ["/id/emergencyphrase", "/id/verifylogin"])
def test_a_page_instead_of_an_answer(sim: RunningSimulator, transport: Transport, signer: KeySigner, path: str) -> None:
    sim.fault(node(sim), {"kind": "html", "path": path})
    with pytest.raises(BadAnswer, match="HTML page"):
        NodeLogin(signer).login(client_of(node(sim), transport))


def test_a_database_that_is_down(sim: RunningSimulator, transport: Transport, signer: KeySigner) -> None:
    sim.fault(node(sim), {"kind": "database_down"})
    with pytest.raises(Refused, match="ECONNREFUSED") as caught:
        NodeLogin(signer).login(client_of(node(sim), transport))
    assert node(sim) in str(caught.value)


def test_a_node_that_is_away(sim: RunningSimulator, transport: Transport, signer: KeySigner) -> None:
    sim.fault(node(sim), {"kind": "unreachable"})
    with pytest.raises(Unreachable) as caught:
        NodeLogin(signer).header(client_of(node(sim), transport), privilege="stored")
    assert not caught.value.maybe_sent


def test_no_error_shows_a_secret(sim: RunningSimulator, transport: Transport, signer: KeySigner) -> None:
    login = NodeLogin(signer)
    client = client_of(node(sim), transport, login)
    sim.fault(node(sim), {"kind": "reset", "path": "/id/verifylogin", "count": 2})
    with pytest.raises(FluxOSError) as caught:
        login.header(client, privilege="stored")
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.as_dict())
    secrets = login.secrets()
    assert len(secrets) > len(signer.secrets())
    assert [secret for secret in secrets if secret in shown] == []
    assert all(secret not in repr(login) for secret in secrets)


def test_every_secret_that_was_used_is_known(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    cache = SessionCache(tmp_path / "sessions")
    first = NodeLogin(signer, cache)
    stored = first.header(client_of(node(sim), transport), privilege="stored")
    own = first.header(client_of(node(sim), transport), privilege="self")
    for header in (stored, own):
        assert {header, fields(header)["signature"], fields(header)["loginPhrase"]} <= first.secrets()
    assert sim.operator.wif in first.secrets()
    # A session that came from the cache is as secret as one that was made here.
    second = NodeLogin(signer, cache)
    second.header(client_of(node(sim), transport), privilege="stored")
    assert fields(stored)["signature"] in second.secrets()
    third = NodeLogin(signer, cache)
    third.alive(client_of(node(sim), transport))
    assert fields(stored)["signature"] in third.secrets()


# Self-issued phrases


def user_call(client: NodeClient) -> Any:
    return client.call("GET", "/id/loggedsessions", privilege="self", write=False).data


def test_a_user_needs_no_login_and_one_phrase_suits_all_nodes(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    headers = set()
    for address in sim.addresses:
        login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
        client = client_of(address, transport, login)
        assert user_call(client) == []
        headers.add(login.header(client, privilege="self"))
    assert len(headers) == 1
    assert {line["path"] for line in sent(sim)} == {"/id/loggedsessions"}
    assert [line["authorized"] for line in sent(sim)] == [True] * 3


def test_a_phrase_is_signed_once_for_many_workers(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    def ask(_number: int) -> str:
        login = NodeLogin(signer, SessionCache(tmp_path / "sessions"))
        return login.header(client_of(node(sim), transport), privilege="self")

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(ask, range(20)))) == 1


def test_a_phrase_is_replaced_in_time(sim: RunningSimulator, transport: Transport, signer: KeySigner) -> None:
    now = [1_800_000_000.0]
    login = NodeLogin(signer, MemoryStore(lambda: now[0]), clock=lambda: now[0])
    client = client_of(node(sim), transport)
    first = login.header(client, privilege="self")
    now[0] += 5300
    assert login.header(client, privilege="self") == first
    now[0] += 200
    second = login.header(client, privilege="self")
    assert fields(second)["loginPhrase"][:13] == str(int((now[0] - 60) * 1000))


@pytest.mark.parametrize("seconds", [-300.0, -3 * DAY, 20 * 3600.0, 400 * DAY])
def test_a_node_with_a_wrong_clock_gets_a_phrase_of_its_own(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path, seconds: float
) -> None:
    sim.fault(node(sim), {"kind": "clock", "seconds": seconds})
    folder = tmp_path / "sessions"
    client = client_of(node(sim), transport, NodeLogin(signer, SessionCache(folder)))
    assert user_call(client) == []
    assert [line["authorized"] for line in sent(sim, "/id/loggedsessions")] == [False, True]
    # Later tasks know it, and other nodes are not concerned.
    later = client_of(node(sim), transport, NodeLogin(signer, SessionCache(folder)))
    other = client_of(node(sim, 1), transport, NodeLogin(signer, SessionCache(folder)))
    assert user_call(later) == []
    assert user_call(other) == []
    assert [line["authorized"] for line in sent(sim, "/id/loggedsessions")] == [False, True, True, True]


def test_a_refusal_that_is_not_the_clocks_fault_is_not_repeated(
    sim: RunningSimulator, transport: Transport, signer: KeySigner
) -> None:
    client = client_of(node(sim), transport, NodeLogin(signer))
    with pytest.raises(Unauthorized):
        client.call("GET", "/id/loggedusers", privilege="self", write=False)
    assert len(sent(sim, "/id/loggedusers")) == 1


def test_forgetting_what_was_never_given_is_nothing(
    sim: RunningSimulator, transport: Transport, signer: KeySigner, tmp_path: Path
) -> None:
    cache = SessionCache(tmp_path / "sessions")
    login = NodeLogin(signer, cache)
    client = client_of(node(sim), transport)
    made = login.login(client)
    login.forget(client)
    assert cache.get(node(sim), signer.flux_id, "stored") == made
