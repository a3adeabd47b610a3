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
lines = (here / "h200_large.csv").read_text().splitlines()
about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))


def predicted(row, resident):
    command = [sys.argv[1], "traffic", "--algorithm", "flash2", "--br", row["br"], "--bc", "16", "--dtype", row["dtype"],
               "--heads", row["heads"], "--seqlen", row["seqlen"], "--dim", row["head_dim"], "--gpu", "h200", "--json",
               "--resident-blocks", str(resident)] + (["--causal"] if row["causal"] == "1" else [])
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def off(model, measured):
    return f"{100 * (model / measured - 1):+.1f} %"


print("<!-- Made by cuda/counters/traffic.py; do not edit. -->")
print("# Large problems: `attnlab traffic` and an H200\n")
print(f"Tiles replayed without arithmetic, beside one launch of the rung under Nsight Compute ({about['gpu']}, {about['date']}, "
      f"CUDA {about['nvcc']}, ncu {about['ncu'].split(',')[0]}). The replay leaves the L1 out (its default): where several resident "
      "blocks of a head run in step, the H200 finds part of K and V in L1, and fetches less from L2 than the replay says. "
      "With `--l1` the replay finds little more there (2 % less for rung 04 with d 128): its blocks drift apart, while "
      "on the GPU the one that finds its data in L1 catches up with the one that waits for L2.\n")
print("DRAM writes: what the model writes, and what it leaves dirty in the L2; the GPU's count lies between.\n")
print("| kernel | problem | DRAM read, model | H200 | | DRAM written, model | + dirty | H200 | L2 to SM, model | H200 | |")
print("|---|---|---|---|---|---|---|---|---|---|---|")
for row in rows:
    blocks = {"flash2-05": 1}.get(row["kernel"], 2 if row["head_dim"] == "64" else 4)
    model = predicted(row, blocks)
    read, written = int(row["dram__bytes_read.sum"]), int(row["dram__bytes_write.sum"])
    fetched = 32 * int(row["l1tex__m_xbar2l1tex_read_sectors.sum"])
    mb = lambda n: f"{n / 1e6:,.1f} MB"
    print(f"| {row['kernel']} | {row['heads']} heads, N {row['seqlen']}, d {row['head_dim']}, {row['dtype']}"
          f"{', causal' if row['causal'] == '1' else ''} | {mb(model['dram_read_bytes'])} | {mb(read)} | "
          f"{off(model['dram_read_bytes'], read)} | {mb(model['dram_write_bytes'])} | {mb(model['dram_dirty_left_bytes'])} | "
          f"{mb(written)} | {mb(model['l2_to_sm_bytes'])} | {mb(fetched)} | {off(model['l2_to_sm_bytes'], fetched)} |")
