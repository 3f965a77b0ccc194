# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run, from its plan and its events: pure functions.

Steps: every node of the plan starts with what the plan decided; events are applied in order, later ones win; the
result of a node that was begun but never finished is ``interrupted`` once the run has ended, ``restarting`` while it
has not.

Properties: every node of the selected fleet is in the report exactly once, with a result and a reason; a report built
twice from the same input is equal; a run without events reports everything that was planned as ``planned``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: What may become of a node, in the order in which a person wants to read it, with the heading of its section.
RESULTS: dict[str, str] = {
    "failed": "Failed",
    "interrupted": "Interrupted: outcome not known",
    "restarting": "Being restarted",
    "restarted": "Restarted",
    "already_restarted": "Found already restarted in this run",
    "planned": "Planned but not reached",
    "held": "Held back",
    "skipped": "Not selected",
}

_DECISION_RESULT = {"restart": "planned", "verify": "planned", "skip": "skipped", "hold": "held"}


def build_report(plan: Mapping[str, Any], events: Sequence[Mapping[str, Any]], status: str) -> dict[str, Any]:
    """Put together what was decided and what happened, per node and for the run."""
    nodes = {node["name"]: _as_planned(node, plan) for node in plan["nodes"]}
    run_events = [event for event in events if not event.get("node")]
    for event in events:
        if event.get("node") in nodes:
            _apply(nodes[event["node"]], event)
    if status != "running":
        for node in nodes.values():
            if node["result"] == "restarting":
                node["result"] = "interrupted"
    ended = [event["time"] for event in run_events if event["event"] == "finished"]
    last = max([event["time"] for event in events], default=plan["started"])
    done = [node for node in nodes.values() if node["result"] in ("restarted", "already_restarted")]
    return {
        "run_id": plan["run_id"],
        "fleet": plan["fleet"],
        "owner": plan["owner"],
        "status": status,
        "check_mode": plan["check_mode"],
        "changed": any(_was_touched(node) for node in nodes.values()),
        "started": plan["started"],
        "ended": ended[-1] if ended else None,
        "seconds": round((ended[-1] if ended else last) - plan["started"], 1),
        "resumed": sum(1 for event in run_events if event["event"] == "resumed"),
        "stopped_because": next((event["message"] for event in run_events[::-1] if event.get("message")), None),
        "criteria": plan["criteria"],
        "overrides": plan["overrides"],
        "fleet_size": len(nodes),
        "cap": plan["cap"],
        "counts": dict(Counter(node["result"] for node in nodes.values())),
        "waves": _waves(plan, done),
        "nodes": list(nodes.values()),
    }


def _was_touched(node: Mapping[str, Any]) -> bool:
    """Whether the run restarted the node, or may have: a restart that failed was a restart that was asked for."""
    return node["result"] in ("restarted", "restarting", "interrupted") or (
        node["result"] == "failed" and node["started"] is not None
    )


def _as_planned(node: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": node["name"],
        "address": node["address"],
        "tier": node.get("tier"),
        "arcane": node.get("arcane"),
        "decision": node["decision"],
        "result": _DECISION_RESULT[node["decision"]],
        "reason": node["reason"],
        "message": node["message"],
        "overridden": list(node.get("overridden", [])),
        "version_before": node.get("version"),
        "version_after": None,
        "wave": next((number for number, wave in enumerate(plan["waves"], 1) if node["name"] in wave), None),
        "method": None,
        "started": None,
        "seconds": None,
        "apps": list(node.get("apps") or []),
    }


def _apply(node: dict[str, Any], event: Mapping[str, Any]) -> None:
    kind = event["event"]
    if kind == "restarting":
        node.update(result="restarting", started=event["time"], method=event.get("method"))
    elif kind in ("restarted", "already_restarted"):
        node["result"] = kind
        node["version_after"] = event.get("version")
        if node["started"] is not None:
            node["seconds"] = round(event["time"] - node["started"], 1)
    elif kind == "held":
        node["result"] = "held"
    elif kind == "planned":
        node.update(result="planned", decision="restart")
    elif kind == "failed":
        node["result"] = "failed"
    for fact in ("reason", "message", "wave", "overridden"):
        if event.get(fact) is not None:
            node[fact] = event[fact]
    if event.get("evidence"):
        node["evidence"] = event["evidence"]


def _waves(plan: Mapping[str, Any], done: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The waves as they were carried out; those of nodes asked again come after the planned ones."""
    members: dict[int, list[str]] = {number: list(wave) for number, wave in enumerate(plan["waves"], 1)}
    for node in done:
        wave = node["wave"]
        if wave is not None and node["name"] not in members.setdefault(wave, []):
            members[wave].append(node["name"])
    return [{"wave": number, "nodes": members[number]} for number in sorted(members)]


# -- for people ------------------------------------------------------------------------------------------------


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float | None) -> str:
    """``75`` as ``1 min 15 s``."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """The plan, as it is shown before the first write."""
    nodes = {node["name"]: node for node in plan["nodes"]}
    by_decision = Counter(node["decision"] for node in plan["nodes"])
    target = plan["criteria"].get("target_version")
    lines = [
        f"{_count(len(nodes), 'node')}: {by_decision['restart']} to restart, {by_decision['hold']} held back, "
        f"{by_decision['skip']} with nothing to do."
        + (f" {by_decision['verify']} to finish from the interrupted run." if by_decision["verify"] else ""),
        (f"Target version {target}. " if target else "")
        + (
            f"At most {_count(plan['cap'], 'node')} at a time, one per IP, {_count(len(plan['waves']), 'wave')}."
            if plan["waves"]
            else "There is nothing to restart."
        ),
    ]
    for number, wave in enumerate(plan["waves"], 1):
        lines.append(f"wave {number}: " + ", ".join(f"{name} ({nodes[name]['reason']})" for name in wave))
    lines.extend(
        f"held back: {node['name']}: {node['message']}" for node in plan["nodes"] if node["decision"] == "hold"
    )
    if plan["overrides"]:
        lines.append("overridden gates: " + ", ".join(plan["overrides"]))
    return lines


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """The end of a run in a few lines."""
    counts = ", ".join(
        f"{report['counts'][result]} {heading.split(':', maxsplit=1)[0].lower()}"
        for result, heading in RESULTS.items()
        if report["counts"].get(result)
    )
    waves = {node["wave"] for node in report["nodes"] if node["result"] in ("restarted", "already_restarted")}
    lines = [
        f"run {report['run_id']}: {report['status']} after {duration(report['seconds'])}, "
        f"{_count(len(waves), 'wave')} done.",
        f"{_count(report['fleet_size'], 'node')}: {counts}.",
    ]
    if not report["changed"] and report["status"] == "finished" and not report["check_mode"]:
        lines.append("Nothing was changed.")
    if report["stopped_because"] and report["status"] not in ("running", "finished"):
        lines.append(f"Stopped because: {report['stopped_because']}")
    return lines


def markdown(report: Mapping[str, Any]) -> str:
    """The report as a page."""
    title = "Maintenance plan" if report["check_mode"] else "Maintenance report"
    out = [f"# {title}: restart of fleet {report['fleet']}", ""]
    out.extend(summary_lines(report))
    begun = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report["started"]))
    out += ["", f"Started {begun} by {report['owner']}."]
    if report["resumed"]:
        out.append(f"Resumed {_count(report['resumed'], 'time')} after an interruption.")
    if report["overrides"]:
        out.append("Gates overridden by the operator: " + ", ".join(report["overrides"]) + ".")
    for result, heading in RESULTS.items():
        rows = [node for node in report["nodes"] if node["result"] == result]
        if rows:
            out += ["", f"## {heading} ({len(rows)})", ""]
            out += _table(result, rows)
    return "\n".join(out) + "\n"


def _table(result: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if result in ("restarted", "already_restarted"):
        rows = sorted(rows, key=lambda node: (node["wave"] or 0, node["name"]))
        return [
            "| wave | node | version before | version after | took | why |",
            "|---|---|---|---|---|---|",
            *(
                f"| {node['wave'] or '-'} | {node['name']} | {node['version_before'] or '-'} "
                f"| {node['version_after'] or '-'} | {duration(node['seconds'])} | {_cell(node['message'])} |"
                for node in rows
            ),
        ]
    return [
        "| node | version | reason | what it means |",
        "|---|---|---|---|",
        *(
            f"| {node['name']} | {node['version_before'] or '-'} | {node['reason']} | {_cell(node['message'])} |"
            for node in rows
        ),
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
