"""What can be wrong with a source: switched on from the command line or at run time, to see that nobody is fooled.

Some faults are the server's (`server.py` acts them out), the others change what a feed lists and gives (`spoilt.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from threading import Lock
from typing import TypedDict

FAULTS = {
    "down": "503 for everything",
    "slow": "an answer only after some seconds (default 5)",
    "cut": "the declared length, and half of the bytes",
    "429": "too many requests, with Retry-After (seconds, default 1)",
    "login-page": "200 and a page that asks for a password, whatever was asked for",
    "error": "200 and an error message as JSON, whatever was asked for",
    "empty": "200 and nothing: listings without entries, files without bytes",
    "shrunk": "files with half of their members, records or lines, delivered anew",
    "header-moved": "text files with two lines of chatter before their first line, delivered anew",
    "duplicated": "each file once more under another name",
    "late": "the files of a dated folder only so many days after its date; without days, the newest folder stays empty",
    "corrected": "files of the dated folder before the newest once more, corrected, under another name",
}
NONE = "none"
#: acted out request by request, so that they can hit a number of them
_COUNTED = {"down", "slow", "cut", "429", "login-page", "error", "empty"}
_WITH_DAYS = {"late"}
_MOST_SECONDS, _MOST_DAYS = 7 * 24 * 3600, 3650
_MOST_SLOW_SECONDS = 600


class Limits(TypedDict):
    """What narrows a fault; None where nothing was said."""

    seconds: float | None
    times: int | None
    match: str | None
    days: int | None


class UnknownFault(ValueError):
    """Not one of FAULTS, or a number that makes no sense."""


@dataclass(frozen=True)
class Fault:
    """A fault: `seconds` is the wait of slow or the Retry-After of 429, `left` the requests to hit (None for all),
    `match` a pattern such as `CN/*/20250103/*.zip` for the paths below the feed that it concerns, `days` how late.
    """

    name: str
    seconds: float = 0.0
    left: int | None = None
    match: str | None = None
    days: int | None = None

    def hits(self, path: str) -> bool:
        """Whether it concerns this path below the feed, without slashes at its ends."""
        return self.match is None or fnmatchcase(path, self.match)

    def shown(self) -> dict[str, object]:
        return {
            "fault": self.name,
            "seconds": self.seconds,
            "times_left": self.left,
            "match": self.match,
            "days": self.days,
        }


class Faults:
    """The faults of each source. Thread-safe."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._now: dict[str, Fault | None] = dict.fromkeys(sources)
        self._lock = Lock()

    def set(
        self,
        source: str,
        name: str,
        seconds: float | None = None,
        times: int | None = None,
        match: str | None = None,
        days: int | None = None,
    ) -> None:
        """KeyError for an unknown source, UnknownFault for an unknown fault or a limit that it cannot have."""
        if source not in self._now:
            raise KeyError(source)
        if name != NONE and name not in FAULTS:
            raise UnknownFault(f"unknown fault {name!r}; known: {', '.join([NONE, *FAULTS])}")
        most = _MOST_SLOW_SECONDS if name == "slow" else _MOST_SECONDS
        if seconds is not None and not 0 <= seconds <= most:
            raise UnknownFault(f"seconds must lie between 0 and {most}")
        if times is not None and times < 1:
            raise UnknownFault("times must be 1 or more")
        if times is not None and name not in _COUNTED:
            raise UnknownFault(f"{name} lasts until it is taken away; times is for {', '.join(sorted(_COUNTED))}")
        if days is not None and (name not in _WITH_DAYS or not 0 <= days <= _MOST_DAYS):
            raise UnknownFault(f"days is for {', '.join(sorted(_WITH_DAYS))}, between 0 and {_MOST_DAYS}")
        wait = seconds if seconds is not None else 1.0 if name == "429" else 5.0
        with self._lock:
            self._now[source] = None if name == NONE else Fault(name, wait, times, match or None, days)

    def set_by_words(self, words: str) -> None:
        """`SOURCE=FAULT` and any of `,seconds=…`, `,times=…`, `,match=…`, `,days=…`; errors as `set`."""
        source, _, rest = words.partition("=")
        name, *limits = rest.split(",")
        self.set(source, name, **limits_of(dict(limit.partition("=")[::2] for limit in limits)))

    def take(self, source: str, path: str) -> Fault | None:
        """The fault of a source that this request meets, if any; counts it if it hits."""
        with self._lock:
            fault = self._now[source]
            if fault is None or (fault.name in _COUNTED and not fault.hits(path)):
                return None
            if fault.left is not None:
                self._now[source] = replace(fault, left=fault.left - 1) if fault.left > 1 else None
            return fault

    def shown(self) -> dict[str, dict[str, object]]:
        with self._lock:
            return {source: {"fault": NONE} if fault is None else fault.shown() for source, fault in self._now.items()}


def limits_of(given: Mapping[str, object]) -> Limits:
    """The limits of a fault from words or JSON; UnknownFault for one that does not exist."""
    if unknown := set(given) - set(Limits.__annotations__):
        raise UnknownFault(f"unknown limit {', '.join(sorted(unknown))}; known: {', '.join(Limits.__annotations__)}")
    seconds, times, match, days = (given.get(name) for name in ("seconds", "times", "match", "days"))
    return {
        "seconds": None if seconds is None else float(str(seconds)),
        "times": None if times is None else int(str(times)),
        "match": None if match is None else str(match),
        "days": None if days is None else int(str(days)),
    }
