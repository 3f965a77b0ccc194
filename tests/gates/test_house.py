# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house that no tool knows (CONTRIBUTING.md says why each exists)."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gates.running import ROOT
from tests.tools.collection_copy import files_of_checkout

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.parent.parent for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))

STUB = """\
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.fluxme.fluxos.plugins.plugin_utils.runner import ActionModule

__all__ = ["ActionModule"]
"""
HEADER = STUB.splitlines()[:3]
LONGEST_FILE = 400
LONGEST_MODULE = 60

# The layers of module_utils, lowest first: a file may import from its own and from lower ones, never from a higher.
LAYERS: tuple[set[str], ...] = (
    {
        "archives",
        "argspec",
        "budgets",
        "endpoint",
        "errors",
        "files",
        "phrases",
        "results",
        "scrub",
        "signing",
        "versions",
    },
    {"app_results", "network_results", "object_stream", "private_folder", "shell_wrapper", "task_lines"},
    {"envelope", "plain"},
    {
        "answer_cache",
        "bounded",
        "failures",
        "identity",
        "log_reader",
        "repeats",
        "session_cache",
        "transfers",
        "transport",
        "waiting",
        "wire",
    },
    {"session"},
    {"client"},
    {"network"},
    {"facts", "fleet", "health", "instance", "network_reader", "waves"},
    {"process"},
    {"call"},
    {"app_reads", "operations", "survey"},
    {"app_data_loss", "app_rights"},
    {
        "app_backup",
        "app_backup_run",
        "app_command",
        "app_deploy",
        "app_logs",
        "app_state",
        "app_survey",
        "archive_store",
    },
    {"app_change"},
    {"recovery"},
    {"maintenance"},
)


def test_there_are_modules_and_roles() -> None:
    """Guards the parametrized tests below, which would vanish together with what they look at."""
    assert MODULES
    assert ROLES


@pytest.mark.parametrize("module", MODULES)
def test_module_has_its_action_stub_and_nothing_more_in_it(module: str) -> None:
    """More than the stub would be a second logic; less, and the module runs out of process at many times the cost."""
    assert (ROOT / "plugins" / "action" / f"{module}.py").read_text() == STUB


def test_no_action_without_a_module() -> None:
    assert sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py")) == MODULES


def test_every_module_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["action_groups"]["fluxos"] == MODULES
    assert "plugin_routing" not in runtime, "routing an action makes every forked worker import the runner again"


@pytest.mark.parametrize("module", MODULES)
def test_module_is_thin(module: str) -> None:
    """Counts code, not documentation, comments or blank lines. Logic belongs into module_utils, where it is tested."""
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text())
    lines: set[int] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"DOCUMENTATION", "EXAMPLES", "RETURN"}:
            continue
        for part in ast.walk(node):
            if (
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Constant)
                and isinstance(part.value.value, str)
            ):
                continue
            if isinstance(part, ast.stmt):
                lines.add(part.lineno)
            elif isinstance(part, ast.expr):
                lines.update((part.lineno, part.end_lineno or part.lineno))
    assert len(lines) < LONGEST_MODULE


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in PLUGIN_FILES])
def test_plugin_file_says_its_licence_and_can_be_read_in_one_sitting(path: str) -> None:
    lines = (ROOT / path).read_text().splitlines()
    if not lines:
        assert Path(path).name == "__init__.py"
        return
    first = 1 if lines[0].startswith("#!") else 0
    assert lines[first : first + 3] == HEADER
    assert len(lines) <= LONGEST_FILE, f"{path} has {len(lines)} lines: split it by concern"


def imported_layers(path: Path) -> set[str]:
    """Return the names directly below module_utils that a file imports."""
    prefix = "ansible_collections.fluxme.fluxos.plugins."
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith(prefix):
                found.add(".".join(name.removeprefix(prefix).split(".")[:2]))
    return found


def test_a_lower_layer_never_imports_a_higher_one() -> None:
    height = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = []
    for path in (ROOT / "plugins" / "module_utils").rglob("*.py"):
        own = path.relative_to(ROOT / "plugins" / "module_utils").parts[0].removesuffix(".py")
        assert own in height, f"module_utils/{own} has no place among the layers of this test and of CONTRIBUTING.md"
        for name in imported_layers(path):
            kind, dot, layer = name.partition(".")
            if kind != "module_utils":
                wrong.append(f"module_utils/{own} imports {name}")
            elif dot and height[layer] > height[own]:
                wrong.append(f"module_utils/{own} imports module_utils/{layer}, which is above it")
    assert wrong == []


@pytest.mark.parametrize(
    "pattern", [r"\bTODO\b", r"\bFIXME\b", r"#\s*noqa", r"type:\s*ignore", r"except[^\n]*:\n\s+pass\b"]
)
def test_nothing_is_put_off_or_hushed_up(pattern: str) -> None:
    found = []
    for name in files_of_checkout():
        # This file has to name them.
        if name.suffix == ".py" and (ROOT / name) != Path(__file__).resolve():
            text = (ROOT / name).read_text()
            found += [f"{name}:{text[: hit.start()].count(chr(10)) + 1}" for hit in re.finditer(pattern, text)]
    assert found == []


def defaults_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults that an entry point of argument_specs.yml declares; options without one are left out."""
    return {name: option["default"] for name, option in options.items() if "default" in option}


MATCHING_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "raw": (object,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_defaults_equal_its_argument_specs(role: Path) -> None:
    """Names, values and types. The documentation shows the specs, Ansible uses defaults/main.yml."""
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    declared: dict[str, Any] = {}
    for entry, spec in entries.items():
        for name, option in (spec.get("options") or {}).items():
            assert name.startswith((f"{role.name}_", "fluxos_")), f"{entry}: {name} lacks the role's prefix"
            wanted = MATCHING_TYPES[option.get("type", "str")]
            default = option.get("default")
            templated = isinstance(default, str) and "{{" in default
            if default is not None and not templated:
                assert isinstance(default, wanted), f"{entry}: the default of {name} is no {option.get('type', 'str')}"
                assert not (isinstance(default, bool) and option["type"] in {"int", "float"}), f"{entry}: {name}"
        for name, default in defaults_of(spec.get("options") or {}).items():
            assert declared.setdefault(name, default) == default, f"{name} has two defaults"
    file = role / "defaults" / "main.yml"
    assert (yaml.safe_load(file.read_text()) or {} if file.exists() else {}) == declared


def test_ee_requirements_and_requirements_are_the_same_list() -> None:
    def listed(path: str) -> list[str]:
        return [line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith("#")]

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert listed("requirements.txt") == listed("meta/ee-requirements.txt") == project["dependency-groups"]["runtime"]


def test_a_fragment_or_a_release_for_every_version() -> None:
    """A version without a word of what it brings cannot be released."""
    version = str(yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"])
    released = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
    assert version in released or list((ROOT / "changelogs" / "fragments").glob("*.yml"))


def test_git_ignores_what_the_tarball_leaves_out() -> None:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    left_out = set(yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"])
    assert ignored - left_out == set()
