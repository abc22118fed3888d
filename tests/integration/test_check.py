"""`python -m ingestion check` says exactly what is wrong with a connection, in both languages, and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import runs, standing
from ingestion.declarations import declaration
from tests import feeds
from tests.servers import Feed, ftp_server, http_feed
from warehouse import connections

SOURCE = "cnipa_patents"
VARIABLE = "AIRFLOW_CONN_SRC_CNIPA_PATENTS"


@pytest.fixture
def feed(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    root = tmp_path / "source"
    feeds.bibs_zip(root, "20170822", range(40))
    with http_feed(root) as running:
        monkeypatch.setenv(VARIABLE, running.url)
        yield running


def check() -> dict[str, runs.Finding]:
    return {finding.name: finding for finding in runs.check(SOURCE)}


def wrong() -> runs.Finding:
    """The one thing that is not well; nothing after it was tried, and nothing was loaded."""
    findings = runs.check(SOURCE)
    [finding] = [one for one in findings if not one.is_well]
    assert finding is findings[-1]
    assert finding.zh != finding.en and "geheim" not in finding.zh + finding.en
    with connections.connect("operator") as connection:
        assert connection.execute("select count(*) from ops.landed_files").fetchall() == [(0,)]
    return finding


def test_a_source_that_is_well_is_looked_at_as_far_as_a_first_file(feed: Feed) -> None:
    found = check()
    assert all(finding.is_well for finding in found.values())
    assert found["source"].en == "connection and log-in: 1 folders, 0 files"
    assert "bibs_xml" in found["shape"].zh and "part1.zip" in found["shape"].zh
    assert "字节" in found["file"].zh and "bytes" in found["file"].en


@pytest.mark.parametrize(
    ("address", "zh", "en"),
    [
        ("http://127.0.0.1:1/feed", "拒绝连接", "refuses connections"),
        ("http://no-such-host.invalid/feed", "主机名无法解析", "no address"),
        ("gopher://x/y", "协议不受支持", "must begin with"),
        ("file:///no/such/folder", "不存在", "does not exist"),
    ],
)
def test_a_wrong_address_has_its_reason(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, address: str, zh: str, en: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    if address.startswith("gopher"):
        [finding] = [one for one in runs.check(SOURCE) if not one.is_well]
        assert finding.name == "address"
    else:
        finding = wrong()
        assert finding.name == "source"
    assert zh in finding.zh and en in finding.en


@pytest.mark.parametrize(
    ("fault", "zh", "en"),
    [
        ("401", "没有用户名", "holds no user name"),
        ("403", "无权访问", "may not read it"),
        ("404", "请核对路径", "check the path"),
        ("login", "登录页", "log-in page"),
        ("garbage", "不是目录页", "index page"),
        ("503", "暂时不可用", "not available just now"),
        ("redirect:https://sso.example.org/login", "重定向到来源之外", "redirects outside"),
    ],
)
def test_a_server_that_refuses_has_its_reason(feed: Feed, fault: str, zh: str, en: str) -> None:
    feed.faults["/feed/"] = [fault] * 9
    finding = wrong()
    assert finding.name == "source"
    assert zh in finding.zh and en in finding.en


def test_a_wrong_password_is_told_from_a_wrong_path(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    with ftp_server(feed.root, "user", "richtig") as port:
        monkeypatch.setenv(VARIABLE, f"ftp://user:geheim@127.0.0.1:{port}/")  # pragma: allowlist secret
        assert "用户名或口令" in wrong().zh
        monkeypatch.setenv(VARIABLE, f"ftp://user:richtig@127.0.0.1:{port}/")  # pragma: allowlist secret
        assert all(finding.is_well for finding in runs.check(SOURCE))


def test_an_address_one_folder_too_low_is_a_matter_of_shape(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{feed.url}/CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布/data")
    finding = wrong()
    assert finding.name == "shape"
    assert "bibs_csv" in finding.zh and "20170822/part1.zip" in finding.en


def test_a_file_behind_a_log_in_page_is_found_before_a_run_is(feed: Feed) -> None:
    path = "/feed/CN/CN-PA-BIBS-ABSS-10-A_发明专利申请公布/data/20170822/part1.zip"
    feed.faults[path] = ["login"]
    finding = wrong()
    assert finding.name == "file" and "登录页" in finding.zh


def test_a_scheme_that_the_source_does_not_take(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    real = declaration(SOURCE)
    only = real.model_copy(update={"transport": real.transport.model_copy(update={"schemes": ["ftp"]})})
    monkeypatch.setattr(standing, "declaration", lambda _: only)
    finding = wrong()
    assert finding.name == "address" and "只接受 ftp" in finding.zh


def test_a_source_is_looked_at_while_the_warehouse_is_down(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_LOADER", "postgresql://loader:x@127.0.0.1:1/warehouse")
    found = check()
    assert [name for name, finding in found.items() if not finding.is_well] == ["warehouse"]
    assert found["file"].is_well
