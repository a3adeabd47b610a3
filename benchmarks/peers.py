#!/usr/bin/env python3
"""PyTorch's attention through attnlab's oracle: each backend of scaled_dot_product_attention and FlexAttention, in
fp16 and bf16, forward and backward, through the battery, and through the check on a few problems of real sizes.

    PYTHONPATH=<folder of python/portable.sh> python3 benchmarks/peers.py --out results

writes results/peers.md and results/peers.json. It needs PyTorch 2.5 or newer and a GPU; with --device cpu it runs those
backends that PyTorch has there. Each backend and type is a process of its own: one that brings the GPU's context down
does not take the others along. Exit code 0 also where backends are wrong: that is what it is to find out.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

BACKENDS = {
    "flash": "FLASH_ATTENTION",
    "cudnn": "CUDNN_ATTENTION",
    "efficient": "EFFICIENT_ATTENTION",
    "math": "MATH",
    "flex": None,  # torch.nn.attention.flex_attention, compiled
}
DTYPES = {"fp16": "float16", "bf16": "bfloat16"}

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


def checked(kernel, problem, dtype, device):
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
        *leaves, out, causal=causal, rows="all" if backward else "sample:512", rules=queries <= 1024, **tensors
    )
    return {"problem": described(problem), "seconds": time.perf_counter() - start, "text": str(verdict)} | json.loads(
        verdict.json()
    )


def examined(backend, dtype, device, time_limit, problems):
    """Everything about one backend and type, as JSON."""
    import torch

    import attnlab

    kernel = kernel_of(backend, device)
    result = {"backend": backend, "dtype": dtype, "torch": torch.__version__}
    result["gpu"] = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    for name, backward in (("forward", False), ("backward", True)):
        # Known differences of meaning are left out, so that what is found is arithmetic: O of empty rows, hidden NaN.
        report = attnlab.battery(
            kernel,
            framework="torch",
            device=device,
            dtypes=[dtype],
            head_dims=[64, 128],
            backward=backward,
            empty=False,
            hidden_nan=False,
            time_limit=time_limit,
        )
        result[name] = {"text": str(report)} | json.loads(report.json())
        result[name] |= {
            "ok": bool(report),
            "cases": report.run,
            "left": report.skipped,
            "hardest_case": report.hardest,
        }
        result[name] |= {"error_over_budget": report.max_error_over_budget}
        result[name] |= {"found": [f"{f.problem}: {f.check}: {f.what}" for f in report.failures]}
    result["problems"] = [checked(kernel, problem, dtype, device) for problem in PROBLEMS[:problems]]
    return result


def table(results):
    lines = [
        "| backend | type | pass | battery | cases | declined | error / budget | first finding |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        start = f"| {result['backend']} | {result['dtype']} |"
        if "failed" in result:
            lines.append(f"{start} | did not run | | | | {result['failed']} |")
            continue
        for name in ("forward", "backward"):
            r = result[name]
            said = "right" if r["ok"] else "no case" if not r["cases"] else "wrong"
            first = r["found"][0] if r["found"] else ""
            lines.append(
                f"{start} {name} | {said} | {r['cases']} | {r['left']} | {r['error_over_budget']:.3g} | {first} |"
            )
    lines += ["", "| backend | type | problem | check | error / budget | diagnosis |", "|---|---|---|---|---|---|"]
    for result in results:
        for p in result.get("problems", []):
            said = p.get("verdict") or ("declined" if "skipped" in p else "failed")
            what = p.get("skipped") or p.get("error") or ", ".join(d["mistake"] for d in p.get("diagnosis", []))
            ratio = p.get("max_error_over_budget")
            shown = f"{ratio:.3g}" if isinstance(ratio, float) else ratio or ""
            lines.append(f"| {result['backend']} | {result['dtype']} | {p['problem']} | {said} | {shown} | {what} |")
    return "\n".join(lines) + "\n"


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
    options = parser.parse_args()
    if options.one:
        print("\n" + json.dumps(examined(*options.one, options.device, options.time_limit, options.problems)))
        return
    for name, known in (("backends", BACKENDS), ("dtypes", DTYPES)):
        for word in getattr(options, name).split(","):
            if word not in known:
                parser.error(f"--{name}: got {word}, expected {', '.join(known)}")
    options.out.mkdir(parents=True, exist_ok=True)
    results = []
    for backend in options.backends.split(","):
        for dtype in options.dtypes.split(","):
            command = [sys.executable, __file__, "--one", backend, dtype, "--device", options.device]
            command += ["--time-limit", str(options.time_limit), "--problems", str(options.problems)]
            print(f"peers: {backend} {dtype}", file=sys.stderr, flush=True)
            try:
                run = subprocess.run(command, capture_output=True, text=True, timeout=8 * options.time_limit + 180)
                last = run.stdout.strip().splitlines()[-1:] or [""]
                failed = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
                results.append(
                    json.loads(last[0])
                    if run.returncode == 0
                    else {"backend": backend, "dtype": dtype, "failed": failed}
                )
            except subprocess.TimeoutExpired:
                results.append({"backend": backend, "dtype": dtype, "failed": "took too long"})
            # After each: what there is survives a machine that is taken away.
            (options.out / "peers.json").write_text(json.dumps(results, indent=1) + "\n")
            (options.out / "peers.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
