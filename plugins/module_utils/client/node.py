# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One FluxOS node: its public reads. What needs a login is in :mod:`client.operator`."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils import versions
from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Client
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    BadAnswer,
    Busy,
    GatewayNotANode,
    NotFound,
    Refused,
    Unauthorized,
)
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
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport

N = TypeVar("N", bound="NodeReads")

BOOT_WINDOW_SINCE = "8.18.0"
"""The first FluxOS that answers 503 until it has reconciled its apps after a start."""


class NodeReads(Client):
    """What anybody may ask a node. Reads skip the node's response cache unless ``fresh`` is off."""

    def __init__(self, endpoint: Endpoint, transport: Transport, *, fresh: bool = True) -> None:
        """
        Raises:
            GatewayNotANode: for a known gateway, which would answer about a stranger's node.
        """
        if endpoint.is_gateway:
            raise GatewayNotANode(
                endpoint.address,
                "address a node",
                "this is a gateway, which answers from whichever node it likes",
                "Give the node's own address, such as 203.0.113.7:16127",
            )
        super().__init__(endpoint, transport, fresh=fresh)

    def cached(self: N) -> N:
        """The same node, with reads that take what its response cache has: cheaper for it, up to a minute old."""
        twin = copy.copy(self)
        twin.fresh = False
        return twin

    # -- FluxOS itself ----------------------------------------------------------------------------------------------

    def version(self) -> str:
        """FluxOS' version, such as ``8.20.0``.

        ``GET /flux/version``, public, cache 30 s (fluxService.js getFluxVersion).
        """
        return self.field("/flux/version", "read the version").text()

    def process(self) -> Process:
        """Age of the FluxOS process and the node's clock.

        ``GET /flux/uptime``, public, cache 30 s (fluxNetworkHelper.js fluxUptime): seconds.
        """
        answer = self.read("/flux/uptime", "read the uptime")
        uptime = shapes.Field(self.node, "read the uptime (/flux/uptime)", answer.data).whole()
        return Process(uptime=uptime, node_time=answer.node_time)

    def info(self) -> dict[str, Any]:
        """Everything that FluxOS tells of itself in one answer; slow, and refused as a whole when one part fails.

        ``GET /flux/info``, public, cache 60 s (fluxService.js getFluxInfo).
        """
        return self.field("/flux/info", "read the node's information").mapping()

    def health(self) -> Health:
        """FluxOS' own checks. Necessary, never sufficient: they do not see the daemon, the chain, peers or apps.

        ``GET /flux/health``, public, success cached 30 s, since 8.19. An older node answers 404: ``offered`` is false
        and nothing is known.
        """
        try:
            checks = self.field("/flux/health", "read the health", since="8.19").mapping()
        except NotFound:
            return Health(ok=False, said="this FluxOS has no health check (it came with 8.19)", offered=False)
        except Unauthorized:
            raise
        except Refused as error:
            return Health(ok=False, said=error.said)
        return Health(ok=True, checks={name: str(value) for name, value in checks.items()})

    def tier(self) -> str:
        """``CUMULUS``, ``NIMBUS`` or ``STRATUS``.

        ``GET /flux/nodetier``, public, cache 30 s (fluxService.js getNodeTier), which says ``cumulus_new`` and so on.
        """
        return self.field("/flux/nodetier", "read the tier").text().removesuffix("_new").upper()

    def is_arcane(self) -> bool:
        """Whether the node runs ArcaneOS, as its benchmark says (``systemsecure``).

        ``GET /flux/isarcaneos``, public, cache 1 day (fluxService.js isArcaneOs): always asked afresh, because a false
        taken while the benchmark was down is kept for a day. Also false while the benchmark fails.

        Raises:
            BadAnswer: when the node does not say, as with a benchmark that does not know the field.
        """
        return self.field("/flux/isarcaneos", "ask whether this is ArcaneOS", fresh=True).truth()

    def dos(self) -> Dos:
        """The node's count of its own troubles. ``GET /flux/dosstate``, public, cache 30 s (getDOSState)."""
        return shapes.dos(self.field("/flux/dosstate", "read the DOS state"))

    def flux_id(self) -> str:
        """Flux ID of the operator. ``GET /flux/id``, public, cache 30 s (fluxService.js getFluxZelID)."""
        return self.field("/flux/id", "read the operator's Flux ID").text()

    def geolocation(self) -> dict[str, Any] | None:
        """Where the node is, ``None`` while it does not know.

        ``GET /flux/geolocation``, public, cache 30 s: ``continentCode``, ``countryCode``, ``regionName``, ``lat``,
        ``lon``, ``org``, ...
        """
        field = self.field("/flux/geolocation", "read the geolocation")
        return None if field.value is None else field.mapping()

    def communication(self) -> Communication:
        """Whether there are enough peers, which takes minutes after a start.

        ``GET /flux/checkcommunication``, public, not cached (fluxCommunication.js isCommunicationEstablished); "not
        enough" is an error envelope.
        """
        try:
            answer = self.read("/flux/checkcommunication", "check the communication")
        except Unauthorized:
            raise
        except Refused as error:
            return Communication(established=False, said=error.said)
        return Communication(established=True, said=answer.message or str(answer.data))

    # -- daemon, explorer, benchmark --------------------------------------------------------------------------------

    def confirmation(self) -> Confirmation:
        """The node's standing on the chain.

        ``GET /daemon/getfluxnodestatus``, public, cache 60 s (daemonServiceFluxnodeRpcs.js getFluxNodeStatusApi).
        """
        return shapes.confirmation(self.field("/daemon/getfluxnodestatus", "read the confirmation"))

    def daemon_info(self) -> dict[str, Any]:
        """The daemon's own state: ``blocks``, ``connections``, ``version``, ``errors``, ...

        ``GET /daemon/getinfo``, public, cache 30 s and 20 s of the daemon's own.
        """
        return self.field("/daemon/getinfo", "read the daemon's state").mapping()

    def explorer_synced(self) -> bool:
        """Whether FluxOS has processed the chain up to the daemon's tip.

        ``GET /explorer/issynced``, public, cache 30 s (explorerService.js isExplorerSynced).
        """
        return self.field("/explorer/issynced", "ask whether the explorer is synced").truth()

    def benchmark(self) -> Benchmark:
        """State and last result of the benchmark daemon.

        ``GET /benchmark/getstatus`` and ``GET /benchmark/getbenchmarks``, public, cache 30 s, 10 s inside
        (benchmarkService.js). A missing ``status`` of the result is an empty text: no tier was reached.
        """
        state = self.field("/benchmark/getstatus", "read the benchmark's state").of("benchmarking").text()
        result = self.field("/benchmark/getbenchmarks", "read the benchmark's result").mapping().get("status")
        return Benchmark(status=state, tier_status=result if isinstance(result, str) else "")

    # -- apps -------------------------------------------------------------------------------------------------------

    def containers(self, *, all_states: bool = False) -> tuple[Container, ...]:
        """Containers of apps that run (and paused ones, and those in a backup), or with ``all_states`` every one.

        ``GET /apps/listrunningapps``, public, cache 15 s; ``GET /apps/listallapps``, public, cache 30 s
        (FluxOS: appQueryService.js). Since 8.18 rows have only names, state and status, which is all that is read here.
        """
        path = "/apps/listallapps" if all_states else "/apps/listrunningapps"
        return shapes.containers(self.field(path, "list the containers"))

    def installed_apps(self) -> tuple[App, ...]:
        """Specifications of the apps on this node, running or not.

        ``GET /apps/installedapps``, public, cache 30 s (appQueryService.js installedApps).
        """
        return shapes.apps(self.field("/apps/installedapps", "list the installed apps"))

    def boot_settled(self, version: str | None = None) -> bool | None:
        """Whether the node has reconciled its apps after its start; ``None`` where it cannot tell (before 8.18).

        ``GET /apps/appstart/x`` **without** a login does nothing: inside the boot window it answers 503, afterwards
        that the caller is not authorised. No other endpoint says it. ``version`` saves asking for it.
        """
        if _before_boot_window(version or self.version()):
            return None
        path = "/apps/appstart/x"
        try:
            # Asked once: 503 is the answer that is looked for, not a failure that may pass.
            answer = self.read(path, "ask whether the boot is over", fresh=True, retries=0)
        except Busy:
            return False
        except Unauthorized:
            return True
        except Refused:
            # Since 8.18 authorisation comes right after the gate; any other envelope came from behind it as well.
            return True
        raise BadAnswer(
            self.node,
            f"ask whether the boot is over ({path})",
            f"the node acted on a request without a login: {answer.message or answer.data}",
            "This is not how FluxOS answers; check the address",
        )


def _before_boot_window(version: str) -> bool:
    try:
        return not versions.at_least(version, BOOT_WINDOW_SINCE)
    except versions.VersionError:
        # A development build: the probe does no harm and tells what the version does not.
        return False
