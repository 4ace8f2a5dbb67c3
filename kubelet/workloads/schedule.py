"""Schedules of CronJobs: five fields as in crontab(5), or one of the names such as @hourly."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

__all__ = ["Schedule", "parse_schedule"]

_NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_UNITS = {"h": 3600, "m": 60, "s": 1}
# The 29th of February comes every eighth year at the latest.
_LONGEST = timedelta(days=366 * 9)


class Schedule(NamedTuple):
    """Minutes, hours, days of the month, months and days of the week (0 is Sunday); or every so many seconds.

    Where both kinds of days are restricted one of them is enough, as in crontab(5).
    """

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    any_weekday: bool = True
    every: int = 0

    def next(self, after: datetime, zone: tzinfo) -> datetime | None:
        """The first time later than `after`, in the time of `zone`; None if there is none.

        A time that the clocks leave out in spring does not come on that day; one that they repeat in autumn comes
        once for each time that the clock shows it.
        """
        if self.every:
            return after.replace(microsecond=0) + timedelta(seconds=self.every)
        utc = after.tzinfo
        # In steps of real time, so that it goes on where clocks are set back.
        moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _LONGEST
        while moment < end:
            local = moment.astimezone(zone)
            if local.month not in self.months or not self._is_day(local):
                moment += _until_midnight(local)
            elif local.hour not in self.hours:
                moment += timedelta(minutes=60 - local.minute)
            elif local.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.astimezone(utc)
        return None

    def _is_day(self, local: datetime) -> bool:
        by_month = local.day in self.days
        by_week = local.isoweekday() % 7 in self.weekdays
        return by_month and by_week if self.any_day or self.any_weekday else by_month or by_week


def parse_schedule(text: str) -> Schedule:
    """The schedule that a text is. Raises ValueError with what is wrong."""
    text = text.strip()
    if text.startswith("@every "):
        return Schedule(every=_duration(text.removeprefix("@every ").strip()))
    if text.startswith("@") and text not in _NAMES:
        raise ValueError(f"unrecognized descriptor: {text}")
    fields = _NAMES.get(text, text).split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: {fields}")
    minutes, hours, days, months, weekdays = fields
    return Schedule(
        _field(minutes, 0, 59),
        _field(hours, 0, 23),
        _field(days, 1, 31),
        _field(months, 1, 12, _MONTHS),
        frozenset(day % 7 for day in _field(weekdays, 0, 7, _DAYS)),
        any_day=days[:1] in "*?",
        any_weekday=weekdays[:1] in "*?",
    )


def _until_midnight(local: datetime) -> timedelta:
    # Days have 23 hours and 25: towards the end it goes by hours, lest the beginning of the next is missed.
    minutes = (23 - local.hour) * 60 + 60 - local.minute
    return timedelta(minutes=minutes - 60 if minutes > 120 else 60 - local.minute)


def _field(text: str, least: int, most: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _range(part, least, most, names))


def _range(part: str, least: int, most: int, names: tuple[str, ...]) -> range:
    base, slash, step = part.partition("/")
    first, dash, last = base.partition("-")
    if base in ("*", "?"):
        start, end = least, most
    else:
        start = _number(first, least, names)
        end = _number(last, least, names) if dash else most if slash else start
    width = _number(step, 0, ()) if slash else 1
    if width == 0:
        raise ValueError(f"step of range should be a positive number: {part}")
    if start < least:
        raise ValueError(f"beginning of range ({start}) below minimum ({least}): {part}")
    if end > most:
        raise ValueError(f"end of range ({end}) above maximum ({most}): {part}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {part}")
    return range(start, end + 1, width)


def _number(text: str, least: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + least
    if not (text.isascii() and text.isdecimal() and len(text) < 5):
        raise ValueError(f"failed to parse int from {text}")
    return int(text)


def _duration(text: str) -> int:
    seconds, number = 0.0, ""
    for letter in text:
        if letter.isdigit() or letter == ".":
            number += letter
        elif letter in _UNITS and number.strip(".") and number.count(".") < 2:
            seconds += float(number) * _UNITS[letter]
            number = ""
        else:
            raise ValueError(f"failed to parse duration {text}, such as 1h30m")
    if number or not 1 <= seconds < 1e9:
        raise ValueError(f"failed to parse duration {text}, such as 1h30m")
    return int(seconds)
