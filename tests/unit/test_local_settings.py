"""Secrets, ports and the two files that a start writes."""

from __future__ import annotations

import socket
import stat
import subprocess
from dataclasses import astuple
from pathlib import Path

import pytest

from deploy.local import settings
from deploy.local.settings import Layout, Ports


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "状态 state")
    layout.prepare()
    return layout


def test_secrets_are_made_once_and_private(layout: Layout) -> None:
    first = settings.load_secrets(layout)
    assert settings.load_secrets(layout) == first
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE(layout.credentials.stat().st_mode) == 0o600


def test_a_secret_that_a_new_version_needs_is_added_and_the_others_stay(layout: Layout) -> None:
    first = settings.load_secrets(layout)
    kept = [line for line in layout.credentials.read_text().splitlines() if not line.startswith("PERSON_KEY_SALT=")]
    layout.credentials.write_text("\n".join(kept))
    second = settings.load_secrets(layout)
    assert {name for name in first if first[name] != second[name]} == {"PERSON_KEY_SALT"}
    assert settings.load_secrets(layout) == second


def test_env_file_gives_a_shell_exactly_the_settings(layout: Layout) -> None:
    overrides = {"AIRFLOW_CONN_SRC_CNIPA_PATENTS": "file:///数据 a'b$HOME\"c"}
    environment = settings.environment(layout, Ports(), settings.load_secrets(layout), overrides)
    settings.write_env(layout, environment)
    assert stat.S_IMODE(layout.env.stat().st_mode) == 0o600
    done = subprocess.run(
        ["sh", "-c", '. "$1" && env -0', "sh", str(layout.env)], env={}, capture_output=True, check=True
    )
    seen = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if "=" in entry)
    assert {name: seen.get(name) for name in environment} == environment


def test_own_settings_are_read_with_and_without_quotes(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\n\nA=1\nexport B='x y'\nC=\"https://u:p@host/路径\"\n#D=4\nE=a=b\n", encoding="utf-8")
    assert dict(settings.read_assignments(file)) == {"A": "1", "B": "x y", "C": "https://u:p@host/路径", "E": "a=b"}


def test_superset_sees_no_role_of_the_warehouse_but_the_reader(layout: Layout) -> None:
    secret = settings.load_secrets(layout)
    part = settings.superset_environment(settings.environment(layout, Ports(), secret, {}))
    text = "\n".join(part.values())
    for role in ("loader", "builder", "publisher", "operator", "auditor", "airflow"):
        assert secret[f"PG_PASSWORD_{role.upper()}"] not in text
    assert secret["PG_PASSWORD_BI_READER"] in part["READER_URL"]


def test_ports_chosen_now_then_remembered_then_default(layout: Layout) -> None:
    assert Ports.chosen(layout, {}) == Ports()
    settings.save_ports(layout, Ports(postgres=6001, airflow=6002))
    assert Ports.chosen(layout, {"PG_PORT": "7001"}) == Ports(postgres=7001, airflow=6002)


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused_by_name(layout: Layout, value: str) -> None:
    with pytest.raises(ValueError, match=f"AIRFLOW_PORT='{value}'"):
        Ports.chosen(layout, {"AIRFLOW_PORT": value})


def test_free_ports_are_free_and_different() -> None:
    ports = astuple(Ports.free())
    assert len(set(ports)) == 4
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
