"""`python -m ingestion.sandbox`."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import click

from ingestion.sandbox import census as counting
from ingestion.sandbox import trademark_census
from ingestion.sandbox.catalogue import FEEDS
from ingestion.sandbox.faults import FAULTS
from ingestion.sandbox.feeds import Feed
from ingestion.sandbox.server import Clock, Sandbox, run
from ingestion.sandbox.targets import DISTRICTS, FAMILIES
from ingestion.sandbox.world import World

_MOST_SCALE = 100.0


class _Day(click.ParamType):
    name = "YYYY-MM-DD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2024-12-31", param, ctx)


_seed = click.option("--seed", default=1, show_default=True, help="Another seed is another city of the same kind.")
_scale = click.option(
    "--scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.05, _MOST_SCALE),
    help="Multiplies the number of documents; 1 is about 77,000 in 1,000 zips, and 51,000 legal status records in 700.",
)
_clock = click.option(
    "--clock",
    type=_Day(),
    default=None,
    help="Show what the source would have shown on that day. Default: today, moving on with the calendar.",
)

_without = click.option(
    "--without",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2_000),
    help="Leave out so many patents of the district, in force from 2020 to 2025, wherever they would be told of.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Synthetic registers of an invented Tianjin: true trees and formats, true defects, no true content.

    \b
    Everything follows from --seed and --scale; --clock only decides how much of it can be seen, and a file that
    could be seen once never changes. The tree:
      /cnipa/SYNTHETIC.txt
      /cnipa/CN/<product>_<name>/data/<YYYYMMDD>/*.zip        products 10-A 10-B 20-U 30-S; rawdata folders beside
      /cnipa/flat/cnipa_bibs_2017/CN-BIBS-ABSS-10-A_<YYYYMMDD>.csv
      /cnipa/flat/cnipa_gazette_<YYYY-MM-DD>/*.csv            GB18030, as a spreadsheet left it
      /prss/CN/CN-PA-PRSS-10_<name>/data/<YYYYMMDD>/*.zip     legal status; -20 utility models, -30 designs
      /trademarks/132_<name>/<YYYYMMDD>/*.zip                 marks; 133 licences, 134 transfers, 136 Madrid, 137
      /reference/sei_ipc_2021_<YYYYMMDD>.json                 an invented concordance of industries and the IPC

    \b
    Point the pipeline at it:
      AIRFLOW_CONN_SRC_CNIPA_PATENTS=http://127.0.0.1:18090/cnipa
    or write it to a folder and use file:///that/folder.
    """


_FAULTS_HELP = "\n".join(
    [
        "\b",
        "Faults of a source, one at a time, by --fault or POST /faults/<source>:",
        *(f"  {name:<13} {text}" for name, text in FAULTS.items()),
        "",
        "\b",
        "Limits of a fault:",
        "  match         only paths below the source that fit the pattern, such as CN/*/20250103/*.zip",
        "  times         so many requests; not for faults that change what is listed or given",
        "  seconds       how slow, or the Retry-After of 429",
        "  days          how late",
    ]
)


@main.command(epilog=_FAULTS_HELP)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here. Anything but loopback is refused.")
@click.option("--port", default=18090, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@_seed
@_scale
@_without
@_clock
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SOURCE=FAULT[,LIMIT=VALUE…]",
    help="Begin with a fault, such as cnipa_patents=slow,seconds=2,match=*.zip (repeat for other sources).",
)
@click.option("--verbose", is_flag=True, help="Log every request to stderr.")
def serve(
    host: str,
    port: int,
    seed: int,
    scale: float,
    without: int,
    clock: date | None,
    faults: tuple[str, ...],
    verbose: bool,
) -> None:
    """Serve the feed over HTTP until stopped.

    \b
    While it runs, from this machine only:
      curl http://127.0.0.1:18090/health
      curl -d '{"fault": "429", "seconds": 2, "times": 3}'  http://127.0.0.1:18090/faults/cnipa_patents
      curl -d '{"fault": "shrunk", "match": "*_0001.zip"}'  http://127.0.0.1:18090/faults/cnipa_patents
      curl -d '{"fault": "none"}'                           http://127.0.0.1:18090/faults/cnipa_patents
      curl -d '{"clock": "2024-12-31"}'                     http://127.0.0.1:18090/clock        ("today" to go back)
    """
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise click.ClickException(
            f"合成数据只在本机提供，不监听 {host} / synthetic data stays on this machine: {host} is not loopback"
        )

    def make() -> Sandbox:
        try:
            server = Sandbox((host, port), World(seed, scale, without), clock, verbose)
        except OSError as error:
            raise click.ClickException(
                f"端口 {port} 不可用（{error.strerror}），请换 --port / port {port} is not available: {error.strerror}"
            ) from error
        for given in faults:
            try:
                server.faults.set_by_words(given)
            except (KeyError, ValueError) as error:
                raise click.BadParameter(f"{given}: {error}", param_hint="--fault") from error
        click.echo(f"{server.url} synthetic, seed={seed} scale={scale:g} clock={server.clock()}")
        sys.stdout.flush()
        return server

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        run(make)
    except KeyboardInterrupt:
        click.echo("stopped")


@main.command()
@click.option(
    "--to", "target", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write below."
)
@click.option(
    "--source",
    type=click.Choice([*sorted(kind.source_id for kind in FEEDS), "all"]),
    default="cnipa_patents",
    show_default=True,
    help="Which source's tree; all: each in a folder of its name.",
)
@_seed
@_scale
@_without
@_clock
@click.option("--below", default="", metavar="PATH", help="Only this part of the tree, such as flat or CN/<product>.")
def write(target: Path, source: str, seed: int, scale: float, without: int, clock: date | None, below: str) -> None:
    """Write a source's tree as files, with the same bytes and times; files that are there already are left alone."""
    for kind in FEEDS:
        if source in (kind.source_id, "all"):
            _write(
                kind(World(seed, scale, without), Clock(clock)),
                target / kind.source_id if source == "all" else target,
                below,
            )


def _write(tree: Feed, target: Path, below: str) -> None:
    marker = target / "SYNTHETIC.txt"
    if target.exists() and any(target.iterdir()) and not marker.exists():
        raise click.ClickException(
            f"{target} 非空且不是合成数据目录 / {target} is not empty and holds no SYNTHETIC.txt: not written into"
        )
    notice = tree.find("SYNTHETIC.txt")
    assert notice is not None and notice.content is not None
    if marker.exists() and marker.read_bytes() != notice.content():
        raise click.ClickException(
            f"{target} 由另一种子或规模生成 / {target} was written with another seed or scale: use another folder"
        )
    begun, files, size = time.monotonic(), 0, 0
    for path, entry in [("SYNTHETIC.txt", notice), *tree.walk(below.strip("/"))]:
        place = target / path
        if place.exists() or entry.content is None:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        content = entry.content()
        half = place.with_name(place.name + ".part")
        half.write_bytes(content)
        os.utime(half, (entry.modified.timestamp(), entry.modified.timestamp()))
        half.replace(place)
        files, size = files + 1, size + len(content)
    click.echo(f"{files} files, {size / 1e6:.1f} MB, {time.monotonic() - begun:.1f} s -> {target}")


@main.command()
@_seed
@_scale
@_without
@_clock
@click.option("--district", default="东丽区", show_default=True, help="By name; 'all' for every district.")
@click.option("--on", "days", multiple=True, type=_Day(), help="Stock on this day (repeat); default: year-ends.")
@click.option("--events/--no-events", "with_events", default=True, help="Also what happened, a year (some seconds).")
@click.option("--natures", "with_natures", is_flag=True, help="Also how addresses and owners are written (slow).")
def census(
    seed: int,
    scale: float,
    without: int,
    clock: date | None,
    district: str,
    days: tuple[date, ...],
    with_events: bool,
    with_natures: bool,
) -> None:
    """Count the synthetic city itself: documents a year, the stock in force, and what happened, as known by the clock.

    It asks the generator and reads no file, so a pipeline's figures can be held against it.
    """
    world, until = World(seed, scale, without), Clock(clock)()
    names = counting.district_names()
    if district != "all" and district not in names:
        raise click.BadParameter(f"one of {', '.join(names)}, all", param_hint="--district")
    chosen = range(len(names)) if district == "all" else [names.index(district)]
    asked = list(days) or [date(year, 12, 31) for year in range(2010, until.year)] + [until]
    for number in chosen:
        code = DISTRICTS[number].code
        click.echo(f"{names[number]} {code}")
        click.echo("  year       " + "".join(f"{family:>11}" for family in FAMILIES))
        total = dict.fromkeys(FAMILIES, 0)
        for year, row in counting.published(world, number, until).items():
            click.echo(f"  {year}       " + "".join(f"{row[family]:>11}" for family in FAMILIES))
            total = {family: total[family] + row[family] for family in FAMILIES}
        click.echo("  all        " + "".join(f"{total[family]:>11}" for family in FAMILIES))
        click.echo("  in force       granted    utility     design        all")
        for day, stock in counting.in_force(world, number, asked, until).items():
            click.echo(f"  {day} " + "".join(f"{count:>11}" for count in (*stock.values(), sum(stock.values()))))
        if with_events:
            kinds = counting.EVENTS
            click.echo("  took effect" + "".join(f"{heading:>9}" for heading in kinds.values()))
            for year, happened in counting.events(world, number, until).items():
                click.echo(f"  {year}       " + "".join(f"{happened[kind]:>9}" for kind in kinds))
        if with_natures:
            found = counting.natures(world, number, until)
            click.echo(f"  places {dict(found.places)}\n  owners {dict(found.owners)} firms {found.distinct_firms}")


@main.command("census-trademarks")
@_seed
@_scale
@click.option("--district", default="东丽区", show_default=True, help="By name.")
@click.option("--on", "days", multiple=True, type=_Day(), help="Stock on this day (repeat); default: year-ends.")
@click.option("--known", type=_Day(), default=None, help="As far as the deliveries up to this day tell. Default: all.")
@click.option("--without", default=0, show_default=True, type=click.IntRange(0), help="Marks that are left out.")
def census_trademarks(
    seed: int, scale: float, district: str, days: tuple[date, ...], known: date | None, without: int
) -> None:
    """Count the synthetic trademark register itself: rights in force (one per number and class), and beside them."""
    names = counting.district_names()
    if district not in names:
        raise click.BadParameter(f"one of {', '.join(names)}", param_hint="--district")
    asked = list(days) or [date(year, 12, 31) for year in range(2006, date.today().year)]
    columns = ("in force", "in grace", "cancelled", "moved in", "madrid", "well-known", "indications")
    click.echo("  day       " + "".join(f"{column:>12}" for column in columns))
    found = trademark_census.stocks(World(seed, scale), names.index(district), asked, known, without)
    for day, stock in sorted(found.items()):
        counts = [stock.in_force, stock.in_grace, stock.cancelled, stock.moved_in]
        counts += [stock.international, stock.well_known, stock.indications]
        click.echo(f"  {day}" + "".join(f"{count:>12}" for count in counts))
