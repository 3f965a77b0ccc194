# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated fleet as a process of its own, with an inventory file that points at it.

For make demo, make bench and tests: starting it, waiting for it and ending it are written here once. The process ends
with the one that started it, however that one ends, so that nothing is left behind by Ctrl-C or a crash.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Seconds. A fleet of 200 listens in under two; a laptop that is busy otherwise takes longer.
START_DEADLINE = 60.0
STOP_DEADLINE = 10.0


class SimulatorDied(RuntimeError):
    """The simulator did not come up; the message holds what it printed."""


@dataclass(frozen=True)
class SimulatedFleet:
    """A running simulator: its state file (documented in ``tests/simulator/README.md``) and the files around it."""

    folder: Path
    state: dict[str, Any]

    @property
    def gateway(self) -> str:
        """The URL of the gateway, ``http://127.18.255.254:8080``."""
        return str(self.state["gateway"])

    @property
    def control(self) -> str:
        """The URL of the control API."""
        return str(self.state["control"])

    @property
    def addresses(self) -> list[str]:
        """All nodes as ``ip:port``."""
        return [str(node["node"]) for node in self.state["nodes"]]

    @property
    def inventory(self) -> Path:
        """An inventory file of the fleet's owner, read from the gateway."""
        return self.folder / "fleet.fluxos.yml"

    @property
    def key_file(self) -> Path:
        """The operator's key in a file that only we can read."""
        return self.folder / "operator.key"

    @property
    def environment(self) -> dict[str, str]:
        """What lets the collection log in: the environment variables of its connection options."""
        return {
            "FLUXOS_PRIVATE_KEY_FILE": str(self.key_file),
            "FLUXOS_SESSION_CACHE": str(self.folder / "sessions"),
        }

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal so far: the simulator's own account of every request and state change."""
        lines = (self.folder / "journal.jsonl").read_text().splitlines(keepends=True)
        # The last line may be half written at the moment of reading.
        return [json.loads(line) for line in lines if line.endswith("\n")]


def _wait_for_state(process: subprocess.Popen[bytes], state_file: Path, log: Path) -> dict[str, Any]:
    """Return the state file's content; it is written in one step once all nodes listen."""
    deadline = time.monotonic() + START_DEADLINE
    while not state_file.exists():
        if process.poll() is not None:
            raise SimulatorDied(f"the simulator ended with {process.returncode}:\n{log.read_text()}")
        if time.monotonic() > deadline:
            raise SimulatorDied(f"the simulator did not listen within {START_DEADLINE:.0f} s:\n{log.read_text()}")
        time.sleep(0.05)
    state: dict[str, Any] = json.loads(state_file.read_text())
    return state


def write_files(fleet: SimulatedFleet) -> None:
    """Write the inventory of the fleet's owner, his key in a file and what he reaches his hosts with."""
    operator = fleet.state["operator"]
    inventory = {
        "plugin": "fluxme.fluxos.fluxos",
        "gateway": [fleet.gateway],
        "owners": [operator["payment_address"]],
    }
    fleet.inventory.write_text(yaml.safe_dump(inventory, sort_keys=False))
    descriptor = os.open(fleet.key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(operator["wif"] + "\n")
    _write_host_connections(fleet)


def _write_host_connections(fleet: SimulatedFleet) -> None:
    """Give some nodes their host's connection, and a command that does what ``systemctl restart fluxos`` would."""
    host_vars = fleet.folder / "host_vars"
    shutil.rmtree(host_vars, ignore_errors=True)
    host_vars.mkdir()
    for node in fleet.state["nodes"]:
        if node["host_connection"]:
            restart = ["-m", "tests.simulator", "ctl", "--control", fleet.control, "restart", node["node"]]
            variables = {
                "ansible_connection": "local",
                # The interpreter itself, not the environment: its path has no space in it wherever the checkout stands.
                "ansible_python_interpreter": os.path.realpath(sys.executable),
                "fluxos_restart_command": shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, *restart]),
            }
            name = re.sub("[.:]", "-", node["node"])
            (host_vars / f"{name}.yml").write_text(yaml.safe_dump(variables))


@contextmanager
def simulated_fleet(folder: Path, *options: str, python: str = sys.executable) -> Iterator[SimulatedFleet]:
    """Run a simulator for as long as the block runs.

    :param folder: gets ``journal.jsonl``, ``simulator.json`` (state), ``simulator.log``, ``fleet.fluxos.yml`` and
        ``operator.key``; those of an earlier run are replaced.
    :param options: for ``python -m tests.simulator``, for example ``"--scenario", "demo"``.
    :raises SimulatorDied: when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state_file, log = folder / "simulator.json", folder / "simulator.log"
    for old in (state_file, folder / "journal.jsonl"):
        old.unlink(missing_ok=True)
    command: Sequence[str] = [
        *(python, "-m", "tests.simulator", "--exit-with-parent"),
        *("--journal", str(folder / "journal.jsonl"), "--state", str(state_file)),
        *options,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        fleet = SimulatedFleet(folder, _wait_for_state(process, state_file, log))
        write_files(fleet)
        yield fleet
    finally:
        process.terminate()
        try:
            process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
