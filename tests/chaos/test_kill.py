"""`kill -9` of the loader and of Postgres in the middle of the work: nothing lost, nothing doubled, no hand needed."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.postgres import Postgres
from ingestion import landing, ledger, runs
from tests import feeds
from tests.conftest import free_port
from warehouse import bootstrap, connections

KILLS = 20
FILES_A_ROUND = 3
ROWS_A_FILE = 200
BUDGET_SECONDS = 240  # about 30 on a quiet machine; the server is restarted ten times
SOURCE = "cnipa_patents"
RAW = "raw.cnipa_patents__publications"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A Postgres of its own, because it is going to be killed, and a source over a folder."""
    server = Postgres(tmp_path / "state", free_port(), shared_buffers="64MB")
    server.start()
    try:
        bootstrap.bootstrap(server.superuser_dsn, {role: role for role in bootstrap.LOGIN_ROLES})
        for role in connections.ROLES:
            login = "bi_reader" if role == "reader" else role
            monkeypatch.setenv(
                f"AIRFLOW_CONN_WAREHOUSE_{role.upper()}",
                f"postgresql://{login}:{login}@127.0.0.1:{server.port}/warehouse",
            )
        monkeypatch.setenv("LANDING_URL", f"file://{tmp_path}/landing")
        monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", f"file://{tmp_path}/source")
        bootstrap.migrate()
        yield server
    finally:
        connections._engine.cache_clear()
        server.remove()


def _work() -> None:
    """One run as the DAG does it, in a process that may die at any moment."""
    connections._engine.cache_clear()  # connections of the parent must not be shared
    runs.pull(SOURCE)
    runs.load(SOURCE, workers=1)  # children would outlive the kill and do the work


def _add_files(root: Path, number: int) -> None:
    """New files of each kind; every one holds two rows that contradict each other and must be rejected."""
    for file in range(number * FILES_A_ROUND, (number + 1) * FILES_A_ROUND):
        first = file * 1000
        path = feeds.bibs_csv(root, f"2017{1 + file // 28:02d}{1 + file % 28:02d}", range(first, first + ROWS_A_FILE))
        clash = first + 999
        with path.open("a", encoding="utf-8") as handle:
            for title in ("一种甲", "一种乙"):
                handle.write(feeds.bibs_row(clash, "20170329", title=title) + "\n")


def _count(server: Postgres, statement: str) -> int:
    with psycopg.connect(server.superuser_dsn, dbname="warehouse") as connection:
        [row] = connection.execute(statement).fetchall()
    return int(row[0])


@pytest.mark.timeout(BUDGET_SECONDS)
def test_twenty_kills_lose_and_double_nothing(server: Postgres, tmp_path: Path) -> None:
    dice = random.Random(20261122)
    root = tmp_path / "source"
    context = multiprocessing.get_context("fork")
    in_the_middle = {"loader": 0, "postgres": 0}
    # one round in peace tells how long a round takes here and now
    _add_files(root, KILLS)
    started = time.monotonic()
    peaceful = context.Process(target=_work)
    peaceful.start()
    peaceful.join(60)
    assert peaceful.exitcode == 0
    a_round = time.monotonic() - started
    for number in range(KILLS):
        _add_files(root, number)
        worker = context.Process(target=_work)
        worker.start()
        assert worker.pid is not None
        worker.join(dice.uniform(0.05, 0.9) * a_round)
        victim = "loader" if number % 2 else "postgres"
        in_the_middle[victim] += worker.is_alive()
        if victim == "postgres":
            server.kill()
            worker.join(30)
            assert not worker.is_alive(), "a worker must end when its database is gone"
            server.start()
        else:
            os.kill(worker.pid, signal.SIGKILL) if worker.is_alive() else None
            worker.join(30)
    last = context.Process(target=_work)
    last.start()
    last.join(60)
    assert last.exitcode == 0

    files = (KILLS + 1) * FILES_A_ROUND
    assert min(in_the_middle.values()) >= 7, f"the kills came too late to prove anything: {in_the_middle}"
    assert _count(server, f"select count(*) from {RAW}") == files * ROWS_A_FILE
    assert _count(server, f"select count(distinct publication_number) from {RAW}") == files * ROWS_A_FILE
    assert _count(server, "select count(*) from ops.loads where state = 'loaded'") == files
    assert _count(server, "select sum(rows_loaded) from ops.loads") == files * ROWS_A_FILE
    assert _count(server, "select count(*) from ops.rejected_rows") == files * 2
    assert _count(server, "select count(*) from ops.landed_files where state = 'loaded'") == files
    assert _count(server, "select count(*) from ops.landed_files where state <> 'loaded'") == 0
    assert _count(server, "select count(*) from ops.loads where fingerprint like 'open:%'") == 0
    assert (
        _count(
            server,
            f"select count(*) from ops.loads l where rows_loaded <> "
            f"(select count(*) from {RAW} r where r._load_id = l.load_id)",
        )
        == 0
    )
    assert not list((tmp_path / "landing" / ".incoming").iterdir()), "what the dead left aside is cleared"


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _work_until(module: object, name: str, skip: int) -> None:
    """`_work` in a process that dies when it comes to a function, after `skip` calls of it."""
    real, calls = getattr(module, name), iter(range(skip + 1))

    def stop(*args: object, **kwargs: object) -> object:
        return _die() if next(calls) == skip else real(*args, **kwargs)

    setattr(module, name, stop)
    _work()


@pytest.mark.parametrize(
    ("module", "name", "skip"),
    [
        (landing.Landing, "keep", 1),
        (ledger, "add_landed_file", 1),
        (ledger, "open_load", 1),
        (ledger, "add_rejects", 1),
        (ledger, "content_loaded_by", 1),
        (ledger, "close_load", 1),
        (ledger, "set_file_state", 1),
        (ledger, "record", 3),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_death_at_each_step_of_the_ledger_loses_and_doubles_nothing(
    warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str, skip: int
) -> None:
    """What random moments rarely hit: the instants between the last row, the ledger and the commit."""
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", f"file://{tmp_path}/source")
    _add_files(tmp_path / "source", 0)
    context = multiprocessing.get_context("fork")
    dying = context.Process(target=_work_until, args=(module, name, skip))
    dying.start()
    dying.join(60)
    assert dying.exitcode == -signal.SIGKILL
    after = context.Process(target=_work)
    after.start()
    after.join(60)
    assert after.exitcode == 0
    with connections.connect("operator") as connection:
        [found] = connection.execute(
            f"select (select count(*) from {RAW}), (select count(distinct publication_number) from {RAW}), "
            "(select count(*) from ops.loads where state = 'loaded'), (select count(*) from ops.rejected_rows), "
            "(select count(*) from ops.landed_files where state = 'loaded'), (select count(*) from ops.landed_files)"
        ).fetchall()
    rows = FILES_A_ROUND * ROWS_A_FILE
    assert found == (rows, rows, FILES_A_ROUND, FILES_A_ROUND * 2, FILES_A_ROUND, FILES_A_ROUND)
    assert not list((tmp_path / "landing" / ".incoming").iterdir())
