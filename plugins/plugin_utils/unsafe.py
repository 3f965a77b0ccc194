# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from the network must never be rendered as a template.

What a node or gateway answers becomes variables. A ``{{ lookup('pipe', ...) }}`` in an answer would run on the
controller if Ansible took it for a template.

Text that can be no template, as nearly all of it, is left as it is, or marked as trusted where that mark exists (since
ansible-core 2.19). All other text is wrapped as unsafe where every text is a template otherwise (before 2.19), and gets
no mark of trust where only a trusted one is (since). The difference is for users: ``ansible-inventory --list`` prints
what is unsafe or not trusted as ``{"__ansible_unsafe": ...}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

try:
    from ansible.template import trust_as_template
except ImportError:
    # ansible-core before 2.19.
    from ansible.utils.unsafe_proxy import wrap_var

    _plain: Callable[[str], str] = str
    _other: Callable[[str], str] = wrap_var
else:
    _plain = trust_as_template
    _other = str

#: No delimiter of Jinja can be written with these, nor a header that names other delimiters.
_HARMLESS = re.compile(r"[A-Za-z0-9 ._:,;/@()\[\]+=-]*")


def inert(value: Any) -> Any:
    """``value``, lists and dicts included, such that no release of Ansible renders any text in it."""
    if isinstance(value, str):
        return _plain(value) if _HARMLESS.fullmatch(value) else _other(value)
    if isinstance(value, dict):
        return {inert(key): inert(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [inert(item) for item in value]
    return value
