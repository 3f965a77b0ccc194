# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one checking tool as a subprocess and fail with all that it said."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def run_tool(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 900,
    telling: str = "",
) -> str:
    """Run ``command``; return what it printed (both streams), or fail the test with it.

    :param env: added to the environment that ``tests/conftest.py`` has settled.
    :param timeout: seconds; a gate that hangs must not take the whole run with it.
    :param telling: when the command fails, show only the lines with this pattern; empty for all of them.
    """
    words = [os.fspath(word) for word in command]
    result = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    if result.returncode:
        said = [line for line in result.stdout.splitlines() if re.search(telling, line)] or [result.stdout]
        pytest.fail(
            f"{shlex.join(words)}\nended with exit code {result.returncode}:\n\n" + "\n".join(said), pytrace=False
        )
    return result.stdout
