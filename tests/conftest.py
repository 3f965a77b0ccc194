# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test needs: the collection importable under its own name, and an Ansible that leaves the user's alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.tools import link_collection

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"


def _collections_tree() -> Path:
    """Return the folder that holds ``ansible_collections``, made when the checkout is not in such a place."""
    if ROOT.parts[-3:] == ("ansible_collections", "fluxme", "fluxos"):
        return ROOT.parents[2]
    link_collection.link_into(link_collection.TREE)
    return link_collection.TREE


TREE = _collections_tree()


def _settle_environment() -> None:
    """Point Ansible at this checkout only, before anything of it is imported; tests' subprocesses inherit it."""
    for name in [key for key in os.environ if key.startswith(("ANSIBLE_", "FLUXOS_"))]:
        del os.environ[name]
    home = BUILD / "ansible"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["ANSIBLE_HOME"] = str(home)
    os.environ["ANSIBLE_LOCAL_TEMP"] = str(home / "tmp")
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "tests" / "ansible.cfg")
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(TREE)
    os.environ["ANSIBLE_NOCOLOR"] = "1"
    os.environ["FLUXOS_SESSION_CACHE"] = str(home / "sessions")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    # python -m tests.simulator works from any working directory.
    os.environ["PYTHONPATH"] = str(ROOT)
    # The interpreter that runs the tests is the one whose ansible-playbook and friends they start.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


_settle_environment()


def _install_finder() -> None:
    """Let ``import ansible_collections.fluxme.fluxos`` work as it does inside Ansible."""
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

    if not any(isinstance(finder, _AnsibleCollectionFinder) for finder in sys.meta_path):
        _AnsibleCollectionFinder(paths=[str(TREE)])._install()


_install_finder()


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout, symlinks resolved."""
    return ROOT


@pytest.fixture(scope="session")
def collections_path() -> Path:
    """The folder with ``ansible_collections/fluxme/fluxos`` in it."""
    return TREE


@pytest.fixture(scope="session")
def core216() -> Path:
    """The ``bin`` folder of the environment with ansible-core 2.16; skips where no interpreter for it was found."""
    folder = ROOT / ".venv" / "core216" / "bin"
    if not (folder / "ansible-playbook").exists():
        pytest.skip("no .venv/core216 here: make setup found no Python 3.10 to 3.12 for ansible-core 2.16")
    return folder
