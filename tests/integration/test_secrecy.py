# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for secrets finds them: a test that looks in vain proves nothing unless it could have found something."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.secrecy import descendants, found_in, is_closed_to_others
from tests.simulator.keys import Person

SIGNATURE = "H/1aZ+q8vT0k3uQx9sYbWcE2nRfGiJoKpLmNzA4D5+/6hXwVtUyS7rPqOeIdCbBaZ09/8+7Gf6E5d4c3B2a1AQ=="
PHRASE = "1795598021600k3j9x0a8b7c6d5e4f3g2h1i0jklmnopqrstuv"
HEADER = json.dumps({"zelid": "1abc", "signature": SIGNATURE, "loginPhrase": PHRASE})

CARRIED: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in JSON": json.dumps,
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "with escaped slashes": lambda text: text.replace("/", "\\/"),
    "percent-encoded": lambda text: quote(text, safe=""),
    "in a query": quote,
    "in hex": lambda text: text.encode().hex(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in base64, one further": lambda text: base64.b64encode(b"x" + text.encode() + b"y").decode(),
    "in base64, two further": lambda text: base64.b64encode(b"xx" + text.encode()).decode(),
}


@pytest.mark.parametrize("how", CARRIED)
@pytest.mark.parametrize("secret", [SIGNATURE, PHRASE, Person.named("operator").wif])
def test_a_secret_is_found_however_it_is_carried(secret: str, how: str) -> None:
    assert found_in(f"before {CARRIED[how](secret)} after".encode(), [secret, "something else"]) == [f"{secret[:4]}..."]


@pytest.mark.parametrize("how", CARRIED)
def test_the_halves_of_a_header_are_found_in_it(how: str) -> None:
    assert len(found_in(CARRIED[how](HEADER).encode(), [SIGNATURE, PHRASE])) == 2


def test_what_is_no_secret_is_not_found() -> None:
    assert found_in(CARRIED["in JSON"](HEADER.replace("1795", "1796")).encode(), [PHRASE]) == []


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "closed"),
    [(0o700, 0o600, True), (0o700, 0o644, True), (0o755, 0o600, True), (0o755, 0o644, False), (0o750, 0o640, False)],
)
def test_who_may_read_a_file_is_told_from_all_modes(
    folder_mode: int, file_mode: int, closed: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "file"
    file.write_text("secret")
    file.chmod(file_mode)
    folder.chmod(folder_mode)
    assert is_closed_to_others(file, tmp_path) is closed


def test_a_process_in_a_session_of_its_own_is_still_a_descendant() -> None:
    inner = "import subprocess, sys; subprocess.run(['cat'], start_new_session=True)"
    parent = subprocess.Popen([sys.executable, "-c", inner], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while len(descendants(parent.pid)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert descendants(parent.pid)[0] == parent.pid
    finally:
        parent.communicate()
