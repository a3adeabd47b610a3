#!/usr/bin/env python3
"""PyTorch's attention through attnlab's oracle: each backend of scaled_dot_product_attention and FlexAttention, in
fp16 and bf16, forward and backward, through the battery, and through the check on a few problems of real sizes.

    PYTHONPATH=build/release/python python3 benchmarks/peers.py --out docs/results

writes peers.md (docs/results/peers.md is one such page) and, with everything that was seen, peers.json. It needs
PyTorch 2.5 or newer and a GPU; with --device cpu it runs those backends that PyTorch has there. Each backend and type is
a process of its own: one that brings the GPU's context down does not take the others along. Exit code 0 also where
backends are wrong: that is what it is to find out.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from peers_page import page

BACKENDS = {
    "flash": "FLASH_ATTENTION",
    "cudnn": "CUDNN_ATTENTION",
    "efficient": "EFFICIENT_ATTENTION",
    "math": "MATH",
    "flex": None,  # torch.nn.attention.flex_attention, compiled
}
DTYPES = {"fp16": "float16", "bf16": "bfloat16"}
# What the battery is not to ask of a backend, beside what all of them mean otherwise: O of empty rows, hidden NaN,
# is_causal with unequal lengths. What is found is then arithmetic.
LEFT_OUT = {"efficient": {"gqa": False}}
COMMON = {"empty": False, "hidden_nan": False}
SLICES = {"flex": 3}  # so many time limits: it is compiled anew for most cases

# batch, heads, heads of K and V, queries, keys, dim, causal. Gradients are checked up to 2048 tokens.
PROBLEMS = [
    (2, 16, 16, 1024, 1024, 64, False),
    (1, 16, 16, 2048, 2048, 128, True),
    (1, 32, 8, 2048, 2048, 128, True),
    (4, 8, 8, 1, 4096, 128, False),
    (1, 8, 8, 8192, 8192, 128, True),
]


def scaled_dot_product(backend):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention

    import attnlab

    def kernel(q, k, v, *, causal, softmax_scale):
        if causal and q.shape[2] != k.shape[2]:
            raise attnlab.Unsupported("is_causal is aligned to the upper left")
        try:
            with sdpa_kernel(getattr(SDPBackend, backend)):
                return scaled_dot_product_attention(
                    q, k, v, is_causal=causal, scale=softmax_scale, enable_gqa=q.shape[1] != k.shape[1]
                )
        except RuntimeError as error:
            if "No available kernel" in str(error) or "No viable backend" in str(error):
                raise attnlab.Unsupported(f"{backend} does not take this problem") from error
            raise

    torch.backends.cuda.matmul.allow_tf32 = False
    return kernel


def flex(device):
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    torch._dynamo.config.recompile_limit = 10_000
    torch._dynamo.config.accumulated_recompile_limit = 10_000
    compiled = torch.compile(flex_attention, dynamic=True)

    def kernel(q, k, v, *, causal, softmax_scale):
        queries, keys = q.shape[2], k.shape[2]

        def sees(b, h, i, j):
            return j <= i + (keys - queries)

        mask = create_block_mask(sees, None, None, queries, keys, device=device) if causal else None
        return compiled(q, k, v, block_mask=mask, scale=softmax_scale, enable_gqa=q.shape[1] != k.shape[1])

    return kernel


def kernel_of(backend, device):
    return flex(device) if BACKENDS[backend] is None else scaled_dot_product(BACKENDS[backend])


def described(problem):
    batch, heads, kv_heads, queries, keys, dim, causal = problem
    return f"b {batch}, h {heads}/{kv_heads}, q {queries}, kv {keys}, d {dim}{', causal' if causal else ''}"


def checked(kernel, problem, dtype, device, threads):
    """One problem of a real size: normal data, all rows with gradients or a sample of rows without."""
    import torch

    import attnlab

    batch, heads, kv_heads, queries, keys, dim, causal = problem
    torch.manual_seed(1)
    kind = getattr(torch, DTYPES[dtype])
    q, dout = (torch.randn(batch, heads, queries, dim, dtype=kind, device=device) for _ in range(2))
    k, v = (torch.randn(batch, kv_heads, keys, dim, dtype=kind, device=device) for _ in range(2))
    backward = keys <= 2048
    leaves = [x.requires_grad_(backward) for x in (q, k, v)]
    try:
        out = kernel(*leaves, causal=causal, softmax_scale=dim**-0.5)
        gradients = torch.autograd.grad(out, leaves, dout) if backward else ()
    except attnlab.Unsupported as why:
        return {"problem": described(problem), "skipped": str(why)}
    except Exception as error:
        return {"problem": described(problem), "error": f"{type(error).__name__}: {error}".splitlines()[0]}
    tensors = dict(zip(("dq", "dk", "dv"), gradients)) | ({"dout": dout} if backward else {})
    start = time.perf_counter()
    verdict = attnlab.check(
        *leaves, out, causal=causal, rows="all" if backward else "sample:512", threads=threads, **tensors
    )
    return {"problem": described(problem), "seconds": time.perf_counter() - start, "text": str(verdict)} | json.loads(
        verdict.json()
    )


def summed_by_rounded_parts(kernel, dtype, device):
    """With grouped heads: the share of elements of dK and dV that are, to the bit, the sum of what every query head
    alone makes of them, each rounded to the type. None where the backend does not take the problem."""
    import torch

    import attnlab

    torch.manual_seed(2)
    kind, batch, heads, kv_heads, rows, dim = getattr(torch, DTYPES[dtype]), 2, 8, 2, 300, 64
    q, dout = (torch.randn(batch, heads, rows, dim, dtype=kind, device=device) for _ in range(2))
    k, v = (torch.randn(batch, kv_heads, rows, dim, dtype=kind, device=device) for _ in range(2))

    def gradients(*leaves):
        leaves = [x.detach().requires_grad_() for x in leaves]
        return torch.autograd.grad(kernel(q, *leaves, causal=True, softmax_scale=dim**-0.5), leaves, dout)

    try:
        grouped = gradients(k, v)
        alone = gradients(*(x.repeat_interleave(heads // kv_heads, dim=1) for x in (k, v)))
    except attnlab.Unsupported:
        return None
    equal = []
    for sums, parts in zip(grouped, alone):
        added = parts.unflatten(1, (kv_heads, heads // kv_heads)).float().sum(2).to(kind)
        equal.append((sums == added).float().mean().item())
    return equal


def examined(backend, dtype, device, time_limit, problems, threads):
    """Everything about one backend and type, as JSON."""
    import torch

    import attnlab

    kernel = kernel_of(backend, device)
    result = {"backend": backend, "dtype": dtype, "torch": torch.__version__, "python": platform.python_version()}
    result["gpu"] = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    result["cuda"], result["cudnn"] = torch.version.cuda, torch.backends.cudnn.version()
    result["summed_by_rounded_parts"] = summed_by_rounded_parts(kernel, dtype, device)
    for name, backward in (("forward", False), ("backward", True)):
        report = attnlab.battery(
            kernel,
            framework="torch",
            device=device,
            dtypes=[dtype],
            head_dims=[64, 128],
            backward=backward,
            time_limit=time_limit * SLICES.get(backend, 1),
            threads=threads,
            **COMMON,
            **LEFT_OUT.get(backend, {}),
        )
        result[name] = {"text": str(report)} | json.loads(report.json())
        result[name] |= {
            "ok": bool(report),
            "cases": report.run,
            "left": report.skipped,
            "planned": report.planned,
            "hardest_case": report.hardest,
            "error_over_budget": report.max_error_over_budget,
            "found": [f"{f.problem}: {f.check}: {f.what}" for f in report.failures],
            "declined": report.left_out,
        }
    result["problems"] = [checked(kernel, problem, dtype, device, threads) for problem in PROBLEMS[:problems]]
    return result


def golden_values():
    """Golden values by the processors and by the GPU, forward and backward: seconds (the best of 2) and the largest
    difference of a number, relative to the largest of its tensor. None where there is no GPU, or no build for one."""
    import numpy as np

    import attnlab

    draw = np.random.default_rng(3).standard_normal
    q, k, v, dout = (draw((1, 16, 4096, 128)).astype(np.float16) for _ in range(4))
    rows = []
    for name, given in (("forward", {}), ("forward and backward", {"dout": dout})):
        seconds, results = {}, {}
        for who in ("cpu", "gpu"):
            for _ in range(2):
                start = time.perf_counter()
                try:
                    results[who] = attnlab.attention(q, k, v, causal=True, golden=who, **given)
                except ValueError:
                    return None
                seconds[who] = min(time.perf_counter() - start, seconds.get(who, math.inf))
        difference = max(
            np.abs(here - there).max() / np.abs(here).max() for here, there in zip(results["cpu"], results["gpu"])
        )
        rows.append({"what": name, "seconds": seconds, "difference": float(difference)})
    return {"cores": len(os.sched_getaffinity(0)), "rows": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for peers.md and peers.json [out]")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backends", default=",".join(BACKENDS), help="separated by commas")
    parser.add_argument("--dtypes", default=",".join(DTYPES), help="separated by commas")
    parser.add_argument("--time-limit", type=float, default=15, help="seconds for each battery [15]")
    parser.add_argument(
        "--problems", type=int, default=len(PROBLEMS), help="so many of the problems of real sizes [all]"
    )
    parser.add_argument("--one", nargs=2, metavar=("BACKEND", "TYPE"), help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=1, help="backends at a time, which share the processors [1]")
    parser.add_argument("--threads", type=int, default=0, help="of each [one a core]")
    options = parser.parse_args()
    if options.one:
        examine = examined(*options.one, options.device, options.time_limit, options.problems, options.threads)
        print("\n" + json.dumps(examine))
        return
    for name, known in (("backends", BACKENDS), ("dtypes", DTYPES)):
        for word in getattr(options, name).split(","):
            if word not in known:
                parser.error(f"--{name}: got {word}, expected {', '.join(known)}")
    options.out.mkdir(parents=True, exist_ok=True)
    pairs = [(b, d) for b in options.backends.split(",") for d in options.dtypes.split(",")]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(in_a_process, *pair, options): pair for pair in pairs}
        for done in concurrent.futures.as_completed(running):
            results[running[done]] = done.result()
            # After each: what there is survives a machine that is taken away.
            so_far = [results[pair] for pair in pairs if pair in results]
            (options.out / "peers.json").write_text(json.dumps(so_far, indent=1) + "\n")
            (options.out / "peers.md").write_text(page(so_far, options))
    if options.device == "cuda":
        (options.out / "peers.md").write_text(page(so_far, options, golden_values()))


def in_a_process(backend, dtype, options):
    """What examined() says of this backend and type, or why there is nothing."""
    command = [sys.executable, __file__, "--one", backend, dtype, "--device", options.device]
    command += ["--time-limit", str(options.time_limit), "--problems", str(options.problems)]
    command += ["--threads", str(options.threads)]
    print(f"peers: {backend} {dtype}", file=sys.stderr, flush=True)
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=8 * options.time_limit + 180)
    except subprocess.TimeoutExpired:
        return {"backend": backend, "dtype": dtype, "failed": "took too long"}
    if run.returncode != 0:
        why = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
        return {"backend": backend, "dtype": dtype, "failed": why}
    return json.loads(run.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
