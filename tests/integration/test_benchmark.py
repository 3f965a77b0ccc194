# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.benchmark`` measures and writes its file. Figures depend on the machine: none is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.tools.simulated_fleet import ROOT


def test_it_measures_and_writes_its_file(tmp_path: Path) -> None:
    result = tmp_path / "bench.json"
    parts = [word for part in ("request", "instances", "fanout", "plan") for word in ("--only", part)]
    command = [sys.executable, "-m", "tests.benchmark", "--quick", *parts, "--output", str(result)]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = json.loads(result.read_text())
    assert {"node_info_vs_uri_wall", "node_info_vs_uri_cpu", "instances_fanout_vs_slowest"} <= set(figures)
    assert {"fanout_500_vs_floor", "fanout_slow_tail", "plan_1500_s"} <= set(figures)
    for name, figure in figures.items():
        assert set(figure) == {"value", "unit", "better", "what"}, name
        assert figure["value"] > 0, name
        assert name in ran.stdout, name
