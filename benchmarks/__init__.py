"""Benchmarks: each workload beside its peers, as ratios within one run. `python -m benchmarks`, or `make bench`."""
