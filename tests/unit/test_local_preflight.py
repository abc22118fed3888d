"""Every failure before the start is one clear sentence with the mend, in two languages."""

from __future__ import annotations

import os
import re
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from deploy.local import preflight
from deploy.local.report import LauncherError
from deploy.local.settings import Ports


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(LauncherError) as caught:
        call(*arguments)  # type: ignore[operator]
    text = str(caught.value)
    assert re.search(r"[\u4e00-\u9fff]", text.splitlines()[0]), "Chinese first"
    assert re.search(r"[A-Za-z]{4}", text.splitlines()[1]), "English beside"
    return text


def test_a_taken_port_names_itself_its_holder_and_another_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = refusal(preflight.check_ports, Ports(superset=port), set())
        assert f"端口 {port}" in text
        assert f"pid {os.getpid()}" in text
        assert re.search(r"make run SUPERSET_PORT=\d+", text)
        preflight.check_ports(Ports(superset=port), {port})  # held by the platform itself


def test_twice_the_same_port_is_refused() -> None:
    assert "重复" in refusal(preflight.check_ports, Ports(airflow=6000, superset=6000), set())


@pytest.mark.parametrize("name", ["a:b", "a%b", "a'b", 'a"b', "a#b", "a$b", "a;b"])
def test_a_path_that_breaks_process_files_is_refused(tmp_path: Path, name: str) -> None:
    assert "move the clone" in refusal(preflight.check_path, tmp_path / name)


@pytest.mark.parametrize("name", ["with space", "中文路径", "a-b_c.d+e(1)"])
def test_spaces_and_chinese_in_a_path_are_fine(tmp_path: Path, name: str) -> None:
    preflight.check_path(tmp_path / name)


def test_a_full_disk_says_how_much_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage(2**40, 2**40, 400 * 2**20))
    assert "400 MB" in refusal(preflight.check_disk, tmp_path, True)
    preflight.check_disk(tmp_path, False)  # a later start needs less


def test_a_state_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "chown" in refusal(preflight.check_state, tmp_path / "file" / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_state_folder_of_another_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    assert "uid 12345" in refusal(preflight.check_state, tmp_path)


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.sys, "version_info", (3, 10, 4, "final", 0))
    assert "3.10.4" in refusal(preflight.check_python)
