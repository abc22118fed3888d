"""Where the sources stand, and whether all is in place for a run: `status`, `check`, `latest_rejects`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ingestion import loader, missing
from ingestion.addresses import source_address
from ingestion.declarations import Declaration, declaration, source_ids
from ingestion.landing import landing
from ingestion.readers import READERS
from ingestion.results import SHANGHAI
from ingestion.transport import open_transport
from warehouse import connections
from warehouse.tables import landed_files, loads, outcomes, rejected_rows

_MOST_SHOWN = 10  # missing shards of a source


@dataclass(frozen=True)
class SourceStatus:
    """Where one source stands. Times are UTC; `is_late` follows the declaration's late_after_days.

    `missing` names the latest of the shards that should be there and are not, each with its reason.
    """

    source_id: str
    name_zh: str
    cadence_zh: str
    waiting_files: int
    loaded_files: int
    duplicate_files: int
    refused_files: int
    loads_waiting: int
    loads_accepted: int
    loads_held: int
    rows_loaded: int
    rows_rejected: int
    last_success_at: datetime | None
    last_known_at: date | None
    is_late: bool
    is_synthetic: bool
    message_zh: str
    shards_missing: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One line of `check`: what was looked at, whether it is well, and what to do if not."""

    name: str
    is_well: bool
    zh: str
    en: str


def status(source_id: str | None = None) -> list[SourceStatus]:
    """Where every declared source stands, or one of them."""
    chosen = [source_id] if source_id else source_ids()
    with connections.engine("loader").begin() as connection:
        return [_status(connection, declaration(one)) for one in chosen]


def _status(connection: Connection, source: Declaration) -> SourceStatus:
    files = landed_files.c
    by_state = select(files.state, func.count()).where(files.source_id == source.source_id).group_by(files.state)
    of_files: dict[str, int] = {str(state): int(count) for state, count in connection.execute(by_state)}
    of_loads = {
        state: (count, rows, rejected, known_at, synthetic)
        for state, count, rows, rejected, known_at, synthetic in connection.execute(
            select(
                loads.c.state,
                func.count(),
                func.sum(loads.c.rows_loaded),
                func.sum(loads.c.rows_rejected),
                func.max(loads.c.known_at),
                func.bool_or(loads.c.is_synthetic),
            )
            .where(loads.c.source_id == source.source_id)
            .group_by(loads.c.state)
        )
    }
    accepted = of_loads.get("accepted")
    last_known_at = accepted[3] if accepted else None
    last_success_at = connection.execute(
        select(func.max(outcomes.c.finished_at)).where(
            outcomes.c.source_id == source.source_id, outcomes.c.step == "land", outcomes.c.status.in_(("ok", "warn"))
        )
    ).scalar_one()
    rejected = connection.execute(
        select(func.count()).where(rejected_rows.c.source_id == source.source_id)
    ).scalar_one()
    age = (datetime.now(SHANGHAI).date() - last_known_at).days if last_known_at else None
    is_late = age is None or age > source.cadence.late_after_days
    parts = []
    if age is None:
        parts.append("尚无已接受的数据")
    elif is_late:
        parts.append(f"最近数据为 {last_known_at}，已 {age} 天未更新（应在 {source.cadence.late_after_days} 天内）")
    if of_files.get("landed"):
        parts.append(f"{of_files['landed']} 个文件待装载")
    if of_files.get("refused"):
        parts.append(f"{of_files['refused']} 个文件被拒收")
    if "held" in of_loads:
        parts.append(f"{of_loads['held'][0]} 批数据被扣留")
    shards_missing = missing.open_count(connection, source.source_id)
    if shards_missing:
        parts.append(f"{shards_missing} 个分片缺失或不可读")
    return SourceStatus(
        source_id=source.source_id,
        name_zh=source.name.zh,
        cadence_zh=source.cadence.words.zh,
        waiting_files=of_files.get("landed", 0),
        loaded_files=of_files.get("loaded", 0),
        duplicate_files=of_files.get("duplicate", 0),
        refused_files=of_files.get("refused", 0),
        loads_waiting=of_loads["loaded"][0] if "loaded" in of_loads else 0,
        loads_accepted=accepted[0] if accepted else 0,
        loads_held=of_loads["held"][0] if "held" in of_loads else 0,
        rows_loaded=sum(int(one[1]) for one in of_loads.values()),
        rows_rejected=rejected,
        last_success_at=last_success_at,
        last_known_at=last_known_at,
        is_late=is_late,
        is_synthetic=any(one[4] for one in of_loads.values()),
        message_zh="；".join(parts) or "正常",
        shards_missing=shards_missing,
        missing=tuple(
            f"{path}: {zh} {en}" for _, path, zh, en in missing.open_ones(connection, source.source_id, _MOST_SHOWN)
        ),
    )


def latest_rejects(source_id: str | None = None, most: int = 30) -> list[tuple[Any, ...]]:
    """(reject_id, file, place, field, rule, reason_zh) of the latest rejected rows and refused files."""
    columns = rejected_rows.c
    statement = (
        select(
            columns.reject_id,
            landed_files.c.relative_path,
            columns.place,
            columns.field,
            columns.rule,
            columns.reason_zh,
        )
        .join(landed_files, landed_files.c.file_id == columns.file_id)
        .order_by(columns.reject_id.desc())
        .limit(most)
    )
    if source_id:
        statement = statement.where(columns.source_id == declaration(source_id).source_id)
    with connections.engine("loader").begin() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def check(source_id: str) -> list[Finding]:
    """Look at all that a run needs, from the declaration to the source's server; changes nothing but the raw table."""
    findings: list[Finding] = []

    def look(name: str, zh: str, en: str, test: Callable[[], object]) -> bool:
        try:
            found = test()
        except Exception as error:
            findings.append(Finding(name, False, f"{zh}：{error}", f"{en}: {error}"))
            return False
        detail = f"：{found}" if isinstance(found, str) else ""
        findings.append(Finding(name, True, f"{zh}{detail}", f"{en}{detail}"))
        return True

    if not look("declaration", "声明", "declaration", lambda: declaration(source_id).name.zh):
        return findings
    source = declaration(source_id)
    look("readers", "读取程序", "readers", lambda: _readers_of(source))
    look("scope", "加载范围", "load scope", lambda: source.scope)
    look("landing", "落地区", "landing area", _landing_is_writable)
    if look("warehouse", "数据仓库", "warehouse", lambda: str(connections.url("loader").host)):
        look("table", "原始表", "raw table", lambda: loader.ensure_tables(connections.engine("loader"), source))
    if look("address", "数据源地址", "address", lambda: source_address(source_id).shown):
        look("source", "数据源可列出", "source can be listed", lambda: _first_folder(source))
    return findings


def _readers_of(source: Declaration) -> str:
    missing = [one.name for one in source.layouts if one.name not in READERS]
    if missing:
        raise KeyError(f"no reader for {', '.join(missing)} 缺少读取程序")
    return ", ".join(one.name for one in source.layouts)


def _landing_is_writable() -> str:
    area = landing()
    if not area.is_writable():
        raise OSError(f"{area.shown()} cannot be written to 不可写")
    return area.shown()


def _first_folder(source: Declaration) -> str:
    transport = open_transport(source_address(source.source_id), source.politeness)
    entered = 0

    def enter(folder: str, stamp: str) -> bool:
        nonlocal entered
        entered += 1
        return False

    walk = transport.walk(enter)
    files = next(walk).files
    next(walk, None)  # only now are the folders below it asked for
    return f"{len(files)} 个文件 files, {entered} 个目录 folders"
