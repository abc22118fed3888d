"""The trademark feed: five packages of the national office's data resources, in dated folders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from ingestion.sandbox.feeds import BEGIN, Entry, Feed, at
from ingestion.sandbox.trademark_calendar import PACKAGES, Delivery, deliveries_until
from ingestion.sandbox.trademark_deliveries import zip_bytes, zips_of
from ingestion.sandbox.world import World


class TrademarkFeed(Feed):
    """Marks, licences, transfers, international registrations and well-known marks.

    `without`: so many trademarks of Dongli that were registered from 2016 to 2020 and are in force ever since are
    taken out of all packages.
    """

    source_id = "cnipa_trademarks"
    base = "trademarks"

    def __init__(self, world: World, clock: Callable[[], date], *, without: int | None = None) -> None:
        super().__init__(world, clock)
        self.without = world.without if without is None else without

    def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
        """See Feed."""
        packages = {f"{package}_{name}": package for package, name in PACKAGES.items()}
        match parts:
            case []:
                return [Entry(name, BEGIN) for name, package in packages.items() if self._dated(package, today)]
            case [name] if name in packages:
                return self._dated(packages[name], today) or None
            case [name, folder] if name in packages:
                for delivery in deliveries_until(packages[name], today):
                    if f"{delivery.day:%Y%m%d}" == folder:
                        return self._zips(delivery, today) or None
        return None

    def _dated(self, package: str, today: date) -> list[Entry]:
        """The dated folders; a folder changes when something arrives in it."""
        found = []
        for delivery in deliveries_until(package, today):
            zips = self._zips(delivery, today)
            if zips:
                found.append(Entry(f"{delivery.day:%Y%m%d}", max(entry.modified for entry in zips)))
        return found

    def _zips(self, delivery: Delivery, today: date) -> list[Entry]:
        return [
            Entry(zip.name, at(zip.known), partial(zip_bytes, self.world, zip, self.without))
            for zip in zips_of(self.world, delivery, self.without)
            if zip.known <= today
        ]
