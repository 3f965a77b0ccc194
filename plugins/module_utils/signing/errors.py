# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with an identity. No text here ever holds a key, a phrase or a signature."""

from __future__ import annotations


class IdentityError(Exception):
    """A key, a Flux ID, a key source or a signer that cannot be used; the text says which and what to do."""

    kind = "identity"


class LibraryMissingError(IdentityError):
    """A Python library that signing needs is not installed where the module runs."""

    kind = "library_missing"


class SignerError(IdentityError):
    """The signer command did not give a usable signature."""

    kind = "signer_failed"
