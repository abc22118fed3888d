"""What is read again and what is not: nothing that a source shows is overlooked, whatever its clocks and ours do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ingestion import pulling, runs
from ingestion.declarations import declaration
from ingestion.transport import TransportError
from tests import feeds
from tests.servers import Feed, http_feed
from warehouse import connections

SOURCE = "cnipa_patents"
TODAY = datetime.now(runs.SHANGHAI).date()
PRODUCT = "CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布"
STILL = (1_500_000_000, 1_500_000_000)


@pytest.fixture
def feed(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    """A source over HTTP that has been pulled once: two folders within the overlap of 28 days, one long before."""
    root = tmp_path / "source"
    quick = declaration(SOURCE).politeness.model_copy(update={"attempts": 1})
    changed = declaration(SOURCE).model_copy(update={"politeness": quick})
    monkeypatch.setattr(pulling, "declaration", lambda _: changed)
    for number, day in enumerate(("20170106", "20170822", "20170825")):
        put(root, day, number)
    with http_feed(root) as running:
        monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", running.url)
        assert runs.pull(SOURCE).landed == 3
        running.requests.clear()
        yield running


def put(root: Path, day: str, number: int, name: str = "part1.zip", package: str | None = None) -> None:
    """A file of two records in a dated folder whose own time stamp stands still."""
    path = feeds.bibs_zip(root, day, range(number * 2, number * 2 + 2), name=name)
    if package:
        folder = feeds.dated_folder(root, day, package)
        path = path.rename(folder / name)
    os.utime(path.parent, STILL)


def known_at(path: str) -> date:
    with connections.engine("operator").begin() as connection:
        statement = text("select known_at from ops.landed_files where relative_path = :path")
        found: Any = connection.execute(statement, {"path": path}).scalar_one()
        return found


def run(statement: str) -> None:
    with connections.engine("operator").begin() as connection:
        connection.execute(text(statement))


def test_a_week_of_downtime_is_caught_up_by_the_first_pull_after_it(feed: Feed) -> None:
    for number, day in enumerate(("20170829", "20170901", "20170905"), start=10):
        feed.faults["/feed/"] = ["503"]
        with pytest.raises(TransportError):
            runs.pull(SOURCE)
        put(feed.root, day, number)
    feed.faults["/feed/"] = []
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.late, pulled.known) == (3, 0, 3)
    for day in (date(2017, 8, 29), date(2017, 9, 1), date(2017, 9, 5)):
        assert known_at(f"{PRODUCT}/data/{day:%Y%m%d}/part1.zip") == day
    assert runs.pull(SOURCE).fetched == 0


def test_a_late_folder_is_found_however_old_it_is(feed: Feed) -> None:
    """Within the overlap it keeps its date; one that should have been there long ago is known from today."""
    put(feed.root, "20170803", 20)
    put(feed.root, "20160104", 21)
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.late) == (2, 1)
    assert known_at(f"{PRODUCT}/data/20170803/part1.zip") == date(2017, 8, 3)
    assert known_at(f"{PRODUCT}/data/20160104/part1.zip") == TODAY
    assert runs.pull(SOURCE).fetched == 0


def test_the_history_of_a_product_that_is_new_keeps_its_dates(feed: Feed) -> None:
    put(feed.root, "20160104", 22, package="CN-PA-BIBS-ABSS-30-S_外观设计")
    assert (runs.pull(SOURCE).late, known_at("CN/CN-PA-BIBS-ABSS-30-S_外观设计/data/20160104/part1.zip")) == (
        0,
        date(2016, 1, 4),
    )


def test_a_late_file_within_the_overlap_is_found_though_its_folder_stands_still(feed: Feed) -> None:
    put(feed.root, "20170822", 23, "part2.zip")
    assert (runs.pull(SOURCE).late, known_at(f"{PRODUCT}/data/20170822/part2.zip")) == (1, TODAY)


def test_a_late_file_before_the_overlap_is_found_by_the_next_full_listing(feed: Feed) -> None:
    put(feed.root, "20170106", 24, "part2.zip")
    assert runs.pull(SOURCE).landed == 0, "its folder stands still and is not read each time"
    run("update ops.outcomes set started_at = started_at - interval '8 days'")
    assert runs.pull(SOURCE).landed == 1
    assert known_at(f"{PRODUCT}/data/20170106/part2.zip") == TODAY


def test_our_clock_going_back_brings_a_full_listing(feed: Feed) -> None:
    put(feed.root, "20170106", 24, "part2.zip")
    run("update ops.outcomes set started_at = started_at + interval '300 days'")
    assert runs.pull(SOURCE).landed == 1


def test_the_servers_clock_going_back_is_a_change_like_any_other(feed: Feed) -> None:
    put(feed.root, "20170106", 24, "part2.zip")
    os.utime(feed.root / PRODUCT / "data" / "20170106", (1_000_000_000, 1_000_000_000))
    assert runs.pull(SOURCE).landed == 1


def test_what_a_source_hides_and_shows_again_is_not_fetched_again(feed: Feed, tmp_path: Path) -> None:
    """Its own clock went back and forth: folders vanish and come back."""
    hidden = [feed.root / PRODUCT / "data" / day for day in ("20170822", "20170825")]
    for folder in hidden:
        shutil.move(folder, tmp_path / folder.name)
    assert (runs.pull(SOURCE).failed, runs.pull(SOURCE).listed) == (0, 1)
    for folder in hidden:
        shutil.move(tmp_path / folder.name, folder)
    pulled = runs.pull(SOURCE)
    assert (pulled.listed, pulled.known, pulled.fetched) == (3, 3, 0)


def test_a_server_without_time_stamps_is_read_whole_and_fetched_once(feed: Feed) -> None:
    feed.has_stamps = False
    assert runs.pull(SOURCE).failed == 0  # every file has another version now: the same bytes
    fetched = len([path for _, path in feed.requests if path.endswith(".zip")])
    assert fetched == 3
    put(feed.root, "20170106", 25, "part2.zip")
    feed.requests.clear()
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.known) == (1, 3)
    assert [path.rpartition("/")[2] for _, path in feed.requests if path.endswith(".zip")] == ["part2.zip"]
    assert runs.pull(SOURCE).fetched == 0


def test_a_folder_dated_far_ahead_does_not_make_all_others_old(feed: Feed) -> None:
    put(feed.root, "20991231", 26)
    assert runs.pull(SOURCE).landed == 1
    put(feed.root, "20170825", 27, "part2.zip")
    assert runs.pull(SOURCE).landed == 1
