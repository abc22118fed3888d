"""The gate of `raw`: each load that waits is described by one row, and Great Expectations judges these rows.

The row (rows, keys, missing and impossible values, beside the limit that holds for this load) is made by one query,
generated from the declaration of the source. A load that breaks a rule of weight `error` is held; the others are
accepted, and staging reads accepted loads only. So one bad file never holds back the good ones.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Json

from expectations import ledger, pages, suite
from expectations.suite import Finding, Rule
from ingestion.declarations import Column, RawTable, declaration
from warehouse import connections

log = logging.getLogger(__name__)

#: shares that hold for every source; a load of a few rows may always have this many odd ones
FEW = 2
UNKNOWN_SHARE = 0.01
IMPOSSIBLE_DATES_SHARE = 0.005
REJECTED_SHARE_HELD, REJECTED_SHARE_WARNED = 0.2, 0.05
REPEATED_KEYS_SHARE = 0.02
FIRST_DAY = "1900-01-01"
DAYS_AHEAD = 31
#: a load that shrinks: below half of the median of the last loads of the same stream
SHRUNK_TO, SHRINK_HISTORY, SHRINK_LEAST_LOADS, SHRINK_LEAST_ROWS = 0.5, 8, 4, 100
#: where each file holds the whole table, the one before it is enough
WHOLE_LEAST_LOADS, WHOLE_LEAST_ROWS = 1, 10
#: and one that comes again under its own path with half of what was accepted of it before, or less
OWN_LEAST_ROWS = 10


@dataclass(frozen=True)
class ValidationResult:
    """What became of the loads that waited; `held_loads` maps the held ones to their reason in Chinese."""

    source_id: str
    accepted: int = 0
    held: int = 0
    warnings: int = 0
    held_loads: dict[int, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        return {"accepted": self.accepted, "held": self.held, "warnings": self.warnings}


def validate(source_id: str, run_id: str | None = None) -> ValidationResult:
    """Accept or hold every load of the source that waits (`ops.loads.state = 'loaded'`).

    Rows go to `ops.checks` and `ops.outcomes` in the transaction that changes the loads: cut short, it can simply be
    run again. DeclarationError when the source has no valid declaration.
    """
    declared = declaration(source_id)
    started = datetime.now(UTC)
    findings: list[Finding] = []
    frames = []
    for table in declared.tables:
        frame = _profile(table)
        if len(frame):
            findings += suite.on_frame(table.name, frame, rules(table), ["load_id"])
            frames.append(frame)
    waiting = [int(load_id) for frame in frames for load_id in frame["load_id"]]
    result = _decide(source_id, waiting, findings)
    with connections.connect("loader") as connection:
        ledger.write(connection, "landed", findings, source_id=source_id)
        connection.execute(
            """
            update ops.loads set state = 'accepted', validated_at = clock_timestamp()
            where state = 'loaded' and load_id = any(%s)
            """,
            [[load_id for load_id in waiting if load_id not in result.held_loads]],
        )
        for load_id, reason_zh in result.held_loads.items():
            connection.execute(
                """
                update ops.loads
                set state = 'held', state_reason_zh = %s, state_reason_en = %s, validated_at = clock_timestamp()
                where state = 'loaded' and load_id = %s
                """,
                [reason_zh, _reason_en(load_id, findings), load_id],
            )
        connection.execute(
            """
            insert into ops.outcomes
                (step, status, source_id, object, run_id, message_zh, message_en, rows_in, rows_out, details,
                 started_at)
            values ('validate', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                "warn" if result.held or result.warnings else "ok", source_id,
                ", ".join(f"raw.{table.name}" for table in declared.tables), run_id,
                f"接受 {result.accepted} 个批次，暂缓 {result.held} 个",
                f"accepted {result.accepted}, held {result.held}",
                len(waiting), result.accepted, Json({**asdict(result), "loads": waiting}), started,
            ],
        )  # fmt: skip
    if waiting:
        pages.write_run(
            "landed",
            source_id,
            title_zh=f"入库检查：{declared.name.zh}",
            title_en=f"Landed loads: {declared.name.en}",
            passed=not result.held,
            findings=findings,
            started=started,
            summary=[line for frame in frames for line in _summary(frame, result)],
        )
    return result


def rules(declared: RawTable) -> list[Rule]:
    """The suite of a raw table, generated from its declaration."""
    owner = declared.declaration.contact.team.zh
    key = ", ".join(declared.natural_key)
    made = [
        _at_least("rows_not_below_band", "rows_read", "文件行数少于声明的下限", "fewer rows than declared"),
        _at_most("rows_not_above_band", "rows_read", "文件行数多于声明的上限", "more rows than declared"),
        _equal(
            "ledger_agrees", "rows_found", "rows_loaded", "入库行数与台账不一致", "rows in raw differ from the ledger"
        ),
        _at_most("keys_are_there", "keys_missing", f"主键缺失（{key}）", f"the key ({key}) is missing"),
        _at_most("keys_repeat_rarely", "keys_repeated", "同一文件中主键重复过多", "too many repeated keys", "warn"),
        _at_most("rejected_share", "rows_rejected", "被隔离的行过多", "too many quarantined rows"),
        _at_most("rejected_share_is_low", "rows_rejected_seen", "被隔离的行偏多", "many quarantined rows", "warn"),
        _at_least(
            "not_shrunk", "rows_delivered", "行数不足同类近期批次中位数的一半", "less than half of its usual rows"
        ),
        _at_least(
            "own_version_not_shrunk",
            "rows_redelivered",
            "重新交付的文件行数只有其上一版的一半或更少",
            "the file came again with half of the rows of its own earlier version or fewer",
        ),
    ]
    for column in declared.columns:
        zh, en = f"{column.zh}（{column.name}）", column.name
        if column.fill_floor is not None and column.name not in declared.natural_key:
            made.append(
                _at_most(
                    f"filled_{column.name}", f"missing__{column.name}", f"{zh}缺失过多", f"{en} is missing too often"
                )
            )
        if column.type == "date":
            made.append(
                _at_most(
                    f"possible_{column.name}",
                    f"impossible__{column.name}",
                    f"{zh}出现不可能的日期",
                    f"{en} holds impossible days",
                )
            )
        if column.allowed:
            made.append(
                _at_most(
                    f"known_{column.name}",
                    f"unknown__{column.name}",
                    f"{zh}出现未知代码过多",
                    f"{en} holds unknown codes",
                )
            )
    return [Rule(**{**rule.__dict__, "owner": owner, "object": f"raw.{declared.name}"}) for rule in made]


def _at_most(name: str, column: str, zh: str, en: str, severity: suite.Severity = "error") -> Rule:
    return Rule(
        name,
        lambda gxe: gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=f"{column}__most", column_B=column, or_equal=True
        ),
        zh, en, severity, expected=f"{column} <= {column}__most",
    )  # fmt: skip


def _at_least(name: str, column: str, zh: str, en: str) -> Rule:
    return Rule(
        name,
        lambda gxe: gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=column, column_B=f"{column}__least", or_equal=True
        ),
        zh, en, expected=f"{column} >= {column}__least",
    )  # fmt: skip


def _equal(name: str, left: str, right: str, zh: str, en: str) -> Rule:
    return Rule(
        name,
        lambda gxe: gxe.ExpectColumnPairValuesToBeEqual(column_A=left, column_B=right),
        zh, en, expected=f"{left} = {right}",
    )  # fmt: skip


def profile_query(declared: RawTable) -> sql.Composed:
    """One row a waiting load: each figure beside the limit that holds for this load (`…__most`, `…__least`)."""
    keys = sql.SQL(", ").join(sql.Identifier(name) for name in declared.natural_key)
    no_key = sql.SQL(" or ").join(sql.SQL("{} is null").format(sql.Identifier(name)) for name in declared.natural_key)
    figures: list[sql.Composable] = [
        sql.SQL("count(*) as rows_found"),
        sql.SQL("count(*) filter (where {}) as keys_missing").format(no_key),
        sql.SQL("count(*) - count(distinct ({})) as keys_repeated").format(keys),
    ]
    limits: list[sql.Composable] = []
    for column in declared.columns:
        if column.fill_floor is not None:
            figures.append(_counted("missing", column, sql.SQL("{} is null").format(sql.Identifier(column.name))))
            limits.append(_fill_limit(declared, column))
        if column.type == "date":
            last = sql.Literal("infinity") if column.may_lie_ahead else sql.SQL("l.known_at + {}").format(DAYS_AHEAD)
            outside = sql.SQL("{c} < {first} or {c} > {last}").format(
                c=sql.Identifier(column.name), first=sql.Literal(FIRST_DAY), last=last
            )
            figures.append(_counted("impossible", column, outside))
            limits.append(_share_limit("impossible", column, IMPOSSIBLE_DATES_SHARE))
        if column.allowed:
            unknown = sql.SQL("{} <> all ({})").format(sql.Identifier(column.name), sql.Literal(column.allowed))
            figures.append(_counted("unknown", column, unknown))
            limits.append(_share_limit("unknown", column, UNKNOWN_SHARE))
    least, most = (
        sql.SQL("case w.layout {} end").format(
            sql.SQL(" ").join(
                sql.SQL("when {} then {}").format(sql.Literal(layout.name), sql.Literal(getattr(layout.rows, bound)))
                for layout in declared.layouts
            )
        )
        for bound in ("least", "most")
    )
    return sql.SQL(
        """
        with streams as (
            select
                l.*, f.file_name, f.relative_path,
                -- the same place in the tree on another day
                regexp_replace(f.relative_path, '\\d{{4,}}', '#', 'g') as stream
            from ops.loads l join ops.landed_files f using (file_id)
            where l.source_id = {source_id} and l.table_name = {table_name} and l.state in ('loaded', 'accepted')
        ),
        waiting as (select * from streams where state = 'loaded'),
        rows_of as (
            select l.load_id as of_load, {figures}
            -- no more of the ledger: a source may have columns of the same names
            from {table} t join (select load_id, known_at from waiting) l on l.load_id = t._load_id
            group by l.load_id
        )
        select
            w.load_id, w.file_name, w.layout, w.known_at::text as known_at,
            w.rows_read, coalesce({least}, 0) as rows_read__least, coalesce({most}, 0) as rows_read__most,
            w.rows_loaded,
            w.rows_rejected, greatest({few}, floor(w.rows_read * {held}))::bigint as rows_rejected__most,
            w.rows_rejected as rows_rejected_seen,
            greatest({few}, floor(w.rows_read * {warned}))::bigint as rows_rejected_seen__most,
            w.rows_read as rows_delivered, coalesce(u.least, 0) as rows_delivered__least,
            w.rows_read as rows_redelivered, coalesce(o.least, 0) as rows_redelivered__least,
            0 as keys_missing__most,
            greatest({few}, floor(r.rows_found * {repeated}))::bigint as keys_repeated__most,
            {limits}
            r.*
        from waiting w
        left join rows_of r on r.of_load = w.load_id
        left join lateral (
            select case
                when count(*) >= case when w.layout = any ({whole}) then {whole_loads} else {least_loads} end
                    and percentile_cont(0.5) within group (order by e.rows_read)
                    >= case when w.layout = any ({whole}) then {whole_rows} else {least_rows} end
                    then ceil(
                        percentile_cont(0.5) within group (order by e.rows_read) * {shrunk_to}
                        -- a feed that turns from monthly to weekly brings a quarter each time: that is no shrinking
                        * case when w.layout = any ({whole}) then 1 else least(1, coalesce(
                            (w.known_at - max(e.known_at))::numeric * (count(distinct e.known_at) - 1)
                            / nullif(max(e.known_at) - min(e.known_at), 0), 1
                        )) end
                    )::bigint
            end as least
            from (
                select rows_read, known_at from streams s
                where s.state = 'accepted' and s.layout = w.layout and s.stream = w.stream and s.known_at < w.known_at
                order by s.known_at desc limit {history}
            ) as e
        ) as u on true
        left join lateral (
            select
                case when s.rows_read >= {own_least_rows} then floor(s.rows_read * {shrunk_to})::bigint + 1 end as least
            from streams s
            where s.state = 'accepted' and s.layout = w.layout and s.relative_path = w.relative_path
            order by s.load_id desc limit 1
        ) as o on true
        order by w.load_id
        """
    ).format(
        source_id=sql.Literal(declared.declaration.source_id),
        table_name=sql.Literal(declared.name),
        figures=sql.SQL(", ").join(figures),
        limits=sql.SQL("").join(sql.SQL("{}, ").format(limit) for limit in limits),
        table=sql.Identifier("raw", declared.name),
        whole=sql.Literal([layout.name for layout in declared.layouts if layout.is_whole]),
        whole_loads=sql.Literal(WHOLE_LEAST_LOADS),
        whole_rows=sql.Literal(WHOLE_LEAST_ROWS),
        least=least,
        most=most,
        few=sql.Literal(FEW),
        held=sql.Literal(REJECTED_SHARE_HELD),
        warned=sql.Literal(REJECTED_SHARE_WARNED),
        repeated=sql.Literal(REPEATED_KEYS_SHARE),
        least_loads=sql.Literal(SHRINK_LEAST_LOADS),
        least_rows=sql.Literal(SHRINK_LEAST_ROWS),
        own_least_rows=sql.Literal(OWN_LEAST_ROWS),
        shrunk_to=sql.Literal(SHRUNK_TO),
        history=sql.Literal(SHRINK_HISTORY),
    )


def _counted(what: str, column: Column, condition: sql.Composable) -> sql.Composed:
    name = sql.Identifier(f"{what}__{column.name}")
    return sql.SQL("count(*) filter (where {}) as {}").format(condition, name)


def _share_limit(what: str, column: Column, share: float) -> sql.Composed:
    return sql.SQL("greatest({}, floor(r.rows_found * {}))::bigint as {}").format(
        sql.Literal(FEW), sql.Literal(share), sql.Identifier(f"{what}__{column.name}__most")
    )


def _fill_limit(declared: RawTable, column: Column) -> sql.Composed:
    """None may be missing where the floor is 1; a layout that cannot fill the column is not asked."""
    floor = column.fill_floor or 0.0
    most: sql.Composable = (
        sql.SQL("0")
        if floor == 1.0
        else sql.SQL("greatest({}, floor(r.rows_found * {}))").format(
            sql.Literal(FEW), sql.Literal(round(1 - floor, 6))
        )
    )
    exempt = [layout.name for layout in declared.layouts if column.name in layout.unfilled]
    if exempt:
        most = sql.SQL("case when w.layout = any ({}) then r.rows_found else {} end").format(sql.Literal(exempt), most)
    return sql.SQL("({})::bigint as {}").format(most, sql.Identifier(f"missing__{column.name}__most"))


def _profile(declared: RawTable) -> Any:
    import pandas as pd  # noqa: TID251  Great Expectations asks for it

    with connections.connect("auditor") as connection:
        there = connection.execute("select to_regclass(%s)", [f"raw.{declared.name}"]).fetchone()
        if not there or there[0] is None:  # nothing was ever loaded
            return pd.DataFrame()
        answer = connection.execute(profile_query(declared))
        names = [column.name for column in answer.description or []]
        frame = pd.DataFrame(answer.fetchall(), columns=names)
    frame = frame.loc[:, ~frame.columns.duplicated()]
    # a load of no rows in scope has no group: nothing is missing in it
    figures = [name for name in frame.columns if name not in ("load_id", "file_name", "layout", "known_at")]
    return frame.assign(**{name: frame[name].fillna(0).astype("int64") for name in figures})


def _decide(source_id: str, waiting: Sequence[int], findings: Sequence[Finding]) -> ValidationResult:
    broken = [one for one in findings if one.status == "error"]
    if broken:
        raise RuntimeError(
            "rules could not be tested, no load was accepted 规则无法执行，未接受任何批次: "
            + "; ".join(f"{one.rule.name}: {one.observed}" for one in broken)
        )
    held: dict[int, list[str]] = {}
    for finding in findings:
        if finding.status == "fail" and finding.rule.severity == "error":
            for row in finding.rows:
                held.setdefault(int(row["load_id"]), []).append(f"{finding.rule.reason_zh}（{_values(row)}）")
    warnings = sum(1 for one in findings if one.status == "fail" and one.rule.severity == "warn")
    reasons = {load_id: "；".join(texts)[:1000] for load_id, texts in held.items()}
    return ValidationResult(source_id, len(waiting) - len(reasons), len(reasons), warnings, reasons)


def _reason_en(load_id: int, findings: Sequence[Finding]) -> str:
    texts = [
        f"{finding.rule.reason_en} ({_values(row)})"
        for finding in findings
        if finding.status == "fail" and finding.rule.severity == "error"
        for row in finding.rows
        if int(row["load_id"]) == load_id
    ]
    return "; ".join(texts)[:1000]


def _values(row: Any) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items() if name != "load_id")


def _summary(frame: Any, result: ValidationResult) -> list[dict[str, str]]:
    """One line a load for the result page."""
    return [
        {
            "批次 load": str(row.load_id),
            "文件 file": str(row.file_name),
            "版式 layout": str(row.layout),
            "数据日期 known at": str(row.known_at),
            "入库行数 rows": str(row.rows_loaded),
            "结论 verdict": "暂缓 held" if int(row.load_id) in result.held_loads else "接受 accepted",
            "原因 reason": result.held_loads.get(int(row.load_id), ""),
        }
        for row in frame.itertuples()
    ]
