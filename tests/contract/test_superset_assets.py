"""The dashboards' files hold together down to the marts' columns, and the gate that says so can fail."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "superset"))  # a folder of scripts: a package of this name would shadow Superset

import bundle  # noqa: E402
import check  # noqa: E402

Documents = dict[str, bundle.Document]


@pytest.fixture
def documents() -> Documents:
    return copy.deepcopy(bundle.read())


def test_the_tree_passes() -> None:
    assert [str(finding) for finding in check.check()] == []


def test_the_overview_is_there() -> None:
    overview = bundle.read()["dashboards/overview.yaml"]
    assert (overview["slug"], overview["dashboard_title"]) == ("overview", "规划监测总览")


@pytest.mark.parametrize(
    ("mart", "column"),
    [
        ("indicator_progress", "pace_status_zh"),
        ("area_patents", "boundary_geojson"),
        ("patent_grants_monthly", "grant_count"),
        ("releases", "is_synthetic"),
        ("data_freshness", "is_late"),
    ],
)
def test_a_renamed_column_breaks_the_gate(documents: Documents, mart: str, column: str) -> None:
    marts = check.contracts()
    marts[mart] = (marts[mart] - {column}) | {f"{column}_v2"}
    found = check.findings(documents, marts)
    assert found
    assert any(column in finding.text and f"datasets/{mart}.yaml" in finding.place for finding in found)


def test_a_mart_without_a_contract_breaks_the_gate(documents: Documents) -> None:
    marts = check.contracts()
    del marts["indicator_progress"]
    assert "has no contract" in check.findings(documents, marts)[0].text


def _misspelt_metric(d: Documents) -> None:
    d["charts/headline_tiles.yaml"]["params"]["metrics"].append("currrent_value")


def _template_beyond_the_query(d: Documents) -> None:
    d["charts/headline_tiles.yaml"]["params"]["handlebarsTemplate"] += "{{current_growth_status}}"


def _metric_without_label(d: Documents) -> None:
    d["datasets/indicators.yaml"]["metrics"][0]["verbose_name"] = "count"


def _own_sql(d: Documents) -> None:
    d["datasets/indicators.yaml"]["sql"] = "select 1"


def _raw_table(d: Documents) -> None:
    d["datasets/indicators.yaml"]["schema"] = "raw"


def _password(d: Documents) -> None:
    d["databases/warehouse.yaml"]["sqlalchemy_uri"] = "postgresql://bi_reader:hunter2@127.0.0.1/warehouse"


def _tile_server(d: Documents) -> None:
    d["charts/district_map.yaml"]["params"]["mapbox_style"] = "https://tile.example.org/{z}/{x}/{y}.png"


def _same_id(d: Documents) -> None:
    d["charts/area_tiles.yaml"]["uuid"] = d["charts/district_map.yaml"]["uuid"]


def _chart_off_the_dashboard(d: Documents) -> None:
    grid = d["dashboards/overview.yaml"]["position"]
    del grid["CHART-district_map"]
    for row in grid.values():
        if isinstance(row, dict) and "CHART-district_map" in row.get("children", []):
            row["children"].remove("CHART-district_map")


def _row_too_wide(d: Documents) -> None:
    d["dashboards/overview.yaml"]["position"]["CHART-district_map"]["meta"]["width"] = 9


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (_misspelt_metric, "metric currrent_value is not in dataset"),
        (_template_beyond_the_query, "its template shows current_growth_status"),
        (_metric_without_label, "has no Chinese label"),
        (_own_sql, "no SQL of its own"),
        (_raw_table, "schema marts"),
        (_password, "password"),
        (_tile_server, "outside host"),
        (_same_id, "has the uuid of"),
        (_chart_off_the_dashboard, "no dashboard shows this chart"),
        (_row_too_wide, "columns wide, 12 fit"),
    ],
)
def test_each_mistake_is_named(documents: Documents, mistake: Callable[[Documents], None], says: str) -> None:
    mistake(documents)
    assert any(says in finding.text for finding in check.findings(documents, check.contracts()))


def test_a_file_out_of_normal_form_is_named(tmp_path: Path, documents: Documents) -> None:
    bundle.write({name: bundle.pruned(name.split("/")[0], d) for name, d in documents.items()}, tmp_path)
    assert check.written_form(tmp_path) == []
    path = tmp_path / "charts" / "headline_tiles.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()), allow_unicode=False))
    assert [finding.place for finding in check.written_form(tmp_path)] == ["charts/headline_tiles.yaml"]


def test_what_is_deployed_and_exported_is_the_file(documents: Documents) -> None:
    for name, document in documents.items():
        kind = name.split("/")[0]
        completed = bundle.completed(name, document, "postgresql+psycopg2://somebody@somewhere/warehouse")
        completed.pop("is_managed_externally")
        assert bundle.pruned(kind, completed) == document, name


def test_every_mart_of_the_dashboards_has_an_exposure(documents: Documents) -> None:
    written = yaml.safe_load(check.EXPOSURES.read_text(encoding="utf-8"))["exposures"]
    named = {needed.rsplit("'", 2)[1] for exposure in written for needed in exposure["depends_on"]}
    assert {d["table_name"] for name, d in documents.items() if name.startswith("datasets/")} <= named


def test_no_status_is_told_by_colour_alone(documents: Documents) -> None:
    css = documents["dashboards/overview.yaml"]["css"]
    words = (ROOT / "dbt_project" / "seeds" / "plan" / "status_words.csv").read_text(encoding="utf-8").splitlines()[1:]
    statuses = {line.split(",")[1] for line in words if line.startswith("status,")} - {"not_assessable"}
    assert {status for status in statuses if f".dl-s-{status}::before" not in css} == set()
    assert '.dl-status::before { content: "○ "; }' in css  # all others
