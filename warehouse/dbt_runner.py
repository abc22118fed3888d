"""dbt inside this process: one `build` for one release, from a prebuilt manifest, each node's result as it ends.

Every model, seed and snapshot becomes a row of `ops.outcomes` (step `build`), every test a row of `ops.checks` (suite
`dbt`), while the build is still running. dbt is imported only when it is needed: the import alone takes seconds.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.types.json import Json

from warehouse import connections, release

log = logging.getLogger(__name__)

PROJECT = Path(__file__).parents[1] / "dbt_project"
_GENERATED = {"target", "logs", "dbt_packages"}
_SEEDS_SCHEMA = "reference"
_SALT = "PERSON_KEY_SALT"


class BuildFailed(RuntimeError):
    """A node broke, or a test that stops the release failed; `nodes` names them."""

    def __init__(self, message: str, nodes: list[str]) -> None:
        super().__init__(message)
        self.nodes = nodes


def build(release_id: str, *, unit_tests: bool = False, select: str | None = None) -> None:
    """Run `dbt build` into the candidate schema of a release that is being built.

    Seeds run only when their files changed. `unit_tests` adds dbt's unit tests, which belong to a change of code and
    not to a change of data. On BuildFailed the release is held (only tests failed) or failed (anything else) already,
    and readers stay with the one before.
    """
    if not os.environ.get(_SALT):
        raise connections.ConnectionMissing(
            f"{_SALT} is not set: run `. .run/env` first. 未设置 {_SALT}，请先执行 `. .run/env`。"
        )
    with release.building():
        release.reopen(release_id)
        with _environment():
            try:
                manifest = parse()
            except BuildFailed as failure:
                release.fail(release_id, str(failure))
                raise
            seeds = _digest([PROJECT / "seeds"])
            arguments = ["build", *_paths(), "--log-level", "none"]
            if _seeded() == seeds:
                arguments += ["--exclude-resource-type", "seed"]
            if not unit_tests:
                arguments += ["--exclude-resource-type", "unit_test"]
            if select:
                arguments += ["--select", select]
            with connections.connect("publisher", autocommit=True) as ledger:
                recorder = _Recorder(release_id, manifest, ledger)
                result = _invoke(arguments, manifest, recorder)
        _raise_on_failure(release_id, recorder, result)
        with connections.connect("builder", autocommit=True) as connection:
            if _has_seeds(connection):
                connection.execute(f"comment on schema {_SEEDS_SCHEMA} is 'seeds {seeds}'")


def parse(*, force: bool = False) -> Any:
    """dbt's manifest: the stored one while no file of the project changed, else parsed anew and stored.

    Raises BuildFailed with dbt's own words when the project does not parse.
    """
    from dbt.contracts.graph.manifest import Manifest

    stored, mark = _target() / "partial_parse.msgpack", _target() / "manifest.digest"
    database = connections.url("builder").database or ""
    now = hashlib.sha256(
        f"{_digest([PROJECT])} {importlib.metadata.version('dbt-core')} {database}".encode()
    ).hexdigest()
    if not force and stored.is_file() and mark.is_file() and mark.read_text() == now:
        try:
            manifest = Manifest.from_msgpack(stored.read_bytes())
        except Exception as error:  # a file of another version, or cut short: the cure is to parse again
            log.info("the stored manifest cannot be read (%s), parsing again", error)
        else:
            manifest.build_flat_graph()
            return manifest
    mark.unlink(missing_ok=True)
    with _environment():
        result = _invoke(["parse", *_paths(), "--log-level", "none"], None, None)
    if not result.success:
        raise BuildFailed(f"dbt cannot parse the project: {result.exception} dbt 项目解析失败。", ["parse"])
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(now)
    return result.result


# --- dbt --------------------------------------------------------------------------------------------------------------


def _invoke(arguments: list[str], manifest: Any, recorder: _Recorder | None) -> Any:
    from dbt.cli.main import dbtRunner

    return dbtRunner(manifest=manifest, callbacks=[recorder] if recorder else []).invoke(arguments)


class _Recorder:
    """dbt's callback: called from its worker threads, once an event."""

    def __init__(self, release_id: str, manifest: Any, ledger: Any) -> None:
        self.release_id, self.manifest, self.ledger = release_id, manifest, ledger
        self.lock = threading.Lock()
        self.broken: list[str] = []
        self.failed_tests: list[str] = []

    def __call__(self, event: Any) -> None:
        if event.info.name != "NodeFinished":
            return
        try:
            with self.lock:
                self._record(event.data.node_info, event.data.run_result)
        except Exception:  # dbt swallows what a callback raises; a lost line must not be lost silently
            log.exception("the result of a node could not be recorded")

    def _record(self, info: Any, result: Any) -> None:
        name, status = info.node_name, str(info.node_status or result.status)
        if status == "no-op":  # an exposure: nothing is built for it
            return
        seconds = result.execution_time
        if info.resource_type in ("test", "unit_test"):
            severity = self._test(info, result, status)
            level = logging.INFO if status == "pass" else logging.WARNING if severity == "warn" else logging.ERROR
        else:
            level = self._node(info, result, status)
        # what failed is said whole (a unit test shows the rows that differ), what is well or skipped in a line
        is_bad = status not in ("pass", "success", "skipped")
        said = str(result.message or "")[:4000] if is_bad else _first_line(result.message)
        log.log(level, "%s %s: %s (%.1f s) %s", info.resource_type, name, status, seconds, said)

    def _node(self, info: Any, result: Any, status: str) -> int:
        word = {"success": "ok", "skipped": "skipped"}.get(status, "failed")
        if word == "failed":
            self.broken.append(info.node_name)
        relation = info.node_relation
        self.ledger.execute(
            """
            insert into ops.outcomes
                (step, status, release_id, object, run_id, message_zh, message_en, rows_out, details, started_at,
                 finished_at)
            select 'build', %s, %s, %s, (select run_id from ops.releases where release_id = %s), %s, %s, %s, %s, %s, %s
            """,
            [
                word, self.release_id, f"{relation.schema}.{relation.alias}" if relation.alias else info.node_name,
                self.release_id, {"ok": "已构建", "skipped": "上游失败，已跳过"}.get(word, "构建失败"),
                str(result.message)[:2000], _rows(result.message),
                Json({"kind": info.resource_type, "seconds": round(result.execution_time, 3)}),
                _moment(info.node_started_at), _moment(info.node_finished_at),
            ],
        )  # fmt: skip
        return logging.ERROR if word == "failed" else logging.INFO

    def _test(self, info: Any, result: Any, status: str) -> str:
        node = self.manifest.nodes.get(info.unique_id)
        severity = str(node.config.severity).lower() if node is not None else "error"
        severity = severity if severity in ("error", "warn") else "error"
        word = {"pass": "pass", "success": "pass", "fail": "fail", "warn": "fail"}.get(status, "error")
        if status == "skipped":
            return severity
        if word != "pass" and (severity == "error" or word == "error") and status != "warn":
            self.failed_tests.append(info.node_name)
        meta = (node.config.meta if node is not None else None) or {}
        self.ledger.execute(
            """
            insert into ops.checks
                (suite, check_name, object, severity, status, release_id, owner, observed, expected, reason_zh,
                 reason_en, failing_count)
            values ('dbt', %s, %s, %s, %s, %s, %s, %s, '0', %s, %s, %s)
            """,
            [
                info.node_name, self._object(node), "warn" if status == "warn" else severity, word, self.release_id,
                meta.get("owner"), str(result.num_failures), meta.get("reason_zh"),
                (getattr(node, "description", "") or _first_line(result.message))[:2000] or None, result.num_failures,
            ],
        )  # fmt: skip
        return severity

    def _object(self, node: Any) -> str | None:
        if node is None:
            return None
        attached = self.manifest.nodes.get(getattr(node, "attached_node", None) or "")
        column = getattr(node, "column_name", None)
        return ".".join(part for part in (attached.name if attached else None, column) if part) or None


def _raise_on_failure(release_id: str, recorder: _Recorder, result: Any) -> None:
    if result.success:
        return
    broken, failed = recorder.broken, recorder.failed_tests
    if broken or not failed:
        what = ", ".join(broken) or f"dbt itself: {result.exception or 'see the log'}"
        message = f"broken: {what}" + (f"; failed tests: {', '.join(failed)}" if failed else "")
        release.fail(release_id, message)
    else:
        message = f"failed tests: {', '.join(failed)}"
        release.hold(release_id, f"构建检查未通过：{'、'.join(failed)}", message)
    raise BuildFailed(message, [*broken, *failed])


# --- parts ------------------------------------------------------------------------------------------------------------


@contextmanager
def _environment() -> Iterator[None]:
    """What `profiles.yml` reads, for as long as dbt runs; a password never stands in a file."""
    url = connections.url("builder")
    wanted = {
        "DBT_HOST": url.host or "127.0.0.1",
        "DBT_PORT": str(url.port or 5432),
        "DBT_USER": url.username or "builder",
        "DBT_PASSWORD": url.password or "",
        "DBT_DBNAME": url.database or "warehouse",
        # the key of natural persons reaches the session this way and stands in no statement, manifest or log
        "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c dongli.person_key_salt={os.environ.get(_SALT, '')}".strip(),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _target() -> Path:
    if chosen := os.environ.get("DBT_TARGET_PATH"):
        return Path(chosen)
    state = os.environ.get("STATE_DIR")
    return Path(state) / "dbt" / "target" if state else PROJECT / "target"


def _paths() -> list[str]:
    target = _target()
    logs = os.environ.get("DBT_LOG_PATH") or str(target.parent / "logs")
    return [
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target),
        "--log-path", logs, "--no-version-check", "--no-use-colors",
    ]  # fmt: skip


def _digest(folders: list[Path]) -> str:
    """sha256 over names and contents of the project's files, without what dbt writes itself."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and relative.parts[0] not in _GENERATED and path.suffix != ".pyc":
                digest.update(f"{relative}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _seeded() -> str | None:
    """Digest of the seed files that stand in the warehouse; it lies in the comment of their schema."""
    with connections.connect("builder") as connection:
        row = connection.execute(
            "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", [_SEEDS_SCHEMA]
        ).fetchone()
    return row[0].removeprefix("seeds ") if row and row[0] else None


def _has_seeds(connection: Any) -> bool:
    return bool(connection.execute("select 1 from pg_namespace where nspname = %s", [_SEEDS_SCHEMA]).fetchone())


def _moment(text: str) -> datetime:
    """dbt gives UTC without saying so, and nothing for a node that never started."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else datetime.now(UTC)


def _rows(message: str) -> int | None:
    """`SELECT 1234` or `INSERT 0 1234`, as Postgres reports what was written."""
    last = str(message).split(" ")[-1]
    return int(last) if last.isdigit() else None


def _first_line(message: str) -> str:
    return str(message or "").strip().split("\n")[0][:300]
