"""Roles, databases, schemas, the tables of `ops` and `raw` on one Postgres server: `python -m deploy.warehouse_setup`.

May be repeated at any time. Everything it has to know is in the environment: `SUPERUSER_DSN`, `PG_PASSWORD_<ROLE>` for
each role, and `AIRFLOW_CONN_WAREHOUSE_OPERATOR` and `_LOADER`.
"""

from __future__ import annotations

import os

from ingestion import declarations, loader
from warehouse import bootstrap, connections


def main() -> None:
    passwords = {role: os.environ[f"PG_PASSWORD_{role.upper()}"] for role in bootstrap.LOGIN_ROLES}
    bootstrap.bootstrap(os.environ["SUPERUSER_DSN"], passwords)
    bootstrap.migrate()
    for source_id in declarations.source_ids():  # a build must not fail because a source has not delivered yet
        loader.ensure_tables(connections.engine("loader"), declarations.declaration(source_id))


if __name__ == "__main__":
    main()
