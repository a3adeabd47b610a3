#!/usr/bin/env python3
"""The tables of docs/results/traffic.md: what `attnlab traffic` predicts for large problems beside what an H200 counted.

usage: traffic.py ATTNLAB
"""
import csv
import json
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).parent


def table(name):
    lines = (here / name).read_text().splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
    return about, list(csv.DictReader(line for line in lines if not line.startswith("#")))


about, launches = table("h200_large.csv")
PROBLEM = ("kernel", "dtype", "heads", "seqlen", "head_dim", "causal", "br")
# Resident blocks of an SM, by registers and shared memory of h200.csv's launches.
RESIDENT = {("flash2-04", "64"): 3, ("flash2-04", "128"): 4, ("flash2-05", "128"): 1}


def predicted(row):
    command = [sys.argv[1], "traffic", "--algorithm", "flash2", "--br", row["br"], "--bc", "16", "--dtype", row["dtype"],
               "--heads", row["heads"], "--seqlen", row["seqlen"], "--dim", row["head_dim"], "--gpu", "h200", "--json",
               "--resident-blocks", str(RESIDENT[row["kernel"], row["head_dim"]]), "--l1", "0"]
    command += ["--causal"] if row["causal"] == "1" else []
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def mb(n):
    return f"{n / 1e6:,.1f} MB"


def measured(same, counter, unit=1):
    """The mean of the launches, and how far they lie apart."""
    counts = [unit * int(row[counter]) for row in same]
    mean = sum(counts) / len(counts)
    apart = (max(counts) - min(counts)) / mean
    return mean, mb(mean) + (f" (launches {100 * apart:.0f} % apart)" if apart > 0.02 else "")


def off(model, mean):
    return f"{100 * (model / mean - 1):+.1f} %"


print("## setup\n")
print("| GPU | date | CUDA | Nsight Compute |\n|---|---|---|---|")
print(f"| {about['gpu']} | {about['date']} | {about['nvcc']} | {about['ncu'].split(',')[0]} |\n")
print("## large problems\n")
print("| kernel | problem | DRAM read, model | H200 | | DRAM written, model | + dirty | H200 | L2 to SM, model | H200 | |")
print("|---|---|---|---|---|---|---|---|---|---|---|")
for key in dict.fromkeys(tuple(row[c] for c in PROBLEM) for row in launches):
    same = [row for row in launches if tuple(row[c] for c in PROBLEM) == key]
    row = same[0]
    model = predicted(row)
    read, read_text = measured(same, "dram__bytes_read.sum")
    _, written_text = measured(same, "dram__bytes_write.sum")
    fetched, fetched_text = measured(same, "l1tex__m_xbar2l1tex_read_sectors.sum", 32)
    problem = (f"{row['heads']} heads, N {row['seqlen']}, d {row['head_dim']}, {row['dtype']}"
               f"{', causal' if row['causal'] == '1' else ''}")
    print(f"| {row['kernel']} | {problem} | {mb(model['dram_read_bytes'])} | {read_text} | "
          f"{off(model['dram_read_bytes'], read)} | {mb(model['dram_write_bytes'])} | {mb(model['dram_dirty_left_bytes'])} | "
          f"{written_text} | {mb(model['l2_to_sm_bytes'])} | {fetched_text} | {off(model['l2_to_sm_bytes'], fetched)} |")
