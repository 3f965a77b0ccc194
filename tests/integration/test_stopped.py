# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a run: a node that does not come back healthy, too many sick nodes, a used-up error budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.judge import restarted
from tests.integration.scenarios import OLD, SHORT, Plot
from tests.integration.support import BIN, PlaybookRun, Site, controller

pytestmark = pytest.mark.slow

#: A node takes about 2 s of ours to come back; one that lacks something is given up after this.
PATIENCE = {"fluxos_wait_timeout": 8, "fluxos_max_sick": 2}


@dataclass(frozen=True)
class Trouble:
    """What a node lacks after its restart, and the words in which the run has to say so."""

    name: str
    fault: dict[str, Any]
    says: str
    canary: bool = True
    """Whether the first node of all has it, or one of the second wave."""
    reason: str = "not_healthy_again"


def after(**fault: Any) -> dict[str, Any]:
    """A fault that begins with the node's next start."""
    return {"kind": "unhealthy_after_restart", "what": fault}


TROUBLES = [
    Trouble("does not come back", {"kind": "never_up"}, "connection refused", reason="restart_failed"),
    Trouble(
        "health keeps failing",
        after(kind="health", check="hardware"),
        "its own health check to be green (saw: its own health check failed: `Node hardware requirements not met`)",
    ),
    Trouble(
        "not confirmed",
        after(kind="status", value="STARTED"),
        "its status to be CONFIRMED (saw: its status is `STARTED`, not CONFIRMED",
    ),
    Trouble("explorer never syncs", after(kind="explorer"), "its explorer to be synced (saw: its explorer has not"),
    Trouble(
        "container does not come back",
        after(kind="container", name="fluxweb_TideBoard"),
        "every app container that ran before to run again (saw: fluxweb_TideBoard ",
        canary=False,
    ),
    Trouble(
        "no peers",
        after(kind="peers", out=3),
        "its communication with peers to be established (saw: `Not enough outgoing connections",
    ),
]


def small_fleet(count: int, faults: dict[int, dict[str, Any]], current: int = 3) -> Plot:
    """``count`` outdated nodes with the faults by position, then some that are up to date and host the apps too."""
    plot = Plot(timings=SHORT)
    for at in range(count):
        plot.add("restart", faults=[faults[at]] if at in faults else [], **OLD)
    others = [plot.add("not_outdated", tier="STRATUS", arcane=True) for _unused in range(current)]
    for position in (2, *others[:2]):
        plot.host(position, "TideBoard")
    return plot


def run(site: Site, bin_folder: Path = BIN, **extra: Any) -> PlaybookRun:
    return site.run(
        inventory=site.static_inventory(), extra={"fluxos_cap": 2, **PATIENCE, **extra}, bin_folder=bin_folder
    )


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_a_node_that_does_not_come_back_healthy_stops_the_run(tmp_path: Path, trouble: Trouble) -> None:
    stopped_by(tmp_path, trouble, BIN)


@pytest.mark.core216
def test_it_does_so_under_the_oldest_engine_too(tmp_path: Path, core216: Path) -> None:
    """How a failure in a wave of two ends the play is the engine's doing, and differed between releases."""
    (trouble,) = [trouble for trouble in TROUBLES if not trouble.canary]
    stopped_by(tmp_path, trouble, core216)


def stopped_by(folder: Path, trouble: Trouble, bin_folder: Path) -> None:
    """Run on a fleet with that trouble; hold it to what has to be said, kept and left alone."""
    at = 0 if trouble.canary else 2
    with controller(folder, small_fleet(5, {at: trouble.fault}).scenario(), time_factor=10) as site:
        done = run(site, bin_folder)
        addresses = site.addresses
    sick, name = addresses[at], site.name(addresses[at])
    assert done.code != 0, done.told
    # The message names the node, what was waited for and what was seen.
    (failure,) = [line for line in done.stdout.splitlines() if line.startswith(f"fatal: [{name}]: FAILED! =>")][-1:]
    assert sick in failure
    assert trouble.says in failure
    # Nothing after its wave was touched.
    reached = addresses[:1] if trouble.canary else addresses[:3]
    assert sorted(restarted(done.journal)) == reached
    assert {line["node"] for line in done.writes} == set(reached)
    # The report tells it, with what was known of the node before.
    assert (done.report["status"], done.results()[sick]) == ("failed", "failed")
    assert done.reasons()[sick] == trouble.reason
    assert trouble.says in done.rows[sick]["message"]
    assert trouble.says in done.report["stopped_because"]
    evidence = done.rows[sick]["evidence"]
    assert evidence["before"]["version"] == "8.18.0"
    assert trouble.says in evidence["error"]["said"]
    results = done.results()
    assert {results[address] for address in reached} - {"restarted"} == {"failed"}
    assert {results[address] for address in addresses[len(reached) : 5]} == {"planned"}
    assert "## Failed (1)" in (done.reports / "report.md").read_text()
    # And the next run is not kept out.
    assert not list(done.state.rglob("lock.json"))


def act_at_restart(site: Site, restarts: int, act: Callable[[], None], **extra: Any) -> PlaybookRun:
    """Run; do something to the fleet once so many restarts were asked for."""
    with site.start(inventory=site.static_inventory(), extra={"fluxos_cap": 2, **PATIENCE, **extra}) as running:
        running.wait_until(lambda journal: sum(line.get("path") == "/flux/restart" for line in journal) >= restarts)
        act()
        return running.wait()


def test_too_many_sick_nodes_that_are_not_ours_end_the_run(tmp_path: Path) -> None:
    plot = small_fleet(5, {}, current=5)
    with controller(tmp_path, plot.scenario(), time_factor=10) as site:
        addresses = site.addresses

        def trouble_elsewhere() -> None:
            for address in addresses[8:10]:
                site.fault(address, kind="dos", state=30)

        # While the second wave is at work. A tenth of ten: one may be sick, two are.
        done = act_at_restart(site, 2, trouble_elsewhere, fluxos_max_sick="10%")
        names = site.names(addresses)
        again = run(site, fluxos_max_sick="10%")
        planned = site.check(inventory=site.static_inventory(), extra={"fluxos_max_sick": "10%"})
        overruled = site.check(inventory=site.static_inventory(), extra={"fluxos_max_sick": 2})
    # The wave that was at work is finished, the next is not begun.
    assert done.code != 0, done.told
    assert sorted(restarted(done.journal)) == addresses[:3]
    assert [done.results()[address] for address in addresses[:5]] == ["restarted"] * 3 + ["planned"] * 2
    assert done.report["status"] == "failed"
    because = done.report["stopped_because"]
    assert because.startswith("2 of 10 nodes are sick, 1 may be: ")
    assert all(f"{name} (its DOS state is 30 (no message)" in because for name in names[8:10])
    assert because in done.stdout
    assert not list(done.state.rglob("lock.json"))
    # A fleet that is sick from the start is not touched at all, and check mode says so beforehand.
    assert again.code != 0, again.told
    assert again.writes == []
    assert "2 of 10 nodes are sick, 1 may be: " in again.report["stopped_because"]
    assert planned.code != 0, planned.told
    assert "2 of 10 nodes are sick, 1 may be: " in planned.stdout
    assert overruled.code == 0, overruled.told


def test_an_error_budget_of_one_lets_one_failure_pass_and_every_node_is_judged_again_at_its_turn(
    tmp_path: Path,
) -> None:
    """Also: a node that was safe when the plan was made and is not when its turn comes is held back."""
    plot = small_fleet(4, {0: {"kind": "restart_ignored"}})
    with controller(tmp_path, plot.scenario(), time_factor=10) as site:
        first, second, third, fourth = site.addresses[:4]
        done = act_at_restart(
            site, 1, lambda: site.fault(second, kind="dos", state=4), fluxos_error_budget=1, fluxos_wait_timeout=5
        )
    assert set(restarted(done.journal)) == {third, fourth}
    assert {line["node"] for line in done.writes} == {first, third, fourth}
    results = done.results()
    assert (results[first], done.reasons()[first]) == ("failed", "restart_failed")
    assert (results[second], done.reasons()[second]) == ("held", "dos")
    assert (results[third], results[fourth]) == ("restarted", "restarted")
    assert done.report["status"] == "finished"
    assert done.report["counts"] == {"failed": 1, "held": 1, "restarted": 2, "skipped": 3}
