"""The dbt project as a whole: its unit tests, and what every mart owes its readers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ingestion import declarations, loader
from warehouse import connections, dbt_runner, release

MARTS = {
    "indicators",
    "indicator_components",
    "indicator_values",
    "indicator_progress",
    "indicator_years",
    "patents",
    "patent_events",
    "trademarks",
    "areas",
    "area_patents",
    "patent_grants_monthly",
}


@pytest.fixture
def target(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    return tmp_path / "target"


def test_unit_tests_pass_and_an_empty_warehouse_builds(target: Path) -> None:
    # before the first load every figure is missing, and the catalogue stands
    for source_id in declarations.source_ids():
        loader.ensure_tables(connections.engine("loader"), declarations.declaration(source_id))
    release_id = release.open_release("unit tests")
    dbt_runner.build(release_id, unit_tests=True)
    with connections.connect("auditor") as connection:
        ran = connection.execute(
            "select status, count(*) from ops.checks"
            " where suite = 'dbt' and check_name ~ '(^|[.])(edge|rule)_' group by status"
        ).fetchall()
        assert connection.execute("select count(*) from build_candidate.indicators").fetchone() == (119,)
        assert connection.execute("select count(*) from build_candidate.indicator_values").fetchone() == (0,)
        verdicts = connection.execute("select distinct verdict from build_candidate.indicator_progress").fetchall()
    manifest = json.loads((target / "manifest.json").read_text())
    assert len(manifest["unit_tests"]) > 50
    named = [name for name in manifest["unit_tests"] if re.search(r"\.(edge|rule)_", name)]
    assert ran == [("pass", len(named))]
    assert verdicts == [("not_assessable",)]
    _every_mart_keeps_its_contract(manifest)


def _every_mart_keeps_its_contract(manifest: dict[str, Any]) -> None:
    """An enforced contract, a version, an owner, and descriptions in Chinese and English for table and columns."""
    models = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"].get("schema") == "build_candidate"
    }
    assert set(models) == MARTS
    for name, model in models.items():
        assert model["config"]["contract"]["enforced"], name
        assert model["config"]["meta"].get("owner") or model["meta"].get("owner"), name
        assert model["config"]["meta"].get("version") or model["meta"].get("version"), name
        for place, text in [(name, model["description"])] + [
            (f"{name}.{column['name']}", column["description"]) for column in model["columns"].values()
        ]:
            assert re.search("[一-鿿]", text) and re.search("[A-Za-z]{3}", text), f"{place}: {text!r}"
