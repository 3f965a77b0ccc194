# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed results as the plain values that a task returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process


def plain(value: Any) -> Any:
    """Dataclasses become dictionaries, tuples lists; a process also tells when it started."""
    if value is None or isinstance(value, (str, bool, int, float)):
        # Before the abstract class is asked: that takes a millisecond for each type that it hears of first.
        return value
    if is_dataclass(value) and not isinstance(value, type):
        result = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {**result, "started": value.started} if isinstance(value, Process) else result
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value
