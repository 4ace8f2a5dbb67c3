"""Logs as clients read them: parts of them, and while they grow and are rotated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firkin.errors import KernelError, UsageError
from firkin.kubelet.logs.line import nanoseconds, parse_line
from firkin.kubelet.logs.options import LogOptions, log_options
from firkin.kubelet.logs.reader import read_log

SECONDS = 60
LINES = [
    b"2026-01-02T03:04:05.000000001Z stdout F one",
    b"2026-01-02T03:04:06.5Z stderr F two",
    b"2026-01-02T03:04:07Z stdout P thr",
    b"2026-01-02T04:04:08+01:00 stdout F ee",
    b"2026-01-02T03:04:09.123456789Z stdout F ",
]
TEXT = b"".join(line + b"\n" for line in LINES)


def read(path: Path, options: LogOptions) -> bytes:
    async def all_of_it() -> bytes:
        return b"".join([piece async for piece in read_log(str(path), options)])

    return asyncio.run(all_of_it())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (LogOptions(), b"one\ntwo\nthree\n\n"),
        (LogOptions(tail=0), b""),
        (LogOptions(tail=1), b"\n"),
        (LogOptions(tail=2), b"ee\n\n"),
        (LogOptions(tail=5), b"one\ntwo\nthree\n\n"),
        (LogOptions(tail=99), b"one\ntwo\nthree\n\n"),
        (LogOptions(limit=5), b"one\nt"),
        (LogOptions(limit=500), b"one\ntwo\nthree\n\n"),
        (LogOptions(stream=b"stderr"), b"two\n"),
        (LogOptions(since=nanoseconds("2026-01-02T03:04:06.5Z")), b"two\nthree\n\n"),
        (LogOptions(since=nanoseconds("2026-01-02T03:04:06.500000001Z")), b"three\n\n"),
        (LogOptions(tail=3, since=nanoseconds("2026-01-02T03:04:08Z")), b"ee\n\n"),
        (LogOptions(timestamps=True, tail=3),
         b"2026-01-02T03:04:07.000000000Z three\n2026-01-02T03:04:09.123456789Z \n"),
        (LogOptions(timestamps=True, tail=2),
         b"2026-01-02T04:04:08.000000000+01:00 ee\n2026-01-02T03:04:09.123456789Z \n"),
    ],
)  # fmt: skip
def test_parts(log: Path, options: LogOptions, text: bytes) -> None:
    assert read(log, options) == text


def test_what_is_no_line_of_a_log_is_left_out(log: Path) -> None:
    log.write_bytes(b"rubbish\n" + TEXT + b"2026-01-02T03:04:06.5Z stdin F no\n\n2026-01-02T03:04:06.5Z stdout F cut o")
    assert read(log, LogOptions()) == b"one\ntwo\nthree\n\n"


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"".join(b"2026-01-02T03:04:05Z stdout F line %d\n" % n for n in range(20000)))
    assert read(path, LogOptions(tail=3)) == b"line 19997\nline 19998\nline 19999\n"
    assert read(path, LogOptions(tail=15000)).startswith(b"line 5000\n")
    assert read(path, LogOptions()).count(b"\n") == 20000


def test_no_log(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"open log .*/9.log: No such file"):
        read(tmp_path / "9.log", LogOptions())


def line(text: bytes) -> bytes:
    return b"2026-01-02T03:04:05Z stdout F " + text + b"\n"


async def until(pieces: AsyncIterator[bytes], text: bytes) -> bytes:
    """What comes until it has `text` in it."""
    found = b""
    async with asyncio.timeout(SECONDS):
        while text not in found:
            found += await anext(pieces)
    return found


def test_following_sees_what_is_written_renamed_and_written_anew(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "0.log"
        path.write_bytes(line(b"one"))
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pieces = aiter(read_log(str(path), LogOptions(), lambda: end))
        assert await until(pieces, b"one") == b"one\n"
        with path.open("ab") as old:
            old.write(line(b"two"))
            old.flush()
            assert await until(pieces, b"two") == b"two\n"
            path.rename(tmp_path / "0.log.1")
            old.write(line(b"three"))
            old.flush()
            assert await until(pieces, b"three") == b"three\n"
        path.write_bytes(line(b"four"))
        assert await until(pieces, b"four") == b"four\n"
        with path.open("ab") as new:
            new.write(line(b"five"))
        end.set_result(None)
        async with asyncio.timeout(SECONDS):
            assert b"".join([piece async for piece in pieces]) == b"five\n"

    asyncio.run(test())


def test_following_ends_with_the_limit_and_with_the_reader(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "0.log"
        path.write_bytes(line(b"one") + line(b"two"))
        never = asyncio.Event()
        async with asyncio.timeout(SECONDS):
            assert [piece async for piece in read_log(str(path), LogOptions(limit=5), never.wait)] == [b"one\nt"]
            pieces = read_log(str(path), LogOptions(), never.wait)
            await anext(pieces)
            await pieces.aclose()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(test())


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, LogOptions()),
        ({"follow": "true", "previous": "1", "timestamps": "True"},
         LogOptions(follow=True, previous=True, timestamps=True)),
        ({"tailLines": "0", "limitBytes": "7"}, LogOptions(tail=0, limit=7)),
        ({"sinceSeconds": "60"}, LogOptions(since=940_000_000_000)),
        ({"sinceTime": "1970-01-01T00:00:01.5Z"}, LogOptions(since=1_500_000_000)),
        ({"stream": "Stderr"}, LogOptions(stream=b"stderr")),
    ],
)  # fmt: skip
def test_options(query: dict[str, str], options: LogOptions) -> None:
    assert log_options(query, 1000) == options


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"sinceSeconds": "1", "sinceTime": "1970-01-01T00:00:01Z"}, "at most one of"),
        ({"sinceTime": "yesterday"}, 'parsing time "yesterday"'),
        ({"sinceTime": "1970-01-01T00:00:01"}, "no time"),
        ({"tailLines": "-1"}, "greater than or equal to 0"),
        ({"tailLines": "x"}, "no whole number"),
        ({"limitBytes": "0"}, "greater than or equal to 1"),
        ({"follow": "maybe"}, "neither true nor false"),
        ({"stream": "Both"}, "Unsupported value"),
        ({"stream": "Stdout", "tailLines": "1"}, "mutually exclusive"),
    ],
)
def test_options_that_are_none(query: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        log_options(query, 1000)


@pytest.mark.parametrize(
    ("text", "time"),
    [("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:00.000000001z", 1), ("1970-01-01T01:00:00.1+01:00", 100_000_000)],
)
def test_times(text: str, time: int) -> None:
    assert nanoseconds(text) == time


@pytest.mark.parametrize("text", ["", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z", "x",
                                  "1970-01-01T00:00:00.1234567890Z", "1970-13-01T00:00:00Z"])  # fmt: skip
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        nanoseconds(text)


def test_the_first_of_several_tags_counts() -> None:
    found = parse_line(b"2026-01-02T03:04:07Z stdout P:X thr\n")
    assert found is not None
    assert found.content == b"thr"
