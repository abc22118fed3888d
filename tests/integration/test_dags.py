"""The DAGs parse without network, database or secret, and are exactly the ones we mean to have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DAG_IDS = {
    "ingest_cnipa_legal_status",
    "ingest_cnipa_patents",
    "ingest_cnipa_trademarks",
    "ingest_reference",
    "build_marts",
    "deploy_dashboards",
}

PARSE = """
import json, os, socket, sys
sys.path.insert(0, {root!r})
blocked = []
class NoSocket(socket.socket):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            blocked.append(repr(address)); raise OSError("network is blocked while DAGs are parsed")
        return super().connect(address)
from airflow.dag_processing.dagbag import DagBag
socket.socket = NoSocket
socket.create_connection = lambda *a, **k: blocked.append(repr(a)) or (_ for _ in ()).throw(OSError("blocked"))
before = set(sys.modules)
bag = DagBag({folder!r})
costly = {{"great_expectations", "dbt", "pyarrow", "psycopg", "lxml", "requests"}}
heavy = sorted(costly & (set(sys.modules) - before))
print("RESULT" + json.dumps({{
    "errors": bag.import_errors, "blocked": blocked, "heavy": heavy,
    "dags": {{i: {{
        "doc": d.doc_md, "catchup": d.catchup, "max_active_runs": d.max_active_runs,
        "tasks": {{t.task_id: [t.retries, bool(t.retry_exponential_backoff), t.pool] for t in d.tasks}},
    }} for i, d in bag.dags.items()}}}}))
"""


def parse(folder: Path, home: Path) -> dict:
    """Parse a DAGs folder in a clean process that holds none of the platform's variables."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/never.db",
        "PYTHONPATH": str(ROOT),
    }
    code = PARSE.format(root=str(ROOT), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(lines[0].removeprefix("RESULT"))


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return parse(ROOT / "dags", tmp_path_factory.mktemp("airflow"))


def test_every_dag_parses_and_the_set_is_known_by_name(parsed: dict) -> None:
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == DAG_IDS


def test_parsing_touches_no_network_database_or_secret(parsed: dict) -> None:
    assert parsed["blocked"] == []
    # what opens connections or costs seconds is imported inside the tasks
    assert parsed["heavy"] == []


def test_parsing_that_does_touch_the_network_is_caught(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "# airflow dag\nimport socket\nsocket.create_connection(('127.0.0.1', 9))\n", encoding="utf-8"
    )
    result = parse(tmp_path, tmp_path)
    assert result["blocked"] and result["errors"]


def test_each_dag_carries_a_runbook(parsed: dict) -> None:
    for dag_id, dag in parsed["dags"].items():
        assert "When it breaks" in dag["doc"], dag_id


def test_sources_retry_with_backoff_in_a_pool_of_their_own(parsed: dict) -> None:
    for dag_id, dag in parsed["dags"].items():
        if dag_id.startswith("ingest_"):
            for retries, backoff, pool in dag["tasks"].values():
                assert retries >= 3 and backoff and pool == "source_" + dag_id.removeprefix("ingest_")
            assert list(dag["tasks"]) == ["pull", "load", "validate"]
            assert dag["max_active_runs"] == 1
