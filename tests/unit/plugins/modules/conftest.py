# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run in process against simulated nodes: options in, result and journal out, and no secret in between."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import constraints_for
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, perform
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import STRANGER, Ran, RunModule

#: Two nodes behind one IP and one of its own that run one app, and an ArcaneOS node: enough for every module.
FLEET: dict[str, Any] = {
    "apps": [
        {"name": "TideBoard", "owner": "@app owner", "instances": 3, "components": ["web", "cache"], "version": 7}
    ],
    "nodes": [
        {"host": 1, "apps": ["TideBoard"], "confirmation_age": 100, "reconfirm_at": 520},
        {"host": 1, "apps": ["TideBoard"], "confirmation_age": 120},
        {"host": 2, "apps": ["TideBoard"], "confirmation_age": 140, "version": "8.18.0", "disk_version": "8.20.0"},
        {"host": 3, "arcane": True, "confirmation_age": 160},
    ],
    "timings": {"down": 8, "database": 1, "explorer": 20, "boot": 30, "peers": 40},
}


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    """The fleet, where a minute passes in a second."""
    with RunningSimulator(FLEET, time_factor=60) as running:
        yield running


@pytest.fixture
def node(sim: RunningSimulator) -> str:
    """The first node: legacy, 8.20, healthy."""
    return sim.addresses[0]


@pytest.fixture
def run_module(sim: RunningSimulator, tmp_path: Path) -> Iterator[RunModule]:
    """Validates options as the runner does, runs the module, and at the end looks for secrets in all that came out.

    Options of the connection that a test does not name point at the simulator; the key is the operator's.
    """
    said: list[str] = []
    secrets = {sim.operator.wif, sim.operator.private_key.hex(), Person.named(STRANGER).wif}

    def run(name: str, *, check: bool = False, diff: bool = False, **options: Any) -> Ran:
        module = importlib.import_module(f"ansible_collections.fluxme.fluxos.plugins.modules.{name}")
        given = {
            "node": sim.addresses[0],
            "gateway": [sim.gateway],
            "timeout": 5,
            "retries": 0,
            "private_key": sim.operator.wif,
            "session_cache": str(tmp_path / "sessions"),
            "wait_interval": 0.1,
            "wait_timeout": 60,
            "state_dir": str(tmp_path / "state"),
            **options,
        }
        args = {key: value for key, value in given.items() if value is not None and key in module.ARGUMENT_SPEC}
        args |= {key: value for key, value in options.items() if value is not None}
        constraints = constraints_for(module.ARGUMENT_SPEC, getattr(module, "CONSTRAINTS", None))
        validation = ArgumentSpecValidator(module.ARGUMENT_SPEC, **constraints).validate(args)
        assert validation.error_messages == []
        lines: list[str] = []
        call = Call(validation.validated_parameters, check_mode=check, diff_mode=diff, progress=lines.append)
        before = len(sim.journal())
        outcome = perform(module.run, call)
        secrets.update(call.secrets())
        said.append(json.dumps([outcome.result, lines]))
        return Ran(outcome.failed, outcome.result, lines, sim.journal()[before:])

    yield run
    login_phrases = sim.call(
        lambda fleet: {session.login_phrase for each in fleet.world.nodes.values() for session in each.logins.sessions}
    )
    for secret in secrets | login_phrases:
        assert not any(secret in text for text in said), "a secret is in a result"
