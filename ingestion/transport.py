"""What every way to a source has in common: its errors, its pace, its patience, a download that goes on, one walk.

Politeness, bounds and suspicion live here: a rate and a daily quota, backoff with jitter and `Retry-After`, no byte
beyond the declared size. HTTP 200 proves nothing: a page where a file should be, an empty body and a short body are
failures. `over_http` and `over_fsspec` speak the protocols.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import IO, Any, Protocol, TypeVar

import tenacity

from ingestion.addresses import Address
from ingestion.declarations import Politeness
from ingestion.results import SHANGHAI

LONGEST_REST_SECONDS = 24 * 3600  # a server that asks for more is asked again after a day

_MOST_LISTED = 2_000_000  # entries; beyond it a listing is taken for endless
_MOST_DEPTH = 12
_NOTED_EVERY = 8 << 20  # bytes of a download that a killed process loses at most
_WORTH_NOTING = 1 << 20  # a smaller rest is quicker fetched again
_HEAD_BYTES = 512

T = TypeVar("T")


class TransportError(RuntimeError):
    """A source could not be listed or a file not be fetched; holds the reason in both languages."""

    def __init__(self, rule: str, zh: str, en: str) -> None:
        super().__init__(f"{en} {zh}")
        self.rule, self.zh, self.en = rule, zh, en


class PassingError(TransportError):
    """One that another attempt may mend; `wait` is the pause in seconds that the server asked for."""

    def __init__(self, rule: str, zh: str, en: str, wait: float | None = None) -> None:
        super().__init__(rule, zh, en)
        self.wait = wait


class TooLarge(TransportError):
    """The file is larger than its declaration allows; it was not kept."""


class Pause(TransportError):
    """No request may be made now, of whatever file: the run ends, a later one goes on from here."""


class QuotaSpent(Pause):
    """The daily quota is used up; the next day goes on from here."""


class ToldToWait(Pause):
    """The server asked to be left alone for longer than one run is patient."""


@dataclass(frozen=True)
class RemoteFile:
    """A listed file. `path` is below the address, decoded; `version` changes when the file does, '' if unknown.

    `parts` are the files that it is joined from, see `ingestion.parts`; empty for one that is listed itself.
    """

    path: str
    size: int | None = None
    version: str = ""
    parts: tuple[RemoteFile, ...] = ()

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def folder(self) -> str:
        parent = str(PurePosixPath(self.path).parent)
        return "" if parent == "." else parent


@dataclass(frozen=True)
class Folder:
    """One folder of a listing with its files; `error` when it could not be read."""

    path: str
    files: tuple[RemoteFile, ...]
    stamp: str = ""
    error: TransportError | None = None


@dataclass(frozen=True)
class Fetched:
    """What arrived: bytes, their sha256, what was asked and answered (goes into the landing ledger)."""

    size: int
    sha256: str
    is_synthetic: bool
    request: dict[str, Any]


@dataclass(frozen=True)
class Mark:
    """How far a download came: bytes, their sha256, and how the server named the content and its length then."""

    size: int
    sha256: str
    validator: str
    total: int | None


class Memory(Protocol):
    """Keeps the mark of one download beyond the process (`ingestion.landing.Partial`)."""

    def load(self) -> Mark | None: ...

    def save(self, mark: Mark | None) -> None: ...


Enter = Callable[[str, str], bool]
"""Asked for each folder with its path and time stamp ('' if unknown) before it is read: False leaves it out."""


class Transport(Protocol):
    """What `ingestion.runs` needs from any scheme."""

    address: Address

    @property
    def requests_made(self) -> int:
        """Requests of this object so far, refused and repeated ones too."""
        ...

    def walk(self, enter: Enter) -> Iterator[Folder]:
        """All folders below the address, one at a time. TransportError when the address itself cannot be read."""
        ...

    def fetch(self, file: RemoteFile, target: IO[bytes], most_bytes: int, memory: Memory | None = None) -> Fetched:
        """Write a file into `target`, whole: what an attempt or, with `memory`, a process before left there is kept
        if it is still the beginning of that very file. TooLarge, Pause, PassingError, TransportError.
        """
        ...

    def place(self, path: str) -> str:
        """The full address of a path, without credentials."""
        ...


def open_transport(address: Address, politeness: Politeness, pace: Pace | None = None) -> Transport:
    """The transport for an address, at a pace of its own unless one is given."""
    pace = pace or Pace(politeness, holds_back=is_held_back(address, politeness))
    if address.scheme in ("http", "https"):
        from ingestion.over_http import HttpTree

        return HttpTree(address, politeness, pace)
    from ingestion.over_fsspec import FilesystemTree

    return FilesystemTree(address, politeness, pace)


# --- pace and patience -----------------------------------------------------------------------------------------------


def is_held_back(address: Address, politeness: Politeness) -> bool:
    """True where rate and quota hold: not on our own machine, unless its declaration says so."""
    return not (address.is_loopback and politeness.spares_loopback)


class Pace:
    """Requests a minute and a day, and what the server asked for, within one process; `ingestion.pace` shares it."""

    def __init__(self, politeness: Politeness, *, holds_back: bool) -> None:
        self.politeness, self.holds_back = politeness, holds_back
        self.gap = 60.0 / politeness.requests_per_minute
        self.made = 0
        self._next = self._not_before = time.monotonic()

    def take(self) -> None:
        """Wait for the moment of one request. Pause when none may be made in this run's time."""
        wait = self._reserve()
        self.made += 1
        if wait > 0:
            time.sleep(wait)

    def rest(self, seconds: float) -> None:
        """The server asked to be left alone so long."""
        self._not_before = max(self._not_before, time.monotonic() + min(seconds, LONGEST_REST_SECONDS))

    def _reserve(self) -> float:
        """Seconds until the request may be made."""
        now = time.monotonic()
        if self._not_before - now > self.politeness.longest_wait_seconds:
            raise told_to_wait(self._not_before - now)
        if not self.holds_back:
            return self._not_before - now
        if self.made >= self.politeness.daily_quota:
            raise quota_spent(self.politeness)
        turn = max(now, self._next, self._not_before)
        self._next = turn + self.gap
        return turn - now


def quota_spent(politeness: Politeness) -> QuotaSpent:
    return QuotaSpent(
        "quota_spent",
        f"今日请求配额（{politeness.daily_quota} 次）已用尽，次日从断点继续",
        f"today's quota of {politeness.daily_quota} requests is used up; tomorrow goes on from here",
    )


def told_to_wait(seconds: float) -> ToldToWait:
    until = f"{datetime.now(SHANGHAI) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"
    return ToldToWait(
        "told_to_wait",
        f"来源要求暂停访问，北京时间 {until} 以前不再请求，之后的运行从断点继续",
        f"the source asked to be left alone: no request before {until} (Beijing time); a later run goes on from here",
    )


def persist(pace: Pace, act: Callable[[int], T]) -> T:
    """The result of `act(attempt)`, tried again after passing errors with backoff, jitter and what the server asked.

    A server that asks for a pause each time means all of us: what it asked is remembered, and ToldToWait raised.
    """
    politeness = pace.politeness
    backoff = tenacity.wait_random_exponential(multiplier=0.5, max=politeness.longest_wait_seconds)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        # a pause that was asked for is kept by the pace; this only keeps clients from coming back all at once
        return (
            min(backoff(state), 1.0) if isinstance(error, PassingError) and error.wait is not None else backoff(state)
        )

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(PassingError),
        stop=tenacity.stop_after_attempt(politeness.attempts),
        wait=wait,
        reraise=True,
    )
    try:
        for attempt in attempts:
            with attempt:
                try:
                    return act(attempt.retry_state.attempt_number)
                except PassingError as error:
                    if error.wait is not None:
                        pace.rest(error.wait)
                    raise
    except PassingError as error:
        if error.wait is None and error.rule != "http_429":
            raise
        seconds = politeness.longest_wait_seconds if error.wait is None else error.wait
        pace.rest(seconds)
        raise told_to_wait(seconds) from error
    raise AssertionError("unreachable")


# --- a download ------------------------------------------------------------------------------------------------------


class Download:
    """One file that arrives in `target`, over several attempts: counted, hashed, bounded, looked at."""

    def __init__(self, file: RemoteFile, target: IO[bytes], most_bytes: int, memory: Memory | None) -> None:
        self.file, self.most_bytes = file, most_bytes
        self._target, self._memory = target, memory
        self.resumed_at: list[int] = []
        self._clear()
        mark = memory.load() if memory else None
        if mark is None or not self._recall(mark):
            self.restart()

    @property
    def can_go_on(self) -> bool:
        """Whether the bytes so far can be the beginning of what the server has now."""
        return self.size > 0 and bool(self.validator)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around one attempt: whatever ends it, what arrived is noted if it can be used, and forgotten if not."""
        try:
            yield
        except PassingError:
            self._note()
            raise
        except TransportError as error:
            if not isinstance(error, Pause):
                self.restart()
            raise
        except BaseException:
            self._note()
            raise

    def begin(self, at: int, validator: str, total: int | None) -> None:
        """An answer starts at this byte of a content of that name and length."""
        if at:
            self.resumed_at.append(at)
        elif self.size:
            self.restart()
        self.validator, self.total = validator, total

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.most_bytes:
            raise TooLarge(
                "too_large",
                f"文件超过上限 {self.most_bytes} 字节，未保留",
                f"the file is larger than the limit of {self.most_bytes} bytes and was not kept",
            )
        if len(self.head) < _HEAD_BYTES:
            self.head += chunk[: _HEAD_BYTES - len(self.head)]
            if self.size == len(chunk):
                self._refuse_page()  # now, and not after all of it
        self.digest.update(chunk)
        self._target.write(chunk)
        if self.size - self._noted >= _NOTED_EVERY:
            self._note()

    def finish(self) -> None:
        """Complete and plausible, or PassingError/TransportError; held against the answer's and the listing's size."""
        self._target.flush()
        self._refuse_page()
        for expected in (self.total, self.file.size):
            if expected is not None and self.size != expected:
                self.validator = ""  # whole, but another file: begin anew
                raise PassingError(
                    "cut_short",
                    f"传输不完整：应为 {expected} 字节，收到 {self.size} 字节",
                    f"the transfer was cut short: {self.size} of {expected} bytes",
                )
        # a file that the listing itself shows as empty is landed and refused
        if self.size == 0 and self.file.size != 0:
            raise PassingError("empty_body", "服务器返回空内容", "the server answered with an empty body")
        if self.head.lstrip().startswith(b'{"') and not self.file.name.lower().endswith(".json"):
            raise TransportError(
                "error_envelope",
                "收到的是接口错误信息，不是数据文件",
                "an error message of an interface came instead of the file",
            )
        self._forget()

    def restart(self) -> None:
        """Empty again."""
        self._clear()
        self._target.seek(0)
        self._target.truncate()
        self._forget()

    def _refuse_page(self) -> None:
        start = self.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
        if start.startswith((b"<!doctype html", b"<html", b"<head", b"<script")):
            raise TransportError(
                "login_page",
                "收到的是网页（登录页或错误页），不是数据文件",
                "a web page came instead of the file (log-in or error page)",
            )

    def _clear(self) -> None:
        self.size, self.digest, self.head = 0, hashlib.sha256(), b""
        self.validator, self.total, self._noted = "", None, 0

    def _recall(self, mark: Mark) -> bool:
        """Take up what a process before left; False when these bytes are not the ones that it noted."""
        self._target.seek(0)
        while self.size < mark.size and (chunk := self._target.read(min(1 << 20, mark.size - self.size))):
            self.head = self.head or chunk[:_HEAD_BYTES]
            self.digest.update(chunk)
            self.size += len(chunk)
        if (self.size, self.digest.hexdigest()) != (mark.size, mark.sha256) or not mark.size or not mark.validator:
            return False
        self._target.truncate(self.size)
        self._target.seek(self.size)
        self.validator, self.total, self._noted = mark.validator, mark.total, self.size
        return True

    def _note(self) -> None:
        self._target.flush()
        self._noted = self.size
        if self._memory and self.validator and self.size >= _WORTH_NOTING:
            self._memory.save(Mark(self.size, self.digest.hexdigest(), self.validator, self.total))

    def _forget(self) -> None:
        if self._memory:
            self._memory.save(None)


# --- the walk --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One line of a folder's listing. `version` of a file, `stamp` of a folder; '' if unknown."""

    name: str
    is_folder: bool
    size: int | None = None
    version: str = ""
    stamp: str = ""


def walk(list_folder: Callable[[str], Iterable[Entry]], enter: Enter) -> Iterator[Folder]:
    """Folder after folder in order of their names, by one listing a folder; bounded against endless trees."""
    waiting = [("", "", 0)]
    seen = 0
    while waiting:
        path, stamp, depth = waiting.pop()
        try:
            entries = sorted(list_folder(path), key=lambda one: one.name)
        except TransportError as error:
            if not path or isinstance(error, Pause):
                raise
            yield Folder(path, (), stamp, error)
            continue
        seen += len(entries)
        if seen > _MOST_LISTED or depth > _MOST_DEPTH:
            raise TransportError(
                "endless_listing", "目录过深或条目过多，停止列举", "the listing is too deep or too long; stopped"
            )
        files = tuple(RemoteFile(join(path, one.name), one.size, one.version) for one in entries if not one.is_folder)
        yield Folder(path, files, stamp)
        # a stack: the last pushed is read first
        for one in reversed([one for one in entries if one.is_folder]):
            below = join(path, one.name)
            if enter(below, one.stamp):
                waiting.append((below, one.stamp, depth + 1))


def join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder and name else folder or name


def version_of(size: int | None, stamp: str, size_text: str = "") -> str:
    parts = (str(size) if size is not None else size_text, stamp)
    return "|".join(parts) if any(parts) else ""


# --- failures of libraries -------------------------------------------------------------------------------------------


def system_failure(error: Exception, place: str) -> TransportError | None:
    """What an error of the operating system or of the network means; None for any other. Its own text is not repeated:
    texts of libraries can hold credentials.
    """
    match error:
        case FileNotFoundError():
            return TransportError("not_found", f"{place} 不存在，请核对路径", f"{place} does not exist: check the path")
        case PermissionError():
            return TransportError("forbidden", f"无权读取 {place}", f"no permission to read {place}")
        case NotADirectoryError() | IsADirectoryError():
            return TransportError("not_a_folder", f"{place} 不是目录", f"{place} is no folder")
        case socket.gaierror():
            return unknown_host(place)
        case ConnectionRefusedError():
            return refused(place)
        case TimeoutError():
            return timed_out(place)
        case OSError() | EOFError():
            return broken_off(place, error)
    return None


def unknown_host(place: str) -> PassingError:
    return PassingError(
        "unknown_host", f"{place} 的主机名无法解析，请核对地址与 DNS", f"{place}: the host has no address (name or DNS)"
    )


def refused(place: str) -> PassingError:
    return PassingError(
        "refused",
        f"{place} 拒绝连接：服务未启动、端口有误或被防火墙拦截",
        f"{place} refuses connections: service down, wrong port or a firewall",
    )


def timed_out(place: str) -> PassingError:
    return PassingError("timeout", f"{place} 在限定时间内没有回应", f"{place} did not answer in time")


def broken_off(place: str, error: Exception) -> PassingError:
    kind = type(error).__name__
    return PassingError("connection", f"{place} 连接中断（{kind}）", f"{place}: the connection failed ({kind})")
