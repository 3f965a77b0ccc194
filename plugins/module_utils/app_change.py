# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that changes an app on a node: from its options to its result."""

from __future__ import annotations

from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_data_loss import check_data_loss
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_deploy import Deployment, Report
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import look_at_instance
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_state import RunStateChange, StepFailed
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError, Result
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Standing, parts_of, read_standing


def change_state(call: Call) -> Result:
    """Run, stop or restart the components, one by one."""
    _refuse_what_is_not_for(call)
    standing, version = look_at_instance(call)
    change = RunStateChange(call, standing, version, call.params["state"])
    parts = parts_of(standing, call.params["component"])
    change.check(parts)
    try:
        steps = change.apply(parts)
    except StepFailed as failed:
        raise CallError(
            str(failed.error),
            error=failed.error.as_dict(),
            steps=[step.as_dict() for step in failed.done],
            changed=any(step.changed for step in failed.done) and not call.check_mode,
        ) from failed
    after = standing if call.check_mode else read_standing(call.client, standing.app)
    states = {step.before.label: call.params["state"] if step.changed else step.before.state for step in steps}
    return Result(
        changed=any(step.changed for step in steps),
        values={"instance": after.as_dict(), "steps": [step.as_dict() for step in steps]},
        diff=_diff(standing, {**standing.states(), **states} if call.check_mode else after.states()),
    )


def deploy(call: Call) -> Result:
    """Redeploy the app, or take it from the node."""
    absent = call.params["state"] == "absent"
    if call.params["component"] is not None:
        raise UsageError(f"component: FluxOS has state {call.params['state']} for whole apps only, leave it out")
    _refuse_what_is_not_for(call)
    standing, version = look_at_instance(call, must_be_installed=not absent)
    if absent and not standing.installed:
        return Result(values={"instance": standing.as_dict(), **Report().as_dict()}, diff=_diff(standing, {}))
    deployment = Deployment(call, standing, version)
    hard = call.params["hard"]
    if not absent:
        check_data_loss(call.client, standing, hard=hard, accepted=call.params["data_loss"] == "accepted")
    planned = {} if absent else {part.label: "redeployed" for part in standing.parts}
    if call.check_mode:
        values = {"instance": standing.as_dict(), **deployment.report.as_dict()}
        return Result(changed=True, values=values, diff=_diff(standing, planned))
    try:
        after = deployment.remove() if absent else deployment.redeploy(hard=hard)
    except FluxOSError as error:
        begun = bool(deployment.report.stream)
        raise CallError(str(error), error=error.as_dict(), changed=begun, **deployment.report.as_dict()) from error
    if deployment.found_gone:
        return Result(values={"instance": after.as_dict(), **Report().as_dict()}, diff=_diff(standing, {}))
    _warn(call, standing, deployment.report, hard=hard or absent)
    return Result(
        changed=True,
        values={"instance": after.as_dict(), **deployment.report.as_dict()},
        diff=_diff(standing, {} if absent else planned),
    )


def _refuse_what_is_not_for(call: Call) -> None:
    """An option that a state does not know would be a wish that nobody fulfils, and nobody says so."""
    state = call.params["state"]
    for option, its_state in (("not_after", "restarted"), ("hard", "redeployed")):
        if call.params[option] and state != its_state:
            raise UsageError(f"{option}: it is for state {its_state}, and state is {state}; leave it out")


def _warn(call: Call, standing: Standing, report: Report, *, hard: bool) -> None:
    if report.locks_cleared:
        call.warn(
            f"{standing.address}: {', '.join(report.locks_cleared)} did not run before the redeploy and was started "
            "for good after it: FluxOS would stop again within the hour what its owner had stopped"
        )
    if report.data_lost and not hard:
        call.warn(
            f"{standing.address}: FluxOS made this a hard redeploy, since the components of {standing.app} have "
            "changed: its data on this node are gone"
        )


def _diff(before: Standing, after: dict[str, str]) -> dict[str, Any]:
    return {
        "before_header": f"{before.app} on {before.address}",
        "after_header": f"{before.app} on {before.address}",
        "before": before.states(),
        "after": after,
    }
