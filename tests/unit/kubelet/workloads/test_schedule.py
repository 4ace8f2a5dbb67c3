"""Schedules mean what crontab(5) and Kubernetes say, in any time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from firkin.kubelet.workloads.schedule import parse_schedule

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "after", "following"),
    [
        ("* * * * *", "2026-01-02T03:04:05", "2026-01-02T03:05"),
        ("*/15 * * * *", "2026-01-02T03:45:00", "2026-01-02T04:00"),
        ("5/20 * * * *", "2026-01-02T03:26:00", "2026-01-02T03:45"),
        ("0 3 * * *", "2026-01-02T03:00:00", "2026-01-03T03:00"),
        ("30 4 1,15 * 5", "2026-01-02T05:00:00", "2026-01-09T04:30"),
        ("0 0 13 * 5", "2026-01-10T00:00:00", "2026-01-13T00:00"),
        ("0 0 * * 7", "2026-01-02T00:00:00", "2026-01-04T00:00"),
        ("0 0 * jan-mar mon-fri/2", "2026-01-02T00:00:00", "2026-01-05T00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00"),
        ("@hourly", "2026-01-02T03:59:59", "2026-01-02T04:00"),
        ("@weekly", "2026-01-02T03:59:59", "2026-01-04T00:00"),
        ("@yearly", "2026-01-02T03:59:59", "2027-01-01T00:00"),
        ("@every 1h30m", "2026-01-02T03:00:00", "2026-01-02T04:30"),
        ("59 23 31 12 ?", "2026-12-31T23:58:00", "2026-12-31T23:59"),
    ],
)
def test_what_comes_next(text: str, after: str, following: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert parse_schedule(text).next(moment, UTC) == datetime.fromisoformat(following).replace(tzinfo=UTC)


def test_the_31st_of_february_never_comes() -> None:
    assert parse_schedule("0 0 31 2 *").next(datetime(2026, 1, 1, tzinfo=UTC), UTC) is None


def test_time_is_that_of_the_zone() -> None:
    schedule = parse_schedule("30 2 * * *")

    def following(text: str) -> str | None:
        found = schedule.next(datetime.fromisoformat(text).replace(tzinfo=UTC), BERLIN)
        return found.strftime("%m-%dT%H:%M") if found else None

    assert following("2026-01-01T12:00") == "01-02T01:30"
    assert following("2026-07-01T12:00") == "07-02T00:30"
    # On the 29th of March clocks go from 2:00 to 3:00, on the 25th of October from 3:00 back to 2:00.
    assert following("2026-03-28T12:00") == "03-30T00:30"
    assert following("2026-10-24T12:00") == "10-25T00:30"
    assert following("2026-10-25T00:30") == "10-25T01:30"


def test_midnight_is_found_on_days_of_every_length() -> None:
    schedule = parse_schedule("@daily")
    moment: datetime | None = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for _ in range(365):
        assert moment is not None
        before, moment = moment, schedule.next(moment, BERLIN)
        assert moment is not None and moment.astimezone(BERLIN).hour == 0
        assert moment.astimezone(BERLIN).date() > before.astimezone(BERLIN).date()
    assert moment is not None and moment.astimezone(BERLIN).date().isoformat() == "2027-01-01"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("60 * * * *", r"end of range \(60\) above maximum \(59\)"),
        ("* * 0 * *", r"beginning of range \(0\) below minimum \(1\)"),
        ("5-1 * * * *", "beyond end of range"),
        ("*/0 * * * *", "step of range should be a positive number"),
        ("a * * * *", "failed to parse int from a"),
        ("* * * foo *", "failed to parse int from foo"),
        ("@never", "unrecognized descriptor: @never"),
        ("@every 1x", "failed to parse duration"),
        ("@every 0s", "failed to parse duration"),
    ],
)
def test_what_is_no_schedule_is_named(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_schedule(text)
