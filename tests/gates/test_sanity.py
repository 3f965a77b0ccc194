# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-test sanity``, with no ignore file, on the newest ansible-core and on the oldest that is supported."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gates.running import BIN, ROOT, run_tool
from tests.tools.collection_copy import copy_collection

pytestmark = [pytest.mark.gate, pytest.mark.slow]

# ansible-test downloads get-pip from its own bucket; the copy that every Python brings serves as well. The versions
# are those that ansible-core 2.16 to 2.21 ask for.
GET_PIP = "import ensurepip\nensurepip.bootstrap(upgrade=True)\n"
GET_PIP_VERSIONS = ("23_1_2", "24_2", "25_2")
# The modules run on these; a version that is not here is skipped with a warning.
PYTHON_VERSIONS = ("3.10", "3.11", "3.12", "3.13")
# Far fewer than this many tests ran means that ansible-test found no files to look at.
FEWEST_TESTS = 15


def ansible_test_home(core: str) -> Path:
    """Return a home folder for ansible-test, so that the user's own ``~/.ansible`` is left alone.

    One for each core, since both may run at once and make their environments there.
    """
    home = ROOT / "build" / "home" / core
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in GET_PIP_VERSIONS:
        (cache / f"get_pip_{version}.py").write_text(GET_PIP)
    return home


def path_of_real_interpreters(folder: Path) -> str:
    """Return a PATH without pyenv's shims.

    ansible-test runs every pythonX.Y that it finds, and a shim may stand for a version that is not active.
    """
    rest = [entry for entry in os.environ["PATH"].split(os.pathsep) if Path(entry).name != "shims"]
    real = [str(Path(os.path.realpath(folder / "python")).parent)]
    for version in PYTHON_VERSIONS:
        found = subprocess.run(
            [ROOT / "tests" / "tools" / "find-python", version], check=False, capture_output=True, text=True
        ).stdout.strip()
        real += [str(Path(found).parent)] if found else []
    return os.pathsep.join(dict.fromkeys([str(folder), *real, *rest]))


# The script itself cannot start where its path has a space: its first line then is not the first statement any more.
ANSIBLE_TEST = """
import sys
sys.argv[0] = sys.argv.pop(1)
from ansible_test._util.target.cli.ansible_test_cli_stub import main
main()
"""


def sanity(folder: Path, core: str) -> None:
    """Run all sanity tests with the ansible-test of ``folder`` and judge how many there were."""
    tree = ROOT / "build" / "sanity" / core
    collection = copy_collection(tree)
    assert not list((collection / "tests").glob("sanity/ignore*")), "an ignore file hides what sanity has to say"
    output = run_tool(
        [folder / "python", "-c", ANSIBLE_TEST, folder / "ansible-test", "sanity", "--venv", "--color", "no"],
        cwd=collection,
        env={
            "HOME": str(ansible_test_home(core)),
            "PATH": path_of_real_interpreters(folder),
            "PYTHONPATH": "",
            "ANSIBLE_COLLECTIONS_PATH": str(tree),
        },
        telling=r"^(ERROR|FATAL|WARNING):",
    )
    ran = set(re.findall(r"^Running sanity test \"([a-z0-9-]+)\"", output, flags=re.MULTILINE))
    assert len(ran) >= FEWEST_TESTS, output
    shutil.rmtree(tree)


def test_sanity_newest_core() -> None:
    sanity(BIN, f"newest-{sys.version_info.minor}")


@pytest.mark.core216
def test_sanity_core_2_16(core216: Path) -> None:
    sanity(core216, "2.16")
