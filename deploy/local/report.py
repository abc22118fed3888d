"""What the launcher says while it works: one line a step, Chinese first, with the seconds since the start."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LauncherError(RuntimeError):
    """The platform cannot go on; the text is one clear sentence with the mend, in two languages."""

    def __init__(self, zh: str, en: str, log: Path | None = None) -> None:
        super().__init__(f"{zh}\n  {en}")
        self.log = log


class Reporter:
    """Prints steps and remembers how long each took. Safe to use from several threads."""

    def __init__(self, quiet: bool = False) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._quiet = quiet
        self.seconds: dict[str, float] = {}

    def say(self, text: str) -> None:
        if not self._quiet:
            with self._lock:
                print(f"[{time.monotonic() - self._began:6.1f}s] {text}", flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        began = time.monotonic()
        self.say(f"→ {title}")
        yield
        self.seconds[title] = time.monotonic() - began
        self.say(f"✓ {title}  {self.seconds[title]:.1f} s")

    def failure(self, problem: Exception) -> None:
        """The sentence, and the end of the log that shows the cause."""
        log = getattr(problem, "log", None)
        with self._lock:
            print(f"✗ {problem}", file=sys.stderr)
            if log and log.exists():
                print(f"  日志末尾 end of the log {log}:", file=sys.stderr)
                print("\n".join(f"    {line}" for line in tail(log, 20)), file=sys.stderr)

    def summary(self) -> None:
        total = time.monotonic() - self._began
        slow = sorted(self.seconds.items(), key=lambda item: -item[1])
        self.say("各步用时 time of each step (several run side by side):")
        for title, seconds in slow:
            self.say(f"  {seconds:6.1f} s  {title}")
        self.say(f"  {total:6.1f} s  合计 in all")


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a text file."""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 400 * lines))
        return file.read().decode(errors="replace").splitlines()[-lines:]
