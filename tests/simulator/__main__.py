# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.simulator``: start a fleet, or talk to a running one (``ctl``)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.simulator.ctl import ctl

ABOUT = """\
A FluxOS fleet on loopback. Node n listens on 127.N.0.n:16127 (HTTPS one port above), the gateway on
127.N.255.254:8080, the control API on 127.N.255.254:8081, stats, explorer, the load balancer's answers (fdm) and
the proxy to single nodes on 127.N.255.254:8082 to 8085. It runs until SIGINT or SIGTERM.

  python -m tests.simulator --scenario demo --time-factor 30 --state state.json --journal journal.jsonl
  python -m tests.simulator --scenario network --nodes 15000 --state state.json
  python -m tests.simulator ctl --control http://127.18.255.254:8081 restart 127.18.0.5:16127
"""


READABLE = 1000


def network(text: str) -> str:
    """``auto`` or a number of 127.N.0.0/16."""
    if text != "auto" and not (text.isdigit() and 1 <= int(text) <= 254):
        raise argparse.ArgumentTypeError("auto, or a number from 1 to 254")
    return text


def run_parser() -> argparse.ArgumentParser:
    """Options of a run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scenario", default="demo", help="demo, fleet, instances, network, single, or a file (default demo)"
    )
    parser.add_argument("--nodes", type=int, default=60, help="size of the scenarios fleet and network (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the scenarios fleet and network (default 1)")
    parser.add_argument("--time-factor", type=float, default=1.0, help="simulated seconds in a real one (default 1)")
    parser.add_argument(
        "--network", default="auto", type=network, help="N of 127.N.0.0/16, or auto: the first free from 18 up"
    )
    parser.add_argument("--journal", type=Path, help="write the journal to this file (one JSON object a line)")
    parser.add_argument("--state", type=Path, help="write this JSON file when everything listens")
    parser.add_argument(
        "--restart-seconds", type=float, help="how long a restarting node refuses connections (default 8)"
    )
    parser.add_argument("--boot-seconds", type=float, help="how long the boot window lasts (default 75)")
    parser.add_argument("--peers-seconds", type=float, help="how long a node lacks peers after a start (default 150)")
    parser.add_argument("--duration", type=float, help="end after so many real seconds")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when the process that started this one does"
    )
    return parser


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Whole or not at all. It holds a throw-away key, readable by the user only all the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.touch(mode=0o600)
    # Of a large network nobody reads it, and with line breaks it takes ten times as long.
    indent = 1 if len(state["nodes"]) <= READABLE else None
    draft.write_text(json.dumps(state, indent=indent) + "\n", encoding="utf-8")
    draft.replace(path)


async def _parent_ends(parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def serve(options: argparse.Namespace) -> None:
    """Run until told to end. Raises ScenarioError, FaultError, NoNetwork."""
    # Imported here so that ``ctl``, which playbooks call, starts without them.
    from tests.simulator.fleet import Fleet
    from tests.simulator.scenario import load

    parent = os.getppid()
    loop = asyncio.get_running_loop()
    ended = loop.create_task(_for_ever())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.cancel)
    scenario = load(options.scenario, nodes=options.nodes, seed=options.seed)
    for name, value in (
        ("down", options.restart_seconds),
        ("boot", options.boot_seconds),
        ("peers", options.peers_seconds),
    ):
        if value is not None:
            setattr(scenario.timings, name, value)
    # Most of what is made now stays: looking through it again and again would cost more than it frees.
    gc.disable()
    fleet = await Fleet.start(
        scenario, network=options.network, time_factor=options.time_factor, journal=options.journal
    )
    gc.collect()
    gc.freeze()
    gc.enable()
    try:
        if options.state:
            write_state(options.state, fleet.state())
        where = ", ".join(f"{name} {url}" for name, url in {**fleet.urls, "control": fleet.control_url}.items())
        print(f"{len(fleet.world.roll)} nodes on 127.{fleet.network}.0.0/16, {where}")
        sys.stdout.flush()
        waiting = {ended}
        if options.exit_with_parent:
            waiting.add(loop.create_task(_parent_ends(parent)))
        await asyncio.wait(waiting, timeout=options.duration, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await fleet.stop()


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 when the fleet cannot start."""
    if arguments[:1] == ["ctl"]:
        return ctl(arguments[1:])
    options = run_parser().parse_args(arguments)
    from tests.simulator.faults import FaultError
    from tests.simulator.fleet import NoNetwork, TooManyNodes
    from tests.simulator.scenario import ScenarioError

    try:
        asyncio.run(serve(options))
    except (ScenarioError, FaultError, NoNetwork, TooManyNodes) as problem:
        print(f"the simulator cannot start: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
