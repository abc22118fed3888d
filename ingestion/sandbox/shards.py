"""How an issue is delivered: in which zips, when each arrives, and what goes wrong with some of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.issues import Issue
from ingestion.sandbox.targets import UTILITY
from ingestion.sandbox.world import Document, World, documents_of
from ingestion.sandbox.xml_page import file_stem, page, stamp
from ingestion.sandbox.zips import zipped

_LARGE = 1500  # documents in one zip
# one issue in so many
_LATE, _REPEATED, _NESTED = 36, 40, 36
_UNREADABLE_YEAR, _UNREADABLE_PART = 2012, 5  # of the utility models; a second delivery fills it three weeks later
_CODES = {"published": "10-A", "granted": "10-B", "utility": "20-U", "design": "30-S"}


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


def data_number(issue: Issue) -> str:
    """Name of the data product, in the spelling of its time."""
    return ("CN-PA-BIBS-ABSS-" if issue.day.year >= 2018 else "CN-BIBS-ABSS-") + _CODES[issue.family]


def shards_of(world: World, issue: Issue) -> list[Shard]:
    """All zips of an issue, in the order of their names, whenever they arrive."""
    everything = issue.total(world.scale)
    if not everything:
        return []
    parts = -(-everything // _LARGE)
    fate = mix(salt(world.seed, "delivery", issue.family), issue.number)
    is_late = fate % _LATE == 3
    is_unreadable = issue.family == UTILITY and (issue.day.year, issue.part) == (_UNREADABLE_YEAR, _UNREADABLE_PART)
    if is_late or is_unreadable:
        parts = min(max(parts, 2), everything)
    stem = f"{data_number(issue)}_{issue.day:%Y%m%d}"
    is_nested = (fate >> 8) % _NESTED == 11
    found = [
        Shard(issue, f"{stem}_{part + 1:04d}.zip", issue.day, part, parts, is_nested=is_nested) for part in range(parts)
    ]
    last = found[-1]
    if is_late:
        known = issue.day + timedelta(days=12 + (fate >> 16) % 30)
        found[-1] = Shard(issue, last.name, known, last.part, parts, is_nested=is_nested)
    elif is_unreadable:
        found[-1] = Shard(issue, last.name, issue.day, last.part, parts, is_unreadable=True)
        again = f"{stem}_{parts:04d}-1.zip"
        found.append(Shard(issue, again, issue.day + timedelta(days=21), last.part, parts))
    if (fate >> 24) % _REPEATED == 7:
        found.append(Shard(issue, f"{stem}_0001-2.zip", issue.day + timedelta(days=7), 0, parts, is_repeat=True))
    return sorted(found, key=lambda shard: shard.name)


def _documents(world: World, shard: Shard) -> list[Document]:
    everything = shard.issue.total(world.scale)
    first, end = (everything * part // shard.parts for part in (shard.part, shard.part + 1))
    if shard.part + 1 == shard.parts:
        end = 1 << 60  # with those that come out again
    chosen = list(documents_of(world, shard.issue, first, end))
    # a quarter of the first zip comes once more under another name
    return chosen[::4] if shard.is_repeat else chosen


def shard_bytes(world: World, shard: Shard) -> bytes:
    """The zip itself. Made anew at each call, always the same."""
    members = (
        (f"{stem}/{stem}.XML", page(found, stem), stamp(found))
        for found in _documents(world, shard)
        for stem in (file_stem(found),)
    )
    content = zipped(members)
    if shard.is_nested:
        eve = shard.issue.day - timedelta(days=1)
        inner = shard.name.replace(".zip", "_BIBS.zip")
        content = zipped([(inner, content, (eve.year, eve.month, eve.day, 17, 0, 0))])
    if shard.is_unreadable:
        return content[: len(content) * 6 // 10]
    return content
