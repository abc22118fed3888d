"""dbt in process: results as they end, seeds only when changed, a failure that is named and held."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from warehouse import connections, dbt_runner, release

FILES = {
    "dbt_project.yml": """
name: small
version: "1.0"
config-version: 2
profile: dongli_ip
flags: {send_anonymous_usage_stats: false}
models:
  small:
    staging: {+schema: staging}
    marts: {+schema: build_candidate, +materialized: table}
seeds: {small: {+schema: reference}}
""",
    "macros/schema.sql": "{% macro generate_schema_name(name, node) %}{{ name }}{% endmacro %}",
    "seeds/areas.csv": "area_code,name_zh\n120110,东丽区\n120111,西青区\n",
    "models/marts/districts.sql": "select area_code, name_zh from {{ ref('areas') }}",
    "models/marts/named.sql": "select * from {{ ref('districts') }} where name_zh is not null",
    "models/marts/marts.yml": """
models:
  - name: districts
    columns:
      - name: area_code
        data_tests:
          - unique: {config: {meta: {owner: 数据组, reason_zh: 区划代码重复}}}
      - name: name_zh
        data_tests:
          - accepted_values: {arguments: {values: [东丽区]}, config: {severity: warn}}
""",
}


@pytest.fixture(autouse=True)
def project(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two models and a seed, with the product's own profile."""
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text.lstrip())
    shutil.copy(dbt_runner.PROJECT / "profiles.yml", root)
    monkeypatch.setattr(dbt_runner, "PROJECT", root)
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    return root


def rows(query: str) -> list[tuple[object, ...]]:
    with connections.connect("auditor") as connection:
        return connection.execute(query).fetchall()


def test_a_build_records_every_node_and_test(project: Path) -> None:
    release_id = release.open_release("run-1")
    dbt_runner.build(release_id)
    schema = release.seal(release_id)
    assert rows(f'select area_code::text, name_zh from "{schema}".named order by 1') == [
        ("120110", "东丽区"),
        ("120111", "西青区"),
    ]
    built = rows(
        "select object, status, rows_out, release_id, run_id from ops.outcomes where step = 'build' order by 1"
    )
    assert built == [
        ("build_candidate.districts", "ok", 2, release_id, "run-1"),
        ("build_candidate.named", "ok", 2, release_id, "run-1"),
        ("reference.areas", "ok", 2, release_id, "run-1"),
    ]
    checks = rows("select object, severity, status, failing_count, owner, reason_zh from ops.checks order by severity")
    assert checks == [
        ("districts.area_code", "error", "pass", 0, "数据组", "区划代码重复"),
        ("districts.name_zh", "warn", "fail", 1, None, None),
    ]
    # the second build finds the manifest and the seeds as they are
    second = release.open_release("run-2")
    dbt_runner.build(second)
    assert rows(f"select count(*) from ops.outcomes where step = 'build' and release_id = '{second}'") == [(2,)]
    # a changed seed is loaded again
    with (project / "seeds/areas.csv").open("a") as seed:
        seed.write("120112,津南区\n")
    release.seal(second)
    third = release.open_release("run-3")
    dbt_runner.build(third)
    assert rows("select count(*) from build_candidate.named") == [(3,)]


def test_a_failed_test_holds_the_release_and_is_named(project: Path) -> None:
    with (project / "seeds/areas.csv").open("a") as seed:
        seed.write("120110,东丽区\n")
    release_id = release.open_release("run-1")
    with pytest.raises(dbt_runner.BuildFailed, match="unique_districts_area_code") as failure:
        dbt_runner.build(release_id)
    assert failure.value.nodes == ["unique_districts_area_code"]
    release.fail(release_id, str(failure.value))  # as the task does; the better reason stays
    assert rows("select state, held_reason_zh from ops.releases") == [
        ("held", "构建检查未通过：unique_districts_area_code")
    ]
    # dbt builds nothing on what failed its test
    assert rows("select object, status from ops.outcomes where step = 'build' and status <> 'ok'") == [
        ("build_candidate.named", "skipped")
    ]


def test_a_broken_model_fails_the_release_and_may_be_tried_again(project: Path) -> None:
    model = project / "models/marts/named.sql"
    good = model.read_text()
    model.write_text("select no_such_column from {{ ref('districts') }}")
    release_id = release.open_release("run-1")
    with pytest.raises(dbt_runner.BuildFailed, match="broken: named"):
        dbt_runner.build(release_id)
    assert rows("select state from ops.releases") == [("failed",)]
    model.write_text(good)
    dbt_runner.build(release_id)
    release.seal(release_id)
    assert rows("select state, held_reason_zh from ops.releases") == [("built", None)]


def test_a_project_that_does_not_parse_is_said_in_dbts_words(project: Path) -> None:
    (project / "models/marts/named.sql").write_text("select * from {{ ref('nowhere') }}")
    release_id = release.open_release("run-1")
    with pytest.raises(dbt_runner.BuildFailed, match="nowhere"):
        dbt_runner.build(release_id)
    assert rows("select state from ops.releases") == [("failed",)]


def test_two_builds_do_not_run_at_once(project: Path) -> None:
    release_id = release.open_release("run-1")
    with release.building(), pytest.raises(release.ReleaseBusy):
        dbt_runner.build(release_id)
