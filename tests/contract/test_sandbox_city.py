"""The register behind the synthetic city: right codes, unique names, former names and seats as of a day."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import islice

import pytest

from ingestion.sandbox.city import City, Registered
from ingestion.sandbox.issues import issues_of
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE
from ingestion.sandbox.world import World, documents_of

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # pragma: allowlist secret


def is_right(code: str) -> bool:
    """By powers of three modulo 31, character after character: not the table of weights that the city uses."""
    if len(code) != 18 or any(letter not in ALPHABET for letter in code):
        return False
    total, weight = 0, 1
    for letter in code[:17]:
        total += weight * ALPHABET.index(letter)
        weight = weight * 3 % 31
    return (total + ALPHABET.index(code[17])) % 31 == 0


def organisation_is_right(code: str) -> bool:
    total = 0
    for weight, letter in zip((3, 7, 9, 10, 5, 8, 4, 2), code[:8], strict=True):
        total += weight * (ord(letter) - 48 if letter.isdigit() else ord(letter) - 55)
    return "0123456789X"[-total % 11] == code[8]


def test_the_arithmetic_of_this_test_knows_a_wrong_code() -> None:
    good = next(City(World()).enterprises(DONGLI)).code
    assert is_right(good)
    wrong = [good[:at] + ALPHABET[(ALPHABET.index(good[at]) + 1) % 31] + good[at + 1 :] for at in range(18)]
    assert not any(map(is_right, wrong))


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_codes_have_right_check_digits_and_are_used_once(seed: int) -> None:
    codes: Counter[str] = Counter()
    names: Counter[str] = Counter()
    city = City(World(seed))
    for district in range(len(DISTRICTS)):
        for found in (*city.enterprises(district), *city.schools(district)):
            if found.code:
                assert is_right(found.code), found
                assert found.code[8:17] == found.organisation_code
                assert organisation_is_right(found.organisation_code), found
                codes[found.code] += 1
            if found.kind == "enterprise":
                for name in {found.name, *(name for name, _ in found.former_names)}:
                    names[name] += 1
    assert len(codes) > 2_000
    assert max(codes.values()) == max(names.values()) == 1


def test_most_firms_of_the_district_have_its_code_and_the_code_alone_places_nobody() -> None:
    city = City(World())
    firms = list(city.enterprises(DONGLI))
    own = [firm for firm in firms if firm.code.startswith("91120110")]
    assert 0.7 < len(own) / len(firms) < 0.85
    moved_in = [firm for firm in firms if firm.came_from]
    assert all(not firm.code.startswith("91120110") and firm.seat.county == "东丽区" for firm in moved_in)
    assert all(firm.came_from and firm.came_from[0].county != "东丽区" for firm in moved_in)
    outside = [firm for other in range(1, ELSEWHERE) for firm in city.enterprises(other)]
    moved_out = [firm for firm in outside if firm.code.startswith("91120110")]
    assert moved_out
    for firm in (*moved_in, *moved_out):
        assert firm.came_from
        left = firm.came_from[1]
        assert firm.seat_on(left - timedelta(days=1)) == firm.came_from[0] != firm.seat_on(left) == firm.seat
        assert firm.founded <= left


def test_former_names_hold_until_their_day_and_stand_on_the_documents_of_their_time() -> None:
    city = City(World())
    changed = {firm.key: firm for firm in city.enterprises(DONGLI) if firm.former_names}
    assert 0.04 < len(changed) / 1150 < 0.12
    for firm in changed.values():
        for name, until in firm.former_names:
            assert firm.name_on(until - timedelta(days=1)) == name != firm.name_on(until)
            assert firm.founded < until
        assert firm.name_on(date(2026, 1, 1)) == firm.name
    seen: Counter[bool] = Counter()
    for year in (2014, 2022):
        for issue in issues_of("utility", year):
            for made in documents_of(city.world, issue, 0, issue.count(DONGLI, 1.0)):
                known = changed.get(made.owner.key)
                if known:
                    assert made.owner_names[0].translate(str.maketrans("()", "（）")) == known.name_on(made.day)
                    seen[known.name_on(made.day) == known.name] += 1
    assert seen[True] > 5
    assert seen[False] > 5


def test_streets_parks_and_industries_are_known_where_addresses_are_silent() -> None:
    firms = list(City(World()).enterprises(DONGLI))
    silent = [firm for firm in firms if firm.seat.nature == "plain"]
    assert all(firm.street.endswith("街道") for firm in silent)
    assert len({firm.street for firm in firms}) == 12  # eleven, and none for zones of others
    assert all(firm.park and not firm.street for firm in firms if firm.seat.nature == "zone_of_other")
    assert len({firm.industry_code for firm in firms}) > 10
    assert all(firm.founded.year <= 2026 for firm in firms)


def test_look_up_by_key_finds_what_iterating_shows() -> None:
    city = City(World(4, 0.3))
    everybody: list[Registered] = []
    for district in (DONGLI, 4, ELSEWHERE):
        everybody += islice(city.enterprises(district), 40)
        everybody += city.schools(district)
        everybody += islice(city.persons(district), 5)
    for found in everybody:
        assert city.lookup(found.key) == found
    for wrong in ("", "0", "0/999999", "0/x", "99/1", "0/s9", "16/东丽例无株式会社"):
        assert city.lookup(wrong) is None
    assert City(World(5, 0.3)).lookup("0/1") != city.lookup("0/1")
    assert city.lookup("0/s0").name == "中国例航大学"  # type: ignore[union-attr]
