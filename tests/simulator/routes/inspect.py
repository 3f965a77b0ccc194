# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an owner may see of a container beside its log (FluxOS: appInspector.js).

Values are docker's, and made up; the shapes are those that FluxOS 8.17 passed on.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from tests.simulator.appinfo import mount_path
from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, data, envelope, error, hang, streamed, success, unauthorized
from tests.simulator.instances import rejected
from tests.simulator.logs import nano
from tests.simulator.operations import Script
from tests.simulator.profiles import ONLY_17, P17, SINCE_18
from tests.simulator.routes.health import docker_down, docker_error
from tests.simulator.routes.owner import NO_NAME, OWNER_VERBS, authorized, find, is_old, named, opened
from tests.simulator.routing import Registry

ROUTES = Registry()
NEVER = "0001-01-01T00:00:00Z"
PATH_ENV = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SAMPLE = 180.0
DAY_MS = 86_400_000
RETIRED = "Monitoring streams are no longer available."


def _moment(call: Call, seconds: float | None) -> str:
    """Docker's time, by the clock of its host."""
    if seconds is None:
        return NEVER
    return nano(int((seconds + call.node.clock_error) * 1000) * 1_000_000)


def _network(call: Call, container: Container) -> int:
    """The third part of the app's own network."""
    return 10 + sorted({each.app for each in call.node.apps.containers}).index(container.app)


def inspection(call: Call, container: Container) -> dict[str, Any]:
    """docker inspect."""
    part, third = container.part, _network(call, container)
    volume = call.node.apps.volumes.get(container.name)
    binds = [] if volume is None else [f"{volume.mount}/appdata:{mount_path(part.data)}"]
    mounts = [
        {
            "Type": "bind",
            "Source": bind.split(":", maxsplit=1)[0],
            "Destination": mount_path(part.data),
            "Mode": "",
            "RW": True,
        }
        for bind in binds
    ]
    place = call.node.apps.of(container.app).index(container) + 2
    return {
        "Id": container.docker_id,
        "Created": _moment(call, container.created),
        "Path": "/docker-entrypoint.sh",
        "Args": ["nginx", "-g", "daemon off;"],
        "State": {
            "Status": container.state,
            "Running": container.running,
            "Paused": container.paused,
            "Restarting": False,
            "OOMKilled": False,
            "Dead": False,
            "Pid": 4000 if container.running else 0,
            "ExitCode": container.exit_code,
            "Error": "",
            "StartedAt": _moment(call, container.started),
            "FinishedAt": _moment(call, container.finished),
        },
        "Image": container.image_digest,
        "Name": f"/{container.name}",
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": {
            "NetworkMode": f"fluxDockerNetwork_{container.app}",
            "PortBindings": {f"{part.inner_port}/tcp": [{"HostIp": "", "HostPort": str(part.port)}]},
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "Memory": part.ram * 2**20,
            "NanoCpus": int(part.cpu * 1e9),
            "Ulimits": [{"Name": "nofile", "Hard": 100000, "Soft": 100000}],
            "LogConfig": {
                "Type": "json-file",
                "Config": {"max-file": str(container.log.files), "max-size": f"{container.log.file_bytes // 10**6}m"},
            },
        },
        "Mounts": mounts,
        "Config": {
            "Hostname": container.component or container.app,
            "Env": [*part.env, PATH_ENV],
            "Cmd": ["nginx", "-g", "daemon off;"],
            "Image": part.image,
            "Tty": False,
            "OpenStdin": False,
            "WorkingDir": "",
            "Labels": {},
        },
        "NetworkSettings": {
            "Networks": {
                f"fluxDockerNetwork_{container.app}": {
                    "IPAddress": f"172.23.{third}.{place}" if container.running else "",
                    "Gateway": f"172.23.{third}.1",
                }
            }
        },
    }


def sample(call: Call, container: Container) -> dict[str, Any]:
    """One sample of docker stats: a stopped container has no figures."""
    running = container.running
    now = call.world.clock.now()
    busy = int((now - container.since) * 1e7) if running else 0
    nothing = {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    usage: dict[str, Any] = nothing
    if running:
        usage = {
            "cpu_usage": {"total_usage": busy, "usage_in_kernelmode": busy // 5, "usage_in_usermode": busy * 4 // 5},
            "system_cpu_usage": int(now * 1e9),
            "online_cpus": 8,
            "throttling_data": nothing["throttling_data"],
        }
    found: dict[str, Any] = {
        "read": _moment(call, now),
        "preread": NEVER,
        "pids_stats": {"current": 3, "limit": 18446744073709552000} if running else {},
        "blkio_stats": {"io_service_bytes_recursive": None},
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": usage,
        "precpu_stats": nothing,
        "memory_stats": (
            {"usage": 10485760, "stats": {"inactive_file": 1048576}, "limit": container.part.ram * 2**20}
            if running
            else {}
        ),
        "name": f"/{container.name}",
        "id": container.docker_id,
    }
    if running:
        traffic = ("bytes", "packets", "errors", "dropped")
        counts = (1234, 12, 0, 0)
        found["networks"] = {
            "eth0": {
                f"{way}_{what}": count for way in ("rx", "tx") for what, count in zip(traffic, counts, strict=True)
            }
        }
    return found


def with_disk(call: Call, container: Container) -> dict[str, Any]:
    """``/apps/appstats``: the sample, what ``du`` says, and the limit of CPU."""
    volume = call.node.apps.volumes.get(container.name)
    bind = volume.used if volume else 0
    disk = {"bind": bind, "volume": 0, "rootfs": 48135744, "used": 48135744 + bind, "status": "success"}
    return {**sample(call, container), "disk_stats": disk, "nanoCpus": int(container.part.cpu * 1e9)}


def not_running(container: Container) -> Reply:
    """docker's refusal."""
    return error(f"(HTTP code 409) unexpected - container {container.docker_id} is not running ")


@ROUTES.get("/apps/appinspect/:appname?", privilege=OWNER_VERBS, checks="handler")
def inspect(call: Call) -> Reply:
    """docker inspect, with the values of the environment."""
    found = opened(call)
    return found if isinstance(found, Reply) else data(inspection(call, found))


@ROUTES.get("/apps/appstats/:appname?", privilege=OWNER_VERBS, checks="handler")
def stats(call: Call) -> Reply:
    """One sample with the use of disk."""
    found = opened(call)
    return found if isinstance(found, Reply) else data(with_disk(call, found))


@ROUTES.get("/apps/apptop/:appname?", privilege=OWNER_VERBS, checks="handler")
def top(call: Call) -> Reply:
    """docker top."""
    found = opened(call)
    if isinstance(found, Reply):
        return found
    if not found.running:
        return not_running(found)
    titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    main = ["root", "4001", "3999", "0", "12:00", "?", "00:00:00", "nginx: master process"]
    worker = ["101", "4101", "4001", "0", "12:00", "?", "00:00:01", "nginx: worker process"]
    return data({"Titles": titles, "Processes": [main, worker]})


@ROUTES.get("/apps/appchanges/:appname?", privilege=OWNER_VERBS, checks="handler")
def changes(call: Call) -> Reply:
    """docker diff: 0 modified, 1 added, 2 deleted."""
    found = opened(call)
    if isinstance(found, Reply):
        return found
    rows: list[dict[str, Any]] = [{"Path": "/var", "Kind": 0}, {"Path": "/var/cache", "Kind": 0}]
    rows.append({"Path": "/var/cache/new.tmp", "Kind": 1})
    return data([*rows, *({"Path": path, "Kind": 1} for path in sorted(found.files))])


@ROUTES.get("/apps/appmonitor/:appname?/:range?", privilege=OWNER_VERBS, checks="handler")
def monitor(call: Call) -> Reply:
    """Stored samples, one in three minutes; a window of more than a day has one an hour. Broken up to 8.17."""
    name = named(call)
    if not name:
        return error(NO_NAME)
    if not authorized(call, name):
        return unauthorized()
    span = named(call, "range")
    if span and not re.fullmatch(r"0*[1-9]\d*", span):
        return error("Invalid range value. It must be a positive integer or null.")
    if is_old(call):
        return error(f"Cannot read properties of undefined (reading '{name}')", name="TypeError")
    found = find(call, name)
    if found is None:
        return error(f"No monitoring data for {name}")
    now, window = call.world.clock.now(), float(span or 7 * DAY_MS)
    first = max(now - window / 1000, call.node.process_started, now - 7 * 86400)
    step = 3600.0 if window > DAY_MS else SAMPLE
    count = min(int((now - first) / step), 500)
    body = with_disk(call, found)
    return data([{"timestamp": int((now - at * step) * 1000), "data": body} for at in reversed(range(count))])


@ROUTES.get("/apps/appmonitorstream/:appname?", privilege={P17: "appownerabove"}, checks="handler")
def monitor_stream(call: Call) -> Reply:
    """Up to 8.17: a sample a second until the client has enough. Retired in 8.18."""
    if not is_old(call):
        return error(RETIRED, name="Deprecated", code=410)
    name = named(call)
    if not name:
        return error(NO_NAME)
    if not authorized(call, name):
        return unauthorized()
    found = find(call, name)
    if found is None:
        reply = hang()
        reply.after = lambda: rejected(call.node)
        return reply
    return streamed(call.node.operations.begin(_samples(call, found)), None)


def _samples(call: Call, container: Container) -> Script:
    for _unused in range(3600):
        yield envelope("success", sample(call, container)).body.removeprefix(b'{"status":"success","data":')[:-1]
        yield 1.0


@ROUTES.get("/apps/startmonitoring/:appname?", privilege={P17: "appownerabove"}, checks="handler", write=True)
def start_monitoring(call: Call) -> Reply:
    """Without effect in 8.17, retired since."""
    if not is_old(call):
        return error(RETIRED, name="Deprecated", code=410)
    name = named(call)
    if not (authorized(call, name) if name else call.authorize("adminandfluxteam")):
        return unauthorized()
    if name:
        return error("installedAppsFn is not a function", name="TypeError")
    return success("Application monitoring started for all apps")


@ROUTES.get(
    "/apps/stopmonitoring/:appname?/:deletedata?", privilege={P17: "appownerabove"}, checks="handler", write=True
)
def stop_monitoring(call: Call) -> Reply:
    """In 8.17 for one component only, retired since."""
    if not is_old(call):
        return error(RETIRED, name="Deprecated", code=410)
    name = named(call)
    if not (authorized(call, name) if name else call.authorize("adminandfluxteam")):
        return unauthorized()
    deletes = call.param("deletedata") in ("true", "1")
    if not name:
        rest = "Monitoring data deleted for all apps." if deletes else "Existing monitoring data maintained."
        return success(f"Application monitoring stopped for all apps. {rest}")
    if "_" not in name:
        return error("installedAppsFn is not a function", name="TypeError")
    if deletes:
        return success(f"Application monitoring stopped and monitoring data deleted for {name}.")
    return success(f"Application monitoring stopped for {name}. Existing monitoring data maintained.")


def _images(call: Call) -> Reply:
    if docker_down(call.node):
        return docker_error()
    images = {container.image: container.image_digest for container in call.node.apps.containers}
    return data(
        [
            {
                "Containers": -1,
                "Created": int(call.node.host_started),
                "Id": digest,
                "Labels": None,
                "ParentId": "",
                "RepoDigests": [f"{tag.split(':')[0]}@sha256:{hashlib.sha256(tag.encode()).hexdigest()}"],
                "RepoTags": [tag],
                "SharedSize": -1,
                "Size": 48135744,
            }
            for tag, digest in images.items()
        ]
    )


ROUTES.get("/apps/listappsimages", cache=30, profiles=ONLY_17)(_images)
ROUTES.get("/apps/listappsimages", privilege="fluxteam", profiles=SINCE_18)(_images)


@ROUTES.post("/apps/checkdockerexistance", privilege="user", body="raw")
def docker_existence(call: Call) -> Reply:
    """Deprecated; still asks who is calling."""
    return envelope("success", {"message": "deprecated"})
