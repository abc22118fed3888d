"""The few calls of Airflow's REST API that the launcher needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from deploy.local.report import LauncherError

FINISHED = {"success", "failed"}


@dataclass
class AirflowApi:
    """One api-server. Any answer of 400 or more raises `requests.HTTPError`."""

    url: str
    password: str
    user: str = "admin"
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def health(self) -> dict[str, str]:
        """Component → status; empty while the server does not answer."""
        try:
            answer = requests.get(f"{self.url}/api/v2/monitor/health", timeout=5)
            answer.raise_for_status()
        except requests.RequestException:
            return {}
        return {name: part["status"] or "unknown" for name, part in answer.json().items()}

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        if "Authorization" not in self._session.headers:
            token = self._session.post(
                f"{self.url}/auth/token", json={"username": self.user, "password": self.password}, timeout=30
            )
            token.raise_for_status()
            self._session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=30, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def wait_for_dags(self, names: list[str], seconds: float) -> None:
        """Until the DAG processor has read them all; its import errors end the wait."""
        deadline = time.monotonic() + seconds
        missing = set(names)
        while time.monotonic() < deadline:
            missing = set(names) - {dag["dag_id"] for dag in self.call("GET", "dags?limit=500")["dags"]}
            if not missing:
                return
            if errors := self.call("GET", "importErrors")["import_errors"]:
                text = errors[0]["stack_trace"].strip().splitlines()[-1]
                raise LauncherError(
                    f"DAG 文件 {errors[0]['filename']} 无法导入：{text}。改好后再执行 `make run`。",
                    "A DAG file cannot be imported: mend it, then `make run` again.",
                )
            time.sleep(0.5)
        raise LauncherError(
            f"Airflow 没有读到 DAG {'、'.join(sorted(missing))}：请看 `make logs P=airflow-dag-processor`。",
            "Airflow has not found these DAGs: see `make logs P=airflow-dag-processor`.",
        )

    def ensure_pool(self, name: str, slots: int) -> None:
        known = {pool["name"] for pool in self.call("GET", "pools?limit=500")["pools"]}
        if name not in known:
            self.call("POST", "pools", json={"name": name, "slots": slots})

    def unpause(self, dag_id: str) -> None:
        self.call("PATCH", f"dags/{dag_id}?update_mask=is_paused", json={"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        """Start a run now; its id."""
        run_id = f"launcher__{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        self.call("POST", f"dags/{dag_id}/dagRuns", json={"dag_run_id": run_id, "logical_date": None})
        return run_id

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest runs first."""
        return list(self.call("GET", f"dags/{dag_id}/dagRuns?order_by=-run_after&limit=20")["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        found = self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return sorted(found, key=lambda task: (task["start_date"] or "9", task["task_id"]))

    def follow(
        self, dag_id: str, run_id: str, seconds: float, tell: Callable[[str], None], check: Callable[[], None]
    ) -> None:
        """Wait for one run, telling each task as it ends; a failure names the task and carries the end of its log."""
        deadline = time.monotonic() + seconds
        told: dict[str, str] = {}
        while time.monotonic() < deadline:
            check()
            state = self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"]
            for task in self.tasks(dag_id, run_id):
                name, now = task["task_id"], task["state"] or "-"
                if now in {"success", "failed", "skipped", "up_for_retry", "upstream_failed"} and told.get(name) != now:
                    told[name] = now
                    tell(f"  {dag_id}.{name}  {_WORDS.get(now, now)}  {task['duration'] or 0:.1f} s")
            if state == "success":
                return
            if state == "failed":
                self._raise(dag_id, run_id)
            time.sleep(0.7)
        raise LauncherError(
            f"{dag_id} 在 {seconds:.0f} 秒内没有完成：请在 {self.url} 查看，完成后再执行 `make run`。",
            f"{dag_id} did not end within {seconds:.0f} s: look at it in Airflow, then `make run` again.",
        )

    def _raise(self, dag_id: str, run_id: str) -> None:
        failed = next((task for task in self.tasks(dag_id, run_id) if task["state"] == "failed"), None)
        name = failed["task_id"] if failed else "?"
        log = self.last_lines(dag_id, run_id, failed) if failed else []
        raise LauncherError(
            f"{dag_id} 的任务 {name} 失败：改好后再执行 `make run`。日志末尾：",
            f"Task {name} of {dag_id} failed: mend the cause, then `make run` again. The end of its log:\n"
            + "\n".join(f"    {line}" for line in log),
        )

    def last_lines(self, dag_id: str, run_id: str, task: dict[str, Any], count: int = 20) -> list[str]:
        """The end of one task's log as text lines."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{max(1, task['try_number'])}"
        content = self.call("GET", path, headers={"Accept": "application/json"}).get("content", [])
        lines: list[str] = []
        serious: list[str] = []
        for event in content:
            if not isinstance(event, dict):
                lines.append(str(event))
                continue
            said = [f"{event.get('level', '')} {event.get('event', '')}".strip()]
            said += [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in event.get("error_detail") or []]
            lines += said
            serious += said if event.get("level") in {"error", "critical"} else []
        lines = serious or lines  # libraries talk a lot; what went wrong is among the errors
        parts = [part for line in lines for part in line.splitlines()]
        return [part for part in parts if "::group::" not in part and "::endgroup::" not in part][-count:]


_WORDS = {
    "success": "✓ 成功", "failed": "✗ 失败 failed", "skipped": "– 跳过 skipped",
    "up_for_retry": "↻ 将重试 will be tried again", "upstream_failed": "– 上游失败 upstream failed",
}  # fmt: skip
