# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.benchmark: measure, print, and write ``build/bench.json``. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.benchmark import fanout, instances, plan, request, restart
from tests.benchmark.measure import BenchmarkError, Figure
from tests.tools.link_collection import TREE, link_into
from tests.tools.simulated_fleet import ROOT

RESULT = ROOT / "build" / "bench.json"
#: What may not be more: the aims that the project has set itself.
AIMS = {
    "node_info_vs_uri_wall": 0.10,
    "node_info_vs_uri_cpu": 0.10,
    "restart_overhead": 0.50,
    "instances_fanout_vs_slowest": 3.0,
    "fanout_10000_vs_floor": 1.5,
    "fanout_slow_tail": 2.0,
    "plan_15000_s": 3.0,
}

PARTS: dict[str, Callable[..., dict[str, Figure]]] = {
    "request": request.measure,
    "restart": restart.measure,
    "instances": instances.measure,
    "fanout": fanout.measure,
    "plan": plan.measure,
}


def environment(folder: Path) -> dict[str, str]:
    """The user's environment without anything that steers Ansible or the collection, and a home in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "FLUXOS_"))}
    link_into(TREE)
    return {
        **kept,
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(TREE),
        "ANSIBLE_NOCOLOR": "1",
    }


def measure(parts: list[str], home: Path, *, quick: bool) -> dict[str, Figure]:
    """Measure the parts one after another, each in a folder of its own below ``home``."""
    settings: Mapping[str, str] = environment(home)
    figures: dict[str, Figure] = {}
    for part in parts:
        folder = home / part
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"measuring: {part} ...", flush=True)
        figures.update(PARTS[part](folder, settings, quick=quick))
    return figures


def _json_file(text: str) -> Path:
    """Where to write to; the folder of the measurements has the same name without its suffix."""
    path = Path(text).absolute()
    if path.suffix != ".json":
        raise argparse.ArgumentTypeError(f"{text}: a name that ends with .json is expected")
    return path


def line(name: str, figure: Figure) -> str:
    """One figure for people."""
    aim = ""
    if name in AIMS:
        aim = f"   aim {AIMS[name]:g}: {'reached' if figure.value <= AIMS[name] else 'MISSED'}"
    return f"  {name:28}{figure.value:10.3f} {figure.unit:8}{aim}\n  {'':28}{figure.what}"


def main(arguments: list[str]) -> int:
    """Measure what the command line asks for; the exit code is not 0 when that was not possible."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part only; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer hosts, nodes and rounds: shows that it works")
    parser.add_argument(
        "--output", type=_json_file, default=RESULT, help="default: build/bench.json; its files are in build/bench"
    )
    chosen = parser.parse_args(arguments)
    try:
        figures = measure(chosen.only or list(PARTS), chosen.output.with_suffix(""), quick=chosen.quick)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    content = {name: figure.as_dict() for name, figure in figures.items()}
    chosen.output.write_text(json.dumps(content, indent=1) + "\n")
    print("\n" + "\n".join(line(name, figure) for name, figure in figures.items()))
    print(f"\nwritten to {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
