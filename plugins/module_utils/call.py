# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's ``run(call)`` is given, and how its result leaves.

A module is a function from a :class:`Call` to a :class:`Result`. It cannot tell whether it runs inside the controller's
worker (the runner) or as an ordinary module (:func:`run_as_module`); both use this file, so both give the same result.

Check mode is decided here, once: :meth:`Call.change` does not call the operation, and the transport of a call in check
mode is read only, so that a write which slipped past :meth:`Call.change` fails before a byte is sent.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import constraints_for
from ansible_collections.fluxme.fluxos.plugins.module_utils.budgets import BudgetError
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import AddressError, Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import GateError
from ansible_collections.fluxme.fluxos.plugins.module_utils.identity import load_signer
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import TimeError
from ansible_collections.fluxme.fluxos.plugins.module_utils.scrub import Scrubber
from ansible_collections.fluxme.fluxos.plugins.module_utils.session import NodeLogin
from ansible_collections.fluxme.fluxos.plugins.module_utils.session_cache import SessionCache
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import (
    REQUESTS_IMPORT_ERROR,
    RunGone,
    TlsMode,
    Transport,
    TransportOptions,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.versions import VersionError
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import WaveError

T = TypeVar("T")

#: Options that cannot be used as given; the text names the option and says what is accepted.
USAGE_ERRORS = (
    AddressError,
    BudgetError,
    GateError,
    TimeError,
    UsageError,
    VersionError,
    WaveError,
)


class CallError(Exception):
    """The task cannot be done as asked; the text is for the user."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.values = values


@dataclass(frozen=True)
class Result:
    """What a module returns: ``values`` become the top level of the task's result."""

    changed: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    diff: Mapping[str, Any] | None = None


class Call:
    """One run of one module: its parameters, its mode, and the clients it may use."""

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        check_mode: bool = False,
        diff_mode: bool = False,
        progress: Callable[[str], None] = lambda line: None,
        controller_pid: int | None = None,
    ) -> None:
        self.params = params
        self.check_mode = check_mode
        self.diff_mode = diff_mode
        self.progress = progress
        #: The process of the whole ansible-playbook run, where it is known.
        self.controller_pid = controller_pid or os.getpid()
        self._parent = controller_pid
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def abandoned(self) -> bool:
        """Whether the run was killed. Ansible's workers have sessions of their own and outlive it: what one of them
        would still send nobody counts on, and the next run may be at work already.
        """
        return self._parent is not None and os.getppid() != self._parent

    def change(self, operation: Callable[[], T], *, predicted: T) -> T:
        """Do the change, or in check mode say what it would give."""
        return predicted if self.check_mode else operation()

    # -- clients ------------------------------------------------------------------------------------------------

    @cached_property
    def transport(self) -> Transport:
        """For the nodes of this task, whose certificates the options describe."""
        return self._transport(self.params["tls_mode"], self.params["tls_fingerprint"], read_only=self.check_mode)

    @cached_property
    def public_transport(self) -> Transport:
        """For gateways and nodes of others. What the options say of the task's own nodes does not hold for them: over
        https, somebody has to vouch for the certificate.
        """
        return self._transport("verify", None, read_only=True)

    def _transport(self, tls_mode: TlsMode, tls_fingerprint: str | None, *, read_only: bool) -> Transport:
        params = self.params
        options = TransportOptions(
            timeout=params["timeout"],
            retries=params["retries"],
            proxy=params["proxy"],
            tls_mode=tls_mode,
            tls_fingerprint=tls_fingerprint,
            ca_file=params["ca_file"],
            max_answer=params["max_answer"],
        )
        return Transport(options, read_only=read_only, abandoned=self.abandoned)

    @cached_property
    def login(self) -> NodeLogin | None:
        """Who asks, or nothing when the task names no key."""
        params = self.params
        if "private_key" not in params:
            return None
        signer = load_signer(
            flux_id=params["flux_id"],
            private_key=params["private_key"],
            private_key_file=params["private_key_file"],
            signer_command=params["signer_command"],
        )
        if signer is None:
            return None
        return NodeLogin(signer, SessionCache(params["session_cache"]))

    @cached_property
    def endpoint(self) -> Endpoint:
        if not self.params.get("node"):
            raise CallError(
                "no node is given: set the option 'node', the host variable 'fluxos_node' or the environment variable "
                "FLUXOS_NODE to the node's address, such as 203.0.113.7:16127"
            )
        return self._endpoint_of(self.params["node"])

    def _endpoint_of(self, address: str) -> Endpoint:
        tls_mode = self.params["tls_mode"]
        endpoint = Endpoint.parse(address, scheme=self.params["scheme"] or ("http" if tls_mode == "off" else "https"))
        if tls_mode != "off" and endpoint.scheme == "http":
            raise UsageError(
                f"tls_mode is {tls_mode}, and {endpoint.address} would be asked over plain http, where there is no "
                "certificate to check: leave scheme out or set it to https, or set tls_mode to off"
            )
        return endpoint

    @cached_property
    def client(self) -> NodeClient:
        """The node of this task."""
        return self.client_of(self.endpoint, self.login)

    def client_of(self, node: str | Endpoint, login: NodeLogin | None = None, *, fresh: bool = True) -> NodeClient:
        endpoint = node if isinstance(node, Endpoint) else self._endpoint_of(node)
        return NodeClient(endpoint, self.transport, login, fresh=fresh)

    def client_of_other(self, address: str) -> NodeClient:
        """A node of somebody else's, for what anybody may read."""
        return NodeClient(Endpoint.parse(address), self.public_transport, None)

    @cached_property
    def gateways(self) -> Sequence[GatewayClient]:
        return [GatewayClient(Endpoint.parse(url), self.public_transport, fresh=True) for url in self.params["gateway"]]

    def close(self) -> None:
        """Give the connections back."""
        for name in ("transport", "public_transport"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def secrets(self) -> set[str]:
        """Every secret this call has held, for the scrubber."""
        secrets = {value for value in (self.params.get("private_key"),) if value}
        login = self.__dict__.get("login")
        return secrets | (login.secrets() if login else set())


@dataclass(frozen=True)
class Outcome:
    """The end of a call, scrubbed: a dictionary for ``exit_json`` or ``fail_json``."""

    failed: bool
    result: dict[str, Any]


def perform(run: Callable[[Call], Result], call: Call) -> Outcome:
    """Run a module's function and turn whatever happens into a result that holds no secret."""
    if REQUESTS_IMPORT_ERROR:
        return Outcome(True, {"msg": missing_required_lib("requests"), "exception": REQUESTS_IMPORT_ERROR})
    failed, result = _attempt(run, call)
    call.close()
    if call.warnings:
        result["warnings"] = list(call.warnings)
    return Outcome(failed, Scrubber(call.secrets()).scrub(result))


def _attempt(run: Callable[[Call], Result], call: Call) -> tuple[bool, dict[str, Any]]:
    try:
        done = run(call)
    except FluxOSError as error:
        return True, {"msg": str(error), "error": error.as_dict()}
    except CallError as error:
        return True, {**error.values, "msg": str(error)}
    except (IdentityError, RunGone, *USAGE_ERRORS) as error:
        return True, {"msg": str(error)}
    except Exception as error:
        return True, {
            "msg": f"internal error of fluxme.fluxos: {type(error).__name__}: {error}. This is a defect of the "
            "collection: please report it with the task and the text under 'exception' (secrets are removed from it).",
            "exception": traceback.format_exc(),
        }
    result: dict[str, Any] = {**done.values, "changed": done.changed}
    if done.diff is not None and call.diff_mode:
        result["diff"] = dict(done.diff)
    return False, result


def run_as_module(
    spec: Mapping[str, Any], run: Callable[[Call], Result], constraints: Mapping[str, Any] | None = None
) -> None:
    """The body of every module's ``main()``."""
    module = AnsibleModule(argument_spec=dict(spec), supports_check_mode=True, **constraints_for(spec, constraints))
    call = Call(module.params, check_mode=module.check_mode, diff_mode=module._diff)
    outcome = perform(run, call)
    for warning in outcome.result.pop("warnings", []):
        module.warn(warning)
    if outcome.failed:
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
