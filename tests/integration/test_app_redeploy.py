# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``app_redeploy``: one instance after another, each proved healthy before the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.support import BIN, PlaybookRun, Site, controller

APP = "TideBoard"
REDEPLOY = f"/apps/redeploy/{APP}"
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": APP, "owner": "@app owner", "components": ["web", {"name": "db", "data": "g:/data"}], "version": 8}
    ],
    "nodes": [
        {"version": "8.20.0", "apps": [APP]},
        {"version": "8.18.0", "apps": [APP]},
        {"version": "8.17.0", "apps": [APP]},
    ],
}
QUICK: dict[str, Any] = {
    "app_redeploy_wait_interval": 1,
    "app_redeploy_wait_timeout": 20,
    "app_redeploy_probe_timeout": 2,
    # The nodes' clocks run fast.
    "app_redeploy_stable_seconds": 30,
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with controller(tmp_path, SCENARIO, time_factor=60) as running:
        yield running


@pytest.fixture(params=["newest", pytest.param("2.16", marks=pytest.mark.core216)])
def bin_folder(request: pytest.FixtureRequest) -> Path:
    """Where the commands of a release of ansible-core are."""
    return Path(request.getfixturevalue("core216")) if request.param == "2.16" else BIN


def run(site: Site, *arguments: str, bin_folder: Path = BIN, **variables: Any) -> PlaybookRun:
    """A play over all instances, one after another, by the owner of the app."""
    key = site.folder / "owner.key"
    key.touch(mode=0o600)
    key.write_text(site.fleet.state["owners"][0]["wif"] + "\n")
    hosts = {site.name(address): {"fluxos_node": address, "fluxos_app": APP} for address in site.addresses}
    inventory = site.folder / "instances.yml"
    inventory.write_text(yaml.safe_dump({"instances": {"hosts": hosts}}, sort_keys=False))
    play = {
        "name": "Redeploy the instances",
        "hosts": "instances",
        "gather_facts": False,
        "serial": 1,
        "any_errors_fatal": True,
        "roles": ["fluxme.fluxos.app_redeploy"],
        "vars": {**QUICK, **variables},
    }
    playbook = site.folder / "redeploy.yml"
    playbook.write_text(yaml.safe_dump([play]))
    return site.run(
        *arguments,
        playbook=playbook,
        inventory=inventory,
        bin_folder=bin_folder,
        environment={"FLUXOS_PRIVATE_KEY_FILE": str(key)},
    )


def redeployed(done: PlaybookRun) -> list[str]:
    return [line["node"] for line in done.writes if line["path"] == REDEPLOY]


def states(site: Site, address: str) -> Mapping[str, Any]:
    containers = site.node(address)["instances"][APP]["containers"]
    return {name: each["state"] for name, each in containers.items()}


@pytest.mark.slow
def test_one_after_another_each_asked_before_the_next(site: Site, bin_folder: Path) -> None:
    # The pages of the nodes themselves stand for that of the app.
    done = run(
        site,
        app_redeploy_probe_url="http://{{ fluxos_node | regex_replace(':16127$', ':16126') }}/health",
        app_redeploy_probe_port=16127,
        app_redeploy_probe_command=["test", "-d", "/"],
        app_redeploy_probe_component="web",
        bin_folder=bin_folder,
    )
    assert done.code == 0, done.told
    assert redeployed(done) == site.addresses
    assert {counts["changed"] for counts in done.recap.values()} == {1}
    assert [states(site, address)["fluxweb_TideBoard"] for address in site.addresses] == ["running"] * 3
    assert "[WARNING]" not in done.stdout + done.stderr, done.told

    again = run(site, app_redeploy_only_outdated=True, bin_folder=bin_folder)
    assert (again.code, redeployed(again)) == (0, []), again.told


def test_check_mode_tells_what_would_be_done_and_does_not_wait_for_it(site: Site) -> None:
    done = run(site, "--check", app_redeploy_probe_port=9)
    assert (done.code, done.writes) == (0, []), done.told
    assert {counts["changed"] for counts in done.recap.values()} == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"app_redeploy_probe_port": 9},
        {"app_redeploy_probe_url": "http://127.0.0.1:9/"},
        {"app_redeploy_probe_command": "exit 3", "app_redeploy_probe_component": "web"},
    ],
    ids=["port", "url", "command"],
)
def test_what_does_not_serve_ends_the_play_at_the_first(site: Site, variables: dict[str, Any]) -> None:
    done = run(site, **variables)
    assert done.code != 0, done.told
    assert redeployed(done) == site.addresses[:1]


@pytest.mark.slow
def test_what_does_not_stay_up_is_named(site: Site) -> None:
    done = run(site, app_redeploy_stable_seconds=100000, app_redeploy_wait_timeout=3)
    assert done.code != 0, done.told
    assert redeployed(done) == site.addresses[:1]
    assert (
        f"{site.addresses[0]}: wait until {APP} is healthy: not so after 3 s; last seen: web_{APP}: Up" in done.stdout
    )
    assert "db_" not in done.stdout.partition("last seen: ")[2].partition("Look at")[0], "a standby is healthy"


@pytest.mark.slow
def test_a_redeploy_that_costs_the_app_ends_the_play_and_says_that_data_are_gone(site: Site) -> None:
    site.fault(site.addresses[2], kind="redeploy_fails", phase="install", message="no room")
    done = run(site)
    assert done.code != 0, done.told
    assert redeployed(done) == site.addresses
    assert "the redeploy failed and the app is no longer on this node, its data there are gone: no room" in done.stdout


@pytest.mark.slow
def test_the_standbys_of_an_enterprise_app_are_those_that_its_owner_names(tmp_path: Path) -> None:
    encrypted = {**SCENARIO["apps"][0], "enterprise": True}
    with controller(tmp_path, {"apps": [encrypted], "nodes": SCENARIO["nodes"][:2]}, time_factor=60) as site:
        unnamed = run(site, app_redeploy_wait_timeout=6)
        named = run(site, app_redeploy_standbys=["db"])
    assert unnamed.code != 0, unnamed.told
    assert f"last seen: db_{APP}: " in unnamed.stdout
    assert (named.code, redeployed(named)) == (0, site.addresses), named.told
