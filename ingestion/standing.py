"""Where the sources stand, and whether all is in place for a run: `status`, `check`, `latest_rejects`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select

from ingestion import loader, missing
from ingestion.addresses import Address, source_address
from ingestion.declarations import Declaration, declaration, source_ids
from ingestion.landing import landing
from ingestion.pace import SharedPace
from ingestion.readers import READERS
from ingestion.results import SHANGHAI
from ingestion.transport import RemoteFile, TooLarge, TransportError, open_transport
from warehouse import connections
from warehouse.tables import landed_files, loads, outcomes, rejected_rows

_MOST_SHOWN = 10  # missing shards of a source
_MOST_FOLDERS_LOOKED_AT = 30
_BYTES_LOOKED_AT = 1 << 16


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
    """Look at all that a run needs, from the declaration to a first file of the source; changes nothing but the raw
    table, and counts its requests.
    """
    findings: list[Finding] = []

    def look(name: str, zh: str, en: str, test: Callable[[], str | tuple[str, str] | None]) -> bool:
        try:
            found = test()
        except Exception as error:
            first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
            words = (error.zh, error.en) if isinstance(error, TransportError) else (first_line, first_line)
            findings.append(Finding(name, False, f"{zh}：{words[0]}", f"{en}: {words[1]}"))
            return False
        words = (found, found) if isinstance(found, str) else found or ("", "")
        findings.append(
            Finding(name, True, f"{zh}：{words[0]}" if words[0] else zh, f"{en}: {words[1]}" if words[1] else en)
        )
        return True

    if not look("declaration", "声明", "declaration", lambda: declaration(source_id).name.zh):
        return findings
    source = declaration(source_id)
    look("readers", "读取程序", "readers", lambda: _readers_of(source))
    look("scope", "加载范围", "load scope", lambda: source.scope)
    look("landing", "落地区", "landing area", _landing_is_writable)
    has_warehouse = look("warehouse", "数据仓库", "warehouse", _warehouse_answers)
    if has_warehouse:
        look("table", "原始表", "raw table", lambda: loader.ensure_tables(connections.engine("loader"), source))
    if look("address", "数据源地址", "address", lambda: _address_of(source).shown):
        way = _Way(source, _address_of(source), is_counted=has_warehouse)
        # each step asks for more: the server and its log-in, the shape of the tree, one file's first bytes
        for step in (
            ("source", "连接与登录", "connection and log-in", way.connect),
            ("shape", "目录与文件格式", "tree and layouts", way.recognise),
            ("file", "文件可读", "a file can be read", way.read),
        ):
            if not look(*step):
                break
    return findings


class _Way:
    """The way to a source, gone as far as a first file, with little patience."""

    def __init__(self, source: Declaration, address: Address, *, is_counted: bool) -> None:
        self._source = source
        quick = source.politeness.model_copy(
            update={
                "attempts": min(source.politeness.attempts, 2),
                "timeout_seconds": min(source.politeness.timeout_seconds, 20),
                "longest_wait_seconds": min(source.politeness.longest_wait_seconds, 10),
            }
        )
        pace = SharedPace(connections.engine("loader"), source.source_id, address, quick) if is_counted else None
        self._transport = open_transport(address, quick, pace)
        self._file: RemoteFile | None = None

    def connect(self) -> tuple[str, str]:
        entered: list[str] = []

        def enter(folder: str, stamp: str) -> bool:
            entered.append(folder)
            return False

        walk = self._transport.walk(enter)
        files = len(next(walk).files)
        next(walk, None)  # only now are the folders below it asked for
        return f"{len(entered)} 个目录，{files} 个文件", f"{len(entered)} folders, {files} files"

    def recognise(self) -> tuple[str, str]:
        """The first file of a declared layout, within a number of folders."""
        seen: list[str] = []
        walk = self._transport.walk(lambda folder, _: not self._source.is_skipped_folder(folder))
        for folder in islice(walk, _MOST_FOLDERS_LOOKED_AT):
            if folder.error is not None:
                raise folder.error
            for file in folder.files:
                if match := self._source.recognise(file.path):
                    self._file = file
                    return f"{match.layout.name}，如 {file.path}", f"{match.layout.name}, such as {file.path}"
                seen.append(file.path)
        names = ", ".join(layout.name for layout in self._source.layouts)
        shown = ", ".join(seen[:3]) or "—"
        raise TransportError(
            "no_layout",
            f"没有找到任何已声明格式（{names}）的文件，地址可能高了或低了一层；看到的文件如：{shown}",
            f"no file of a declared layout ({names}): the address may be a folder too high or too low; seen: {shown}",
        )

    def read(self) -> tuple[str, str]:
        assert self._file is not None
        with tempfile.TemporaryFile() as target:
            try:
                size = self._transport.fetch(self._file, target, _BYTES_LOOKED_AT).size
            except TooLarge:
                size = _BYTES_LOOKED_AT
        return f"已试读 {size:,} 字节", f"{size:,} bytes tried"


def _address_of(source: Declaration) -> Address:
    address = source_address(source.source_id)
    if address.scheme not in source.transport.schemes:
        known = ", ".join(source.transport.schemes)
        raise TransportError(
            "scheme", f"不支持 {address.scheme} 地址，只接受 {known}", f"{address.scheme} is not taken, only {known}"
        )
    return address


def _warehouse_answers() -> str:
    with connections.engine("loader").begin() as connection:
        connection.execute(select(1))
    return str(connections.url("loader").host)


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
