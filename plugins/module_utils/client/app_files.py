# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of an app on one node, and the archives of its backups there.

Volumes belong to the components of an app, so names are exact here, and ``null`` stands for an app without components.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import segment
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer, BadAnswer, FluxOSError, Refused
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.object_stream import ObjectStream
from ansible_collections.fluxme.fluxos.plugins.module_utils.task_lines import TaskWatch
from ansible_collections.fluxme.fluxos.plugins.module_utils.transfers import Attachment, FormFile
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import BodyKind

Place = Literal["local", "upload", "remote"]
"""Where an archive lies in a volume: made there, uploaded, or fetched by the node."""

_NO_ARCHIVES = "No matching mount found"


@dataclass(frozen=True, slots=True)
class Volume:
    """The data volume of a component; sizes in bytes."""

    mount: str
    size: int
    available: int

    def folder(self, place: Place) -> str:
        """Where archives are, an absolute path on the node."""
        return f"{self.mount}/backup/{place}"


@dataclass(frozen=True, slots=True)
class Stored:
    """An archive on a node."""

    name: str
    size: int
    """Bytes."""
    created: float
    """Epoch seconds by the node's clock."""
    node_time: float | None
    """The node's clock when it told this, in whole seconds."""


def archive_name(component: str) -> str:
    """What FluxOS calls the archive of a component (advancedWorkflows.js)."""
    return f"backup_{component.lower()}.tar.gz"


class AppFiles:
    """Files of one app on one node, for its owner or the Flux team, up to 8.17 also for the node's operator."""

    def __init__(self, node: NodeClient, app: str) -> None:
        """``app``: as its specification spells it."""
        self.node = node
        self.app = app

    # -- reading ----------------------------------------------------------------------------------------------------

    def volume(self, component: str) -> Volume | None:
        """The volume of a component, ``None`` when none is mounted.

        ``GET /backup/getvolumedataofcomponent/<app>/<component>/B/0/<fields>`` (backupRestoreService.js): with sizes
        named, ``B`` gives bytes; without a volume a success without data.
        """
        path = f"/backup/getvolumedataofcomponent/{segment(self.app)}/{segment(component)}/B/0/size,available,mount"
        answer, field = self._read(path, f"read the volume of {component}")
        if answer.data is None:
            return None
        return Volume(field.of("mount").text(), field.of("size").whole(), field.of("available").whole())

    def data_size(self, component: str) -> int | None:
        """Bytes of a component's data, ``None`` where the node cannot tell.

        ``GET /apps/getfolderinfo/<app>/<component>`` (fileQueryService.js): sizes of folders are recursive.
        """
        path = f"/apps/getfolderinfo/{segment(self.app)}/{segment(component)}"
        for row in self._read(path, f"read the data size of {component}")[1].rows():
            if row.get("name") == "appdata":
                size = row.get("size")
                return size if isinstance(size, int) and not isinstance(size, bool) else None
        return 0

    def stored(self, component: str, volume: Volume, place: Place) -> Stored | None:
        """The archive of a component in one of the places, ``None`` when there is none.

        ``GET /backup/getlocalbackuplist/<folder>/B/0/true/<app>`` (backupRestoreService.js); a folder without archives
        is an error there.
        """
        path = f"/backup/getlocalbackuplist/{segment(volume.folder(place))}/B/0/true/{segment(self.app)}"
        try:
            answer, field = self._read(path, f"list the archives of {component}")
        except Refused as refused:
            if refused.said.startswith(_NO_ARCHIVES):
                return None
            raise
        for row in field.rows():
            if row.get("name") == archive_name(component):
                created = row.get("create")
                if not isinstance(created, (str, int, float)) or not str(created).replace(".", "", 1).isdigit():
                    raise field.wrong("the time of each archive in milliseconds")
                size = Field(field.node, f"{field.operation}, size", row.get("size")).whole()
                return Stored(str(row["name"]), size, float(created) / 1000, answer.node_time)
        return None

    def remote_size(self, url: str) -> int:
        """Bytes behind a URL as the node sees it, which refuses private addresses.

        ``GET /backup/getremotefilesize/<url>/B/0/true/<app>`` (backupRestoreService.js).
        """
        path = f"/backup/getremotefilesize/{segment(url)}/B/0/true/{segment(self.app)}"
        return self._read(path, "ask for the size of the archive at the URL")[1].whole()

    def download(
        self, component: str, volume: Volume, place: Place, take: Callable[[bytes], None], limit: float
    ) -> None:
        """Hand an archive over while it comes; ``limit``: seconds for all of it.

        ``GET /backup/downloadlocalfile/<path>/<app>`` (backupRestoreService.js), which makes the file readable for all
        on the node. Asked once: the caller has to begin anew with its file.
        """
        path = self._file("downloadlocalfile", component, volume, place)
        operation = f"download the archive of {component} (/backup/downloadlocalfile)"
        attachment = Attachment(take)

        def send(header: str) -> Answer:
            return self.node.transport.get(
                self.node.endpoint, path, operation=operation, auth=header, deadline=limit, retries=0,
                attachment=attachment,
            )  # fmt: skip

        answer = self.node.authorised(send, operation, privilege="self")
        if answer.data is not None or answer.text is not None:
            raise BadAnswer(self.node.node, operation, "an answer that is no file", "Ask again")

    # -- changing ---------------------------------------------------------------------------------------------------

    def remove(self, component: str, volume: Volume, place: Place) -> bool:
        """Remove an archive; whether FluxOS says that it did. ``GET /backup/removebackupfile/<path>/<app>``."""
        path = self._file("removebackupfile", component, volume, place)
        operation = f"remove the archive of {component} (/backup/removebackupfile)"

        def send(header: str) -> Answer:
            return self.node.transport.get(self.node.endpoint, path, operation=operation, auth=header, write=True)

        answer = self.node.authorised(send, operation, privilege="self")
        return isinstance(answer.data, dict) and answer.data.get("message") is True

    def upload(self, component: str, file: Path, limit: float) -> None:
        """Put an archive into the volume of a component; ``limit``: seconds for all of it.

        ``POST /ioutils/fileupload/backup/<app>/<component>`` (IOUtils.js fileUpload): a form with the file, 10 GB at
        most. The answer tells what came and not how it ended, so the file has to be looked for. Up to 8.17 whatever is
        wrong, the rights included, closes the connection without an answer.

        Raises:
            UsageError: when the file cannot be read.
        """
        path = f"/ioutils/fileupload/backup/{segment(self.app)}/{segment(component)}"
        operation = f"upload the archive of {component} (/ioutils/fileupload)"
        told = ObjectStream()

        def took(data: bytes) -> bool:
            told.feed(data)
            return True

        def send(header: str) -> Answer:
            form = self._form(file, component)
            try:
                return self.node.transport.post(
                    self.node.endpoint, path, form, operation=operation, auth=header, deadline=limit, accept_text=True,
                    sink=took,
                )  # fmt: skip
            except FluxOSError as error:
                if form.problem is not None:
                    raise UsageError(f"src: {file}: {form.problem.strerror or form.problem}") from error
                raise
            finally:
                form.close()

        self.node.authorised(send, operation, privilege="self")
        error = next((piece for piece in told.pieces if piece.status == "error"), None)
        if error is not None:
            raise Refused(self.node.node, operation, error.text, "FluxOS did not store the file; its words say why")

    def backup(self, components: Sequence[str], watch: TaskWatch, limit: float) -> None:
        """Stop the app, make an archive of each component's data, start the app. ``POST /apps/appendbackuptask``
        (advancedWorkflows.js appendBackupTask); apps with components only. The archives are kept for 24 h.
        """
        jobs = [{"component": component, "backup": True} for component in components]
        self._task("/apps/appendbackuptask", f"back up {self.app}", {"backup": jobs}, watch, limit)

    def restore(self, components: Sequence[str], place: Place, url: str, watch: TaskWatch, limit: float) -> None:
        """Stop the app, delete the data of each component, unpack its archive and remove that, start the app.

        ``POST /apps/appendrestoretask`` (advancedWorkflows.js appendRestoreTask). When any component is synced, FluxOS
        then redeploys all other instances hard. An absent ``url`` counts as one.
        """
        jobs = [{"component": component, "restore": True, "url": url} for component in components]
        body = {"type": place, "restore": jobs}
        self._task("/apps/appendrestoretask", f"restore {self.app}", body, watch, limit)

    # -- what they share --------------------------------------------------------------------------------------------

    def _read(self, path: str, operation: str) -> tuple[Answer, Field]:
        operation = f"{operation} ({'/'.join(path.split('/')[:3])})"

        def send(header: str) -> Answer:
            return self.node.transport.get(self.node.endpoint, path, operation=operation, auth=header)

        answer = self.node.authorised(send, operation, privilege="self")
        return answer, Field(self.node.node, operation, answer.data)

    def _task(self, path: str, operation: str, body: Mapping[str, Any], watch: TaskWatch, limit: float) -> None:
        operation = f"{operation} ({path})"

        def send(header: str) -> Answer:
            watch.begin()
            return self.node.transport.post(
                self.node.endpoint,
                path,
                {"appname": self.app, **body},
                operation=operation,
                kind=BodyKind.JSON,
                auth=header,
                # Nothing is said while an archive is made, however long that takes.
                timeout=limit,
                deadline=limit,
                accept_text=True,
                sink=watch.take,
            )

        answer = self.node.authorised(send, operation, privilege="self")
        if not watch.lines:
            raise BadAnswer(
                self.node.node,
                operation,
                f"not the lines of such a task: {(answer.text or '').strip()[:120] or 'an empty answer'}",
                "This is not how FluxOS answers; look at the archives and the app before asking again",
            )
        watch.ended = not watch.left

    def _file(self, verb: str, component: str, volume: Volume, place: Place) -> str:
        full = f"{volume.folder(place)}/{archive_name(component)}"
        return f"/backup/{verb}/{segment(full)}/{segment(self.app)}"

    @staticmethod
    def _form(file: Path, component: str) -> FormFile:
        try:
            return FormFile(file, archive_name(component))
        except OSError as error:
            raise UsageError(f"src: {file}: {error.strerror or error}") from error
