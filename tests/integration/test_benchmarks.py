"""The benchmark still runs from end to end; what it measures is for `make bench` on a quiet machine."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_loading_benchmark_runs_and_writes_its_results(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "benchmarks",
        "--only",
        "load",
        "--rows",
        "20000",
        "--rounds",
        "1",
        "--no-peers",
        "--results",
        str(tmp_path),
    ]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=240, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode in (0, 1), done.stderr
    report = json.loads((tmp_path / "load.json").read_text(encoding="utf-8"))
    assert [one["rows"] for one in report["results"]] == [20_000, 20_000]
    assert report["columns"] == 20
    assert "| ours" in (tmp_path / "load.md").read_text(encoding="utf-8")


def test_the_parsing_benchmark_runs_and_writes_its_results(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks", "--only", "parse", "--documents", "600", "--rounds", "1"]
    done = subprocess.run(
        [*words, "--results", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode in (0, 1), done.stderr
    report = json.loads((tmp_path / "parse.json").read_text(encoding="utf-8"))
    assert {(one["method"], one["documents"] // one["cores"]) for one in report["results"]} == {
        ("bare lxml", 600),
        ("ours", 600),
    }
    assert 0 < report["peak_megabytes"] < 1024
    assert "| ours |" in (tmp_path / "parse.md").read_text(encoding="utf-8")
