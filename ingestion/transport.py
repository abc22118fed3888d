"""List and fetch the files below one address: file, ftp and s3 through fsspec, http(s) through its index pages.

Politeness, bounds and suspicion live here: a rate and a daily quota, backoff with jitter and `Retry-After`, no byte
beyond the declared size, no link that leads away from the source's own host and folder. HTTP 200 proves nothing: a
page where a file should be, an empty body and a short body are failures.
"""

from __future__ import annotations

import hashlib
import html
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit

import fsspec
import requests
import tenacity

from ingestion.addresses import Address
from ingestion.declarations import Politeness

_CHUNK = 1 << 20
_MOST_LISTED = 2_000_000  # entries; beyond it a listing is taken for endless
_MOST_DEPTH = 12
_INDEX_PAGE_BYTES = 64 << 20
_SYNTHETIC_HEADER = "X-Synthetic-Data"
_RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}


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


class QuotaSpent(TransportError):
    """The daily quota is used up; the next day goes on from here."""


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

    def fetch(self, file: RemoteFile, target: IO[bytes], most_bytes: int) -> Fetched:
        """Write a file into `target` (emptied before each attempt). TooLarge, PassingError, TransportError."""
        ...

    def place(self, path: str) -> str:
        """The full address of a path, without credentials."""
        ...


def open_transport(address: Address, politeness: Politeness, *, requests_today: int = 0) -> Transport:
    """The transport for an address; `requests_today` counts against the daily quota."""
    if address.scheme in ("http", "https"):
        return _Http(address, _Meter(address, politeness, requests_today), politeness)
    return _Filesystem(address, _Meter(address, politeness, requests_today), politeness)


@dataclass
class _Meter:
    """Keeps to the requests a minute and the quota a day; a loopback address is not held back."""

    address: Address
    politeness: Politeness
    made_before: int = 0
    made: int = 0
    _next: float = field(default=0.0)

    def ask(self) -> None:
        self.made += 1
        if self.address.is_loopback:
            return
        if self.made_before + self.made > self.politeness.daily_quota:
            self.made -= 1
            raise QuotaSpent(
                "quota_spent",
                f"今日请求配额（{self.politeness.daily_quota} 次）已用尽，次日从断点继续",
                f"today's quota of {self.politeness.daily_quota} requests is used up; tomorrow goes on from here",
            )
        now = time.monotonic()
        if self._next > now:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + 60.0 / self.politeness.requests_per_minute


def _retrying(politeness: Politeness) -> tenacity.Retrying:
    backoff = tenacity.wait_random_exponential(multiplier=0.5, max=politeness.longest_wait_seconds)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, PassingError) else None
        pause = backoff(state)
        return pause if asked is None else min(max(asked, 0.0), politeness.longest_wait_seconds) + min(pause, 1.0)

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(PassingError),
        stop=tenacity.stop_after_attempt(politeness.attempts),
        wait=wait,
        reraise=True,
    )


class _Sink:
    """Writes one attempt into the target file: counted, hashed, bounded, looked at."""

    def __init__(self, file: RemoteFile, target: IO[bytes], most_bytes: int) -> None:
        target.seek(0)
        target.truncate()
        self.file, self.target, self.most_bytes = file, target, most_bytes
        self.size, self.digest, self.head = 0, hashlib.sha256(), b""

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.most_bytes:
            raise TooLarge(
                "too_large",
                f"文件超过上限 {self.most_bytes} 字节，未保留",
                f"the file is larger than the limit of {self.most_bytes} bytes and was not kept",
            )
        if len(self.head) < 512:
            self.head += chunk[: 512 - len(self.head)]
        self.digest.update(chunk)
        self.target.write(chunk)

    def finish(self, announced: int | None = None) -> None:
        """Complete and plausible, or PassingError/TransportError; `announced` by the answer, the listing's size too."""
        self.target.flush()
        for expected in (announced, self.file.size):
            if expected is not None and self.size != expected and not _is_page(self.head):
                raise PassingError(
                    "cut_short",
                    f"传输不完整：应为 {expected} 字节，收到 {self.size} 字节",
                    f"the transfer was cut short: {self.size} of {expected} bytes",
                )
        if (
            self.size == 0 and self.file.size != 0
        ):  # a file that the listing itself shows as empty is landed and refused
            raise PassingError("empty_body", "服务器返回空内容", "the server answered with an empty body")
        if _is_page(self.head):
            raise TransportError(
                "login_page",
                "收到的是网页（登录页或错误页），不是数据文件",
                "a web page came instead of the file (log-in or error page)",
            )
        if self.head.lstrip().startswith(b'{"') and not self.file.name.lower().endswith(".json"):
            raise TransportError(
                "error_envelope",
                "收到的是接口错误信息，不是数据文件",
                "an error message of an interface came instead of the file",
            )


def _is_page(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<script"))


class _Http:
    """Index pages as nginx, Apache and Python write them; only the address's own host and folder are asked."""

    def __init__(self, address: Address, meter: _Meter, politeness: Politeness) -> None:
        self.address, self._meter, self._politeness = address, meter, politeness
        self._root = address.requested.rstrip("/") + "/"
        self._session = requests.Session()
        self._session.headers["User-Agent"] = politeness.user_agent
        self._session.headers["Accept-Encoding"] = "identity"  # sizes and hashes are those of the file itself
        self._session.trust_env = not address.is_loopback
        if address.login:
            self._session.auth = (address.login, address.password)

    @property
    def requests_made(self) -> int:
        return self._meter.made

    def place(self, path: str) -> str:
        return f"{self.address.shown}/{path}" if path else self.address.shown

    def walk(self, enter: Enter) -> Iterator[Folder]:
        waiting = [("", "", 0)]
        seen = 0
        while waiting:
            path, stamp, depth = waiting.pop()
            try:
                entries = self._index(path)
            except TransportError as error:
                if not path or isinstance(error, QuotaSpent):
                    raise
                yield Folder(path, (), stamp, error)
                continue
            seen += len(entries)
            if seen > _MOST_LISTED or depth > _MOST_DEPTH:
                raise _endless()
            files = tuple(
                RemoteFile(_join(path, one.name), one.size, _version(one.size, one.stamp, one.size_text))
                for one in entries
                if not one.is_folder
            )
            yield Folder(path, files, stamp)
            # a stack: the last pushed is read first, so that folders come in order
            for one in sorted((e for e in entries if e.is_folder), key=lambda e: e.name, reverse=True):
                below = _join(path, one.name)
                if enter(below, one.stamp):
                    waiting.append((below, one.stamp, depth + 1))

    def _index(self, path: str) -> list[_Entry]:
        for attempt in _retrying(self._politeness):
            with attempt, self._ask(self._url(path, folder=True)) as answer:
                body = b""
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > _INDEX_PAGE_BYTES:
                        raise TransportError("too_large", "目录页过大", f"the index page of {path or '/'} is too large")
                return _entries(body.decode(answer.encoding or "utf-8", "replace"), answer.url, path)
        raise AssertionError("unreachable")

    def fetch(self, file: RemoteFile, target: IO[bytes], most_bytes: int) -> Fetched:
        url = self._url(file.path)
        for attempt in _retrying(self._politeness):
            with attempt, self._ask(url) as answer:
                sink = _Sink(file, target, most_bytes)
                with _as_transport_errors(file.path):
                    for chunk in answer.iter_content(_CHUNK):
                        sink.write(chunk)
                length = answer.headers.get("Content-Length", "")
                sink.finish(int(length) if length.isdigit() else None)
                return Fetched(
                    sink.size,
                    sink.digest.hexdigest(),
                    answer.headers.get(_SYNTHETIC_HEADER, "").lower() == "true",
                    {
                        "scheme": self.address.scheme,
                        "status": answer.status_code,
                        "headers": {
                            name: answer.headers[name]
                            for name in ("Content-Length", "Content-Type", "Last-Modified", "ETag", "Date")
                            if name in answer.headers
                        },
                        "version": file.version,
                        "attempts": attempt.retry_state.attempt_number,
                    },
                )
        raise AssertionError("unreachable")

    def _url(self, path: str, *, folder: bool = False) -> str:
        return self._root + quote(path) + ("/" if folder and path else "")

    @contextmanager
    def _ask(self, url: str) -> Iterator[requests.Response]:
        """One GET, redirects only within the source; the answer's status is checked."""
        place = unquote(url)
        for _ in range(4):
            self._meter.ask()
            with _as_transport_errors(place):
                answer = self._session.get(
                    url,
                    params=dict(self.address.extra) or None,
                    stream=True,
                    allow_redirects=False,
                    timeout=self._politeness.timeout_seconds,
                )
            with answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers["Location"])
                    if not _is_within(url, self._root):
                        raise TransportError(
                            "foreign_link", f"{place} 被重定向到来源之外，不予跟随",
                            f"{place} redirects outside the source; not followed",
                        )  # fmt: skip
                    continue
                _check_status(answer, place)
                yield answer
                return
        raise TransportError("redirects", f"{place} 重定向过多", f"{place}: too many redirects")


@dataclass(frozen=True)
class _Entry:
    name: str
    is_folder: bool
    size: int | None
    size_text: str
    stamp: str


_ANCHOR = re.compile(r"<a\b[^>]*?\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^>]*>(.*?)</a>", re.IGNORECASE | re.DOTALL)
_STAMP = re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{4} \d{2}:\d{2}(?::\d{2})?|\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?[KMGT]?)\s*$")
_INDEX_SIGN = re.compile(r"index of|directory listing|目录|href\s*=\s*[\"']\.\./?[\"']", re.IGNORECASE)


def _entries(page: str, url: str, path: str) -> list[_Entry]:
    """The entries of an index page, without those that lead elsewhere; TransportError when it is no index page."""
    base = url.split("?")[0]
    if re.search(r"<input\b[^>]*type\s*=\s*[\"']?password", page, re.IGNORECASE):
        raise TransportError("login_page", f"{path or '/'} 返回的是登录页", f"{path or '/'} answers with a log-in page")
    found: dict[str, _Entry] = {}
    anchors = list(_ANCHOR.finditer(page))
    for number, anchor in enumerate(anchors):
        target = html.unescape(anchor.group(1) or anchor.group(2) or "")
        if not target or target.startswith(("?", "#")):
            continue
        full = urljoin(base, target).split("?")[0].split("#")[0]
        # only what lies directly below this very folder: no parent, no other host, no deeper or encoded step
        if not full.startswith(base):
            continue
        rest = full[len(base) :]
        is_folder = rest.endswith("/")
        name = unquote(rest.rstrip("/"))
        if not name or "/" in name or name in (".", "..") or "\\" in name or any(ord(c) < 32 for c in name):
            continue
        until = anchors[number + 1].start() if number + 1 < len(anchors) else len(page)
        tail = html.unescape(re.sub(r"<[^>]*>", " ", page[anchor.end() : until])).strip()
        stamp = _STAMP.search(tail)
        size = _SIZE.search(tail[stamp.end() :] if stamp else tail)
        text = size.group(1) if size and not is_folder else ""
        found[name] = _Entry(
            name, is_folder, int(text) if text.isdigit() else None, text, stamp.group() if stamp else ""
        )
    if not found and not _INDEX_SIGN.search(page):
        raise TransportError(
            "no_index", f"{path or '/'} 返回的不是目录页", f"{path or '/'} does not answer with an index page"
        )
    return list(found.values())


def _is_within(url: str, root: str) -> bool:
    one, other = urlsplit(url), urlsplit(root)
    steps = unquote(one.path).split("/")
    return (
        (one.scheme, one.netloc) == (other.scheme, other.netloc)
        and one.path.startswith(other.path)
        and ".." not in steps
    )


def _check_status(answer: requests.Response, place: str) -> None:
    if answer.status_code == 200:
        return
    if answer.status_code in _RETRIED_STATUS:
        raise PassingError(
            f"http_{answer.status_code}",
            f"{place} 暂时不可用（HTTP {answer.status_code}）",
            f"{place} is not available just now (HTTP {answer.status_code})",
            wait=_retry_after(answer.headers.get("Retry-After")),
        )
    raise TransportError(
        f"http_{answer.status_code}",
        f"{place} 返回 HTTP {answer.status_code}",
        f"{place} answers with HTTP {answer.status_code}",
    )


def _retry_after(value: str | None) -> float | None:
    """Seconds from a `Retry-After` header, as a number or a date; None if there is none that can be read."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


class _Filesystem:
    """file, ftp and s3 through fsspec."""

    def __init__(self, address: Address, meter: _Meter, politeness: Politeness) -> None:
        self.address, self._meter, self._politeness = address, meter, politeness
        options: dict[str, Any] = {}
        if address.scheme == "ftp":
            options = {
                "host": address.host,
                "port": address.port or 21,
                "username": address.login or None,
                "password": address.password or None,
                "timeout": politeness.timeout_seconds,
                "encoding": address.extra.get("encoding", "utf-8"),
            }
        elif address.scheme == "s3":
            options = {"key": address.login or None, "secret": address.password or None, "use_listings_cache": False}
            options["anon"] = address.extra.get("anon", "").lower() == "true"
            if endpoint := address.extra.get("endpoint_url"):
                options["endpoint_url"] = endpoint
            if region := address.extra.get("region_name"):
                options["client_kwargs"] = {"region_name": region}
        self._root = f"{address.host}{address.path}" if address.scheme == "s3" else address.path or "/"
        with _as_transport_errors(address.shown):
            self._fs = fsspec.filesystem(address.scheme, skip_instance_cache=True, **options)

    @property
    def requests_made(self) -> int:
        return self._meter.made

    def place(self, path: str) -> str:
        return f"{self.address.shown}/{path}" if path else self.address.shown

    def walk(self, enter: Enter) -> Iterator[Folder]:
        if self.address.scheme == "s3":
            yield from self._walk_keys(enter)
            return
        real_root = Path(self._root).resolve() if self.address.scheme == "file" else None
        waiting = [("", "", 0)]
        seen = 0
        while waiting:
            path, stamp, depth = waiting.pop()
            try:
                entries = self._list(path)
            except TransportError as error:
                if not path or isinstance(error, QuotaSpent):
                    raise
                yield Folder(path, (), stamp, error)
                continue
            seen += len(entries)
            if seen > _MOST_LISTED or depth > _MOST_DEPTH:
                raise _endless()
            files, folders = [], []
            for one in entries:
                name = str(one["name"]).rstrip("/").rpartition("/")[2]
                if name in ("", ".", ".."):
                    continue
                if real_root and one.get("islink") and not _stays(Path(str(one["name"])), real_root):
                    continue
                below = _join(path, name)
                if one["type"] == "directory":
                    folders.append((below, _stamp(one)))
                elif one["type"] == "file":
                    files.append(RemoteFile(below, one.get("size"), _version(one.get("size"), _stamp(one))))
            yield Folder(path, tuple(sorted(files, key=lambda f: f.path)), stamp)
            for below, below_stamp in sorted(folders, reverse=True):
                if enter(below, below_stamp):
                    waiting.append((below, below_stamp, depth + 1))

    def _list(self, path: str) -> list[dict[str, Any]]:
        for attempt in _retrying(self._politeness):
            with attempt, _as_transport_errors(self.place(path)):
                self._meter.ask()
                return list(self._fs.ls(_join(self._root, path), detail=True))
        raise AssertionError("unreachable")

    def _walk_keys(self, enter: Enter) -> Iterator[Folder]:
        """S3 has no folders: one listing of all keys is far cheaper than one a folder."""
        for attempt in _retrying(self._politeness):
            with attempt, _as_transport_errors(self.address.shown):
                self._meter.ask()
                found: dict[str, dict[str, Any]] = self._fs.find(self._root, detail=True)
        folders: dict[str, list[RemoteFile]] = {"": []}
        for key, one in found.items():
            path = key[len(self._root) :].strip("/")
            file = RemoteFile(path, one.get("size"), _version(one.get("size"), str(one.get("ETag") or _stamp(one))))
            folders.setdefault(file.folder, []).append(file)
        for folder in sorted(folders):
            steps = PurePosixPath(folder).parts
            if all(enter("/".join(steps[: depth + 1]), "") for depth in range(len(steps))):
                yield Folder(folder, tuple(sorted(folders[folder], key=lambda f: f.path)))

    def fetch(self, file: RemoteFile, target: IO[bytes], most_bytes: int) -> Fetched:
        for attempt in _retrying(self._politeness):
            with attempt:
                self._meter.ask()
                sink = _Sink(file, target, most_bytes)
                with (
                    _as_transport_errors(self.place(file.path)),
                    self._fs.open(_join(self._root, file.path), "rb", block_size=_CHUNK) as source,
                ):
                    while chunk := source.read(_CHUNK):
                        sink.write(chunk)
                sink.finish()
                request: dict[str, Any] = {"scheme": self.address.scheme, "version": file.version}
                request["attempts"] = attempt.retry_state.attempt_number
                return Fetched(sink.size, sink.digest.hexdigest(), False, request)
        raise AssertionError("unreachable")


@contextmanager
def _as_transport_errors(place: str) -> Iterator[None]:
    """Library errors become ours; messages of libraries are not repeated, they can hold credentials."""
    try:
        yield
    except TransportError:
        raise
    except FileNotFoundError:
        raise TransportError("not_found", f"{place} 不存在", f"{place} does not exist") from None
    except PermissionError:
        raise TransportError("forbidden", f"无权读取 {place}", f"no permission to read {place}") from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        kind = type(error).__name__
        raise PassingError(
            "connection", f"{place} 连接失败（{kind}）", f"{place}: connection failed ({kind})"
        ) from None
    except requests.RequestException as error:
        kind = type(error).__name__
        raise TransportError("request", f"{place} 请求有误（{kind}）", f"{place}: bad request ({kind})") from None
    except (NotADirectoryError, IsADirectoryError):
        raise TransportError("not_a_folder", f"{place} 不是目录", f"{place} is no folder") from None
    except (OSError, EOFError) as error:
        kind = type(error).__name__
        raise PassingError("connection", f"{place} 读取失败（{kind}）", f"{place}: reading failed ({kind})") from None
    except Exception as error:  # ftplib and botocore raise families of their own
        kind = type(error).__name__
        if type(error).__module__.split(".")[0] in ("ftplib", "botocore", "aiobotocore", "aiohttp", "s3fs"):
            raise PassingError(
                "connection", f"{place} 访问失败（{kind}）", f"{place}: access failed ({kind})"
            ) from None
        raise


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder and name else folder or name


def _stamp(entry: dict[str, Any]) -> str:
    value = entry.get("mtime") or entry.get("modify") or entry.get("LastModified") or ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _version(size: int | None, stamp: str, size_text: str = "") -> str:
    parts = (str(size) if size is not None else size_text, stamp)
    return "|".join(parts) if any(parts) else ""


def _stays(path: Path, root: Path) -> bool:
    """A link is only followed within the source's own folder, and never to a folder above itself."""
    target = path.resolve()
    return target.is_relative_to(root) and not path.parent.resolve().is_relative_to(target)


def _endless() -> TransportError:
    return TransportError(
        "endless_listing", "目录过深或条目过多，停止列举", "the listing is too deep or too long; stopped"
    )
