"""The tree of files as it stood on a day: listings are answered from the calendar, contents are made when asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from threading import Lock

from ingestion.sandbox import flat
from ingestion.sandbox.issues import Issue, issues_of, issues_until
from ingestion.sandbox.shards import data_number, shard_bytes, shards_of
from ingestion.sandbox.targets import FAMILIES
from ingestion.sandbox.world import World

_LONG_NAMES = {"published": "发明公布", "granted": "发明授权", "utility": "实用新型", "design": "外观设计"}
_RAW_EVERY = 12  # one dated folder in so many has the raw data beside it
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


def _at(day: date, hour: int = 1) -> datetime:
    return datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)


BEGIN = _at(date(2006, 1, 1))


@lru_cache(maxsize=8)
def _products(today: date) -> dict[str, list[Issue]]:
    """Folder name of each data product → its issues so far."""
    found: dict[str, list[Issue]] = {}
    for family in FAMILIES:
        for issue in issues_until(family, today):
            found.setdefault(f"{data_number(issue)}_{_LONG_NAMES[family]}", []).append(issue)
    return found


@lru_cache(maxsize=64)
def _dated(world: World, product: str, today: date) -> tuple[Entry, ...]:
    """The dated folders of a product; a folder changes when something arrives in it."""
    found = []
    for issue in _products(today)[product]:
        if not issue.total(world.scale):
            continue  # at a small scale some days have nothing
        folder = f"{issue.day:%Y%m%d}"
        known = [shard.known for shard in shards_of(world, issue) if shard.known <= today]
        found.append(Entry(folder, _at(max(known, default=issue.day))))
        if issue.number % _RAW_EVERY == 0:
            found.append(Entry(folder + "rawdata", _at(issue.day)))
    return tuple(sorted(found, key=lambda entry: entry.name))


class Tree:
    """All files of one world. Thread-safe; remembers the last contents within a fixed number of bytes."""

    def __init__(self, world: World, clock: Callable[[], date]) -> None:
        self.world, self.clock = world, clock
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()

    # -- listings

    def find(self, path: str) -> Entry | None:
        """The entry at a path such as `CN/…/data/20250103`, `` for the root; None when the clock does not show it."""
        parts = [part for part in path.split("/") if part]
        if not parts:
            return Entry("", BEGIN)
        listed = self.listing("/".join(parts[:-1]))
        return next((entry for entry in listed or () if entry.name == parts[-1]), None)

    def listing(self, path: str) -> list[Entry] | None:
        """Entries of a folder in the order of their names; None when there is no such folder."""
        parts = [part for part in path.split("/") if part]
        today = self.clock()
        match parts:
            case []:
                notice = NOTICE.format(seed=self.world.seed, scale=self.world.scale).encode()
                return [
                    Entry("CN", BEGIN),
                    Entry("SYNTHETIC.txt", BEGIN, lambda: notice),
                    *([Entry("flat", BEGIN)] if self._flat(today) else []),
                ]
            case ["CN"]:
                return [Entry(name, BEGIN) for name in sorted(_products(today))]
            case ["CN", product] if product in _products(today):
                return [Entry("data", BEGIN)]
            case ["CN", product, "data"] if product in _products(today):
                return list(_dated(self.world, product, today))
            case ["CN", product, "data", folder] if product in _products(today):
                return self._day(_products(today)[product], folder, today)
            case ["flat"]:
                return [Entry(name, BEGIN) for name in sorted(self._flat(today))] or None
            case ["flat", folder] if folder in self._flat(today):
                return self._flat(today)[folder]
        return None

    def walk(self, path: str = "") -> Iterator[tuple[str, Entry]]:
        """All files below a folder as (path, entry)."""
        for entry in self.listing(path) or ():
            below = f"{path}/{entry.name}".lstrip("/")
            if entry.is_folder:
                yield from self.walk(below)
            else:
                yield below, entry

    def _day(self, issues: list[Issue], folder: str, today: date) -> list[Entry] | None:
        for issue in issues:
            name = f"{issue.day:%Y%m%d}"
            if not folder.startswith(name) or not issue.total(self.world.scale):
                continue
            if folder == name:
                return [
                    Entry(shard.name, _at(shard.known), partial(shard_bytes, self.world, shard))
                    for shard in shards_of(self.world, issue)
                    if shard.known <= today
                ]
            if folder == name + "rawdata" and issue.number % _RAW_EVERY == 0:
                images = f"{name} 附图与全文包（合成数据不含图像）\n".encode()
                return [Entry("images.txt", _at(issue.day), partial(bytes, images))]
        return None

    def _flat(self, today: date) -> dict[str, list[Entry]]:
        folders: dict[str, list[Entry]] = {}
        bibs = [
            Entry(
                f"{name}_{issue.day:%Y%m%d}.csv",
                _at(issue.day),
                partial(flat.bibs_csv, self.world, issue),
            )
            for family, name in flat.BIBS_FAMILIES.items()
            for issue in issues_of(family, flat.BIBS_YEAR)
            if issue.day <= today
        ]
        if bibs:
            folders[f"cnipa_bibs_{flat.BIBS_YEAR}"] = sorted(bibs, key=lambda entry: entry.name)
        # the crawler needed a day
        if flat.gazette_day() + timedelta(days=1) <= today:
            folders[f"cnipa_gazette_{flat.gazette_day()}"] = [
                Entry(
                    name,
                    _at(flat.gazette_day() + timedelta(days=1)),
                    partial(flat.gazette_csv, self.world, family),
                )
                for name, family in sorted(flat.gazette_files().items())
            ]
        return folders

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
