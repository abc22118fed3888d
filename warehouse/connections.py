"""How every part of the platform reaches the warehouse: one environment variable a role, one function a form.

The variables have the names that Airflow gives its connections (`AIRFLOW_CONN_WAREHOUSE_LOADER`), so the same
value serves a task, a command line and a test. `.run/env` exports them.
"""

from __future__ import annotations

import os
from functools import cache

import psycopg
from sqlalchemy import URL, Engine, create_engine, make_url

ROLES = ("loader", "builder", "publisher", "reader", "auditor", "operator")


class ConnectionMissing(RuntimeError):
    """The environment holds no address for a role of the warehouse."""


def url(role: str) -> URL:
    """SQLAlchemy address (driver psycopg) of the warehouse for one of `ROLES`."""
    if role not in ROLES:
        raise ValueError(f"unknown warehouse role {role!r}; one of {', '.join(ROLES)}")
    variable = f"AIRFLOW_CONN_WAREHOUSE_{role.upper()}"
    value = os.environ.get(variable)
    if not value:
        raise ConnectionMissing(
            f"{variable} is not set: run `. .run/env` first. 未设置仓库连接 {variable}，请先执行 `. .run/env`。"
        )
    return make_url(value).set(drivername="postgresql+psycopg")


def dsn(role: str) -> str:
    """The same address for libpq (psycopg, psql, pg_dump)."""
    return url(role).set(drivername="postgresql").render_as_string(hide_password=False)


@cache
def _engine(address: URL) -> Engine:
    return create_engine(address, pool_pre_ping=True, pool_size=4)


def engine(role: str) -> Engine:
    """One pooled engine a role and address."""
    return _engine(url(role))


def connect(role: str, *, autocommit: bool = False) -> psycopg.Connection:
    """A psycopg connection, for COPY and for what must be one transaction by hand."""
    return psycopg.connect(dsn(role), autocommit=autocommit, application_name=f"dongli-ip {role}")
