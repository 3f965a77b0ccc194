# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in containers: the small shell, and how FluxOS answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Lab, Start

OLD, NEW = "8.17.0", "8.20.0"
APPS = [
    {
        "name": "Tide",
        "components": [{"name": "web", "env": ["MODE=fast"]}, {"name": "bare", "shell": False}],
        "version": 8,
    }
]


def _lab(start: Start, version: str = NEW) -> Lab:
    return start([{"version": version, "apps": ["Tide"]}], apps=APPS)


def _post(lab: Lab, cmd: Any, name: str = "web_Tide", timeout: float = 10.0, **more: Any) -> requests.Response:
    kind = more.pop("content_type", "text/plain")
    header = more.pop("header", None) or lab.owner()
    body = json.dumps({"appname": name, "cmd": cmd, **more})
    url = f"http://{lab.first}/apps/appexec"
    return lab.http.post(url, data=body, headers={**header, "Content-Type": kind}, timeout=timeout)


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("echo one; echo two", "one\ntwo\n"),
        ("false; echo __rc=$?", "__rc=1\n"),
        ("false && echo no || echo yes", "yes\n"),
        ("echo err >&2", "err\n"),
        ("echo lost 2>&1 >/dev/null", ""),
        ("nosuch; echo $?", "sh: nosuch: not found\n127\n"),
        ("(exit 3); echo $?; exit 4", "3\n"),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ('x="a b"; echo "$x" ${x} $y${z:-d}', "a b a b d\n"),
        ("echo $(echo inner `echo deep`)", "inner deep\n"),
        ("if test -f /data/marker; then cat /data/marker; else echo none; fi", "data of fluxweb_Tide\n"),
        ("for i in 1 2 3; do printf '%s-' $i; done", "1-2-3-"),
        ("i=0; while [ $i != xx ]; do i=x$i; i=${i:-x}; [ $i = x0 ] && i=x; i=xx; done; echo $i", "xx\n"),
        ("echo kept > /data/new && cat /data/new && ls /data", "kept\nmarker\nnew\n"),
        ("echo a > /tmp/f; echo b >> /tmp/f; cat < /tmp/f", "a\nb\n"),
        ("exec 2>&1; echo x >&2", "x\n"),
        ("echo $MODE $(hostname)", "fast web\n"),
        ("! true; echo $?", "1\n"),
        ("printf 'a\\nb\\n' | grep -c b", "1\n"),
        ("seq 1 5 | tail -n 2; seq 1 5 | tail -n +5; printf abcdef | tail -c +5", "4\n5\n5\nef"),
        ("seq 1 9 | dd bs=4 skip=1 count=2 2>/dev/null", "3\n4\n5\n6\n"),
        ("printf abc | dd bs=2 >/dev/null", "1+1 records in\n1+1 records out\n"),
        ("cat /nothing; echo $?", "cat: can't open '/nothing': No such file or directory\n1\n"),
        ("echo 'unclosed", "sh: syntax error: unterminated quoted string\n"),
        ("echo a # not this", "a\n"),
    ],
)
def test_the_shell(start: Start, script: str, output: str) -> None:
    answer = _post(_lab(start), ["sh", "-c", script])
    assert (answer.status_code, answer.text) == (200, output)
    assert answer.headers["Content-Type"] == "application/json"


def test_arguments_reach_a_wrapped_command(start: Start) -> None:
    lab = _lab(start)
    wrapped = ["sh", "-c", '"$@"; echo; echo "mark $?"', "sh", "printf", "%s|%s", "a b", ""]
    assert _post(lab, wrapped).text == "a b|\nmark 0\n"
    wrapped = ["sh", "-c", '("$@") 2>&1; printf "\\n%s %s\\n" mark "$?"', "sh", "sh", "-c", "echo out; exit 7"]
    assert _post(lab, wrapped).text == "out\n\nmark 7\n"


@pytest.mark.parametrize("cmd", [["env"], '["env"]'])
def test_environment(start: Start, cmd: Any) -> None:
    assert _post(_lab(start), cmd, env=["A=1"]).text == "A=1\nMODE=fast\nPATH=/usr/bin\n"


def test_an_image_without_a_shell(start: Start) -> None:
    lab = _lab(start)
    assert _post(lab, ["echo", "x"], name="bare_Tide").text == "x\n"
    assert _post(lab, ["sh", "-c", "echo x"], name="bare_Tide").text.startswith("OCI runtime exec failed: ")
    assert 'exec: "nosuch": executable file not found' in _post(lab, ["nosuch"]).text


def test_output_of_more_than_64_kb_has_holes(start: Start) -> None:
    lab = _lab(start)
    small = _post(lab, ["sh", "-c", "seq 1 10000 | head -c 40000"]).text
    assert len(small) == 40000
    large = _post(lab, ["sh", "-c", "seq 1 40000"]).text
    whole = "".join(f"{number}\n" for number in range(1, 40001))
    assert len(large) < len(whole)
    assert _post(lab, ["sh", "-c", "seq 1 40000 | wc -c"]).text == f"{len(whole)}\n"


def test_what_a_command_writes_while_it_sleeps(start: Start) -> None:
    lab = _lab(start)
    url = f"http://{lab.first}/apps/appexec"
    body = json.dumps({"appname": "web_Tide", "cmd": ["sh", "-c", "echo before; sleep 5; echo after"]})
    header = {**lab.owner(), "Content-Type": "text/plain", "Accept-Encoding": "identity"}
    answer = lab.http.post(url, data=body, headers=header, stream=True, timeout=10)
    pieces = answer.iter_content(100)
    assert next(pieces) == b"before\n"
    lab.sim.advance(6)
    assert list(pieces) == [b"after\n"]


@pytest.mark.parametrize(
    ("cmd", "state", "says"),
    [
        ([], None, "(HTTP code 400) bad parameter - No exec command specified "),
        ("ls -l", None, "(HTTP code 400) bad parameter - json: cannot unmarshal"),
        (["ls"], "stopped", "is not running "),
    ],
)
@pytest.mark.parametrize("version", [OLD, NEW])
def test_what_docker_refuses(start: Start, version: str, cmd: Any, state: str | None, says: str) -> None:
    lab = _lab(start, version)
    if state:
        lab.said("/apps/appstop/Tide", lab.owner())
    if version == OLD:
        lab.sim.fault(lab.first, kind="exits")
        with pytest.raises(requests.ReadTimeout):
            _post(lab, cmd, timeout=0.3)
        assert lab.sim.requests(path="/apps/appexec")[-1]["outcome"] == "hung"
        lab.sim.advance(2)
        assert not lab.sim.node(lab.first)["up"], "an unhandled rejection ends the process"
    else:
        assert says in _post(lab, cmd).json()["data"]["message"]


def test_checks_come_in_order(start: Start) -> None:
    lab = _lab(start)
    assert _post(lab, None).json()["data"]["message"] == "No command specified"
    assert _post(lab, ["ls"], name="").json()["data"]["message"] == "No Flux App specified"
    assert _post(lab, ["ls"], header=lab.login()).json()["data"]["code"] == 401, "the operator may not"
    assert _post(lab, ["ls"], name="ghost_Tide").json()["data"]["message"] == "Container fluxghost_Tide not found"
    with pytest.raises(requests.ReadTimeout):
        _post(lab, ["ls"], content_type="application/json", timeout=0.3)


@pytest.mark.parametrize("silent", [True, False])
def test_a_process_that_does_not_end(start: Start, silent: bool) -> None:
    lab = _lab(start)
    lab.sim.fault(lab.first, kind="exec_hangs", count=1, silent=silent)
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        _post(lab, ["ls"], timeout=0.3)
    assert _post(lab, ["echo", "x"]).text == "x\n"
    assert [line["write"] for line in lab.sim.requests(path="/apps/appexec")] == [True, True]
