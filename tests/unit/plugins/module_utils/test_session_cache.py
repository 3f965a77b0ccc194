# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of sessions: private, whole, and one login for many workers."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.phrases import auth_header
from ansible_collections.fluxme.fluxos.plugins.module_utils.session_cache import (
    Session,
    SessionCache,
    SessionCacheError,
)

NODE = "127.18.0.5:16127"
OTHER_NODE = "127.18.0.5:16137"
FLUX_ID = "1LoVGDgRs9hTfTNJNuXKSpywcbdvwRXpmK"


def session(node: str = NODE, *, flux_id: str = FLUX_ID, phrase: str = "p1", life: float = 1000.0) -> Session:
    now = time.time()
    return Session(node, flux_id, "stored", auth_header(flux_id, phrase, "s"), "admin", now, now + life)


@pytest.fixture
def cache(tmp_path: Path) -> SessionCache:
    return SessionCache(tmp_path / "deep" / "sessions")


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def files(cache: SessionCache) -> list[Path]:
    return sorted(cache.folder.iterdir())


def test_what_was_put_is_there_for_the_next_one(cache: SessionCache) -> None:
    first = session()
    cache.put(first)
    assert SessionCache(cache.folder).get(NODE, FLUX_ID, "stored") == first
    assert cache.get(OTHER_NODE, FLUX_ID, "stored") is None
    assert cache.get(NODE, "1other", "stored") is None
    assert cache.get(NODE, FLUX_ID, "self") is None


@pytest.mark.usefixtures("open_umask")
def test_folder_and_files_are_the_users_alone(tmp_path: Path) -> None:
    cache = SessionCache(tmp_path / "sessions")
    cache.put(session())
    with cache.lock(NODE, FLUX_ID, "stored"):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in files(cache)}
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert modes == {0o600}


def test_the_header_is_in_the_file_and_not_in_a_repr(cache: SessionCache) -> None:
    cache.put(session())
    assert "loginPhrase" in files(cache)[0].read_text()
    assert "loginPhrase" not in repr(cache.sessions())


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o770, 0o1777])
def test_a_folder_that_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(SessionCacheError, match=rf"{mode:04o}.*too open.*chmod 700 {folder}"):
        SessionCache(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(SessionCacheError, match="belongs to another user"):
        SessionCache(folder)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("")
    with pytest.raises(SessionCacheError, match="is no folder"):
        SessionCache(tmp_path / "sessions")
    with pytest.raises(SessionCacheError, match="cannot be made"):
        SessionCache(tmp_path / "sessions" / "below")


def test_an_expired_session_is_gone(tmp_path: Path) -> None:
    now = time.time()
    clock = [now]
    cache = SessionCache(tmp_path / "sessions", clock=lambda: clock[0])
    cache.put(session(life=100))
    assert cache.get(NODE, FLUX_ID, "stored") is not None
    clock[0] = now + 101
    assert cache.sessions() == []
    assert cache.get(NODE, FLUX_ID, "stored") is None
    assert files(cache) == []


SPOILT = {
    "empty": b"",
    "half": b'{"node": "127.18.0.5:161',
    "not JSON": b"\xff\xfe\x00",
    "a list": b"[1, 2]",
    "null": b"null",
    "other fields": b'{"node": "127.18.0.5:16127"}',
    "deep": b"[" * 30000,
    "header no JSON": json.dumps(
        {
            "node": NODE,
            "flux_id": FLUX_ID,
            "kind": "stored",
            "header": "x",
            "privilege": "a",
            "created": 1,
            "expires": 9e9,
        }
    ).encode(),
    "header of another": json.dumps(
        {
            "node": NODE,
            "flux_id": FLUX_ID,
            "kind": "stored",
            "header": auth_header("1other", "p", "s"),
            "privilege": "admin",
            "created": 1,
            "expires": 9e9,
        }
    ).encode(),
    "time no number": json.dumps(
        {
            "node": NODE,
            "flux_id": FLUX_ID,
            "kind": "stored",
            "header": auth_header(FLUX_ID, "p", "s"),
            "privilege": "admin",
            "created": None,
            "expires": "soon",
        }
    ).encode(),
}


@pytest.mark.parametrize("data", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_entry_is_as_none_and_removed(cache: SessionCache, data: bytes) -> None:
    cache.put(session())
    entry = files(cache)[0]
    entry.write_bytes(data)
    assert cache.get(NODE, FLUX_ID, "stored") is None
    assert not entry.exists()
    entry.write_bytes(data)
    entry.chmod(0o600)
    assert cache.sessions() == []
    assert cache.drop(NODE) == 0


def test_an_entry_that_others_can_read_is_not_used(cache: SessionCache) -> None:
    cache.put(session())
    entry = files(cache)[0]
    entry.chmod(0o644)
    assert cache.get(NODE, FLUX_ID, "stored") is None
    assert not entry.exists()


def test_a_link_in_the_place_of_an_entry_is_not_followed(cache: SessionCache, tmp_path: Path) -> None:
    cache.put(session())
    entry = files(cache)[0]
    elsewhere = tmp_path / "elsewhere"
    entry.rename(elsewhere)
    entry.symlink_to(elsewhere)
    assert cache.get(NODE, FLUX_ID, "stored") is None
    assert elsewhere.exists()
    assert not entry.is_symlink()


def test_a_session_replaces_the_older_one(cache: SessionCache) -> None:
    cache.put(session())
    newer = session(phrase="p2")
    cache.put(newer)
    assert cache.get(NODE, FLUX_ID, "stored") == newer
    assert len(files(cache)) == 1


def test_dropping_a_node_leaves_its_neighbours(cache: SessionCache) -> None:
    nodes = [NODE, OTHER_NODE, "127.18.0.55:16127", "http://127.18.0.5:16127", "[2001:db8::1]:16127"]
    for node in nodes:
        cache.put(session(node))
    cache.put(session(NODE, flux_id="1other"))
    assert cache.drop(NODE, "1other") == 1
    assert cache.drop(NODE) == 1
    assert [each.node for each in cache.sessions()] == sorted(nodes[1:])


def test_only_the_session_that_failed_is_dropped(cache: SessionCache) -> None:
    old, new = session(phrase="old"), session(phrase="new")
    cache.put(new)
    assert cache.drop(NODE, FLUX_ID, header=old.header) == 0
    assert cache.get(NODE, FLUX_ID, "stored") == new
    assert cache.drop(NODE, FLUX_ID, header=new.header) == 1


def test_a_full_folder_is_reported(cache: SessionCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.folder.chmod(0o500)
    if os.geteuid() == 0:
        # Root writes anyway: a name that is too long fails as a full disk does.
        monkeypatch.setattr(cache, "folder", cache.folder / ("x" * 300))
    with pytest.raises(SessionCacheError, match="cannot be kept"):
        cache.put(session())
    (cache.folder if cache.folder.name == "sessions" else cache.folder.parent).chmod(0o700)


def test_one_of_many_threads_works_at_a_time(cache: SessionCache) -> None:
    inside: list[int] = []
    most: list[int] = []
    made: list[Session] = []

    def work(number: int) -> Session:
        with cache.lock(NODE, FLUX_ID, "stored"):
            inside.append(number)
            most.append(len(inside))
            found = cache.get(NODE, FLUX_ID, "stored")
            if found is None:
                found = session(phrase=f"p{number}")
                made.append(found)
                cache.put(found)
            inside.remove(number)
            return found

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(work, range(60)))
    assert max(most) == 1
    assert len(made) == 1
    assert set(results) == {made[0]}
    assert [path.suffix for path in files(cache)] == [".session"]


def test_entries_do_not_wait_for_each_other(cache: SessionCache) -> None:
    with cache.lock(NODE, FLUX_ID, "stored"), cache.lock(OTHER_NODE, FLUX_ID, "stored", timeout=0.1):
        assert len(files(cache)) == 2


def test_waiting_for_a_lock_ends(cache: SessionCache) -> None:
    with (
        cache.lock(NODE, FLUX_ID, "stored"),
        pytest.raises(SessionCacheError, match=f"holds the lock .* for the login of {FLUX_ID} to {NODE}"),
        cache.lock(NODE, FLUX_ID, "stored", timeout=0.2),
    ):
        pytest.fail("two held one lock")


def test_the_lock_of_a_killed_process_is_free(cache: SessionCache, checkout: Path) -> None:
    program = (
        "import sys, time, tests.conftest\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils.session_cache import SessionCache\n"
        f"with SessionCache({str(cache.folder)!r}).lock({NODE!r}, {FLUX_ID!r}, 'stored'):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(300)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=checkout) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(SessionCacheError), cache.lock(NODE, FLUX_ID, "stored", timeout=0.1):
                pytest.fail("two held one lock")
        finally:
            holder.kill()
    with cache.lock(NODE, FLUX_ID, "stored", timeout=5):
        cache.put(session())
    assert cache.get(NODE, FLUX_ID, "stored") is not None


def test_readers_never_see_half_an_entry(cache: SessionCache) -> None:
    first = session(phrase="a" * 20000)
    second = replace(first, header=auth_header(FLUX_ID, "b" * 20000, "s"))
    cache.put(first)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            cache.put(second)
            cache.put(first)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [cache.get(NODE, FLUX_ID, "stored") for _unused in range(500)]
    finally:
        stop.set()
        writer.join()
    assert set(seen) <= {first, second}
