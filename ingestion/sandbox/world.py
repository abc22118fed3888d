"""From a place in the calendar to one document: owner, numbers, dates, title. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ingestion.sandbox import lives, places, topics
from ingestion.sandbox.dice import dice, mix, salt
from ingestion.sandbox.issues import Issue, city_ordinal, city_total, issue_of, issues_of, publication_of_grant
from ingestion.sandbox.lives import Patent
from ingestion.sandbox.numbering import (
    ApplicationNumber,
    early_grant_number,
    has_own_grant_number,
    kind_letter,
    published_number,
)
from ingestion.sandbox.owners import Owner, co_owner, contradicted_firm, doubtful_firm, firms, first_owner, plain_firm
from ingestion.sandbox.places import Place
from ingestion.sandbox.targets import DESIGN, DISTRICTS, DONGLI, ELSEWHERE, FIRST_YEAR, GRANTED, PUBLISHED, UTILITY

_KIND = {PUBLISHED: 1, GRANTED: 1, UTILITY: 2, DESIGN: 3}
_SERIES = {PUBLISHED: "A", GRANTED: "A", UTILITY: "U", DESIGN: "S"}

# shares, from the true samples
_ENTRIES = 130 / 36_956  # numbers of international applications
_STANDARD_FIRST = 2465 / 3884  # which of the two number forms a document gives first
_SECOND_OWNER, _THIRD_OWNER = 0.10, 0.03
_HALF_WIDTH = 0.10  # of the names and addresses with brackets
_RESPELT = 0.04
_NO_COUNTY = 0.015
_WITH_AGENT = 0.78
_REPUBLISHED_PER_MILLE, _CORRECTED_PER_MILLE = 2, 1
_BINHAI = next(number for number, one in enumerate(DISTRICTS) if one.name == "滨海新区")
_AGAIN_AFTER = 2  # issues


@dataclass(frozen=True)
class World:
    """The synthetic city: everything else follows from these.

    `without` takes so many patents, and so many trademarks, out of every feed, all of them the district's and in force
    from the end of 2020 to the end of 2025: every figure that counts them falls by exactly that number.
    """

    seed: int = 1
    scale: float = 1.0
    without: int = 0


@dataclass(slots=True)
class Document:
    """One published document, as the office knows it."""

    family: str
    district: int
    year: int
    ordinal: int
    day: date
    letter: str
    number: str
    application: ApplicationNumber
    filed: date
    title: str
    classes: list[topics.Class]
    locarno: str
    owner: Owner
    place: Place
    owner_names: list[str]
    assignee_names: list[str]
    inventors: int
    agency: int  # 0: none
    standard_first: bool
    publication_standard_first: bool
    status: str
    produced: date
    luck: int  # 64 bits for whatever else the document decides by itself

    @property
    def is_entry(self) -> bool:
        return self.application.is_entry


def application_place(world: World, family: str, district: int, year: int, ordinal: int) -> tuple[str, int, int]:
    """Where the application behind a document first came out: grants go back to their publication."""
    if family == GRANTED:
        return PUBLISHED, year - 2, publication_of_grant(district, year, ordinal, world.scale)
    return family, year, ordinal


def _luck(world: World, family: str, district: int, year: int, ordinal: int) -> int:
    return mix(salt(world.seed, "document", family), district, year, ordinal)


_WIDTHS = str.maketrans("（）", "()")


def document(world: World, family: str, district: int, year: int, ordinal: int) -> Document:
    """The n-th document of a family, a district and a year."""
    seed, scale = world.seed, world.scale
    first, first_year, first_ordinal = application_place(world, family, district, year, ordinal)
    issue = issue_of(family, district, year, ordinal, scale)
    day = issue.day
    out = day if first == family else issue_of(first, district, first_year, first_ordinal, scale).day
    luck = _luck(world, first, district, first_year, first_ordinal)
    roll = dice(luck).random
    filed = lives.filed_before(world, out, first, district, first_year, first_ordinal)
    total = city_total(first, first_year, scale)
    at = city_ordinal(first, district, first_year, first_ordinal, scale)
    number_roll = roll()
    application = ApplicationNumber(
        _KIND[family], filed, out.year - filed.year, at, total, number_roll, roll() < _ENTRIES
    )
    if family == GRANTED and has_own_grant_number(day):
        number = early_grant_number(
            year, city_ordinal(family, district, year, ordinal, scale), city_total(family, year, scale), number_roll
        )
    else:
        number = published_number(_SERIES[first], first_year, at, total, number_roll)

    owner = _owner(world, family, district, year, ordinal, first_year, roll)
    if lives.is_contradicted_application(first, district, first_year, first_ordinal, scale):
        owner = contradicted_firm(seed, luck)
    elif family in (UTILITY, DESIGN) and lives.is_doubtful(Patent(family, district, year, ordinal), scale):
        owner = doubtful_firm(seed, luck)
    place = places.as_of(owner.place, out.year)
    spelling = roll()
    if spelling < _RESPELT:
        place = _with_text(place, places.respelt(place.text))
    elif spelling > 1 - _NO_COUNTY and place.state == "CN" and (place.county in place.text):
        place = Place(place.province, place.city, "", place.post_code, place.text, place.nature)
    names = [owner.name_on(day)]
    others = roll()
    if others < _SECOND_OWNER:
        names.append(co_owner(seed, scale, district, roll, day))
        if others < _THIRD_OWNER:
            names.append(co_owner(seed, scale, district, roll, day))
        names = list(dict.fromkeys(names))
    if roll() < _HALF_WIDTH:
        place = _with_text(place, place.text.translate(_WIDTHS))
    assignees = names
    width = roll()
    if width < _HALF_WIDTH:
        names = [name.translate(_WIDTHS) for name in names]
    if width < _HALF_WIDTH / 2:
        assignees = names

    if family == DESIGN:
        title, locarno = topics.goods(roll)
        classes: list[topics.Class] = []
    else:
        title, classes = topics.title_and_classes(roll, family == UTILITY, f"{out:%Y%m%d}")
        locarno = ""
    # what differs between the publication and the grant of one application comes from the document's own luck
    own = luck if first == family else _luck(world, family, district, year, ordinal)
    return Document(
        family=family,
        district=district,
        year=year,
        ordinal=ordinal,
        day=day,
        letter=kind_letter(family, day),
        number=str(number),
        application=application,
        filed=filed,
        title=title,
        classes=classes,
        locarno=locarno,
        owner=owner,
        place=place,
        owner_names=names,
        assignee_names=assignees,
        inventors=1 + int(roll() ** 2 * 6),
        agency=1 + int(roll() * 40) if roll() < _WITH_AGENT else 0,
        standard_first=(own >> 8) % 10_000 < _STANDARD_FIRST * 10_000,
        publication_standard_first=(own >> 30) % 10_000 < _STANDARD_FIRST * 10_000,
        status="C",
        produced=day - timedelta(days=1),
        luck=own,
    )


def _owner(
    world: World, family: str, district: int, year: int, ordinal: int, first_year: int, roll: Callable[[], float]
) -> Owner:
    """The first owner; draws three rolls. Who holds a grant may have taken over the application."""
    born, district = district, _home(world, family, district, year, ordinal)
    own = first_owner(world.seed, world.scale, family, district, first_year, roll, family == DESIGN)
    if family == PUBLISHED:
        return own
    patent = Patent(family, born, year, ordinal)
    if family == GRANTED:
        return assignee(world, patent) if lives.is_assigned(world, patent) else own
    leader = lives.leader_of(world, patent)
    if leader == patent:
        return own
    other = dice(_luck(world, family, born, year, leader.ordinal)).random
    other()
    other()
    return first_owner(world.seed, world.scale, family, district, first_year, other, family == DESIGN)


def _home(world: World, family: str, district: int, year: int, ordinal: int) -> int:
    """Whose firms own it first. What comes into Dongli later on is owned in the city from the start: of the rest of the
    country nobody asks the sources for publications, so that nobody could tell where it came from."""
    if district == ELSEWHERE and lives.comes_in(family, district, year, ordinal, world.scale):
        return _BINHAI
    return district


def assignee(world: World, patent: Patent) -> Owner:
    """Who took over the application of a grant."""
    luck = mix(salt(world.seed, "assignee"), patent.district, patent.year, patent.ordinal)
    there = min(firms(patent.district, world.scale), max(12, firms(patent.district, world.scale) // 3))
    return plain_firm(world.seed, patent.district, luck % there)


def _with_text(place: Place, text: str) -> Place:
    return Place(place.province, place.city, place.county, place.post_code, text, place.nature, place.state)


def _corrected(found: Document, issue: Issue) -> Document:
    """The same document, sent again because its title had an error. Owner and place stay what they were."""
    found.status = "R"
    found.produced = issue.day - timedelta(days=1)
    found.title += "（修正）" if found.family == DESIGN else "（更正版）"
    return found


@lru_cache(maxsize=8)
def left_out(world: World) -> frozenset[tuple[str, int, int, int]]:
    """Family, district, year and ordinal of every document that the world is without."""
    found: set[tuple[str, int, int, int]] = set()
    for patent in lives.lasting(world, DONGLI, world.without):
        found.add(patent)
        found.add((*application_place(world, *patent)[:1], patent.district, *application_place(world, *patent)[1:]))
    return frozenset(found)


def documents_of(world: World, issue: Issue, first: int = 0, end: int = 1 << 60) -> Iterator[Document]:
    """The documents of an issue from position `first` up to `end`: its own, then the few that come out once more."""
    position = 0
    missing = left_out(world)
    for district in range(len(DISTRICTS)):
        start, count = issue.first(district, world.scale), issue.count(district, world.scale)
        for ordinal in range(max(first - position, 0), min(end - position, count)):
            if missing and (issue.family, district, issue.day.year, start + ordinal) in missing:
                continue
            yield document(world, issue.family, district, issue.day.year, start + ordinal)
        position += count
    if end > position:
        yield from _again(world, issue)


def _earlier(issue: Issue) -> Issue | None:
    part, year = issue.part - _AGAIN_AFTER, issue.day.year
    while part < 0:
        year -= 1
        if year < FIRST_YEAR:
            return None
        part += len(issues_of(issue.family, year))
    return issues_of(issue.family, year)[part]


def _again_places(world: World, issue: Issue) -> Iterator[tuple[int, int, int, bool]]:
    earlier = _earlier(issue)
    if earlier is None:
        return
    salted = salt(world.seed, "again", issue.family)
    year = earlier.day.year
    for district in range(len(DISTRICTS)):
        start = earlier.first(district, world.scale)
        for ordinal in range(start, start + earlier.count(district, world.scale)):
            fate = mix(salted, district, year, ordinal) % 1000
            if fate < _REPUBLISHED_PER_MILLE + _CORRECTED_PER_MILLE:
                yield district, year, ordinal, fate >= _REPUBLISHED_PER_MILLE


def _again(world: World, issue: Issue) -> Iterator[Document]:
    missing = left_out(world)
    for district, year, ordinal, is_correction in _again_places(world, issue):
        if (issue.family, district, year, ordinal) in missing:
            continue
        found = document(world, issue.family, district, year, ordinal)
        yield _corrected(found, issue) if is_correction else found
