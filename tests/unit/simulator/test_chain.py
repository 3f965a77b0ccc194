# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirmations, expiry and the node list."""

from __future__ import annotations

from tests.unit.simulator.conftest import Start


def test_a_node_confirms_again_at_its_age(start: Start) -> None:
    lab = start([{"confirmation_age": 490, "reconfirm_at": 505}])
    assert lab.sim.node(lab.first)["confirmation_age"] == 490
    lab.sim.advance(14 * 30)
    assert lab.sim.node(lab.first)["confirmation_age"] == 504
    lab.sim.advance(31)
    assert lab.sim.node(lab.first)["confirmation_age"] == 0
    assert lab.whats() == ["confirmed"]
    lab.sim.advance(505 * 30)
    assert lab.whats() == ["confirmed", "confirmed"]


def test_the_ages_of_a_fleet_are_500_to_520(start: Start) -> None:
    lab = start([{} for _unused in range(30)])
    lab.sim.advance(640 * 30)
    for node in lab.sim.addresses:
        confirmed = lab.sim.states(node=node, what="confirmed")
        assert len(confirmed) >= 1
    ages = [
        later["height"] - earlier["height"]
        for node in lab.sim.addresses
        for earlier, later in zip(lab.sim.states(node=node)[:-1], lab.sim.states(node=node)[1:], strict=True)
    ]
    assert ages == [] or (min(ages) >= 500 and max(ages) <= 520)


def test_a_node_that_is_down_when_it_should_confirm_does_so_when_it_is_back(start: Start) -> None:
    lab = start([{"confirmation_age": 500, "reconfirm_at": 501}])
    lab.sim.restart(lab.first, down_seconds=600)
    lab.sim.advance(590)
    assert lab.sim.node(lab.first)["confirmation_age"] == 519
    lab.sim.advance(60)
    assert lab.sim.node(lab.first)["confirmation_age"] <= 1


def test_not_confirmed_within_640_blocks_is_expired(start: Start) -> None:
    lab = start([{"confirmation_age": 630, "reconfirm_at": 505, "faults": [{"kind": "daemon_syncing"}]}])
    assert lab.data("/daemon/getfluxnodestatus")["status"] == "CONFIRMED"
    lab.sim.advance(11 * 30)
    assert lab.data("/daemon/getfluxnodestatus")["status"] == "expired"
    assert "expired" in lab.whats()
    assert lab.data("/daemon/viewdeterministicfluxnodelist") == []


def test_the_block_height_rises_by_one_in_30_seconds(start: Start) -> None:
    lab = start(height=3_000_000)
    assert lab.data("/daemon/getblockcount") == 3_000_000
    lab.sim.advance(3000)
    assert lab.data("/daemon/getblockcount") == 3_000_100


def test_the_node_list_leaves_the_default_port_away(start: Start) -> None:
    lab = start([{"host": 7}, {"host": 7}, {"hidden_ip": True}, {"status": "STARTED"}])
    rows = lab.data("/daemon/viewdeterministicfluxnodelist")
    ip = lab.first.split(":")[0]
    assert sorted(row["ip"] for row in rows) == ["", ip, f"{ip}:16137"]
    assert all("status" not in row for row in rows)
    assert [row["network"] for row in rows if not row["ip"]] == [""]
    assert lab.data(f"/daemon/viewdeterministicfluxnodelist/{ip}:16137")[0]["ip"] == f"{ip}:16137"
    assert len(lab.data(f"/daemon/viewdeterministicfluxnodelist?filter={lab.sim.operator.payment_address}")) == 3
    assert lab.data("/daemon/viewdeterministicfluxnodelist?limit=1") == rows[:1]
    assert len(lab.data("/daemon/getstartlist")) == 1
    count = lab.data("/daemon/getfluxnodecount")
    assert (count["total"], count["ipv4"], count["cumulus-enabled"]) == (3, 1, 3)


def test_ranks_count_per_tier(start: Start) -> None:
    lab = start([{"tier": tier} for tier in ("CUMULUS", "CUMULUS", "NIMBUS", "STRATUS", "STRATUS", "STRATUS")])
    rows = lab.data("/daemon/listfluxnodes")
    for tier, count in (("CUMULUS", 2), ("NIMBUS", 1), ("STRATUS", 3)):
        assert [row["rank"] for row in rows if row["tier"] == tier] == list(range(count))


def test_locations_always_carry_the_port(start: Start) -> None:
    lab = start([{"apps": ["One"]}], apps=[{"name": "One", "owner": "@o"}])
    row = lab.data("/apps/location/One")[0]
    assert row["ip"] == lab.first
    assert lab.data("/apps/location/one") == [row], "names are looked up as expressions without letter case"
    assert row["broadcastedAt"].endswith("Z")
