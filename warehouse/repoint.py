"""Which build the views of `marts` show, and how that changes under readers' eyes.

Each view holds one branch for every kept build, `select … from build_<release>.x where <current release> = <release>`,
and one row, `ops.current_release`, opens one branch in all views at once. A publication therefore has two halves:

* `attach`: each view gets the branch of the new build, one short transaction a view. Readers notice nothing.
* `switch`: one transaction locks that one row's table against all readers and updates it. Every view reads the table,
  so whoever has read any mart holds a share of the lock to the end of his transaction: no transaction sees two builds,
  at any isolation level, and an older snapshot still finds its own build.

Why not replace all views in one transaction? It gives no wrong read either, but it needs the locks of all views at
once: three readers with transactions over two marts in either order kept it from ever getting them (measured: 12 s of
retries without success in 6 of 8 publications). Here nothing is ever waited for while another lock is held, so there
is no deadlock, and the lock queue is fair.

Columns keep their place; new ones are appended, whatever their order in the build. A column that is missing or has
another type is refused before anything is touched: a break is a new mart with a new name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

MARTS = "marts"
_LOCK_TIMEOUT = "set local lock_timeout = '2s'"
READERS = ("bi_reader", "downstream_reader", "auditor")


class ContractBroken(RuntimeError):
    """A build takes something away from readers; the text names every column and the mend."""


@dataclass(frozen=True)
class Relation:
    """A table or view: `columns` maps each name to its SQL type, in order."""

    kind: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Build:
    """A kept build: the release that it belongs to and its schema."""

    release_id: str
    schema: str


@dataclass(frozen=True)
class Swap:
    """One view, and the statement that gives it its branches."""

    view: str
    statement: sql.Composed
    is_new: bool


def relations(connection: psycopg.Connection, schema: str) -> dict[str, Relation]:
    """Tables and views of a schema with their columns, sorted by name."""
    found: dict[str, Relation] = {}
    rows = connection.execute(
        """
        select c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod)
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = %s and c.relkind in ('r', 'v', 'm', 'p', 'f')
        order by c.relname, a.attnum
        """,
        [schema],
    )
    for name, kind, column, column_type in rows:
        found.setdefault(name, Relation(kind, {})).columns[column] = column_type
    return found


def plan(
    connection: psycopg.Connection, kept: Sequence[Build], new: Build | None, live_views: Collection[str]
) -> list[Swap]:
    """The statements that give every view a branch for each of `kept` and for `new`, in a fixed order.

    What an older build does not have yet is empty in its branch, because a view can lose no column. What the `new`
    one lacks is refused with ContractBroken.
    """
    shown = {name: view for name, view in relations(connection, MARTS).items() if name not in live_views}
    builds = {build: _tables(connection, build.schema) for build in [*([new] if new else []), *kept]}
    newest = builds[new] if new else None
    problems = [
        f"{name}: a live view has this name 与实时视图重名" for name in sorted({*(newest or ())} & set(live_views))
    ]
    swaps = []
    for name in sorted({*shown, *(newest or ())}):
        must = shown[name].columns if name in shown else {}
        if must and shown[name].kind != "v":
            problems.append(f"{name}: stands in marts but is no view 不是视图")
            continue
        if newest is not None:
            problems += _losses(name, must, newest.get(name))
        columns = {**((newest or {}).get(name) or {}), **must}
        ordered = {column: columns[column] for column in [*must, *(c for c in columns if c not in must)]}
        branches = [_branch(build, name, ordered, tables[name]) for build, tables in builds.items() if name in tables]
        query = sql.SQL(" union all ").join(branches) if branches else _select(ordered, {}, sql.SQL("where false"))
        statement = sql.SQL("create or replace view {} as {}").format(sql.Identifier(MARTS, name), query)
        swaps.append(Swap(name, statement, is_new=not must))
    if problems:
        raise ContractBroken(
            "Readers would lose something: publish the changed mart beside the old one under a new name "
            "(indicator_values_v2), or retire the old one once nobody reads it (python -m warehouse retire). "
            "发布会破坏下游契约：请以新表名并行发布，或在无人使用后停用旧表。\n  " + "\n  ".join(problems)
        )
    return swaps


def _tables(connection: psycopg.Connection, schema: str) -> dict[str, dict[str, str]]:
    return {name: one.columns for name, one in relations(connection, schema).items() if one.kind in "rp"}


def _losses(mart: str, must: dict[str, str], have: dict[str, str] | None) -> list[str]:
    if have is None:
        return [f"{mart}: the build has no such table 本次构建缺少该表"]
    lost = [f"{mart}.{column}: the build has no such column 字段被删除" for column in must if column not in have]
    return lost + [
        f"{mart}.{column}: type {must[column]} became {have[column]} 字段类型改变"
        for column in must
        if column in have and have[column] != must[column]
    ]


def _branch(build: Build, mart: str, columns: dict[str, str], have: dict[str, str]) -> sql.Composed:
    tail = sql.SQL("from {} where (select release_id from ops.current_release) = {}").format(
        sql.Identifier(build.schema, mart), sql.Literal(build.release_id)
    )
    return _select(columns, have, tail)


def _select(columns: dict[str, str], have: dict[str, str], tail: sql.Composable) -> sql.Composed:
    selected = [
        sql.Identifier(name)
        if have.get(name) == kind
        else sql.SQL("null::{} as {}").format(sql.SQL(kind), sql.Identifier(name))
        for name, kind in columns.items()
    ]
    return sql.SQL("select {} {}").format(sql.SQL(", ").join(selected), tail)


def attach(connection: psycopg.Connection, swap: Swap) -> None:
    """Give one view its branches in a transaction of its own; LockNotAvailable when a reader holds the view."""
    with connection.transaction():
        connection.execute(_LOCK_TIMEOUT)
        connection.execute(swap.statement)
        if swap.is_new:  # an existing view keeps the grants it has, also those that somebody took away
            connection.execute(
                sql.SQL("grant select on {} to {}").format(
                    sql.Identifier(MARTS, swap.view), sql.SQL(", ").join(map(sql.Identifier, READERS))
                )
            )


def switch(connection: psycopg.Connection, release_id: str) -> None:
    """Show the build of another release; the last statement of the caller's transaction.

    LockNotAvailable when a reader's transaction that has read a mart does not end in time.
    """
    connection.execute(_LOCK_TIMEOUT)
    connection.execute("lock table ops.current_release in access exclusive mode")
    connection.execute(
        """
        insert into ops.current_release (release_id, since) values (%s, clock_timestamp())
        on conflict (is_the_one) do update set release_id = excluded.release_id, since = excluded.since
        """,
        [release_id],
    )


def comments(connection: psycopg.Connection, schema: str) -> dict[tuple[str, str | None], str]:
    """(relation, column or None for the relation itself) → comment."""
    rows = connection.execute(
        """
        select c.relname, a.attname, d.description
        from pg_description d
        join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
        where n.nspname = %s and c.relkind in ('r', 'v', 'm', 'p')
        """,
        [schema],
    )
    return {(relation, column): text for relation, column, text in rows}


def write_comments(connection: psycopg.Connection, wanted: dict[tuple[str, str | None], str]) -> None:
    """COMMENT ON the views of `marts` and their columns where they differ from `wanted`."""
    present = comments(connection, MARTS)
    views = relations(connection, MARTS)
    for (view, column), text in wanted.items():
        if view not in views or (column and column not in views[view].columns) or present.get((view, column)) == text:
            continue
        place = sql.Identifier(MARTS, view, column) if column else sql.Identifier(MARTS, view)
        kind = sql.SQL("column" if column else "view")
        connection.execute(sql.SQL("comment on {} {} is {}").format(kind, place, sql.Literal(text)))


def old_snapshots(connection: psycopg.Connection) -> list[str]:
    """Readers whose snapshot is older than the last switch, and who may therefore still look for an earlier build.

    Writers of the platform and pg_dump read no view of `marts`.
    """
    rows = connection.execute(
        """
        select format('%s pid %s since %s', a.usename, a.pid, a.xact_start)
        from pg_stat_activity a
        where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
          and a.usename not in ('loader', 'builder', 'publisher') and a.application_name <> 'pg_dump'
          and a.backend_xmin is not null and a.xact_start < (select since from ops.current_release)
        order by a.xact_start
        """
    )
    return [text for (text,) in rows]


def holders(connection: psycopg.Connection) -> list[str]:
    """Sessions that hold a lock on marts, for the message of a publication that had to give up."""
    rows = connection.execute(
        """
        select distinct format('%%s pid %%s (%%s) since %%s', a.usename, a.pid, a.application_name, a.xact_start)
        from pg_locks l
        join pg_class c on c.oid = l.relation
        join pg_namespace n on n.oid = c.relnamespace
        join pg_stat_activity a on a.pid = l.pid
        where l.granted and (n.nspname = %s or n.nspname = 'ops' and c.relname = 'current_release')
          and a.datname = current_database() and a.pid <> pg_backend_pid()
        """,
        [MARTS],
    )
    return [text for (text,) in rows]


def drop_schema(connection: psycopg.Connection, schema: str) -> None:
    """Drop a build schema and what is in it, never anything that depends on it: no CASCADE."""
    for kinds, word in (("v", "view"), ("m", "materialized view"), ("rp", "table")):
        names = [name for name, relation in relations(connection, schema).items() if relation.kind in kinds]
        if names:
            connection.execute(
                sql.SQL("drop {} {}").format(
                    sql.SQL(word), sql.SQL(", ").join(sql.Identifier(schema, name) for name in names)
                )
            )
    connection.execute(sql.SQL("drop schema if exists {}").format(sql.Identifier(schema)))
