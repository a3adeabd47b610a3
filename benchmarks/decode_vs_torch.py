#!/usr/bin/env python3
"""The decode kernels beside PyTorch's cuDNN and FlashAttention backends, on one GPU, in one run.

Every configuration is checked against PyTorch in float64, then timed as captured CUDA graphs: each graph goes once
through as many caches as it takes for L2 to be of no help, and the graphs take turns. Then a step of 32 layers, launched
call by call and as one graph. Prints tables and writes them to a CSV; --page writes docs/results/h200.md from them.

usage: decode_vs_torch.py [--library libdecode.so] [--csv FILE] [--page FILE] [--only TEXT] [--splits N] [--rounds N]
Without --library, cuda/bench/build.sh builds it into a temporary folder.
"""
import argparse
import contextlib
import csv
import ctypes
import datetime
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

DTYPES = {torch.float16: 2, torch.bfloat16: 3, torch.float8_e4m3fn: 4, torch.int8: 9}
ROTATED_BYTES = 600e6  # of caches that a graph reads in turn: 12 times an H200's L2


class Call(ctypes.Structure):  # AttnlabDecode
    _fields_ = (
        [(name, ctypes.c_void_p) for name in
         ("q", "k", "v", "o", "lse", "workspace", "lens_kv", "block_table", "k_scale", "v_scale")]
        + [(name, ctypes.c_longlong * 3) for name in
           ("q_strides", "k_strides", "v_strides", "o_strides", "scale_strides")]
        + [("block_table_stride", ctypes.c_longlong)]
        + [(name, ctypes.c_int) for name in
           ("type", "kv_type", "batch", "heads_q", "heads_kv", "seqlen_q", "seqlen_kv", "head_dim", "head_dim_v",
            "page_size", "scale_rows", "causal", "splits", "shared_kv", "multiprocessors")]
        + [("scale", ctypes.c_float)])


class Problem:
    """One decode step: its shape, and how its cache is stored."""

    def __init__(self, name, batch, seqlen, heads=32, kv_heads=8, dim=128, kernels=("grouped-02", "ring-03"),
                 dtype=torch.bfloat16, cache=None, page=0, tokens=1, latent=False, shared=0):
        self.name, self.batch, self.seqlen, self.heads, self.kv_heads = name, batch, seqlen, heads, kv_heads
        self.dim, self.dim_v = (576, 512) if latent else (dim, dim)
        self.kernels, self.dtype, self.cache = kernels, dtype, cache or dtype
        self.page, self.tokens, self.latent, self.shared = page, tokens, latent, shared

    def cache_bytes(self):
        """What must be read, once."""
        keys = self.batch * (self.seqlen - self.shared) + self.shared
        return keys * self.kv_heads * (self.dim if self.latent else 2 * self.dim) * self.cache.itemsize

    def flops(self):
        return 2 * self.batch * self.heads * self.tokens * self.seqlen * (self.dim + self.dim_v)


def problems():
    """Those of the goals, the largest last."""
    for batch, seqlen in ((1, 4096), (1, 32768), (16, 4096), (64, 4096), (64, 32768)):
        yield Problem(f"b{batch} n{seqlen}", batch, seqlen)
    for batch, seqlen in ((1, 32768), (64, 4096), (64, 32768)):
        yield Problem(f"b{batch} n{seqlen} pages of 16", batch, seqlen, page=16)
    yield Problem("b64 n4096 pages of 64", 64, 4096, page=64)
    yield Problem("b64 n4096 pages of 1", 64, 4096, page=1)
    for cache, name in ((torch.float8_e4m3fn, "e4m3"), (torch.int8, "int8")):
        for batch, seqlen in ((1, 32768), (64, 4096), (64, 32768)):
            yield Problem(f"b{batch} n{seqlen} {name}", batch, seqlen, cache=cache)
    yield Problem("b64 n4096 fp16 d64", 64, 4096, dim=64, dtype=torch.float16)
    yield Problem("b64 n4096 64/4 heads", 64, 4096, heads=64, kv_heads=4)
    yield Problem("b16 n4096 MHA", 16, 4096, heads=32, kv_heads=32)
    yield Problem("b64 n4096 4 tokens", 64, 4096, tokens=4, page=16)
    yield Problem("b64 n4096, 3072 shared", 64, 4096, page=16, shared=3072, kernels=("ring-03", "cascade-04"))
    for heads in (16, 128):
        yield Problem(f"MLA b64 n8192 {heads} heads", 64, 8192, heads=heads, kv_heads=1, page=64, latent=True,
                      kernels=("mla-05",))
    yield Problem("b1 n32768 plain rung", 1, 32768, kernels=("split-kv-01",))


class Inputs:
    """Tensors of one problem; caches as many as are rotated."""

    def __init__(self, p):
        self.p = p
        generator = torch.Generator("cuda").manual_seed(1)
        self.count = max(1, min(16, math.ceil(ROTATED_BYTES / p.cache_bytes())))
        self.q = torch.randn(p.batch, p.heads, p.tokens, p.dim, device="cuda", generator=generator).to(p.dtype)
        self.table = None
        self.scale = None
        if p.cache.itemsize == 1:
            self.scale = torch.rand(p.kv_heads, device="cuda", generator=generator) * 0.02 + 0.02
            if p.cache != torch.int8:
                self.scale *= 20
        rows = (p.batch, p.kv_heads, p.seqlen)
        if p.page:
            pages = math.ceil(p.seqlen / p.page)
            order = torch.randperm(p.batch * pages, device="cuda", generator=generator).int()
            self.table = order.reshape(p.batch, pages).contiguous()
            self.table[:, : p.shared // p.page] = self.table[0, : p.shared // p.page].clone()
            rows = (p.batch * pages, p.kv_heads, p.page)
        self.k = [self.cache(rows + (p.dim,), generator) for _ in range(self.count)]
        self.v = self.k if p.latent else [self.cache(rows + (p.dim_v,), generator) for _ in range(self.count)]
        self.o = torch.empty(p.batch, p.heads, p.tokens, p.dim_v, device="cuda", dtype=p.dtype)
        self.lse = torch.empty(p.batch, p.heads, p.tokens, device="cuda")
        self.softmax_scale = 1 / math.sqrt(p.dim)

    def cache(self, shape, generator):
        # In pieces: randn of a whole cache in fp32 would not fit beside the others.
        whole = torch.empty(shape, device="cuda", dtype=self.p.cache)
        for piece in whole.split(max(1, shape[0] // 16)):
            x = torch.randn(piece.shape, device="cuda", generator=generator)
            piece.copy_((x * 40).round().clamp(-127, 127) if self.p.cache == torch.int8 else x)
        return whole

    def sequence(self, cache, b):
        """[kv_heads, seqlen, dim] of one sequence, in float64."""
        x = cache[b] if self.table is None else \
            cache[self.table[b].long()].transpose(0, 1).reshape(self.p.kv_heads, -1, cache.shape[-1])[:, : self.p.seqlen]
        x = x.double()
        return x if self.scale is None else x * self.scale.double()[:, None, None]

    def reference(self, b):
        """[heads, tokens, dim_v] of the first cache."""
        p = self.p
        group = p.heads // p.kv_heads
        k = self.sequence(self.k[0], b).repeat_interleave(group, 0)
        v = self.sequence(self.v[0], b)[..., : p.dim_v].repeat_interleave(group, 0)
        s = self.q[b].double() @ k.transpose(1, 2) * self.softmax_scale
        hidden = torch.ones(p.tokens, p.seqlen, device="cuda", dtype=torch.bool).tril(p.seqlen - p.tokens).logical_not()
        return s.masked_fill(hidden, -math.inf).softmax(-1) @ v


def strides(t):
    return (ctypes.c_longlong * 3)(t.stride(0), t.stride(1), t.stride(2))


class Ours:
    def __init__(self, library, kernel, inputs, splits):
        self.library, self.kernel, self.inputs = library, kernel.encode(), inputs
        p = inputs.p
        call = Call()
        call.q, call.o, call.lse = inputs.q.data_ptr(), inputs.o.data_ptr(), inputs.lse.data_ptr()
        call.q_strides, call.o_strides = strides(inputs.q), strides(inputs.o)
        call.k_strides, call.v_strides = strides(inputs.k[0]), strides(inputs.v[0])
        if inputs.scale is not None:
            call.k_scale = call.v_scale = inputs.scale.data_ptr()
            call.scale_strides = (ctypes.c_longlong * 3)(0, 1, 0)
        if inputs.table is not None:
            call.block_table, call.block_table_stride = inputs.table.data_ptr(), inputs.table.stride(0)
        call.type, call.kv_type = DTYPES[p.dtype], DTYPES[p.cache]
        call.batch, call.heads_q, call.heads_kv = p.batch, p.heads, p.kv_heads
        call.seqlen_q, call.seqlen_kv, call.head_dim, call.head_dim_v = p.tokens, p.seqlen, p.dim, p.dim_v
        call.page_size, call.scale_rows, call.causal, call.splits = p.page, 1, int(p.tokens > 1), splits
        call.shared_kv = p.shared if kernel == "cascade-04" else 0
        call.multiprocessors = torch.cuda.get_device_properties(0).multi_processor_count
        call.scale = inputs.softmax_scale
        self.workspace = torch.empty(
            max(16, library.attnlab_decode_workspace(self.kernel, ctypes.byref(call))), device="cuda", dtype=torch.uint8)
        call.workspace = self.workspace.data_ptr()
        self.call = call

    def step(self, n):
        self.call.k, self.call.v = self.inputs.k[n].data_ptr(), self.inputs.v[n].data_ptr()
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        if self.library.attnlab_decode(self.kernel, ctypes.byref(self.call), stream):
            raise RuntimeError(self.library.attnlab_decode_error().decode())

    def error(self):
        """The largest error of the first and last sequence, relative to their largest number."""
        self.inputs.o.fill_(math.nan)
        self.step(0)
        worst = 0.0
        for b in {0, self.inputs.p.batch - 1}:
            exact = self.inputs.reference(b)
            difference = (self.inputs.o[b].double() - exact).abs().max() / exact.abs().max()
            worst = max(worst, float(difference.nan_to_num(math.inf)))
        return worst


class Torch:
    def __init__(self, backend, inputs):
        p = inputs.p
        if p.page or p.latent or p.cache != p.dtype or p.tokens != 1:
            raise NotImplementedError("contiguous 16-bit caches and one token alone")
        self.backend, self.inputs = backend, inputs

    def step(self, n):
        with sdpa_kernel(self.backend):
            self.out = F.scaled_dot_product_attention(self.inputs.q, self.inputs.k[n], self.inputs.v[n], enable_gqa=True)

    def error(self):
        self.step(0)
        exact = self.inputs.reference(0)
        return float((self.out[0].double() - exact).abs().max() / exact.abs().max())


class Read:
    def __init__(self, library, inputs):
        self.library, self.inputs = library, inputs
        self.unused = torch.empty(16, device="cuda", dtype=torch.uint8)

    def step(self, n):
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        caches = (self.inputs.k[n],) if self.inputs.p.latent else (self.inputs.k[n], self.inputs.v[n])
        for cache in caches:
            self.library.attnlab_read(ctypes.c_void_p(cache.data_ptr()), ctypes.c_longlong(cache.nbytes),
                                      ctypes.c_void_p(self.unused.data_ptr()), stream)

    def error(self):
        return 0.0


def graph_of(runner, count):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for n in range(count):
            runner.step(n)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for n in range(count):
            runner.step(n)
    graph.replay()
    torch.cuda.synchronize()
    return graph


def measured(graphs, count, rounds):
    """Median seconds of one step, by name; the graphs take turns."""
    times = {name: [] for name in graphs}
    for _ in range(rounds):
        for name, graph in graphs.items():
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            times[name].append(start.elapsed_time(end) * 1e-3 / count)
    return {name: statistics.median(t) for name, t in times.items()}


def run(library, p, options, rows):
    inputs = Inputs(p)
    makers = {kernel: (lambda kernel=kernel: Ours(library, kernel, inputs, options.splits)) for kernel in p.kernels}
    makers["cuDNN"] = lambda: Torch(SDPBackend.CUDNN_ATTENTION, inputs)
    makers["FlashAttention-2"] = lambda: Torch(SDPBackend.FLASH_ATTENTION, inputs)
    makers["read"] = lambda: Read(library, inputs)
    graphs, errors = {}, {}
    for name, make in makers.items():
        try:
            runner = make()
            errors[name] = runner.error()
            graphs[name] = (graph_of(runner, inputs.count), runner)
        except NotImplementedError:
            pass
        except Exception as failure:  # the others are measured all the same
            torch.cuda.synchronize()
            rows.append({"problem": p.name, "kernel": name, "failed": str(failure).splitlines()[0][:100]})
    seconds = measured({name: graph for name, (graph, _) in graphs.items()}, inputs.count, options.rounds)
    for name, taken in seconds.items():
        row = {"problem": p.name, "kernel": name, "error": f"{errors[name]:.1e}", "us": f"{taken * 1e6:.1f}",
               "TB/s": f"{p.cache_bytes() / taken * 1e-12:.3f}"}
        if p.heads * p.tokens / p.kv_heads >= 64:
            row["TFLOP/s"] = f"{p.flops() / taken * 1e-12:.0f}"
        for other in ("cuDNN", "read"):
            if other in seconds:
                row["/" + other] = f"{seconds[other] / taken:.3f}"
        if name in p.kernels and errors[name] > 0.02:
            row["failed"] = "WRONG"
        rows.append(row)


def layers(library, batch, seqlen, count=32, rounds=50):
    """Microseconds of a step of `count` layers: launched one after the other by the host, and as one graph."""
    p = Problem("", batch, seqlen)
    inputs = Inputs(p)
    ours = Ours(library, "ring-03", inputs, 0)
    calls = (Call * count)(*[ours.call] * count)
    for n, call in enumerate(calls):
        call.k, call.v = inputs.k[n % inputs.count].data_ptr(), inputs.v[n % inputs.count].data_ptr()

    def step():
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        if library.attnlab_decode_layers(b"ring-03", calls, count, stream):
            raise RuntimeError(library.attnlab_decode_error().decode())

    step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    times = {"launches": [], "graph": []}
    for _ in range(rounds):
        for name, call in (("launches", step), ("graph", graph.replay)):
            torch.cuda.synchronize()
            start = time.perf_counter()
            call()
            torch.cuda.synchronize()
            times[name].append((time.perf_counter() - start) * 1e6)
    return {"batch": batch, "seqlen": seqlen, **{name: statistics.median(t) for name, t in times.items()}}


PAGE = """\
# Decode kernels on an H200

Written by `benchmarks/decode_vs_torch.py --page` on {date}: {gpu}, PyTorch {torch}, cuDNN {cudnn}. 32 query and 8 KV heads of
128 numbers, bf16, unless a line says otherwise. Every kernel and backend ran as a captured CUDA graph, in one run, in turns,
each graph going through caches of 600 MB in all; the median of {rounds} rounds. TB/s: the bytes of K and V, each once, over
the time. `read` is a kernel that reads the same bytes and does nothing else. The last column is the largest difference from
float64, relative to the largest number (bf16 rounds to 3.9e-03). b: sequences, n: tokens of each.

{table}
## A step of 32 layers

Microseconds from the host's call to the end, `ring-03`, 32/8 heads: each layer's kernels launched by the host one after the
other, and the same launches as one CUDA graph.

| batch | tokens | launches | graph |
|---:|---:|---:|---:|
{layers}"""


def page(rows, steps, options):
    columns = ("problem", "kernel", "us", "TB/s", "TFLOP/s", "/cuDNN", "/read", "error")
    lines = ["| problem | kernel | us | TB/s | TFLOP/s | of cuDNN | of read | error |", "|---|---|" + "---:|" * 6]
    lines += ["| " + " | ".join(row.get(column, "") for column in columns) + " |" for row in rows if "failed" not in row]
    return PAGE.format(
        date=datetime.date.today().isoformat(), gpu=torch.cuda.get_device_name(), torch=torch.__version__,
        cudnn=torch.backends.cudnn.version(), rounds=options.rounds, table="\n".join(lines) + "\n",
        layers="".join(f"| {s['batch']} | {s['seqlen']} | {s['launches']:.0f} | {s['graph']:.0f} |\n" for s in steps))


COLUMNS = ("problem", "kernel", "us", "TB/s", "TFLOP/s", "/cuDNN", "/read", "error", "failed")


def print_row(row):
    print(f"{row.get('problem', ''):<28}{row.get('kernel', ''):<18}"
          + "".join(f"{row.get(column, ''):>10}" for column in COLUMNS[2:-1]) + "  " + row.get("failed", ""), flush=True)


def load(path):
    library = ctypes.CDLL(path)
    library.attnlab_decode_workspace.restype = ctypes.c_longlong
    library.attnlab_decode_error.restype = ctypes.c_char_p
    return library


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", help="libdecode.so of cuda/bench/build.sh")
    parser.add_argument("--csv", default="decode_vs_torch.csv")
    parser.add_argument("--page", help="the page of results to write")
    parser.add_argument("--only", default="", help="problems whose name holds this")
    parser.add_argument("--splits", type=int, default=0, help="pieces of the keys; 0: the kernels' rule")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        if not options.library:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            subprocess.run([os.path.join(root, "cuda/bench/build.sh"), folder], check=True)
            options.library = os.path.join(folder, "libdecode.so")
        library = load(options.library)
        rows = []
        print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
        print_row({column: column for column in COLUMNS})
        for p in problems():
            if options.only not in p.name:
                continue
            before = len(rows)
            try:
                run(library, p, options, rows)
            except Exception as failure:  # out of memory, say: the next problem may fit
                rows.append({"problem": p.name, "failed": str(failure).splitlines()[0][:100]})
            for row in rows[before:]:
                print_row(row)
            torch.cuda.empty_cache()
        steps = [layers(library, batch, seqlen) for batch, seqlen in ((1, 1024), (1, 8192), (16, 1024))]
        for step in steps:
            print(f"32 layers, batch {step['batch']}, {step['seqlen']} tokens: {step['launches']:.0f} us by launches, "
                  f"{step['graph']:.0f} us by graph")
    if options.page:
        with open(options.page, "w") as file:
            file.write(page(rows, steps, options))
    with open(options.csv, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return 1 if any(row.get("failed") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
