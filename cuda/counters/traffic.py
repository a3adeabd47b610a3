#!/usr/bin/env python3
"""docs/results/traffic.md: what `attnlab traffic` predicts for large problems beside what an H200 counted.

usage: traffic.py ATTNLAB > docs/results/traffic.md
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


about, rows = table("h200_large.csv")
_, again = table("h200_large_again.csv")
# Of an SM: resident blocks, by registers and shared memory of h200.csv's launches, and what they leave as L1.
RESIDENT = {("flash2-04", "64"): (3, "124k"), ("flash2-04", "128"): (4, "28k"), ("flash2-05", "128"): (1, "156k")}


def predicted(row, resident, l1):
    command = [sys.argv[1], "traffic", "--algorithm", "flash2", "--br", row["br"], "--bc", "16", "--dtype", row["dtype"],
               "--heads", row["heads"], "--seqlen", row["seqlen"], "--dim", row["head_dim"], "--gpu", "h200", "--json",
               "--resident-blocks", str(resident), "--l1", l1] + (["--causal"] if row["causal"] == "1" else [])
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def off(model, measured):
    return f"{100 * (model / measured - 1):+.1f} %"


def mb(n):
    return f"{n / 1e6:,.1f} MB"


def fetched(row):
    return 32 * int(row["l1tex__m_xbar2l1tex_read_sectors.sum"])


print("<!-- Made by cuda/counters/traffic.py; do not edit. -->")
print("# Large problems: `attnlab traffic` and an H200\n")
print(f"Tiles replayed without arithmetic, beside one launch of the rung under Nsight Compute ({about['gpu']}, {about['date']}, "
      f"CUDA {about['nvcc']}, ncu {about['ncu'].split(',')[0]}). DRAM writes: what the model writes, and what it leaves dirty in "
      "the L2; the GPU's count lies between.\n")
print("| kernel | problem | DRAM read, model | H200 | | DRAM written, model | + dirty | H200 | L2 to SM, model | H200 | |")
print("|---|---|---|---|---|---|---|---|---|---|---|")
shared = []
for row in rows:
    resident, l1 = RESIDENT[row["kernel"], row["head_dim"]]
    model = predicted(row, resident, "0")
    read, written = int(row["dram__bytes_read.sum"]), int(row["dram__bytes_write.sum"])
    problem = (f"{row['heads']} heads, N {row['seqlen']}, d {row['head_dim']}, {row['dtype']}"
               f"{', causal' if row['causal'] == '1' else ''}")
    print(f"| {row['kernel']} | {problem} | {mb(model['dram_read_bytes'])} | {mb(read)} | "
          f"{off(model['dram_read_bytes'], read)} | {mb(model['dram_write_bytes'])} | {mb(model['dram_dirty_left_bytes'])} | "
          f"{mb(written)} | {mb(model['l2_to_sm_bytes'])} | {mb(fetched(row))} | {off(model['l2_to_sm_bytes'], fetched(row))} |")
    if resident > 1:
        same = [r for r in again if all(r[c] == row[c] for c in ("kernel", "dtype", "heads", "seqlen", "head_dim", "causal"))]
        with_l1 = mb(predicted(row, resident, l1)["l2_to_sm_bytes"]) if model["l2_to_sm_bytes"] < 5e10 else "not run: minutes"
        shared.append((row, problem, model, with_l1, [fetched(r) for r in [row, *same]]))

print("""
## Blocks that share an L1

Resident blocks of one head that keep together find part of K and V in their SM's L1. Which blocks do, chance decides, and
launches of one kernel on one H200 lie as far apart as `h200_large_again.csv` says. On paper: rung 04 has 3 resident blocks an SM with
d 64 (141 to 183 registers, 43 and 50 KB of shared memory) and 4 with d 128. Neighbours on an SM are 132 blocks apart; a head is 32 blocks
at N 4096, 128 at N 16384 with d 64, and 256 with d 128. So with d 64 blocks that start together belong to different heads, and
share nothing until some have drifted; with d 128 they are pairs of a head from the start, half of the traffic, and where two pairs
meet, a quarter. Times of all blocks, taken on the H200, show just that: pairs end within a microsecond of one another, after 16,290.

With `--l1` the replay lets a block that finds its data in L1 catch up (`simulator/memory/waves.h`). It then finds too many such pairs at
N 16384: its blocks drift by more than the H200's, whose arithmetic takes all of them equally long. So `traffic` leaves the L1 out unless
it is asked: what it says is then what the tiles cost, and the most that a GPU can move.

| kernel | problem | asked | with `--l1` | H200, launches | least | most |
|---|---|---|---|---|---|---|""")
for row, problem, model, with_l1, counts in shared:
    print(f"| {row['kernel']} | {problem} | {mb(model['l2_to_sm_bytes'])} | {with_l1} | {len(counts)} | "
          f"{mb(min(counts))} | {mb(max(counts))} |")
