# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""make demo: an outdated fleet of 40 simulated nodes, restarted wave by wave.

Starts the simulator, runs ``playbooks/demo.yml`` against it as a user would and ends both. Leaves ``report.json``,
``report.md`` and the simulator's ``journal.jsonl`` in ``build/demo``. Exits with the playbook's exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.tools.simulated_fleet import ROOT, simulated_fleet

FOLDER = ROOT / "build" / "demo"
# A boot of minutes takes seconds. Higher, and the requests themselves would seem to take the nodes' time.
TIME_FACTOR = "30"


def main(arguments: list[str]) -> int:
    """Run the demo; ``arguments`` go to ansible-playbook. Return its exit code."""
    for old in ("report.json", "report.md"):
        (FOLDER / old).unlink(missing_ok=True)
    with simulated_fleet(FOLDER, "--scenario", "demo", "--time-factor", TIME_FACTOR) as fleet:
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("--inventory", str(fleet.inventory)),
            # As JSON: the checkout may stand in a folder with a space in its name.
            *("--extra-vars", json.dumps({"demo_folder": str(FOLDER), "demo_control": fleet.control})),
            str(ROOT / "playbooks" / "demo.yml"),
            *arguments,
        ]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, **fleet.environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
