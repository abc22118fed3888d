"""Steps of the start: several side by side, each only after those it needs, and none twice when nothing changed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from deploy.local.report import Reporter

_PASSED_OVER = {"__pycache__", "target", "logs", "dbt_packages", "uncommitted"}


@dataclass(frozen=True)
class Stage:
    """One step. With a `stamp` it is passed over when the last success had the same one."""

    name: str
    title: str
    action: Callable[[], None]
    after: tuple[str, ...] = ()
    stamp: str = ""


def fingerprint(paths: Iterable[Path], *more: str) -> str:
    """A hash of the content of files and folders, and of any further words."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.suffix != ".pyc" and not _PASSED_OVER & set(file.relative_to(path).parts):
                digest.update(str(file).encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest() if file.exists() else b"-")
    return digest.hexdigest()


class Stages:
    """Runs stages in threads; after the first failure none is started, and it is raised when the running ones end."""

    def __init__(self, folder: Path, report: Reporter, on_failure: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._report = report
        self._on_failure = on_failure
        self._lock = threading.Lock()

    def is_done(self, stage: Stage) -> bool:
        mark = self._folder / stage.name
        return bool(stage.stamp) and mark.exists() and mark.read_text() == stage.stamp

    def forget(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def run(self, stages: list[Stage]) -> None:
        waiting = {stage.name: stage for stage in stages}
        done: set[str] = set()
        running: dict[Future[None], Stage] = {}
        failure: BaseException | None = None
        with ThreadPoolExecutor(max_workers=max(1, len(stages))) as pool:
            while waiting or running:
                for stage in list(waiting.values()) if failure is None else []:
                    if done.issuperset(stage.after):
                        running[pool.submit(self._run_one, stage)] = waiting.pop(stage.name)
                if not running:
                    break
                try:
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt:
                    self._on_failure()  # else the pool would wait for the threads
                    raise
                for future in ended:
                    stage = running.pop(future)
                    if problem := future.exception():
                        if failure is None:
                            failure = problem
                            self._on_failure()
                    else:
                        done.add(stage.name)
        if failure is not None:
            raise failure

    def _run_one(self, stage: Stage) -> None:
        if self.is_done(stage):
            return
        self.forget(stage.name)  # a cut-short run is not a finished one
        with self._report.step(stage.title):
            stage.action()
        if stage.stamp:
            (self._folder / stage.name).write_text(stage.stamp)
