"""The legal status feed: one XML a record, zipped by issue day, product by product, with the defects of its kind."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial

from ingestion.sandbox import legal_text, lives
from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.feeds import BEGIN, Entry, Feed, at
from ingestion.sandbox.issues import Issue, issues_until
from ingestion.sandbox.legal import Life, Record, grant_record, tells_of_grants
from ingestion.sandbox.lives import RIGHTS, Patent
from ingestion.sandbox.numbering import foreign_application
from ingestion.sandbox.targets import DESIGN, FIRST_YEAR, GRANTED, UTILITY
from ingestion.sandbox.world import Document, World, documents_of, left_out
from ingestion.sandbox.zips import zipped

_PRODUCTS = {
    GRANTED: "CN-PA-PRSS-10_中国发明专利法律状态",
    UTILITY: "CN-PA-PRSS-20_中国实用新型专利法律状态",
    DESIGN: "CN-PA-PRSS-30_中国外观设计专利法律状态",
}
_KIND = {GRANTED: 1, UTILITY: 2, DESIGN: 3}
_LARGE = 2_000  # records in one zip, about
_ONE_ZIP_UNTIL = 4  # at such a scale no issue needs a second zip
# one issue in so many
_LATE, _REPEATED, _NESTED = 40, 44, 38
_UNREADABLE_YEAR, _UNREADABLE_PART = 2019, 6  # of the utility models; a second delivery fills it four weeks later
_FOREIGN = 970_000_000  # record numbers of what is the rest of the country's


@dataclass(frozen=True)
class Shard:
    """One zip of an issue. `known` is the day on which it can first be seen in the folder."""

    issue: Issue
    name: str
    known: date
    part: int
    parts: int
    is_nested: bool = False
    is_unreadable: bool = False
    is_repeat: bool = False


# -- what is delivered when


@lru_cache(maxsize=24)
def _told(world: World, family: str, year: int) -> dict[date, array[int]]:
    """Delivery day → the patents of which something is delivered then, packed into numbers."""
    found: dict[date, array[int]] = {}
    missing = left_out(world)
    for patent in lives.patents_told_of(world, family, year):
        if missing and patent in missing:
            continue
        packed = patent.district << 48 | patent.year << 32 | patent.ordinal
        for one in lives.happenings(world, patent):
            for day in (one.announced, one.again, one.corrected):
                if day is not None and day.year == year:
                    bucket = found.setdefault(day, array("q"))
                    if not bucket or bucket[-1] != packed:
                        bucket.append(packed)
    return found


def _unpacked(family: str, packed: int) -> Patent:
    return Patent(family, packed >> 48, packed >> 32 & 0xFFFF, packed & 0xFFFFFFFF)


def _grants(world: World, issue: Issue) -> int:
    return issue.total(world.scale) if tells_of_grants(issue.family, issue.day.year) else 0


@lru_cache(maxsize=2_000)
def _about(seed: int, family: str, year: int, day: date) -> int:
    return len(_told(World(seed), family, year).get(day, ()))


def _parts(world: World, issue: Issue) -> int:
    """How many zips: by what the same city at scale 1 has, so that a listing makes no record of a large one."""
    if world.scale <= _ONE_ZIP_UNTIL:
        return 1
    about = _grants(world, issue) + _about(world.seed, issue.family, issue.day.year, issue.day) * world.scale
    return max(1, -(-int(about) // _LARGE))


@lru_cache(maxsize=4_000)
def shards_of(world: World, issue: Issue) -> tuple[Shard, ...]:
    """All zips of an issue, in the order of their names, whenever they arrive."""
    parts = _parts(world, issue)
    fate = mix(salt(world.seed, "legal delivery", issue.family), issue.number)
    is_late = fate % _LATE == 3 and issue.day.year > FIRST_YEAR
    is_unreadable = issue.family == UTILITY and (issue.day.year, issue.part) == (_UNREADABLE_YEAR, _UNREADABLE_PART)
    if is_late or is_unreadable:
        parts = max(parts, 2)
    stem = f"{_PRODUCTS[issue.family].partition('_')[0]}_{issue.day:%Y%m%d}"
    is_nested = (fate >> 8) % _NESTED == 11
    found = [
        Shard(issue, f"{stem}_{part + 1:04d}.zip", issue.day, part, parts, is_nested=is_nested) for part in range(parts)
    ]
    last = found[-1]
    if is_unreadable:
        found[-1] = Shard(issue, last.name, issue.day, last.part, parts, is_unreadable=True)
        found.append(Shard(issue, f"{stem}_{parts:04d}-1.zip", issue.day + timedelta(days=28), last.part, parts))
    elif is_late:
        known = issue.day + timedelta(days=12 + (fate >> 16) % 30)
        found[-1] = Shard(issue, last.name, known, last.part, parts, is_nested=is_nested)
    if (fate >> 24) % _REPEATED == 7:
        found.append(Shard(issue, f"{stem}_0001-2.zip", issue.day + timedelta(days=7), 0, parts, is_repeat=True))
    return tuple(sorted(found, key=lambda shard: shard.name))


# -- contents


def _page(made: Document, record: Record) -> bytes:
    return legal_text.page(
        family=made.family,
        prs_id=record.prs_id,
        status=record.status,
        produced=record.delivered,
        published=record.published,
        numbers=(made.application.standard, made.application.original),
        is_standard_first=made.standard_first,
        filed=made.filed,
        code=record.code,
        value=record.value,
        text=record.text,
    )


def _foreign(world: World, issue: Issue, turn: int) -> tuple[str, bytes]:
    """A notice for somebody elsewhere: every issue has one, so none is empty. It names an end and ends nothing."""
    luck = mix(salt(world.seed, "foreign", issue.family), issue.number, turn)
    year = issue.day.year - 2 - luck % 3
    prs_id = f"PRS{issue.day.year}{_FOREIGN + issue.number * 12_000 + turn * 4 + _KIND[issue.family]:09d}"
    text = "文件的公告送达收件人:例某;文件名称:专利权终止通知书;"
    return prs_id, legal_text.page(
        family=issue.family,
        prs_id=prs_id,
        status="C",
        produced=issue.day,
        published=issue.day,
        numbers=foreign_application(_KIND[issue.family], year, issue.number * 10 + turn),
        is_standard_first=bool(luck >> 20 & 1),
        filed=date(year, 1 + luck % 12, 1 + (luck >> 8) % 28),
        code=lives.SERVICE,
        value="文件的公告送达",
        text=text,
    )


def records_of(world: World, issue: Issue) -> Iterator[tuple[Document, Record]]:
    """All that is delivered of the city's patents on an issue day (not the notices for others)."""
    yield from _records(world, issue, 0, 1 << 60)


def _records(world: World, issue: Issue, first: int, end: int) -> Iterator[tuple[Document, Record]]:
    grants = _grants(world, issue)
    if first < grants:
        for made in documents_of(world, issue, first, min(end, grants)):
            yield made, grant_record(world, made)
    for packed in _told(world, issue.family, issue.day.year).get(issue.day, array("q"))[
        max(0, first - grants) : max(0, end - grants)
    ]:
        life = Life(world, _unpacked(issue.family, packed))
        for record in life.records(issue.day):
            yield life.document, record


def _members(world: World, shard: Shard) -> Iterator[tuple[str, bytes]]:
    issue = shard.issue
    own = _grants(world, issue) + len(_told(world, issue.family, issue.day.year).get(issue.day, ()))
    notices = max(shard.parts, 1 + issue.number % 3)
    first, end = ((own + notices) * part // shard.parts for part in (shard.part, shard.part + 1))
    every = 4 if shard.is_repeat else 1  # a quarter of the first zip comes once more under another name
    for turn, (made, record) in enumerate(_records(world, issue, min(first, own), min(end, own))):
        if turn % every == 0:
            yield record.prs_id, _page(made, record)
    for turn in range(max(first, own) - own, max(end, own) - own):
        yield _foreign(world, issue, turn)


def shard_bytes(world: World, shard: Shard) -> bytes:
    """The zip itself. Made anew at each call, always the same."""
    eve = shard.issue.day - timedelta(days=1)
    stamp = (eve.year, eve.month, eve.day, 16, 30, 0)
    content = zipped((f"{prs_id}/{prs_id}.XML", page, stamp) for prs_id, page in _members(world, shard))
    if shard.is_nested:
        inner = shard.name.replace(".zip", "_PRS.zip")
        content = zipped([(inner, content, (eve.year, eve.month, eve.day, 17, 0, 0))])
    if shard.is_unreadable:
        return content[: len(content) * 6 // 10]
    return content


# -- the tree


@lru_cache(maxsize=8)
def _products(today: date) -> dict[str, tuple[Issue, ...]]:
    """Folder name of each product → its issues so far."""
    found = {}
    for family in RIGHTS:
        issues = tuple(
            issue for issue in issues_until(family, today) if family != UTILITY or issue.day.year > FIRST_YEAR
        )
        if issues:
            found[_PRODUCTS[family]] = issues
    return found


@lru_cache(maxsize=64)
def _dated(world: World, product: str, today: date) -> tuple[Entry, ...]:
    """The dated folders of a product; a folder changes when something arrives in it."""
    return tuple(
        Entry(f"{issue.day:%Y%m%d}", at(max(shard.known for shard in shards_of(world, issue) if shard.known <= today)))
        for issue in _products(today)[product]
    )


class LegalStatusFeed(Feed):
    """Legal status records of inventions, utility models and designs."""

    source_id = "cnipa_legal_status"
    base = "prss"

    def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
        """See Feed."""
        products = _products(today)
        match parts:
            case []:
                return [Entry("CN", BEGIN)] if products else []
            case ["CN"] if products:
                return [Entry(name, BEGIN) for name in sorted(products)]
            case ["CN", product] if product in products:
                return [Entry("data", BEGIN)]
            case ["CN", product, "data"] if product in products:
                return list(_dated(self.world, product, today))
            case ["CN", product, "data", folder] if product in products:
                for issue in products[product]:
                    if folder == f"{issue.day:%Y%m%d}":
                        return [
                            Entry(shard.name, at(shard.known), partial(shard_bytes, self.world, shard))
                            for shard in shards_of(self.world, issue)
                            if shard.known <= today
                        ]
        return None
