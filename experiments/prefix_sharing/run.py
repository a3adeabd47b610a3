"""What prefix caches find: SGLang's orders of a batch against the optimum, a tree beside hashes, Mooncake's traces."""

import csv
from pathlib import Path

import attnlab
import numpy as np
from attnlab.experiments import Result, Table

HERE = Path(__file__).parent
TRACES = ("conversation", "synthetic")
TRACE_BLOCK = 512  # tokens per block of Mooncake's traces


class Workloads:
    """Batches of prompts as lists of tokens, in the order in which they come. Sizes are those of the paper's benchmarks in
    kind, not in number."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def text(self, least, most=None):
        return self.random.integers(0, 32000, self.random.integers(least, (most or least) + 1)).tolist()

    def mixed(self, prompts):
        return [prompts[n] for n in self.random.permutation(len(prompts))]

    def few_shot(self):
        """Questions of 12 subjects, each behind the five examples of its subject (MMLU)."""
        examples = [self.text(360, 440) for _ in range(12)]
        return self.mixed([shared + self.text(40, 100) for shared in examples for _ in range(16)])

    def tree_of_thought(self):
        """15 problems behind one instruction, each with three thoughts, each with three more; a level at a time."""
        instruction = self.text(200)
        level, prompts = [instruction + self.text(40, 80) for _ in range(15)], []
        for _ in range(3):
            prompts += self.mixed(level)
            level = [thought + self.text(30, 60) for thought in level for _ in range(3)]
        return prompts

    def chat(self):
        """30 chats of four turns behind one system prompt; a turn's prompt is all that was said before."""
        system = self.text(100)
        chats, prompts = [system for _ in range(30)], []
        for _ in range(4):
            asked = [said + self.text(128, 256) for said in chats]
            prompts += self.mixed(asked)
            chats = [said + self.text(4, 8) for said in asked]
        return prompts

    def self_consistency(self):
        """Eight answers to each of 24 questions behind one instruction."""
        instruction = self.text(200)
        questions = [instruction + self.text(60, 120) for _ in range(24)]
        return self.mixed([question for question in questions for _ in range(8)])


def common(a, b):
    """The length of what two prompts begin with."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def optimum(prompts):
    """Tokens that the best order finds: all but those on the edges of the tree of all prompts, each computed once. (The
    last token of a prompt is always computed, so a second prompt of the same tokens costs one token.)"""
    ordered = sorted(prompts)
    return sum(min(common(a, b), len(b) - 1) for a, b in zip(ordered, ordered[1:], strict=False))


def found(prompts, num_blocks, sharing="radix", block_size=1):
    """Tokens found, one prompt after the other."""
    cache = attnlab.CacheManager(num_blocks, block_size, sharing)
    for prompt in prompts:
        cache.finish(cache.start(prompt).id)
    return cache.counts["hit_tokens"]


def longest_prefix_first(prompts, num_blocks):
    """Tokens found when the one that finds most is always the next (the paper's Algorithm 1, one request at a time)."""
    cache = attnlab.CacheManager(num_blocks, 1, "radix")
    waiting = list(prompts)
    while waiting:
        matched = [cache.match(prompt) for prompt in waiting]
        cache.finish(cache.start(waiting.pop(matched.index(max(matched)))).id)
    return cache.counts["hit_tokens"]


def orders(prompts, shares, random):
    """By size of the cache: tokens found, in % of all."""
    total, distinct = sum(map(len, prompts)), sum(map(len, prompts)) - optimum(prompts)
    mixed = [prompts[n] for n in random.permutation(len(prompts))]
    points = []
    for size in sorted({max(round(share * distinct), max(map(len, prompts))) for share in shares}):
        hits = {
            "first come": found(prompts, size),
            "random": found(mixed, size),
            "longest prefix": longest_prefix_first(prompts, size),
            "depth first": found(sorted(prompts), size),
        }
        points.append({"tokens": size, **{order: round(100 * hit / total, 4) for order, hit in hits.items()}})
    return {"prompts": len(prompts), "tokens": total, "distinct": distinct,
            "optimum": round(100 * optimum(prompts) / total, 4), "points": points}  # fmt: skip


def kinds(prompts, block_size):
    """Tokens found with room for all, in % of all: what a page of one token shares, and whole blocks."""
    total = sum(map(len, prompts))
    blocks = total // block_size + len(prompts)
    return {
        "tree, 1": round(100 * found(prompts, total) / total, 4),
        f"tree, {block_size}": round(100 * found(prompts, blocks, "radix", block_size) / total, 4),
        f"hashes, {block_size}": round(100 * found(prompts, blocks, "hash", block_size) / total, 4),
    }


def replay(path, sizes):
    """A trace's blocks found by capacity, in % of all its blocks; the last line: nothing is evicted."""
    trace = attnlab.read_trace(path)
    requests = [request.blocks for request in trace]
    lines = [
        {"tokens": size, **{policy: round(100 * attnlab.prefix_hits(requests, size // TRACE_BLOCK, policy).rate, 4)
                            for policy in ("lru", "belady")}}
        for size in sizes
    ]  # fmt: skip
    known, tokens = set(), 0
    for request in trace:
        blocks = next((n for n, name in enumerate(request.blocks) if name not in known), len(request.blocks))
        known.update(request.blocks)
        tokens += min(blocks * TRACE_BLOCK, request.prompt)
    every = round(100 * attnlab.prefix_hits(requests).rate, 4)
    lines.append({"tokens": "all", "lru": every, "belady": every})
    return {"lines": lines, "token_reuse": round(100 * tokens / sum(request.prompt for request in trace), 4)}


def recorded():
    """mooncake.csv: what replay() gave for the published traces."""
    traces = {}
    with (HERE / "mooncake.csv").open(newline="") as file:
        for line in csv.DictReader(row for row in file if not row.startswith("#")):
            trace = traces.setdefault(line["trace"], {"lines": [], "token_reuse": float(line["token_reuse"])})
            tokens = line["tokens"] if line["tokens"] == "all" else int(line["tokens"])
            trace["lines"].append({"tokens": tokens, "lru": float(line["lru"]), "belady": float(line["belady"])})
    return traces


def of_all(trace, tokens):
    """What LRU finds with this size, in % of what can be found; nothing where the size was not tried."""
    by_size = {line["tokens"]: line["lru"] for line in trace["lines"]}
    return 100 * by_size[tokens] / by_size["all"] if tokens in by_size else None


def run(settings, paper):
    make = Workloads(settings.seed)
    batches = {
        "few-shot": make.few_shot(),
        "tree of thought": make.tree_of_thought(),
        "chat": make.chat(),
        "self-consistency": make.self_consistency(),
    }
    hits = {name: orders(prompts, settings.cache_shares, make.random) for name, prompts in batches.items()}
    shared = {name: kinds(prompts, settings.block_size) for name, prompts in batches.items()}
    if settings.traces:
        traces = {name: replay(Path(settings.traces) / f"mooncake_{name}.jsonl", settings.trace_tokens) for name in TRACES}
    else:
        traces = recorded()

    of_optimum = {
        name: {order: [100 * point[order] / hit["optimum"] for point in hit["points"]] for order in hit["points"][0] if order != "tokens"}
        for name, hit in hits.items()
    }  # fmt: skip
    small = [share for share in (of_all(trace, 3_000_000) for trace in traces.values()) if share is not None]
    large = {name: of_all(trace, 50_000_000) for name, trace in traces.items()}
    ours = {
        "theorem": {name: round(min(share["depth first"]), 6) for name, share in of_optimum.items()},
        "aware": {"all workloads": round(sum(float(np.mean(share["longest prefix"])) for share in of_optimum.values()) / len(of_optimum), 4)},
        "reuse": {name: trace["token_reuse"] for name, trace in traces.items()},
        "small": {"least of the traces": min(small)} if small else {},
        "large": {name: share for name, share in large.items() if share is not None},
    }
    by_order = [
        [name, f"{point['tokens']:,}", *(f"{point[order]:.1f}" for order in point if order != "tokens"), f"{hit['optimum']:.1f}"]
        for name, hit in hits.items()
        for point in hit["points"]
    ]  # fmt: skip
    by_kind = [[name, *(f"{share:.2f}" for share in kind.values())] for name, kind in shared.items()]
    by_trace = [
        [name, str(line["tokens"]), f"{line['lru']:.4f}", f"{line['belady']:.4f}", f"{trace['token_reuse']:.4f}"]
        for name, trace in traces.items()
        for line in trace["lines"]
    ]
    return Result(
        ours=ours,
        tables=[
            Table("orders", ["workload", "cache, tokens", *list(hits["chat"]["points"][0])[1:], "optimum"], by_order,
                  "Tokens of prompts found, %, by order and size of the cache"),
            Table("kinds", ["workload", *shared["chat"]], by_kind, "Tokens found with room for all, %: tree and hashes, by block size"),
            Table("mooncake", ["trace", "tokens", "lru", "belady", "token_reuse"], by_trace,
                  "Mooncake's traces: blocks found, %, by size of the cache; token_reuse: tokens found when nothing is evicted, %"),
        ],
        documents={"sharing": {"orders": hits, "kinds": shared, "traces": traces}},
        notes="" if settings.traces else "The traces' lines are those of mooncake.csv; --set traces=FOLDER computes them again.\n",
        device="requests one after the other, no clock",
    )  # fmt: skip
