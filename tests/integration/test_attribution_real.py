"""Whole files to the district they belong to: source folder, raw, dbt; the counts that were made by hand.

The true files are not in this repository: REAL_SAMPLES points at them. The same assertions run on synthetic files of
the same shapes, whose counts stand beside them.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingestion import declarations, loader, runs
from warehouse import connections, dbt_runner, release

SOURCE = "cnipa_patents"
SAMPLES = Path(__file__).parents[1] / "fixtures" / "samples"
# counted by hand in the gazette of 2019-07-09 and in the feeds of 2017; see docs/sources
TRUE_COUNTS: dict[str, Any] = {
    "gazette": {
        "dongli_rows": 56,
        "dongli_publications": 55,
        "zone_rows": 9,
        "zone_publications": 8,
        "look_alike_rows": 9,
    },
    "bibs": {"dongli_rows": 161, "zone_rows": 16},
}


@dataclass(frozen=True)
class Row:
    """A row of a flat file, as received."""

    publication_number: str
    owners: str
    address: str


@dataclass(frozen=True)
class Built:
    """Files, what was counted in them by hand, and what the warehouse made of each publication."""

    counts: dict[str, Any]
    gazette: list[Row]
    bibs: list[Row]
    placed: dict[str, tuple[str | None, bool, bool, str]]  # area, zone of another district, to be reviewed, confidence


def _folders() -> list[Any]:
    reason = "REAL_SAMPLES is not set: the true files are not in this repository"
    missing = not os.environ.get("REAL_SAMPLES")
    return [
        pytest.param("synthetic", id="synthetic"),
        pytest.param("true", id="true", marks=pytest.mark.skipif(missing, reason=reason)),
    ]


@pytest.fixture(params=_folders())
def built(
    request: pytest.FixtureRequest, warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Built]:
    """One load and one build of a folder of samples."""
    root = SAMPLES if request.param == "synthetic" else Path(os.environ["REAL_SAMPLES"])
    counts = json.loads((SAMPLES / "expected.json").read_text()) if request.param == "synthetic" else TRUE_COUNTS
    address = tmp_path / "source"
    for folder in root.glob("cnipa_*"):
        shutil.copytree(folder, address / folder.name, copy_function=shutil.copyfile)
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_PATENTS", f"file://{address}")
    monkeypatch.setenv("SOURCE_SCOPE_CNIPA_PATENTS", "all")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    runs.pull(SOURCE)
    runs.load(SOURCE)
    with connections.connect("loader") as connection:  # the gate of landed loads has tests of its own
        connection.execute("update ops.loads set state = 'accepted', validated_at = now() where state = 'loaded'")
    for source_id in declarations.source_ids():  # the build reads the tables of the other sources, empty here
        loader.ensure_tables(connections.engine("loader"), declarations.declaration(source_id))
    dbt_runner.build(release.open_release("test"))
    with connections.connect("auditor") as connection:
        placed = connection.execute(
            """
            select publication_number, area_code, is_zone_of_other, needs_review, confidence
            from core.fct_patent_attributions
            """
        ).fetchall()
    yield Built(
        counts,
        [
            Row(line["authorization_notice_id"].strip(), line["patentee"], line["address"])
            for file in sorted(root.glob("cnipa_gazette_*/*.csv"))
            for line in csv.DictReader(file.read_text("gb18030").splitlines())
        ],
        [
            Row(cells[2], cells[5], cells[8])
            for file in sorted(root.glob("cnipa_bibs_2017/*.csv"))
            for cells in csv.reader(file.read_text("utf-8-sig").splitlines())
        ],
        {number: (area, bool(zone), bool(review), confidence) for number, area, zone, review, confidence in placed},
    )


def test_files_are_placed_as_counted_by_hand(built: Built) -> None:
    # one build serves all: it is the long part
    _check_places(built)
    _check_persons(built)


def _check_places(built: Built) -> None:
    expected = built.counts["gazette"]
    in_district = [row for row in built.gazette if built.placed.get(row.publication_number, (None,))[0] == "120110"]
    assert len({row.publication_number for row in in_district}) == expected["dongli_publications"]
    assert (
        len({row.publication_number for row in in_district if built.placed[row.publication_number][1]})
        == (expected["zone_publications"])
    )
    # rows that contradict each other are quarantined and placed nowhere
    quarantined = [row for row in built.gazette if row.publication_number not in built.placed]
    written = [row for row in quarantined if "天津市东丽区" in row.address]
    assert len(in_district) + len(written) == expected["dongli_rows"]
    # nothing but what says so, and all of what says so
    assert all("天津市东丽区" in row.address for row in in_district)
    assert sum("天津市东丽区" in row.address for row in built.gazette) == expected["dongli_rows"]

    bibs = [row for row in built.bibs if built.placed.get(row.publication_number, (None,))[0] == "120110"]
    assert len(bibs) == built.counts["bibs"]["dongli_rows"]
    assert sum(built.placed[row.publication_number][1] for row in bibs) == built.counts["bibs"]["zone_rows"]

    look_alikes = [
        row for row in built.gazette if "东丽" in row.owners + row.address and "天津市东丽区" not in row.address
    ]
    assert len(look_alikes) == expected["look_alike_rows"]
    assert all(built.placed[row.publication_number][0] != "120110" for row in look_alikes)

    # a name of elsewhere behind 东丽区 is for a person to decide
    doubtful = [row for row in in_district if "塘沽" in row.address or "东丽区开发区西区" in row.address]
    assert doubtful
    assert {built.placed[row.publication_number][1:] for row in doubtful} == {(True, True, "low")}


def _check_persons(built: Built) -> None:
    """No person is readable from staging on, and the salt lies in no file of dbt."""
    with connections.connect("auditor") as connection:
        assert connection.execute(
            "select count(*) from core.dim_owners where is_natural_person and owner_name_shown !~ '^.\\*$'"
        ).fetchone() == (0,)
        assert connection.execute(
            "select count(*) from core.fct_publications where is_natural_person_owner and address_text ~ '[0-9]'"
        ).fetchone() == (0,)
        kinds: dict[bool, int] = dict(
            connection.execute(
                "select is_natural_person, count(*) from core.dim_owners group by is_natural_person"
            ).fetchall()
        )
    assert kinds[False] > 0
    # the synthetic flat files name firms only
    assert built.counts is not TRUE_COUNTS or kinds[True] > 100
    salt = os.environ["PERSON_KEY_SALT"]
    files = [file for folder in ("target", "logs") for file in Path(os.environ["STATE_DIR"]).glob(f"{folder}/**/*")]
    assert any(file.suffix == ".sql" for file in files)
    assert not [file for file in files if file.is_file() and salt.encode() in file.read_bytes()]
