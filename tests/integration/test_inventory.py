# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as users run it: ansible-inventory and ansible-playbook against a simulated network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fluxme.fluxos.plugins.inventory.fluxos import EXAMPLES
from tests.simulator.running import RunningSimulator

#: Whom the examples of the documentation are about.
OWNER = "t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge"
APP_OWNER = "1KYLwu5rScuYuLbnAHTXgR8KWfmjfDjK5s"
#: The gateway of nobody: this port of the loopback is not listened to.
DEAD = "http://127.0.0.1:9"

PORTS = range(16127, 16198, 10)
SCENARIO: dict[str, Any] = {
    "apps": [
        {"name": "TideBoard", "owner": "@app owner", "components": ["web", "cache"], "version": 8},
        {"name": "PierShop", "owner": "@app owner", "version": 3},
        {"name": "ReefMail", "owner": APP_OWNER, "components": ["web"], "version": 7},
    ],
    "nodes": [
        # Eight nodes behind one address, the first on the default port.
        *({"host": 1, "port": port, "tier": "NIMBUS"} for port in PORTS),
        {"host": 2, "tier": "CUMULUS", "payment_address": OWNER, "apps": ["TideBoard", "ReefMail"]},
        {"host": 3, "port": 16147, "tier": "STRATUS", "payment_address": OWNER},
        {"host": 4, "tier": "CUMULUS", "status": "expired"},
        {"host": 5, "tier": "CUMULUS", "faults": [{"kind": "daemon_down"}]},
        {"host": 6, "tier": "STRATUS", "apps": ["TideBoard", "PierShop"], "outdated": ["TideBoard"]},
    ],
}


@pytest.fixture(scope="module")
def fleet() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO) as simulator:
        yield simulator


def ip(fleet: RunningSimulator, host: int) -> str:
    """The address of a host of the scenario; the network's number differs from run to run."""
    return f"127.{fleet.fleet.network}.0.{host}"


def name(fleet: RunningSimulator, host: int, port: int = 16127) -> str:
    """The inventory's name of a node."""
    return f"127-{fleet.fleet.network}-0-{host}-{port}"


@pytest.fixture(params=["newest", pytest.param("2.16", marks=pytest.mark.core216)])
def bin_folder(request: pytest.FixtureRequest) -> Path:
    """Where the commands of a release of ansible-core are."""
    if request.param == "2.16":
        return Path(request.getfixturevalue("core216"))
    return Path(sys.executable).parent


def run(folder: Path, command: str, *arguments: str | Path, **environment: str) -> str:
    """Run a command of Ansible; return its output. It has to succeed and may say nothing on stderr, not warn either."""
    result = subprocess.run(
        [folder / command, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    return result.stdout


def write(folder: Path, **options: Any) -> Path:
    path = folder / "fleet.fluxos.yml"
    path.write_text(yaml.safe_dump({"plugin": "fluxme.fluxos.fluxos", **options}, sort_keys=False))
    return path


def test_list_graph_and_host_of_the_whole_network(fleet: RunningSimulator, tmp_path: Path, bin_folder: Path) -> None:
    path = write(tmp_path)
    environment = {"FLUXOS_GATEWAY": fleet.gateway}

    listed = json.loads(run(bin_folder, "ansible-inventory", "-i", path, "--list", **environment))
    hosts = listed["_meta"]["hostvars"]
    shared = [name(fleet, 1, port) for port in PORTS]
    assert sorted(listed["fluxos_shared_ip"]["hosts"]) == shared
    assert sorted(listed["fluxos_tier_nimbus"]["hosts"]) == shared
    assert listed["fluxos_tier_cumulus"]["hosts"] == [name(fleet, 2), name(fleet, 5)]
    assert sorted(listed["fluxos_status_confirmed"]["hosts"]) == sorted(listed["fluxos_nodes"]["hosts"])
    assert name(fleet, 4) not in hosts, "the list of the network holds confirmed nodes only"

    host = json.loads(run(bin_folder, "ansible-inventory", "-i", path, "--host", name(fleet, 3, 16147), **environment))
    assert host.pop("fluxos_last_confirmed_height") > 0
    assert host.pop("fluxos_collateral").count(":") == 1
    assert host == {
        "ansible_host": ip(fleet, 3),
        "fluxos_gateway": fleet.gateway,
        "fluxos_ip": ip(fleet, 3),
        "fluxos_node": f"{ip(fleet, 3)}:16147",
        "fluxos_payment_address": OWNER,
        "fluxos_port": 16147,
        "fluxos_scope": "network",
        "fluxos_status": "CONFIRMED",
        "fluxos_tier": "STRATUS",
    }

    graph = run(bin_folder, "ansible-inventory", "-i", path, "--graph", "fluxos_tier_cumulus", **environment)
    assert graph == f"@fluxos_tier_cumulus:\n  |--{name(fleet, 2)}\n  |--{name(fleet, 5)}\n"


def test_a_playbook_reaches_nodes_without_a_connection(
    fleet: RunningSimulator, tmp_path: Path, bin_folder: Path
) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        yaml.safe_dump(
            [
                {
                    "name": "Show the nodes",
                    "hosts": "fluxos_tier_stratus",
                    "gather_facts": False,
                    "tasks": [
                        {
                            "name": "Show a node",
                            "ansible.builtin.debug": {"msg": "{{ fluxos_node }} of {{ fluxos_scope }}"},
                        }
                    ],
                }
            ]
        )
    )
    path = write(tmp_path, gateway=[fleet.gateway], owners=[OWNER])
    output = run(bin_folder, "ansible-playbook", "-i", path, playbook)
    assert f"{ip(fleet, 3)}:16147 of owner" in output


def test_a_cache_hit_sends_no_request(fleet: RunningSimulator, tmp_path: Path, bin_folder: Path) -> None:
    path = write(
        tmp_path,
        gateway=[DEAD, fleet.gateway],
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(tmp_path / "cache"),
    )
    before = len(fleet.requests())
    first = run(bin_folder, "ansible-inventory", "-i", path, "--list")
    assert len(fleet.requests()) == before + 1
    second = run(bin_folder, "ansible-inventory", "-i", path, "--list")
    assert len(fleet.requests()) == before + 1
    assert json.loads(second) == json.loads(first)
    # Another selection is made of the same answer.
    write(tmp_path, **{**yaml.safe_load(path.read_text()), "tiers": ["stratus"], "hostname": "ip"})
    third = json.loads(run(bin_folder, "ansible-inventory", "-i", path, "--list"))
    assert set(third["_meta"]["hostvars"]) == {f"{ip(fleet, 3)}-16147", ip(fleet, 6)}
    assert len(fleet.requests()) == before + 1
    run(bin_folder, "ansible-inventory", "-i", path, "--list", FLUXOS_REFRESH="true")
    assert len(fleet.requests()) == before + 2


def test_addresses_alone_send_no_request(fleet: RunningSimulator, tmp_path: Path, bin_folder: Path) -> None:
    before = len(fleet.requests())
    path = write(tmp_path, nodes=[ip(fleet, 1), f"{ip(fleet, 1)}:16137"])
    listed = json.loads(run(bin_folder, "ansible-inventory", "-i", path, "--list", FLUXOS_GATEWAY=fleet.gateway))
    assert listed["_meta"]["hostvars"][name(fleet, 1, 16137)] == {
        "ansible_host": ip(fleet, 1),
        "fluxos_ip": ip(fleet, 1),
        "fluxos_node": f"{ip(fleet, 1)}:16137",
        "fluxos_port": 16137,
        "fluxos_scope": "nodes",
    }
    assert len(fleet.requests()) == before


def test_no_gateway_is_an_error_that_says_what_to_do(tmp_path: Path, bin_folder: Path) -> None:
    path = write(tmp_path, gateway=[DEAD], retries=0)
    result = subprocess.run(
        [bin_folder / "ansible-inventory", "-i", path, "--list"],
        env={**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = " ".join(result.stderr.split())
    assert result.returncode != 0
    assert f"{DEAD}: list the nodes" in said
    assert "connection refused" in said
    assert "your nodes can be given with the option 'nodes'" in said
    assert "Traceback" not in said


def example_files() -> list[str]:
    """The documents of EXAMPLES, as the text that a user would copy."""
    return [document.strip() for document in EXAMPLES.split("\n---\n")]


@pytest.mark.parametrize("number", range(len(example_files())))
def test_every_example_runs_as_it_stands(number: int, fleet: RunningSimulator, tmp_path: Path) -> None:
    text = example_files()[number]
    # Only who is asked differs: addresses for documentation become simulated nodes.
    for last, host in ((7, 1), (8, 4)):
        text = text.replace(f"203.0.113.{last}", ip(fleet, host))
    path = tmp_path / "example.fluxos.yml"
    path.write_text(text)
    listed = json.loads(
        run(
            Path(sys.executable).parent,
            "ansible-inventory",
            "-i",
            path,
            "--list",
            FLUXOS_GATEWAY=fleet.gateway,
            HOME=str(tmp_path),
        )
    )
    assert (
        set(listed["_meta"]["hostvars"])
        == {
            0: {name(fleet, 2), name(fleet, 3, 16147)},
            1: {name(fleet, 1), name(fleet, 1, 16137), name(fleet, 4)},
            2: {name(fleet, 4)},
            3: {
                *(name(fleet, 1, port) for port in PORTS),
                name(fleet, 3, 16147),
                name(fleet, 6),
            },
            4: {ip(fleet, 2), f"{ip(fleet, 3)}-16147"},
            5: {
                *(f"tideboard-{name(fleet, host)}" for host in (2, 6)),
                f"piershop-{name(fleet, 6)}",
                f"reefmail-{name(fleet, 2)}",
            },
            6: {
                name(fleet, 2),
                name(fleet, 3, 16147),
                *(f"tideboard-{name(fleet, host)}" for host in (2, 6)),
            },
        }[number]
    )
    if number == 6:
        tideboards = [f"tideboard-{name(fleet, host)}" for host in (2, 6)]
        assert listed["fluxos_app_tideboard"]["hosts"] == tideboards
        assert listed["outdated"]["hosts"] == tideboards[1:]
        assert set(listed["fluxos_tier_cumulus"]["hosts"]) == {name(fleet, 2), f"tideboard-{name(fleet, 2)}"}
    if number == 4:
        assert listed["upnp"]["hosts"] == [f"{ip(fleet, 3)}-16147"]
        assert len(listed[f"paid_to_{OWNER}"]["hosts"]) == 2
        # Ansible itself lists what an expression made as unsafe, since 2.19.
        users = [variables["ansible_user"] for variables in listed["_meta"]["hostvars"].values()]
        assert users in (["operator"] * 2, [{"__ansible_unsafe": "operator"}] * 2)


@pytest.mark.parametrize(
    ("number", "asked", "prefix"), [(0, {"owners": [OWNER]}, ""), (5, {"apps": ["TideBoard"]}, "tideboard-")]
)
def test_the_documentation_shows_every_variable_of_a_host(
    number: int, asked: dict[str, Any], prefix: str, fleet: RunningSimulator, tmp_path: Path, bin_folder: Path
) -> None:
    path = write(tmp_path, gateway=[fleet.gateway], **asked)
    host = json.loads(run(bin_folder, "ansible-inventory", "-i", path, "--host", prefix + name(fleet, 2)))
    text = example_files()[number].splitlines()
    shown = json.loads("\n".join(line[1:] for line in text if line.startswith(("#   {", '#     "', "#   }"))))
    assert set(shown) == set(host)
    assert {key: type(value) for key, value in shown.items()} == {key: type(value) for key, value in host.items()}
    documentation = run(bin_folder, "ansible-doc", "-t", "inventory", "fluxme.fluxos.fluxos")
    assert {name for name in host if name not in documentation} == set()
