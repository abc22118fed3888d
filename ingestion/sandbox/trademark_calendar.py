"""The gazette's days, and the days on which each trademark package is delivered."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ingestion.sandbox.trademark_targets import FIRST_DELIVERED

MARKS, LICENCES, TRANSFERS, MADRID, WELL_KNOWN = "132", "133", "134", "136", "137"
PACKAGES = {
    MARKS: "商标基本信息",
    LICENCES: "商标许可信息",
    TRANSFERS: "商标转让信息",
    MADRID: "马德里商标进入中国",
    WELL_KNOWN: "驰名商标",
}
SLOTS = 48  # gazettes a year: on the 7th, 14th, 21st and 28th
SETTLING = 20  # days from the gazette to the delivery, at least
_QUARTERLY_UNTIL = 2015
_WEEKLY_SINCE = 2025
_THURSDAY = 3
_BEFORE_ALL = date(1990, 1, 1)
_GAZETTE_1336 = (2012, 42)  # the issue of 21 November 2012


def gazette_day(year: int, slot: int) -> date:
    return date(year, slot // 4 + 1, 7 * (slot % 4 + 1))


def gazette_number(year: int, slot: int) -> int:
    return max(1, 1336 + (year - _GAZETTE_1336[0]) * SLOTS + slot - _GAZETTE_1336[1])


def slots_between(year: int, after: date, until: date) -> range:
    """The year's gazettes that come out later than one day and not later than another."""
    days = _gazette_days(year)
    return range(bisect_left(days, after + timedelta(days=1)), bisect_left(days, until + timedelta(days=1)))


@lru_cache(maxsize=200)
def _gazette_days(year: int) -> tuple[date, ...]:
    return tuple(gazette_day(year, slot) for slot in range(SLOTS))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One dated folder of a package. `since` is the day of the one before, `number` counts from the first."""

    package: str
    day: date
    since: date
    number: int
    part: int  # within its year
    parts: int


def _months(package: str, year: int) -> tuple[int, ...]:
    if package == MARKS:
        return (1, 4, 7, 10) if year <= _QUARTERLY_UNTIL else tuple(range(1, 13))
    if package == TRANSFERS:
        return (11,) if year < 2014 else (5, 11) if year < 2020 else (2, 5, 8, 11)
    if package == LICENCES:
        return (12,)
    if package == MADRID:
        return (9,) if year < 2020 else (3, 9)
    return (7,)


@lru_cache(maxsize=400)
def delivery_days(package: str, year: int) -> tuple[date, ...]:
    """Working days, never the last of a year."""
    if year < FIRST_DELIVERED:
        return ()
    if package == MARKS and year >= _WEEKLY_SINCE:
        first = date(year, 1, 1)
        first += timedelta(days=(_THURSDAY - first.weekday()) % 7)
        days = (first + timedelta(weeks=week) for week in range(53))
        return tuple(day for day in days if day.year == year and (day.month, day.day) != (12, 31))
    found = []
    for month in _months(package, year):
        day = date(year, month, 16)
        found.append(day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0))
    return tuple(found)


@lru_cache(maxsize=400)
def deliveries_of(package: str, year: int) -> tuple[Delivery, ...]:
    """All deliveries of a package in a year, in order."""
    days = delivery_days(package, year)
    earlier = delivery_days(package, year - 1)
    before = sum(len(delivery_days(package, past)) for past in range(FIRST_DELIVERED, year))
    since = earlier[-1] if earlier else _BEFORE_ALL
    found = []
    for part, day in enumerate(days):
        found.append(Delivery(package, day, since, before + part, part, len(days)))
        since = day
    return tuple(found)


@lru_cache(maxsize=64)
def deliveries_until(package: str, last: date) -> tuple[Delivery, ...]:
    return tuple(
        delivery
        for year in range(FIRST_DELIVERED, last.year + 1)
        for delivery in deliveries_of(package, year)
        if delivery.day <= last
    )


def delivered(package: str, ready: date) -> date:
    """The first delivery of a package on or after a day."""
    year = max(ready.year, FIRST_DELIVERED)
    while True:
        for day in delivery_days(package, year):
            if day >= ready:
                return day
        year += 1
