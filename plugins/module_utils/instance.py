# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app is on one node right now: its specification there, and a container or none for each component.

What is not visible from outside: a stop by the owner is a durable lock, which no endpoint shows. A container that is
down may be locked, may have crashed (FluxOS starts it again after up to 30 min), or may be a standby.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.fluxme.fluxos.plugins.module_utils import versions
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppComponent, AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import installed_app
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.node import NodeReads
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Container

INTENT_SINCE = "8.18.0"
"""The first FluxOS that records what is wanted, where earlier ones call docker, and that refuses node operators."""

Role = Literal["primary", "standby", "syncing"]

_EXIT_CODE = re.compile(r"Exited \((\d+)\)")
#: Exit codes of a process that docker stopped; any other is a process that ended by itself.
_STOPPED_CODES = ("0", "137", "143")


def by_intent(version: str) -> bool:
    """Whether a FluxOS of this version records what is wanted of an app; a version that is none is a newer one."""
    try:
        return versions.at_least(version, INTENT_SINCE)
    except versions.VersionError:
        return True


@dataclass(frozen=True, slots=True)
class Part:
    """One component of an app, and its container on the node."""

    component: AppComponent
    identifier: str
    container: Container | None

    @property
    def label(self) -> str:
        """The component's name, or the app's when it has no components."""
        return self.component.name or self.identifier

    @property
    def state(self) -> str:
        """Docker's word, or ``missing``."""
        return "missing" if self.container is None else self.container.state

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def role(self) -> Role | None:
        """What the state means for a component that is not run everywhere at once; ``None`` for all others.

        A ``g:`` component that is down is a standby, a correct state: which instance runs is not ours to say. An ``r:``
        component whose container never ran waits for its data.
        """
        if self.component.sync == "g" and self.state in ("running", "exited", "created"):
            return "primary" if self.running else "standby"
        return "syncing" if self.component.sync == "r" and self.state == "created" else None

    @property
    def comes_back(self) -> bool:
        """Whether what is down now may run soon without anybody's wish: after a crash, an election, a sync."""
        found = _EXIT_CODE.match(self.container.status) if self.container else None
        crashed = found is not None and found[1] not in _STOPPED_CODES
        return not self.running and (crashed or self.role is not None)

    def as_dict(self) -> dict[str, Any]:
        """For results."""
        return {
            "component": self.component.name,
            "identifier": self.identifier,
            "sync": self.component.sync,
            "container": self.container.name if self.container else None,
            "state": self.state,
            "status": self.container.status if self.container else "",
            "role": self.role,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """An app on a node; ``spec`` is ``None`` when the node does not hold it."""

    address: str
    app: str
    """As the specification spells it."""
    spec: AppSpec | None
    parts: tuple[Part, ...]

    @property
    def installed(self) -> bool:
        return self.spec is not None

    @property
    def encrypted(self) -> bool:
        """Whether the components are known by their containers only, as those of an enterprise app are."""
        return self.spec is not None and not self.spec.components

    def part(self, component: str) -> Part | None:
        """The component of this name, without regard to case."""
        return next((part for part in self.parts if (part.component.name or "").lower() == component.lower()), None)

    def same(self, part: Part) -> Part:
        """What a part that was read earlier is by now; missing when it is gone."""
        now = next((each for each in self.parts if each.identifier == part.identifier), None)
        return now or Part(part.component, part.identifier, None)

    def as_dict(self) -> dict[str, Any]:
        """For results."""
        return {
            "address": self.address,
            "app": self.app,
            "installed": self.installed,
            "version": self.spec.version if self.spec else None,
            "hash": self.spec.hash if self.spec else None,
            "owner": self.spec.owner if self.spec else None,
            "components": [part.as_dict() for part in self.parts],
        }

    def states(self) -> dict[str, str]:
        """Component (or app) to state, for differences."""
        return {part.label: part.state for part in self.parts} if self.installed else {}


def check_name(app: str) -> None:
    """Raises UsageError for what cannot be the name of an app (FluxOS: appValidator.js): it would ask for another thing
    than is meant.
    """
    if not app.strip():
        raise UsageError("app is empty: the name of an app is expected")
    if "_" in app:
        component, _unused, name = app.partition("_")
        raise UsageError(f"app is {app!r}, which names a component: set app to {name!r} and component to {component!r}")


def read_standing(client: NodeReads, app: str) -> Standing:
    """Read an app on a node: two requests, none of them with a login."""
    spec = installed_app(client, app)
    return stand(client.endpoint.address, app, spec, client.containers(all_states=True))


def stand(address: str, app: str, spec: AppSpec | None, containers: Iterable[Container]) -> Standing:
    """Put a specification and the containers of a node together.

    An enterprise app's components are encrypted and known by their containers only. Containers of an app that has no
    specification on the node (an operation has it between hands) are shown as well.
    """
    name = spec.name if spec else app
    own = {container.name: container for container in containers if container.app.lower() == name.lower()}
    if spec is not None and spec.components:
        parts = []
        for component in spec.components:
            identifier = component.identifier(name)
            parts.append(Part(component, identifier, _find(own, identifier)))
        return Standing(address, name, spec, tuple(parts))
    return Standing(
        address,
        name,
        spec,
        tuple(
            Part(AppComponent(each.component), AppComponent(each.component).identifier(name), each)
            for each in own.values()
        ),
    )


def parts_of(standing: Standing, component: str | None) -> Sequence[Part]:
    """The components that a task means. Raises UsageError for one that the app does not have."""
    if component is None:
        return standing.parts
    found = standing.part(component)
    if found is None:
        names = ", ".join(part.component.name for part in standing.parts if part.component.name)
        raise UsageError(
            f"{standing.address}: {standing.app} has no component {component!r}; "
            + (f"it has {names}" if names else "an app with this specification version has none: leave component out")
        )
    return [found]


def _find(own: dict[str, Container], identifier: str) -> Container | None:
    """The container of an identifier: ``flux`` before it, ``zel`` for two legacy apps, or nothing where it begins so
    already (FluxOS: dockerService.js getAppDockerNameIdentifier).
    """
    return next((own[name] for name in (f"flux{identifier}", f"zel{identifier}", identifier) if name in own), None)
