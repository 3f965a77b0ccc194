# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays over the inventory of instances: modules of apps find node and app there, as on nodes and on localhost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.support import BIN, PlaybookRun, Site, controller
from tests.simulator.keys import Person
from tests.tools.simulated_fleet import ROOT

OWNER = Person.named("app owner")
TIDE, PLAIN = "TideBoard", "PlainTide"
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": TIDE, "owner": "@app owner", "components": ["web", "cache"], "version": 8},
        {"name": PLAIN, "owner": "@app owner", "version": 3},
        {"name": "FarShore", "owner": "@another owner", "components": ["web"], "version": 8},
    ],
    "nodes": [
        {"host": 1, "version": "8.20.0", "apps": [TIDE, PLAIN, "FarShore"]},
        {"host": 1, "version": "8.18.0", "apps": [TIDE]},
        {"host": 2, "version": "8.17.0", "apps": [PLAIN]},
        {"host": 3, "version": "8.20.0"},
    ],
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with controller(tmp_path, SCENARIO, time_factor=60) as running:
        yield running


@pytest.fixture(params=["newest", pytest.param("2.16", marks=pytest.mark.core216)])
def bin_folder(request: pytest.FixtureRequest) -> Path:
    """Where the commands of a release of ansible-core are."""
    return Path(request.getfixturevalue("core216")) if request.param == "2.16" else BIN


def instance(site: Site, app: str, number: int) -> str:
    """The inventory's name of an instance, by the number of its node in the scenario."""
    return f"{app.lower()}-{site.name(site.addresses[number])}"


def run(site: Site, hosts: str, *tasks: dict[str, Any], bin_folder: Path, **source: Any) -> PlaybookRun:
    """A play of the apps' owner over the hosts of one source. Each task's result is printed as a line of JSON."""
    path = site.folder / "apps.fluxos.yml"
    path.write_text(yaml.safe_dump({"plugin": "fluxme.fluxos.fluxos", "gateway": [site.fleet.gateway], **source}))
    key = site.folder / "owner.key"
    key.touch(mode=0o600)
    key.write_text(OWNER.wif + "\n")
    told = {
        "name": "Tell",
        "ansible.builtin.debug": {"msg": "TOLD {{ [inventory_hostname, result] | to_json }}"},
    }
    steps = [step for task in tasks for step in ({"name": "Do", "register": "result", **task}, told)]
    play = {"name": "Work on instances", "hosts": hosts, "gather_facts": False, "tasks": steps}
    playbook = site.folder / "play.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    return site.run(
        playbook=playbook,
        inventory=path,
        bin_folder=bin_folder,
        environment={"FLUXOS_PRIVATE_KEY_FILE": str(key), "FLUXOS_GATEWAY": site.fleet.gateway},
    )


def told(done: PlaybookRun) -> list[tuple[str, dict[str, Any]]]:
    """Host and result of each task."""
    lines = [line.strip().partition('"msg": ')[2] for line in done.stdout.splitlines() if '"msg": "TOLD ' in line]
    return [tuple(json.loads(json.loads(line).removeprefix("TOLD "))) for line in lines]


INFO: dict[str, Any] = {"fluxme.fluxos.app_instance_info": {}}


def test_a_play_over_all_instances_of_an_owner(site: Site, bin_folder: Path) -> None:
    stop: dict[str, Any] = {"fluxme.fluxos.app_instance": {"state": "stopped", "wait_interval": 0.2}}
    done = run(site, "fluxos_apps", INFO, stop, INFO, bin_folder=bin_folder, app_owners=[OWNER.flux_id], strict=True)
    assert (done.code, done.stderr) == (0, ""), done.told
    assert "[WARNING]" not in done.stdout, done.told
    places = {(TIDE, 0), (TIDE, 1), (PLAIN, 0), (PLAIN, 2)}
    assert set(done.recap) == {instance(site, app, number) for app, number in places}
    assert {counts["changed"] for counts in done.recap.values()} == {1}
    seen: dict[str, list[list[str]]] = {}
    for host, result in told(done):
        if "instance" in result and "components" in result["instance"]:
            row = result["instance"]
            assert host == f"{row['app'].lower()}-{site.name(row['address'])}"
            seen.setdefault(host, []).append([part["state"] for part in row["components"]])
    before_and_after = {host: [states[0], states[-1]] for host, states in seen.items()}
    assert before_and_after == {
        instance(site, app, number): [[state] * (2 if app == TIDE else 1) for state in ("running", "exited")]
        for app, number in places
    }
    stops = {
        (line["path"].rpartition("/")[2], line["node"]) for line in done.writes if "/apps/appstop/" in line["path"]
    }
    assert stops == {
        *((f"{part}_{TIDE}", site.addresses[number]) for part in ("web", "cache") for number in (0, 1)),
        *((PLAIN, site.addresses[number]) for number in (0, 2)),
    }
    # Another owner's app on the same node is as it was.
    far = site.node(site.addresses[0])["instances"]["FarShore"]["containers"]
    assert {container["state"] for container in far.values()} == {"running"}


def test_a_play_over_nodes_names_the_app_and_one_on_localhost_the_node_too(site: Site, bin_folder: Path) -> None:
    nodes = [site.addresses[0], site.addresses[1]]
    named: dict[str, Any] = {"fluxme.fluxos.app_instance_info": {"app": TIDE}}
    done = run(site, "fluxos_nodes", named, bin_folder=bin_folder, nodes=nodes, apps=[PLAIN])
    assert (done.code, done.stderr) == (0, ""), done.told
    found = {host: (row["instance"]["app"], row["instance"]["address"]) for host, row in told(done)}
    assert found == {site.name(node): (TIDE, node) for node in nodes}

    here: dict[str, Any] = {"fluxme.fluxos.app_instance_info": {"app": TIDE, "node": nodes[1]}}
    done = run(site, "localhost", here, bin_folder=bin_folder, apps=[PLAIN])
    assert (done.code, done.stderr) == (0, ""), done.told
    assert [(host, row["instance"]["address"]) for host, row in told(done)] == [("localhost", nodes[1])]

    # A task on the host of an instance may name another app on the same node.
    done = run(site, f"{instance(site, PLAIN, 0)}", named, bin_folder=bin_folder, apps=[PLAIN])
    assert [row["instance"]["app"] for _host, row in told(done)] == [TIDE], done.told


def test_all_modules_of_apps_and_the_playbooks_take_instances(site: Site, bin_folder: Path) -> None:
    command: dict[str, Any] = {"fluxme.fluxos.app_exec": {"component": "web", "command": "hostname"}}
    log: dict[str, Any] = {"fluxme.fluxos.app_log": {"component": "web", "lines": 5}}
    backups: dict[str, Any] = {"fluxme.fluxos.app_backup": {"state": "listed"}}
    done = run(site, "fluxos_app_tideboard", command, log, backups, bin_folder=bin_folder, apps=[TIDE])
    assert (done.code, done.stderr) == (0, ""), done.told
    results: dict[str, list[dict[str, Any]]] = {}
    for host, result in told(done):
        results.setdefault(host, []).append(result)
    assert set(results) == {instance(site, TIDE, number) for number in (0, 1)}
    assert {len(each) for each in results.values()} == {3}
    assert {each[0]["stdout"] for each in results.values()} == {"web"}

    logs = site.run(
        playbook=ROOT / "playbooks" / "collect_logs.yml",
        inventory=site.folder / "apps.fluxos.yml",
        bin_folder=bin_folder,
        environment={"FLUXOS_PRIVATE_KEY_FILE": str(site.folder / "owner.key")},
    )
    assert logs.code == 0, logs.told
    index = json.loads((site.folder / "fluxos-logs" / "index.json").read_text())
    assert [(row["app"], row["address"]) for row in index] == [(TIDE, site.addresses[number]) for number in (0, 1)]


def test_the_graph_of_instances(site: Site, bin_folder: Path) -> None:
    done = run(site, "all", INFO, bin_folder=bin_folder, apps=[TIDE, PLAIN])
    assert done.code == 0, done.told
    graph = subprocess.run(
        [bin_folder / "ansible-inventory", "-i", site.folder / "apps.fluxos.yml", "--graph", "fluxos_apps"],
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert graph.stderr == ""
    assert graph.stdout.splitlines() == [
        "@fluxos_apps:",
        "  |--@fluxos_app_plaintide:",
        f"  |  |--{instance(site, PLAIN, 0)}",
        f"  |  |--{instance(site, PLAIN, 2)}",
        "  |--@fluxos_app_tideboard:",
        f"  |  |--{instance(site, TIDE, 0)}",
        f"  |  |--{instance(site, TIDE, 1)}",
    ]
