"""The views of `marts` that look at `ops` itself, outside the swap: a held release must be visible at once."""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse import connections
from warehouse.repoint import MARTS, Swap, attach, relations, write_comments

# Which release is current comes from the row that the marts themselves obey, under the same lock.
_RELEASES = """
select
    r.release_id,
    r.state,
    case r.state
        when 'building' then '构建中'
        when 'built' then case when r.checked_at is null then '待检查' else '待发布' end
        when 'published' then '当前发布'
        when 'superseded' then '已被新发布取代'
        when 'rolled_back' then '已回退'
        when 'held' then '未通过检查，已暂缓'
        when 'failed' then '构建失败'
        else '已清理'
    end as state_zh,
    r.held_reason_zh,
    r.held_reason_en,
    (
        select string_agg(coalesce(s.name_zh, late.source_id), '、' order by late.source_id)
        from unnest(r.late_sources) as late (source_id)
        left join ops.sources s on s.source_id = late.source_id
    ) as late_sources,
    r.release_id is not distinct from (select release_id from ops.current_release) as is_current,
    r.is_synthetic,
    r.opened_at,
    r.built_at,
    r.published_at
from ops.releases r
"""

_DATA_FRESHNESS = """
with loads as (
    select
        source_id,
        sum(rows_loaded) filter (where state = 'accepted') as rows_loaded,
        sum(rows_rejected) filter (where state <> 'duplicate') as rows_rejected,
        count(*) filter (where state = 'held') as loads_held,
        max(known_at) filter (where state = 'accepted') as last_known_at,
        bool_or(is_synthetic) filter (where state = 'accepted') as is_synthetic
    from ops.loads
    group by source_id
),
files as (
    select source_id, count(*) filter (where state = 'refused') as files_refused
    from ops.landed_files
    group by source_id
),
shards as (
    select source_id, count(*) as shards_missing
    from ops.missing_shards
    where closed_at is null
    group by source_id
),
runs as (
    select source_id, max(finished_at) as last_success_at
    from ops.outcomes
    where step = 'validate' and status in ('ok', 'warn')
    group by source_id
),
joined as (
    select
        s.source_id,
        s.name_zh,
        s.name_en,
        s.cadence_zh,
        s.cadence_en,
        s.late_after_days,
        coalesce(l.rows_loaded, 0)::bigint as rows_loaded,
        coalesce(l.rows_rejected, 0)::bigint as rows_rejected,
        coalesce(f.files_refused, 0)::bigint as files_refused,
        coalesce(l.loads_held, 0)::bigint as loads_held,
        (now() at time zone 'Asia/Shanghai')::date - l.last_known_at as days_old,
        coalesce(l.is_synthetic, false) as is_synthetic,
        l.last_known_at,
        r.last_success_at,
        coalesce(m.shards_missing, 0)::bigint as shards_missing
    from ops.sources s
    left join loads l on l.source_id = s.source_id
    left join files f on f.source_id = s.source_id
    left join runs r on r.source_id = s.source_id
    left join shards m on m.source_id = s.source_id
)
select
    source_id,
    name_zh,
    name_en,
    cadence_zh as cadence,
    concat_ws(
        '；',
        case
            when last_known_at is null then '尚无通过检查的数据'
            when days_old > late_after_days
                then format('最新数据日期为 %s，已 %s 天未更新（%s 天为限）', last_known_at, days_old, late_after_days)
            else '按时更新'
        end,
        case when loads_held > 0 then format('%s 个批次未通过入库检查，已暂缓', loads_held) end,
        case when files_refused > 0 then format('%s 个文件被拒收', files_refused) end,
        case when shards_missing > 0 then format('%s 个分片缺失或不可读', shards_missing) end,
        case when rows_rejected > 0 then format('%s 行被隔离', rows_rejected) end,
        case when is_synthetic then '含合成数据' end
    ) as message_zh,
    rows_loaded,
    rows_rejected,
    files_refused,
    loads_held,
    coalesce(days_old > late_after_days, true) as is_late,
    is_synthetic,
    last_known_at,
    last_success_at,
    shards_missing
from joined
"""

_CHECKS = """
select
    release_id,
    source_id,
    load_id,
    suite,
    check_name,
    object,
    severity,
    status,
    observed,
    expected,
    owner,
    reason_zh,
    reason_en,
    failing_count,
    expires_on,
    checked_at
from ops.checks
"""

_VALUES = """
select
    release_id,
    plan_code,
    indicator_code,
    component_code,
    area_code,
    basis,
    unit,
    note_zh,
    value,
    numerator,
    denominator,
    source_count,
    is_provisional,
    period_end,
    shown_from
from ops.indicator_values_published
"""

_PROGRESS = """
select
    release_id,
    plan_code,
    indicator_code,
    component_code,
    area_code,
    basis,
    verdict,
    pace_status,
    growth_status,
    reason,
    latest_value,
    pace_ratio,
    growth_ratio,
    is_provisional,
    period_end,
    shown_from
from ops.indicator_progress_published
"""

_DEFINITIONS = {
    "releases": _RELEASES,
    "data_freshness": _DATA_FRESHNESS,
    "checks": _CHECKS,
    "indicator_values_published": _VALUES,
    "indicator_progress_published": _PROGRESS,
}
NAMES = tuple(_DEFINITIONS)

_KEY: dict[str | None, str] = {
    "release_id": "发布编号，即构建开始时间（UTC）/ release, named by when its build began (UTC)",
    "plan_code": "规划代码 / plan",
    "indicator_code": "指标代码 / indicator",
    "component_code": "指标分项代码，单一口径为 total / part of the indicator, total when it has one measure",
    "area_code": "行政区划或片区代码 / area, official code",
    "basis": "口径：at_closing 为期末结账时已知，latest 为目前已知 / known at closing, or known now",
    "is_provisional": "是否为暂定值 / is provisional",
    "period_end": "统计期最后一天 / last day of the period",
    "shown_from": "开始对外展示的时间 / shown since",
}
_COMMENTS: dict[str, dict[str | None, str]] = {
    "releases": {
        None: "数据发布记录，实时：每次构建的状态、是否当前、暂缓原因 / every release and its state, live",
        "release_id": _KEY["release_id"],
        "state": "状态代码 / state",
        "state_zh": "状态 / state in Chinese",
        "held_reason_zh": "暂缓或失败原因 / why it was held or failed, in Chinese",
        "held_reason_en": "暂缓或失败原因（英文）/ why it was held or failed, in English",
        "late_sources": "构建时迟到的数据源 / sources that were late when it was built",
        "is_current": "是否为当前展示的发布 / is what readers see now",
        "is_synthetic": "是否含合成数据 / holds synthetic data",
        "opened_at": "开始构建时间 / opened at",
        "built_at": "构建完成时间 / built at",
        "published_at": "首次发布时间 / first published at",
    },
    "data_freshness": {
        None: "数据源更新情况，实时 / freshness of each source, live",
        "source_id": "数据源 / source",
        "name_zh": "数据源名称 / name in Chinese",
        "name_en": "数据源英文名称 / name in English",
        "cadence": "更新频率 / how often the source publishes",
        "message_zh": "更新情况说明 / what to know, in Chinese",
        "rows_loaded": "通过检查的行数 / accepted rows",
        "rows_rejected": "被隔离的行数 / quarantined rows",
        "files_refused": "被拒收的文件数 / refused files",
        "loads_held": "被暂缓的批次数 / held loads",
        "is_late": "是否迟到 / is late",
        "is_synthetic": "是否含合成数据 / holds synthetic data",
        "last_known_at": "最新数据日期 / newest day the source made known",
        "last_success_at": "最近一次采集检查成功时间 / last successful run",
        "shards_missing": "缺失或不可读的分片数 / shards that should be there and are not",
    },
    "checks": {
        None: "数据检查结果，实时 / results of every data check, live",
        "release_id": _KEY["release_id"],
        "source_id": "数据源 / source",
        "load_id": "装载批次 / load",
        "suite": "检查套件：landed 入库，marts 发布，dbt 构建 / suite",
        "check_name": "检查项 / check",
        "object": "检查对象（表.字段）/ table and column",
        "severity": "严重程度：error 阻止发布，warn 仅提示 / error stops, warn is stored",
        "status": "结果：pass、fail、error / result",
        "observed": "实际值 / observed",
        "expected": "期望值 / expected",
        "owner": "责任方 / owner",
        "reason_zh": "说明 / reason in Chinese",
        "reason_en": "英文说明 / reason in English",
        "failing_count": "不合格数 / how many fail",
        "expires_on": "已知问题的容忍期限 / a known failure is known until this day",
        "checked_at": "检查时间 / checked at",
    },
    "indicator_values_published": {
        None: "历次发布展示过的指标值，只增不改 / every value ever shown, append-only",
        **_KEY,
        "unit": "单位 / unit",
        "note_zh": "备注 / note in Chinese",
        "value": "指标值 / value",
        "numerator": "分子 / numerator",
        "denominator": "分母 / denominator",
        "source_count": "来源记录数 / records it was counted from",
    },
    "indicator_progress_published": {
        None: "历次发布展示过的进度评价，只增不改 / every verdict ever shown, append-only",
        **_KEY,
        "verdict": "评价 / verdict",
        "pace_status": "序时进度 / plan pace",
        "growth_status": "增速评价 / growth verdict",
        "reason": "无法评价的原因 / why it could not be judged",
        "latest_value": "最新值 / latest value",
        "pace_ratio": "序时进度比 / pace ratio",
        "growth_ratio": "增速比 / growth ratio",
    },
}


def swaps(connection: psycopg.Connection) -> list[Swap]:
    """The statements that create the live views, or bring them to what the code says."""
    present = relations(connection, MARTS)
    return [
        Swap(
            name,
            sql.SQL("create or replace view {} as ").format(sql.Identifier(MARTS, name)) + sql.SQL(query),
            is_new=name not in present,
        )
        for name, query in _DEFINITIONS.items()
    ]


def write_live_comments(connection: psycopg.Connection) -> None:
    wanted = {(view, column): text for view, texts in _COMMENTS.items() for column, text in texts.items()}
    write_comments(connection, wanted)


def ensure_live_views(connection: psycopg.Connection | None = None) -> None:
    """Create what is missing, in the caller's transaction or in one of its own; existing views stay as they are.

    Their definitions follow the code at the next publication.
    """
    if connection is None:
        with connections.connect("publisher") as own:
            ensure_live_views(own)
        return
    for swap in swaps(connection):
        if swap.is_new:
            attach(connection, swap)
    write_live_comments(connection)
