# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of the simulator's 8.20 profile against answers of live nodes, seen on 2026-09-30.

The recordings are of single nodes, so values cannot be compared; keys and JSON types at every depth are, in both
directions: the simulator neither leaves out a key that live nodes give nor invents one.
"""

from __future__ import annotations

import copy
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.replay_compare import shape_differences
from tests.simulator.running import RunningSimulator

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"

APPS = [
    {"name": "six", "version": 6, "components": ["web"]},
    {"name": "seven", "version": 7, "components": ["web"]},
    {"name": "eight", "version": 8, "components": ["web", "cache"]},
    {"name": "three", "version": 3},
]
NODES = [
    {"tier": "STRATUS", "arcane": True, "apps": ["six", "seven", "eight"]},
    {"tier": "STRATUS", "arcane": False, "apps": ["three", "eight"]},
    {"tier": "CUMULUS", "arcane": True, "port": 16137, "apps": ["three"]},
]
ARCANE, LEGACY, UPNP = range(3)

# Recording, path, node.
CASES = [
    ("flux_version", "/flux/version", ARCANE),
    ("flux_nodetier", "/flux/nodetier", ARCANE),
    ("flux_dosstate", "/flux/dosstate", ARCANE),
    ("flux_geolocation", "/flux/geolocation", ARCANE),
    ("flux_health", "/flux/health", ARCANE),
    ("flux_info_stratus", "/flux/info", ARCANE),
    ("flux_info_stratus_arm64", "/flux/info", LEGACY),
    ("flux_info_cumulus_upnp", "/flux/info", UPNP),
    ("flux_connectedpeersinfo", "/flux/connectedpeersinfo", ARCANE),
    ("daemon_getblockcount", "/daemon/getblockcount", ARCANE),
    ("daemon_getinfo", "/daemon/getinfo", ARCANE),
    ("daemon_getfluxnodecount", "/daemon/getfluxnodecount", ARCANE),
    ("daemon_getfluxnodestatus", "/daemon/getfluxnodestatus", ARCANE),
    ("daemon_viewdeterministicfluxnodelist", "/daemon/viewdeterministicfluxnodelist", ARCANE),
    ("daemon_viewdeterministicfluxnodelist_filter_ip", "/daemon/viewdeterministicfluxnodelist/127.", ARCANE),
    ("daemon_getbenchmarks", "/daemon/getbenchmarks", ARCANE),
    ("apps_installedapps", "/apps/installedapps", ARCANE),
    ("apps_listrunningapps", "/apps/listrunningapps", ARCANE),
    ("apps_location_BitcoinWhitepaper", "/apps/location/eight", ARCANE),
    ("apps_locations", "/apps/locations", ARCANE),
    ("apps_appowner_BitcoinWhitepaper", "/apps/appowner/eight", ARCANE),
]


@pytest.fixture(scope="module")
def fleet() -> Iterator[RunningSimulator]:
    with RunningSimulator({"nodes": NODES, "apps": APPS}) as sim:
        yield sim


def _recorded(name: str) -> Any:
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))["answer"]


def _asked(fleet: RunningSimulator, node: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://{fleet.addresses[node]}{path}", timeout=20) as answer:
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        return json.load(answer)


@pytest.mark.parametrize(("name", "path", "node"), CASES, ids=[case[0] for case in CASES])
def test_shape(fleet: RunningSimulator, name: str, path: str, node: int) -> None:
    recorded, ours = _recorded(name), _asked(fleet, node, path)
    assert recorded["status"] == ours["status"] == "success"
    if name == "daemon_getbenchmarks":
        # A JSON text inside the envelope.
        recorded["data"], ours["data"] = json.loads(recorded["data"]), json.loads(ours["data"])
    assert ours["data"] not in ([], {}, None)
    assert shape_differences(recorded, ours) == []


@pytest.mark.parametrize(("name", "path"), [("error_unauthorized", "/flux/peerhistory")])
def test_refusals_are_the_live_ones(fleet: RunningSimulator, name: str, path: str) -> None:
    assert _asked(fleet, ARCANE, path) == _recorded(name)


def test_health_is_the_live_one_to_the_letter(fleet: RunningSimulator) -> None:
    assert _asked(fleet, ARCANE, "/flux/health") == _recorded("flux_health")


def test_a_default_port_is_left_out_where_live_nodes_leave_it_out(fleet: RunningSimulator) -> None:
    """The node list leaves ``:16127`` out and keeps other ports; locations and ``flux.ip`` always have one."""
    listed = {row["ip"] for row in _asked(fleet, ARCANE, "/daemon/viewdeterministicfluxnodelist")["data"]}
    plain, upnp = fleet.addresses[ARCANE], fleet.addresses[UPNP]
    assert plain.removesuffix(":16127") in listed
    assert upnp in listed
    assert all(":" in row["ip"] for row in _asked(fleet, ARCANE, "/apps/locations")["data"])
    info = _asked(fleet, ARCANE, "/flux/info")["data"]
    assert (info["flux"]["ip"], info["node"]["status"]["ip"]) == (plain, plain.removesuffix(":16127"))
    status = _asked(fleet, UPNP, "/daemon/getfluxnodestatus")["data"]
    assert (status["ip"], status["network"]) == (upnp, "")


def test_the_comparison_sees_each_kind_of_difference() -> None:
    """Not of the simulator but of what judges it here."""
    recorded = _recorded("flux_info_stratus")
    assert shape_differences(recorded, recorded) == []
    changes: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (lambda data: data["flux"].pop("dosStaging"), "data.data.flux: key dosStaging is missing"),
        (lambda data: data["flux"].update(mood=1), "data.data.flux: key mood was not recorded"),
        (lambda data: data["daemon"]["info"].update(blocks="2996931"), "data.data.daemon.info.blocks: recorded number"),
        (lambda data: data["apps"]["runningapps"][0].pop("State"), "data.data.apps.runningapps[0]: key State"),
    ]
    for change, says in changes:
        altered = copy.deepcopy(recorded)
        change(altered["data"])
        (line,) = shape_differences(recorded, altered)
        assert line.startswith(says)
