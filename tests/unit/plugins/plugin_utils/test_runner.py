# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner as Ansible runs it: one playbook, whose tasks are the cases, against simulated nodes.

It is run once with each supported end of ansible-core. What a task gave is read from its registered result, what it
sent from the simulator's journal.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.runner import MODULES, ActionModule
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.tools.interpreter import without_spaces

#: A connection that is not local by name, and local in truth: what a bastion is to the runner.
BASTION = """
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = "name: bastion\\nauthor: tests\\nshort_description: local under another name\\ndescription: [for tests]"


class Connection(Local):
    transport = "bastion"
"""
RESULTS = "results.json"
#: Hosts of the inventory by their names; the last has no address, so that it is taken for one.
NAMED = ("by_variable", "templated", "by_address", "bastion")
#: Ways to run one and the same task.
WAYS: dict[str, dict[str, Any]] = {
    "here": {},
    "handed_over": {"delegate_to": "bastion"},
    "delegated_locally": {"delegate_to": "localhost"},
    "async": {"delegate_to": "localhost", "async": 60, "poll": 1},
}
#: Cases that are tried with ``async`` too; each costs seconds.
ASYNC = ("read", "change")
#: Facts that differ from one request to the next, or that say how the task was run.
VOLATILE = {
    "ansible_job_id",
    "results_file",
    "started",
    "finished",
    "_ansible_no_log",
    "ansible_facts",
    "stdout",
    "stderr",
    "stdout_lines",
    "stderr_lines",
}


def tasks_of(nodes: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The tasks by host; each is registered under its name."""
    version = {"fluxme.fluxos.api": {"path": "/flux/version"}}
    logout = {"path": "/id/logoutallsessions", "authenticate": "session", "changes": True}
    key = "{{ operator_key }}"
    opened = {"fluxme.fluxos.maintenance_run": {"state": "opened", "state_dir": "{{ cache }}/state"}}
    cases: dict[str, dict[str, Any]] = {
        "read": {"fluxme.fluxos.node_info": {"gather": ["version", "tier", "dos", "health"]}},
        "change": {"fluxme.fluxos.session": {"private_key": key, "session_cache": "{{ cache }}/a"}},
        "failure": {"fluxme.fluxos.api": {"path": "/id/loggedusers"}},
        "usage": {"fluxme.fluxos.api": {"path": "no slash"}},
        "check": {"fluxme.fluxos.api": {**logout, "private_key": key}, "check_mode": True},
    }
    return {
        "everything": [
            {"name": "by_task", "fluxme.fluxos.api": {"path": "/flux/version", "timeout": 11}},
            {"name": "by_defaults", **version},
            {"name": "null_is_not_given", "fluxme.fluxos.api": {"path": "/flux/version", "timeout": None}},
            {"name": "by_short_name", "api": {"path": "/flux/version"}, "collections": ["fluxme.fluxos"]},
            # The environment names a file that does not exist: whoever asks it fails.
            {"name": "key_of_task", "fluxme.fluxos.session_info": {"private_key": key}},
            {"name": "key_of_host", "fluxme.fluxos.session_info": {}, "vars": {"fluxos_private_key": key}},
            {
                "name": "key_is_empty",
                "fluxme.fluxos.session_info": {"private_key": ""},
                "vars": {"fluxos_private_key": key},
            },
            {"name": "key_of_environment", "fluxme.fluxos.session_info": {}},
            {"name": "two_keys", "fluxme.fluxos.session_info": {"private_key": key, "signer_command": "true"}},
            {"name": "unknown_option", "fluxme.fluxos.session_info": {"private_key": key, "passphrase": key}},
            {"name": "wrong_type", "fluxme.fluxos.session_info": {"private_key": key, "timeout": key}},
            {"name": "not_a_choice", "fluxme.fluxos.session": {"private_key": key, "state": key}},
            {"name": "in_check_mode", "fluxme.fluxos.api": {**logout, "private_key": key}, "check_mode": True},
            {"name": "for_real", "fluxme.fluxos.api": {**logout, "private_key": key}},
            {"name": "of_many", "fluxme.fluxos.node_info": {"nodes": nodes, "gather": ["version"]}},
            {
                "name": "of_hosts",
                "fluxme.fluxos.node_info": {"nodes": [*NAMED, nodes[0]], "gather": ["version"], "timeout": 5},
            },
        ],
        "by_variable": [{"name": "by_host", **version}],
        "by_address": [
            {"name": "by_ansible_host", **version},
            {"name": "by_environment", **version},
            {"name": "without_options", **version, "vars": {"ansible_inject_invocation": False}},
        ],
        "handing_over": [
            {"name": "a_lock_elsewhere", **opened, "delegate_to": "bastion"},
            {"name": "a_lock_asynchronously", **opened, "delegate_to": "localhost", "async": 60, "poll": 1},
            {"name": "a_lock_here", **opened},
            *(
                {"name": f"{case}_{way}", **task, **how}
                for case, task in cases.items()
                for way, how in WAYS.items()
                if way != "async" or case in ASYNC
            ),
        ],
    }


@dataclass(frozen=True)
class Played:
    """One run of the playbook."""

    results: dict[str, dict[str, Any]]
    output: str
    requests: list[dict[str, Any]]
    sim: RunningSimulator

    def params(self, task: str) -> dict[str, Any]:
        """The options in use, from the output: 2.16 does not register them."""
        shown = re.search(rf"^TASK \[{task}\].*?=> (\{{$.*?^\}})", self.output, re.MULTILINE | re.DOTALL)
        assert shown is not None, task
        found: dict[str, Any] = json.loads(shown[1])["invocation"]["module_args"]
        return found


def write_site(folder: Path, sim: RunningSimulator, python: str) -> None:
    (folder / "connection").mkdir()
    (folder / "connection" / "bastion.py").write_text(BASTION)
    first, second = sim.addresses[:2]
    interpreter = {"ansible_python_interpreter": without_spaces(folder, python)}
    local = {"ansible_connection": "local", **interpreter}
    hosts: dict[str, Any] = {
        "everything": {"fluxos_node": first, "fluxos_timeout": 13, "fluxos_gateway": [sim.gateway]},
        "by_variable": {"fluxos_node": first, "fluxos_timeout": 13},
        "by_address": {"ansible_host": second},
        "templated": {"fluxos_node": "{{ of_the_other }}", "of_the_other": second},
        # Ansible asks an asynchronous task how it is with the variables of the host, not of the one it is delegated to.
        "handing_over": {
            "fluxos_node": first,
            "ansible_connection": "ssh",
            "ansible_host": "192.0.2.1",
            **interpreter,
        },
        "bastion": {**local, "ansible_connection": "bastion"},
        "localhost": local,
    }
    everywhere = {"operator_key": sim.operator.wif, "cache": str(folder)}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": everywhere}}))
    plays = []
    for host, tasks in tasks_of(sim.addresses).items():
        play: dict[str, Any] = {"name": host, "hosts": host, "gather_facts": False}
        if host == "everything":
            play["module_defaults"] = {"group/fluxme.fluxos.fluxos": {"timeout": 12}}
        register = [{**task, "register": task["name"], "ignore_errors": True} for task in tasks]
        kept = "{{ {" + ", ".join(f"'{task['name']}': {task['name']}" for task in tasks) + "} | to_json }}"
        keep = {"dest": str(folder / f"{host}.json"), "content": kept}
        plays.append(
            {**play, "tasks": [*register, {"name": "Keep", "ansible.builtin.copy": keep, "delegate_to": "localhost"}]}
        )
    (folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))


@pytest.fixture(scope="module", params=["newest", "core216"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    bin_folder = Path(sys.executable).parent if request.param == "newest" else request.getfixturevalue("core216")
    folder = tmp_path_factory.mktemp("site")
    with RunningSimulator({"nodes": [{"host": 1}, {"host": 2}]}) as sim:
        write_site(folder, sim, str(bin_folder / "python"))
        environment = {
            **os.environ,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            # Since 2.21 results hold the options in use only when asked to.
            "ANSIBLE_INJECT_INVOCATION": "1",
            "ANSIBLE_CONNECTION_PLUGINS": str(folder / "connection"),
            "FLUXOS_TIMEOUT": "14",
            "FLUXOS_PRIVATE_KEY_FILE": str(folder / "no such file"),
            "FLUXOS_SESSION_CACHE": str(folder / "sessions"),
            "FLUXOS_RETRIES": "",
        }
        done = subprocess.run(
            [bin_folder / "ansible-playbook", "-vvv", "-i", folder / "hosts.yml", folder / "play.yml"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        results = {
            name: result
            for host in tasks_of(sim.addresses)
            for name, result in json.loads((folder / f"{host}.json").read_text()).items()
        }
        yield Played(results, output, sim.requests(), sim)


class TestWhereOptionsComeFrom:
    @pytest.mark.parametrize(
        ("task", "timeout"),
        [
            ("by_task", 11),
            ("by_defaults", 12),
            ("by_host", 13),
            ("null_is_not_given", 13),
            ("by_environment", 14),
            ("by_short_name", 12),
        ],
    )
    def test_the_nearest_source_counts(self, played: Played, task: str, timeout: int) -> None:
        assert played.results[task]["data"] == "8.20.0"
        assert played.params(task)["timeout"] == timeout

    def test_an_empty_variable_of_the_environment_is_none(self, played: Played) -> None:
        assert played.params("by_environment")["retries"] == 2

    def test_the_node_is_the_host_variable_or_else_the_hosts_address(self, played: Played) -> None:
        first, second = played.sim.addresses
        assert played.params("by_host")["node"] == first
        assert played.params("by_ansible_host")["node"] == second

    def test_many_nodes_need_no_node(self, played: Played) -> None:
        assert [row["address"] for row in played.results["of_many"]["nodes"]] == played.sim.addresses

    def test_many_nodes_may_be_hosts_of_the_inventory(self, played: Played) -> None:
        first, second = played.sim.addresses
        rows = played.results["of_hosts"]["nodes"]
        assert [(row.get("name"), row["address"]) for row in rows] == [
            ("by_variable", first),
            ("templated", second),
            ("by_address", second),
            (None, "bastion:16127"),
            (None, first),
        ]
        assert ["error" in row for row in rows] == [False, False, False, True, False]

    @pytest.mark.parametrize("task", ["key_of_task", "key_of_host", "key_is_empty"])
    def test_a_key_hides_every_other_way_to_sign_in_weaker_sources(self, played: Played, task: str) -> None:
        assert played.results[task]["flux_id"] == played.sim.operator.flux_id

    def test_without_one_the_environments_counts(self, played: Played) -> None:
        assert "no such file" in played.results["key_of_environment"]["msg"]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("task", "said"),
        [
            ("two_keys", "mutually exclusive"),
            ("unknown_option", "passphrase. Supported parameters include: "),
            ("wrong_type", "timeout"),
            ("not_a_choice", "state"),
        ],
    )
    def test_options_that_do_not_fit_are_named_and_nothing_is_sent(self, played: Played, task: str, said: str) -> None:
        result = played.results[task]
        assert result["failed"] is True
        assert said in result["msg"]
        assert "VALUE_" in result["msg"] or played.sim.operator.wif[:5] not in result["msg"]


class TestSecrets:
    def test_the_key_is_nowhere_in_results_and_output_at_vvv(self, played: Played) -> None:
        assert played.sim.operator.wif not in json.dumps(played.results)
        assert played.sim.operator.wif not in played.output

    def test_what_is_shown_of_the_invocation_says_that_something_is_hidden(self, played: Played) -> None:
        assert played.params("key_of_task")["private_key"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
        assert played.params("by_task")["private_key"] is None

    def test_options_are_told_as_ordinary_modules_do(self, played: Played) -> None:
        """Always up to 2.20, but not registered there; since then when the setting says so."""
        assert "invocation" not in played.results["without_options"]

    def test_no_login_phrase_is_shown(self, played: Played) -> None:
        phrases = played.sim.call(
            lambda fleet: {s.login_phrase for node in fleet.world.nodes.values() for s in node.logins.sessions}
        )
        assert phrases
        assert not any(phrase in played.output for phrase in phrases)


class TestCheckMode:
    def test_a_change_is_only_predicted(self, played: Played) -> None:
        checked, done = played.results["in_check_mode"], played.results["for_real"]
        assert (checked["changed"], checked["sent"]) == (True, False)
        assert (done["changed"], done["sent"]) == (True, True)
        assert [line["path"] for line in played.requests].count("/id/logoutallsessions") == 1


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in VOLATILE and not name.startswith("_ansible")}


class TestHandingOver:
    """In process, as an ordinary module on another host, and as an asynchronous one."""

    @pytest.mark.parametrize(
        ("case", "way"),
        [
            ("read", "async"),
            *((case, way) for case in ("read", "failure", "usage") for way in ("handed_over", "delegated_locally")),
        ],
    )
    def test_the_results_are_equal_field_by_field(self, played: Played, case: str, way: str) -> None:
        here, there = (comparable(played.results[f"{case}_{how}"]) for how in ("here", way))
        for result in (here, there):
            # What Ansible itself says of a failure differs between its ways to run a task, and releases.
            result.pop("exception", None)
        assert there == here

    @pytest.mark.parametrize("way", ["handed_over", "delegated_locally", "async"])
    def test_a_change_is_seen_by_the_next_way(self, played: Played, way: str) -> None:
        """The first way logs in; the others find its login."""
        here, there = (comparable(played.results[f"change_{how}"]) for how in ("here", way))
        assert here["changed"] is True
        assert there == {**here, "changed": False}

    def test_check_mode_is_handed_over_too(self, played: Played) -> None:
        for way in ("here", "handed_over", "delegated_locally"):
            assert comparable(played.results[f"check_{way}"]) == comparable(played.results["check_here"])
            assert played.results[f"check_{way}"]["sent"] is False

    @pytest.mark.parametrize("task", ["a_lock_elsewhere", "a_lock_asynchronously"])
    def test_what_belongs_to_the_controller_is_not(self, played: Played, task: str) -> None:
        assert "works on the controller" in played.results[task]["msg"]
        assert played.results["a_lock_here"]["resumed"] is False

    def test_it_really_was_handed_over(self, played: Played) -> None:
        """Ansible says where it runs a module; in process there is nothing to say."""
        assert "<127.0.0.1> PUT" in played.output or "ANSIBALLZ" in played.output or "AnsiballZ" in played.output
        assert "ansible_job_id" in played.results["read_async"]
        assert "ansible_job_id" not in played.results["read_delegated_locally"]

    def test_the_environment_that_counts_is_the_controllers(self, played: Played) -> None:
        assert played.params("read_handed_over")["timeout"] == 14


class TestDefects:
    def test_every_module_is_known_before_a_worker_is_forked(self, checkout: Path) -> None:
        assert set(MODULES) == {path.stem for path in (checkout / "plugins" / "modules").glob("*.py")}

    def test_an_internal_error_leaves_scrubbed_and_says_what_to_do(self) -> None:
        key = Person.named("operator").wif

        def run(call: Call) -> Result:
            raise RuntimeError(f"broken: {call.params}")

        module: Any = SimpleNamespace(ARGUMENT_SPEC={"private_key": {"type": "str", "no_log": True}}, run=run)
        action = ActionModule.__new__(ActionModule)
        action._task = SimpleNamespace(check_mode=False, diff=False)
        result = action._run_here(module, {"private_key": key}, tell_options=True)
        assert result["failed"] is True
        assert "please report it" in result["msg"]
        assert "Traceback" in result["exception"]
        assert key not in json.dumps(result)
