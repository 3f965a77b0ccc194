# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a change is waited for."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every wait."""

    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until the nodes show the effect.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds after which waiting ends with an error that says what was waited for and what was last seen.
    type: float
    default: 900.0
  wait_interval:
    description:
      - Seconds between two looks.
    type: float
    default: 5.0
"""
