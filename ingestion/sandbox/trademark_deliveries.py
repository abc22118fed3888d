"""What a delivery of a trademark package holds, and in which zips it comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.targets import DISTRICTS, DONGLI
from ingestion.sandbox.trademark_calendar import (
    LICENCES,
    MADRID,
    MARKS,
    SETTLING,
    SLOTS,
    TRANSFERS,
    WELL_KNOWN,
    Delivery,
    gazette_day,
    slots_between,
)
from ingestion.sandbox.trademark_course import (
    RENEWAL_OFFSETS,
    TERM,
    Course,
    comes_late,
    course,
    dealt,
    late_by,
    left_out,
    ordinal_at,
    positions_in,
    turned,
)
from ingestion.sandbox.trademark_madrid import shown_in
from ingestion.sandbox.trademark_mark import Mark, mark, mark_id, registration_number
from ingestion.sandbox.trademark_owners import enterprise
from ingestion.sandbox.trademark_page import (
    CANCELLED_STATES,
    ENDED_STATES,
    Licence,
    Showing,
    application_page,
    international_pages,
    licence_page,
    mark_page,
    transfer_page,
)
from ingestion.sandbox.trademark_special import well_known
from ingestion.sandbox.trademark_targets import (
    CANCELLED,
    FIRST_REGISTERED,
    KEPT,
    MOVING,
    PARTLY,
    RETURN_AFTER,
    RETURNED,
    enterprises,
    registrations,
    sections,
)
from ingestion.sandbox.world import World
from ingestion.sandbox.zips import zipped

_IN_ONE_ZIP = 1100  # registrations; some have several classes
_REPEAT_EVERY = 30  # one delivery in so many comes once more, in part
_APPLICATION_EVERY = 29  # new registrations to one application that leads to nothing
_NO_XML_EVERY = 6  # of those, one in so many is a folder without its record
_ENDED_SHOWN = 3  # of ten rights that ran out, so many are told
_ENDED_AFTER = 240  # days
_LICENSED = 40  # one registration in so many
_LICENCE_CLASSES = 14  # one in so many of those with several classes

NEW, RENEWED, CANCELLED_NOW, ENDED = "new", "renewed", "cancelled", "ended"
_JPG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
_Member = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Ref:
    """One registration in one delivery."""

    kind: str
    district: int
    year: int
    ordinal: int
    terms: int = 1


@dataclass(frozen=True, slots=True)
class Zip:
    """One zip of a delivery. `known` is the day on which it can first be seen in the folder."""

    delivery: Delivery
    name: str
    known: date
    part: int
    parts: int
    is_late: bool = False
    is_repeat: bool = False


# -- package 132: which registrations


def _places(last: date) -> Iterator[tuple[int, int]]:
    for district in range(len(DISTRICTS)):
        for year in range(FIRST_REGISTERED, last.year + 1):
            yield district, year


def _new_positions(world: World, delivery: Delivery) -> Iterator[tuple[int, int, range]]:
    after, until = (day - timedelta(days=SETTLING) for day in (delivery.since, delivery.day))
    for district, year in _places(until):
        if year >= after.year:
            total = registrations(district, year, world.scale)
            yield district, year, positions_in(total, slots_between(year, after, until))


def _due(world: World, delivery: Delivery, offset: int, residue: int, of: int) -> Iterator[tuple[int, int, int, range]]:
    """(district, year, terms, positions of a residue) whose last of these terms ends an offset before a delivery."""
    after, until = (day - timedelta(days=offset) for day in (delivery.since, delivery.day))
    for ended in range(max(after.year, FIRST_REGISTERED + TERM), until.year + 1):
        slots = slots_between(ended, after, until)
        for year in range(ended - TERM, FIRST_REGISTERED - 1, -TERM) if slots else ():
            for district in range(len(DISTRICTS)):
                found = positions_in(registrations(district, year, world.scale), slots)
                start = found.start + (residue - found.start) % of
                if start < found.stop:
                    yield district, year, (ended - year) // TERM, range(start, found.stop, of)


def _renewal_positions(world: World, delivery: Delivery) -> Iterator[tuple[int, int, int, range]]:
    for residue, offset in enumerate(RENEWAL_OFFSETS):
        yield from _due(world, delivery, offset, residue, len(RENEWAL_OFFSETS))


def _happened(world: World, delivery: Delivery) -> Iterator[Ref]:
    """What befell registrations that are known already."""
    for district, year in _places(delivery.day):
        for section in sections(district, year, world.scale):
            if section.fate in (CANCELLED, PARTLY) and year + section.after == delivery.day.year:
                begin = turned(world, "cancelled", section, year, district, delivery.parts)
                for ordinal in dealt(section, delivery.parts, begin, delivery.part):
                    yield Ref(CANCELLED_NOW, district, year, ordinal)
    for district, year, terms, positions in _renewal_positions(world, delivery):
        for position in positions:
            ordinal = ordinal_at(world, district, year, position)
            if course(world, district, year, ordinal).is_renewed_after(terms):
                yield Ref(RENEWED, district, year, ordinal, terms + 1)
    for residue in range(_ENDED_SHOWN):
        for district, year, terms, positions in _due(world, delivery, _ENDED_AFTER, residue, 10):
            for position in positions:
                found = course(world, district, year, ordinal_at(world, district, year, position))
                if found.terms == terms:
                    yield Ref(ENDED, district, year, found.ordinal, terms)


@lru_cache(maxsize=4)
def _marks_plan(world: World, delivery: Delivery, without: int) -> tuple[list[Ref], list[Ref]]:
    """What comes on the day, and what comes late."""
    gone = left_out(world, without)
    late = late_by(world, delivery)
    on_time = [
        ref for ref in _happened(world, delivery) if ref.district != DONGLI or (ref.year, ref.ordinal) not in gone
    ]
    later: list[Ref] = []
    for district, year, positions in _new_positions(world, delivery):
        for position in positions:
            ordinal = ordinal_at(world, district, year, position)
            if district != DONGLI or (year, ordinal) not in gone:
                side = later if late and comes_late(position) else on_time
                side.append(Ref(NEW, district, year, ordinal))
    return on_time, later


# -- package 132: their records


def _owner_on(found: Course, day: date) -> int:
    return sum(move.day <= day for move in found.moves)


def _of_ref(world: World, delivery: Delivery, ref: Ref) -> Iterator[_Member]:
    found = course(world, ref.district, ref.year, ref.ordinal)
    made = mark(world, found)
    owner = 0 if ref.kind == NEW else _owner_on(found, delivery.day)
    classes = range(found.section.classes)
    states = ("有效", "有效")
    if ref.kind == CANCELLED_NOW:
        states = CANCELLED_STATES[made.luck % len(CANCELLED_STATES)]
        classes = classes[-1:] if found.section.fate == PARTLY else classes
    elif ref.kind == ENDED:
        states = ENDED_STATES[made.luck % len(ENDED_STATES)]
    if ref.kind in (RENEWED, ENDED):
        classes = range(found.live_classes(delivery.day))
    for index in classes:
        ids = made.ids(index)
        if ref.kind != NEW and len(ids) > 1:
            ids = [ids[made.luck >> 7 & 1]]  # what follows is told of one of the two
        for id in ids:
            yield from _member(id, mark_page(made, Showing(index, id, ref.terms, owner, states, ref.kind)), made.luck)
    if ref.kind == NEW and found.position % _APPLICATION_EVERY == 7:
        yield from _application(world, made)


def _application(world: World, made: Mark) -> Iterator[_Member]:
    found = made.course
    number = registration_number(world, found.district, found.year, found.position, applied_only=True)
    id = mark_id(number)
    lost = made.luck >> 33
    if lost % _NO_XML_EVERY == 0:
        yield (f"{id}/{id}.jpg", _JPG) if lost % 4 < 3 else (f"{id}/", b"")
    else:
        yield from _member(id, application_page(made, number), made.luck)


def _member(id: str, page: bytes, luck: int) -> Iterator[_Member]:
    yield f"{id}/{id}.xml", page
    if luck >> 20 & 3 == 0:
        yield f"{id}/{id}.jpg", _JPG
    if luck >> 20 & 31 == 0:
        yield f"{id}/{id}sf.jpg", _JPG


# -- the other packages


def _transfers(world: World, delivery: Delivery) -> Iterator[tuple[Course, int]]:
    """(registration, how many of its transfers are told)."""
    after, until = (day - timedelta(days=SETTLING) for day in (delivery.since, delivery.day))
    for district, year in _places(until):
        for section in sections(district, year, world.scale):
            if section.fate not in MOVING:
                continue
            begin = turned(world, "moved", section, year, district, SLOTS)
            for more in range(2 if section.fate == RETURNED else 1):
                told = year + section.after + more * RETURN_AFTER
                for slot in slots_between(told, after, until) if after.year <= told <= until.year else ():
                    for ordinal in dealt(section, SLOTS, begin, slot):
                        yield course(world, district, year, ordinal), more + 1


def _licences(world: World, delivery: Delivery, without: int) -> Iterator[tuple[Course, list[Licence]]]:
    gone = left_out(world, without)
    for district, year in _places(delivery.day):
        for section in sections(district, year, world.scale):
            if section.fate != KEPT:
                continue
            every = _LICENSED if section.classes == 1 else _LICENCE_CLASSES
            for at, ordinal in enumerate(range(section.first + every // 2, section.end, every)):
                told = year + 2 + at % 5
                if told != delivery.day.year or (district == DONGLI and (year, ordinal) in gone):
                    continue
                found = course(world, district, year, ordinal)
                count = 2 if at % 9 == 0 else 1
                yield found, [_licence(world, found, told, number) for number in range(count)]


def _licence(world: World, found: Course, year: int, number: int) -> Licence:
    luck = mix(salt(world.seed, "licence", number), found.district, found.year, found.ordinal)
    slot = luck % (SLOTS - 6)  # told in the December after it
    day = gazette_day(year, slot)
    begins = day - timedelta(days=20 + (luck >> 8) % 120)
    where = found.district if luck >> 60 & 1 else (luck >> 20) % len(DISTRICTS)
    there = max(1, enterprises(where, year - 2, world.scale))
    licensee = enterprise(world.seed, where, (luck >> 28) % there)
    unique = f"{year}{found.district:02d}{found.year % 100:02d}{found.ordinal:07d}{number}"
    return Licence(unique, day, slot, begins, begins + timedelta(days=365 * (1 + (luck >> 40) % 5)), licensee.name)


def _of_other_package(world: World, delivery: Delivery, without: int) -> Iterator[_Member]:
    if delivery.package == TRANSFERS:
        for found, moves in _transfers(world, delivery):
            made = mark(world, found)
            for index in range(found.section.classes):
                id = mark_id(made.number, index)
                yield f"{id}/{id}.xml", transfer_page(made, index, moves)
    elif delivery.package == LICENCES:
        for found, licences in _licences(world, delivery, without):
            made = mark(world, found)
            for index in range(found.section.classes):
                id = mark_id(made.number, index)
                yield f"{id}/{id}.xml", licence_page(made, index, licences)
    elif delivery.package == MADRID:
        for international, terms in shown_in(world, delivery.since, delivery.day):
            for id, page in international_pages(international, terms):
                yield from _member(id, page, international.luck)
    elif delivery.package == WELL_KNOWN:
        for known in well_known(world):
            if delivery.day in (known.recognised, known.again):
                found = course(world, known.district, known.year, known.ordinal)
                made = mark(world, found)
                id = mark_id(made.number)
                showing = Showing(0, id, _terms_by(found, delivery.day), occasion="well-known", other="驰名商标")
                yield from _member(id, mark_page(made, showing), made.luck)


def _terms_by(found: Course, day: date) -> int:
    terms = 1
    while found.renewal_due(terms) <= day:
        terms += 1
    return terms


def _others_at_most(world: World, delivery: Delivery, without: int) -> int:
    if delivery.package == TRANSFERS:
        return sum(1 for _ in _transfers(world, delivery))
    if delivery.package == LICENCES:
        return sum(1 for _ in _licences(world, delivery, without))
    if delivery.package == MADRID:
        return len(shown_in(world, delivery.since, delivery.day))
    return sum(delivery.day in (known.recognised, known.again) for known in well_known(world))


# -- the zips


@lru_cache(maxsize=4096)
def zips_of(world: World, delivery: Delivery, without: int = 0) -> tuple[Zip, ...]:
    """All zips of a delivery, by name, whenever they arrive; none when it holds nothing."""
    stem = f"{delivery.package}_{delivery.day:%Y%m%d}"
    if delivery.package != MARKS:
        count = _others_at_most(world, delivery, without)
        parts = -(-count // _IN_ONE_ZIP)
        return tuple(Zip(delivery, f"{stem}_{part + 1:04d}.zip", delivery.day, part, parts) for part in range(parts))
    late = late_by(world, delivery)
    new = [positions for *_, positions in _new_positions(world, delivery) if positions]
    later = sum(comes_late(position) for positions in new for position in positions) if late else 0
    count = sum(map(len, new)) + int(1.15 * sum(len(found) for *_, found in _renewal_positions(world, delivery)))
    if without or later == sum(map(len, new)):  # it may be nothing at all
        plan = _marks_plan(world, delivery, without)
        count, later = len(plan[0]), len(plan[1])
    parts = -(-count // _IN_ONE_ZIP)
    found = [Zip(delivery, f"{stem}_{part + 1:04d}.zip", delivery.day, part, parts) for part in range(parts)]
    if late and later:
        late_parts = -(-later // _IN_ONE_ZIP)
        found += [
            Zip(delivery, f"{stem}_{parts + part + 1:04d}.zip", delivery.day + late, part, late_parts, is_late=True)
            for part in range(late_parts)
        ]
    if parts and (delivery.number + salt(world.seed, "repeated trademarks")) % _REPEAT_EVERY == 7:
        again = delivery.day + timedelta(days=7)
        found.append(Zip(delivery, f"{stem}_0001-2.zip", again, 0, parts, is_repeat=True))
    return tuple(sorted(found, key=lambda each: each.name))


def zip_bytes(world: World, zip: Zip, without: int = 0) -> bytes:
    """The zip itself. Made anew at each call, always the same."""
    delivery = zip.delivery
    if delivery.package == MARKS:
        on_time, later = _marks_plan(world, delivery, without)
        refs = later if zip.is_late else on_time
        refs = refs[len(refs) * zip.part // zip.parts : len(refs) * (zip.part + 1) // zip.parts]
        if zip.is_repeat:
            refs = [ref for ref in refs if ref.kind == NEW][::4]
        members = [member for ref in refs for member in _of_ref(world, delivery, ref)]
    else:
        everything = list(_of_other_package(world, delivery, without))
        members = _slice_of(everything, zip)
    eve = delivery.day - timedelta(days=1)
    stamp = (eve.year, eve.month, eve.day, 18, 0, 0)
    return zipped((f"{delivery.package}_{delivery.day:%Y%m%d}/{name}", content, stamp) for name, content in members)


def _slice_of(everything: list[_Member], zip: Zip) -> list[_Member]:
    """The part's share, without parting what lies in one folder."""
    folders = list(dict.fromkeys(name.partition("/")[0] for name, _ in everything))
    mine = set(folders[len(folders) * zip.part // zip.parts : len(folders) * (zip.part + 1) // zip.parts])
    return [member for member in everything if member[0].partition("/")[0] in mine]
