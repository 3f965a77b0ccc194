# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a node at one moment, and what was asked of the maintenance.

Properties:

- A value that was not read is :class:`Unread` with a cause, never a default that could pass for an answer.
- Limits that no node could ever meet are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import Budgets
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import (
    App,
    Benchmark,
    Communication,
    Confirmation,
    Container,
    Dos,
    Health,
    Process,
)

CONFIRM_FROM = 500
"""Age of a confirmation, in blocks, from which the node may be confirmed again (fluxd 9.1.0; usual is 500 to 520)."""
CONFIRM_USUALLY_BY = 520
EXPIRES_AT = 640
"""Age of a confirmation, in blocks, at which it expires (fluxd 9.1.0)."""
BLOCKS_PER_MINUTE = 2
"""A block takes 30 s since height 2020000 (FluxOS: default.js daemonPONFork)."""
SLACK_MARGIN = 20
"""Blocks kept free on top of twice the planned minutes."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that could not be read; ``why`` completes the sentence "it could not be read, because ..."."""

    why: str


_NOT_ASKED = Unread("it was not asked for")


@dataclass(frozen=True, slots=True)
class NodeReading:
    """Everything that the maintenance rules look at, as far as it could be read at one moment."""

    name: str
    """The caller's name of the node."""
    address: str
    """``ip:port`` of its API."""
    ip: str
    version: str | Unread = _NOT_ASKED
    process: Process | Unread = _NOT_ASKED
    arcane: bool | Unread = _NOT_ASKED
    """Whether it runs ArcaneOS, where FluxOS cannot restart itself."""
    block_height: int | Unread = _NOT_ASKED
    """Of the node's own daemon."""
    network_height: int | Unread = _NOT_ASKED
    """Of the network, read at the same time from elsewhere."""
    confirmation: Confirmation | Unread = _NOT_ASKED
    dos: Dos | Unread = _NOT_ASKED
    health: Health | Unread = _NOT_ASKED
    explorer_synced: bool | Unread = _NOT_ASKED
    benchmark: Benchmark | Unread = _NOT_ASKED
    communication: Communication | Unread = _NOT_ASKED
    boot_settled: bool | Unread | None = _NOT_ASKED
    """False in the boot window, ``None`` where FluxOS has none (before 8.18)."""
    containers: tuple[Container, ...] | Unread = _NOT_ASKED
    apps: tuple[App, ...] | Unread = _NOT_ASKED
    """Apps installed on the node, with or without a running container."""
    elsewhere: Mapping[str, int] | Unread = _NOT_ASKED
    """App name to instances that were verified, now, to run on other nodes."""


@dataclass(frozen=True)
class Limits:
    """What the user asked for, for one node. Raises ``ValueError`` for limits that no node can meet."""

    planned_minutes: int = 10
    """How long the node is expected to be away."""
    max_blocks_behind: int = 12
    """How far the daemon may be from the network's height, either way."""
    restart_command: bool = False
    """Whether the user gave a command that restarts FluxOS over the host's own connection."""
    budgets: Mapping[str, int] = field(default_factory=dict)
    """App name to instances of it that may be away at once."""
    default_budget: int = 1

    def __post_init__(self) -> None:
        if self.planned_minutes < 0:
            raise ValueError(f"planned_minutes is {self.planned_minutes}: it cannot be negative")
        if self.needed_blocks > CONFIRM_FROM:
            most = (CONFIRM_FROM - SLACK_MARGIN) // BLOCKS_PER_MINUTE
            raise ValueError(
                f"planned_minutes is {self.planned_minutes}: a node confirms about every {CONFIRM_FROM} blocks (30 s), "
                f"and none can be away for longer than {most} minutes without missing it"
            )
        if self.max_blocks_behind < 0:
            raise ValueError(f"max_blocks_behind is {self.max_blocks_behind}: it cannot be negative")
        Budgets(self.budgets, self.default_budget)

    @property
    def needed_blocks(self) -> int:
        """Blocks that must be left until the node wants to confirm again."""
        return SLACK_MARGIN + BLOCKS_PER_MINUTE * self.planned_minutes

    @cached_property
    def allowance(self) -> Budgets:
        """The budgets, ready to be asked by app name."""
        return Budgets(self.budgets, self.default_budget)
