"""http and https: index pages as nginx, Apache and Python write them; only the source's host and folder are asked."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO
from urllib.parse import quote, unquote, urljoin, urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from ingestion import transport
from ingestion.addresses import Address
from ingestion.declarations import Politeness
from ingestion.transport import (
    Download,
    Enter,
    Entry,
    Fetched,
    Folder,
    Memory,
    Pace,
    PassingError,
    RemoteFile,
    TransportError,
    persist,
    version_of,
)

_CHUNK = 1 << 18  # what a connection that breaks off loses at most
_INDEX_PAGE_BYTES = 64 << 20
_SYNTHETIC_HEADER = "X-Synthetic-Data"
_RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}
_KEPT_HEADERS = ("Content-Length", "Content-Type", "Content-Range", "Last-Modified", "ETag", "Date")
_STRONG_AFTER_SECONDS = 60  # a file that changed just now can change again within the same second


class HttpTree:
    """A `Transport` over index pages."""

    def __init__(self, address: Address, politeness: Politeness, pace: Pace) -> None:
        self.address, self._politeness, self._pace = address, politeness, pace
        self._root = address.requested.rstrip("/") + "/"
        self._session = requests.Session()
        self._session.headers["User-Agent"] = politeness.user_agent
        self._session.headers["Accept-Encoding"] = "identity"  # sizes and hashes are those of the file itself
        self._session.trust_env = not address.is_loopback
        if address.login:
            self._session.auth = (address.login, address.password)

    @property
    def requests_made(self) -> int:
        return self._pace.made

    def place(self, path: str) -> str:
        return f"{self.address.shown}/{path}" if path else self.address.shown

    def walk(self, enter: Enter) -> Iterator[Folder]:
        return transport.walk(self._list, enter)

    def _list(self, path: str) -> list[Entry]:
        def attempt(number: int) -> list[Entry]:
            with self._ask(self._url(path, folder=True)) as answer, _as_transport_errors(self.place(path)):
                body = b""
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > _INDEX_PAGE_BYTES:
                        raise TransportError("too_large", "目录页过大", f"the index page of {path or '/'} is too large")
                return _entries(body.decode(answer.encoding or "utf-8", "replace"), answer.url, self.place(path))

        return persist(self._pace, attempt)

    def fetch(self, file: RemoteFile, target: IO[bytes], most_bytes: int, memory: Memory | None = None) -> Fetched:
        """See Transport."""
        download = Download(file, target, most_bytes, memory)

        def attempt(number: int) -> Fetched:
            wanted = {"Range": f"bytes={download.size}-", "If-Range": download.validator} if download.can_go_on else {}
            with (
                download.attempt(),
                self._ask(self._url(file.path), wanted) as answer,
                _as_transport_errors(self.place(file.path)),
            ):
                _begin(download, answer)
                for chunk in answer.iter_content(_CHUNK):
                    download.write(chunk)
                download.finish()
                request = {
                    "scheme": self.address.scheme,
                    "status": answer.status_code,
                    "headers": {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers},
                    "version": file.version,
                    "attempts": number,
                }
                if download.resumed_at:
                    request["resumed_at"] = download.resumed_at
                is_synthetic = answer.headers.get(_SYNTHETIC_HEADER, "").lower() == "true"
                return Fetched(download.size, download.digest.hexdigest(), is_synthetic, request)

        return persist(self._pace, attempt)

    def _url(self, path: str, *, folder: bool = False) -> str:
        return self._root + quote(path) + ("/" if folder and path else "")

    @contextmanager
    def _ask(self, url: str, headers: dict[str, str] | None = None) -> Iterator[requests.Response]:
        """One GET, redirects only within the source; the answer's status is checked."""
        place = unquote(url)
        for _ in range(4):
            self._pace.take()
            with _as_transport_errors(place):
                answer = self._session.get(
                    url,
                    params=dict(self.address.extra) or None,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=self._politeness.timeout_seconds,
                )
            with answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers["Location"])
                    if not _is_within(url, self._root):
                        raise TransportError(
                            "foreign_link", f"{place} 被重定向到来源之外，不予跟随（多为登录页）",
                            f"{place} redirects outside the source; not followed (often a log-in page)",
                        )  # fmt: skip
                    continue
                self._check_status(answer, place, is_part=bool(headers))
                yield answer
                return
        raise TransportError("redirects", f"{place} 重定向过多", f"{place}: too many redirects")

    def _check_status(self, answer: requests.Response, place: str, *, is_part: bool) -> None:
        status = answer.status_code
        if status == 200 or (is_part and status in (206, 416)):
            return
        if status in _RETRIED_STATUS:
            raise PassingError(
                f"http_{status}",
                f"{place} 暂时不可用（HTTP {status}）",
                f"{place} is not available just now (HTTP {status})",
                wait=_retry_after(answer.headers),
            )
        zh, en = "", ""
        if status == 401 and self.address.login:
            zh, en = "：连接中的用户名或口令不被接受", ": user name or password of the connection are not accepted"
        elif status == 401:
            zh, en = "：需要登录，而连接中没有用户名", ": it wants a log-in, and the connection holds no user name"
        elif status == 403:
            zh, en = "：该账号或本机地址无权访问", ": this account or this machine may not read it"
        elif status == 404:
            zh, en = "：不存在，请核对路径", ": not there, check the path"
        raise TransportError(
            f"http_{status}", f"{place} 返回 HTTP {status}{zh}", f"{place} answers with HTTP {status}{en}"
        )


def _begin(download: Download, answer: requests.Response) -> None:
    """Line the answer up with what arrived before; PassingError when the rest of another content came."""
    validator = _validator(answer.headers)
    if answer.headers.get("Content-Encoding", "identity") != "identity":  # packed though we asked for it plain
        download.begin(0, "", None)
        return
    if answer.status_code == 200:  # also from a server that knows no ranges, or whose file is another by now
        length = answer.headers.get("Content-Length", "")
        download.begin(0, validator, int(length) if length.isdigit() else None)
        return
    span = _SPAN.match(answer.headers.get("Content-Range", ""))
    fits = (
        answer.status_code == 206
        and span is not None
        and int(span[1]) == download.size
        and (download.total is None or int(span[3]) == download.total)
        and (not validator or validator == download.validator)
    )
    if not fits or span is None:
        download.restart()
        raise PassingError(
            "changed_meanwhile",
            "文件在续传期间发生变化，从头重取",
            "the file changed while it was being fetched: from its beginning again",
        )
    download.begin(download.size, download.validator, int(span[3]))


_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


def _validator(headers: requests.structures.CaseInsensitiveDict[str]) -> str:
    """What `If-Range` may name: a strong ETag, or a time of change that lies well before the answer; '' if neither."""
    tag = headers.get("ETag", "")
    if tag.startswith('"'):
        return tag
    changed, asked = _moment(headers.get("Last-Modified")), _moment(headers.get("Date")) or datetime.now(UTC)
    if changed and (asked - changed).total_seconds() >= _STRONG_AFTER_SECONDS:
        return headers["Last-Modified"]
    return ""


def _retry_after(headers: requests.structures.CaseInsensitiveDict[str]) -> float | None:
    """Seconds from a `Retry-After` header, a number or a date by the server's own clock; None if it tells nothing."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", value):
        return float(value)
    until = _moment(value)
    if until is None:
        return None
    return max(0.0, (until - (_moment(headers.get("Date")) or datetime.now(UTC))).total_seconds())


def _moment(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        found = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def _as_transport_errors(place: str) -> Iterator[None]:
    """Errors of requests become ours."""
    try:
        yield
    except requests.RequestException as error:
        raise _meaning(error, place) from None


def _meaning(error: requests.RequestException, place: str) -> TransportError:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            "tls",
            f"{place} 的 TLS 证书或加密协议不被信任",
            f"{place}: its TLS certificate or protocol is not trusted",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return PassingError("proxy", f"访问 {place} 的代理不可用", f"{place}: the proxy on the way to it failed")
    if isinstance(cause, NameResolutionError):
        return transport.unknown_host(place)
    if isinstance(error, requests.Timeout):
        return transport.timed_out(place)
    if isinstance(cause, NewConnectionError):
        return transport.refused(place)
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return transport.broken_off(place, error)
    kind = type(error).__name__
    return TransportError("request", f"{place} 请求有误（{kind}）", f"{place}: bad request ({kind})")


# --- index pages -----------------------------------------------------------------------------------------------------

_ANCHOR = re.compile(r"<a\b[^>]*?\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^>]*>(.*?)</a>", re.IGNORECASE | re.DOTALL)
_STAMP = re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{4} \d{2}:\d{2}(?::\d{2})?|\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?[KMGT]?)\s*$")
_INDEX_SIGN = re.compile(r"index of|directory listing|目录|href\s*=\s*[\"']\.\./?[\"']", re.IGNORECASE)


def _entries(page: str, url: str, place: str) -> list[Entry]:
    """The entries of an index page, without those that lead elsewhere; TransportError when it is no index page."""
    base = url.split("?")[0]
    if re.search(r"<input\b[^>]*type\s*=\s*[\"']?password", page, re.IGNORECASE):
        raise TransportError(
            "login_page",
            f"{place} 返回的是登录页：账号过期，或须先在浏览器登录",
            f"{place} answers with a log-in page: the account expired or is missing",
        )
    found: dict[str, Entry] = {}
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
        found[name] = (
            Entry(name, True, stamp=stamp.group() if stamp else "")
            if is_folder
            else _file(name, text, stamp.group() if stamp else "")
        )
    if not found and not _INDEX_SIGN.search(page):
        raise TransportError(
            "no_index",
            f"{place} 返回的不是目录页：请核对路径，或该服务器未开放目录列表",
            f"{place} does not answer with an index page: wrong path, or listings are switched off",
        )
    return list(found.values())


def _file(name: str, size_text: str, stamp: str) -> Entry:
    size = int(size_text) if size_text.isdigit() else None
    return Entry(name, False, size, version_of(size, stamp, size_text))


def _is_within(url: str, root: str) -> bool:
    one, other = urlsplit(url), urlsplit(root)
    steps = unquote(one.path).split("/")
    return (
        (one.scheme, one.netloc) == (other.scheme, other.netloc)
        and one.path.startswith(other.path)
        and ".." not in steps
    )
