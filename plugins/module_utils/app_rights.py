# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may act on an app, and words for those who may not: FluxOS only ever says that access is denied.

Up to 8.17 the owner, the node's operator and the Flux team may; since 8.18 the operator may not, whoever owns the node
(FluxOS: verificationHelper.js, ``appownerabove`` became ``appownerorfluxteam``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Busy, FluxOSError, Unauthorized
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import (
    INTENT_SINCE,
    Standing,
    by_intent,
    check_name,
    read_standing,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import require_login, when_ready

T = TypeVar("T")

JUST_STARTED = 60
"""Seconds of uptime in which FluxOS may not have its database yet, without which it denies access to everybody."""


def look_at_instance(call: Call, *, must_be_installed: bool = True) -> tuple[Standing, str]:
    """The app of a task on its node, and the node's version; all that needs no login comes before the login.

    Raises:
        UsageError: for a name that no app can have.
        CallError: when it has to be installed and is not, or when no key is given.
        Unauthorized: see :func:`check_rights`.
    """
    client, app = call.client, call.params["app"]
    check_name(app)
    version = client.version()
    standing = read_standing(client, app)
    if must_be_installed and not standing.installed:
        raise CallError(
            f"{standing.address}: {app} is not installed on this node. Ask for its instances with "
            "fluxme.fluxos.app_instance_info and all_instances"
        )
    if standing.spec is not None:
        check_rights(call, standing.app, version, known_owner=standing.spec.owner)
    return standing, version


def check_rights(call: Call, app: str, version: str, *, known_owner: str | None = None) -> None:
    """Refuse what FluxOS would certainly refuse, before anything is sent: an operator who acts on a customer's app.

    In check mode as well, so that it tells what the real run would. Others than the operator are not judged here: they
    may belong to the Flux team, which nobody outside can know. ``known_owner`` saves a request where it is the caller.

    Raises:
        CallError: when no key is given.
        Unauthorized: for the node's operator since 8.18.
    """
    flux_id = require_login(call, f"only the owner of {app} may act on it").flux_id
    if flux_id == known_owner or not by_intent(version):
        return
    client = call.client
    owner = client.app_owner(app)
    if owner != flux_id and client.flux_id() == flux_id:
        raise _explained(client, f"act on {app}", "nothing was sent", app, owner, flux_id, version, operator=True)


def with_explanation(call: Call, app: str, version: str, send: Callable[[], T]) -> T:
    """Do it, and when FluxOS denies access say why, as far as that can be found out.

    Raises :class:`Busy` for a node that has just started and denies the owner what it will allow in a moment.
    """
    try:
        return send()
    except Unauthorized as refused:
        raise explain(call.client, app, version, refused) from refused


def when_allowed(call: Call, app: str, version: str, send: Callable[[], T]) -> T:
    """:func:`with_explanation`, and a node that has just started is waited for as the task's wait options say."""
    return when_ready(call, f"act on {app}", lambda: with_explanation(call, app, version, send))


def explain(client: NodeClient, app: str, version: str, refused: Unauthorized) -> FluxOSError:
    """The same refusal with its reason; the one given when the reason cannot be read."""
    flux_id = getattr(client.login_as, "flux_id", None)
    if flux_id is None:
        return refused
    try:
        owner, operator = client.app_owner(app), client.flux_id()
        uptime = client.process().uptime
    except FluxOSError:
        return refused
    allowed = flux_id == owner or (flux_id == operator and not by_intent(version))
    if allowed and uptime < JUST_STARTED:
        return Busy(
            client.node,
            refused.operation,
            f"{refused.said.rstrip('.')}, {uptime:.0f} s after its start",
            "FluxOS denies access to everybody until it has its database; ask again in a minute",
        )
    return _explained(
        client, refused.operation, refused.said, app, owner, flux_id, version, operator=operator == flux_id
    )


def _explained(
    client: NodeClient,
    operation: str,
    said: str,
    app: str,
    owner: str | None,
    flux_id: str,
    version: str,
    *,
    operator: bool,
) -> Unauthorized:
    since = ".".join(INTENT_SINCE.split(".")[:2])
    if owner is None:
        advice = f"{app} is not registered on the network, so nobody is its owner; check its name"
    elif owner == flux_id:
        advice = (
            f"{flux_id} owns {app}, so the signed phrase was not accepted: check the clocks of the controller and of "
            "the node, which may differ by 2 h at most"
        )
    elif operator and by_intent(version):
        advice = (
            f"Since FluxOS {since} the operator of a node may not act on the apps of others, and this node runs "
            f"{version}. {app} belongs to {owner}; this was asked as {flux_id}, the node's operator. Use the "
            "owner's key"
        )
    else:
        advice = f"{app} belongs to {owner}; this was asked as {flux_id}. Use the owner's key"
    return Unauthorized(client.node, operation, said, advice, code=401, name="Unauthorized")
