# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that reads the logs of an app on a node, once or for a while: from its options to its result.

All components are read side by side. A node that restarts meanwhile, or does not answer for other reasons, is asked
again until the time is over; what it wrote in between is read afterwards.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import LogLine, LogPage
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import look_at_instance, with_explanation
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError, Result
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_logs import log_page, log_text
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError, NotFound, Refused, Unauthorized
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.files import private_directory, write_text
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing, by_intent, parts_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.log_reader import LogReader, newest, stamp
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import epoch
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import PROGRESS_EVERY, WaitTimeout

DEFAULT_LINES = 100
WAIT_FOR_SECONDS = 300.0
"""How long a pattern is waited for when the task does not say."""


@dataclass(frozen=True)
class Wish:
    """What a task asks for."""

    lines: int | None
    """``None``: all; 0: only what comes from now on."""
    since: float | None
    follow: float
    """Seconds; 0 reads once."""
    interval: float
    pattern: re.Pattern[str] | None
    stamped: bool

    @classmethod
    def of(cls, params: Mapping[str, Any], *, once: bool) -> Wish:
        """Raises UsageError or TimeError for options that cannot work. ``once``: read what is there, and wait for
        nothing.
        """
        wait_for, since = params["wait_for"], params["since"]
        follow = params["follow"]
        if follow is None:
            follow = WAIT_FOR_SECONDS if wait_for is not None else 0.0
        if follow < 0 or params["interval"] <= 0:
            raise UsageError("follow is a number of seconds of 0 or more, and interval one above 0")
        try:
            pattern = None if wait_for is None else re.compile(wait_for)
        except re.error as error:
            raise UsageError(f"wait_for is no regular expression that Python knows: {error}") from error
        if pattern is not None and not follow:
            raise UsageError("wait_for needs time: leave follow out or set it to a number of seconds above 0")
        default = None if since is not None else 0 if follow else DEFAULT_LINES
        return cls(
            lines=_count(params["lines"], default),
            since=None if since is None else epoch(since),
            follow=0.0 if once else follow,
            interval=params["interval"],
            pattern=None if once else pattern,
            stamped=params["timestamps"],
        )


@dataclass
class Reading:
    """The log of one component."""

    part: Part
    lines: list[LogLine]
    complete: bool | None
    """``None``: the node cannot tell."""
    gaps: list[str] = field(default_factory=list)
    matched: LogLine | None = None


def read_logs(call: Call) -> Result:
    """Read, wait where that is asked for, and write the files.

    Raises:
        CallError: with what was read by then, when a pattern did not come or a component could not be read.
    """
    params = call.params
    wish = Wish.of(params, once=call.check_mode)
    standing, version = look_at_instance(call)
    parts = _readable(call, standing, parts_of(standing, params["component"]))
    stop = threading.Event()
    try:
        outcomes = each(
            parts, lambda part: _Source(call, wish, standing, version, part, stop).read(), workers=max(1, len(parts))
        )
    finally:
        stop.set()
    readings = [outcome.result for outcome in outcomes if outcome.result is not None]
    changed, values = _deliver(call, wish, standing, readings)
    _warn(call, standing, version, readings)
    error = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
    if error is None and wish.pattern is not None and values["matched"] is None:
        error = _in_vain(standing, wish, readings)
    if error is not None:
        raise CallError(str(error), error=error.as_dict(), changed=changed and not call.check_mode, **values) from error
    return Result(changed=changed, values=values)


class _Source:
    """The log of one component on the node of the task."""

    def __init__(
        self, call: Call, wish: Wish, standing: Standing, version: str, part: Part, stop: threading.Event
    ) -> None:
        self._call, self._wish, self._part, self._stop = call, wish, part, stop
        self._app, self._version = standing.app, version
        self._reader = LogReader(self._poll, lines=wish.lines, since=wish.since)
        self._matched: LogLine | None = None
        self._problem: FluxOSError | None = None

    def read(self) -> Reading:
        wish = self._wish
        old = not by_intent(self._version)
        if old and not wish.follow and wish.since is None and not wish.stamped:
            # It has no times, and unlike pages it is whole on these nodes too.
            text = with_explanation(
                self._call,
                self._app,
                self._version,
                lambda: log_text(self._call.client, self._part.identifier, wish.lines),
            )
            lines = [LogLine(0, line) for line in text.removesuffix("\n").split("\n")] if text else []
            return Reading(self._part, newest(lines, wish.lines), complete=True)
        if wish.follow:
            self._follow()
        else:
            self._reader.read()
        self._settle()
        reader = self._reader
        lines = reader.lines if wish.follow else newest(reader.lines, wish.lines)
        complete = False if reader.gaps else True if reader.proved else None
        return Reading(self._part, lines, complete, reader.gaps, self._matched)

    def _follow(self) -> None:
        begun = told = time.monotonic()
        ends = begun + self._wish.follow
        while True:
            self._look()
            now = time.monotonic()
            # The others of this task have their last look when one of them has found the pattern.
            if self._matched is not None or self._stop.is_set() or now >= ends:
                break
            if now - told >= PROGRESS_EVERY:
                told = now
                self._call.progress(
                    f"{self._call.client.node}: following {self._part.identifier}: {now - begun:.0f} s of "
                    f"{self._wish.follow:.0f} s, {len(self._reader.lines)} lines"
                )
            self._stop.wait(min(self._wish.interval, max(0.0, ends - now)))
        if self._matched is not None:
            self._stop.set()

    def _look(self) -> None:
        """Poll once. What a node does not answer now it will answer later, but not what it refused from the start."""
        late = self._problem is not None and not self._reader.begun
        try:
            new = self._reader.read()
        except (Refused, NotFound) as error:
            if isinstance(error, Unauthorized) or not self._reader.begun:
                raise
            self._problem = error
            return
        except FluxOSError as error:
            self._problem = error
            return
        self._problem = None
        if late and self._wish.lines is not None:
            # It begins where the log stands now, not where it stood when it was asked for.
            self._reader.gaps.append("the node did not answer at first, so lines of that time may be missing")
        if self._wish.pattern is not None:
            search = self._wish.pattern.search
            self._matched = next((line for line in new if search(line.text)), None)

    def _settle(self) -> None:
        if self._problem is None:
            try:
                self._reader.settle()
            except Unauthorized:
                raise
            except FluxOSError as error:
                if not self._wish.follow:
                    raise
                self._problem = error
        if self._problem is not None:
            if not self._reader.begun:
                raise self._problem
            self._reader.gaps.append(
                f"the node did not answer at the end ({self._problem.said}), so the end is missing"
            )

    def _poll(self, *, lines: int | None = None, since: str | None = None, cursor: str | None = None) -> LogPage:
        client = self._call.client
        if not by_intent(self._version) and self._reader.begun:
            # Asking for a container that is missing ends FluxOS there, and with it a redeploy that is at work.
            name = self._part.container.name if self._part.container else ""
            if all(container.name != name for container in client.containers(all_states=True)):
                raise NotFound(
                    client.node,
                    f"read the log of {self._part.identifier}",
                    "there is no such container now",
                    "It comes back when a redeploy has made it anew",
                )
        return with_explanation(
            self._call,
            self._app,
            self._version,
            lambda: log_page(client, self._part.identifier, lines=lines, since=since, cursor=cursor),
        )


def _count(text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if text == "all":
        return None
    if not text.isdecimal():
        raise UsageError(f"lines is {text!r}: a number of 0 or more, or all, is expected")
    return int(text)


def _readable(call: Call, standing: Standing, parts: Sequence[Part]) -> Sequence[Part]:
    """Components that have a container; on the others there is nothing to read."""
    found = [part for part in parts if part.container is not None]
    missing = ", ".join(part.identifier for part in parts if part.container is None)
    if not found:
        raise CallError(f"{standing.address}: there is no container of {missing or standing.app}, so it has no log")
    if missing:
        call.warn(f"{standing.address}: there is no container of {missing}, so it has no log")
    return found


def _deliver(call: Call, wish: Wish, standing: Standing, readings: Sequence[Reading]) -> tuple[bool, dict[str, Any]]:
    """The files, and the values of the result."""
    rows = []
    changed = False
    for reading in readings:
        lines = [f"{stamp(line.at)} {line.text}" if wish.stamped else line.text for line in reading.lines]
        row: dict[str, Any] = {
            "component": reading.part.component.name,
            "identifier": reading.part.identifier,
            "count": len(lines),
            "first": _time(reading.lines[:1]),
            "last": _time(reading.lines[-1:]),
            "complete": reading.complete,
            "gaps": reading.gaps,
        }
        if call.params["dest"] is None:
            row["lines"] = lines
        else:
            name = re.sub(r"[^A-Za-z0-9_-]", "-", f"{reading.part.identifier}_{standing.address}") + ".log"
            path = Path(call.params["dest"]) / name
            changed = _write(path, "".join(f"{line}\n" for line in lines), pretend=call.check_mode) or changed
            row["path"] = str(path)
        rows.append(row)
    match = next((reading for reading in readings if reading.matched is not None), None)
    matched = None
    if match is not None and match.matched is not None:
        matched = {"component": match.part.component.name, "line": match.matched.text, "time": stamp(match.matched.at)}
    return changed, {"address": standing.address, "app": standing.app, "logs": rows, "matched": matched}


def _time(lines: Sequence[LogLine]) -> str | None:
    return stamp(lines[0].at) if lines and lines[0].at else None


def _write(path: Path, text: str, *, pretend: bool) -> bool:
    """Whether the file differs; then it is replaced."""
    # A container may write what is half a character; JSON can hold it, a file cannot.
    text = text.encode("utf-8", "backslashreplace").decode()
    try:
        if path.exists() and path.read_bytes() == text.encode():
            return False
        if not pretend:
            private_directory(path.parent)
            write_text(path, text)
    except OSError as error:
        raise CallError(f"dest: {path}: {error.strerror or error}") from error
    return True


def _warn(call: Call, standing: Standing, version: str, readings: Sequence[Reading]) -> None:
    for reading in readings:
        for gap in reading.gaps:
            call.warn(f"{standing.address}: log of {reading.part.identifier}: {gap}")
    if any(reading.complete is None for reading in readings):
        call.warn(
            f"{standing.address}: FluxOS {version} may leave lines out of an answer without saying so. Each line was "
            "asked for three times, which does not prove that none is missing"
        )


def _in_vain(standing: Standing, wish: Wish, readings: Sequence[Reading]) -> FluxOSError:
    last = max((reading.lines[-1] for reading in readings if reading.lines), default=None)
    pattern = wish.pattern.pattern if wish.pattern else ""
    return WaitTimeout(
        standing.address,
        f"wait for {pattern!r} in the log of " + ", ".join(reading.part.identifier for reading in readings),
        f"not there after {wish.follow:g} s; last line: {last.text if last else 'none'}",
        "Set since to a time before the event if it may have come before this task began; what was read is under logs",
    )
