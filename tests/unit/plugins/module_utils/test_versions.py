# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""versions: each property of its docstring."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.versions import (
    VersionError,
    at_least,
    newest,
    outdated,
    parse_version,
)

VERSION_TEXTS = st.builds("{}.{}.{}".format, *[st.integers(0, 999_999)] * 3)

NO_VERSIONS = [
    "",
    "8",
    "8.20",
    "8.20.0.1",
    "8.20.0-beta.1",
    "v8.20.0",
    "8.20.x",
    "8.-1.0",
    "8. 20.0",
    "\u0668.20.0",  # a digit, but not one that FluxOS writes
    "9" * 5000 + ".0.0",
    None,
    8.2,
    8,
    True,
    ["8.20.0"],
]


@pytest.mark.parametrize("text", NO_VERSIONS, ids=lambda text: repr(text)[:20])
def test_what_is_not_three_numbers_is_an_error_that_shows_it_and_an_example(text: object) -> None:
    with pytest.raises(VersionError) as caught:
        parse_version(text)
    message = str(caught.value)
    assert repr(text)[:20] in message
    assert "'8.20.0'" in message
    assert len(message) < 200


@pytest.mark.parametrize(
    ("version", "target", "expected"),
    [
        ("8.17.0", "8.20.0", True),
        ("8.9.0", "8.20.0", True),
        ("8.20.0", "8.20.1", True),
        ("8.20.0", "9.0.0", True),
        ("8.20.0", "8.20.0", False),
        (" 8.20.0\n", "8.20.0", False),
        ("8.20.1", "8.20.0", False),
        ("10.0.0", "9.9.9", False),
    ],
)
def test_numbers_compare_as_numbers(version: str, target: str, expected: bool) -> None:
    assert outdated(version, target) is expected
    assert at_least(version, target) is not expected


@pytest.mark.parametrize(("version", "target"), [("8.20.0-beta.1", "8.20.0"), ("8.20.0", "newest")])
def test_neither_side_is_compared_when_it_cannot_be_read(version: str, target: str) -> None:
    with pytest.raises(VersionError):
        outdated(version, target)
    with pytest.raises(VersionError):
        at_least(version, target)


@given(VERSION_TEXTS, VERSION_TEXTS)
def test_exactly_one_of_older_equal_and_newer_holds(one: str, other: str) -> None:
    same = parse_version(one) == parse_version(other)
    assert [outdated(one, other), same, outdated(other, one)].count(True) == 1


@given(VERSION_TEXTS)
def test_a_version_reads_back_as_it_was_written(text: str) -> None:
    assert str(parse_version(text)) == text


@given(st.lists(VERSION_TEXTS, min_size=1), st.lists(st.sampled_from(NO_VERSIONS)))
def test_the_newest_is_reported_and_nothing_reported_is_newer(versions: list[str], noise: list[object]) -> None:
    found = newest([*noise, *versions, *noise])
    assert found in versions
    assert not any(outdated(found, version) for version in versions)


def test_a_development_node_is_nobodys_target() -> None:
    assert newest(["8.20.0", "9.0.0-beta.1", "8.18.0"]) == "8.20.0"


@pytest.mark.parametrize("versions", [[], ["9.0.0-beta.1", None]])
def test_there_is_no_newest_of_nothing(versions: list[object]) -> None:
    with pytest.raises(VersionError, match="name the target version"):
        newest(versions)
