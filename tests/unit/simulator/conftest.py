# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator's own tests share: small fleets whose clock stands still, and a client that knows nothing."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator

BYPASS = {"x-apicache-bypass": "1"}
Start = Callable[..., "Lab"]


class Lab:
    """A running simulator and the requests of a test."""

    def __init__(self, sim: RunningSimulator) -> None:
        self.sim = sim
        self.http = requests.Session()
        self.http.trust_env = False

    @property
    def first(self) -> str:
        """The first node."""
        return self.sim.addresses[0]

    def get(self, path: str, node: str | None = None, **options: Any) -> requests.Response:
        """GET a path of a node."""
        return self.http.get(f"http://{node or self.first}{path}", timeout=10, **options)

    def data(self, path: str, node: str | None = None) -> Any:
        """``data`` of a fresh successful answer."""
        answer = self.get(path, node, headers=BYPASS).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def error(self, path: str, node: str | None = None) -> dict[str, Any]:
        """``data`` of a fresh error envelope."""
        answer = self.get(path, node, headers=BYPASS).json()
        assert answer["status"] == "error", answer
        found: dict[str, Any] = answer["data"]
        return found

    def login(self, person: Person | None = None, node: str | None = None) -> dict[str, str]:
        """Log in with a fresh phrase; the header to send from then on."""
        who = person or self.sim.operator
        phrase = str(self.data("/id/emergencyphrase", node))
        body = {"zelid": who.flux_id, "loginPhrase": phrase, "signature": who.sign(phrase)}
        answer = self.http.post(f"http://{node or self.first}/id/verifylogin", data=json.dumps(body), timeout=10)
        assert answer.json()["status"] == "success", answer.text
        return {"zelidauth": json.dumps(body), **BYPASS}

    def self_issued(self, person: Person, age: float = 60.0) -> dict[str, str]:
        """The header of a phrase that nobody issued, ``age`` seconds old."""
        phrase = f"{int((self.sim.now() - age) * 1000)}{secrets.token_hex(20)}"
        body = {"zelid": person.flux_id, "loginPhrase": phrase, "signature": person.sign(phrase)}
        return {"zelidauth": json.dumps(body), **BYPASS}

    def owner(self, name: str = "app owner") -> dict[str, str]:
        """The header of an app's owner, of a phrase that he issued himself."""
        return self.self_issued(Person.named(name))

    def said(self, path: str, header: dict[str, str], node: str | None = None) -> Any:
        """What a verb answers: ``data`` of a success, or the message of an error."""
        answer = self.get(path, node, headers=header).json()
        return answer["data"] if answer["status"] == "success" else answer["data"]["message"]

    def stream(
        self, path: str, header: dict[str, str], node: str | None = None, *, seconds: float = 200.0
    ) -> list[dict[str, Any]]:
        """The objects of a stream that ends within ``seconds`` of simulated time."""
        answer = self.get(path, node, headers=header, stream=True)
        self.sim.advance(seconds)
        return objects(answer.text)

    def states(self, docker_app: str, node: str | None = None) -> dict[str, str]:
        """Docker name -> docker's state."""
        found = self.sim.node(node or self.first)["instances"][docker_app]["containers"]
        return {name: row["state"] for name, row in found.items()}

    def restart(self, node: str | None = None) -> None:
        """Restart over the API; the connection is dropped."""
        header = self.login(node=node)
        with pytest.raises(requests.ConnectionError):
            self.get("/flux/restart", node, headers=header)

    def whats(self, node: str | None = None) -> list[str]:
        """What happened to a node, in order."""
        return [line["what"] for line in self.sim.states(node=node or self.first)]


def objects(text: str) -> list[dict[str, Any]]:
    """JSON objects that follow each other without separators."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


@pytest.fixture
def start() -> Iterator[Start]:
    """Start fleets: ``lab = start([{...}], apps=[...])``. Time stands still until ``lab.sim.advance``."""
    with ExitStack() as stack:

        def go(nodes: list[dict[str, Any]] | None = None, *, factor: float = 0.0, **scenario: Any) -> Lab:
            rows = nodes if nodes is not None else [{"tier": "STRATUS"}]
            sim = stack.enter_context(RunningSimulator({"nodes": rows, **scenario}, time_factor=factor))
            lab = Lab(sim)
            stack.callback(lab.http.close)
            return lab

        yield go
