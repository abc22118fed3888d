"""Roles, databases and schemas: what only a superuser may create, once for each server.

`bootstrap(superuser_dsn, passwords)` may be run again at any time: it creates what is missing and sets passwords.
Tables come after it, from `warehouse.migrations`, created by the role `owner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from warehouse import connections

LOGIN_ROLES = (
    "loader",
    "builder",
    "publisher",
    "bi_reader",
    "downstream_reader",
    "auditor",
    "operator",
    "airflow",
    "superset",
)
DATABASES = {"warehouse": "owner", "airflow": "airflow", "superset": "superset"}
READERS = ("bi_reader", "downstream_reader")

_MEMBERSHIPS = """
grant builder to publisher;
-- a build is dropped only when no reader's transaction is old enough to look for it
grant pg_read_all_stats to publisher;
grant owner, loader, builder, publisher, auditor to operator;
"""

_WAREHOUSE = """
revoke all on schema public from public;
create schema if not exists raw authorization loader;
create schema if not exists ops authorization owner;
create schema if not exists marts authorization publisher;
grant create, temporary on database warehouse to builder; -- dbt: unit tests and incremental models

grant usage on schema raw to builder, auditor;
alter default privileges for role loader in schema raw grant select on tables to builder, auditor;

grant usage on schema ops to loader, builder, publisher, auditor;

alter default privileges for role builder grant select on tables to auditor;
alter default privileges for role builder grant usage on schemas to auditor;

grant usage on schema marts to bi_reader, downstream_reader, auditor;
alter default privileges for role publisher in schema marts
grant select on tables to bi_reader, downstream_reader, auditor;
"""


def bootstrap(superuser_dsn: str, passwords: Mapping[str, str]) -> None:
    """Create roles, databases, schemas and grants.

    `passwords` holds one entry for each of `LOGIN_ROLES`; a missing one raises KeyError before anything is done.
    """
    secrets = {role: passwords[role] for role in LOGIN_ROLES}
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        _create_role(connection, "owner", None)
        for role, password in secrets.items():
            _create_role(connection, role, password)
        connection.execute(_MEMBERSHIPS)
        for role in READERS:
            name = sql.Identifier(role)
            # the missing grants are the wall; these keep an honest reader from harm
            connection.execute(sql.SQL("alter role {} set default_transaction_read_only = on").format(name))
            connection.execute(sql.SQL("alter role {} set statement_timeout = '60s'").format(name))
            # a transaction left open would hold the next release up
            connection.execute(sql.SQL("alter role {} set idle_in_transaction_session_timeout = '60s'").format(name))
            connection.execute(sql.SQL("alter role {} set search_path = marts").format(name))
        for database, owner in DATABASES.items():
            if not connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(owner))
                )
            connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
        for role in ("loader", "builder", "publisher", "auditor", "operator", *READERS):
            connection.execute(sql.SQL("grant connect on database warehouse to {}").format(sql.Identifier(role)))
    with psycopg.connect(superuser_dsn, dbname="warehouse", autocommit=True) as connection:
        connection.execute(_WAREHOUSE)


def migrate(revision: str = "head") -> None:
    """Bring the tables of `ops` to a revision, as the role `owner`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # alembic reads percent signs as interpolation
    address = connections.url("operator").render_as_string(hide_password=False)
    config.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
    command.upgrade(config, revision)


def _create_role(connection: psycopg.Connection, role: str, password: str | None) -> None:
    name = sql.Identifier(role)
    if not connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone():
        connection.execute(sql.SQL("create role {} nologin").format(name))
    if password is not None:
        connection.execute(sql.SQL("alter role {} login password {}").format(name, sql.Literal(password)))
