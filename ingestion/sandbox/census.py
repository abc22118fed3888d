"""What the synthetic city holds, counted from the generator: the truth that a pipeline's figures are held against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from ingestion.sandbox.issues import issues_of
from ingestion.sandbox.targets import DESIGN, DISTRICTS, FAMILIES, FIRST_YEAR, GRANTED, UTILITY
from ingestion.sandbox.world import World, document, filing_date

_YEARS = {GRANTED: 20, UTILITY: 10, DESIGN: 10}
_LONGER_DESIGNS_SINCE = date(2021, 6, 1)


def _anniversary(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


def _ends(family: str, filed: date) -> date:
    years = 15 if family == DESIGN and filed >= _LONGER_DESIGNS_SINCE else _YEARS[family]
    return _anniversary(filed, years)


def in_force(world: World, district: int, days: list[date]) -> dict[date, dict[str, int]]:
    """Per day and family: granted on or before it and not past its term, by term alone. Published on time or late."""
    found = {day: dict.fromkeys(_YEARS, 0) for day in days}
    for family in _YEARS:
        for year in range(FIRST_YEAR, max(days).year + 1):
            for issue in issues_of(family, year):
                start = issue.first(district, world.scale)
                for ordinal in range(start, start + issue.count(district, world.scale)):
                    ends = _ends(family, filing_date(world, family, district, year, ordinal))
                    for day in days:
                        if issue.day <= day < ends:
                            found[day][family] += 1
    return found


def published(world: World, district: int, until: date) -> dict[int, dict[str, int]]:
    """Per year and family: documents that came out, up to a day, each once."""
    return {
        year: {
            family: sum(issue.count(district, world.scale) for issue in issues_of(family, year) if issue.day <= until)
            for family in FAMILIES
        }
        for year in range(FIRST_YEAR, until.year + 1)
    }


@dataclass(frozen=True)
class Natures:
    """How a district's granted rights are written: Counter over the natures of `places`, and over owner kinds."""

    places: Counter[str]
    owners: Counter[str]
    distinct_firms: int


def natures(world: World, district: int, until: date) -> Natures:
    """Makes every grant of the district once (slow: some seconds for the largest)."""
    where: Counter[str] = Counter()
    who: Counter[str] = Counter()
    firms: set[str] = set()
    for family in _YEARS:
        for year in range(FIRST_YEAR, until.year + 1):
            for issue in issues_of(family, year):
                if issue.day > until:
                    continue
                start = issue.first(district, world.scale)
                for ordinal in range(start, start + issue.count(district, world.scale)):
                    made = document(world, family, district, year, ordinal)
                    where[made.place.nature] += 1
                    who["person" if made.owner.is_person else "school" if "/s" in made.owner.key else "firm"] += 1
                    if not made.owner.is_person:
                        firms.add(made.owner.key)
    return Natures(where, who, len(firms))


def district_names() -> list[str]:
    return [district.name for district in DISTRICTS]
