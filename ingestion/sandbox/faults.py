"""What can be wrong with a server: switched on from the command line or at run time, to see that nobody is fooled."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

FAULTS = {
    "down": "503 for everything",
    "slow": "an answer only after some seconds (default 5)",
    "cut": "the declared length, and half of the bytes",
    "429": "too many requests, with Retry-After",
    "login-page": "200 and a page that asks for a password, whatever was asked for",
    "empty": "200 and nothing: listings without entries, files without bytes",
}
NONE = "none"


class UnknownFault(ValueError):
    """Not one of FAULTS, or a number that makes no sense."""


@dataclass(frozen=True)
class Fault:
    """A fault; `seconds` is the wait of slow or the Retry-After of 429; `left` requests to hit, None for all."""

    name: str
    seconds: float
    left: int | None = None


class Faults:
    """The faults of each source. Thread-safe."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._now: dict[str, Fault | None] = dict.fromkeys(sources)
        self._lock = Lock()

    def set(self, source: str, name: str, seconds: float | None = None, times: int | None = None) -> None:
        """KeyError for an unknown source, UnknownFault for an unknown fault."""
        if source not in self._now:
            raise KeyError(source)
        if name != NONE and name not in FAULTS:
            raise UnknownFault(f"unknown fault {name!r}; known: {', '.join([NONE, *FAULTS])}")
        if seconds is not None and not 0 <= seconds <= 600:
            raise UnknownFault("seconds must lie between 0 and 600")
        if times is not None and times < 1:
            raise UnknownFault("times must be 1 or more")
        wait = seconds if seconds is not None else 1.0 if name == "429" else 5.0
        with self._lock:
            self._now[source] = None if name == NONE else Fault(name, wait, times)

    def take(self, source: str) -> Fault | None:
        """The fault that hits this request, if any; counts it."""
        with self._lock:
            fault = self._now[source]
            if fault is not None and fault.left is not None:
                self._now[source] = Fault(fault.name, fault.seconds, fault.left - 1) if fault.left > 1 else None
            return fault

    def shown(self) -> dict[str, dict[str, object]]:
        with self._lock:
            return {
                source: {"fault": NONE}
                if fault is None
                else {"fault": fault.name, "seconds": fault.seconds, "times_left": fault.left}
                for source, fault in self._now.items()
            }
