# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test ``outdated``: documented in outdated.yml."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.fluxme.fluxos.plugins.module_utils import versions


def outdated(version: object, target: object) -> bool:
    """Whether ``version`` is older than ``target``."""
    try:
        return versions.outdated(version, target)
    except versions.VersionError as error:
        raise AnsibleFilterError(f"fluxme.fluxos.outdated: {error}") from error


class TestModule:
    """Makes the test known to Ansible."""

    # pytest would collect a class of this name.
    __test__ = False

    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"outdated": outdated}
