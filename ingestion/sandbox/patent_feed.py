"""The patent feed: the tree of the national office's bulk data, and the flat files that circulate of it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache, partial

from ingestion.sandbox import flat
from ingestion.sandbox.feeds import BEGIN, Entry, Feed, at
from ingestion.sandbox.issues import Issue, issues_of, issues_until
from ingestion.sandbox.shards import data_number, shard_bytes, shards_of
from ingestion.sandbox.targets import FAMILIES
from ingestion.sandbox.world import World

_LONG_NAMES = {"published": "发明公布", "granted": "发明授权", "utility": "实用新型", "design": "外观设计"}
_RAW_EVERY = 12  # one dated folder in so many has the raw data beside it


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
        found.append(Entry(folder, at(max(known, default=issue.day))))
        if issue.number % _RAW_EVERY == 0:
            found.append(Entry(folder + "rawdata", at(issue.day)))
    return tuple(sorted(found, key=lambda entry: entry.name))


class PatentFeed(Feed):
    """Publications, grants, utility models and designs."""

    source_id = "cnipa_patents"
    base = "cnipa"

    def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
        """See Feed."""
        match parts:
            case []:
                return [Entry("CN", BEGIN), *([Entry("flat", BEGIN)] if self._flat(today) else [])]
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

    def _day(self, issues: list[Issue], folder: str, today: date) -> list[Entry] | None:
        for issue in issues:
            name = f"{issue.day:%Y%m%d}"
            if not folder.startswith(name) or not issue.total(self.world.scale):
                continue
            if folder == name:
                return [
                    Entry(shard.name, at(shard.known), partial(shard_bytes, self.world, shard))
                    for shard in shards_of(self.world, issue)
                    if shard.known <= today
                ]
            if folder == name + "rawdata" and issue.number % _RAW_EVERY == 0:
                images = f"{name} 附图与全文包（合成数据不含图像）\n".encode()
                return [Entry("images.txt", at(issue.day), partial(bytes, images))]
        return None

    def _flat(self, today: date) -> dict[str, list[Entry]]:
        folders: dict[str, list[Entry]] = {}
        bibs = [
            Entry(
                f"{name}_{issue.day:%Y%m%d}.csv",
                at(issue.day),
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
                    at(flat.gazette_day() + timedelta(days=1)),
                    partial(flat.gazette_csv, self.world, family),
                )
                for name, family in sorted(flat.gazette_files().items())
            ]
        return folders
