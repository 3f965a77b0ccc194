#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and follow the logs of an app on one node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_log
short_description: Read and follow the logs of an app on one node
version_added: 0.1.0
description:
  - Reads what the containers of one instance of an app have written, all components at the same time.
  - With O(follow) it goes on reading for a while, also when FluxOS restarts or does not answer meanwhile.
  - With O(wait_for) it waits until a line matches.
  - It says when lines are missing, or may be missing, and tells no line twice.
  - It changes nothing on the node.
options:
  lines:
    description:
      - How many of the last lines to read, or V(all). V(0) reads only what comes from now on.
      - Without it all lines are read when O(since) is set, none that are there already when O(follow) or O(wait_for)
        is, and else the last 100.
    type: str
  since:
    description:
      - Only lines from this time on, as epoch seconds or as ISO 8601 with a time zone. The clock of the node counts.
    type: str
  follow:
    description:
      - Seconds to go on reading, V(0) reads once. Without it V(300) with O(wait_for), else V(0).
      - In check mode what is there is read once.
    type: float
  wait_for:
    description:
      - A regular expression. Reading ends when a line of a component matches, and it is an error when none does while
        O(follow) lasts.
      - It looks at all lines that are read, so set O(since) to a time before the event that it waits for. Nothing is
        waited for in check mode.
    type: str
  interval:
    description:
      - Seconds between two looks with O(follow).
    type: float
    default: 2.0
  timestamps:
    description:
      - Whether each line begins with the time that docker has for it.
    type: bool
    default: false
  dest:
    description:
      - A folder to write to instead of returning the lines, a file for each component, such as
        C(web_TideBoard_203-0-113-7-16127.log). Only its user may read them.
      - A file that is there is replaced when its content differs.
      - It is on the controller, or on the host that the task is delegated to. A relative one begins in the folder in
        which Ansible was started.
    type: path
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.instance
  - fluxme.fluxos.auth
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: full
    details: Logs are read, and no file is written.
  diff_mode:
    support: none
    details: Logs may be long.
  idempotent:
    support: full
    details: A file is replaced when the log has other lines by now.
notes:
  - The owner of the app may do this, and the Flux team. Up to FluxOS 8.17 the node's operator may as well.
  - stdout and stderr of a container are one log.
  - A node keeps four files of 5 MB of each container, and up to FluxOS 8.17 one of 20 MB. A container that is made anew
    begins a new log, and its old one is gone.
  - Since FluxOS 8.18 a node says where it was when it answered last, so no line is lost or told twice while it is
    followed, and it says when lines were rotated away before they could be read.
  - Up to FluxOS 8.17 an answer takes 1.5 s or longer and may lack lines. With O(since), O(follow) or O(timestamps) each
    line is asked for three times there, which proves nothing, and a warning says so.
  - Empty lines are left out, except in a plain reading up to FluxOS 8.17.
  - What an app writes is shown as it is. Use C(no_log) where it may hold secrets.
seealso:
  - module: fluxme.fluxos.app_exec
  - module: fluxme.fluxos.app_instance_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Read the last lines of all components
  fluxme.fluxos.app_log:
    node: 127.18.0.1:16127
    app: TideBoard
    private_key_file: ~/.flux/owner.wif
  register: tide

- name: Show those of one of them
  ansible.builtin.debug:
    var: tide.logs[0].lines

- name: Keep all that one component has written, with times, in a file
  fluxme.fluxos.app_log:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    lines: all
    timestamps: true
    dest: ./tide-logs
    private_key_file: ~/.flux/owner.wif

- name: Restart it
  fluxme.fluxos.app_instance:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    state: restarted
    private_key_file: ~/.flux/owner.wif

- name: Wait until it says that it has started
  fluxme.fluxos.app_log:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    lines: 10
    wait_for: '(re)?started'
    private_key_file: ~/.flux/owner.wif
  register: ready

- name: Follow for three seconds what it writes
  fluxme.fluxos.app_log:
    node: 127.18.0.1:16127
    app: TideBoard
    follow: 3
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
logs:
  description: The logs by component, in the order of the specification. Also when O(wait_for) came to nothing.
  returned: success
  type: list
  elements: dict
  sample:
    - component: web
      identifier: web_TideBoard
      count: 2
      first: "2026-11-25T08:00:00.123456789Z"
      last: "2026-11-25T08:00:01.000000001Z"
      complete: true
      gaps: []
      lines: [started, ready]
  contains:
    component:
      description: The component, or null for an app without components.
      returned: always
      type: str
      sample: web
    identifier:
      description: How FluxOS names it.
      returned: always
      type: str
      sample: web_TideBoard
    count:
      description: How many lines were read.
      returned: always
      type: int
      sample: 2
    first:
      description: Time of the first line, or null where it is not known.
      returned: always
      type: str
      sample: "2026-11-25T08:00:00.123456789Z"
    last:
      description: Time of the last line, or null where it is not known.
      returned: always
      type: str
      sample: "2026-11-25T08:00:01.000000001Z"
    complete:
      description:
        - Whether all lines that were asked for are there. Null where the node cannot tell.
      returned: always
      type: bool
      sample: true
    gaps:
      description: What is or may be missing. Each is a warning too.
      returned: always
      type: list
      elements: str
      sample: [lines were rotated away before they could be read]
    lines:
      description: The lines, oldest first.
      returned: without O(dest)
      type: list
      elements: str
      sample: [started, ready]
    path:
      description: The file with the lines.
      returned: with O(dest)
      type: str
      sample: tide-logs/web_TideBoard_127-18-0-1-16127.log
matched:
  description: The line that O(wait_for) found, or null.
  returned: success
  type: dict
  sample:
    component: web
    line: restarted
    time: "2026-11-25T08:00:01.000000001Z"
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_logs import read_logs
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, INSTANCE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module

ARGUMENT_SPEC = argument_spec(
    INSTANCE,
    AUTH,
    own={
        "lines": {"type": "str"},
        "since": {"type": "str"},
        "follow": {"type": "float"},
        "wait_for": {"type": "str"},
        "interval": {"type": "float", "default": 2.0},
        "timestamps": {"type": "bool", "default": False},
        "dest": {"type": "path"},
    },
)


def run(call: Call) -> Result:
    """Read the logs, once or for a while."""
    return read_logs(call)


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
