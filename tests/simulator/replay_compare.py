# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an answer of the simulator differs from the recorded one, in one line for each difference.

Compared are: whether anything comes at all (and if not, whether the node hangs or hangs up), an interim 100, the HTTP
status and reason, every header, and the body. Of the headers only ``Date`` is left out, and ``Content-Length`` and
``ETag`` are checked against the body that they came with. HTML error pages are compared up to their stack trace, whose
lines are places in FluxOS's source; that there is one is compared. What of a JSON body counts is said in
``replay_rules``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.simulator.replay_recording import Request, Response
from tests.simulator.replay_rules import Kind, kinds_of, row_name

_TRACE = "<br> &nbsp; &nbsp;at "
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}\Z")
_ETAG = re.compile(r'W/"(?P<length>[0-9a-f]+)-[A-Za-z0-9+/]{27}"\Z')
_STAMP = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z(?= )")
_LONGEST = 160


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def etag_of(body: bytes) -> str:
    """Return the weak ETag that express makes for a body (library etag 1.8.1)."""
    digest = base64.b64encode(hashlib.sha1(body).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


def _type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _by_name(row: object) -> str:
    return str(row_name(row))


class _Data:
    """The comparison of one ``data`` value."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds

    def compare(self, theirs: Any, ours: Any, path: str, inherited: Kind) -> Iterator[str]:
        kind = self.kinds.get(path, inherited)
        where = f"data.{path}" if path else "data"
        if kind is Kind.PASSED_ON:
            yield from self._passed_on(theirs, ours, where)
        elif kind is Kind.ROWS and isinstance(theirs, list) and isinstance(ours, list):
            yield from self._rows(theirs, ours, where)
        elif _type(theirs) != _type(ours):
            yield f"{where}: recorded {_type(theirs)} {_shown(theirs)}, got {_type(ours)} {_shown(ours)}"
        elif isinstance(theirs, dict):
            yield from self._objects(theirs, ours, path, where, kind)
        elif isinstance(theirs, list):
            yield from self._lists(theirs, ours, path, where, kind)
        elif kind is Kind.OWN and not self._alike(theirs, ours, path):
            yield f"{where}: recorded {_shown(theirs)}, got {_shown(ours)}"

    @staticmethod
    def _alike(theirs: Any, ours: Any, path: str) -> bool:
        """Tell whether two scalars are equal, or both of a form whose value is of the moment."""
        if theirs == ours:
            return True
        if not isinstance(theirs, str):
            return False
        if path.rpartition(".")[2] == "_id":
            return bool(_OBJECT_ID.match(theirs) and _OBJECT_ID.match(ours))
        return bool(_TIME.match(theirs) and _TIME.match(ours))

    def _objects(
        self, theirs: dict[str, Any], ours: dict[str, Any], path: str, where: str, kind: Kind
    ) -> Iterator[str]:
        missing, extra = sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())
        if missing:
            yield f"{where}: keys missing: {', '.join(missing)}"
        if extra:
            yield f"{where}: keys that were not recorded: {', '.join(extra)}"
        for key in theirs.keys() & ours.keys():
            yield from self.compare(theirs[key], ours[key], f"{path}.{key}" if path else key, kind)
        yield from self._lifetime(theirs, ours, where)

    @staticmethod
    def _lifetime(theirs: dict[str, Any], ours: dict[str, Any], where: str) -> Iterator[str]:
        """Compare how long a session, phrase or signature lives; its moments are of the day."""
        spans = []
        for row in (theirs, ours):
            made, ends = row.get("createdAt"), row.get("expireAt")
            if not (isinstance(made, str) and isinstance(ends, str) and _TIME.match(made) and _TIME.match(ends)):
                return
            spans.append(datetime.fromisoformat(ends) - datetime.fromisoformat(made))
        if spans[0] != spans[1]:
            yield f"{where}: lives {spans[0]} in the recording, {spans[1]} here"

    def _lists(self, theirs: list[Any], ours: list[Any], path: str, where: str, kind: Kind) -> Iterator[str]:
        if kind is Kind.OWN and len(theirs) != len(ours):
            yield f"{where}: recorded {len(theirs)} items, got {len(ours)}"
            return
        for at, (left, right) in enumerate(zip(theirs, ours, strict=False)):
            yield from self.compare(left, right, f"{path}[{at}]" if path else f"[{at}]", kind)

    def _rows(self, theirs: list[Any], ours: list[Any], where: str) -> Iterator[str]:
        if bool(theirs) != bool(ours):
            yield f"{where}: recorded {len(theirs)} rows, got {len(ours)}"
            return
        names = sorted(str(row_name(row)) for row in theirs)
        if all(row_name(row) is not None for row in theirs):
            found = sorted(str(row_name(row)) for row in ours)
            if names != found:
                yield f"{where}: recorded rows {_shown(names)}, got {_shown(found)}"
                return
            pairs = zip(sorted(theirs, key=_by_name), sorted(ours, key=_by_name), strict=True)
            for at, (left, right) in enumerate(pairs):
                yield from _Data({}).compare(left, right, f"[{at}]", Kind.SHAPE)
            return
        for at, row in enumerate(ours):
            tries = [list(_Data({}).compare(each, row, f"[{at}]", Kind.SHAPE)) for each in theirs]
            if all(tries):
                yield from min(tries, key=len)
                return

    @staticmethod
    def _passed_on(theirs: Any, ours: Any, where: str) -> Iterator[str]:
        # What an outside service has not given yet is null.
        if theirs is None or ours is None:
            return
        if _type(theirs) != _type(ours):
            yield f"{where}: recorded {_type(theirs)} {_shown(theirs)}, got {_type(ours)} {_shown(ours)}"
            return
        if isinstance(theirs, dict):
            for key in sorted(theirs.keys() & ours.keys()):
                if theirs[key] is not None and ours[key] is not None and _type(theirs[key]) != _type(ours[key]):
                    yield (
                        f"{where}.{key}: recorded {_type(theirs[key])} {_shown(theirs[key])}, "
                        f"got {_type(ours[key])} {_shown(ours[key])}"
                    )


def _only_rpc_failed(data: Any) -> bool:
    """Tell whether the stub in place of fluxd did not know a call that FluxOS had let through."""
    return isinstance(data, dict) and data.get("code") == -32601 and str(data.get("message")).startswith("Method not")


def _json(theirs: str, ours: str, target: str) -> Iterator[str]:
    left = json.loads(theirs)
    try:
        right = json.loads(ours)
    except ValueError:
        yield f"body: recorded JSON {_shown(theirs)}, got {_shown(ours)}"
        return
    if not isinstance(left, dict) or not isinstance(right, dict):
        if left != right:
            yield f"body: recorded {_shown(left)}, got {_shown(right)}"
        return
    refused = isinstance(right.get("data"), dict) and right["data"].get("code") == 401
    if _only_rpc_failed(left.get("data")) and not refused:
        return
    if left.get("status") != right.get("status"):
        yield f"envelope: recorded {_shown(left)}, got {_shown(right)}"
        return
    if left.keys() != right.keys():
        yield f"envelope: recorded keys {', '.join(left)}, got {', '.join(right)}"
        return
    # An error is always FluxOS's own word.
    kinds = kinds_of(target) if left.get("status") == "success" else {}
    rest = {key for key in left if key not in ("status", "data")}
    for key in sorted(rest):
        if _timeless(left[key]) != _timeless(right[key]):
            yield f"{key}: recorded {_shown(left[key])}, got {_shown(right[key])}"
    if "data" in left:
        yield from _Data(kinds).compare(left["data"], right["data"], "", Kind.OWN)


def _timeless(value: Any) -> Any:
    """Take docker's timestamps from log lines: when a container writes is its own affair."""
    if isinstance(value, list):
        return [_STAMP.sub("", line) if isinstance(line, str) else line for line in value]
    return value


def _page(theirs: str, ours: str) -> Iterator[str]:
    if (_TRACE in theirs) != (_TRACE in ours):
        yield f"page: recorded {'with' if _TRACE in theirs else 'without'} a stack trace"
    left, right = theirs.split(_TRACE)[0], ours.split(_TRACE)[0]
    if left != right:
        yield f"page: recorded {_shown(_sentence(left))}, got {_shown(_sentence(right))}"


def _sentence(page: str) -> str:
    found = re.search(r"<pre>(.*)", page, re.DOTALL)
    return found[1] if found else page


def _headers(theirs: Response, ours: Response, method: str) -> Iterator[str]:
    for name in sorted((theirs.headers.keys() | ours.headers.keys()) - {"date"}):
        left, right = theirs.headers.get(name), ours.headers.get(name)
        if left is None or right is None:
            yield f"header {name}: recorded {left or 'none'}, got {right or 'none'}"
        elif name not in ("content-length", "etag") and left != right:
            yield f"header {name}: recorded {left}, got {right}"
    etag, length = ours.headers.get("etag"), ours.headers.get("content-length")
    bodiless = method == "HEAD" or ours.status in (204, 304) or not ours.complete
    if etag is not None:
        form = _ETAG.match(etag)
        if form is None:
            yield f"header etag: {etag} is not of express's form"
        elif bodiless and length is not None and int(length) != int(form["length"], 16):
            yield f"header content-length: {length} does not fit the etag {etag}"
        elif not bodiless and ours.headers.get("content-encoding") is None and etag != etag_of(ours.body.encode()):
            yield f"header etag: {etag} is not that of the body"


def differences(request: Request, theirs: Response, ours: Response) -> list[str]:
    """Return what differs between the recorded and the given answer to *request*, a line each; empty: they agree."""
    if not theirs.answered or not ours.answered:
        same = (theirs.answered, theirs.closed) == (ours.answered, ours.closed)
        return [] if same else [f"recorded {_fate(theirs)}, got {_fate(ours)}"]
    lines = []
    if (theirs.status, theirs.reason) != (ours.status, ours.reason):
        lines.append(f"recorded {theirs.status} {theirs.reason}, got {ours.status} {ours.reason}")
    if theirs.interim != ours.interim:
        lines.append(f"interim answer: recorded {theirs.interim}, got {ours.interim}")
    if theirs.complete != ours.complete:
        lines.append(
            "recorded an answer without an end, got a whole one" if ours.complete else "the answer does not end"
        )
    lines += _headers(theirs, ours, request.method)
    if not theirs.complete or not ours.complete:
        return lines
    content = theirs.headers.get("content-type", "")
    if theirs.body.startswith("{") and content.startswith("application/json"):
        lines += _json(theirs.body, ours.body, request.target)
    elif content.startswith("text/html"):
        lines += _page(theirs.body, ours.body)
    elif theirs.body != ours.body:
        lines.append(f"body: recorded {_shown(theirs.body)}, got {_shown(ours.body)}")
    return lines


def _fate(response: Response) -> str:
    if response.answered:
        return f"an answer ({response.status} {_shown(response.body)})"
    return "a closed connection" if response.closed else "no answer"


def shape_differences(theirs: Any, ours: Any, where: str = "data") -> list[str]:
    """Return where the shape of *ours* is not the recorded one: keys and JSON types at every depth.

    Each item of a list has the shape of one of the recorded items: one with the same ``version`` where they have one.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        lines = [f"{where}: key {key} is missing" for key in sorted(theirs.keys() - ours.keys())]
        lines += [f"{where}: key {key} was not recorded" for key in sorted(ours.keys() - theirs.keys())]
        for key in sorted(theirs.keys() & ours.keys()):
            lines += shape_differences(theirs[key], ours[key], f"{where}.{key}")
        return lines
    if isinstance(theirs, list) and isinstance(ours, list):
        lines = []
        for at, item in enumerate(ours):
            version = item.get("version") if isinstance(item, dict) else None
            models = [each for each in theirs if version is None or each.get("version") == version]
            tries = [shape_differences(each, item, f"{where}[{at}]") for each in models]
            if not tries:
                lines.append(f"{where}[{at}]: nothing of this kind was recorded")
            elif all(tries):
                lines += sorted(tries, key=len)[0]
        return lines
    if _type(theirs) != _type(ours):
        return [f"{where}: recorded {_type(theirs)} {_shown(theirs)}, got {_type(ours)} {_shown(ours)}"]
    return []
