"""Draws the memory that a sequence's last pages waste, by page size, from pages.json."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import GREEN, OURS, PAPER


def draw(documents):
    data = documents["pages"]
    figure, axes = plt.subplots(figsize=(6.6, 4.2))
    for (name, points), color in zip(data.items(), (OURS, GREEN, PAPER), strict=True):
        for point, style in zip(points, ("o-", "s--", "^:", "D-."), strict=False):
            pages = [int(page) for page in point["mapped_bytes"]]
            share = [100 * (1 - point["cache_bytes"] / mapped) for mapped in point["mapped_bytes"].values()]
            axes.plot(pages, share, style, color=color, markersize=5, label=f"{name}, {point['context']:,} tokens")
    axes.set_xscale("log", base=2)
    axes.set_xticks(pages, [str(page) for page in pages])
    axes.set_ylim(0)
    axes.set_xlabel("page size (KiB)")
    axes.set_ylabel("mapped and not used, %")
    axes.set_title("What the last pages of a sequence waste")
    axes.grid(True)
    axes.legend(fontsize=8)
    return {"waste": figure}
