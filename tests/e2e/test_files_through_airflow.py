"""Whole files through the DAGs themselves: connection → landing → raw → checks → dbt → gate → release.

REAL_SAMPLES points at the true files; without it the synthetic set of the same shapes goes the same way. A run is
`airflow dags test`: Airflow's own full run of a DAG in one process, on a metadata database of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.postgres import Postgres
from ingestion import declarations, loader
from warehouse import connections

ROOT = Path(__file__).parents[2]
SYNTHETIC = ROOT / "tests" / "fixtures" / "samples"

#: what was counted by hand in the gazette of 2019-07-09 and the feeds of spring 2017
TRUE_COUNTS: dict[str, Any] = {
    "gazette": {
        "rows": 36_956,
        "distinct": 33_694,
        "destroyed": 31_818,
        "rejected": {"conflict": 90, "conflict_fields": 48},
    },
    "bibs": {"rows": 3_884, "standard": 2_465},
    "xml": {"documents": 1},
}


class Airflow:
    """Airflow on the session's Postgres, with the repository's DAGs."""

    def __init__(self, home: Path, database: str, warehouse: dict[str, str]):
        self.environment = {
            **os.environ,
            **warehouse,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg://{database}",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            "STATE_DIR": str(home),
        }

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env=self.environment, capture_output=True, text=True, timeout=280, check=False, cwd=ROOT,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-6000:]
        return output


@pytest.fixture
def airflow(warehouse: dict[str, str], postgres: Postgres, tmp_path: Path) -> Airflow:
    with psycopg.connect(postgres.superuser_dsn, autocommit=True) as connection:
        connection.execute("alter role airflow password 'only-in-this-test'")
        connection.execute("drop database if exists airflow with (force)")
        connection.execute("create database airflow owner airflow")
    database = f"airflow:only-in-this-test@127.0.0.1:{postgres.port}/airflow"
    runner = Airflow(tmp_path / "airflow", database, warehouse)
    runner.run("db", "migrate")
    for source_id in declarations.source_ids():  # the set-up of a platform lets raw tables stand before the first load
        loader.ensure_tables(connections.engine("loader"), declarations.declaration(source_id))
    return runner


def rows(query: str, *values: object) -> list[tuple[Any, ...]]:
    with connections.connect("operator") as connection:
        return connection.execute(query, values).fetchall()


@pytest.mark.timeout(580)
@pytest.mark.parametrize(
    "kind",
    [
        "synthetic",
        pytest.param(
            "true",
            marks=pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set"),
        ),
    ],
)
def test_sample_files_travel_the_whole_way(kind: str, airflow: Airflow, tmp_path: Path) -> None:
    root = Path(os.environ["REAL_SAMPLES"]) if kind == "true" else SYNTHETIC
    expected = TRUE_COUNTS if kind == "true" else json.loads((SYNTHETIC / "expected.json").read_text())
    address = tmp_path / "源 文件"  # a path with Chinese and a space
    for folder in root.glob("cnipa_*"):
        shutil.copytree(folder, address / folder.name, copy_function=shutil.copyfile)
    if kind == "synthetic":
        shutil.copyfile(SYNTHETIC / "SYNTHETIC.txt", address / "SYNTHETIC.txt")
    airflow.environment |= {
        "AIRFLOW_CONN_SRC_CNIPA_PATENTS": f"file://{address}",
        "SOURCE_SCOPE_CNIPA_PATENTS": "all",
    }

    airflow.run("dags", "test", "ingest_cnipa_patents", "2026-01-06")

    ledger = rows(
        "select layout, state, rows_read, rows_loaded, rows_duplicate, rows_rejected, is_synthetic from ops.loads"
    )
    assert ledger and {load[1] for load in ledger} == {"accepted"}
    assert {load[6] for load in ledger} == {kind == "synthetic"}
    read = {layout: sum(load[2] for load in ledger if load[0] == layout) for layout in {load[0] for load in ledger}}
    assert read["gazette_csv"] == expected["gazette"]["rows"]
    assert read["bibs_csv"] == expected["bibs"]["rows"]
    assert read["bibs_xml"] == expected["xml"]["documents"]
    # nothing is lost: every row read is loaded, alike to one that is, or rejected with its reason
    assert all(load[2] == load[3] + load[4] + load[5] for load in ledger)

    rejected = dict(rows("select rule, count(*) from ops.rejected_rows group by rule"))
    assert rejected == expected["gazette"]["rejected"]
    kept, flagged, guessed = rows(
        "select count(distinct publication_number), count(*) filter (where application_number_status = 'destroyed'),"
        " count(*) filter (where application_number_status = 'destroyed' and application_number is not null)"
        " from raw.cnipa_patents__publications where _layout = 'gazette_csv'"
    )[0]
    (in_quarantine,) = rows(
        "select count(distinct substring(row_text from 'CN[0-9]+[A-Z]')) from ops.rejected_rows"
        " where rule like 'conflict%%'"
    )[0]
    assert kept + in_quarantine == expected["gazette"]["distinct"]
    assert guessed == 0 and flagged > 0.8 * kept
    (standard,) = rows(
        "select count(*) from raw.cnipa_patents__publications where _layout = 'bibs_csv'"
        " and application_number_status = 'converted' and application_number_display ~ '^[0-9]{12}[.][0-9X]$'"
    )[0]
    assert standard == expected["bibs"]["standard"]

    airflow.run("dags", "test", "build_marts", "2026-01-06")
    assert rows("select state, is_synthetic from ops.releases") == [("published", kind == "synthetic")]
    with connections.connect("reader") as reader:
        assert reader.execute("select count(*) from marts.indicators").fetchone() == (119,)
        assert reader.execute("select count(*) > 0 from marts.patents").fetchone() == (True,)

    # the same files once more: nothing new, nothing doubled, no further release
    before = rows("select count(*) from raw.cnipa_patents__publications")
    airflow.run("dags", "test", "ingest_cnipa_patents", "2026-01-09")
    assert rows("select count(*) from raw.cnipa_patents__publications") == before
