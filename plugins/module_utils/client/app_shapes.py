# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the JSON that FluxOS and docker answer about an app's containers to typed results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import (
    AppComponent,
    AppSpec,
    Inspection,
    Sync,
    Usage,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import DEFAULT_INSTANCES

#: The last specification version without components.
LAST_WITHOUT_COMPONENTS = 3
_DOCKER_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def app_spec(field: Field, row: Mapping[str, Any]) -> AppSpec:
    """One row of ``/apps/installedapps`` or ``/apps/globalappsspecifications``."""
    name, version = row.get("name"), row.get("version")
    if not isinstance(name, str) or not name or not isinstance(version, int):
        raise field.wrong("specifications with a name and a version")
    compose = row.get("compose")
    if version <= LAST_WITHOUT_COMPONENTS:
        components: tuple[AppComponent, ...] = (AppComponent(None, sync_of(row.get("containerData"))),)
    else:
        parts = [part for part in compose if isinstance(part, dict)] if isinstance(compose, list) else []
        components = tuple(AppComponent(text_of(part, "name"), sync_of(part.get("containerData"))) for part in parts)
    instances = row.get("instances")
    return AppSpec(
        name=name,
        owner=text_of(row, "owner"),
        version=version,
        hash=text_of(row, "hash"),
        instances=instances if isinstance(instances, int) and instances > 0 else DEFAULT_INSTANCES,
        components=components,
    )


def app_specs(field: Field) -> list[tuple[AppSpec, Mapping[str, Any]]]:
    """All rows that are specifications, each with what it was made of; a list of the network is not refused because of
    one that is none.
    """
    rows = [row for row in field.rows() if text_of(row, "name") and isinstance(row.get("version"), int)]
    return [(app_spec(field, row), row) for row in rows]


def sync_of(container_data: Any) -> Sync:
    """The flag in ``containerData``: a substring test, as FluxOS makes it (appController.js, appstart)."""
    text = container_data if isinstance(container_data, str) else ""
    flags: tuple[Sync, ...] = ("g", "r", "s")
    return next((flag for flag in flags if f"{flag}:" in text), "")


def inspection(field: Field, node_time: float | None) -> Inspection:
    """``docker inspect``, without the values of the environment, which may be secrets of the app."""
    state = field.of("State").mapping()
    health = state.get("Health")
    config = field.mapping().get("Config")
    code = state.get("ExitCode")
    return Inspection(
        id=field.of("Id").text(),
        image=text_of(config, "Image") if isinstance(config, dict) else "",
        image_digest=text_of(field.mapping(), "Image"),
        created=docker_time(field.mapping().get("Created")),
        started=docker_time(state.get("StartedAt")),
        finished=docker_time(state.get("FinishedAt")),
        exit_code=code if isinstance(code, int) else 0,
        health=(text_of(health, "Status") or None) if isinstance(health, dict) else None,
        node_time=node_time,
    )


def docker_time(value: Any) -> float | None:
    """Epoch seconds of docker's time with nanoseconds, or of FluxOS's with milliseconds.

    ``None`` for what is no time, and for the year 1, which stands for never.
    """
    found = _DOCKER_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None or value.startswith("0001-"):
        return None
    try:
        moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).timestamp()
    except ValueError:
        # Looks like a time, and is none.
        return None
    return moment + float(found[2] or 0)


def usage(field: Field) -> Usage:
    """``docker stats``, one sample; a container that does not run has no figures."""
    sample = field.mapping()
    networks = sample.get("networks")
    rows = [row for row in networks.values() if isinstance(row, dict)] if isinstance(networks, dict) else []
    return Usage(
        cpu_total=_number(sample, "cpu_stats", "cpu_usage", "total_usage") if rows or _runs(sample) else None,
        memory=_number(sample, "memory_stats", "usage"),
        memory_limit=_number(sample, "memory_stats", "limit"),
        network_in=sum(_number(row, "rx_bytes") or 0 for row in rows) if rows else None,
        network_out=sum(_number(row, "tx_bytes") or 0 for row in rows) if rows else None,
        disk=_number(sample, "disk_stats", "used"),
        processes=_number(sample, "pids_stats", "current"),
    )


def _runs(sample: Mapping[str, Any]) -> bool:
    return _number(sample, "memory_stats", "usage") is not None


def processes(field: Field) -> list[dict[str, str]]:
    """``docker top`` as one dictionary for each process, with docker's titles as keys."""
    titles, rows = field.mapping().get("Titles"), field.mapping().get("Processes")
    if not isinstance(titles, list) or not isinstance(rows, list):
        raise field.wrong("titles and processes")
    keys = [str(title).lower() for title in titles]
    return [dict(zip(keys, map(str, row), strict=False)) for row in rows if isinstance(row, list)]


def text_of(row: Mapping[str, Any], key: str) -> str:
    """A text; empty for anything else."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _number(row: Mapping[str, Any], *keys: str) -> int | None:
    value: Any = row
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
