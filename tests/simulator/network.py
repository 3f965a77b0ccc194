# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario ``network``: as many nodes as you like, in the shape of the real network of 2026-09-30.

Shares counted from answers of live nodes, or told by the authors of RunOnFlux' public dashboards (Flux_Atlas): tiers by
country, nodes per IP, versions, ArcaneOS, operators, apps. Rows that a reader must survive are there from 40 nodes up.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any

import base58

from tests.simulator.keys import Person
from tests.simulator.network_apps import install_apps
from tests.simulator.places import Place, weighted
from tests.simulator.scenario import PORTS, Scenario

DAY = 86400.0
TIERS = ("CUMULUS", "NIMBUS", "STRATUS")
# How many addresses in a hundred have 1, 2 .. 8 nodes: 2.53 on average.
PER_ADDRESS = (54, 13, 8, 7, 5, 4, 3, 6)
# An address whose nodes leave the default port out.
WITHOUT_DEFAULT = 0.1
ARCANE = 0.94
OLD = 0.004
OLD_VERSIONS = (("8.19.0", "8.18.0", "8.17.0"), (5, 4, 1))
UNREACHABLE = 0.0226
OPERATED = 0.003
# Shares of the real network: one payment address for eight nodes, the largest with 6.3 percent of all.
PAYMENT_ADDRESSES, FLUX_IDS, STEEP = 0.125, 0.169, 2.44
STATES: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.0101, {"benchmark": "running"}),
    (0.0043, {"benchmark": "failed"}),
    (0.0008, {"dos": {"state": 2, "message": None}}),
    (0.0008, {"dos": {"state": 6.24, "message": None}}),
    (0.0004, {"dos": {"state": 100, "message": "Flux collision detection. Another ip:port is confirmed"}}),
    (0.0007, {"status": "STARTED"}),
    (0.0004, {"status": "DOS"}),
    (0.0018, {"hidden_ip": True, "faults": [{"kind": "unreachable"}]}),
    (0.0284, {"odd": ("never_paid",)}),
    (0.0034, {"odd": ("no_geolocation",)}),
    (0.0005, {"odd": ("no_apps",)}),
    (0.0005, {"odd": ("duplicate",)}),
    (0.0003, {"odd": ("geolocation_without_ip",)}),
    (0.0005, {"odd": ("other_ip",)}),
)
# What hostile or careless people could make a node say of itself and of its place.
HOSTILE: tuple[dict[str, str], ...] = (
    {"org": "{{ 7*7 }}", "region_name": "{{ lookup('pipe', 'touch /tmp/owned') }}"},
    {"org": "{% for x in range(9) %}x{% endfor %}", "country": "{{ ansible_version }}", "country_code": "{{"},
    {"org": "$(reboot); `id` && rm -rf ~", "region_name": "'; DROP TABLE nodes; --", "country_code": "../.."},
    {"org": "line one\nline two\r\ttab", "region_name": "\x1b[31mred\x1b[0m\x07", "country_code": "\x00"},
    {"org": "!unsafe &anchor *alias", "country": "null", "country_code": "NO: yes", "continent_code": "~"},
    {"org": "שלום \u202eevil\u202c", "region_name": "e\u0301 \U0001f680 \ufeff", "country": "A" * 300},
    {"org": "<script>alert(1)</script>", "region_name": "%s%n{0}{org}", "continent": "", "continent_code": ""},
)


def network(count: int, seed: int) -> Scenario:
    """``count`` nodes; the same for the same count and seed, wherever it runs."""
    source = random.Random(f"network {count} {seed}")
    rows = _nodes(source, count)
    _old_candidates(rows)
    _spread(source, rows)
    _hostile(source, rows)
    apps = install_apps(source, rows, seed)
    return Scenario("network", rows, apps, seed=seed, lazy=True)


def _identity(prefix: bytes, label: str) -> str:
    """An address whose key nobody has."""
    return base58.b58encode_check(prefix + hashlib.sha256(label.encode()).digest()[:20]).decode()


def _nodes(source: random.Random, count: int) -> list[dict[str, Any]]:
    places, tiers = weighted()
    weights = [sum(row) for row in tiers]
    operator = Person.named("operator")
    mine = {"owner": operator.flux_id, "payment_address": operator.payment_address}
    addresses = [_identity(b"\x1c\xb8", f"payment {at}") for at in range(max(1, int(count * PAYMENT_ADDRESSES)))]
    owners = [_identity(b"\x00", f"owner {at}") for at in range(max(1, int(count * FLUX_IDS)))]
    keys = ["04" + hashlib.sha512(f"key {at}".encode()).hexdigest() for at in range(len(addresses))]
    wanted_mine = max(1, round(count * OPERATED))
    rows: list[dict[str, Any]] = []
    host = 0
    while len(rows) < count:
        host += 1
        at = source.choices(range(len(places)), weights)[0]
        rank = int(len(addresses) * source.random() ** STEEP)
        person = {"owner": owners[int(len(owners) * source.random() ** STEEP)], "payment_address": addresses[rank]}
        together = source.choices(range(1, 9), PER_ADDRESS)[0]
        first = 1 if together < 8 and source.random() < WITHOUT_DEFAULT else 0
        if len(rows) < wanted_mine:
            person = mine
        for port in PORTS[first : first + min(together, count - len(rows))]:
            rows.append(
                {
                    "host": host,
                    "port": port,
                    "tier": source.choices(TIERS, tiers[at])[0],
                    "place": places[at],
                    "pubkey": keys[rank],
                    **person,
                    **_state(source),
                }
            )
    return rows


def _state(source: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {
        "arcane": source.random() < ARCANE,
        "uptime": DAY * source.uniform(1, 40),
        "confirmation_age": source.randrange(0, 480),
        "reconfirm_at": source.randrange(500, 521),
        "added_height": source.randrange(2_020_000, 2_990_000),
    }
    if source.random() < OLD:
        old = source.choices(*OLD_VERSIONS)[0]
        row |= {"version": old, "disk_version": "8.20.0", "arcane": False}
    if source.random() < UNREACHABLE:
        row["faults"] = [{"kind": "unreachable"}]
    return row


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nodes that nothing is the matter with."""
    return [row for row in rows if not {"faults", "version", "odd", "benchmark", "dos", "status"} & set(row)]


def _old_candidates(rows: list[dict[str, Any]]) -> None:
    """Some of those behind the gateway are behind the times, so that its answers are of all generations."""
    behind = [row for row in _plain(rows) if row["tier"] == "STRATUS" and row["port"] == 16127 and row["arcane"]]
    for row, version in zip(behind[1 : len(behind) // 3 : 2], ("8.18.0", "8.17.0", "8.19.0"), strict=False):
        row |= {"version": version, "disk_version": "8.20.0"}


def _spread(source: random.Random, rows: list[dict[str, Any]]) -> None:
    """States and odd rows in their shares; from 40 nodes up at least one of each."""
    free = _plain(rows)
    source.shuffle(free)
    for share, change in STATES:
        for _unused in range(max(1 if len(rows) >= 40 else 0, round(len(rows) * share))):
            if free:
                free.pop().update(change)


def _hostile(source: random.Random, rows: list[dict[str, Any]]) -> None:
    """One node for each kind of text that must stay text."""
    if len(rows) < 40:
        return
    plain = _plain(rows)
    for row, texts in zip(source.sample(plain, k=min(len(plain), len(HOSTILE))), HOSTILE, strict=False):
        row["place"] = Place(**{**row["place"].as_mapping(), **texts})
        row["timezone"] = texts["org"]
        row["odd"] = ("hostile",)
