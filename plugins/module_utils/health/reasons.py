# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why something is done to a node, or not: one enum for every decision of a maintenance run.

Each reason has a name for machines (its value), a sentence for people, and says whether it is expected to clear by
itself within an hour, so that the node is worth asking again in the same run.

Properties:

- Every reason makes a sentence from exactly the facts that its text names.
- Text that came from a node is shortened and put on one line before it becomes part of a sentence.
"""

from __future__ import annotations

from enum import Enum

_LONGEST_QUOTE = 200


class Effect(Enum):
    """What a reason leads to."""

    RESTART = "restart"
    """It is to be restarted, as soon as that is safe."""
    SKIP = "skip"
    """Nothing needs to be done."""
    HOLD = "hold"
    """It would not be safe now."""
    STOP = "stop"
    """The run ends."""
    DONE = "done"


class Reason(Enum):
    """The value is the name for machines."""

    _value_: str
    effect: Effect
    clears: bool
    template: str

    def __new__(cls, name: str, effect: Effect, clears: bool, template: str) -> Reason:
        reason = object.__new__(cls)
        reason._value_ = name
        reason.effect = effect
        reason.clears = clears
        reason.template = template
        return reason

    OUTDATED = ("outdated", Effect.RESTART, False, "its version {version} is older than {target}")
    LONG_RUNNING = ("long_running", Effect.RESTART, False, "its FluxOS runs for {uptime}, longer than {allowed}")
    NAMED = ("named", Effect.RESTART, False, "it was named")
    INTERRUPTED = (
        "interrupted",
        Effect.RESTART,
        False,
        "a run that was interrupted had begun to restart it: its recovery is waited for, it is not restarted again",
    )

    NOT_SELECTED = ("not_selected", Effect.SKIP, False, "it was not selected: {why}")
    NOT_OUTDATED = ("not_outdated", Effect.SKIP, False, "its version {version} is not older than {target}")
    NOT_UPDATED_BY_RESTART = (
        "not_updated_by_restart",
        Effect.SKIP,
        False,
        "its version {version} is older than {target}, but a restart by an earlier run did not change that: "
        "the newer files are not on the node",
    )
    ALREADY_RESTARTED = (
        "already_restarted",
        Effect.SKIP,
        False,
        "its FluxOS process is {uptime} s old: it was restarted after this run began",
    )

    UNREACHABLE = ("unreachable", Effect.HOLD, False, "its {what} could not be read, because {why}")
    DAEMON_UNREACHABLE = (
        "daemon_unreachable",
        Effect.HOLD,
        False,
        "its daemon's block height could not be read, because {why}; "
        "FluxOS removes every app when it starts without a daemon",
    )
    DAEMON_BEHIND = (
        "daemon_behind",
        Effect.HOLD,
        True,
        "its daemon is at block {height}, {behind} behind the network's {network}; {allowed} are allowed",
    )
    EXPLORER_BEHIND = ("explorer_behind", Effect.HOLD, True, "its explorer has not reached the tip of the chain")
    NOT_CONFIRMED = (
        "not_confirmed",
        Effect.HOLD,
        False,
        "its status is {status}, not CONFIRMED; FluxOS removes every app when it starts unconfirmed",
    )
    DOS = ("dos", Effect.HOLD, False, "its DOS state is {state} ({message}), where 0 without a message is needed")
    SLACK = (
        "slack",
        Effect.HOLD,
        True,
        "confirmation age {age} of 500 blocks: {left} blocks left, {needed} needed; "
        "ask again after it confirmed, in about {soonest} to {latest} min",
    )
    CONFIRMATION_DUE = (
        "confirmation_due",
        Effect.HOLD,
        True,
        "confirmation age {age}, past 500 blocks: it is about to confirm again (if not, it expires in {expires} min); "
        "ask again after it confirmed",
    )
    BENCHMARKING = ("benchmarking", Effect.HOLD, True, "its benchmark is running")
    BENCHMARK_FAILED = (
        "benchmark_failed",
        Effect.HOLD,
        False,
        "its benchmark says {status} and its tier reads {tier}, where CUMULUS, NIMBUS or STRATUS is needed",
    )
    UNHEALTHY = ("unhealthy", Effect.HOLD, False, "its own health check failed: {said}")
    BOOTING = ("booting", Effect.HOLD, True, "it is still starting its apps after its last start")
    NO_RESTART_PATH = (
        "no_restart_path",
        Effect.HOLD,
        False,
        "it runs ArcaneOS, where FluxOS cannot restart itself, and no restart command for its host is given",
    )
    ONLY_INSTANCE = (
        "only_instance",
        Effect.HOLD,
        False,
        "no other node runs {apps}: this is the only running instance",
    )
    APP_BUDGET = ("app_budget", Effect.HOLD, True, "too few instances run on other nodes: {apps}")
    CANNOT_EVALUATE = ("cannot_evaluate", Effect.HOLD, False, "{what} cannot be judged, because {why}")

    RESTART_FAILED = ("restart_failed", Effect.STOP, False, "the restart failed: {said}")
    NOT_HEALTHY_AGAIN = (
        "not_healthy_again",
        Effect.STOP,
        False,
        "it was not healthy again within {seconds} s; still missing: {missing}",
    )
    TOO_MANY_SICK = (
        "too_many_sick",
        Effect.STOP,
        False,
        "{count} of {fleet} nodes are sick, {allowed} may be: {nodes}",
    )
    ERROR_BUDGET = ("error_budget", Effect.STOP, False, "{count} nodes failed in this run, {allowed} may: {nodes}")
    RUN_STOPPED = ("run_stopped", Effect.STOP, False, "the run ended before its turn: {why}")

    RESTARTED = ("restarted", Effect.DONE, False, "it was restarted and is healthy again after {seconds} s")

    def sentence(self, **facts: object) -> str:
        """The sentence for people. A fact that is missing is a defect of the caller and raises ``KeyError``."""
        return self.template.format(**facts)


def told(text: object) -> str:
    """Text of a node, fit to stand in a sentence: on one line, printable, at most 200 characters, in backticks."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    if len(line) > _LONGEST_QUOTE:
        line = f"{line[:_LONGEST_QUOTE]}..."
    return f"`{line}`"
