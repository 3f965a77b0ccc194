# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each gate alone holds a node back, and one that cannot be evaluated does too; an override by name lets it go.

One fleet, whose clocks run as ours do so that nothing passes by itself: each node has one obstacle, or one endpoint
that gives something else than FluxOS would.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.judge import restarted
from tests.integration.scenarios import LIMITED, Plot
from tests.integration.support import HANGS_AFTER, PlaybookRun, Site, controller

pytestmark = pytest.mark.slow

GATES = ["daemon", "explorer", "confirmed", "dos", "slack", "benchmark", "health", "boot", "restart_path", "apps"]


@dataclass(frozen=True)
class Case:
    """One node: what is wrong with it, and what the report has to say."""

    name: str
    reason: str
    says: str
    gates: tuple[str, ...]
    """The gates that fail; a dead daemon takes others with it."""
    keys: dict[str, Any]


def obstacle(name: str, reason: str, says: str, *gates: str, **keys: Any) -> Case:
    return Case(name, reason, says, gates, keys)


def spoiled(name: str, reason: str, says: str, gates: str, path: str, kind: str, **options: Any) -> Case:
    """One endpoint of the node is broken."""
    fault = {"kind": kind, "path": path, **options}
    return Case(name, reason, says, tuple(gates.split()), {"faults": [fault]})


def json_answer(text: str) -> dict[str, Any]:
    """Options of a fault that answers JSON of somebody's own."""
    return {"status": 200, "content_type": "application/json", "body": text}


CASES = [
    # Unsafe.
    obstacle(
        "daemon down",
        "daemon_unreachable",
        "connect ECONNREFUSED 127.0.0.1:16124",
        *("daemon", "explorer", "confirmed", "slack"),
        faults=[{"kind": "daemon_down"}],
    ),
    obstacle(
        "daemon behind",
        "daemon_behind",
        "behind the network's",
        *("daemon", "explorer"),
        faults=[{"kind": "daemon_syncing", "behind": 40}],
    ),
    obstacle("explorer behind", "explorer_behind", "not reached the tip", "explorer", faults=[{"kind": "explorer"}]),
    obstacle("started", "not_confirmed", "its status is `STARTED`", "confirmed", status="STARTED"),
    obstacle("expired", "not_confirmed", "its status is `expired`", "confirmed", status="expired"),
    obstacle("DOS state", "dos", "its DOS state is 4 (no message)", "dos", dos={"state": 4, "message": None}),
    obstacle("DOS message", "dos", f"its DOS state is 0 (`{LIMITED}`)", "dos", "health", dos={"message": LIMITED}),
    obstacle("slack", "slack", "blocks left, 40 needed", "slack", confirmation_age=465),
    obstacle(
        "due",
        "confirmation_due",
        "past 500 blocks: it is about to confirm",
        "slack",
        confirmation_age=505,
        reconfirm_at=519,
    ),
    obstacle("benchmarking", "benchmarking", "its benchmark is running", "benchmark", benchmark="running"),
    obstacle("benchmark failed", "benchmark_failed", "its benchmark says `failed`", "benchmark", benchmark="failed"),
    obstacle(
        "unhealthy",
        "unhealthy",
        "`Node hardware requirements not met`",
        "health",
        faults=[{"kind": "health", "check": "hardware"}],
    ),
    obstacle("booting", "booting", "still starting its apps", "boot", faults=[{"kind": "boot_stuck"}]),
    obstacle("ArcaneOS", "no_restart_path", "it runs ArcaneOS", "restart_path", arcane=True),
    obstacle("only instance", "only_instance", "no other node runs LoneLight", "apps", apps=("LoneLight",)),
    obstacle("app budget", "app_budget", "ThinIce (1 elsewhere, 2 needed", "apps", apps=("ThinIce",)),
    obstacle("silent others", "only_instance", "no other node runs DeafBay", "apps", apps=("DeafBay",)),
    # Not to be judged.
    obstacle("gone", "unreachable", "connection refused", faults=[{"kind": "unreachable"}]),
    spoiled("no version", "unreachable", "its version could not be read", "", "/flux/version", "html"),
    spoiled("no uptime", "unreachable", "its uptime could not be read", "", "/flux/uptime", "http_error", status=502),
    spoiled("height in HTML", "daemon_unreachable", "getblockcount", "daemon slack", "/daemon/getblockcount", "html"),
    spoiled("half an explorer", "cannot_evaluate", "/explorer/issynced", "explorer", "/explorer/issynced", "truncate"),
    spoiled(
        "explorer of words",
        "cannot_evaluate",
        "/explorer/issynced",
        "explorer",
        "/explorer/issynced",
        "http_error",
        **json_answer('{"status":"success","data":"soon"}'),
    ),
    spoiled(
        "no status",
        "cannot_evaluate",
        "whether it is confirmed cannot be judged",
        "confirmed slack",
        "/daemon/getfluxnodestatus",
        "http_error",
        status=500,
    ),
    spoiled("DOS in HTML", "cannot_evaluate", "its DOS state cannot be judged", "dos", "/flux/dosstate", "html"),
    spoiled("DOS resets", "cannot_evaluate", "its DOS state cannot be judged", "dos", "/flux/dosstate", "reset"),
    spoiled("benchmark stalls", "cannot_evaluate", "its benchmark", "benchmark", "/benchmark/getstatus", "stall"),
    spoiled(
        "benchmark is no JSON",
        "cannot_evaluate",
        "its benchmark",
        "benchmark",
        "/benchmark/getbenchmarks",
        "http_error",
        **json_answer('{"status":'),
    ),
    spoiled("no health", "cannot_evaluate", "/flux/health", "health", "/flux/health", "http_error", status=500),
    spoiled("boot in HTML", "cannot_evaluate", "still starting its apps", "boot", "/apps/appstart/x", "html"),
    spoiled(
        "no word of ArcaneOS",
        "cannot_evaluate",
        "whether it runs ArcaneOS",
        "restart_path",
        "/flux/isarcaneos",
        "http_error",
        status=502,
    ),
    spoiled("half the apps", "cannot_evaluate", "which apps it hosts", "apps", "/apps/installedapps", "truncate"),
    obstacle("unlisted", "cannot_evaluate", "where else its apps run cannot be judged", "apps", apps=("LostPier",)),
]
SHORT = {"down": 1.0, "database": 0.3, "explorer": 0.5, "boot": 1.0, "peers": 2.0}


def plot_of_cases() -> Plot:
    """The cases in order, then one node that nothing holds, then nodes that are up to date and host their apps."""
    plot = Plot(timings=SHORT)
    for case in CASES:
        plot.add(case.reason, **{"confirmation_age": 50, **case.keys})
    plot.add("restart", confirmation_age=50, disk_version="8.21.0")
    others = [
        plot.add("not_outdated", version="8.21.0", tier="STRATUS", arcane=True, confirmation_age=50)
        for _unused in range(2)
    ]
    stopped, deaf = (plot.add("not_outdated", version="8.21.0", confirmation_age=50) for _unused in range(2))
    plot.host(others[0], "ThinIce", "LostPier")
    plot.host(others[1], "LostPier")
    plot.host(stopped, "ThinIce")
    plot.nodes[stopped]["stopped"] = ["fluxweb_ThinIce"]
    plot.host(deaf, "DeafBay")
    plot.nodes[deaf]["faults"] = [{"kind": "html", "path": "/apps/list*apps"}]
    return plot


@dataclass(frozen=True)
class Runs:
    """A real run, and two in check mode: all gates overridden, and no height of the network to be had."""

    addresses: list[str]
    real: PlaybookRun
    overridden: PlaybookRun
    blind: PlaybookRun

    def address(self, case: Case) -> str:
        return self.addresses[CASES.index(case)]

    @property
    def healthy(self) -> str:
        return self.addresses[len(CASES)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    # What nodes are older than; the sick ones are many here, and not what this is about.
    wanted = {"fluxos_target_version": "8.21.0", "fluxos_max_sick": "100%"}
    with controller(tmp_path_factory.mktemp("gates"), plot_of_cases().scenario(), time_factor=1) as site:
        inventory = site.static_inventory()
        site.control(f"/nodes/{site.addresses[_position('booting')]}/restart", {"down_seconds": 0})
        site.fault("gateway", kind="http_error", path="/apps/location/lostpier", status=500)
        _wait_until_up(site, site.addresses[_position("booting")])

        def run(*arguments: str, **more: Any) -> PlaybookRun:
            return site.run(
                *arguments,
                inventory=inventory,
                extra={**wanted, **more},
                environment={"FLUXOS_TIMEOUT": "3", "FLUXOS_RETRIES": "1"},
            )

        # In as few waves as possible: they are not what this is about.
        quick = {"fluxos_cap": "100%", "fluxos_canary": False}
        overridden = run("--check", **quick, **{f"fluxos_override_{gate}": True for gate in GATES})
        real = run()
        site.fault("gateway", kind="html", path="/daemon/getblockcount")
        yield Runs(site.addresses, real, overridden, run("--check"))


def _position(name: str) -> int:
    return next(at for at, case in enumerate(CASES) if case.name == name)


def _wait_until_up(site: Site, address: str) -> None:
    """Return when a node that was just restarted says that its explorer is synced."""
    deadline = time.monotonic() + HANGS_AFTER
    while not site.node(address)["explorer_synced"] and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_node_is_held_back_with_its_reason(runs: Runs, case: Case) -> None:
    row = runs.real.rows[runs.address(case)]
    assert (row["decision"], row["result"], row["reason"]) == ("hold", "held", case.reason), row["message"]
    assert case.says in row["message"]


@pytest.mark.parametrize("case", [case for case in CASES if case.gates], ids=lambda case: case.name)
def test_nothing_but_that_gate_holds_it(runs: Runs, case: Case) -> None:
    """With the gates overridden it would be restarted, and the report names exactly those that mattered."""
    row = runs.overridden.rows[runs.address(case)]
    assert row["decision"] == "restart", row["message"]
    assert row["overridden"] == list(case.gates)


@pytest.mark.parametrize("case", [case for case in CASES if not case.gates], ids=lambda case: case.name)
def test_a_node_that_does_not_answer_cannot_be_forced(runs: Runs, case: Case) -> None:
    assert runs.overridden.rows[runs.address(case)]["reason"] == "unreachable"


def test_overrides_are_in_the_report(runs: Runs) -> None:
    assert runs.overridden.report["overrides"] == GATES
    assert "Gates overridden by the operator: daemon, explorer," in (runs.overridden.reports / "report.md").read_text()
    assert "overridden gates: daemon, explorer," in runs.overridden.stdout
    assert runs.real.report["overrides"] == []


def test_held_back_nodes_are_not_touched(runs: Runs) -> None:
    assert (runs.real.code, runs.real.stderr) == (0, ""), runs.real.told
    assert restarted(runs.real.journal) == [runs.healthy]
    assert {line["node"] for line in runs.real.writes} == {runs.healthy}
    assert runs.real.rows[runs.healthy]["result"] == "restarted"


def test_without_the_networks_height_nobody_is_restarted(runs: Runs) -> None:
    row = runs.blind.rows[runs.addresses[_position("slack")]]
    assert row["reason"] == "cannot_evaluate"
    assert "how far its daemon is cannot be judged" in row["message"]
    assert "planned" not in runs.blind.results().values()


def test_check_mode_wrote_nothing(runs: Runs) -> None:
    assert runs.overridden.code == 0, runs.overridden.told
    assert runs.blind.code == 0, runs.blind.told
    assert runs.overridden.writes == []
    assert runs.blind.writes == []
