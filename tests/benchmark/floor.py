# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that asking many nodes takes: a bare asyncio client that does nothing but send, receive and count.

``python -m tests.benchmark.floor FILE WORKERS``: the file is a JSON list of ``http://host:port``. It fails unless all
of them answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import aiohttp

HEADERS = {"x-apicache-bypass": "1"}


async def ask(origins: list[str], workers: int) -> Counter[str]:
    """Versions of all nodes, at most ``workers`` requests at a time."""
    left = iter(origins)
    versions: Counter[str] = Counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=workers)) as session:

        async def work() -> None:
            for origin in left:
                async with session.get(f"{origin}/flux/version", headers=HEADERS) as answer:
                    versions[(await answer.json())["data"]] += 1

        await asyncio.gather(*(work() for _unused in range(workers)))
    return versions


def main(file: str, workers: str) -> int:
    """Ask, and say whether all answered."""
    origins = json.loads(Path(file).read_text())
    versions = asyncio.run(ask(origins, int(workers)))
    print(json.dumps(versions))
    return 0 if versions.total() == len(origins) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
