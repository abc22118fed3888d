"""The real supervisor with small programs: restarts, giving up, orphans, stopping."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.report import LauncherError
from deploy.local.settings import Layout
from deploy.local.supervision import FATAL, MARK, RUNNING, Program, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# a child of the child, which must not outlive a stop either
FAMILY = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])",
]


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    layout = Layout(tmp_path / ("长 路径 " + "x" * 90))  # longer than a socket path may be, with spaces and Chinese
    layout.prepare()
    supervisor = Supervisor(
        layout,
        [
            Program("postgres", SLEEP, {"QUOTED": 'a %s "b" c', "PLAIN": "数 据"}, tmp_path, start_seconds=1),
            Program("family", FAMILY, {}, tmp_path, start_seconds=1),
            Program("broken", [sys.executable, "-c", "raise SystemExit('no')"], {}, tmp_path, start_seconds=1),
        ],
    )
    supervisor.start()
    yield supervisor
    supervisor.stop()
    supervisor.stop_orphans()
    supervisor.remove_files()


def family(supervisor: Supervisor) -> list[psutil.Process]:
    return [process for process in supervisor.orphans() if "time.sleep(600)" in " ".join(process.cmdline())]


def test_files_are_private(supervisor: Supervisor) -> None:
    assert stat.S_IMODE(supervisor.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(supervisor.socket.parent.stat().st_mode) == 0o700
    assert len(str(supervisor.socket).encode()) < 100


def test_settings_reach_the_process_as_they_are(supervisor: Supervisor) -> None:
    supervisor.start_program("postgres")
    until(lambda: supervisor.process("postgres").state == RUNNING)
    environment = psutil.Process(supervisor.process("postgres").pid).environ()
    assert environment["QUOTED"] == 'a %s "b" c'
    assert environment["PLAIN"] == "数 据"
    assert environment[MARK] == str(supervisor.layout.state)


def test_a_killed_process_comes_back(supervisor: Supervisor) -> None:
    supervisor.start_program("postgres")
    until(lambda: supervisor.process("postgres").state == RUNNING)
    pid = supervisor.process("postgres").pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: supervisor.process("postgres").pid not in (0, pid))
    until(lambda: supervisor.process("postgres").state == RUNNING)


def test_a_process_that_cannot_start_is_named_with_its_log(supervisor: Supervisor) -> None:
    supervisor.start_program("broken")
    until(lambda: supervisor.process("broken").state in ("BACKOFF", FATAL))
    with pytest.raises(LauncherError, match="broken") as caught:
        supervisor.assert_alive(["broken"])
    assert caught.value.log is not None
    assert "no" in caught.value.log.read_text()


def test_stop_ends_the_whole_family(supervisor: Supervisor) -> None:
    supervisor.start_program("family")
    until(lambda: len(family(supervisor)) == 2)
    supervisor.stop()
    assert not supervisor.is_running()
    assert supervisor.orphans() == []


def test_what_outlives_a_killed_supervisor_is_found_and_ended(supervisor: Supervisor) -> None:
    supervisor.start_program("family")
    until(lambda: len(family(supervisor)) == 2)
    os.kill(supervisor.call("getPID"), signal.SIGKILL)
    until(lambda: not supervisor.is_running())
    assert supervisor.stop_orphans() == 2
    assert supervisor.orphans() == []
    supervisor.start()  # the stale socket and pid file are no obstacle
    assert supervisor.is_running()


def test_a_changed_program_replaces_the_running_set_and_an_unchanged_one_does_not(supervisor: Supervisor) -> None:
    pid = supervisor.call("getPID")
    supervisor.start()
    assert supervisor.call("getPID") == pid
    supervisor.programs = supervisor.programs[:1]
    supervisor.start()
    assert supervisor.call("getPID") != pid
    assert [process.name for process in supervisor.processes()] == ["postgres"]


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.prepare()
    supervisor = Supervisor(layout, [Program("postgres", SLEEP, {}, tmp_path)])
    supervisor.socket.parent.mkdir(mode=0o777)
    supervisor.socket.parent.chmod(0o777)
    try:
        with pytest.raises(LauncherError, match="不是本用户私有"):
            supervisor.start()
    finally:
        supervisor.remove_files()
