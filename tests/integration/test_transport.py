"""Listing and fetching against real servers: the same tree over every scheme, and every way a server can fail."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ingestion import over_http, transport
from ingestion.addresses import Address, parse
from ingestion.declarations import Politeness
from ingestion.landing import Landing
from ingestion.transport import (
    Mark,
    PassingError,
    QuotaSpent,
    RemoteFile,
    ToldToWait,
    TooLarge,
    Transport,
    TransportError,
    open_transport,
)
from tests.servers import Feed, ftp_server, http_feed, s3_bucket

POLITE = Politeness(
    requests_per_minute=60_000, daily_quota=100, user_agent="tests (+mailto:tests@example.org)", timeout_seconds=5,
    attempts=3, longest_wait_seconds=2,
)  # fmt: skip
BODY = "PK 专利数据".encode() * 1000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "树"
    for path in (
        "CN/a_发明/data/20170822/一 号.zip",
        "CN/a_发明/data/20170825/b&c.zip",
        "CN/a_发明/data/20170825rawdata/x.tif",
        "读我.txt",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(BODY)
    return root


@pytest.fixture
def feed(tree: Path) -> Iterator[Feed]:
    with http_feed(tree) as running:
        yield running


@contextmanager
def _address(scheme: str, root: Path) -> Iterator[Address]:
    if scheme == "file":
        yield parse(f"file://{root}")
    elif scheme == "http":
        with http_feed(root) as feed:
            yield parse(feed.url)
    elif scheme == "ftp":
        with ftp_server(root, "user", "p@ss") as port:
            yield parse(f"ftp://user:p%40ss@127.0.0.1:{port}/")
    else:
        with s3_bucket(root.parent, "bucket") as endpoint:
            yield parse(f"s3://key:secret@bucket/{root.name}?endpoint_url={endpoint}")


def _walk(client: Transport, left_out: str = "rawdata") -> list[str]:
    found = []
    for folder in client.walk(lambda path, stamp: not path.endswith(left_out)):
        if folder.error:
            raise folder.error
        found += [file.path for file in folder.files]
    return sorted(found)


def _fetch(client: Transport, file: RemoteFile, most: int = 1 << 20) -> tuple[transport.Fetched, bytes]:
    with tempfile.TemporaryFile() as target:
        fetched = client.fetch(file, target, most)
        target.seek(0)
        return fetched, target.read()


@pytest.mark.parametrize("scheme", ["file", "http", "ftp", "s3"])
def test_every_scheme_shows_and_gives_the_same_tree(scheme: str, tree: Path) -> None:
    with _address(scheme, tree) as address:
        client = open_transport(address, POLITE)
        assert _walk(client) == ["CN/a_发明/data/20170822/一 号.zip", "CN/a_发明/data/20170825/b&c.zip", "读我.txt"]
        files = {file.path: file for folder in client.walk(lambda *_: True) for file in folder.files}
        assert len(files) == 4
        file = files["CN/a_发明/data/20170822/一 号.zip"]
        assert file.size == len(BODY)
        assert file.version
        fetched, content = _fetch(client, file)
        assert content == BODY
        assert (fetched.size, fetched.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
        assert "p@ss" not in client.place(file.path) and "secret" not in client.place(file.path)
        with pytest.raises(TransportError):
            _fetch(client, RemoteFile("CN/none.zip"))


def test_a_link_out_of_a_folder_is_not_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.zip").write_bytes(b"x")
    (tree / "CN" / "out").symlink_to(tmp_path / "secret")
    (tree / "CN" / "round").symlink_to(tree)
    assert not any("key" in path or "round" in path for path in _walk(open_transport(parse(f"file://{tree}"), POLITE)))


def test_an_index_page_cannot_lead_away(feed: Feed) -> None:
    feed.links["/feed/"] = [
        "http://elsewhere.example/x.zip", "//elsewhere.example/x.zip", "/other/x.zip", "../x.zip", "..%2Fx.zip",
        "/feed/../x.zip", "a/b.zip", "%2e%2e/", "javascript:alert(1)", "?C=M;O=A", "#top", "x%00y.zip",
    ]  # fmt: skip
    assert [path for path in _walk(open_transport(parse(feed.url), POLITE)) if "/" not in path] == ["读我.txt"]
    assert all(path.startswith("/feed/") for _, path in feed.requests)


@pytest.mark.parametrize("target", ["http://127.0.0.2:1/feed/x", "/other/", "/feed/../secret"])
def test_a_redirect_cannot_lead_away(feed: Feed, target: str) -> None:
    feed.faults["/feed/读我.txt"] = [f"redirect:{target}"]
    with pytest.raises(TransportError) as caught:
        _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))
    assert caught.value.rule == "foreign_link"


def test_retry_after_is_honoured(feed: Feed) -> None:
    feed.faults["/feed/读我.txt"] = ["429:1"]
    _, content = _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))
    assert content == BODY
    first, second = [when for when, path in feed.requests if path == "/feed/读我.txt"]
    assert second - first >= 1.0


def test_retry_after_as_a_date_is_honoured(feed: Feed) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    feed.faults["/feed/读我.txt"] = [f"503:{format_datetime(until, usegmt=True)}"]
    _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))
    first, second = [when for when, path in feed.requests if path == "/feed/读我.txt"]
    assert second - first >= 0.9


@pytest.mark.parametrize("asked", ["3600", "in an hour", "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_retry_after_beyond_patience_ends_the_run_after_one_request(feed: Feed, asked: str) -> None:
    if asked == "in an hour":
        asked = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    feed.faults["/feed/读我.txt"] = [f"429:{asked}"] * 9
    client = open_transport(parse(feed.url), POLITE)
    if asked == "99999999999":  # no number of seconds that anybody means: as if nothing had been said
        feed.faults["/feed/读我.txt"] = [f"429:{asked}"]
        assert _fetch(client, RemoteFile("读我.txt"))[1] == BODY
        return
    with pytest.raises(ToldToWait) as caught:
        _fetch(client, RemoteFile("读我.txt"))
    assert "北京时间" in caught.value.zh and "no request before" in caught.value.en
    assert len(feed.requests) == 1
    with pytest.raises(ToldToWait):
        _fetch(client, RemoteFile("CN/a_发明/data/20170825/b&c.zip"))
    assert len(feed.requests) == 1, "all of the source is left alone, not this file only"


def test_a_wish_to_be_left_alone_is_capped_at_a_day(feed: Feed) -> None:
    client = open_transport(parse(feed.url), POLITE)
    client._pace.rest(10 * 365 * 24 * 3600)  # type: ignore[attr-defined]
    assert client._pace._not_before - time.monotonic() <= 24 * 3600  # type: ignore[attr-defined]


def test_429_to_every_attempt_means_all_of_us(feed: Feed) -> None:
    feed.faults["/feed/读我.txt"] = ["429"] * 9
    client = open_transport(parse(feed.url), POLITE.model_copy(update={"longest_wait_seconds": 1}))
    with pytest.raises(ToldToWait):
        _fetch(client, RemoteFile("读我.txt"))
    assert len(feed.requests) == POLITE.attempts


def test_attempts_are_spread_by_chance(feed: Feed) -> None:
    """Backoff with jitter: no two clients come back at the same moment."""
    pauses = set()
    for _ in range(4):
        feed.requests.clear()
        feed.faults["/feed/读我.txt"] = ["503"]
        _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))
        (first, _), (second, _) = feed.requests
        pauses.add(round(second - first, 3))
    assert len(pauses) > 1


# --- a download goes on ----------------------------------------------------------------------------------------------

HALF = len(BODY) // 2


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads of a few kilobytes are read and noted in steps, as large ones are."""
    monkeypatch.setattr(transport, "_WORTH_NOTING", 1)
    monkeypatch.setattr(over_http, "_CHUNK", 250)


def test_a_cut_download_goes_on_where_it_was_cut(feed: Feed, small_steps: None) -> None:
    feed.faults["/feed/读我.txt"] = ["cut", "cut"]
    fetched, content = _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt", len(BODY)))
    assert content == BODY and fetched.sha256 == hashlib.sha256(BODY).hexdigest()
    assert feed.ranges == [f"bytes={HALF}-", f"bytes={HALF + (len(BODY) - HALF) // 2}-"]
    assert fetched.request["resumed_at"] == [HALF, HALF + (len(BODY) - HALF) // 2]


def test_a_time_of_change_will_do_where_there_is_no_tag(feed: Feed, tree: Path, small_steps: None) -> None:
    feed.has_tags = False
    feed.faults["/feed/读我.txt"] = ["cut"]
    os.utime(tree / "读我.txt", (1_500_000_000, 1_500_000_000))
    assert _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))[1] == BODY
    assert feed.ranges == [f"bytes={HALF}-"]


def test_a_file_that_changed_a_moment_ago_is_not_continued(feed: Feed, small_steps: None) -> None:
    """Its time of change has whole seconds: within one of them it can change again."""
    feed.has_tags = False
    feed.faults["/feed/读我.txt"] = ["cut"]
    assert _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))[1] == BODY
    assert feed.ranges == []


def test_a_server_without_ranges_gives_all_of_it_again(feed: Feed, small_steps: None) -> None:
    feed.knows_ranges = False
    feed.faults["/feed/读我.txt"] = ["cut"]
    fetched, content = _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt", len(BODY)))
    assert content == BODY and "resumed_at" not in fetched.request


@pytest.fixture
def area(tmp_path: Path) -> Landing:
    return Landing(f"file://{tmp_path}/landing")


ONCE = POLITE.model_copy(update={"attempts": 1})


def _begin_and_break_off(feed: Feed, area: Landing) -> None:
    feed.faults["/feed/读我.txt"] = ["cut"]
    client = open_transport(parse(feed.url), ONCE)
    with pytest.raises(PassingError), area.partial("读我") as partial:
        client.fetch(RemoteFile("读我.txt"), partial.handle, 1 << 20, partial)


def _go_on(feed: Feed, area: Landing) -> tuple[transport.Fetched, bytes]:
    with area.partial("读我") as partial:
        fetched = open_transport(parse(feed.url), POLITE).fetch(
            RemoteFile("读我.txt"), partial.handle, 1 << 20, partial
        )
        partial.handle.seek(0)
        return fetched, partial.handle.read()


def test_a_download_goes_on_after_a_restart(feed: Feed, area: Landing, small_steps: None) -> None:
    _begin_and_break_off(feed, area)
    assert area.clear_aside() == 0, "what can go on is not cleared"
    fetched, content = _go_on(feed, area)
    assert content == BODY and fetched.sha256 == hashlib.sha256(BODY).hexdigest()
    assert feed.ranges == [f"bytes={HALF}-"]
    assert not list((area.folder / ".incoming").iterdir())


@pytest.mark.parametrize("minds_if_range", [True, False])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    feed: Feed, tree: Path, area: Landing, small_steps: None, minds_if_range: bool
) -> None:
    _begin_and_break_off(feed, area)
    feed.minds_if_range = minds_if_range
    other = b"X" * len(BODY)
    (tree / "读我.txt").write_bytes(other)
    fetched, content = _go_on(feed, area)
    assert content == other and fetched.sha256 == hashlib.sha256(other).hexdigest()
    assert feed.ranges == [f"bytes={HALF}-"]


def test_a_rest_that_begins_elsewhere_is_not_joined(feed: Feed, area: Landing, small_steps: None) -> None:
    _begin_and_break_off(feed, area)
    feed.misses_by = 100
    fetched, content = _go_on(feed, area)
    assert content == BODY and len(feed.ranges) == 1 and "resumed_at" not in fetched.request


def test_a_file_that_shrank_meanwhile_is_fetched_anew(feed: Feed, tree: Path, area: Landing, small_steps: None) -> None:
    """The rest that is asked for lies beyond its end: 416."""
    _begin_and_break_off(feed, area)
    feed.minds_if_range = False
    (tree / "读我.txt").write_bytes(b"short")
    assert _go_on(feed, area)[1] == b"short"


def test_bytes_aside_that_are_not_what_was_noted_are_not_used(feed: Feed, area: Landing, small_steps: None) -> None:
    _begin_and_break_off(feed, area)
    [aside] = [path for path in (area.folder / ".incoming").iterdir() if not path.suffix]
    aside.write_bytes(b"0" * HALF)
    assert _go_on(feed, area)[1] == BODY
    assert feed.ranges == []


def test_a_page_instead_of_the_rest_leaves_nothing_behind(feed: Feed, area: Landing, small_steps: None) -> None:
    _begin_and_break_off(feed, area)
    feed.faults["/feed/读我.txt"] = ["login"]
    with pytest.raises(TransportError) as caught:
        _go_on(feed, area)
    assert caught.value.rule == "login_page"
    assert not list((area.folder / ".incoming").iterdir())
    assert _go_on(feed, area)[1] == BODY


@pytest.mark.parametrize("scheme", ["file", "ftp", "s3"])
@pytest.mark.parametrize("has_changed", [False, True])
def test_other_schemes_go_on_too(scheme: str, has_changed: bool, tree: Path, area: Landing) -> None:
    with _address(scheme, tree) as address:
        client = open_transport(address, POLITE)
        files = {file.path: file for folder in client.walk(lambda *_: True) for file in folder.files}
        file, content = files["读我.txt"], BODY
        with area.partial("读我") as partial:
            partial.handle.write(BODY[:HALF])
            partial.save(Mark(HALF, hashlib.sha256(BODY[:HALF]).hexdigest(), file.version, file.size))
        if has_changed and scheme != "ftp":  # the server of the tests tells no other time
            content = b"X" * len(BODY)
            (tree / "读我.txt").write_bytes(content)
        with area.partial("读我") as partial:
            fetched = client.fetch(file, partial.handle, 1 << 20, partial)
            partial.handle.seek(0)
            assert partial.handle.read() == content
        assert fetched.request.get("resumed_at") == ([HALF] if content == BODY else None)


@pytest.mark.parametrize("fault", ["503", "cut", "empty"])
def test_a_passing_failure_is_tried_again(feed: Feed, fault: str) -> None:
    feed.faults["/feed/读我.txt"] = [fault, fault]
    fetched, content = _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt", len(BODY)))
    assert content == BODY
    assert fetched.request["attempts"] == 3


@pytest.mark.parametrize(
    ("fault", "rule", "asked"),
    [
        ("503", "http_503", 3),
        ("cut", "connection", 3),
        ("empty", "empty_body", 3),
        ("login", "login_page", 1),
        ("garbage", "error_envelope", 1),
        ("403", "http_403", 1),
    ],
)
def test_a_lasting_failure_is_said(feed: Feed, fault: str, rule: str, asked: int) -> None:
    feed.faults["/feed/读我.txt"] = [fault] * 5
    with pytest.raises(TransportError) as caught:
        _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt"))
    assert caught.value.rule == rule
    assert feed.asked("/feed/读我.txt") == asked
    assert caught.value.zh and caught.value.en


def test_an_answer_of_another_size_than_listed_is_cut(feed: Feed) -> None:
    feed.faults["/feed/读我.txt"] = ["garbage"] * 3
    with pytest.raises(TransportError) as caught:
        _fetch(open_transport(parse(feed.url), POLITE), RemoteFile("读我.txt", len(BODY)))
    assert caught.value.rule == "cut_short"


@pytest.mark.parametrize(("fault", "rule"), [("login", "login_page"), ("garbage", "no_index")])
def test_a_page_that_is_no_index_is_a_failure(feed: Feed, fault: str, rule: str) -> None:
    feed.faults["/feed/"] = [fault] * 5
    with pytest.raises(TransportError) as caught:
        _walk(open_transport(parse(feed.url), POLITE))
    assert caught.value.rule == rule


def test_one_unreadable_folder_does_not_hide_the_others(feed: Feed) -> None:
    feed.faults["/feed/CN/a_发明/data/20170822/"] = ["403"]
    folders = list(open_transport(parse(feed.url), POLITE).walk(lambda *_: True))
    assert [folder.path for folder in folders if folder.error] == ["CN/a_发明/data/20170822"]
    assert "CN/a_发明/data/20170825/b&c.zip" in [file.path for folder in folders for file in folder.files]


def test_no_byte_beyond_the_limit_is_kept(feed: Feed) -> None:
    with tempfile.TemporaryFile() as target:
        with pytest.raises(TooLarge):
            open_transport(parse(feed.url), POLITE).fetch(RemoteFile("读我.txt"), target, 100)
        assert target.seek(0, 2) <= 100


def test_the_publisher_can_see_who_asks_and_what_is_synthetic(feed: Feed) -> None:
    client = open_transport(parse(feed.url), POLITE)
    assert not _fetch(client, RemoteFile("读我.txt"))[0].is_synthetic
    feed.is_synthetic = True
    assert _fetch(client, RemoteFile("读我.txt"))[0].is_synthetic
    assert feed.agents == {POLITE.user_agent}
    assert client.requests_made == 2


def test_rate_and_quota_hold_for_others_servers(feed: Feed) -> None:
    """Our own machine is spared by default; the declaration can say otherwise."""
    slow = POLITE.model_copy(update={"requests_per_minute": 300, "daily_quota": 3, "spares_loopback": False})
    client = open_transport(parse(feed.url), slow)
    started = time.monotonic()
    for _ in range(3):
        _fetch(client, RemoteFile("读我.txt"))
    assert time.monotonic() - started >= 0.4
    with pytest.raises(QuotaSpent):
        _fetch(client, RemoteFile("读我.txt"))
    assert len(feed.requests) == 3


def test_basic_credentials_are_sent_but_never_said(feed: Feed) -> None:
    address = parse(feed.url.replace("http://", "http://someone:geheim@"))
    client = open_transport(address, POLITE)
    with pytest.raises(TransportError) as caught:
        _fetch(client, RemoteFile("none.zip"))
    assert "geheim" not in str(caught.value) + client.place("none.zip")


# --- what is wrong is said -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("http://127.0.0.1:1/feed", "refused"),
        ("http://no-such-host.invalid/feed", "unknown_host"),
        ("ftp://127.0.0.1:1/feed", "refused"),
        ("s3://bucket/feed?endpoint_url=http://127.0.0.1:1", "credentials"),
        ("s3://key:secret@bucket/feed?endpoint_url=http://127.0.0.1:1", "refused"),
        ("file:///no/such/folder", "not_found"),
    ],
)
def test_each_way_of_not_reaching_a_server_has_its_word(
    address: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(TransportError) as caught:
        _walk(open_transport(parse(address), ONCE))
    assert caught.value.rule == rule
    assert "secret" not in str(caught.value)


def test_a_certificate_that_nobody_signed_is_not_trusted(feed: Feed) -> None:
    with pytest.raises(TransportError) as caught:
        _walk(open_transport(parse(feed.url.replace("http://", "https://")), ONCE))
    assert caught.value.rule == "tls"


@pytest.mark.parametrize(("password", "rule"), [("wrong", "credentials"), ("p%40ss", None)])
def test_a_log_in_that_is_refused_is_told_from_a_server_that_is_down(
    password: str, rule: str | None, tree: Path
) -> None:
    with ftp_server(tree, "user", "p@ss") as port:
        client = open_transport(parse(f"ftp://user:{password}@127.0.0.1:{port}/"), POLITE)
        if rule is None:
            assert _walk(client)
            return
        with pytest.raises(TransportError) as caught:
            _walk(client)
        assert caught.value.rule == rule
        assert password not in str(caught.value)


def test_401_says_whether_a_user_name_was_given(feed: Feed) -> None:
    for url, words in (
        (feed.url, "没有用户名"),
        (feed.url.replace("http://", "http://someone:geheim@"), "不被接受"),  # pragma: allowlist secret
    ):
        feed.faults["/feed/"] = ["401"]
        with pytest.raises(TransportError, match=words):
            _walk(open_transport(parse(url), POLITE))
