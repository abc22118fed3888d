"""From a source to `raw` on a real Postgres: nothing lost, nothing doubled, nothing bad let through."""

from __future__ import annotations

import io
import multiprocessing
import os
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from ingestion import ledger, loader, loading, pulling, runs
from ingestion.cli import main
from ingestion.declarations import declaration
from ingestion.explain import explain
from ingestion.landing import landing
from ingestion.readers import READERS, Parsed, Refusal
from ingestion.transport import TransportError
from tests import feeds
from tests.servers import Feed, http_feed
from warehouse import connections

SOURCE = "cnipa_patents"
RAW = "raw.cnipa_patents__publications"
TODAY = datetime.now(runs.SHANGHAI).date()


@pytest.fixture
def root(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the source's address."""
    folder = tmp_path / "来源"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", f"file://{folder}")
    return folder


@pytest.fixture
def feed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    """The same folder over HTTP."""
    with http_feed(root) as running:
        monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", running.url)
        yield running


def ask(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with connections.engine("operator").begin() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


def one(statement: str, **values: Any) -> Any:
    return ask(statement, **values)[0][0]


def counts() -> dict[str, int]:
    """What must not change when something is loaded again."""
    return {
        "rows": one(f"select count(*) from {RAW}"),
        "numbers": one(f"select count(distinct publication_number) from {RAW}"),
        "loads": one("select count(*) from ops.loads where state <> 'duplicate'"),
        "rejects": one("select count(*) from ops.rejected_rows where load_id is not null"),
        "loaded": one("select coalesce(sum(rows_loaded), 0) from ops.loads"),
    }


def pull_and_load() -> tuple[runs.PullResult, runs.LoadResult]:
    return runs.pull(SOURCE), runs.load(SOURCE)


def a_feed(root: Path) -> None:
    feeds.bibs_zip(root, "20170822", range(0, 40))
    feeds.bibs_zip(root, "20170822", range(40, 50), name="part2.zip")
    feeds.bibs_zip(root, "20170825", range(50, 70))
    feeds.bibs_csv(root, "20170329", range(100, 130))
    (root / "README.md").write_text("ignored")


# --- the way of a record --------------------------------------------------------------------------------------------


def test_every_record_arrives_once_with_its_ledger(root: Path) -> None:
    a_feed(root)
    pulled, loaded = pull_and_load()
    assert (pulled.listed, pulled.ignored, pulled.landed, pulled.failed) == (4, 1, 4, 0)
    assert (loaded.files, loaded.rows_read, loaded.rows_loaded, loaded.rows_rejected) == (4, 100, 100, 0)
    assert counts() == {"rows": 100, "numbers": 100, "loads": 4, "rejects": 0, "loaded": 100}
    assert ask(
        f"select l.rows_loaded, count(r.*), min(r._known_at) = l.known_at and max(r._known_at) = l.known_at, "
        f"min(r._layout) = l.layout from ops.loads l join {RAW} r on r._load_id = l.load_id "
        f"group by l.load_id order by l.known_at, l.load_id"
    ) == [(30, 30, True, True), (40, 40, True, True), (10, 10, True, True), (20, 20, True, True)]
    assert ask("select distinct state from ops.landed_files") == [("loaded",)]
    assert one("select count(*) from ops.outcomes where step = 'load' and status = 'ok'") == 5
    [status] = runs.status(SOURCE)
    assert (status.loaded_files, status.loads_waiting, status.rows_loaded, status.is_late) == (4, 4, 100, True)


def test_values_survive_the_way(root: Path) -> None:
    title = '一种"双，引号", 含逗号'
    path = root / "cnipa_bibs_2017" / "CN-BIBS-ABSS-10-A_20170329.csv"
    path.parent.mkdir()
    path.write_text(feeds.bibs_row(1, "20170329", title=title) + "\n", encoding="utf-8")
    pull_and_load()
    [row] = ask(
        f"select publication_number, kind_code, publication_date, application_number, owner_names ->> 0, "
        f"owner_count, address_text, post_code, province, _known_at, title from {RAW}"
    )
    assert row[:3] == ("CN100000001A", "A", date(2017, 3, 29))
    assert row[3] == "102016000000001"
    assert row[4] == "天津例1科技有限公司"
    assert row[6:8] == (feeds.DONGLI, "300300")
    assert row[9] == date(2017, 3, 29)
    assert all(part in row[10] for part in ('"双', '引号"', "含逗号"))


def test_every_character_and_every_null_survives_copy(warehouse: dict[str, str], root: Path) -> None:
    feeds.bibs_csv(root, "20170329", range(3))
    runs.pull(SOURCE)
    source = declaration(SOURCE)
    loader.ensure_tables(connections.engine("loader"), source)
    with connections.engine("loader").begin() as connection:
        [file] = ledger.waiting_files(connection, SOURCE)
    nasty = ["", None, "\\N", "\\.", '"', "a\tb\r\nc", "𠮷野家"]

    def steps() -> Iterator[Parsed]:
        with landing().local(file.landing_path, file.content_sha256) as path:
            for parsed in READERS[file.layout](path, limits=source.limits):
                batch = parsed.batch.slice(0, 1)
                rows = [
                    {**batch.to_pylist()[0], "_row_no": number, "title": value} for number, value in enumerate(nasty)
                ]
                yield Parsed(batch.from_pylist(rows, schema=batch.schema), [], len(rows))

    loader.load_steps(connections.engine("loader"), source, file, steps, scope="all")
    assert [title for (title,) in ask(f"select title from {RAW} order by _row_no")] == nasty


def test_the_scope_leaves_rows_out_and_counts_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = feeds.bibs_csv(root, "20170329", range(10))
    far = [feeds.bibs_row(serial, "20170329", address=feeds.ELSEWHERE, post_code="518000") for serial in range(10, 14)]
    path.write_text(path.read_text(encoding="utf-8") + "".join(f"{row}\n" for row in far), encoding="utf-8")
    _, loaded = pull_and_load()
    assert (loaded.rows_read, loaded.rows_loaded, loaded.rows_skipped) == (14, 10, 4)
    monkeypatch.setenv("SOURCE_SCOPE_CNIPA_PATENTS", "all")
    shutil.copy(path, root / "cnipa_bibs_2017" / "CN-BIBS-ABSS-10-B_20170330.csv")
    (root / "cnipa_bibs_2017" / "CN-BIBS-ABSS-10-B_20170331.csv").write_text(
        "".join(f"{row}\n" for row in far), encoding="utf-8"
    )
    _, loaded = pull_and_load()
    assert (loaded.files, loaded.rows_loaded, loaded.rows_skipped) == (1, 4, 0)


# --- again, renamed, re-zipped, in parallel -------------------------------------------------------------------------


def _again(root: Path) -> None:
    """The very same tree."""


def _renamed(root: Path) -> None:
    for path in sorted(root.rglob("*.zip")):
        path.rename(path.with_name(f"neu {path.name}"))
    for path in sorted(root.rglob("*.csv")):
        path.rename(path.with_name(path.name.replace("10-A", "10-B").replace("20170329", "20170405")))


def _rezipped(root: Path) -> None:
    for path in sorted(root.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
        with zipfile.ZipFile(path.with_name(f"again-{path.name}"), "w", zipfile.ZIP_STORED) as archive:
            for name, content in reversed(members):
                archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 2, 2, 2)), content)


def _moved_to_another_day(root: Path) -> None:
    for path in sorted((root / "CN").rglob("20170822")):
        shutil.copytree(path, path.with_name("20170829"))


@pytest.mark.parametrize("change", [_again, _renamed, _rezipped, _moved_to_another_day])
def test_nothing_is_doubled(root: Path, change: Callable[[Path], None]) -> None:
    a_feed(root)
    pull_and_load()
    before = counts()
    for _ in range(2):
        change(root)
        pulled, loaded = pull_and_load()
        assert pulled.failed == loaded.failed == loaded.refused == 0
        assert loaded.rows_loaded == 0
        assert counts() == before
        change = _again
    assert pulled.fetched == 0, "what was fetched once is not fetched again, under whatever name"


def test_a_rezipped_copy_is_marked_with_the_file_it_repeats(root: Path) -> None:
    a_feed(root)
    pull_and_load()
    _rezipped(root)
    _, loaded = pull_and_load()
    assert loaded.duplicates == 3
    assert one("select count(*) from ops.loads where state = 'duplicate' and rows_loaded = 0") == 3
    assert "part1.zip" in one("select state_reason_zh from ops.loads where state = 'duplicate' limit 1")


def _work(_: int) -> tuple[int, int]:
    connections._engine.cache_clear()  # an engine must not be shared with the parent process
    runs.pull(SOURCE)
    result = runs.load(SOURCE)
    return result.rows_loaded, result.failed


def test_parallel_processes_double_nothing(root: Path) -> None:
    a_feed(root)
    _rezipped(root)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        done = pool.map(_work, range(4))
    assert sum(rows for rows, _ in done) == 100
    assert sum(failed for _, failed in done) == 0
    assert counts() == {"rows": 100, "numbers": 100, "loads": 4, "rejects": 0, "loaded": 100}
    assert one("select count(*) from ops.loads where state = 'duplicate'") == 3
    assert one("select count(*) from ops.landed_files where state = 'landed'") == 0


def test_one_run_shares_its_files_among_processes(root: Path) -> None:
    a_feed(root)
    _rezipped(root)
    feeds.dated_folder(root, "20170829").joinpath("cut.zip").write_bytes(b"PK\x03\x04")
    runs.pull(SOURCE)
    told: list[tuple[int, int | None]] = []
    result = runs.load(SOURCE, workers=3, progress=lambda stage, done, total: told.append((done, total)))
    assert (result.files, result.duplicates, result.refused, result.failed) == (4, 3, 1, 0)
    assert (result.rows_loaded, len(result.messages)) == (100, 1)
    assert counts()["rows"] == 100
    assert told[-1] == (8, 8)


def test_a_process_that_dies_leaves_its_files_to_the_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_feed(root)
    runs.pull(SOURCE)
    parent, real = os.getpid(), loader.load_file

    def dying(*args: Any, **kwargs: Any) -> loader.FileLoad:
        if os.getpid() != parent and args[2].file_name == "part2.zip":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    monkeypatch.setattr(loader, "load_file", dying)
    assert runs.load(SOURCE, workers=2).failed == 0
    assert counts()["rows"] == 100


def test_small_work_is_not_shared() -> None:
    assert loading._workers(5, None) == 1
    assert loading._workers(500, None) == min(4, os.cpu_count() or 1)
    assert loading._workers(5, 3) == 3


# --- when it was known ----------------------------------------------------------------------------------------------


def test_a_file_that_turns_up_later_in_an_old_folder_is_known_from_that_day(root: Path) -> None:
    feeds.bibs_zip(root, "20170822", range(0, 5))
    runs.pull(SOURCE)
    feeds.bibs_zip(root, "20170822", range(5, 9), name="part2.zip")
    feeds.bibs_zip(root, "20170825", range(9, 12))
    feeds.bibs_csv(root, "20170329", range(20, 22))
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.late) == (3, 1)
    assert dict(ask("select relative_path, known_at from ops.landed_files")) == {
        "CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布/data/20170822/part1.zip": date(2017, 8, 22),
        "CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布/data/20170822/part2.zip": TODAY,
        "CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布/data/20170825/part1.zip": date(2017, 8, 25),
        "cnipa_bibs_2017/CN-BIBS-ABSS-10-A_20170329.csv": date(2017, 3, 29),
    }


def test_a_fetch_that_failed_once_does_not_make_a_file_late(feed: Feed, root: Path) -> None:
    feeds.bibs_zip(root, "20170822", range(0, 5))
    path = "/feed/CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布/data/20170822/part1.zip"
    feed.faults[path] = ["login"]
    assert runs.pull(SOURCE).failed == 1
    assert runs.pull(SOURCE).landed == 1
    assert one("select known_at from ops.landed_files") == date(2017, 8, 22)


def test_a_new_version_under_the_same_name_is_a_new_file(root: Path) -> None:
    feeds.bibs_zip(root, "20170822", range(0, 5))
    pull_and_load()
    feeds.bibs_zip(root, "20170822", range(0, 8))
    pulled, loaded = pull_and_load()
    assert (pulled.fetched, pulled.late, loaded.rows_loaded) == (1, 1, 8)
    assert one("select max(known_at) from ops.landed_files") == TODAY


def test_since_and_until_bound_the_listing(root: Path) -> None:
    a_feed(root)
    pulled = runs.pull(SOURCE, since=date(2017, 8, 1), until=date(2017, 8, 22))
    assert (pulled.listed, pulled.landed) == (2, 2)
    assert {f.path.rpartition("/")[2] for f in runs.listing(SOURCE, until=date(2017, 4, 1))} == {
        "CN-BIBS-ABSS-10-A_20170329.csv"
    }
    assert runs.pull(SOURCE).landed == 2
    assert one("select count(*) from ops.landed_files where known_at = :day", day=TODAY) == 0


def test_old_folders_that_stand_still_are_not_listed_again(feed: Feed, root: Path) -> None:
    for day in ("20170103", "20170106", "20170822", "20170825"):
        folder = feeds.bibs_zip(root, day, range(int(day[-4:]), int(day[-4:]) + 2)).parent
        os.utime(folder, (1_500_000_000, 1_500_000_000))
    assert runs.pull(SOURCE).landed == 4
    feed.requests.clear()
    pulled = runs.pull(SOURCE)
    assert (pulled.listed, pulled.known) == (4, 4)
    asked = [path for _, path in feed.requests]
    assert not [path for path in asked if "/201701" in path], "older than the overlap and unchanged"
    assert [path for path in asked if path.endswith("/20170825/")], "recent folders are always read"
    feeds.bibs_zip(root, "20170103", range(900, 903), name="late.zip")  # changes the folder's time stamp
    assert (runs.pull(SOURCE).late, one("select max(known_at) from ops.landed_files")) == (1, TODAY)
    feed.requests.clear()
    runs.pull(SOURCE, full=True)
    assert [path for _, path in feed.requests if path.endswith("/20170106/")]


def test_another_address_starts_from_the_beginning(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feeds.bibs_zip(root, "20170822", range(0, 5))
    pull_and_load()
    other = tmp_path / "另一处"
    feeds.bibs_zip(other, "20170822", range(100, 103))
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", f"file://{other}")
    pulled, loaded = pull_and_load()
    assert (pulled.known, pulled.landed, pulled.late, loaded.rows_loaded) == (0, 1, 0, 3)


# --- bad input ------------------------------------------------------------------------------------------------------


def _bomb() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/a.XML", b" " * (50 << 20))
    return sink.getvalue()


def _traversal() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("../../evil.XML", b"x")
    return sink.getvalue()


def _zipped(*documents: tuple[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in documents:
            archive.writestr(name, content)
    return sink.getvalue()


def test_bad_files_are_refused_with_a_reason_and_the_rest_loads(root: Path) -> None:
    a_feed(root)
    folder = feeds.dated_folder(root, "20170822")
    whole = _zipped(feeds.document(500, "20170822"))
    bad = {
        "bomb.zip": _bomb(),
        "traversal.zip": _traversal(),
        "truncated.zip": whole[: len(whole) // 2],
        "empty.zip": b"",
        "half.z01": whole,
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    rows = "".join(f"{feeds.bibs_row(serial, '20170405')}\n" for serial in range(600, 610))
    csv = root / "cnipa_bibs_2017"
    (csv / "CN-BIBS-ABSS-10-A_20170405.csv").write_bytes(rows.encode("gb18030"))
    (csv / "CN-BIBS-ABSS-10-A_20170412.csv").write_bytes(rows.replace("装置", "装\0置").encode())
    pulled, loaded = pull_and_load()
    assert (pulled.landed, pulled.incomplete) == (4 + 6, 1), "a part of a split zip waits for the others"
    assert (loaded.refused, loaded.failed, loaded.files, loaded.rows_loaded) == (6, 0, 4, 100)
    refused = dict(
        ask(
            "select f.file_name, r.rule from ops.rejected_rows r join ops.landed_files f using (file_id) "
            "where f.state = 'refused' and r.load_id is null and r.reason_zh <> '' and r.reason_en <> ''"
        )
    )
    assert sorted(refused) == sorted(
        [*(set(bad) - {"half.z01"}), "CN-BIBS-ABSS-10-A_20170405.csv", "CN-BIBS-ABSS-10-A_20170412.csv"]
    )
    assert len(set(refused.values())) >= 6
    assert one("select count(*) from ops.outcomes where step = 'load' and status = 'failed'") == 6
    before = counts()
    _, again = pull_and_load()
    assert again.refused == 0 and counts() == before, "a refused file is not read again and again"


def test_a_bad_document_is_rejected_and_its_neighbours_load(root: Path) -> None:
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    good = [feeds.document(serial, "20170822") for serial in range(4)]
    (feeds.dated_folder(root, "20170822") / "mixed.zip").write_bytes(_zipped(*good, ("evil/evil.XML", evil)))
    _, loaded = pull_and_load()
    assert (loaded.rows_read, loaded.rows_loaded, loaded.rows_rejected) == (5, 4, 1)
    [(reject_id, place, load_id)] = ask("select reject_id, place, load_id from ops.rejected_rows")
    assert "evil" in place and load_id is not None
    told = explain(reject_id)
    assert told.surroundings is not None and "ENTITY" in told.surroundings.text
    assert told.reason_zh and told.reason_en and told.source_zh


def test_a_file_beyond_the_limit_is_not_fetched(feed: Feed, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = feeds.bibs_zip(root, "20170822", range(0, 50))
    feeds.bibs_csv(root, "20170329", range(3))
    source = declaration(SOURCE)
    small = source.model_copy(
        update={"limits": source.limits.model_copy(update={"max_file_bytes": path.stat().st_size - 1})}
    )
    monkeypatch.setattr(pulling, "declaration", lambda _: small)
    pulled = runs.pull(SOURCE)
    assert (pulled.refused, pulled.landed) == (1, 1)
    assert not [asked for _, asked in feed.requests if asked.endswith(".zip")]
    assert runs.pull(SOURCE).refused == 0, "it is settled until it changes"


def test_a_source_that_fails_as_a_whole_says_so(feed: Feed, root: Path) -> None:
    with pytest.raises(TransportError) as caught:
        runs.pull(SOURCE)
    assert caught.value.rule == "empty_listing"
    feed.faults["/feed/"] = ["login"]
    with pytest.raises(TransportError):
        runs.pull(SOURCE)
    assert ask("select status, details ->> 'rule' from ops.outcomes order by outcome_id") == [
        ("failed", "empty_listing"),
        ("failed", "login_page"),
    ]


def test_one_file_that_cannot_be_fetched_blocks_no_other(feed: Feed, root: Path) -> None:
    a_feed(root)
    feed.faults["/feed/cnipa_bibs_2017/CN-BIBS-ABSS-10-A_20170329.csv"] = ["login"]
    pulled, loaded = pull_and_load()
    assert (pulled.failed, pulled.landed, loaded.rows_loaded) == (1, 3, 70)
    assert one("select details ->> 'rule' from ops.outcomes where step = 'land' and status = 'failed'") == "login_page"
    pulled, loaded = pull_and_load()
    assert (pulled.failed, pulled.landed, loaded.rows_loaded) == (0, 1, 30)


def test_a_faulty_reader_stops_its_file_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_feed(root)

    def broken(path: Path, *, limits: object) -> Iterator[Parsed]:
        yield from READERS_BEFORE["bibs_csv"](path, limits=limits)
        raise RuntimeError("a fault of ours")

    READERS_BEFORE = dict(READERS)
    monkeypatch.setitem(READERS, "bibs_csv", broken)
    _, loaded = pull_and_load()
    assert (loaded.failed, loaded.files, loaded.rows_loaded) == (1, 3, 70)
    assert counts()["rows"] == 70, "the rows that it sent are gone with its transaction"
    assert one("select count(*) from ops.landed_files where state = 'landed'") == 1
    monkeypatch.setitem(READERS, "bibs_csv", READERS_BEFORE["bibs_csv"])
    assert runs.load(SOURCE).rows_loaded == 30


def test_a_refusal_in_the_middle_takes_all_rows_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feeds.bibs_csv(root, "20170329", range(30))
    before = READERS["bibs_csv"]

    def refusing(path: Path, *, limits: object) -> Iterator[Parsed]:
        yield from before(path, limits=limits)
        raise Refusal("truncated", "截断", "truncated")

    monkeypatch.setitem(READERS, "bibs_csv", refusing)
    _, loaded = pull_and_load()
    assert (loaded.refused, counts()["rows"], counts()["loads"]) == (1, 0, 0)


def test_a_changed_landing_file_is_not_loaded(root: Path) -> None:
    feeds.bibs_csv(root, "20170329", range(3))
    runs.pull(SOURCE)
    path = landing().folder / one("select landing_path from ops.landed_files")
    path.chmod(0o600)
    path.write_text("changed")
    loaded = runs.load(SOURCE)
    assert (loaded.failed, loaded.rows_loaded) == (1, 0)
    assert "changed" in loaded.messages[0]


# --- what is marked as synthetic -------------------------------------------------------------------------------


def test_a_marker_or_a_header_makes_files_synthetic(feed: Feed, root: Path) -> None:
    feeds.bibs_csv(root, "20170329", range(3))
    runs.pull(SOURCE)
    feed.is_synthetic = True
    feeds.bibs_csv(root, "20170405", range(3, 6))
    runs.pull(SOURCE)
    feed.is_synthetic = False
    (root / "SYNTHETIC.txt").write_text("合成数据")
    feeds.bibs_csv(root, "20170412", range(6, 9))
    pull_and_load()
    assert ask("select known_at, is_synthetic from ops.loads order by known_at") == [
        (date(2017, 3, 29), False),
        (date(2017, 4, 5), True),
        (date(2017, 4, 12), True),
    ]


# --- the raw table --------------------------------------------------------------------------------------------------


def test_the_raw_table_follows_its_declaration(warehouse: dict[str, str]) -> None:
    engine, source = connections.engine("loader"), declaration(SOURCE)
    loader.ensure_tables(engine, source)
    entity = source.entities[0]
    more = entity.columns[0].model_copy(update={"name": "new_column", "type": "double precision", "not_null": False})
    wider = source.model_copy(update={"entities": [entity.model_copy(update={"columns": [*entity.columns, more]})]})
    loader.ensure_tables(engine, wider)
    loader.ensure_tables(engine, wider)
    assert (
        one(
            "select data_type from information_schema.columns where table_schema = 'raw' and column_name = 'new_column'"
        )
        == "double precision"
    )
    dated = [one.model_copy(update={"type": "date"}) if one.name == "title" else one for one in entity.columns]
    other = source.model_copy(update={"entities": [entity.model_copy(update={"columns": dated})]})
    with pytest.raises(loader.TableDiffers, match="title is text, declared date"):
        loader.ensure_tables(engine, other)
    with connections.engine("operator").begin() as connection:
        connection.execute(text(f"alter table {RAW} drop column new_column"))
    assert one(f"select has_table_privilege('builder', '{RAW}', 'select')")
    assert not one(f"select has_table_privilege('bi_reader', '{RAW}', 'select')")


# --- the command line -----------------------------------------------------------------------------------------------


def test_the_command_line_from_check_to_explain(root: Path) -> None:
    a_feed(root)
    path = root / "cnipa_bibs_2017" / "CN-BIBS-ABSS-10-A_20170405.csv"
    path.write_text(
        feeds.bibs_row(1, "20170405", title="一种甲") + "\n" + feeds.bibs_row(1, "20170405", title="一种乙") + "\n",
        encoding="utf-8",
    )
    run = CliRunner()

    def say(*words: str, code: int = 0) -> str:
        result = run.invoke(main, words, env={"COLUMNS": "200"})
        assert result.exit_code == code, result.output
        return result.output

    assert "✓" in say("check", SOURCE) and "✗" not in say("check", SOURCE)
    assert "part1.zip" in say("list", SOURCE)
    assert "landed 5" in say("pull", SOURCE)
    assert "0 个文件" in say("list", SOURCE, "--new")
    assert "kept 100" in say("load", SOURCE)
    assert "rejected 2" in say("status")
    listed = say("status", SOURCE, "--rejects")
    assert "conflict" in listed
    reject_id = one("select min(reject_id) from ops.rejected_rows")
    told = say("explain", str(reject_id))
    assert all(word in told for word in ("一种甲", "conflict", "收到的原始内容", str(reject_id)))
    assert "拒收记录" in say("explain", "999999", code=1)


def test_a_file_can_be_landed_by_hand(root: Path, tmp_path: Path) -> None:
    path = feeds.bibs_csv(tmp_path / "u盘", "20170329", range(4))
    plain = tmp_path / "von Hand.csv"
    plain.write_text(feeds.bibs_row(77, "20170405") + "\n", encoding="utf-8")
    run = CliRunner()
    assert run.invoke(main, ["land", SOURCE, str(path)]).exit_code == 0
    assert run.invoke(main, ["land", SOURCE, str(path)]).exit_code == 0
    assert run.invoke(main, ["land", SOURCE, str(plain)]).exit_code == 1, "its name tells no layout"
    words = ["land", SOURCE, str(plain), "--layout", "bibs_csv", "--known-at", "2017-04-06"]
    assert run.invoke(main, words).exit_code == 0
    assert runs.load(SOURCE).rows_loaded == 5
    assert ask("select known_at from ops.loads order by 1") == [(date(2017, 3, 29),), (date(2017, 4, 6),)]


def test_missing_settings_are_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_CONN_SRC_CNIPA_PATENTS", "AIRFLOW_CONN_WAREHOUSE_LOADER", "LANDING_URL"):
        monkeypatch.delenv(name, raising=False)
    for words in (["pull", SOURCE], ["load", SOURCE], ["status"], ["pull", "nope"]):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 1
        assert result.output.startswith("✗") and "Traceback" not in result.output
        assert result.output.count("\n") == 1
