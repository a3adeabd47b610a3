#!/usr/bin/env python3
"""Prints launches and what Nsight Compute counted of each: the launch's line, and the counters behind it.

usage: counted.py LAUNCHES NCU_CSV METRIC[,METRIC...]

LAUNCHES: one line per launch, in order, with commas in it; other lines are the profiler's, or for a reader.
"""

import sys

from table import number, profiled


def main():
    launches, ncu, metrics = sys.argv[1:]
    with open(launches, encoding="utf-8") as lines:
        which = [line.strip() for line in lines if "," in line and not line.startswith("==")]
    _, rows = profiled(ncu)
    if len(which) != len(rows):
        sys.exit(f"{len(which)} launches, but {len(rows)} rows of the profiler")
    for launch, row in zip(which, rows):
        print(",".join([launch] + [number(row[metric]) for metric in metrics.split(",")]))


if __name__ == "__main__":
    main()
