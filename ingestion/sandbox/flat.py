"""The flat variants: header-less bibliographic CSV, and one gazette as a crawler saved it and a spreadsheet hurt it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from ingestion.sandbox import topics
from ingestion.sandbox.dice import Weighted, dice, mix, pick, salt
from ingestion.sandbox.issues import Issue, issues_of
from ingestion.sandbox.numbering import national_number
from ingestion.sandbox.owners import firm
from ingestion.sandbox.targets import DESIGN, ELSEWHERE, GRANTED, PUBLISHED, UTILITY
from ingestion.sandbox.world import Document, World, documents_of

BIBS_YEAR = 2017
BIBS_FAMILIES = {PUBLISHED: "CN-BIBS-ABSS-10-A", GRANTED: "CN-BIBS-ABSS-10-B"}
GAZETTE_YEAR, GAZETTE_MONTH = 2019, 6

_MARKS = re.compile(r"</?[\w:]+>")


def _plain(title: str) -> str:
    return _MARKS.sub("", title)


def _class_text(entry: topics.Class) -> str:
    return f"{entry[0]}{entry[1]}/{entry[2]}"


def bibs_csv(world: World, issue: Issue) -> bytes:
    """Ten columns, no header, UTF-8: the issue's own documents in the other delivery of the same feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for found in documents_of(world, issue, 0, issue.total(world.scale)):
        number = found.application.standard if found.standard_first else found.application.original
        writer.writerow(
            (
                f"CN{number}",
                f"{found.filed:%Y%m%d}",
                f"CN{found.number}{found.letter}",
                f"{found.day:%Y%m%d}",
                "".join(_class_text(entry) + ";" for entry in found.classes),
                found.owner_names[0],
                "例某",
                found.title,
                found.place.text,
                found.place.post_code or "0",
            )
        )
    return text.getvalue().encode()


@dataclass(frozen=True)
class _Damage:
    """What one file of the true gazette looks like, counted (issue of 2019-07-09)."""

    file: str
    rows: int
    distinct: int
    digits_kept: float  # of the numbers that a spreadsheet can hurt
    long_form: float  # of the hurt ones, those with six digits instead of three
    owner_semicolon: float
    several_owners: float
    several_inventors: float
    inventor_semicolon: float
    several_classes: float
    class_semicolon: float
    trailing_blanks: float
    at_home: float
    repeated: tuple[tuple[int, int], ...]  # how many numbers stand how often
    other_name: int  # numbers with another row's content altogether
    other_content: int  # the same name, but another owner's address and class
    other_day: int


_DAMAGE: dict[str, _Damage] = {
    PUBLISHED: _Damage(
        "invention_published.csv", 13_537, 11_912, 0.067, 0.0, 0.073, 0.022, 0.256, 0.410, 0.275, 0.430, 0.112, 0.866,
        ((210, 2), (60, 19), (30, 11)), 15, 20, 10,
    ),
    GRANTED: _Damage(
        "invention_authorized.csv", 4_761, 4_295, 0.0, 0.0, 0.064, 0.0235, 0.314, 0.449, 0.285, 0.376, 0.012, 0.751,
        ((96, 2), (50, 8)), 18, 3, 0,
    ),
    UTILITY: _Damage(
        "utility_new.csv", 13_421, 12_250, 0.073, 0.13, 0.029, 0.0145, 0.278, 0.282, 0.282, 0.269, 0.134, 0.986,
        ((90, 2), (90, 13)), 0, 1, 0,
    ),
    DESIGN: _Damage(
        "appearance_designed.csv", 5_237, 5_237, 0.0013, 1.0, 0.010, 0.006, 0.162, 0.067, 0.032, 0.0, 0.259, 0.962,
        (), 0, 0, 0,
    ),
}  # fmt: skip
_SMALL = 12  # the gazette has at least a twelfth of the true one's rows, and never more than the true one
_HEADER = (
    "item", "name", "authorization_notice_id", "authorized_announcement_date", "filing_id", "filing_date",
    "patentee", "designer", "address", "Int.Cl.",
)  # fmt: skip
_ABROAD = Weighted(
    (
        (4, "日本东京都"),
        (3, "美国加利福尼亚州"),
        (2, "德国慕尼黑"),
        (1, "韩国京畿道"),
        (1, "法国巴黎"),
        (1, "荷兰艾恩德霍芬"),
    )
)
_SURNAMES = "王李张刘陈杨赵黄周吴"
_NOISE = ";??"  # a blank that the crawler's code page did not know


def gazette_issues() -> dict[str, Issue]:
    """The issue of each family that the gazette holds: one day for all four."""
    return {
        family: next(issue for issue in issues_of(family, GAZETTE_YEAR) if issue.day.month == GAZETTE_MONTH)
        for family in _DAMAGE
    }


def gazette_day() -> date:
    return gazette_issues()[PUBLISHED].day


def gazette_files() -> dict[str, str]:
    """File name → family."""
    return {damage.file: family for family, damage in _DAMAGE.items()}


@dataclass(slots=True)
class _Row:
    name: str
    number: str
    day: str
    filing: str
    filed: str
    owner: str
    people: str
    address: str
    classes: str
    is_national: bool

    def cells(self, item: int) -> tuple[str, ...]:
        return (
            str(item), self.name, self.number, self.day, self.filing, self.filed, self.owner, self.people,
            self.address, self.classes,
        )  # fmt: skip


def _hurt(number: str, damage: _Damage, roll: Callable[[], float]) -> str:
    """What a spreadsheet leaves of an application number: those that end in X are text and survive."""
    kept, form = roll(), roll()
    if number.endswith("X") or kept < damage.digits_kept:
        return number
    if form >= damage.long_form:
        return f"{int(number):.2E}"
    mantissa, exponent = f"{int(number):.5E}".split("E")
    return mantissa.rstrip("0").rstrip(".") + "E" + exponent


def _semicolons(several: bool, items: list[str], share: float, roll: Callable[[], float]) -> str:
    last = roll()
    if several and len(items) > 1:
        return _NOISE.join(items)
    return items[0] + (";" if last < share else "")


def _finish(
    damage: _Damage, name: str, number: str, day: date, filing: str, filed: date, owners: list[str], address: str,
    classes: list[str], roll: Callable[[], float], is_national: bool,
) -> _Row:  # fmt: skip
    people = [_SURNAMES[int(roll() * 10)] + "某" for _ in range(3)]
    owner = _semicolons(len(owners) > 1, owners, damage.owner_semicolon / (1 - damage.several_owners), roll)
    has_several = roll() < damage.several_inventors
    single = damage.inventor_semicolon / (1 - damage.several_inventors)
    inventors = _semicolons(has_several, people[: 2 + int(roll() * 2)], single, roll)
    class_text = _semicolons(
        roll() < damage.several_classes, classes, damage.class_semicolon / (1 - damage.several_classes), roll
    )
    if roll() < damage.trailing_blanks:
        class_text += "  "
    return _Row(
        _plain(name), number, f"{day:%Y.%m.%d}", _hurt(filing, damage, roll), f"{filed:%Y.%m.%d}", owner, inventors,
        address, class_text, is_national,
    )  # fmt: skip


def _gazette_class(entry: topics.Class) -> str:
    return f"{_class_text(entry)}({entry[3][:4]}.{entry[3][4:6]})I"


def _city_row(found: Document, damage: _Damage, world: World) -> _Row:
    roll = dice(mix(salt(world.seed, "gazette", found.family), found.district, found.ordinal)).random
    classes = [_gazette_class(entry) for entry in found.classes[:3]] or [f"{found.locarno} (12)"]
    if len(classes) == 1:
        classes *= 2 if found.family == DESIGN else 1
    names = found.owner_names
    if roll() >= damage.several_owners / 0.10:
        names = names[:1]
    return _finish(
        damage, found.title, f"CN{found.number}{found.letter}", found.day, found.application.original.replace(".", ""),
        found.filed, names, found.place.post_code + found.place.text, classes, roll, False,
    )  # fmt: skip


def _national_row(world: World, issue: Issue, at: int, damage: _Damage) -> _Row:
    """A row from somewhere else in the country or abroad: the gazette is the nation's, not the city's."""
    luck = mix(salt(world.seed, "gazette of the nation", issue.family), at)
    roll = dice(luck).random
    series = {UTILITY: "U", DESIGN: "S"}.get(issue.family, "A")
    letter = {PUBLISHED: "A", GRANTED: "B", UTILITY: "U", DESIGN: "S"}[issue.family]
    year = issue.day.year - (2 if issue.family == GRANTED else 0)
    number = f"CN{national_number(series, year, at)}{letter}"
    filed = issue.day - timedelta(days=120 + int(roll() * 400) + (700 if issue.family == GRANTED else 0))
    kind = {UTILITY: 2, DESIGN: 3}.get(issue.family, 1)
    if issue.family != DESIGN and roll() < 130 / 36_956:
        kind += 7
    body = f"{filed.year}{kind}{5_000_000 + int(roll() * 4_900_000):07d}"
    rest = sum(int(digit) * (2 + place % 8) for place, digit in enumerate(body)) % 11
    if issue.family == DESIGN:
        title, locarno = topics.goods(roll)
        classes = [f"{locarno} (12)", f"{locarno} (12)"]
    else:
        title, found = topics.title_and_classes(roll, issue.family == UTILITY, f"{issue.day:%Y%m%d}")
        classes = [_gazette_class(entry) for entry in found[:3]]
        if len(classes) == 1:
            classes.append(classes[0].replace("(", "1(", 1))
    if roll() < damage.at_home:
        owner = firm(world.seed, ELSEWHERE, 100 + int(roll() * 3000))
        place = owner.place
        if place.state != "CN" or owner.name.startswith("东丽"):
            owner_name, address = owner.name, "100020北京市朝阳区例中大街7号"
        else:
            owner_name, address = owner.name, place.post_code + place.text
    else:
        owner_name, address = f"例{pick('美日欧德法荷', roll())}株式会社", _ABROAD.pick(roll())
    owners = [owner_name]
    if roll() < damage.several_owners:
        owners.append(firm(world.seed, ELSEWHERE, 100 + int(roll() * 3000)).name)
    return _finish(
        damage, title, number, issue.day, body + ("X" if rest == 10 else str(rest)), filed, owners, address, classes,
        roll, True,
    )  # fmt: skip


def gazette_csv(world: World, family: str) -> bytes:
    """One file of the gazette, GB18030, with a header."""
    damage, issue = _DAMAGE[family], gazette_issues()[family]
    ratio = min(1.0, max(1.0, world.scale) / _SMALL)
    rows = [_city_row(found, damage, world) for found in documents_of(world, issue, 0, issue.total(world.scale))]
    national = max(0, round(damage.distinct * ratio) - len(rows))
    rows += [_national_row(world, issue, at, damage) for at in range(national)]
    # the office's order is by class and not by place: shuffle by each row's own luck
    salted = salt(world.seed, "order", family)
    rows = [row for _, row in sorted(enumerate(rows), key=lambda pair: mix(salted, pair[0]))]
    rows = _repeated(_swapped(rows, damage, ratio, issue), damage, ratio)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for item, row in enumerate(rows, 1):
        writer.writerow(row.cells(item))
    return text.getvalue().encode("gb18030")


def _some(count: int, ratio: float) -> int:
    return max(1, round(count * ratio)) if count else 0


def _swapped(rows: list[_Row], damage: _Damage, ratio: float, issue: Issue) -> list[_Row]:
    """The crawler's slip: a row kept the number, or number and name, of a row ten places above it.

    Only rows of the rest of the country are hurt in this way, so that the city's figures can be counted beforehand.
    """
    national = [at for at, row in enumerate(rows) if row.is_national and at >= 10 and rows[at - 10].is_national]
    wanted = _some(damage.other_name, ratio) + _some(damage.other_content, ratio) + _some(damage.other_day, ratio)
    step = max(21, len(national) // max(wanted, 1))
    places = iter(national[5::step])
    for _ in range(_some(damage.other_name, ratio)):
        at = next(places)
        rows[at].number = rows[at - 10].number
    for _ in range(_some(damage.other_content, ratio)):
        at = next(places)
        rows[at].number, rows[at].name = rows[at - 10].number, rows[at - 10].name
    for _ in range(_some(damage.other_day, ratio)):
        rows[next(places)].day = f"{issue.day - timedelta(days=4):%Y.%m.%d}"
    return rows


def _repeated(rows: list[_Row], damage: _Damage, ratio: float) -> list[_Row]:
    """Pages that the crawler saved several times, alike but for the row number."""
    groups = [(_some(count, ratio), times) for count, times in damage.repeated]
    if not groups:
        return rows
    often: dict[str, int] = {}
    for row in rows:
        often[row.number] = often.get(row.number, 0) + 1
    pages: list[tuple[int, int]] = []  # size, times
    for count, times in groups:
        pages += [(min(10, count - done), times) for done in range(0, count, 10)]
    gap = len(rows) // (len(pages) + 1)
    made: list[_Row] = []
    at = 0
    for turn, (size, times) in enumerate(pages, 1):
        begin = turn * gap
        page: list[_Row] = []
        while len(page) < size:  # numbers that stand twice already stay out of it
            made += rows[at:begin]
            at = begin
            row = rows[begin]
            begin += 1
            if often[row.number] == 1:
                page.append(row)
            else:
                made.append(row)
            at = begin
        made += page * times
    return made + rows[at:]
