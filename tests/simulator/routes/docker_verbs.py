# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run verbs up to 8.17: they call docker, container by container, and the first error ends them.

FluxOS: appController.js, dockerService.js appDocker*. Locks are written before docker is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.appinfo import AppInfo, container_name
from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, data, error
from tests.simulator.routes.health import docker_down, docker_error
from tests.simulator.routes.owner import find, missing

Act = Callable[[Call, Container], str]


class DockerError(Exception):
    """Docker refused; the text is dockerode's."""


class Gone(Exception):
    """There is no such container; the text is its identifier."""


def _start(call: Call, container: Container) -> str:
    if container.paused:
        raise DockerError("(HTTP code 409) unexpected - cannot start a paused container, try unpause instead ")
    if container.running:
        raise DockerError("(HTTP code 304) container already started -  ")
    call.node.apps.start(container)
    return "successfully started."


def _stop(call: Call, container: Container) -> str:
    if not container.running:
        return "is already stopped."
    call.node.apps.stop(container, "stopped by its owner")
    return "successfully stopped."


def _restart(call: Call, container: Container) -> str:
    if not container.running:
        call.node.apps.start(container)
        return "was stopped, successfully started."
    call.node.apps.restart(container, "restarted by its owner")
    return "successfully restarted."


def _pause(call: Call, container: Container) -> str:
    if container.paused:
        raise DockerError(f"(HTTP code 409) unexpected - container {container.docker_id} is already paused ")
    if not container.running:
        raise DockerError(f"(HTTP code 409) unexpected - container {container.docker_id} is not running ")
    container.paused = True
    return "successfully paused."


def _unpause(call: Call, container: Container) -> str:
    if not container.paused:
        raise DockerError(f"(HTTP code 500) server error - Container {container.docker_id} is not paused ")
    container.paused = False
    return "successfully unpaused."


def _identifiers(app: AppInfo) -> list[str]:
    return [f"{component}_{app.name}" for component in app.components]


def _waits_for_election(container: Container) -> bool:
    return container.flag == "g" and not container.running


class _Verb:
    """``done``: the answer for a composed app; ``skips``: what a standby is not made to do (start, restart)."""

    def __init__(self, act: Act, done: str, *, lock: bool | None = None, skips: str = "", back: bool = False) -> None:
        self._act = act
        self._done = done
        self._lock = lock
        self._skips = skips
        self._back = back

    def __call__(self, call: Call, name: str) -> Reply:
        app = None if "_" in name else call.world.find_app(name)
        if app is None and "_" not in name:
            return error("Application not found")
        try:
            if app is not None and app.is_composed:
                return self._whole(call, app)
            return self._single(call, name)
        except DockerError as refused:
            return error(str(refused))
        except Gone as gone:
            return missing(call, str(gone))

    def _note(self, call: Call, identifier: str) -> None:
        """The durable lock: set, cleared or left alone."""
        if self._lock is True:
            call.node.apps.locks.add(container_name(identifier))
        elif self._lock is False:
            call.node.apps.locks.discard(container_name(identifier))

    def _single(self, call: Call, name: str) -> Reply:
        self._note(call, name)
        if docker_down(call.node):
            return docker_error()
        container = find(call, name)
        if container is None:
            raise Gone(name)
        if self._skips and _waits_for_election(container):
            what = "Component" if "_" in name else "Application"
            return data(f"{what} {name} uses g:syncthing mode and is not running - skipped {self._skips}")
        return data(f"Flux App {name} {self._act(call, container)}")

    def _whole(self, call: Call, app: AppInfo) -> Reply:
        identifiers = _identifiers(app)
        if self._back:
            identifiers.reverse()
        for identifier in identifiers:
            self._note(call, identifier)
        if docker_down(call.node):
            return docker_error()
        for identifier in identifiers:
            container = find(call, identifier)
            if container is None:
                raise Gone(identifier)
            if not (self._skips and _waits_for_election(container)):
                self._act(call, container)
        return data(f"Application {app.name} {self._done}")


start = _Verb(_start, "started", lock=False, skips="start")
stop = _Verb(_stop, "stopped", lock=True, back=True)
restart = _Verb(_restart, "restarted", lock=False, skips="restart")
pause = _Verb(_pause, "paused", back=True)
unpause = _Verb(_unpause, "unpaused")
