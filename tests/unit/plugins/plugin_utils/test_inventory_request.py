# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options to a request: what is understood, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request, RequestError

OWNER = "t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge"
APP_OWNER = "1PLscbUqzZMtFvLGbbQ5ZrDVfVMFFmMbiQ"
DEFAULTS: dict[str, Any] = {
    "gateway": ["https://api.runonflux.io", "https://api.runonflux.com"],
    "owners": [],
    "nodes": [],
    "apps": [],
    "app_owners": [],
    "read_status": False,
    "tiers": [],
    "statuses": [],
}


def request_of(**options: Any) -> Request:
    return Request.from_options({**DEFAULTS, **options}.__getitem__)


@pytest.mark.parametrize(
    ("options", "scope", "asks"),
    [
        ({}, "network", True),
        ({"owners": [OWNER]}, "owner", True),
        ({"nodes": ["203.0.113.7"]}, "nodes", False),
        ({"nodes": ["203.0.113.7"], "read_status": True}, "nodes", True),
        ({"nodes": ["203.0.113.7"], "gateway": []}, "nodes", False),
        ({"apps": ["TideBoard"]}, "none", True),
        ({"app_owners": [APP_OWNER]}, "none", True),
        ({"apps": ["TideBoard"], "nodes": ["203.0.113.7"]}, "nodes", True),
        ({"apps": ["TideBoard"], "owners": [OWNER]}, "owner", True),
    ],
)
def test_scope_and_whether_somebody_is_asked(options: dict[str, Any], scope: str, asks: bool) -> None:
    request = request_of(**options)
    assert (request.scope, request.asks_somebody) == (scope, asks)


def test_words_are_understood_in_any_case_and_once() -> None:
    request = request_of(tiers=["Stratus", " NIMBUS ", "stratus"], statuses=["CONFIRMED", "dos"])
    assert request.tiers == {"stratus", "nimbus"}
    assert request.statuses == {"confirmed", "dos"}


@pytest.mark.parametrize("owner", [OWNER, "02" + "ab" * 32, "04" + "cd" * 64])
def test_owners_are_payment_addresses_or_public_keys(owner: str) -> None:
    assert request_of(owners=[owner, f" {owner} "]).owners == (owner,)


@pytest.mark.parametrize("owner", [APP_OWNER, "0x" + "aB" * 20])
def test_app_owners_are_flux_ids(owner: str) -> None:
    assert request_of(app_owners=[owner, f" {owner} "]).app_owners == (owner,)


@pytest.mark.parametrize("app", ["TideBoard", "a", "7", "tide-board", "A" * 63])
def test_apps_have_the_names_that_fluxos_accepts(app: str) -> None:
    assert request_of(apps=[app]).apps == (app,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"apps": ["tide.*"]}, "apps: 'tide.*' is no name of an app"),
        ({"apps": ["-tide"]}, "is no name of an app"),
        ({"apps": ["A" * 64]}, "is no name of an app"),
        ({"app_owners": [OWNER]}, "a payment address (t1..., t3...) owns nodes only"),
        ({"app_owners": ["me"]}, "app_owners: 'me' is no Flux ID"),
        ({"apps": ["TideBoard"], "gateway": []}, "at least one URL"),
        ({"apps": ["TideBoard"], "nodes": ["203.0.113.7"], "gateway": []}, "at least one URL"),
        ({"apps": ["TideBoard"], "tiers": ["nimbus"]}, "tiers: they choose nodes, and only apps are asked for"),
        ({"apps": ["TideBoard"], "statuses": ["dos"]}, "statuses: they choose nodes"),
        ({"apps": ["TideBoard"], "read_status": True}, "none are given"),
        ({"owners": ["1PLscbUqzZMtFvLGbbQ5ZrDVfVMFFmMbiQ"]}, "a Flux ID is not known in the node list"),
        ({"owners": [OWNER[:-1]]}, "neither a payment address"),
        ({"owners": [OWNER], "nodes": ["203.0.113.7"]}, "give one of them"),
        ({"gateway": ["api.runonflux.io"]}, "write it with its scheme"),
        ({"gateway": ["https://api.runonflux.io/path"]}, "without a path"),
        ({"gateway": []}, "at least one URL"),
        ({"nodes": ["203.0.113.7:16128"]}, "16128 is the HTTPS port"),
        ({"nodes": ["https://api.runonflux.io"]}, "is a gateway, which answers from any node"),
        ({"tiers": ["gold"]}, "tiers: 'gold' is none of cumulus, nimbus, stratus"),
        ({"statuses": ["well"]}, "statuses: 'well' is none of confirmed"),
        ({"statuses": ["dos"]}, "confirmed nodes only"),
        ({"read_status": True}, "none are given"),
        ({"nodes": ["203.0.113.7"], "tiers": ["nimbus"]}, "tiers: an address does not tell; set 'read_status: true'"),
        ({"nodes": ["203.0.113.7"], "statuses": ["dos"]}, "statuses: an address does not tell"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write_instead(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=r"^(gateway|app|owners|nodes|tiers|statuses|read_status)") as caught:
        request_of(**options)
    assert words in str(caught.value)


def test_the_cache_depends_on_what_is_fetched_not_on_what_is_chosen() -> None:
    facts = request_of(owners=[OWNER]).cache_facts()
    assert request_of(owners=[OWNER], tiers=["nimbus"], statuses=["confirmed"]).cache_facts() == facts
    assert request_of().cache_facts() != facts
    assert request_of(owners=[OWNER], gateway=["http://203.0.113.9:8080"]).cache_facts() != facts


def test_the_cache_depends_on_the_apps_and_not_on_their_spelling() -> None:
    facts = request_of(apps=["TideBoard", "ReefMail"]).cache_facts()
    assert request_of(apps=["reefmail", "TIDEBOARD"]).cache_facts() == facts
    others = (
        request_of(apps=["TideBoard"]),
        request_of(apps=["TideBoard", "ReefMail"], app_owners=[APP_OWNER]),
        request_of(apps=["TideBoard", "ReefMail"], owners=[OWNER]),
        request_of(apps=["TideBoard", "ReefMail"], nodes=["203.0.113.7"]),
        request_of(apps=["TideBoard", "ReefMail"], nodes=["203.0.113.7"], read_status=True),
    )
    assert len({str(facts), *(str(other.cache_facts()) for other in others)}) == 6
