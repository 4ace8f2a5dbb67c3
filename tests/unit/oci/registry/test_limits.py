"""Patience with servers."""

from __future__ import annotations

import datetime
import email.utils

import pytest

from firkin.oci.registry.failure import clean, wait_of
from firkin.oci.registry.limits import Limits


def test_pauses_grow_to_the_longest_and_are_scattered() -> None:
    limits = Limits(delay=1, longest=5)
    for failures, most in ((1, 1), (2, 2), (3, 4), (4, 5), (60, 5)):
        pauses = [limits.pause(failures) for _ in range(50)]
        assert most / 2 <= min(pauses) < max(pauses) <= most


@pytest.mark.parametrize(
    ("field", "seconds"), [("", None), ("0", 0), ("120", 120), ("-1", None), ("9" * 20, None), ("٣", None)]
)
def test_retry_after_in_seconds(field: str, seconds: float | None) -> None:
    assert wait_of(field) == seconds


def test_retry_after_as_a_date() -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90)
    found = wait_of(email.utils.format_datetime(soon, usegmt=True))
    assert found is not None and 80 < found <= 90
    assert wait_of("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    # A date without a time zone can not be compared.
    assert wait_of("Sun, 06 Nov 1994 08:49:37 -0000") is None


def test_what_a_server_says_is_one_printable_line() -> None:
    assert clean("a\r\n b\x1b[2J\u202ec") == "a b?[2J?c"
    assert len(clean("x" * 10_000)) == 200
