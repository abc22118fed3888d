"""Fixtures that give tests the real parts: an embedded Postgres, a bootstrapped warehouse, a whole platform."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.launcher import Platform
from deploy.local.postgres import Postgres
from deploy.local.report import Reporter
from deploy.local.settings import Ports
from warehouse import bootstrap, connections


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of this test session alone."""
    server = Postgres(tmp_path_factory.mktemp("state"), free_port(), shared_buffers="128MB")
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def warehouse_server(postgres: Postgres) -> Iterator[dict[str, str]]:
    """Roles, databases and ops tables on that server; yields the environment that reaches them."""
    passwords = {role: secrets.token_urlsafe(12) for role in bootstrap.LOGIN_ROLES}
    bootstrap.bootstrap(postgres.superuser_dsn, passwords)
    environment = {}
    for role in connections.ROLES:
        login = "bi_reader" if role == "reader" else role
        environment[f"AIRFLOW_CONN_WAREHOUSE_{role.upper()}"] = (
            f"postgresql://{login}:{passwords[login]}@127.0.0.1:{postgres.port}/warehouse"
        )
    environment["WAREHOUSE_URL"] = environment["AIRFLOW_CONN_WAREHOUSE_OPERATOR"]
    environment["READER_URL"] = environment["AIRFLOW_CONN_WAREHOUSE_READER"]
    environment["PERSON_KEY_SALT"] = secrets.token_hex(16)
    before = dict(os.environ)
    os.environ.update(environment)
    bootstrap.migrate()
    yield environment
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def warehouse(
    warehouse_server: dict[str, str], postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """An empty warehouse for one test, and a state and landing folder of its own."""
    environment = {**warehouse_server, "STATE_DIR": str(tmp_path), "LANDING_URL": f"file://{tmp_path}/landing"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    empty(postgres)
    yield environment


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A whole platform beside a running one: ports and a state folder of its own, a small synthetic city, loaded."""
    small = {"SANDBOX_SCALE": "0.1"}
    running = Platform(
        Path(__file__).parents[1] / ".test" / "platform", Ports.free(), overrides=small, report=Reporter()
    )
    running.clean()  # what a killed test run left behind
    running.start()
    yield running
    running.clean()


def empty(server: Postgres) -> None:
    """Take every row, mart and build away; roles, ops tables and grants stay."""
    with psycopg.connect(server.superuser_dsn, dbname="warehouse", autocommit=True) as connection:
        schemas = connection.execute(
            "select nspname from pg_namespace"
            " where nspname like 'build\\_%' or nspname in ('staging', 'core', 'reference')"
        ).fetchall()
        for (schema,) in schemas:
            connection.execute(f'drop schema "{schema}" cascade')
        views = connection.execute("select schemaname, viewname from pg_views where schemaname = 'marts'").fetchall()
        for schema, view in views:
            connection.execute(f'drop view if exists "{schema}"."{view}" cascade')
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname in ('raw', 'ops') and tablename <> 'alembic_version'"
        ).fetchall()
        # superuser may step over the append-only wall; no role of the platform can
        connection.execute("set session_replication_role = replica")
        for schema, table in tables:
            connection.execute(f'alter table "{schema}"."{table}" disable trigger user')
            connection.execute(f'truncate "{schema}"."{table}" restart identity cascade')
            connection.execute(f'alter table "{schema}"."{table}" enable trigger user')
