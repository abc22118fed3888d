"""How many documents each district gets in each year: the one place to fit the synthetic city to published figures.

Dongli's rows are written out. They are set so that, with every lapse, expiry, abandonment, invalidation, restoration
and transfer of `lives`, the district holds exactly 5,763 patents in force at the end of 2015, 12,634 at the end of 2020
with 2,125 inventions among them, about 2,450 inventions at the end of 2024 and 2,560 a year later, at scale 1 and for
every seed; `python -m ingestion.sandbox census` counts it. The other districts are Dongli's rows times a weight,
leaning their own way over the years. A change of a row, of a fate's share or of an issue day moves the figures: fit
them again, year by year (one more utility model or grant in a year is one more in force at its end).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

PUBLISHED, GRANTED, UTILITY, DESIGN = "published", "granted", "utility", "design"
FAMILIES = (PUBLISHED, GRANTED, UTILITY, DESIGN)
FIRST_YEAR = 2006
PUBLISHED_BEFORE_GRANTED = 2  # years: an invention granted in 2016 was published in 2014

_YEARS = range(2004, 2027)
_LAST = 2026
_YEARLY_GROWTH_AFTER = 1.03  # beyond the table the last year goes on growing

# fmt: off
#                2004 2005 2006 2007 2008 2009 2010 2011 2012 2013 2014 2015
#                2016 2017 2018 2019 2020 2021 2022 2023 2024 2025 2026
_DONGLI: dict[str, tuple[int, ...]] = {
    PUBLISHED: (  30,  36,  48,  68,  92, 124, 158, 178, 204, 262, 352, 452,
                 486, 430, 372, 318, 304, 316, 322, 338, 352, 370, 384),
    GRANTED:   (   0,   0,  18,  24,  32,  44,  58,  77,  97, 120, 128, 181,
                 233, 315, 346, 310, 235, 101,  99, 113, 131, 162, 170),
    UTILITY:   (   0,   0,  97, 130, 184, 259, 340, 486, 641, 811, 969, 1307,
                1338, 1410, 1529, 1576, 1757, 1634, 1560, 1617, 1721, 1685, 1702),
    DESIGN:    (   0,   0,  26,  31,  35,  40,  45,  52,  61,  73,  85, 101,
                 123, 139, 156, 172, 189, 198, 189, 179, 175, 177, 182),
}
# fmt: on


@dataclass(frozen=True)
class District:
    """A district of the city; `code` '' gathers what comes from elsewhere and is none of the city's."""

    code: str
    name: str
    weight: float
    yearly_lean: float = 0.0  # growth beside Dongli's own, a year, around 2016
    invention_lean: float = 1.0  # more or fewer inventions than Dongli has per utility model
    design_lean: float = 1.0


DISTRICTS: tuple[District, ...] = (
    District("120110", "东丽区", 1.0),
    District("120101", "和平区", 0.034, -0.010, 1.2, 0.7),
    District("120102", "河东区", 0.034, -0.015, 1.0, 0.8),
    District("120103", "河西区", 0.052, 0.005, 1.4, 0.6),
    District("120104", "南开区", 0.130, -0.005, 2.3, 0.4),
    District("120105", "河北区", 0.029, -0.010, 0.9, 1.0),
    District("120106", "红桥区", 0.031, 0.000, 1.7, 0.7),
    District("120111", "西青区", 0.135, 0.010, 1.3, 0.8),
    District("120112", "津南区", 0.100, 0.025, 1.4, 0.8),
    District("120113", "北辰区", 0.110, 0.005, 0.9, 1.0),
    District("120114", "武清区", 0.110, 0.015, 0.6, 1.7),
    District("120115", "宝坻区", 0.055, 0.020, 0.5, 1.2),
    District("120116", "滨海新区", 0.205, 0.012, 1.5, 0.9),
    District("120117", "宁河区", 0.026, 0.015, 0.4, 1.3),
    District("120118", "静海区", 0.053, 0.018, 0.4, 2.1),
    District("120119", "蓟州区", 0.022, 0.010, 0.4, 1.1),
    District("", "外省市", 0.038, 0.000, 1.6, 0.9),
)
DONGLI = 0
ELSEWHERE = len(DISTRICTS) - 1


def _dongli(family: str, year: int) -> float:
    row = _DONGLI[family]
    if year < _YEARS[0]:
        return 0.0
    if year <= _LAST:
        return float(row[year - _YEARS[0]])
    return row[-1] * _YEARLY_GROWTH_AFTER ** (year - _LAST)


def _half_up(value: float) -> int:
    return int(value + 0.5)


@lru_cache(maxsize=100_000)
def documents(family: str, district: int, year: int, scale: float) -> int:
    """Documents of one family that one district gets in one year, at that scale."""
    where = DISTRICTS[district]
    lean = {PUBLISHED: where.invention_lean, GRANTED: where.invention_lean, DESIGN: where.design_lean}.get(family, 1.0)
    # the lean stops at the edges of the table, so that a clock far ahead stays plausible
    drift = (1 + where.yearly_lean) ** (min(max(year, _YEARS[0]), _LAST) - 2016)
    count = _half_up(_dongli(family, year) * where.weight * lean * drift * scale)
    if family == GRANTED:
        # every grant needs a publication of its own two years before
        return min(count, documents(PUBLISHED, district, year - PUBLISHED_BEFORE_GRANTED, scale))
    return count
