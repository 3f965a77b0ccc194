# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app is on a node: names, components, containers, standbys."""

from __future__ import annotations

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppComponent, AppSpec, Sync
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_shapes import app_spec, docker_time, sync_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import BadAnswer
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, by_intent, parts_of, stand
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Container

NODE = "203.0.113.7:16127"


def container(name: str, state: str = "running", status: str = "Up 3 hours") -> Container:
    return Container.from_docker(f"/{name}", state, status)


def spec(name: str = "shop", *components: str | None, version: int = 8) -> AppSpec:
    return AppSpec(name, "1owner", version, "abc", 3, tuple(AppComponent(part) for part in components))


def part(sync: Sync, state: str, status: str = "") -> Part:
    found = None if state == "missing" else container("fluxweb_shop", state, status)
    return Part(AppComponent("web", sync), "web_shop", found)


class TestTheContainersOfAnApp:
    def test_are_in_the_order_of_the_specification_and_missing_where_there_is_none(self) -> None:
        standing = stand(
            NODE, "shop", spec("shop", "web", "db"), [container("fluxdb_shop"), container("fluxweb_other")]
        )
        assert [(each.identifier, each.state) for each in standing.parts] == [
            ("web_shop", "missing"),
            ("db_shop", "running"),
        ]

    @pytest.mark.parametrize(
        ("app", "name"),
        [("oldapp", "fluxoldapp"), ("KadenaChainWebNode", "zelKadenaChainWebNode"), ("fluxSpecial", "fluxSpecial")],
    )
    def test_of_an_app_without_components_has_its_name(self, app: str, name: str) -> None:
        row = Container(name, app, None, "running", "Up")
        standing = stand(NODE, app, spec(app, None, version=3), [row])
        assert [(each.identifier, each.container) for each in standing.parts] == [(app, row)]

    def test_of_an_enterprise_app_are_known_by_their_names_only(self) -> None:
        standing = stand(NODE, "shop", spec("shop"), [container("fluxdb_shop"), container("fluxdb_other")])
        assert [(each.identifier, each.component.sync) for each in standing.parts] == [("db_shop", "")]

    def test_are_shown_without_a_specification_too(self) -> None:
        standing = stand(NODE, "shop", None, [container("fluxdb_shop")])
        assert (standing.installed, len(standing.parts), standing.states()) == (False, 1, {})


@pytest.mark.parametrize(
    ("sync", "state", "role"),
    [
        ("", "exited", None),
        ("s", "created", None),
        ("g", "running", "primary"),
        ("g", "exited", "standby"),
        ("g", "created", "standby"),
        ("g", "missing", None),
        ("r", "created", "syncing"),
        ("r", "exited", None),
        ("r", "running", None),
    ],
)
def test_roles(sync: Sync, state: str, role: str | None) -> None:
    assert part(sync, state).role == role


@pytest.mark.parametrize(
    ("sync", "state", "status", "comes_back"),
    [
        ("", "exited", "Exited (0) 5 minutes ago", False),
        ("", "exited", "Exited (137) 5 minutes ago", False),
        ("", "exited", "Exited (143) 5 minutes ago", False),
        ("", "exited", "Exited (1) 5 minutes ago", True),
        ("", "running", "Up 3 hours", False),
        ("g", "exited", "Exited (0) 5 minutes ago", True),
        ("r", "created", "Created", True),
        ("", "missing", "", False),
    ],
)
def test_what_may_come_up_by_itself(sync: Sync, state: str, status: str, comes_back: bool) -> None:
    assert part(sync, state, status).comes_back is comes_back


@pytest.mark.parametrize(
    ("version", "expected"), [("8.17.1", False), ("8.18.0", True), ("8.20.0", True), ("9.0.0-dev", True), ("", True)]
)
def test_what_is_no_version_is_taken_for_a_new_one(version: str, expected: bool) -> None:
    assert by_intent(version) is expected


def test_components_are_found_without_regard_to_case_and_others_are_named() -> None:
    standing = stand(NODE, "shop", spec("shop", "web", "db"), [])
    assert [each.identifier for each in parts_of(standing, "DB")] == ["db_shop"]
    with pytest.raises(UsageError, match="has no component 'ghost'; it has web, db"):
        parts_of(standing, "ghost")


class TestSpecifications:
    @pytest.mark.parametrize(
        ("data", "flag"), [("/data", ""), ("g:/data", "g"), ("r:/data|s:/x", "r"), ("s:/data", "s"), (None, "")]
    )
    def test_flags_are_found_as_fluxos_finds_them(self, data: str | None, flag: str) -> None:
        assert sync_of(data) == flag

    def test_of_all_versions(self) -> None:
        field = Field(NODE, "read it", None)
        old = app_spec(field, {"name": "a", "version": 3, "containerData": "g:/data", "owner": "1x", "hash": "h"})
        new = app_spec(field, {"name": "a", "version": 8, "compose": [{"name": "web", "containerData": "r:/d"}]})
        sealed = app_spec(field, {"name": "a", "version": 8, "compose": [], "enterprise": "x", "instances": 5})
        assert old.components == (AppComponent(None, "g"),)
        assert new.components == (AppComponent("web", "r"),)
        assert (sealed.components, sealed.instances, new.instances) == ((), 5, 3)

    @pytest.mark.parametrize("row", [{}, {"name": "a"}, {"name": "", "version": 3}])
    def test_without_name_or_version_are_none(self, row: dict[str, object]) -> None:
        with pytest.raises(BadAnswer):
            app_spec(Field(NODE, "read it", row), row)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-25T08:00:00Z", 1795593600.0),
        ("2026-11-25T08:00:00.5Z", 1795593600.5),
        ("2026-11-25T08:00:00.123456789Z", 1795593600.123456789),
        ("2026-11-25T10:00:00+02:00", 1795593600.0),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_of_docker(text: str | None, seconds: float | None) -> None:
    assert docker_time(text) == seconds
