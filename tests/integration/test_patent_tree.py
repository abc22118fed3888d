"""The tree of the bulk feed: siblings that are no deliveries, and signs in names that have a meaning in addresses."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from ingestion import runs
from tests import feeds
from tests.integration.test_ingestion import RAW, SOURCE, ask
from tests.servers import http_feed


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_number_signs_and_percent_signs_in_names_of_files_and_members(
    warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    folder = feeds.dated_folder(tmp_path / "来源#1", "20170822", "CN-PA-BIBS-ABSS-10-A_发明#公布?")
    with zipfile.ZipFile(folder / "CN00#%41.zip", "w") as archive:
        name, content = feeds.document(1, "20170822")
        name = name.replace("00L", "00#")
        archive.writestr(f"{name[:-4]}/{name}", content)
    if scheme == "file":
        from urllib.parse import quote

        monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", f"file://{quote(str(tmp_path / '来源#1'))}")
        runs.pull(SOURCE)
    else:
        with http_feed(tmp_path / "来源#1") as feed:
            monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", feed.url)
            runs.pull(SOURCE)
    assert runs.load(SOURCE).rows_loaded == 1
    [(place, source_file)] = ask(f"select _place, source_file_name from {RAW}")
    assert place == f"{name[:-4]}/{name}" and source_file == name and "00#" in name
    [(path, address)] = ask("select relative_path, address from ops.landed_files")
    assert path.endswith("/CN00#%41.zip") and address.endswith(path)


def test_rawdata_siblings_are_counted_as_ignored_and_never_entered(
    warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds.bibs_zip(tmp_path, "20170822", range(3))
    raw = feeds.dated_folder(tmp_path, "20170822rawdata")
    (raw / "images.zip").write_bytes(b"no delivery")
    (feeds.dated_folder(tmp_path, "20170822") / "readme.txt").write_text("no delivery either")
    with http_feed(tmp_path) as feed:
        monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", feed.url)
        pulled = runs.pull(SOURCE)
        assert (pulled.listed, pulled.ignored, pulled.landed, pulled.failed) == (1, 2, 1, 0)
        assert not [path for _, path in feed.requests if "rawdata" in path]
