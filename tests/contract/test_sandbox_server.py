"""The sandbox as a server: what it lists can be fetched, and its faults are honest."""

from __future__ import annotations

import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
import requests
from click.testing import CliRunner

from ingestion.sandbox import spoilt
from ingestion.sandbox.catalogue import FEEDS
from ingestion.sandbox.cli import main
from ingestion.sandbox.faults import FAULTS, Faults
from ingestion.sandbox.server import Sandbox
from ingestion.sandbox.world import World

CLOCK = date(2019, 12, 31)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    made = Sandbox(("127.0.0.1", 0), World(seed=5, scale=0.05), CLOCK)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def _no_fault(server: Sandbox) -> Iterator[None]:
    yield
    server.faults.set("cnipa_patents", "none")
    server.clock.fixed = CLOCK


def links(url: str) -> list[str]:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["X-Synthetic-Data"] == "true"
    return [urljoin(url, link) for link in re.findall(r'<a href="([^"]+)">', answer.text) if link != "../"]


def crawl(url: str) -> list[str]:
    found = []
    for link in links(url):
        found += crawl(link) if link.endswith("/") else [link]
    return found


def origin(server: Sandbox) -> str:
    return server.url.rstrip("/")


def address(server: Sandbox) -> str:
    return server.url_of("cnipa_patents")


def fault(server: Sandbox, name: str, **more: float | str) -> requests.Response:
    return requests.post(f"{origin(server)}/faults/cnipa_patents", json={"fault": name, **more}, timeout=10)


def test_index_pages_list_what_can_be_fetched_and_nothing_else(server: Sandbox) -> None:
    files = crawl(address(server))
    assert {unquote(file).removeprefix(address(server)) for file in files} == {
        path for path, _ in server.feeds["cnipa"].walk()
    }
    assert len(files) > 400
    for file in files[:: len(files) // 12]:
        head, got = requests.head(file, timeout=10), requests.get(file, timeout=10)
        assert head.status_code == got.status_code == 200
        assert int(head.headers["Content-Length"]) == len(got.content) > 0
        assert head.headers["Last-Modified"] == got.headers["Last-Modified"]
        assert head.headers["X-Synthetic-Data"] == "true"
    for wrong in ("CN/nothing/", "CN/../../etc/passwd", "flat/cnipa_bibs_2017/x.csv", "CN//", "SYNTHETIC.txt/"):
        assert requests.get(address(server) + wrong, timeout=10).status_code == 404
    assert requests.get(address(server) + "SYNTHETIC.txt", timeout=10).text.startswith("SYNTHETIC")
    assert requests.get(address(server) + "CN", timeout=10).url == address(server) + "CN/"


def test_part_of_a_file(server: Sandbox) -> None:
    file = next(link for link in crawl(address(server) + "CN/") if link.endswith(".zip"))
    whole = requests.get(file, timeout=10).content
    part = requests.get(file, headers={"Range": "bytes=100-299"}, timeout=10)
    assert (part.status_code, part.content) == (206, whole[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole)}"
    assert requests.get(file, headers={"Range": "bytes=100-"}, timeout=10).content == whole[100:]
    assert requests.get(file, headers={"Range": "bytes=-7"}, timeout=10).content == whole[-7:]
    assert requests.get(file, headers={"Range": f"bytes={len(whole)}-"}, timeout=10).status_code == 416


def test_health_tells_what_it_is(server: Sandbox) -> None:
    told = requests.get(f"{origin(server)}/health", timeout=10).json()
    assert told == {"status": "ok", "synthetic": True, "seed": 5, "scale": 0.05, "clock": "2019-12-31"}


def test_clock_can_be_moved(server: Sandbox) -> None:
    folder = unquote(links(address(server) + "CN/")[-1])
    before = links(folder + "data/")
    answer = requests.post(f"{origin(server)}/clock", json={"clock": "2020-06-30"}, timeout=10)
    assert answer.json() == {"clock": "2020-06-30"}
    after = links(folder + "data/")
    assert set(before) < set(after)
    assert requests.post(f"{origin(server)}/clock", json={"clock": "some day"}, timeout=10).status_code == 400


def test_faults(server: Sandbox) -> None:
    folder = address(server) + "flat/cnipa_bibs_2017/"
    file = links(folder)[0]
    whole = requests.get(file, timeout=10).content

    assert fault(server, "down").json()["cnipa_patents"]["fault"] == "down"
    assert requests.get(folder, timeout=10).status_code == requests.head(file, timeout=10).status_code == 503
    assert requests.get(f"{origin(server)}/health", timeout=10).status_code == 200  # the source is down, not the switch

    fault(server, "429", seconds=3)
    answer = requests.get(file, timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")

    fault(server, "login-page")
    answer = requests.get(file, timeout=10)
    assert answer.status_code == 200
    assert "type='password'" in answer.text

    fault(server, "empty")
    assert requests.get(file, timeout=10).content == b""
    assert links(folder) == []

    fault(server, "cut")
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        _ = requests.get(file, timeout=10).content

    fault(server, "slow", seconds=0.6)
    begun = time.monotonic()
    assert requests.get(file, timeout=10).content == whole
    assert time.monotonic() - begun >= 0.6

    fault(server, "down", times=2)
    assert [requests.get(file, timeout=10).status_code for _ in range(3)] == [503, 503, 200]
    shown = requests.get(f"{origin(server)}/faults", timeout=10).json()
    assert shown == {kind.source_id: {"fault": "none"} for kind in FEEDS}


def folder_of(server: Sandbox, number: int) -> str:
    """Address of the n-th dated folder, counted from the newest as -1, of one product."""
    product = next(link for link in links(address(server) + "CN/") if "10-A" in link)
    dated = [link for link in links(product + "data/") if re.search(r"/\d{8}/$", link)]
    return dated[number]


def get(url: str) -> bytes:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200, url
    return answer.content


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_error_is_an_envelope_with_200(server: Sandbox) -> None:
    fault(server, "error")
    answer = requests.get(address(server) + "CN/", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert answer.json()["success"] is False


def test_a_fault_can_be_limited_to_paths(server: Sandbox) -> None:
    [file, *_] = links(folder_of(server, -1))
    fault(server, "down", match="*.zip", times=1)
    assert [requests.get(url, timeout=10).status_code for url in (address(server), file, file)] == [200, 503, 200]
    *others, one = sorted(links(address(server) + "flat/cnipa_bibs_2017/"), key=lambda url: len(get(url)))
    before = {url: get(url) for url in (one, *others)}
    fault(server, "shrunk", match=unquote(one).removeprefix(address(server)))
    assert get(one) != before[one] and all(get(url) == before[url] for url in others)


def test_shrunk_halves_and_dates_the_file_anew(server: Sandbox) -> None:
    folder = folder_of(server, -1)
    [file, *_] = links(folder)
    line = max(links(address(server) + "flat/cnipa_bibs_2017/"), key=lambda url: len(get(url)))
    before, before_line, page = members(get(file)), get(line), requests.get(folder, timeout=10).text
    version = requests.head(file, timeout=10).headers
    fault(server, "shrunk")
    after = members(get(file))
    assert len(after) == len(before) // 2 > 0 and after.items() <= before.items()
    assert get(line).splitlines() == before_line.splitlines()[: len(before_line.splitlines()) // 2]
    assert requests.get(folder, timeout=10).text != page, "a listing shows that the file is another"
    changed = requests.head(file, timeout=10).headers
    assert changed["ETag"] != version["ETag"] and changed["Last-Modified"] != version["Last-Modified"]
    assert b"SYNTHETIC" in get(address(server) + "SYNTHETIC.txt")


@pytest.mark.parametrize(
    ("content", "name", "half"),
    [
        (b"<a><b>1</b><b>2</b><b>3</b><b>4</b>\n</a>", "x.xml", b"<a><b>1</b><b>2</b></a>"),
        (b"<a><b/></a>", "x.xml", b"<a><b/></a>"),
        (b"<a><b>", "x.xml", b"<a><b>"),
        (b"h\r\n1\r\n2\r\n3\r\n", "x.csv", b"h\r\n1\r\n"),
        (b"<REC>1\n2\n<REC>3\n4\n", "x.txt", b"<REC>1\n2\n"),
        (b"\xd0\xcf", "x.xls", b"\xd0\xcf"),
        (b"PK not a zip", "x.zip", b"PK not a zip"),
    ],
)
def test_what_is_halved_stays_well_formed(content: bytes, name: str, half: bytes) -> None:
    assert spoilt.halved(content, name) == half


def test_header_moved_puts_two_lines_first(server: Sandbox) -> None:
    file = next(url for url in links(next(url for url in links(address(server) + "flat/") if "gazette" in url)))
    before = get(file)
    fault(server, "header-moved")
    first, second, *rest = get(file).splitlines(keepends=True)
    assert "合成数据" in first.decode("gb18030") and second.strip()
    assert b"".join(rest) == before


def test_duplicated_lists_each_file_twice(server: Sandbox) -> None:
    folder = folder_of(server, -1)
    before = links(folder)
    fault(server, "duplicated")
    after = links(folder)
    assert len(after) == 2 * len(before) and set(before) < set(after)
    assert sorted(map(get, after)) == sorted(2 * [get(url) for url in before])


def test_late_keeps_the_newest_folder_empty_or_for_so_many_days(server: Sandbox) -> None:
    newest, before = folder_of(server, -1), folder_of(server, -2)
    day = date.fromisoformat(newest[-9:-1])
    assert links(newest)
    fault(server, "late")
    assert links(newest) == [] and links(before)
    fault(server, "late", days=3)
    seen = {}
    for more in range(5):
        server.clock.fixed = day + timedelta(days=more)
        seen[more] = (len(links(newest)) > 0, len(links(before)) > 0)
    assert seen == {0: (False, True), 1: (False, True), 2: (False, True), 3: (True, True), 4: (True, True)}


def test_corrected_brings_a_few_documents_of_an_older_folder_again(server: Sandbox) -> None:
    newest, older = folder_of(server, -1), folder_of(server, -2)
    before = links(older)
    fault(server, "corrected")
    assert all("-R." not in url for url in links(newest))
    more = set(links(older)) - set(before)
    assert len(more) == len(before) and all(url.endswith("-R.zip") for url in more)
    documents = members(get(more.pop()))
    originals = {name: content for url in before for name, content in members(get(url)).items()}
    assert 0 < len(documents) <= 3 and documents.keys() <= originals.keys()
    for name, content in documents.items():
        assert b' status="R"' in content and b' status="C"' in originals[name]
        assert content.decode().replace("（更正）", "").replace('status="R"', 'status="C"') == originals[name].decode()


def test_a_file_goes_on_only_while_it_is_the_same(server: Sandbox) -> None:
    [file, *_] = links(folder_of(server, -1))
    whole = requests.get(file, timeout=10)
    for name, validator, status in (
        ("ETag", whole.headers["ETag"], 206),
        ("Last-Modified", whole.headers["Last-Modified"], 206),
        ("another", '"another"', 200),
    ):
        answer = requests.get(file, headers={"Range": "bytes=10-", "If-Range": validator}, timeout=10)
        assert (answer.status_code, answer.content) == (
            (206, whole.content[10:]) if status == 206 else (200, whole.content)
        ), name


def test_the_command_line_begins_with_faults() -> None:
    faults = Faults(("a", "b"))
    faults.set_by_words("a=slow,seconds=2,times=3,match=CN/*.zip")
    faults.set_by_words("b=late,days=5")
    assert faults.shown() == {
        "a": {"fault": "slow", "seconds": 2.0, "times_left": 3, "match": "CN/*.zip", "days": None},
        "b": {"fault": "late", "seconds": 5.0, "times_left": None, "match": None, "days": 5},
    }
    shown = CliRunner().invoke(main, ["serve", "--help"]).output
    assert all(name in shown for name in FAULTS)


def test_wrong_orders_are_refused(server: Sandbox) -> None:
    for wrong in ({"times": 2}, {"days": 3}, {"seconds": "soon"}, {"when": "now"}):
        assert fault(server, "shrunk", **wrong).status_code == 400, wrong
    assert fault(server, "fire").status_code == 400
    assert fault(server, "slow", seconds=-1).status_code == 400
    assert requests.post(f"{origin(server)}/faults/other", json={"fault": "down"}, timeout=10).status_code == 404
    assert requests.post(f"{origin(server)}/faults/cnipa_patents", data=b"[", timeout=10).status_code == 400
    assert requests.post(address(server), json={}, timeout=10).status_code == 404


def test_only_loopback() -> None:
    answer = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0", "--port", "0"])
    assert answer.exit_code == 1
    assert "loopback" in answer.output


def test_write_gives_the_bytes_that_serve_gives(server: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "tree"
    options = ["--to", str(target), "--seed", "5", "--scale", "0.05", "--clock", "2019-12-31"]
    first = CliRunner().invoke(main, ["write", *options, "--below", "flat"])
    assert first.exit_code == 0, first.output
    written = {str(path.relative_to(target)): path for path in target.rglob("*") if path.is_file()}
    assert {"SYNTHETIC.txt", "flat/cnipa_gazette_2019-06-11/utility_new.csv"} <= written.keys()
    for name, path in written.items():
        assert path.read_bytes() == requests.get(address(server) + name, timeout=10).content
    again = CliRunner().invoke(main, ["write", *options, "--below", "flat"])
    assert again.output.startswith("0 files")
    other = CliRunner().invoke(main, ["write", "--to", str(target), "--seed", "6"])
    assert other.exit_code == 1
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    assert CliRunner().invoke(main, ["write", "--to", str(tmp_path / "mine")]).exit_code == 1
