# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call as a task would make it, for tests below the modules."""

from __future__ import annotations

import importlib
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from tests.simulator.running import RunningSimulator


def call_of(module: str, sim: RunningSimulator | None = None, *, check_mode: bool = False, **options: Any) -> Call:
    """A call with a module's options; those of the connection point at the simulator and give up soon."""
    spec = importlib.import_module(f"ansible_collections.fluxme.fluxos.plugins.modules.{module}").ARGUMENT_SPEC
    near: dict[str, Any] = {"timeout": 5, "retries": 0}
    if sim is not None:
        near |= {"node": sim.addresses[0], "gateway": [sim.gateway], "private_key": sim.operator.wif}
    given = {name: value for name, value in near.items() if name in spec} | options
    validation = ArgumentSpecValidator(spec).validate(given)
    assert validation.error_messages == []
    return Call(validation.validated_parameters, check_mode=check_mode)
