# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated node: what it is, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator.auth import Logins
from tests.simulator.boot import Boot
from tests.simulator.cache import ResponseCache, RpcCache
from tests.simulator.confirmation import Confirmation
from tests.simulator.containers import NodeApps
from tests.simulator.faults import Fault, Faults
from tests.simulator.instances import instance_fault, instances
from tests.simulator.jobs import Jobs
from tests.simulator.monitor import Monitor
from tests.simulator.operations import Operations
from tests.simulator.places import Place
from tests.simulator.profiles import Profile, profile_of
from tests.simulator.shapes import PUBLIC_KEY
from tests.simulator.sleeping import HOST_OLDER, collateral

if TYPE_CHECKING:
    from tests.simulator.world import Timings, World


class RpcError(Exception):
    """The daemon or the benchmark did not give a result; ``code`` as in the error envelope."""

    def __init__(self, code: int | str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class NodeSpec:
    """What a scenario says about a node. Ages in blocks, uptime in seconds. README.md lists what ``odd`` may hold."""

    ip: str
    port: int = 16127
    version: str = "8.20.0"
    disk_version: str | None = None
    arcane: bool = False
    tier: str = "CUMULUS"
    owner: str = ""
    payment_address: str = ""
    uptime: float = 86400.0
    confirmation_age: int = 100
    reconfirm_at: int = 505
    status: str = "CONFIRMED"
    apps: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    host_connection: bool = False
    hidden_ip: bool = False
    timings: dict[str, Any] = field(default_factory=dict)
    place: Place | None = None
    timezone: str = "Etc/UTC"
    odd: tuple[str, ...] = ()
    added_height: int = 2_500_000
    pubkey: str = PUBLIC_KEY

    @property
    def address(self) -> str:
        """The node's name everywhere."""
        return f"{self.ip}:{self.port}"

    @property
    def chain_ip(self) -> str:
        """As the daemon writes it: without the default port."""
        if self.hidden_ip:
            return ""
        return self.ip if self.port == 16127 else self.address

    @property
    def seen_ip(self) -> str:
        """What the node itself takes for its address; one that moved may not know yet."""
        return f"198.51.100.{int(self.ip.rsplit('.', 1)[1])}" if "other_ip" in self.odd else self.ip


class Node:
    """State and behaviour of one node. Restarting is in ``boot``, losing apps in ``monitor``."""

    def __init__(self, world: World, spec: NodeSpec, timings: Timings) -> None:
        self.world = world
        self.spec = spec
        self.timings = timings
        self.address = spec.address
        self.version = spec.version
        self.disk_version = spec.disk_version or spec.version
        self.profile: Profile = profile_of(spec.version)
        self.owner = spec.owner or world.operator.flux_id
        self.payment_address = spec.payment_address or world.operator.payment_address
        self.static_ip = True
        self.listed = True
        now = world.clock.now()
        self.process_started = now - spec.uptime
        self.host_started = now - spec.uptime - HOST_OLDER
        self.is_up = True
        self.database_ready = True
        self.dos_state: float = 0
        self.dos_message: str | None = None
        self.logins = Logins(spec.address)
        self.responses = ResponseCache()
        self.rpc_results = RpcCache()
        self.faults = Faults(self)
        self.apps = NodeApps(self)
        self.operations = Operations(self)
        self.jobs = Jobs(self)
        self.boot = Boot(self)
        self.monitor = Monitor(self)
        self.confirmation = Confirmation(
            self, age=spec.confirmation_age, reconfirm_at=spec.reconfirm_at, status=spec.status
        )
        self.set_listening: Callable[[bool], None] | None = None
        self.txhash = collateral(spec.address)

    # -- time -----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Epoch seconds on the node's own clock, which a fault may set wrong."""
        return self.world.clock.now() + self.clock_error

    @property
    def clock_error(self) -> float:
        """Seconds by which the node's clock is wrong."""
        return float(self.faults.option("clock", "seconds", 0.0))

    def now_ms(self) -> float:
        """The same as JavaScript's Date.now()."""
        return float(int(self.now() * 1000))

    @property
    def is_reachable(self) -> bool:
        """Whether anybody can connect."""
        return self.is_up and not self.faults.condition("unreachable")

    @property
    def uptime(self) -> int:
        """Seconds of the FluxOS process."""
        return int(self.world.clock.now() - self.process_started)

    def say(self, what: str, *, why: str | None = None, apps: list[str] | None = None, **more: Any) -> None:
        """A state line of this node in the journal."""
        self.world.journal.state(self.address, what, why=why, apps=apps, **more)

    # -- daemon, benchmark, docker, database -----------------------------------------------------------------------

    @property
    def daemon_is_fine(self) -> bool:
        """Answering and at the tip."""
        return not any(self.faults.condition(kind) for kind in ("daemon_down", "daemon_warming", "daemon_syncing"))

    @property
    def daemon_answers(self) -> bool:
        """Its RPC gives results."""
        return not (self.faults.condition("daemon_down") or self.faults.condition("daemon_warming"))

    def need_daemon(self) -> None:
        """Raise RpcError when the daemon does not answer."""
        if self.faults.condition("daemon_down"):
            raise RpcError("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:16124")
        if self.faults.condition("daemon_warming"):
            raise RpcError(-28, "Loading block index...")

    def need_benchmark(self) -> None:
        """Raise RpcError when the benchmark does not answer."""
        if self.faults.option("benchmark", "status", "") == "down":
            code = self.faults.option("benchmark", "code", "ECONNREFUSED")
            message = self.faults.option("benchmark", "message", "connect ECONNREFUSED 127.0.0.1:16224")
            raise RpcError(code, str(message))

    def rpc(self, key: str, compute: Callable[[], Any]) -> Any:
        """A daemon RPC through its 20 s cache. Raises RpcError."""

        def ask() -> Any:
            self.need_daemon()
            return compute()

        return self.rpc_results.call(key, self.world.clock.now(), ask)

    @property
    def block_height(self) -> int:
        """The daemon's own tip."""
        behind = (
            int(self.faults.option("daemon_syncing", "behind", 500)) if self.faults.condition("daemon_syncing") else 0
        )
        return self.world.height() - behind

    @property
    def explorer_synced(self) -> bool:
        """Whether the block processor reached the tip since the process started."""
        if self.faults.condition("explorer") or not self.daemon_is_fine:
            return False
        return self.world.clock.now() >= self.boot.explorer_at

    @property
    def database_down(self) -> bool:
        """MongoDB is gone."""
        return self.faults.condition("database_down") is not None or self.faults.option("health", "check", "") == "db"

    # -- identity on the chain --------------------------------------------------------------------------------------

    @property
    def chain_ip(self) -> str:
        """As the daemon writes it: without the default port."""
        return self.spec.chain_ip

    def benchmark_status(self) -> str:
        """The tier, ``running`` or ``failed``."""
        return str(self.faults.option("benchmark", "status", self.spec.tier))

    # -- changes ----------------------------------------------------------------------------------------------------

    def set_version(self, version: str) -> None:
        """Other code runs from now on."""
        self.version = version
        self.profile = profile_of(version)

    def set_dos(self, state: float, message: str | None) -> None:
        """Set the DOS score and its message."""
        was_clear = self.dos_state == 0 and self.dos_message is None
        self.dos_state, self.dos_message = state, message
        if state == 0 and message is None:
            if not was_clear:
                self.say("dos_cleared")
        else:
            self.say("dos", why=message, state=state)
            self.monitor.arm()

    def condition_changed(self, kind: str, fault: Fault | None) -> None:
        """What the beginning (or the end: None) of a condition does at once."""
        if kind in ("daemon_down", "daemon_warming"):
            self.say("daemon_down" if fault else "daemon_up", why=kind)
        elif kind == "dos":
            options = fault.options if fault else {}
            self.set_dos(options.get("state", 0), options.get("message"))
        elif kind == "expired":
            if fault:
                self.confirmation.expire("fault")
            else:
                self.confirmation.confirm("healed")
        elif kind == "unreachable":
            self.boot.show(fault is None)
        elif kind == "never_up" and fault is None:
            self.boot.rise()
        else:
            instance_fault(self, kind, fault)
        if fault is None:
            self.boot.look_again()
        self.monitor.arm()

    def describe(self) -> dict[str, Any]:
        """For the control API, the state file and tests."""
        now = self.world.clock.now()
        return {
            "address": self.address,
            "ip": self.spec.ip,
            "port": self.spec.port,
            "profile": self.profile.name,
            "version": self.version,
            "disk_version": self.disk_version,
            "arcane": self.spec.arcane,
            "tier": self.spec.tier,
            "owner": self.owner,
            "payment_address": self.payment_address,
            "host_connection": self.spec.host_connection,
            "up": self.is_up,
            "uptime": self.uptime if self.is_up else None,
            "process_started": self.process_started,
            "restarts": self.boot.count,
            "boot_settled": self.boot.settled,
            "explorer_synced": self.explorer_synced,
            "status": self.confirmation.status,
            "confirmation_age": self.confirmation.age,
            "last_confirmed_height": self.confirmation.last_confirmed_height,
            "dos_state": self.dos_state,
            "dos_message": self.dos_message,
            "apps": self.apps.names,
            "containers": {container.name: container.running for container in self.apps.containers},
            "instances": instances(self),
            "sessions": len(self.logins.sessions),
            "locations": sorted(self.apps.live_rows(now)),
            "faults": [fault.describe() for fault in self.faults.all()],
        }
