# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``app_instance_info``: one instance, or all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.instances import NAMES, NEW, OLD, PARTS, PRIMARY, SCENARIO, owner
from tests.unit.module_run import STRANGER, Ran, RunModule

GENERATIONS = pytest.mark.parametrize("number", [pytest.param(OLD, id="8.17"), pytest.param(NEW, id="8.20")])


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with RunningSimulator(SCENARIO, time_factor=10) as running:
        yield running


class Reader:
    """The owner of the apps, who looks at them."""

    def __init__(self, sim: RunningSimulator, run_module: RunModule) -> None:
        self.sim = sim
        self._run_module = run_module

    def run(self, app: str = "TideBoard", number: int = NEW, **options: Any) -> Ran:
        given = {"node": self.sim.addresses[number], "private_key": owner().wif, "app": app, **options}
        return self._run_module("app_instance_info", **given)

    def one(self, app: str = "TideBoard", number: int = NEW, **options: Any) -> dict[str, Any]:
        ran = self.run(app, number, **options)
        assert (ran.changed, ran.writes) == (False, [])
        instance: dict[str, Any] = ran.result["instance"]
        return instance

    def all(self, app: str = "TideBoard", **options: Any) -> dict[str, dict[str, Any]]:
        ran = self.run(app, all_instances=True, node=None, **options)
        assert (ran.changed, ran.writes) == (False, [])
        return {row["address"]: row for row in ran.result["instances"]}


@pytest.fixture
def reader(sim: RunningSimulator, run_module: RunModule) -> Reader:
    return Reader(sim, run_module)


class TestOneInstance:
    @GENERATIONS
    @pytest.mark.parametrize("app", NAMES)
    def test_has_its_components_with_state_start_and_image(self, reader: Reader, app: str, number: int) -> None:
        instance = reader.one(app, number)
        truth = reader.sim.node(reader.sim.addresses[number])["instances"][app]
        assert (instance["installed"], instance["outdated"], instance["hash"]) == (True, False, truth["hash"])
        assert [part["identifier"] for part in instance["components"]] == PARTS[app]
        for part in instance["components"]:
            container = truth["containers"][part["container"]]
            assert (part["state"], part["id"], part["image_digest"]) == (
                container["state"],
                container["id"],
                container["image"],
            )
            assert part["started"] == pytest.approx(container["started"], abs=0.01)
            assert part["image"] == "nginx:1.27-alpine"
            assert part["age"] is None if part["state"] != "running" else part["age"] == pytest.approx(86400, abs=120)
            assert "error" not in part

    @GENERATIONS
    def test_without_a_key_is_read_without_what_the_owner_sees(self, reader: Reader, number: int) -> None:
        ran = reader.run(number=number, private_key=None)
        components = ran.result["instance"]["components"]
        assert [(part["state"], part["started"], part["image"]) for part in components] == [("running", None, None)] * 2
        assert {line["flux_id"] for line in ran.journal if line["kind"] == "request"} == {None}
        assert len(ran.requests) == 3

    @GENERATIONS
    def test_tells_use_and_processes_when_asked(self, reader: Reader, number: int) -> None:
        web, database = reader.one("ReefMail", number, gather=["stats", "top"])["components"]
        assert web["stats"]["memory"] == 10485760
        assert web["stats"]["cpu_total"] > 0
        assert [process["cmd"] for process in web["top"]] == ["nginx: master process", "nginx: worker process"]
        assert (database["stats"], database["top"], "error" in database) == (None, None, False), "it does not run"

    def test_use_needs_a_key(self, reader: Reader) -> None:
        assert "no key is given" in reader.run(gather=["top"], private_key=None, all_instances=True, node=None).error
        ran = reader.run(gather=["stats"], private_key=None)
        assert "only the owner of TideBoard may see its statistics and processes" in ran.error
        assert ran.requests == []

    def test_is_told_to_a_stranger_as_far_as_he_may_see_it(self, reader: Reader) -> None:
        components = reader.one(private_key=Person.named(STRANGER).wif)["components"]
        assert [(part["state"], part["started"], part["error"]["kind"]) for part in components] == [
            ("running", None, "unauthorized")
        ] * 2

    def test_one_component(self, reader: Reader) -> None:
        assert [part["component"] for part in reader.one(component="cache")["components"]] == ["cache"]
        assert "has no component 'ghost'" in reader.run(component="ghost").error

    @pytest.mark.parametrize("everywhere", [False, True])
    def test_is_found_in_other_letters(self, reader: Reader, everywhere: bool) -> None:
        ran = reader.run("tideBOARD", all_instances=everywhere)
        rows = ran.result["instances"] if everywhere else [ran.result["instance"]]
        assert {(row["app"], row["installed"], row["outdated"]) for row in rows} == {("TideBoard", True, False)}

    @pytest.mark.parametrize("app", ["", "web_TideBoard"])
    def test_name_that_no_app_can_have(self, reader: Reader, app: str) -> None:
        ran = reader.run(app, all_instances=True)
        assert "app is " in ran.error
        assert ran.requests == []

    def test_outdated_since_another_specification_is_registered(self, reader: Reader) -> None:
        reader.sim.update_app("TideBoard", image="nginx:1.28-alpine")
        assert reader.one()["outdated"] is True

    def test_is_read_when_the_node_cannot_tell_what_is_registered(self, reader: Reader) -> None:
        reader.sim.fault(reader.sim.addresses[NEW], kind="html", path="/apps/globalappsspecifications")
        ran = reader.run()
        assert (ran.result["instance"]["installed"], ran.result["instance"]["outdated"]) == (True, None)
        assert "whether TideBoard is outdated is not known" in ran.result["warnings"][0]

    def test_where_the_app_is_not(self, reader: Reader) -> None:
        instance = reader.one("Nowhere")
        assert (instance["installed"], instance["outdated"], instance["components"]) == (False, None, [])

    def test_with_a_container_that_is_missing(self, reader: Reader) -> None:
        reader.sim.fault(reader.sim.addresses[OLD], kind="container_missing", name="fluxweb_TideBoard")
        web = reader.one(number=OLD)["components"][0]
        assert (web["state"], web["container"], web["started"], "error" in web) == ("missing", None, None, False)

    def test_without_a_node(self, reader: Reader) -> None:
        assert "fluxos_node" in reader.run(node=None).error

    def test_on_a_node_that_does_not_answer_fails(self, reader: Reader) -> None:
        reader.sim.fault(reader.sim.addresses[NEW], kind="unreachable")
        assert reader.run().result["error"]["kind"] == "unreachable"


class TestAllInstances:
    def test_are_rows_by_address_each_with_its_own(self, reader: Reader) -> None:
        reader.sim.update_app("ReefMail", image="nginx:1.28-alpine")
        ran = reader.run("ReefMail", all_instances=True, node=None)
        rows = ran.result["instances"]
        assert [row["address"] for row in rows] == sorted(reader.sim.addresses)
        assert {row["outdated"] for row in rows} == {True}
        roles = {row["address"]: row["components"][1]["role"] for row in rows}
        assert [roles[address] for address in reader.sim.addresses] == ["primary", "standby", "standby"]
        assert all(row["components"][0]["started"] for row in rows)
        registered = ran.result["registered"]
        assert (registered["owner"], registered["components"]) == (owner().flux_id, ["web", "db"])
        assert registered["hash"] != rows[0]["hash"]

    def test_that_do_not_answer_are_rows_with_an_error(self, reader: Reader) -> None:
        silent, broken = reader.sim.addresses[OLD], reader.sim.addresses[NEW]
        reader.sim.fault(silent, kind="unreachable")
        reader.sim.fault(broken, kind="html", path="/apps/listallapps")
        rows = reader.all()
        assert {address: row.get("error", {}).get("kind") for address, row in rows.items()} == {
            reader.sim.addresses[PRIMARY]: None,
            broken: "bad_answer",
            silent: "unreachable",
        }
        assert (rows[silent]["installed"], rows[silent]["components"]) == (None, [])

    def test_that_do_not_have_a_component_yet_are_rows_without_it(self, reader: Reader) -> None:
        reader.sim.update_app("TideBoard", components=["web", "queue"])
        assert [row["components"] for row in reader.all(component="queue").values()] == [[]] * 3
        assert [len(row["components"]) for row in reader.all(component="CACHE").values()] == [1] * 3
        ran = reader.run(component="ghost", all_instances=True)
        assert "has no component 'ghost' anywhere; it has cache, queue, web" in ran.error
        assert "has none at all" in reader.run("PlainTide", component="web", all_instances=True).error

    def test_that_are_gone_and_still_listed_are_not_installed(self, reader: Reader) -> None:
        def forget(fleet: Any) -> None:
            fleet.world.nodes[reader.sim.addresses[OLD]].apps.forget("TideBoard")

        reader.sim.call(forget)
        row = reader.all()[reader.sim.addresses[OLD]]
        assert (row["installed"], row["components"], "error" in row) == (False, [], False)

    def test_of_an_app_that_nobody_knows_are_none(self, reader: Reader) -> None:
        ran = reader.run("Nowhere", all_instances=True, node=None)
        assert (ran.result["instances"], ran.result["registered"]) == ([], None)

    def test_are_looked_up_at_the_next_gateway_when_one_is_silent(self, reader: Reader) -> None:
        rows = reader.all(gateway=["http://127.0.0.1:9", reader.sim.gateway])
        assert len(rows) == 3

    def test_cannot_be_looked_up_when_no_gateway_answers(self, reader: Reader) -> None:
        reader.sim.fault("gateway", kind="http_error", status=500)
        assert "HTTP 500" in reader.run(all_instances=True).error

    def test_are_read_with_as_few_requests_as_there_are_questions(self, reader: Reader) -> None:
        ran = reader.run(all_instances=True, node=None)
        counts = {path: ran.requests.count(path) for path in set(ran.requests)}
        assert counts == {
            "/apps/location/TideBoard": 1,
            "/apps/globalappsspecifications": 1,
            "/apps/installedapps/TideBoard": 3,
            "/apps/listallapps": 3,
            "/apps/appinspect/web_TideBoard": 3,
            "/apps/appinspect/cache_TideBoard": 3,
        }
