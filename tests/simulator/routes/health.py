# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health checks that ``/flux/health`` and ``/id/loginphrase`` share (FluxOS: idService.js loginPhrase)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator.envelope import Reply, error

if TYPE_CHECKING:
    from tests.simulator.node import Node

CHECKS = ("db", "syncthing", "docker", "hardware", "dos", "appsDos")
DOS_NAMES = {
    "Flux IP detection failed",
    "Flux collision detection. Another ip:port is confirmed on flux network"
    " with the same collateral transaction information.",
}
DOCKER_GONE = "connect ENOENT /var/run/docker.sock"


def docker_down(node: Node) -> bool:
    """Whether docker answers."""
    return node.faults.condition("docker_down") is not None or node.faults.option("health", "check", "") == "docker"


def docker_error() -> Reply:
    """What every docker call answers then."""
    return error(DOCKER_GONE, code="ENOENT")


def refusal(node: Node, *, for_phrase: bool = False) -> Reply | None:
    """The error envelope of the first failing check, or None. The order is FluxOS'."""
    if not node.database_ready or node.database_down:
        return error("connect ECONNREFUSED 127.0.0.1:27017", name="MongoServerSelectionError")
    failing = node.faults.option("health", "check", "")
    message = node.faults.option("health", "message", "")
    # On ArcaneOS FluxOS does not own syncthing: an unhealthy one is "degraded" and no failure.
    if failing == "syncthing" and not (node.spec.arcane and node.profile.health):
        return error(message or "Syncthing is not running properly")
    if docker_down(node):
        return docker_error()
    if failing == "hardware":
        return error(message or "Node hardware requirements not met")
    if node.dos_state > 10 or node.dos_message:
        name = "DOS" if node.dos_message in DOS_NAMES else "CONNERROR"
        return error(node.dos_message or "", name=name, code=node.dos_state)
    return None


def success_checks(node: Node) -> dict[str, str]:
    """The object of a success; ``unmeasured`` until syncthing was probed once, ``degraded`` on ArcaneOS."""
    checks = dict.fromkeys(CHECKS, "ok")
    if node.world.clock.now() - node.process_started < 60:
        checks["syncthing"] = "unmeasured"
    if node.faults.option("health", "check", "") == "syncthing":
        checks["syncthing"] = "degraded"
    return checks
