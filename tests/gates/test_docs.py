# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that repeat what the code says are written from it, and are current."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from tests.gates.running import ROOT
from tests.tools.write_docs import PLAYBOOK_OPTION, TABLE, pages, rendered

MAPPING = yaml.safe_load((ROOT / "playbooks" / "vars" / "restart_outdated.yml").read_text())
DEFAULTS = {
    name: value
    for path in ROOT.glob("roles/*/defaults/main.yml")
    for name, value in yaml.safe_load(path.read_text()).items()
}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_page_is_current(page: Path) -> None:
    assert rendered(page) == page.read_text(), "run: .venv/bin/python -m tests.tools.write_docs"


def test_every_role_has_its_table() -> None:
    for defaults in ROOT.glob("roles/*/defaults/main.yml"):
        readme = defaults.parents[1] / "README.md"
        assert [found["name"] for found in TABLE.finditer(readme.read_text())] == ["variables"], readme


@pytest.mark.parametrize("variable", MAPPING)
def test_playbook_has_the_defaults_of_the_roles(variable: str) -> None:
    """A user who reads the role's page must not meet another default in the playbook."""
    found = PLAYBOOK_OPTION.fullmatch(MAPPING[variable])
    assert found is not None
    text = {"true": "True", "false": "False"}.get(found["default"], found["default"])
    assert ast.literal_eval(text) == DEFAULTS[variable]
