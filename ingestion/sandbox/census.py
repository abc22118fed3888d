"""What the synthetic city holds, counted from the generator: the truth that a pipeline's figures are held against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from itertools import chain

from ingestion.sandbox import lives
from ingestion.sandbox.issues import issues_of
from ingestion.sandbox.legal import Life
from ingestion.sandbox.lives import RIGHTS, Patent, border_patents, is_contradicted, standing
from ingestion.sandbox.targets import DISTRICTS, DONGLI, FAMILIES, FIRST_YEAR, documents
from ingestion.sandbox.world import World, document, left_out


def in_force(world: World, district: int, days: list[date], known: date = date.max) -> dict[date, dict[str, int]]:
    """Per day and family: rights of the district in force, as `lives` defines it, by what was announced by `known`.

    A grant counts from its day, whether its file came on time or late.
    """
    found = {day: dict.fromkeys(RIGHTS, 0) for day in days}
    last, missing = max(days), left_out(world)

    def count(patent: Patent, is_inside: bool) -> None:
        granted, ends, moved = standing(world, patent, known)
        for day in days:
            if granted <= day < ends and granted <= known and is_inside == (moved is None or day < moved):
                found[day][patent.family] += 1

    for family in RIGHTS:
        for year in range(FIRST_YEAR, last.year + 1):
            for ordinal in range(documents(family, district, year, world.scale)):
                patent = Patent(family, district, year, ordinal)
                if not is_contradicted(patent, world.scale) and patent not in missing:
                    count(patent, True)
            if district == DONGLI:  # and those that came from the other districts
                for other in range(len(DISTRICTS)):
                    for patent in border_patents(world, family, other, year) if other != DONGLI else ():
                        count(patent, False)
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
    for family in RIGHTS:
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


# what the city's own events are called in a table: kind → heading
EVENTS = {
    lives.LAPSE: "lapse",
    lives.RESTORATION: "restored",
    lives.EXPIRY: "expiry",
    lives.ABANDONMENT: "abandon",
    lives.INVALIDATION: "invalid",
    "in": "into",
    "out": "out of",
    "within": "within",
    "second owner": "2nd own",
    lives.ASSIGNMENT: "assigned",
    lives.LICENCE: "licence",
    lives.OPEN_LICENCE: "open lic",
    lives.PLEDGE: "pledge",
    lives.PLEDGE_END: "released",
}


def events(world: World, district: int, until: date) -> dict[int, Counter[str]]:
    """Per year of effect: what happened to the district's patents, of all that was announced up to a day.

    A transfer counts once a patent when the first owner before or after it is of the district; a licence counts once a
    contract number and a pledge and its release once a registration number; what comes again counts no more, and a
    correction instead of what it corrects.
    """
    found: dict[int, Counter[str]] = {}
    contracts: set[tuple[str, str]] = set()
    missing = left_out(world)
    for family in RIGHTS:
        for year in range(FIRST_YEAR, until.year + 1):
            total = documents(family, district, year, world.scale)
            own = (Patent(family, district, year, ordinal) for ordinal in range(total))
            others = (
                patent
                for other in range(len(DISTRICTS))
                if district == DONGLI and other != DONGLI
                for patent in border_patents(world, family, other, year)
            )
            for patent in chain(own, others):
                if patent in missing:
                    continue
                for record in Life(world, patent).records():
                    kind = record.kind
                    if record.published > until or district not in (record.before, record.after):
                        continue
                    if kind == lives.TRANSFER:
                        kind = "in" if record.before != district else "out" if record.after != district else "within"
                    elif record.contract:
                        if (kind, record.contract) in contracts:
                            continue
                        contracts.add((kind, record.contract))
                    if kind in EVENTS and record.code != lives.PARTIAL:
                        found.setdefault(record.effective.year, Counter())[kind] += 1
    return dict(sorted(found.items()))
