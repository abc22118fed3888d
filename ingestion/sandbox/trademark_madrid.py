"""International registrations: the inbound ones of foreign holders (`G…`), and the few that holders here own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.owners import Owner
from ingestion.sandbox.places import PLAIN, Place
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE
from ingestion.sandbox.trademark_calendar import MADRID, delivered
from ingestion.sandbox.trademark_course import years_later
from ingestion.sandbox.trademark_owners import enterprise
from ingestion.sandbox.trademark_targets import FIRST_DELIVERED, enterprises
from ingestion.sandbox.world import World

FIRST_YEAR = 2000
_INBOUND = 28  # a year
_OUTBOUND_SINCE = 2009
_OUTBOUND = (1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4)  # of Dongli's holders, 2009-2026
_LET_GO_UNTIL = 2011  # of Dongli's, the first of each of these years is not renewed
_SETTLING = timedelta(days=60)
_FOREIGN = (
    ("日本东京都例区", "株式会社", "K.K.", "JP"),
    ("日本东京都", "东丽例丝株式会社", "", "JP"),  # a look-alike, by its whole name
    ("德国慕尼黑例街", "有限责任公司", "GMBH", "DE"),
    ("韩国京畿道例洞", "株式会社", "CO., LTD.", "KR"),
    ("法国里昂例街", "股份公司", "S.A.", "FR"),
    ("意大利米兰例街", "责任有限公司", "S.R.L.", "IT"),
)
_SOUNDS = ("LI", "ZI", "CHOU", "YIN", "MAO", "CHEN", "SI", "WU", "WEI", "SHEN", "YOU", "XU", "HAI", "JIA", "YI", "BING")
_WORDS = "例子丑寅卯辰巳午未申酉戌亥甲乙丙"


@dataclass(frozen=True, slots=True)
class International:
    """One international registration as package 136 shows it."""

    year: int
    index: int
    district: int  # of the holder; ELSEWHERE for the inbound ones
    is_inbound: bool
    digits: int
    suffix: str
    begins: date
    is_renewed: bool
    owner: Owner
    english: str
    luck: int

    @property
    def number(self) -> str:
        return f"{'G' if self.is_inbound else ''}{self.digits}{self.suffix}"

    def ends(self, terms: int) -> date:
        """Last day of the n-th ten years: the anniversary itself, as the example has it."""
        return years_later(self.begins, 10 * terms)

    def deliveries(self, last: date) -> Iterator[tuple[date, int]]:
        """(day, number of terms shown), the first registration and then each renewal."""
        yield delivered(MADRID, self.begins + _SETTLING), 1
        terms = 1
        while self.is_renewed and self.ends(terms) - _SETTLING <= last:
            yield delivered(MADRID, self.ends(terms) - _SETTLING), terms + 1
            terms += 1


def _base(year: int) -> int:
    return 730_000 + 30_000 * min(year - 2000, 9) + 55_000 * max(0, year - 2009)


def _holders(year: int, scale: float) -> list[int]:
    """The outbound registrations of a year, by the holder's district: Dongli's first, then one of another."""
    if year < _OUTBOUND_SINCE:
        return []
    ours = _OUTBOUND[min(year - _OUTBOUND_SINCE, len(_OUTBOUND) - 1)]
    others = [number for number in range(1, ELSEWHERE) if DISTRICTS[number].weight > 0.1]
    return [DONGLI] * int(ours * scale + 0.5) + [others[year % len(others)]] * int(scale + 0.5)


@lru_cache(maxsize=64)
def of_year(world: World, year: int) -> tuple[International, ...]:
    """All international registrations of a year that the package will ever show."""
    return tuple(_of_year(world, year))


def _of_year(world: World, year: int) -> Iterator[International]:
    holders = _holders(year, world.scale)
    total = int(_INBOUND * world.scale + 0.5) + len(holders)
    for index in range(total):
        luck = mix(salt(world.seed, "international"), year, index)
        is_inbound = index >= len(holders)
        district = ELSEWHERE if is_inbound else holders[index]
        place = (index + salt(world.seed, "international order") + year) % total
        step = (_base(year + 1) - _base(year)) // total
        digits = _base(year) + place * step + (luck >> 40) % step
        english = ""
        if is_inbound:
            owner, english = _foreigner(luck)
        else:
            there = enterprises(district, year - 1, world.scale)
            # a look at the busiest half of them
            owner = enterprise(world.seed, district, (luck >> 20) % max(1, there // 2))
        first_of_ours = district == DONGLI and index == 0 and year <= _LET_GO_UNTIL
        yield International(
            year,
            index,
            district,
            is_inbound,
            digits,
            "A" if (luck >> 8) % 6 == 0 else "",
            date(year, 1, 3) + timedelta(days=luck % 360),
            luck % 10 < 7 if is_inbound else not first_of_ours,
            owner,
            english,
            luck,
        )


def _foreigner(luck: int) -> tuple[Owner, str]:
    place, form, latin, state = _FOREIGN[(luck >> 12) % len(_FOREIGN)]
    first, second = (luck >> 16) % 16, (luck >> 20) % 16
    if not latin:
        return Owner(form, form, Place("", "", "", "", place, PLAIN, state)), "DONG LI LI SI K.K."
    name = f"例{_WORDS[first]}{_WORDS[second]}{form}"
    address = f"{place}{1 + (luck >> 24) % 200}号"
    return Owner(
        name, name, Place("", "", "", "", address, PLAIN, state)
    ), f"{_SOUNDS[first]} {_SOUNDS[second]} {latin}"


def shown_in(world: World, since: date, until: date) -> list[tuple[International, int]]:
    """(registration, number of terms shown) of the delivery between two days, the second included."""
    found = []
    for year in range(FIRST_YEAR, until.year + 1):
        if since.year >= FIRST_DELIVERED and (until.year - year) % 10 not in (9, 0, 1):
            continue  # nothing is registered or renewed in between
        for each in of_year(world, year):
            found += [(each, terms) for day, terms in each.deliveries(until) if since < day <= until]
    return found


def international_on(world: World, district: int, day: date, until: date | None = None) -> int:
    """International registrations of holders in a district that run on a day, each number once."""
    count = 0
    for year in range(_OUTBOUND_SINCE, day.year + 1):
        for each in of_year(world, year):
            if each.is_inbound or each.district != district or each.begins > day:
                continue
            shown = [terms for known, terms in each.deliveries(day) if until is None or known <= until]
            count += bool(shown) and (day <= each.ends(max(shown)))
    return count
