"""How many trademarks each district registers in each year and what becomes of them: where the register is fitted.

A registration is one number; it holds one right a Nice class, and rights are what is counted. Numbers, days, owners and
words come from the seed, but what becomes of a registration (kept, let go after ten years, cancelled, moved) follows
from its ordinal alone, and everything that happens is tied to a calendar year. So the stock at each year-end is the
same under every seed: 7,653 rights of Dongli in force at the end of 2015, 15,259 at the end of 2020, and some 18,400 at
the end of 2025, where the plan wants 20,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from ingestion.sandbox.targets import DISTRICTS, DONGLI

FIRST_REGISTERED = 1998
FIRST_DELIVERED = 2006
_EVENTS_SINCE = 2007  # what happened before the feed began is in its first delivery already
_SEVERAL_CLASSES_SINCE = 2015
_OTHERS = 0.35  # of what their weight would give: the feed is about Dongli
_LAST = 2026
_YEARLY_GROWTH_AFTER = 1.02

# fmt: off
_DONGLI = (
    60, 70, 90, 120, 150, 190, 220, 260,  # 1998-2005
    300, 340, 420, 520, 690, 760, 810, 880, 1040, 1278,  # 2006-2015
    1500, 1640, 1810, 1910, 1767,  # 2016-2020
    1340, 1150, 950, 860, 828, 840,  # 2021-2026
)
# fmt: on

KEPT, ANCHOR, ENDLESS, LET_GO = "kept", "anchor", "endless", "let go"
CANCELLED, PARTLY = "cancelled", "partly cancelled"
OUT, INTO, WITHIN, RETURNED = "out", "into", "within", "returned"
MOVING = (OUT, INTO, WITHIN, RETURNED)
RETURN_AFTER = 2  # years

# (what becomes of it, after how many years, share of the registrations with one class)
_SINGLE = (
    (ENDLESS, 0, 0.004),
    *((CANCELLED, after, 0.0105) for after in range(2, 9)),
    (LET_GO, 10, 0.36),
    (LET_GO, 20, 0.14),
    (LET_GO, 30, 0.08),
)
_SINGLE_DONGLI = (
    *((OUT, after, 0.004) for after in range(2, 8)),
    *((RETURNED, after, 0.001) for after in range(2, 5)),
    *((WITHIN, after, 0.0015) for after in range(2, 8)),
)
_SINGLE_OTHER = (
    *((INTO, after, 0.005) for after in range(2, 8)),
    *((WITHIN, after, 0.002) for after in range(2, 8)),
)
_SEVERAL = (
    *((PARTLY, after, 0.03) for after in range(3, 7)),
    (LET_GO, 10, 0.36),
    (LET_GO, 20, 0.14),
)
_SEVERAL_DONGLI = ((OUT, 3, 0.02), (WITHIN, 4, 0.02))
_SEVERAL_OTHER = ((INTO, 3, 0.03),)
_PAIRS, _TRIPLES = 0.08, 0.06  # of the rights
_ANCHORS = 0.20  # of the rights


def rights(district: int, year: int, scale: float) -> int:
    """Rights that a district registers in a year."""
    if year < FIRST_REGISTERED:
        return 0
    where = DISTRICTS[district]
    count: float = _DONGLI[min(year, _LAST) - FIRST_REGISTERED]
    count *= _YEARLY_GROWTH_AFTER ** max(0, year - _LAST)
    if district != DONGLI:
        drift = (1 + where.yearly_lean) ** (min(max(year, 2006), _LAST) - 2016)
        count *= where.weight * _OTHERS * drift
    return int(count * scale + 0.5)


@dataclass(frozen=True, slots=True)
class Section:
    """Neighbouring ordinals `first` up to `end` of one year's registrations, with the same number of classes and fate.

    `after` is the number of years from the registration to what befalls them.
    """

    first: int
    end: int
    classes: int
    fate: str
    after: int

    @property
    def count(self) -> int:
        return self.end - self.first


def anchors(district: int, year: int, scale: float) -> int:
    """Registrations that bring a new enterprise into the register, with its address."""
    return int(rights(district, year, scale) * _ANCHORS + 0.5)


@lru_cache(maxsize=4000)
def enterprises(district: int, year: int, scale: float) -> int:
    """Enterprises of a district that came into the register up to and including a year."""
    return sum(anchors(district, past, scale) for past in range(FIRST_REGISTERED, year + 1))


@lru_cache(maxsize=4000)
def sections(district: int, year: int, scale: float) -> tuple[Section, ...]:
    """One year's registrations of a district, by their ordinals."""
    total = rights(district, year, scale)
    pairs = int(total * _PAIRS) // 2 if year >= _SEVERAL_CLASSES_SINCE else 0
    triples = int(total * _TRIPLES) // 3 if year >= _SEVERAL_CLASSES_SINCE else 0
    single = total - 2 * pairs - 3 * triples
    at_home = district == DONGLI
    several = (*_SEVERAL, *(_SEVERAL_DONGLI if at_home else _SEVERAL_OTHER))
    found: list[Section] = []
    at = anchors(district, year, scale)
    if at:
        found.append(Section(0, at, 1, ANCHOR, 0))
    for classes, count, fates in (
        (1, single - at, (*_SINGLE, *(_SINGLE_DONGLI if at_home else _SINGLE_OTHER))),
        (2, pairs, several),
        (3, triples, several),
    ):
        cuts, share = [0], 0.0
        kept = [fate for fate in fates if fate[0] in (ENDLESS, LET_GO) or year + fate[1] >= _EVENTS_SINCE]
        for _, _, part in kept:
            share += part
            cuts.append(int(count * share))
        for (fate, after, _), (start, end) in zip(kept, pairwise(cuts), strict=True):
            if end > start:
                found.append(Section(at + start, at + end, classes, fate, after))
        if count > cuts[-1]:
            found.append(Section(at + cuts[-1], at + count, classes, KEPT, 0))
        at += count
    return tuple(found)


def registrations(district: int, year: int, scale: float) -> int:
    """Registration numbers that a district gets in a year."""
    found = sections(district, year, scale)
    return found[-1].end if found else 0


@lru_cache(maxsize=4000)
def registrations_before(district: int, year: int, scale: float) -> int:
    """Registration numbers of that year that belong to the districts before this one."""
    return sum(registrations(other, year, scale) for other in range(district))


def planned_stock(year: int, scale: float = 1.0) -> int:
    """Dongli's rights in force at a year-end by arithmetic alone; the census counts dates instead."""
    stock = 0
    for district in range(len(DISTRICTS)):
        for born in range(FIRST_REGISTERED, year + 1):
            for section in sections(district, born, scale):
                at = born + section.after
                held = district == DONGLI
                lost = 0
                if section.fate == LET_GO and at <= year:
                    continue
                if section.fate in (CANCELLED, PARTLY) and at <= year:
                    lost = 1
                elif section.fate == INTO and at <= year:
                    held = True
                elif section.fate == OUT and at <= year:
                    held = False
                elif section.fate == RETURNED:
                    held = not at <= year < at + RETURN_AFTER
                stock += section.count * (section.classes - lost) if held else 0
    return stock
