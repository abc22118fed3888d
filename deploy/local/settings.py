"""Where everything of one running platform lies, its ports, its secrets and its environment.

Secrets are made once and kept in `credentials`; `env` is written anew at every start and may be sourced by a shell.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ingestion.sandbox import catalogue

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Where the four servers listen, all on loopback."""

    postgres: int = 55432
    airflow: int = 18080
    superset: int = 18088
    sandbox: int = 18090

    @classmethod
    def free(cls) -> Ports:
        """Four ports that nobody listens on just now, for a second platform beside a running one."""
        with ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in fields(cls)]
            for probe in probes:
                probe.bind((HOST, 0))
            return cls(*(probe.getsockname()[1] for probe in probes))

    @classmethod
    def chosen(cls, layout: Layout, environment: Mapping[str, str]) -> Ports:
        """What the environment says (PG_PORT, AIRFLOW_PORT, …), else what the last start used, else the defaults."""
        known = json.loads(layout.ports_file.read_text()) if layout.ports_file.exists() else {}
        for field in fields(cls):
            variable = PORT_VARIABLES[field.name]
            if value := environment.get(variable):
                if not value.isdigit() or not 1 <= int(value) <= 65535:
                    raise ValueError(f"{variable}={value!r} 不是端口号（1–65535）。 It is not a port number (1-65535).")
                known[field.name] = int(value)
        return cls(**known)


PORT_VARIABLES = {
    "postgres": "PG_PORT",
    "airflow": "AIRFLOW_PORT",
    "superset": "SUPERSET_PORT",
    "sandbox": "SANDBOX_PORT",
}


@dataclass(frozen=True)
class Layout:
    """The files of one platform under its state folder."""

    state: Path

    @property
    def credentials(self) -> Path:
        return self.state / "credentials"

    @property
    def env(self) -> Path:
        return self.state / "env"

    @property
    def ports_file(self) -> Path:
        return self.state / "ports.json"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def stamps(self) -> Path:
        return self.state / "stamps"

    @property
    def supervisor(self) -> Path:
        return self.state / "supervisor"

    @property
    def airflow(self) -> Path:
        return self.state / "airflow"

    @property
    def superset(self) -> Path:
        return self.state / "superset"

    def prepare(self) -> None:
        """Create the folders: the state folder may be walked through (Postgres may run as another user), no other."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o711)
        for folder in (self.logs, self.stamps, self.supervisor, self.airflow, self.superset):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)


def _password() -> str:
    return secrets.token_urlsafe(18)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


_SECRETS: dict[str, tuple[Callable[[], str], str]] = {
    "AIRFLOW_ADMIN_PASSWORD": (_password, "Airflow 登录 log-in: admin"),
    "SUPERSET_ADMIN_PASSWORD": (_password, "Superset 登录 log-in: admin"),
    **{
        f"PG_PASSWORD_{role.upper()}": (_password, f"Postgres role: {role}")
        for role in (
            "loader", "builder", "publisher", "bi_reader", "downstream_reader", "auditor", "operator",
            "airflow", "superset",
        )
    },
    "PERSON_KEY_SALT": (lambda: secrets.token_hex(32), "自然人标识的盐，丢失后不可复现 salt of the keys of persons"),
    "AIRFLOW_FERNET_KEY": (_fernet_key, "Airflow 连接加密 encryption of stored connections"),
    "AIRFLOW_JWT_SECRET": (lambda: secrets.token_urlsafe(64), "Airflow 令牌签名 signature of tokens"),
    "AIRFLOW_API_SECRET": (lambda: secrets.token_urlsafe(32), "Airflow 会话 sessions"),
    "SUPERSET_SECRET_KEY": (lambda: secrets.token_urlsafe(48), "Superset 会话与库密码加密 sessions, stored passwords"),
}  # fmt: skip


def load_secrets(layout: Layout) -> dict[str, str]:
    """Every secret by name; those that are missing from `credentials` are made and written there (0600)."""
    known = dict(read_assignments(layout.credentials)) if layout.credentials.exists() else {}
    if not known.keys() >= _SECRETS.keys():
        known = {**new_secrets(), **known}
        head = "# 本机生成的密码与密钥，切勿提交或外传。 Generated on this machine; never commit or share.\n\n"
        write_private(layout.credentials, head + secrets_text(known))
    return {name: known[name] for name in _SECRETS}


def new_secrets() -> dict[str, str]:
    return {name: make() for name, (make, _) in _SECRETS.items()}


def secrets_text(values: Mapping[str, str]) -> str:
    """`NAME=value` lines, each under a comment that says what it opens."""
    return "".join(f"# {meaning}\n{name}={values[name]}\n" for name, (_, meaning) in _SECRETS.items())


def read_assignments(path: Path) -> Iterator[tuple[str, str]]:
    """The `NAME=value` lines of a file; blank lines and comments are passed over, quotes and `export` taken off."""
    for line in path.read_text(encoding="utf-8").splitlines():
        name, found, value = line.strip().removeprefix("export ").partition("=")
        if found and not name.startswith("#"):
            yield name.strip(), "".join(shlex.split(value)) if value[:1] in "'\"" else value.strip()


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, at no moment half written or open to others."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def write_env(layout: Layout, environment: Mapping[str, str]) -> None:
    """`env` in shell form: `. .run/env` gives a shell, and every command line of the platform, its settings."""
    lines = ["# 每次启动时生成，请勿手改。 Written at every start. Use: . .run/env"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
    write_private(layout.env, "\n".join(lines) + "\n")


def save_ports(layout: Layout, ports: Ports) -> None:
    layout.ports_file.write_text(json.dumps(asdict(ports)))


def environment(
    layout: Layout, ports: Ports, secret: Mapping[str, str], overrides: Mapping[str, str]
) -> dict[str, str]:
    """Every setting of the platform. `overrides` come last: connections to real sources, another landing place."""
    return {
        **_pipeline(layout, ports, secret),
        **_airflow(layout, ports, secret),
        **_superset(layout, ports, secret),
        **overrides,
    }


def superset_environment(everything: Mapping[str, str]) -> dict[str, str]:
    """The part that Superset may see: its own settings and the reader's address, no other role of the warehouse."""
    shared = ("STATE_DIR", "READER_URL", "AIRFLOW_URL", *PORT_VARIABLES.values())
    return {name: value for name, value in everything.items() if name.startswith("SUPERSET_") or name in shared}


def _warehouse_url(role: str, ports: Ports, secret: Mapping[str, str]) -> str:
    return f"postgresql://{role}:{secret[f'PG_PASSWORD_{role.upper()}']}@{HOST}:{ports.postgres}/warehouse"


def _pipeline(layout: Layout, ports: Ports, secret: Mapping[str, str]) -> dict[str, str]:
    roles = ("loader", "builder", "publisher", "auditor", "operator")
    return {
        "STATE_DIR": str(layout.state),
        **{PORT_VARIABLES[name]: str(port) for name, port in asdict(ports).items()},
        **{f"AIRFLOW_CONN_WAREHOUSE_{role.upper()}": _warehouse_url(role, ports, secret) for role in roles},
        "AIRFLOW_CONN_WAREHOUSE_READER": _warehouse_url("bi_reader", ports, secret),
        "WAREHOUSE_URL": _warehouse_url("operator", ports, secret),
        "READER_URL": _warehouse_url("bi_reader", ports, secret),
        "AIRFLOW_URL": f"http://{HOST}:{ports.airflow}",
        "SUPERSET_URL": f"http://{HOST}:{ports.superset}",
        "LANDING_URL": f"file://{layout.state}/landing",
        **{
            f"AIRFLOW_CONN_SRC_{feed.source_id.upper()}": f"http://{HOST}:{ports.sandbox}/{feed.base}"
            for feed in catalogue.FEEDS
        },
        "PERSON_KEY_SALT": secret["PERSON_KEY_SALT"],
        "DBT_TARGET_PATH": f"{layout.state}/dbt/target",
        "DBT_LOG_PATH": f"{layout.state}/dbt/logs",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def _airflow(layout: Layout, ports: Ports, secret: Mapping[str, str]) -> dict[str, str]:
    database = f"airflow:{secret['PG_PASSWORD_AIRFLOW']}@{HOST}:{ports.postgres}/airflow"
    api = f"http://{HOST}:{ports.airflow}"
    sections = {
        "CORE": {
            "DAGS_FOLDER": f"{ROOT}/dags",
            "LOAD_EXAMPLES": "False",
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": "4",
            "DEFAULT_TIMEZONE": "utc",  # with another zone `ds` is the day before
            "FERNET_KEY": secret["AIRFLOW_FERNET_KEY"],
            "AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": f"{layout.airflow}/passwords.json",
            "EXECUTION_API_SERVER_URL": f"{api}/execution/",  # with another port no task ever starts
        },
        "DATABASE": {
            "SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            # the default driver, asyncpg, is not installed
            "SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg://{database}",
        },
        "API": {
            "HOST": HOST,
            "PORT": str(ports.airflow),
            "BASE_URL": api,
            "WORKERS": "1",
            "SECRET_KEY": secret["AIRFLOW_API_SECRET"],
        },
        "API_AUTH": {"JWT_SECRET": secret["AIRFLOW_JWT_SECRET"]},
        "DAG_PROCESSOR": {"REFRESH_INTERVAL": "30", "PARSING_PROCESSES": "1"},
        "USAGE_DATA_COLLECTION": {"ENABLED": "False"},
    }
    settings = {
        f"AIRFLOW__{section}__{key}": value for section, keys in sections.items() for key, value in keys.items()
    }
    return {
        "AIRFLOW_HOME": str(layout.airflow),
        **settings,
        "PYTHONPATH": str(ROOT),
        # Airflow renames its processes; without this their environment is overwritten and orphans cannot be told
        "SPT_NOENV": "1",
    }


def _superset(layout: Layout, ports: Ports, secret: Mapping[str, str]) -> dict[str, str]:
    database = f"superset:{secret['PG_PASSWORD_SUPERSET']}@{HOST}:{ports.postgres}/superset"
    return {
        "SUPERSET_CONFIG_PATH": f"{ROOT}/superset/superset_config.py",
        "SUPERSET_HOME": str(layout.superset),
        "SUPERSET_CACHE_DIR": f"{layout.superset}/cache",
        "SUPERSET_SECRET_KEY": secret["SUPERSET_SECRET_KEY"],
        "SUPERSET_DB_URI": f"postgresql+psycopg2://{database}",
        "SUPERSET_ADMIN_PASSWORD": secret["SUPERSET_ADMIN_PASSWORD"],
    }
