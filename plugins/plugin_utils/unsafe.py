# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from the network must never be rendered as a template.

What a node or gateway answers becomes variables. A ``{{ lookup('pipe', ...) }}`` in an answer would run on the
controller if Ansible took it for a template.

Since ansible-core 2.19 only text with an explicit mark of trust is a template, and a plugin's values carry none.
Before, every text is a template unless it is wrapped. The wrapper is given only to text that could be one: it costs
time, and ``ansible-inventory --list`` prints each wrapped text as ``{"__ansible_unsafe": ...}``.
"""

from __future__ import annotations

import re
from typing import Any

from ansible.utils import unsafe_proxy

#: Old releases subclass ``str`` to mark text; since 2.19 the same name only takes trust away and wraps nothing.
_MUST_WRAP = issubclass(unsafe_proxy.AnsibleUnsafeText, unsafe_proxy.AnsibleUnsafe)

#: Every template begins with a brace, and ``!`` could begin a YAML tag where a value is printed and read again.
_PLAIN = re.compile(r"[A-Za-z0-9 ._:,;/@()\[\]+=-]*")


def untrusted(value: Any) -> Any:
    """``value`` (also nested) such that no release of Ansible templates any text in it."""
    if not _MUST_WRAP:
        return value
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else unsafe_proxy.wrap_var(value)
    if isinstance(value, dict):
        return {untrusted(key): untrusted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [untrusted(item) for item in value]
    return value
