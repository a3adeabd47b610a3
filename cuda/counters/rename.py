#!/usr/bin/env python3
"""Brings a table of measurements that was made before the kernels were numbered by family to today's names.

usage: rename.py OLD.csv > NEW.csv

Kernels are numbered within their family. Where a kernel gets another name, its old one is added here, and no table is
measured again.
"""

import csv
import sys

RENAMED = {
    "flash1-backward-06": "flash1-backward-01",
    "flash2-backward-07": "flash2-backward-02",
    "flash2-backward-deterministic-07": "flash2-backward-deterministic-02",
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    with open(sys.argv[1], newline="") as file:
        lines = file.readlines()
    about = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    if not rows or "kernel" not in rows[0]:
        sys.exit(f"{sys.argv[1]}: has no column kernel")
    column = rows[0].index("kernel")
    for row in rows[1:]:
        row[column] = RENAMED.get(row[column], row[column])
    sys.stdout.writelines(about)
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
