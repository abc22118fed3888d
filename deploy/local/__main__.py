"""`python -m deploy.local up|stop|status|logs|psql|clean`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.local.launcher import Platform
from deploy.local.report import LauncherError, Reporter
from deploy.local.settings import ROOT, read_assignments
from deploy.local.supervision import RUNNING, STARTING

MENDS = {
    "FATAL": "多次启动失败 it failed to start several times",
    "BACKOFF": "反复退出，正在重试 it keeps dying and is being tried again",
    "EXITED": "已退出 it has ended",
    "STOPPED": "未启动 it was not started",
}


def up(platform: Platform, _: argparse.Namespace) -> int:
    platform.start()
    platform.report.summary()
    where = platform.addresses()
    state = _shown(platform.layout.state)
    print(f"""
平台已就绪。 The platform is running.
  看板 dashboards   {where["superset"]}   (admin / SUPERSET_ADMIN_PASSWORD)
  调度 Airflow      {where["airflow-api-server"]}   (admin / AIRFLOW_ADMIN_PASSWORD)
  数据库 Postgres   {where["postgres"]}   make psql
  沙箱 sandbox      {where["sandbox"]}
  密码 passwords    {state}/credentials      环境变量 settings   . {state}/env
  make status 状态 · make logs 日志 · make stop 停止""")
    return 0


def stop(platform: Platform, _: argparse.Namespace) -> int:
    count = platform.stop()
    print(
        f"已停止 {count} 个进程，数据保留。 {count} processes stopped; the data stay."
        if count
        else "没有在运行。 Nothing was running."
    )
    return 0


def status(platform: Platform, _: argparse.Namespace) -> int:
    """One line a process; exit 1 unless all of them work."""
    processes = platform.processes()
    if not processes:
        lost = len(platform.supervisor.orphans()) if platform.layout.state.exists() else 0
        if lost:
            print(f"✗ 进程管理器已死，遗留 {lost} 个进程：执行 `make run` 恢复，或 `make stop` 停止。")
            print(
                f"  The supervisor is dead, {lost} processes outlived it: `make run` mends it, `make stop` ends them."
            )
        else:
            print("平台没有运行：`make run` 启动。 The platform is not running: `make run` starts it.")
        return 1
    health, where, bad = platform.health(), platform.addresses(), 0
    print(f"{'进程 process':<24}{'状态 state':<14}{'pid':>8}  {'运行 uptime':<12}{'健康 health':<12}地址 address")
    for process in processes:
        alive = process.state in (RUNNING, STARTING)
        works = alive and health[process.name]
        bad += not works
        word = "ok" if works else "no answer" if alive else "down"
        print(
            f"{process.name:<26}{process.state:<12}{process.pid or '-':>8}  {_duration(process.seconds):<14}"
            f"{word:<12}  {where.get(process.name, '')}"
        )
    for process in processes:
        if process.state not in (RUNNING, STARTING):
            why = MENDS.get(process.state, process.state)
            print(f"✗ {process.name}: {why} ({process.error or '-'})。")
            print(f"  看日志 see `make logs P={process.name}`，改好后 then `make run`。")
        elif not health[process.name]:
            print(f"✗ {process.name}: 进程在，但不应答（刚启动时属正常）：`make logs P={process.name}`")
            print("  It runs but does not answer, which is normal just after a start.")
    return 1 if bad else 0


def logs(platform: Platform, arguments: argparse.Namespace) -> int:
    """Follow the logs, of one process or of all."""
    files = sorted(platform.layout.logs.glob("*.log"))
    if arguments.process:
        files = [file for file in files if file.stem == arguments.process]
    if not files:
        names = "、".join(sorted(file.stem for file in platform.layout.logs.glob("*.log"))) or "–"
        raise LauncherError(f"没有这个日志，可选：{names}。", f"There is no such log; there are: {names}.")
    follow = ["-F"] if arguments.follow else []
    return subprocess.call(["tail", "-n", str(arguments.lines if arguments.process else 10), *follow, *map(str, files)])


def psql(platform: Platform, arguments: argparse.Namespace) -> int:
    """A shell of the warehouse as the role `operator`."""
    if not platform.postgres.is_running():
        raise LauncherError("数据库没有运行：先执行 `make run`。", "Postgres is not running: `make run` first.")
    program = shutil.which("psql") or str(platform.postgres.bin() / "psql")
    os.execve(program, [program, *arguments.rest], {**os.environ, **_libpq(platform)})  # noqa: S606


def clean(platform: Platform, _: argparse.Namespace) -> int:
    platform.clean()
    print(f"已删除 {_shown(platform.layout.state)}。 Removed; .venv and .venv-superset stay.")
    return 0


def _libpq(platform: Platform) -> dict[str, str]:
    # in the environment, not in the arguments, which every user of the machine can read
    return {
        "PGHOST": "127.0.0.1", "PGPORT": str(platform.ports.postgres), "PGUSER": "operator", "PGDATABASE": "warehouse",
        "PGPASSWORD": platform.secrets["PG_PASSWORD_OPERATOR"],
    }  # fmt: skip


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _duration(seconds: int) -> str:
    hours, rest = divmod(max(0, seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if seconds else "-"


COMMANDS: dict[str, Callable[[Platform, argparse.Namespace], int]] = {
    "up": up, "stop": stop, "status": status, "logs": logs, "psql": psql, "clean": clean,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local", description="Run the whole platform on this machine."
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--state", type=Path, default=ROOT / ".run", help="state folder (default .run)")
    parser.add_argument("--process", "-p", default="", help="logs: of this process only")
    parser.add_argument("--lines", "-n", type=int, default=100, help="logs: how many lines")
    parser.add_argument("--follow", "-f", action="store_true", help="logs: go on as lines are written")
    arguments, rest = parser.parse_known_args()
    arguments.rest = rest
    report = Reporter()
    try:
        own = (
            ROOT / ".env"
        )  # what the owner of this clone wants otherwise: connections to real sources, another landing
        platform = Platform(
            arguments.state, overrides=dict(read_assignments(own)) if own.exists() else {}, report=report
        )
        return COMMANDS[arguments.command](platform, arguments)
    except KeyboardInterrupt:
        print(
            "\n已中断：`make run` 继续，`make stop` 停止。 Interrupted: `make run` goes on, `make stop` stops.",
            file=sys.stderr,
        )
        return 130
    except (LauncherError, ValueError, RuntimeError) as problem:
        report.failure(problem)
        return 1


if __name__ == "__main__":
    sys.exit(main())
