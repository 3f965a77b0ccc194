# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many nodes asked by one ``node_info`` task: against the least that such a question takes, and with nodes that hang.

Nodes are those of :mod:`tests.benchmark.listener`. What Ansible takes for an empty play, and Python for an empty
question, is taken off.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.benchmark.measure import BenchmarkError, Cost, Figure, in_turn, run
from tests.tools.simulated_fleet import ROOT

NODES = 10_000
WORKERS = 50
ROUNDS = 3
TAIL_NODES = 1_000
#: One of so many hangs.
HANGING = 20
#: Seconds; a node that hangs costs that much.
TIMEOUT = 5.0
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


def addresses(count: int, port: int) -> list[str]:
    """That many nodes; the last part of their addresses goes from 1 to 240, so that one in HANGING can be told."""
    return [f"http://127.77.{at // 240}.{at % 240 + 1}:{port}" for at in range(count)]


@contextmanager
def listener(*options: str) -> Iterator[int]:
    """A listener in a process of its own; its port."""
    command = [sys.executable, "-m", "tests.benchmark.listener", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdecimal():
                raise BenchmarkError("the listener did not start")
            yield int(line)
        finally:
            process.terminate()


def play(folder: Path, name: str, tasks: list[dict[str, Any]]) -> list[str]:
    """Write a playbook with these tasks, and return the command that runs it. All read the file of nodes."""
    playbook = folder / f"{name}.yml"
    head = {"name": name, "hosts": "localhost", "gather_facts": False, "vars_files": [str(folder / "nodes.json")]}
    playbook.write_text(yaml.safe_dump([{**head, "tasks": tasks}]))
    return [str(PLAYBOOK), "--inventory", "localhost,", str(playbook)]


def reading(answering: int, **options: Any) -> list[dict[str, Any]]:
    """Read the version of all nodes; fail unless so many answer."""
    asked = {"nodes": "{{ nodes }}", "subset": ["version"], "workers": WORKERS, **options}
    check = {"that": f"fleet.summary.versions == {{'8.20.0': {answering}}}"}
    return [
        {"name": "Read the versions", "fluxme.fluxos.node_info": asked, "register": "fleet"},
        {"name": "Count", "ansible.builtin.assert": {**check, "quiet": True}},
    ]


EMPTY = [{"name": "Count", "ansible.builtin.assert": {"that": "nodes | length > 0", "quiet": True}}]


def against_the_floor(folder: Path, environment: Mapping[str, str], *, count: int, rounds: int) -> dict[str, Figure]:
    """``node_info`` and the bare client, each beyond the same without a node."""
    folder.mkdir()
    with listener() as port:
        origins = addresses(count, port)
        (folder / "nodes.json").write_text(json.dumps({"nodes": origins}))
        (folder / "origins.json").write_text(json.dumps(origins))
        (folder / "none.json").write_text("[]")
        floor = [sys.executable, "-m", "tests.benchmark.floor"]
        commands = {
            "empty": play(folder, "empty", EMPTY),
            "ours": play(folder, "ours", reading(count)),
            "floor_empty": [*floor, str(folder / "none.json"), str(WORKERS)],
            "floor": [*floor, str(folder / "origins.json"), str(WORKERS)],
        }
        settings = {**environment, "PYTHONPATH": str(ROOT)}
        works = [
            (name, partial(run, command, folder=folder, environment=settings)) for name, command in commands.items()
        ]
        costs = in_turn(works, rounds)
    return figures(costs, count)


def figures(costs: Mapping[str, Cost], count: int) -> dict[str, Figure]:
    """The ratio, and both by themselves."""
    ours, floor = costs["ours"].beyond(costs["empty"]), costs["floor"].beyond(costs["floor_empty"])
    what = f"of the versions of {count} nodes, {WORKERS} at a time"
    return {
        f"fanout_{count}_vs_floor": Figure(
            ours.wall / floor.wall, "ratio", "lower", f"wall time {what}: node_info / a bare aiohttp client"
        ),
        "fanout_per_node": Figure(1000 * ours.wall / count, "ms", "lower", f"wall time {what}, for each node"),
        "fanout_floor_per_node": Figure(1000 * floor.wall / count, "ms", "lower", "the same of the bare client"),
        "fanout_cpu_vs_floor": Figure(ours.cpu / floor.cpu, "ratio", "lower", f"processor time {what}: the same ratio"),
    }


def slow_tail(folder: Path, environment: Mapping[str, str], *, count: int, timeout: float) -> dict[str, Figure]:
    """Nodes of which one in HANGING never answers."""
    folder.mkdir()
    with listener("--hanging", str(HANGING)) as port:
        nodes = addresses(count, port)
        (folder / "nodes.json").write_text(json.dumps({"nodes": nodes}))
        commands = {
            "empty": play(folder, "empty", EMPTY),
            "tail": play(folder, "tail", reading(count - count // HANGING, timeout=timeout)),
        }
        works = [(name, partial(run, each, folder=folder, environment=environment)) for name, each in commands.items()]
        costs = in_turn(works, 1)
    wall = costs["tail"].beyond(costs["empty"]).wall
    return {
        "fanout_slow_tail": Figure(
            wall / timeout,
            "ratio",
            "lower",
            f"wall time of {count} nodes, 1 in {HANGING} hanging, {WORKERS} at once / the timeout of {timeout:g} s",
        )
    }


def measure(folder: Path, environment: Mapping[str, str], *, quick: bool) -> dict[str, Figure]:
    """Both."""
    count, rounds = (500, 1) if quick else (NODES, ROUNDS)
    tail, timeout = (100, 1.0) if quick else (TAIL_NODES, TIMEOUT)
    return {
        **against_the_floor(folder / "floor", environment, count=count, rounds=rounds),
        **slow_tail(folder / "tail", environment, count=tail, timeout=timeout),
    }
