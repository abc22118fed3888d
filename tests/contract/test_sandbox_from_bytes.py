"""The city's figures counted from the delivered bytes alone: what the rules of the sources make of them."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from ingestion.sandbox import census
from ingestion.sandbox.feeds import Feed
from ingestion.sandbox.legal_feed import LegalStatusFeed
from ingestion.sandbox.patent_feed import PatentFeed
from ingestion.sandbox.targets import DONGLI
from ingestion.sandbox.world import World

TODAY = date(2026, 11, 22)
DAYS = [date(2012, 12, 31), date(2015, 12, 31), date(2018, 6, 30), date(2020, 12, 31), date(2024, 12, 31)]
FAMILY = {"10": "granted", "20": "utility", "30": "design"}


def pages(feed: Feed) -> Iterator[tuple[str, str]]:
    """Day of the folder and text of each document; what cannot be read comes again."""
    for path, entry in feed.walk("CN"):
        if not path.endswith(".zip"):
            continue
        assert entry.content
        try:
            archive = zipfile.ZipFile(io.BytesIO(entry.content()))
        except zipfile.BadZipFile:
            continue
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(".zip"):
                inner = zipfile.ZipFile(io.BytesIO(content))
                yield from ((path.split("/")[3], inner.read(each).decode()) for each in inner.namelist())
            else:
                yield path.split("/")[3], content.decode()


def found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text, re.DOTALL)
    assert match, (pattern, text[:200])
    return match.groups()


def day_of(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def is_inside(county: str, text: str) -> bool:
    if "塘沽" in text:  # it says one place and the other
        return False
    return county == "东丽区" or (county in ("", "0") and "天津市东丽区" in text)


def printed(label: str, text: str, announced: str) -> date:
    match = re.search(label + r"[:：] ?(\d{4})\.?(\d\d)\.?(\d\d)", text)
    return day_of("".join(match.groups())) if match else day_of(announced)


def test_a_reader_that_knows_only_the_bytes_finds_the_census() -> None:
    world = World(seed=6, scale=0.1)
    rights: dict[str, tuple[str, date, date, bool]] = {}
    for _, xml in pages(PatentFeed(world, lambda: TODAY)):
        kind, granted = found(r'kind="(\w)" datePublication="(\d+)"', xml)
        if kind == "A":
            continue
        (applied,) = found(r'applType="(\d\d)"', xml)
        number, filed = found(
            r'<business:ApplicationReference [^>]*"original".*?<base:DocNumber>([^<]+)<.*?<base:Date>(\d+)<', xml
        )
        county, text = found(r"<base:County>([^<]*)<.*?<base:PostCode>.*?<base:Text>([^<]*)<", xml)
        rights.setdefault(number, (FAMILY[applied], day_of(granted), day_of(filed), is_inside(county, text)))

    records: dict[str, tuple[str, str, str]] = {}  # by id: the correction instead of what it corrects
    contents: dict[str, tuple[str, str, str, str]] = {}
    for delivered, xml in pages(LegalStatusFeed(world, lambda: TODAY)):
        prs_id, status = found(r'PRSID="(\w+)" status="(\w)"', xml)
        version = (status, delivered, prs_id)
        if prs_id in records and records[prs_id] >= version:
            continue
        records[prs_id] = version
        (number,) = found(r'"original".*?<base:DocNumber>([^<]+)<', xml)
        (announced,) = found(r"PRSPublicationDate>\s*<base:Date>(\d+)", xml)
        (code,) = found(r"<business:PRSCode>(.*?)</business:PRSCode>", xml)
        (said,) = found(r"<business:PRSInformation>(.*?)</business:PRSInformation>", xml)
        contents[prs_id] = (number, code, html.unescape(said).replace("&nbsp;", ""), announced)
    events: dict[str, set[tuple[str, str, str]]] = defaultdict(set)  # the same content twice is one event
    for number, code, said, announced in contents.values():
        events[number].add((code, said, announced))

    def stands(number: str, day: date) -> str | None:
        family, granted, filed, inside = rights[number]
        years = {"granted": 20, "utility": 10, "design": 15 if filed >= date(2021, 6, 1) else 10}[family]
        if not granted <= day < filed.replace(year=filed.year + years):
            return None
        lapses = sorted(
            (announced, printed("终止日期", said, announced))
            for code, said, announced in events[number]
            if code == "CF01"
        )
        for code, _, announced in sorted(events[number]):
            if code == "RR01":
                lapses.remove([lapse for lapse in lapses if lapse[0] < announced][-1])
        ends = [effective for _, effective in lapses]
        for code, said, announced in events[number]:
            if code == "AV01":
                ends.append(printed("放弃生效日", said, announced))
            elif code == "IW01":
                ends.append(day_of(announced))
        if min(ends, default=date.max) <= day:
            return None
        transfers = sorted(
            (printed("登记生效日", said, announced), said) for code, said, announced in events[number] if code == "TR01"
        )
        for effective, said in transfers:
            moved = re.search(r"变更事项[:：]地址[;；]变更前权利人[:：][^;；]*[;；]变更后权利人[:：]([^;；。]*)", said)
            if moved and effective <= day:
                inside = is_inside("", moved[1])
        return family if inside else None

    stock = census.in_force(world, DONGLI, DAYS, TODAY)
    for day in DAYS:
        counted = dict.fromkeys(FAMILY.values(), 0)
        for number in rights:
            family = stands(number, day)
            if family:
                counted[family] += 1
        assert counted == stock[day], day
    assert sum(stock[DAYS[-1]].values()) > 1_000
