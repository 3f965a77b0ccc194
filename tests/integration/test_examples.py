# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation holds what it shows: every example of a module runs as it stands, and every page can be read.

The examples of filter, test and inventory run in the tests of those plugins.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.support import PlaybookRun, Site, controller
from tests.simulator.keys import Person
from tests.simulator.volumes import packed
from tests.tools.interpreter import without_spaces
from tests.tools.simulated_fleet import ROOT

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
#: The network of the addresses in the documentation, which is the simulator's first.
DOCUMENTED_NETWORK = "127.18.0."
SCENARIO: dict[str, Any] = {
    "apps": [{"name": "TideBoard", "owner": "@app owner", "instances": 3, "components": ["web"]}],
    "remote": {"https://backups.example.org/web.tar.gz": {"marker": "restored"}},
    "nodes": [
        {"host": 1, "confirmation_age": 40, "apps": ["TideBoard"]},
        {"host": 2, "confirmation_age": 60},
        {"host": 3, "confirmation_age": 80, "apps": ["TideBoard"]},
        {"host": 4, "confirmation_age": 90, "apps": ["TideBoard"]},
    ],
    "timings": {"down": 8, "database": 1, "explorer": 10, "boot": 20, "peers": 30},
}
SIGN = """#!{python}
import sys
from tests.simulator.keys import Person
print(Person.named("operator").sign(sys.stdin.read()))
"""
#: What ansible-core 2.21 says of a collection of its own whenever it looks for roles.
OWN_WARNING = re.compile(r"\[WARNING\]: Collection at '[^']+/_protomatter' does not have a MANIFEST.json file.*\n")
#: The simulated nodes' clocks run fast, so they are looked at more often than real ones.
QUICK_LOOKS = {
    f"fluxme.fluxos.{name}": {"wait_interval": 0.2}
    for name in ("app_backup", "app_instance", "node_health", "node_restart")
}
#: What a page must not show: markup that ansible-doc did not understand.
MARKUP = re.compile(r"\b(?:O|V|RV|M|P|E|C|I|B|U|L|R)\([^)\s]")


@pytest.fixture(params=["newest", pytest.param("2.16", marks=pytest.mark.core216)])
def bin_folder(request: pytest.FixtureRequest) -> Path:
    """Where the commands of a release of ansible-core are."""
    if request.param == "2.16":
        return Path(request.getfixturevalue("core216"))
    return Path(sys.executable).parent


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fleet, and an operator with a key and a signer where the examples say that they are."""
    with controller(tmp_path, SCENARIO, time_factor=60) as running:
        folder = tmp_path / ".flux"
        folder.mkdir(mode=0o700)
        sign = folder / "sign"
        for name, person in (
            ("operator", running.fleet.state["operator"]),
            ("owner", running.fleet.state["owners"][0]),
        ):
            key = folder / f"{name}.wif"
            key.write_text(person["wif"] + "\n")
            key.chmod(0o600)
        (folder / "web.tar.gz").write_bytes(packed({"marker": b"kept elsewhere"}, 0))
        sign.write_text(SIGN.format(python=without_spaces(tmp_path)))
        sign.chmod(0o700)
        yield running


def examples(module: str) -> str:
    """The EXAMPLES of a module, as the text that a user would copy."""
    text: str = importlib.import_module(f"ansible_collections.fluxme.fluxos.plugins.modules.{module}").EXAMPLES
    return text


def tasks(module: str, site: Site) -> list[dict[str, Any]]:
    """The example tasks. Only the network differs, when another simulator has the documented one."""
    here = site.addresses[0].rpartition(".")[0] + "."
    found: list[dict[str, Any]] = yaml.safe_load(examples(module).replace(DOCUMENTED_NETWORK, here))
    return found


def run(site: Site, *arguments: str, bin_folder: Path) -> PlaybookRun:
    """Run all examples, a play for each module."""
    plays = [
        {
            "name": f"Examples of {name}",
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": QUICK_LOOKS,
            "tasks": tasks(name, site),
        }
        for name in MODULES
    ]
    playbook = site.folder / "examples.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    return site.run(
        *arguments,
        playbook=playbook,
        inventory=site.static_inventory(),
        bin_folder=bin_folder,
        # A value of the examples' own that no documentation can know.
        extra={"operator_flux_id": Person.named("operator").flux_id},
        # No key but the one that an example names; and the network is the simulated one.
        environment={
            "FLUXOS_PRIVATE_KEY_FILE": "",
            "FLUXOS_SESSION_CACHE": "",
            "FLUXOS_GATEWAY": site.fleet.gateway,
        },
    )


def outcomes(done: PlaybookRun) -> dict[str, dict[str, str]]:
    """Module to example's name to outcome, from what the run printed."""
    found: dict[str, dict[str, str]] = {}
    for play in done.stdout.split("PLAY [Examples of ")[1:]:
        module, _unused, rest = play.partition("]")
        # A task that takes long tells its progress before its outcome.
        pairs = re.findall(
            r"^TASK \[(.+?)\] \*+\n(?:(?!TASK |ok|changed|skipping|fatal).*\n)*(ok|changed|skipping|fatal)",
            rest,
            re.MULTILINE,
        )
        found[module] = dict(pairs)
    return found


@pytest.mark.slow
def test_every_example_of_every_module_runs(site: Site, bin_folder: Path) -> None:
    """In check mode first, which sends no write; then for real."""
    written = {name: {task["name"] for task in tasks(name, site)} for name in MODULES}
    assert all(any(f"fluxme.fluxos.{name}" in task for task in tasks(name, site)) for name in MODULES)
    checked = run(site, "--check", bin_folder=bin_folder)
    done = run(site, bin_folder=bin_folder)
    assert checked.writes == []
    assert len(done.writes) > 5
    for each in (checked, done):
        assert (each.code, each.stderr) == (0, ""), each.told
        assert "[WARNING]" not in each.stdout, each.told
        assert "deprecat" not in each.stdout.lower(), each.told
        assert {module: set(names) for module, names in outcomes(each).items()} == written
        assert "fatal" not in {outcome for names in outcomes(each).values() for outcome in names.values()}


def documented(kind: str) -> list[str]:
    """Everything of a kind that has a page."""
    folder = ROOT / "plugins" / {"module": "modules"}.get(kind, kind)
    if kind == "role":
        return sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
    return sorted({path.stem for path in folder.iterdir() if path.suffix in (".py", ".yml")} - {"__init__"})


@pytest.mark.parametrize("kind", ["module", "inventory", "filter", "test", "role"])
def test_every_page_can_be_read(kind: str, bin_folder: Path) -> None:
    """``ansible-doc`` prints it without a warning, and nothing in it is markup that was not understood."""
    names = documented(kind)
    assert names
    done = subprocess.run(
        [bin_folder / "ansible-doc", "--type", kind, *(f"fluxme.fluxos.{name}" for name in names)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, OWN_WARNING.sub("", done.stderr)) == (0, "")
    assert "[WARNING]" not in done.stdout
    # The examples are shown as they are, and may hold expressions with such brackets.
    prose = re.sub(r"^EXAMPLES:.*?(?=^RETURN|^> |\Z)", "", done.stdout, flags=re.MULTILINE | re.DOTALL)
    assert MARKUP.findall(prose) == []
    for name in names:
        assert f"fluxme.fluxos.{name}" in done.stdout.replace("FLUXME.FLUXOS.", "fluxme.fluxos.").lower()
