"""docker-compose.yml: what can be known without a container engine.

No engine runs in the tests; the file is read as YAML, held against the house's rules, and given to docker-compose
where that is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.settings import read_assignments
from ingestion.declarations import source_ids

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# the compose-spec keys that this file uses; a misspelt one is not among them
KNOWN_KEYS = {
    "build", "cap_add", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "logging",
    "networks", "ports", "profiles", "restart", "security_opt", "shm_size", "stop_grace_period", "volumes",
}  # fmt: skip
ONE_SHOT = {"setup", "superset-deploy", "sandbox"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
WAREHOUSE_ROLE = re.compile(r"postgresql://(\w+):")


@pytest.fixture
def production_env(tmp_path: Path) -> Path:
    """The env file that the tree's own script writes, with the one address that an owner must fill in."""
    path = tmp_path / "production.env"
    subprocess.run([sys.executable, str(ROOT / "deploy" / "production_env.py"), str(path)], check=True)
    assert path.stat().st_mode & 0o077 == 0, "others may read the secrets"
    text = path.read_text(encoding="utf-8")
    filled, addresses = re.subn(r"^(AIRFLOW_CONN_SRC_\w+)=$", r"\1=https://feed.invalid/x", text, flags=re.MULTILINE)
    assert addresses == len(source_ids())
    path.write_text(filled, "utf-8")
    return path


def test_every_source_has_a_connection() -> None:
    named = {name for name in COMPOSE["x-pipeline"] if name.startswith("AIRFLOW_CONN_SRC_")}
    assert named == {f"AIRFLOW_CONN_SRC_{source_id.upper()}" for source_id in source_ids()}


def test_the_script_of_the_env_file_needs_no_package(tmp_path: Path) -> None:
    script = str(ROOT / "deploy" / "production_env.py")
    subprocess.run([sys.executable, "-S", "-I", script, str(tmp_path / "production.env")], check=True)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_well_formed(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KNOWN_KEYS
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == wanted
        assert other in SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert (name in ONE_SHOT) != ("healthcheck" in service)
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), f"{name} publishes {port} beyond loopback"


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_has_a_value_or_a_default(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|_KEY$|SALT|CONN|DSN|_URL$|_URI$", variable) and "${" in str(value):
            for reference in re.findall(r"\$\{([^}]*)\}", value):
                assert ":?" in reference or reference.startswith(("AIRFLOW_PUBLIC_URL:-", "LANDING_URL:-"))
        elif re.search(r"PASSWORD|SECRET|SALT|FERNET", variable):
            pytest.fail(f"{name}.{variable} stands in the file")


def test_each_service_sees_only_the_roles_it_needs() -> None:
    def roles(name: str) -> set[str]:
        values = map(str, SERVICES[name].get("environment", {}).values())
        return {role for value in values for role in WAREHOUSE_ROLE.findall(value)}

    for name in ("airflow-api-server", "airflow-dag-processor", "airflow-triggerer", "superset", "sandbox"):
        assert roles(name) == set(), name
    assert roles("superset-deploy") == {"bi_reader"}
    assert {name for name, service in SERVICES.items() if "SUPERUSER_DSN" in service.get("environment", {})} == {
        "setup"
    }


def test_same_processes_as_the_local_launcher(tmp_path: Path) -> None:
    from deploy.local.launcher import Platform
    from deploy.local.settings import Ports

    supervised = {"postgres", *Platform(tmp_path, Ports()).addresses()}
    daemons = {name for name in SERVICES if name.startswith("airflow-")}
    assert daemons == {"airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
    assert supervised <= set(SERVICES)


def test_every_variable_of_the_file_is_in_the_generated_env(production_env: Path) -> None:
    required = set(re.findall(r"\$\{(\w+):\?", FILE.read_text(encoding="utf-8")))
    values = dict(read_assignments(production_env))
    assert required <= {name for name, value in values.items() if value}


def test_images_are_built_from_the_lock_and_not_as_root() -> None:
    for name in ("airflow", "superset"):
        text = (ROOT / "deploy" / "images" / f"{name}.Dockerfile").read_text(encoding="utf-8")
        assert "uv sync --frozen" in text
        final = text.rsplit("FROM ", 1)[1]
        assert re.search(rf"^USER {name}$", final, re.MULTILINE)
        for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE):
            assert (ROOT / source).exists()


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_docker_compose_accepts_it(production_env: Path) -> None:
    command = ["docker-compose", "--file", str(FILE), "--env-file", str(production_env), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_docker_compose_refuses_a_missing_secret(tmp_path: Path) -> None:
    empty = tmp_path / "empty.env"
    empty.touch()
    done = subprocess.run(
        ["docker-compose", "--file", str(FILE), "--env-file", str(empty), "config", "--quiet"],
        capture_output=True, text=True, cwd=ROOT, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode != 0
    assert "missing in production.env" in done.stderr
