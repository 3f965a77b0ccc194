#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up and restore the data of an app on one node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_backup
short_description: Back up and restore the data of an app on one node
version_added: 0.1.0
description:
  - Makes archives of the data of one instance of an app, brings them to the controller and back, and restores them.
  - FluxOS stops the whole app for a backup and for a restore. What ran before is proved to run again, and it is a
    failure when it does not.
  - An archive is a C(tar.gz) of the data of one component. It lies in the volume of that component, and takes room
    there.
options:
  state:
    description:
      - V(created) makes an archive of each component. It replaces the one that is there, and the node deletes it after
        24 hours.
      - V(downloaded) brings archives from the node to O(dest).
      - V(uploaded) brings the archive O(src) to the node.
      - V(restored) deletes the data of each component and unpacks its archive, or O(src), or O(url). FluxOS deletes the
        archive on the node then.
      - V(listed) only tells which archives there are.
      - V(absent) deletes archives on the node.
    type: str
    choices: [created, downloaded, uploaded, restored, listed, absent]
    required: true
  component:
    description:
      - The components. Without it all of them are meant.
    type: list
    elements: str
  not_after:
    description:
      - With O(state=created), make no archive of a component whose archive was made after this time, as epoch seconds
        or as ISO 8601 with a time zone.
      - With the start of a run here, a run that is repeated stops the app only once.
    type: str
  dest:
    description:
      - A folder to download to, a file for each component, such as C(web_TideBoard_203-0-113-7-16127.tar.gz). Only its
        user may read them.
      - With O(state=created), the archives are downloaded once they are made.
      - A file appears when it is whole, and is replaced when the node has another archive by now, which its size and
        its time tell.
      - It is on the controller, or on the host that the task is delegated to.
    type: path
  src:
    description:
      - An archive on the controller to upload, for one component. It is proved to be whole first.
    type: path
  url:
    description:
      - Where the node fetches the archive, for one component. FluxOS refuses private addresses.
      - FluxOS deletes the data before it fetches the archive. Only its size can be asked for before.
    type: str
  place:
    description:
      - Which archives O(state=downloaded), O(state=restored) and O(state=absent) mean. V(local) are those that were
        made on the node, V(upload) those that were uploaded.
      - It has no meaning with O(src) and O(url).
    type: str
    choices: [local, upload]
    default: local
  data_loss:
    description:
      - Whether O(state=restored) may delete the data of the other instances.
      - When the app is synced between its instances, FluxOS redeploys all others hard after a restore, in the name of
        who restored. Their data are deleted and have to come anew from this instance. It is refused unless this is
        V(accepted).
    type: str
    choices: [refused, accepted]
    default: refused
  check_space:
    description:
      - Whether to refuse what may need more room than there is in the volume, or on the controller.
      - How small an archive becomes nobody knows before, so as much room as the data have is asked for.
    type: bool
    default: true
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.instance
  - fluxme.fluxos.auth
  - fluxme.fluxos.wait
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
    details: Looks whether it would work, as far as that can be seen, and sends nothing.
  diff_mode:
    support: none
    details: The result tells which archives there are.
  idempotent:
    support: partial
    details:
      - O(state=downloaded), O(state=listed) and O(state=absent) change nothing the second time, nor does
        O(state=created) with O(not_after). O(state=uploaded) and O(state=restored) do their work every time.
notes:
  - The owner of the app may do this, and the Flux team. Up to FluxOS 8.17 the node's operator may as well.
  - Apps with a specification of version 1 to 3 have no components, and FluxOS makes no backups of them.
  - O(wait_timeout) is the time for each backup, restore, upload and download. Raise it for large data.
  - With O(wait=false), O(state=created) and O(state=restored) end when FluxOS has begun. It goes on by itself.
  - Only the chosen instance is restored. The other instances of an app that is not synced keep their data.
  - A restore that fails after FluxOS has deleted data says so, and RV(data_lost) is true. Keep an archive on the
    controller before you restore.
  - An elected component (C(g:)) that ran here waits for an election after a backup. Another instance may run it then.
  - FluxOS makes an archive on the node readable for all users of that node when it is downloaded.
seealso:
  - module: fluxme.fluxos.app_instance
  - module: fluxme.fluxos.app_instance_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Back up the data of an app, and keep the archives here
  fluxme.fluxos.app_backup:
    node: 127.18.0.1:16127
    app: TideBoard
    state: created
    dest: ./tide-backups
    private_key_file: ~/.flux/owner.wif
  register: backup

- name: Show the files with their checksums
  ansible.builtin.debug:
    var: backup.files

- name: Back up one component, once in this maintenance
  fluxme.fluxos.app_backup:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    state: created
    not_after: "2026-11-25T08:00:00Z"
    private_key_file: ~/.flux/owner.wif

- name: List what the node keeps
  fluxme.fluxos.app_backup:
    node: 127.18.0.1:16127
    app: TideBoard
    state: listed
    private_key_file: ~/.flux/owner.wif

- name: Restore a component from a file
  fluxme.fluxos.app_backup:
    node: 127.18.0.3:16127
    app: TideBoard
    component: web
    state: restored
    src: ~/.flux/web.tar.gz
    private_key_file: ~/.flux/owner.wif

- name: Restore a component from the web
  fluxme.fluxos.app_backup:
    node: 127.18.0.4:16127
    app: TideBoard
    component: web
    state: restored
    url: https://backups.example.org/web.tar.gz
    private_key_file: ~/.flux/owner.wif

- name: Delete the archives on the node
  fluxme.fluxos.app_backup:
    node: 127.18.0.1:16127
    app: TideBoard
    state: absent
    private_key_file: ~/.flux/owner.wif
"""

RETURN = r"""
address:
  description: The node, always with its port.
  returned: success
  type: str
  sample: 127.18.0.1:16127
app:
  description: The app as its specification spells it.
  returned: success
  type: str
  sample: TideBoard
archives:
  description: The archives of the chosen components on the node afterwards, or in check mode as they are.
  returned: success
  type: list
  elements: dict
  sample:
    - component: web
      identifier: web_TideBoard
      place: local
      name: backup_web.tar.gz
      size: 1048576
      created: "2026-11-25T08:00:00Z"
  contains:
    size:
      description: Bytes.
      returned: always
      type: int
      sample: 1048576
    created:
      description: When it was made, by the clock of the node.
      returned: always
      type: str
      sample: "2026-11-25T08:00:00Z"
files:
  description: The files on the controller that were downloaded, or were there already, or were uploaded.
  returned: always
  type: list
  elements: dict
  sample:
    - component: web
      path: tide-backups/web_TideBoard_127-18-0-1-16127.tar.gz
      size: 1048576
      sha256: 86d9eca59aa22d7c192d8eb29b45ed2c64ee94a75d4e87a9584eda3c9af16b82
      changed: true
  contains:
    size:
      description: Bytes.
      returned: always
      type: int
      sample: 1048576
    sha256:
      description: Checksum of the file, in hexadecimal digits. Null in check mode for what was not downloaded.
      returned: always
      type: str
      sample: 86d9eca59aa22d7c192d8eb29b45ed2c64ee94a75d4e87a9584eda3c9af16b82
    changed:
      description: Whether the file is new here, or on the node.
      returned: always
      type: bool
      sample: true
outcome:
  description:
    - What the answer to a backup or restore said, V(done) or V(failed). V(unended) is one that broke off, whose effect
      was read back, or that was not waited for.
    - Null when none was sent.
  returned: always
  type: str
  sample: done
said:
  description: The line of it that decided, or null when none was sent.
  returned: always
  type: str
  sample: Finalizing...
stream:
  description: What FluxOS said meanwhile.
  returned: always
  type: list
  elements: str
  sample: [Stopping application..., Creating backup archive for web..., Starting application..., Finalizing...]
data_lost:
  description: Whether a restore deleted data and did not replace them. Null when nobody can tell.
  returned: always
  type: bool
  sample: false
others:
  description: Instances that FluxOS redeploys hard because of a restore, or in check mode would.
  returned: always
  type: list
  elements: str
  sample: [127.18.0.3:16127]
instance:
  description: The app on the node afterwards, as RV(fluxme.fluxos.app_instance#module:instance) describes it.
  returned: success
  type: dict
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_backup import manage_backups
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, INSTANCE, WAIT, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module

ARGUMENT_SPEC = argument_spec(
    INSTANCE,
    AUTH,
    WAIT,
    own={
        "state": {
            "type": "str",
            "choices": ["created", "downloaded", "uploaded", "restored", "listed", "absent"],
            "required": True,
        },
        "component": {"type": "list", "elements": "str"},
        "not_after": {"type": "str"},
        "dest": {"type": "path"},
        "src": {"type": "path"},
        "url": {"type": "str"},
        "place": {"type": "str", "choices": ["local", "upload"], "default": "local"},
        "data_loss": {"type": "str", "choices": ["refused", "accepted"], "default": "refused"},
        "check_space": {"type": "bool", "default": True},
    },
)
CONSTRAINTS = {
    "mutually_exclusive": [("src", "url")],
    "required_if": [("state", "downloaded", ("dest",)), ("state", "uploaded", ("src",))],
}


def run(call: Call) -> Result:
    """Bring the archives, or the data, to what is wanted."""
    return manage_backups(call)


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run, CONSTRAINTS)


if __name__ == "__main__":
    main()
