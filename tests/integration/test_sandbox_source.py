"""The sandbox as a source that is ill: through the real code nothing bad gets on, nothing is lost, nothing doubled.

A small feed of one issue a day stands behind the sandbox's real server, with its clock and its faults.
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from expectations import landed
from ingestion import declarations, runs
from ingestion.sandbox.faults import Faults
from ingestion.sandbox.feeds import BEGIN, Entry, Feed, at
from ingestion.sandbox.server import Sandbox
from ingestion.sandbox.spoilt import halved
from ingestion.sandbox.world import World
from ingestion.transport import TransportError
from tests import feeds
from warehouse import connections, dbt_runner, live_views, release, sources

PRODUCT = "CN-PA-BIBS-ABSS-10-A_发明专利申请公布"
SOURCE, OTHER = "cnipa_patents", "other_patents"
TODAY = datetime.now(runs.SHANGHAI).date()
FIRST = TODAY - timedelta(days=10)
A_DAY = 30  # records


def issue(day: date) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(A_DAY):
            name, content = feeds.document((day - FIRST).days * A_DAY + number, f"{day:%Y%m%d}")
            archive.writestr(zipfile.ZipInfo(f"{name[:-4]}/{name}", (2020, 1, 1, 0, 0, 0)), content)
    return sink.getvalue()


class Daily(Feed):
    """One zip a day since FIRST."""

    source_id, base = SOURCE, "cnipa"

    def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
        days = [FIRST + timedelta(days=n) for n in range((today - FIRST).days + 1)]
        match parts:
            case []:
                return [Entry("CN", BEGIN)]
            case ["CN"]:
                return [Entry(PRODUCT, BEGIN)]
            case ["CN", _]:
                return [Entry("data", BEGIN)]
            case ["CN", _, "data"]:
                return [Entry(f"{day:%Y%m%d}", at(day)) for day in days]
            case ["CN", _, "data", folder]:
                return [
                    Entry(f"{folder}_0001.zip", at(day), partial(issue, day))
                    for day in days
                    if f"{day:%Y%m%d}" == folder
                ]
        return None


class Other(Daily):
    source_id, base = OTHER, "other"


@pytest.fixture
def sandbox(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Two sources on one sandbox, which are late after five days."""
    text = (declarations.SOURCES / f"{SOURCE}.yml").read_text(encoding="utf-8")
    folder = tmp_path / "declared"
    folder.mkdir()
    for name in (SOURCE, OTHER):
        declared = yaml.safe_load(text)
        declared["source_id"] = name
        declared["cadence"]["late_after_days"] = 5
        declared["politeness"] |= {"attempts": 2, "longest_wait_seconds": 2}
        (folder / f"{name}.yml").write_text(yaml.safe_dump(declared, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(declarations.declaration, "__defaults__", (folder,))
    monkeypatch.setattr(declarations.source_ids, "__defaults__", (folder,))
    server = Sandbox(("127.0.0.1", 0), World(1, 0.05), FIRST)
    server.feeds = {kind.base: kind(server.world, server.clock) for kind in (Daily, Other)}
    server.faults = Faults((SOURCE, OTHER))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    for name in (SOURCE, OTHER):
        monkeypatch.setenv(f"AIRFLOW_CONN_SRC_{name.upper()}", server.url_of(name))
    yield server
    server.shutdown()
    server.server_close()
    with connections.connect("operator") as connection:
        connection.execute(f"drop table if exists raw.{OTHER}__publications")


def a_run(source_id: str = SOURCE) -> tuple[runs.PullResult, runs.LoadResult, landed.ValidationResult]:
    """What the DAG of a source does."""
    return runs.pull(source_id), runs.load(source_id), landed.validate(source_id)


def ask(statement: str, role: str = "operator") -> list[tuple[Any, ...]]:
    with connections.connect(role) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]


def accepted(source_id: str = SOURCE) -> tuple[int, int]:
    """(rows, distinct publications) of accepted loads: what staging reads."""
    [row] = ask(
        f"select count(*), count(distinct publication_number) from raw.{source_id}__publications t"
        " join ops.loads l on l.load_id = t._load_id where l.state = 'accepted'"
    )
    return row  # type: ignore[return-value]


def freshness() -> dict[str, bool]:
    with connections.connect("publisher") as connection:
        sources.sync(connection)
        live_views.ensure_live_views(connection)
    return dict(ask("select source_id, is_late from marts.data_freshness", "reader"))


# --- a week ----------------------------------------------------------------------------------------------------------


def test_a_source_that_is_down_for_a_week_and_back(sandbox: Sandbox) -> None:
    """Each day something else is wrong with one source; the other goes on as if nothing were."""
    illness = ["down", "error", "login-page", "empty", "cut", "down", "cut", "down"]
    last_day = TODAY - timedelta(days=1)
    first_down = last_day - timedelta(days=len(illness) - 1)
    for number in range((TODAY - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        sandbox.clock.fixed = day
        is_down = first_down <= day <= last_day
        sandbox.faults.set(SOURCE, illness[(day - first_down).days] if is_down else "none")
        if is_down:
            with pytest.raises(TransportError):
                runs.pull(SOURCE)
            assert runs.load(SOURCE).files == 0
        else:
            assert a_run()[2].held == 0
        assert (runs.pull(OTHER).landed, runs.load(OTHER).rows_loaded) == (1, A_DAY)
        if day == last_day:
            assert landed.validate(OTHER).accepted == number + 1
            assert freshness() == {SOURCE: True, OTHER: False}
            assert [one.is_late for one in runs.status()] == [True, False]
            assert accepted() == ((first_down - FIRST).days * A_DAY,) * 2, "what was there stays"
    days = (TODAY - FIRST).days + 1
    assert landed.validate(OTHER).accepted == 1
    assert accepted() == accepted(OTHER) == (days * A_DAY, days * A_DAY)
    assert freshness() == {SOURCE: False, OTHER: False}
    assert dict(ask("select source_id, count(*) from ops.landed_files group by 1")) == {SOURCE: days, OTHER: days}
    # each file has the date of its folder, also those that were waited for
    elsewhere = "relative_path not like '%' || to_char(known_at, 'YYYYMMDD') || '%'"
    assert ask(f"select count(*) from ops.landed_files where {elsewhere}") == [(0,)]
    failures = ask("select details ->> 'rule' from ops.outcomes where step = 'fetch' and status = 'failed' order by 1")
    assert {rule for (rule,) in failures} == {"http_503", "no_index", "login_page", "empty_listing", "connection"}
    assert a_run()[0].fetched == 0


# --- a file that shrinks --------------------------------------------------------------------------------------------


def test_a_file_that_shrinks_by_half_is_held_and_not_loaded_into_staging(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered again under its own name; its stream is too young for a median."""
    sandbox.clock.fixed = FIRST + timedelta(days=1)
    a_run()
    before = accepted()
    newest = f"{sandbox.clock.fixed:%Y%m%d}"
    sandbox.faults.set(SOURCE, "shrunk", match=f"*/{newest}/*")
    pulled, loaded, validated = a_run()
    assert (pulled.fetched, pulled.late, loaded.rows_read) == (1, 1, A_DAY // 2)
    assert (validated.accepted, validated.held) == (0, 1)
    [reason] = validated.held_loads.values()
    assert reason == "重新交付的文件行数只有其上一版的一半或更少（rows_redelivered=15, rows_redelivered__least=16）"
    assert accepted() == before
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    dbt_runner.build(release.open_release("test"), select="+stg_cnipa_patents__publications")
    [(staged, known)] = ask("select count(*), max(known_at) from staging.stg_cnipa_patents__publications", "auditor")
    assert (staged, known) == (before[0], FIRST + timedelta(days=1))
    # it grows back: the bytes are known, nothing is left to do
    sandbox.faults.set(SOURCE, "none")
    pulled, loaded, _ = a_run()
    assert (pulled.failed, loaded.files, accepted()) == (0, 0, before)


def test_a_new_file_far_below_its_stream_is_held(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first delivery is already too small: held against the median of the last ones."""
    monkeypatch.setattr(landed, "SHRINK_LEAST_ROWS", A_DAY)
    for number in range(5):
        sandbox.clock.fixed = FIRST + timedelta(days=number)
        runs.pull(SOURCE)
    runs.load(SOURCE)
    landed.validate(SOURCE)
    sandbox.clock.fixed = FIRST + timedelta(days=5)
    quarter = {"shrunk": lambda content, name: halved(halved(content, name), name)}
    monkeypatch.setattr("ingestion.sandbox.spoilt._CHANGES", quarter)
    sandbox.faults.set(SOURCE, "shrunk", match=f"*/{sandbox.clock.fixed:%Y%m%d}/*")
    validated = a_run()[2]
    assert (validated.held, "中位数" in str(validated.held_loads)) == (1, True)


# --- what comes twice, late, corrected, spoilt ------------------------------------------------------------------------


def test_the_same_files_under_two_names_are_counted_once(sandbox: Sandbox) -> None:
    sandbox.clock.fixed = FIRST + timedelta(days=2)
    sandbox.faults.set(SOURCE, "duplicated")
    pulled, loaded, validated = a_run()
    assert (pulled.listed, pulled.landed, loaded.files, validated.accepted) == (6, 3, 3, 3)
    assert accepted() == (3 * A_DAY, 3 * A_DAY)
    assert a_run()[0].fetched == 0


def test_files_that_come_late_arrive_all_the_same(sandbox: Sandbox) -> None:
    """Each folder stays empty for three days, as when the publisher's upload lags behind its calendar."""
    sandbox.faults.set(SOURCE, "late", days=3)
    for number in range(6):
        sandbox.clock.fixed = FIRST + timedelta(days=number)
        try:
            a_run()
        except TransportError as error:
            assert error.rule == "empty_listing" and number < 3
    assert accepted() == (3 * A_DAY, 3 * A_DAY)
    sandbox.faults.set(SOURCE, "none")
    assert a_run()[0].landed == 3
    assert accepted() == (6 * A_DAY, 6 * A_DAY)


def test_corrections_of_an_older_folder_are_new_versions_beside_the_old_ones(sandbox: Sandbox) -> None:
    sandbox.clock.fixed = FIRST + timedelta(days=2)
    a_run()
    sandbox.faults.set(SOURCE, "corrected")
    pulled, loaded, validated = a_run()
    assert (pulled.landed, pulled.late, loaded.rows_loaded, validated.accepted) == (1, 1, 3, 1)
    assert accepted() == (3 * A_DAY + 3, 3 * A_DAY)
    status = "select document_status, count(*), max(_known_at) from raw.cnipa_patents__publications"
    assert ask(f"{status} group by 1 order by 1") == [("C", 3 * A_DAY, FIRST + timedelta(days=2)), ("R", 3, TODAY)]


@pytest.mark.parametrize(
    ("fault", "rule"),
    [("error", "error_envelope"), ("login-page", "login_page"), ("empty", "empty_body"), ("cut", "connection"),
     ("down", "http_503"), ("429", "told_to_wait")],
)  # fmt: skip
def test_a_fault_of_single_files_lands_none_of_them_and_loses_none(sandbox: Sandbox, fault: str, rule: str) -> None:
    sandbox.clock.fixed = FIRST + timedelta(days=1)
    sandbox.faults.set(SOURCE, fault, match="*.zip", seconds=2 if fault == "429" else None)
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.failed + pulled.left) == (0, 2)
    assert ask("select distinct details ->> 'rule' from ops.outcomes where details ? 'rule'") == [(rule,)]
    sandbox.faults.set(SOURCE, "none")
    assert a_run()[0].landed == 2
    assert accepted() == (2 * A_DAY, 2 * A_DAY)


def test_a_slow_source_is_waited_for(sandbox: Sandbox) -> None:
    sandbox.faults.set(SOURCE, "slow", seconds=0.3)
    assert a_run()[0].landed == 1


def test_a_header_that_moved_is_refused_with_its_reason(sandbox: Sandbox) -> None:
    """Two lines of chatter before a header-less file: they are rejected with line and rule, its records are kept."""
    day = FIRST

    class Flat(Daily):
        def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
            rows = "".join(f"{feeds.bibs_row(serial, f'{day:%Y%m%d}')}\n" for serial in range(A_DAY))
            file = Entry(f"CN-BIBS-ABSS-10-A_{day:%Y%m%d}.csv", at(day), lambda: rows.encode())
            return {"": [Entry("cnipa_bibs_2017", BEGIN)], "cnipa_bibs_2017": [file]}.get("/".join(parts))

    sandbox.feeds["cnipa"] = Flat(sandbox.world, sandbox.clock)
    sandbox.faults.set(SOURCE, "header-moved")
    pulled, loaded, _ = a_run()
    assert pulled.landed == 1 and loaded.failed == 0
    told = ask("select place, rule, reason_zh, reason_en from ops.rejected_rows order by reject_id")
    assert told and all(place and rule and zh and en for place, rule, zh, en in told)
    assert loaded.rows_loaded == (0 if loaded.refused else A_DAY)
