# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module promises."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that modules share; a module adds ``support`` and its own details."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and predict C(changed) without a write.
  diff_mode:
    description: Returns what changes when in diff mode.
  idempotent:
    description: A second run with the same options changes nothing.
  action_group:
    description: Use C(group/fluxme.fluxos.fluxos) in C(module_defaults) to set options for all modules of the group.
  async:
    description:
      - Supports C(async). Such a task runs as an ordinary module on the host that it is delegated to.
"""

    FLUXOS = r"""
options: {}
attributes:
  action_group:
    support: full
    membership: [fluxme.fluxos.fluxos]
  async:
    support: partial
    details: Needs C(delegate_to) a host that Ansible can log in to, C(localhost) for example.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module only reads.
  diff_mode:
    support: none
    details: This module changes nothing.
  idempotent:
    support: full
    details: This module changes nothing.
"""
