# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions beyond ``make test``: ansible-test on every ansible-core, and what antsibull-nox checks before a release.

``make nox ARGS='--list'`` lists them.
"""

from __future__ import annotations

import shutil
import sys

import nox

try:
    import antsibull_nox
except ImportError:
    sys.exit("antsibull-nox is missing here: use make nox")

CORES = ("2.16", "2.17", "2.18", "2.19", "2.20", "2.21")

antsibull_nox.load_antsibull_nox_toml()

for core in CORES:
    antsibull_nox.add_ansible_test_session(
        name=f"sanity-{core}",
        description=f"ansible-test sanity on ansible-core {core}",
        default=False,
        ansible_core_version=core,
        ansible_core_source="pypi",
        ansible_test_params=["sanity", "-v", "--venv", "--color", "no"],
        # Without it the session fails after passing tests: antsibull-nox cannot copy this nested folder back.
        callback_after=lambda: shutil.rmtree("tests/output/.tmp", ignore_errors=True),
    )

if __name__ == "__main__":
    nox.main()
