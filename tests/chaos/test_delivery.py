"""`kill -9` and a cut network in the middle of a download, and deliveries in every disorder: 0 lost, 0 doubled."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion import over_http, pulling, runs, transport
from ingestion.declarations import declaration
from tests import feeds
from tests.servers import Feed, http_feed
from warehouse import connections

SOURCE = "cnipa_patents"
RAW = "raw.cnipa_patents__publications"
FLAT = "/feed/cnipa_bibs_2017/CN-BIBS-ABSS-10-A_{day}.csv"
ROWS = 400
DAYS = ("20170329", "20170405", "20170412", "20170419")


@pytest.fixture
def feed(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    """Files of some hundred kilobytes, read and noted in such small steps as large ones are."""
    monkeypatch.setattr(transport, "_WORTH_NOTING", 1)
    monkeypatch.setattr(transport, "_NOTED_EVERY", 4096)
    monkeypatch.setattr(over_http, "_CHUNK", 1024)
    quick = declaration(SOURCE).politeness.model_copy(update={"attempts": 2, "longest_wait_seconds": 1})
    changed = declaration(SOURCE).model_copy(update={"politeness": quick})
    monkeypatch.setattr(pulling, "declaration", lambda _: changed)
    root = tmp_path / "source"
    for number, day in enumerate(DAYS):
        feeds.bibs_csv(root, day, range(number * ROWS, (number + 1) * ROWS))
    with http_feed(root) as running:
        monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", running.url)
        yield running


def work() -> None:
    connections._engine.cache_clear()  # connections of the parent must not be shared
    runs.pull(SOURCE)
    runs.load(SOURCE, workers=1)


def in_process() -> Any:
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def everything_is_there_once(files: int = len(DAYS), rows: int = len(DAYS) * ROWS) -> None:
    with connections.connect("operator") as connection:
        [found] = connection.execute(
            f"select (select count(*) from {RAW}), (select count(distinct publication_number) from {RAW}), "
            "(select count(*) from ops.loads where state = 'loaded'), "
            "(select count(*) from ops.landed_files where state = 'loaded'), "
            "(select count(*) from ops.landed_files where state not in ('loaded', 'duplicate'))"
        ).fetchall()
    assert found == (rows, rows, files, files, 0)
    landing = Path(os.environ["LANDING_URL"].removeprefix("file://"))
    assert not list((landing / ".incoming").iterdir()), "nothing is left aside"


def test_kill_in_the_middle_of_a_download_goes_on_from_there(feed: Feed, tmp_path: Path) -> None:
    path = FLAT.format(day=DAYS[1])
    feed.faults[path] = ["stall"]
    killed = in_process()
    assert feed.stalled.wait(60)
    aside = tmp_path / "landing" / ".incoming"
    size = (feed.root / path.removeprefix("/feed/")).stat().st_size
    while not any(json.loads(note.read_text())["size"] > size // 3 for note in aside.glob("*.json")):
        assert killed.is_alive()
    os.kill(killed.pid, signal.SIGKILL)
    killed.join(30)
    feed.go_on.set()
    assert killed.exitcode == -signal.SIGKILL

    after = in_process()
    after.join(120)
    assert after.exitcode == 0
    assert len(feed.ranges) == 1 and int(feed.ranges[0].removeprefix("bytes=").rstrip("-")) > size // 3
    everything_is_there_once()
    with connections.connect("operator") as connection:
        [(resumed,)] = connection.execute(
            "select request -> 'resumed_at' from ops.landed_files where request ? 'resumed_at'"
        ).fetchall()
    assert resumed == [int(feed.ranges[0].removeprefix("bytes=").rstrip("-"))]


def test_kills_at_any_moment_of_a_pull(feed: Feed) -> None:
    dice = random.Random(7)
    in_the_middle = 0
    started = time.monotonic()
    peaceful = in_process()
    peaceful.join(60)
    a_round = time.monotonic() - started
    for number in range(12):
        day = f"201705{number + 10}"
        feeds.bibs_csv(feed.root, day, range((number + 10) * ROWS, (number + 11) * ROWS))
        feed.faults[FLAT.format(day=day)] = ["cut"] * dice.randrange(2)
        victim = in_process()
        victim.join(dice.uniform(0.05, 0.9) * a_round)
        in_the_middle += victim.is_alive()
        if victim.is_alive():
            os.kill(victim.pid, signal.SIGKILL)
        victim.join(30)
    feed.faults.clear()
    for _ in range(2):
        last = in_process()
        last.join(120)
        assert last.exitcode == 0
    assert in_the_middle >= 4, "the kills came too late to prove anything"
    everything_is_there_once(len(DAYS) + 12, (len(DAYS) + 12) * ROWS)


def test_a_network_that_is_cut_again_and_again(feed: Feed) -> None:
    """Each attempt brings a part; two attempts a pull are not enough, several pulls are."""
    for day in DAYS:
        feed.faults[FLAT.format(day=day)] = ["cut"] * 5
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.failed + pulled.left) == (0, len(DAYS))
    results = [runs.pull(SOURCE) for _ in range(2)]
    assert [result.landed for result in results] == [0, len(DAYS)]
    starts = [int(one.removeprefix("bytes=").rstrip("-")) for one in feed.ranges]
    assert len(starts) == 5 * len(DAYS) and all(starts), "no byte is asked for twice but the last few"
    runs.load(SOURCE, workers=1)
    everything_is_there_once()


def test_the_same_file_under_two_names_and_in_two_folders(feed: Feed) -> None:
    first = feeds.bibs_zip(feed.root, "20170822", range(5000, 5040))
    shutil.copy(first, first.with_name("part1-copy.zip"))
    shutil.copy(first, feeds.dated_folder(feed.root, "20170825") / "part1.zip")
    packed_anew = feeds.bibs_zip(feed.root, "20170822", range(5000, 5040), name="packed.zip", stored=True)
    shutil.move(packed_anew, feeds.dated_folder(feed.root, "20170829") / "part1.zip")
    work()
    work()
    everything_is_there_once(len(DAYS) + 1, len(DAYS) * ROWS + 40)
    with connections.connect("operator") as connection:
        found = connection.execute("select known_at::text from ops.loads where rows_loaded = 40").fetchall()
    assert found == [("2017-08-22",)], "known since its first folder"


def test_two_pulls_in_parallel_share_nothing_and_lose_nothing(feed: Feed) -> None:
    """Both are in the middle of the same download at once."""
    path = FLAT.format(day=DAYS[0])
    feed.faults[path] = ["stall"]
    one = in_process()
    assert feed.stalled.wait(60)
    other = in_process()
    other.join(120)
    assert other.exitcode == 0, "a download that another process holds is no hindrance"
    feed.go_on.set()
    one.join(120)
    assert one.exitcode == 0
    runs.pull(SOURCE)  # clears what is aside
    everything_is_there_once()


@pytest.mark.parametrize("order", [(2, 0, 1), (2, 1, 0), (1, 2, 0)])
def test_folders_that_come_in_the_wrong_order(feed: Feed, order: tuple[int, ...]) -> None:
    days = ("20170822", "20170825", "20170829")
    for number in order:
        first = 6000 + number * 40
        feeds.bibs_zip(feed.root, days[number], range(first, first + 40))
        work()
    everything_is_there_once(len(DAYS) + 3, len(DAYS) * ROWS + 120)
    with connections.connect("operator") as connection:
        known = connection.execute(
            "select known_at::text from ops.landed_files where layout = 'bibs_xml' order by known_at"
        ).fetchall()
    assert known == [("2017-08-22",), ("2017-08-25",), ("2017-08-29",)]
