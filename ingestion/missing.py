"""What a source should have delivered and has not: noticed, shown, and closed by the delivery that fills it.

The listing tells of numbers left out of a series of shards, of parts left out of a split archive, of days on which the
other products of the source came and one did not, and of files that could not be fetched; the loads tell of what came
and could not be read. Nothing of it stops the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import Connection, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ingestion.declarations import Declaration
from ingestion.parts import Incomplete
from ingestion.transport import RemoteFile
from warehouse.tables import landed_files, missing_shards, outcomes, rejected_rows

Kind = Literal["number", "part", "day", "not_fetched", "unreadable"]

_MOST_OF_A_FOLDER = 200  # numbers; a series with more holes is no series
#: a product that came on so large a share of the days of all products is expected on each of them
_REGULAR = 0.8
_FEWEST_DAYS = 5
#: rules for which an archive inside an archive is a shard that cannot be read
_UNREADABLE = (
    "damaged_member", "encrypted", "not_a_zip", "split_archive", "truncated", "unsupported_archive",
    "unsupported_compression",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not there, by the path that it would have."""

    kind: Kind
    object: str
    zh: str
    en: str


def in_series(source: Declaration, files: Iterable[RemoteFile]) -> list[Missing]:
    """Numbers left out of the numbered shards of each folder, `…_0001.zip, …_0003.zip`."""
    series: dict[tuple[str, str], dict[int, tuple[int, str]]] = defaultdict(dict)
    for file in files:
        if (shard := source.shard(file.name)) is not None:
            name, number, digits = shard
            series[file.folder, name][number] = (digits, file.name)
    found = []
    for (folder, name), numbers in sorted(series.items()):
        absent = [number for number in range(min(1, *numbers), max(numbers)) if number not in numbers]
        for number in absent[:_MOST_OF_A_FOLDER]:
            digits, example = next(iter(numbers.values()))
            path = f"{folder}/{name}{number:0{digits}}{example[len(name) + digits :]}".lstrip("/")
            found.append(
                Missing(
                    "number",
                    path,
                    f"分片编号缺 {number}：同目录已有 {len(numbers)} 个，最大编号 {max(numbers)}",
                    f"shard {number} is left out: the folder holds {len(numbers)}, numbered up to {max(numbers)}",
                )
            )
    return found


def in_parts(incomplete: Iterable[Incomplete]) -> list[Missing]:
    """Split archives that lack parts."""
    return [Missing("part", one.path, one.zh, one.en) for one in incomplete]


def in_days(folders: Mapping[str, Mapping[date, str]], first_day: date) -> list[Missing]:
    """Days on which other products came and one did not. `folders`: product → day → path of its folder.

    A product is expected on the days of the others from its own first one on, if it has come on nearly all of them:
    so holidays need no calendar, and a product with a rhythm of its own is left alone.
    """
    every_day = sorted({day for days in folders.values() for day in days if day >= first_day})
    found = []
    for product, days in sorted(folders.items()):
        expected = [day for day in every_day if day >= min(days)]
        absent = [day for day in expected if day not in days]
        if len(expected) < _FEWEST_DAYS or len(expected) - len(absent) < _REGULAR * len(expected):
            continue
        for day in absent:
            before = days[max(one for one in days if one < day)]
            found.append(
                Missing(
                    "day",
                    f"{before.rpartition('/')[0]}/{day:%Y%m%d}",
                    f"{product} 缺 {day} 一期：其他产品当日已发布",
                    f"{product} has no folder of {day}, a day on which other products came",
                )
            )
    return found


def not_fetched(failures: Mapping[str, tuple[str, str]]) -> list[Missing]:
    """Listed files that did not come: path → reason in Chinese and in English."""
    return [Missing("not_fetched", path, zh, en) for path, (zh, en) in sorted(failures.items())]


def unreadable(connection: Connection, source_id: str) -> list[Missing]:
    """Landed files that were refused, and archives inside archives that could not be opened, as things stand now.

    What came later under the same path and was loaded has filled the gap.
    """
    files, rejects, later = landed_files.c, rejected_rows.c, landed_files.alias()
    filled = exists().where(
        later.c.source_id == files.source_id,
        later.c.relative_path == files.relative_path,
        later.c.file_id > files.file_id,
        later.c.state.in_(("loaded", "duplicate")),
    )
    statement = (
        select(files.relative_path, files.state, rejects.place, rejects.reason_zh, rejects.reason_en)
        .join(rejected_rows, rejects.file_id == files.file_id)
        .where(
            files.source_id == source_id,
            ~filled,
            or_(
                and_(files.state == "refused", rejects.load_id.is_(None)),
                and_(
                    files.state == "loaded",
                    rejects.rule.in_(_UNREADABLE),
                    rejects.place.regexp_match(r"\.(zip|z\d\d|zip\.\d{3}|rar|7z|tar|t?gz|bz2|xz)$", flags="i"),
                ),
            ),
        )
        .order_by(files.file_id)
    )
    found: dict[str, Missing] = {}
    for path, state, place, zh, en in connection.execute(statement):
        shard = path if state == "refused" else f"{path}!{place}"
        found[shard] = Missing("unreadable", shard, zh, en)
    return list(found.values())


def settle(
    connection: Connection,
    source_id: str,
    kinds: Collection[str],
    found: Iterable[Missing],
    *,
    folders: Collection[str] | None = None,
) -> int:
    """Open what is missing and was not known, close what is known and no longer missing; returns how many are open.

    folders: the only ones of which `found` speaks; what is known of others stays as it is. None: of all.
    """
    table = missing_shards.c
    now_missing = {(one.kind, one.object): one for one in found}
    known = {
        (kind, object_): missing_id
        for missing_id, kind, object_ in connection.execute(
            select(table.missing_id, table.kind, table.object).where(
                table.source_id == source_id, table.kind.in_(kinds), table.closed_at.is_(None)
            )
        )
    }
    new = [one for key, one in now_missing.items() if key not in known]
    if new:
        connection.execute(
            upsert(missing_shards).on_conflict_do_nothing(),  # another run may have noticed it just now
            [
                {
                    "source_id": source_id,
                    "kind": one.kind,
                    "object": one.object,
                    "reason_zh": one.zh[:1000],
                    "reason_en": one.en[:1000],
                }
                for one in new
            ],
        )
    filled = [
        missing_id
        for (kind, object_), missing_id in known.items()
        if (kind, object_) not in now_missing and (folders is None or object_.rpartition("/")[0] in folders)
    ]
    if filled:
        connection.execute(update(missing_shards).where(table.missing_id.in_(filled)).values(closed_at=func.now()))
    return len(known) + len(new) - len(filled)


def still_not_fetched(connection: Connection, source_id: str) -> list[Missing]:
    """Files noticed as not fetched before, of which nothing has been landed since."""
    table = missing_shards.c
    landed = exists().where(
        landed_files.c.source_id == source_id,
        landed_files.c.relative_path == table.object,
        landed_files.c.landed_at >= table.noticed_at,
    )
    same_bytes = exists().where(
        outcomes.c.source_id == source_id,
        outcomes.c.step == "land",
        outcomes.c.status == "skipped",
        outcomes.c.object == table.object,
        outcomes.c.finished_at >= table.noticed_at,
    )
    statement = select(table.object, table.reason_zh, table.reason_en).where(
        table.source_id == source_id, table.kind == "not_fetched", table.closed_at.is_(None), ~landed, ~same_bytes
    )
    return [Missing("not_fetched", *row) for row in connection.execute(statement)]


def open_ones(connection: Connection, source_id: str, most: int | None = None) -> list[tuple[str, str, str, str]]:
    """(kind, object, reason in Chinese, in English) of all that is missing now, the newest first."""
    table = missing_shards.c
    statement = (
        select(table.kind, table.object, table.reason_zh, table.reason_en)
        .where(table.source_id == source_id, table.closed_at.is_(None))
        .order_by(table.missing_id.desc())
        .limit(most)
    )
    return [tuple(row) for row in connection.execute(statement)]


def open_count(connection: Connection, source_id: str) -> int:
    table = missing_shards.c
    statement = select(func.count()).where(table.source_id == source_id, table.closed_at.is_(None))
    return int(connection.execute(statement).scalar_one())
