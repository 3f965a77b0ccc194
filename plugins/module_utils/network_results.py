# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gateways and the stats service said of the network, as typed values that do nothing but read themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Instance


@dataclass(frozen=True, slots=True)
class Location(Instance):
    """Where the network holds an app: a claim that the holder renews every hour, not a proof that it runs.

    Source: ``GET /apps/locations`` and ``GET /apps/location/<app>`` (FluxOS: messageStore.js storeAppRunningMessage). A
    record outlives a dead node by up to 125 min, and stands for stopped instances too.
    """

    hash: str = ""
    """Of the specification that *that node* has installed; empty when it did not say."""
    broadcast_at: float | None = None
    """When the holder last said so, epoch seconds on its clock."""
    expires_at: float | None = None
    """When the record goes unless it is renewed, epoch seconds."""
    running_since: float | None = None
    """Epoch seconds; when there are too many instances, the one with the latest goes."""
    os_uptime: float | None = None
    """Seconds since the start of the holder's host."""
    static_ip: bool | None = None


@dataclass(frozen=True, slots=True)
class Specification(AppSpec):
    """A specification that the network has recorded.

    Source: ``GET /apps/globalappsspecifications`` (FluxOS: registryManager.js).
    """

    height: int
    """Block of its payment; 0 when it does not say."""
    encrypted: bool
    """An enterprise app: only its owner and the nodes that hold it know its components."""
    document: Mapping[str, Any] = field(repr=False)
    """The whole of it as the network tells it."""

    @property
    def component_names(self) -> tuple[str, ...]:
        """In the order of the specification; empty for versions 1 to 3 and for encrypted ones."""
        return tuple(part.name for part in self.components if part.name)


@dataclass(frozen=True, slots=True)
class Round:
    """One walk of the stats service over all nodes; a round takes about 15 minutes."""

    started: float
    """Epoch seconds on the service's clock."""
    newest: float
    """When the last of the documents was collected, epoch seconds; ``started`` when they do not say."""

    def age(self, now: float) -> float:
        """Seconds since the round began, which is how old its oldest facts are; 0 when the clocks disagree."""
        return max(0.0, now - self.started)
