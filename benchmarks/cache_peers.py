#!/usr/bin/env python3
"""A KV cache's bookkeeping beside SGLang's and vLLM's, on the same requests in one run.

    python3 benchmarks/cache_peers.py --bench build/release/benchmarks/cache_bench --sglang DIR --vllm DIR
                                      [--trace mooncake_conversation.jsonl] [--write]

DIR is the folder that holds the package `sglang` or `vllm`: an installation's, or an unpacked wheel (pip download
--no-deps). Only the modules of the cache are run, as they are; what they import otherwise (metrics, events, kernels,
configuration) is replaced by empty stand-ins, and nothing of it is called. SGLang's cache needs torch.

Each request is matched, gets room for the rest, is published and goes. What is timed (the processor's time of one thread):
  SGLang   mem_cache/radix_cache.py: match_prefix, inc_lock_ref, evict, insert, dec_lock_ref, with pages of one token; its
           values are slices of a tensor of free slots, as its allocator's are
  vLLM     v1/core/block_pool.py, blocks of 16: get_cached_block, touch, get_new_blocks, cache_full_blocks, free_blocks;
           first with the hashes of blocks given, then with hash_block_tokens (SHA-256), which an engine calls per request
  attnlab  CacheManager::start and finish (benchmarks/cache_bench.cpp), which hash or compare tokens, too

--write puts the tables into docs/results/cache.md.
"""

import argparse
import array
import datetime
import gc
import importlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results" / "cache.md"
BLOCK, TRACE_BLOCK = 16, 512
RUNS = 3  # of each; the best counts
REAL = {
    "sglang.srt.mem_cache.radix_cache",
    "sglang.srt.mem_cache.base_prefix_cache",
    "sglang.srt.mem_cache.cache_init_params",
    "sglang.srt.mem_cache.evict_policy",
    "sglang.srt.mem_cache.utils",
    "vllm.v1.core.block_pool",
    "vllm.v1.core.kv_cache_utils",
    "vllm.utils.hashing",
    "vllm.utils.math_utils",
}
OTHERS = {"cbor2"}  # imported by them, not called here, and perhaps not installed


class Nothing:
    """Stands for whatever a peer's module imports and does not use here."""

    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return self

    def __class_getitem__(cls, _):
        return cls

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __mro_entries__(self, _):
        return (Nothing,)


class StandIn(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "TYPE_CHECKING":
            return False
        value = type(name, (Nothing,), {}) if name[:1].isupper() else Nothing()
        setattr(self, name, value)
        return value


class StandIns:
    """Finds stand-ins for these packages."""

    def __init__(self, packages):
        self.packages = packages

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.packages:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


class Peer(StandIns):
    """Finds a peer's own modules where they are REAL, and stand-ins for its others."""

    def __init__(self, package, folder):
        super().__init__({package})
        self.folder = pathlib.Path(folder)

    def find_spec(self, name, path=None, target=None):
        if name in REAL and name.split(".")[0] in self.packages:
            return importlib.util.spec_from_file_location(name, self.folder.joinpath(*name.split(".")).with_suffix(".py"))
        return super().find_spec(name, path, target)


def version(package, folder):
    for name in pathlib.Path(folder).glob(f"{package}-*.dist-info"):
        return name.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    return "unknown"


def made_here(count):
    """Questions of 40 to 100 tokens behind one of 40 texts of 400."""
    mix = lambda text, token: (text * 1000003 + token * 7919 + (text ^ token) * 104729) % 32000  # noqa: E731
    return [
        [mix(n * 17 % 40, t) for t in range(400)] + [mix(1000 + n, t) for t in range(40 + n * 31 % 61)] for n in range(count)
    ]


def traced(path, count):
    """A trace's prompts: each name of a block becomes 512 tokens."""
    requests = []
    with open(path) as file:
        for line in file:
            names = json.loads(line)["hash_ids"]
            requests.append([(name * TRACE_BLOCK + t) * 2654435761 % 4294967296 % 32000 for name in names for t in range(TRACE_BLOCK)])
            if len(requests) == count:
                break
    return requests


def write_stream(path, capacity, requests):
    numbers = array.array("i", [capacity])
    for request in requests:
        numbers.append(len(request))
        numbers.extend(request)
    path.write_bytes(numbers.tobytes())


class Slots:
    """A list of free slots, as SGLang's allocator for pages of one token keeps it."""

    device = "cpu"

    def __init__(self, size):
        import torch

        self.torch = torch
        self.free = torch.arange(1, size + 1, dtype=torch.int64)

    def take(self, count):
        taken, self.free = self.free[:count], self.free[count:]
        return taken

    def free_segment(self, indices, start_pos=0):
        if len(indices):
            self.free = self.torch.cat((self.free, indices))


def sglang_seconds(requests, capacity):
    module = importlib.import_module("sglang.srt.mem_cache.radix_cache")
    from sglang.srt.mem_cache.base_prefix_cache import EvictParams, InsertParams, MatchPrefixParams
    from sglang.srt.mem_cache.cache_init_params import CacheInitParams

    import torch

    torch.set_num_threads(1)
    slots = Slots(capacity)
    cache = module.RadixCache(
        CacheInitParams(disable=False, req_to_token_pool=None, token_to_kv_pool_allocator=slots, page_size=1)
    )
    keys = [array.array("q", request) for request in requests]
    found = 0
    begin = time.process_time()
    for key in keys:
        match = cache.match_prefix(MatchPrefixParams(key=module.RadixKey(key[:-1])))
        node, known = match.last_device_node, match.device_prefix_len
        cache.inc_lock_ref(node)
        needed = len(key) - known
        if len(slots.free) < needed:
            cache.evict(EvictParams(num_tokens=needed - len(slots.free)))
        values = torch.cat((cache.path_device_indices(node), slots.take(needed)))
        result = cache.insert(InsertParams(key=module.RadixKey(key), value=values))
        slots.free_segment(values[known : result.prefix_len])
        cache.dec_lock_ref(node)
        found += known
    return time.process_time() - begin, found


def vllm_seconds(requests, capacity, hashing):
    kv_cache_utils = importlib.import_module("vllm.v1.core.kv_cache_utils")
    from vllm.utils.hashing import sha256
    from vllm.v1.core.block_pool import BlockPool

    if not hasattr(kv_cache_utils, "NONE_HASH"):
        kv_cache_utils.NONE_HASH = bytes(32)

    def hashes_of(request):
        parent, hashes = None, []
        for first in range(0, len(request) - BLOCK + 1, BLOCK):
            parent = kv_cache_utils.hash_block_tokens(sha256, parent, request[first : first + BLOCK])
            hashes.append(parent)
        return hashes

    given = None if hashing else [hashes_of(request) for request in requests]
    pool = BlockPool(capacity // BLOCK + 1, True, BLOCK)  # one is its null block
    found = 0
    gc.collect()
    begin = time.process_time()
    for n, request in enumerate(requests):
        hashes = hashes_of(request) if given is None else given[n]
        blocks = []
        for block_hash in hashes[: (len(request) - 1) // BLOCK]:
            cached = pool.get_cached_block(block_hash, [0])
            if cached is None:
                break
            blocks.append(cached[0])
        known = len(blocks)
        pool.touch(blocks)
        blocks += pool.get_new_blocks(-(-len(request) // BLOCK) - known)
        pool.cache_full_blocks(types.SimpleNamespace(block_hashes=hashes), blocks, known, len(hashes), BLOCK, 0)
        pool.free_blocks(reversed(blocks))
        found += known * BLOCK
    return time.process_time() - begin, found


def own(bench, stream, name):
    command = [bench, f"--benchmark_filter=serve/{name}$", "--benchmark_format=json", "--benchmark_min_time=0.5", f"--benchmark_repetitions={RUNS}"]
    environment = {**os.environ, "ATTNLAB_CACHE_STREAM": str(stream)}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    lines = [line for line in json.loads(run.stdout)["benchmarks"] if line["run_type"] == "iteration"]
    return max(line["items_per_second"] for line in lines), lines[0]["found"]


def best(measured, *arguments):
    """The least seconds of some runs, and what each of them found."""
    return min(measured(*arguments) for _ in range(RUNS))


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def measure(name, requests, capacity, options):
    """Lines of the table."""
    tokens = sum(map(len, requests))
    with tempfile.TemporaryDirectory() as folder:
        stream = pathlib.Path(folder) / "stream"
        write_stream(stream, capacity, requests)
        ours = {kind: own(options.bench, stream, kind) for kind in ("radix_1", "hash_16")}
    peers = [
        ("radix_1", "SGLang's radix_cache.py", best(sglang_seconds, requests, capacity)),
        ("hash_16", "vLLM's block_pool.py, hashes given", best(vllm_seconds, requests, capacity, False)),
        ("hash_16", "vLLM's block_pool.py with hash_block_tokens", best(vllm_seconds, requests, capacity, True)),
    ]
    lines = []
    for kind, peer, (seconds, found) in peers:
        rate, share = ours[kind]
        lines.append(
            f"| {name} | {peer} | {tokens / seconds / 1e6:.2f} | {rate / 1e6:.1f} | {rate * seconds / tokens:.1f}x | "
            f"{100 * found / tokens:.2f} % | {100 * share:.2f} % |"
        )
        print(lines[-1], flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bench", required=True, help="the program cache_bench")
    parser.add_argument("--sglang", required=True, metavar="DIR")
    parser.add_argument("--vllm", required=True, metavar="DIR")
    parser.add_argument("--trace", help="one of Mooncake's, JSON lines")
    parser.add_argument("--requests", type=int, default=400, help="of the trace, its first")
    parser.add_argument("--write", action="store_true", help="docs/results/cache.md")
    options = parser.parse_args()
    for package in ("sglang", "vllm"):
        sys.meta_path.insert(0, Peer(package, getattr(options, package)))
    sys.meta_path.append(StandIns(OTHERS))

    short = made_here(4000)
    lines = measure("generated, short prompts", short, 400_000, options)
    if options.trace:
        long = traced(options.trace, options.requests)
        lines += measure(f"{pathlib.Path(options.trace).stem}, first {len(long)}", long, 1_000_000, options)
    if not options.write:
        return
    head = "| requests | peer | peer, M tokens/s | attnlab, M tokens/s | ratio | peer found | attnlab found |"
    table = [head, "|---|---|---|---|---|---|---|", *lines]
    text = PAGE.read_text()
    facts = (
        f"{datetime.date.today()}, {machine()}, SGLang {version('sglang', options.sglang)}, vLLM {version('vllm', options.vllm)}, "
        f"Python {platform.python_version()}"
    )
    measured = facts + "\n\n" + "\n".join(table) + "\n"
    PAGE.write_text(re.sub(r"(?s)(<!-- measured -->\n).*?(<!-- end -->)", lambda m: m[1] + measured + m[2], text))


if __name__ == "__main__":
    main()
