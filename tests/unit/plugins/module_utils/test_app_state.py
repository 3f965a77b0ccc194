# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be sent for a component, from what is there: pure decisions, all of them in one table."""

from __future__ import annotations

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppComponent, Sync, Verb
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_state import RunState, alters, verb_for
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Container

CRASHED = "Exited (1) 2 minutes ago"


def part(state: str, sync: Sync = "", status: str = "Exited (0) 2 minutes ago") -> Part:
    found = None if state == "missing" else Container("fluxweb_shop", "shop", "web", state, status)
    return Part(AppComponent("web", sync), "web_shop", found)


@pytest.mark.parametrize(
    ("state", "what", "verb", "verb_on_8_17", "changes"),
    [
        ("started", part("running"), None, None, False),
        ("started", part("exited"), "start", "start", True),
        ("started", part("created"), "start", "start", True),
        ("started", part("paused"), "restart", "unpause", True),
        ("started", part("missing"), "start", "start", True),
        ("started", part("exited", "g"), "start", "start", True),
        ("started", part("created", "r"), None, None, False),
        ("started", part("exited", "r"), "start", "start", True),
        ("stopped", part("running"), "stop", "stop", True),
        ("stopped", part("paused"), "stop", "stop", True),
        ("stopped", part("exited"), None, None, False),
        ("stopped", part("exited", status=CRASHED), "stop", "stop", False),
        ("stopped", part("exited", "g"), "stop", "stop", False),
        ("stopped", part("created", "r"), "stop", "stop", False),
        ("stopped", part("missing"), "stop", None, False),
        ("restarted", part("running"), "restart", "restart", True),
        ("restarted", part("exited"), "restart", "restart", True),
        ("restarted", part("paused"), "restart", "restart", True),
        ("restarted", part("created", "r"), None, None, False),
        ("killed", part("running"), "kill", "kill", True),
        ("killed", part("exited"), None, None, False),
    ],
)
def test_what_is_sent(state: RunState, what: Part, verb: Verb | None, verb_on_8_17: Verb | None, changes: bool) -> None:
    assert verb_for(state, what, intent=True) == verb
    assert verb_for(state, what, intent=False) == verb_on_8_17
    assert alters(state, what, verb, elsewhere=False) is changes


@pytest.mark.parametrize("state", ["started", "restarted"])
def test_a_standby_stays_one_while_another_node_runs_it(state: RunState) -> None:
    standby = part("exited", "g")
    verb = verb_for(state, standby, intent=True)
    assert [alters(state, standby, verb, elsewhere=elsewhere) for elsewhere in (True, False)] == [False, True]
