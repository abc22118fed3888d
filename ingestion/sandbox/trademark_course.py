"""What becomes of one registration and when: pure dates, no words. The feed and the census both start here."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import gcd

from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE
from ingestion.sandbox.trademark_calendar import (
    MARKS,
    SETTLING,
    SLOTS,
    TRANSFERS,
    Delivery,
    delivered,
    deliveries_of,
    delivery_days,
    gazette_day,
)
from ingestion.sandbox.trademark_targets import (
    CANCELLED,
    ENDLESS,
    INTO,
    KEPT,
    LET_GO,
    MOVING,
    OUT,
    PARTLY,
    RETURN_AFTER,
    RETURNED,
    Section,
    enterprises,
    registrations,
    sections,
)
from ingestion.sandbox.world import World

NO_END = date(2099, 12, 31)
TERM = 10  # years
# days from the end of a term to the delivery of its renewal; a quarter of them within the months of grace
RENEWAL_OFFSETS = (-170, -130, -90, -60, -35, -15, 70, 140)
_LATE_EVERY = 24  # one delivery in so many comes in two parts
_OPPOSED_IN = 50  # one registration in so many was opposed: its right began before it was registered
LEFT_OUT_YEARS = range(2016, 2021)


@lru_cache(maxsize=4000)
def _shuffle(seed: int, district: int, year: int, total: int) -> tuple[int, int, int]:
    """Numbers of an affine shuffle: position → ordinal = step * position + shift, and the inverse of the step."""
    luck = mix(salt(seed, "trademark order"), district, year)
    step = 1 + int(total * (0.3 + 0.4 * (luck % 997) / 997))
    while gcd(step, total) != 1:
        step += 1
    return step, (luck >> 16) % total, pow(step, -1, total)


def ordinal_at(world: World, district: int, year: int, position: int) -> int:
    """Which registration stands at a position in the year's order of days."""
    total = registrations(district, year, world.scale)
    step, shift, _ = _shuffle(world.seed, district, year, total)
    return (step * position + shift) % total


def position_of(world: World, district: int, year: int, ordinal: int) -> int:
    total = registrations(district, year, world.scale)
    _, shift, inverse = _shuffle(world.seed, district, year, total)
    return inverse * (ordinal - shift) % total


def positions_in(total: int, slots: range) -> range:
    """The positions that come out in these gazettes of a year."""
    return range(-(-slots.start * total // SLOTS), -(-slots.stop * total // SLOTS)) if slots else range(0)


@lru_cache(maxsize=4000)
def _starts(district: int, year: int, scale: float) -> tuple[int, ...]:
    return tuple(section.first for section in sections(district, year, scale))


def section_of(world: World, district: int, year: int, ordinal: int) -> Section:
    starts = _starts(district, year, world.scale)
    return sections(district, year, world.scale)[bisect_right(starts, ordinal) - 1]


def years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


@dataclass(frozen=True, slots=True)
class Move:
    """A transfer: announced in a gazette, from one district to another."""

    day: date
    slot: int
    origin: int
    destination: int

    @property
    def delivered(self) -> date:
        return delivered(TRANSFERS, self.day + timedelta(days=SETTLING))


@dataclass(frozen=True, slots=True)
class Course:
    """One registration through time. `terms` is how many ten years it is kept for, None for good."""

    district: int
    year: int
    ordinal: int
    position: int
    slot: int  # its gazette
    section: Section
    begins: date
    registered: date
    terms: int | None
    cancelled: date | None  # the delivery that shows it, of the whole or of the last class
    moves: tuple[Move, ...]

    @property
    def is_endless(self) -> bool:
        return self.section.fate == ENDLESS

    def ends(self, terms: int) -> date:
        """Last day of the n-th ten years."""
        return NO_END if self.is_endless else years_later(self.begins, TERM * terms) - timedelta(days=1)

    def renewal_due(self, terms: int) -> date:
        """From when a delivery can show that the n-th ten years are followed by others."""
        gazette = gazette_day(self.year + TERM * terms, self.slot)
        return gazette + timedelta(days=RENEWAL_OFFSETS[self.position % len(RENEWAL_OFFSETS)])

    def is_renewed_after(self, terms: int) -> bool:
        if self.is_endless or self.section.fate == CANCELLED:
            return False
        return self.terms is None or terms < self.terms

    def live_classes(self, day: date) -> int:
        """Classes that are not cancelled as far as the deliveries up to a day show."""
        if self.cancelled is None or day < self.cancelled:
            return self.section.classes
        return 0 if self.section.fate == CANCELLED else self.section.classes - 1

    def district_on(self, day: date) -> int:
        """Where the owner is after the transfers announced by a day."""
        found = self.district
        for move in self.moves:
            if move.day <= day:
                found = move.destination
        return found


def _destination(world: World, district: int, year: int, ordinal: int) -> int:
    """Another district, or, nearly as often, somewhere else in the country or abroad; never Dongli."""
    luck = mix(salt(world.seed, "destination"), district, year, ordinal)
    if luck % 100 < 45:
        return ELSEWHERE
    roll = (luck >> 8) % 10_000 / 10_000 * sum(where.weight for where in DISTRICTS[1:ELSEWHERE])
    for number, where in enumerate(DISTRICTS[1:ELSEWHERE], 1):
        roll -= where.weight
        if roll < 0 and enterprises(number, year, world.scale):
            return number
    return ELSEWHERE


def turned(world: World, word: str, section: Section, year: int, district: int, turns: int) -> int:
    """Where a section's members begin when they are dealt out over the turns of a year."""
    return mix(salt(world.seed, word), district, year, section.first) % turns


def dealt(section: Section, turns: int, begin: int, turn: int) -> range:
    """The ordinals of a section that fall on one turn of the year."""
    place = (turn - begin) % turns
    return range(
        section.first - (-place * section.count // turns), section.first - (-(place + 1) * section.count // turns)
    )


def _turn(section: Section, turns: int, begin: int, ordinal: int) -> int:
    return ((ordinal - section.first) * turns // section.count + begin) % turns


def cancelling_delivery(world: World, district: int, year: int, section: Section, ordinal: int) -> date:
    days = delivery_days(MARKS, year + section.after)
    begin = turned(world, "cancelled", section, year, district, len(days))
    return days[_turn(section, len(days), begin, ordinal)]


def _moves(world: World, district: int, year: int, section: Section, ordinal: int) -> tuple[Move, ...]:
    slot = _turn(section, SLOTS, turned(world, "moved", section, year, district, SLOTS), ordinal)
    day = gazette_day(year + section.after, slot)
    if section.fate == INTO:
        return (Move(day, slot, district, DONGLI),)
    if section.fate not in (OUT, RETURNED):
        return (Move(day, slot, district, district),)
    other = _destination(world, district, year, ordinal)
    away = Move(day, slot, district, other)
    if section.fate == OUT:
        return (away,)
    return away, Move(gazette_day(year + section.after + RETURN_AFTER, slot), slot, other, district)


def course(world: World, district: int, year: int, ordinal: int) -> Course:
    """The registration with this ordinal among those of its district and year."""
    section = section_of(world, district, year, ordinal)
    position = position_of(world, district, year, ordinal)
    slot = position * SLOTS // registrations(district, year, world.scale)
    registered = begins = gazette_day(year, slot)
    luck = mix(salt(world.seed, "opposed"), district, year, ordinal)
    if slot == 0 and position % 2:
        registered = begins = date(year, 1, 1)  # so its last day is the last of a year
    elif slot >= 20 and luck % _OPPOSED_IN == 0:
        begins = registered - timedelta(days=30 + (luck >> 8) % 70)
    return Course(
        district,
        year,
        ordinal,
        position,
        slot,
        section,
        begins,
        registered,
        section.after // TERM if section.fate == LET_GO else None,
        cancelling_delivery(world, district, year, section, ordinal) if section.fate in (CANCELLED, PARTLY) else None,
        _moves(world, district, year, section, ordinal) if section.fate in MOVING else (),
    )


def late_by(world: World, delivery: Delivery) -> timedelta | None:
    """When the second part of a delivery comes later than the first. In the middle of a year only."""
    luck = salt(world.seed, "late trademarks")
    if delivery.package != MARKS or not 4 <= delivery.day.month <= 10 or (delivery.number + luck) % _LATE_EVERY != 5:
        return None
    return timedelta(days=12 + mix(luck, delivery.number) % 24)


def comes_late(position: int) -> bool:
    """Whether a new registration is in the second part of a late delivery."""
    return position % 2 == 1


def first_known(world: World, found: Course) -> date:
    """The day on which the feed first shows the registration."""
    day = delivered(MARKS, gazette_day(found.year, found.slot) + timedelta(days=SETTLING))
    late = late_by(world, next(delivery for delivery in deliveries_of(MARKS, day.year) if delivery.day == day))
    return day + late if late and comes_late(found.position) else day


@lru_cache(maxsize=16)
def left_out(world: World, count: int) -> frozenset[tuple[int, int]]:
    """(year, ordinal) of `count` registrations of Dongli that can be taken out of the feed, of one class each.

    They were registered between 2016 and 2020 and stay: any stock since the end of 2020 is lower by just this number.
    """
    if not count:
        return frozenset()
    found: list[tuple[int, int]] = []
    # the last of a section has a part of its own to play
    there = {
        year: [
            ordinal
            for section in sections(DONGLI, year, world.scale)
            if section.fate == KEPT and section.classes == 1
            for ordinal in range(section.first, section.end - 1)
        ]
        for year in LEFT_OUT_YEARS
    }
    for turn in range(max(map(len, there.values()), default=0)):
        for year, ordinals in there.items():
            if turn < len(ordinals):
                found.append((year, ordinals[turn]))
    if count > len(found):
        raise ValueError(f"only {len(found)} trademarks of Dongli can be left out at this scale")
    return frozenset(found[:count])
