# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.simulator ctl``: one order to a running simulator. Needs nothing but the standard library."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from typing import Any


def ctl_parser() -> argparse.ArgumentParser:
    """Options of ``ctl``."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator ctl", description="Talk to a running simulator.")
    parser.add_argument("--control", required=True, help="URL of the control API")
    actions = parser.add_subparsers(dest="action", required=True)
    restart = actions.add_parser("restart", help="restart FluxOS from the host's side")
    restart.add_argument("node")
    restart.add_argument("--down-seconds", type=float)
    restart.add_argument("--reboot", action="store_true", help="the whole host")
    fault = actions.add_parser("fault", help="begin a fault")
    fault.add_argument("node")
    fault.add_argument("fault", help='JSON, as {"kind": "daemon_down"}')
    heal = actions.add_parser("heal", help="end the faults of a node")
    heal.add_argument("node")
    heal.add_argument("kind", nargs="?")
    state = actions.add_parser("state", help="show the fleet or a node")
    state.add_argument("node", nargs="?")
    advance = actions.add_parser("advance", help="jump forward in simulated time")
    advance.add_argument("seconds", type=float)
    return parser


def ctl(arguments: list[str]) -> int:
    """Send one order; print the answer."""
    options = ctl_parser().parse_args(arguments)
    body: dict[str, Any] | None = None
    path = f"/nodes/{getattr(options, 'node', '')}"
    if options.action == "restart":
        body = {"down_seconds": options.down_seconds, "reboot": options.reboot}
        path += "/restart"
    elif options.action == "fault":
        body = json.loads(options.fault)
        path += "/fault"
    elif options.action == "heal":
        body = {"kind": options.kind}
        path += "/heal"
    elif options.action == "advance":
        body, path = {"seconds": options.seconds}, "/advance"
    elif not options.node:
        path = "/state"
    payload = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(options.control.rstrip("/") + path, data=payload)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            print(json.dumps(json.load(answer), indent=2))
    except urllib.error.HTTPError as refused:
        print(refused.read().decode("utf-8", "replace"), file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"the simulator at {options.control} does not answer: {problem}", file=sys.stderr)
        return 1
    return 0
