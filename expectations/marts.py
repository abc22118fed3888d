"""The gate of `marts`: what a build must be before readers may see it.

Keys, types and relations inside the build are dbt's business and are not tested again. Here stand the questions of
whoever publishes: is it all there, is it from this release, does it contradict the plan or the release before, and
does it name a person?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Json

from expectations import ledger, pages, suite
from expectations.suite import Finding, Rule
from warehouse import connections, release, repoint

#: marts that readers rely on; least rows of each
REQUIRED = {
    "indicators": 1,
    "indicator_components": 1,
    "indicator_values": 0,
    "indicator_progress": 0,
    "patents": 0,
    "areas": 1,
    "area_patents": 1,
}
#: indicators of each plan that is monitored
CATALOGUE = {"DL-14-5": 119}
BASE_DATE = "2020-12-31"
BASE_INDICATORS = ("H02", "B01")
SHRUNK_HELD, SHRUNK_WARNED = 0.5, 0.9
MONTHLY_CHANGE_PCT, MONTHLY_CHANGE_LEAST = 50, 20

# Around them neither digits nor letters nor a decimal point: keys, hashes and coordinates are no identity numbers.
_LEFT, _RIGHT = r"(^|[^0-9A-Za-z.])", r"($|[^0-9A-Za-z])"
PERSONAL = {
    "identity_numbers": (
        _LEFT + r"[1-9]\d{5}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]" + _RIGHT,
        "文本中出现身份证号",
        "a text column holds identity numbers",
    ),
    "mobile_numbers": (
        _LEFT + r"(\+?86[- ]?)?1[3-9]\d{9}" + _RIGHT,
        "文本中出现手机号码",
        "a text column holds mobile numbers",
    ),
    "mail_addresses": (
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}",
        "文本中出现电子邮箱",
        "a text column holds mail addresses",
    ),
    "labelled_names": (
        r"(姓名|联系人|发明人|设计人|代理人|法定代表人|负责人)\s*[:：]\s*[\u4e00-\u9fff·]{2,}",
        "文本中出现个人姓名",
        "a text column names persons",
    ),
}
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟"
    "谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)


@dataclass(frozen=True)
class CheckResult:
    """`passed` is false when a rule of weight error failed; then the release is held and the reasons name the rules."""

    passed: bool
    failures: list[str]
    warnings: list[str]
    reason_zh: str = ""
    reason_en: str = ""
    page: str = ""


def check_marts(release_id: str, schema: str, *, accept_shrinking: bool = False) -> CheckResult:
    """Test the build of a release; it is marked as checked, or held with the reasons.

    `accept_shrinking` is for a person who knows why a mart has lost half of its rows (a narrower load scope, say).
    """
    started = datetime.now(UTC)
    findings = _run(release_id, schema, accept_shrinking=accept_shrinking)
    bad = [one for one in findings if one.status != "pass" and (one.rule.severity == "error" or one.status == "error")]
    warned = [one for one in findings if one.status == "fail" and one.rule.severity == "warn"]
    result = CheckResult(
        passed=not bad,
        failures=[_sentence(one) for one in bad],
        warnings=[_sentence(one) for one in warned],
        reason_zh="；".join(f"{one.rule.reason_zh}（{one.observed[:160] or one.failing_count}）" for one in bad)[:1000],
        reason_en="; ".join(_sentence(one) for one in bad)[:1000],
    )
    page = pages.write_run(
        "marts",
        release_id,
        title_zh=f"发布检查：{release_id}",
        title_en=f"Marts of release {release_id}",
        passed=result.passed,
        findings=findings,
        started=started,
    )
    with connections.connect("publisher") as connection:
        ledger.write(connection, "marts", findings, release_id=release_id)
        connection.execute(
            """
            insert into ops.outcomes (step, status, release_id, object, message_zh, message_en, details, started_at)
            values ('check', %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                "failed" if bad else "warn" if warned else "ok", release_id, schema,
                result.reason_zh or "发布检查通过", result.reason_en or "the marts suite passed",
                Json({"rules": len(findings), "failures": len(bad), "warnings": len(warned), "page": page.name}),
                started,
            ],
        )  # fmt: skip
    if result.passed:
        release.mark_checked(release_id)
    else:
        release.hold(release_id, result.reason_zh, result.reason_en)
    return replace(result, page=str(page))


def _run(release_id: str, schema: str, *, accept_shrinking: bool) -> list[Finding]:
    with connections.connect("auditor") as connection:
        built = {n: r.columns for n, r in repoint.relations(connection, schema).items() if r.kind in "rp"}
        tables = _tables_frame(connection, release_id, schema, built)
        columns = _columns_frame(connection, schema, built)
    findings = suite.on_frame("marts_tables", tables, table_rules(accept_shrinking), ["mart"])
    findings += suite.on_frame("marts_columns", columns, column_rules(), ["mart", "column"])
    address = connections.url("auditor")
    for mart, its_rules in content_rules(schema).items():
        needed = {mart, *(other for other in ("indicators", "patents") if any(other in r.object for r in its_rules))}
        if needed <= set(built):  # a missing mart is a failure already
            findings += suite.on_table(f"marts_{mart}", address, schema, mart, its_rules)
    return findings


# --- the rules ------------------------------------------------------------------------------------------------------


def table_rules(accept_shrinking: bool = False) -> list[Rule]:
    """On one row a mart: rows, rows of the release that readers see now, rows of another release."""
    made = [
        Rule(
            "marts_are_there",
            lambda gxe: gxe.ExpectColumnValuesToNotBeNull(column="rows"),
            "缺少应有的集市表", "a mart is missing", object="*", expected=", ".join(REQUIRED),
        ),
        Rule(
            "marts_have_rows",
            lambda gxe: gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="rows", column_B="rows__least", or_equal=True, ignore_row_if="either_value_is_missing"
            ),
            "集市表没有数据", "a mart is empty", object="*", expected="rows >= rows__least",
        ),
        Rule(
            "rows_are_of_this_release",
            lambda gxe: gxe.ExpectColumnValuesToBeBetween(column="rows_of_another_release", max_value=0),
            "集市表含有其他发布的数据", "a mart holds rows of another release", object="*", expected="0",
        ),
        _shrunk("marts_have_not_collapsed", "held", "集市表行数不足上一发布的一半", "a mart lost half of its rows"),
        _shrunk("marts_have_not_shrunk", "warned", "集市表行数减少一成以上", "a mart lost a tenth of its rows", "warn"),
    ]  # fmt: skip
    return [replace(one, severity="warn") if accept_shrinking and "collapsed" in one.name else one for one in made]


def _shrunk(name: str, limit: str, zh: str, en: str, severity: suite.Severity = "error") -> Rule:
    return Rule(
        name,
        lambda gxe: gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="rows", column_B=f"rows__{limit}", or_equal=True, ignore_row_if="either_value_is_missing"
        ),
        zh, en, severity, object="*", expected=f"rows >= rows__{limit}",
    )  # fmt: skip


def column_rules() -> list[Rule]:
    """On one row a text column of every mart: how many values look personal."""
    return [
        Rule(
            f"no_{name}",
            _none_in(name),
            zh, en, object="*.*", expected="0",
        )
        for name, (_, zh, en) in PERSONAL.items()
    ] + [
        Rule(
            "no_personal_columns",
            lambda gxe: gxe.ExpectColumnValuesToNotMatchRegex(
                column="column", regex="(?:inventor|designer|agent|contact|person)s?_names?|identity_n|phone|_email"
            ),
            "集市表中有个人信息字段", "a mart has a column of personal data", object="*.*",
        )
    ]  # fmt: skip


def _none_in(column: str) -> Callable[[Any], Any]:
    return lambda gxe: gxe.ExpectColumnValuesToBeBetween(column=column, max_value=0)


def content_rules(schema: str) -> dict[str, list[Rule]]:
    """Mart → rules on its rows. A query gives the rows that should not be; `{batch}` is the mart."""

    def other(mart: str) -> str:
        return f'"{schema}"."{mart}"'

    plans = ", ".join(f"('{plan}', {count})" for plan, count in CATALOGUE.items())
    base = ", ".join(f"('{code}')" for code in BASE_INDICATORS)
    return {
        "indicators": [
            _no_rows(
                "catalogue_is_complete",
                "select p.plan_code, coalesce(h.held, 0) as held, p.wanted"
                f" from (values {plans}) as p (plan_code, wanted)"
                " left join (select plan_code, count(*) as held from {batch} group by plan_code) as h"
                " on h.plan_code = p.plan_code where h.held is distinct from p.wanted",
                "指标目录不完整", "the catalogue is not complete", object="indicators",
                expected=", ".join(f"{plan}: {count}" for plan, count in CATALOGUE.items()),
            ),
            _no_rows(
                "indicators_quote_the_plan",
                "select indicator_code from {batch} where coalesce(plan_quote, '') = '' or coalesce(name_zh, '') = ''",
                "指标缺少名称或规划原文", "an indicator lacks its name or its sentence of the plan",
                object="indicators.plan_quote",
            ),
        ],
        "indicator_values": [
            _no_rows(
                "counts_are_not_negative",
                "select v.indicator_code, v.component_code, v.area_code, v.period_end::text as period_end,"
                " v.value::text as value"
                f" from (select * from {{batch}}) as v join {other('indicators')} i"
                " on i.plan_code = v.plan_code and i.indicator_code = v.indicator_code"
                " where i.measure in ('stock', 'flow') and v.value < 0",
                "存量或流量为负数", "a stock or a flow is negative", object="indicator_values.value, indicators",
                expected=">= 0",
            ),
            _no_rows(
                "base_is_known",
                f"select b.indicator_code from (values {base}) as b (indicator_code)"
                f" where exists (select 1 from {other('patents')} where grant_date <= '{BASE_DATE}')"
                # a feed that ends before the base date has no base to show
                f" and exists (select 1 from (select * from {{batch}}) as w where w.period_end >= '{BASE_DATE}')"
                " and not exists (select 1 from (select * from {batch}) as v where v.indicator_code = b.indicator_code"
                f" and v.basis = 'latest' and v.period_end = '{BASE_DATE}' and v.value is not null)",
                f"有授权数据但缺少基期（{BASE_DATE}）指标值", "the base value is missing although grants are known",
                object="indicator_values.value, patents",
            ),
            _no_rows(
                "months_change_with_reason",
                "select indicator_code, component_code, area_code, period_end::text as period_end,"
                " before::text as before, value::text as value from (select *, lag(value) over"
                " (partition by plan_code, indicator_code, component_code, area_code, basis order by period_end)"
                " as before from {batch}) as s where"
                f" abs(value - before) > greatest({MONTHLY_CHANGE_LEAST}, abs(before) * {MONTHLY_CHANGE_PCT} / 100.0)"
                f" and exists (select 1 from {other('indicators')} i where i.plan_code = s.plan_code"
                " and i.indicator_code = s.indicator_code and i.measure = 'stock')",
                f"存量一个月内变化超过 {MONTHLY_CHANGE_PCT}%",
                f"a stock changed by more than {MONTHLY_CHANGE_PCT} % in a month",
                "warn", object="indicator_values.value, indicators", expected=f"<= {MONTHLY_CHANGE_PCT} %",
            ),
        ],
        "indicator_progress": [
            _no_rows(
                "verdicts_or_reasons",
                "select indicator_code, component_code, period_end::text as period_end from {batch}"
                " where target_rule <> 'monitor' and verdict is null and coalesce(reason, '') = ''",
                "既无评价也无原因", "neither a verdict nor a reason", object="indicator_progress.verdict",
            ),
            _no_rows(
                "targets_are_judged",
                f"select i.indicator_code from {other('indicators')} i where i.target_rule <> 'monitor'"
                " and not exists (select 1 from (select * from {batch}) as p where p.plan_code = i.plan_code"
                " and p.indicator_code = i.indicator_code)",
                "有目标的指标没有评价行", "an indicator with a target has no row", "warn",
                object="indicator_progress, indicators",
            ),
        ],
        "patents": [
            _no_rows(
                "persons_are_masked",
                "select patent_id from {batch} where is_natural_person_owner"
                " and (owner_name_shown is distinct from '自然人' or owner_key is not null)",
                "自然人姓名未遮蔽", "the name of a natural person is not masked", object="patents.owner_name_shown",
            ),
            _no_rows(
                "no_unmasked_names",
                "select patent_id from {batch} where not is_natural_person_owner"
                " and char_length(owner_name_shown) between 2 and 3"
                f" and position(left(owner_name_shown, 1) in '{_SURNAMES}') > 0",
                "疑似未遮蔽的个人姓名", "an owner that is taken for an organisation looks like a person", "warn",
                object="patents.owner_name_shown",
            ),
        ],
        "area_patents": [
            _no_rows(
                "all_districts_are_there",
                "select 16 - count(distinct area_code) as missing from {batch} where level = 'district'"
                " having count(distinct area_code) <> 16",
                "全市16个区不齐", "the sixteen districts of the city are not complete", "warn",
                object="area_patents.area_code", expected="16",
            ),
        ],
    }  # fmt: skip


def _no_rows(
    name: str, query: str, zh: str, en: str, severity: suite.Severity = "error", *, object: str, expected: str = ""
) -> Rule:
    return Rule(
        name,
        lambda gxe: gxe.UnexpectedRowsExpectation(unexpected_rows_query=query),
        zh, en, severity, object=object, expected=expected or "0 rows",
    )  # fmt: skip


# --- what they look at ------------------------------------------------------------------------------------------------


def _tables_frame(connection: Any, release_id: str, schema: str, built: dict[str, dict[str, str]]) -> Any:
    import pandas as pd  # noqa: TID251  Great Expectations asks for it

    shown = repoint.relations(connection, repoint.MARTS)
    strange = sql.SQL("where release_id is distinct from {}").format(sql.Literal(release_id))
    any_loaded = bool(
        connection.execute(
            "select coalesce(sum(rows_loaded), 0) > 0 from ops.loads where state = 'accepted'"
        ).fetchone()[0]
    )
    rows = []
    for mart in sorted({*built, *REQUIRED}):
        # once anything was accepted, there must be patents; whether of the district, the rules on values ask
        least = 1 if mart == "patents" and any_loaded else REQUIRED.get(mart, 0)
        before = _count(connection, repoint.MARTS, mart) if mart in shown else 0
        rows.append({
            "mart": mart,
            "rows": _count(connection, schema, mart) if mart in built else None,
            "rows__least": least,
            "rows__held": int(before * SHRUNK_HELD),
            "rows__warned": int(before * SHRUNK_WARNED),
            "rows_of_another_release": _count(
                connection, schema, mart, strange
            ) if "release_id" in built.get(mart, {}) else 0,
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(rows=frame["rows"].astype("Int64").astype(object).where(frame["rows"].notna(), None))


def _columns_frame(connection: Any, schema: str, built: dict[str, dict[str, str]]) -> Any:
    import pandas as pd  # noqa: TID251  Great Expectations asks for it

    rows = []
    for mart, columns in sorted(built.items()):
        texts = [name for name, kind in columns.items() if kind.startswith(("text", "character", "json"))]
        if not texts:
            continue
        figures = [
            sql.SQL("count(*) filter (where {}::text ~ {})").format(sql.Identifier(column), sql.Literal(pattern))
            for column in texts
            for pattern, _, _ in PERSONAL.values()
        ]
        query = sql.SQL("select {} from {}").format(sql.SQL(", ").join(figures), sql.Identifier(schema, mart))
        counts = list(connection.execute(query).fetchone())
        for number, column in enumerate(texts):
            found = counts[number * len(PERSONAL) : (number + 1) * len(PERSONAL)]
            rows.append({"mart": mart, "column": column, **dict(zip(PERSONAL, found, strict=True))})
    return pd.DataFrame(rows, columns=["mart", "column", *PERSONAL])


def _count(connection: Any, schema: str, table: str, where: sql.Composable | None = None) -> int:
    query = sql.SQL("select count(*) from {} {}").format(sql.Identifier(schema, table), where or sql.SQL(""))
    return int(connection.execute(query).fetchone()[0])


def _sentence(finding: Finding) -> str:
    told: Sequence[str] = [finding.observed[:160]] if finding.observed else []
    return " ".join([f"{finding.rule.name}: {finding.rule.reason_en}", *(f"({text})" for text in told)])
