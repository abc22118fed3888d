"""From a registration's course to what the register says of it: number, classes, name, goods. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import gcd

from ingestion.sandbox import places
from ingestion.sandbox.dice import Weighted, dice, mix, pick, salt
from ingestion.sandbox.owners import Owner
from ingestion.sandbox.targets import DISTRICTS, ELSEWHERE
from ingestion.sandbox.trademark_course import Course
from ingestion.sandbox.trademark_owners import enterprise, owners
from ingestion.sandbox.trademark_special import specials
from ingestion.sandbox.trademark_targets import (
    ANCHOR,
    INTO,
    enterprises,
    registrations_before,
)
from ingestion.sandbox.world import World

# shares
_NO_ADDRESS = 0.235  # of what may do without one; fifteen in a hundred of all
_BLANK_CLASS = 0.010
_PADDED_CLASS = 0.35
_TWIN_IN = 64  # one registration of one class in so many stands under two ids
_MASKED_PERSON = 0.30
_MASKED_ROW = 0.08  # of the marks from elsewhere
_SECOND_HOLDER = 0.015
_PRIORITY = 0.02
_MASKS = ("例**", "例*", "例某")

# First registration number of a year, near the true ones; international numbers stay below them.
_NUMBERS_FROM = 1998
# fmt: off
_NUMBERS = (
    2500, 2900, 3300, 3700, 4100, 4500, 4900, 5300, 5700, 6100, 6500, 6900, 7400, 8100, 9000, 10200, 11600, 13400,
    15800, 18800, 23000, 29500, 37500, 46000, 55000, 63500, 71000, 77500, 83500,
)
# fmt: on
_NUMBERS_A_YEAR_AFTER = 6000
_CLASSES: Weighted[tuple[int, ...]] = Weighted(
    (
        (30, (35, 9, 30, 25, 11, 7, 43, 29)),
        (30, (1, 5, 6, 12, 17, 19, 37, 42)),
        (20, (3, 16, 20, 21, 31, 32, 33, 41)),
        (20, tuple(range(1, 46))),
    )
)
_GOODS = (
    "虚构商品",
    "例试用品",
    "例制金属件",
    "例制管道",
    "例用仪器",
    "虚构饮料",
    "例式糕点",
    "虚构服务",
    "例用涂料",
    "例制包装袋",
    "车用例件",
    "例式咨询（虚构）",
    "例用软件(已录制)",
)
_SYLLABLES = "津海云雁松鹤晨曦锦川岳岭鼎泰恒卓越腾飞鸿图兴盛华美康乐安达"
_LATIN = ("LI", "XU", "TAI", "HON", "DA", "VER", "NO", "MEI", "KA", "ZON")
_LANGUAGES = Weighted(((80, "中文"), (10, "英文"), (6, ""), (2, "-"), (2, "中文")))
_COLORS = Weighted(((90, ""), (4, "-"), (3, "指定颜色"), (3, "/")))


@dataclass(slots=True)
class Mark:
    """What the register holds of one registration, whatever the delivery."""

    course: Course
    number: int
    classes: list[int]
    class_texts: list[str]
    name: str
    types: tuple[str, ...]
    goods: str
    owners: tuple[Owner, ...]
    second_holder: str
    applied: date
    priority: date | None
    language: str
    color: str
    has_address: bool
    has_twin: bool
    mask: str  # of a person's name, '' for none
    is_masked: bool  # the row is there, and says nothing of name and holder
    luck: int

    def ids(self, index: int) -> list[str]:
        """MARK_CN_ID of a class: the number itself for the first one; a second id where it stands twice."""
        found = [mark_id(self.number, index)]
        return [*found, f"CN9{self.number:013d}"] if self.has_twin and index == 0 else found


def mark_id(digits: int, index: int = 0) -> str:
    return f"CN{digits:014d}" if index == 0 else f"CN{index:02d}{digits:012d}"


def _first_number(year: int) -> int:
    at = year - _NUMBERS_FROM
    if at < len(_NUMBERS):
        return _NUMBERS[at] * 1000
    return (_NUMBERS[-1] + _NUMBERS_A_YEAR_AFTER * (at - len(_NUMBERS) + 1)) * 1000


@lru_cache(maxsize=100)
def _order(seed: int, year: int, total: int) -> tuple[int, int]:
    luck = mix(salt(seed, "registration numbers"), year)
    step = 1 + int(total * (0.2 + 0.5 * (luck % 991) / 991))
    while gcd(step, total) != 1:
        step += 1
    return step, luck >> 20


def registration_number(world: World, district: int, year: int, position: int, applied_only: bool = False) -> int:
    """Unique in the whole register; every registration leaves the number of one mere application beside it."""
    total = 2 * registrations_before(len(DISTRICTS), year, world.scale)
    at = 2 * (registrations_before(district, year, world.scale) + position) + applied_only
    step, shift = _order(world.seed, year, total)
    room = _first_number(year + 1) - _first_number(year)
    if total > room:
        raise ValueError(f"scale too large: {total} numbers for a range of {room}")
    each = room // total
    place = (at * step + shift) % total
    return _first_number(year) + place * each + mix(salt(world.seed, "gaps"), year, place) % each


def mark(world: World, course: Course) -> Mark:
    """The registration behind a course."""
    district, year, ordinal = course.district, course.year, course.ordinal
    luck = mix(salt(world.seed, "mark"), district, year, ordinal)
    roll = dice(luck).random
    number = registration_number(world, district, year, course.position)
    classes: list[int] = []
    while len(classes) < course.section.classes:
        found = pick(_CLASSES.pick(roll()), roll())
        if found not in classes:
            classes.append(found)
    classes.sort()
    padded = roll() < _PADDED_CLASS
    texts = [f"{found:02d}" if padded else str(found) for found in classes]
    holders = owners(world, course)
    special = specials(world).get((district, year, ordinal))
    name = _name(roll(), roll(), roll(), luck)
    address_roll, twin_roll, mask_roll, second_roll, blank_roll = roll(), roll(), roll(), roll(), roll()
    enterprise_only = all("/t" not in owner.key for owner in holders)
    known_for_long = (
        course.section.fate != ANCHOR and enterprise_only and bool(enterprises(district, year - 1, world.scale))
    )
    has_address = not (known_for_long and address_roll < _NO_ADDRESS)
    has_twin = course.section.classes == 1 and twin_roll * _TWIN_IN < 1
    if course.section.classes == 1 and not has_twin and blank_roll < _BLANK_CLASS:
        texts = [pick(("", "-", "/", "0"), blank_roll / _BLANK_CLASS)]
    second = ""
    if second_roll < _SECOND_HOLDER and not course.moves:
        other = enterprise(
            world.seed, district, int(second_roll * 1e6) % max(1, enterprises(district, year, world.scale))
        )
        second = other.name if other.key != holders[0].key else ""
    applied = course.registered - timedelta(days=300 + int(roll() * 260))
    goods = "；".join(dict.fromkeys(pick(_GOODS, roll()) for _ in range(1 + int(roll() * 4)))) + "；"
    return Mark(
        course=course,
        number=number,
        classes=classes,
        class_texts=texts,
        name=special.product if special else name,
        types=special.types if special else ("普通商标",),
        goods=goods,
        owners=holders,
        second_holder=second,
        applied=applied,
        priority=applied - timedelta(days=30 + luck % 140) if roll() < _PRIORITY else None,
        language=_LANGUAGES.pick(roll()),
        color=_COLORS.pick(roll()),
        has_address=has_address,
        has_twin=has_twin,
        mask=pick(_MASKS, mask_roll / _MASKED_PERSON) if holders[0].is_person and mask_roll < _MASKED_PERSON else "",
        is_masked=district == ELSEWHERE and course.section.fate not in (ANCHOR, INTO) and mask_roll > 1 - _MASKED_ROW,
        luck=luck,
    )


def _name(kind: float, first: float, second: float, luck: int) -> str:
    if kind < 0.25:
        return f"虚例{luck % 10_000:04d}"
    if kind < 0.85:
        return f"例{pick(_SYLLABLES, first)}{pick(_SYLLABLES, second)}"
    latin = pick(_LATIN, first) + pick(_LATIN, second)
    return f"例{pick(_SYLLABLES, second)} {latin}" if kind < 0.95 else f"LI {latin}"


def holder_place(owner: Owner, year: int) -> str:
    """The holder's address as it was written in a year."""
    return places.as_of(owner.place, year).text
