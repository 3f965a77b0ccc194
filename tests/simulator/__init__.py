# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A FluxOS fleet in one process: the double that the demo and the tests of this collection run against.

It imports nothing of the collection. ``README.md`` in this folder says how to start it and what the journal holds.
"""
