"""Draws vLLM's Figure 2 (shares of the memory), the block-size study and the savings by sharing from memory.json."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import GREEN, OURS, PAPER, PURPLE

SHARES = {
    "tokens": ("tokens' keys and values", OURS),
    "reserved": ("reserved, used later", "#56B4E9"),
    "internal": ("reserved, never used", "#E69F00"),
    "external": ("outside of all reservations", "0.75"),
}


def reservations(data):
    figure, axes = plt.subplots(figsize=(8.2, 4.4))
    names = list(data["systems"])
    for y, name in enumerate(reversed(names)):
        for offset, source in ((0.2, data["systems"][name]), (-0.2, {s: data["paper"][s][name] for s in SHARES})):
            left = 0.0
            for share, (label, color) in SHARES.items():
                value = source[share] or 0.0
                axes.barh(y + offset, value, 0.36, left=left, color=color, label=label if y == 0 and offset > 0 else None)
                if value > 5:
                    axes.text(left + value / 2, y + offset, f"{value:.1f}", ha="center", va="center", fontsize=8,
                              color="white" if share == "tokens" else "black")  # fmt: skip
                left += value
            if left > 0:
                axes.text(101, y + offset, "ours" if offset > 0 else "paper", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), reversed(names))
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("% of the cache's memory")
    axes.set_title("What the memory of a KV cache holds, by how it is given to requests")
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.45, -0.14), fontsize=8.5)
    return figure


def block_sizes(data):
    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    for (name, points), (color, marker) in zip(data["block_sizes"].items(), ((OURS, "o"), (GREEN, "s")), strict=True):
        size = [point["block_size"] for point in points]
        axes.plot(size, [100 - point["tokens"] for point in points], marker=marker, color=color, label=f"{name}: all that holds no token")
        axes.plot(size, [point["reserved"] + point["internal"] for point in points], "--", color=color,
                  label=f"{name}: in last blocks")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(size, [str(s) for s in size])
    axes.set_ylim(0)
    axes.set_xlabel("block size (tokens)")
    axes.set_ylabel("% of the cache's memory")
    axes.set_title("What paging wastes, by block size")
    axes.grid(True)
    axes.legend()
    return figure


def savings(data):
    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    styles = {("Alpaca", "samples"): (OURS, "o"), ("ShareGPT", "samples"): (GREEN, "s"),
              ("Alpaca", "beams"): (PAPER, "^"), ("ShareGPT", "beams"): (PURPLE, "D")}  # fmt: skip
    for (name, kind), (color, marker) in styles.items():
        points = data["savings"][name][kind]
        axes.plot([int(width) for width in points], list(points.values()), color=color, label=f"{name}, {kind}")
        known = [(int(width), share) for width, share in data["paper_savings"][name][kind].items() if share]
        if known:
            axes.plot(*zip(*known, strict=True), marker, color=color, markerfacecolor="none", markersize=7, markeredgewidth=1.6)
    axes.set_xticks([2, 4, 6])
    axes.set_ylim(0, 100)
    axes.set_xlabel("samples or beams of a request")
    axes.set_ylabel("blocks saved, %")
    axes.set_title("What sharing saves")
    axes.grid(True)
    axes.legend(title="lines: ours; markers: the paper's", alignment="left", fontsize=8.5, title_fontsize=8.5)
    return figure


def draw(documents):
    data = documents["memory"]
    return {"reservations": reservations(data), "block_sizes": block_sizes(data), "savings": savings(data)}
