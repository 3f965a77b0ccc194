# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario ``network``: the shape of the real one, and nodes that are made when somebody asks for them."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.simulator.fleet import SPARE_FILES, TooManyNodes, listeners_each
from tests.simulator.network import HOSTILE, STATES
from tests.simulator.running import RunningSimulator
from tests.simulator.scenario import load
from tests.unit.simulator.conftest import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    with RunningSimulator("network", nodes=120, seed=5, time_factor=0) as sim:
        lab = Lab(sim)
        with lab.http:
            yield lab


def sleeping(lab: Lab) -> list[str]:
    """Addresses of nodes that nobody has asked."""
    return lab.sim.call(lambda fleet: [sleeper.spec.address for sleeper in fleet.world.asleep()])


def test_the_same_seed_is_the_same_network() -> None:
    one, same, other = (load("network", nodes=300, seed=seed) for seed in (3, 3, 4))
    assert one.node_specs(18) == same.node_specs(18)
    assert one.app_infos() == same.app_infos()
    assert one.node_specs(18) != other.node_specs(18)
    assert len({spec.address for spec in one.node_specs(18)}) == 300


def test_it_has_the_shape_of_the_real_one() -> None:
    specs = load("network", nodes=6700, seed=1).node_specs(18)
    apps = load("network", nodes=6700, seed=1).app_infos()
    tiers = Counter(spec.tier for spec in specs)
    assert 0.47 < tiers["CUMULUS"] / 6700 < 0.54
    assert 0.23 < tiers["STRATUS"] / 6700 < 0.29
    countries = Counter(spec.place.country_code for spec in specs if spec.place)
    assert countries.most_common(1)[0][0] == "DE"
    assert len(countries) > 40
    per_ip = Counter(Counter(spec.ip for spec in specs).values())
    assert max(per_ip) == 8
    assert 2.2 < 6700 / sum(per_ip.values()) < 2.9
    assert 0.91 < sum(spec.arcane for spec in specs) / 6700 < 0.96
    assert 0.985 < sum(spec.version == "8.20.0" for spec in specs) / 6700 < 1
    unreachable = sum(any(fault["kind"] == "unreachable" for fault in spec.faults) for spec in specs)
    assert 0.015 < unreachable / 6700 < 0.035
    assert 1800 < len(apps) < 2000
    assert 7500 < sum(len(spec.apps) for spec in specs) < 9500
    assert 0.35 < sum(app.enterprise for app in apps) / len(apps) < 0.6


@pytest.mark.parametrize("count", [1, 7, 40])
def test_any_number_of_nodes(count: int) -> None:
    specs = load("network", nodes=count, seed=2).node_specs(18)
    assert len(specs) == count
    if count == 40:
        odd = {name for spec in specs for name in spec.odd}
        assert odd == {name for _share, change in STATES for name in change.get("odd", ())} | {"hostile"}
        assert {spec.place.org for spec in specs if spec.place} > {texts["org"] for texts in HOSTILE}


def test_a_node_is_made_when_somebody_asks_for_it(lab: Lab) -> None:
    asleep = sleeping(lab)
    assert len(asleep) > 90
    assert lab.data("/flux/version", asleep[0]) == "8.20.0"
    assert sleeping(lab) == asleep[1:]
    assert len(lab.sim.nodes) == len(lab.sim.addresses) == 120


def test_waking_changes_nothing_of_what_the_network_says(lab: Lab) -> None:
    lab.sim.advance(5 * 3600)
    origin = sleeping(lab)[0]
    lists = [lab.data("/daemon/viewdeterministicfluxnodelist", origin), lab.data("/apps/locations", origin)]
    projection = f"{lab.sim.stats}/fluxinfo"
    before = lab.http.get(projection, timeout=10).json()["data"]
    for address in sleeping(lab):
        lab.data("/flux/version", address)
    assert sleeping(lab) == []
    assert lab.data("/daemon/viewdeterministicfluxnodelist", origin) == lists[0]
    again = lab.data("/apps/locations", origin)
    key = ("name", "ip")
    assert sorted(again, key=lambda row: [row[k] for k in key]) == sorted(
        lists[1], key=lambda row: [row[k] for k in key]
    )
    lab.sim.fault("stats", kind="stale_round")
    assert lab.http.get(projection, timeout=10).json()["data"] == before


def test_a_sleeping_node_is_collected_as_it_would_answer(lab: Lab) -> None:
    lab.sim.advance(2 * 3600)
    asleep = sleeping(lab)
    rows = {row["ip"]: row for row in lab.http.get(f"{lab.sim.stats}/fluxinfo", timeout=10).json()["data"]}
    compared = 0
    for address in asleep:
        said = lab.data("/flux/info", address)
        row = rows[address.removesuffix(":16127")]
        for part in ("benchmark", "flux", "apps", "geolocation"):
            if part in row:
                if part == "flux":
                    del said[part]["explorerScannedHeigth"]
                # Collected earlier: the texts that tell durations are older.
                plain = json.loads(json.dumps(said[part]))
                for found in (plain, row[part]):
                    if part == "apps":
                        found["runningapps"] = [each["Names"] for each in found["runningapps"]]
                assert row[part] == plain
                compared += 1
    assert compared > 300


def test_an_app_that_changes_leaves_sleeping_nodes_outdated(lab: Lab) -> None:
    holder = next(node.address for node in lab.sim.nodes if "TideBoard" in node.apps)
    old = lab.data("/apps/location/TideBoard", holder)[0]["hash"]
    lab.sim.update_app("TideBoard", image="nginx:2")
    assert {row["hash"] for row in lab.data("/apps/location/TideBoard", holder)} == {old}
    assert lab.data("/apps/appspecifications/TideBoard", holder)["hash"] != old


def test_unreachable_nodes_refuse_and_the_gateway_mixes_generations(lab: Lab) -> None:
    gone = lab.sim.call(lambda fleet: [node.address for node in fleet.world.nodes.values() if not node.is_reachable])
    assert gone
    for address in gone:
        with pytest.raises(requests.ConnectionError):
            lab.get("/flux/version", address)
    for _unused in range(60):
        lab.http.get(f"{lab.sim.gateway}/apps/location/TideBoard", timeout=10)
    answered = {line["via"] for line in lab.sim.requests(path="/apps/location/TideBoard")}
    assert len({node.version for node in lab.sim.nodes if node.address in answered}) > 1


def test_apps_can_be_asked_for_by_hash_owner_and_name(lab: Lab) -> None:
    node = sleeping(lab)[0]
    everything = lab.data("/apps/globalappsspecifications", node)
    one = next(spec for spec in everything if spec["name"] == "TideBoard")
    mine = [spec["name"] for spec in everything if spec["owner"] == one["owner"]]
    path = f"/apps/globalappsspecifications/{one['hash']}/{one['owner']}/TideBoard"
    assert lab.data(path, node) == [one]
    assert [spec["name"] for spec in lab.data(f"/apps/globalappsspecifications?owner={one['owner']}", node)] == mine
    assert lab.data("/apps/appowner/tideboard", node) == one["owner"]
    assert any(spec["version"] == 8 and spec["compose"] == [] and spec["enterprise"] for spec in everything)


def test_state_file_and_journal_hold_the_whole_network(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with RunningSimulator("network", nodes=80, seed=5, time_factor=0, journal=path) as sim:
        state = sim.call(lambda fleet: fleet.state())
        first = json.loads(path.read_text().splitlines()[0])
    assert first["nodes"] == state["nodes"]
    assert len(first["nodes"]) == 80
    assert {"gateway", "stats", "explorer", "fdm", "proxy", "control"} <= set(first)
    assert {row["label"] for row in state["owners"]} == {f"app owner {at}" for at in range(9)}


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 15_000 + SPARE_FILES,
    reason="a listener for each node: the hard limit of open files (ulimit -Hn) is too low here",
)
def test_fifteen_thousand_nodes_fit(tmp_path: Path) -> None:
    """A bound that only a return to one server of asyncio's for each node, or to awake nodes, would break."""
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "tests.simulator", "--scenario", "network", "--nodes", "15000"]
    root = Path(__file__).parents[3]
    process = subprocess.Popen([*command, "--state", str(state)], cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not state.exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":" in line
        )
        assert int(status["VmHWM"].split()[0]) < 600 * 1024
        assert len(json.loads(state.read_text())["nodes"]) == 15000
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_limit_of_open_files_is_told() -> None:
    with pytest.raises(TooManyNodes, match="open files"):
        listeners_each(10**9)
    assert listeners_each(1) == 3
    assert SPARE_FILES > 0
