"""The marts suite passes a sound build, and each fault put into it is found by the rule that is meant for it."""
# ruff: noqa: E501  tables and faults read better whole

from __future__ import annotations

import pytest

from expectations import marts, pages
from warehouse import connections, release

TABLES = """
create table build_candidate.indicators as
    select 'DL-14-5' as plan_code, code as indicator_code, '有效发明专利量' as name_zh, '有效发明专利量达到2500件' as plan_quote,
        'stock' as measure, case when n <= 23 then 'at_least' else 'monitor' end as target_rule
    from generate_series(1, 119) n, lateral (select case n when 1 then 'H02' when 2 then 'B01' else 'A' || n end as code) c;
create table build_candidate.indicator_components as select 'A1'::text as indicator_code;
create table build_candidate.indicator_values as
    select 'DL-14-5'::text as plan_code, code as indicator_code, 'total'::text as component_code, '120110'::text as area_code,
        'latest'::text as basis, '件'::text as unit, null::text as note_zh, {release} as release_id, (1000 + 10 * m)::numeric as value,
        null::numeric as numerator, null::numeric as denominator, 5 as source_count, false as is_provisional,
        (date '2020-12-31' + m * 31)::date as period_end
    from unnest(array['H02', 'B01']) code, generate_series(0, 5) m;
create table build_candidate.indicator_progress as
    select plan_code, indicator_code, 'total'::text as component_code, '120110'::text as area_code, 'latest'::text as basis,
        target_rule, 'ahead'::text as verdict, null::text as pace_status, null::text as growth_status, null::text as reason,
        null::numeric as latest_value, null::numeric as pace_ratio, null::numeric as growth_ratio, {release} as release_id,
        false as is_provisional, date '2024-12-31' as period_end
    from build_candidate.indicators where target_rule <> 'monitor';
create table build_candidate.patents as
    select 'p' || n as patent_id, '一种泵 CN10' || n as title, case when n = 1 then '自然人' else '天津某机械有限公司' end as owner_name_shown,
        case when n > 1 then encode(sha256(n::text::bytea), 'hex') end as owner_key, n = 1 as is_natural_person_owner, date '2019-07-09' as grant_date
    from generate_series(1, 100) n;
create table build_candidate.areas as select '120110'::text as area_code;
create table build_candidate.area_patents as
    select (120100 + n)::text as area_code, 'district'::text as level, '[[117.31012219900101123,39.08]]'::text as boundary_geojson
    from generate_series(1, 16) n;
"""


@pytest.fixture(autouse=True)
def _warehouse(warehouse: dict[str, str]) -> None:
    """Every test here starts from an empty warehouse."""


def sealed(sql: str = "") -> tuple[str, str]:
    release_id = release.open_release(None)
    with connections.connect("builder") as connection:
        connection.execute(TABLES.format(release=f"'{release_id}'::text") + sql)
    return release_id, release.seal(release_id)


def query(text: str, role: str = "auditor") -> list[tuple[object, ...]]:
    with connections.connect(role) as connection:
        return connection.execute(text).fetchall()


FAULTS = {
    "update {c}.patents set title = '申请人身份证110101199003072316号' where patent_id = 'p7'": "no_identity_numbers",
    "update {c}.patents set title = '联系电话13820012345' where patent_id = 'p8'": "no_mobile_numbers",
    "update {c}.patents set title = 'zhang.san@example.com' where patent_id = 'p9'": "no_mail_addresses",
    "update {c}.patents set title = '发明人：王小明' where patent_id = 'p10'": "no_labelled_names",
    "alter table {c}.patents add column inventor_names text": "no_personal_columns",
    "update {c}.patents set owner_name_shown = '王小明' where patent_id = 'p1'": "persons_are_masked",
    "delete from {c}.indicators where indicator_code = 'A77'": "catalogue_is_complete",
    "update {c}.indicators set plan_quote = '' where indicator_code = 'A78'": "indicators_quote_the_plan",
    "update {c}.indicator_values set value = -1 where period_end = '2020-12-31'": "counts_are_not_negative",
    "delete from {c}.indicator_values where period_end = '2020-12-31' and indicator_code = 'B01'": "base_is_known",
    "update {c}.indicator_values set release_id = '20200101_000000' where indicator_code = 'B01'": "rows_are_of_this_release",
    "update {c}.indicator_progress set verdict = null where indicator_code = 'H02'": "verdicts_or_reasons",
    "drop table {c}.area_patents": "marts_are_there",
    "delete from {c}.areas": "marts_have_rows",
}
ODDITIES = {
    "update {c}.indicator_values set value = 2000 where period_end > '2021-03-01'": "months_change_with_reason",
    "delete from {c}.indicator_progress where indicator_code = 'H02'": "targets_are_judged",
    "update {c}.patents set owner_name_shown = '王小明' where patent_id = 'p9'": "no_unmasked_names",
    "delete from {c}.area_patents where area_code = '120101'": "all_districts_are_there",
}


def test_a_sound_build_passes_and_may_be_published() -> None:
    release_id, schema = sealed()
    result = marts.check_marts(release_id, schema)
    assert (result.failures, result.warnings, result.passed) == ([], [], True)
    assert query("select distinct status from ops.checks where suite = 'marts'") == [("pass",)]
    assert query("select count(*) > 15 from ops.checks") == [(True,)]
    release.publish(release_id)
    with connections.connect("reader") as reader:
        assert reader.execute("select distinct suite, release_id from marts.checks").fetchall() == [
            ("marts", release_id)
        ]


def test_all_faults_at_once_and_each_is_found_by_its_own_rule() -> None:
    """One build for all of them: `test_a_fault_holds_the_release` follows a few the whole way."""
    release_id, schema = sealed(";".join(FAULTS).format(c="build_candidate"))
    result = marts.check_marts(release_id, schema)
    assert sorted(text.split(":")[0] for text in result.failures) == sorted(FAULTS.values())


WHOLE_WAY = ("no_identity_numbers", "catalogue_is_complete", "marts_are_there")


@pytest.mark.parametrize("rule", WHOLE_WAY)
def test_a_fault_holds_the_release(rule: str) -> None:
    [fault] = [text for text, name in FAULTS.items() if name == rule]
    first, schema = sealed()
    release.mark_checked(first)
    release.publish(first)
    second, schema = sealed(fault.format(c="build_candidate"))
    result = marts.check_marts(second, schema)
    assert not result.passed
    assert [text.split(":")[0] for text in result.failures] == [rule]
    assert query(f"select check_name, severity from ops.checks where status <> 'pass' and release_id = '{second}' and severity = 'error'") == [
        (rule, "error")
    ]  # fmt: skip
    with pytest.raises(release.ReleaseError):
        release.publish(second)
    with connections.connect("reader") as reader:
        shown = reader.execute("select release_id, state, held_reason_zh from marts.releases order by 1").fetchall()
        assert reader.execute("select distinct release_id from marts.indicator_values").fetchall() == [(first,)]
    assert shown == [(first, "published", None), (second, "held", result.reason_zh)]
    assert "110101199003072316" not in result.reason_zh + result.reason_en
    [page] = pages.folder().glob(f"*{second}.html")
    assert rule in page.read_text() and "110101199003072316" not in page.read_text()


def test_oddities_are_stored_and_stop_nothing() -> None:
    release_id, schema = sealed(";".join(ODDITIES).format(c="build_candidate"))
    result = marts.check_marts(release_id, schema)
    assert result.passed and sorted(text.split(":")[0] for text in result.warnings) == sorted(ODDITIES.values())
    assert query("select distinct severity from ops.checks where status = 'fail'") == [("warn",)]
    release.publish(release_id)


def test_a_mart_that_collapses_is_held_unless_somebody_knows_why() -> None:
    first, schema = sealed()
    assert marts.check_marts(first, schema).passed
    release.publish(first)
    less, schema = sealed("delete from build_candidate.patents where patent_id > 'p5'")
    result = marts.check_marts(less, schema)
    assert [text.split(":")[0] for text in result.failures] == ["marts_have_not_collapsed"]
    assert "patents" in result.reason_zh
    again, schema = sealed("delete from build_candidate.patents where patent_id > 'p5'")
    assert marts.check_marts(again, schema, accept_shrinking=True).passed


def test_patents_must_be_there_once_a_load_was_accepted() -> None:
    with connections.connect("operator") as connection:
        connection.execute(
            """
            with f as (insert into ops.landed_files (source_id, layout, address, relative_path, file_name, landing_path,
                content_sha256, state, size_bytes, is_synthetic, known_at)
                values ('s', 'x', 'x', 'x', 'x', 'x', 'x', 'loaded', 1, false, '2020-01-01') returning file_id)
            insert into ops.loads (file_id, source_id, layout, table_name, fingerprint, state, rows_read, rows_loaded,
                rows_skipped, rows_duplicate, rows_rejected, is_synthetic, known_at)
            select file_id, 's', 'x', 'x', 'x', 'accepted', 9, 9, 0, 0, 0, false, '2020-01-01' from f
            """
        )
    release_id, schema = sealed("delete from build_candidate.patents")
    assert [text.split(":")[0] for text in marts.check_marts(release_id, schema).failures] == ["marts_have_rows"]
