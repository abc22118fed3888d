"""Application and publication numbers of CNIPA. Pure functions: no input raises, and nothing is ever guessed.

An application number comes in three shapes:

* standard  `102016000058726`: type (10, 20, 30), year, serial of nine digits; no check digit;
* display   `201610058726.X`: year, type's first digit, last seven digits of the serial, check digit;
* old       `98112345.6`: eight digits and a check digit, for filings before 1 October 2003.

The two modern shapes are converted into one another for plain numbers of types 1, 2 and 3 only.
"""

from __future__ import annotations

import re
from datetime import date
from operator import mul
from typing import Literal, NamedTuple

Status = Literal[
    "ok", "converted", "pct", "old_format", "destroyed", "check_failed", "disagree", "unreadable", "missing"
]

#: the day from which on application numbers have their modern shape
MODERN_FROM = date(2003, 10, 1)

_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_FOLD = str.maketrans({**{chr(0xFF10 + i): str(i) for i in range(10)}, "Ｘ": "X", "．": ".", "：": ":"})
_NOISE = re.compile(r"[\s\u00a0\u2002\u200b\ufeff]+")

_STANDARD = re.compile(r"([123])0(\d{4})(00)(\d{7})", re.ASCII)
_STANDARD_PCT = re.compile(r"[89]\d{14}", re.ASCII)
_DISPLAY = re.compile(r"(\d{4})(\d)(\d{7})\.?([\dX])", re.ASCII)
_OLD = re.compile(r"(\d{8})(?:\.?([\dX]))?", re.ASCII)
_DESTROYED = re.compile(r"[+-]?\d+(?:\.\d*)?E[+-]?\d+", re.ASCII)
_PUBLICATION = re.compile(r"(?:CN)?0*([1-9]\d{6,8})([ABCUYSD])\d?", re.ASCII)
_MISSING = frozenset({"", "-", "/", "0", "00000000", "0000000000"})

_PATENT_TYPES = {
    "A": "invention",
    "B": "invention",
    "C": "invention",
    "U": "utility_model",
    "Y": "utility_model",
    "S": "design",
    "D": "design",
}


class ApplicationNumber(NamedTuple):
    """What is known for certain of one application number.

    `standard` and `display` are None unless status is ok or converted; the exceptions are pct and old_format, which
    keep the shape they came in. `received` is the text as it came (both texts, when two disagree).
    """

    standard: str | None
    display: str | None
    received: str | None
    status: Status


class PublicationNumber(NamedTuple):
    """`number` in normal form (CN109996757A), its kind letter and the type of right that the letter stands for."""

    number: str
    kind: str
    patent_type: str


def check_digit(digits: str) -> str | None:
    """Check digit (0-9 or X) of the first eight or twelve digits of a number; None for anything else."""
    if len(digits) not in (8, 12) or not (digits.isascii() and digits.isdigit()):
        return None
    rest = sum(map(mul, map(int, digits), _WEIGHTS)) % 11
    return "X" if rest == 10 else str(rest)


def to_display(standard: str) -> str | None:
    """`102016000058726` → `201610058726.X`; None unless it is a plain modern number of type 1, 2 or 3."""
    found = _STANDARD.fullmatch(standard)
    if not found or not _is_modern_year(found[2]):
        return None
    body = found[2] + found[1] + found[4]
    return f"{body}.{check_digit(body)}"


def to_standard(display: str) -> str | None:
    """`201610058726.X` (dot optional) → `102016000058726`; None unless plain, modern and with a right check digit."""
    found = _DISPLAY.fullmatch(display)
    if not found or found[2] not in "123" or not _is_modern_year(found[1]):
        return None
    if check_digit(found[1] + found[2] + found[3]) != found[4]:
        return None
    return f"{found[2]}0{found[1]}00{found[3]}"


def parse_application(text: str | None, filing_date: date | None = None) -> ApplicationNumber:
    """Read one application number in any shape. Never raises.

    `filing_date` settles standard numbers of the year 2003 alone, when the numbering changed; without it they are
    kept as `old_format`.
    """
    if text is None:
        return ApplicationNumber(None, None, None, "missing")
    received = text.strip()
    number = _compact(received)
    if number in _MISSING:
        return ApplicationNumber(None, None, None, "missing")
    # the two common shapes first
    if found := _DISPLAY.fullmatch(number):
        return _from_display(found, received)
    if found := _STANDARD.fullmatch(number):
        if found[2] == "2003" and (filing_date is None or filing_date < MODERN_FROM):
            return ApplicationNumber(None, None, received, "old_format")
        if (display := to_display(number)) is not None:
            return ApplicationNumber(number, display, received, "converted")
        return ApplicationNumber(None, None, received, "old_format" if _is_old_year(found[2]) else "unreadable")
    if _DESTROYED.fullmatch(number):
        return ApplicationNumber(None, None, received, "destroyed")
    if _STANDARD_PCT.fullmatch(number):
        return ApplicationNumber(None, None, received, "pct")
    if found := _OLD.fullmatch(number):
        if found[2] is None:
            return ApplicationNumber(None, found[1], received, "old_format")
        if check_digit(found[1]) != found[2]:
            return ApplicationNumber(None, None, received, "check_failed")
        return ApplicationNumber(None, f"{found[1]}.{found[2]}", received, "old_format")
    return ApplicationNumber(None, None, received, "unreadable")


def parse_both(standard: str | None, original: str | None, filing_date: date | None = None) -> ApplicationNumber:
    """One number from the two forms of an XML document; where both speak and contradict each other: `disagree`."""
    if original is None or standard is None:
        return parse_application(original if standard is None else standard, filing_date)
    first = parse_application(original, filing_date)
    if first.standard == standard and first.status == "ok":
        return first  # nearly every document
    if first.status == "ok" and first.standard == _compact(standard):
        return first
    second = parse_application(standard, filing_date)
    if first.status == "missing":
        return second
    if second.status == "missing" or first.status in ("pct", "old_format"):
        return first
    if first.status == "ok" and second.status in ("ok", "converted") and first.standard == second.standard:
        return first
    if first.status == "converted" and second.status == "converted" and first.standard == second.standard:
        return first
    both = f"{first.received} ≠ {second.received}"
    if first.status in ("ok", "converted") and second.status in ("ok", "converted"):
        return ApplicationNumber(None, None, both, "disagree")
    worst: Status = first.status if first.status not in ("ok", "converted") else second.status
    return ApplicationNumber(None, None, both, worst if worst != "pct" else "disagree")


def parse_publication(text: str | None) -> PublicationNumber | None:
    """`CN109996757A`, `109996757 A`, `0000109996757A` → the normal form; None when it is no publication number."""
    if text is None:
        return None
    found = _PUBLICATION.fullmatch(_compact(text))
    if not found:
        return None
    return PublicationNumber(f"CN{found[1]}{found[2]}", found[2], _PATENT_TYPES[found[2]])


def _compact(text: str) -> str:
    """Upper case, half width, without blanks and without the prefixes CN and ZL."""
    number = text.upper()
    if not number.isascii() or not number.isprintable() or " " in number:
        number = _NOISE.sub("", number.translate(_FOLD))
    if number[:2] in ("CN", "ZL"):
        number = number[2:]
    return number


def _from_display(found: re.Match[str], received: str) -> ApplicationNumber:
    year, kind, serial, check = found.groups()
    body = year + kind + serial
    if check_digit(body) != check:
        return ApplicationNumber(None, None, received, "check_failed")
    if not _is_modern_year(year):
        return ApplicationNumber(None, None, received, "unreadable")
    if kind in "123":
        return ApplicationNumber(f"{kind}0{year}00{serial}", f"{body}.{check}", received, "ok")
    if kind in "89":
        return ApplicationNumber(None, f"{body}.{check}", received, "pct")
    return ApplicationNumber(None, None, received, "unreadable")


def _is_modern_year(year: str) -> bool:
    return "2003" <= year <= "2099"


def _is_old_year(year: str) -> bool:
    return "1985" <= year < "2003"
