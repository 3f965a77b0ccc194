# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of a module came to, for the tests of modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

#: Label of somebody who owns no node.
STRANGER = "a stranger"


@dataclass(frozen=True)
class Ran:
    """One run of a module, and what the simulator saw of it."""

    failed: bool
    result: dict[str, Any]
    lines: list[str]
    """What was told while it waited."""
    journal: list[dict[str, Any]]

    @property
    def changed(self) -> bool:
        assert not self.failed, self.result
        return bool(self.result["changed"])

    @property
    def error(self) -> str:
        """The message of a run that failed, in a way that its author foresaw."""
        assert self.failed, self.result
        text = str(self.result["msg"])
        assert "internal error" not in text, self.result
        return text

    @property
    def requests(self) -> list[str]:
        return [line["path"] for line in self.journal if line["kind"] == "request"]

    @property
    def writes(self) -> list[str]:
        """Requests that could change something, as FluxOS counts them."""
        return [line["path"] for line in self.journal if line["kind"] == "request" and line["write"]]

    @property
    def logins(self) -> int:
        return self.writes.count("/id/verifylogin")


class RunModule(Protocol):
    """Runs a module with the options that a task would have."""

    def __call__(self, name: str, *, check: bool = False, diff: bool = False, **options: Any) -> Ran:
        """Run it and say what came of it."""
