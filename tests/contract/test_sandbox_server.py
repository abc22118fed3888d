"""The sandbox as a server: what it lists can be fetched, and its faults are honest."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
import requests
from click.testing import CliRunner

from ingestion.sandbox.cli import main
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


def fault(server: Sandbox, name: str, **more: float) -> requests.Response:
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
    assert requests.get(f"{origin(server)}/faults", timeout=10).json()["cnipa_patents"] == {"fault": "none"}


def test_wrong_orders_are_refused(server: Sandbox) -> None:
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
