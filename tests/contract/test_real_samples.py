"""What the readers make of the true files, and of the synthetic set of the same shapes, figure by figure.

REAL_SAMPLES points at a folder of true samples; without it those cases are skipped and the same assertions run on
`tests/fixtures/samples/` alone, against the counts its generator wrote.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion.archives import Bounds
from ingestion.readers import READERS, Parsed, Refusal, Reject

FIXTURES = Path(__file__).parent.parent / "fixtures"
SYNTHETIC = FIXTURES / "samples"

#: the acceptance figures of the true samples
REAL: dict[str, Any] = {
    "gazette": {
        "rows": 36_956,
        "distinct": 33_694,
        "distinct_by_file": {
            "invention_authorized.csv": 4_295,
            "invention_published.csv": 11_912,
            "utility_new.csv": 12_250,
            "appearance_designed.csv": 5_237,
        },
        "repeated": 683,
        "alike": 626,
        "conflict": 33,
        "conflict_fields": 24,
        "duplicates": 3_181,
        "rejected": {"conflict": 90, "conflict_fields": 48},
        "destroyed": 31_818,
        "pct": 130,
        "loaded": 33_637,
        "dongli_rows": 56,
        "dongli_publications": 55,
    },
    "bibs": {"rows": 3_884, "standard": 2_465, "dongli_rows": 161},
    "xml": {"documents": 1, "publication_number": "CN107087341A"},
}


class Read:
    """Everything that a reader gave for some files, added up."""

    def __init__(self, layout: str, paths: list[Path]):
        assert paths
        self.rows: list[dict[str, Any]] = []
        self.rejects: list[Reject] = []
        self.counts: Counter[str] = Counter()
        self.by_file: dict[str, int] = {}
        self.rows_read = self.duplicates = 0
        for path in paths:
            steps: list[Parsed] = list(READERS[layout](path, limits=Bounds()))
            for step in steps:
                self.rows += step.batch.to_pylist()
                self.rejects += step.rejects
                self.counts.update(step.counts)
                self.rows_read += step.rows_read
                self.duplicates += step.duplicates
            self.by_file[path.name] = sum(step.counts.get("keys", 0) for step in steps)


class Samples:
    """One folder of samples, each layout read once."""

    def __init__(self, root: Path, expected: dict[str, Any]):
        self.root, self.expected = root, expected
        self._read: dict[str, Read] = {}

    def read(self, layout: str, pattern: str) -> Read:
        if layout not in self._read:
            self._read[layout] = Read(layout, sorted(self.root.glob(pattern)))
        return self._read[layout]

    @property
    def gazette(self) -> Read:
        return self.read("gazette_csv", "cnipa_gazette_*/*.csv")

    @property
    def bibs(self) -> Read:
        return self.read("bibs_csv", "cnipa_bibs_*/*.csv")

    @property
    def documents(self) -> Read:
        return self.read("bibs_xml", "cnipa_xml/*.XML")


@pytest.fixture(scope="module", params=["real", "synthetic"])
def samples(request: pytest.FixtureRequest) -> Samples:
    if request.param == "synthetic":
        return Samples(SYNTHETIC, json.loads((SYNTHETIC / "expected.json").read_text(encoding="utf-8")))
    if not os.environ.get("REAL_SAMPLES"):
        pytest.skip("REAL_SAMPLES is not set: the true files are not in this repository")
    return Samples(Path(os.environ["REAL_SAMPLES"]), REAL)


def test_gazette_rows_and_distinct_publication_numbers(samples: Samples) -> None:
    want, read = samples.expected["gazette"], samples.gazette
    assert read.rows_read == want["rows"]
    assert read.counts["keys"] == want["distinct"]
    assert read.by_file == want["distinct_by_file"]


def test_gazette_numbers_on_several_rows(samples: Samples) -> None:
    want, counts = samples.expected["gazette"], samples.gazette.counts
    assert counts["keys_repeated"] == want["repeated"]
    assert counts["keys_alike"] == want["alike"]
    assert counts["keys_conflict"] == want["conflict"]
    assert counts["keys_conflict_fields"] == want["conflict_fields"]


def test_gazette_conflicts_are_quarantined_whole_and_alike_rows_kept_once(samples: Samples) -> None:
    want, read = samples.expected["gazette"], samples.gazette
    assert Counter(reject.rule for reject in read.rejects) == want["rejected"]
    assert read.duplicates == want["duplicates"]
    loaded = [row["publication_number"] for row in read.rows]
    assert len(loaded) == len(set(loaded)) == want["loaded"]
    assert read.rows_read == len(loaded) + read.duplicates + len(read.rejects)


def test_gazette_destroyed_numbers_are_flagged_and_none_guessed(samples: Samples) -> None:
    want, read = samples.expected["gazette"], samples.gazette
    assert read.counts["application_number_destroyed"] == want["destroyed"]
    assert read.counts["application_number_pct"] == want["pct"]
    assert read.counts["application_number_check_failed"] == read.counts["application_number_unreadable"] == 0
    for row in read.rows:
        received, status = row["application_number_received"], row["application_number_status"]
        assert (status == "destroyed") == ("E+" in received)
        if status == "destroyed":
            assert row["application_number"] is None and row["application_number_display"] is None
        elif status == "ok":
            assert row["application_number_display"].replace(".", "") == received


def test_gazette_rows_of_the_district_survive(samples: Samples) -> None:
    want, read = samples.expected["gazette"], samples.gazette
    kept = {row["publication_number"] for row in read.rows if "天津市东丽区" in (row["address_text"] or "")}
    assert len(kept) == want["dongli_publications"]
    rows = 0
    for path in samples.root.glob("cnipa_gazette_*/*.csv"):
        rows += sum("天津市东丽区" in line for line in path.read_text(encoding="gb18030").splitlines())
    assert rows == want["dongli_rows"]


def test_gazette_kinds_and_dates(samples: Samples) -> None:
    for row in samples.gazette.rows:
        assert row["kind_code"] == row["publication_number"][-1]
        assert row["publication_date"] is not None
        assert row["announcement_date"] == (None if row["kind_code"] == "A" else row["publication_date"])
        assert (row["locarno_code"] is None) == (row["kind_code"] != "S")
        assert (row["ipc_codes"] is None) == (row["kind_code"] == "S")
        assert row["first_owner_name"] and "??" not in row["owner_names"] and row["inventor_count"] >= 1
        assert not row["address_text"][:6].isdigit()


def test_bibs_standard_numbers_are_all_converted_with_a_check_digit(samples: Samples) -> None:
    want, read = samples.expected["bibs"], samples.bibs
    assert read.rows_read == len(read.rows) == want["rows"] and read.rejects == []
    status = Counter(row["application_number_status"] for row in read.rows)
    assert status == {"converted": want["standard"], "ok": want["rows"] - want["standard"]}
    assert all(row["application_number"] and row["application_number_display"] for row in read.rows)


def test_bibs_rows_of_the_district(samples: Samples) -> None:
    rows = samples.bibs.rows
    assert sum("东丽区" in (row["address_text"] or "") for row in rows) == samples.expected["bibs"]["dongli_rows"]


def test_bibs_titles_hold_no_markup(samples: Samples) -> None:
    assert not [row["title"] for row in samples.bibs.rows if "<" in row["title"] or "\u2011" in row["title"]]


def test_xml_document(samples: Samples) -> None:
    want, read = samples.expected["xml"], samples.documents
    assert len(read.rows) == want["documents"]
    (row,) = read.rows
    assert row["publication_number"] == want["publication_number"]
    assert (row["application_number_status"], row["document_status"]) == ("ok", "C")
    assert row["first_owner_name"] and row["county"] and row["post_code"] and row["inventor_count"]
    assert row["organization_code"] is None


def test_no_name_of_an_inventor_leaves_the_readers(samples: Samples) -> None:
    """People of the samples are masked as `李某`; owners may be people, so rejects and agents are searched."""
    for read in (samples.gazette, samples.bibs, samples.documents):
        for row in read.rows:
            assert not str(row["agency_name"] or "").endswith("某")
        for reject in read.rejects:
            assert "人]" in (reject.row_text or "")


SHARDS = sorted(json.loads((SYNTHETIC / "expected.json").read_text(encoding="utf-8"))["feed"].items())


@pytest.mark.parametrize(("place", "want"), SHARDS, ids=[place.rsplit("/", 1)[1] for place, _ in SHARDS])
def test_synthetic_feed(place: str, want: dict[str, Any]) -> None:
    if want["refused"]:
        with pytest.raises(Refusal) as caught:
            Read("bibs_xml", [SYNTHETIC / place])
        assert caught.value.rule == want["refused"]
        return
    read = Read("bibs_xml", [SYNTHETIC / place])
    assert (read.rows_read, len(read.rows), read.duplicates) == (want["documents"], want["loaded"], want["duplicates"])
    assert Counter(reject.rule for reject in read.rejects) == want["rejected"]
    assert {row["application_number_status"] for row in read.rows} == {"ok"}
    for row in read.rows:
        if row["kind_code"] in "BU":
            assert row["first_owner_name"] == "天津例权属有限公司"


def test_synthetic_set_is_what_its_generator_makes(tmp_path: Path) -> None:
    made = tmp_path / "samples"
    subprocess.run([sys.executable, FIXTURES / "make_samples.py", made], check=True, capture_output=True)
    assert _contents(made) == _contents(SYNTHETIC)


def _contents(root: Path) -> dict[str, Any]:
    """Every file's content; of readable zips what is in them, because packed bytes depend on the zlib at hand."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            name = path.relative_to(root).as_posix()
            found[name] = _unpacked(path.read_bytes()) if path.suffix == ".zip" else path.read_bytes()
    return found


def _unpacked(content: bytes) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile:
        return "unreadable"
    return {name: _unpacked(member) if name.endswith(".zip") else member for name, member in members.items()}


def test_real_names_are_not_in_the_synthetic_set() -> None:
    """Owners are made up: each holds 例."""
    load: Callable[[str, str], Read] = Samples(SYNTHETIC, {}).read
    for layout, pattern in (("gazette_csv", "cnipa_gazette_*/*.csv"), ("bibs_csv", "cnipa_bibs_*/*.csv")):
        for row in load(layout, pattern).rows:
            assert all("例" in name for name in json.loads(row["owner_names"]))
