# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module's documentation promises under ``attributes``, compared with what the module does.

Each module is run in check mode, for real, and for real again, all of them with ``--diff``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import Ran, RunModule
from tests.unit.plans import plan

ROOT = Path(__file__).resolve().parents[4]
RUN = {"fleet": "example", "run_id": "20261125T080000Z-0001"}


@dataclass(frozen=True)
class Case:
    """One way to use a module, and what it does the first and the second time."""

    module: str
    options: dict[str, Any]
    changes: bool = False
    again: bool = False
    prepare: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __str__(self) -> str:
        told = {name: value for name, value in self.options.items() if name != "private_key"}
        return "-".join([self.module, *(str(value) for value in told.values() if isinstance(value, str))])


TIDE = {"app": "TideBoard", "private_key": Person.named("app owner").wif}
STARTED = ("maintenance_run", {"state": "started", "plan": plan(), **RUN})
BACKED_UP = ("app_backup", {**TIDE, "state": "created"})
LOGGED_IN: tuple[str, dict[str, Any]] = ("session", {})

CASES = [
    Case("api", {"path": "/flux/version"}),
    Case("api", {"path": "/id/logoutallusers", "authenticate": "session", "changes": True}, changes=True, again=True),
    Case("app_backup", {**TIDE, "state": "created"}, changes=True, again=True),
    Case("app_backup", {**TIDE, "state": "created", "not_after": "the start of the test"}, changes=True),
    Case("app_backup", {**TIDE, "state": "listed"}),
    Case("app_backup", {**TIDE, "state": "absent"}, changes=True, prepare=[BACKED_UP]),
    Case("app_exec", {**TIDE, "component": "web", "command": "true"}, changes=True, again=True),
    Case("app_exec", {**TIDE, "component": "web", "command": "touch /made", "creates": "/made"}, changes=True),
    Case("app_instance", {**TIDE, "state": "stopped"}, changes=True),
    Case("app_instance", {**TIDE, "state": "restarted", "not_after": "the start of the test"}, changes=True),
    Case("app_instance", {**TIDE, "state": "redeployed"}, changes=True, again=True),
    Case("app_instance", {**TIDE, "state": "absent"}, changes=True),
    Case("app_instance_info", {"app": "TideBoard"}),
    Case("app_log", TIDE),
    Case("app_log", {**TIDE, "dest": "a folder"}, changes=True),
    Case("app_info", {}),
    Case("node_info", {}),
    Case("node_health", {"wait": False, "samples": 1}),
    Case("node_preflight", {}),
    Case("node_restart", {}, changes=True, again=True),
    Case("node_restart", {"not_after": "the start of the test"}, changes=True),
    Case("session", {}, changes=True),
    Case("session", {"state": "absent"}, changes=True, prepare=[LOGGED_IN]),
    Case("session_info", {}),
    Case("maintenance_run", {"state": "opened", "fleet": "example"}),
    Case("maintenance_run", {"state": "started", "plan": plan(), **RUN}, changes=True, again=True),
    Case("maintenance_run", {"state": "recorded", "node": "alpha", "event": "restarted", **RUN}, prepare=[STARTED]),
    Case("maintenance_run", {"state": "reported", **RUN}, prepare=[STARTED]),
    Case("maintenance_run", {"state": "finished", **RUN}, prepare=[STARTED]),
    Case("maintenance_run", {"state": "recovered", "fleet": "example"}),
]


def attributes_of(module: str) -> dict[str, dict[str, Any]]:
    """The attributes of a module with those of its fragments, as ansible-doc shows them."""
    documentation = get_docstring(
        str(ROOT / "plugins" / "modules" / f"{module}.py"),
        fragment_loader,
        is_module=True,
        collection_name="fluxme.fluxos",
        plugin_type="module",
    )[0]
    attributes: dict[str, dict[str, Any]] = documentation["attributes"]
    return attributes


def test_every_module_is_tried() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert {case.module for case in CASES} == modules


@pytest.mark.parametrize("module", sorted({case.module for case in CASES}))
def test_every_attribute_is_declared_and_the_action_group_is_true(module: str) -> None:
    attributes = attributes_of(module)
    assert set(attributes) == {"action_group", "async", "check_mode", "diff_mode", "idempotent"}
    for name, attribute in attributes.items():
        assert attribute["support"] in ("full", "partial", "none"), name
        assert attribute["support"] != "partial" or attribute.get("details"), f"{name}: partial, but how?"
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    assert (module in groups["fluxos"]) is (attributes["action_group"]["support"] == "full")


@pytest.fixture
def run(sim: RunningSimulator, run_module: RunModule, tmp_path: Path) -> Callable[..., Ran]:
    stand_ins = {"the start of the test": str(sim.now() - 1), "a folder": str(tmp_path / "folder")}

    def do(case: Case, *, check: bool = False) -> Ran:
        options = {
            key: stand_ins.get(value, value) if isinstance(value, str) else value for key, value in case.options.items()
        }
        return run_module(case.module, check=check, diff=True, **options)

    return do


@pytest.mark.parametrize("case", CASES, ids=str)
def test_module_does_what_its_attributes_promise(case: Case, run_module: RunModule, run: Callable[..., Ran]) -> None:
    attributes = attributes_of(case.module)
    for name, options in case.prepare:
        run_module(name, **options)
    checked, done, again = run(case, check=True), run(case), run(case)

    # Partial where a guard cannot be looked at without a command, so that a change is predicted that may not come.
    assert attributes["check_mode"]["support"] == ("partial" if case.module == "app_exec" else "full")
    assert checked.writes == []
    assert (checked.changed, done.changed) == (case.changes, case.changes), "check mode predicts"
    assert again.changed is case.again
    support = attributes["idempotent"]["support"]
    if support == "full":
        assert not again.changed
        assert again.writes == []
    elif support == "none":
        assert case.again is case.changes

    shows = attributes["diff_mode"]["support"] == "full"
    assert [("diff" in ran.result) for ran in (checked, done, again)] == [shows] * 3
    if shows:
        differs = [ran.result["diff"]["before"] != ran.result["diff"]["after"] for ran in (checked, done, again)]
        assert differs == [True, "not_after" not in case.options, case.again]


@pytest.mark.parametrize("module", sorted({case.module for case in CASES}))
def test_what_is_partly_idempotent_is_so_in_one_way_and_not_in_another(module: str) -> None:
    """Else the documentation should say full or none."""
    if attributes_of(module)["idempotent"]["support"] == "partial":
        changing = [case for case in CASES if case.module == module and (case.changes or case.prepare)]
        assert len(changing) > 1
