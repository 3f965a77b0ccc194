# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables of README.md, of the roles and of the guides from what the code says of itself.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``; the rest of a page is written by hand. A
gate fails when a page is not what this would write: ``python -m tests.tools.write_docs`` brings all of them up to date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = re.compile(r"(<!-- table: (?P<name>[a-z_ ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
#: ``O(x)``, ``V(x)`` and their like as code, which is what Markdown has.
MARKUP = re.compile(r"\b(?:RV|[OVCEMP])\((?P<text>[^()]*)\)")
PLAYBOOK_OPTION = re.compile(r"\{\{ (?P<user>fluxos_\w+) \| default\((?P<default>.*)\) \}\}")


def pages() -> list[Path]:
    """Every page that may hold a table."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("roles/*/README.md"))]


def rendered(page: Path) -> str:
    """The page with every table as it should be."""
    tables: dict[str, Callable[[Path], str]] = {
        "included": lambda page: included(),
        "variables": lambda page: role_variables(page.parent),
        "restart_outdated": lambda page: playbook_variables(),
    }
    return TABLE.sub(lambda found: found[1] + tables[found["name"]](page) + found[3], page.read_text())


def _rows(head: str, rows: Iterable[Iterable[str]]) -> str:
    columns = head.count("|") - 1
    lines = [head, "|" + "---|" * columns]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _plain(text: str | list[str]) -> str:
    joined = " ".join(text) if isinstance(text, list) else text
    return MARKUP.sub(lambda found: f"`{found['text'].rpartition('#')[0] or found['text']}`", joined)


# -- what is included ------------------------------------------------------------------------------------------


def included() -> str:
    """Everything that the collection brings, in the order in which a newcomer meets it."""
    rows = [
        *(("playbook", f"`fluxme.fluxos.{name}`", text) for name, text in _playbooks()),
        *(("role", f"[`{path.name}`](roles/{path.name}/README.md)", _role_text(path)) for path in _roles()),
        *(("module", f"`{path.stem}`", _module_text(path)) for path in _sorted("plugins/modules/*.py")),
        *(("inventory", f"`{path.stem}`", _module_text(path)) for path in _sorted("plugins/inventory/*.py")),
        *(("filter", f"`{path.stem}`", _sidecar_text(path)) for path in _sorted("plugins/filter/*.yml")),
        *(("test", f"`{path.stem}`", _sidecar_text(path)) for path in _sorted("plugins/test/*.yml")),
    ]
    return _rows("| kind | name | what it does |", rows)


def _sorted(pattern: str) -> list[Path]:
    return sorted(ROOT.glob(pattern))


def _roles() -> list[Path]:
    return [path.parent.parent for path in _sorted("roles/*/meta/argument_specs.yml")]


def _playbooks() -> list[tuple[str, str]]:
    """Name and first comment of each playbook that is run by itself."""
    found = []
    for path in _sorted("playbooks/*.yml"):
        comment = [line[2:] for line in path.read_text().splitlines()[4:8] if line.startswith("# ")]
        if comment and "Part of" not in comment[0]:
            found.append((path.stem, comment[0].rstrip(".")))
    return found


def _module_text(path: Path) -> str:
    match = re.search(r'^DOCUMENTATION = r"""\n(.*?)^"""', path.read_text(), re.DOTALL | re.MULTILINE)
    if match is None:
        raise ValueError(f"{path} has no DOCUMENTATION")
    return str(yaml.safe_load(match[1])["short_description"])


def _sidecar_text(path: Path) -> str:
    return str(yaml.safe_load(path.read_text())["DOCUMENTATION"]["short_description"])


def _role_text(role: Path) -> str:
    return str(_entries(role)["main"]["short_description"])


# -- variables -------------------------------------------------------------------------------------------------


def _entries(role: Path) -> dict[str, Any]:
    specs: dict[str, Any] = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())
    return dict(specs["argument_specs"])


def _default(value: object) -> str:
    """As YAML writes it, on one line."""
    text = yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("...").strip()
    return "empty" if text in ("''", "[]", "{}") else f"`{text}`"


def role_variables(role: Path) -> str:
    """The variables of a role, entry point by entry point."""
    rows = []
    seen: set[str] = set()
    for entry, spec in _entries(role).items():
        for name, option in spec["options"].items():
            if name not in seen:
                seen.add(name)
                where = "" if entry == "main" else f"(`tasks_from: {entry}`) "
                default = _default(option["default"])
                rows.append((f"`{name}`", option["type"], default, where + _plain(option["description"])))
    return _rows("| variable | type | default | meaning |", rows)


def playbook_variables() -> str:
    """What a user of restart_outdated sets, with the meaning that the roles give it."""
    options: dict[str, Any] = {}
    for role in _roles():
        for spec in _entries(role).values():
            options.update(spec["options"])
    rows: dict[str, tuple[str, str, str]] = {}
    mapping = yaml.safe_load((ROOT / "playbooks" / "vars" / "restart_outdated.yml").read_text())
    for variable, template in mapping.items():
        found = PLAYBOOK_OPTION.fullmatch(template)
        if found is None:
            raise ValueError(f"{variable} is not a plain default: {template}")
        option = options[variable]
        rows.setdefault(
            found["user"], (f"`{found['user']}`", _default(option["default"]), _plain(option["description"]))
        )
    return _rows("| variable | default | meaning |", rows.values())


def main() -> int:
    """Write every page that is not up to date, and say which."""
    for page in pages():
        text = rendered(page)
        if text != page.read_text():
            page.write_text(text)
            print(page.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
