# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signers: by key, by key file, by command; and the one that the options describe."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.identity import (
    CommandSigner,
    IdentityError,
    KeySigner,
    PrivateKey,
    SignerError,
    load_signer,
    read_key_file,
    verify,
)
from tests.unit.plugins.module_utils.signing.vectors import CASES, KEYS

WIF = KEYS["wiki_c"]["wif"]
HEX = KEYS["wiki_c"]["private_key_hex"]
COMPRESSED = KEYS["wiki_c"]["address"]
UNCOMPRESSED = KEYS["wiki_u"]["address"]
ETHEREUM = "0x29717BF51D8AFcA452459936d395668A576Bce66"
OTHER = KEYS["one_c"]["address"]
SIGNATURE = CASES["compressed_ascii"]["signature"]


def test_a_wif_stands_for_the_address_of_its_form() -> None:
    assert KeySigner(PrivateKey.parse(WIF)).flux_id == COMPRESSED
    assert KeySigner(PrivateKey.parse(KEYS["wiki_u"]["wif"])).flux_id == UNCOMPRESSED


@pytest.mark.parametrize("text", [WIF, KEYS["wiki_u"]["wif"], HEX, "0x" + HEX])
@pytest.mark.parametrize("flux_id", [COMPRESSED, UNCOMPRESSED, ETHEREUM])
def test_the_form_follows_the_flux_id(text: str, flux_id: str) -> None:
    signer = KeySigner(PrivateKey.parse(text), flux_id)
    assert signer.flux_id == flux_id
    assert verify("Hello Flux", flux_id, signer.sign("Hello Flux"))


@pytest.mark.parametrize("spelling", [ETHEREUM.lower(), "0x" + ETHEREUM[2:].upper()])
def test_an_ethereum_id_keeps_the_spelling_that_the_node_has(spelling: str) -> None:
    assert KeySigner(PrivateKey.parse(HEX), spelling).flux_id == spelling


def test_hex_without_a_flux_id_is_ambiguous_and_says_what_to_choose_from() -> None:
    with pytest.raises(IdentityError) as caught:
        KeySigner(PrivateKey.parse(HEX))
    for address in (COMPRESSED, UNCOMPRESSED, ETHEREUM):
        assert address in str(caught.value)
    assert HEX not in str(caught.value)


@pytest.mark.parametrize("flux_id", [OTHER, KEYS["hardhat_0"]["address"]])
def test_a_key_of_another_flux_id_is_refused_with_the_ids_it_has(flux_id: str) -> None:
    with pytest.raises(IdentityError) as caught:
        KeySigner(PrivateKey.parse(WIF), flux_id)
    said = "".join(traceback.format_exception(caught.value))
    for address in (flux_id, COMPRESSED, UNCOMPRESSED, ETHEREUM):
        assert address in said
    assert WIF not in said
    assert HEX not in said


# Key files


def key_file(folder: Path, text: str = WIF + "\n", mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_key_file_is_read_without_its_newline(tmp_path: Path) -> None:
    assert read_key_file(str(key_file(tmp_path))) == WIF


def test_a_key_file_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    key_file(tmp_path)
    assert read_key_file("~/key") == WIF


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601, 0o610])
def test_a_key_file_that_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, mode=mode)
    with pytest.raises(IdentityError, match=rf"{mode:04o}.*too open.*chmod 600") as caught:
        read_key_file(str(path))
    assert str(path) in str(caught.value)
    path.chmod(0o400)
    assert read_key_file(str(path)) == WIF


UNFIT_FILES = {
    "two lines": (f"{WIF}\n{WIF}\n", "more than a key"),
    "much": ("5" * 5000, "too big"),
    "not text": ("é" * 20, "not plain text"),
}


@pytest.mark.parametrize(("text", "said"), UNFIT_FILES.values(), ids=UNFIT_FILES.keys())
def test_what_is_no_key_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(IdentityError, match=said) as caught:
        read_key_file(str(key_file(tmp_path, text)))
    assert text[:40] not in str(caught.value)


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="No such file"):
        read_key_file(str(tmp_path / "none"))
    with pytest.raises(IdentityError, match="no regular file"):
        read_key_file(str(tmp_path))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(IdentityError, match="no regular file"):
        read_key_file(str(pipe))


def test_a_key_that_cannot_be_read_is_named_by_its_file(tmp_path: Path) -> None:
    path = key_file(tmp_path, "$ANSIBLE_VAULT;1.1;AES256\n31323334\n")
    with pytest.raises(IdentityError, match="ansible-vault") as caught:
        load_signer(private_key_file=str(path))
    assert str(path) in str(caught.value)


# Signer commands


def script(folder: Path, body: str) -> str:
    """Write a Python script and return the command that runs it."""
    path = folder / "sign script.py"
    path.write_text(body)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def test_a_command_gets_the_text_as_it_is_and_its_signature_is_taken(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    command = script(
        tmp_path,
        "import os, sys\n"
        f"open({str(seen)!r}, 'w').write(repr((sys.stdin.buffer.read(), sys.argv[1:], os.environ.get('MARK'))))\n"
        f"print({SIGNATURE!r})\n",
    )
    os.environ["MARK"] = "kept"
    try:
        signer = CommandSigner(command + " 'first word' second", COMPRESSED)
        assert signer.sign("Hello Flux") == SIGNATURE
    finally:
        del os.environ["MARK"]
    assert seen.read_text() == repr((b"Hello Flux", ["first word", "second"], "kept"))
    assert signer.flux_id == COMPRESSED
    assert signer.secrets() == set()


def test_a_command_may_be_a_list_and_is_never_a_shell_line(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    signer = CommandSigner(["echo", f"x; touch {marker}"], COMPRESSED)
    with pytest.raises(SignerError, match="more than a signature"):
        signer.sign("Hello Flux")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("", "printed no signature"),
        ("\n\n", "printed no signature"),
        ("Enter PIN:\n" + SIGNATURE, "more than a signature"),
        ("A" * 2000, "more than a signature"),
        ("bm8gc2lnbmF0dXJl", "no signature in the form"),
        (SIGNATURE[:20] + "AAAA" + SIGNATURE[24:], "does not verify for " + COMPRESSED),
    ],
)
def test_what_is_no_signature_is_not_sent(tmp_path: Path, printed: str, said: str) -> None:
    signer = CommandSigner(script(tmp_path, f"print({printed!r})"), COMPRESSED)
    with pytest.raises(SignerError, match=said):
        signer.sign("Hello Flux")


def test_a_signature_of_another_key_names_the_address_it_fits(tmp_path: Path) -> None:
    signer = CommandSigner(script(tmp_path, f"print({SIGNATURE!r})"), OTHER)
    with pytest.raises(SignerError, match=f"does not verify for {OTHER}.*fits the address {COMPRESSED}") as caught:
        signer.sign("Hello Flux")
    assert SIGNATURE not in str(caught.value)


def test_a_failing_command_says_its_first_line_without_secrets(tmp_path: Path) -> None:
    signer = CommandSigner(
        script(
            tmp_path,
            "import sys\ntext = sys.stdin.read()\n"
            f"print('cannot sign', text, 'with {WIF}', file=sys.stderr)\n"
            "print('second', file=sys.stderr)\nsys.exit(3)\n",
        ),
        COMPRESSED,
    )
    with pytest.raises(SignerError) as caught:
        signer.sign("a phrase that is secret")
    said = str(caught.value)
    assert "exit code 3" in said
    assert "cannot sign VALUE_HIDDEN with VALUE_HIDDEN" in said
    assert "second" not in said


def test_a_command_that_is_killed_says_so(tmp_path: Path) -> None:
    signer = CommandSigner(script(tmp_path, "import os\nos.kill(os.getpid(), 9)"), COMPRESSED)
    with pytest.raises(SignerError, match=r"killed by SIGKILL.*said nothing"):
        signer.sign("Hello Flux")


def test_a_command_that_does_not_read_its_input_can_still_sign(tmp_path: Path) -> None:
    text = "x" * 1_000_000
    signature = KeySigner(PrivateKey.parse(WIF)).sign(text)
    signer = CommandSigner(script(tmp_path, f"import os\nos.close(0)\nprint({signature!r})"), COMPRESSED)
    assert signer.sign(text) == signature


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    children = tmp_path / "children"
    command = script(
        tmp_path,
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        f"open({str(children)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(300)\n",
    )
    with pytest.raises(SignerError, match="no signature within 2 s"):
        CommandSigner(command, COMPRESSED, timeout=2).sign("Hello Flux")
    pids = [int(pid) for pid in children.read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(map(_is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(_is_alive, pids))


@pytest.mark.parametrize("command", ["/no/such/program", "/etc/passwd"])
def test_a_command_that_cannot_be_started(command: str) -> None:
    with pytest.raises(SignerError, match=f"{os.path.basename(command)} cannot be started"):
        CommandSigner(command, COMPRESSED).sign("Hello Flux")


def test_a_command_needs_words_and_a_flux_id() -> None:
    with pytest.raises(IdentityError, match="split into words"):
        CommandSigner("sign 'it", COMPRESSED)
    with pytest.raises(IdentityError, match="is empty"):
        CommandSigner("  ", COMPRESSED)
    with pytest.raises(IdentityError, match="needs flux_id"):
        CommandSigner("sign", None)
    with pytest.raises(IdentityError, match="wrong checksum"):
        CommandSigner("sign", COMPRESSED[:-1] + "X")


def test_a_text_that_cannot_be_signed_never_reaches_the_command(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    signer = CommandSigner(["touch", str(marker)], ETHEREUM)
    with pytest.raises(IdentityError, match="printable ASCII only"):
        signer.sign("café")
    assert not marker.exists()


def test_the_text_is_never_on_a_command_line(tmp_path: Path) -> None:
    """What the process list shows while the command runs."""
    lines = tmp_path / "lines"
    command = script(
        tmp_path,
        "import subprocess, sys\nsys.stdin.read()\n"
        f"open({str(lines)!r}, 'wb').write(subprocess.run(['ps', '-eww', '-o', 'args'], stdout=-1).stdout)\n"
        f"print({SIGNATURE!r})\n",
    )
    if subprocess.run(["sh", "-c", "command -v ps"], stdout=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("no ps here")
    CommandSigner(command, COMPRESSED).sign("Hello Flux")
    shown = lines.read_text(errors="replace")
    assert "sign script.py" in shown
    assert "Hello Flux" not in shown


def test_an_interrupt_ends_the_command_too(tmp_path: Path) -> None:
    """Ctrl-C while the signer runs: the exception passes and no process stays."""
    pid_file = tmp_path / "pid"
    command = script(
        tmp_path,
        "import os, time\n"
        f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "os.kill(os.getppid(), __import__('signal').SIGUSR1)\n"
        "time.sleep(300)\n",
    )

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            CommandSigner(command, COMPRESSED).sign("Hello Flux")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not _is_alive(int(pid_file.read_text()))


# Missing libraries


@pytest.mark.parametrize("library", ["coincurve", "Crypto"])
def test_a_missing_library_is_an_error_only_when_it_is_needed(library: str, checkout: Path) -> None:
    program = (
        "import sys, tests.conftest\n"
        f"sys.modules[{library!r}] = None\n"
        "from ansible_collections.fluxme.fluxos.plugins.module_utils import identity\n"
        "try:\n"
        f"    identity.load_signer(flux_id={ETHEREUM!r}, private_key={HEX!r})\n"
        "except identity.LibraryMissingError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, check=True)
    package = {"Crypto": "pycryptodome"}.get(library, library)
    assert f"needs the Python library {package}" in done.stdout
    assert f"pip install {package}" in done.stdout


# What the options describe


def test_no_source_is_no_signer() -> None:
    assert load_signer() is None
    assert load_signer(flux_id=COMPRESSED, private_key="", private_key_file=None, signer_command="") is None


def test_each_source_alone(tmp_path: Path) -> None:
    command = script(tmp_path, f"print({SIGNATURE!r})")
    signers = [
        load_signer(private_key=WIF),
        load_signer(flux_id=COMPRESSED, private_key=HEX),
        load_signer(flux_id="", private_key_file=str(key_file(tmp_path))),
        load_signer(flux_id=COMPRESSED, signer_command=command),
    ]
    for signer in signers:
        assert signer is not None
        assert signer.flux_id == COMPRESSED
        assert signer.sign("Hello Flux") == SIGNATURE
        assert WIF not in repr(signer)


def test_two_sources_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="private_key and signer_command exclude each other"):
        load_signer(flux_id=COMPRESSED, private_key=WIF, signer_command="sign")
