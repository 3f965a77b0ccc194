# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests share."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, and no verdict from the clock: the machine may be busy.
settings.register_profile("fluxos", deadline=None, derandomize=True, database=None)
settings.load_profile("fluxos")
