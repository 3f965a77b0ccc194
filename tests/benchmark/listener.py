# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers ``GET /flux/version`` on every address of 127.0.0.0/8, at a cost far below that of asking.

It stands for nodes where only the asking is measured: the simulator would take more time for an answer than a client
for the question, and both share this machine. ``python -m tests.benchmark.listener`` prints its port and ends with its
parent. Nodes whose address ends with a multiple of ``--hanging`` accept a connection and never answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from email.utils import formatdate

BODY = b'{"status":"success","data":"8.20.0"}'
#: The headers of a FluxOS node (seen on live nodes, 2026-09-30).
HEAD = (
    "HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nAccess-Control-Allow-Origin: *\r\n"
    'Content-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\nETag: W/"24-3PQYdMBQfHsl"\r\n'
    "Vary: Accept-Encoding\r\nDate: {date}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n"
)
END_OF_REQUEST = b"\r\n\r\n"


def hangs(address: str, every: int) -> bool:
    """Whether the node at ``address`` (an IPv4 address) never answers."""
    return every > 0 and int(address.rpartition(".")[2]) % every == 0


class Node(asyncio.Protocol):
    """One connection. It is of no interest what is asked: all requests are the same."""

    def __init__(self, hanging: int) -> None:
        self._hanging = hanging
        self._rest = b""
        self._silent = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it when it comes from this machine."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"{transport!r} is no stream")
        self._transport = transport
        if not transport.get_extra_info("peername")[0].startswith("127."):
            transport.abort()
        self._silent = hangs(transport.get_extra_info("sockname")[0], self._hanging)

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        *requests, self._rest = (self._rest + data).split(END_OF_REQUEST)
        if self._transport is not None and requests and not self._silent:
            head = HEAD.format(length=len(BODY), date=formatdate(usegmt=True)).encode()
            self._transport.write((head + BODY) * len(requests))


async def _serve(hanging: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Node(hanging), "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)


def main() -> None:
    """Serve until the parent is gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hanging", type=int, default=0)
    asyncio.run(_serve(parser.parse_args().hanging))


if __name__ == "__main__":
    main()
