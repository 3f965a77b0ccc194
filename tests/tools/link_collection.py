# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout findable as the collection fluxme.fluxos, whatever its folder is called.

Links ``ansible_collections/fluxme/fluxos`` to the checkout in two places: ``build/collections`` (for tools that are
told a path) and the site-packages of ``.venv`` and ``.venv/core216`` (where ``ansible-playbook`` looks by itself).
Only the standard library, since ``tests/conftest.py`` uses it too. Safe to run by several processes at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "collections"


def link_into(tree: Path) -> Path:
    """Link the checkout as ``ansible_collections/fluxme/fluxos`` below ``tree``; return the link.

    A link that points elsewhere (the checkout was moved or copied) is replaced, in one step.
    """
    link = tree / "ansible_collections" / "fluxme" / "fluxos"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not (link.is_symlink() and os.readlink(link) == str(ROOT)):
        fresh = link.with_name(f".fluxos-{os.getpid()}")
        fresh.symlink_to(ROOT, target_is_directory=True)
        fresh.replace(link)
    return link


def main() -> int:
    """Link everywhere; return the exit code."""
    link_into(TREE)
    for environment in (ROOT / ".venv", ROOT / ".venv" / "core216"):
        for packages in environment.glob("lib/python3.*/site-packages"):
            link_into(packages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
