# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The explorer (``https://explorer.runonflux.io``): its list of nodes, where no gateway answers.

It is not FluxOS: an answer is ``{"result": ...}`` without a status, and an error an HTTP code with a line of text.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.service import Service
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import no_answer
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError

DEFAULT_URL = "https://explorer.runonflux.io"


class ExplorerClient(Service):
    """Reads of an explorer. All are public."""

    NOUN = "the explorer"

    def node_list(self) -> list[dict[str, Any]]:
        """All confirmed nodes, in rows like those of ``GatewayClient.node_list``; ``rank`` is always ``None``.

        ``GET /api/fluxnode/listfluxnodes`` (source: RunOnFlux/fluxstats, which reads its nodes from it). It agrees with
        a gateway's list but for ``rank``, which moves with every block.
        """
        path, operation = "/api/fluxnode/listfluxnodes", "list the nodes"
        answer = self.ask(path, operation, accept_text=True)
        named = self.operation(path, operation)
        if "result" not in answer.extra:
            raise self.retold(no_answer(self.node, named, answer, "a result"))
        try:
            rows = shapes.Field(self.node, named, answer.extra["result"]).rows()
        except FluxOSError as error:
            raise self.retold(error) from error
        return [{**shapes.node_row(row), "rank": None} for row in rows]
