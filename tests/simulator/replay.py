# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay a recording of a real FluxOS node against the simulator: ``python -m tests.simulator.replay FILE.json``.

One node of the recorded FluxOS version is started (``replay_node``): its owner, the Flux team, the app owners and the
sessions are those of the recording's ``meta``, its apps and containers those that the recording shows. The cases run
in the order in which they were recorded, each after the response cache was emptied, each exchange at the moment at
which it was recorded (the simulated clock stands still in between), each on a fresh connection, and each with the
recorded bytes (``replay_client``) but for one thing: a login phrase is partly random, so where a request uses one that
an earlier answer of the recording issued, it is replaced by the one that our node issued, and signed again by the same
test key in the same form (``replay_signing``).

What has to be equal is said in ``replay_compare`` and, for values inside answers, in ``replay_rules``.

A case counts once: ``differs`` when any exchange does, else ``not built`` when it touches a route that the simulator
does not have, else ``agrees``. A route counts as missing by the simulator's own registry, and only where FluxOS has it:
a recorded 404 page, an OPTIONS answer or a refusal by the HTTP parser is expected from the simulator all the same.
The recorder waited 5 s before it wrote "no answer"; here half a second has to do.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulator.replay_client import exchange as send
from tests.simulator.replay_compare import differences
from tests.simulator.replay_node import ReplayNode, Unsupported
from tests.simulator.replay_recording import Case, Exchange, Recording, RecordingError, Response, load
from tests.simulator.replay_signing import Signatures, Substitutions

PATIENCE = 0.5
"""Seconds to wait for the first byte where the recorded node left a request unanswered (the recorder waited 5 s)."""

AGREES, DIFFERS, NOT_BUILT = "agrees", "differs", "not built"


@dataclass
class Verdict:
    """What became of one case: its differences (a line each) and the routes of it that the simulator does not have."""

    case: str
    lines: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """``agrees``, ``differs`` or ``not built``."""
        if self.lines:
            return DIFFERS
        return NOT_BUILT if self.missing else AGREES


def _needs_no_route(response: Response) -> bool:
    """Tell whether an answer came from express or Node itself, before or without any route of FluxOS."""
    if not response.answered:
        return False
    page = response.headers.get("content-type", "").startswith("text/html")
    return response.status == 204 or (response.status >= 400 and (page or not response.body))


def endpoint(method: str, target: str) -> str:
    """Return the name of a route without its parameters: method and the first two parts of the path."""
    path = target.split("?")[0].split("#")[0]
    return f"{method} /{'/'.join(path.strip('/').split('/')[:2])}"


def _issued(response: Response) -> object:
    """Return the ``data`` of an answer, when it is JSON: perhaps a login phrase."""
    try:
        envelope = json.loads(response.body)
    except ValueError:
        return None
    return envelope.get("data") if isinstance(envelope, dict) else None


class Replay:
    """One run of a recording against one simulated node."""

    def __init__(self, recording: Recording, node: ReplayNode, *, patience: float = PATIENCE) -> None:
        self.recording = recording
        self.node = node
        self.patience = patience
        self.known = Substitutions(Signatures.of(recording.keys), names=node.substitutes)

    def run(self, pattern: str = "*") -> Iterator[Verdict]:
        """Run the cases whose name fits the glob, in recorded order, and yield a verdict for each."""
        for case in self.recording.cases:
            if fnmatch.fnmatchcase(case.name, pattern):
                yield self._case(case)

    def _case(self, case: Case) -> Verdict:
        verdict = Verdict(case.name)
        self.node.begin(case)
        try:
            for exchange in case.exchanges:
                self._exchange(case, exchange, verdict)
        finally:
            self.node.end(case)
        return verdict

    def _exchange(self, case: Case, exchange: Exchange, verdict: Verdict) -> None:
        request = exchange.request
        theirs = exchange.response
        self.node.before(exchange)
        label = f"{request.method} {request.target[:80]}"
        if not self.node.has_route(request.method, request.target) and not _needs_no_route(theirs):
            verdict.missing.append(endpoint(request.method, request.target))
            return
        sent = self.known.request(request)
        host = None if case.name.endswith("/no-host") else self.node.name
        try:
            ours = send(
                self.node.address,
                sent,
                host=host,
                patience=None if theirs.answered and theirs.complete else self.patience,
            )
        except TimeoutError:
            verdict.lines.append(f"#{exchange.seq} {label}: recorded an answer, got none that ends")
            return
        except (EOFError, ConnectionError) as exc:
            verdict.lines.append(f"#{exchange.seq} {label}: recorded an answer, got a part of one ({exc!r})")
            return
        if theirs.answered:
            self.known.issued(_issued(theirs), _issued(ours))
        for line in differences(request, self.known.answer(theirs), ours):
            verdict.lines.append(f"#{exchange.seq} {label}: {line}")


def replay(recording: Recording, pattern: str = "*", *, patience: float = PATIENCE) -> list[Verdict]:
    """Start a node as the recording had it, run the cases whose name fits *pattern*, and return their verdicts."""
    with ReplayNode.of(recording) as node:
        return list(Replay(recording, node, patience=patience).run(pattern))


def _report(verdicts: Iterable[Verdict], *, verbose: bool) -> tuple[int, int, int]:
    counts = {AGREES: 0, DIFFERS: 0, NOT_BUILT: 0}
    for verdict in verdicts:
        counts[verdict.outcome] += 1
        if verdict.outcome == DIFFERS or verbose:
            print(f"{verdict.outcome:9} {verdict.case}")
        for line in verdict.lines:
            print(f"          {line}")
        if verbose:
            for missing in dict.fromkeys(verdict.missing):
                print(f"          no route: {missing}")
    return counts[AGREES], counts[DIFFERS], counts[NOT_BUILT]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Exit code 0: all agree, 1: something differs, 2: the file is of another form."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator.replay",
        description="Replay a recording of a real FluxOS node against the simulator and say where they differ.",
        epilog="Exit code 0: all cases agree. 1: some differ (or, with --endpoints all, are not built). "
        "2: the file cannot be replayed.",
    )
    parser.add_argument("file", type=Path, help='a recording: {"meta": ..., "cases": [...]}')
    parser.add_argument(
        "--endpoints",
        choices=("all", "built"),
        default="all",
        help="whether cases that touch a route which the simulator does not have yet count as failures (default: all)",
    )
    parser.add_argument("--case", metavar="GLOB", default="*", help="run only the cases with such a name")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every case, and the routes that are missing")
    options = parser.parse_args(arguments)
    try:
        recording = load(options.file)
        with ReplayNode.of(recording) as node:
            agree, differ, missing = _report(
                Replay(recording, node).run(options.case),
                verbose=options.verbose,
            )
    except (RecordingError, Unsupported) as exc:
        print(f"{parser.prog}: {exc}", file=sys.stderr)
        return 2
    print(f"{agree} agree, {differ} differ, {missing} not built")
    return 1 if differ or (missing and options.endpoints == "all") else 0


if __name__ == "__main__":
    raise SystemExit(main())
