# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could not be used of a list with thousands of rows: counted by reason, and the first few named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import clean

NAMED = 3
"""Rows named for each reason; the rest is counted."""


@dataclass
class Odd:
    """Rows that were left out. Equal input gives equal content, in the order met."""

    counts: dict[str, int] = field(default_factory=dict)
    """Reason, in words that follow a number (``without an address``), to number of rows."""
    names: dict[str, list[str]] = field(default_factory=dict)
    """Reason to the first few rows, by address, collateral or place in the list."""

    def add(self, reason: str, name: str) -> None:
        """Count one row; ``name`` is text of the network's and made fit for a message."""
        count = self.counts.get(reason, 0)
        self.counts[reason] = count + 1
        if count < NAMED:
            self.names.setdefault(reason, []).append(clean(name, 80))

    def update(self, other: Odd) -> None:
        """Take over what another list has left out."""
        for reason, count in other.counts.items():
            self.counts[reason] = self.counts.get(reason, 0) + count
            names = self.names.setdefault(reason, [])
            names.extend(other.names.get(reason, ())[: NAMED - len(names)])

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def sentence(self, what: str) -> str:
        """``Left out 3 rows of the node list: 2 without an address (89..66:0, ...), 1 listed twice (...)``.

        Empty when nothing was left out.
        """
        if not self.counts:
            return ""
        reasons = ", ".join(f"{count} {reason}{self._shown(reason)}" for reason, count in self.counts.items())
        return f"Left out {self.total} {'row' if self.total == 1 else 'rows'} of {what}: {reasons}"

    def as_entry(self) -> dict[str, Mapping[str, object]]:
        """Plain values, for results and caches."""
        return {"counts": dict(self.counts), "names": {reason: list(names) for reason, names in self.names.items()}}

    def _shown(self, reason: str) -> str:
        names = [name for name in self.names.get(reason, ()) if name]
        if not names:
            return ""
        return f" ({', '.join(names)}{', ...' if self.counts[reason] > len(names) else ''})"
