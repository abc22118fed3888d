"""Application and publication numbers, written as the office writes them. Its own arithmetic, shared with no reader."""

from __future__ import annotations

from datetime import date
from operator import mul

_NEW_FORM_SINCE = date(2003, 10, 1)
_NEW_KINDS_SINCE = date(2010, 4, 7)

# First number of each year, near the true ones; None before: seven digits instead of nine.
# fmt: off
_YEARS = range(2008, 2027)
_A = (101090, 101350, 101616, 101929, 102300, 102843, 103493, 104254, 105208, 106256, 107529, 109121, 110621, 112153,
      113873, 115553, 117322, 119213, 121200)
_U = (201000, 201174, 201378, 201690, 202088, 202635, 203369, 204069, 204930, 205830, 206829, 208300, 209862, 212278,
      215424, 218245, 220235, 222285, 223880)
_S = (300725, 300870, 301100, 301420, 301780, 302240, 302710, 303060, 303545, 304000, 304420, 304990, 305550, 306240,
      307040, 307780, 308420, 309030, 309700)
# fmt: on
_GROWTH_AFTER = {"A": 2000, "U": 1600, "S": 650}  # thousands a year once the table ends
_SEVEN_DIGITS = {
    "A": {2004: 1470_000, 2005: 1560_000, 2006: 1715_000, 2007: 1895_000},
    "U": {2006: 2749_000, 2007: 2860_000},
    "S": {2006: 3500_000, 2007: 3601_000},
}
# grants before April 2010 had numbers of their own
_EARLY_GRANTS = {2006: 100_234_000, 2007: 100_292_000, 2008: 100_358_000, 2009: 100_447_000, 2010: 100_576_000}
_EARLY_ROOM = 60_000


def _start(series: str, year: int) -> int:
    early = _SEVEN_DIGITS[series].get(year)
    if early is not None:
        return early
    table = {"A": _A, "U": _U, "S": _S}[series]
    if year <= _YEARS[-1]:
        return table[year - _YEARS[0]] * 1000
    return (table[-1] + _GROWTH_AFTER[series] * (year - _YEARS[-1])) * 1000


def _room(series: str, year: int) -> int:
    following = _start(series, year + 1)
    start = _start(series, year)
    if start < 10_000_000 <= following:  # the last year of seven digits
        return 88_000
    return following - start


def _spread(start: int, room: int, ordinal: int, total: int, roll: float) -> int:
    """Numbers that rise with the ordinal, with gaps, and never meet."""
    step = max(1, room // max(total, 1))
    if ordinal >= room:
        raise ValueError(f"scale too large: {total} documents for a range of {room} numbers")
    return start + ordinal * step + int(roll * step)


def published_number(series: str, year: int, ordinal: int, total: int, roll: float) -> int:
    """Number of a publication (series A), a utility model (U) or a design (S), without letters."""
    return _spread(_start(series, year), _room(series, year) * 9 // 10, ordinal, total, roll)


def national_number(series: str, year: int, ordinal: int) -> int:
    """A number of the year that the city never uses: the last tenth of the range is the rest of the country's."""
    return _start(series, year) + _room(series, year) * 9 // 10 + 1 + ordinal


def early_grant_number(year: int, ordinal: int, total: int, roll: float) -> int:
    """Number of an invention granted before April 2010; later grants keep the number of their publication."""
    return _spread(_EARLY_GRANTS[year], _EARLY_ROOM, ordinal, total, roll)


def kind_letter(family: str, day: date) -> str:
    """A for publications; B, U, S for grants, and C, Y, D before 7 April 2010."""
    new = day >= _NEW_KINDS_SINCE
    return {"published": "A", "granted": "B" if new else "C", "utility": "U" if new else "Y"}.get(
        family, "S" if new else "D"
    )


def has_own_grant_number(day: date) -> bool:
    return day < _NEW_KINDS_SINCE


_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


def _check(digits: str) -> str:
    # 2..9 over and over from the left; the rest of eleven, ten is X
    rest = sum(map(mul, map(int, digits), _WEIGHTS)) % 11
    return "X" if rest == 10 else str(rest)


class ApplicationNumber:
    """One application in both forms. `slot` (0-2) is the distance in years from filing to coming out."""

    __slots__ = ("is_entry", "original", "standard")

    def __init__(self, kind: int, filed: date, slot: int, ordinal: int, total: int, roll: float, entry: bool) -> None:
        """`kind` 1 invention, 2 utility model, 3 design; `entry`: an international application that came in."""
        self.is_entry = entry and filed >= _NEW_FORM_SINCE and kind < 3
        if filed < _NEW_FORM_SINCE:
            serial = _spread(slot * 33_000, 33_000, ordinal, total, roll)
            digits = f"{filed.year % 100:02d}{kind}{serial:05d}"
            self.original = f"{digits}.{_check(digits)}"
            self.standard = f"{kind}0{filed.year}{serial:09d}"
            return
        serial = _spread(slot * 3_300_000, 3_300_000, ordinal, total, roll)
        first = kind + 7 if self.is_entry else kind
        digits = f"{filed.year}{first}{serial:07d}"
        self.original = f"{digits}.{_check(digits)}"
        # nobody has seen the standard form of an entry: here it keeps the 8 or 9 in front of the serial
        self.standard = f"{kind}0{filed.year}{first if self.is_entry else 0:02d}{serial:07d}"


def foreign_application(kind: int, year: int, at: int) -> tuple[str, str]:
    """Both forms of an application that the city never has: the highest serials are the rest of the country's."""
    digits = f"{year}{kind}{9_950_000 + at % 50_000:07d}"
    return f"{kind}0{year}00{digits[5:]}", f"{digits}.{_check(digits)}"
