# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the network says, no release of Ansible renders it."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.fluxme.fluxos.plugins.plugin_utils.unsafe import inert


@pytest.mark.parametrize(
    "text", ["{{ 7 * 7 }}", "{% if true %}x{% endif %}", "a {# comment #} b", "CUMULUS", "t1{{ 7*7 }}", "ünï {{ 1 }}"]
)
def test_text_stays_what_it_is(text: str) -> None:
    templar = Templar(loader=DataLoader(), variables={"foreign": inert(text)})
    assert templar.template(inert(text)) == text


def test_nested_values_too() -> None:
    value = {"a": ["{{ 7 * 7 }}", {"b": ["{{ 1 }}", 5, None, True]}]}
    templar = Templar(loader=DataLoader(), variables={})
    assert templar.template(inert(value)) == {"a": ["{{ 7 * 7 }}", {"b": ["{{ 1 }}", 5, None, True]}]}
