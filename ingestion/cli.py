"""`python -m ingestion`: what the DAGs do, by hand, and the question why a row was rejected."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

import click
import sqlalchemy.exc
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ingestion.addresses import AddressError, AddressMissing
from ingestion.declarations import DeclarationError, source_ids
from ingestion.explain import Explanation, NoSuchReject
from ingestion.landing import LandingMissing
from ingestion.transport import TransportError
from warehouse.connections import ConnectionMissing

FAILED, WRONG_USE = 1, 2

console = Console()
errors = Console(stderr=True)

P = ParamSpec("P")
R = TypeVar("R")

_SAID_PLAINLY = (
    AddressError,
    AddressMissing,
    ConnectionMissing,
    DeclarationError,
    LandingMissing,
    NoSuchReject,
    TransportError,
)


def _plainly(command: Callable[P, R]) -> Callable[P, R]:
    """What a user can mend is said in one sentence, without a stack trace."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        from ingestion.loader import TableDiffers
        from ingestion.runs import LandRefused

        try:
            return command(*args, **kwargs)
        except (*_SAID_PLAINLY, LandRefused, TableDiffers) as error:
            errors.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
            sys.exit(FAILED)
        except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError) as error:
            reason = str(error.orig).strip().splitlines()[0]
            errors.print(
                f"[red]✗[/red] 数据仓库无法访问，平台是否已启动（make status）？ The warehouse cannot be reached: "
                f"is the platform running (make status)? {escape(reason)}",
                soft_wrap=True,
            )
            sys.exit(FAILED)

    return wrapped


class _Bars:
    """Progress bars for `ingestion.runs`; silent when nobody is looking."""

    _WORDS: ClassVar[dict[str, str]] = {"list": "列举 listing", "fetch": "拉取 fetching", "load": "装载 loading"}

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(self._WORDS.get(stage, stage), total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


class _Day(click.ParamType):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} 不是日期 is no date: write 2024-01-31", param, ctx)


_SOURCE = click.argument("source_id", metavar="SOURCE")
_SINCE = click.option("--since", type=_Day(), help="只看此日及以后的文件 only files dated on or after this day")
_UNTIL = click.option("--until", type=_Day(), help="只看此日及以前的文件 only files dated on or before this day")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="退出码 exit codes: 0 完成 done · 1 有失败 something failed · 2 用法有误 wrong use",
)
def main() -> None:
    """采集：从来源到 raw。Ingestion: from the source to the tables of schema raw.

    \b
    一次完整采集 one whole run:
        . .run/env                                连接与地址 connections and addresses
        python -m ingestion check SOURCE          声明、地址、仓库是否就绪 is everything in place
        python -m ingestion pull SOURCE           列出、拉取、落地 list, fetch, land
        python -m ingestion load SOURCE           装入 raw into raw
        python -m ingestion status                各来源现状 where every source stands

    \b
    出了问题 when something is wrong:
        python -m ingestion status SOURCE --rejects      最近被拒收的行 what was rejected lately
        python -m ingestion explain 17                   第17条为什么被拒收 why, with the bytes received

    每一步都可以随时重做，不会产生重复数据；被中断后再执行一次即可，无需清理。
    Every step can be repeated at any time and doubles nothing; after a crash just run it again.
    """


@main.command("list")
@_SOURCE
@_SINCE
@_UNTIL
@click.option("--new", "only_new", is_flag=True, help="只列尚未拉取的 only what has not been fetched")
@_plainly
def list_(source_id: str, since: date | None, until: date | None, only_new: bool) -> None:
    """列出来源上的文件，不拉取。List the files of a source; fetches and writes nothing."""
    from ingestion import runs

    files = [one for one in runs.listing(source_id, since, until) if not (only_new and one.is_known)]
    table = Table()
    table.add_column("文件 file", overflow="fold")
    for heading in ("格式 layout", "日期 known at", "字节 bytes", "已拉取 fetched"):
        table.add_column(heading, no_wrap=True)
    for one in files:
        table.add_row(
            escape(one.path),
            one.layout,
            str(one.known_at or "—"),
            "" if one.size is None else f"{one.size:,}",
            "✓" if one.is_known else "",
        )
    console.print(table)
    console.print(f"{len(files)} 个文件 files")


@main.command()
@_SOURCE
@_SINCE
@_UNTIL
@click.option("--full", is_flag=True, help="重读所有旧目录 read every old folder again")
@_plainly
def pull(source_id: str, since: date | None, until: date | None, full: bool) -> None:
    """列出、拉取并落地新文件。List, fetch and land what is new.

    已落地的文件不会再取；失败的文件下次自动重试。Files landed before are not fetched again; failed ones are tried
    again by the next pull.
    """
    from ingestion import runs

    with _Bars() as bars:
        result = runs.pull(source_id, since, until, full=full, progress=bars)
    _messages(result.messages)
    console.print(
        f"列出 listed {result.listed} · 忽略 ignored {result.ignored} · 已有 known {result.known} · "
        f"拉取 fetched {result.fetched} · 新落地 landed {result.landed} · 旧目录新出现 late {result.late} · "
        f"拒收 refused {result.refused} · 失败 failed {result.failed} · 剩余 left {result.left} · "
        f"缺分卷 incomplete {result.incomplete}"
    )
    sys.exit(FAILED if result.failed or result.left else 0)


@main.command()
@_SOURCE
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--layout", help="格式名，路径无法识别时给出 name of the layout, where the path does not tell")
@click.option("--known-at", type=_Day(), help="来源公布之日；缺省取路径中的日期 the source's own date; else the path's")
@click.option("--synthetic", is_flag=True, help="标记为合成数据 mark as synthetic data")
@_plainly
def land(source_id: str, path: Path, layout: str | None, known_at: date | None, synthetic: bool) -> None:
    """手工落地一个文件或一个文件夹。Land a file, or a folder, by hand."""
    from ingestion import runs

    new = runs.land(source_id, path, layout=layout, known_at=known_at, is_synthetic=synthetic)
    for file in new:
        console.print(f"[green]✓[/green] {escape(file.relative_path)} · {file.layout} · {file.known_at}")
    console.print(f"新落地 landed {len(new)} 个文件 files" if new else "没有新内容 nothing new: landed before")


@main.command()
@_SOURCE
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    help="进程数；缺省取 INGEST_WORKERS，否则按核数 processes; else INGEST_WORKERS, else one a core",
)
@_plainly
def load(source_id: str, workers: int | None) -> None:
    """把已落地的文件装入 raw。Load every landed file that is not loaded yet.

    每个文件一个事务：行、台账与拒收记录一起提交。One transaction a file: rows, ledger and rejected rows together.
    """
    from ingestion import runs

    with _Bars() as bars:
        result = runs.load(source_id, workers=workers, progress=bars)
    _messages(result.messages)
    console.print(
        f"装载 loaded {result.files} 个文件 files · 读取 read {result.rows_read:,} · "
        f"装载 kept {result.rows_loaded:,} · 范围外 out of scope {result.rows_skipped:,} · "
        f"重复 alike {result.rows_duplicate:,} · 拒收 rejected {result.rows_rejected:,} 行 rows · "
        f"重复文件 duplicate files {result.duplicates} · 拒收文件 refused files {result.refused} · "
        f"失败 failed {result.failed}"
    )
    sys.exit(FAILED if result.failed or result.refused else 0)


@main.command()
@click.argument("source_id", metavar="[SOURCE]", required=False)
@_plainly
def check(source_id: str | None) -> None:
    """检查声明、读取程序、落地区、仓库与地址。Look at all that a run needs, from declaration to server."""
    from ingestion import runs

    is_well = True
    for one in [source_id] if source_id else source_ids():
        console.rule(one)
        for finding in runs.check(one):
            is_well &= finding.is_well
            sign = "[green]✓[/green]" if finding.is_well else "[red]✗[/red]"
            console.print(f"{sign} {escape(finding.zh if finding.is_well else f'{finding.zh} · {finding.en}')}")
    sys.exit(0 if is_well else FAILED)


@main.command()
@click.argument("source_id", metavar="[SOURCE]", required=False)
@click.option("--rejects", is_flag=True, help="另列最近的拒收记录 also the latest rejected rows and files")
@_plainly
def status(source_id: str | None, rejects: bool) -> None:
    """各来源现状：文件、批次、行数、是否过期。Where every source stands."""
    from ingestion import runs

    for one in runs.status(source_id):
        sign = (
            "[yellow]![/yellow]"
            if one.is_late or one.refused_files or one.loads_held or one.shards_missing
            else "[green]✓[/green]"
        )
        synthetic = " · [yellow]合成数据 synthetic data[/yellow]" if one.is_synthetic else ""
        table = Table.grid(padding=(0, 2))
        for label, value in (
            (
                "文件 files",
                f"待装载 waiting {one.waiting_files} · 已装载 loaded {one.loaded_files} · "
                f"重复 duplicate {one.duplicate_files} · 拒收 refused {one.refused_files}",
            ),
            (
                "批次 loads",
                f"待检 unchecked {one.loads_waiting} · 通过 accepted {one.loads_accepted} · 扣留 held {one.loads_held}",
            ),
            ("行 rows", f"装载 loaded {one.rows_loaded:,} · 拒收 rejected {one.rows_rejected:,}"),
            (
                "缺失 missing",
                "\n".join(
                    [f"{one.shards_missing} 个分片 shards", *map(escape, one.missing)]
                    if one.shards_missing
                    else ["无 none"]
                ),
            ),
            ("最新数据 newest", f"{one.last_known_at or '—'}（{one.cadence_zh}）"),
            ("最近拉取 last pull", f"{one.last_success_at:%Y-%m-%d %H:%M} UTC" if one.last_success_at else "—"),
            ("说明 note", escape(one.message_zh)),
        ):
            table.add_row(f"[bold]{label}[/bold]", value)
        title = f"{sign} {one.source_id} · {one.name_zh}{synthetic}"
        console.print(Panel(table, title=title, title_align="left"))
    if rejects:
        for number, file, place, field, rule, reason in runs.latest_rejects(source_id):
            console.print(
                f"[bold]{number}[/bold] {escape(f'{file} · {place} · {field or chr(8212)} · {rule}')}", soft_wrap=True
            )
            console.print(f"      {escape(reason)}", soft_wrap=True)


@main.command()
@click.argument("reject_id", type=int)
@_plainly
def explain(reject_id: int) -> None:
    """一条拒收记录的来龙去脉。Why a row or file was rejected: place, value, rule, and the bytes as received."""
    from ingestion.explain import explain as explain_

    _show(explain_(reject_id))


def _show(one: Explanation) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in (
        ("来源 source", f"{one.source_zh} · {one.source_en} ({one.source_id})"),
        ("文件 file", one.file),
        ("取自 fetched from", f"{one.address}（{one.known_at}，{one.layout}）"),
        ("落地 landed at", one.landing),
        ("批次 load", "整个文件被拒收 the whole file was refused" if one.load_id is None else str(one.load_id)),
        ("位置 place", one.place),
        ("字段 field", one.field),
        ("值 value", one.value),
        ("规则 rule", one.rule),
        ("原因", one.reason_zh),
        ("reason", one.reason_en),
        ("该行 row", one.row_text),
        ("时间 when", one.rejected_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")),
    ):
        if value:
            table.add_row(f"[bold]{label}[/bold]", escape(value))
    console.print(Panel(table, title=f"拒收记录 rejected row {one.reject_id}", title_align="left"))
    if one.surroundings is None:
        console.print(f"[yellow]原始字节无法显示 the bytes cannot be shown:[/yellow] {escape(one.hindrance)}")
        return
    around = one.surroundings
    hexes = " ".join(f"{byte:02x}" for byte in around.raw)
    marker = " " * (3 * around.offset) + "^^"
    console.print(
        Panel(
            f"{escape(_visible(around.text))}\n\n[dim]{hexes}\n{marker}[/dim]",
            title=escape(f"收到的原始内容 as received · {around.where} · {around.encoding}"),
            title_align="left",
        )
    )


def _visible(text: str) -> str:
    """Control characters as pictures, so that received bytes cannot steer the terminal."""
    return "".join(_picture(character) for character in text)


def _picture(character: str) -> str:
    code = ord(character)
    if character == "\n" or (code >= 32 and not 0x7F <= code < 0xA0):
        return character
    return "␀" if code == 0 else "·"


def _messages(messages: tuple[str, ...], most: int = 20) -> None:
    for message in messages[:most]:
        errors.print(f"[yellow]![/yellow] {escape(message)}", soft_wrap=True)
    if len(messages) > most:
        errors.print(f"[yellow]![/yellow] …… 另有 {len(messages) - most} 条 and {len(messages) - most} more")
