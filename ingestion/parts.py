"""Parts of a split archive: told by their names, fetched together and landed as the one file that they are.

`x.z01 … x.z04, x.zip` (the last part has the directory) and `x.zip.001 …` (cut anywhere). A set of which a part is
missing is not fetched: what is missing is said, and the next listing that holds all of them brings the file.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from ingestion.transport import RemoteFile

_NUMBERED = re.compile(r"(?P<stem>.+)\.(?:z(?P<z>\d\d)|zip\.(?P<n>\d{3}))", re.IGNORECASE)
_LAST = re.compile(r"(?P<stem>.+)\.zip", re.IGNORECASE)

Context = TypeVar("Context")


@dataclass(frozen=True)
class Incomplete:
    """A set that lacks parts. `path` is that of the joined file, `missing` the names of what is not there."""

    path: str
    present: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def zh(self) -> str:
        return f"分卷压缩包缺少 {'、'.join(self.missing)}，补齐后自动装载"

    @property
    def en(self) -> str:
        return f"split archive without {', '.join(self.missing)}; it is loaded once they are delivered"


def is_part(name: str) -> bool:
    """Whether a file of this name cannot be read without others."""
    return _NUMBERED.fullmatch(name) is not None


def gather(
    listed: Mapping[str, tuple[RemoteFile, Context]],
) -> tuple[dict[str, tuple[RemoteFile, Context]], list[Incomplete]]:
    """The listing with each whole set in the place of its parts, and the sets that lack some. Order is kept."""
    sets: dict[tuple[str, bool], dict[int, str]] = {}
    for path, (file, _) in listed.items():
        if found := _NUMBERED.fullmatch(file.name):
            key = (_join(file.folder, found["stem"]), found["z"] is not None)
            sets.setdefault(key, {})[int(found["z"] or found["n"])] = path
    if not sets:
        return dict(listed), []
    result, incomplete = dict(listed), []
    closing = {path[:-4]: path for path, (file, _) in listed.items() if _LAST.fullmatch(file.name)}
    for (stem, has_last), numbered in sorted(sets.items()):
        last = closing.get(stem) if has_last else None
        paths = [numbered[number] for number in sorted(numbered)] + ([last] if last else [])
        missing = _missing(PurePosixPath(stem).name, has_last, numbered, last)
        # beside a whole zip of the same name the joined file is called by the name of its first part
        joined = f"{stem}.zip" if has_last or stem not in closing else paths[0]
        if missing:
            incomplete.append(Incomplete(joined, tuple(PurePosixPath(path).name for path in paths), tuple(missing)))
        else:
            whole = joined_file(joined, [listed[path][0] for path in paths])
            result[joined] = (whole, listed[paths[-1]][1])
        for path in paths:
            if missing or path != joined:
                result.pop(path, None)
    return result, incomplete


def joined_file(path: str, parts: Iterable[RemoteFile]) -> RemoteFile:
    """The file that parts make end to end; its version changes when one of theirs does."""
    pieces = tuple(parts)
    sizes = [part.size for part in pieces]
    words = "\n".join(f"{part.name}\t{part.version}\t{part.size}" for part in pieces)
    return replace(
        RemoteFile(path),
        size=None if None in sizes else sum(size for size in sizes if size is not None),
        version=f"parts:{len(pieces)}:{hashlib.sha256(words.encode()).hexdigest()[:32]}",
        parts=pieces,
    )


def joined(paths: Iterable[Path]) -> io.BufferedReader:
    """Local files end to end, as one to read from."""
    return io.BufferedReader(_EndToEnd(paths), 1 << 20)


class _EndToEnd(io.RawIOBase):
    def __init__(self, paths: Iterable[Path]) -> None:
        self._left = iter(paths)
        self._current: io.FileIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._current is not None:
                if count := self._current.readinto(buffer):
                    return count
                self._current.close()
                self._current = None
            following = next(self._left, None)
            if following is None:
                return 0
            self._current = io.FileIO(following)

    def close(self) -> None:
        if self._current is not None:
            self._current.close()
        super().close()


def _missing(stem: str, has_last: bool, numbered: Mapping[int, str], last: str | None) -> list[str]:
    first = 1 if has_last or 0 not in numbered else 0
    names = "{}.z{:02}" if has_last else "{}.zip.{:03}"
    missing = [names.format(stem, number) for number in range(first, max(numbered)) if number not in numbered]
    return missing if last or not has_last else [*missing, f"{stem}.zip"]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
