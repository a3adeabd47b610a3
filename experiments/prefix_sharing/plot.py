"""Draws hit rates by order and cache size, and Mooncake's hit rates by capacity, from sharing.json."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import GREEN, OURS, PAPER, PURPLE

ORDERS = {"first come": (PAPER, "o"), "random": (PURPLE, "^"), "longest prefix": (GREEN, "s"), "depth first": (OURS, "D")}


def orders(hits):
    figure, panels = plt.subplots(1, len(hits), figsize=(11, 3.6), sharey=True)
    for axes, (name, hit) in zip(panels, hits.items(), strict=True):
        sizes = [point["tokens"] / hit["distinct"] for point in hit["points"]]
        for order, (color, marker) in ORDERS.items():
            axes.plot(sizes, [point[order] for point in hit["points"]], marker=marker, color=color, markersize=5, label=order)
        axes.axhline(hit["optimum"], color="0.35", linestyle=":", label="optimum")
        axes.set_xscale("log")
        axes.set_xticks([0.05, 0.1, 0.2, 0.4, 1.0], ["5", "10", "20", "40", "100"])
        axes.minorticks_off()
        axes.set_ylim(0, 100)
        axes.set_xlabel("cache, % of the distinct tokens", fontsize=9)
        axes.set_title(name)
        axes.grid(True)
    panels[0].set_ylabel("tokens of prompts found, %")
    panels[1].legend(loc="lower right", fontsize=8)
    return figure


def mooncake(traces):
    figure, axes = plt.subplots(figsize=(6.6, 4.2))
    for (name, trace), color in zip(traces.items(), (OURS, GREEN), strict=True):
        points = [line for line in trace["lines"] if line["tokens"] != "all"]
        sizes = [line["tokens"] / 1e6 for line in points]
        axes.plot(sizes, [line["lru"] for line in points], "o-", color=color, label=f"{name}, LRU")
        axes.plot(sizes, [line["belady"] for line in points], "^--", color=color, label=f"{name}, Belady's optimum")
        axes.axhline(trace["lines"][-1]["lru"], color=color, linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(0)
    axes.set_xlabel("size of the cache, millions of tokens")
    axes.set_ylabel("blocks found, %")
    axes.set_title("Mooncake's traces; dotted: nothing is evicted")
    axes.grid(True)
    axes.legend()
    return figure


def draw(documents):
    data = documents["sharing"]
    return {"orders": orders(data["orders"]), "mooncake": mooncake(data["traces"])}
