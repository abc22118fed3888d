"""Superset's tables, accounts and dashboards, from the files of this folder: the one module that uses its internals.

    python superset/deploy.py init     create or upgrade Superset's tables, the administrator, the roles
    python superset/deploy.py assets   make the server equal to `assets/`: replaced, not merged; strays removed
    python superset/deploy.py all      both in one process (starting Superset costs seconds)
    python superset/deploy.py export   write the server's state as files, into `assets/` or a folder of your choice
    python superset/deploy.py diff     deploy twice, export, compare: exit 1 and the difference when there is one

Environment: that of superset_config.py, SUPERSET_ADMIN_PASSWORD (init), READER_URL (assets). Address and password of
the warehouse come from READER_URL at deployment and never stand in a file.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bundle
import yaml

TESTED_VERSION = "6.1.0"
ADMIN = "admin"
READER_ROLE = "规划监测读者"  # given beside Superset's own Gamma: may see every chart on the warehouse


class Refused(SystemExit):
    """Ends the command with one sentence that says what to do."""


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Refused(f"{name} is not set: run `. .run/env` first. 未设置环境变量 {name}，请先执行 `. .run/env`。")
    return value


def assert_version() -> None:
    found = version("apache-superset")
    if found != TESTED_VERSION:
        raise Refused(
            f"This module was tested with Superset {TESTED_VERSION} and uses its internals; {found} is installed. "
            f"Install {TESTED_VERSION} from uv.lock, or run tests/e2e/test_dashboard.py on {found} and then change "
            f"TESTED_VERSION. 本模块只在 Superset {TESTED_VERSION} 上测试过，当前安装的是 {found}。"
        )


@contextmanager
def _stage(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"superset: {name} {time.monotonic() - started:.1f} s", flush=True)


@contextmanager
def _application() -> Iterator[None]:
    """Superset's application context, with the administrator as the acting user where there is one."""
    os.environ.setdefault("SUPERSET_CONFIG_PATH", str(Path(__file__).resolve().parent / "superset_config.py"))
    logging.disable(logging.WARNING)  # Superset and Alembic tell every step
    with _stage("application loaded"):
        from superset.app import create_app

        app = create_app()
    with app.app_context():
        yield


def _act_as_admin() -> None:
    from flask import g

    from superset import security_manager

    g.user = security_manager.find_user(ADMIN)
    if g.user is None:
        raise Refused("Superset has no administrator yet: run `deploy.py init` first. 尚无管理员，请先执行 init。")


# --------------------------------------------------------------------------------------------------------------- init


def _revision() -> str | None:
    from alembic.runtime.migration import MigrationContext

    from superset import db

    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def init() -> None:
    """Tables, permissions, roles, administrator. Safe to repeat; the slow part only runs after an upgrade."""
    from flask import current_app
    from flask_migrate import upgrade

    import superset
    from superset import security_manager

    password = _required("SUPERSET_ADMIN_PASSWORD")
    with _stage("tables upgraded"):
        before = _revision()
        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
        moved = _revision() != before
    if moved or security_manager.find_role("Gamma") is None or security_manager.find_role(READER_ROLE) is None:
        with _stage("permissions and roles written"):
            current_app.appbuilder.add_permissions(update_perms=True)
            security_manager.sync_role_definitions()
            # without it the log-in page, which belongs to nobody yet, stays English
            public = security_manager.find_role("Public")
            pack = security_manager.add_permission_view_menu("can_language_pack", "Superset")
            security_manager.add_permission_role(public, pack)
            security_manager.add_role(READER_ROLE)
    _set_administrator(password)


def _set_administrator(password: str) -> None:
    from werkzeug.security import check_password_hash

    from superset import security_manager

    user = security_manager.find_user(ADMIN)
    if user is None:
        role = security_manager.find_role("Admin")
        if not security_manager.add_user(ADMIN, "系统", "管理员", "admin@localhost", role, password):
            raise Refused("The administrator could not be created; see Superset's log. 管理员创建失败，请看日志。")
    elif not check_password_hash(user.password, password):
        security_manager.reset_password(user.id, password)


# ------------------------------------------------------------------------------------------------------------- assets


def _reader_uri() -> str:
    """READER_URL for Superset's driver, after one look that it answers and that its marts are there."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    url = make_url(_required("READER_URL")).set(drivername="postgresql+psycopg2")
    try:
        with create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10}).connect() as connection:
            query = "select count(*) from information_schema.tables where table_schema = 'marts'"
            tables = connection.execute(text(query)).scalar()
    except SQLAlchemyError as problem:
        raise Refused(f"READER_URL does not answer ({type(problem).__name__}). 无法以只读角色连接数据仓库。") from None
    if not tables:
        print("superset: READER_URL shows no marts yet; the charts stay empty until a release. 尚无已发布的数据集市。")
    return str(url.render_as_string(hide_password=False))


def assets(folder: Path = bundle.ASSETS, *, editable: bool = False) -> None:
    """Make the server equal to the files, in one transaction."""
    from superset.utils.decorators import transaction

    _act_as_admin()
    documents = bundle.read(folder)
    contents = {
        name: yaml.safe_dump(bundle.completed(name, document, uri, editable=editable), allow_unicode=True)
        for uri in [_reader_uri()]
        for name, document in documents.items()
    }
    contents["metadata.yaml"] = (folder / "metadata.yaml").read_text(encoding="utf-8")

    @transaction()
    def replace() -> None:
        from superset.commands.importers.v1.assets import ImportAssetsCommand

        _forget_unreadable_passwords()
        _remove_strays({document["uuid"] for document in documents.values()})
        ImportAssetsCommand(contents).run()
        _let_readers_in({document["uuid"] for name, document in documents.items() if name.startswith("databases/")})

    with _stage(f"{len(documents)} objects deployed"):
        replace()


def _forget_unreadable_passwords() -> None:
    """A changed SUPERSET_SECRET_KEY makes stored passwords unreadable; the import writes them anew."""
    from superset.models.core import Database

    from superset import db

    try:
        with db.session.no_autoflush:
            [database.password for database in db.session.query(Database).all()]
    except ValueError:
        db.session.execute("update dbs set password = null, encrypted_extra = null")
        db.session.expire_all()
        print(
            "superset: SUPERSET_SECRET_KEY has changed; stored passwords are written anew. 密钥已变更，重新写入口令。"
        )


def _remove_strays(known: set[str]) -> None:
    """What the files do not name goes: first what refers, then what is referred to."""
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    from superset import db

    for model, label in ((Dashboard, "dashboard"), (Slice, "chart"), (SqlaTable, "dataset")):
        for stray in db.session.query(model).all():
            if str(stray.uuid) not in known:
                print(f"superset: stray {label} removed: {stray}")
                db.session.delete(stray)
    db.session.flush()


def _let_readers_in(database_uuids: set[str]) -> None:
    from superset.models.core import Database

    from superset import db, security_manager

    role = security_manager.find_role(READER_ROLE)
    for database in db.session.query(Database).all():
        if str(database.uuid) in database_uuids:
            access = security_manager.add_permission_view_menu("database_access", database.perm)
            if role is not None and access not in role.permissions:
                security_manager.add_permission_role(role, access)


# ------------------------------------------------------------------------------------------------------ export, diff


def exported() -> dict[str, dict[str, Any]]:
    """The server's state in the files' normal form, under the files' names where the id is known."""
    from superset.commands.export.assets import ExportAssetsCommand

    from superset import db

    _act_as_admin()
    db.session.expire_all()
    names = {document["uuid"]: name for name, document in bundle.read().items()}
    state = {}
    for path, content in ExportAssetsCommand().run():
        kind = path.split("/")[0]
        if kind in bundle.KINDS:
            document = bundle.pruned(kind, yaml.safe_load(content()))
            state[names.get(document["uuid"], f"{kind}/{Path(path).stem}.yaml")] = document
    return state


def diff() -> int:
    """Deploy, export, deploy, export: both exports must say what the files say. Number of differing lines."""
    wanted = {name: bundle.pruned(name.split("/")[0], document) for name, document in bundle.read().items()}
    assets()
    first = exported()
    assets()
    second = exported()
    lines = bundle.differences(wanted, first, "files", "server")
    lines += bundle.differences(first, second, "first deployment", "second deployment")
    print("\n".join(lines) if lines else "superset: no difference between files and server, twice. 文件与服务器一致。")
    return len(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("init", "assets", "all", "export", "diff"))
    parser.add_argument("folder", nargs="?", type=Path, default=bundle.ASSETS, help="where `export` writes")
    parser.add_argument("--editable", action="store_true", help="let pages be changed by hand, to `export` them then")
    chosen = parser.parse_args(arguments)
    assert_version()
    with _application():
        if chosen.command in ("init", "all"):
            init()
        if chosen.command in ("assets", "all"):
            assets(editable=chosen.editable)
        if chosen.command == "export":
            bundle.write(exported(), chosen.folder)
        if chosen.command == "diff":
            return 1 if diff() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
