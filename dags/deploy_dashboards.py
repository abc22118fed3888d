"""The airflow dag that brings the dashboards of the tree to Superset; run by hand, or after an upgrade."""

from __future__ import annotations

from pathlib import Path

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

ROOT = Path(__file__).parents[1]

DOC = """
### Deploy the dashboards 部署看板

Replaces what Superset has by what `superset/assets` says, and takes strays away. The same as `make dashboards`.

**When it breaks 故障处理**: the log names the asset; `make dashboards-check` finds most mistakes without a server.
"""

with DAG(
    dag_id="deploy_dashboards",
    dag_display_name="部署看板",
    doc_md=DOC,
    schedule=None,
    start_date=pendulum.datetime(2015, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    tags=["serve", "看板"],
) as dag:
    BashOperator(
        task_id="deploy",
        # Superset lives in an environment of its own
        bash_command=f"{ROOT}/.venv-superset/bin/python {ROOT}/superset/deploy.py assets",
        cwd=str(ROOT),
        append_env=True,
        retries=1,
    )
