"""Listing and fetching against real servers: the same tree over every scheme, and every way a server can fail."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestion import transport
from ingestion.addresses import Address, parse
from ingestion.declarations import Politeness
from ingestion.transport import QuotaSpent, RemoteFile, TooLarge, Transport, TransportError, open_transport
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


@pytest.mark.parametrize("fault", ["503", "cut", "empty"])
def test_a_passing_failure_is_tried_again_from_the_start(feed: Feed, fault: str) -> None:
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
