"""PagedAttention's figures of memory: how much of a cache holds tokens, by reservation and block size, and what forks save."""

import attnlab
import numpy as np
from attnlab.experiments import Result, Table

MEANS = {"ShareGPT": (161.31, 337.99), "Alpaca": (19.31, 58.45)}  # tokens of prompt and output: Figure 11
SYSTEMS = {"Orca (Max)": "max", "Orca (Pow2)": "pow2", "Orca (Oracle)": "oracle", "vLLM": "paged"}
SHARES = ("tokens", "reserved", "internal", "external")
WIDTHS = (2, 4, 6)  # samples or beams
CACHE_BYTES = 12 * 2**30  # Table 1
VOCABULARY, SHARPNESS = 32, 2.0  # of the random model that beam search asks


def draw_lengths(means, count, settings):
    """(prompt, output) of requests: two log-normal distributions, cut at the longest sequence and at half of it for the
    prompt, whose locations are moved until the drawn lengths have these means."""
    normal = np.random.default_rng(settings.seed).standard_normal((8 * count, 2))
    location = np.log(means) - settings.spread**2 / 2
    for _ in range(200):
        drawn = np.maximum(1, np.rint(np.exp(location + settings.spread * normal)))
        fits = (drawn[:, 0] <= settings.max_length / 2) & (drawn.sum(axis=1) <= settings.max_length)
        lengths = drawn[fits][:count]
        location += 0.7 * np.log(means / lengths.mean(axis=0))
    return [(int(prompt), int(output)) for prompt, output in lengths]


def percent(use):
    return {name: round(100 * use[name], 4) for name in SHARES} | {"batch": round(use["mean_batch"], 4)}


class Saving:
    """Blocks held at every step, of those that sequences of this length, sharing nothing, would hold."""

    def __init__(self):
        self.held = self.alone = 0

    def count(self, cache, sequences):
        self.held += cache.num_blocks - cache.free_blocks
        self.alone += len(sequences) * len(cache.table(sequences[0]))

    def percent(self):
        return round(100 * (1 - self.held / self.alone), 4)


def begin(prompt, output, width, block_size):
    """A cache that is large enough, and `width` sequences of one prompt."""
    cache = attnlab.CacheManager(width * (prompt + output), block_size)
    first = cache.start(range(prompt)).id
    return cache, [first] + [cache.fork(first) for _ in range(width - 1)]


def parallel_sampling(lengths, width, settings):
    saving = Saving()
    for prompt, output in lengths:
        cache, samples = begin(prompt, output, width, settings.block_size)
        for token in range(output):
            for sample in samples:
                cache.append(sample, token)
            saving.count(cache, samples)
    return saving.percent()


def beam_search(lengths, width, settings):
    """Beams of a model whose logits are random: the best `width` of all continuations go on at each step."""
    random = np.random.default_rng(settings.seed)
    saving = Saving()
    for prompt, output in lengths:
        cache, beams = begin(prompt, output, width, settings.block_size)
        scores = np.full(width, -np.inf)
        scores[0] = 0  # the beams are equal at first: all continuations are of one
        for _ in range(output):
            logits = SHARPNESS * random.standard_normal((width, VOCABULARY))
            candidates = (scores[:, None] + logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).ravel()
            best = np.argsort(-candidates, kind="stable")[:width]
            scores = candidates[best]
            beams = cache.reorder(beams, (best // VOCABULARY).tolist())
            for beam, token in zip(beams, (best % VOCABULARY).tolist(), strict=True):
                cache.append(beam, token)
            saving.count(cache, beams)
    return saving.percent()


def run(settings, paper):
    lengths = {name: draw_lengths(means, settings.requests, settings) for name, means in MEANS.items()}
    server = {"capacity": settings.capacity, "max_length": settings.max_length}
    systems = {
        name: percent(
            attnlab.memory_use(kind, lengths=lengths["ShareGPT"], block_size=settings.block_size, **server)
        )
        for name, kind in SYSTEMS.items()
    }
    block_sizes = {
        name: [
            {"block_size": size, **percent(attnlab.memory_use("paged", lengths=drawn, block_size=size, **server))}
            for size in settings.block_sizes
        ]
        for name, drawn in lengths.items()
    }
    savings = {
        name: {
            kind: {width: measure(drawn, width, settings) for width in WIDTHS}
            for kind, measure, drawn in (
                ("samples", parallel_sampling, draw_lengths(means, settings.sampled_requests, settings)),
                ("beams", beam_search, draw_lengths(means, settings.beam_requests, settings)),
            )
        }
        for name, means in MEANS.items()
    }
    rows = lambda name, kind: {f"{name}, {width} {kind}": share for width, share in savings[name][kind].items()}  # noqa: E731
    ours = {
        "slots": {"OPT-13B on one A100 with 40 GB": CACHE_BYTES / attnlab.kv("opt-13b", dtype="fp16")["bytes_per_token"] / 1e3},
        **{share: {name: use[share] for name, use in systems.items()} for share in (*SHARES, "batch")},
        "sampling": rows("Alpaca", "samples"),
        "sampling_sharegpt": rows("ShareGPT", "samples"),
        "beams": rows("Alpaca", "beams"),
        "beams_sharegpt": rows("ShareGPT", "beams"),
    }
    document = {
        "paper": {share: {name: paper.number(share, name) for name in SYSTEMS} for share in (*SHARES, "batch")},
        "paper_savings": {
            name: {
                kind: {
                    width: paper.number(quantity + ("" if name == "Alpaca" else "_sharegpt"), f"{name}, {width} {kind}")
                    for width in WIDTHS
                }
                for kind, quantity in (("samples", "sampling"), ("beams", "beams"))
            }
            for name in MEANS
        },
        "systems": systems,
        "block_sizes": block_sizes,
        "savings": savings,
    }
    shown = [[name, *(f"{use[share]:.1f}" for share in SHARES), f"{use['batch']:.2f}"] for name, use in systems.items()]
    sizes = [
        [name, *(str(point["block_size"]) if key == "block_size" else f"{point[key]:.2f}" for key in
                 ("block_size", "tokens", "reserved", "internal", "external", "batch"))]
        for name, points in block_sizes.items() for point in points
    ]  # fmt: skip
    return Result(
        ours=ours,
        tables=[
            Table("reservations", ["%", *SHARES, "requests"], shown, "ShareGPT's mean lengths"),
            Table("block_sizes", ["lengths", "block size", *SHARES, "requests"], sizes, "Paged, by block size, %"),
        ],
        documents=json_keys({"memory": document}),
        notes="Lengths are fitted to the data sets' means, not drawn from them; beams are those of a random model.\n",
        device=f"a cache of {settings.capacity:,} tokens",
    )


def json_keys(value):
    """As JSON has it: keys are texts."""
    return {str(key): json_keys(item) for key, item in value.items()} if isinstance(value, dict) else value
