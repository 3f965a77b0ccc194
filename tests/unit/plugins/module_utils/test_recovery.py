# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readings as they are kept, and what is waited for after a restart. ``test_node_health`` has the waiting itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import TimeError
from ansible_collections.fluxme.fluxos.plugins.module_utils.recovery import reading_from_plain, wait_until_healthy
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import App
from tests.unit.readings import healthy

ADDRESS = "203.0.113.7:16127"


def kept(**changes: Any) -> dict[str, Any]:
    """What ``node_preflight`` returns under ``before``, through JSON as a plan keeps it."""
    reading = healthy()
    values = {name: plain(getattr(reading, name)) for name in ("version", "process", "containers", "apps")}
    loaded: dict[str, Any] = json.loads(json.dumps({**values, **changes}))
    return loaded


def test_a_kept_reading_comes_back_as_it_was() -> None:
    reading, came_back = healthy(), reading_from_plain(ADDRESS, kept())
    assert came_back is not None
    for name in ("address", "ip", "process", "containers", "apps"):
        assert getattr(came_back, name) == getattr(reading, name), name


def test_an_app_with_an_election_comes_back_as_it_was() -> None:
    app = App("shop", "1Owner", 3, ("web",), 8, elected=("web",))
    came_back = reading_from_plain(ADDRESS, kept(apps=[plain(app)]))
    assert came_back is not None
    assert came_back.apps == (app,)


@pytest.mark.parametrize("values", [None, {}])
def test_nothing_kept_is_no_reading(values: Any) -> None:
    assert reading_from_plain(ADDRESS, values) is None


@pytest.mark.parametrize("lost", ["process", "containers", "apps"])
def test_what_was_not_read_stays_unread(lost: str) -> None:
    came_back = reading_from_plain(ADDRESS, kept(**{lost: None}))
    assert isinstance(getattr(came_back, lost), Unread)


@pytest.mark.parametrize(
    "changes",
    [
        {"containers": [{"name": "fluxweb_shop"}]},
        {"containers": [{"Names": ["/fluxweb_shop"]}]},
        {"containers": 7},
        {"apps": ["shop"]},
        {"apps": [{"name": "shop"}]},
    ],
)
def test_what_somebody_made_up_is_refused_in_words(changes: dict[str, Any]) -> None:
    with pytest.raises(CallError, match="pass that on unchanged"):
        reading_from_plain(ADDRESS, kept(**changes))


def test_a_process_that_is_none_is_refused_too() -> None:
    with pytest.raises(TimeError, match="is no process"):
        reading_from_plain(ADDRESS, kept(process={"uptime": "long"}))


@pytest.mark.parametrize("samples", [0, -3])
def test_no_samples_would_call_anything_healthy(samples: int) -> None:
    with pytest.raises(CallError, match=f"samples is {samples}"):
        wait_until_healthy(Call({}), None, samples)
