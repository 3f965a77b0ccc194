# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user gets: the tarball, installed beside ansible-core and requirements.txt alone, and used from there."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.gates.running import BIN, ROOT, run_tool
from tests.tools.simulated_fleet import simulated_fleet

BARE = ROOT / ".venv" / "bare" / "bin"
# Kinds of plugins that ansible-doc knows, and where each lives.
DOCUMENTED = {"module": "modules", "inventory": "inventory", "filter": "filter", "test": "test"}
# Galaxy takes four times as much; what is larger has taken something in that does not belong there.
LARGEST = 5 * 2**20

Run = Callable[..., str]


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built collection."""
    folder = tmp_path_factory.mktemp("tarball")
    run_tool([BIN / "ansible-galaxy", "collection", "build", "--output-path", folder, ROOT])
    (built,) = folder.glob("fluxme-fluxos-*.tar.gz")
    return built


@pytest.fixture(scope="module")
def run(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run one of ansible-core's commands where only the tarball is installed; any working directory, any home."""
    home = tmp_path_factory.mktemp("user")
    collections = home / "collections"
    settings = home / "ansible.cfg"
    settings.write_text("")
    environment = {
        "HOME": str(home),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_LOCAL_TEMP": str(home / ".ansible" / "tmp"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_CONFIG": str(settings),
        "PATH": os.pathsep.join([str(BARE), os.defpath]),
        "PYTHONPATH": "",
    }

    def run_there(command: str, *words: str | Path, env: dict[str, str] | None = None) -> str:
        return run_tool([BARE / command, *words], cwd=home, env={**environment, **(env or {})})

    run_there("ansible-galaxy", "collection", "install", tarball, "--offline", "--collections-path", collections)
    return run_there


def test_tarball_holds_what_git_holds_and_nothing_else(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        packed = {member.name for member in archive.getmembers() if not member.isdir()}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    in_git = {name for name in listed if (ROOT / name).is_file()}
    assert packed - in_git == {"MANIFEST.json", "FILES.json"}
    left_out = {name for name in in_git - packed if not name.startswith((".ci/", ".github/"))}
    assert left_out == {".gitignore", "galaxy.yml"}


def test_tarball_is_small(tarball: Path) -> None:
    assert tarball.stat().st_size < LARGEST


def test_manifest_says_what_it_is(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        member = archive.extractfile("MANIFEST.json")
        assert member is not None
        info = json.load(member)["collection_info"]
    assert (info["namespace"], info["name"]) == ("fluxme", "fluxos")
    assert info["version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert {"application", "cloud", "infrastructure"} & set(info["tags"])


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_ansible_doc_of_everything(run: Run, kind: str) -> None:
    listed = json.loads(run("ansible-doc", "--json", "--list", "--type", kind, "fluxme.fluxos"))
    folder = ROOT / "plugins" / DOCUMENTED[kind]
    # A filter or test may be described in a YAML file, and a Python file may hold several.
    names = {path.stem for pattern in ("*.yml", "*.py") for path in folder.glob(pattern)} - {"__init__"}
    assert set(listed) == {f"fluxme.fluxos.{name}" for name in names}
    for name in listed:
        page = json.loads(run("ansible-doc", "--json", "--type", kind, name))[name]
        assert page["doc"]["short_description"]
        assert page["examples"].strip(), f"{name} has no EXAMPLES"


def test_ansible_doc_of_every_role(run: Run) -> None:
    listed = json.loads(run("ansible-doc", "--json", "--list", "--type", "role", "fluxme.fluxos"))
    assert set(listed) == {f"fluxme.fluxos.{path.name}" for path in (ROOT / "roles").iterdir() if path.is_dir()}
    for name, role in listed.items():
        assert all(role["entry_points"].values()), f"{name} has an entry point without a description"


@pytest.mark.slow
def test_playbook_runs_from_the_tarball(run: Run, tmp_path: Path) -> None:
    """The main job as a user types it, in an environment that knows the collection only from the tarball."""
    options = ("--scenario", "fleet", "--nodes", "8", "--seed", "7", "--time-factor", "30")
    with simulated_fleet(tmp_path, *options) as fleet:
        settings = {
            "fluxos_fleet": "tarball",
            "fluxos_state_dir": str(tmp_path / "runs"),
            "fluxos_report_dir": str(tmp_path),
            # The simulated clocks run faster than ours.
            "fluxos_wait_interval": 0.5,
            "fluxos_patience": 10,
            "fluxos_interval": 1,
        }
        words = ["fluxme.fluxos.restart_outdated", "--inventory", fleet.inventory, "--extra-vars", json.dumps(settings)]
        output = run("ansible-playbook", *words, env=fleet.environment)
        restarts = [entry["node"] for entry in fleet.journal() if entry.get("path") == "/flux/restart"]
    assert restarts, output
    assert len(set(restarts)) == len(restarts)
    assert "[WARNING]" not in output
    assert "[DEPRECATION" not in output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["status"] == "finished"
