# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the instances of an app, one or all of them at once.

Steps: where it is (for all instances), what is registered; from each node, side by side, the specification that it has
and its containers; then, of each container that there is, what only the owner may see. So a reading of many instances
takes about as long as three answers of the slowest node, however many there are.

A node that does not answer is a row with an error. What the owner may not see there is an error of the component.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec, Inspection
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import (
    AppControl,
    installed_app,
    registered_app,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Client
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing, parts_of, stand
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import from_gateways, require_login
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Container

#: What the owner may ask of a container, by the name under which users ask for it.
LOOKS: Mapping[str, Callable[[AppControl, str], Any]] = {
    "inspect": AppControl.inspect,
    "stats": AppControl.stats,
    "top": AppControl.top,
}
#: What an inspection adds to a component.
_INSPECTED = ("id", "image", "image_digest", "created", "started", "finished", "exit_code", "health")


@dataclass(frozen=True)
class _Ask:
    """One request of a survey; ``key`` says what it is about."""

    key: tuple[str, ...]
    address: str
    work: Callable[[], Any]


class AppSurvey:
    """The instances of one app as a task wants them."""

    def __init__(self, call: Call) -> None:
        params = call.params
        self._call = call
        self._app: str = params["app"]
        self._component: str | None = params["component"]
        self._workers: int = params["workers"]
        wanted = [look for look in LOOKS if look in params["gather"]]
        if set(wanted) - {"inspect"}:
            require_login(call, f"only the owner of {self._app} may see its statistics and processes")
        #: Without a key nobody asks what only an owner would be told.
        self._looks = wanted if call.login is not None else []

    # -- one, and all -----------------------------------------------------------------------------------------------

    def here(self) -> dict[str, Any]:
        """The instance on the node of the task. Raises FluxOSError when the node does not answer."""
        client = self._call.client
        standing = self._standing(client, installed_app(client, self._app), client.containers(all_states=True))
        try:
            registered = registered_app(client, standing.app)
        except FluxOSError as error:
            registered = None
            self._call.warn(f"whether {standing.app} is outdated is not known: {error}")
        return self._rows([standing], registered)[0]

    def everywhere(self) -> tuple[AppSpec | None, list[dict[str, Any]]]:
        """The registered specification, and a row for each place where the network holds the app, by address.

        Raises FluxOSError when no gateway answers.
        """
        registered, addresses = from_gateways(self._call, self._network, enough=lambda found: bool(found[1]))
        clients = {address: self._call.client_of(address) for address in addresses}
        asks = [
            ask
            for address, client in clients.items()
            for ask in (
                _Ask((address, "installed"), address, partial(installed_app, client, self._app)),
                _Ask((address, "containers"), address, partial(client.containers, all_states=True)),
            )
        ]
        answers = self._ask(asks)
        standings: list[Standing] = []
        silent: list[dict[str, Any]] = []
        for address, client in clients.items():
            spec, containers = answers[address, "installed"], answers[address, "containers"]
            error = next((answer for answer in (spec, containers) if isinstance(answer, FluxOSError)), None)
            if error is not None:
                silent.append(_silent(address, self._app, error))
            else:
                standings.append(self._standing(client, spec, containers))
        rows = [*self._rows(standings, registered), *silent]
        order = {address: at for at, address in enumerate(clients)}
        return registered, sorted(rows, key=lambda row: order[row["address"]])

    def _network(self, gateway: Client) -> tuple[AppSpec | None, list[str]]:
        asks = [
            _Ask(("registered",), gateway.node, partial(registered_app, gateway, self._app)),
            _Ask(("places",), gateway.node, partial(gateway.app_locations, self._app)),
        ]
        answers = self._ask(asks)
        for answer in answers.values():
            if isinstance(answer, FluxOSError):
                raise answer
        return answers["registered",], sorted({row.address for row in answers["places",]})

    # -- rows -------------------------------------------------------------------------------------------------------

    def _standing(self, client: NodeClient, spec: AppSpec | None, containers: Sequence[Container]) -> Standing:
        return stand(client.endpoint.address, self._app, spec, containers)

    def _rows(self, standings: Sequence[Standing], registered: AppSpec | None) -> list[dict[str, Any]]:
        """Each instance with what the owner may see of its containers."""
        chosen = {standing.address: self._parts(standing) for standing in standings}
        asks = [
            _Ask((address, part.identifier, look), address, partial(self._look, address, part, look))
            for address, parts in chosen.items()
            for part in parts
            for look in self._looks
            if part.container is not None and (part.running or look == "inspect")
        ]
        answers = self._ask(asks)
        rows = []
        for standing in standings:
            components = [
                self._component_row(
                    part, {look: answers.get((standing.address, part.identifier, look)) for look in LOOKS}
                )
                for part in chosen[standing.address]
            ]
            rows.append({**_row(standing, registered), "components": components})
        return rows

    def _parts(self, standing: Standing) -> Sequence[Part]:
        return parts_of(standing, self._component) if standing.installed else standing.parts

    def _look(self, address: str, part: Part, look: str) -> Any:
        control = AppControl(self._call.client_of(address, self._call.login))
        return LOOKS[look](control, part.identifier)

    def _component_row(self, part: Part, looks: Mapping[str, Any]) -> dict[str, Any]:
        row = part.as_dict()
        inspected = looks["inspect"]
        for name in _INSPECTED:
            row[name] = getattr(inspected, name) if isinstance(inspected, Inspection) else None
        for look in ("stats", "top"):
            if look in self._looks:
                row[look] = None if isinstance(looks[look], FluxOSError) else plain(looks[look])
        errors = [answer for answer in looks.values() if isinstance(answer, FluxOSError)]
        return {**row, "error": errors[0].as_dict()} if errors else row

    # -- asking -----------------------------------------------------------------------------------------------------

    def _ask(self, asks: Sequence[_Ask]) -> dict[tuple[str, ...], Any]:
        """All answers, or the errors in their place."""
        outcomes = each(asks, lambda ask: ask.work(), workers=self._workers)
        return {outcome.node.key: outcome.error or outcome.result for outcome in outcomes}


def _row(standing: Standing, registered: AppSpec | None) -> dict[str, Any]:
    row = standing.as_dict()
    known = registered is not None and bool(registered.hash) and bool(row["hash"])
    return {**row, "outdated": row["hash"] != registered.hash if registered is not None and known else None}


def _silent(address: str, app: str, error: FluxOSError) -> dict[str, Any]:
    """A place where the network holds the app and nobody answers."""
    unknown = dict.fromkeys(("installed", "version", "hash", "owner", "outdated"))
    return {"address": address, "app": app, **unknown, "components": [], "error": error.as_dict()}


def registered_row(spec: AppSpec | None) -> dict[str, Any] | None:
    """The registered specification, for results."""
    if spec is None:
        return None
    return {
        "name": spec.name,
        "owner": spec.owner,
        "version": spec.version,
        "hash": spec.hash,
        "instances": spec.instances,
        "components": [component.name for component in spec.components],
    }
