"""Serves the feeds over HTTP the way a plain file server does: index pages, HEAD, ranges, dates, and nothing else."""

from __future__ import annotations

import html
import json
import re
import time
import zlib
from collections.abc import Callable
from datetime import date
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from ingestion.sandbox.catalogue import FEEDS
from ingestion.sandbox.faults import Fault, Faults, UnknownFault, limits_of
from ingestion.sandbox.feeds import BEGIN, Entry, Feed
from ingestion.sandbox.spoilt import Spoilt
from ingestion.sandbox.world import World

_MOST_BODY = 4096
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_LOGIN = (
    "<!DOCTYPE html><html><head><meta charset='utf-8'><title>用户登录</title></head><body><h1>用户登录</h1>"
    "<form method='post' action='/login'><input name='user'><input name='password' type='password'>"
    "<button>登录</button></form></body></html>"
)


class Clock:
    """The day that the source believes in: fixed, or today."""

    def __init__(self, fixed: date | None = None) -> None:
        self.fixed = fixed

    def __call__(self) -> date:
        return self.fixed or date.today()


class Sandbox(ThreadingHTTPServer):
    """The server with its world, its clock and its faults."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], world: World, clock: date | None = None, verbose: bool = False
    ) -> None:
        self.clock = Clock(clock)
        self.world = world
        self.feeds: dict[str, Feed] = {kind.base: kind(world, self.clock) for kind in FEEDS}
        self.faults = Faults(tuple(kind.source_id for kind in FEEDS))
        self.verbose = verbose
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/"

    def url_of(self, source_id: str) -> str:
        """Address of one source's feed."""
        return next(f"{self.url}{feed.base}/" for feed in self.feeds.values() if feed.source_id == source_id)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""
        if self.verbose:
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def index_page(path: str, entries: list[Entry]) -> bytes:
    """A listing as nginx writes it. `path` is the decoded path from the server's root, with a slash at its end."""
    title = html.escape(f"Index of {path}")
    lines = [
        f'<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1><hr><pre><a href="../">../</a>\r\n'
    ]
    for entry in sorted(entries, key=lambda entry: (not entry.is_folder, entry.name)):
        name = entry.name + ("/" if entry.is_folder else "")
        shown = name if len(name) <= 50 else name[:47] + "..>"
        lines.append(
            f'<a href="{quote(name)}">{html.escape(shown)}</a>{" " * (51 - len(shown))}'
            f"{entry.modified:%d-%b-%Y %H:%M}{'-':>20}\r\n"
        )
    lines.append("</pre><hr></body>\r\n</html>\r\n")
    return "".join(lines).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Sandbox
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    timeout = 60
    # head and body leave together: two small packets would wait 40 ms for each other on every kept connection
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        if self.server.verbose:
            super().log_message(format, *args)

    # -- verbs

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        if not ip_address(str(self.client_address[0])).is_loopback:
            self._json(HTTPStatus.FORBIDDEN, {"error": "only from this machine 只接受本机请求"}, close=True)
            return
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _MOST_BODY:
            self._json(HTTPStatus.BAD_REQUEST, {"error": "a JSON body of at most 4096 bytes"}, close=True)
            return
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
            if not isinstance(body, dict):
                raise ValueError("a JSON object is needed")
            self._control(path, body)
        except KeyError as error:
            self._json(HTTPStatus.NOT_FOUND, {"error": f"unknown source or field: {error.args[0]}"})
        except (UnknownFault, ValueError, TypeError) as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _control(self, path: str, body: dict[str, object]) -> None:
        if path.startswith("/faults/"):
            name = str(body.pop("fault"))
            self.server.faults.set(path.removeprefix("/faults/"), name, **limits_of(body))
            self._json(HTTPStatus.OK, self.server.faults.shown())
        elif path == "/clock":
            day = str(body["clock"])
            self.server.clock.fixed = None if day == "today" else date.fromisoformat(day)
            self._json(HTTPStatus.OK, {"clock": str(self.server.clock())})
        else:
            self._json(HTTPStatus.NOT_FOUND, {"error": "POST /faults/<source> or /clock"})

    def _answer(self, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/health":
            world = self.server.world
            state = {"status": "ok", "synthetic": True, "seed": world.seed, "scale": world.scale}
            self._json(HTTPStatus.OK, {**state, "clock": str(self.server.clock())}, with_body)
        elif path == "/faults":
            self._json(HTTPStatus.OK, self.server.faults.shown(), with_body)
        elif path == "/":
            self._send(HTTPStatus.OK, index_page("/", [Entry(base, BEGIN) for base in self.server.feeds]), with_body)
        elif (feed := self.server.feeds.get(path[1:].partition("/")[0])) is None:
            self._not_found(with_body)
        elif path == f"/{feed.base}":
            self._redirect(with_body)
        else:
            self._serve(feed, path, with_body)

    # -- the tree

    def _serve(self, feed: Feed, path: str, with_body: bool) -> None:
        below = path.removeprefix(f"/{feed.base}/")
        fault = self.server.faults.take(feed.source_id, below.strip("/"))
        if fault and self._refused(fault, with_body):
            return
        shown = Spoilt(feed, fault)
        entry = shown.find(below)
        if entry is None or "//" in path:
            self._not_found(with_body)
        elif entry.is_folder and not path.endswith("/"):
            self._redirect(with_body)
        elif not entry.is_folder and path.endswith("/"):
            self._not_found(with_body)
        elif entry.is_folder:
            self._send(HTTPStatus.OK, index_page(path, shown.listing(below) or []), with_body, cut=fault)
        else:
            self._file(entry, shown.read(below.strip("/"), entry), with_body, fault)

    def _refused(self, fault: Fault, with_body: bool) -> bool:
        if fault.name == "down":
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"<h1>503 Service Unavailable</h1>", with_body)
        elif fault.name == "429":
            headers = {"Retry-After": str(int(fault.seconds) if fault.seconds >= 1 else 1)}
            self._send(HTTPStatus.TOO_MANY_REQUESTS, b"<h1>429 Too Many Requests</h1>", with_body, headers)
        elif fault.name == "login-page":
            self._send(HTTPStatus.OK, _LOGIN.encode(), with_body)
        elif fault.name == "error":
            self._json(HTTPStatus.OK, {"code": 500, "success": False, "msg": "系统繁忙，请稍后再试"}, with_body)
        else:
            if fault.name == "slow":
                time.sleep(fault.seconds)
            return False
        return True

    def _file(self, entry: Entry, content: bytes, with_body: bool, fault: Fault | None) -> None:
        kind = "application/zip" if entry.name.endswith(".zip") else "text/plain"
        if entry.name.endswith(".csv"):
            kind = "text/csv"
        headers = {
            "Last-Modified": format_datetime(entry.modified, usegmt=True),
            "ETag": f'"{len(content):x}-{zlib.crc32(content):08x}"',
            "Accept-Ranges": "bytes",
        }
        status, part = HTTPStatus.OK, content
        asked = _RANGE.match(self.headers.get("Range", ""))
        if self.headers.get("If-Range", headers["ETag"]) not in (headers["ETag"], headers["Last-Modified"]):
            asked = None  # it is another file by now: all of it
        if asked and any(asked.groups()):
            first, last = asked.groups()
            start = int(first) if first else max(0, len(content) - int(last))
            end = min(int(last), len(content) - 1) if first and last else len(content) - 1
            if start > end:
                headers["Content-Range"] = f"bytes */{len(content)}"
                self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", with_body, headers, kind)
                return
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            status, part = HTTPStatus.PARTIAL_CONTENT, content[start : end + 1]
        self._send(status, part, with_body, headers, kind, cut=fault)

    # -- answers

    def _redirect(self, with_body: bool) -> None:
        location = urlsplit(self.path).path + "/"
        # a path of two slashes at the start would lead to another host
        self._send(HTTPStatus.MOVED_PERMANENTLY, b"", with_body, {"Location": "/" + location.lstrip("/")})

    def _not_found(self, with_body: bool) -> None:
        self._send(HTTPStatus.NOT_FOUND, b"<h1>404 Not Found</h1>", with_body)

    def _json(self, status: HTTPStatus, value: object, with_body: bool = True, close: bool = False) -> None:
        if close:
            self.close_connection = True
        body = json.dumps(value, ensure_ascii=False).encode()
        self._send(status, body, with_body, kind="application/json; charset=utf-8")

    def _send(
        self,
        status: HTTPStatus,
        body: bytes,
        with_body: bool,
        headers: dict[str, str] | None = None,
        kind: str = "text/html; charset=utf-8",
        cut: Fault | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Synthetic-Data", "true")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if not with_body:
            return
        if cut and cut.name == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)


def run(make: Callable[[], Sandbox]) -> None:
    """Serve until interrupted or terminated."""
    with make() as server:
        server.serve_forever(poll_interval=0.2)
