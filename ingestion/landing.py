"""The landing area: every fetched file, for ever, under the hash of its content.

`<LANDING_URL>/<source_id>/<sha256[:2]>/<sha256>/<original name>`. A file is written aside, hashed while it is copied,
and moved into its place in one step; after that nothing of ours writes to it. What a killed process left aside is
cleared by the next run, but for large downloads that can go on: these wait, noted, for some days and within a size.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import fsspec

from ingestion.transport import Mark

_ASIDE = ".incoming"
_OLD_SECONDS = 24 * 3600
_PARTIAL, _NOTE = "partial~", ".json"
_PARTIAL_SECONDS = 7 * 24 * 3600  # beyond it a source has published the file anew, or nobody asks for it any more
_PARTIAL_BYTES = 8 << 30  # of all of them; the newest stay
_NAME_BYTES = 200


class LandingMissing(RuntimeError):
    """LANDING_URL is not set."""


class LandingChanged(RuntimeError):
    """A landed file is gone or is no longer what was landed; the text names it."""


class Partial:
    """A download in the making: an open file, and a note of how far it came that outlives the process."""

    def __init__(self, handle: IO[bytes], note: Path | None) -> None:
        self.handle, self._note = handle, note

    def load(self) -> Mark | None:
        """The note of a process before, if there is one that can be read."""
        try:
            return Mark(**json.loads(self._note.read_text())) if self._note else None
        except (OSError, ValueError, TypeError):
            return None

    def save(self, mark: Mark | None) -> None:
        """Replace the note in one step; None takes it away."""
        if self._note is None:
            return
        if mark is None:
            self._note.unlink(missing_ok=True)
            return
        draft = self._note.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(mark)))
        draft.replace(self._note)


@dataclass(frozen=True)
class Landing:
    """The landing area at one fsspec address."""

    url: str

    @property
    def is_local(self) -> bool:
        return "://" not in self.url or self.url.startswith(("file://", "local://"))

    @property
    def folder(self) -> Path:
        """Only of a local area."""
        return Path(self.url.split("://", 1)[-1])

    @property
    def _aside(self) -> Path:
        """Beside the files where that is a local disk, so that the move is one step; else a folder of this machine."""
        if self.is_local:
            return self.folder / _ASIDE
        return Path(tempfile.gettempdir()) / f"dongli-ip-landing-{hashlib.sha256(self.url.encode()).hexdigest()[:12]}"

    @contextmanager
    def aside(self) -> Iterator[IO[bytes]]:
        """An open file to write into; removed afterwards unless `keep` moved it."""
        self._aside.mkdir(parents=True, exist_ok=True)
        path = self._aside / f"{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex}"
        with path.open("w+b") as handle:
            try:
                yield handle
            finally:
                path.unlink(missing_ok=True)

    @contextmanager
    def partial(self, key: str) -> Iterator[Partial]:
        """An open file for the download that `key` names, with what an earlier process left of it.

        It stays behind if a note was saved and not taken away. While another process holds the same download, this one
        gets an empty file of its own.
        """
        self._aside.mkdir(parents=True, exist_ok=True)
        path = self._aside / f"{_PARTIAL}{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        handle = _locked(path, create=True)
        if handle is None:
            with self.aside() as alone:
                yield Partial(alone, None)
            return
        note = path.with_suffix(_NOTE)
        with handle:
            try:
                yield Partial(handle, note)
            finally:
                if not note.exists() and _is_file(path, handle):  # not where another process has begun anew
                    path.unlink()

    def keep(self, handle: IO[bytes], source_id: str, sha256: str, name: str) -> str:
        """Move a file from aside to its place for ever; returns the path below the area's address."""
        handle.flush()
        place = f"{source_id}/{sha256[:2]}/{sha256}/{clean_name(name)}"
        if self.is_local:
            target = self.folder / place
            if self._holds(target.parent, handle):
                return f"{place.rpartition('/')[0]}/{_only_name(target.parent)}"
            os.fsync(handle.fileno())
            os.fchmod(handle.fileno(), 0o440)
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(handle.name).replace(target)
            return place
        filesystem, root = fsspec.core.url_to_fs(self.url)
        target_key = f"{root.rstrip('/')}/{place}"
        if not filesystem.exists(target_key):
            filesystem.put_file(handle.name, target_key)  # an object appears whole or not at all
        return place

    @staticmethod
    def _holds(folder: Path, handle: IO[bytes]) -> bool:
        """True when this content lies there already, under whatever name."""
        name = _only_name(folder)
        return bool(name) and (folder / name).stat().st_size == os.fstat(handle.fileno()).st_size

    @contextmanager
    def local(self, landing_path: str, sha256: str) -> Iterator[Path]:
        """A landed file as a local path with its original name, its content verified. LandingChanged if it is not."""
        if self.is_local:
            path = self.folder / landing_path
            _verify(path, sha256, self.shown(landing_path))
            yield path
            return
        filesystem, root = fsspec.core.url_to_fs(self.url)
        folder = Path(tempfile.mkdtemp(prefix="landed-"))
        try:
            path = folder / PurePosixPath(landing_path).name
            try:
                filesystem.get_file(f"{root.rstrip('/')}/{landing_path}", str(path))
            except FileNotFoundError:
                raise _gone(self.shown(landing_path)) from None
            _verify(path, sha256, self.shown(landing_path))
            yield path
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def shown(self, landing_path: str = "") -> str:
        """The address of a landed file in readable form."""
        return f"{self.url.rstrip('/')}/{landing_path}".rstrip("/")

    def is_writable(self) -> bool:
        """True when a file can be put aside here."""
        try:
            with self.aside() as handle:
                handle.write(b"1")
        except OSError:
            return False
        return True

    def clear_aside(self) -> int:
        """Remove what dead processes left aside; returns how many files. Noted downloads stay, within their bounds."""
        if not self._aside.is_dir():
            return 0
        cleared = self._clear_partials()
        for path in self._aside.iterdir():
            if path.name.startswith(_PARTIAL):
                continue
            host, _, rest = path.name.partition("~")
            pid = rest.partition("~")[0]
            try:
                old = time.time() - path.stat().st_mtime > _OLD_SECONDS
                if old or (host == socket.gethostname() and pid.isdigit() and not _is_alive(int(pid))):
                    path.unlink()
                    cleared += 1
            except FileNotFoundError:
                continue  # another process was quicker
        return cleared

    def _clear_partials(self) -> int:
        found = []
        for path in self._aside.glob(f"{_PARTIAL}*"):
            with suppress(FileNotFoundError):  # another process was quicker
                found.append((path.stat().st_mtime, path))
        cleared, kept_bytes = 0, 0
        for changed_at, path in sorted(found, reverse=True):
            data = path.with_suffix("")
            if path != data:  # a note, or its draft
                if not data.exists():
                    path.unlink(missing_ok=True)
                continue
            handle = _locked(path, create=False)
            if handle is None:
                continue  # a living process is at it
            with handle:
                size = os.fstat(handle.fileno()).st_size
                note = path.with_suffix(_NOTE)
                is_young = time.time() - changed_at <= _PARTIAL_SECONDS
                if note.exists() and is_young and kept_bytes + size <= _PARTIAL_BYTES:
                    kept_bytes += size
                    continue
                note.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                cleared += 1
        return cleared


def landing() -> Landing:
    """The landing area of this environment; LandingMissing if LANDING_URL is not set."""
    url = os.environ.get("LANDING_URL", "").strip()
    if not url:
        raise LandingMissing(
            "LANDING_URL is not set: run `. .run/env` first. 未设置落地区地址，请先执行 `. .run/env`。"
        )
    return Landing(url)


def copy_hashed(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    """Copy and hash in one pass; returns size in bytes and sha256."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    target.flush()
    return size, digest.hexdigest()


def clean_name(name: str) -> str:
    """The last step of a path, without control characters, at most 200 bytes long, its suffix kept."""
    base = re.sub(r"[\x00-\x1f\x7f/\\]", "_", PurePosixPath(name.replace("\\", "/")).name).strip() or "file"
    if base.startswith("."):
        base = f"_{base[1:]}"
    stem, suffix = PurePosixPath(base).stem, PurePosixPath(base).suffix
    while len(f"{stem}{suffix}".encode()) > _NAME_BYTES:
        stem, suffix = (stem[:-1], suffix) if stem else (suffix[:-1], "")
    return f"{stem}{suffix}"


def _locked(path: Path, *, create: bool) -> IO[bytes] | None:
    """The file, open and locked; None if it is another process's just now, or not there and not to be made."""
    while True:
        try:
            if create:
                path.touch(exist_ok=True)
            handle = path.open("r+b" if os.access(path, os.W_OK) else "rb")
        except FileNotFoundError:
            if create:
                continue  # taken away between the two
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return None
        if _is_file(path, handle) and not (create and not handle.writable()):
            return handle
        if _is_file(path, handle):
            path.unlink()  # its process died on the last step, when it was read-only already
        handle.close()  # else it was moved or taken away before the lock was ours


def _is_file(path: Path, handle: IO[bytes]) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle.fileno()).st_ino
    except FileNotFoundError:
        return False


def _only_name(folder: Path) -> str:
    return next((path.name for path in folder.iterdir()), "") if folder.is_dir() else ""


def _verify(path: Path, sha256: str, shown: str) -> None:
    try:
        with path.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        raise _gone(shown) from None
    if found != sha256:
        raise LandingChanged(f"{shown} is not what was landed: its content changed. 落地文件内容已被改动。")


def _gone(shown: str) -> LandingChanged:
    return LandingChanged(f"{shown} is gone from the landing area. 落地文件已不存在。")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
