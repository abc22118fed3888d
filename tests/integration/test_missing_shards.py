"""What a source should have delivered and has not: noticed, shown, the rest goes on, and a later delivery closes it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingestion import runs
from ingestion.cli import main
from ingestion.landing import landing
from tests import feeds
from tests.integration.test_ingestion import RAW, SOURCE, TODAY, ask, one
from tests.servers import Feed, http_feed
from warehouse import connections, live_views, sources

DAY, OTHER_DAY = "20170822", "20170825"


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


def pull_and_load() -> tuple[runs.PullResult, runs.LoadResult]:
    return runs.pull(SOURCE), runs.load(SOURCE)


def missing() -> list[tuple[str, str]]:
    """(kind, last step of the path) of all that is missing now."""
    rows = ask("select kind, object from ops.missing_shards where closed_at is null order by kind, object")
    return [(kind, path.rpartition("/")[2]) for kind, path in rows]


def shard(root: Path, number: int, day: str = DAY, package: str = "10-A_发明公布") -> Path:
    folder = feeds.dated_folder(root, day, f"CN-PA-BIBS-ABSS-{package}")
    path = folder / f"CN-PA-BIBS-ABSS-{package[:4]}_{day}_{number:04}.zip"
    made = feeds.bibs_zip(root, day, range(number * 100, number * 100 + 10), name=path.name)
    if made != path:
        made.rename(path)
    return path


def pieces_of(root: Path, serials: range, name: str = "20170822") -> dict[Path, bytes]:
    """The parts of one split zip of the feed, not yet written."""
    folder = feeds.dated_folder(root, DAY)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for serial in serials:
            member, content = feeds.document(serial, DAY)
            archive.writestr(f"{member[:-4]}/{member}", content)
    size = len(whole.getvalue())
    pieces = feeds.split_zip(whole.getvalue(), size // 3, size // 2)
    names = [f"{name}.z01", f"{name}.z02", f"{name}.zip"]
    return {folder / one: piece for one, piece in zip(names, pieces, strict=True)}


# --- split zips ------------------------------------------------------------------------------------------------------


def test_split_zips_are_one_landed_file_and_load(feed: Feed, root: Path) -> None:
    pieces = pieces_of(root, range(20))
    for path, content in pieces.items():
        path.write_bytes(content)
    pulled, loaded = pull_and_load()
    assert (pulled.listed, pulled.landed, pulled.incomplete, loaded.rows_loaded) == (1, 1, 0, 20)
    [(name, size, parts, landed_at, sha256)] = ask(
        "select file_name, size_bytes, request -> 'parts', landing_path, content_sha256 from ops.landed_files"
    )
    assert name == "20170822.zip" and size == sum(map(len, pieces.values()))
    assert [(part["path"].rpartition("/")[2], part["size"]) for part in parts] == [
        (path.name, len(content)) for path, content in pieces.items()
    ]
    assert all(len(part["sha256"]) == 64 and part["status"] == 200 for part in parts), "each part is told in the ledger"
    with landing().local(landed_at, sha256) as path:
        assert path.read_bytes() == b"".join(pieces.values())
    pulled, loaded = pull_and_load()
    assert (pulled.known, pulled.fetched, loaded.rows_loaded, missing()) == (1, 0, 0, [])


def test_split_zip_without_a_part_waits_and_a_later_delivery_fills_it(root: Path) -> None:
    pieces = pieces_of(root, range(20))
    feeds.bibs_zip(root, DAY, range(20, 25))
    first = next(iter(pieces))
    for path in pieces:
        if path != first:
            path.write_bytes(pieces[path])
    pulled, loaded = pull_and_load()
    assert (pulled.landed, pulled.incomplete, loaded.refused, loaded.rows_loaded) == (1, 1, 0, 5), "the week goes on"
    assert missing() == [("part", "20170822.zip")]
    assert any("20170822.z01" in message for message in pulled.messages)
    pulled, _ = pull_and_load()
    assert (pulled.incomplete, missing()) == (1, [("part", "20170822.zip")]), "noticed once"
    first.write_bytes(pieces[first])
    pulled, loaded = pull_and_load()
    assert (pulled.landed, pulled.incomplete, loaded.rows_loaded, missing()) == (1, 0, 20, [])
    assert one("select known_at from ops.landed_files where file_name = '20170822.zip'") == TODAY, "it was found late"
    assert one("select count(*) from ops.missing_shards where closed_at is not null") == 1


def test_split_zip_whose_missing_part_the_listing_cannot_tell_is_refused_until_it_comes(root: Path) -> None:
    pieces = pieces_of(root, range(20))
    first, second, last = pieces
    for path in (first, last):
        path.write_bytes(pieces[path])
    _, loaded = pull_and_load()
    assert (loaded.refused, missing()) == (1, [("unreadable", "20170822.zip")])
    assert ask("select rule from ops.rejected_rows") == [("split_archive",)]
    second.write_bytes(pieces[second])
    _, loaded = pull_and_load()
    assert (loaded.refused, loaded.rows_loaded, missing()) == (0, 20, [])


def test_split_zip_whose_last_part_came_first(root: Path) -> None:
    pieces = pieces_of(root, range(20))
    *firsts, last = pieces
    last.write_bytes(pieces[last])
    _, loaded = pull_and_load()
    assert (loaded.refused, missing()) == (1, [("unreadable", "20170822.zip")])
    for path in firsts:
        path.write_bytes(pieces[path])
    _, loaded = pull_and_load()
    assert (loaded.refused, loaded.rows_loaded, missing()) == (0, 20, [])


def test_split_zip_with_too_few_parts_at_its_end_is_refused_until_they_come(root: Path) -> None:
    whole = feeds.bibs_zip(root, DAY, range(30), name="a.zip", stored=True)
    content = whole.read_bytes()
    whole.unlink()
    third = len(content) // 3
    parts = [content[:third], content[third : 2 * third], content[2 * third :]]
    for number in (1, 2):
        whole.with_name(f"a.zip.00{number}").write_bytes(parts[number - 1])
    _, loaded = pull_and_load()
    assert (loaded.refused, missing()) == (1, [("unreadable", "a.zip")])
    whole.with_name("a.zip.003").write_bytes(parts[2])
    _, loaded = pull_and_load()
    assert (loaded.rows_loaded, missing()) == (30, [])


def test_a_cut_while_parts_are_fetched_leaves_nothing_and_is_made_good(feed: Feed, root: Path) -> None:
    for path, content in pieces_of(root, range(20)).items():
        path.write_bytes(content)
    feed.faults[f"/feed/{feeds.dated_folder(root, DAY).relative_to(root)}/20170822.z02"] = ["login"]
    pulled, loaded = pull_and_load()
    assert (pulled.failed, pulled.landed, loaded.rows_loaded) == (1, 0, 0)
    assert missing() == [("not_fetched", "20170822.zip")]
    pulled, loaded = pull_and_load()
    assert (pulled.failed, pulled.landed, loaded.rows_loaded, missing()) == (0, 1, 20, [])


def test_split_zip_landed_by_hand(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "U盘"
    pieces = pieces_of(folder, range(20))
    for path, content in pieces.items():
        path.write_bytes(content)
    with pytest.raises(runs.LandRefused, match="分卷"):
        runs.land(SOURCE, next(iter(pieces)))
    [landed] = runs.land(SOURCE, folder)
    assert (landed.file_name, landed.layout) == ("20170822.zip", "bibs_xml")
    assert runs.load(SOURCE).rows_loaded == 20


# --- shards ----------------------------------------------------------------------------------------------------------


def test_a_gap_in_the_numbering_of_shards_is_noticed_and_filled_by_a_later_delivery(root: Path) -> None:
    shard(root, 1)
    shard(root, 3)
    shard(root, 2, OTHER_DAY)
    _, loaded = pull_and_load()
    assert loaded.rows_loaded == 30, "the week goes on"
    assert missing() == [
        ("number", "CN-PA-BIBS-ABSS-10-A_20170822_0002.zip"),
        ("number", "CN-PA-BIBS-ABSS-10-A_20170825_0001.zip"),
    ]
    shard(root, 2)
    _, loaded = pull_and_load()
    assert loaded.files + loaded.duplicates == 1
    assert missing() == [("number", "CN-PA-BIBS-ABSS-10-A_20170825_0001.zip")]


def test_a_listing_of_some_days_says_nothing_about_the_others(root: Path) -> None:
    shard(root, 1)
    shard(root, 3)
    pull_and_load()
    runs.pull(SOURCE, since=feeds.day_of(OTHER_DAY))
    assert len(missing()) == 1


def test_a_shard_that_cannot_be_read_is_noticed_and_filled_by_a_later_delivery(root: Path) -> None:
    first, second = shard(root, 1), shard(root, 2)
    whole = second.read_bytes()
    second.write_bytes(whole[: len(whole) // 2])
    _, loaded = pull_and_load()
    assert (loaded.refused, loaded.rows_loaded) == (1, 10), "the week goes on"
    assert missing() == [("unreadable", second.name)]
    assert runs.load(SOURCE).refused == 0 and missing() == [("unreadable", second.name)]
    second.write_bytes(whole)
    _, loaded = pull_and_load()
    assert (loaded.rows_loaded, missing()) == (10, []) and first.exists()


def test_an_unreadable_shard_inside_a_zip_is_noticed_and_filled_by_a_later_delivery(root: Path) -> None:
    inner = [feeds.bibs_zip(root / "x", DAY, range(start, start + 5)).read_bytes() for start in (0, 5)]
    path = feeds.dated_folder(root, DAY) / "20170822.zip"

    def write(second: bytes) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("1.zip", inner[0])
            archive.writestr("2.zip", second)

    write(inner[1][:300])
    (root / "x").rename(root.parent / "x")
    _, loaded = pull_and_load()
    assert (loaded.rows_loaded, missing()) == (5, [("unreadable", "20170822.zip!2.zip")])
    write(inner[1])
    _, loaded = pull_and_load()
    assert (loaded.files, missing()) == (1, [])
    assert one(f"select count(distinct publication_number) from {RAW}") == 10


def test_a_file_that_could_not_be_fetched_is_noticed_until_it_comes(feed: Feed, root: Path) -> None:
    first, second = shard(root, 1), shard(root, 2)
    feed.faults[f"/feed/{second.relative_to(root)}"] = ["login"] * 2
    for _ in range(2):
        pull_and_load()
        assert missing() == [("not_fetched", second.name)]
    pull_and_load()
    assert missing() == [] and first.exists()


def test_an_expected_issue_day_without_folder_is_noticed_and_filled_by_a_later_delivery(root: Path) -> None:
    days = ["20170801", "20170804", "20170808", "20170811", "20170815", "20170818", "20170822"]
    for day in days:
        for product in ("10-B_发明授权", "20-U_实用新型"):
            feeds.dated_folder(root, day, f"CN-PA-BIBS-ABSS-{product}").joinpath("1.zip").write_bytes(b"x")
        if day != "20170811":
            # the older spelling is the same product
            old = "CN-BIBS-ABSS-10-A_发明公布" if day < "20170811" else "CN-PA-BIBS-ABSS-10-A_发明公布"
            feeds.dated_folder(root, day, old).joinpath("1.zip").write_bytes(b"x")
    # designs have a rhythm of their own
    feeds.dated_folder(root, days[0], "CN-PA-BIBS-ABSS-30-S_外观设计").joinpath("1.zip").write_bytes(b"x")
    runs.pull(SOURCE)
    assert [path for kind, path in ask("select kind, object from ops.missing_shards") if kind == "day"] == [
        "CN/CN-BIBS-ABSS-10-A_发明公布/data/20170811"
    ]
    late = feeds.dated_folder(root, "20170811", "CN-PA-BIBS-ABSS-10-A_发明公布")
    runs.pull(SOURCE)
    assert ("day", "20170811") in missing(), "an empty folder is no delivery"
    late.joinpath("1.zip").write_bytes(b"y")
    runs.pull(SOURCE)
    assert ("day", "20170811") not in missing()


# --- shown -----------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_shown(root: Path) -> None:
    shard(root, 1)
    shard(root, 3)
    pull_and_load()
    [status] = runs.status(SOURCE)
    assert status.shards_missing == 1 and "_0002.zip" in status.missing[0] and "1 个分片缺失" in status.message_zh
    shown = CliRunner().invoke(main, ["status", SOURCE])
    assert shown.exit_code == 0 and "缺失 missing" in shown.output and "1 个分片" in shown.output
    with connections.connect("publisher") as connection:
        sources.sync(connection)
        live_views.ensure_live_views(connection)
    [(count, words)] = ask(
        "select shards_missing, message_zh from marts.data_freshness where source_id = :source", source=SOURCE
    )
    assert count == 1 and "1 个分片缺失或不可读" in words
