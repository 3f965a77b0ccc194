# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing, installing and redeploying an app on one node, with the objects that FluxOS writes meanwhile.

FluxOS: advancedWorkflows.js softRedeploy, hardRedeploy; appUninstaller.js; appInstaller.js registerAppLocally.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator.appinfo import AppInfo, container_name, sync_flag
from tests.simulator.containers import SYNC_SECONDS, Container, LocationRow
from tests.simulator.operations import Script, message, piece
from tests.simulator.profiles import P17

if TYPE_CHECKING:
    from tests.simulator.node import Node

RECREATE = 60.0
NO_SPACE = "Insufficient space on Flux Node to spawn an application"
VOLUME_TEXTS = (
    "Searching available space...",
    "Space found",
    "Allocating space...",
    "Space allocated",
    "Creating filesystem...",
    "Filesystem created",
    "Making directory...",
    "Directory made",
    "Mounting volume...",
    "Volume mounted",
    "Creating appdata directory...",
    "Appdata directory created",
    "Making application data directories and files...",
    "Application data directories and files created",
    "Adjusting permissions...",
    "Permissions adjusted",
)


class Failed(Exception):
    """An installation that does not succeed; the text is the reason in the stream."""


class Labels:
    """How texts name a component, or an app that has none."""

    def __init__(self, app: AppInfo, component: str | None) -> None:
        self.component = component
        self.big = f"Flux App Component {component}" if component else f"Flux App {app.name}"
        self.label = f"Flux App component {component}" if component else f"Flux App {app.name}"
        self.short = f"component {component}" if component else f"Flux App {app.name}"
        self.long = f"component {component} of Flux App {app.name}" if component else f"Flux App {app.name}"
        self.local = (
            f"component {component} of local Flux App {app.name}" if component else f"local Flux App {app.name}"
        )
        self.identifier = f"{component}_{app.name}" if component else app.name
        self.removed = (
            f"Flux App component {component} of {app.name} was successfully removed"
            if component
            else f"Flux App {app.name} was successfuly removed"
        )


def remove_component(node: Node, app: AppInfo, component: str | None, *, soft: bool, keep: bool, why: str) -> Script:
    """One component: container and image, and unless ``soft`` (or ``keep``) its data."""
    words = Labels(app, component)
    name = container_name(words.identifier)
    container = node.apps.find(name)
    flag = sync_flag(app.part(component).data)
    yield piece(f"Stopping {words.big}...")
    yield node.timings.container_stop
    if container is not None:
        node.apps.stop(container, why)
        yield piece(f"{words.big} stopped")
        if flag and not soft:
            yield piece(f"Stopping syncthing on folder {node.apps.apps_folder}{name}...")
            yield piece("Syncthing adjusted")
        yield piece(f"Removing {words.label} container...")
        node.apps.discard(container)
        yield piece(f"{words.label} container removed")
    else:
        yield message("error", f"(HTTP code 404) no such container - No such container: {name} ")
        yield piece(f"{words.big} stopped")
        yield piece(f"Removing {words.label} container...")
        yield message("error", f"(HTTP code 404) no such container - No such container: {name} ")
        yield piece(f"WARNING: Container {words.identifier} may not have been fully removed. Network cleanup may fail.")
    if soft:
        yield piece(f"Removing {words.label} image...")
        yield piece(f"{words.label} image operations done")
    yield piece(f"Denying {words.short} ports...")
    yield piece(f"Ports of {words.short} denied")
    if not soft:
        yield piece(f"Unmounting volume of {words.short}...")
        yield piece(f"Cleaning up {words.short} data...")
        if not keep:
            node.apps.delete_volume(app.name, name, why)
            node.apps.locks.discard(name)
        yield piece(f"Data of {words.short} cleaned")
        yield piece("Adjusting crontab...")
        yield piece("Crontab Adjusted.")
        yield piece(f"Cleaning up data volume of {words.short}...")
        yield piece(f"Volume of {words.short} cleaned")
        yield piece(f"Removing {words.label} image...")
        yield piece(f"{words.label} image operations done")
    yield piece(words.removed)


def remove_app(node: Node, app: AppInfo, *, soft: bool = False, keep: bool = False, why: str) -> Script:
    """All components, the last first, the network and the row of the local database."""
    for component in reversed(list(app.container_names().values())):
        yield from remove_component(node, app, component, soft=soft, keep=keep, why=why)
    if not soft:
        yield piece("Cleaning up docker network...")
        yield piece("Docker network cleaned")
    yield piece("Cleaning up database...")
    node.apps.installed.pop(app.name, None)
    yield piece("Database cleaned")
    what = "partially" if soft else "successfuly"
    yield message("success", f"Removal step done. Result: Flux App {app.name} was {what} removed")


def lose(node: Node, app: AppInfo, why: str) -> None:
    """The node does not have the app any more, and its data are gone."""
    apps = node.apps
    if app.name not in apps.installed:
        apps.installed[app.name] = app
    for container in apps.of(app.name):
        apps.stop(container, why)
    apps.remove([app.name], f"{why}; data_lost")


def _pull(node: Node, app: AppInfo, component: str | None) -> Script:
    image = app.part(component).image
    repository, _unused, tag = image.partition(":")
    yield b'{"status":"Pulling from %s","id":"%s"}' % (repository.encode(), (tag or "latest").encode())
    yield (
        b'{"status":"Downloading","progressDetail":{"current":1048576,"total":4194304},'
        b'"progress":"[============>                                      ]  1.049MB/4.194MB","id":"ab12cd34ef56"}'
    )
    yield node.timings.pull
    yield b'{"status":"Pull complete","progressDetail":{},"id":"ab12cd34ef56"}'
    yield piece(f"Status: Downloaded newer image for {image}")
    if component is None:
        yield piece(f"Pulling global Flux App {app.name} was successful")
    else:
        yield piece(f"Pulling component {component} of Flux App {app.name}")


def install_component(node: Node, app: AppInfo, component: str | None, *, hard: bool) -> Script:
    """One component: ports, image, volume, container, start. Raises Failed."""
    words = Labels(app, component)
    name = container_name(words.identifier)
    yield piece(f"Allowing {words.long} ports...")
    if node.spec.port != 16127:
        yield piece(f"Port {app.part(component).port} mapped OK")
    yield from _pull(node, app, component)
    now = node.world.clock.now()
    if hard:
        if node.faults.condition("no_space"):
            raise Failed(NO_SPACE)
        for text in VOLUME_TEXTS:
            yield piece(text)
        if sync_flag(app.part(component).data):
            for text in ("Creating .stfolder for syncthing...", ".stfolder created", ".stignore created"):
                yield piece(text)
        yield piece(f"Verifying volume mount for {words.short}...")
        yield piece(f"Volume mount verified for {words.short}")
        node.apps.volumes.pop(name, None)
    yield piece(f"Creating {words.long if component and hard else words.local}")
    container = node.apps.create(app, component, now)
    yield piece(f"Starting {words.long}...")
    if container.flag == "g":
        return
    if container.flag == "r" and hard:
        _start_when_synced(node, container)
        return
    node.apps.start(container)
    yield piece("success", f"Flux App {words.identifier} successfully started.")


def _start_when_synced(node: Node, container: Container) -> None:
    """The sync layer starts an ``r:`` component when its data are there: a cycle of 30 s and two confirmations."""

    def synced() -> None:
        if container in node.apps.containers and node.is_up and container.name not in node.apps.locks:
            node.apps.start(container)

    node.world.timeline.after(SYNC_SECONDS, synced)


def install_app(node: Node, app: AppInfo, *, hard: bool, fails: str | None = None) -> Script:
    """The installation of all components. Raises Failed."""
    yield piece(f"Running initial checks for Flux App {app.name}...")
    yield piece("Connecting to database...")
    yield piece("Checking database...")
    if hard and all(container.running for container in node.apps.containers):
        for what in ("containers", "networks", "volumes", "images"):
            yield piece(f"Clearing up unused docker {what}...")
            yield piece(f"Docker {what} cleaned.")
    yield piece(f"Checking Flux App network of {app.name}...")
    if hard:
        yield piece(f"Private network access removed for {app.name}")
        yield piece(f"Docker network of {app.name} initiated.")
    else:
        yield piece(f"Flux App network of {app.name} already exists.")
    yield piece(f"Initiating Flux App {app.name} installation...")
    node.apps.installed[app.name] = app
    for component in app.container_names().values():
        if fails is not None:
            yield from _pull(node, app, component)
            raise Failed(fails)
        yield from install_component(node, app, component, hard=hard)
    yield message("success", f"Flux App {app.name} successfully installed and launched")


def removal(node: Node, app: AppInfo, *, force: bool) -> Script:
    """``/apps/appremove``: with all data; the network forgets the instance at once."""
    operations = node.operations
    if not force and operations.busy in ("removal", "installation"):
        yield message("warning", f"Another application is undergoing {operations.busy}. Removal not possible.")
        return
    operations.flag = "removal"
    try:
        yield from remove_app(node, app, why="removed by its owner")
        lose(node, app, "removed by its owner")
    except GeneratorExit:
        # The row goes last: FluxOS finds an app whose containers are missing, and makes them anew on new volumes.
        node.apps.installed.setdefault(app.name, app)
        raise
    finally:
        operations.flag = None


def not_here() -> Script:
    """The stream for an app that the node does not have."""
    yield message("error", "Flux App not found")


def installation(node: Node, app: AppInfo) -> Script:
    """``/apps/installapplocally``."""
    operations = node.operations
    if operations.busy in ("removal", "installation"):
        dot = "." if operations.busy == "removal" else ""
        yield message("warning", f"Another application is undergoing {operations.busy}. Installation not possible{dot}")
        return
    operations.flag = "installation"
    try:
        yield from install_app(node, app, hard=True)
        now = node.world.clock.now()
        node.apps.rows[app.name] = LocationRow(now, now + 7500.0, now)
        node.say("installed", apps=[app.name])
    except Failed as failed:
        yield from _tear_down(node, app, str(failed), "installation failed")
    finally:
        operations.flag = None


def trial_installation(node: Node, app: AppInfo) -> Script:
    """``/apps/testappinstall``: what it installs is removed again, without a word.

    Up to 8.17 the removal comes on every outcome, so it costs an app that was there, and an error leaves the body open.
    """
    operations = node.operations
    old = is_old(node)
    if app.name in node.apps.installed:
        yield message("error", f"Flux App {app.name} already installed")
        if old:
            lose(node, app, "test installation")
        return
    operations.flag = "installation"
    try:
        yield from install_app(node, app, hard=True)
    except Failed as failed:
        yield message("error", str(failed))
    finally:
        operations.flag = None
        if app.name in node.apps.installed:
            node.apps.forget(app.name)


def _tear_down(node: Node, app: AppInfo, reason: str, why: str) -> Script:
    yield message("error", reason)
    yield message("error", f"Error occured. Initiating Flux App {app.name} removal")
    yield from remove_app(node, app, why=why)
    lose(node, app, why)


def is_old(node: Node) -> bool:
    """Whether a failure removes the app with its data."""
    return node.profile.name == P17
