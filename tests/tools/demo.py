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
import textwrap
from pathlib import Path
from typing import Any

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
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **fleet.environment}, check=False).returncode
    show(json.loads((FOLDER / "report.json").read_text()))
    return code


def show(report: dict[str, Any]) -> None:
    """Print what happened, for somebody who has never seen an Ansible run."""
    nodes: list[dict[str, Any]] = report["nodes"]
    restarted = [node for node in nodes if node["result"] == "restarted"]
    print("\nWhat happened to the fleet\n")
    for wave in report["waves"]:
        members = [node for node in restarted if node["wave"] == wave["wave"]]
        print(f"  wave {wave['wave']:2}  " + ", ".join(f"{node['address']} ({node['reason']})" for node in members))
    held = [node for node in nodes if node["result"] == "held"]
    print(f"\n  {len(held)} nodes were left alone because a restart was not safe:\n")
    for node in held:
        print(textwrap.fill(node["message"], 100, initial_indent=f"  {node['address']:18}", subsequent_indent=" " * 20))
    others = len(nodes) - len(restarted) - len(held)
    print(
        f"\n  {len(restarted)} of {len(nodes)} nodes restarted in {len(report['waves'])} waves and "
        f"{report['seconds']:.0f} s, {len(held)} held back, {others} with nothing to do. Run {report['status']}."
    )
    print(f"\n  The report: {FOLDER / 'report.md'}\n  What the nodes saw: {FOLDER / 'journal.jsonl'}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
