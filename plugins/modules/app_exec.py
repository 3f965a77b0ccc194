#!/usr/bin/python
# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command in a container of an app."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_exec
short_description: Run a command in a container of an app
version_added: 0.1.0
description:
  - Runs a command in one component of one instance of an app, and returns its exit code and outputs.
  - The command is sent once. When its answer is lost, the container is asked what became of it.
  - It fails when the exit code is not 0, as C(ansible.builtin.command) does.
  - FluxOS knows neither an exit code nor two outputs. So the command is run by a small wrapper for C(sh), which keeps
    them in a folder below C(/tmp) that only its user may enter, and removes it at the end.
options:
  command:
    description:
      - A text is read by C(sh). A list is a program and its arguments, which no shell reads.
    type: raw
    required: true
  env:
    description:
      - Variables for the command besides those of the container.
    type: dict
  creates:
    description:
      - A path in the container. When it exists, the command is not run.
    type: str
  removes:
    description:
      - A path in the container. When it does not exist, the command is not run.
    type: str
  command_timeout:
    description:
      - Seconds that the command may take. FluxOS cannot end it, so it may go on in the container after that.
    type: float
    default: 300.0
  raw:
    description:
      - Run O(command), a list, without the wrapper, for images without C(sh).
      - There is no exit code then, so the module fails only when the program cannot be started, and both outputs come
        as one. A program that prints nothing but an answer of FluxOS has it taken for the answer of this node.
    type: bool
    default: false
  max_output:
    description:
      - How many bytes of each output to return at most. Long ones are read in pieces of 24 kB.
    type: int
    default: 1048576
extends_documentation_fragment:
  - fluxme.fluxos.connection
  - fluxme.fluxos.node
  - fluxme.fluxos.instance
  - fluxme.fluxos.auth
  - fluxme.fluxos.attributes
  - fluxme.fluxos.attributes.fluxos
attributes:
  check_mode:
    support: partial
    details:
      - Predicts a change. O(creates) and O(removes) are not looked at, since only a command in the container could.
  diff_mode:
    support: none
    details: The module does not know what the command changes.
  idempotent:
    support: partial
    details: With O(creates) or O(removes). Without them the command runs every time.
notes:
  - Only the owner of the app may do this, on every FluxOS. The operator of the node never may.
  - O(component) is needed where the app has more than one.
  - There is no standard input, no working directory and no other user than the container's.
  - FluxOS loses blocks of an output of more than 64 kB without a word. So outputs are compared with their sizes, and
    what is missing is read again. With O(raw), or where the container lets no file be written, that is not possible,
    and a warning says that the output may have holes.
  - Commands, their environment and outputs are shown as they are. Use C(no_log) where they hold secrets.
  - "What can go wrong: a container without C(sh) needs O(raw). A lost answer after which no trace of the command is
    found is a failure, since nobody knows whether it ran."
seealso:
  - module: fluxme.fluxos.app_log
  - module: fluxme.fluxos.app_instance_info
author:
  - the fluxme.fluxos contributors (@fluxme)
"""

EXAMPLES = r"""
- name: Run a program
  fluxme.fluxos.app_exec:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    command: [ls, /etc]
    private_key_file: ~/.flux/owner.wif
  register: listed

- name: Show what it said
  ansible.builtin.debug:
    var: listed.stdout_lines

- name: Initialise the data once
  fluxme.fluxos.app_exec:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    command: echo "$GREETING" > /tmp/greeting
    creates: /tmp/greeting
    env:
      GREETING: hello
    private_key_file: ~/.flux/owner.wif

- name: Use an exit code that is not 0
  fluxme.fluxos.app_exec:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    command: grep -q goodbye /tmp/greeting
    private_key_file: ~/.flux/owner.wif
  register: search
  changed_when: false
  failed_when: (search.rc | default(0)) > 1

- name: Give a password to a program, and show nothing of it
  fluxme.fluxos.app_exec:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    command: printf '%s' "$PASSWORD" > /tmp/password
    env:
      PASSWORD: "{{ lookup('ansible.builtin.password', '/dev/null') }}"
    private_key_file: ~/.flux/owner.wif
  no_log: true

- name: Run a program of an image without a shell
  fluxme.fluxos.app_exec:
    node: 127.18.0.1:16127
    app: TideBoard
    component: web
    command: [nginx, -v]
    raw: true
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
component:
  description: The component, or null for an app without components.
  returned: success
  type: str
  sample: web
identifier:
  description: How FluxOS names the container.
  returned: success
  type: str
  sample: web_TideBoard
cmd:
  description: The command as it was given.
  returned: success
  type: raw
  sample: [ls, /etc]
rc:
  description: The exit code.
  returned: when the command was run, without O(raw)
  type: int
  sample: 0
stdout:
  description: The standard output, without line ends at its end. Both outputs when they came as one.
  returned: success
  type: str
  sample: hosts
stdout_lines:
  description: The same, line by line.
  returned: success
  type: list
  elements: str
  sample: [hosts]
stderr:
  description: The error output, without line ends at its end.
  returned: success
  type: str
  sample: ""
stderr_lines:
  description: The same, line by line.
  returned: success
  type: list
  elements: str
  sample: []
complete:
  description: Whether both outputs are here as long as they were. Null where nobody can tell.
  returned: success
  type: bool
  sample: true
merged:
  description: Whether both outputs came as one, as with O(raw).
  returned: success
  type: bool
  sample: false
guarded_by:
  description: V(creates) or V(removes) when that option spoke against the command, else null.
  returned: success
  type: str
  sample: creates
"""

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_command import run_command
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, INSTANCE, argument_spec
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, Result, run_as_module

ARGUMENT_SPEC = argument_spec(
    INSTANCE,
    AUTH,
    own={
        "command": {"type": "raw", "required": True},
        "env": {"type": "dict"},
        "creates": {"type": "str"},
        "removes": {"type": "str"},
        "command_timeout": {"type": "float", "default": 300.0},
        "raw": {"type": "bool", "default": False},
        "max_output": {"type": "int", "default": 1048576},
    },
)


def run(call: Call) -> Result:
    """Run the command."""
    return run_command(call)


def main() -> None:
    run_as_module(ARGUMENT_SPEC, run)


if __name__ == "__main__":
    main()
