"""What must hold before anything is started. Each failure is one sentence that names the mend."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import psutil

from deploy.local.report import LauncherError
from deploy.local.settings import HOST, PORT_VARIABLES, ROOT, Ports

# a colon breaks PATH-like variables, the others the quoting of process files and of URLs
UNSAFE = set(":;#%$\"'\\?*\n\t`")
FIRST_START_MB = 1500
LATER_START_MB = 300
WANTED_MEMORY_MB = 3000


def check_python() -> None:
    if sys.version_info[:2] not in {(3, 11), (3, 12)}:
        found = ".".join(map(str, sys.version_info[:3]))
        raise LauncherError(
            f"需要 Python 3.11 或 3.12，当前为 {found}：请安装后执行 `rm -rf .venv && make run`。",
            f"Python 3.11 or 3.12 is needed, this is {found}: install one, then `rm -rf .venv && make run`.",
        )


def check_path(path: Path) -> None:
    if bad := sorted(UNSAFE & set(str(path))):
        raise LauncherError(
            f"路径 {path} 含有不支持的字符 {' '.join(map(repr, bad))}：请把项目移到不含这些字符的文件夹。",
            f"The path holds characters that do not work here: move the clone to a folder without {' '.join(bad)}.",
        )


def check_state(state: Path) -> None:
    """The state folder can be written, and keeps the permissions it is given."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=state) as probe:
            Path(probe.name).chmod(0o600)
            private = Path(probe.name).stat().st_mode & 0o777 == 0o600
    except OSError as problem:
        raise LauncherError(
            f"状态文件夹 {state} 不可写（{problem.strerror}）：请用其所有者运行，或执行 `chown -R $(id -u) {state}`。",
            f"The state folder cannot be written: run as its owner, or `chown -R $(id -u) {state}`.",
        ) from problem
    if not private:
        raise LauncherError(
            f"{state} 所在的磁盘不支持文件权限，密码会被他人读到：请把项目移到本机 Linux 磁盘。",
            "That disk ignores permissions, others could read the passwords: move the clone to a local Linux disk.",
        )
    owner = state.stat().st_uid
    if owner != os.geteuid():
        raise LauncherError(
            f"状态文件夹 {state} 属于另一个用户（uid {owner}）：请用该用户运行，或先 `make clean`。",
            f"The state folder belongs to another user (uid {owner}): run as that user, or let them `make clean`.",
        )


def check_disk(folder: Path, first: bool) -> None:
    needed = FIRST_START_MB if first else LATER_START_MB
    free = shutil.disk_usage(folder).free // 2**20
    if free < needed:
        raise LauncherError(
            f"磁盘空间不足：{folder} 所在磁盘只剩 {free} MB，需要 {needed} MB，请腾出空间后再执行 `make run`。",
            f"The disk is full: {free} MB are left, {needed} MB are needed; free some space and `make run` again.",
        )


def memory_warning() -> str | None:
    available = psutil.virtual_memory().available // 2**20
    if available >= WANTED_MEMORY_MB:
        return None
    return (
        f"! 可用内存只有 {available} MB，建议 {WANTED_MEMORY_MB} MB 以上，启动可能很慢。"
        f" Only {available} MB of memory are free; {WANTED_MEMORY_MB} MB are advised."
    )


def check_ports(ports: Ports, ours: set[int]) -> None:
    """Nobody else listens where the four servers will; `ours` are held by this platform itself."""
    numbers = asdict(ports)
    if len(set(numbers.values())) < len(numbers):
        raise LauncherError(
            f"端口设置重复：{numbers}，请改为四个不同的端口。", "Two ports are the same: choose four different ones."
        )
    for name, port in numbers.items():
        if port in ours:
            continue
        if not _can_listen(port):
            holder = _holder(port)
            mend = f"`make run {PORT_VARIABLES[name]}={port + 1000 if port < 64000 else port - 1000}`"
            raise LauncherError(
                f"端口 {port}（{name}）已被占用{holder[0]}：请停止它，或换一个端口 {mend}。",
                f"Port {port} ({name}) is taken{holder[1]}: stop that process, or {mend}.",
            )


def _can_listen(port: int) -> bool:
    """Whether the port is ours to take; one that only an outgoing connection holds is free again in a moment."""
    for _ in range(20):
        with socket.socket() as probe, socket.socket() as caller:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return True
            except PermissionError:
                return False
            except OSError:
                caller.settimeout(1)
                if caller.connect_ex((HOST, port)) == 0:
                    return False
        time.sleep(0.25)
    return False


def _holder(port: int) -> tuple[str, str]:
    """Who listens there, as far as this user may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                process = psutil.Process(connection.pid)
                return f"（{process.name()}，pid {process.pid}）", f" by {process.name()} (pid {process.pid})"
    except psutil.Error:
        pass
    return "", ""


def check(state: Path, ports: Ports, database: Path, ours: set[int]) -> None:
    """All of it, cheapest first. `database` is where Postgres keeps its files, `ours` the ports we hold already."""
    check_python()
    check_path(ROOT)
    check_path(state)
    check_state(state)
    first = not (database / "data" / "PG_VERSION").exists()
    for folder in {state, next(parent for parent in (database, *database.parents) if parent.exists())}:
        check_disk(folder, first)
    check_ports(ports, ours)
