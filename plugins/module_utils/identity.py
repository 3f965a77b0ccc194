# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks: Flux IDs and the signers that speak for them.

A signer is a Flux ID and a way to sign text for it: with a key (given as a value or read from a file), or with a
command of the user's, so that the key need never be on the machine where Ansible runs. The arithmetic lives in
``signing/``; this is the face that the rest of the collection imports.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Sequence
from typing import Any, Protocol

from ansible_collections.fluxme.fluxos.plugins.module_utils.scrub import Scrubber
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.errors import (
    IdentityError,
    LibraryMissingError,
    SignerError,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.keys import (
    Form,
    PrivateKey,
    check_flux_id,
    is_ethereum,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.signing.signatures import (
    check_signable,
    sign,
    signer_of,
    verify,
)

__all__ = [
    "CommandSigner",
    "Form",
    "IdentityError",
    "KeySigner",
    "LibraryMissingError",
    "PrivateKey",
    "Signer",
    "SignerError",
    "check_flux_id",
    "load_signer",
    "read_key_file",
    "verify",
]

#: Seconds a signer command may take: time for a person to confirm on a hardware wallet.
SIGNER_TIMEOUT = 60.0
#: A key file holds one line; a bigger file is something else, and is not read into memory.
_LONGEST_KEY_FILE = 4096
_LONGEST_SIGNATURE = 1024


class Signer(Protocol):
    """Signs text for one Flux ID."""

    @property
    def flux_id(self) -> str:
        """The Flux ID, spelled as nodes know it."""

    def sign(self, text: str) -> str:
        """Return the signature as FluxOS takes it; raise IdentityError when there is none."""

    def secrets(self) -> set[str]:
        """Return what must never be shown, in every text form."""


class KeySigner:
    """Signs with a private key, in the form whose address is the Flux ID."""

    def __init__(self, key: PrivateKey, flux_id: str | None = None) -> None:
        """Raise IdentityError when the key cannot stand for flux_id, or when it is open which Flux ID is meant."""
        self._key = key
        self._form, self.flux_id = _form_and_flux_id(key, flux_id)

    def __repr__(self) -> str:
        return f"KeySigner({self.flux_id})"

    def sign(self, text: str) -> str:
        """Return the signature of text; the same text gives the same signature."""
        return sign(text, self._key, self._form)

    def secrets(self) -> set[str]:
        """Return every text form of the key."""
        return self._key.secrets()


def _form_and_flux_id(key: PrivateKey, flux_id: str | None) -> tuple[Form, str]:
    if flux_id is None:
        if key.form is not None:
            return key.form, key.address(key.form)
        raise IdentityError(
            "A private key in hex can stand for several Flux IDs, and none was named. "
            f"Set flux_id to one of: {_named_addresses(key)}."
        )
    flux_id = check_flux_id(flux_id)
    if is_ethereum(flux_id):
        if key.address(Form.ETHEREUM).lower() == flux_id.lower():
            return Form.ETHEREUM, flux_id
    else:
        for form in (Form.COMPRESSED, Form.UNCOMPRESSED):
            if key.address(form) == flux_id:
                return form, flux_id
    raise IdentityError(
        f"The private key does not belong to the Flux ID {flux_id}. "
        f"It can stand for: {_named_addresses(key)}. Correct flux_id or give the other key."
    )


def _named_addresses(key: PrivateKey) -> str:
    return ", ".join(f"{address} ({form.value})" for form, address in key.addresses().items())


class CommandSigner:
    """Signs by running a command: it gets the text on its standard input and prints the signature.

    The command is run without a shell, in a session of its own (it cannot ask on the terminal), with the environment as
    it is. The text is never on its command line, where every user of the machine could read it.
    """

    def __init__(self, command: str | Sequence[str], flux_id: str | None, *, timeout: float = SIGNER_TIMEOUT) -> None:
        """Raise IdentityError when the command line cannot be understood or flux_id is missing or no Flux ID."""
        try:
            self._argv = shlex.split(command) if isinstance(command, str) else [str(part) for part in command]
        except ValueError as error:
            raise IdentityError(f"The signer command cannot be split into words: {error}.") from error
        if not self._argv:
            raise IdentityError("The signer command is empty.")
        if not flux_id:
            raise IdentityError("A signer command needs flux_id: the command signs, but it does not say for whom.")
        self._argv[0] = os.path.expanduser(self._argv[0])
        self._timeout = timeout
        self.flux_id = check_flux_id(flux_id)

    def __repr__(self) -> str:
        return f"CommandSigner({self.flux_id})"

    def sign(self, text: str) -> str:
        """Run the command and return its signature, once it is seen to verify. Raises SignerError, IdentityError."""
        check_signable(text, self.flux_id)
        signature = self._run(text).strip()
        if not signature:
            raise SignerError(f"{self._name} printed no signature. It has to print it, and nothing else.")
        if len(signature) > _LONGEST_SIGNATURE or len(signature.split()) != 1:
            raise SignerError(f"{self._name} printed more than a signature. It has to print it, and nothing else.")
        if verify(text, self.flux_id, signature):
            return signature
        other = signer_of(text, signature, ethereum=is_ethereum(self.flux_id))
        hint = (
            f"It fits the address {other}: the command signs with another key or form, or signs a changed text "
            "(such as one with a newline added)."
            if other
            else "It is no signature in the form that FluxOS takes: base64 of 65 bytes, or 0x and 130 hex digits."
        )
        raise SignerError(f"{self._name} printed a signature that does not verify for {self.flux_id}. {hint}")

    def secrets(self) -> set[str]:
        """Return nothing: the key stays with the command."""
        return set()

    @property
    def _name(self) -> str:
        # Only the program: an argument may be the name of a wallet, or worse.
        return f"The signer command {os.path.basename(self._argv[0])}"

    def _run(self, text: str) -> str:
        try:
            process = _OwnSession(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SignerError(f"{self._name} cannot be started: {error.strerror}.") from error
        with process:
            try:
                output, complaint = process.communicate(text.encode("utf-8", "surrogatepass"), timeout=self._timeout)
            except subprocess.TimeoutExpired as error:
                raise SignerError(f"{self._name} gave no signature within {self._timeout:g} s.") from error
        if process.returncode != 0:
            raise SignerError(f"{self._name} failed ({_ending(process.returncode)}): {_first_line(complaint, text)}")
        return output.decode("utf-8", "replace")


class _OwnSession(subprocess.Popen[bytes]):
    """A command that leads a session of its own; no process of it outlives a ``with`` that it did not finish.

    ``subprocess.run`` would end the command at a timeout, but not what the command started.
    """

    def __exit__(self, *details: Any) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            # What follows does not wait after an interrupt.
            self.wait()
        super().__exit__(*details)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _first_line(complaint: bytes, text: str) -> str:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return "it said nothing on its standard error."
    return Scrubber({text}).text("".join(c if c.isprintable() else " " for c in lines[0]))[:300]


def read_key_file(path: str) -> str:
    """Return the text of a key file. Raises IdentityError, also when others than its owner could read the file."""
    path = os.path.expanduser(path)
    try:
        # Not blocking: a named pipe that nobody writes to would hang here.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise IdentityError(f"The private key file {path} cannot be read: {error.strerror}.") from error
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise IdentityError(f"The private key file {path} is no regular file.")
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(state.st_mode)
        if mode & 0o077:
            raise IdentityError(
                f"The permissions {mode:04o} of the private key file {path} are too open: others than its owner can "
                f"get at it. Run: chmod 600 {shlex.quote(path)}"
            )
        data = file.read(_LONGEST_KEY_FILE + 1)
    if len(data) > _LONGEST_KEY_FILE:
        raise IdentityError(f"The private key file {path} is too big to hold just a key.")
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise IdentityError(f"The private key file {path} does not hold a key: it is not plain text.") from None
    if len(text.split()) > 1 and not text.startswith("$ANSIBLE_VAULT"):
        raise IdentityError(f"The private key file {path} holds more than a key: one line with the key is expected.")
    return text


def load_signer(
    flux_id: str | None = None,
    private_key: str | None = None,
    private_key_file: str | None = None,
    signer_command: str | Sequence[str] | None = None,
) -> Signer | None:
    """Return the signer that the options describe, or None when they name no key. Empty options count as not given.

    Raises IdentityError when more than one source of a key is given, or when the given one cannot be used.
    """
    given = [
        name
        for name, value in (
            ("private_key", private_key),
            ("private_key_file", private_key_file),
            ("signer_command", signer_command),
        )
        if value
    ]
    if len(given) > 1:
        raise IdentityError(f"{' and '.join(given)} exclude each other: give one way to sign.")
    if signer_command:
        return CommandSigner(signer_command, flux_id)
    if private_key:
        return KeySigner(PrivateKey.parse(private_key), flux_id or None)
    if private_key_file:
        try:
            key = PrivateKey.parse(read_key_file(private_key_file))
        except IdentityError as error:
            if private_key_file in str(error):
                raise
            raise IdentityError(f"In the private key file {private_key_file}: {error}") from error
        return KeySigner(key, flux_id or None)
    return None
