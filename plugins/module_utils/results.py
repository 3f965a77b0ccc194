# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a FluxOS node or gateway said, as typed values.

Everything here is frozen, has no behaviour beyond reading itself, and does no input or output: the client fills these
classes, the maintenance rules judge them. Times are epoch seconds, durations seconds, heights blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DEFAULT_INSTANCES = 3
"""Instances that FluxOS runs of an app whose specification says nothing (specification versions 1 and 2)."""

_CONTAINER_PREFIXES = ("flux", "zel")


@dataclass(frozen=True, slots=True)
class Process:
    """The FluxOS process of a node.

    Source: ``GET /flux/uptime`` (FluxOS: fluxNetworkHelper.js fluxUptime) and the ``Date`` header of the same answer.
    """

    uptime: int
    """Seconds since the process started, counted by the node."""
    node_time: float | None = None
    """The node's clock when it answered, from the ``Date`` header (whole seconds); ``None`` when it sent none."""

    @property
    def started(self) -> float | None:
        """When the process started, on the *node's* clock; ``None`` when the node did not tell its time."""
        return None if self.node_time is None else self.node_time - self.uptime

    def started_on(self, clock: float) -> float:
        """When the process started, on a clock that read ``clock`` when the node answered.

        With the controller's clock this does not depend on the node's, which may be wrong.
        """
        return clock - self.uptime


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The node's standing on the chain. Source: ``GET /daemon/getfluxnodestatus`` (fluxd 9.1.0)."""

    status: str
    """``CONFIRMED``, ``STARTED``, ``DOS``, ``OFFLINE`` or ``expired``, as the daemon spells it."""
    last_confirmed_height: int
    """Block of the last confirmation; 0 when there was none."""
    collateral: str = ""
    """The node's primary key, ``COutPoint(<txid>, <index>)``."""
    ip: str = ""
    """Without port for the default port 16127, as the daemon reports it; may be empty."""
    tier: str = ""
    """``CUMULUS``, ``NIMBUS`` or ``STRATUS``."""
    payment_address: str = ""

    @property
    def confirmed(self) -> bool:
        """FluxOS takes exactly the text ``CONFIRMED`` as confirmed, and nothing else (nodeConfirmationService.js)."""
        return self.status == "CONFIRMED"


@dataclass(frozen=True, slots=True)
class Dos:
    """The node's own count of troubles. Source: ``GET /flux/dosstate`` (FluxOS: fluxNetworkHelper.js getDOSState)."""

    state: float
    """0 is well; above 10 health refuses; 100 and more takes the node out of service. May be fractional."""
    message: str | None = None
    """The reason; a state above 0 without one comes from failing port tests of apps."""


@dataclass(frozen=True, slots=True)
class Health:
    """The node's own health check. Source: ``GET /flux/health``, FluxOS 8.19 and later."""

    ok: bool
    checks: Mapping[str, str] = field(default_factory=dict)
    """Check name to ``ok``; ``syncthing`` also ``unmeasured`` or ``degraded``, both successes. Empty on failure."""
    said: str | None = None
    """What FluxOS said when a check failed; the first failure ends its run."""
    offered: bool = True
    """False when the node does not have this check (HTTP 404: FluxOS before 8.19)."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The benchmark daemon. Source: ``GET /benchmark/getstatus`` and ``GET /benchmark/getbenchmarks``."""

    status: str
    """``benchmarking`` of getstatus: the tier, ``running`` or ``failed``."""
    tier_status: str
    """``status`` of getbenchmarks: ``CUMULUS``, ``NIMBUS`` or ``STRATUS`` when it passed, else a text."""


@dataclass(frozen=True, slots=True)
class Communication:
    """Peers. Source: ``GET /flux/checkcommunication`` (FluxOS: fluxCommunication.js isCommunicationEstablished)."""

    established: bool
    said: str


@dataclass(frozen=True, slots=True)
class Container:
    """One app container of a node. Source: ``GET /apps/listallapps`` or ``GET /apps/listrunningapps``.

    Since 8.18 the node tells only name, state and status.
    """

    name: str
    """The docker name without its leading slash, for example ``fluxweb_shop``."""
    app: str
    component: str | None
    """``None`` for apps of specification versions 1 to 3, which have no components."""
    state: str
    """Docker's word: ``running``, ``exited``, ``created``, ``paused``, ``restarting`` or ``dead``."""
    status: str
    """Docker's sentence, for example ``Up 3 hours (healthy)``."""

    @property
    def running(self) -> bool:
        return self.state == "running"

    @classmethod
    def from_docker(cls, name: str, state: str, status: str) -> Container:
        """Read a docker name such as ``/fluxweb_shop`` (component ``web`` of ``shop``) or ``/fluxoldapp``.

        Neither app nor component names may hold an underscore, so the first one separates them.
        Source: FluxOS: dockerService.js getAppIdentifier, getAppDockerNameIdentifier.
        """
        plain = name.removeprefix("/")
        identifier = plain
        for prefix in _CONTAINER_PREFIXES:
            if plain.startswith(prefix):
                identifier = plain[len(prefix) :]
                break
        component, separator, app = identifier.partition("_")
        if not separator:
            return cls(name=plain, app=identifier, component=None, state=state, status=status)
        return cls(name=plain, app=app, component=component, state=state, status=status)


@dataclass(frozen=True, slots=True)
class App:
    """An app as its specification on a node says. Source: ``GET /apps/installedapps``."""

    name: str
    owner: str
    instances: int = DEFAULT_INSTANCES
    """Instances that the network shall run."""
    components: tuple[str, ...] = ()
    """Component names in the order of the specification; empty for versions 1 to 3."""
    version: int = 0
    """Version of the specification; 0 when unknown."""
    elected: tuple[str, ...] = ()
    """Components whose container runs on one node at a time, chosen by an election (``g:`` in ``containerData``); on
    the other nodes they stand by. An app without components is named by an empty text."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Where an app is held. Source: ``GET /apps/location/<app>``; a row lives up to 7500 s after the instance died."""

    name: str
    """The app's name."""
    address: str
    """``ip:port`` of the node, always with the port."""


@dataclass(frozen=True, slots=True)
class RestartAnswer:
    """What came back from ``GET /flux/restart``. None of the outcomes proves a restart: only the uptime does."""

    outcome: Literal["accepted", "dropped", "unclear", "cannot"]
    """``dropped``: the connection closed without an answer, the usual one on legacy nodes (pm2 kills the process that
    answers). ``unclear``: something answered that is not FluxOS, a proxy for example, which may have passed the request
    on. ``cannot``: the node has no pm2 (ArcaneOS), nothing was restarted."""
    said: str
