"""Load every landed file: `load`. Files are independent of one another, so several processes may share the work."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import Any

import psycopg
import sqlalchemy.exc
from sqlalchemy import Engine

from ingestion import ledger, loader, missing
from ingestion.declarations import Declaration, declaration
from ingestion.landing import Landing, landing
from ingestion.ledger import LandedFile
from ingestion.readers import READERS
from ingestion.results import Counted, Progress, silent
from warehouse import connections

_WORTH_SHARING = 32  # files; below it a second process costs more than it saves
_MOST_WORKERS = 4


@dataclass(frozen=True)
class LoadResult(Counted):
    """Files and rows of one load run. `files` were loaded; failed ones stay landed and are tried again."""

    files: int = 0
    rows_read: int = 0
    rows_loaded: int = 0
    rows_skipped: int = 0
    rows_rejected: int = 0
    duplicates: int = 0
    refused: int = 0
    failed: int = 0
    rows_duplicate: int = 0
    messages: tuple[str, ...] = ()


def load(
    source_id: str, run_id: str | None = None, *, workers: int | None = None, progress: Progress = silent
) -> LoadResult:
    """Load every landed file that is not loaded yet, oldest known_at first.

    `workers` processes share many files (default: INGEST_WORKERS, else one a core, at most four). A file that a faulty
    reader or a changed landing file stops is counted as failed and stays landed; a lost database is raised, because
    the rest could not be loaded either.
    """
    source, engine = declaration(source_id), connections.engine("loader")
    job = _Job(source_id, source.scope, run_id)
    started_at = ledger.now()
    loader.ensure_tables(engine, source)
    with engine.begin() as connection:
        waiting = ledger.waiting_files(connection, source_id)
    tally = _Tally()
    shared = _workers(len(waiting), workers)
    if shared > 1:
        engine.dispose()  # no connection is shared with a child
        tally = _share(job, waiting, shared, progress)
    # all of it, or what a process that died had left
    tally.join(_load_in_turn(job, [file for file in waiting if file.file_id not in tally.handled], progress))
    result = tally.result()
    with engine.begin() as connection:
        missing.settle(connection, source_id, ("unreadable",), missing.unreadable(connection, source_id))
        ledger.record(
            connection,
            "load",
            "warn" if result.failed or result.refused or result.rows_rejected else "ok",
            source_id=source_id,
            object_=", ".join(table.name for table in source.tables),
            run_id=run_id,
            zh=f"装载 {result.files} 个文件 {result.rows_loaded} 行；重复 {result.duplicates}，拒收 {result.refused}，"
            f"失败 {result.failed} 个文件；拒收 {result.rows_rejected} 行",
            en=f"{result.files} files with {result.rows_loaded} rows loaded; {result.duplicates} duplicate, "
            f"{result.refused} refused, {result.failed} failed files; {result.rows_rejected} rows rejected",
            rows_in=result.rows_read,
            rows_out=result.rows_loaded,
            details={"scope": job.scope, "rows_skipped": result.rows_skipped, "rows_duplicate": result.rows_duplicate},
            started_at=started_at,
        )
    return result


@dataclass(frozen=True)
class _Job:
    source_id: str
    scope: str
    run_id: str | None


def _workers(files: int, asked: int | None) -> int:
    if asked is not None:
        return max(1, asked)
    if files < _WORTH_SHARING or multiprocessing.current_process().daemon:
        return 1
    configured = os.environ.get("INGEST_WORKERS", "")
    return max(1, int(configured)) if configured.isdigit() else min(_MOST_WORKERS, os.cpu_count() or 1)


def _share(job: _Job, files: Sequence[LandedFile], workers: int, progress: Progress) -> _Tally:
    """The same work in several processes, each given the next file when it is done with one.

    What a process was given when it died is not in the tally: its transaction is gone, the file still waits.
    """
    context = multiprocessing.get_context("fork")
    children: dict[Any, multiprocessing.process.BaseProcess] = {}
    for number in range(workers):
        ours, theirs = context.Pipe()
        child = context.Process(target=_work, args=(job, theirs, [*children, ours]), name=f"load-{number}")
        child.start()
        theirs.close()
        children[ours] = child
    tally, left = _Tally(), iter(files)
    given: dict[Any, LandedFile] = {}
    while children:
        ready: list[Any] = wait(list(children))
        for ours in ready:
            try:
                done = ours.recv()
                if ours in given:
                    tally.add(given.pop(ours), done)
                    progress("load", len(tally.handled), len(files))
                file = next(left, None)
                ours.send(file)
                if file is not None:
                    given[ours] = file
            except (EOFError, ConnectionError):  # it ended, or was killed
                given.pop(ours, None)
                children.pop(ours).join()
                ours.close()
    return tally


def _work(job: _Job, parent: Any, others: Sequence[Any]) -> None:
    """A child: asks for a file, loads it, tells what became of it, until there is none or the parent is gone."""
    for one in others:
        one.close()  # the parent's ends: as long as they are open here, nobody would notice that the parent died
    source, area, engine = declaration(job.source_id), landing(), connections.engine("loader")
    done = None
    with contextlib.suppress(EOFError, ConnectionError):  # the parent was killed: so is the work, after this file
        while True:
            parent.send(done)
            file = parent.recv()
            if file is None:
                return
            done = _load_one(engine, source, file, area, job, wait_for=True)


def _load_in_turn(job: _Job, files: Sequence[LandedFile], progress: Progress) -> _Tally:
    source, area, engine = declaration(job.source_id), landing(), connections.engine("loader")
    tally = _Tally()
    busy: list[LandedFile] = []
    for wait_for, turn in ((False, files), (True, busy)):
        for file in turn:
            done = _load_one(engine, source, file, area, job, wait_for)
            if done.state == "busy":
                busy.append(file)  # another process has it: come back when the others are done
            else:
                tally.add(file, done)
                progress("load", len(tally.handled), len(files))
    return tally


def _load_one(
    engine: Engine, source: Declaration, file: LandedFile, area: Landing, job: _Job, wait_for: bool
) -> loader.FileLoad:
    """The outcome of one file; a failure is recorded and given back, a lost database raised."""
    started_at = ledger.now()
    try:
        reader = READERS[file.layout]
        return loader.load_file(engine, source, file, area, reader, scope=job.scope, run_id=job.run_id, wait=wait_for)
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, psycopg.OperationalError):
        raise
    except psycopg.Error as error:
        reason = f"{type(error).__name__} {error.sqlstate or ''}: {error.diag.message_primary or error}"
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    with engine.begin() as connection:
        ledger.record(
            connection, "load", "failed", source_id=source.source_id, object_=file.relative_path, run_id=job.run_id,
            zh=f"装载程序出错，文件留待重试：{reason}"[:1000], en=f"failed, the file stays waiting: {reason}"[:1000],
            details={"file_id": file.file_id, "state": "failed"}, started_at=started_at,
        )  # fmt: skip
    return loader.FileLoad("failed", en=reason)


class _Tally:
    """Adds up what became of files; `handled` are those that need no second look."""

    def __init__(self) -> None:
        self.handled: set[int] = set()
        self._result = LoadResult()

    def add(self, file: LandedFile, done: loader.FileLoad) -> None:
        self.handled.add(file.file_id)
        if done.state == "done":
            return
        counts = done.counts
        messages = (f"{file.relative_path}: {done.zh} {done.en}",) if done.state in ("refused", "failed") else ()
        self._plus(
            LoadResult(
                files=int(done.state == "loaded"),
                duplicates=int(done.state == "duplicate"),
                refused=int(done.state == "refused"),
                failed=int(done.state == "failed"),
                rows_read=counts.read if done.state == "loaded" else 0,
                rows_loaded=counts.loaded,
                rows_skipped=counts.skipped,
                rows_rejected=counts.rejected,
                rows_duplicate=counts.duplicate,
                messages=messages,
            )
        )

    def join(self, other: _Tally) -> None:
        self.handled |= other.handled
        self._plus(other.result())

    def result(self) -> LoadResult:
        return self._result

    def _plus(self, more: LoadResult) -> None:
        sums = {name: getattr(self._result, name) + getattr(more, name) for name in LoadResult.__dataclass_fields__}
        self._result = replace(self._result, **sums)
