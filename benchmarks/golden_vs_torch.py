#!/usr/bin/env python3
"""Golden values, bare double products and PyTorch's float64 attention on the CPU, in one run.

    python3 benchmarks/golden_vs_torch.py BUILD/benchmarks/oracle_bench docs/results/oracle_speed.md

Needs PyTorch (a CPU build will do). Batch 1, 16 heads, N 4096, d 128, 2 threads; programs take turns, the best
of each counts.
"""
import json
import subprocess
import sys
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

HEADS, N, D, ROUNDS = 16, 4096, 128, 2


def ours(program):
    """Milliseconds of oracle_bench's rows at this shape."""
    shape = f"{HEADS}/{N}/{D}"
    out = subprocess.run([program, f"--benchmark_filter={shape}", "--benchmark_format=json"], check=True,
                         capture_output=True, text=True).stdout
    return {row["name"].split("/")[0]: row["real_time"] for row in json.loads(out)["benchmarks"]}


def theirs():
    torch.set_num_threads(2)
    torch.manual_seed(1)
    q, k, v = (torch.randn(1, HEADS, N, D, dtype=torch.float64) for _ in range(3))
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        start = time.perf_counter()
        torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return 1e3 * (time.perf_counter() - start)


def main(program, page):
    best = {}
    for _ in range(ROUNDS):
        for name, ms in {**ours(program), "torch": theirs()}.items():
            best[name] = min(ms, best.get(name, ms))
    flops = 4 * HEADS * N * N * D
    rows = [("products", "Eigen's double products of the same operations, N x N x d whole"),
            ("golden", "`golden()`"), ("check", "`check()`, bf16 class: golden values, budget, comparison"),
            ("torch", f"PyTorch {torch.__version__}, `scaled_dot_product_attention`, math backend, float64")]
    with open(page, "w") as out:
        out.write("# Speed of golden values\n\nWritten by `benchmarks/golden_vs_torch.py`: batch 1, "
                  f"{HEADS} heads, N {N}, d {D}, float64, 2 threads, one run, the best of {ROUNDS}.\n\n"
                  "| | ms | GFLOP/s | over the products' time |\n|---|---:|---:|---:|\n")
        for name, what in rows:
            ms = best[name]
            out.write(f"| {what} | {ms:.0f} | {flops / ms / 1e6:.1f} | {ms / best['products']:.2f} |\n")
        out.write(f"\nGolden values reach {100 * best['products'] / best['golden']:.0f} % of the bare products' rate, take "
                  f"{best['golden'] / best['torch']:.2f} of PyTorch's time, and a check takes "
                  f"{best['check'] / best['golden']:.2f} times as long as they do.\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
