# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``restart_outdated`` takes beyond what the nodes themselves take to come back.

40 outdated nodes are restarted in waves of the usual size. A wave cannot be shorter than its nodes: the simulator's
journal says when the first of them was told to restart and when the last had everything back. All the rest of the run
is ours: the start, the inventory, the plan, the samples in a row that prove a node healthy, the gate between waves, the
report. The overhead is the rest divided by what the nodes took.

The nodes' clocks run faster than ours: with TIME_FACTOR a node is back after some five seconds instead of two and a
half minutes. The pause between samples is shortened as much, the work of Ansible is not, so that on real nodes the
overhead is a fraction of the one that is measured here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmark.measure import BenchmarkError, Figure, run
from tests.tools.simulated_fleet import ROOT, simulated_fleet

NODES = 40
TIME_FACTOR = 30.0
#: Seconds between two samples of a node, the collection's own default.
WAIT_INTERVAL = 5.0
#: What a node needs after it listens again, in simulated seconds; the simulator's own defaults, which are like real.
TIMINGS = {"down": 8.0, "database": 3.0, "explorer": 40.0, "boot": 75.0, "peers": 150.0}


@dataclass(frozen=True, slots=True)
class Return:
    """One node's restart as the journal tells it, in simulated seconds."""

    node: str
    asked: float
    """When it was told to restart."""
    healthy: float
    """When it had everything back: its explorer, the end of its boot window, its peers."""


def scenario(nodes: int) -> dict[str, Any]:
    """Nodes that all have to be restarted; every fourth shares its IP with the next, and apps are spread over them."""
    rows: list[dict[str, Any]] = [
        {
            "host": 1 + position - (position % 4 == 1),
            "version": "8.18.0",
            "disk_version": "8.20.0",
            "uptime": 86400.0 * (2 + position % 9),
            # Young enough to stay within its slack until the end of the run.
            "confirmation_age": 10 + position % 40,
        }
        for position in range(nodes)
    ]
    apps = [{"name": f"App{number}", "owner": "@app owner", "instances": 3} for number in range(nodes // 4)]
    for number, app in enumerate(apps):
        for step in range(3):
            row = rows[(4 * number + 11 * step) % nodes]
            row["apps"] = [*row.get("apps", []), app["name"]]
    return {"nodes": rows, "apps": apps, "timings": TIMINGS}


def returns(journal: Sequence[Mapping[str, Any]], timings: Mapping[str, float]) -> list[Return]:
    """The restarts in a journal, in the order in which they were asked for.

    Raises:
        BenchmarkError: when a node did not come back, or was restarted twice.
    """
    asked: dict[str, float] = {}
    up: dict[str, float] = {}
    settled: dict[str, float] = {}
    for line in journal:
        if line["kind"] == "request" and line["path"] == "/flux/restart" and line["authorized"]:
            if line["node"] in asked:
                raise BenchmarkError(f"{line['node']} was restarted twice: this is no run to take the time of")
            asked[line["node"]] = line["sim"]
        elif line["kind"] == "state" and line["node"] in asked and line["what"] in ("up", "boot_settled"):
            (up if line["what"] == "up" else settled)[line["node"]] = line["sim"]
    lost = sorted(set(asked) - set(settled))
    if lost:
        raise BenchmarkError(f"{', '.join(lost)} did not come back")
    later = max(timings["explorer"], timings["peers"])
    return [Return(node, moment, max(settled[node], up[node] + later)) for node, moment in asked.items()]


def seconds_of_nodes(restarts: Sequence[Return], waves: Sequence[Sequence[str]], time_factor: float) -> float:
    """Real seconds that the nodes took: of each wave from its first request until its last node was healthy, summed.

    ``waves`` are the addresses that were restarted together.
    """
    of = {one.node: one for one in restarts}
    members = [[of[node] for node in wave] for wave in waves if wave]
    simulated = sum(max(one.healthy for one in wave) - min(one.asked for one in wave) for wave in members)
    return simulated / time_factor


def overhead(wall: float, nodes: float) -> float:
    """What a run of ``wall`` seconds took beyond the ``nodes`` seconds of the nodes, as a share of the latter."""
    if nodes <= 0:
        raise BenchmarkError("no node was restarted: there is no time of theirs to compare with")
    return (wall - nodes) / nodes


def measure(folder: Path, environment: Mapping[str, str], *, quick: bool) -> dict[str, Figure]:
    """Restart a fleet in waves of the usual size, and one in few large waves, each once."""
    count = 4 if quick else NODES
    usual = _run(folder / "usual", environment, count, cap="5%")
    large = _run(folder / "large", environment, count, cap="25%")
    return {
        "restart_overhead": Figure(
            overhead(usual.wall, usual.nodes),
            "ratio",
            "lower",
            f"wall time of {usual} beyond what the nodes took to come back, divided by the latter",
        ),
        "restart_overhead_per_wave": Figure(
            (usual.wall - usual.nodes) / usual.waves, "s", "lower", f"the same in seconds for each wave of {usual}"
        ),
        "restart_overhead_large_waves": Figure(
            overhead(large.wall, large.nodes), "ratio", "lower", f"the same ratio when {large}, five forks"
        ),
    }


@dataclass(frozen=True, slots=True)
class Maintenance:
    """One run of ``restart_outdated``: seconds of it as a whole and of its nodes."""

    wall: float
    nodes: float
    count: int
    waves: int

    def __str__(self) -> str:
        return f"restarting {self.count} nodes in {self.waves} waves"


def _run(folder: Path, environment: Mapping[str, str], count: int, *, cap: str) -> Maintenance:
    folder.mkdir()
    file = folder / "scenario.json"
    file.write_text(json.dumps(scenario(count)))
    with simulated_fleet(folder, "--scenario", str(file), "--time-factor", str(TIME_FACTOR)) as fleet:
        variables = {
            "fluxos_fleet": "benchmark",
            "fluxos_state_dir": str(folder / "state"),
            "fluxos_report_dir": str(folder),
            "fluxos_target_version": "8.20.0",
            "fluxos_wait_interval": WAIT_INTERVAL / TIME_FACTOR,
            "fluxos_cap": cap,
        }
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("--inventory", str(fleet.inventory)),
            *("--extra-vars", json.dumps(variables)),
            str(ROOT / "playbooks" / "restart_outdated.yml"),
        ]
        cost = run(command, folder=folder, environment={**environment, **fleet.environment})
        restarts = returns(fleet.journal(), TIMINGS)
    if len(restarts) != count:
        raise BenchmarkError(f"{len(restarts)} of {count} nodes were restarted; see {folder / 'report.md'}")
    report = json.loads((folder / "report.json").read_text())
    numbers = sorted({node["wave"] for node in report["nodes"]})
    waves = [[node["address"] for node in report["nodes"] if node["wave"] == number] for number in numbers]
    return Maintenance(cost.wall, seconds_of_nodes(restarts, waves, TIME_FACTOR), count, len(waves))
