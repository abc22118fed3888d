"""What the runs share: how they tell their progress and give their numbers."""

from __future__ import annotations

from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Progress(Protocol):
    """Told how far a run is; `total` is None while it is unknown."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


def silent(stage: str, done: int, total: int | None) -> None:
    """No progress shown."""


class Counted:
    """The numbers of a result without its messages: what an Airflow task returns."""

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}
