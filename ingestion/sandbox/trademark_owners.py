"""Who holds trademarks: the city's enterprises, many more of them than hold patents, persons and small shops."""

from __future__ import annotations

from functools import lru_cache

from ingestion.sandbox.dice import mix, pick, salt
from ingestion.sandbox.owners import Owner, firm
from ingestion.sandbox.places import CONTRADICTION, LOOKALIKE, seat
from ingestion.sandbox.targets import DISTRICTS, ELSEWHERE
from ingestion.sandbox.trademark_course import Course
from ingestion.sandbox.trademark_special import specials
from ingestion.sandbox.trademark_targets import ANCHOR, enterprises
from ingestion.sandbox.world import World

_PERSONS, _SHOPS = 0.10, 0.07  # of what brings no new enterprise
_TAIL = 1.8
_FIRST_SEAT = 20_000  # seats of persons and shops
_GIVEN = "安宁文博雅清怡然子涵一诺思远嘉禾景行知秋若水明哲望舒长青"
_SHOP_WORDS = "丰盛兴隆顺达福满鑫源祥和泰瑞恒茂"
_SHOPS_KINDS = ("五金经营部", "食品店", "服装店", "餐饮店", "建材销售中心", "汽车配件商行")


def enterprise(seed: int, district: int, index: int) -> Owner:
    """The n-th enterprise of a district; one whose address contradicts itself gives way to the next."""
    found = firm(seed, district, index)
    return firm(seed, district, index + 1) if found.place.nature == CONTRADICTION else found


@lru_cache(maxsize=5000)
def _small(seed: int, district: int, index: int, is_person: bool) -> Owner:
    place, at = seat(seed, district, _FIRST_SEAT + index)[0], 1
    while place.nature in (CONTRADICTION, LOOKALIKE):
        place, at = seat(seed, district, _FIRST_SEAT + index + at)[0], at + 1
    luck = mix(salt(seed, "small holder"), district, index)
    if is_person:
        name = "例" + pick(_GIVEN, luck % 9973 / 9973) + pick(_GIVEN, luck // 9973 % 9967 / 9967)
        return Owner(f"{district}/tp{index}", name, place, True)
    word = pick(_SHOP_WORDS, luck % 9973 / 9973) + pick(_SHOP_WORDS, luck // 9973 % 9967 / 9967)
    kind = pick(_SHOPS_KINDS, (luck >> 40) % 997 / 997)
    where = "" if district == ELSEWHERE else f"天津市{DISTRICTS[district].name}"
    return Owner(f"{district}/ts{index}", f"{where}例{word}{kind}", place)


def first_owner(world: World, course: Course) -> Owner:
    """Who registered it. Only enterprises may go without an address later on: their first record always has one."""
    seed, district, year = world.seed, course.district, course.year
    special = specials(world).get((district, year, course.ordinal))
    if special:
        small = _small(seed, district, year % 100, False)
        return Owner(f"{district}/ta{year}", special.association, small.place)
    before = enterprises(district, year - 1, world.scale)
    if course.section.fate == ANCHOR:
        return enterprise(seed, district, before + course.ordinal)
    luck = mix(salt(seed, "holder"), district, year, course.ordinal)
    kind, which = luck % 10_000 / 10_000, (luck >> 20) % 1_000_003 / 1_000_003
    people = 2 * max(10, enterprises(district, year, world.scale))
    if kind < _PERSONS or not before:
        return _small(seed, district, int(which * people), True)
    if kind < _PERSONS + _SHOPS:
        return _small(seed, district, people + int(which * people), False)
    return enterprise(seed, district, int(before * which**_TAIL))


def next_owner(world: World, course: Course, turn: int, former: Owner) -> Owner:
    """Who gets it in the n-th transfer: an enterprise that has been in the register for some time, another one."""
    move = course.moves[turn]
    there = max(1, enterprises(move.destination, move.day.year - 2, world.scale))
    luck = mix(salt(world.seed, "transferee"), course.year, course.ordinal, course.district * 4 + turn)
    index = int(there * (luck % 1_000_003 / 1_000_003) ** _TAIL)
    for at in range(there):
        found = enterprise(world.seed, move.destination, (index + at) % there)
        if found.key != former.key:
            return found
    return enterprise(world.seed, move.destination, there)


def owners(world: World, course: Course) -> tuple[Owner, ...]:
    """The first owner and the one after each transfer."""
    found = [first_owner(world, course)]
    for turn in range(len(course.moves)):
        found.append(next_owner(world, course, turn, found[-1]))
    return tuple(found)
