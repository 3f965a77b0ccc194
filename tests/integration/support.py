# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated fleet with somebody at its controller: playbooks run as users run them, in a folder of their own.

``with controller(tmp_path, scenario, time_factor=40) as site:`` starts the fleet; ``site.run()`` runs
``restart_outdated`` against it and returns what the run said, reported and did (the simulator's journal). All state
(ANSIBLE_HOME, sessions, runs, reports) lives below the folder, and no process outlives its block.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.tools.simulated_fleet import ROOT, SimulatedFleet, simulated_fleet

RESTART_OUTDATED = ROOT / "playbooks" / "restart_outdated.yml"
BIN = Path(sys.executable).parent
# Seconds. A run that takes longer hangs; it is killed and the test fails with what it had said.
HANGS_AFTER = 300.0
#: What every run sets: nodes whose clocks run fast are looked at often, and held-back nodes are asked again only once.
QUICK: dict[str, Any] = {"fluxos_wait_interval": 0.4, "fluxos_patience": 0, "fluxos_interval": 1}

_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+ .*)$", re.MULTILINE)


@dataclass(frozen=True)
class PlaybookRun:
    """What one run of ansible-playbook came to."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    reports: Path
    """The folder of ``report.json`` and ``report.md``; empty when the run wrote none."""
    state: Path
    """The state directory of the runs of this fleet."""
    journal: tuple[dict[str, Any], ...] = field(repr=False)
    """The simulator's lines from this run's time only."""

    @cached_property
    def report(self) -> dict[str, Any]:
        """The content of ``report.json``."""
        report: dict[str, Any] = json.loads((self.reports / "report.json").read_text())
        return report

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The report's nodes by address."""
        return {node["address"]: node for node in self.report["nodes"]}

    def results(self) -> dict[str, str]:
        """Node address to result."""
        return {address: node["result"] for address, node in self.rows.items()}

    def reasons(self) -> dict[str, str]:
        """Node address to reason."""
        return {address: node["reason"] for address, node in self.rows.items()}

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The requests that could change something, as FluxOS counts them."""
        return [line for line in self.journal if line["kind"] == "request" and line["write"]]

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Ansible's own PLAY RECAP: host to counter to number."""
        return {
            host: {name: int(number) for name, number in (pair.split("=") for pair in counters.split())}
            for host, counters in _RECAP.findall(self.stdout)
        }

    @property
    def told(self) -> str:
        """All that was printed, for messages of failed assertions."""
        return f"exit code {self.code}\n{self.stdout}\n{self.stderr}"


class Site:
    """A fleet, and the controller from which it is operated."""

    def __init__(self, fleet: SimulatedFleet, folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder
        self._runs = 0

    # -- the fleet ------------------------------------------------------------------------------------------------

    @property
    def addresses(self) -> list[str]:
        """The nodes in the scenario's order."""
        return self.fleet.addresses

    def name(self, address: str) -> str:
        """The inventory's name of a node."""
        return re.sub("[.:]", "-", address)

    def names(self, addresses: Iterable[str]) -> list[str]:
        return [self.name(address) for address in addresses]

    def journal(self) -> list[dict[str, Any]]:
        """Everything the simulator has written so far."""
        return self.fleet.journal()

    def control(self, path: str, options: Mapping[str, Any] | None = None) -> Any:
        """Use the simulator's control API: GET without options, POST with them."""
        body = None if options is None else json.dumps(options).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.fleet.control + path, data=body), timeout=30) as answer:
            return json.load(answer)

    def fault(self, address: str, **keys: Any) -> None:
        """Begin a fault of a node, or of ``gateway``."""
        self.control(f"/nodes/{address}/fault", keys)

    def heal(self, address: str, kind: str | None = None) -> None:
        """End a node's faults."""
        self.control(f"/nodes/{address}/heal", {"kind": kind})

    def set(self, address: str, **facts: Any) -> None:
        """Change facts of a node, such as ``confirmation_age``."""
        self.control(f"/nodes/{address}/set", facts)

    def node(self, address: str) -> dict[str, Any]:
        """A node as it is now."""
        state: dict[str, Any] = self.control(f"/nodes/{address}")
        return state

    # -- the controller -------------------------------------------------------------------------------------------

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def environment(self) -> dict[str, str]:
        """What a run sees: an Ansible and a home of its own, and the operator's key in a file."""
        return {
            **os.environ,
            **self.fleet.environment,
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "ansible" / "tmp"),
            "HOME": str(self.folder),
        }

    def static_inventory(self, addresses: Sequence[str] | None = None) -> Path:
        """An inventory as users write it by hand: the nodes in the order given, the gateway as a variable."""
        chosen = self.addresses if addresses is None else addresses
        hosts = {self.name(address): {"fluxos_node": address} for address in chosen}
        groups = {"fluxos_nodes": {"hosts": hosts, "vars": {"fluxos_gateway": [self.fleet.gateway]}}}
        path = self.fleet.folder / "nodes.yml"
        path.write_text(yaml.safe_dump(groups, sort_keys=False))
        return path

    def start(
        self,
        *arguments: str,
        playbook: Path | str = RESTART_OUTDATED,
        inventory: Path | None = None,
        extra: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        bin_folder: Path = BIN,
    ) -> RunningPlaybook:
        """Start ansible-playbook in a process group of its own. ``extra`` are extra variables on top of QUICK."""
        self._runs += 1
        reports = self.folder / f"reports-{self._runs}"
        variables = {
            **QUICK,
            "fluxos_fleet": "site",
            "fluxos_state_dir": str(self.state_dir),
            "fluxos_report_dir": str(reports),
            **(extra or {}),
        }
        command = [
            str(bin_folder / "ansible-playbook"),
            *("--inventory", str(inventory or self.fleet.inventory)),
            *("--extra-vars", json.dumps(variables)),
            *arguments,
            str(playbook),
        ]
        lines = len(self.journal())
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return RunningPlaybook(self, process, Path(variables["fluxos_report_dir"]), lines)

    def run(self, *arguments: str, timeout: float = HANGS_AFTER, **options: Any) -> PlaybookRun:
        """Run ansible-playbook to its end; the options are those of ``start``."""
        with self.start(*arguments, **options) as running:
            return running.wait(timeout)

    def check(self, *arguments: str, **options: Any) -> PlaybookRun:
        """The same in check mode."""
        return self.run("--check", *arguments, **options)


class RunningPlaybook:
    """ansible-playbook while it runs; at the end of the block its whole process group is gone."""

    def __init__(self, site: Site, process: subprocess.Popen[str], reports: Path, lines: int) -> None:
        self.site = site
        self.process = process
        self._reports = reports
        self._lines = lines
        self._workers: dict[int, str | None] = {}
        self._begun = time.monotonic()

    def __enter__(self) -> RunningPlaybook:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.kill()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait()

    def kill(self, *, workers: bool = True) -> None:
        """Kill the run with SIGKILL, with its workers, or without them as ``kill -9 PID`` does.

        Since ansible-core 2.19 workers have sessions of their own, which killing the process group does not reach.
        """
        if self.process.poll() is None:
            # Held first, so that it starts no other worker while they are looked for.
            os.kill(self.process.pid, signal.SIGSTOP)
            self._workers |= {pid: process_start(pid) for pid in descendants(self.process.pid)}
            os.kill(self.process.pid, signal.SIGKILL)
        if workers:
            for pid in self.left_behind():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def left_behind(self) -> list[int]:
        """Workers of a run that was killed that are still there."""
        return [pid for pid, start in self._workers.items() if start and process_start(pid) == start]

    def wait_until(self, seen: Callable[[Sequence[Mapping[str, Any]]], bool], timeout: float = HANGS_AFTER) -> None:
        """Return once the journal of this run satisfies ``seen``. Raises AssertionError when the run ends before."""
        deadline = time.monotonic() + timeout
        while not seen(self.site.journal()[self._lines :]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                run = self.wait(timeout)
                raise AssertionError(f"the run ended before that was seen: {run.told}")
            time.sleep(0.1)

    def wait(self, timeout: float = HANGS_AFTER) -> PlaybookRun:
        """Wait for the end. A run that hangs is killed, and fails the test with what it had said."""
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            stdout, stderr = self.process.communicate()
            raise AssertionError(f"the run did not end within {timeout:.0f} s\n{stdout}\n{stderr}") from None
        return PlaybookRun(
            self.process.returncode,
            stdout,
            stderr,
            time.monotonic() - self._begun,
            self._reports,
            self.site.state_dir,
            tuple(self.site.journal()[self._lines :]),
        )


def process_start(pid: int) -> str | None:
    """When the kernel started a process, which tells it from a later one of the same number; None when it is gone."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in ("Z", "X") else None


def descendants(pid: int) -> set[int]:
    """The processes below one, whatever their groups and sessions."""
    parents = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    found = {pid}
    while more := {child for child, fields in parents.items() if fields and int(fields[1]) in found} - found:
        found |= more
    return found - {pid}


def _stat(pid: int) -> list[str]:
    """What the kernel says of a process, from its state on; nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


@contextmanager
def controller(folder: Path, scenario: Mapping[str, Any] | str, *, time_factor: float = 40) -> Iterator[Site]:
    """Run a fleet of a scenario (its content, or the name of a built-in one) for as long as the block runs."""
    if not isinstance(scenario, str):
        file = folder / "scenario.json"
        file.write_text(json.dumps(scenario))
        scenario = str(file)
    with simulated_fleet(folder / "fleet", "--scenario", scenario, "--time-factor", str(time_factor)) as fleet:
        yield Site(fleet, folder)
