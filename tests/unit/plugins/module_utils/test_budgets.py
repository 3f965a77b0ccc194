# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""budgets: each property of its docstring."""

from __future__ import annotations

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import BudgetError, Budgets


def test_an_app_that_is_not_named_has_the_default() -> None:
    budgets = Budgets({"shop": 2}, default=3)
    assert budgets.of("shop") == 2
    assert budgets.of("wiki") == 3
    assert Budgets().of("wiki") == 1


def test_names_that_differ_in_case_only_are_one_app() -> None:
    assert Budgets({"Shop": 0}).of("sHOP") == 0


def test_two_budgets_for_one_app_are_an_error_unless_they_agree() -> None:
    assert Budgets({"Shop": 2, "shop": 2}).of("shop") == 2
    with pytest.raises(BudgetError, match="'shop' has two different budgets"):
        Budgets({"Shop": 2, "shop": 0})


@pytest.mark.parametrize("budget", [-1, True, 1.5, "2", None])
def test_a_budget_is_a_whole_number_of_instances(budget: object) -> None:
    with pytest.raises(BudgetError, match="the budget of app 'shop' is"):
        Budgets({"shop": budget})  # type-checked callers cannot do this, playbooks can
    with pytest.raises(BudgetError, match="the default budget is"):
        Budgets({}, budget)
