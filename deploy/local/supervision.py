"""The one supervisor of a platform: its configuration, its commands, and the search for orphans.

supervisord restarts what dies, with growing pauses, and gives up (state FATAL) when a process cannot start at all.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from deploy.local.report import LauncherError
from deploy.local.settings import Layout, write_private

# in the environment of what we start and nowhere else: a shell that sourced `.run/env` does not have it
MARK = "PLATFORM_SUPERVISED"
RUNNING, STARTING, BACKOFF, FATAL = "RUNNING", "STARTING", "BACKOFF", "FATAL"


@dataclass(frozen=True)
class Program:
    """One supervised process."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    directory: Path
    user: str | None = None
    start_seconds: int = 20  # who dies earlier is tried again with growing pauses, then given up
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    stamp: str = ""  # a change of it restarts the process


@dataclass(frozen=True)
class Process:
    """What supervisord says of one program."""

    name: str
    state: str
    pid: int
    seconds: int
    error: str


@dataclass
class Supervisor:
    """supervisord of one state folder, reached by a Unix socket in a private folder with a short path."""

    layout: Layout
    programs: list[Program] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.layout.supervisor / "supervisord.conf"

    @property
    def socket(self) -> Path:
        # a socket path may have 107 bytes; a state folder may be longer
        digest = hashlib.sha256(str(self.layout.state).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"dongli-ip-{os.geteuid()}-{digest}" / "s"

    def log_of(self, name: str) -> Path:
        return self.layout.logs / f"{name}.log"

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start supervisord with the present programs, none started yet; a changed set replaces a running one."""
        wanted = self._render()
        if self.is_running():
            if self.config.exists() and self.config.read_text(encoding="utf-8") == wanted:
                return
            self.stop()
        self._private_socket_folder()
        write_private(self.config, wanted)
        environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ
        }
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)]
        done = subprocess.run(
            command, env={**environment, "PYTHONUTF8": "1"}, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 15
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.is_running():
                return
            time.sleep(0.05)
        raise LauncherError(
            f"进程管理器未能启动：{done.stderr.strip() or done.stdout.strip()}。请查看日志后再执行 `make run`。",
            "The supervisor did not start: read its log, then `make run` again.",
            self.layout.supervisor / "supervisord.log",
        )

    def stop(self, last: str = "postgres") -> None:
        """Stop all programs at once, but what the others need after them, then supervisord."""
        if not self.is_running():
            return
        pid = self.call("getPID")
        names = [program.name for program in self.processes()]
        self._stop_programs([name for name in names if name != last])
        self._stop_programs([name for name in names if name == last])
        self.call("shutdown")
        deadline = time.monotonic() + 30
        while psutil.pid_exists(pid) and not _is_zombie(pid) and time.monotonic() < deadline:
            time.sleep(0.05)

    def is_running(self) -> bool:
        try:
            return bool(self.call("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error):
            return False

    # -- programs ------------------------------------------------------------------------------------------------

    def call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def processes(self) -> list[Process]:
        return [
            Process(
                entry["name"], entry["statename"], entry["pid"],
                entry["now"] - entry["start"] if entry["pid"] else 0,
                entry["spawnerr"] or (f"exit {entry['exitstatus']}" if entry["exitstatus"] else ""),
            )
            for entry in self.call("getAllProcessInfo")
        ]  # fmt: skip

    def process(self, name: str) -> Process:
        return next(process for process in self.processes() if process.name == name)

    def start_program(self, name: str) -> None:
        """Ask for it to run; returns at once. What runs already is left alone."""
        if self.process(name).state not in (RUNNING, STARTING):
            self.call("startProcess", name, False)

    def restart_program(self, name: str) -> None:
        if self.process(name).state in (RUNNING, STARTING, BACKOFF):
            self.call("stopProcess", name)
        self.call("startProcess", name, False)

    def assert_alive(self, names: Iterable[str], *, patient: bool = False) -> None:
        """LauncherError for the first of them that died; `patient`: only when supervisord has given it up."""
        dead = {FATAL, "EXITED", "STOPPED", "UNKNOWN"} | (set() if patient else {BACKOFF})
        for process in self.processes():
            if process.name in names and process.state in dead:
                why = process.error or process.state
                raise LauncherError(
                    f"进程 {process.name} 启动后退出（{why}）：看下面的日志，改好后再执行 `make run`。",
                    f"{process.name} started and died ({why}): see its log, then `make run` again.",
                    self.log_of(process.name),
                )

    def _stop_programs(self, names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(xmlrpc.client.Fault):  # it does not run
                self.call("stopProcess", name, False)
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            if not any(process.pid for process in self.processes() if process.name in names):
                return
            time.sleep(0.1)

    # -- files ---------------------------------------------------------------------------------------------------

    def _private_socket_folder(self) -> None:
        folder = self.socket.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
            raise LauncherError(
                f"{folder} 不是本用户私有的文件夹：请删除它后再执行 `make run`。",
                f"{folder} is not a private folder of this user: remove it, then `make run` again.",
            )

    def remove_files(self) -> None:
        shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _render(self) -> str:
        folder = self.layout.supervisor
        lines = [
            "; written by the launcher at every start",
            "[unix_http_server]", f"file={self.socket}", "chmod=0700",
            "[supervisord]", f"logfile={folder}/supervisord.log", "logfile_maxbytes=5MB", "logfile_backups=2",
            f"pidfile={folder}/supervisord.pid", f"childlogdir={folder}", "umask=077", "nocleanup=true",
            f"user={getpass.getuser() if os.geteuid() else 'root'}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]  # fmt: skip
        for priority, program in enumerate(self.programs):
            variables = sorted({**program.environment, MARK: str(self.layout.state)}.items())
            lines += [
                f"[program:{program.name}]", f"; {program.stamp}",
                "command=" + " ".join(shlex.quote(word).replace("%", "%%") for word in program.command),
                f"directory={program.directory}",
                "environment=" + ",".join(f"{name}={_quoted(name, value)}" for name, value in variables),
                *([f"user={program.user}"] if program.user else []),
                f"priority={priority}", "autostart=false", "autorestart=true", f"startsecs={program.start_seconds}",
                "startretries=6", f"stopsignal={program.stop_signal}", f"stopwaitsecs={program.stop_seconds}",
                *(["stopasgroup=true"] if program.stop_signal == "TERM" else []), "killasgroup=true",
                "redirect_stderr=true", f"stdout_logfile={self.log_of(program.name)}",
                "stdout_logfile_maxbytes=20MB", "stdout_logfile_backups=3",
            ]  # fmt: skip
        return "\n".join(lines) + "\n"

    # -- orphans -------------------------------------------------------------------------------------------------

    def orphans(self) -> list[psutil.Process]:
        """Processes that a supervisor of this state folder once started and that outlived it."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.layout.state) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def stop_orphans(self) -> int:
        """End them, politely first; how many there were."""
        lost = self.orphans()
        for process in lost:
            _signal(process, signal.SIGTERM)
        _, stubborn = psutil.wait_procs(lost, timeout=10)
        for process in stubborn:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(stubborn, timeout=5)
        return len(lost)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _quoted(name: str, value: str) -> str:
    """A value for supervisord's `environment=`, whose parser knows quotes but no escapes."""
    mark = "'" if '"' in value else '"'
    if mark in value or "\n" in value or value[-1:] in ("'", '"'):
        raise LauncherError(
            f"设置 {name} 同时含有单引号和双引号、以引号结尾或含换行：请改写该值。",
            f"The setting {name} mixes both kinds of quotes, ends with one or has a line break: write it another way.",
        )
    return f"{mark}{value}{mark}".replace("%", "%%")
