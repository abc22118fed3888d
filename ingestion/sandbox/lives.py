"""What happens to a granted patent: when it ends and why, whether it crosses the district's border, and every deal.

A life has two layers. The **fate** (how the right ends, a lapse that was undone, a transfer over the district's border,
an address that contradicts itself) and the month of filing follow from the patent's place in its year alone, not from
the seed: the places are dealt out evenly (`_turn`), so every year-end figure of the district is the same for every
seed, and exact. The seed decides to whom it happens, the days within month or year, and the **deals**, which move no
patent over the border and end none.

What counts as in force, on the basis `latest`, all known by a day: granted on or before the day; before its term's
anniversary; no lapse, abandonment or full invalidation in effect by then that is not undone by a restoration, and the
restoration wipes the lapse out from its beginning. Whatever takes effect by 31 December of a year is announced by the
end of the second year after it, so from then on that year-end never moves: nothing announced after 2022 touches 2020.
A patent belongs to the district of its first owner's place; one whose address contradicts its county belongs nowhere.
The zones that another district administers count where the address says; of one of them, 开发区西区, no address can
tell, so no patent from there is in force at the end of 2015 or 2020: both figures hold whichever way it is counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from math import ceil, gcd
from typing import Generic, NamedTuple, Protocol, TypeVar

from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.issues import issue_days, issue_of, publication_of_grant
from ingestion.sandbox.targets import (
    DESIGN,
    DISTRICTS,
    DONGLI,
    FIRST_YEAR,
    GRANTED,
    PUBLISHED,
    UTILITY,
    documents,
)

RIGHTS = (GRANTED, UTILITY, DESIGN)  # the families that are rights

# codes of events, as the office names them
LAPSE, EXPIRY, ABANDONMENT, INVALIDATION, RESTORATION = "CF01", "CX01", "AV01", "IW01", "RR01"
TRANSFER, ASSIGNMENT, PARTIAL = "TR01", "TA01", "IP01"
LICENCE, LICENCE_CHANGE, LICENCE_END = "EE01", "EM01", "EC01"
OPEN_LICENCE, OPEN_LICENCE_END = "OL01", "OL02"
PLEDGE, PLEDGE_CHANGE, PLEDGE_END = "PE01", "PM01", "PC01"
PRESERVATION, PRESERVATION_END = "PP01", "PD01"
NAME, ADDRESS, NAME_AND_ADDRESS = "CP01", "CP02", "CP03"
RECORD_CHANGE, SERVICE, DESIGN_CORRECTION, GRANT = "CB03", "DD01", "CD02", "GR01"
EXAMINATION, PUBLICATION, UNKNOWN = "SE01", "PB01", "??"

# days from filing to coming out: shortest and span
_PENDENCY = {PUBLISHED: (100, 440), UTILITY: (150, 250), DESIGN: (90, 180)}
_TERM = {GRANTED: 20, UTILITY: 10, DESIGN: 10}
_LONGER_DESIGNS = (date(2021, 6, 1), 15)
_OPEN_LICENCES_SINCE = date(2021, 6, 1)
_CONTRADICTED, _DOUBTFUL = 0.003, 0.015
_DOUBTLESS_ENDS = (2015, 2020)  # years at whose end nothing doubtful is in force


class Some(Protocol):
    """What of a world a life depends on."""

    @property
    def seed(self) -> int: ...
    @property
    def scale(self) -> float: ...


class Patent(NamedTuple):
    """A granted patent: the n-th of its family, district and year of grant."""

    family: str
    district: int
    year: int
    ordinal: int


class Fate(NamedTuple):
    """The even layer of a life; years are counted from the year of grant, 0 is never."""

    end: str = EXPIRY
    end_after: int = 0
    undone_lapse: int = 0
    border: int = 0  # a transfer over the district's border: out of Dongli, or from another district into it


class Deal(NamedTuple):
    """The seeded layer: something that may happen `after` so many years; a `group` of patents shares it."""

    kind: str
    after: int
    group: int = 1


class Happening(NamedTuple):
    """One thing that happened: in effect on one day, in the gazette of another, delivered on that day or later.

    `luck` is shared by all patents of a group, `leader` is the first of them.
    """

    code: str
    effective: date
    announced: date
    luck: int
    leader: Patent
    over_border: bool = False
    again: date | None = None  # delivered once more, under another id
    corrected: date | None = None  # delivered wrongly at first, and corrected on that day


def _spread_over(code: str, shares: tuple[float, ...], border: int = 0) -> list[tuple[float, Fate]]:
    """Shares in percent for the first, second, … year after the grant."""
    return [
        (share, Fate(code, after, border=border if border < after else 0))
        for after, share in enumerate(shares, 1)
        if share
    ]


_FATES: dict[str, list[tuple[float, Fate]]] = {
    GRANTED: [
        *_spread_over(LAPSE, (0.5, 1.0, 1.3, 1.5, 1.5, 1.3, 1.2, 1.0, 0.8, 0.6)),
        *_spread_over(ABANDONMENT, (0.1, 0.1)),
        *_spread_over(INVALIDATION, (0, 0.2, 0.1, 0, 0.1)),
        *[(0.25, Fate(undone_lapse=after)) for after in (2, 4)],
        *[(0.5, Fate(border=after)) for after in (1, 2, 3, 4, 5, 6)],
        *[(0.2, Fate(LAPSE, 7, border=after)) for after in (2, 4)],
    ],
    UTILITY: [
        *_spread_over(LAPSE, (2.0, 5.0, 6.5, 6.0, 5.0, 4.0, 3.0)),
        *_spread_over(ABANDONMENT, (1.0, 0.8)),
        *_spread_over(INVALIDATION, (0, 0.15, 0, 0.15)),
        *[(0.3, Fate(undone_lapse=after)) for after in (1, 2, 4)],
        (0.2, Fate(LAPSE, 6, undone_lapse=3)),
        *[(0.4, Fate(border=after)) for after in (1, 2, 3, 4, 5)],
        *[(0.2, Fate(LAPSE, 6, border=after)) for after in (2, 3)],
    ],
    DESIGN: [
        *_spread_over(LAPSE, (4.0, 7.0, 8.0, 6.0, 5.0, 3.0)),
        *_spread_over(ABANDONMENT, (0.3,)),
        *_spread_over(INVALIDATION, (0, 0.4, 0.2)),
        (0.4, Fate(undone_lapse=2)),
        *[(0.4, Fate(border=after)) for after in (1, 2, 4)],
    ],
}
_DEALS: dict[str, list[tuple[float, Deal]]] = {
    GRANTED: [
        *[(0.9, Deal(TRANSFER, after)) for after in range(1, 9)],
        *[(0.5, Deal("second owner", after)) for after in range(1, 5)],
        *[(3.0, Deal(NAME, after)) for after in range(1, 11)],
        *[(0.3, Deal(ADDRESS, after)) for after in range(1, 8)],
        *[(0.5, Deal(LICENCE, after)) for after in range(1, 7)],
        *[(0.4, Deal(OPEN_LICENCE, after)) for after in range(1, 9)],
        *[(0.5, Deal(PLEDGE, after)) for after in range(1, 7)],
        *[(0.08, Deal(PRESERVATION, after)) for after in range(1, 5)],
        (0.3, Deal(PARTIAL, 3)),
        *[(0.15, Deal(RECORD_CHANGE, after)) for after in (1, 2, 3)],
        *[(0.1, Deal(UNKNOWN, after)) for after in (1, 3)],
        (2.0, Deal(ASSIGNMENT, 0)),
        (3.0, Deal(EXAMINATION, 0)),
        (2.0, Deal(PUBLICATION, 0)),
    ],
    UTILITY: [
        *[(0.6, Deal(TRANSFER, after)) for after in range(1, 8)],
        *[(0.4, Deal("second owner", after)) for after in range(1, 4)],
        *[(3.0, Deal(NAME, after)) for after in range(1, 9)],
        *[(0.2, Deal(ADDRESS, after)) for after in range(1, 7)],
        *[(0.15, Deal(LICENCE, after)) for after in range(1, 5)],
        *[(0.15, Deal(LICENCE, after, 2)) for after in (1, 3)],
        *[(0.15, Deal(OPEN_LICENCE, after)) for after in range(1, 7)],
        *[(0.12, Deal(PLEDGE, after)) for after in range(1, 6)],
        *[(0.4, Deal(PLEDGE, after, 3)) for after in range(1, 6)],
        *[(0.04, Deal(PRESERVATION, after)) for after in range(1, 5)],
        (0.1, Deal(PARTIAL, 2)),
        *[(0.08, Deal(RECORD_CHANGE, after)) for after in (1, 2, 3)],
        *[(0.05, Deal(UNKNOWN, after)) for after in (1, 3)],
    ],
    DESIGN: [
        *[(0.5, Deal(TRANSFER, after)) for after in range(1, 7)],
        *[(1.5, Deal(NAME, after)) for after in range(1, 7)],
        *[(0.3, Deal(LICENCE, after)) for after in range(1, 4)],
        (0.3, Deal(PLEDGE, 2)),
        (0.2, Deal(PARTIAL, 2)),
        (0.6, Deal(DESIGN_CORRECTION, 1)),
        (0.2, Deal(UNKNOWN, 2)),
    ],
}


Row = TypeVar("Row")


class _Table(Generic[Row]):
    """Shares in percent laid out over the ranks of a year; what is left over is nothing (None)."""

    def __init__(self, rows: list[tuple[float, Row]]) -> None:
        self.rows = [row for _, row in rows]
        self.ends: list[float] = []
        at = 0.0
        for share, _ in rows:
            at += share / 100
            self.ends.append(at)
        assert at < 1

    def at(self, rank: int, total: int) -> tuple[int, Row] | None:
        found = bisect_right(self.ends, (rank + 0.5) / total)
        return (found, self.rows[found]) if found < len(self.rows) else None

    def ranks(self, number: int, total: int) -> range:
        """The ranks of one row; of what is left over for the number after the last."""
        low = self.ends[number - 1] if number else 0.0
        high = self.ends[number] if number < len(self.rows) else 1.0
        first = max(0, ceil(low * total - 0.5))
        return range(first, min(total, max(first, ceil(high * total - 0.5))))


_FATE_TABLES = {family: _Table(rows) for family, rows in _FATES.items()}
_DEAL_TABLES = {family: _Table(rows) for family, rows in _DEALS.items()}
_TO_TERM = Fate()


@lru_cache(maxsize=100_000)
def _turn(total: int) -> tuple[int, int]:
    """A step that visits every place of a year once and spreads neighbours, and the step back."""
    step = max(1, int(total * 0.6180339887))
    while gcd(step, total) != 1:
        step += 1
    return step % max(total, 1) or 1, pow(step, -1, total) if total > 1 else 0


def _fate_of(patent: Patent, scale: float) -> Fate:
    total = documents(patent.family, patent.district, patent.year, scale)
    found = _FATE_TABLES[patent.family].at(patent.ordinal * _turn(total)[0] % total, total)
    fate = found[1] if found else _TO_TERM
    if fate.border and is_contradicted(patent, scale):
        return fate._replace(border=0)
    return fate


def _shift(world: Some, family: str, district: int, year: int) -> int:
    return salt(world.seed, "deals", family) + district * 7919 + year * 104_729


def _deal_of(world: Some, patent: Patent) -> tuple[Deal, Patent] | None:
    """The patent's deal with the first patent of its group."""
    family, district, year, ordinal = patent
    total = documents(family, district, year, world.scale)
    step, back = _turn(total)
    shift = _shift(world, family, district, year)
    rank = (ordinal * step + shift) % total
    table = _DEAL_TABLES[family]
    found = table.at(rank, total)
    if found is None:
        return None
    number, deal = found
    if deal.group == 1:
        return deal, patent
    first = table.ranks(number, total).start
    rank -= (rank - first) % deal.group
    return deal, Patent(family, district, year, (rank - shift) * back % total)


def leader_of(world: Some, patent: Patent) -> Patent:
    """Whose owner the patent has: patents that are pledged or licensed together belong to one owner."""
    found = _deal_of(world, patent)
    return found[1] if found else patent


def is_contradicted(patent: Patent, scale: float) -> bool:
    """Whether its address contradicts its county, on the publication as on the grant."""
    return is_contradicted_application(*_first_place(patent, scale), scale)


def is_contradicted_application(family: str, district: int, year: int, ordinal: int, scale: float) -> bool:
    if district != DONGLI:
        return False
    return (ordinal * 0.754877666 + year * 0.32471796) % 1 < _CONTRADICTED


def is_doubtful(patent: Patent, scale: float) -> bool:
    """Whether it comes from the zone of which no address can tell whose it is. Never an invention."""
    family, district, year, ordinal = patent
    if district != DONGLI or family == GRANTED or (ordinal * 0.7071067811 + year * 0.61) % 1 >= _DOUBTFUL:
        return False
    fate = _fate_of(patent, scale)
    last = year + fate.end_after if fate.end_after and fate.end != EXPIRY else year + 99
    return not fate.border and not any(year <= end < last for end in _DOUBTLESS_ENDS)


def is_odd(patent: Patent, scale: float) -> bool:
    """Whether its address says no place for certain: nothing is dealt with it."""
    return is_contradicted(patent, scale) or is_doubtful(patent, scale)


def _first_place(patent: Patent, scale: float) -> tuple[str, int, int, int]:
    family, district, year, ordinal = patent
    if family == GRANTED:
        return PUBLISHED, district, year - 2, publication_of_grant(district, year, ordinal, scale)
    return patent


def filing_date(world: Some, family: str, district: int, year: int, ordinal: int) -> date:
    """Of the application behind a document. The month follows from its place, the day from the seed."""
    if family == GRANTED:
        family, district, year, ordinal = _first_place(Patent(family, district, year, ordinal), world.scale)
    out = issue_of(family, district, year, ordinal, world.scale).day
    return filed_before(world, out, family, district, year, ordinal)


def filed_before(world: Some, out: date, family: str, district: int, year: int, ordinal: int) -> date:
    """Filing date of what first came out on a day."""
    shortest, span = _PENDENCY[family]
    about = out - timedelta(days=shortest + int((ordinal * 0.5698402910 + district * 0.245) % 1 * span))
    return date(about.year, about.month, 1 + mix(salt(world.seed, "filed", family), district, year, ordinal) % 28)


def anniversary(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


def term_of(family: str, filed: date) -> date:
    """The first day after the term."""
    years = _LONGER_DESIGNS[1] if family == DESIGN and filed >= _LONGER_DESIGNS[0] else _TERM[family]
    return anniversary(filed, years)


@lru_cache(maxsize=20_000)
def _next_issue(family: str, day: date) -> date:
    """The first issue on or after a day."""
    days = issue_days(family, day.year)
    at = bisect_left(days, day)
    return days[at] if at < len(days) else issue_days(family, day.year + 1)[0]


def _day_in(year: int, luck: int) -> date:
    return date(year, 1 + luck % 12, 1 + (luck >> 8) % 28)


def granted_on(patent: Patent, scale: float) -> date:
    return issue_of(patent.family, patent.district, patent.year, patent.ordinal, scale).day


def happenings(world: Some, patent: Patent) -> list[Happening]:
    """Everything that happens to a patent, in the order in which it takes effect."""
    family = patent.family
    luck = mix(salt(world.seed, "life", family), patent.district, patent.year, patent.ordinal)
    granted = granted_on(patent, world.scale)
    filed = filing_date(world, *patent) if family == GRANTED else filed_before(world, granted, *patent)
    found, end = _fated(world, patent, filed, luck)
    deal = _deal_of(world, patent)
    if deal is not None and not is_odd(patent, world.scale):
        found += _dealt(world, patent, *deal, granted, end)
    return sorted((_delivered(world, family, one, at) for at, one in enumerate(found)), key=lambda one: one.effective)


def _fated(world: Some, patent: Patent, filed: date, luck: int) -> tuple[list[Happening], date]:
    """What the fate brings, and the day on which the right ends."""
    family, _, year, _ = patent
    fate = _fate_of(patent, world.scale)
    term = term_of(family, filed)
    found = []
    if fate.undone_lapse and year + fate.undone_lapse < term.year:
        lapsed = anniversary(filed, year + fate.undone_lapse - filed.year)
        known = _next_issue(family, lapsed + timedelta(days=215 + luck % 90))
        undone = _next_issue(family, known + timedelta(days=100 + (luck >> 8) % 130))
        found += [
            Happening(LAPSE, lapsed, known, luck, patent),
            Happening(RESTORATION, undone, undone, luck >> 3, patent),
        ]
    if fate.border:
        begun = _day_in(year + fate.border, luck >> 12)
        known = _next_issue(family, begun + timedelta(days=13 + (luck >> 20) % 12))
        found.append(Happening(TRANSFER, begun, known, luck >> 5, patent, over_border=True))
    end = term
    ends = year + fate.end_after
    if fate.end == EXPIRY or ends >= term.year:
        known = _next_issue(family, term + timedelta(days=16 + (luck >> 24) % 50))
        found.append(Happening(EXPIRY, term, known, luck >> 7, patent))
    elif fate.end == LAPSE:
        end = anniversary(filed, ends - filed.year)
        known = _next_issue(family, end + timedelta(days=215 + (luck >> 24) % 200))
        found.append(Happening(LAPSE, end, known, luck >> 7, patent))
    elif fate.end == ABANDONMENT:
        end = _day_in(ends, luck >> 28)
        known = _next_issue(family, end + timedelta(days=20 + (luck >> 40) % 70))
        found.append(Happening(ABANDONMENT, end, known, luck >> 7, patent))
    else:  # counts from its announcement
        days = issue_days(family, ends)
        end = days[(luck >> 28) % len(days)]
        found.append(Happening(INVALIDATION, end, end, luck >> 7, patent))
    return found, end


# nothing else is printed
_GAZETTE_DAY_COUNTS = {NAME, ADDRESS, PARTIAL, RECORD_CHANGE, DESIGN_CORRECTION, UNKNOWN, OPEN_LICENCE}
_FOLLOWED = {  # code → (change in percent, its code, end in percent, its code, shortest days, span)
    LICENCE: (15, LICENCE_CHANGE, 55, LICENCE_END, 300, 1000),
    PLEDGE: (10, PLEDGE_CHANGE, 75, PLEDGE_END, 300, 800),
    OPEN_LICENCE: (0, "", 12, OPEN_LICENCE_END, 200, 500),
    PRESERVATION: (0, "", 70, PRESERVATION_END, 180, 700),
}


def _dealt(world: Some, patent: Patent, deal: Deal, leader: Patent, granted: date, end: date) -> list[Happening]:
    family, _, year, _ = patent
    luck = mix(salt(world.seed, "deal", family), leader.district, leader.year, leader.ordinal)
    kind = deal.kind
    if deal.after == 0:  # before the grant
        first = issue_of(*_first_place(patent, world.scale), world.scale).day
        room = (granted - first).days
        if kind == ASSIGNMENT:
            begun = first + timedelta(days=30 + luck % max(1, room - 90))
            known = _next_issue(family, begun + timedelta(days=13 + (luck >> 20) % 12))
            is_told = known < granted and begun.year >= FIRST_YEAR
            return [Happening(kind, begun, known, luck, patent)] if is_told else []
        begun = first if kind == PUBLICATION else _next_issue(family, first + timedelta(days=20))
        return [Happening(kind, begun, begun, luck, patent)] if begun < granted and begun.year >= FIRST_YEAR else []
    begun = _day_in(year + deal.after, luck >> 12)
    known = _next_issue(family, begun + timedelta(days=13 + (luck >> 20) % 12))
    if kind in _GAZETTE_DAY_COUNTS:
        begun = known
    if deal.group > 1 and _fate_of(patent, world.scale).border:
        return []  # what moves away alone is pledged with no other
    if begun <= granted or known >= end or (kind == OPEN_LICENCE and begun < _OPEN_LICENCES_SINCE):
        return []
    found = [Happening(kind, begun, known, luck, leader)]
    follow = _FOLLOWED.get(kind)
    if follow:
        change, change_code, ending, end_code, shortest, span = follow
        over = begun + timedelta(days=shortest + (luck >> 24) % span)
        half = begun + (over - begun) / 2
        if (luck >> 36) % 100 < change and half < end:
            known = _next_issue(family, half + timedelta(days=14))
            found.append(Happening(change_code, half, known, luck, leader))
        if (luck >> 44) % 100 < ending and over < end:
            known = _next_issue(family, over + timedelta(days=14))
            found.append(Happening(end_code, known if kind == OPEN_LICENCE else over, known, luck, leader))
    return found


_TWICE_PER_MILLE, _CORRECTED_PER_MILLE = 5, 4
_CORRECTABLE = {LAPSE, LICENCE, PLEDGE}


def _delivered(world: Some, family: str, one: Happening, at: int) -> Happening:
    """Some are delivered twice, and some wrongly at first."""
    fate = mix(one.luck, at, one.effective.toordinal()) % 1000
    if fate < _TWICE_PER_MILLE:
        return one._replace(again=_next_issue(family, one.announced + timedelta(days=1 + 30 * (fate % 2))))
    if fate < _TWICE_PER_MILLE + _CORRECTED_PER_MILLE * 3 and one.code in _CORRECTABLE:
        return one._replace(corrected=_next_issue(family, one.announced + timedelta(days=40)))
    return one


_FIRST_NUMBERED, _YEARS_NUMBERED, _ROOM = 2000, 40, 500_000


@lru_cache(maxsize=20_000)
def _before(family: str, district: int, year: int, scale: float) -> int:
    return sum(documents(family, other, year, scale) for other in range(district))


def number_of(patent: Patent, scale: float) -> int:
    """A number below 60 million that no other patent of the world has."""
    family, district, year, ordinal = patent
    at = RIGHTS.index(family) * _YEARS_NUMBERED + year - _FIRST_NUMBERED
    return at * _ROOM + _before(family, district, year, scale) + ordinal


# -- by the calendar

_LONGEST_LAG = 2  # years from taking effect to the gazette
_TERMS_TOLD = {GRANTED: (15, 20), UTILITY: (8, 11), DESIGN: (8, 16)}  # years from the grant to the end of the term
_LONGEST_DEAL = 5  # years from a deal's begin to the last that is told of it, where something follows


@lru_cache(maxsize=2_000)
def _rows_told(family: str, years: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows of fates and of deals of which something may be told so many years after the grant."""
    first, last = _TERMS_TOLD[family]
    fates = []
    for number, fate in enumerate([*_FATE_TABLES[family].rows, _TO_TERM]):
        told = [fate.undone_lapse, fate.border, fate.end_after]
        is_told = any(after and after <= years <= after + _LONGEST_LAG for after in told)
        if is_told or (fate.end == EXPIRY and first <= years <= last):
            fates.append(number)
    deals = [
        number
        for number, deal in enumerate(_DEAL_TABLES[family].rows)
        if deal.after - 2 * (deal.after == 0) <= years <= deal.after + (_LONGEST_DEAL if deal.kind in _FOLLOWED else 1)
    ]
    return tuple(fates), tuple(deals)


def patents_told_of(world: Some, family: str, year: int) -> Iterator[Patent]:
    """All patents of which something may be delivered in a year, some of them without anything; each once."""
    for district in range(len(DISTRICTS)):
        for granted in range(FIRST_YEAR, year + 3):
            total = documents(family, district, granted, world.scale)
            if not total:
                continue
            fates, deals = _rows_told(family, year - granted)
            back = _turn(total)[1]
            seen: set[int] = set()
            table, deal_table = _FATE_TABLES[family], _DEAL_TABLES[family]
            for number in fates:
                seen.update(rank * back % total for rank in table.ranks(number, total))
            shift = _shift(world, family, district, granted)
            for number in deals:
                seen.update((rank - shift) * back % total for rank in deal_table.ranks(number, total))
            for ordinal in sorted(seen):
                yield Patent(family, district, granted, ordinal)


# -- in force


class Standing(NamedTuple):
    """A right as known by a day: from when, until before when, and the transfer over the border, if any."""

    granted: date
    ends: date
    moved: date | None


def standing(world: Some, patent: Patent, known: date) -> Standing:
    """See the module: basis `latest`, all that was announced by `known`."""
    filed = filing_date(world, *patent)
    luck = mix(salt(world.seed, "life", patent.family), patent.district, patent.year, patent.ordinal)
    found, _ = _fated(world, patent, filed, luck)
    ends = term_of(patent.family, filed)
    moved = None
    undone = any(one.code == RESTORATION and one.announced <= known for one in found)
    for at, one in enumerate(found):
        if one.announced > known:
            continue
        if one.code == TRANSFER:
            moved = one.effective
        elif one.code == LAPSE:
            is_undone = undone and at + 1 < len(found) and found[at + 1].code == RESTORATION
            if not is_undone:
                ends = min(ends, one.effective)
        elif one.code in (ABANDONMENT, INVALIDATION):
            ends = min(ends, one.effective)
    return Standing(granted_on(patent, world.scale), ends, moved)


def border_patents(world: Some, family: str, district: int, year: int) -> Iterator[Patent]:
    """The patents of a cohort that once cross the district's border."""
    total = documents(family, district, year, world.scale)
    if total:
        back = _turn(total)[1]
        for number, fate in enumerate(_FATE_TABLES[family].rows):
            if fate.border:
                for rank in _FATE_TABLES[family].ranks(number, total):
                    yield Patent(family, district, year, rank * back % total)


def comes_in(family: str, district: int, year: int, ordinal: int, scale: float) -> bool:
    """Whether the patent behind a document, of another district, once crosses the border."""
    if family == PUBLISHED:
        grants, published = documents(GRANTED, district, year + 2, scale), documents(PUBLISHED, district, year, scale)
        grant = -(-ordinal * grants // published)
        if grant >= grants or publication_of_grant(district, year + 2, grant, scale) != ordinal:
            return False
        family, year, ordinal = GRANTED, year + 2, grant
    return district != DONGLI and bool(_fate_of(Patent(family, district, year, ordinal), scale).border)


def is_assigned(world: Some, patent: Patent) -> bool:
    """Whether the application was assigned before the grant, so that the grant shows another owner."""
    deal = _deal_of(world, patent)
    if deal is None or deal[0].kind != ASSIGNMENT or is_odd(patent, world.scale):
        return False
    return any(one.code == ASSIGNMENT for one in happenings(world, patent))


_LASTS_UNTIL = date(2025, 12, 31)
_LASTING = ((UTILITY, 2018), (UTILITY, 2019), (UTILITY, 2020), (GRANTED, 2019), (GRANTED, 2018), (DESIGN, 2020))


def lasting(world: Some, district: int, wanted: int) -> list[Patent]:
    """So many patents of a district that are in force from the end of 2020 to the end of 2025 and never move."""
    found: list[Patent] = []
    totals = [documents(family, district, year, world.scale) for family, year in _LASTING]
    for ordinal in range(max(totals)):
        for (family, year), total in zip(_LASTING, totals, strict=True):
            if len(found) >= wanted:
                return found
            patent = Patent(family, district, year, ordinal)
            if ordinal >= total or is_odd(patent, world.scale) or _fate_of(patent, world.scale).undone_lapse:
                continue
            known = standing(world, patent, date.max)
            if known.ends > _LASTS_UNTIL and known.moved is None:
                found.append(patent)
    if len(found) < wanted:
        raise ValueError(f"the city has only {len(found)} patents that last, {wanted} were to be left out")
    return found
