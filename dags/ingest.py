"""One Airflow DAG a source, made from its declaration: `ingest_<source_id>`.

Adding a source adds its DAG; nothing is written here. Parsing reads the declarations from disk and nothing else:
no network, no database, no secret.
"""

from __future__ import annotations

from datetime import date, timedelta

import pendulum
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from ingestion.declarations import Declaration, declaration, source_ids

TIMEZONE = "Asia/Shanghai"

RUNBOOK = """
### {name_zh} · {name_en}

Publisher 发布机构: {publisher} · cadence 更新: {cadence} · contact 联系: {contact}

`pull` lists the source and lands what is new (immutable, hashed) → `load` copies each landed file to `raw`, file and
ledger row in one transaction → `validate` lets Great Expectations accept or hold each load. Only then the asset
`raw.{source_id}` is updated, and `build_marts` starts. Every step can be repeated at any
time and changes nothing twice.

**Catch up 补采** A scheduled run takes everything that has not been landed yet, so a scheduler or a source that was
away for a week needs nothing: the next run brings it all.

**Backfill 按日期回补**
`airflow backfill create --dag-id ingest_{source_id} --from-date 2024-01-01 --to-date 2024-03-31`
or trigger by hand with `since` and `until`: only folders dated within are looked at.

**When it breaks 故障处理**

{runbook}
"""


def _text(source: Declaration) -> str:
    return RUNBOOK.format(
        source_id=source.source_id,
        name_zh=source.name.zh,
        name_en=source.name.en,
        publisher=source.publisher.zh,
        cadence=source.cadence.words.zh,
        contact=source.contact.email,
        runbook=source.runbook_zh,
    )


def _window() -> tuple[date | None, date | None]:
    """Dated folders to look at: by hand as asked, in a backfill its interval, in a scheduled run everything new."""
    context = get_current_context()
    asked = context["params"]
    if asked["since"] or asked["until"]:
        return tuple(date.fromisoformat(day) if day else None for day in (asked["since"], asked["until"]))  # type: ignore[return-value]
    run = context["dag_run"]
    if str(getattr(run.run_type, "value", run.run_type)) == "backfill":
        # logical dates are UTC; folders are dated in Beijing time
        start, end = (context[key].in_timezone(TIMEZONE).date() for key in ("data_interval_start", "data_interval_end"))
        return start, end
    return None, None


def make_dag(source: Declaration) -> DAG:
    """The three steps of one source, in a pool of its own so that a slow source starves nobody."""
    source_id = source.source_id
    with DAG(
        dag_id=f"ingest_{source_id}",
        dag_display_name=f"采集 {source.name.zh}",
        doc_md=_text(source),
        schedule=CronDataIntervalTimetable(source.schedule, timezone=TIMEZONE),
        start_date=pendulum.datetime(2015, 1, 1, tz=TIMEZONE),
        catchup=False,
        max_active_runs=1,
        default_args={
            "retries": 3,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=30),
            "pool": f"source_{source_id}",
        },
        params={
            "since": Param(
                None, type=["null", "string"], format="date", title="起 since", description="dated folders from"
            ),
            "until": Param(
                None, type=["null", "string"], format="date", title="止 until", description="dated folders to"
            ),
        },
        tags=["ingest", "采集"],
    ) as dag:

        @task
        def pull() -> dict[str, int]:
            from ingestion import runs

            since, until = _window()
            return runs.pull(source_id, since=since, until=until, run_id=get_current_context()["run_id"]).counts()

        @task
        def load() -> dict[str, int]:
            from ingestion import runs

            return runs.load(source_id, run_id=get_current_context()["run_id"]).counts()

        @task(outlets=[Asset(f"raw.{source_id}")])
        def validate() -> dict[str, int]:
            from expectations import landed

            result = landed.validate(source_id, run_id=get_current_context()["run_id"])
            if not result.accepted:
                raise AirflowSkipException("nothing new was accepted: the marts stay as they are 没有新通过的批次")
            return result.counts()

        pull() >> load() >> validate()
    return dag


for _source_id in source_ids():
    globals()[f"ingest_{_source_id}"] = make_dag(declaration(_source_id))
