"""The synthetic trademark feed: exact counts, the packages' shapes, and every quirk at its rate.

The small reader below is this test's own and knows nothing of the product's: it follows the page of the source.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import unicodedata
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from ingestion import sandbox
from ingestion.sandbox import trademark_census as census
from ingestion.sandbox.cli import main
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE
from ingestion.sandbox.trademark_calendar import MARKS, delivery_days
from ingestion.sandbox.trademark_course import left_out
from ingestion.sandbox.trademark_feed import TrademarkFeed
from ingestion.sandbox.trademark_special import well_known
from ingestion.sandbox.trademark_targets import planned_stock
from ingestion.sandbox.world import World

EXAMPLES = Path(__file__).parent / "sandbox_examples"
TODAY = date(2026, 11, 22)
END_2015, END_2020, END_2025 = date(2015, 12, 31), date(2020, 12, 31), date(2025, 12, 31)
EMPTY = {"", "-", "/", "0", "00000000"}
DAY = re.compile(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})日?$")


# -- a small reader of its own


def clean(text: str | None) -> str:
    text = unicodedata.normalize("NFKC", text or "").replace("&nbsp;", "")
    return re.sub(r"\s", "", text)


def day_of(text: str | None, last: bool = False) -> date | None:
    text = (text or "").strip()
    if text in EMPTY:
        return None
    if "至" in text:
        text = text.split("至")[1 if last else 0].strip()
    if re.fullmatch(r"\d{12,13}", text):
        return (datetime.fromtimestamp(int(text) / 1000, UTC) + timedelta(hours=8)).date()
    found = DAY.match(text)
    assert found, f"{text!r} is no day"
    return date(*map(int, found.groups()))


@dataclass
class Record:
    package: str
    path: str
    delivered: date
    root: etree._Element
    raw: bytes

    def text(self, name: str) -> str:
        return self.root.findtext(f".//{name}") or ""

    @property
    def key(self) -> tuple[str, str]:
        classes = self.text("ICN").strip()
        return self.text("REGISTRATION-NO"), "" if classes in EMPTY else str(int(classes))

    @property
    def holder(self) -> str:
        return clean(self.text("NAME-ZH"))

    @property
    def address(self) -> str:
        found = clean(self.text("ADDRESS-ZH"))
        return "" if found in EMPTY or "*" in found else found


@dataclass
class Right:
    periods: list[tuple[date, date]] = field(default_factory=list)
    cancelled: date | None = None
    first: Record | None = None


@dataclass
class Packages:
    """All records of a feed, and what follows from them."""

    records: dict[str, list[Record]]
    folders_without_record: int
    members: Counter[str]
    zips: dict[str, int]

    def __post_init__(self) -> None:
        self.rights: dict[tuple[str, str], Right] = defaultdict(Right)
        self.is_ours_by_name: dict[str, bool] = {}
        self.transfers: dict[str, dict[date, tuple[str, str]]] = defaultdict(dict)
        for record in sorted(self.records["132"], key=lambda record: record.delivered):
            if record.address and not re.search(r"[*某]", record.holder):
                self.is_ours_by_name[record.holder] = is_ours(record.address)
            begins = day_of(record.text("SPECIAL-RIGHT-STARTDATE"))
            ends = day_of(record.text("SPECIAL-RIGHT-ENDDATE"), last=True)
            if begins is None or ends is None:
                continue
            right = self.rights[record.key]
            right.first = right.first or record
            right.periods.append((begins, ends))
            if record.text("CURRENT-STATE-RIGHT") != "有效":
                right.cancelled = min(right.cancelled or date.max, record.delivered)
        for record in self.records["134"]:
            for transfer in record.root.iter("TRANSFERINFO"):
                told = day_of(transfer.findtext("ZHGGRQ"))
                assert told and told < record.delivered
                names = clean(transfer.findtext("ZHRR/NAME-ZH")), clean(transfer.findtext("SHRR/NAME-ZH"))
                self.transfers[record.text("REGISTRATION-NO")][told] = names

    def is_dongli(self, number: str, right: Right, day: date) -> bool:
        told = [names for on, names in sorted(self.transfers.get(number, {}).items()) if on <= day]
        if told:
            return self.is_ours_by_name[told[-1][1]]
        assert right.first
        if right.first.address:
            return is_ours(right.first.address)
        return "*" not in right.first.holder and self.is_ours_by_name[right.first.holder]

    def in_force(self, day: date) -> int:
        return sum(
            any(begins <= day <= ends for begins, ends in right.periods)
            and not (right.cancelled and right.cancelled <= day)
            and self.is_dongli(number, right, day)
            for (number, _), right in self.rights.items()
        )


def is_ours(address: str) -> bool:
    return address.startswith(("天津市东丽区", "天津东丽经济技术开发区"))


def read(world: World, clock: date = TODAY, without: int = 0) -> Packages:
    records: dict[str, list[Record]] = defaultdict(list)
    folders, members, zips = 0, Counter[str](), {}
    for path, entry in TrademarkFeed(world, lambda: clock, without=without).walk():
        if path == "SYNTHETIC.txt":
            continue
        found = re.fullmatch(r"(13[23467])_[^/]+/(\d{8})/\1_\2_\d{4}(-2)?\.zip", path)
        assert found, path
        assert entry.content
        with zipfile.ZipFile(io.BytesIO(entry.content())) as archive:
            names = archive.namelist()
            members.update(name.rpartition(".")[2] for name in names)
            inner = {name.split("/")[1]: False for name in names}
            zips[path] = sum(name.endswith(".xml") for name in names)
            for name in names:
                if not name.endswith(".xml"):
                    continue
                mark = re.fullmatch(r"[^/]+/(CN\d{14})/\1\.xml", name)
                assert mark, name
                inner[mark[1]] = True
                raw = archive.read(name)
                root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True))
                assert root.findtext("MARK_CN_ID") == mark[1]
                known = max(date.fromisoformat(found[2]), entry.modified.date() if not found[3] else date.min)
                records[found[1]].append(Record(found[1], f"{path}/{name}", known, root, raw))
            folders += sum(not has for has in inner.values())
    return Packages(records, folders, members, zips)


@lru_cache(maxsize=1)
def whole() -> Packages:
    """The default city's whole feed, read once."""
    return read(World())


# -- the fit


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_stocks_are_the_plans_under_every_seed(seed: int) -> None:
    stocks = census.stocks(World(seed), DONGLI, [END_2015, END_2020, END_2025])
    assert [stock.in_force for stock in stocks.values()] == [7_653, 15_259, 18_400]
    assert [stock.well_known for stock in stocks.values()] == [5, 5, 5]
    assert [stock.international for stock in stocks.values()] == [10, 22, 41]
    assert [stock.indications for stock in stocks.values()] == [2, 3, 3]


@pytest.mark.parametrize("seed", [3, 2024])
def test_each_year_end_is_what_the_arithmetic_says(seed: int) -> None:
    days = [date(year, 12, 31) for year in range(2006, 2027)]
    counted = census.stocks(World(seed), DONGLI, days)
    assert {day.year: stock.in_force for day, stock in counted.items()} == {
        day.year: planned_stock(day.year) for day in days
    }
    assert 0 < counted[END_2025].in_force / 20_000 < 0.95  # behind what the plan wants
    assert all(stock.in_grace and stock.cancelled for day, stock in counted.items() if day.year >= 2012)


def test_the_records_say_what_the_census_says() -> None:
    packages = whole()
    days = [END_2015, END_2020, END_2025, date(2010, 12, 31), date(2019, 7, 14), date(2022, 3, 2)]
    assert {day: packages.in_force(day) for day in days} == {
        day: stock.in_force for day, stock in census.stocks(World(), DONGLI, days).items()
    }


@pytest.mark.parametrize(("seed", "clock"), [(4, date(2020, 12, 31)), (5, date(2017, 7, 20)), (6, date(2025, 6, 30))])
def test_a_clock_shows_what_the_census_says_was_known(seed: int, clock: date) -> None:
    world = World(seed, 0.15)
    packages = read(world, clock)
    days = [clock, clock - timedelta(days=200), date(clock.year - 2, 12, 31)]
    known = census.stocks(world, DONGLI, days, until=clock)
    assert {day: packages.in_force(day) for day in days} == {day: stock.in_force for day, stock in known.items()}
    # renewals of the months of grace come later
    assert known[clock].in_force < census.stocks(world, DONGLI, [clock])[clock].in_force


@pytest.mark.parametrize("count", [1, 37])
def test_left_out_marks_lower_the_count_by_exactly_their_number(count: int) -> None:
    world = World(8, 0.12)
    days = [END_2015, END_2020, date(2023, 5, 5), END_2025]
    all_of_them, fewer = read(world), read(world, without=count)
    assert [all_of_them.in_force(day) - fewer.in_force(day) for day in days] == [0, count, count, count]
    assert [
        census.stocks(world, DONGLI, days)[day].in_force
        - census.stocks(world, DONGLI, days, without=count)[day].in_force
        for day in days
    ] == [0, count, count, count]
    numbers = {record.text("REGISTRATION-NO") for found in fewer.records.values() for record in found}
    gone = {record.text("REGISTRATION-NO") for record in all_of_them.records["132"]} - numbers
    assert len(gone) >= count  # with the mere applications beside them
    with pytest.raises(ValueError, match="only"):
        left_out(world, 100_000)


def test_the_feed_has_the_planned_size() -> None:
    packages = whole()
    assert 32_000 < len({record.key for record in packages.records["132"]}) < 37_000
    assert len(packages.zips) < 400
    assert 0 < min(packages.zips.values()) <= max(packages.zips.values()) < 1_500
    ours = sum(packages.is_dongli(number, right, TODAY) for (number, _), right in packages.rights.items())
    assert 0.6 < ours / len(packages.rights) < 0.8


def test_another_seed_is_another_register() -> None:
    one, other = read(World(1, 0.05)), read(World(2, 0.05))
    holders = [{record.holder for record in found.records["132"]} for found in (one, other)]
    numbers = [{record.text("REGISTRATION-NO") for record in found.records["132"]} for found in (one, other)]
    assert len(holders[0] & holders[1]) < len(holders[0]) / 5
    assert len(numbers[0] & numbers[1]) < len(numbers[0]) / 20


# -- shapes


def paths(raw: bytes) -> set[str]:
    found: set[str] = set()

    def walk(element: etree._Element, above: str) -> None:
        here = f"{above}/{element.tag}"
        found.add(here)
        found.update(f"{here}@{name}" for name in element.attrib)
        for child in element:
            walk(child, here)

    walk(etree.fromstring(raw), "")
    return found


@pytest.mark.parametrize(
    ("package", "example"),
    [
        ("132", "trademark_132"),
        ("137", "trademark_132"),
        ("134", "trademark_134_transfer"),
        ("136", "trademark_136_madrid"),
    ],
)
def test_records_are_built_like_the_examples(package: str, example: str) -> None:
    expected = (EXAMPLES / f"{example}.xml").read_bytes()
    made = set()
    for record in whole().records[package][::7]:
        made |= paths(record.raw)
        assert record.raw.startswith(expected[:45])  # the mark and the declaration
    assert made == paths(expected)


def test_licences_have_the_paths_of_the_description() -> None:
    text = "XKBAGGQH PAGENUM GGTYPE BAH XKQX XKR XKR/NAME-ZH XKR/NAME-EN BXKR BXKR/NAME-ZH BXKR/NAME-EN XKGS XKBAGGRQ"
    inner = "/TRADEMARK/LICENSEPROCESSINFOS/LICENSEPROCESSINFO"
    expected = {f"{inner}/{name}" for name in text.split()} | {f"{inner}@sequence", inner}
    for record in whole().records["133"]:
        assert {path for path in paths(record.raw) if path.startswith(inner)} == expected


def test_every_id_is_one_mark_and_one_class() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for package in ("132", "136", "137"):
        for record in whole().records[package]:
            assert seen.setdefault(record.text("MARK_CN_ID"), record.key) == record.key


# -- quirks


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def marks() -> list[Record]:
    return whole().records["132"]


def registered() -> list[Record]:
    return [record for record in marks() if record.text("SPECIAL-RIGHT-STARTDATE").strip() not in EMPTY]


def test_the_misspelt_tag_of_the_holders() -> None:
    assert all(record.root.find("APPLICATION-PERSION-INFOS/APPLICATION-PERSION-INFO") is not None for record in marks())
    assert not any(b"PERSON" in record.raw for record in marks())


def test_several_classes_are_several_records() -> None:
    classes = defaultdict(set)
    for number, name in whole().rights:
        classes[number].add(name)
    several = Counter(len(found) for found in classes.values())
    assert several.keys() == {1, 2, 3}
    assert 0.03 < (several[2] + several[3]) / several.total() < 0.08
    ids = defaultdict(set)
    for record in registered():
        ids[record.key].add(record.text("MARK_CN_ID"))
    assert 0.01 < share([len(found) > 1 for found in ids.values()]) < 0.02  # the same right under two ids
    assert max(map(len, ids.values())) == 2


def test_class_blank_or_with_and_without_a_zero() -> None:
    spelt = Counter(record.text("ICN") for record in registered())
    total = spelt.total()
    assert 0.005 < sum(spelt[text] for text in ("", "-", "/", "0")) / total < 0.015
    assert all(spelt[text] for text in ("", "-", "/", "0", "09", "9", "01", "1"))
    low = [text for text in spelt.elements() if text.lstrip("0") in set("123456789")]
    assert 0.3 < share([text.startswith("0") for text in low]) < 0.4


def test_renewals_every_ten_years_and_some_show_only_the_new_term() -> None:
    first: dict[str, date] = {}
    only_new, in_grace, lengths = [], [], Counter[int]()
    for record in sorted(registered(), key=lambda record: record.delivered):
        number = record.text("REGISTRATION-NO")
        begins, ends = (
            day_of(record.text("SPECIAL-RIGHT-STARTDATE")),
            day_of(record.text("SPECIAL-RIGHT-ENDDATE"), True),
        )
        assert begins and ends
        if ends == date(2099, 12, 31):
            continue
        lengths[ends.year + (ends.month == 12 and ends.day == 31) - begins.year] += 1
        if number in first and record.text("CURRENT-STATE-RIGHT") == "有效" and ends.year - first[number].year > 11:
            only_new.append(begins > first[number])
            in_grace.append(record.delivered > date(ends.year - 10, ends.month, min(ends.day, 28)))
        first.setdefault(number, begins)
    assert lengths.keys() <= {10, 20, 30}
    assert len(only_new) > 3_000
    assert 0.35 < share(only_new) < 0.45
    assert 0.2 < share(in_grace) < 0.5


def test_last_day_is_the_eve_of_the_tenth_anniversary_and_for_some_the_last_of_a_year() -> None:
    for record in registered()[::20]:
        begins, ends = (
            day_of(record.text("SPECIAL-RIGHT-STARTDATE")),
            day_of(record.text("SPECIAL-RIGHT-ENDDATE"), True),
        )
        assert begins and ends
        after = ends + timedelta(days=1)
        leap = (begins.month, begins.day) == (2, 29)
        assert ends.year == 2099 or leap or (after.month, after.day) == (begins.month, begins.day)
    ends = Counter(
        day_of(record.text("SPECIAL-RIGHT-ENDDATE"), True) for record in registered() if is_ours(record.address)
    )
    assert ends[END_2020] >= 3
    assert ends[END_2015] >= 1


def test_cancelled_and_invalidated_by_state_without_a_day() -> None:
    states = Counter((record.text("CURRENT-STATE-RIGHT"), record.text("TRADEMARK-NOTICE-STATUS")) for record in marks())
    assert {("无效", "撤销"), ("无效", "注销"), ("宣告无效", "无效宣告公告")} <= states.keys()
    assert (
        0.02
        < sum(count for state, count in states.items() if state[0] not in ("有效", "申请中", "驳回")) / states.total()
        < 0.08
    )
    assert not [path for path in paths(registered()[0].raw) if "CANCEL" in path]


def test_partial_cancellation_takes_one_class_and_leaves_the_others() -> None:
    rights: dict[str, list[bool]] = defaultdict(list)
    for (number, _), right in whole().rights.items():
        rights[number].append(bool(right.cancelled))
    partly = [found for found in rights.values() if any(found) and not all(found)]
    assert len(partly) > 20
    assert all(sum(found) == 1 for found in partly)


def test_days_in_several_spellings() -> None:
    forms = {
        r"\d{8}": (0.76, 0.84),
        r"\d{4}-\d\d-\d\d": (0.06, 0.10),
        r"\d{4}\.\d\d\.\d\d": (0.02, 0.05),
        r"\d{4}/\d{1,2}/\d{1,2}": (0.02, 0.04),
        r"\d{4}年\d{1,2}月\d{1,2}日": (0.03, 0.05),
        r"\d{12,13}": (0.004, 0.014),
        r"\d{4}-\d\d-\d\d 至 \d{4}-\d\d-\d\d": (0.003, 0.009),
    }
    found = [record.text("SPECIAL-RIGHT-STARTDATE") for record in registered()]
    for form, (least, most) in forms.items():
        assert least < share([bool(re.fullmatch(form, text)) for text in found]) < most, form
    ends = [record.text("SPECIAL-RIGHT-ENDDATE") for record in registered()]
    assert 0.001 < share([text == "2099-12-31" for text in ends]) < 0.006
    priorities = Counter(record.text("PRIORITY-RIGHT-DATE") for record in registered())
    assert all(priorities[text] for text in EMPTY)
    assert 0.001 < share([record.text("REG-DATE") in EMPTY for record in registered()]) < 0.01


def test_brackets_of_either_width_and_nbsp() -> None:
    holders = [record.text("NAME-ZH") for record in marks()]
    full, half = (share([mark in name for name in holders]) for mark in "（(")
    assert 0.05 < full < 0.3
    assert 0.05 < half / full < 0.25
    assert 0.005 < share(["\u00a0" in name for name in holders]) < 0.02
    addresses = [record.text("ADDRESS-ZH") for record in marks()]
    assert any("\u00a0" in text for text in addresses)
    assert any("&nbsp;" in text for text in addresses)
    assert any(re.search("[０-９]", text) for text in addresses)


def test_masked_rows_are_there_and_are_not_ours() -> None:
    rows = [record for record in marks() if "****" in record.holder]
    assert 3 < len(rows) < 100
    assert all(not record.address for record in rows)
    persons = [record for record in marks() if re.fullmatch(r"例(\*+|某)", record.holder)]
    assert 500 < len(persons) < 2_500
    assert all(record.address for record in persons)


def test_an_address_for_85_in_a_hundred_and_the_others_found_by_name() -> None:
    assert 0.83 < share([bool(record.address) for record in marks()]) < 0.87
    assert 0.10 < share([record.root.find(".//ADDRESS-ZH") is None for record in marks()]) < 0.15
    known = whole().is_ours_by_name
    without = [record for record in registered() if not record.address and "*" not in record.holder]
    assert all(record.holder in known for record in without)
    # by an address that came no later than the mark without one
    first: dict[str, date] = {}
    for record in marks():
        if record.address:
            first[record.holder] = min(first.get(record.holder, date.max), record.delivered)
    assert all(first[record.holder] <= record.delivered for record in without)


def test_look_alikes_are_never_of_dongli() -> None:
    named = [record for record in marks() if record.holder.startswith("东丽") or "东丽观海" in record.address]
    assert len(named) > 20
    assert not any(is_ours(record.address) for record in named)
    assert any("株式会社" in record.holder for record in named)
    assert any(record.holder.startswith("山东丽") for record in marks())
    assert any(record.holder.startswith("东丽") for record in whole().records["136"])


def test_zones_of_other_districts_are_written_as_dongli() -> None:
    ours = [record.address for record in marks() if is_ours(record.address)]
    zones = share([bool(re.search("空港|航空物流|综合保税|滨海高新区|开发区西区", address)) for address in ours])
    assert 0.08 < zones < 0.18
    assert not any("塘沽" in address for address in ours)  # nobody could say where these belong
    assert any("天津东丽经济技术开发区" in address for address in ours)


def test_inbound_numbers_of_foreign_holders_and_outbound_ones_told_by_the_holder() -> None:
    found = whole().records["136"]
    inbound = {record.text("REGISTRATION-NO") for record in found if record.text("REGISTRATION-NO").startswith("G")}
    assert 700 < len(inbound) < 850
    ours = {record.text("REGISTRATION-NO") for record in found if is_ours(record.address)}
    assert 36 <= len(ours) <= 60
    assert not ours & inbound
    assert all(re.fullmatch(r"\d{6,7}A?", number) for number in ours)
    assert any(number.endswith("A") for number in ours | inbound)
    assert all(len(record.root.findall(".//TRADEMARK-TYPE")) == 2 for record in found)
    running = {
        record.text("REGISTRATION-NO")
        for record in found
        if is_ours(record.address)
        and (day_of(record.text("REG-DATE")) or date.max) <= END_2025
        and (day_of(record.text("SPECIAL-RIGHT-ENDDATE")) or date.min) >= END_2025
    }
    assert len(running) == census.stocks(World(), DONGLI, [END_2025])[END_2025].international == 41


def test_collective_and_certification_marks_by_type() -> None:
    found = {
        (
            record.text("REGISTRATION-NO"),
            is_ours(record.address),
            tuple(each.text for each in record.root.iter("TRADEMARK-TYPE")),
        )
        for record in marks()
        if "普通商标" not in record.text("TRADEMARK-TYPE")
    }
    assert len(found) == 10
    ours = [types for _, is_ours_too, types in found if is_ours_too]
    assert len(ours) == 4
    assert sum(any("地理标志" in (name or "") for name in types) for types in ours) == 3


def test_well_known_marks_of_dongli() -> None:
    found = {record.text("REGISTRATION-NO") for record in whole().records["137"] if is_ours(record.address)}
    assert len(found) == 5
    assert found <= {number for number, _ in whole().rights}
    assert all(record.delivered.year <= 2016 for record in whole().records["137"])
    ids = [record.text("MARK_CN_ID") for record in whole().records["137"]]
    assert len(ids) > len(set(ids))  # one is told twice
    assert {found.district for found in well_known(World())} > {DONGLI}


def test_transfers_in_and_out_and_within() -> None:
    packages = whole()
    counted: Counter[str] = Counter()
    for number, told in packages.transfers.items():
        assert any(each == number for each, _ in packages.rights)
        before: str | None = None
        for former, later in (names for _, names in sorted(told.items())):
            assert before in (None, former)
            before = later
            sides = [packages.is_ours_by_name.get(name, "东丽区" in name) for name in (former, later)]
            # persons' names are no evidence: their mark's own address is asked by the census
            counted["in" if sides[1] > sides[0] else "out" if sides[0] > sides[1] else "same"] += 1
    truth: Counter[str] = Counter()
    for (_, kind), count in census.transfers(World(), DONGLI, TODAY).items():
        truth[kind] += count
    assert counted["in"] == pytest.approx(truth["in"], abs=25)
    assert counted["out"] == pytest.approx(truth["out"], rel=0.15)
    assert truth["within"] > 50
    sequences = Counter(len(list(record.root.iter("TRANSFERINFO"))) for record in packages.records["134"])
    assert sequences[2] > 10


def test_licences_with_number_term_and_goods() -> None:
    contracts: dict[str, set[str]] = defaultdict(set)
    terms = Counter[str]()
    for record in whole().records["133"]:
        for licence in record.root.iter("LICENSEPROCESSINFO"):
            contracts[licence.findtext("BAH") or ""].add(record.text("MARK_CN_ID"))
            terms[re.sub(r"\d+", "0", licence.findtext("XKQX") or "")] += 1
            assert (day_of(licence.findtext("XKBAGGRQ")) or date.max) < record.delivered
    assert len(contracts) > 100
    assert "" not in contracts
    assert any(len(ids) > 1 for ids in contracts.values())  # one contract for several classes
    assert terms.keys() == {"0-0-0 至 0-0-0", "0-0", "0年0月0日至0年0月0日", "0.0.0-0.0.0"}
    goods = [
        licence.findtext("XKGS")
        for record in whole().records["133"]
        for licence in record.root.iter("LICENSEPROCESSINFO")
    ]
    assert any(text in EMPTY for text in goods)


def test_applications_that_were_never_registered() -> None:
    found = [record for record in marks() if record.text("CURRENT-STATE-RIGHT") in ("申请中", "驳回")]
    assert 600 < len(found) < 1_500
    assert all(record.text("REG-DATE").strip() in EMPTY for record in found)
    assert not {record.text("REGISTRATION-NO") for record in found} & {number for number, _ in whole().rights}


def test_folders_without_a_record_and_pictures() -> None:
    packages = whole()
    assert 100 < packages.folders_without_record < 300
    assert 0.2 < packages.members["jpg"] / packages.members["xml"] < 0.35


# -- the tree, the clock, the machine


def test_imports_only_the_standard_library_and_the_sandbox() -> None:
    files = sorted(Path(sandbox.__file__).parent.glob("trademark_*.py"))
    assert len(files) >= 8
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                own = f"{name}.".startswith("ingestion.sandbox.")
                assert own or name.split(".")[0] in sys.stdlib_module_names, f"{file.name} imports {name}"


def test_same_bytes_whoever_asks_and_in_whatever_order() -> None:
    one = TrademarkFeed(World(9, 0.3), lambda: TODAY)
    other = TrademarkFeed(World(9, 0.3), lambda: TODAY)
    files = [path for path, _ in one.walk()][3::17]
    made = {}
    for path in files:
        entry = one.find(path)
        assert entry and entry.content
        made[path] = entry.content()
    for path in reversed(files):
        entry = other.find(path)
        assert entry and entry.content
        assert entry.content() == made[path]


def test_a_later_clock_only_adds() -> None:
    world = World(1, 0.3)
    everything = dict(TrademarkFeed(world, lambda: TODAY).walk())
    late = [
        (path, entry)
        for path, entry in everything.items()
        if path.endswith(".zip") and f"{entry.modified:%Y%m%d}" != path.split("/")[1]
    ]
    assert any("-2.zip" in path for path, _ in late)
    assert any("-2.zip" not in path for path, _ in late)
    path, entry = next(found for found in late if "-2.zip" not in found[0])
    eve = entry.modified.date() - timedelta(days=1)
    assert path not in dict(TrademarkFeed(world, lambda: eve).walk())
    earlier: dict[str, object] = {}
    for day in (date(2005, 12, 31), date(2006, 1, 16), date(2016, 5, 2), eve, entry.modified.date(), TODAY):
        shown = {path: entry.modified for path, entry in TrademarkFeed(world, lambda day=day: day).walk()}
        assert earlier.items() <= shown.items()
        assert max(stamp.date() for stamp in shown.values()) <= max(day, date(2006, 1, 1))
        earlier = dict(shown)
    assert path in earlier


def test_deliveries_are_monthly_and_weekly_since_2025() -> None:
    assert [len(delivery_days(MARKS, year)) for year in (2005, 2010, 2016, 2024, 2025)] == [0, 4, 12, 12, 52]
    assert all(day.weekday() < 5 for year in range(2006, 2031) for day in delivery_days(MARKS, year))
    assert all((day.month, day.day) != (12, 31) for year in range(2006, 2031) for day in delivery_days(MARKS, year))


def test_listing_makes_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a listing made a mark")

    monkeypatch.setattr("ingestion.sandbox.trademark_deliveries.mark", never)
    for scale in (1.0, 20.0):
        assert len(list(TrademarkFeed(World(11, scale), lambda: TODAY).walk())) > 300


def test_a_large_register_comes_zip_by_zip() -> None:
    """At scale 40 a zip is no larger than at scale 1, and one of the middle can be had without the others."""
    feed = TrademarkFeed(World(12, 40.0), lambda: date(2019, 7, 31))
    (folder,) = [path for path in (entry.name for entry in feed.listing("") or ()) if path.startswith("132")]
    entries = feed.listing(f"{folder}/20190716") or []
    assert len(entries) > 8
    for entry in (entries[0], entries[len(entries) // 2], entries[-1]):
        assert entry.content
        with zipfile.ZipFile(io.BytesIO(entry.content())) as archive:
            assert 500 < sum(name.endswith(".xml") for name in archive.namelist()) < 1_500


@pytest.mark.parametrize("scale", [0.05, 0.11])
def test_a_small_register_has_no_empty_zip(scale: float) -> None:
    packages = read(World(13, scale))
    assert min(packages.zips.values()) > 0
    assert len(DISTRICTS) > ELSEWHERE


def test_the_command_counts() -> None:
    answer = CliRunner().invoke(main, ["census-trademarks", "--on", "2020-12-31", "--on", "2015-12-31"])
    assert answer.exit_code == 0, answer.output
    rows = [line.split() for line in answer.output.splitlines()]
    assert ["2020-12-31", "15259"] in [row[:2] for row in rows]
    assert ["2015-12-31", "7653"] in [row[:2] for row in rows]
    fewer = CliRunner().invoke(main, ["census-trademarks", "--on", "2020-12-31", "--without", "9"])
    assert "15250" in fewer.output
