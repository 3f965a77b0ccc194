# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which app on the node."""

from __future__ import annotations


class ModuleDocFragment:
    """The app, and which of its components; goes with the fragment of the node."""

    DOCUMENTATION = r"""
options:
  app:
    description:
      - Name of the app.
      - The host variable C(fluxos_app) and the environment variable E(FLUXOS_APP) are asked when it is not set.
    type: str
    required: true
  component:
    description:
      - One component of the app. Without it all of them are meant.
      - Apps with a specification of version 1 to 3 have no components.
    type: str
"""
