# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that misbehave while they are restarted: what passes is waited out, what does not is told in four parts.

Two runs, each with one wave in which every node has a fault of its own. What holds a node back before its restart is in
test_held_back.py, what stops a run afterwards in test_stopped.py.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.integration.judge import nothing_lost, restarted
from tests.integration.scenarios import OLD, OLDEST, SHORT, Plot
from tests.integration.support import HANGS_AFTER, PlaybookRun, Site, controller

pytestmark = pytest.mark.slow

FACTOR = 10


@dataclass(frozen=True)
class Case:
    """One node with one fault; ``fault`` begins with the fleet, ``after`` with the node's next start."""

    name: str
    says: tuple[str, ...] = ()
    """What the report has to say of it: the operation, what came of it, what to do."""
    fault: dict[str, Any] = field(default_factory=dict)
    after: tuple[dict[str, Any], ...] = ()
    keys: dict[str, Any] = field(default_factory=dict)
    reason: str = "restart_failed"
    restarts: int = 0

    @property
    def node(self) -> dict[str, Any]:
        faults = [self.fault] if self.fault else []
        if self.after:
            faults.append({"kind": "unhealthy_after_restart", "what": list(self.after)})
        return {**OLD, "confirmation_age": 50, "faults": faults, **self.keys}


def wire(kind: str, path: str, **options: Any) -> dict[str, Any]:
    return {"kind": kind, "path": path, **options}


def plot_of(cases: list[Case]) -> Plot:
    plot = Plot(timings=SHORT)
    for case in cases:
        plot.add(case.name, **case.node)
    return plot


@dataclass(frozen=True)
class Story:
    """One run over the nodes of some cases."""

    cases: list[Case]
    addresses: list[str]
    run: PlaybookRun
    journal: list[dict[str, Any]]

    def row(self, case: Case) -> dict[str, Any]:
        return self.run.rows[self.addresses[self.cases.index(case)]]

    def address(self, case: Case) -> str:
        return self.addresses[self.cases.index(case)]


def one_wave(site: Site, **extra: Any) -> PlaybookRun:
    """All nodes at once, each by its own worker."""
    everybody = {
        "fluxos_cap": "100%",
        "fluxos_canary": False,
        "fluxos_max_sick": "100%",
        "fluxos_target_version": "8.20.0",
    }
    return site.run(
        "--forks", str(len(site.addresses)), inventory=site.static_inventory(), extra={**everybody, **extra}
    )


# -- what passes -----------------------------------------------------------------------------------------------------

#: Each of these nodes is restarted once and is healthy again in the end.
PASSES = [
    Case("the connection drops"),
    Case("the restart is answered", keys={"timings": {"restart_answer": "answer"}}),
    Case(
        "the answer to the restart breaks off",
        fault=wire("truncate", "/flux/restart"),
        keys={"timings": {"restart_answer": "answer"}},
    ),
    Case(
        "a proxy answers for the restart that it passed on",
        fault=wire("http_error", "/flux/restart", status=504, late=True),
        keys={"timings": {"restart_answer": "answer"}},
    ),
    Case("8.17, and somebody without a login keeps asking for a restart", keys=OLDEST),
    Case("its clock is ten minutes fast", fault={"kind": "clock", "seconds": 600}),
    Case("its clock is ten minutes slow", fault={"kind": "clock", "seconds": -600}),
    Case("its clock is five hours fast", fault={"kind": "clock", "seconds": 18000}),
    Case("its clock is a day slow", fault={"kind": "clock", "seconds": -86400}),
    Case("its session ended meanwhile"),
    Case("the answer to the login is lost", fault=wire("reset", "/id/verifylogin", late=True, count=1)),
    Case("half an answer to the login", fault=wire("truncate", "/id/verifylogin", count=1)),
    Case("its clock jumps while it restarts", after=({"kind": "clock", "seconds": 40000},)),
    Case("503 to everything at first", after=(wire("http_error", "*", status=503, retry_after=1, count=12),)),
    Case("HTML at first", after=(wire("html", "*", count=12),)),
    Case("half answers at first", after=(wire("truncate", "*", count=12),)),
    Case("resets at first", after=(wire("reset", "*", count=12),)),
    Case(
        "garbage at first",
        after=(wire("http_error", "*", status=200, content_type="application/json", body="{}]", count=12),),
    ),
    Case("its daemon is down at first", after=({"kind": "daemon_down", "for_seconds": 40},)),
    Case("its daemon warms up at first", after=({"kind": "daemon_warming", "for_seconds": 40},)),
    Case("its health check fails at first", after=({"kind": "health", "check": "docker", "for_seconds": 40},)),
    Case("it is in DOS for a while after its start", after=({"kind": "dos", "state": 10, "for_seconds": 40},)),
    Case("it cannot be reached for a while after its start", after=({"kind": "unreachable", "for_seconds": 40},)),
]


@contextmanager
def somebody_asks(site: Site, address: str) -> Iterator[list[str]]:
    """Ask a node for a restart without a login, again and again: up to 8.17 its cache then refuses everybody.

    Gives what came back from the cache.
    """
    done = threading.Event()
    cached: list[str] = []
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask() -> None:
        while not done.wait(0.2):
            try:
                with opener.open(f"http://{address}/flux/restart", timeout=5) as answer:
                    if "apicache-store" in answer.headers:
                        cached.append(answer.read().decode())
            except OSError:
                # It is being restarted.
                continue

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield cached
    finally:
        done.set()
        thread.join()


def log_in(site: Site) -> None:
    """Log in on every node by a playbook, so that sessions are known before the run."""
    playbook = site.folder / "log_in.yml"
    tasks = [{"name": "Log in", "fluxme.fluxos.session": {"state": "present"}}]
    playbook.write_text(yaml.safe_dump([{"hosts": "fluxos_nodes", "gather_facts": False, "tasks": tasks}]))
    done = site.run("--forks", "10", playbook=playbook, inventory=site.static_inventory())
    assert done.code == 0, done.told


def end_sessions(site: Site, address: str) -> None:
    """Start a node anew, which ends its sessions, and wait until it has settled."""
    site.control(f"/nodes/{address}/restart", {"down_seconds": 0})
    deadline = time.monotonic() + HANGS_AFTER
    while not site.node(address)["boot_settled"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    plot = plot_of(PASSES)
    with controller(tmp_path_factory.mktemp("passing"), plot.scenario(), time_factor=FACTOR) as site:
        log_in(site)
        (forgetful,) = plot.of(site.addresses, "its session ended meanwhile")
        site.set(forgetful, disk_version="8.18.0")
        end_sessions(site, forgetful)
        site.set(forgetful, disk_version="8.20.0")
        (oldest,) = plot.of(site.addresses, PASSES[4].name)
        begun = len(site.journal())
        with somebody_asks(site, oldest) as cached:
            run = one_wave(site, fluxos_wait_timeout=120)
        assert any("Unauthorized" in text for text in cached)
        yield Story(PASSES, site.addresses, run, site.journal()[begun:])


def test_all_of_them_are_restarted_once(passed: Story) -> None:
    assert (passed.run.code, passed.run.stderr) == (0, ""), passed.run.told
    assert Counter(restarted(passed.journal)) == dict.fromkeys(passed.addresses, 1)
    assert nothing_lost(passed.journal) == []


@pytest.mark.parametrize("case", PASSES, ids=lambda case: case.name.replace(" ", "-"))
def test_it_is_healthy_again(passed: Story, case: Case) -> None:
    row = passed.row(case)
    assert (row["result"], row["version_after"]) == ("restarted", "8.20.0"), row
    granted = [
        line
        for line in passed.journal
        if line["kind"] == "request"
        and (line["node"], line["path"], line["authorized"]) == (row["address"], "/flux/restart", True)
    ]
    assert len(granted) == 1


# -- what does not ---------------------------------------------------------------------------------------------------

ASKED = "restart FluxOS (/flux/restart): "
WAITED = "wait until FluxOS restarted: not so after 15 s; last seen: "
RECOVERED = "wait until the node is healthy: not so after 15 s; last seen: it still needs "
PHRASE = "ask for a login phrase (/id/emergencyphrase): "
SAME = "the same process, up for "
ON_THE_HOST = "restart it on the host."
LOOK = "Look at this node before anything else is restarted; nothing is forced and nothing else was touched."
PHRASE_GONE = "Signed message is no longer valid. Please request a new one."
REFUSED = json.dumps({"status": "error", "data": {"code": -32603, "name": "Error", "message": PHRASE_GONE}})


def json_answer(path: str, body: str) -> dict[str, Any]:
    return wire("http_error", path, status=200, content_type="application/json", body=body)


def lacks(name: str, *says: str, after: dict[str, Any]) -> Case:
    """It restarts, and something is wrong with it from then on."""
    return Case(name, (RECOVERED, *says, LOOK), after=(after,), reason="not_healthy_again", restarts=1)


#: Each of these fails, and the report says why in these words.
FAILS = [
    Case(
        "it belongs to somebody else",
        (ASKED, "Unauthorized. Access denied", "is an ordinary user: the node belongs to another Flux ID."),
        keys={"owner": "@somebody else"},
    ),
    Case(
        "it ignores the restart",
        (WAITED, SAME, "(the request to restart had ended with: Restarting FluxOS)", ON_THE_HOST),
        fault={"kind": "restart_ignored"},
    ),
    Case(
        "the answer never comes and nothing happens",
        (
            WAITED,
            SAME,
            "(the request to restart had ended with: the answer did not end in the time allowed)",
            ON_THE_HOST,
        ),
        fault={"kind": "restart_ignored"},
    ),
    Case(
        "it has no pm2",
        (
            "restart FluxOS: spawn pm2 ENOENT. ",
            "nothing was restarted. Restart it on the host (systemctl restart fluxos)",
        ),
        fault={"kind": "restart_ignored", "error": "spawn pm2 ENOENT"},
    ),
    Case(
        "HTML for the restart",
        (WAITED, SAME, '(the request to restart had ended with: not JSON but an HTML page: "Not here")', ON_THE_HOST),
        fault=wire("html", "/flux/restart", title="Not here"),
    ),
    Case(
        "500 for the restart",
        (WAITED, SAME, "(the request to restart had ended with: HTTP 500: Out of order)", ON_THE_HOST),
        fault=wire("http_error", "/flux/restart", status=500, body="<h1>Out of order</h1>"),
    ),
    Case(
        "garbage for the restart",
        (WAITED, SAME, "(the request to restart had ended with: an answer that is not JSON: nonsense)", ON_THE_HOST),
        fault=json_answer("/flux/restart", "nonsense"),
    ),
    Case(
        "HTML for the phrase",
        (PHRASE, 'not JSON but an HTML page: "Not here".', "check the address, or ask the node itself."),
        fault=wire("html", "/id/emergencyphrase", title="Not here"),
    ),
    Case(
        "500 for the phrase",
        (PHRASE, "HTTP 500: Out of order.", "check what stands between here and the node."),
        fault=wire("http_error", "/id/emergencyphrase", status=500, body="<h1>Out of order</h1>"),
    ),
    Case(
        "the login is refused",
        ("log in as 1", PHRASE_GONE, "The node keeps forgetting its login phrases", "try again in a minute."),
        fault=json_answer("/id/verifylogin", REFUSED),
    ),
    Case(
        "it answers HTML after its start",
        (WAITED, 'read the uptime (/flux/uptime): not JSON but an HTML page: "Not here".', "look at the host"),
        after=(wire("html", "*", title="Not here"),),
        restarts=1,
    ),
    lacks(
        "its daemon is down after its start",
        "its status to be CONFIRMED",
        "connect ECONNREFUSED 127.0.0.1:16124",
        "its explorer to be synced",
        after={"kind": "daemon_down"},
    ),
    lacks(
        "its status is HTML after its start",
        "its status to be CONFIRMED",
        '(/daemon/getfluxnodestatus)\' failed: not JSON but an HTML page: "Not here"',
        after=wire("html", "/daemon/getfluxnodestatus", title="Not here"),
    ),
    lacks(
        "its DOS state stalls after its start",
        "its DOS state to be 0",
        "(/flux/dosstate)' failed: no answer within 5 s",
        after=wire("stall", "/flux/dosstate"),
    ),
    lacks(
        "half an answer about its peers after its start",
        "its communication with peers to be established",
        "(/flux/checkcommunication)' failed: half an answer",
        after=wire("truncate", "/flux/checkcommunication"),
    ),
]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    plot = plot_of(FAILS)
    with controller(tmp_path_factory.mktemp("failing"), plot.scenario(), time_factor=FACTOR) as site:
        (stalling,) = plot.of(site.addresses, "the answer never comes and nothing happens")
        site.fault(stalling, kind="stall", path="/flux/restart", bytes=0)
        # All of them may fail, so that none is left untouched for another's sake.
        run = one_wave(site, fluxos_wait_timeout=15, fluxos_timeout=5, fluxos_error_budget=len(FAILS))
        yield Story(FAILS, site.addresses, run, site.journal())


@pytest.mark.parametrize("case", FAILS, ids=lambda case: case.name.replace(" ", "-"))
def test_it_fails_and_says_so(failed: Story, case: Case) -> None:
    row = failed.row(case)
    assert (row["result"], row["reason"]) == ("failed", case.reason)
    message = row["message"]
    assert message.startswith(f"{row['address']}: {case.says[0]}"), message
    places = [message.find(words) for words in case.says]
    assert -1 not in places, message
    assert places == sorted(places), message
    assert message in failed.run.stdout.replace('\\"', '"')
    assert restarted(failed.journal).count(row["address"]) == case.restarts


def test_no_request_to_restart_was_repeated(failed: Story) -> None:
    asked = Counter(
        line["node"] for line in failed.journal if line["kind"] == "request" and line["path"] == "/flux/restart"
    )
    assert set(asked.values()) == {1}
    assert len(asked) == len(FAILS) - 3
