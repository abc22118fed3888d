"""Create roles, databases, schemas and the tables of `ops` on the embedded Postgres: `python -m deploy.local.warehouse_setup`.

A process of its own, so that the launcher need not import what only a changed warehouse needs. Everything it has to
know is in the environment (`SUPERUSER_DSN`, `PG_PASSWORD_<ROLE>`, and the settings of `.run/env`).
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
