# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many instances of an app may be away at once.

Properties:

- An app that is not named has the default budget.
- FluxOS takes app names that differ in case only as one app, and so does this: a budget of 0 for ``Shop`` protects
  ``shop``.
- A negative budget, or two different budgets for one app, is an error.
"""

from __future__ import annotations

from collections.abc import Mapping


class BudgetError(ValueError):
    """The budgets make no sense; the message names the app."""


def app_key(app: str) -> str:
    """The form in which app names compare (FluxOS: registryManager.js getApplicationOwner ignores their case)."""
    return app.casefold()


class Budgets:
    """Budgets by app, with a default."""

    __slots__ = ("_by_app", "_default")

    def __init__(self, budgets: Mapping[str, int] | None = None, default: int = 1) -> None:
        _check("the default budget", default)
        by_app: dict[str, int] = {}
        for app, budget in (budgets or {}).items():
            _check(f"the budget of app {app!r}", budget)
            if by_app.setdefault(app_key(app), budget) != budget:
                raise BudgetError(f"app {app!r} has two different budgets (names that differ in case only are one app)")
        self._by_app = by_app
        self._default = default

    def of(self, app: str) -> int:
        """Instances of ``app`` that may be away at once; 0 means that none ever may."""
        return self._by_app.get(app_key(app), self._default)


def _check(what: str, budget: int) -> None:
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise BudgetError(f"{what} is {budget!r}: a whole number of instances, 0 or more, is expected")
