# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run as it is kept, and how it grows: pure functions.

A run that was interrupted, or that asks held-back nodes again, gets a second plan. It is merged into the first, so
that one report tells the whole story: what was done stays as it was, what was not reached is replaced.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.lock import user_name
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import cap_from

#: Events after which a node has been touched in a run.
TOUCHED = frozenset({"restarting", "restarted", "already_restarted", "failed"})
#: Events after which it is known what became of a node's restart.
SETTLED = frozenset({"restarted", "already_restarted", "failed"})


#: What every node of a plan has.
NODE_KEYS = ("name", "address", "decision", "reason", "message")
DECISIONS = ("restart", "verify", "hold", "skip")


class PlanError(UsageError):
    """The plan that was given cannot be carried out; the message names what is wrong with it."""


def check_plan(given: Mapping[str, Any]) -> None:
    """Refuse a plan that somebody wrote by hand and that would fail later, after the lock was taken."""
    if missing := [key for key in ("nodes", "waves", "cap") if key not in given]:
        raise PlanError(f"the plan has no {missing[0]!r}: nodes, waves and cap are needed")
    decisions: dict[str, str] = {}
    for node in given["nodes"]:
        if not isinstance(node, Mapping) or not all(isinstance(node.get(key), str) for key in NODE_KEYS):
            name = node.get("name") if isinstance(node, Mapping) else node
            raise PlanError(f"the plan's node {name!r} needs {', '.join(NODE_KEYS)}, all of them texts")
        if node["decision"] not in DECISIONS:
            raise PlanError(f"the plan's node {node['name']!r}: the decision is one of {', '.join(DECISIONS)}")
        if node["name"] in decisions:
            raise PlanError(f"the plan has the node {node['name']!r} twice")
        decisions[node["name"]] = node["decision"]
    in_waves = [name for wave in given["waves"] for name in wave]
    for name in in_waves:
        if decisions.get(name) not in ("restart", "verify"):
            raise PlanError(f"the plan's waves hold {name!r}, which is not among its nodes that are to be restarted")
        if in_waves.count(name) > 1:
            raise PlanError(f"the plan's waves hold {name!r} more than once")
    spare = {held["name"] for held in given.get("held") or []}
    for name, decision in decisions.items():
        if decision == "restart" and name not in in_waves and name not in spare:
            raise PlanError(f"the plan's node {name!r} is to be restarted, but is in no wave and not in 'held'")


def make_plan(
    run_id: str, fleet: str, started: float, params: Mapping[str, Any], *, check_mode: bool
) -> dict[str, Any]:
    """The plan of the task's options. Nodes that were to be restarted but got no wave are held back.

    Raises :class:`PlanError`, and ``WaveError`` for a cap that is none.
    """
    given = params["plan"]
    check_plan(given)
    waves = [list(wave) for wave in given["waves"] if wave]
    in_a_wave = {name for wave in waves for name in wave}
    spare = {held["name"]: held for held in given.get("held") or []}
    nodes = []
    for node in given["nodes"]:
        if node["decision"] == "restart" and node["name"] not in in_a_wave:
            held = spare[node["name"]]
            node = {**node, "decision": "hold", "reason": held["reason"], "message": held["sentence"]}
        nodes.append(dict(node))
    return {
        "run_id": run_id,
        "fleet": fleet,
        "owner": f"{user_name()}@{socket.gethostname()}",
        "started": started,
        "check_mode": check_mode,
        "report_dir": params["report_dir"],
        "criteria": dict(given.get("criteria") or {}),
        "overrides": list(given.get("overrides") or []),
        "cap": cap_from(given["cap"], int(given.get("fleet_size") or len(nodes))),
        "nodes": nodes,
        "waves": waves,
    }


def touched(events: Sequence[Mapping[str, Any]]) -> set[str]:
    return {event["node"] for event in events if event.get("node") and event["event"] in TOUCHED}


def in_flight(events: Sequence[Mapping[str, Any]]) -> set[str]:
    """Nodes whose restart was begun and whose outcome nobody kept."""
    last = {event["node"]: event["event"] for event in events if event.get("node") and event["event"] in TOUCHED}
    return {node for node, event in last.items() if event not in SETTLED}


def merge(old: Mapping[str, Any], new: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The old plan, continued by the new one."""
    done = touched(events)
    fresh = {node["name"]: node for node in new["nodes"]}
    again = {name for wave in new["waves"] for name in wave}

    def merged(node: Mapping[str, Any]) -> dict[str, Any]:
        replacement = fresh.get(node["name"])
        if replacement is None or (node["name"] in done and node["name"] not in again):
            return dict(node)
        if node["name"] in done:
            # What it was before the first attempt is what the report tells, and what a restart is proved against.
            kept = {key: node[key] for key in ("version", "process", "before", "reason", "message") if key in node}
            return {**replacement, **kept}
        return dict(replacement)

    nodes = [merged(node) for node in old["nodes"]]
    nodes += [dict(node) for name, node in fresh.items() if name not in {old_node["name"] for old_node in old["nodes"]}]
    waves = [[name for name in wave if name in done and name not in again] for wave in old["waves"]]
    return {
        **old,
        **{key: new[key] for key in ("criteria", "overrides", "cap", "report_dir")},
        "nodes": nodes,
        "waves": [wave for wave in waves if wave] + list(new["waves"]),
    }
