"""Rate, quota and `Retry-After` of a source hold for all its processes together, and after a kill, over real HTTP.

Loopback is our own machine and spared by default; here the declaration says that it is not.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ingestion import pulling, runs
from ingestion.addresses import parse
from ingestion.declarations import Politeness, declaration
from ingestion.pace import SharedPace
from ingestion.transport import QuotaSpent, RemoteFile, ToldToWait, TransportError, open_transport
from tests import feeds
from tests.servers import Feed, http_feed
from warehouse import connections

SOURCE = "cnipa_patents"
POLITE = Politeness(
    requests_per_minute=300, daily_quota=100, user_agent="tests (+mailto:tests@example.org)", timeout_seconds=5,
    attempts=3, longest_wait_seconds=2, spares_loopback=False,
)  # fmt: skip
GAP = 60 / 300


@pytest.fixture
def feed(warehouse: dict[str, str], tmp_path: Path) -> Iterator[Feed]:
    root = tmp_path / "source"
    root.mkdir()
    (root / "a.txt").write_text("something")
    with http_feed(root) as running:
        yield running


@pytest.fixture
def source(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """The same server behind the connection of a declared source that holds back on loopback too."""
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", feed.url)
    declare(monkeypatch, POLITE)
    return feed


def declare(monkeypatch: pytest.MonkeyPatch, politeness: Politeness) -> None:
    changed = declaration(SOURCE).model_copy(update={"politeness": politeness})
    monkeypatch.setattr(pulling, "declaration", lambda _: changed)


def ask(statement: str) -> Any:
    with connections.engine("operator").begin() as connection:
        result = connection.execute(text(statement))
        return result.scalar_one_or_none() if result.returns_rows else None


def fetch(url: str, times: int, politeness: Politeness = POLITE) -> None:
    """So many requests at the pace that all processes share."""
    address = parse(url)
    client = open_transport(address, politeness, SharedPace(connections.engine("loader"), SOURCE, address, politeness))
    for _ in range(times):
        with tempfile.TemporaryFile() as target:
            client.fetch(RemoteFile("a.txt"), target, 1000)


def in_process(url: str, times: int, ends: str = "well", politeness: Politeness = POLITE) -> Any:
    def work() -> None:
        connections._engine.cache_clear()  # an engine must not be shared with the parent process
        try:
            fetch(url, times, politeness)
        except QuotaSpent:
            os._exit(3)
        if ends == "killed":
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def made() -> int:
    return int(ask("select made from ops.request_budgets") or 0)


def moments(feed: Feed) -> list[float]:
    return sorted(when for when, _ in feed.requests)


def test_the_requests_of_a_killed_process_count(feed: Feed) -> None:
    killed = in_process(feed.url, 3, "killed")
    killed.join(30)
    assert (killed.exitcode, made()) == (-signal.SIGKILL, 3)
    small = POLITE.model_copy(update={"daily_quota": 5})
    with pytest.raises(QuotaSpent):
        fetch(feed.url, 3, small)
    assert len(feed.requests) == 5


def test_two_processes_together_keep_the_rate(feed: Feed) -> None:
    both = [in_process(feed.url, 5) for _ in range(2)]
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    times = moments(feed)
    assert len(times) == 10
    assert times[-1] - times[0] >= 8.5 * GAP, "alone, each of them would have been done in half of that"


def test_two_processes_together_keep_the_quota(feed: Feed) -> None:
    small = POLITE.model_copy(update={"daily_quota": 7, "requests_per_minute": 6000})
    both = [in_process(feed.url, 5, politeness=small) for _ in range(2)]
    for process in both:
        process.join(30)
    assert sorted(process.exitcode for process in both) in ([0, 3], [3, 3])
    assert (len(feed.requests), made()) == (7, 7)


def test_the_pace_survives_a_restart(feed: Feed) -> None:
    in_process(feed.url, 1, "killed").join(30)
    fetch(feed.url, 1)
    first, second = moments(feed)
    slow = POLITE.model_copy(update={"requests_per_minute": 30})
    assert second - first >= GAP * 0.7
    in_process(feed.url, 1, "killed", slow).join(30)
    started = time.monotonic()
    fetch(feed.url, 1, slow)
    assert time.monotonic() - started >= 1.0, "as if nothing had happened: two seconds from the one before"


def test_the_next_day_begins_anew(feed: Feed) -> None:
    small = POLITE.model_copy(update={"daily_quota": 2})
    fetch(feed.url, 2, small)
    with pytest.raises(QuotaSpent):
        fetch(feed.url, 1, small)
    ask("update ops.request_budgets set day = day - 1")
    fetch(feed.url, 1, small)
    assert made() == 1


def test_a_clock_that_goes_back_stops_nobody_for_ever(feed: Feed) -> None:
    fetch(feed.url, 1)
    ask(
        "update ops.request_budgets set day = day + 300, made = 100, next_at = next_at + interval '300 days',"
        " not_before = now() + interval '300 days'"
    )
    started = time.monotonic()
    fetch(feed.url, 2)
    assert time.monotonic() - started < 2 and made() == 2


def test_another_server_has_a_budget_of_its_own(feed: Feed, tmp_path: Path) -> None:
    small = POLITE.model_copy(update={"daily_quota": 1})
    fetch(feed.url, 1, small)
    with http_feed(feed.root) as other:
        fetch(other.url, 1, small)
    assert ask("select count(*) from ops.request_budgets") == 2


def test_our_own_machine_costs_no_statement(feed: Feed) -> None:
    fetch(feed.url, 3, POLITE.model_copy(update={"spares_loopback": True}))
    assert len(feed.requests) == 3 and ask("select count(*) from ops.request_budgets") == 0


# --- what a server asked for ----------------------------------------------------------------------------------------


def test_a_pull_that_is_told_to_wait_remembers_it_and_the_next_one_says_so(source: Feed) -> None:
    feeds.bibs_csv(source.root, "20170329", range(3))
    source.faults["/feed/"] = ["429:3600"]
    for _ in range(2):
        with pytest.raises(ToldToWait) as caught:
            runs.pull(SOURCE)
        assert "北京时间" in caught.value.zh
    assert len(source.requests) == 1, "the second pull asked nothing"
    left = ask("select extract(epoch from not_before - now()) from ops.request_budgets")
    assert 3500 < left <= 3600
    assert ask("select count(*) from ops.outcomes where details ->> 'rule' = 'told_to_wait' and status = 'failed'") == 2
    ask("update ops.request_budgets set not_before = now()")
    assert runs.pull(SOURCE).landed == 1


def test_a_short_wish_of_before_is_waited_for(source: Feed) -> None:
    feeds.bibs_csv(source.root, "20170329", range(3))
    address = parse(source.url)
    SharedPace(connections.engine("loader"), SOURCE, address, POLITE).rest(1.2)
    started = time.monotonic()
    assert runs.pull(SOURCE).landed == 1
    assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("is_spared", [False, True])
def test_what_was_asked_for_holds_where_nothing_else_is_held_back(
    source: Feed, monkeypatch: pytest.MonkeyPatch, is_spared: bool
) -> None:
    declare(monkeypatch, POLITE.model_copy(update={"spares_loopback": is_spared}))
    feeds.bibs_csv(source.root, "20170329", range(3))
    source.faults["/feed/"] = ["503:600"]
    for _ in range(3):
        with pytest.raises(ToldToWait):
            runs.pull(SOURCE)
    assert len(source.requests) == 1


def test_429_for_all_files_burns_no_quota(source: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, POLITE.model_copy(update={"longest_wait_seconds": 1, "requests_per_minute": 6000}))
    for day in range(10, 30):
        feeds.bibs_csv(source.root, f"201703{day}", range(day * 10, day * 10 + 3))
    source.faults |= {f"/feed/cnipa_bibs_2017/CN-BIBS-ABSS-10-A_201703{day}.csv": ["429"] * 99 for day in range(10, 30)}
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.failed, pulled.left) == (0, 0, 20)
    assert any("暂停访问" in message for message in pulled.messages)
    listings, files = 2, POLITE.attempts
    assert len(source.requests) == listings + files
    assert ask("select details ->> 'rule' from ops.outcomes where status = 'warn' and step = 'fetch'") == "told_to_wait"
    source.faults.clear()
    ask("update ops.request_budgets set not_before = now()")
    assert runs.pull(SOURCE).landed == 20


def test_a_spent_quota_ends_the_pull_and_the_next_day_goes_on_from_there(
    source: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, POLITE.model_copy(update={"daily_quota": 5, "requests_per_minute": 6000}))
    for day in range(10, 15):
        feeds.bibs_csv(source.root, f"201703{day}", range(day * 10, day * 10 + 3))
    pulled = runs.pull(SOURCE)
    assert (pulled.landed, pulled.left) == (3, 2)
    with pytest.raises(QuotaSpent):
        runs.pull(SOURCE)
    assert len(source.requests) == 5
    ask("update ops.request_budgets set day = day - 1")
    assert runs.pull(SOURCE).landed == 2


def test_listing_and_checking_count_too(source: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion import standing

    changed = declaration(SOURCE).model_copy(update={"politeness": POLITE})
    monkeypatch.setattr(standing, "declaration", lambda _: changed)
    feeds.bibs_csv(source.root, "20170329", range(3))
    assert len(runs.listing(SOURCE)) == 1
    assert all(finding.is_well for finding in runs.check(SOURCE))
    assert made() == len(source.requests) > 3
    SharedPace(connections.engine("loader"), SOURCE, parse(source.url), POLITE).rest(600)
    [finding] = [one for one in runs.check(SOURCE) if not one.is_well]
    until = datetime.now(runs.SHANGHAI) + timedelta(seconds=600)
    assert finding.name == "source" and f"{until:%Y-%m-%d}" in finding.zh and "left alone" in finding.en
    with pytest.raises(TransportError):
        runs.listing(SOURCE)
