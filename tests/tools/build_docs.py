# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""make docs: the HTML reference of the collection in ``build/docs/html``, made without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "build" / "docs" / "source"
OUTPUT = ROOT / "build" / "docs" / "html"
BIN = Path(sys.executable).parent


# Our own, since that of antsibull-docs looks things up on docs.ansible.com while it builds. A few labels live there.
CONF = """\
project = "fluxme.fluxos"
html_title = html_short_title = "fluxme.fluxos"
extensions = ["sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False
default_role = "any"
suppress_warnings = ["ref.ref"]
"""


def main() -> int:
    """Build; return the exit code of the tool that failed, or 0."""
    shutil.rmtree(SOURCE.parent, ignore_errors=True)
    # antsibull-docs writes into no folder that others could write to.
    (SOURCE / "rst").mkdir(parents=True, mode=0o755)
    subprocess.run(
        [
            *(BIN / "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"),
            *("--dest-dir", SOURCE / "rst", "fluxme.fluxos"),
        ],
        check=True,
    )
    (SOURCE / "conf.py").write_text(CONF)
    return subprocess.run(
        [BIN / "python", "-m", "sphinx", "-W", "-q", "-b", "html", "-c", SOURCE, SOURCE / "rst", OUTPUT], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
