# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading all instances of an app in one task: how much longer than the slowest node takes for a single answer.

Each node answers after a time of its own, the slowest after SLOWEST seconds, whatever it is asked. The task asks every
node for the specification and the containers, and as the app's owner for each container's start and image. What an
empty play takes is taken off.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.benchmark.measure import BenchmarkError, Cost, Figure, in_turn, run
from tests.tools.simulated_fleet import SimulatedFleet, simulated_fleet

INSTANCES = 100
ROUNDS = 3
#: Seconds after which the slowest node answers; the others are spread below.
SLOWEST = 1.0
APP = "TideBoard"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


def scenario(count: int, slowest: float) -> dict[str, Any]:
    """An app of two components on ``count`` nodes, the last of which is the slowest."""
    return {
        "apps": [{"name": APP, "owner": "@app owner", "instances": count, "components": ["web", "cache"]}],
        "nodes": [
            {"apps": [APP], "faults": [{"kind": "latency", "seconds": slowest * (position + 1) / count}]}
            for position in range(count)
        ],
    }


def play(tasks: list[dict[str, Any]]) -> str:
    """A playbook with these tasks."""
    return yaml.safe_dump([{"name": "Measure", "hosts": "localhost", "gather_facts": False, "tasks": tasks}])


def tasks(gateway: str, count: int) -> list[dict[str, Any]]:
    """The reading, and a proof that it was one: every instance with its start times, none in error."""
    seen = "instances.instances | map(attribute='components') | flatten | map(attribute='started') | select"
    return [
        {
            "name": "Read all instances",
            "fluxme.fluxos.app_instance_info": {"app": APP, "all_instances": True, "gateway": [gateway]},
            "register": "instances",
        },
        {
            "name": "See that all were read",
            "ansible.builtin.assert": {"that": f"{seen} | length == {2 * count}", "quiet": True},
        },
    ]


def one_answer(fleet: SimulatedFleet) -> float:
    """Seconds that the slowest node takes for a single answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    begun = time.monotonic()
    with opener.open(f"http://{fleet.addresses[-1]}/apps/listallapps", timeout=60) as answer:
        if json.load(answer)["status"] != "success":
            raise BenchmarkError(f"{fleet.addresses[-1]} does not list its containers")
    return time.monotonic() - begun


def figures(costs: Mapping[str, Cost], slowest: float, count: int) -> dict[str, Figure]:
    """The ratio, and the reading by itself."""
    wall = costs["instances"].beyond(costs["empty"]).wall
    what = f"one app_instance_info that reads {count} instances with start times"
    return {
        "instances_fanout_vs_slowest": Figure(
            wall / slowest, "ratio", "lower", f"wall time of {what}, divided by the slowest single answer"
        ),
        "instances_fanout_wall": Figure(
            wall, "s", "lower", f"wall time of {what}; the slowest node takes {slowest:.2f} s"
        ),
    }


def measure(folder: Path, environment: Mapping[str, str], *, quick: bool) -> dict[str, Figure]:
    """Start the nodes, read them in turn with an empty play, and compare."""
    count, rounds, slowest = (10, 1, 0.5) if quick else (INSTANCES, ROUNDS, SLOWEST)
    file = folder / "scenario.json"
    file.write_text(json.dumps(scenario(count, slowest)))
    with simulated_fleet(folder, "--scenario", str(file)) as fleet:
        key = folder / "owner.key"
        key.touch(mode=0o600)
        key.write_text(fleet.state["owners"][0]["wif"] + "\n")
        own = {**environment, "FLUXOS_PRIVATE_KEY_FILE": str(key), "FLUXOS_SESSION_CACHE": str(folder / "sessions")}
        works = []
        for name, content in (("empty", []), ("instances", tasks(fleet.gateway, count))):
            playbook = folder / f"{name}.yml"
            playbook.write_text(play(content))
            command = [str(PLAYBOOK), "--inventory", "localhost,", "--connection", "local", str(playbook)]
            works.append((name, partial(run, command, folder=folder, environment=own)))
        slowest_answer = one_answer(fleet)
        return figures(in_turn(works, rounds), slowest_answer, count)
