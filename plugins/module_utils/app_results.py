# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of an app that it holds, as typed values without behaviour beyond reading themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sync = Literal["g", "r", "s", ""]
Verb = Literal["start", "stop", "restart", "kill", "unpause"]


@dataclass(frozen=True, slots=True)
class AppComponent:
    """One component of a specification."""

    name: str | None
    """``None`` for the only container of an app without components (specification versions 1 to 3)."""
    sync: Sync = ""
    """How the volume is shared (``containerData``): ``g`` one instance runs at a time, chosen by an election; ``r`` the
    container starts when its data have come from the others; ``s`` is plain synchronisation."""

    def identifier(self, app: str) -> str:
        """How FluxOS names the container: ``web_shop``, or the app's name (dockerService.js getAppIdentifier)."""
        return f"{self.name}_{app}" if self.name else app


@dataclass(frozen=True, slots=True)
class AppSpec:
    """A specification. Source: ``GET /apps/installedapps`` and ``GET /apps/globalappsspecifications``."""

    name: str
    owner: str
    version: int
    hash: str
    """Of the message that registered it: two specifications are the same when this is."""
    instances: int
    components: tuple[AppComponent, ...]
    """In the order of the specification; empty for an enterprise app, whose components are encrypted."""


@dataclass(frozen=True, slots=True)
class VerbAnswer:
    """The answer to a run verb. Its words prove nothing but what is still to come: the state has to be read back."""

    said: str
    pending: str | None = None
    """Since 8.18 the reason why it is accepted and not done, such as ``waiting for the election``; else ``None``."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A container as docker describes it to the app's owner. Source: ``GET /apps/appinspect/<identifier>``."""

    id: str
    image: str
    """The tag of the specification, such as ``nginx:1.27``."""
    image_digest: str
    created: float | None
    """Epoch seconds on the node's clock; ``None`` when docker says that it never was."""
    started: float | None
    finished: float | None
    exit_code: int
    health: str | None
    """Docker's word when the image has a health check, else ``None``."""
    node_time: float | None
    """The node's clock when it answered, in whole seconds."""

    @property
    def age(self) -> float | None:
        """Seconds since the start, both by the node's clock."""
        if self.started is None or self.node_time is None:
            return None
        return max(0.0, self.node_time - self.started)


@dataclass(frozen=True, slots=True)
class Usage:
    """One sample of docker's statistics, in bytes. Source: ``GET /apps/appstats/<identifier>``."""

    cpu_total: int | None
    """Nanoseconds of processor time so far; ``None`` while the container does not run."""
    memory: int | None
    memory_limit: int | None
    network_in: int | None
    network_out: int | None
    disk: int | None
    processes: int | None


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One line of a container's log."""

    at: int
    """Epoch nanoseconds by docker's stamp, on the clock of the node's host."""
    text: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """One answer of ``GET /apps/applogpolling/<identifier>``, oldest line first."""

    lines: tuple[LogLine, ...]
    cursor: str | None
    """Where the next page begins; ``None`` up to 8.17, where an answer may also lack lines."""
    rolled_over: bool = False
    """Lines behind the cursor that was sent are no longer kept."""
    answered: int | None = None
    """The node's clock when it answered, epoch nanoseconds in whole seconds."""
    skipped: bool = False
    """The cursor that was sent meant nothing to the node, and this page stands at the end of the log."""
