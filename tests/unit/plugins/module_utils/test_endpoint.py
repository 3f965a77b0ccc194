# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import (
    NODE_PORTS,
    AddressError,
    Endpoint,
    node_address,
    segment,
)


@pytest.mark.parametrize(
    ("text", "scheme", "address", "url"),
    [
        ("1.2.3.4", None, "1.2.3.4:16127", "http://1.2.3.4:16127/x"),
        (" 1.2.3.4\n", None, "1.2.3.4:16127", "http://1.2.3.4:16127/x"),
        ("1.2.3.4:16137", None, "1.2.3.4:16137", "http://1.2.3.4:16137/x"),
        ("1.2.3.4:16197", "https", "1.2.3.4:16197", "https://1.2.3.4:16198/x"),
        ("1.2.3.4", "https", "1.2.3.4:16127", "https://1.2.3.4:16128/x"),
        ("http://1.2.3.4", None, "1.2.3.4:16127", "http://1.2.3.4:16127/x"),
        ("http://1.2.3.4:16127/", "https", "1.2.3.4:16127", "http://1.2.3.4:16127/x"),
        ("https://1.2.3.4:16128", None, "1.2.3.4:16127", "https://1.2.3.4:16128/x"),
        ("https://1.2.3.4:16127", None, "1.2.3.4:16127", "https://1.2.3.4:16128/x"),
        ("https://1.2.3.4", None, "1.2.3.4:16127", "https://1.2.3.4:16128/x"),
        ("[2001:DB8::1]:16147", None, "[2001:db8::1]:16147", "http://[2001:db8::1]:16147/x"),
        ("2001:db8::1", None, "[2001:db8::1]:16127", "http://[2001:db8::1]:16127/x"),
        ("Node-1.Example.org", None, "node-1.example.org:16127", "http://node-1.example.org:16127/x"),
        ("localhost:16127", None, "localhost:16127", "http://localhost:16127/x"),
        ("https://api.runonflux.io", None, "https://api.runonflux.io", "https://api.runonflux.io:443/x"),
        ("https://api.runonflux.io/", "http", "https://api.runonflux.io", "https://api.runonflux.io:443/x"),
        ("http://127.18.255.254:8080", None, "http://127.18.255.254:8080", "http://127.18.255.254:8080/x"),
        (
            "https://1-2-3-4-16127.node.api.runonflux.io",
            None,
            "https://1-2-3-4-16127.node.api.runonflux.io",
            "https://1-2-3-4-16127.node.api.runonflux.io:443/x",
        ),
    ],
)
def test_reads_what_people_write(text: str, scheme: str | None, address: str, url: str) -> None:
    endpoint = Endpoint.parse(text, scheme=scheme)
    assert endpoint.address == str(endpoint) == address
    assert endpoint.url("/x") == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Accepted are"),
        ("1.2.3", "no IPv4 address"),
        ("1.2.3.256", "no IPv4 address"),
        ("1.2.3.4:", "no valid port"),
        ("1.2.3.4:0", "no valid port"),
        ("1.2.3.4:99999", "no valid port"),
        ("1.2.3.4:80", "a node's API port is one of 16127, 16137"),
        ("1.2.3.4:16128", "16128 is the HTTPS port of the node with API port 16127"),
        ("1.2.3.4:16136", "the API port of that node is 16137"),
        ("1.2.3.4 16127", "no address"),
        ("1:2:3", "no address"),
        ("[1.2.3.4]:16127", "no IPv6 address"),
        ("[2001:db8::1", "no IPv6 address"),
        ("[2001:db8::1]16127", "no valid port"),
        ("-node.example.org", "no address"),
        ("a..b", "no address"),
        ("node/flux", "no address"),
        ("ftp://1.2.3.4", "http or https"),
        ("http://1.2.3.4/flux/version", "Give only the base, http://1.2.3.4"),
        ("http://1.2.3.4?x=1", "without a path or query"),
        ("http://", "Accepted are"),
        ("http://[1", "no URL"),
    ],
)
def test_refuses_with_what_is_accepted(text: str, said: str) -> None:
    with pytest.raises(AddressError) as caught:
        Endpoint.parse(text)
    assert said in str(caught.value)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(AddressError) as caught:
        Endpoint.parse("http://operator:hunter2@1.2.3.4")
    assert "hunter2" not in str(caught.value)


def test_an_unknown_scheme_option_is_refused() -> None:
    with pytest.raises(AddressError, match="'gopher'"):
        Endpoint.parse("1.2.3.4", scheme="gopher")


def test_equal_places_are_equal_and_hashable() -> None:
    places = {Endpoint.parse("1.2.3.4"), Endpoint.parse("http://1.2.3.4:16127"), Endpoint.parse("1.2.3.4:16127")}
    assert len(places) == 1


def test_gateways_are_known() -> None:
    assert Endpoint.parse("https://api.runonflux.com").is_gateway
    assert not Endpoint.parse("https://1-2-3-4-16127.node.api.runonflux.io").is_gateway


def test_with_scheme_changes_nodes_only() -> None:
    assert Endpoint.parse("1.2.3.4").with_scheme("https").url("/") == "https://1.2.3.4:16128/"
    gateway = Endpoint.parse("http://127.0.0.1:8080")
    assert gateway.with_scheme("https") is gateway


def test_query_keeps_its_order_and_is_encoded() -> None:
    url = Endpoint.parse("1.2.3.4").url("/daemon/list", {"b": "x y&z", "a": "ü+/"})
    assert url == "http://1.2.3.4:16127/daemon/list?b=x%20y%26z&a=%C3%BC%2B%2F"


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(AddressError, match="slash"):
        Endpoint.parse("1.2.3.4").url("flux/version")


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_what_no_path_can_carry_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        segment(text)


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_a_segment_is_one_segment_and_decodes_to_itself(text: str) -> None:
    try:
        encoded = segment(text)
    except UnicodeEncodeError:
        # Half of a surrogate pair is no text that UTF-8 can carry.
        assert any(0xD800 <= ord(char) < 0xE000 for char in text)
        return
    assert not set("/?#&") & set(encoded)
    assert unquote(encoded) == text


@given(st.ip_addresses(), st.sampled_from(NODE_PORTS), st.sampled_from(["http", "https"]))
def test_a_nodes_name_is_read_back(ip: object, port: int, scheme: str) -> None:
    host = f"[{ip}]" if ":" in str(ip) else str(ip)
    endpoint = Endpoint.parse(f"{host}:{port}", scheme=scheme)
    assert Endpoint.parse(endpoint.address, scheme=scheme) == endpoint
    assert endpoint.ip == endpoint.host
    assert Endpoint.parse(endpoint.url("/")) == endpoint


def test_node_address_normalises_rows_of_lists() -> None:
    assert node_address("91.192.45.99") == "91.192.45.99:16127"
    assert node_address("91.192.45.99:16167") == "91.192.45.99:16167"
