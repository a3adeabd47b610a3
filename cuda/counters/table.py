#!/usr/bin/env python3
"""Joins the driver's announcements with Nsight Compute's raw CSV into one table, and prints the gist of it.

usage: table.py LAUNCHES NCU_CSV[,AGAIN...] CODE OUTPUT [comment ...]

CODE: a kernel's demangled signature and the address of its last instruction (hexadecimal) a line.

AGAIN: the same launches, DRAM reads alone. The least of them counts: a GPU reads up to 74 KB besides in 8 ms
and more, whatever runs (probe.cu, idle).

Nsight Compute's rows follow the launches' order; each announcement says how many kernels belong to it.
"""

import csv
import sys

PROBLEM = ["kernel", "kernels", "dtype", "batch", "heads", "kv_heads", "seqlen_q", "seqlen_kv", "head_dim", "causal"]

DRAM_READ = "dram__bytes_read.sum"

# Of the many that the profiler adds about a launch.
LAUNCH_METRICS = {"launch__registers_per_thread", "launch__shared_mem_per_block_static",
                  "launch__shared_mem_per_block_dynamic", "launch__shared_mem_per_block_driver",
                  "launch__shared_mem_config_size", "launch__occupancy_limit_blocks",
                  "launch__occupancy_limit_registers", "launch__occupancy_limit_shared_mem",
                  "launch__occupancy_limit_warps", "launch__waves_per_multiprocessor"}


def announcements(path):
    with open(path) as lines:
        for line in lines:
            if line.startswith("launch,"):
                yield dict(zip(PROBLEM, line.strip().split(",")[1:]))


def profiled(path):
    """The rows of the raw page: one dict per kernel."""
    with open(path, newline="") as file:
        lines = [line for line in file if line.startswith('"')]
    rows = list(csv.reader(lines))
    if not rows:
        sys.exit(f"{path}: no table")
    header, units, *data = rows
    return header, [dict(zip(header, row)) for row in data if len(row) == len(header)]


def number(text):
    text = text.replace(",", "")
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value == int(value) else text


def code_sizes(path):
    """Bytes of code by the name that the profiler gives a kernel."""
    sizes = {}
    with open(path) as lines:
        for line in lines:
            signature, last = line.rstrip("\n").rsplit("\t", 1)
            name = signature.split("(")[0].replace("attnlab::cuda::gpu::", "")
            sizes[name.replace("false", "0").replace("true", "1")] = int(last, 16) + 16
    return sizes


def main():
    launches, ncu, code, output, *comments = sys.argv[1:]
    sizes = code_sizes(code)
    ncu, *again = ncu.split(",")
    header, rows = profiled(ncu)
    for others in again:
        for row, other in zip(rows, profiled(others)[1], strict=True):
            if row["Kernel Name"] != other["Kernel Name"]:
                sys.exit(f"{others}: {other['Kernel Name']} where {ncu} has {row['Kernel Name']}")
            row[DRAM_READ] = min(row[DRAM_READ], other[DRAM_READ], key=lambda text: int(number(text)))
    metrics = sorted(name for name in header if name in LAUNCH_METRICS
                     or name.endswith(".sum") and not name.startswith("profiler__"))
    table = []
    at = 0
    for launch in announcements(launches):
        for step in range(int(launch["kernels"])):
            if at == len(rows):
                break
            row = rows[at]
            at += 1
            problem = [launch["kernel"], step] + [launch[name] for name in PROBLEM[2:]]
            table.append(problem + [row["Kernel Name"].split("(")[0], row["Grid Size"], row["Block Size"],
                                    sizes.get(row["Kernel Name"].split("(")[0], 0)]
                         + [number(row[name]) for name in metrics])
    columns = ["kernel", "step"] + PROBLEM[2:] + ["cuda_kernel", "grid", "block", "code_bytes"] + metrics
    with open(output, "w", newline="") as file:
        for comment in comments:
            file.write(f"# {comment}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(table)

    announced = sum(int(launch["kernels"]) for launch in announcements(launches))
    print(f"{len(rows)} kernels profiled, {announced} announced, {len(metrics)} metrics")
    shown = [("ld req", "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"),
             ("ld sect", "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"),
             ("st sect", "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"),
             ("L2->SM", "l1tex__m_xbar2l1tex_read_sectors.sum"),
             ("DRAM rd B", "dram__bytes_read.sum"), ("ns", "gpu__time_duration.sum")]
    shown = [(title, columns.index(name)) for title, name in shown if name in columns]
    print(f"{'kernel':34s} {'dtype':5s} {'N':>6s} {'d':>4s} c " + " ".join(f"{title:>12s}" for title, _ in shown))
    for row in table:
        label = f"{row[0]} {row[1]}"
        print(f"{label:34s} {row[2]:5s} {row[7]:>6s} {row[8]:>4s} {row[9]} "
              + " ".join(f"{row[index]:>12s}" for _, index in shown))
    if len(rows) != announced:
        sys.exit("the profiler's kernels and the announcements differ: the table's labels may be wrong")


if __name__ == "__main__":
    main()
