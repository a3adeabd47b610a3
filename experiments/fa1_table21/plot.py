"""Draws FlashAttention's Table 21 from memory.json: bytes against sequence length, both axes logarithmic."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import GREEN, OURS, PAPER
from matplotlib.ticker import FuncFormatter, NullLocator

STYLE = {
    "PyTorch": (PAPER, "o", "-"),
    "FlashAttention": (OURS, "s", "-"),
    "BlockSparseFlashAttention": (GREEN, "^", "--"),
}


def size(value, _=None):
    """MiB: 1024 -> '1 GiB'."""
    return f"{value:g} MiB" if value < 1024 else f"{value / 1024:g} GiB"


def draw(documents):
    data = documents["memory"]
    figure, axes = plt.subplots(figsize=(7.6, 4.8))
    limit = data["settings"]["memory_gb"] * 1e9 / 2**20
    for name, (color, marker, line) in STYLE.items():
        mib = [total / 2**20 for total in data["bytes"][name]]
        axes.plot(data["seqlen"], mib, line, color=color, linewidth=1.6, label=name)
        known = [(n, m) for n, m in zip(data["seqlen"], data["paper_mib"][name], strict=True) if m is not None]
        if known:
            axes.plot(*zip(*known, strict=True), marker, color=color, markersize=6, markerfacecolor="none",
                      markeredgewidth=1.6)  # fmt: skip
    axes.axhline(limit, color="0.35", linewidth=1.2, linestyle=":")
    axes.annotate(f"{data['settings']['memory_gb']:g} GB, where the paper's table ends", (data["seqlen"][0], limit),
                  xytext=(0, 4), textcoords="offset points", fontsize=8, color="0.35")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(data["seqlen"], [f"{n // 1024}k" if n >= 1024 and n % 1024 == 0 else str(n) for n in data["seqlen"]])
    lowest, highest = min(min(totals) for totals in data["bytes"].values()) / 2**20, 2.5 * limit
    axes.set_ylim(lowest / 1.5, highest)
    axes.set_yticks([2.0**k for k in range(0, 40, 2) if lowest / 1.5 <= 2.0**k <= highest])
    axes.yaxis.set_major_formatter(FuncFormatter(size))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(True)
    axes.set_xlabel("sequence length N")
    axes.set_ylabel("GPU memory, forward and backward")
    axes.set_title("FlashAttention, Table 21: batch {batch}, {num_heads} heads, d {head_dim}, fp16".format(**data["settings"]))
    axes.legend(title="lines: formulas; markers: the paper's figures", loc="lower right", alignment="left", fontsize=9,
                title_fontsize=9)  # fmt: skip
    return {"memory": figure}
