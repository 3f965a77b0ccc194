# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""results: the little that typed results decide by themselves."""

from __future__ import annotations

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.results import App, Confirmation, Container


@pytest.mark.parametrize(
    ("docker_name", "name", "app", "component"),
    [
        ("/fluxweb_shop", "fluxweb_shop", "shop", "web"),
        ("fluxweb_my-shop", "fluxweb_my-shop", "my-shop", "web"),
        ("/fluxoldapp", "fluxoldapp", "oldapp", None),
        ("/zelKadenaChainWebNode", "zelKadenaChainWebNode", "KadenaChainWebNode", None),
        ("/fluxfluxy_shop", "fluxfluxy_shop", "shop", "fluxy"),
        ("/watchtower", "watchtower", "watchtower", None),
    ],
)
def test_a_docker_name_tells_app_and_component(docker_name: str, name: str, app: str, component: str | None) -> None:
    container = Container.from_docker(docker_name, "running", "Up 3 hours (healthy)")
    assert (container.name, container.app, container.component) == (name, app, component)


@pytest.mark.parametrize("state", ["running", "exited", "paused", "restarting", "created", "dead", ""])
def test_only_running_is_running(state: str) -> None:
    assert Container.from_docker("/fluxa", state, "").running is (state == "running")


@pytest.mark.parametrize("status", ["CONFIRMED", "confirmed", "STARTED", "DOS", "OFFLINE", "expired", ""])
def test_only_the_exact_word_is_confirmed(status: str) -> None:
    assert Confirmation(status, 0).confirmed is (status == "CONFIRMED")


def test_a_specification_that_says_nothing_means_three_instances() -> None:
    assert App("shop", "1Owner").instances == 3
