# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway that says what a simulated one never would, and the plugin run as Ansible runs it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader


class OddGateway:
    """Answers every request with ``body``, and keeps the paths."""

    def __init__(self) -> None:
        self.body = b""
        self.content_type = "application/json; charset=utf-8"
        self.paths: list[str] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gateway.paths.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", gateway.content_type)
                self.send_header("Content-Length", str(len(gateway.body)))
                self.end_headers()
                self.wfile.write(gateway.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Tests look at ``paths`` instead."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def rows(self, rows: list[Any]) -> None:
        self.body = json.dumps({"status": "success", "data": rows}).encode()

    def stop(self) -> None:
        """Nobody listens from here on. Harmless when called again."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def gateway() -> Iterator[OddGateway]:
    server = OddGateway()
    yield server
    server.stop()


@dataclass
class Said:
    """What the plugin told the user."""

    warnings: list[str] = field(default_factory=list)
    verbose: list[str] = field(default_factory=list)

    def warning(self, text: str, *args: Any, **kwargs: Any) -> None:
        self.warnings.append(text)

    def v(self, text: str, *args: Any, **kwargs: Any) -> None:
        self.verbose.append(text)


@dataclass
class Read:
    """One reading of an inventory file."""

    inventory: Any
    said: Said

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        return {name: dict(host.vars) for name, host in self.inventory.hosts.items()}

    @property
    def groups(self) -> dict[str, list[str]]:
        return {
            name: [host.name for host in group.hosts]
            for name, group in self.inventory.groups.items()
            if name not in ("all", "ungrouped")
        }

    @property
    def shared(self) -> dict[str, Any]:
        return dict(self.inventory.groups["fluxos_nodes"].vars)


Reader = Callable[..., Read]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Write an inventory file with the options given and let the plugin read it."""

    def reader(*, reuse_cache: bool = True, **options: Any) -> Read:
        path = tmp_path / "fleet.fluxos.yml"
        path.write_text(yaml.safe_dump({"plugin": "fluxme.fluxos.fluxos", "retries": 0, "timeout": 5, **options}))
        plugin = inventory_loader.get("fluxme.fluxos.fluxos")
        said = Said()
        plugin.display = said
        inventory = InventoryData()
        plugin.parse(inventory, DataLoader(), str(path), cache=reuse_cache)
        if options.get("cache"):
            plugin.update_cache_if_changed()
        return Read(inventory, said)

    return reader


@pytest.fixture
def cached(tmp_path: Path) -> dict[str, Any]:
    """Options that keep answers in files of this test."""
    return {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        "cache_timeout": 600,
    }
