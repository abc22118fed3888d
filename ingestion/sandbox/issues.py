"""The days on which something comes out, and which documents come out on them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ingestion.sandbox.targets import DESIGN, DISTRICTS, FIRST_YEAR, GRANTED, PUBLISHED, documents

_TUESDAY, _WEDNESDAY, _FRIDAY = 1, 2, 4
_LAST_WEDNESDAY = date(2017, 5, 31)
_SPARSE_BEFORE = 2012  # one issue a quarter: a handful of documents a month would only make files
_WEEKLY_SINCE = 2025


def _in_week_of(day: date, weekday: int) -> date:
    return day + timedelta(days=weekday - day.weekday())


def issue_weekday(monday: date, turn: int) -> int:
    """Wednesdays until May 2017, then Tuesdays and Fridays in turn."""
    if _in_week_of(monday, _WEDNESDAY) <= _LAST_WEDNESDAY:
        return _WEDNESDAY
    return (_TUESDAY, _FRIDAY)[turn % 2]


@lru_cache(maxsize=400)
def issue_days(family: str, year: int) -> tuple[date, ...]:
    """All issue days of a family in a year, in order."""
    if year >= _WEEKLY_SINCE:
        monday = _in_week_of(date(year, 1, 4), 0)
        days: list[date] = []
        while True:
            week = monday.isocalendar().week
            # all families share the days; designs skip every second week
            day = _in_week_of(monday, issue_weekday(monday, week))
            if day.year > year or (day.year == year and day.month == 12 and day.day > 30):
                return tuple(days)
            if day.year == year and (family != DESIGN or week % 4 in (0, 1)):
                days.append(day)
            monday += timedelta(days=7)
    months: tuple[int, ...]
    if year < _SPARSE_BEFORE:
        months = (6, 12) if family == DESIGN else (3, 6, 9, 12)
    else:
        months = (3, 6, 9, 12) if family == DESIGN else tuple(range(1, 13))
    mondays = [_in_week_of(date(year, month, 11), 0) for month in months]
    return tuple(_in_week_of(monday, issue_weekday(monday, monday.month)) for monday in mondays)


@dataclass(frozen=True)
class Issue:
    """One family on one day. `number` counts from the family's first issue, `part` within its year."""

    family: str
    day: date
    part: int
    number: int

    def first(self, district: int, scale: float) -> int:
        """Ordinal, within district and year, of the first document of this issue."""
        return _upto(documents(self.family, district, self.day.year, scale), self)

    def count(self, district: int, scale: float) -> int:
        total = documents(self.family, district, self.day.year, scale)
        return _upto(total, self, 1) - _upto(total, self)

    def total(self, scale: float) -> int:
        return _issue_total(self, scale)


@lru_cache(maxsize=10_000)
def _issue_total(issue: Issue, scale: float) -> int:
    return sum(issue.count(district, scale) for district in range(len(DISTRICTS)))


def _upto(total: int, issue: Issue, more: int = 0) -> int:
    parts = len(issue_days(issue.family, issue.day.year))
    return total * (issue.part + more) // parts


@lru_cache(maxsize=400)
def issues_of(family: str, year: int) -> tuple[Issue, ...]:
    """The issues of a year; years before the feed began exist too (as the past of its first grants)."""
    before = sum(len(issue_days(family, past)) for past in range(2000, year))
    return tuple(Issue(family, day, part, before + part) for part, day in enumerate(issue_days(family, year)))


@lru_cache(maxsize=64)
def issues_until(family: str, last: date) -> tuple[Issue, ...]:
    """All issues of the feed up to and including a day."""
    return tuple(
        issue for year in range(FIRST_YEAR, last.year + 1) for issue in issues_of(family, year) if issue.day <= last
    )


@lru_cache(maxsize=4000)
def _starts(family: str, district: int, year: int, scale: float) -> tuple[int, ...]:
    return tuple(issue.first(district, scale) for issue in issues_of(family, year))


def issue_of(family: str, district: int, year: int, ordinal: int, scale: float) -> Issue:
    """The issue in which the district's n-th document of that year comes out."""
    return issues_of(family, year)[bisect_right(_starts(family, district, year, scale), ordinal) - 1]


@lru_cache(maxsize=20_000)
def _city_before(family: str, year: int, part: int, district: int, scale: float) -> int:
    issue = issues_of(family, year)[part]
    return sum(issue.first(other, scale) for other in range(len(DISTRICTS))) + sum(
        issue.count(other, scale) for other in range(district)
    )


def city_ordinal(family: str, district: int, year: int, ordinal: int, scale: float) -> int:
    """Position among all documents of the family in that year, in the order in which they come out."""
    issue = issue_of(family, district, year, ordinal, scale)
    return _city_before(family, year, issue.part, district, scale) + ordinal - issue.first(district, scale)


@lru_cache(maxsize=1000)
def city_total(family: str, year: int, scale: float) -> int:
    return sum(documents(family, district, year, scale) for district in range(len(DISTRICTS)))


@lru_cache(maxsize=400_000)
def publication_of_grant(district: int, year: int, ordinal: int, scale: float) -> int:
    """Which publication of two years before became the n-th grant: never the same one twice."""
    grants = documents(GRANTED, district, year, scale)
    return ordinal * documents(PUBLISHED, district, year - 2, scale) // grants
