# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values of a recorded answer are FluxOS's own, and which belong to the machine or the stub behind it.

Everything is compared to the letter unless it is listed here. The recorded node had no real fluxd, fluxbenchd,
Syncthing, Docker and internet around it, and the recorder's database held its own rows; what those gave cannot be asked
of another node.

=========  ==========================================================================================================
OWN        equal to the letter (the default)
SHAPE      the same keys at every depth and the same JSON types; the values are of the machine, the day or the stub
ROWS       a list out of the database or Docker: the same names in any order (where rows have any), and row by row
           the same keys and types; a row without a name has the shape of one of the recorded rows
PASSED_ON  what a service beside FluxOS answered, passed on as it is: the same JSON type, and keys that both have are
           of the same type. FluxOS adds and removes nothing there, so the service's keys prove nothing about FluxOS
=========  ==========================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """How a value is compared; see the table of this module."""

    OWN = "own"
    SHAPE = "shape"
    ROWS = "rows"
    PASSED_ON = "passed on"


# Route (lower case, without query), then dotted path inside data ("" is data itself) -> kind. The longest path wins.
_RULES: tuple[tuple[str, Mapping[str, Kind]], ...] = (
    (
        r"/flux/info",
        {
            "": Kind.SHAPE,
            "daemon.info": Kind.PASSED_ON,
            "node.status": Kind.PASSED_ON,
            "benchmark.info": Kind.PASSED_ON,
            "benchmark.status": Kind.PASSED_ON,
            "benchmark.bench": Kind.PASSED_ON,
            "flux.version": Kind.OWN,
            "flux.zelid": Kind.OWN,
            "flux.dos": Kind.OWN,
            "flux.appsDos": Kind.OWN,
            "apps.fluxusage": Kind.SHAPE,
            "apps.runningapps": Kind.ROWS,
            # From an outside web service, null until it answered once.
            "geolocation": Kind.PASSED_ON,
        },
    ),
    # Settings and facts of the machine that FluxOS ran on.
    (r"/flux/(uptime|systemuptime|staticip|timezone|pgp|routerip)", {"": Kind.SHAPE}),
    (r"/flux/(clockdrift|nodejsversions|geolocation|kadena)", {"": Kind.PASSED_ON}),
    (r"/flux/(connectedpeersinfo|incomingconnectionsinfo|peers(/.*)?)", {"": Kind.ROWS}),
    (r"/(daemon|benchmark|syncthing)/.*", {"": Kind.PASSED_ON}),
    (r"/explorer/.*", {"": Kind.SHAPE}),
    (r"/apps/fluxusage", {"nodeSpecs": Kind.SHAPE}),
    # Docker's own answers; what FluxOS adds to them, and what its verbs did to the container, is compared.
    (
        r"/apps/appinspect(/.*)?",
        {
            "": Kind.SHAPE,
            "Name": Kind.OWN,
            "State.Status": Kind.OWN,
            "State.Running": Kind.OWN,
            "State.Paused": Kind.OWN,
            "HostConfig": Kind.OWN,
            "Config.Image": Kind.OWN,
            "Config.Hostname": Kind.SHAPE,
            "NetworkSettings": Kind.SHAPE,
        },
    ),
    (
        r"/apps/appstats(/.*)?",
        {"": Kind.SHAPE, "name": Kind.OWN, "nanoCpus": Kind.OWN, "disk_stats.status": Kind.OWN},
    ),
    (r"/apps/apptop(/.*)?", {"Processes": Kind.SHAPE}),
    (r"/apps/(listrunningapps|listallapps|installedapps(/.*)?)", {"": Kind.ROWS}),
    (r"/apps/(globalappsspecifications|availableapps)", {"": Kind.ROWS}),
    (r"/apps/(locations|location(/.*)?|hashes|temporarymessages(/.*)?|permanentmessages(/.*)?)", {"": Kind.ROWS}),
    (r"/(id|zelid)/(loggedsessions|loggedusers|activeloginphrases)", {"": Kind.ROWS}),
)

_COMPILED = tuple((re.compile(pattern + r"/?\Z"), kinds) for pattern, kinds in _RULES)


def kinds_of(target: str) -> Mapping[str, Kind]:
    """Return the kinds for the route of a request target: dotted path inside ``data`` -> kind."""
    route = re.sub(r"^[a-z]+://[^/]*", "", target.split("?")[0].split("#")[0].lower())
    for pattern, kinds in _COMPILED:
        if pattern.match(route):
            return kinds
    return {}


def row_name(row: object) -> str | None:
    """Return what identifies a row: its ``name``, or the first of a container's ``Names``."""
    if not isinstance(row, dict):
        return None
    if isinstance(row.get("Names"), list) and row["Names"]:
        return str(row["Names"][0])
    return row["name"] if isinstance(row.get("name"), str) else None
