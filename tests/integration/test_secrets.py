# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No key, login phrase, signature or header leaves a run: not at -vvv, not when it fails, not by a defect of ours."""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.secrecy import Overheard, Watcher, found_in, overheard_site
from tests.integration.support import PlaybookRun, Site
from tests.simulator.keys import Person
from tests.tools.collection_copy import copy_collection
from tests.tools.interpreter import without_spaces

pytestmark = pytest.mark.slow

OLD = {"version": "8.18.0", "disk_version": "8.20.0"}
SCENARIO: dict[str, Any] = {
    "apps": [{"name": "TideBoard", "owner": "@app owner", "instances": 3, "components": ["web"]}],
    "nodes": [
        {"host": 1, "confirmation_age": 40, "apps": ["TideBoard"], **OLD},
        {"host": 2, "confirmation_age": 60, "apps": ["TideBoard"], **OLD},
        {"host": 3, "confirmation_age": 80, "apps": ["TideBoard"]},
        {"host": 4, "confirmation_age": 90, "arcane": True, "host_connection": True, **OLD},
        {"host": 5, "confirmation_age": 99},
    ],
    "timings": {"down": 8, "database": 1, "explorer": 10, "boot": 20, "peers": 30},
}

#: A connection that is none of Ansible's local ones, so that the runner hands the task over, and needs no SSH.
ELSEWHERE = '''
DOCUMENTATION = """
name: elsewhere
short_description: The controller, under another name
description: [The controller, under another name.]
author: [tests]
"""
from ansible.plugins.connection.local import Connection as Local


class Connection(Local):
    transport = "elsewhere"
'''

#: Signs as a user's signer would: text on its input, signature on its output, and the key nowhere else.
SIGNER = """#!{python}
import sys
from tests.simulator.keys import Person
print(Person.named("operator").sign(sys.stdin.read()))
"""

#: A defect that has everything secret in its hands when it strikes.
DEFECT = """

def _defective(self):
    header = self._login("list").header(self, privilege="self")
    raise KeyError("defect of ours", header, self._login("list")._signer.secrets())


NodeClient.sessions = _defective
"""


@dataclass(frozen=True)
class Secretive:
    """A run, and what may not have left it."""

    site: Site
    overheard: Overheard
    run: PlaybookRun
    watcher: Watcher

    def assert_tight(self, *, own_files: Sequence[Path] = (), key_in_environment: bool = False) -> None:
        """No secret anywhere but in files that are closed to others and are there to hold it."""
        secrets = self.overheard.secrets
        printed = (self.run.stdout + self.run.stderr).encode()
        assert found_in(printed, secrets) == []
        assert self.watcher.command_lines, "the process list was never looked at"
        assert found_in(b"\n".join(self.watcher.command_lines), secrets) == []
        if not key_in_environment:
            assert found_in(b"\n".join(self.watcher.environments), secrets) == []
        holding = self.watcher.holding(secrets)
        open_to_others = {str(seen.path) for seen in holding if not seen.closed_to_others}
        assert open_to_others == set()
        sessions = self.site.fleet.folder / "sessions"
        meant_to = {self.site.fleet.key_file, *own_files}
        elsewhere = {
            str(seen.path)
            for seen in holding
            if seen.path not in meant_to and seen.path.parent != sessions and not self._is_of_the_engine(seen.path)
        }
        assert elsewhere == set()
        kept = [seen for seen in holding if seen.path.parent == sessions]
        assert {oct(seen.mode) for seen in kept} <= {"0o600"}
        if sessions.exists():
            assert oct(stat.S_IMODE(sessions.stat().st_mode)) == "0o700"

    def _is_of_the_engine(self, path: Path) -> bool:
        """Whether it is a module on its way to the host that runs it, which the engine removes when it is done.

        That of an asynchronous task is removed by a process of its own, some seconds after the task has ended.
        """
        if not path.is_relative_to(self.site.folder / "ansible" / "tmp"):
            return False
        deadline = time.monotonic() + 60
        while path.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not path.exists()


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, Overheard]]:
    with overheard_site(tmp_path, SCENARIO, monkeypatch) as (site, overheard):
        yield site, overheard


def run(site: Site, overheard: Overheard, *arguments: str, **options: Any) -> Secretive:
    """Run a playbook at -vvv, with a log file and a cache of facts, under observation."""
    environment = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(site.folder / "facts"),
        "ANSIBLE_LOG_PATH": str(site.folder / "ansible.log"),
        "ANSIBLE_CONNECTION_PLUGINS": str(site.folder / "connections"),
        # Ansible expands ~ to the home that the system knows, not to that of the environment.
        "ANSIBLE_ASYNC_DIR": str(site.folder / "async"),
        "ANSIBLE_REMOTE_TMP": str(site.folder / "ansible" / "tmp" / "remote"),
        **options.pop("environment", {}),
    }
    with site.start("-vvv", *arguments, environment=environment, **options) as running, Watcher(running) as watcher:
        done = running.wait()
    assert (site.folder / "ansible.log").stat().st_size > 0
    return Secretive(site, overheard, done, watcher)


class TestRestartOutdated:
    def test_a_whole_run_and_one_that_fails(self, listening: tuple[Site, Overheard]) -> None:
        site, overheard = listening
        first, second, third, arcane, _unused = site.addresses
        whole = run(site, overheard)
        assert whole.run.code == 0, whole.run.told
        assert [whole.run.rows[each]["result"] for each in (first, second, arcane)] == ["restarted"] * 3
        # What the checks look for was there to be found: the key in its file, and a session with each node that was
        # logged in to in the files meant for them.
        assert successful_logins(whole) == {first, second}
        held = whole.watcher.holding(overheard.phrases)
        assert {seen.path.parent for seen in held} == {site.fleet.folder / "sessions"}
        assert len({seen.path for seen in held}) == 2
        assert {seen.path for seen in whole.watcher.holding(overheard.keys)} == {site.fleet.key_file}
        whole.assert_tight()

        site.fault(third, kind="never_up")
        # Restarted whatever its version; a time limit that is enough for good nodes, whose clocks run fast.
        extra = {"fluxos_names": [site.name(third)], "fluxos_wait_timeout": 3}
        operator = overheard.people[0]
        key = {
            "FLUXOS_PRIVATE_KEY_FILE": "",
            "FLUXOS_PRIVATE_KEY": operator.private_key.hex(),
            "FLUXOS_FLUX_ID": operator.flux_id,
        }
        failing = run(site, overheard, extra=extra, environment=key)
        assert failing.run.code != 0, failing.run.told
        assert failing.run.report["status"] == "failed"
        assert failing.run.results()[third] == "failed"
        assert successful_logins(failing) == {third}
        assert len(overheard.phrases) >= 3
        failing.assert_tight(key_in_environment=True)


def successful_logins(done: Secretive) -> set[str]:
    """The nodes that were logged in to."""
    logins = [line for line in done.run.journal if line.get("path") == "/id/verifylogin"]
    return {line["node"] for line in logins if line["outcome"] == "success"}


def playbook(site: Site, plays: list[dict[str, Any]], name: str = "tasks.yml") -> Path:
    """Write a playbook that only its user may read."""
    folder = site.folder / "plays"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(plays, sort_keys=False, width=1000))
    path.chmod(0o600)
    return path


def play(tasks: list[dict[str, Any]], **keys: Any) -> dict[str, Any]:
    """A play on localhost; nodes are named by the tasks."""
    return {"name": "Everything with a login", "hosts": "localhost", "gather_facts": False, **keys, "tasks": tasks}


def expecting(
    name: str, module: str, options: dict[str, Any], failure: str | None = None, **keywords: Any
) -> list[dict[str, Any]]:
    """A task, the assertion on how it went, and its whole result shown and put into the cache of facts."""
    that = ["result is not failed"] if failure is None else ["result is failed", f"result.msg is search({failure!r})"]
    return [
        {
            "name": name,
            f"fluxme.fluxos.{module}": options,
            "register": "result",
            "ignore_errors": failure is not None,
            **keywords,
        },
        {"name": f"Show: {name}", "ansible.builtin.debug": {"var": "result"}},
        {"name": f"Keep: {name}", "ansible.builtin.set_fact": {"kept": "{{ result }}", "cacheable": True}},
        {"name": f"Verify: {name}", "ansible.builtin.assert": {"that": that}},
    ]


def signer(site: Site, name: str = "sign", text: str = SIGNER) -> Path:
    path = site.folder / name
    path.write_text(text.format(python=without_spaces(site.folder)))
    path.chmod(0o700)
    return path


def telling_signer(site: Site) -> Path:
    """One that fails and repeats the phrase that it was given."""
    return signer(site, "tell", "#!{python}\nimport sys\nsys.exit('cannot sign ' + sys.stdin.read())\n")


def connection(site: Site) -> list[dict[str, Any]]:
    """The task that adds a host with a connection of its own."""
    folder = site.folder / "connections"
    folder.mkdir()
    (folder / "elsewhere.py").write_text(ELSEWHERE)
    host = {"name": "bastion", "ansible_connection": "elsewhere", **interpreter(site)}
    return [{"name": "Add a host elsewhere", "ansible.builtin.add_host": host, "changed_when": False}]


AS_OPERATOR = {"authenticate": "session"}
AS_USER = {"authenticate": "self"}
BASTION = {"delegate_to": "bastion"}
ASYNC: dict[str, Any] = {"async": 60, "poll": 1, "delegate_to": "localhost"}


def interpreter(site: Site) -> dict[str, str]:
    return {"ansible_python_interpreter": without_spaces(site.folder)}


def here(site: Site) -> dict[str, str]:
    """Variables of a host that is the controller."""
    return {"ansible_connection": "local", **interpreter(site)}


class TestModules:
    def test_every_way_to_give_a_key_and_every_way_to_fail(self, listening: tuple[Site, Overheard]) -> None:
        site, overheard = listening
        operator, stranger = Person.named("operator"), Person.named("a stranger")
        overheard.people.append(stranger)
        node, other = site.addresses[:2]
        wrong = operator.wif[:-1] + ("1" if operator.wif[-1] != "1" else "2")
        wrong_file = site.folder / "plays" / "wrong.key"
        by_file = {"node": node, "private_key_file": str(site.fleet.key_file)}
        literal = {"node": node, "private_key": operator.wif}
        as_hex = {"node": other, "private_key": operator.private_key.hex(), "flux_id": operator.flux_id}
        by_signer = {"node": other, "signer_command": str(signer(site)), "flux_id": operator.flux_id}
        stranger_there = {"node": other, "private_key": stranger.wif}
        damaged = {"node": node, "private_key": wrong}
        cut_short = {"node": node, "private_key": operator.private_key.hex()[:-1]}
        in_file = {"node": node, "private_key_file": str(wrong_file)}
        two_ways = {**literal, "signer_command": "sign"}
        tell_tale = {**by_signer, "signer_command": str(telling_signer(site)), "node": site.addresses[2]}
        tasks = [
            *connection(site),
            *expecting("Log in with a literal key", "session", literal),
            *expecting("See the logins", "session_info", literal),
            *expecting("List everybody's phrases", "api", {**by_file, "path": "/id/loggedusers", **AS_OPERATOR}),
            *expecting("List open phrases", "api", {**by_file, "path": "/id/activeloginphrases", **AS_OPERATOR}),
            *expecting("Sign a phrase of its own", "api", {**by_file, "path": "/id/loggedsessions", **AS_USER}),
            *expecting("Log in with a signer", "session", by_signer),
            *expecting("Log in with a key in hex", "session", {**as_hex, "session_cache": str(site.folder / "second")}),
            *expecting("Hand over to another host", "session_info", literal, **BASTION),
            *expecting("Restart from another host", "node_restart", {**literal, "wait": False}, **BASTION),
            *expecting("Run in the background", "session_info", as_hex, **ASYNC),
            *expecting("Log in as a stranger", "session", stranger_there),
            *expecting("Be a stranger", "node_restart", stranger_there, "Unauthorized"),
            *expecting("Be a stranger elsewhere", "node_restart", stranger_there, "Unauthorized", **BASTION),
            *expecting("Name another Flux ID", "session", {**literal, "flux_id": stranger.flux_id}, "does not belong"),
            *expecting("Mistype the key", "session", damaged, "private key"),
            *expecting("Mistype the key elsewhere", "session", damaged, "private key", **BASTION),
            *expecting("Mistype the key in hex", "session", cut_short, "private key"),
            *expecting("Mistype the key in a file", "session", in_file, "private key file"),
            *expecting("Sign in two ways", "session", two_ways, "mutually exclusive"),
            *expecting("Sign in two ways elsewhere", "session", two_ways, "mutually exclusive", **BASTION),
            *expecting("Mistype an option", "session", {**literal, "privat_key_file": "x"}, "Unsupported parameters"),
            *expecting("Mistype a value", "session", {**literal, "state": operator.wif}, "must be one of"),
            *expecting("Have a signer that tells tales", "session", tell_tale, "exit code 1"),
            *expecting("Have one elsewhere", "session", tell_tale, "exit code 1", **BASTION),
            *expecting("Log out", "session", {**by_signer, "state": "absent"}),
        ]
        path = playbook(site, [play(tasks, vars=here(site))])
        wrong_file.write_text(wrong + "\n")
        wrong_file.chmod(0o600)
        done = run(site, overheard, playbook=path, environment={"FLUXOS_PRIVATE_KEY_FILE": ""})
        assert done.run.code == 0, done.run.told
        # A key that does not work is a letter away from one that does.
        assert found_in((done.run.stdout + done.run.stderr).encode(), [wrong, cut_short["private_key"]]) == []
        assert len(overheard.headers) > 8
        done.assert_tight(own_files=[path, *(site.folder / "second").iterdir()])

    def test_an_owner_in_an_app(self, listening: tuple[Site, Overheard]) -> None:
        """The phrases that an owner signs without a node are good for two hours on every node."""
        site, overheard = listening
        owner, stranger = Person.named("app owner"), Person.named("a stranger")
        overheard.people += [owner, stranger]
        node, other, silent = site.addresses[:3]
        site.fault(silent, kind="unreachable")
        nearby = {"node": node, "app": "TideBoard", "private_key": owner.wif}
        there = {"node": other, "app": "TideBoard", "private_key": owner.private_key.hex(), "flux_id": owner.flux_id}
        wrong = {**nearby, "private_key": stranger.wif}
        gone = {**nearby, "node": silent, "timeout": 1, "retries": 0}
        logs = {"dest": str(site.folder / "logs"), "lines": "all", "timestamps": True}
        tasks = [
            *connection(site),
            *expecting("Run a command", "app_exec", {**nearby, "command": "env; seq 1 20000"}),
            *expecting("Run one from another host", "app_exec", {**nearby, "command": "env"}, **BASTION),
            *expecting("Run one that fails", "app_exec", {**there, "command": "exit 3"}, "ended with exit code 3"),
            *expecting("Run none as a stranger", "app_exec", {**wrong, "command": "env"}, "belongs to"),
            *expecting("Run none there", "app_exec", {**gone, "command": "env"}, "read the version"),
            *expecting("Read a log", "app_log", nearby),
            *expecting("Follow a log", "app_log", {**there, "follow": 1}),
            *expecting("Wait in vain", "app_log", {**there, "wait_for": "never", "follow": 1}, "not there after"),
            *expecting("Write it to a file", "app_log", {**nearby, **logs}),
            *expecting("Write it on another host", "app_log", {**there, **logs}, **BASTION),
            *expecting("Read none as a stranger", "app_log", wrong, "belongs to"),
            *expecting("Read none there", "app_log", gone, "read the version"),
        ]
        path = playbook(site, [play(tasks, vars=here(site))])
        done = run(site, overheard, playbook=path, environment={"FLUXOS_PRIVATE_KEY_FILE": ""})
        assert done.run.code == 0, done.run.told
        assert {each.zelid for each in overheard.headers} == {owner.flux_id, stranger.flux_id}
        assert list((site.folder / "logs").iterdir())
        done.assert_tight(own_files=[path])


class TestDefectsOfOurs:
    def test_a_traceback_is_shown_without_secrets(self, listening: tuple[Site, Overheard]) -> None:
        """In process, handed over and in the background: the defect is named, what it had in its hands is not."""
        site, overheard = listening
        tree = site.folder / "copy"
        copy = copy_collection(tree)
        with (copy / "plugins" / "module_utils" / "client" / "operator.py").open("a") as file:
            file.write(DEFECT)
        options = {"node": site.addresses[0], "private_key_file": str(site.fleet.key_file)}
        where: dict[str, dict[str, Any]] = {"Here": {}, "Elsewhere": BASTION, "Later": ASYNC}
        tasks = connection(site)
        for name, keywords in where.items():
            tasks += expecting(name, "session_info", options, "internal error of fluxme.fluxos: KeyError", **keywords)
            tasks.append(
                {"name": f"{name} is traced", "ansible.builtin.assert": {"that": "'_defective' in result.exception"}}
            )
        done = run(
            site,
            overheard,
            playbook=playbook(site, [play(tasks, vars=here(site))]),
            environment={"ANSIBLE_COLLECTIONS_PATH": str(tree), "ANSIBLE_DISPLAY_TRACEBACK": "always"},
        )
        shutil.rmtree(tree)
        assert done.run.code == 0, done.run.told
        assert done.run.stdout.count("VALUE_HIDDEN") >= 3
        assert overheard.headers == [], "the defect strikes before a request is sent"
        done.assert_tight()
