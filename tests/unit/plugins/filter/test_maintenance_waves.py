# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter maintenance_waves: its input and output. The rules themselves: module_utils/test_waves.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.template import is_trusted_as_template

from ansible_collections.fluxme.fluxos.plugins.filter.maintenance_waves import FilterModule, maintenance_waves
from tests.unit.examples import NEWEST, examples_of, run_on_localhost

NODES = [
    {"name": "berlin", "ip": "203.0.113.7", "apps": ["shop"]},
    {"name": "berlin2", "address": "203.0.113.7:16137", "apps": [], "tier": "CUMULUS"},
    {"name": "oslo", "ip": "203.0.113.9", "apps": ["shop", "wiki"]},
    {"name": "lima", "ip": "203.0.113.11", "apps": ["bank"]},
]


def test_it_is_registered_under_its_name() -> None:
    assert FilterModule().filters() == {"maintenance_waves": maintenance_waves}


def test_plain_values_go_in_and_come_out() -> None:
    plan = maintenance_waves(NODES, cap=2, budgets={"bank": 0})
    assert plan == {
        "waves": [["berlin"], ["berlin2", "oslo"]],
        "reasons": {
            "berlin": {
                "reason": "first",
                "wave": 1,
                "sentence": "nothing keeps it from the first wave",
                "beside": [],
                "app": None,
            },
            "berlin2": {
                "reason": "same_ip",
                "wave": 2,
                "sentence": "wave 1 restarts berlin, which has the same public IP 203.0.113.7",
                "beside": ["berlin"],
                "app": None,
            },
            "oslo": {
                "reason": "app_budget",
                "wave": 2,
                "sentence": "wave 1 restarts berlin, which hosts shop too, "
                "and only 1 of its instances may be away at once",
                "beside": ["berlin"],
                "app": "shop",
            },
        },
        "held": [
            {
                "name": "lima",
                "reason": "app_budget",
                "sentence": "its app bank has a budget of 0: no instance of it may be away",
            }
        ],
    }


def test_text_that_could_be_a_template_comes_out_as_it_went_in_and_without_trust() -> None:
    nodes = [{"name": f"n{number}", "ip": f"203.0.113.{number}", "apps": ["{{ 1 + 1 }}"]} for number in range(2)]
    reason = maintenance_waves(nodes, cap=2, canary=False)["reasons"]["n1"]
    assert reason["app"] == "{{ 1 + 1 }}"
    assert "which hosts {{ 1 + 1 }} too" in reason["sentence"]
    assert not is_trusted_as_template(reason["app"])
    assert not is_trusted_as_template(reason["sentence"])


def test_the_share_of_the_cap_is_of_the_fleet_and_not_of_the_nodes_to_restart() -> None:
    nodes = [{"name": f"n{number}", "ip": f"203.0.113.{number}", "apps": []} for number in range(8)]
    assert [len(wave) for wave in maintenance_waves(nodes, cap="10%", canary=False)["waves"]] == [1] * 8
    assert [len(wave) for wave in maintenance_waves(nodes, cap="10%", fleet_size=40)["waves"]] == [1, 4, 3]


def test_the_order_of_positional_arguments_is_the_documented_one(checkout: Path) -> None:
    documented = yaml.safe_load((checkout / "plugins/filter/maintenance_waves.yml").read_text())["DOCUMENTATION"]
    names = documented["positional"].split(", ")
    defaults = maintenance_waves.__defaults__ or ()
    assert list(maintenance_waves.__code__.co_varnames[1 : 1 + len(defaults)]) == names
    assert [documented["options"][name].get("default") for name in names] == ["5%", None, {}, 1, True]
    assert maintenance_waves(NODES, "5%", None, {}, 1, True) == maintenance_waves(NODES)


def test_extra_variables_of_the_command_line_arrive_as_text() -> None:
    as_text = maintenance_waves(NODES, "2", "40", {"bank": "0"}, "1", "no")
    assert as_text == maintenance_waves(NODES, 2, 40, {"bank": 0}, 1, False)


@pytest.mark.parametrize(
    ("nodes", "arguments", "says"),
    [
        ("berlin", {}, "a list of nodes is expected, not a str"),
        ([NODES[0], "oslo"], {}, "node number 2 is a str: a dictionary with name, ip"),
        ([NODES[0], {"ip": "203.0.113.9", "apps": []}], {}, "node number 2 has no name"),
        ([{"name": "oslo", "apps": []}], {}, "node 'oslo' has neither an 'ip' nor an 'address'"),
        ([{"name": "oslo", "ip": "somewhere over", "apps": []}], {}, "node 'oslo': "),
        ([{"name": "oslo", "ip": "203.0.113.9"}], {}, "node 'oslo' has no list of app names"),
        ([{"name": "oslo", "ip": "203.0.113.9", "apps": "shop"}], {}, "node 'oslo' has no list of app names"),
        ([{"name": "oslo", "ip": "203.0.113.9", "apps": [{}]}], {}, "node 'oslo' has no list of app names"),
        ([NODES[0], NODES[0]], {}, "node 'berlin' is given twice"),
        (NODES, {"cap": "0%"}, "the cap is '0%'"),
        (NODES, {"fleet_size": "many"}, "fleet_size is 'many': a whole number is expected"),
        (NODES, {"fleet_size": -1}, "size of the fleet is -1"),
        (NODES, {"budgets": ["shop"]}, "budgets is a list: a dictionary"),
        (NODES, {"budgets": {"shop": "few"}}, "the budget of app 'shop' is 'few'"),
        (NODES, {"budgets": {"shop": -1}}, "the budget of app 'shop' is -1"),
        (NODES, {"default_budget": 1.5}, "default_budget is 1.5"),
        (NODES, {"canary": "perhaps"}, "canary is 'perhaps': true or false"),
    ],
)
def test_what_cannot_be_used_is_named(nodes: Any, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        maintenance_waves(nodes, **arguments)
    assert says in str(caught.value)
    assert "fluxme.fluxos.maintenance_waves: " in str(caught.value)


ASSERTIONS: list[dict[str, Any]] = [
    {
        "name": "The plan is what the example of its documentation promises",
        "ansible.builtin.assert": {
            "that": [
                "plan.waves == [['berlin', 'oslo']]",
                "plan.held | map(attribute='name') == ['lima']",
                "plan.reasons.oslo.reason == 'first'",
                "plan.waves is sequence and plan.reasons is mapping",
            ]
        },
    },
    {
        "name": "An item that cannot be used",
        "ansible.builtin.debug": {"msg": "{{ [{'name': 'oslo'}] | fluxme.fluxos.maintenance_waves }}"},
        "register": "refused",
        "ignore_errors": True,
    },
    {
        "name": "The message names it",
        "ansible.builtin.assert": {"that": ["refused.msg is search(\"node 'oslo' has no list of app names\")"]},
    },
]


def _run_examples(checkout: Path, folder: Path, bin_folder: Path) -> None:
    tasks = examples_of(checkout / "plugins/filter/maintenance_waves.yml")
    done = run_on_localhost([*tasks, *ASSERTIONS], folder, bin_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lima is held back: its app bank has a budget of 0" in done.stdout
    assert "WARNING" not in done.stderr


def test_the_examples_run(checkout: Path, tmp_path: Path) -> None:
    _run_examples(checkout, tmp_path, NEWEST)


@pytest.mark.core216
def test_the_examples_run_on_the_oldest_core(checkout: Path, tmp_path: Path, core216: Path) -> None:
    _run_examples(checkout, tmp_path, core216)
