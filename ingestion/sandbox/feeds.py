"""What every synthetic source is: a tree of files as it stood on a day, below a folder of its own on the server.

A feed lists folders from the calendar and makes contents when they are asked for. Adding one: subclass `Feed`, and name
it in `catalogue.FEEDS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Lock
from typing import ClassVar

from ingestion.sandbox.world import World

_CACHE_BYTES = 48 << 20

NOTICE = """SYNTHETIC DATA - 合成数据

本目录下的全部内容均由程序按种子生成，用于开发、测试和演示：企业、学校、个人、专利、号码和地址都是虚构的，
不得当作真实专利数据使用或传播。目录结构、文件格式和各种瑕疵的比例仿照国家知识产权局专利数据资源。

Everything below this folder is generated from a seed, for development, tests and demonstrations. The owners, patents,
numbers and addresses are invented; tree, formats and the rates of defects follow the true feed. Not for any other use.

seed={seed} scale={scale:g}
"""


@dataclass(frozen=True)
class Entry:
    """One line of a listing. `content` is None for folders; calling it makes the bytes."""

    name: str
    modified: datetime
    content: Callable[[], bytes] | None = None

    @property
    def is_folder(self) -> bool:
        return self.content is None


def at(day: date, hour: int = 1) -> datetime:
    return datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)


BEGIN = at(date(2006, 1, 1))


class Feed(ABC):
    """All files of one source in one world. Thread-safe; remembers the last contents within a fixed number of bytes."""

    source_id: ClassVar[str]
    base: ClassVar[str]  # folder on the server, such as `cnipa`

    def __init__(self, world: World, clock: Callable[[], date]) -> None:
        self.world, self.clock = world, clock
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()

    # -- listings

    @abstractmethod
    def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
        """Entries of the folder at this path, None when there is no such folder; the root's without the notice."""

    def listing(self, path: str) -> list[Entry] | None:
        """Entries of a folder such as `CN/…/data/20250103`, by name; None when the clock does not show it."""
        parts = [part for part in path.split("/") if part]
        entries = self.listing_of(parts, self.clock())
        if entries is None:
            return None
        if not parts:
            said = NOTICE.format(seed=self.world.seed, scale=self.world.scale)
            if self.world.without:
                said += f"without={self.world.without}\n"
            notice = said.encode()
            entries = [*entries, Entry("SYNTHETIC.txt", BEGIN, lambda: notice)]
        return sorted(entries, key=lambda entry: entry.name)

    def find(self, path: str) -> Entry | None:
        """The entry at a path, `` for the root; None when the clock does not show it."""
        parts = [part for part in path.split("/") if part]
        if not parts:
            return Entry("", BEGIN)
        listed = self.listing("/".join(parts[:-1]))
        return next((entry for entry in listed or () if entry.name == parts[-1]), None)

    def walk(self, path: str = "") -> Iterator[tuple[str, Entry]]:
        """All files below a folder as (path, entry)."""
        for entry in self.listing(path) or ():
            below = f"{path}/{entry.name}".lstrip("/")
            if entry.is_folder:
                yield from self.walk(below)
            else:
                yield below, entry

    # -- contents

    def read(self, path: str, entry: Entry) -> bytes:
        """The bytes of a file, kept for a while (a HEAD is often followed by a GET)."""
        if entry.content is None:
            raise IsADirectoryError(path)
        with self._lock:
            kept = self._kept.get(path)
            if kept is not None:
                self._kept.move_to_end(path)
                return kept
        made = entry.content()
        with self._lock:
            if path not in self._kept and len(made) <= _CACHE_BYTES // 2:
                self._kept[path] = made
                self._kept_bytes += len(made)
                while self._kept_bytes > _CACHE_BYTES:
                    _, dropped = self._kept.popitem(last=False)
                    self._kept_bytes -= len(dropped)
        return made
