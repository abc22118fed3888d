"""Roles reach what they need and nothing else; the tables are what `warehouse.tables` says."""

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from deploy.local.postgres import Postgres
from warehouse import bootstrap, connections
from warehouse.tables import SCHEMA, metadata


def test_migrations_and_table_definitions_agree(warehouse: dict[str, str]) -> None:
    with connections.engine("operator").connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda n, kind, p: n == SCHEMA if kind == "schema" else True,
            },
        )
        differences = [
            d
            for d in compare_metadata(context, metadata)
            if not (d[0] == "remove_table" and d[1].name == "alembic_version")
        ]
    assert differences == []


def test_bootstrap_twice_changes_nothing(warehouse: dict[str, str], postgres: Postgres) -> None:
    def grants() -> list[tuple[object, ...]]:
        with psycopg.connect(postgres.superuser_dsn, dbname="warehouse") as connection:
            return connection.execute("select nspname, nspacl::text from pg_namespace order by 1").fetchall()

    before = grants()
    passwords = {role: connections_password(role, postgres) for role in bootstrap.LOGIN_ROLES}
    bootstrap.bootstrap(postgres.superuser_dsn, passwords)
    bootstrap.migrate()
    assert grants() == before


def connections_password(role: str, postgres: Postgres) -> str:
    known = {"bi_reader": "reader"}.get(role, role)
    if known in connections.ROLES:
        return connections.url(known).password or ""
    return "unused-elsewhere"


@pytest.mark.parametrize(
    "statement",
    [
        "select * from ops.loads",
        "select * from ops.rejected_rows",
        "create table marts.mine (i int)",
        "create schema mine",
        "set role owner",
    ],
)
def test_a_reader_reaches_marts_and_nothing_else(warehouse: dict[str, str], statement: str) -> None:
    with connections.connect("reader") as connection:
        connection.execute("set transaction read write")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_what_was_published_cannot_be_rewritten(warehouse: dict[str, str]) -> None:
    with connections.connect("operator") as connection:
        connection.execute("insert into ops.releases (release_id, state, schema_name) values ('r1', 'published', 'b')")
        connection.execute(
            "insert into ops.indicator_values_published (release_id, plan_code, indicator_code, component_code,"
            " area_code, basis, unit, is_provisional, period_end)"
            " values ('r1', 'p', 'B01', 'total', '120110', 'latest', '件', false, '2020-12-31')"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute("update ops.indicator_values_published set value = 1")
