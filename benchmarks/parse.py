"""Workload 2, parsing: from a zip of patent documents to checked rows in Arrow, beside bare lxml.

Bare lxml is the least that any reader of these zips must do: `zipfile` unpacks each document and `etree.fromstring`
parses it; nothing is looked at. Ours unpacks within bounds, refuses what is hostile, parses, reads and cleans every
field, tells repeated numbers, hashes the row and builds the batches. Input: documents of the sandbox, packed into
zips of 4,000. Both take turns in one process on one core; then one process a core. Ratios within a round hold.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from ingestion.archives import Bounds
from ingestion.readers import cnipa_xml

BAR_ONE_CORE = 0.5
BAR_TWO_CORES = 1.7
BAR_MEGABYTES = 1024
ZIP_DOCUMENTS = 4_000
_SANDBOX_DOCUMENTS = 67_000  # at scale 1


@dataclass
class Result:
    """One method on so many cores: documents a second over all of them, median of the rounds."""

    method: str
    cores: int
    documents: int
    documents_per_second: int
    ratio_to_lxml: float
    rounds: list[int]
    note: str = ""


def documents(folder: Path, count: int) -> list[Path]:
    """`count` documents of the sandbox in zips of 4,000, as the feed packs them: one folder each."""
    scale = max(0.05, 1.2 * count / _SANDBOX_DOCUMENTS)
    command = [sys.executable, "-m", "ingestion.sandbox", "write", "--below", "CN"]
    subprocess.run(
        [*command, "--to", str(folder / "feed"), "--scale", f"{scale:.3f}"], check=True, stdout=subprocess.DEVNULL
    )
    zips: list[Path] = []
    target: zipfile.ZipFile | None = None
    packed = 0
    seen: set[str] = set()
    for source in sorted((folder / "feed").rglob("*.zip")):
        if packed == count:
            break
        try:
            with zipfile.ZipFile(source) as archive:
                for info in archive.infolist():
                    if packed == count or info.filename in seen or not info.filename.upper().endswith(".XML"):
                        continue
                    if packed % ZIP_DOCUMENTS == 0:
                        if target is not None:
                            target.close()
                        zips.append(folder / f"{len(zips) + 1:04}.zip")
                        target = zipfile.ZipFile(zips[-1], "w", zipfile.ZIP_DEFLATED)
                    assert target is not None
                    target.writestr(info.filename, archive.read(info))
                    seen.add(info.filename)
                    packed += 1
        except zipfile.BadZipFile:
            continue  # the sandbox damages some on purpose
    if target is not None:
        target.close()
    if packed < count:
        raise RuntimeError(f"the sandbox gave {packed} documents, {count} were asked for")
    return zips


def bare_lxml(zips: list[Path]) -> int:
    """Documents parsed into trees that nobody looks at."""
    count = 0
    for path in zips:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                etree.fromstring(archive.read(info))
                count += 1
    return count


def ours(zips: list[Path]) -> int:
    """Documents read by `bibs_xml`: rows and rejects."""
    return sum(parsed.rows_read for path in zips for parsed in cnipa_xml.read(path, limits=Bounds()))


METHODS: dict[str, Callable[[list[Path]], int]] = {"bare lxml": bare_lxml, "ours": ours}


def _work(core: int, zips: list[Path], theirs: Any) -> None:
    """A worker of its own process: runs the named method when told to; tells documents, seconds of processor time and
    peak megabytes."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    while (method := theirs.recv()) is not None:
        busy = time.process_time()
        count = METHODS[method](zips)
        busy = time.process_time() - busy
        theirs.send((count, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


class Workers:
    """Processes, one a core, that begin together."""

    def __init__(self, cores: list[int], zips: list[Path]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would begin with the memory of its parent
        self._pipes = []
        self._processes = []
        for core in cores:
            mine, theirs = context.Pipe()
            process = context.Process(target=_work, args=(core, zips, theirs), daemon=True)
            process.start()
            self._pipes.append(mine)
            self._processes.append(process)

    def run(self, method: str) -> tuple[float, float, float]:
        """Documents a second over all workers, documents a second of processor time, peak megabytes of the largest."""
        started = time.perf_counter()
        for pipe in self._pipes:
            pipe.send(method)
        answers = [pipe.recv() for pipe in self._pipes]
        seconds = time.perf_counter() - started
        total = sum(count for count, _, _ in answers)
        return total / seconds, total / sum(busy for _, busy, _ in answers), max(peak for _, _, peak in answers)

    def close(self) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join()


def run(count: int, rounds: int) -> dict[str, Any]:
    """Both methods on one core and on two; returns what is written to parse.json."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        zips = documents(Path(name), count)
        size = sum(path.stat().st_size for path in zips)
        rates: dict[tuple[str, int], list[float]] = {}
        busy: dict[tuple[str, int], list[float]] = {}
        # the peak of one zip of 4,000 in a process that has done nothing else
        alone = Workers(cores[:1], zips[:1])
        _, _, peak = alone.run("ours")
        alone.close()
        settings = [Workers(cores[:1], zips)] + ([Workers(cores[:2], zips)] if len(cores) > 1 else [])
        try:
            for workers in settings:  # caches and memory as they are when the work has been going on for a while
                for method in METHODS:
                    workers.run(method)
            for number in range(rounds):
                for workers, used in zip(settings, (1, 2), strict=False):
                    for method in list(METHODS)[:: 1 if number % 2 else -1]:
                        rate, rate_busy, _ = workers.run(method)
                        rates.setdefault((method, used), []).append(rate)
                        busy.setdefault((method, used), []).append(rate_busy)
                shown = ", ".join(
                    f"{method} on {used}: {values[-1]:,.0f}/s" for (method, used), values in rates.items()
                )
                print(f"  round {number + 1}: {shown}")
        finally:
            for workers in settings:
                workers.close()
    results = []
    for (method, used), values in sorted(rates.items(), key=lambda one: (one[0][1], one[0][0])):
        ratio = statistics.median(a / b for a, b in zip(values, rates["bare lxml", used], strict=True))
        rounded = [round(value) for value in values]
        results.append(Result(method, used, count * used, round(statistics.median(values)), round(ratio, 3), rounded))
    one_core = next(one.ratio_to_lxml for one in results if one.method == "ours" and one.cores == 1)
    by_processor = statistics.median(
        mine / theirs for mine, theirs in zip(busy["ours", 1], busy["bare lxml", 1], strict=True)
    )
    scaling = None
    if len(cores) > 1:
        pairs = zip(rates["ours", 2], rates["ours", 1], strict=True)
        scaling = round(statistics.median(two / one for two, one in pairs), 3)
    passed = one_core >= BAR_ONE_CORE and peak < BAR_MEGABYTES and (scaling is None or scaling >= BAR_TWO_CORES)
    return {
        "workload": "parse",
        "documents": count,
        "zips": len(zips),
        "megabytes": round(size / 1e6, 1),
        "bars": {"ratio_to_lxml": BAR_ONE_CORE, "two_cores": BAR_TWO_CORES, "peak_megabytes": BAR_MEGABYTES},
        "ratio_to_lxml": one_core,
        "ratio_to_lxml_by_processor_time": round(by_processor, 3),
        "two_cores": scaling,
        "peak_megabytes": round(peak),
        "passed": passed,
        "results": [asdict(one) for one in results],
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_before": round(load_before, 1),
            "libxml2": ".".join(map(str, etree.LIBXML_VERSION)),
            **{name: importlib.metadata.version(name) for name in ("lxml", "pyarrow")},
        },
        "run_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def as_markdown(report: dict[str, Any]) -> str:
    """The table of a report, for people."""
    machine, bars = report["machine"], report["bars"]
    lines = [
        "# Parsing",
        "",
        f"{report['documents']:,} synthetic documents in {report['zips']} zips ({report['megabytes']} MB packed), "
        f"{machine['cores']} cores, load average before the run {machine['load_before']}, {report['run_at']}. "
        "Median of the rounds; ratios are taken within a round.",
        "",
        "| method | cores | documents/s | × of bare lxml |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {one['method']} | {one['cores']} | {one['documents_per_second']:,} | {one['ratio_to_lxml']:.2f} |"
        for one in report["results"]
    ]
    verdict = "reached" if report["passed"] else "NOT reached"
    two = "not measured, one core" if report["two_cores"] is None else f"{report['two_cores']:.2f} times one"
    lines += [
        "",
        f"On one core {report['ratio_to_lxml']:.2f} of bare lxml (bar {bars['ratio_to_lxml']}), by processor time "
        f"{report['ratio_to_lxml_by_processor_time']:.2f}; on two cores {two} (bar {bars['two_cores']}); peak memory "
        f"of a worker on a zip of 4,000 documents {report['peak_megabytes']} MB (bar {bars['peak_megabytes']}): "
        f"{verdict}. Bare lxml unpacks and parses and looks at nothing; ours also bounds what comes out of the zip, "
        "refuses hostile XML, cleans, checks and hashes every row.",
        "",
    ]
    return "\n".join(lines)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--documents", type=int, default=2 * ZIP_DOCUMENTS, help="documents to parse")


def main(chosen: argparse.Namespace) -> int:
    report = run(chosen.documents, chosen.rounds)
    chosen.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    (chosen.results / "parse.json").write_text(text, encoding="utf-8")
    words = as_markdown(report)
    (chosen.results / "parse.md").write_text(words, encoding="utf-8")
    print(words)
    return 0 if report["passed"] else 1
