# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenarios, as ``molecule test --all`` runs them: converge, idempotence, verify."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.gates.running import BIN, ROOT, run_tool

pytestmark = [pytest.mark.gate, pytest.mark.slow]

SCENARIOS = sorted(path.parent.name for path in (ROOT / "extensions" / "molecule").glob("*/converge.yml"))


def test_molecule_all_scenarios(collections_path: Path, tmp_path: Path) -> None:
    assert SCENARIOS
    output = run_tool(
        [BIN / "molecule", "test", "--all"],
        env={
            # molecule keeps its state in the home folder of whoever runs it; two checkouts would share it.
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "ANSIBLE_COLLECTIONS_PATH": str(collections_path),
            "NO_COLOR": "1",
        },
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    for scenario in SCENARIOS:
        for step in ("converge", "idempotence", "verify"):
            assert f"[{scenario} > {step}] Executed: Successful" in plain, plain
    # default/destroy.yml has been there.
    assert not (ROOT / "build" / "molecule" / "simulator.json").exists()
