"""file, ftp and s3, through fsspec."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec

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
    RemoteFile,
    TransportError,
    join,
    persist,
    version_of,
)

_CHUNK = 1 << 20


class FilesystemTree:
    """A `Transport` over whatever fsspec can list."""

    def __init__(self, address: Address, politeness: Politeness, pace: Pace) -> None:
        self.address, self._pace = address, pace
        self._options: dict[str, Any] = {"skip_instance_cache": True}
        if address.scheme == "ftp":
            self._options |= {
                "host": address.host,
                "port": address.port or 21,
                "username": address.login or None,
                "password": address.password or None,
                "timeout": politeness.timeout_seconds,
                "encoding": address.extra.get("encoding", "utf-8"),
            }
        elif address.scheme == "s3":
            self._options |= {
                "key": address.login or None,
                "secret": address.password or None,
                "use_listings_cache": False,
            }
            self._options["anon"] = address.extra.get("anon", "").lower() == "true"
            if endpoint := address.extra.get("endpoint_url"):
                self._options["endpoint_url"] = endpoint
            if region := address.extra.get("region_name"):
                self._options["client_kwargs"] = {"region_name": region}
        self._root = f"{address.host}{address.path}" if address.scheme == "s3" else address.path or "/"
        self._connected: Any = None

    @property
    def requests_made(self) -> int:
        return self._pace.made

    def place(self, path: str) -> str:
        return f"{self.address.shown}/{path}" if path else self.address.shown

    @contextmanager
    def _filesystem(self, path: str) -> Iterator[Any]:
        """Connected at the first use, and anew after a failure: an FTP session does not outlive one."""
        place = self.place(path)
        try:
            self._pace.take()
            if self._connected is None:
                self._connected = fsspec.filesystem(self.address.scheme, **self._options)
            yield self._connected
        except TransportError:
            self._connected = None
            raise
        except Exception as error:
            self._connected = None
            meaning = _meaning(error, place) or transport.system_failure(error, place)
            if meaning is None:
                raise
            raise meaning from None

    def walk(self, enter: Enter) -> Iterator[Folder]:
        return self._walk_keys(enter) if self.address.scheme == "s3" else transport.walk(self._list, enter)

    def _list(self, path: str) -> list[Entry]:
        real_root = Path(self._root).resolve() if self.address.scheme == "file" else None

        def attempt(number: int) -> list[Entry]:
            with self._filesystem(path) as filesystem:
                filesystem.invalidate_cache(join(self._root, path))
                listed: list[dict[str, Any]] = filesystem.ls(join(self._root, path), detail=True)
            found = []
            for one in listed:
                name = str(one["name"]).rstrip("/").rpartition("/")[2]
                if name in ("", ".", "..") or one["type"] not in ("directory", "file"):
                    continue
                if real_root and one.get("islink") and not _stays(Path(str(one["name"])), real_root):
                    continue
                is_folder = one["type"] == "directory"
                version = "" if is_folder else _version(one)
                found.append(Entry(name, is_folder, None if is_folder else one.get("size"), version, _stamp(one)))
            return found

        return persist(self._pace, attempt)

    def _walk_keys(self, enter: Enter) -> Iterator[Folder]:
        """S3 has no folders: one listing of all keys is far cheaper than one a folder."""

        def attempt(number: int) -> dict[str, dict[str, Any]]:
            with self._filesystem("") as filesystem:
                found: dict[str, dict[str, Any]] = filesystem.find(self._root, detail=True)
                return found

        folders: dict[str, list[RemoteFile]] = {"": []}
        for key, one in persist(self._pace, attempt).items():
            file = RemoteFile(key[len(self._root) :].strip("/"), one.get("size"), _version(one))
            folders.setdefault(file.folder, []).append(file)
        for folder in sorted(folders):
            steps = PurePosixPath(folder).parts
            if all(enter("/".join(steps[: depth + 1]), "") for depth in range(len(steps))):
                yield Folder(folder, tuple(sorted(folders[folder], key=lambda f: f.path)))

    def fetch(self, file: RemoteFile, target: IO[bytes], most_bytes: int, memory: Memory | None = None) -> Fetched:
        """See Transport. An attempt goes on where one before stopped while the listing calls the file unchanged."""
        download = Download(file, target, most_bytes, memory)
        path = join(self._root, file.path)

        def attempt(number: int) -> Fetched:
            with download.attempt(), self._filesystem(file.path) as filesystem:
                at = download.size if download.can_go_on and download.validator == file.version else 0
                if at:
                    filesystem.invalidate_cache(join(self._root, file.folder))
                    at = at if _version(filesystem.info(path)) == file.version else 0
                download.begin(at, file.version, file.size)
                if self.address.scheme == "ftp":  # in one transfer: fsspec would begin one for each block
                    filesystem.ftp.retrbinary(f"RETR {path}", download.write, blocksize=_CHUNK, rest=at or None)
                else:
                    with filesystem.open(path, "rb", block_size=_CHUNK) as source:
                        source.seek(at)
                        while chunk := source.read(_CHUNK):
                            download.write(chunk)
                download.finish()
                request: dict[str, Any] = {"scheme": self.address.scheme, "version": file.version, "attempts": number}
                if download.resumed_at:
                    request["resumed_at"] = download.resumed_at
                return Fetched(download.size, download.digest.hexdigest(), False, request)

        return persist(self._pace, attempt)


def _meaning(error: Exception, place: str) -> TransportError | None:
    """ftplib and botocore raise families of their own; what they say is looked at, and not repeated."""
    kind, family = type(error).__name__, type(error).__module__.split(".")[0]
    if family not in ("ftplib", "botocore", "aiobotocore", "aiohttp", "s3fs"):
        return None
    if family == "ftplib" and str(error)[:3] in ("530", "331", "332"):
        return TransportError(
            "credentials",
            f"{place} 不接受连接中的用户名或口令",
            f"{place} does not accept the connection's user name or password",
        )
    if family == "ftplib" and str(error).startswith("550"):
        return TransportError(
            "not_found",
            f"{place} 不存在或无权读取，请核对路径",
            f"{place} does not exist or may not be read: check the path",
        )
    if kind in ("NoCredentialsError", "PartialCredentialsError"):
        return TransportError("credentials", f"访问 {place} 缺少密钥", f"{place}: the connection holds no credentials")
    if kind in ("EndpointConnectionError", "ConnectTimeoutError"):
        return transport.refused(place)
    return transport.broken_off(place, error)


def _stamp(entry: dict[str, Any]) -> str:
    value = entry.get("mtime") or entry.get("modify") or entry.get("LastModified") or ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _version(entry: dict[str, Any]) -> str:
    return version_of(entry.get("size"), str(entry.get("ETag") or _stamp(entry)))


def _stays(path: Path, root: Path) -> bool:
    """A link is only followed within the source's own folder, and never to a folder above itself."""
    target = path.resolve()
    return target.is_relative_to(root) and not path.parent.resolve().is_relative_to(target)
