"""Run every workload, on a Postgres of its own in a temporary folder; results go to `benchmarks/results`."""

from __future__ import annotations

import sys

from benchmarks import load

if __name__ == "__main__":
    sys.exit(load.main())
