# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This interpreter under a path without spaces.

A checkout may stand in a folder with a space in its name, and so does its ``.venv``. Old releases of ansible-core do
not quote ``ansible_python_interpreter``, and a script's first line cannot be quoted at all.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def without_spaces(folder: Path, python: str = sys.executable) -> str:
    """The path of ``python``, or of a small program in ``folder`` that runs it when that path has a space."""
    if " " not in python:
        return python
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n')
    program.chmod(0o755)
    return str(program)
