"""`python -m warehouse`: migrate, build, check, publish, roll back, and see how it stands."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

import click
import psycopg
from rich.console import Console
from rich.table import Table

from warehouse import connections, release

_BEIJING = ZoneInfo("Asia/Shanghai")
_REFUSALS = (
    release.ReleaseError,
    release.ContractBroken,
    connections.ConnectionMissing,
    psycopg.OperationalError,
)


def _said(command: Callable[..., None]) -> Callable[..., None]:
    """A refusal is one clear sentence and exit code 1, not a traceback."""

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> None:
        from warehouse.dbt_runner import BuildFailed

        try:
            command(*arguments, **named)
        except (*_REFUSALS, BuildFailed) as refusal:
            raise click.ClickException(str(refusal)) from refusal

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-v", "--verbose", is_flag=True, help="Show each step as it happens.")
def main(verbose: bool) -> None:
    """The warehouse: releases of the marts, and what guards them. 数据仓库：构建、检查、发布与回退。

    \b
    A release goes open → build (dbt) → seal → check (Great Expectations) → publish → prune. Airflow's DAG build_marts
    runs the same steps; `build` runs them all from here. Readers see whole releases only.

    \b
    Addresses come from the environment: `. .run/env` first.
    Examples:
      python -m warehouse status              what readers see, and how fresh it is
      python -m warehouse build               build, check and publish now
      python -m warehouse rollback            back to the release before, in one transaction
      python -m warehouse checks --failed     what did not pass in the newest release
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s")


@main.command()
@_said
def migrate() -> None:
    """Bring the tables of `ops` and the live views of `marts` to this version of the code. 升级表结构。"""
    from warehouse import bootstrap, live_views

    bootstrap.migrate()
    live_views.ensure_live_views()
    click.echo("ops and the live views are up to date 表结构已是最新")


@main.command()
@click.option("--force", is_flag=True, help="Parse even when no file changed.")
@_said
def parse(force: bool) -> None:
    """Parse the dbt project and store its manifest, so that builds start quickly. 解析 dbt 项目。"""
    from warehouse import dbt_runner

    manifest = dbt_runner.parse(force=force)
    click.echo(f"{len(manifest.nodes)} nodes 个节点, {len(manifest.unit_tests)} unit tests 个单元测试")


@main.command()
@click.option("--no-publish", is_flag=True, help="Stop after the checks; `publish` shows it later.")
@click.option("--unit-tests", is_flag=True, help="Run dbt's unit tests too (after a change of code).")
@click.option("--accept-shrinking", is_flag=True, help="You know why a mart has lost half of its rows.")
@_said
def build(no_publish: bool, unit_tests: bool, accept_shrinking: bool) -> None:
    """Build, check and publish a release now, as build_marts does. 立即构建、检查并发布。

    A failure leaves readers where they are. Exit code 1 when the release is held or failed.
    """
    from warehouse import dbt_runner

    logging.getLogger("warehouse").setLevel(logging.INFO)
    release_id = release.open_release(f"cli {socket.gethostname()} {os.getpid()}")
    click.echo(f"release {release_id}: building 构建中")
    dbt_runner.build(release_id, unit_tests=unit_tests)
    schema = release.seal(release_id)
    _check(release_id, schema, accept_shrinking)
    if no_publish:
        click.echo(f"checked, not published 已检查，未发布: python -m warehouse publish {release_id}")
        return
    release.publish(release_id)
    dropped = release.prune()
    click.echo(f"release {release_id} is published 已发布" + (f"; dropped {', '.join(dropped)}" if dropped else ""))


@main.command()
@click.argument("release_id")
@click.option("--accept-shrinking", is_flag=True, help="You know why a mart has lost half of its rows.")
@_said
def check(release_id: str, accept_shrinking: bool) -> None:
    """Run the marts suite on a sealed build; it is marked as checked, or held. 对构建做发布检查。"""
    found = [one for one in release.releases(1000) if one.release_id == release_id]
    if not found:
        raise release.ReleaseError(f"There is no release {release_id}. 没有该发布。")
    _check(release_id, found[0].schema_name, accept_shrinking)


@main.command()
@click.argument("release_id")
@_said
def publish(release_id: str) -> None:
    """Show a checked build to the readers. 发布已通过检查的构建。"""
    release.publish(release_id)
    click.echo(f"release {release_id} is published 已发布")


@main.command()
@click.argument("release_id")
@click.argument("reason_zh")
@click.argument("reason_en", default="")
@_said
def hold(release_id: str, reason_zh: str, reason_en: str) -> None:
    """Keep a build from the readers, with a reason that the dashboard shows. 暂缓发布。"""
    release.hold(release_id, reason_zh, reason_en)
    click.echo(f"release {release_id} is held 已暂缓")


@main.command()
@click.option("--to", metavar="RELEASE_ID", help="Which kept build; the one before the current one if not given.")
@_said
def rollback(to: str | None) -> None:
    """Go back to a kept build, in one transaction. 回退到保留的构建。"""
    click.echo(f"readers see {release.rollback(to)} again 已回退")


@main.command()
@click.argument("mart")
@_said
def retire(mart: str) -> None:
    """Take away the view of a MART that is no longer built; refused while anybody's view reads it. 停用集市表。"""
    release.retire(mart)
    click.echo(f"marts.{mart} is gone 已停用")


@main.command()
@click.option("--keep", default=release.KEPT_BUILDS, show_default=True, help="Earlier builds that stay for a rollback.")
@_said
def prune(keep: int) -> None:
    """Drop builds that nobody needs any more. 清理旧构建。"""
    dropped = release.prune(keep)
    click.echo("\n".join(f"dropped {schema} 已清理" for schema in dropped) or "nothing to drop 无需清理")


@main.command("releases")
@click.option("--limit", default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_said
def list_releases(limit: int, as_json: bool) -> None:
    """The newest releases and their states. 发布列表。"""
    rows = _rows(
        "select release_id, state, state_zh, is_current, is_synthetic, late_sources, held_reason_zh, built_at,"
        " published_at from marts.releases order by release_id desc limit %s",
        [limit],
    )
    _show(rows, as_json, drop=("state",))


@main.command()
@click.option("--release", "release_id", help="Which release; the newest one with checks if not given.")
@click.option("--source", help="Checks of a source's loads instead of a release's.")
@click.option("--failed", is_flag=True, help="Only what did not pass.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_said
def checks(release_id: str | None, source: str | None, failed: bool, as_json: bool) -> None:
    """Results of the data checks. 数据检查结果。"""
    rows = _rows(
        """
        select suite, check_name, object, severity, status, failing_count, observed, reason_zh, checked_at
        from marts.checks
        where case when %(source)s::text is not null then source_id = %(source)s
                   else release_id = coalesce(%(release)s, (select max(release_id) from marts.checks)) end
          and (not %(failed)s or status <> 'pass')
        order by checked_at desc, status, severity, check_name limit 500
        """,
        {"source": source, "release": release_id, "failed": failed},
    )
    _show(rows, as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_said
def status(as_json: bool) -> None:
    """What readers see, and how fresh each source is. 当前发布与数据新鲜度。"""
    shown = release.current()
    fresh = _rows(
        "select source_id, name_zh, message_zh, is_late, last_known_at, rows_loaded, loads_held"
        " from marts.data_freshness"
    )
    newest = release.releases(1)
    if as_json:
        said = {"current": shown.__dict__ if shown else None, "newest": newest[0].__dict__ if newest else None}
        click.echo(json.dumps({**said, "sources": fresh}, ensure_ascii=False, default=str, indent=2))
        return
    if shown and shown.published_at:
        marks = "（含合成数据 synthetic）" if shown.is_synthetic else ""
        click.echo(f"当前发布 current: {shown.release_id}{marks}, {_time(shown.published_at)}")
    else:
        click.echo("尚无已发布的数据 nothing is published yet")
    if newest and (not shown or newest[0].release_id != shown.release_id):
        one = newest[0]
        click.echo(f"最近构建 newest: {one.release_id} {one.state} {one.held_reason_zh or ''}")
    _show(fresh, False)


def _check(release_id: str, schema: str, accept_shrinking: bool) -> None:
    from expectations import marts

    click.echo(f"release {release_id}: checking 检查中")
    result = marts.check_marts(release_id, schema, accept_shrinking=accept_shrinking)
    for text in result.warnings:
        click.echo(f"warning 提示: {text}")
    if not result.passed:
        raise release.ReleaseError(
            f"Release {release_id} is held, readers stay with the one before 已暂缓发布: {result.reason_zh}\n"
            f"{result.reason_en}\nPage 结果页: {result.page}"
        )
    click.echo(f"passed 检查通过, page 结果页: {result.page}")


def _rows(query: str, parameters: Any = None) -> list[dict[str, Any]]:
    with connections.connect("publisher") as connection:
        answer = connection.execute(query, parameters)
        names = [column.name for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer]


def _show(rows: list[dict[str, Any]], as_json: bool, drop: tuple[str, ...] = ()) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str, indent=2))
        return
    if not rows:
        click.echo("nothing 无")
        return
    names = [name for name in rows[0] if name not in drop]
    table = Table(*names, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_word(row[name]) for name in names))
    Console(soft_wrap=True).print(table)


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是 yes" if value else ""
    if isinstance(value, datetime):
        return _time(value)
    return str(value).replace("[", r"\[")


def _time(value: datetime) -> str:
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M")
