# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves a module: results, errors, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils import call as call_module
from ansible_collections.fluxme.fluxos.plugins.module_utils.argspec import AUTH, NODE
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import (
    USAGE_ERRORS,
    Call,
    CallError,
    Result,
    perform,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import Refused, Unreachable, UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import IdentityError
from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator

KEY = Person.named("operator").wif


def call(**options: Any) -> Call:
    modes = {name: options.pop(name) for name in ("check_mode", "diff_mode") if name in options}
    defaults = {name: option.get("default") for name, option in {**NODE, **AUTH}.items()}
    return Call({**defaults, **options}, **modes)


def failing(error: Exception) -> Any:
    def run(_unused: Call) -> Result:
        raise error

    return run


class TestResult:
    def test_values_are_the_top_level_and_changed_is_the_results_own(self) -> None:
        outcome = perform(lambda _: Result(True, {"version": "8.20.0", "changed": False}), call())
        assert (outcome.failed, outcome.result) == (False, {"version": "8.20.0", "changed": True})

    @pytest.mark.parametrize("diff_mode", [True, False])
    def test_a_difference_is_shown_in_diff_mode_only(self, diff_mode: bool) -> None:
        outcome = perform(lambda _: Result(diff={"before": "a", "after": "b"}), call(diff_mode=diff_mode))
        assert ("diff" in outcome.result) is diff_mode

    def test_warnings_come_along_with_errors_too(self) -> None:
        def run(this: Call) -> Result:
            this.warn("the key is in a file that others may read")
            raise CallError("no")

        assert perform(run, call()).result["warnings"] == ["the key is in a file that others may read"]

    def test_secrets_are_cut_out_of_every_part(self) -> None:
        this = call(private_key=KEY)
        this.warn(f"the key {KEY}")
        result = perform(lambda _: Result(values={"a": [{"b": f"-{KEY}-"}], KEY: 1}), this).result
        assert KEY not in str(result)


class TestErrors:
    def test_one_of_fluxos_has_its_four_parts(self) -> None:
        error = Refused("203.0.113.7:16127", "restart FluxOS", "not today", "Try tomorrow", code=7)
        outcome = perform(failing(error), call())
        assert (outcome.failed, outcome.result["msg"]) == (True, str(error))
        assert outcome.result["error"] == error.as_dict()

    def test_one_of_the_task_brings_its_values(self) -> None:
        outcome = perform(failing(CallError("no", sick=["beta"])), call())
        assert (outcome.failed, outcome.result) == (True, {"msg": "no", "sick": ["beta"]})

    @pytest.mark.parametrize("kind", [*USAGE_ERRORS, IdentityError], ids=lambda kind: kind.__name__)
    def test_options_that_cannot_be_used_are_no_defect_of_ours(self, kind: type[Exception]) -> None:
        outcome = perform(failing(kind("use it otherwise")), call())
        assert (outcome.failed, outcome.result) == (True, {"msg": "use it otherwise"})

    def test_a_defect_says_that_it_is_one_and_shows_no_secret(self) -> None:
        def run(this: Call) -> Result:
            held = this.login
            raise RuntimeError(f"broken with {this.params['private_key']} and {held}")

        result = perform(run, call(private_key=KEY)).result
        assert "internal error of fluxme.fluxos: RuntimeError: broken with VALUE_HIDDEN" in result["msg"]
        assert "please report it" in result["msg"]
        assert "Traceback" in result["exception"]
        assert KEY not in str(result)

    def test_a_missing_library_is_named_before_anything_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(call_module, "REQUESTS_IMPORT_ERROR", "Traceback: No module named requests")
        outcome = perform(failing(AssertionError("it ran")), call())
        assert outcome.failed
        assert "requests" in outcome.result["msg"]


class TestCheckMode:
    def test_a_change_is_predicted_instead_of_made(self) -> None:
        made: list[str] = []

        def change() -> str:
            made.append("once")
            return "done"

        assert call(check_mode=True).change(change, predicted="would be") == "would be"
        assert made == []
        assert call().change(change, predicted="would be") == "done"
        assert made == ["once"]

    def test_a_write_that_slips_past_is_stopped_before_a_byte_is_sent(self) -> None:
        with RunningSimulator({"nodes": [{"host": 1}]}) as sim:
            this = call(node=sim.addresses[0], private_key=KEY, check_mode=True)
            outcome = perform(
                lambda one: Result(values={"answer": one.client.call("GET", "/flux/restart", write=True)}), this
            )
            assert outcome.failed
            assert "internal error" in outcome.result["msg"]
            assert sim.requests() == []


class TestClients:
    def test_a_module_without_keys_has_no_login(self) -> None:
        assert Call({"node": "203.0.113.7"}).login is None
        assert call().login is None

    def test_the_login_is_that_of_the_key(self, tmp_path: object) -> None:
        login = call(private_key=KEY, session_cache=str(tmp_path)).login
        assert login is not None
        assert login.flux_id == Person.named("operator").flux_id

    @pytest.mark.parametrize(
        ("node", "scheme", "url"),
        [
            ("203.0.113.7", "http", "http://203.0.113.7:16127/x"),
            ("203.0.113.7:16137", "https", "https://203.0.113.7:16138/x"),
            ("https://203.0.113.7:16128", "http", "https://203.0.113.7:16128/x"),
        ],
    )
    def test_the_scheme_is_for_addresses_without_one(self, node: str, scheme: str, url: str) -> None:
        assert call(node=node, scheme=scheme).client.endpoint.url("/x") == url

    @pytest.mark.parametrize(
        ("node", "tls", "url"),
        [
            ("203.0.113.7", {}, "http://203.0.113.7:16127/x"),
            ("203.0.113.7", {"tls_mode": "verify"}, "https://203.0.113.7:16128/x"),
            ("203.0.113.7", {"tls_mode": "pin", "tls_fingerprint": "ab" * 32}, "https://203.0.113.7:16128/x"),
            ("https://node.example:8443", {"tls_mode": "verify"}, "https://node.example:8443/x"),
            ("203.0.113.7", {"scheme": "https", "tls_mode": "off"}, "https://203.0.113.7:16128/x"),
        ],
    )
    def test_a_certificate_that_is_to_be_checked_means_https(self, node: str, tls: dict[str, str], url: str) -> None:
        assert call(node=node, **tls).client.endpoint.url("/x") == url

    @pytest.mark.parametrize("mode", ["verify", "pin"])
    @pytest.mark.parametrize(("node", "scheme"), [("203.0.113.7", "http"), ("http://203.0.113.7:16127", None)])
    def test_a_certificate_cannot_be_checked_over_plain_http(self, node: str, scheme: str | None, mode: str) -> None:
        this = call(node=node, scheme=scheme, tls_mode=mode, tls_fingerprint="ab" * 32)
        for use in (lambda: this.client, lambda: this.client_of(node)):
            with pytest.raises(UsageError, match=f"tls_mode is {mode}, and 203.0.113.7:16127 .* set it to https"):
                use()

    def test_what_is_known_of_a_node_is_not_asked_of_a_gateway(self) -> None:
        this = call(gateway=["https://127.0.0.1:1", "http://127.0.0.1:1"], tls_mode="pin", tls_fingerprint="ab" * 32)
        assert [gateway.transport.options.tls_mode for gateway in this.gateways] == ["verify", "verify"]
        assert this.client_of_other("203.0.113.9:16127").transport.options.tls_fingerprint is None
        with pytest.raises(Unreachable, match=r"http://127.0.0.1:1: .*connection refused"):
            this.gateways[1].block_height()

    def test_a_gateway_that_nobody_vouches_for_is_not_believed_whatever_holds_for_nodes(self) -> None:
        with RunningSimulator({"nodes": [{"host": 1}]}) as sim:
            secure = Endpoint.parse(sim.addresses[0], scheme="https").url("/").rstrip("/")
            this = call(node=sim.addresses[0], scheme="https", tls_mode="off", gateway=[secure])
            assert this.client.version() == "8.20.0"
            with pytest.raises(Unreachable, match="could not be verified"):
                this.gateways[0].block_height()
            this.close()

    def test_gateways_are_asked_in_the_order_given(self) -> None:
        urls = ["https://api.runonflux.io", "http://127.0.0.1:8080"]
        assert [gateway.endpoint.address for gateway in call(gateway=urls).gateways] == urls

    def test_no_node_says_where_it_may_come_from(self) -> None:
        with pytest.raises(CallError, match="'fluxos_node' or the environment variable FLUXOS_NODE"):
            assert call().endpoint
