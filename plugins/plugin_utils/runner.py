# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One runner behind every module: it does the module's work inside the controller's worker.

Ansible usually builds an archive of a module, starts a new Python for it and throws both away: 200 to 300 ms of
processor
time for a request that takes five. The nodes of Flux are reached over HTTP, so nothing is gained by that. Each
module has
an action plugin of its own name which is nothing but this runner; it finds the module by the task's resolved name,
validates the parameters with Ansible's own validator and calls the module's ``run``.

A task that is delegated to a host with a real connection (a bastion that reaches the nodes when the controller
cannot), or that runs with ``async``, is handed over to the ordinary execution of the same module.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fluxme.fluxos.plugins import modules as module_package
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import (
    CONNECTION_OPTIONS,
    WAYS_TO_SIGN,
    constraints_for,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, perform
from ansible_collections.fluxme.fluxos.plugins.module_utils.scrub import Scrubber

display = Display()

#: Connections that end on the controller, where the work may as well be done in this process.
LOCAL_CONNECTIONS = frozenset({"local", "ansible.builtin.local"})

#: Loaded when the parent process imports an action stub, so that no forked worker imports anything.
MODULES: dict[str, ModuleType] = {
    info.name: importlib.import_module(f"{module_package.__name__}.{info.name}")
    for info in pkgutil.iter_modules(module_package.__path__)
}


def _is_given(name: str, value: Any) -> bool:
    """Whether a source sets an option; an empty way to sign, as templates make them, is none."""
    return value is not None and not (value == "" and name in WAYS_TO_SIGN)


def _controller_pid() -> int:
    """The run itself, which forked this worker: a lock has to live as long as it, and nothing is to be sent after it.

    Asked of multiprocessing, which remembers: the system names another parent once the run was killed.
    """
    parent = multiprocessing.parent_process()
    return os.getppid() if parent is None or parent.pid is None else parent.pid


def _tells_options(host_vars: dict[str, Any]) -> bool:
    """Whether results hold the options in use, as those of ordinary modules do: always up to 2.20, later if asked."""
    try:
        return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=host_vars))
    except AnsibleError:
        # The setting is younger than this ansible-core.
        return True


def _words(error: Exception) -> str:
    """What a validation error says; the one of unknown options has lost its beginning, which modules add themselves."""
    return f"Unsupported parameters: {error}" if isinstance(error, UnsupportedError) else str(error)


class ActionModule(ActionBase):
    """Run a module of this collection in process."""

    _supports_check_mode = True
    _supports_async = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        host_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, host_vars)
        resolved: str = self._task.resolved_action
        module = MODULES[resolved.rpartition(".")[2]]
        args = self._with_sources(module.ARGUMENT_SPEC, host_vars)
        if self._is_handed_over():
            if getattr(module, "ON_CONTROLLER", False):
                raise AnsibleActionFail(
                    f"{resolved} works on the controller, where the run itself is: leave out async, and delegate_to "
                    "any other host than localhost"
                )
            result.update(
                self._execute_module(
                    module_name=resolved, module_args=args, task_vars=host_vars, wrap_async=self._task.async_val
                )
            )
            return result
        result.update(self._run_here(module, args, tell_options=_tells_options(host_vars)))
        return result

    # -- where options come from --------------------------------------------------------------------------------

    def _with_sources(self, spec: dict[str, Any], host_vars: dict[str, Any]) -> dict[str, Any]:
        """The task's arguments, completed from host variables and the controller's environment, in this order.

        A way to sign hides every other way in weaker sources: a task that names a key is not refused because the
        environment names a signer.
        """
        args = {name: value for name, value in self._task.args.items() if _is_given(name, value)}
        names = CONNECTION_OPTIONS.intersection(spec)

        def host_variable(name: str) -> Any:
            variable = f"fluxos_{name}"
            return self._templar.template(host_vars[variable]) if variable in host_vars else None

        def environment(name: str) -> Any:
            return os.environ.get(f"FLUXOS_{name.upper()}") or None

        for source in (host_variable, environment):
            hidden = WAYS_TO_SIGN if any(way in args for way in WAYS_TO_SIGN) else ()
            found = {name: source(name) for name in names.difference(args, hidden)}
            args.update({name: value for name, value in found.items() if _is_given(name, value)})
        if spec.get("nodes", {}).get("elements") == "raw" and isinstance(args.get("nodes"), list):
            args["nodes"] = [self._place(entry, host_vars.get("hostvars", {})) for entry in args["nodes"]]
        if "node" in spec and args.get("node") is None and not args.get("nodes"):
            address = host_vars.get("ansible_host")
            if address and self._templar.template(address) not in ("localhost", "127.0.0.1"):
                args["node"] = self._templar.template(address)
        return args

    @staticmethod
    def _place(entry: Any, hosts: Mapping[str, Any]) -> Any:
        """A host of the inventory as its name and address; anything else, an address for example, as it is."""
        if not isinstance(entry, str) or entry not in hosts:
            return entry
        known = hosts[entry]
        address = known.get("fluxos_node") or known.get("ansible_host")
        return {"name": str(entry), "address": str(address)} if address else entry

    def _is_handed_over(self) -> bool:
        if self._task.async_val:
            return True
        return bool(self._task.delegate_to) and self._connection.transport not in LOCAL_CONNECTIONS

    # -- in process ---------------------------------------------------------------------------------------------

    def _run_here(self, module: ModuleType, args: dict[str, Any], *, tell_options: bool) -> dict[str, Any]:
        constraints = constraints_for(module.ARGUMENT_SPEC, getattr(module, "CONSTRAINTS", None))
        validation = ArgumentSpecValidator(module.ARGUMENT_SPEC, **constraints).validate(args)
        # Secrets by name, also of parameters that did not pass: the validator knows its no_log values only afterwards.
        by_name = {
            str(args[name]) for name, option in module.ARGUMENT_SPEC.items() if option.get("no_log") and args.get(name)
        }
        scrubber = Scrubber(by_name)
        if validation.error_messages:
            raise AnsibleActionFail(scrubber.scrub("; ".join(map(_words, validation.errors))))
        params = validation.validated_parameters
        call = Call(
            params,
            check_mode=bool(self._task.check_mode),
            diff_mode=bool(self._task.diff),
            progress=lambda line: display.display(scrubber.scrub(line)),
            controller_pid=_controller_pid(),
        )
        outcome = perform(module.run, call)
        result = scrubber.scrub(outcome.result)
        if tell_options:
            shown = {
                name: "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" if spec.get("no_log") and params[name] else params[name]
                for name, spec in module.ARGUMENT_SPEC.items()
                if name in params
            }
            result["invocation"] = {"module_args": scrubber.scrub(shown)}
        if outcome.failed:
            result["failed"] = True
        return dict(result)
