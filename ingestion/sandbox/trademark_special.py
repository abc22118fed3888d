"""The few trademarks that are more than ordinary: well-known ones, and collective and certification marks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE
from ingestion.sandbox.trademark_calendar import WELL_KNOWN, deliveries_of
from ingestion.sandbox.trademark_course import course
from ingestion.sandbox.trademark_targets import ANCHOR, KEPT, sections
from ingestion.sandbox.world import World

# Dongli's five: year of registration → year of recognition; none since 2016 anywhere, as the plan says
_WELL_KNOWN_DONGLI = {1999: 2006, 2001: 2007, 2002: 2009, 2004: 2011, 2005: 2013}
_WELL_KNOWN_OTHER = 2003  # registered
_TOLD_AGAIN = 3  # years after the recognition the first of them is delivered once more


@dataclass(frozen=True)
class WellKnown:
    district: int
    year: int
    ordinal: int
    recognised: date  # the delivery that tells it
    again: date | None = None


@lru_cache(maxsize=16)
def well_known(world: World) -> tuple[WellKnown, ...]:
    found = []
    wanted = [(DONGLI, year, recognised) for year, recognised in _WELL_KNOWN_DONGLI.items()]
    wanted += [(district, _WELL_KNOWN_OTHER, 2008 + district % 9) for district in range(1, ELSEWHERE)]
    for district, year, recognised in wanted:
        stays = [section for section in sections(district, year, world.scale) if section.fate in (ANCHOR, KEPT)]
        if not stays:
            continue
        again = deliveries_of(WELL_KNOWN, recognised + _TOLD_AGAIN)[0].day if year == 1999 else None
        found.append(WellKnown(district, year, stays[0].first, deliveries_of(WELL_KNOWN, recognised)[0].day, again))
    return tuple(found)


def well_known_on(world: World, district: int, day: date) -> int:
    return sum(found.district == district and found.recognised <= day for found in well_known(world))


@dataclass(frozen=True)
class Special:
    """A mark that is no ordinary one; `types` as the feed writes them, one tag or two."""

    types: tuple[str, ...]
    is_indication: bool
    product: str
    association: str


_PRODUCTS = ("例湖大米", "例坨葡萄", "例港青萝卜", "例台河蟹", "例庄大葱", "例洼冬枣", "例山板栗", "例口红小豆")
_SPECIAL_DONGLI = (
    (2008, ("集体商标", "地理标志"), True),
    (2012, ("地理标志证明商标",), True),
    (2016, ("集体商标",), False),
    (2019, ("证明商标", "地理标志"), True),
)
_SPECIAL_OTHER = {
    "武清区": (2009, ("地理标志证明商标",), True),
    "宝坻区": (2010, ("证明商标", "地理标志"), True),
    "静海区": (2013, ("地理标志集体商标",), True),
    "宁河区": (2015, ("地理标志证明商标",), True),
    "蓟州区": (2011, ("证明商标", "地理标志"), True),
    "滨海新区": (2014, ("证明商标",), False),
}


@lru_cache(maxsize=16)
def specials(world: World) -> dict[tuple[int, int, int], Special]:
    """(district, year, ordinal) → what it is. All stay in force and with their owners."""
    wanted = [(DONGLI, *row) for row in _SPECIAL_DONGLI]
    wanted += [
        (number, *_SPECIAL_OTHER[where.name]) for number, where in enumerate(DISTRICTS) if where.name in _SPECIAL_OTHER
    ]
    found = {}
    for at, (district, year, types, is_indication) in enumerate(wanted):
        stays = [
            section
            for section in sections(district, year, world.scale)
            if section.fate == KEPT and section.classes == 1
        ]
        if not stays:
            continue
        product = _PRODUCTS[(at + world.seed) % len(_PRODUCTS)] if is_indication else f"例{'东西南北'[at % 4]}商户"
        association = f"天津市{DISTRICTS[district].name}{product[:-2]}{'种植' if is_indication else '行业'}协会"
        found[district, year, stays[-1].end - 1] = Special(types, is_indication, product, association)
    return found


def indications_on(world: World, district: int, day: date) -> int:
    """Geographical indications registered as collective or certification marks."""
    return sum(
        special.is_indication and where == district and course(world, where, year, ordinal).begins <= day
        for (where, year, ordinal), special in specials(world).items()
    )
