"""One landed file → rows of `raw`, in one transaction with its ledger: a crash leaves all of it or nothing.

Arrow batches are encoded in memory and sent by COPY. Reading, filtering and encoding go on in a second thread while
the connection sends; pyarrow and the socket both release the interpreter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    Float,
    Integer,
    MetaData,
    Numeric,
    Table,
    inspect,
    text,
)
from sqlalchemy import Text as TextType
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import CreateTable, SetColumnComment, SetTableComment

from ingestion import ledger
from ingestion.copying import CopyForm, copy_form
from ingestion.declarations import LOADER_COLUMNS, Declaration, RawTable
from ingestion.landing import Landing
from ingestion.ledger import Counts, Fingerprint, LandedFile
from ingestion.readers import Parsed, Refusal, Reject
from ingestion.scope import in_scope

RAW = "raw"
_CHUNKS_AHEAD = 2
_REJECTS_AT_ONCE = 2_000

_TYPES: dict[str, Any] = {
    "text": TextType,
    "bigint": BigInteger,
    "integer": Integer,
    "date": Date,
    "numeric": Numeric,
    "boolean": Boolean,
    "double precision": Float(53),
    "jsonb": JSONB,
}

Reader = Callable[..., Iterator[Parsed]]


class TableDiffers(RuntimeError):
    """The raw table has a column of another type than the declaration, or a reader delivers other columns."""


@dataclass(frozen=True)
class FileLoad:
    """What became of one file: loaded, duplicate, refused; `done` or `busy` when another process has it."""

    state: str
    load_id: int | None = None
    counts: Counts = field(default_factory=Counts)
    zh: str = ""
    en: str = ""


def raw_table(declared: RawTable) -> Table:
    """A declared raw table, as SQLAlchemy Core."""
    columns = [
        Column(one.name, _TYPES[one.type], nullable=not one.not_null, comment=one.zh) for one in declared.columns
    ]
    words = {"_load_id": "装载批次", "_known_at": "来源公布之日", "_layout": "来源格式"}
    columns += [
        Column(name, _TYPES[kind], nullable=False, comment=words[name]) for name, kind in LOADER_COLUMNS.items()
    ]
    comment = f"{declared.title_zh}：按收到的原样，仅限内部使用"
    return Table(declared.name, MetaData(), *columns, schema=RAW, comment=comment)


def ensure_tables(engine: Engine, declaration: Declaration) -> None:
    """Create a source's raw tables, or append the columns they lack; TableDiffers if a column has another type."""
    for declared in declaration.tables:
        _ensure(engine, raw_table(declared))


def _ensure(engine: Engine, table: Table) -> None:
    with engine.begin() as connection:
        found = _column_types(connection, table.name)
        if all(found.get(column.name) for column in table.columns) and not _differences(table, found):
            return
        ledger.lock(connection, f"ddl:{RAW}.{table.name}")
        found = _column_types(connection, table.name)
        if not found:
            connection.execute(CreateTable(table))
            # rows lie in the order of their loads: a block range index costs COPY next to nothing
            name = f"{table.name}_load_idx"
            connection.execute(
                text(f'create index "{name}" on {RAW}."{table.name}" using brin (_load_id) with (autosummarize = on)')
            )
            connection.execute(SetTableComment(table))
            for column in table.columns:
                connection.execute(SetColumnComment(column))
            return
        for column in table.columns:
            if column.name not in found:
                kind = column.type.compile(engine.dialect)
                connection.execute(text(f'alter table {RAW}."{table.name}" add column "{column.name}" {kind}'))
                connection.execute(SetColumnComment(column))
        if differing := _differences(table, found):
            raise TableDiffers(
                f"{RAW}.{table.name} differs from its declaration: {'; '.join(differing)}. 原始表与声明不一致。"
            )


def _column_types(connection: Connection, table_name: str) -> dict[str, str]:
    inspector = inspect(connection)
    if not inspector.has_table(table_name, schema=RAW):
        return {}
    return {
        one["name"]: one["type"].compile(connection.dialect).lower()
        for one in inspector.get_columns(table_name, schema=RAW)
    }


def _differences(table: Table, found: Mapping[str, str]) -> list[str]:
    result = []
    for column in table.columns:
        declared = _compiled(column)
        is_there = found.get(column.name, declared)
        if is_there != declared:
            result.append(f"{column.name} is {is_there}, declared {declared}")
    return result


def _compiled(column: Column[Any]) -> str:
    from sqlalchemy.dialects import postgresql

    kind = column.type.compile(postgresql.dialect()).lower()
    return "double precision" if kind.startswith("float") else kind


def load_file(
    engine: Engine,
    declaration: Declaration,
    file: LandedFile,
    area: Landing,
    reader: Reader,
    *,
    scope: str,
    run_id: str | None = None,
    wait: bool = True,
) -> FileLoad:
    """Load one landed file, or say why not. One transaction: rows, rejects, load, file state and outcome together.

    Raises what the warehouse and the landing area raise, and what a faulty reader raises; then nothing is written.
    """
    started_at = ledger.now()
    with area.local(file.landing_path, file.content_sha256) as path:

        def steps() -> Iterator[Parsed]:
            return reader(path, limits=declaration.limits)

        return load_steps(
            engine, declaration, file, steps, scope=scope, run_id=run_id, wait=wait, started_at=started_at
        )


def load_steps(
    engine: Engine,
    declaration: Declaration,
    file: LandedFile,
    steps: Callable[[], Iterable[Parsed]],
    *,
    scope: str,
    run_id: str | None = None,
    wait: bool = True,
    started_at: Any = None,
) -> FileLoad:
    """The transaction of `load_file`, from batches in memory to the commit."""
    started_at = started_at or ledger.now()
    with engine.begin() as connection:
        ledger.set_limits(connection)
        if not ledger.lock(connection, f"file:{file.source_id}:{file.content_sha256}", wait=wait):
            return FileLoad("busy")
        if not ledger.is_waiting(connection, file.file_id):
            return FileLoad("done")
        rows = connection.begin_nested()
        try:
            load_id = ledger.open_load(connection, file, declaration.table_of(file.layout).name)
            result = _copy(connection, declaration, file, load_id, steps, scope)
        except Refusal as refusal:
            rows.rollback()
            return _refuse(connection, file, refusal, run_id, started_at)
        if other := ledger.content_loaded_by(connection, file, result.fingerprint):
            rows.rollback()
            return _mark_duplicate(connection, declaration, file, result, other, run_id, started_at)
        rows.commit()
        ledger.close_load(connection, load_id, result.fingerprint, result.counts)
        ledger.set_file_state(connection, file.file_id, "loaded")
        done = FileLoad("loaded", load_id, result.counts, *_words(file, result.counts))
        _record(connection, file, "warn" if result.counts.rejected else "ok", done, run_id, started_at)
        return done


@dataclass(frozen=True)
class _Copied:
    counts: Counts
    fingerprint: str


def _copy(
    connection: Connection,
    declaration: Declaration,
    file: LandedFile,
    load_id: int,
    steps: Callable[[], Iterable[Parsed]],
    scope: str,
) -> _Copied:
    """COPY the rows and store the rejects; the encoding thread is gone when this returns or raises."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    declared = declaration.table_of(file.layout)
    own = {"_load_id": load_id, "_known_at": file.known_at, "_layout": file.layout}
    form = copy_form(
        {column.name: column.type for column in declared.columns},
        [(name, LOADER_COLUMNS[name], value) for name, value in own.items()],
    )
    encoder = _Encoder(declaration, file.layout, steps, scope, form)
    target = sql.SQL("copy {}.{} ({}) from stdin ({})").format(
        sql.Identifier(RAW),
        sql.Identifier(declared.name),
        sql.SQL(", ").join(sql.Identifier(name) for name in form.columns),
        sql.SQL(form.options),
    )
    with encoder, driver.cursor() as cursor, cursor.copy(target) as copy:
        copy.write(form.header)
        for chunk in encoder:
            copy.write(chunk)
        copy.write(form.trailer)
    # COPY holds the connection: rejects can only follow it
    for start in range(0, len(encoder.rejects), _REJECTS_AT_ONCE):
        ledger.add_rejects(connection, file, load_id, encoder.rejects[start : start + _REJECTS_AT_ONCE])
    return _Copied(encoder.counts, encoder.fingerprint.hexdigest(otherwise=file.content_sha256))


class _Encoder:
    """Runs the reader and encodes its batches in a thread, a few chunks ahead of COPY. Iterate over it for bytes."""

    def __init__(
        self,
        declaration: Declaration,
        layout: str,
        steps: Callable[[], Iterable[Parsed]],
        scope: str,
        form: CopyForm,
    ) -> None:
        self._declaration, self._steps, self._scope, self._form = declaration, steps, scope, form
        self._schema = declaration.table_of(layout).schema
        self._queue: Queue[bytes | memoryview | BaseException | None] = Queue(_CHUNKS_AHEAD)
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)
        self.counts = Counts()
        self._met = 0
        self.rejects: list[Reject] = []
        self.fingerprint = Fingerprint(layout)

    def __enter__(self) -> _Encoder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        self._thread.join()

    def __iter__(self) -> Iterator[bytes | memoryview]:
        while True:
            try:
                item = self._queue.get(timeout=5)
            except Empty:
                if not self._thread.is_alive() and self._queue.empty():
                    raise RuntimeError("the encoding thread ended without a word") from None
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self) -> None:
        try:
            for parsed in self._steps():
                for chunk in self._form.encode(self._take(parsed)):
                    if not self._offer(chunk):
                        return
            self._offer(None)
        except BaseException as error:  # the sending thread raises it where it can be answered
            self._offer(error)

    def _offer(self, item: bytes | memoryview | BaseException | None) -> bool:
        while not self._given_up.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except Full:
                continue
            return True
        return False

    def _take(self, parsed: Parsed) -> pa.RecordBatch:
        """Count a step and keep its rejects; returns its rows inside the scope."""
        batch = self._in_order(parsed.batch)
        self.rejects += parsed.rejects
        if len(self.rejects) > self._declaration.limits.max_rejects:
            raise Refusal(
                "too_many_rejects",
                f"拒收行超过 {self._declaration.limits.max_rejects}，文件不符合其格式",
                f"more than {self._declaration.limits.max_rejects} rejected rows: not a file of this layout",
            )
        self.fingerprint.add_rejects(parsed.rejects)
        self.fingerprint.add(batch.column(self._schema.get_field_index("_row_hash")))
        kept = in_scope(batch, self._declaration, self._scope)
        before = self.counts
        self._met += parsed.rows_read
        loaded = before.loaded + kept.num_rows
        skipped = before.skipped + batch.num_rows - kept.num_rows
        duplicate = before.duplicate + parsed.duplicates
        # over the whole file: a reader may reject a row in a later step than it met it
        rejected = self._met - duplicate - loaded - skipped
        # a member that cannot even be opened holds rows that nobody can count: it counts as one, read and rejected
        shards = max(0, len(self.rejects) - rejected)
        self.counts = Counts(
            read=self._met + shards, loaded=loaded, skipped=skipped, duplicate=duplicate, rejected=rejected + shards
        )
        return kept

    def _in_order(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The declared columns in declared order; TableDiffers if the reader delivers anything else."""
        if batch.schema.equals(self._schema):
            return batch
        if sorted(batch.schema.names) != sorted(self._schema.names):
            differing = sorted(set(batch.schema.names) ^ set(self._schema.names))
            raise TableDiffers(f"reader and declaration differ in columns: {', '.join(differing)}")
        batch = batch.select(self._schema.names)
        wrong = [ours.name for ours, theirs in zip(self._schema, batch.schema, strict=True) if ours.type != theirs.type]
        if wrong:
            raise TableDiffers(f"reader and declaration differ in the types of: {', '.join(wrong)}")
        return batch


def _refuse(
    connection: Connection, file: LandedFile, refusal: Refusal, run_id: str | None, started_at: Any
) -> FileLoad:
    ledger.add_rejects(connection, file, None, [ledger.refusal_as_reject(refusal)])
    ledger.set_file_state(connection, file.file_id, "refused")
    done = FileLoad("refused", None, Counts(), refusal.reason_zh, refusal.reason_en)
    _record(connection, file, "failed", done, run_id, started_at, {"rule": refusal.rule, "place": refusal.place})
    return done


def _mark_duplicate(
    connection: Connection,
    declaration: Declaration,
    file: LandedFile,
    result: _Copied,
    other: str,
    run_id: str | None,
    started_at: Any,
) -> FileLoad:
    zh, en = f"内容与 {other} 相同，不再装载", f"same rows as {other}; not loaded again"
    counts = Counts(read=result.counts.read)
    load_id = ledger.open_load(connection, file, declaration.table_of(file.layout).name)
    ledger.close_load(
        connection, load_id, result.fingerprint, counts, state="duplicate", state_reason_zh=zh, state_reason_en=en
    )
    ledger.set_file_state(connection, file.file_id, "duplicate")
    done = FileLoad("duplicate", load_id, counts, zh, en)
    _record(connection, file, "skipped", done, run_id, started_at)
    return done


def _record(
    connection: Connection,
    file: LandedFile,
    status: str,
    done: FileLoad,
    run_id: str | None,
    started_at: Any,
    details: Mapping[str, Any] | None = None,
) -> None:
    ledger.record(
        connection,
        "load",
        status,
        source_id=file.source_id,
        object_=file.relative_path,
        run_id=run_id,
        zh=done.zh,
        en=done.en,
        rows_in=done.counts.read,
        rows_out=done.counts.loaded,
        details={"file_id": file.file_id, "load_id": done.load_id, "state": done.state, **(details or {})},
        started_at=started_at,
    )


def _words(file: LandedFile, counts: Counts) -> tuple[str, str]:
    zh = f"读取 {counts.read} 行，装载 {counts.loaded} 行"
    en = f"{counts.read} rows read, {counts.loaded} loaded"
    for number, word_zh, word_en in (
        (counts.skipped, "范围外", "out of scope"),
        (counts.duplicate, "重复", "alike"),
        (counts.rejected, "拒收", "rejected"),
    ):
        if number:
            zh, en = f"{zh}，{word_zh} {number} 行", f"{en}, {number} {word_en}"
    return zh, en
