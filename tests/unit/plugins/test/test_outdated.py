# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test plugin outdated. The comparison itself: module_utils/test_versions.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fluxme.fluxos.plugins.test.outdated import TestModule, outdated
from tests.unit.examples import NEWEST, examples_of, run_on_localhost


def test_it_is_registered_under_its_name() -> None:
    assert TestModule().tests() == {"outdated": outdated}


def test_it_compares() -> None:
    assert outdated("8.9.0", "8.20.0")
    assert not outdated("8.20.0", "8.20.0")


@pytest.mark.parametrize(
    ("version", "target", "says"),
    [
        ("8.21.0-beta.1", "8.20.0", "'8.21.0-beta.1' is not a FluxOS version: three numbers are expected"),
        ("8.20.0", 8.2, "8.2 is not a FluxOS version: three numbers are expected, in quotes, such as '8.20.0'"),
        (None, "8.20.0", "None is not a FluxOS version"),
    ],
)
def test_what_is_no_version_is_an_error(version: object, target: object, says: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        outdated(version, target)
    assert f"fluxme.fluxos.outdated: {says}" in str(caught.value)


REFUSED: list[dict[str, Any]] = [
    {
        "name": "A version without its quotes",
        "ansible.builtin.debug": {"msg": "{{ '8.20.0' is fluxme.fluxos.outdated(target) }}"},
        "vars": {"target": 8.2},
        "register": "refused",
        "ignore_errors": True,
    },
    {
        "name": "The message shows it",
        "ansible.builtin.assert": {"that": ['refused.msg is search("8.2 is not a FluxOS version: three numbers")']},
    },
]


def _run_examples(checkout: Path, folder: Path, bin_folder: Path) -> None:
    done = run_on_localhost([*examples_of(checkout / "plugins/test/outdated.yml"), *REFUSED], folder, bin_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "oslo" in done.stdout
    assert "berlin" not in done.stdout
    assert "WARNING" not in done.stderr


def test_the_examples_run(checkout: Path, tmp_path: Path) -> None:
    _run_examples(checkout, tmp_path, NEWEST)


@pytest.mark.core216
def test_the_examples_run_on_the_oldest_core(checkout: Path, tmp_path: Path, core216: Path) -> None:
    _run_examples(checkout, tmp_path, core216)
