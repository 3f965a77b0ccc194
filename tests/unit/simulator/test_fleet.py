# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway, the scenarios, the command line and the control API."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator.builtin import BUILTIN
from tests.simulator.running import RunningSimulator
from tests.simulator.scenario import Scenario, ScenarioError, load
from tests.unit.simulator.conftest import Start

ROOT = Path(__file__).parents[3]


# -- gateway -----------------------------------------------------------------------------------------------------------


def served_by(lab: Any, path: str, count: int, **headers: str) -> list[str]:
    """Which nodes answered through the gateway."""
    for _unused in range(count):
        lab.http.get(f"{lab.sim.gateway}{path}", headers=headers, timeout=10)
    return [line["via"] for line in lab.sim.requests(path=path)[-count:]]


def test_one_client_gets_one_node_but_for_the_paths_in_turn(start: Start) -> None:
    lab = start([{"tier": "STRATUS", "arcane": True} for _unused in range(4)] + [{"tier": "CUMULUS"}])
    good = set(lab.sim.addresses[:4])
    assert len(set(served_by(lab, "/daemon/getinfo", 6))) == 1
    assert set(served_by(lab, "/apps/locations", 8)) == good
    # It is the gateway that says so, not the client that wants it.
    assert len(set(served_by(lab, "/daemon/getinfo", 6, **{"X-Flux-Mode": "Roundrobin"}))) == 1
    modes = [lab.http.get(f"{lab.sim.gateway}{path}", timeout=10).headers.get("x-flux-mode")
             for path in ("/apps/location/x", "/daemon/getinfo", "/apps/calculatefiatandfluxprice")]  # fmt: skip
    assert modes == ["Roundrobin", None, None]


def test_a_node_with_few_peers_is_behind_the_gateway_only_if_there_is_no_other(start: Start) -> None:
    lab = start([{"tier": "STRATUS"}, {"tier": "STRATUS"}])
    lab.sim.fault(lab.first, kind="peers", out=8)
    assert set(served_by(lab, "/apps/locations", 4)) == {lab.sim.addresses[1]}
    lab.sim.fault(lab.sim.addresses[1], {"kind": "peers", "in": 4})
    assert set(served_by(lab, "/apps/locations", 4)) == set(lab.sim.addresses)


def test_the_gateway_leaves_out_nodes_that_are_not_good(start: Start) -> None:
    lab = start([{"tier": "STRATUS"}, {"tier": "STRATUS"}])
    lab.sim.fault(lab.first, kind="daemon_down")
    assert set(served_by(lab, "/apps/locations", 4)) == {lab.sim.addresses[1]}
    lab.sim.restart(lab.sim.addresses[1])
    answer = lab.http.get(f"{lab.sim.gateway}/apps/locations", timeout=10)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html")
    lab.sim.advance(8 + 59)
    assert lab.http.get(f"{lab.sim.gateway}/apps/locations", timeout=10).status_code == 503
    lab.sim.advance(5)
    assert lab.http.get(f"{lab.sim.gateway}/apps/locations", timeout=10).status_code == 200


# -- scenarios ---------------------------------------------------------------------------------------------------------


def test_the_demo_is_the_fleet_that_the_documentation_promises() -> None:
    scenario = load("demo")
    specs = scenario.node_specs(18)
    assert len(specs) == 40
    arcane = [spec for spec in specs if spec.arcane]
    assert len(arcane) == 13
    assert sum(spec.host_connection for spec in arcane) == 2
    assert sum(spec.version == "8.20.0" for spec in specs) > 20
    assert max(sum(spec.ip == other.ip for other in specs) for spec in specs) == 4
    assert sum(bool(spec.faults) for spec in specs) == 1
    assert sum(spec.confirmation_age > 480 for spec in specs) == 1
    holders = [spec for spec in specs if "LoneLight" in spec.apps]
    assert len(holders) == 1
    assert holders[0].version != "8.20.0"


@pytest.mark.parametrize("count", [1, 60, 200])
def test_a_fleet_has_its_size_and_repeats_with_its_seed(count: int) -> None:
    one, same, other = (
        load("fleet", nodes=count, seed=3),
        load("fleet", nodes=count, seed=3),
        load("fleet", nodes=count, seed=4),
    )
    assert one.node_specs(18) == same.node_specs(18)
    assert one.node_specs(18) != other.node_specs(18)
    specs = one.node_specs(18)
    assert len({spec.address for spec in specs}) == count
    assert all(spec.ip.startswith("127.18.") for spec in specs)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_builtin_starts(name: str) -> None:
    with RunningSimulator(name, time_factor=0, nodes=12) as sim:
        address = sim.addresses[0]
        assert requests.get(f"http://{address}/flux/version", timeout=10).json()["status"] == "success"
        assert sim.node(address)["owner"] == sim.operator.flux_id


def test_yaml_and_json_files(tmp_path: Path) -> None:
    rows = {"nodes": [{"host": 3, "port": 16137, "version": "8.18.0"}], "timings": {"down": 2}}
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "b.yml").write_text("nodes:\n  - {host: 3, port: 16137, version: 8.18.0}\ntimings: {down: 2}\n")
    one, other = load(tmp_path / "a.json"), load(tmp_path / "b.yml")
    assert one.node_specs(20) == other.node_specs(20)
    assert one.node_specs(20)[0].address == "127.20.0.3:16137"
    assert one.timings.down == other.timings.down == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"nodez": []}, "unknown keys"),
        ({"nodes": [{"colour": "red"}]}, "node 0: unknown keys"),
        ({"nodes": [{"ip": "8.8.8.8"}]}, "not on loopback"),
        ({"nodes": [{"port": 80}]}, "port 80"),
        ({"nodes": [{"host": 1, "port": 16127}, {"host": 1, "port": 16127}]}, "taken"),
        ({"nodes": [{"host": 1} for _unused in range(9)]}, "no more than 8 nodes"),
        ({"timings": {"nap": 1}}, "unknown timings"),
    ],
)
def test_a_wrong_scenario_says_what_is_wrong(rows: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        Scenario.from_mapping(rows).node_specs(18)


def test_an_app_that_nobody_registered_is_refused() -> None:
    with (
        pytest.raises(ScenarioError, match="app Ghost is not among"),
        RunningSimulator({"nodes": [{"apps": ["Ghost"]}]}),
    ):
        pass


def test_two_fleets_side_by_side(start: Start) -> None:
    one, other = start(), start()
    assert one.first != other.first
    assert one.data("/flux/version") == other.data("/flux/version")


# -- command line and control ------------------------------------------------------------------------------------------


def test_the_command_line(tmp_path: Path) -> None:
    state_file, journal = tmp_path / "state.json", tmp_path / "journal.jsonl"
    command = [sys.executable, "-m", "tests.simulator"]
    options = ["--scenario", "fleet", "--nodes", "3", "--state", str(state_file), "--journal", str(journal)]
    process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not state_file.exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        state = json.loads(state_file.read_text())
        assert state_file.stat().st_mode & 0o77 == 0
        assert state["pid"] == process.pid
        assert len(state["nodes"]) == 3
        node = state["nodes"][0]["node"]

        def ctl(*words: str) -> subprocess.CompletedProcess[str]:
            line = [*command, "ctl", "--control", state["control"], *words]
            return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

        assert json.loads(ctl("fault", node, '{"kind": "html"}').stdout) == {"kind": "html"}
        assert "<h1>" in requests.get(f"http://{node}/flux/version", timeout=10).text
        assert json.loads(ctl("heal", node).stdout) == []
        assert json.loads(ctl("restart", node, "--down-seconds", "1").stdout)["up"] is False
        assert ctl("advance", "100").returncode == 0
        assert json.loads(ctl("state", node).stdout)["restarts"] == 1
        assert json.loads(ctl("state").stdout)["operator"] == state["operator"]
        refused = ctl("fault", node, '{"kind": "rain"}')
        assert refused.returncode == 1
        assert "no fault of kind" in refused.stderr
        assert ctl("restart", "127.0.0.1:1").returncode == 1
    finally:
        process.terminate()
        output, _unused = process.communicate(timeout=30)
    assert process.returncode == 0
    assert output.startswith("3 nodes on 127.")
    assert json.loads(journal.read_text().splitlines()[0])["kind"] == "fleet"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{node}/flux/version", timeout=10)


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    state_file = tmp_path / "state.json"
    options = ["--scenario", "single", "--exit-with-parent", "--state", str(state_file)]
    child = shlex.join([sys.executable, "-m", "tests.simulator", *options])
    parent = subprocess.Popen(["/bin/sh", "-c", f"{child} & sleep 60"], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not state_file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        node = json.loads(state_file.read_text())["nodes"][0]["node"]
        assert requests.get(f"http://{node}/flux/version", timeout=10).status_code == 200
    finally:
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 30
    while True:
        try:
            requests.get(f"http://{node}/flux/version", timeout=10)
        except requests.ConnectionError:
            break
        assert time.monotonic() < deadline, "still there although its parent is gone"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("options", "said"), [(["--scenario", "nothing"], "no scenario"), (["--network", "x"], "x"), (["--help"], "usage")]
)
def test_what_cannot_start_says_so(options: list[str], said: str) -> None:
    command = [sys.executable, "-m", "tests.simulator", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if options == ["--help"] else 2)


def test_time_runs_by_the_factor() -> None:
    with RunningSimulator("single", time_factor=50) as sim:
        outer = time.monotonic()
        before = sim.now()
        inner = time.monotonic()
        time.sleep(0.2)
        waited = time.monotonic() - inner
        passed = sim.now() - before
        # Bounds that hold on the busiest machine: the clock was read between the two moments.
        assert waited * 50 <= passed <= (time.monotonic() - outer) * 50
