"""Draws kv_cache.json: the KV cache's bytes against the context for four mechanisms."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import GREEN, OURS, PAPER, PURPLE
from matplotlib.ticker import FuncFormatter, NullLocator

# The markers serve greyscale prints.
STYLE = {"MHA": (PAPER, "o"), "GQA": (OURS, "s"), "MLA": (GREEN, "D"), "MQA": (PURPLE, "^")}


def size(value, _=None):
    """1073741824 -> '1 GiB'."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024 or unit == "PiB":
            return f"{value:.3g} {unit}"
        value /= 1024


def tokens(value, _=None):
    """131072 -> '128k'."""
    return f"{value / 2**20:g}M" if value >= 2**20 else f"{value / 2**10:g}k"


def cached(variant):
    """What a layer caches for one token."""
    if variant["mechanism"] == "MLA":
        return f"{variant['kv_lora_rank']} + {variant['qk_rope_head_dim']}"
    return f"2 × {variant['kv_heads']} × {variant['head_dim']}"


def spread(positions, gap):
    """The positions, in order, moved apart until neighbours are at least `gap` apart."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    moved = list(positions)
    for below, above in zip(order, order[1:], strict=False):
        moved[above] = max(moved[above], moved[below] + gap)
    return moved


def source(documents):
    data = documents["kv_cache"]
    return (
        f"{data['title']}: {data['source']}.\n"
        "Mechanisms: DeepSeek-V2, arXiv 2405.04434, Table 1; MLA by its proportions where the model has none."
    )


def draw(documents):
    data = documents["kv_cache"]
    figure, axes = plt.subplots(figsize=(8.4, 5.4))
    contexts, variants = data["contexts"], data["mechanisms"]
    for variant in variants:
        color, marker = STYLE[variant["mechanism"]]
        own = variant["mechanism"] == data["mechanism"]
        axes.plot(
            contexts,
            variant["bytes_by_context"],
            color=color,
            marker=marker,
            markersize=5,
            linewidth=2.6 if own else 1.5,
            clip_on=False,
            label=f"{variant['mechanism']}: {cached(variant)} numbers" + (" (the model's own)" if own else ""),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(contexts[0], contexts[-1] * 2.1)

    ends = [variant["bytes_by_context"][-1] for variant in variants]
    heights = spread([axes.transData.transform((1, end))[1] for end in ends], gap=24)
    for variant, height in zip(variants, heights, strict=True):
        y = axes.transData.inverted().transform((0, height))[1]
        color = STYLE[variant["mechanism"]][0]
        axes.text(contexts[-1] * 1.18, y, variant["mechanism"], color=color, va="center", fontweight="bold")

    available = data["available_bytes_per_gpu"]
    if available and data["gpus"] == 1:
        axes.axhline(available, color="0.35", linewidth=1.2, linestyle="--",
                     label=f"memory left beside the weights: {size(available)}")  # fmt: skip

    axes.xaxis.set_major_formatter(FuncFormatter(tokens))
    axes.yaxis.set_major_formatter(FuncFormatter(size))
    axes.set_xticks(contexts[::2])
    low, high = axes.get_ylim()
    axes.set_yticks([2.0**k for k in range(0, 64, 2) if low <= 2.0**k <= high])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(True)
    axes.set_xlabel("context (tokens per sequence)")
    batch = "one sequence" if data["batch"] == 1 else f"a batch of {data['batch']:,}"
    axes.set_ylabel(f"KV cache of {batch}, {data['dtype']}")
    axes.set_title(f"{data['title']} with four attention mechanisms")
    axes.legend(title="a layer caches for each token", fontsize=8.5, title_fontsize=8.5, loc="upper left",
                alignment="left")  # fmt: skip
    return {"kv_cache": figure}
