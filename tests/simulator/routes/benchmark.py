# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/benchmark/*`` (FluxOS: benchmarkService.js)."""

from __future__ import annotations

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data
from tests.simulator.routes import views
from tests.simulator.routing import Registry

ROUTES = Registry()


@ROUTES.get("/benchmark/getstatus", cache=30)
def status(call: Call) -> Reply:
    """``benchmarking`` is the tier, ``running`` or ``failed``."""
    return data(views.benchmark_status(call.node))


@ROUTES.get("/benchmark/getbenchmarks", cache=30)
def benchmarks(call: Call) -> Reply:
    """The measured values."""
    return data(views.benchmarks(call.node))


@ROUTES.get("/benchmark/getinfo", cache=30)
def info(call: Call) -> Reply:
    """Version and port."""
    call.node.need_benchmark()
    return data({"version": "6.3.1", "rpcport": 16224})
