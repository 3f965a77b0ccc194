# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway may say that a healthy network does not: hostile text, no list, nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.unit.plugins.inventory.conftest import OddGateway, Reader

OWNER = "t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge"
EVIL = "{{ lookup('ansible.builtin.pipe', 'touch ' ~ marker) }}"


def row(ip: str = "203.0.113.7", **changes: Any) -> dict[str, Any]:
    return {
        "txhash": "ab" * 32,
        "outidx": "0",
        "ip": ip,
        "last_confirmed_height": 2996667,
        "tier": "CUMULUS",
        "payment_address": OWNER,
        "pubkey": "04" + "fa" * 64,
        **changes,
    }


class TestHostileText:
    def test_no_text_of_a_row_is_ever_rendered(self, gateway: OddGateway, read: Reader, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        gateway.rows([row(tier=EVIL, payment_address=EVIL)])
        result = read(
            gateway=[gateway.url],
            compose={"told": "fluxos_payment_address", "joined": "'paid to ' ~ fluxos_tier"},
            keyed_groups=[{"key": "fluxos_tier", "prefix": "t"}],
            groups={"any": "fluxos_tier is defined"},
        )
        (host,) = result.hosts.values()
        variables = {**host, "marker": str(marker)}
        rendered = Templar(loader=DataLoader(), variables=variables).template(
            {name: host[name] for name in host if name.startswith(("fluxos_", "told", "joined"))}
        )
        assert rendered["fluxos_tier"] == EVIL.upper()
        assert rendered["fluxos_payment_address"] == EVIL
        assert rendered["told"] == EVIL
        assert rendered["joined"] == f"paid to {EVIL.upper()}"
        assert not marker.exists()

    def test_from_the_cache_neither(
        self, gateway: OddGateway, read: Reader, tmp_path: Path, cached: dict[str, Any]
    ) -> None:
        marker = tmp_path / "marker"
        gateway.rows([row(payment_address=EVIL)])
        for _time in range(2):
            (host,) = read(gateway=[gateway.url], **cached).hosts.values()
            variables = {**host, "marker": str(marker)}
            assert Templar(loader=DataLoader(), variables=variables).template(host["fluxos_payment_address"]) == EVIL
        assert len(gateway.paths) == 1
        assert not marker.exists()

    def test_groups_are_not_named_by_the_network(self, gateway: OddGateway, read: Reader) -> None:
        gateway.rows([row(tier="all")])
        assert set(read(gateway=[gateway.url]).groups) == {
            "fluxos_nodes",
            "fluxos_tier_other",
            "fluxos_status_confirmed",
        }


def test_bad_rows_are_left_out_without_a_warning(gateway: OddGateway, read: Reader) -> None:
    gateway.rows([row(), row(ip=""), row(ip="evil.example.org"), row(ip="203.0.113.7:16127"), {}])
    result = read(gateway=[gateway.url])
    assert list(result.hosts) == ["203-0-113-7-16127"]
    assert result.said.warnings == []
    assert result.said.verbose == [
        "Left out 4 entries of the node list: 2 without an address, 1 with a bad address, 1 listed twice"
    ]


def test_rows_of_which_the_owners_address_is_only_a_part_are_not_taken(gateway: OddGateway, read: Reader) -> None:
    gateway.rows([row(), row(ip="203.0.113.8", payment_address=f"{OWNER}x"), row(ip="203.0.113.9", payment_address=5)])
    assert list(read(gateway=[gateway.url], owners=[OWNER]).hosts) == ["203-0-113-7-16127"]


def test_many_owners_cost_one_request(gateway: OddGateway, read: Reader) -> None:
    owners = [f"t1{'A' * 31}{one}{two}" for one in "BCDE" for two in "BCD"]
    gateway.rows([row(ip=f"203.0.113.{n}", payment_address=owner) for n, owner in enumerate([*owners, OWNER])])
    assert len(read(gateway=[gateway.url], owners=owners).hosts) == len(owners)
    assert len(gateway.paths) == 1


BROKEN = {
    "HTML": (b"<html><body><h1>Bad day</h1></body></html>", "Bad day"),
    "half an answer": (b'{"status":"success","data":[{"ip":"203.0.113.7"', "half an answer"),
    "an error": (b'{"status":"error","data":{"code":-28,"message":"Loading block index"}}', "Loading block index"),
    "an empty list": (b'{"status":"success","data":[]}', "without a single node"),
    "no list": (b'{"status":"success","data":"none"}', "list"),
    "no data": (b'{"status":"success"}', "list"),
}


@pytest.mark.parametrize("kind", BROKEN)
class TestGatewayWithoutAList:
    def test_is_an_error_that_names_gateway_operation_words_and_advice(
        self, kind: str, gateway: OddGateway, read: Reader
    ) -> None:
        gateway.body, said = BROKEN[kind]
        with pytest.raises(AnsibleParserError) as caught:
            read(gateway=[gateway.url])
        text = str(caught.value)
        assert text.startswith(f"No gateway gave a node list. {gateway.url}: list the nodes")
        assert said in text
        assert text.endswith("your nodes can be given with the option 'nodes'.")

    def test_the_next_gateway_is_asked(self, kind: str, gateway: OddGateway, read: Reader) -> None:
        gateway.body, _said = BROKEN[kind]
        second = OddGateway()
        try:
            second.rows([row()])
            result = read(gateway=[gateway.url, second.url])
        finally:
            second.stop()
        assert list(result.hosts) == ["203-0-113-7-16127"]
        assert result.shared["fluxos_gateway"] == second.url
        assert result.said.warnings == []
        assert result.said.verbose[0].startswith(f"A gateway did not answer: {gateway.url}")


class TestCache:
    def test_the_old_copy_with_its_age_when_no_gateway_answers(
        self, gateway: OddGateway, read: Reader, cached: dict[str, Any], tmp_path: Path
    ) -> None:
        gateway.rows([row()])
        first = read(gateway=[gateway.url], **cached)
        edit_entry(tmp_path / "cache", read_at=-7200)
        gateway.stop()
        second = read(gateway=[gateway.url], **cached)
        assert second.hosts == first.hosts
        assert second.shared == first.shared
        (warning,) = second.said.warnings
        assert "as it was 2 hours ago" in warning
        assert gateway.url in warning
        with pytest.raises(AnsibleParserError, match="No gateway gave a node list"):
            read(gateway=[gateway.url], strict=True, **cached)

    def test_an_old_copy_is_replaced_when_a_gateway_answers(
        self, gateway: OddGateway, read: Reader, cached: dict[str, Any], tmp_path: Path
    ) -> None:
        gateway.rows([row()])
        read(gateway=[gateway.url], **cached)
        edit_entry(tmp_path / "cache", read_at=-601)
        gateway.rows([row(ip="203.0.113.8")])
        assert list(read(gateway=[gateway.url], **cached).hosts) == ["203-0-113-8-16127"]
        gateway.stop()
        result = read(gateway=[gateway.url], **cached)
        assert list(result.hosts) == ["203-0-113-8-16127"]
        assert result.said.warnings == []

    @pytest.mark.parametrize("asked", [{"refresh": True}, {"reuse_cache": False}])
    def test_refresh_asks_again(
        self, asked: dict[str, Any], gateway: OddGateway, read: Reader, cached: dict[str, Any]
    ) -> None:
        gateway.rows([row()])
        read(gateway=[gateway.url], **cached)
        gateway.rows([row(ip="203.0.113.8")])
        assert list(read(gateway=[gateway.url], **asked, **cached).hosts) == ["203-0-113-8-16127"]
        assert list(read(gateway=[gateway.url], **cached).hosts) == ["203-0-113-8-16127"]
        assert len(gateway.paths) == 2

    def test_an_entry_of_another_version_is_not_read(
        self, gateway: OddGateway, read: Reader, cached: dict[str, Any], tmp_path: Path
    ) -> None:
        gateway.rows([row()])
        read(gateway=[gateway.url], **cached)
        edit_entry(tmp_path / "cache", schema=1)
        read(gateway=[gateway.url], **cached)
        assert len(gateway.paths) == 2


def edit_entry(folder: Path, **added: float) -> None:
    """Add to numbers of the one entry of a cache; since 2.19 it is a JSON text inside a JSON document."""
    (file,) = folder.iterdir()
    document = json.loads(file.read_text())
    inner = document.get("__payload__")
    entry = document if inner is None else json.loads(inner)
    for key, value in added.items():
        entry[key] += value
    file.write_text(json.dumps(entry if inner is None else {"__payload__": json.dumps(entry)}))
