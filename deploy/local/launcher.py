"""A whole platform on one machine: started, watched, stopped.

`Platform` owns one state folder and four ports, so several can live side by side: `make run` has one in `.run/`, the
browser tests start another in `.test/` on free ports.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import requests

from deploy.local import preflight, settings
from deploy.local.airflow_api import FINISHED, AirflowApi
from deploy.local.postgres import SERVICE_ACCOUNT, Postgres
from deploy.local.report import LauncherError, Reporter
from deploy.local.settings import HOST, ROOT, Layout, Ports
from deploy.local.stages import Stage, Stages, fingerprint
from deploy.local.supervision import Process, Program, Supervisor

PYTHON = ROOT / ".venv" / "bin" / "python"
SUPERSET_PYTHON = ROOT / ".venv-superset" / "bin" / "python"
AIRFLOW_DAEMONS = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
BUILD_DAG = "build_marts"
START_SECONDS = 420  # for one server to answer, on a slow and busy machine
LOAD_SECONDS = 1800


class Platform:
    """One platform. `overrides` change settings (`AIRFLOW_CONN_SRC_…`, `LANDING_URL`, …) for this one only."""

    def __init__(
        self,
        state: Path,
        ports: Ports | None = None,
        *,
        overrides: Mapping[str, str] | None = None,
        report: Reporter | None = None,
    ) -> None:
        self.layout = Layout(Path(state).absolute())
        self.ports = ports or Ports.chosen(self.layout, os.environ)
        self.report = report or Reporter()
        self._overrides = dict(overrides or {})
        self._children: set[subprocess.Popen[bytes]] = set()
        self._stopping = threading.Event()
        self.supervisor = Supervisor(self.layout)

    # -- settings ------------------------------------------------------------------------------------------------

    @property
    def env(self) -> dict[str, str]:
        """Every setting of this platform; made once and the same as in its `env` file."""
        self.layout.prepare()
        return settings.environment(self.layout, self.ports, settings.load_secrets(self.layout), self._overrides)

    @property
    def secrets(self) -> dict[str, str]:
        return settings.load_secrets(self.layout)

    @property
    def postgres(self) -> Postgres:
        return Postgres(self.layout.state, self.ports.postgres)

    @property
    def api(self) -> AirflowApi:
        return AirflowApi(self.env["AIRFLOW_URL"], self.secrets["AIRFLOW_ADMIN_PASSWORD"])

    def _programs(self) -> list[Program]:
        env = self.env
        lock = fingerprint([ROOT / "uv.lock"])  # an upgrade restarts what runs
        scale = env.get("SANDBOX_SCALE", "1")  # size of the synthetic city; 1 is Dongli
        database = self.postgres
        basics = {
            "PATH": f"{ROOT}/.venv/bin:{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
        }
        airflow = {**basics, "HOME": str(self.layout.airflow), **env}
        superset = {**basics, "HOME": str(self.layout.superset), **settings.superset_environment(env)}
        sandbox = {**basics, "HOME": str(self.layout.state), "STATE_DIR": env["STATE_DIR"]}
        # Airflow's log servers listen on every address; on one machine the log files are read in place
        daemons: dict[str, list[str]] = {
            "api-server": [],
            "scheduler": ["--skip-serve-logs"],
            "dag-processor": [],
            "triggerer": ["--skip-serve-logs"],
        }
        return [
            Program(
                "postgres",
                [str(database.bin() / "postgres"), "-D", str(database.data)],
                {"LANG": "C.UTF-8"},
                Path("/"),
                user=SERVICE_ACCOUNT if os.geteuid() == 0 else None,
                start_seconds=1,
                stop_signal="INT",  # fast shutdown: sessions are ended, no data lost
                stop_seconds=60,
            ),
            *(
                Program(
                    f"airflow-{name}",
                    [str(PYTHON), "-m", "airflow", name, *options],
                    airflow,
                    ROOT,
                    stamp=lock,
                )
                for name, options in daemons.items()
            ),
            Program(
                "superset",
                [
                    str(SUPERSET_PYTHON), "-m", "gunicorn", "--preload", "--workers", "1", "--worker-class", "gthread",
                    "--threads", "8", "--timeout", "120", "--bind", f"{HOST}:{self.ports.superset}",
                    "superset.app:create_app()",
                ],
                superset,
                self.layout.superset,
                stamp=fingerprint([ROOT / "superset" / "superset_config.py", ROOT / "superset" / "translations"], lock),
            ),
            Program(
                "sandbox",
                [
                    str(PYTHON), "-m", "ingestion.sandbox", "serve", "--host", HOST, "--port", str(self.ports.sandbox),
                    "--scale", scale,
                ],
                sandbox,
                ROOT,
                stamp=fingerprint([ROOT / "ingestion" / "sandbox"], lock, scale),
            ),
        ]  # fmt: skip

    # -- start ---------------------------------------------------------------------------------------------------

    def start(self, *, first_load: bool = True) -> None:
        """Start or continue: what is done and unchanged is passed over. LauncherError says what failed and the mend."""
        self._stopping.clear()
        with self.report.step("检查环境 preflight"):
            preflight.check(self.layout.state, self.ports, self.postgres.home, self._held_ports())
            if warning := preflight.memory_warning():
                self.report.say(warning)
        with self._alone():
            try:
                self._start(first_load)
            except BaseException:
                self._kill_children()
                raise

    def _held_ports(self) -> set[int]:
        """Those of a start before this one, if anything of it still runs: it is kept, or stopped and replaced."""
        if not self.layout.ports_file.exists():
            return set()
        alive = self.supervisor.is_running() or self.supervisor.orphans() or self.postgres.is_running()
        return set(json.loads(self.layout.ports_file.read_text()).values()) if alive else set()

    def _start(self, first_load: bool) -> None:
        self.layout.prepare()
        env = self.env
        settings.write_env(self.layout, env)
        settings.save_ports(self.layout, self.ports)
        passwords = {"admin": self.secrets["AIRFLOW_ADMIN_PASSWORD"]}
        settings.write_private(self.layout.airflow / "passwords.json", json.dumps(passwords))
        with self.report.step("数据库 Postgres"):
            self._start_supervisor()
        cluster = str((self.postgres.data / "PG_VERSION").stat().st_mtime_ns)  # another cluster: nothing is done yet
        lock = ROOT / "uv.lock"
        stages = Stages(self.layout.stamps, self.report, self._kill_children)
        roles = {name: value for name, value in self.secrets.items() if name.startswith("PG_PASSWORD_")}
        plan = [
            Stage(
                "warehouse", "数据仓库的角色、库、表 warehouse roles, databases, tables",
                lambda: self._run("warehouse", [PYTHON, "-m", "deploy.warehouse_setup"],
                                  {**roles, "SUPERUSER_DSN": self.postgres.superuser_dsn}),
                stamp=fingerprint([ROOT / "warehouse"], cluster, *roles.values()),
            ),
            Stage(
                "airflow-migrate", "Airflow 元数据库迁移 metadata tables",
                lambda: self._run("airflow-migrate", [PYTHON, "-m", "airflow", "db", "migrate"]),
                after=("warehouse",), stamp=fingerprint([lock], cluster),
            ),
            Stage("airflow", "Airflow 四个进程 api-server, scheduler, dag-processor, triggerer", self._start_airflow,
                  after=("airflow-migrate",)),
            Stage(
                "superset-deploy", "Superset 库表、账户与看板 tables, accounts, dashboards",
                lambda: self._run("superset-deploy", [SUPERSET_PYTHON, ROOT / "superset" / "deploy.py", "all"]),
                after=("warehouse",),
                stamp=fingerprint([ROOT / "superset", lock], cluster, env["READER_URL"], env["SUPERSET_SECRET_KEY"]),
            ),
            Stage("superset", "Superset 服务 server", self._start_superset, after=("superset-deploy",)),
            Stage("sandbox", "数据源沙箱 sandbox of the sources", self._start_sandbox),
            Stage(
                "dbt-parse", "dbt 项目解析 parse to a manifest",
                lambda: self._run("dbt-parse", [PYTHON, "-m", "warehouse", "parse"]),
                after=("warehouse",), stamp=fingerprint([ROOT / "dbt_project", lock], cluster),
            ),
        ]  # fmt: skip
        # two cores: on the first start the load is the longest way, so Superset is set up beside it and not before it
        plan = [
            replace(stage, after=("airflow",))
            if stage.name == "superset-deploy" and not stages.is_done(stage)
            else stage
            for stage in plan
        ]
        if first_load:
            plan.append(
                Stage("first-load", "首次采集、构建与发布 first load, build and release, by Airflow", self._first_load,
                      after=("airflow", "sandbox", "dbt-parse"), stamp=fingerprint([], cluster))
            )  # fmt: skip
        stages.run(plan)

    def _start_supervisor(self) -> None:
        server = self.postgres
        if not self.supervisor.is_running():
            server.stop()  # before the orphans: in good order, not as one of them
            if lost := self.supervisor.stop_orphans():
                self.report.say(f"! 上次遗留的 {lost} 个进程已结束。 Ended {lost} processes left over from before.")
        server.initialise()
        self.supervisor.programs = self._programs()
        self.supervisor.start()
        self.supervisor.start_program("postgres")
        self._wait_for("postgres", self._postgres_answers, START_SECONDS)

    def _postgres_answers(self) -> bool:
        try:
            psycopg.connect(self.postgres.superuser_dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _start_airflow(self) -> None:
        for name in AIRFLOW_DAEMONS:
            self.supervisor.start_program(name)
        self._wait_for(AIRFLOW_DAEMONS, lambda: _all_healthy(self.api.health()), START_SECONDS)

    def _start_superset(self) -> None:
        self.supervisor.start_program("superset")
        # /health answers before the pages work
        self._wait_for("superset", lambda: _answers(f"{self.env['SUPERSET_URL']}/login/"), START_SECONDS)

    def _start_sandbox(self) -> None:
        self.supervisor.start_program("sandbox")
        self._wait_for("sandbox", lambda: _answers(self.addresses()["sandbox"]), START_SECONDS)

    def _first_load(self) -> None:
        """Through Airflow itself: every source is ingested, and the build that follows is released."""
        sources = sorted(path.stem for path in (ROOT / "ingestion" / "sources").glob("*.yml"))
        dags = [f"ingest_{source}" for source in sources]
        api = self.api
        api.wait_for_dags([*dags, BUILD_DAG], 120)
        for pool in ["build", *(f"source_{source}" for source in sources)]:
            api.ensure_pool(pool, 1)
        earlier = {run["dag_run_id"] for run in api.runs(BUILD_DAG)}
        runs = {dag: self._open_run(api, dag) for dag in dags}
        for dag, run in runs.items():
            api.follow(dag, run, LOAD_SECONDS, self.report.say, self._check_airflow)
        # only now: what the sources brought meanwhile becomes one build, not one for each
        api.unpause(BUILD_DAG)
        build = self._new_build(api, earlier)
        api.follow(BUILD_DAG, build, LOAD_SECONDS, self.report.say, self._check_airflow)

    def _open_run(self, api: AirflowApi, dag: str) -> str:
        """The run that Airflow itself begins when a DAG is switched on; where it begins none, one of ours."""
        api.unpause(dag)
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            if unfinished := [run["dag_run_id"] for run in api.runs(dag) if run["state"] not in FINISHED]:
                return str(unfinished[-1])
            time.sleep(0.5)
        return api.trigger(dag)

    def _new_build(self, api: AirflowApi, earlier: set[str]) -> str:
        """The build that the new rows started; one by hand where an earlier attempt had loaded them all."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            runs = api.runs(BUILD_DAG)
            if fresh := [run["dag_run_id"] for run in runs if run["dag_run_id"] not in earlier]:
                return str(fresh[-1])
            if unfinished := [run["dag_run_id"] for run in runs if run["state"] not in FINISHED]:
                return str(unfinished[-1])
            time.sleep(0.5)
        return api.trigger(BUILD_DAG)

    def _check_airflow(self) -> None:
        if self._stopping.is_set():
            raise LauncherError("另一步骤失败，已停止等待。", "Another step failed.")
        self.supervisor.assert_alive([*AIRFLOW_DAEMONS, "postgres"], patient=True)

    def _wait_for(self, names: str | tuple[str, ...], ready: Callable[[], bool], seconds: float) -> None:
        names = (names,) if isinstance(names, str) else names
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ready():
                return
            if self._stopping.is_set():
                raise LauncherError("另一步骤失败，已停止等待。", "Another step failed.")
            # Postgres may need a second try while the children of a killed one still end
            self.supervisor.assert_alive(names, patient=names == ("postgres",))
            time.sleep(0.25)
        raise LauncherError(
            f"{names[0]} 在 {seconds:.0f} 秒内没有就绪：请看日志后再执行 `make run`。",
            f"{names[0]} was not ready within {seconds:.0f} s: read its log, then `make run` again.",
            self.supervisor.log_of(names[0]),
        )

    # -- commands of the start -----------------------------------------------------------------------------------

    def _run(self, name: str, command: list[object], more: Mapping[str, str] | None = None) -> None:
        """One command with the platform's settings, its output in `logs/<name>.log`."""
        log = self.layout.logs / f"{name}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [str(word) for word in command],
                cwd=ROOT,
                env={**_own_environment(), **self.env, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._children.add(child)
        code = child.wait()
        self._children.discard(child)
        if code and not self._stopping.is_set():
            raise LauncherError(
                f"步骤 {name} 失败（退出码 {code}）：看下面的日志，改好后再执行 `make run`，会从这一步继续。",
                f"Step {name} failed (exit {code}): see its log, then `make run` again; it goes on from here.",
                log,
            )
        if code:
            raise LauncherError(f"步骤 {name} 已中止。", f"Step {name} was ended.")

    def _kill_children(self) -> None:
        self._stopping.set()
        for child in list(self._children):
            child.terminate()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two starts or stops of one platform never run at once."""
        self.layout.state.mkdir(parents=True, exist_ok=True)
        with (self.layout.state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                raise LauncherError(
                    "另一个 `make run` 或 `make stop` 正在进行：请等它结束。",
                    "Another `make run` or `make stop` is at work: wait for it to end.",
                ) from problem
            yield

    # -- stop, clean, look ---------------------------------------------------------------------------------------

    def stop(self) -> int:
        """Stop everything this platform started, orphans too; how many processes there were. Data stays."""
        if not self.layout.state.exists():
            return 0
        with self._alone():
            return self._stop()

    def _stop(self) -> int:
        count = 0
        if self.supervisor.is_running():
            count = sum(1 for process in self.supervisor.processes() if process.pid)
            self.supervisor.stop()
        server = self.postgres
        if server.is_running():
            server.stop()
            count += 1
        count += self.supervisor.stop_orphans()
        self.supervisor.remove_files()
        return count

    def clean(self) -> None:
        """Stop, then remove the state folder and what lies outside it for this platform."""
        if not self.layout.state.exists():
            return
        with self._alone():
            self._stop()
            server = self.postgres
            server.remove()
            if not server.home.is_relative_to(self.layout.state):
                shutil.rmtree(server.home.parent, ignore_errors=True)
            shutil.rmtree(self.layout.state)

    def processes(self) -> list[Process]:
        """What the supervisor says; empty when it does not run."""
        return self.supervisor.processes() if self.supervisor.is_running() else []

    def addresses(self) -> dict[str, str]:
        return {
            "postgres": f"{HOST}:{self.ports.postgres}",
            "airflow-api-server": f"http://{HOST}:{self.ports.airflow}",
            "superset": f"http://{HOST}:{self.ports.superset}",
            "sandbox": f"http://{HOST}:{self.ports.sandbox}/",
        }

    def health(self) -> dict[str, bool]:
        """Process → whether it does its work, as far as it can be asked."""
        airflow = self.api.health()
        return {
            "postgres": self._postgres_answers(),
            "airflow-api-server": bool(airflow),
            "airflow-scheduler": airflow.get("scheduler") == "healthy",
            "airflow-dag-processor": airflow.get("dag_processor") == "healthy",
            "airflow-triggerer": airflow.get("triggerer") == "healthy",
            "superset": _answers(f"http://{HOST}:{self.ports.superset}/login/"),
            "sandbox": _answers(f"http://{HOST}:{self.ports.sandbox}/"),
        }


def _all_healthy(components: Mapping[str, str]) -> bool:
    return {"metadatabase", "scheduler", "dag_processor", "triggerer"} <= {
        name for name, status in components.items() if status == "healthy"
    }


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).status_code < 400
    except requests.RequestException:
        return False


def _own_environment() -> dict[str, str]:
    """What commands take over from the caller: never its settings of another platform."""
    kept = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "http_proxy", "https_proxy", "no_proxy")
    return {"PYTHONUTF8": "1", **{name: os.environ[name] for name in kept if name in os.environ}}
