# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to each of many hosts: ``fluxme.fluxos.node_info`` against ``ansible.builtin.uri``.

Both ask ``GET /flux/version`` of the same simulated nodes, in one task, over ``connection: local``. What an empty play
on the same hosts takes is taken off both, so that the start of Ansible itself counts for neither. Beside them, the same
question to all nodes in one task, which is how to read a fleet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.benchmark.measure import Cost, Figure, in_turn, run
from tests.tools.simulated_fleet import simulated_fleet

HOSTS = 200
FORKS = 20
ROUNDS = 3
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")

TASKS: dict[str, list[dict[str, Any]]] = {
    "empty": [],
    "node_info": [{"name": "Read the version", "fluxme.fluxos.node_info": {"gather": ["version"]}}],
    "uri": [
        {
            "name": "Read the version",
            "ansible.builtin.uri": {
                "url": "http://{{ fluxos_node }}/flux/version",
                "headers": {"x-apicache-bypass": "1"},
                "return_content": True,
            },
        }
    ],
}


#: One task that asks all nodes by itself, and what has to be taken off it.
FLEET_TASKS: dict[str, list[dict[str, Any]]] = {
    "empty_fleet": [],
    "fleet": [
        {
            "name": "Read the version of all nodes",
            "fluxme.fluxos.node_info": {
                "nodes": "{{ groups.nodes | map('extract', hostvars, 'fluxos_node') | list }}",
                "gather": ["version"],
            },
        }
    ],
}


def play(tasks: list[dict[str, Any]], hosts: str = "nodes") -> str:
    """A playbook with these tasks."""
    return yaml.safe_dump(
        [{"name": "Measure", "hosts": hosts, "connection": "local", "gather_facts": False, "tasks": tasks}]
    )


def hosts_file(addresses: list[str]) -> str:
    """A static inventory, so that reading it costs the same for all and next to nothing.

    The interpreter is fixed: to look for one would be counted against ``uri``.
    """
    hosts = {f"node{number}": {"fluxos_node": address} for number, address in enumerate(addresses)}
    variables = {"ansible_python_interpreter": sys.executable}
    return yaml.safe_dump({"nodes": {"hosts": hosts, "vars": variables}})


def figures(costs: Mapping[str, Cost], hosts: int) -> dict[str, Figure]:
    """The ratios ours/theirs, and ours by itself."""
    ours, theirs = costs["node_info"].beyond(costs["empty"]), costs["uri"].beyond(costs["empty"])
    fleet = costs["fleet"].beyond(costs["empty_fleet"])
    what = f"one request to each of {hosts} hosts, forks {FORKS}, beyond an empty play: node_info / ansible.builtin.uri"
    return {
        "node_info_vs_uri_wall": Figure(ours.wall / theirs.wall, "ratio", "lower", f"wall time of {what}"),
        "node_info_vs_uri_cpu": Figure(ours.cpu / theirs.cpu, "ratio", "lower", f"processor time of {what}"),
        "node_info_per_host": Figure(
            1000 * ours.wall / hosts, "ms", "lower", "wall time of node_info for each of these hosts"
        ),
        "uri_per_host": Figure(1000 * theirs.wall / hosts, "ms", "lower", "the same of ansible.builtin.uri"),
        "fleet_read_per_node": Figure(
            1000 * fleet.wall / hosts,
            "ms",
            "lower",
            f"wall time of one node_info that asks {hosts} nodes, for each node",
        ),
    }


def measure(folder: Path, environment: Mapping[str, str], *, quick: bool) -> dict[str, Figure]:
    """Start the nodes, run the plays in turn and compare."""
    hosts, rounds = (20, 1) if quick else (HOSTS, ROUNDS)
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps({"nodes": [{} for _unused in range(hosts)]}))
    with simulated_fleet(folder, "--scenario", str(scenario)) as fleet:
        inventory = folder / "nodes.yml"
        inventory.write_text(hosts_file(fleet.addresses))
        works = {}
        plays = {name: play(tasks) for name, tasks in TASKS.items()}
        plays |= {name: play(tasks, "nodes[0]") for name, tasks in FLEET_TASKS.items()}
        for name, text in plays.items():
            playbook = folder / f"{name}.yml"
            playbook.write_text(text)
            command = [str(PLAYBOOK), "--inventory", str(inventory), "--forks", str(FORKS), str(playbook)]
            works[name] = partial(run, command, folder=folder, environment=environment)
        short = [(name, work) for name, work in works.items() if name != "uri"]
        costs = in_turn([*short, ("uri", works["uri"]), *short], rounds)
    return figures(costs, hosts)
