"""What the synthetic trademark register holds, counted date by date from the generator: no file and no reader is asked.

One registration number and Nice class is one right. It is in force while its special right runs, the last day included
and the months of grace not, until the delivery that shows that it was cancelled; it counts where its owner is after the
transfers announced by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ingestion.sandbox.targets import DISTRICTS, DONGLI
from ingestion.sandbox.trademark_calendar import MARKS, delivered
from ingestion.sandbox.trademark_course import Course, course, first_known, left_out
from ingestion.sandbox.trademark_madrid import international_on
from ingestion.sandbox.trademark_special import indications_on, well_known_on
from ingestion.sandbox.trademark_targets import FIRST_REGISTERED, MOVING, sections
from ingestion.sandbox.world import World

_GRACE_MONTHS = 6


@dataclass(slots=True)
class Stock:
    """Rights of a district on a day; the last three are registrations, and do not depend on `in_force`."""

    in_force: int = 0
    in_grace: int = 0
    cancelled: int = 0  # whose term would still run
    moved_in: int = 0  # of those in force: registered elsewhere
    international: int = 0
    well_known: int = 0
    indications: int = 0


def _courses(world: World, district: int, until: date, without: int) -> Iterator[Course]:
    """Every registration that can ever be of the district."""
    gone = left_out(world, without)
    for origin in range(len(DISTRICTS)):
        for year in range(FIRST_REGISTERED, until.year + 1):
            for section in sections(origin, year, world.scale):
                if origin != district and section.fate not in MOVING:
                    continue
                for ordinal in range(section.first, section.end):
                    if origin != DONGLI or (year, ordinal) not in gone:
                        yield course(world, origin, year, ordinal)


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _last_end(found: Course, until: date | None, latest: date) -> date:
    """Last day of the special right, as far as the deliveries up to a day tell; None for all there will ever be."""
    terms = 1
    while found.is_renewed_after(terms) and found.ends(terms) <= latest:
        if until is not None and delivered(MARKS, found.renewal_due(terms)) > until:
            break
        terms += 1
    return found.ends(terms)


def _district(found: Course, day: date, until: date | None) -> int:
    if until is None:
        return found.district_on(day)
    where = found.district
    for move in found.moves:
        if move.day <= day and move.delivered <= until:
            where = move.destination
    return where


def stocks(
    world: World, district: int, days: list[date], until: date | None = None, without: int = 0
) -> dict[date, Stock]:
    """Per day, the district's stock. `until`: as far as the deliveries up to that day tell, instead of all of them."""
    found = {day: Stock() for day in days}
    latest = max(days)
    for each in _courses(world, district, latest, without):
        if until is not None and first_known(world, each) > until:
            continue
        end = _last_end(each, until, latest)
        grace = _months_later(end, _GRACE_MONTHS) if not each.is_endless else end
        for day in days:
            if not each.begins <= day <= grace or _district(each, day, until) != district:
                continue
            stock = found[day]
            live = each.live_classes(min(day, until) if until else day)
            if day > end:
                stock.in_grace += live
                continue
            stock.in_force += live
            stock.cancelled += each.section.classes - live
            stock.moved_in += live if each.district != district else 0
    for day, stock in found.items():
        stock.international = international_on(world, district, day, until)
        stock.well_known = well_known_on(world, district, min(day, until) if until else day)
        stock.indications = indications_on(world, district, day)
    return found


def transfers(world: World, district: int, until: date) -> Counter[tuple[int, str]]:
    """Registrations transferred out of, into and within a district, by the year of the announcement."""
    found: Counter[tuple[int, str]] = Counter()
    for each in _courses(world, district, until, 0):
        for move in each.moves:
            if move.day > until or district not in (move.origin, move.destination):
                continue
            kind = "within" if move.origin == move.destination else "out" if move.origin == district else "in"
            found[move.day.year, kind] += 1
    return found
