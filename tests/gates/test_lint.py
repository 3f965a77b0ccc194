# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linters over the whole tree. What each one looks for is in its own settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gates.running import BIN, ROOT, run_tool

pytestmark = pytest.mark.gate


def test_ansible_lint_production_profile(collections_path: Path) -> None:
    output = run_tool(
        [BIN / "ansible-lint", "--offline", "--nocolor", "--profile", "production", "--strict"],
        env={"ANSIBLE_COLLECTIONS_PATH": str(collections_path)},
    )
    assert "Passed: 0 failure(s), 0 warning(s)" in output, output


def test_antsibull_docs_lint_collection_docs(collections_path: Path) -> None:
    run_tool(
        [
            BIN / "antsibull-docs",
            "lint-collection-docs",
            "--plugin-docs",
            "--validate-collection-refs",
            "self",
            "--disallow-unknown-collection-refs",
            ".",
        ],
        env={"ANSIBLE_COLLECTIONS_PATH": str(collections_path)},
    )


def test_mypy_strict_plugins(collections_path: Path) -> None:
    run_tool(
        [BIN / "python", "-m", "mypy", "-p", "ansible_collections.fluxme.fluxos.plugins"],
        env={"MYPYPATH": str(collections_path)},
    )


def test_mypy_strict_simulator_and_tools() -> None:
    folders = ("tests/simulator", "tests/tools", "tests/gates", "tests/packaging", "tests/benchmark")
    targets = [folder for folder in folders if list((ROOT / folder).rglob("*.py"))]
    run_tool([BIN / "python", "-m", "mypy", "tests/conftest.py", *targets])


def test_ruff_check() -> None:
    run_tool([BIN / "python", "-m", "ruff", "check", "."])


def test_ruff_format() -> None:
    run_tool([BIN / "python", "-m", "ruff", "format", "--check", "--diff", "."])


def test_yamllint() -> None:
    run_tool([BIN / "python", "-m", "yamllint", "--strict", "."])


def test_antsibull_changelog_lint() -> None:
    run_tool([BIN / "antsibull-changelog", "lint"])
