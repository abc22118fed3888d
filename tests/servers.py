"""Small real servers for one test: HTTP index pages with faults on demand, FTP, and as much of S3 as a reader asks."""

from __future__ import annotations

import hashlib
import html
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

Fault = str
"""`503`, `429:2` (with Retry-After: 2), `cut` (half of what was asked for), `stall` (the same, and then silence until
`go_on` is set), `login`, `empty`, `redirect:<url>`, `garbage`"""


@dataclass
class Feed:
    """A running HTTP server over `root`; each entry of `faults[path]` spoils one request of that path, in order."""

    root: Path
    url: str = ""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    requests: list[tuple[float, str]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    links: dict[str, list[str]] = field(default_factory=dict)
    is_synthetic: bool = False
    knows_ranges: bool = True
    minds_if_range: bool = True
    misses_by: int = 0
    has_tags: bool = True
    has_stamps: bool = True
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> int:
        return sum(one == path for _, one in self.requests)


@contextmanager
def http_feed(root: Path) -> Iterator[Feed]:
    """Serve `root` under `/feed/` with index pages in nginx's form."""
    feed = Feed(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            feed.requests.append((time.monotonic(), path))
            feed.agents.add(self.headers.get("User-Agent", ""))
            fault = feed.faults.get(path, [])
            if fault:
                return self.spoil(fault.pop(0), path)
            return self.serve(path)

        def serve(self, path: str) -> None:
            target = feed.root / path.removeprefix("/feed/")
            if not path.startswith("/feed/") or not target.exists():
                return self.answer(404, b"not found")
            if target.is_dir():
                if not path.endswith("/"):
                    self.send_response(301)
                    self.send_header("Location", quote(path) + "/")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                return self.answer(200, self.index(path, target).encode(), "text/html; charset=utf-8")
            return self.file(target)

        def file(self, target: Path, upto: float = 1.0) -> None:
            """All of a file or the rest that was asked for; only a part of that goes out if `upto` says so."""
            body, stamp = target.read_bytes(), formatdate(target.stat().st_mtime, usegmt=True)
            tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"' if feed.has_tags else ""
            start = 0
            if wanted := self.headers.get("Range", ""):
                feed.ranges.append(wanted)
                same = not feed.minds_if_range or self.headers.get("If-Range", tag) in (tag, stamp)
                if feed.knows_ranges and same:
                    start = int(wanted.removeprefix("bytes=").rstrip("-")) - feed.misses_by
            if start >= len(body) > 0:
                return self.answer(416, b"")
            rest = body[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(rest)))
            self.send_header("Last-Modified", stamp)
            if tag:
                self.send_header("ETag", tag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            if feed.is_synthetic:
                self.send_header("X-Synthetic-Data", "true")
            self.end_headers()
            self.wfile.write(rest[: int(len(rest) * upto)])
            self.wfile.flush()

        def index(self, path: str, folder: Path) -> str:
            lines = ['<a href="../">../</a>']
            for entry in sorted(folder.iterdir()):
                slash = "/" if entry.is_dir() else ""
                stamp = time.strftime("%d-%b-%Y %H:%M", time.gmtime(entry.stat().st_mtime))
                size = "-" if entry.is_dir() else str(entry.stat().st_size)
                if not feed.has_stamps:
                    stamp = size = ""
                name = entry.name + slash
                lines.append(f'<a href="{quote(name)}">{html.escape(name)}</a>  {stamp}  {size:>19}')
            lines += [f'<a href="{link}">elsewhere</a>' for link in feed.links.get(path, [])]
            title = html.escape(path)
            return f"<html><head><title>Index of {title}</title></head><body><h1>Index of {title}</h1><hr><pre>" + (
                "\r\n".join(lines) + "\r\n</pre><hr></body></html>"
            )

        def spoil(self, fault: Fault, path: str) -> None:
            kind, _, argument = fault.partition(":")
            if kind in ("cut", "stall"):
                self.file(feed.root / path.removeprefix("/feed/"), upto=0.5)
                self.close_connection = True
                if kind == "stall":
                    feed.stalled.set()
                    feed.go_on.wait(30)
                return None
            if kind == "login":
                page = b"<!DOCTYPE html><html><form>user <input type='password' name='p'></form></html>"
                return self.answer(200, page, "text/html")
            if kind == "garbage":
                return self.answer(200, b'{"code":500,"msg":"refused"}', "application/json")
            if kind == "empty":
                return self.answer(200, b"")
            if kind == "redirect":
                self.send_response(302)
                self.send_header("Location", argument)
                self.send_header("Content-Length", "0")
                return self.end_headers()
            return self.answer(int(kind), b"busy", retry_after=argument)

        def answer(
            self, status: int, body: bytes, kind: str = "application/octet-stream", retry_after: str = ""
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if feed.is_synthetic:
                self.send_header("X-Synthetic-Data", "true")
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(body)

    with _running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        feed.url = f"http://127.0.0.1:{port}/feed"
        yield feed


@contextmanager
def s3_bucket(root: Path, bucket: str) -> Iterator[str]:
    """The bucket's endpoint: list, head and get over the files below `root`, unsigned."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            key = unquote(parts.path).removeprefix(f"/{bucket}").lstrip("/")
            if not key:
                return self.listing(parse_qs(parts.query))
            path = root / key
            if not path.is_file():
                return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            body = path.read_bytes()
            wanted = self.headers.get("Range", "")
            if wanted:
                start, _, end = wanted.removeprefix("bytes=").partition("-")
                total, first = len(body), int(start)
                last = min(int(end) if end else total - 1, total - 1)
                return self.answer(206, body[first : last + 1], path, f"bytes {first}-{last}/{total}")
            return self.answer(200, body, path)

        def listing(self, query: dict[str, list[str]]) -> None:
            prefix = query.get("prefix", [""])[0]
            items = []
            for path in sorted(one for one in root.rglob("*") if one.is_file()):
                key = path.relative_to(root).as_posix()
                if key.startswith(prefix):
                    items.append(
                        f"<Contents><Key>{html.escape(key)}</Key><Size>{path.stat().st_size}</Size>"
                        f"<ETag>&quot;{_etag(path)}&quot;</ETag>"
                        f"<LastModified>2017-08-22T00:00:00.000Z</LastModified></Contents>"
                    )
            self.answer(
                200,
                f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated>{''.join(items)}</ListBucketResult>".encode(),
            )

        def answer(self, status: int, body: bytes, path: Path | None = None, part: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/octet-stream" if path else "application/xml")
            if path:
                self.send_header("ETag", f'"{_etag(path)}"')
                self.send_header("Last-Modified", formatdate(path.stat().st_mtime, usegmt=True))
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    with _running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def ftp_server(root: Path, user: str, password: str) -> Iterator[int]:
    """A passive-mode FTP server over `root` for one user; yields its port."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 ready")
            given, data, start = "", None, 0
            while line := self.rfile.readline().decode("utf-8").rstrip("\r\n"):
                command, _, argument = line.partition(" ")
                command = command.upper()
                path = root / argument.strip("/")
                if command == "USER":
                    given = argument
                    self.say("331 password?")
                elif command == "PASS":
                    self.say("230 in" if (given, argument) == (user, password) else "530 no")
                elif command in ("EPSV", "PASV"):
                    data = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
                    port = data.server_address[1]
                    here = f"(|||{port}|)" if command == "EPSV" else f"(127,0,0,1,{port // 256},{port % 256})"
                    self.say(f"{229 if command == 'EPSV' else 227} {here}")
                elif command == "MLSD":
                    lines = [
                        f"type={'dir' if one.is_dir() else 'file'};size={one.stat().st_size};"
                        f"modify=20170822000000; {one.name}"
                        for one in sorted(path.iterdir())
                    ]
                    self.send(data, "".join(f"{one}\r\n" for one in lines).encode())
                elif command == "SIZE":
                    self.say(f"213 {path.stat().st_size}" if path.is_file() else "550 none")
                elif command == "RETR":
                    if path.is_file():
                        self.send(data, path.read_bytes()[start:])
                    else:
                        self.say("550 none")
                    start = 0
                elif command == "REST":
                    start = int(argument)
                    self.say("350 ok")
                elif command in ("TYPE", "CWD", "OPTS"):
                    self.say("200 ok")
                elif command == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("502 unknown")

        def send(self, data: socketserver.TCPServer | None, content: bytes) -> None:
            assert data is not None
            self.say("150 here it comes")
            connection, _ = data.get_request()
            connection.sendall(content)
            connection.close()
            data.server_close()
            self.say("226 done")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with _running(Server(("127.0.0.1", 0), Handler)) as port:
        yield port


def _etag(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])  # type: ignore[index]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
