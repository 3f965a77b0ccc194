# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/apps/*`` of the registry: messages, hashes, prices, limits (FluxOS: registryManager.js, messageStore.js)."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data, error, unauthorized
from tests.simulator.profiles import P17, P18, P20
from tests.simulator.routes.owner import named
from tests.simulator.routing import Registry

ROUTES = Registry()
SPEC_RIGHTS = {P17: "appownerabove", P18: "appowner", P20: "appowner"}
# Seen in 8.17; nothing says that it changed.
USD_PRICE = {
    "height": -1,
    "cpu": 0.15,
    "ram": 0.05,
    "hdd": 0.02,
    "minPrice": 0.01,
    "port": 2,
    "scope": 4,
    "staticip": 2,
    "fluxmultiplier": 0.95,
    "multiplier": 1,
    "minUSDPrice": 0.99,
}


@lru_cache(maxsize=1)
def registration() -> dict[str, Any]:
    """The ``fluxapps`` block of FluxOS' configuration."""
    path = Path(__file__).parents[1] / "data" / "registration-8.17.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@ROUTES.get("/apps/registrationinformation", cache=30)
def registration_information(call: Call) -> Reply:
    """All limits and prices."""
    return data(registration())


@ROUTES.get("/apps/getappspecsusdprice", cache=1800)
def usd_price(call: Call) -> Reply:
    """Prices in USD."""
    return data(USD_PRICE)


@ROUTES.get("/apps/hashes", cache=30)
def hashes(call: Call) -> Reply:
    """The messages that the chain holds."""
    return data(
        [
            {
                "txid": hashlib.sha256(f"tx {app.digest}".encode()).hexdigest(),
                "hash": app.digest,
                "height": app.specification()["height"],
                "value": 1_000_000_000,
                "message": True,
                "messageNotFound": False,
            }
            for app in call.world.apps.values()
        ]
    )


@ROUTES.get("/apps/temporarymessages/:hash?", cache=5)
def temporary_messages(call: Call) -> Reply:
    """Messages that are not paid for yet."""
    wanted = named(call, "hash")
    return data([row for row in call.world.temporary_messages if wanted in ("", row.get("hash"))])


@ROUTES.get("/apps/messagescount/:owner?", cache=30)
def messages_count(call: Call) -> Reply:
    """How many messages an owner has sent."""
    owner = named(call, "owner")
    return data(sum(app.owner == owner for app in call.world.apps.values()))


@ROUTES.get("/apps/availableapps", cache=30)
def available(call: Call) -> Reply:
    """All registered specifications, and then those of this node once more."""
    apps = [*call.world.apps.values(), *call.node.apps.installed.values()]
    return data([app.specification() for app in apps])


@ROUTES.get("/apps/tamperingevents/:appname?", cache=30)
def tampering(call: Call) -> Reply:
    """Incidents of this node."""
    return data([])


@ROUTES.get("/apps/installinglocations", cache=30)
@ROUTES.get("/apps/installingerrorslocations", cache=30)
@ROUTES.get("/apps/enterprisenodes", cache=30)
def nothing(call: Call) -> Reply:
    """No installation is announced, none failed, and no node is set aside."""
    return data([])


@ROUTES.get("/apps/installinglocation/:appname?", cache=30)
@ROUTES.get("/apps/installingerrorslocation/:appname?", cache=30)
def nothing_of(call: Call) -> Reply:
    """The same for one app."""
    return data([]) if named(call) else error("No Flux App name specified")


@ROUTES.get("/apps/apporiginalowner/:appname?", cache=30)
def original_owner(call: Call) -> Reply:
    """Who registered an app; here nobody gives one away."""
    name = named(call)
    if not name:
        return error("No Application Name specified")
    app = call.world.find_app(name)
    return data(app.owner) if app else error("Application not found")


@ROUTES.get("/apps/deploymentinformation", cache=30)
def deployment_information(call: Call) -> Reply:
    """Limits and prices as somebody needs them who registers an app."""
    block = registration()
    names = (
        "price", "appSpecsEnforcementHeights", "address", "portMin", "portMax", "enterprisePorts", "bannedPorts",
        "maxImageSize", "minimumInstances", "maximumInstances", "blocksLasting", "minBlocksAllowance",
        "maxBlocksAllowance", "blocksAllowanceInterval",
    )  # fmt: skip
    return data({name: block[name] for name in names})


@ROUTES.get("/apps/whitelistedrepositories", cache=30)
def whitelist(call: Call) -> Reply:
    """Empty since 8.18; before that a list of GitHub's."""
    return data([])


@ROUTES.get("/apps/updatetolatestspecs/:appname?", privilege=SPEC_RIGHTS, checks="handler", cache={P17: 30})
def latest_specification(call: Call) -> Reply:
    """The specification of an app in the newest form."""
    name = named(call)
    if not name:
        return error("Application Name is not specified")
    if not call.authorize(SPEC_RIGHTS[call.node.profile.name], name):
        return unauthorized()
    app = call.world.find_app(name)
    return data(app.specification()) if app else error(f"Application: {name} not found")


@ROUTES.get("/apps/fluxshare/getfolder/:folder?", privilege="admin")
def share_folder(call: Call) -> Reply:
    """The operator's own share: empty."""
    return data([])
