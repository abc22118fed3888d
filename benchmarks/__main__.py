"""Run every workload, or the one asked for; results go to `benchmarks/results`. Exit code 1 when a bar is missed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import load, parse

WORKLOADS = {"load": load, "parse": parse}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=list(WORKLOADS), help="one workload; else all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).parent / "results", help="folder for the results"
    )
    for workload in WORKLOADS.values():
        workload.add_options(parser)
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else list(WORKLOADS)
    return max(WORKLOADS[name].main(chosen) for name in names)


if __name__ == "__main__":
    sys.exit(main())
