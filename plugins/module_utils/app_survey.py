# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the instances of an app, one or all of them at once.

Steps: where it is (for all instances); from each node, side by side, the specification that it has and its containers;
and as soon as the containers are known, what only the owner may see of them. So a reading of many instances takes about
as long as two answers of the slowest node after one of the gateway's, however many there are, and no node waits for
another.

A node that does not answer is a row with an error. What the owner may not see there is an error of the component.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppComponent, AppSpec, Inspection
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import (
    AppControl,
    installed_app,
    registered_app,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing, check_name, parts_of, stand
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

Answers = Mapping[tuple[str, str], Any]
"""What the owner's questions gave, results or errors, by container and question."""


@dataclass(frozen=True)
class _Ask:
    """One piece of a survey; ``key`` says what it is about."""

    key: tuple[str, str]
    address: str
    work: Callable[[], Any]


class AppSurvey:
    """The instances of one app as a task wants them."""

    def __init__(self, call: Call) -> None:
        params = call.params
        self._call = call
        self._app: str = params["app"]
        check_name(self._app)
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
        spec = installed_app(client, self._app)
        standing, answers = self._stand(client.node, spec, *self._containers(client))
        parts = parts_of(standing, self._component) if standing.installed else standing.parts
        # Here FluxOS compares names exactly: by the spelling of what is installed, which may not be the task's.
        registered = self._registered(partial(registered_app, client, standing.app))
        return with_outdated(self._row(standing, parts, answers), registered)

    def everywhere(self) -> tuple[AppSpec | None, list[dict[str, Any]]]:
        """The registered specification, and a row for each place where the network holds the app, by address.

        Raises FluxOSError when no gateway answers.
        """
        places = from_gateways(self._call, lambda gateway: gateway.app_locations(self._app), enough=bool)
        clients = [self._call.client_of(place, self._call.login) for place in sorted({row.address for row in places})]
        name = places[0].name if places else self._app
        asks = [_Ask(("", "registered"), "gateway", partial(self._registered, partial(self._registered_there, name)))]
        for client in clients:
            asks.append(_Ask((client.node, "installed"), client.node, partial(installed_app, client, self._app)))
            asks.append(_Ask((client.node, "containers"), client.node, partial(self._containers, client)))
        answers = _ask(asks, self._workers)
        registered = answers["", "registered"]
        rows, known = [], {part.name for part in registered.components} if registered is not None else set()
        for client in clients:
            spec, found = answers[client.node, "installed"], answers[client.node, "containers"]
            error = next((answer for answer in (spec, found) if isinstance(answer, FluxOSError)), None)
            if error is not None:
                rows.append(with_outdated(_silent(client.node, name, error), registered))
                continue
            standing, seen = self._stand(client.node, spec, *found)
            known |= {part.component.name for part in standing.parts}
            rows.append(with_outdated(self._row(standing, self._chosen(standing), seen), registered))
        self._check_component(known)
        return registered, rows

    def _registered_there(self, name: str) -> AppSpec | None:
        return from_gateways(
            self._call, lambda gateway: registered_app(gateway, name), enough=lambda spec: spec is not None
        )

    def _chosen(self, standing: Standing) -> Sequence[Part]:
        """Of one instance of many; an outdated one may not have the component that others have."""
        if self._component is None:
            return standing.parts
        found = standing.part(self._component)
        return [found] if found is not None else []

    def _check_component(self, known: set[str | None]) -> None:
        """Raises UsageError for a component that no instance has, as far as any of them says what it has."""
        names = sorted(name for name in known if name)
        if self._component is not None and known and self._component.lower() not in map(str.lower, names):
            raise UsageError(
                f"{self._app} has no component {self._component!r} anywhere; "
                + (f"it has {', '.join(names)}" if names else "it has none at all: leave component out")
            )

    def _registered(self, read: Callable[[], AppSpec | None]) -> AppSpec | None:
        """What is registered; a warning where that cannot be read, since all the rest can."""
        try:
            return read()
        except FluxOSError as error:
            self._call.warn(f"whether {self._app} is outdated is not known: {error}")
            return None

    # -- one node ---------------------------------------------------------------------------------------------------

    def _containers(self, client: NodeClient) -> tuple[Sequence[Container], Answers]:
        """The containers of the app, and what its owner asks of each: side by side, as soon as they are known.

        Only what is there is asked for: up to 8.17 the question for a container that is not may end FluxOS.
        """
        rows = client.containers(all_states=True)
        own = [row for row in rows if row.app.lower() == self._app.lower() and self._is_chosen(row)]
        asks = [
            _Ask((row.name, look), client.node, partial(LOOKS[look], AppControl(client), _identifier(row)))
            for row in own
            for look in self._looks
            if row.running or look == "inspect"
        ]
        return rows, _ask(asks, len(asks))

    def _is_chosen(self, row: Container) -> bool:
        return self._component is None or (row.component or "").lower() == self._component.lower()

    def _stand(
        self, address: str, spec: AppSpec | None, containers: Sequence[Container], answers: Answers
    ) -> tuple[Standing, Answers]:
        return stand(address, self._app, spec, containers), answers

    def _row(self, standing: Standing, parts: Sequence[Part], answers: Answers) -> dict[str, Any]:
        return {**standing.as_dict(), "components": [self._component_row(part, answers) for part in parts]}

    def _component_row(self, part: Part, answers: Answers) -> dict[str, Any]:
        row = part.as_dict()
        name = part.container.name if part.container else ""
        looks = {look: answers.get((name, look)) for look in LOOKS}
        inspected = looks["inspect"]
        for key in _INSPECTED:
            row[key] = getattr(inspected, key) if isinstance(inspected, Inspection) else None
        row["age"] = inspected.age if isinstance(inspected, Inspection) and part.running else None
        for look in ("stats", "top"):
            if look in self._looks:
                row[look] = None if isinstance(looks[look], FluxOSError) else plain(looks[look])
        errors = [answer for answer in looks.values() if isinstance(answer, FluxOSError)]
        return {**row, "error": errors[0].as_dict()} if errors else row


def _identifier(row: Container) -> str:
    return AppComponent(row.component).identifier(row.app)


def _ask(asks: Sequence[_Ask], workers: int) -> dict[tuple[str, str], Any]:
    """All answers, or the errors in their place."""
    outcomes = each(asks, lambda ask: ask.work(), workers=workers)
    return {outcome.node.key: outcome.error or outcome.result for outcome in outcomes}


def with_outdated(row: dict[str, Any], registered: AppSpec | None) -> dict[str, Any]:
    """Whether another specification is registered than the node has; ``None`` where one of both is not known."""
    known = registered is not None and bool(registered.hash) and bool(row["hash"])
    return {**row, "outdated": row["hash"] != registered.hash if registered is not None and known else None}


def _silent(address: str, app: str, error: FluxOSError) -> dict[str, Any]:
    """A place where the network holds the app and nobody answers."""
    unknown = dict.fromkeys(("installed", "version", "hash", "owner"))
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
