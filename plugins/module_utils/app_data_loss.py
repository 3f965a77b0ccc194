# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a redeploy deletes the data of an app on a node, decided before anything is sent."""

from __future__ import annotations

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import registered_app
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Client
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Standing


def check_data_loss(client: Client, standing: Standing, *, hard: bool, accepted: bool) -> None:
    """Raises UsageError for a redeploy that deletes data which nobody gave up; reads only."""
    node, app, installed = standing.address, standing.app, standing.spec
    if accepted or installed is None:
        return
    if hard:
        raise UsageError(
            f"{node}: a hard redeploy deletes the data of {app} on this node: set data_loss to accepted, or leave "
            "hard out for a soft one, which keeps them"
        )
    registered = registered_app(client, app)
    if registered is None:
        raise UsageError(
            f"{node}: this node does not know the registered specification of {app}, so what a redeploy would do "
            "to its data cannot be told; ask again when the node has read the chain"
        )
    if needs_data_loss(installed, registered):
        raise UsageError(
            f"{node}: {_what_changed(installed, registered)}. FluxOS makes every redeploy to other components a "
            "hard one, which deletes its data on this node: set data_loss to accepted when they may go"
        )


def needs_data_loss(installed: AppSpec, registered: AppSpec) -> bool:
    """Whether a soft redeploy to the registered specification deletes data, or may: FluxOS makes it a hard one when
    names or number of components changed (advancedWorkflows.js, from specification version 8 on; earlier ones lose the
    old volumes as well). The components of an enterprise app are encrypted: any other specification may have others.
    """
    before, after = ({part.name for part in spec.components} for spec in (installed, registered))
    if before and after:
        return before != after
    return installed.hash != registered.hash


def _what_changed(installed: AppSpec, registered: AppSpec) -> str:
    app = installed.name
    if not installed.components or not registered.components:
        return (
            f"the specification of {app} is encrypted, and another one is registered, which may have other components"
        )
    return (
        f"the components of {app} have changed since it was installed here ({_names(installed)}, now "
        f"{_names(registered)})"
    )


def _names(spec: AppSpec) -> str:
    return ", ".join(part.name or spec.name for part in spec.components)
