# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the EXAMPLES of plugins that need no network, as a user's playbook would hold them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

NEWEST = Path(sys.executable).parent
"""The ``bin`` folder of the environment that runs the tests, with the newest ansible-core."""


def examples_of(sidecar: Path) -> list[dict[str, Any]]:
    """The example tasks of a plugin that is documented in a YAML file beside it."""
    tasks: list[dict[str, Any]] = yaml.safe_load(yaml.safe_load(sidecar.read_text())["EXAMPLES"])
    return tasks


def run_on_localhost(tasks: list[dict[str, Any]], folder: Path, bin_folder: Path) -> subprocess.CompletedProcess[str]:
    """Run tasks on localhost with the ``ansible-playbook`` of an environment; warnings stay in its stderr."""
    playbook = folder / "play.yml"
    play = {"name": "Examples", "hosts": "localhost", "gather_facts": False, "tasks": tasks}
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    command: list[str | Path] = [bin_folder / "ansible-playbook", "-i", "localhost,", "-c", "local", playbook]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
