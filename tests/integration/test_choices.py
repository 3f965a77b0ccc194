# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a user chooses: limits, tags, names, uptimes, inventories; and a module that is run twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.judge import restarted
from tests.integration.scenarios import DAY, OLD, SHORT, Plot
from tests.integration.support import PlaybookRun, Site, controller

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two outdated nodes, one that runs for long, one that is named, and two that nothing is wrong with."""
    plot = Plot(timings=SHORT)
    for _unused in range(2):
        plot.add("restart", uptime=3 * DAY, **OLD)
    plot.add("long_running", uptime=20 * DAY)
    plot.add("named", uptime=3 * DAY)
    for _unused in range(2):
        plot.add("not_outdated", uptime=3 * DAY, tier="STRATUS", arcane=True)
    with controller(tmp_path_factory.mktemp("choices"), plot.scenario(), time_factor=10) as running:
        yield running


#: In a limited fleet the newest version is not there to be compared with.
NEWER = {"fluxos_target_version": "8.20.0"}


def planned(run: PlaybookRun) -> dict[str, str]:
    """The nodes that would be restarted, with the reason."""
    assert run.code == 0, run.told
    assert run.writes == []
    return {address: node["reason"] for address, node in run.rows.items() if node["result"] == "planned"}


def test_a_limit_leaves_other_hosts_out_of_everything(site: Site) -> None:
    chosen = [site.addresses[0], site.addresses[4]]
    run = site.check("--limit", ":".join(site.names(chosen)))
    assert planned(run) == {site.addresses[0]: "outdated"}
    assert sorted(run.rows) == sorted(chosen)
    asked = {line["node"] for line in run.journal if line["kind"] == "request"} - {"gateway"}
    assert asked == set(chosen)


def test_names_and_uptimes_come_on_top_of_what_is_outdated(site: Site) -> None:
    run = site.check(extra={"fluxos_names": [site.name(site.addresses[3])], "fluxos_max_uptime": "14d"})
    first, second, third, fourth = site.addresses[:4]
    assert planned(run) == {first: "outdated", second: "outdated", third: "long_running", fourth: "named"}
    assert run.report["criteria"] == {
        "target_version": "8.20.0",
        "max_uptime": "14d",
        "names": [site.name(fourth)],
    }


def test_uptimes_alone_when_the_version_does_not_matter(site: Site) -> None:
    run = site.check(extra={"fluxos_target_version": "", "fluxos_max_uptime": "14d"})
    assert planned(run) == {site.addresses[2]: "long_running"}


def test_an_older_target_is_not_outdated(site: Site) -> None:
    run = site.check(extra={"fluxos_target_version": "8.18.0"})
    assert planned(run) == {}


def test_a_name_of_nobody_is_refused(site: Site) -> None:
    run = site.check("--extra-vars", f"fluxos_names=nobody,{site.name(site.addresses[3])}")
    assert run.code != 0
    assert (
        "nobody: named in node_preflight_names (fluxos_names in the playbook), but no host of this play" in run.stdout
    )


def test_the_whole_network_is_refused_unless_it_is_limited(site: Site) -> None:
    inventory = site.fleet.folder / "network.fluxos.yml"
    inventory.write_text(yaml.safe_dump({"plugin": "fluxme.fluxos.fluxos", "gateway": [site.fleet.gateway]}))
    refused = site.run(inventory=inventory)
    assert refused.code != 0
    assert (
        "The inventory holds every node of the network, and none of its owners asked for a restart." in refused.stdout
    )
    assert refused.writes == []
    assert not list(site.state_dir.rglob("plan.json"))
    limited = site.check("--limit", site.name(site.addresses[0]), inventory=inventory)
    assert limited.code == 0, limited.told


def test_without_the_tag_of_the_restarts_there_is_a_plan_and_nothing_more(site: Site) -> None:
    run = site.run("--skip-tags", "restart")
    assert planned(run) == dict.fromkeys(site.addresses[:2], "outdated")
    assert (run.report["status"], run.report["changed"]) == ("finished", False)
    assert not list(run.state.rglob("lock.json"))


def test_what_is_named_is_restarted_and_nothing_else(site: Site) -> None:
    chosen = site.addresses[3]
    run = site.run("--tags", "restart", extra={"fluxos_target_version": "", "fluxos_names": [site.name(chosen)]})
    assert run.code == 0, run.told
    assert restarted(run.journal) == [chosen]
    assert {line["node"] for line in run.writes} == {chosen}
    assert run.report["counts"] == {"restarted": 1, "skipped": 5}


def test_an_override_is_carried_out_and_named_beside_the_node(site: Site) -> None:
    chosen, other = site.addresses[:2]
    site.fault(chosen, kind="dos", state=4)
    run = site.run("--limit", ":".join(site.names([chosen, other])), extra={"fluxos_override_dos": True, **NEWER})
    assert run.code == 0, run.told
    assert set(restarted(run.journal)) == {chosen, other}
    assert run.report["overrides"] == ["dos"]
    assert {address: row["overridden"] for address, row in run.rows.items()} == {chosen: ["dos"], other: []}
    assert "Gates overridden by the operator: dos." in (run.reports / "report.md").read_text()


PLAYBOOK: list[dict[str, Any]] = [
    {
        "hosts": "fluxos_nodes",
        "gather_facts": False,
        "tasks": [
            {"name": "Look at it", "fluxme.fluxos.node_info": {}, "register": "seen"},
            *(
                {
                    "name": f"Restart it, {turn} time",
                    "fluxme.fluxos.node_restart": {**limit, "wait_interval": 0.2},
                    "register": turn,
                }
                for turn, limit in (
                    ("first", {"before": "{{ seen.node.process }}"}),
                    ("second", {"before": "{{ seen.node.process }}"}),
                    ("third", {"not_after": "{{ seen.node.process.node_time | string }}"}),
                )
            ),
            {
                "name": "Say what came of it",
                "ansible.builtin.debug": {
                    "msg": "{{ [first, second, third] | map(attribute='changed') | list }} "
                    "{{ [second, third] | map(attribute='reason') | list }}"
                },
            },
        ],
    }
]


def test_node_restart_restarts_a_process_once(site: Site, tmp_path: Path) -> None:
    """With ``before`` or ``not_after`` a second task, or a second run, finds that it was done."""
    playbook = tmp_path / "restart.yml"
    playbook.write_text(yaml.safe_dump(PLAYBOOK, sort_keys=False))
    chosen = site.addresses[2]
    run = site.run("--limit", site.name(chosen), playbook=playbook)
    assert run.code == 0, run.told
    assert "[True, False, False] ['already_restarted', 'already_restarted']" in run.stdout
    assert restarted(run.journal) == [chosen]
    assert [line["path"] for line in run.writes].count("/flux/restart") == 1
