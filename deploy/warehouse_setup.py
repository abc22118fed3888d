"""Roles, databases, schemas and the tables of `ops` on one Postgres server: `python -m deploy.warehouse_setup`.

May be repeated at any time. Everything it has to know is in the environment: `SUPERUSER_DSN`, `PG_PASSWORD_<ROLE>` for
each role, and `AIRFLOW_CONN_WAREHOUSE_OPERATOR`.
"""

from __future__ import annotations

import os

from warehouse import bootstrap


def main() -> None:
    passwords = {role: os.environ[f"PG_PASSWORD_{role.upper()}"] for role in bootstrap.LOGIN_ROLES}
    bootstrap.bootstrap(os.environ["SUPERUSER_DSN"], passwords)
    bootstrap.migrate()


if __name__ == "__main__":
    main()
