"""The airflow dag that turns accepted loads into the next release.

One `dbt build` in one task from a prebuilt manifest; every model's result goes to `ops` and to the log as it ends.
A release that fails its checks is held: readers keep the one before it, and the dashboard says so.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from ingestion.declarations import source_ids

TIMEZONE = "Asia/Shanghai"
MARTS = sorted(path.stem for path in (Path(__file__).parents[1] / "dbt_project" / "models" / "marts").rglob("*.sql"))

DOC = """
### Build, check, release 构建、检查、发布

Starts when any source has new accepted rows, and each morning by the clock, so that a late source never blocks the
others; the release says which sources are late.

`open_release` → `build` (dbt, into a schema of its own) → `check_marts` (Great Expectations) → `publish` (all views of
`marts` change in one transaction) → `prune` (two earlier builds stay).

**When it breaks 故障处理**

* `build` failed: the task log names the model or test. Mend it and clear the task's run, or trigger again: an abandoned
  candidate is put away by the next `open_release`.
* `check_marts` held the release: see `marts.checks` or the result page; readers keep the former release. When the data
  is right and the rule is wrong, change the rule in `expectations/`, and build again.
* A published release is wrong: `make rollback` goes back in one transaction.
"""

with DAG(
    dag_id="build_marts",
    dag_display_name="构建并发布数据集市",
    doc_md=DOC,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("30 7 * * *", timezone=TIMEZONE),
        assets=AssetAny(*(Asset(f"raw.{source_id}") for source_id in source_ids())),
    ),
    # no start date: unpausing must not build for a morning that has passed
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "pool": "build",
    },
    tags=["build", "构建"],
) as dag:

    @task
    def open_release() -> str:
        from warehouse import release

        return release.open_release(run_id=get_current_context()["run_id"])

    @task(retries=0)
    def build(release_id: str) -> str:
        from warehouse import dbt_runner, release

        dbt_runner.build(release_id)  # a failure has closed the release before it is raised
        return release.seal(release_id)

    @task
    def check_marts(release_id: str, schema: str) -> None:
        from expectations import marts

        result = marts.check_marts(release_id, schema)  # holds the release itself
        if not result.passed:
            raise AirflowFailException(result.reason_en)

    @task(outlets=[Asset(f"marts.{mart}") for mart in MARTS])
    def publish(release_id: str) -> None:
        from warehouse import release

        release.publish(release_id)

    @task
    def prune() -> None:
        from warehouse import release

        release.prune()

    opened = open_release()
    sealed = build(opened)
    check_marts(opened, sealed) >> publish(opened) >> prune()
