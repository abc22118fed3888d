"""Releases: a build schema is opened, sealed, checked, published; readers only ever see whole releases.

    open_release ──► (dbt build) ──► seal ──► (marts suite) ──► publish ──► prune
      building                       built        │ passed        published, the one before: superseded
         └─► failed                               └─► held             └─► rollback: rolled_back

Every function is one transaction as the role `publisher`: a process that dies in between leaves the state before it,
and calling it again goes on. The lock of `building()` belongs to a connection, so Postgres itself tells a living build
from a dead one.
"""

from __future__ import annotations

import functools
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import tenacity
from psycopg import sql
from psycopg.types.json import Json

from warehouse import connections, live_views, repoint, sources, tables
from warehouse.repoint import ContractBroken

log = logging.getLogger(__name__)

CANDIDATE = "build_candidate"
KEPT_BUILDS = 2
PATIENCE_SECONDS = 120.0

# keys of advisory locks: one build at a time, one change of releases at a time
_BUILD_LOCK = 7_711_001
_STATE_LOCK = 7_711_002
# between open_release and the build's own lock lies a task switch of the scheduler
_GRACE = timedelta(seconds=60)

_HISTORY = {
    "indicator_values": tables.indicator_values_published,
    "indicator_progress": tables.indicator_progress_published,
}


class ReleaseError(RuntimeError):
    """A step that the state of the release does not allow; the text says why, in both languages."""


class ReleaseBusy(ReleaseError):
    """Another build or publication is at work."""


class _StillRead(RuntimeError):
    """A reader's transaction may still look for a build that is to be dropped."""


class PublishBlocked(ReleaseError):
    """Readers held the marts for longer than we were ready to wait; the text names their sessions."""


@dataclass(frozen=True)
class Release:
    """One row of `ops.releases`."""

    release_id: str
    state: str
    schema_name: str
    run_id: str | None
    is_current: bool
    is_synthetic: bool
    late_sources: list[str]
    opened_at: datetime
    built_at: datetime | None
    checked_at: datetime | None
    published_at: datetime | None
    held_reason_zh: str | None
    held_reason_en: str | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Release.__dataclass_fields__)


def releases(limit: int = 20) -> list[Release]:
    """The newest releases, newest first."""
    with connections.connect("publisher") as connection:
        rows = connection.execute(
            sql.SQL("select {} from ops.releases order by release_id desc limit %s").format(_COLUMNS), [limit]
        )
        return [Release(*row) for row in rows]


def current() -> Release | None:
    """What readers see now; None before the first publication."""
    with connections.connect("publisher") as connection:
        row = connection.execute(sql.SQL("select {} from ops.releases where is_current").format(_COLUMNS)).fetchone()
        return Release(*row) if row else None


@contextmanager
def building() -> Iterator[None]:
    """Hold the lock of the one build; ReleaseBusy when another process holds it."""
    with connections.connect("publisher", autocommit=True) as connection:
        if not _try_lock(connection, "pg_try_advisory_lock", _BUILD_LOCK):
            raise ReleaseBusy("Another build is running; wait for it. 另一个构建正在进行，请等待其结束。")
        yield


def open_release(run_id: str | None = None) -> str:
    """Begin a release and return its id; an empty `build_candidate` waits for dbt.

    Asked again with the same `run_id` while that release is still building, it returns the same one (an Airflow
    retry). What a dead process left `building` is marked failed. ReleaseBusy while a build is alive.
    """
    with _transaction() as connection:
        if not _try_lock(connection, "pg_try_advisory_xact_lock", _BUILD_LOCK):
            raise ReleaseBusy("Another build is running; wait for it. 另一个构建正在进行，请等待其结束。")
        left = connection.execute(
            """
            select r.release_id, r.run_id, r.opened_at,
                   exists (select 1 from ops.outcomes o where o.release_id = r.release_id and o.step = 'build')
            from ops.releases r where r.state = 'building'
            """
        ).fetchone()
        if left:
            release_id, opened_by, opened_at, was_begun = left
            if run_id is not None and opened_by == run_id:
                _empty_candidate(connection)
                return str(release_id)
            if not was_begun and datetime.now(UTC) - opened_at < _GRACE:
                raise ReleaseBusy(
                    f"Release {release_id} was opened {opened_at:%H:%M:%S} UTC and is about to build; "
                    f"try again in a minute. 发布 {release_id} 即将开始构建，请稍后再试。"
                )
            _close(
                connection, release_id, "failed",
                "构建进程中途退出，该次构建已作废", "its process died while building; what it had built was put away",
            )  # fmt: skip
        _empty_candidate(connection)
        sources.sync(connection)
        live_views.ensure_live_views(connection)
        release_id = _new_id(connection)
        connection.execute(
            """
            insert into ops.releases (release_id, state, schema_name, run_id, code_version, late_sources, is_synthetic)
            values (%s, 'building', %s, %s, %s, %s, %s)
            """,
            [
                release_id, CANDIDATE, run_id, _code_version(),
                sources.late(connection), _is_synthetic(connection),
            ],
        )  # fmt: skip
        return release_id


def seal(release_id: str) -> str:
    """Give the candidate its own name, `build_<release>`, and return it; from now on nothing changes in it."""
    schema = f"build_{release_id}"
    with _transaction() as connection:
        row = _row(connection, release_id)
        if row.state == "built":
            return row.schema_name
        _expect(row, "building", verb="sealed", verb_zh="封存")
        if not repoint.relations(connection, CANDIDATE):
            raise ReleaseError(f"{CANDIDATE} is empty: build first. 候选构建为空，请先构建。")
        connection.execute(
            sql.SQL("alter schema {} rename to {}").format(sql.Identifier(CANDIDATE), sql.Identifier(schema))
        )
        # what was accepted since the opening may be in the build: rather mark too much as synthetic than too little
        connection.execute(
            """
            update ops.releases
            set state = 'built', schema_name = %s, built_at = clock_timestamp(), is_synthetic = is_synthetic or %s
            where release_id = %s
            """,
            [schema, _is_synthetic(connection), release_id],
        )
    return schema


def mark_checked(release_id: str) -> None:
    """Note that the marts suite passed; `publish` asks for it."""
    with _transaction() as connection:
        _expect(_row(connection, release_id), "built", verb="marked as checked", verb_zh="标记为已检查")
        connection.execute("update ops.releases set checked_at = clock_timestamp() where release_id = %s", [release_id])


def hold(release_id: str, reason_zh: str, reason_en: str = "") -> None:
    """Keep a release from the readers: they stay with the one before, and `marts.releases` shows the reason."""
    _end(release_id, "held", reason_zh, reason_en)


def fail(release_id: str, reason: str) -> None:
    """Note that a build broke. A release that is held already keeps its better reason."""
    _end(release_id, "failed", f"构建失败：{reason}", reason)


def reopen(release_id: str) -> None:
    """Let a failed release build once more (a retried task); ReleaseError when another one is building by now."""
    with _transaction() as connection:
        row = _row(connection, release_id)
        if row.state == "building":
            return
        if row.schema_name != CANDIDATE:
            raise ReleaseError(f"Release {release_id} is {row.state} and cannot build. 该发布不能再次构建。")
        other = connection.execute("select release_id from ops.releases where state = 'building'").fetchone()
        if other:
            raise ReleaseBusy(f"Release {other[0]} is building meanwhile. 发布 {other[0]} 正在构建。")
        _empty_candidate(connection)
        connection.execute(
            """
            update ops.releases set state = 'building', held_reason_zh = null, held_reason_en = null
            where release_id = %s
            """,
            [release_id],
        )


def publish(release_id: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Show a checked build to the readers: all marts at once, in one transaction, or none.

    Values and verdicts are appended to what was ever shown. ContractBroken (nothing touched) when a reader would lose
    a mart, a column or a type; PublishBlocked when readers kept their locks for `patience_seconds`. Publishing what is
    current already does nothing.
    """
    _show(release_id, patience_seconds, _may_be_published)


def rollback(to: str | None = None, *, patience_seconds: float = PATIENCE_SECONDS) -> str:
    """Go back to the previous kept build, or to the one named; one transaction. Returns the release now shown."""
    with _transaction() as connection:
        shown = connection.execute("select release_id from ops.releases where is_current").fetchone()
        if shown is None:
            raise ReleaseError("Nothing is published yet. 尚无已发布的数据。")
        if to is None:
            row = connection.execute(
                """
                select release_id from ops.releases r join pg_namespace n on n.nspname = r.schema_name
                where state = 'superseded' and release_id < %s order by release_id desc limit 1
                """,
                [shown[0]],
            ).fetchone()
            if row is None:
                raise ReleaseError("No earlier build is kept. 没有保留更早的构建，无法回退。")
            to = str(row[0])
    _show(to, patience_seconds, _may_be_gone_back_to)
    return to


def retire(mart: str) -> None:
    """Drop the view of a mart that is no longer built; refused while a consumer's own view still reads it."""
    with _transaction() as connection:
        if mart in live_views.NAMES or mart not in repoint.relations(connection, repoint.MARTS):
            raise ReleaseError(f"marts.{mart} is no mart that could be retired. 没有可停用的集市表 {mart}。")
        try:
            connection.execute(sql.SQL("drop view {}").format(sql.Identifier(repoint.MARTS, mart)))
        except psycopg.errors.DependentObjectsStillExist as error:
            raise ReleaseError(
                f"marts.{mart} is still read by others, nothing was dropped 仍有下游视图在使用，未停用: "
                f"{error.diag.message_detail}"
            ) from error
        _outcome(connection, "ok", None, f"停用集市表 {mart}", f"retired marts.{mart}", {"mart": mart})


def prune(keep: int = KEPT_BUILDS) -> list[str]:
    """Drop builds that nobody needs; returns the schemas dropped.

    `keep` builds that were shown once stay beside the current one. Builds that were never shown go as soon as a newer
    one is current. A schema that a reader still holds is left for the next time.
    """
    with _session() as connection:
        doomed = _doomed(connection, keep)
        if not doomed:
            return []
        staying = [build for build in _kept(connection) if build not in doomed]
        try:
            _wait_for_old_snapshots(connection)
            for swap in repoint.plan(connection, staying, None, live_views.NAMES):
                repoint.attach(connection, swap)
        except (psycopg.errors.LockNotAvailable, _StillRead) as error:
            log.warning("readers are at work, earlier builds stay until the next pruning: %s", error)
            return []
        dropped = []
        for build in doomed:
            try:
                with connection.transaction():
                    connection.execute("set local lock_timeout = '2s'")
                    repoint.drop_schema(connection, build.schema)
                    connection.execute(
                        """
                        update ops.releases set state = 'dropped'
                        where release_id = %s and state in ('superseded', 'rolled_back')
                        """,
                        [build.release_id],
                    )
                dropped.append(build.schema)
            except psycopg.errors.LockNotAvailable:
                log.warning("%s is still being read and stays until the next pruning", build.schema)
    return dropped


def _doomed(connection: psycopg.Connection, keep: int) -> list[repoint.Build]:
    rows = connection.execute(
        """
        with there as (
            select r.* from ops.releases r join pg_namespace n on n.nspname = r.schema_name
            where r.schema_name <> %(candidate)s and not r.is_current and r.state <> 'building'
        )
        select release_id, schema_name from there
        where case
            when state in ('superseded', 'rolled_back') then release_id not in (
                select release_id from there where state in ('superseded', 'rolled_back')
                order by release_id desc limit %(keep)s
            )
            else release_id < (select release_id from ops.releases where is_current)
        end
        order by release_id
        """,
        {"candidate": CANDIDATE, "keep": keep},
    )
    return [repoint.Build(*row) for row in rows]


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(_StillRead),
    stop=tenacity.stop_after_delay(20),
    wait=tenacity.wait_fixed(0.2),
    reraise=True,
)
def _wait_for_old_snapshots(connection: psycopg.Connection) -> None:
    if sessions := repoint.old_snapshots(connection):
        raise _StillRead("; ".join(sessions))


# --- the swap -------------------------------------------------------------------------------------------------------


def _show(release_id: str, patience_seconds: float, check: Callable[[Release], None]) -> None:
    """Attach the build if it never was, then switch to it; each step is tried again while readers are in the way."""
    started = datetime.now(UTC)
    retry = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(
            (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
        ),
        stop=tenacity.stop_after_delay(patience_seconds),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=3),
        before_sleep=lambda state: log.info("readers are at work, trying again (%s)", state.attempt_number),
        reraise=True,
    )
    with _session() as connection:
        try:
            row = _row(connection, release_id)
            if row.is_current:
                return
            check(row)
            if row.state == "built":
                swaps = repoint.plan(
                    connection, _kept(connection), repoint.Build(release_id, row.schema_name), live_views.NAMES
                )
                for swap in [*swaps, *live_views.swaps(connection)]:
                    retry(repoint.attach, connection, swap)
            retry(_switch_once, connection, row, started)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            who = "; ".join(repoint.holders(connection)) or str(error)
            _outcome(
                connection,
                "failed",
                release_id,
                f"读者占用，未能切换：{who}",
                f"readers held the marts: {who}",
                {},
                started,
            )
            raise PublishBlocked(
                f"Readers kept the marts locked for {patience_seconds:g} s, the former release stays: {who}. "
                f"读者事务占用集市视图，仍展示上一发布；请结束上述会话后重试。"
            ) from error
        except (ContractBroken, ReleaseError) as error:
            _outcome(connection, "failed", release_id, str(error), str(error), {}, started)
            raise


def _switch_once(connection: psycopg.Connection, row: Release, started: datetime) -> None:
    is_new = row.state == "built"
    with connection.transaction():
        connection.execute(
            "update ops.releases set state = %s, is_current = false where is_current",
            ["superseded" if is_new else "rolled_back"],
        )
        connection.execute(
            """
            update ops.releases
            set state = 'published', is_current = true, published_at = coalesce(published_at, clock_timestamp())
            where release_id = %s
            """,
            [row.release_id],
        )
        if is_new:
            _append_history(connection, row)
        message = ("已发布", "published") if is_new else ("已回退到该发布", "went back to")
        _outcome(connection, "ok", row.release_id, *message, {}, started)
        repoint.write_comments(connection, repoint.comments(connection, row.schema_name))
        live_views.write_live_comments(connection)
        # from here to the commit readers wait: last, and short
        repoint.switch(connection, row.release_id)


def _may_be_published(row: Release) -> None:
    _expect(row, "built", verb="published", verb_zh="发布")
    if row.checked_at is None:
        raise ReleaseError(
            f"Release {row.release_id} has not passed the marts suite: run `python -m warehouse check` first. "
            "该构建尚未通过发布检查，请先检查。"
        )


def _may_be_gone_back_to(row: Release) -> None:
    if row.state not in ("superseded", "rolled_back"):
        raise ReleaseError(
            f"Release {row.release_id} is {row.state}: only a build that was shown before and is still kept can be "
            "gone back to. 只能回退到曾经发布且仍保留的构建。"
        )


def _kept(connection: psycopg.Connection) -> list[repoint.Build]:
    """Builds that were shown and still exist, newest first."""
    rows = connection.execute(
        """
        select release_id, schema_name from ops.releases
        where state in ('published', 'superseded', 'rolled_back')
          and schema_name in (select nspname from pg_namespace)
        order by release_id desc
        """
    )
    return [repoint.Build(*row) for row in rows]


def _append_history(connection: psycopg.Connection, row: Release) -> None:
    built = repoint.relations(connection, row.schema_name)
    for mart, table in _HISTORY.items():
        if mart not in built:
            continue
        names = [c.name for c in table.columns if c.name not in ("release_id", "shown_from")]
        missing = [name for name in names if name not in built[mart].columns]
        if missing:
            raise ContractBroken(
                f"{mart} lacks {', '.join(missing)}: what was shown could not be kept. 缺少字段，无法留存发布历史。"
            )
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        connection.execute(
            sql.SQL("insert into {} (release_id, {}) select %s, {} from {}").format(
                sql.Identifier(tables.SCHEMA, table.name), columns, columns, sql.Identifier(row.schema_name, mart)
            ),
            [row.release_id],
        )


# --- parts ----------------------------------------------------------------------------------------------------------


@contextmanager
def _session() -> Iterator[psycopg.Connection]:
    """An autocommit connection as publisher that holds the lock on changes of releases to its end."""
    with connections.connect("publisher", autocommit=True) as connection:
        connection.execute("set lock_timeout = '30s'")
        try:
            connection.execute("select pg_advisory_lock(%s)", [_STATE_LOCK])
        except psycopg.errors.LockNotAvailable as error:
            raise ReleaseBusy("Another release is being changed. 另一个发布操作正在进行。") from error
        connection.execute("set lock_timeout = '2s'")
        yield connection


@contextmanager
def _transaction() -> Iterator[psycopg.Connection]:
    """One transaction as publisher; changes of releases stand in line."""
    with _session() as connection, connection.transaction():
        yield connection


def _try_lock(connection: psycopg.Connection, function: str, key: int) -> bool:
    row = connection.execute(sql.SQL("select {}(%s)").format(sql.SQL(function)), [key]).fetchone()
    return bool(row and row[0])


def _row(connection: psycopg.Connection, release_id: str) -> Release:
    row = connection.execute(
        sql.SQL("select {} from ops.releases where release_id = %s for update").format(_COLUMNS), [release_id]
    ).fetchone()
    if row is None:
        raise ReleaseError(f"There is no release {release_id}. 没有编号为 {release_id} 的发布。")
    return Release(*row)


def _expect(row: Release, state: str, *, verb: str, verb_zh: str) -> None:
    if row.state != state:
        raise ReleaseError(
            f"Release {row.release_id} is {row.state}, only one that is {state} can be {verb}. "
            f"该发布当前状态为 {row.state}，不能{verb_zh}。"
        )


def _end(release_id: str, state: str, reason_zh: str, reason_en: str) -> None:
    with _transaction() as connection:
        row = _row(connection, release_id)
        if row.state in ("held", "failed"):
            return
        if row.state not in ("building", "built"):
            raise ReleaseError(
                f"Release {release_id} is {row.state}: roll back instead. 该发布已对外展示，请使用回退。"
            )
        _close(connection, release_id, state, reason_zh, reason_en)


def _close(connection: psycopg.Connection, release_id: str, state: str, reason_zh: str, reason_en: str) -> None:
    connection.execute(
        "update ops.releases set state = %s, held_reason_zh = %s, held_reason_en = %s where release_id = %s",
        [state, reason_zh[:2000], reason_en[:2000], release_id],
    )
    _outcome(connection, "failed", release_id, reason_zh[:2000], reason_en[:2000], {"state": state})


def _outcome(
    connection: psycopg.Connection,
    status: str,
    release_id: str | None,
    message_zh: str,
    message_en: str,
    details: dict[str, object],
    started: datetime | None = None,
) -> None:
    connection.execute(
        """
        insert into ops.outcomes
            (step, status, release_id, run_id, message_zh, message_en, details, started_at, finished_at)
        select 'release', %s, %s, (select run_id from ops.releases where release_id = %s), %s, %s, %s,
               coalesce(%s, clock_timestamp()), clock_timestamp()
        """,
        [status, release_id, release_id, message_zh, message_en, Json(details), started],
    )


def _empty_candidate(connection: psycopg.Connection) -> None:
    repoint.drop_schema(connection, CANDIDATE)
    connection.execute(sql.SQL("create schema {} authorization builder").format(sql.Identifier(CANDIDATE)))


def _new_id(connection: psycopg.Connection) -> str:
    """The time in UTC to the second; always above the newest, so that ids sort by age even if the clock went back."""
    row = connection.execute("select max(release_id) from ops.releases").fetchone()
    moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    if row and row[0]:
        moment = max(moment, datetime.strptime(row[0], "%Y%m%d_%H%M%S") + timedelta(seconds=1))
    return f"{moment:%Y%m%d_%H%M%S}"


def _is_synthetic(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select exists (select 1 from ops.loads where state = 'accepted' and is_synthetic)"
    ).fetchone()
    return bool(row and row[0])


@functools.cache
def _code_version() -> str | None:
    """The commit that runs; CODE_VERSION of the environment where there is no git (an image)."""
    if version := os.environ.get("CODE_VERSION"):
        return version
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None
