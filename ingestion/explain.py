"""Why a row was rejected, with the bytes that were received: from the ledger back into the landing area."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select

from ingestion.archives import Archive, MemberProblem, is_zip
from ingestion.declarations import declaration
from ingestion.landing import LandingChanged, landing
from ingestion.ledger import WHOLE_FILE
from ingestion.readers import Limits, Refusal
from warehouse import connections
from warehouse.tables import landed_files, rejected_rows

_LINE = re.compile(r"第(\d+)行$")
_MOST_LINE_BYTES = 1 << 20
_AROUND_BYTES = 96
_HEX_AROUND_BYTES = 16


class NoSuchReject(LookupError):
    """No rejected row has this number."""


@dataclass(frozen=True)
class Surroundings:
    """Received bytes around the offending value. `text` is readable, `marked` the offset of the value in `raw`."""

    where: str
    encoding: str
    text: str
    raw: bytes
    offset: int


@dataclass(frozen=True)
class Explanation:
    """One rejected row with its file; `surroundings` is None when the bytes cannot be shown, `hindrance` says why."""

    reject_id: int
    source_id: str
    source_zh: str
    source_en: str
    file: str
    address: str
    layout: str
    known_at: date
    landing: str
    load_id: int | None
    place: str
    field: str | None
    value: str | None
    rule: str
    reason_zh: str
    reason_en: str
    row_text: str | None
    rejected_at: datetime
    surroundings: Surroundings | None
    hindrance: str


def explain(reject_id: int) -> Explanation:
    """All that is known about one row of ops.rejected_rows. NoSuchReject if there is none of this number."""
    columns = [*rejected_rows.c, *(column for column in landed_files.c if column.name not in rejected_rows.c)]
    statement = (
        select(*columns)
        .join(landed_files, landed_files.c.file_id == rejected_rows.c.file_id)
        .where(rejected_rows.c.reject_id == reject_id)
    )
    with connections.engine("loader").begin() as connection:
        row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NoSuchReject(f"没有编号为 {reject_id} 的拒收记录 no rejected row has the number {reject_id}")
    source, area = declaration(row["source_id"]), landing()
    surroundings, hindrance = None, ""
    try:
        with area.local(row["landing_path"], row["content_sha256"]) as path:
            surroundings = _surroundings(path, row["place"], row["value"], source.limits)
        if surroundings is None:
            hindrance = f"找不到位置 {row['place']} this place was not found in the file"
    except (LandingChanged, Refusal, MemberProblem) as error:
        hindrance = str(error)
    return Explanation(
        reject_id=reject_id,
        source_id=row["source_id"],
        source_zh=source.name.zh,
        source_en=source.name.en,
        file=row["relative_path"],
        address=row["address"],
        layout=row["layout"],
        known_at=row["known_at"],
        landing=area.shown(row["landing_path"]),
        load_id=row["load_id"],
        place=row["place"],
        field=row["field"],
        value=row["value"],
        rule=row["rule"],
        reason_zh=row["reason_zh"],
        reason_en=row["reason_en"],
        row_text=row["row_text"],
        rejected_at=row["rejected_at"],
        surroundings=surroundings,
        hindrance=hindrance,
    )


def _surroundings(path: Path, place: str, value: str | None, limits: Limits) -> Surroundings | None:
    content, where = _content(path, place, limits)
    return None if content is None else _around(content, where, value)


def _content(path: Path, place: str, limits: Limits) -> tuple[bytes | None, str]:
    """The line or the member that a place names; for the whole file, its beginning."""
    if found := _LINE.search(place):
        return _line(path, int(found.group(1))), place
    if place not in (WHOLE_FILE, path.name) and is_zip(path):
        with Archive(path, limits) as archive:
            for member in archive.members:
                if member.place == place:
                    return archive.read(member), place
            return None, place
    with path.open("rb") as handle:
        return handle.read(_MOST_LINE_BYTES), f"{WHOLE_FILE} {path.name}"


def _line(path: Path, number: int) -> bytes | None:
    with path.open("rb") as handle:
        for _ in range(number - 1):
            if not handle.readline():
                return None
        return handle.readline(_MOST_LINE_BYTES) or None


def _around(content: bytes, where: str, value: str | None) -> Surroundings:
    encoding = "utf-8"
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "gb18030"
    at = -1
    for candidate in dict.fromkeys((encoding, "utf-8", "gb18030")):
        if value and (at := content.find(value.encode(candidate, "ignore"))) >= 0:
            encoding = candidate
            break
    at = max(at, 0)
    length = len(value.encode(encoding, "ignore")) if value else 0
    start = max(0, at - _AROUND_BYTES)
    end = at + length + _AROUND_BYTES
    # a cut in the middle of a character shows as one replacement character at most on each side
    text = content[start:end].decode(encoding, "replace")
    raw_start = max(0, at - _HEX_AROUND_BYTES)
    raw = content[raw_start : at + max(min(length, 64), 1) + _HEX_AROUND_BYTES]
    return Surroundings(where, encoding, text, raw, at - raw_start)
