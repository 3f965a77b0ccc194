# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``maintenance_waves`` for a network: 15,000 nodes and 3,000 apps, in the shape of the real one.

``python -m tests.benchmark.plan NODES APPS`` makes one plan and prints the seconds that the filter took.
"""

from __future__ import annotations

import importlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmark.measure import BenchmarkError, Figure
from tests.tools.link_collection import TREE
from tests.tools.simulated_fleet import ROOT

NODES, APPS = 15_000, 3_000
ROUNDS = 3
#: Of the real network (2026-09-30): 6,724 nodes on 2,655 addresses, 8,274 instances of 1,882 apps.
NODES_PER_ADDRESS = 2.5
INSTANCES_PER_APP = 4.4


def network(nodes: int, apps: int, seed: int = 1) -> list[dict[str, Any]]:
    """Nodes as the filter takes them. A few apps have a hundred instances, most have three."""
    chance = random.Random(seed)
    places = [chance.randrange(max(1, int(nodes / NODES_PER_ADDRESS))) for _unused in range(nodes)]
    held: list[set[str]] = [set() for _unused in range(nodes)]
    for number in range(apps):
        instances = 100 if number % 100 == 0 else round(chance.uniform(3, 2 * INSTANCES_PER_APP - 5))
        for node in chance.sample(range(nodes), min(instances, nodes)):
            held[node].add(f"App{number}")
    return [
        {
            "name": f"node{at}",
            "address": f"127.{place // 65536}.{place // 256 % 256}.{place % 256}:16127",
            "apps": sorted(apps_here),
        }
        for at, (place, apps_here) in enumerate(zip(places, held, strict=True))
    ]


def seconds(nodes: int, apps: int) -> float:
    """What one plan takes, its checks and its result included."""
    sys.path.insert(0, str(TREE))
    module = importlib.import_module("ansible_collections.fluxme.fluxos.plugins.filter.maintenance_waves")
    given = network(nodes, apps)
    begun = time.perf_counter()
    plan = module.maintenance_waves(given)
    took = time.perf_counter() - begun
    if sum(map(len, plan["waves"])) != nodes:
        raise BenchmarkError("the plan has not all nodes")
    return took


def measure(folder: Path, environment: Mapping[str, str], *, quick: bool) -> dict[str, Figure]:
    """Plan a few times, each in a new Python."""
    nodes, apps, rounds = (1_500, 300, 1) if quick else (NODES, APPS, ROUNDS)
    command = [sys.executable, "-m", "tests.benchmark.plan", str(nodes), str(apps)]
    took = []
    for _unused in range(rounds):
        done = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkError(f"the plan failed:\n{done.stderr[-4000:]}")
        took.append(float(done.stdout))
    what = f"maintenance_waves for {nodes} nodes and {apps} apps"
    return {f"plan_{nodes}_s": Figure(statistics.median(took), "s", "lower", what)}


if __name__ == "__main__":
    print(seconds(int(sys.argv[1]), int(sys.argv[2])))
