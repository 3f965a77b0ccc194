# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real copy of the checkout at ``ansible_collections/fluxme/fluxos``, for tools that accept no symlink."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files_of_checkout() -> list[Path]:
    """Return the files that git has or would add, relative to the checkout; deleted ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    names = {Path(name) for name in listed.decode().split("\0") if name}
    return sorted(name for name in names if (ROOT / name).is_file())


def copy_collection(tree: Path) -> Path:
    """Copy the checkout below ``tree``, replacing an earlier copy; return the collection's folder.

    The copy is a git repository of its own: ansible-test asks the nearest one above for the files, and that of the
    checkout ignores ``build/``, so that every test would pass on nothing at all.
    """
    target = tree / "ansible_collections" / "fluxme" / "fluxos"
    shutil.rmtree(target, ignore_errors=True)
    for name in files_of_checkout():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    subprocess.run(["git", "init", "--quiet", str(target)], check=True, capture_output=True)
    return target
