# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stats service and the explorer may answer, and what is made of it. What a simulator does not do on command
(half answers, pages, a service that is still computing) is scripted.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.explorer import ExplorerClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.stats import (
    COLD_PAUSES,
    GEO,
    StatsClient,
    projection_of,
    round_of,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    AnswerLost,
    BadAnswer,
    Busy,
    NotFound,
    Refused,
    Unreachable,
    UsageError,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from tests.unit.recordings import recorded
from tests.unit.scripted import Behaviour, Server, answer, compressed, error, raw, reset, stall, success

COLD = answer(error("Internal error. Try again later", name="Error"))
NODES = [{"ip": "1.2.3.4", "tier": "CUMULUS"}]
PAGE = answer("<html><body><h1>502 Bad Gateway</h1></body></html>", headers={"Content-Type": "text/html"})


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(TransportOptions(timeout=5, retries=0), read_only=True) as shared:
        yield shared


class Sleeps(list[float]):
    """Notes the pauses instead of making them."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


class TestProjection:
    def test_sorted_each_once_and_always_with_the_address(self) -> None:
        assert projection_of(["tier", "flux.version", "tier"]) == ("flux.version", "ip", "tier")
        assert projection_of([]) == ("ip",)

    def test_geo_stands_for_five_names(self) -> None:
        assert projection_of(["geo", *GEO]) == ("geo", "ip")
        assert projection_of(["geo", "geolocation.org"]) == ("geo", "geolocation.org", "ip")

    @pytest.mark.parametrize(
        ("names", "shown"),
        [
            (["apps", "apps.resources"], "apps and apps.resources"),
            (["a.b.c", "a"], "a and a.b.c"),
            (["geo", "geolocation"], "geolocation and geo "),
            (["geolocation.country.x", "geo"], "geo and geolocation.country.x"),
            (["ip.x"], "ip and ip.x"),
        ],
    )
    def test_a_part_beside_its_whole_is_refused(self, names: list[str], shown: str) -> None:
        with pytest.raises(UsageError, match=r"^projection: ") as caught:
            projection_of(names)
        assert shown in str(caught.value)

    @pytest.mark.parametrize("name", ["$where", "a.$b", "flux version", " ip", "a,b", "", ".", "a.", ".a", "a..b", "ä"])
    def test_what_is_no_name_is_refused(self, name: str) -> None:
        with pytest.raises(UsageError, match="is no name of a field"):
            projection_of([name])

    def test_a_lone_text_is_no_list_of_names(self) -> None:
        with pytest.raises(UsageError, match=r"\['ip', 'tier'\]"):
            projection_of("ip,tier")

    def test_names_that_only_begin_alike_are_two(self) -> None:
        assert projection_of(["flux.dos", "flux.dosStaging", "fluxx"]) == ("flux.dos", "flux.dosStaging", "fluxx", "ip")

    @given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join), max_size=5))
    def test_what_is_accepted_has_no_collision_in_any_order(self, names: list[str]) -> None:
        try:
            sent = projection_of(names)
        except UsageError:
            assert any(b.startswith(f"{a}.") for a in names for b in names)
            with pytest.raises(UsageError):
                projection_of(names[::-1])
            return
        assert projection_of(names[::-1]) == sent == tuple(sorted({*names, "ip"}))
        assert not any(b.startswith(f"{a}.") for a in sent for b in sent)


class TestStats:
    def test_one_request_for_all_nodes(self, transport: Transport) -> None:
        with Server(compressed(json.dumps(success(NODES)).encode())) as server:
            assert StatsClient(server.endpoint, transport).fluxinfo(["tier", "flux.version"]) == NODES
        (seen,) = server.requests
        assert seen.target == "/fluxinfo?projection=flux.version%2Cip%2Ctier"
        assert "gzip" in seen.headers["accept-encoding"]
        # A read that is served from the service's cache is wanted.
        assert "x-apicache-bypass" not in seen.headers

    def test_whole_documents(self, transport: Transport) -> None:
        documents = recorded("stats_fluxinfo_variants")
        with Server(answer(success(documents))) as server:
            assert StatsClient(server.endpoint, transport).fluxinfo(None) == documents
        assert server.requests[0].target == "/fluxinfo"

    def test_nothing_is_sent_that_cannot_work(self, transport: Transport) -> None:
        with Server(answer(success(NODES))) as server, pytest.raises(UsageError):
            StatsClient(server.endpoint, transport).fluxinfo(["flux", "flux.version"])
        assert server.requests == []

    def test_a_cold_cache_is_waited_for(self, transport: Transport) -> None:
        sleeps = Sleeps()
        with Server(COLD, COLD, answer(success(NODES))) as server:
            assert StatsClient(server.endpoint, transport, sleep=sleeps).fluxinfo(["tier"]) == NODES
        assert sleeps == [2.0, 3.0]
        assert all(2 <= pause <= 5 for pause in COLD_PAUSES)

    def test_but_not_for_ever(self, transport: Transport) -> None:
        sleeps = Sleeps()
        with Server(COLD) as server, pytest.raises(Refused) as caught:
            StatsClient(server.endpoint, transport, sleep=sleeps).fluxinfo(["tier"])
        assert tuple(sleeps) == COLD_PAUSES[: len(sleeps)]
        assert len(server.requests) == len(sleeps) + 1
        assert str(caught.value) == (
            f"{server.url}: read the nodes (/fluxinfo): Internal error. Try again later. "
            "The stats service is still computing this answer, or cannot: ask again in a minute."
        )

    def test_no_pause_goes_beyond_the_time_allowed(self) -> None:
        sleeps = Sleeps()
        with (
            Transport(TransportOptions(timeout=5, retries=0, deadline=2.5)) as transport,
            Server(COLD) as server,
            pytest.raises(Refused),
        ):
            StatsClient(server.endpoint, transport, pauses=(2.0, 30.0), sleep=sleeps).fluxinfo(["tier"])
        assert sleeps == [2.0]

    def test_another_refusal_is_not_repeated(self, transport: Transport) -> None:
        with Server(answer(error("Path collision at apps.resources"))) as server, pytest.raises(Refused) as caught:
            StatsClient(server.endpoint, transport).get("/fluxinfo", {"projection": "apps,apps.resources"})
        assert len(server.requests) == 1
        assert "Path collision at apps.resources. These are the words of the stats service" in str(caught.value)

    @pytest.mark.parametrize(
        ("behaviour", "kind", "said", "advice"),
        [
            (PAGE, BadAnswer, 'not JSON but an HTML page: "502 Bad Gateway"', "not how the stats service answers"),
            (answer('{"status":"success","data":[{"ip":"1.2'), BadAnswer, "half an answer", "not how the stats"),
            (answer("[]"), BadAnswer, "no FluxOS envelope but a list", "not how the stats service answers"),
            (answer(success([])), BadAnswer, "a list without a single node", "has not finished a round yet"),
            (answer(success({"a": 1})), BadAnswer, '{"a": 1} where a list of objects', "not how the stats"),
            (answer(success([NODES[0], "x"])), BadAnswer, '"x" where an object was expected', "not how the stats"),
            (answer("gone", status=404), NotFound, "HTTP 404", "nothing at this path"),
            (answer("busy", status=503), Busy, "HTTP 503", "Try again later"),
            (answer("oops", status=500), BadAnswer, "HTTP 500: oops", "not how the stats service answers"),
            (reset(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), AnswerLost, "", "ask again"),
            (raw(b""), AnswerLost, "closed the connection", "ask again"),
        ],
    )
    def test_what_is_no_answer(
        self, transport: Transport, behaviour: Behaviour, kind: type[Exception], said: str, advice: str
    ) -> None:
        with Server(behaviour) as server, pytest.raises(kind) as caught:
            StatsClient(server.endpoint, transport).fluxinfo(["tier"])
        text = str(caught.value)
        assert text.startswith(f"{server.url}: read the nodes (/fluxinfo")
        assert said in text
        assert advice in text
        assert "node itself" not in text

    def test_half_of_what_is_compressed(self, transport: Transport) -> None:
        half = gzip.compress(json.dumps(success(NODES * 1000)).encode())[:-20]
        with Server(answer(half, headers={"Content-Encoding": "gzip"})) as server, pytest.raises(BadAnswer) as caught:
            StatsClient(server.endpoint, transport).fluxinfo(["tier"])
        assert "half an answer" in str(caught.value) or "does not decompress" in str(caught.value)

    def test_half_an_answer_is_asked_for_again(self) -> None:
        with (
            Transport(TransportOptions(timeout=5, retries=1)) as transport,
            Server(answer('{"status":"success","data":[{"ip"'), answer(success(NODES))) as server,
        ):
            assert StatsClient(server.endpoint, transport).fluxinfo(["tier"]) == NODES

    def test_a_service_that_is_away(self, transport: Transport) -> None:
        with Server(stall()) as server:
            gone = Endpoint.parse(server.url)
        with pytest.raises(Unreachable) as caught:
            StatsClient(gone, transport).fluxinfo(["tier"])
        assert "connection refused. Check that this is the URL of the stats service" in str(caught.value)

    def test_too_large_says_what_helps(self) -> None:
        with (
            Transport(TransportOptions(timeout=5, retries=0, max_answer=1000)) as transport,
            Server(answer(success(NODES * 1000))) as server,
            pytest.raises(BadAnswer, match="raise max_answer"),
        ):
            StatsClient(server.endpoint, transport).fluxinfo(["tier"])

    def test_minimum_versions(self, transport: Transport) -> None:
        with Server(answer(success({"syncthing": "2.0.10", "docker": "26.1.2"}))) as server:
            versions = StatsClient(server.endpoint, transport).minimum_versions()
        assert versions == {"syncthing": "2.0.10", "docker": "26.1.2"}
        assert server.requests[0].target == "/getmodulesminimumversions"
        with Server(answer(success({"docker": None}))) as server, pytest.raises(BadAnswer, match="docker"):
            StatsClient(server.endpoint, transport).minimum_versions()

    def test_times_of_the_rounds(self, transport: Transport) -> None:
        with Server(answer(success([1790795020393, 1790794000000, "x", None, -1]))) as server:
            assert StatsClient(server.endpoint, transport).round_times() == [1790794000.0, 1790795020.393]

    def test_any_other_read(self, transport: Transport) -> None:
        with Server(COLD, answer(success([1, 2]))) as server:
            client = StatsClient(server.endpoint, transport, sleep=Sleeps())
            assert client.get("/fluxlocation/1.2.3.4", {"x": "y z"}) == [1, 2]
        assert server.requests[1].target == "/fluxlocation/1.2.3.4?x=y%20z"


class TestRound:
    def test_of_real_documents(self) -> None:
        found = round_of(recorded("stats_fluxinfo_variants"))
        assert found is not None
        assert found.started == 1790795020.393
        assert found.newest == 1790795723.459
        assert found.age(found.started + 60) == 60
        assert found.age(0) == 0

    def test_not_asked_for_is_not_known(self) -> None:
        assert round_of([{"ip": "1.2.3.4"}, {"roundTime": "x"}]) is None


class TestExplorer:
    def test_rows_like_those_of_a_gateway(self, transport: Transport) -> None:
        rows = recorded("daemon_viewdeterministicfluxnodelist")
        with Server(compressed(json.dumps({"result": rows}).encode())) as server:
            listed = ExplorerClient(server.endpoint, transport).node_list()
        assert server.requests[0].target == "/api/fluxnode/listfluxnodes"
        assert len(listed) == 25
        assert listed[0]["address"] == "5.230.173.203:16127"
        assert listed[0]["collateral"] == "b3c3b4a1f9eaa5f180a13e186c1512c1ef6e9d186e8b9c1c3c41559bb907b6f9:159"
        assert {row["rank"] for row in listed} == {None}

    @pytest.mark.parametrize(
        ("behaviour", "kind", "said"),
        [
            (answer("Not found", status=404), NotFound, "HTTP 404. The explorer has nothing at this path"),
            (answer("Code: -1. Timeout", status=400), BadAnswer, "HTTP 400: Code: -1. Timeout. This is not how"),
            (answer("Bitcoin JSON-RPC: Loading", status=503), Busy, "HTTP 503"),
            (PAGE, BadAnswer, 'not JSON but an HTML page: "502 Bad Gateway"'),
            (answer('{"result":[{"ip":"1.2.3'), BadAnswer, "half an answer"),
            (answer('{"error":"x"}'), BadAnswer, "JSON without a result: {"),
            (answer('{"result":{"a":1}}'), BadAnswer, '{"a": 1} where a list of objects was expected'),
            (answer('{"result":[7]}'), BadAnswer, "7 where an object was expected"),
            (answer("[]"), BadAnswer, "a list. This is not how the explorer answers"),
        ],
    )
    def test_what_is_no_answer(
        self, transport: Transport, behaviour: Behaviour, kind: type[Exception], said: str
    ) -> None:
        with Server(behaviour) as server, pytest.raises(kind) as caught:
            ExplorerClient(server.endpoint, transport).node_list()
        text = str(caught.value)
        assert text.startswith(f"{server.url}: list the nodes (/api/fluxnode/listfluxnodes")
        assert said in text
        assert "FluxOS' " not in text


def test_an_advice_changes_and_all_else_stays() -> None:
    busy = Busy("a", "b", "c", "d", code=503, retry_after=7.0)
    other: Any = busy.advising("do this.")
    assert isinstance(other, Busy)
    assert (str(other), other.code, other.retry_after) == ("a: b: c. do this.", 503, 7.0)
    assert str(busy) == "a: b: c. d."
