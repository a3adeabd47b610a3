"""Draws FlashAttention's Figure 2 from fig2.json: left (HBM bytes per method) and middle (HBM bytes against Bc)."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import OURS, PAPER


def agreement(data):
    equal = all(row["metered_equals_closed"] for row in data["rows"]) and all(
        point["matrix_bytes"] == point["metered_matrix_bytes"] for point in data["middle"]
    )
    return "closed form = metered" if equal else "closed form (METERED DIFFERS)"


def left(data):
    rows = data["rows"][::-1]
    figure, axes = plt.subplots(figsize=(9.2, 4.6))
    for y, row in enumerate(rows):
        gigabytes = row["matrix_bytes"] / 1e9
        axes.barh(y, gigabytes, height=0.62, color=OURS, label=agreement(data) if y == 0 else None)
        axes.annotate(f"{gigabytes:.2f}", (gigabytes, y), xytext=(5, 0), textcoords="offset points", va="center")
        if row["paper"]:
            printed = row["paper"]["gb"]
            first = "the paper's figure" not in axes.get_legend_handles_labels()[1]
            axes.plot([printed, printed], [y - 0.42, y + 0.42], color=PAPER, linewidth=3,
                      label="the paper's figure" if first else None)  # fmt: skip
            axes.annotate(f"paper {printed}", (printed, y), xytext=(40, 0), textcoords="offset points", va="center",
                          color=PAPER)  # fmt: skip
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows])
    axes.set_xlim(0, 1.25 * max(row["matrix_bytes"] for row in rows) / 1e9)
    axes.set_xlabel("HBM read and written, GB (matrices, forward + backward)")
    axes.set_title(
        "FlashAttention, Figure 2 left: batch {batch}, {num_heads} heads, N {seqlen}, d {head_dim}, {dtype}".format(
            **data["settings"]
        )
    )
    axes.legend(loc="lower right")
    return figure


def middle(data):
    points = data["middle"]
    bc = [point["bc"] for point in points]
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    axes.plot(bc, [point["matrix_bytes"] / 1e9 for point in points], "o-", color=OURS,
              label=f"(1 + 3 N / Bc) N d: {agreement(data)}")  # fmt: skip
    known = [point for point in points if point["paper_gb"] is not None]
    if known:
        axes.errorbar([point["bc"] for point in known], [point["paper_gb"] for point in known],
                      yerr=[point["paper_error_gb"] for point in known], fmt="x", markersize=9, markeredgewidth=2,
                      color=PAPER, label="the paper's points (measured off the figure)")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(bc, [str(b) for b in bc])
    axes.set_ylim(0)
    axes.set_xlabel("block size Bc")
    axes.set_ylabel("HBM read and written, GB (forward)")
    axes.set_title("FlashAttention, Figure 2 middle")
    axes.grid(axis="y")
    axes.legend()
    return figure


def draw(documents):
    data = documents["fig2"]
    return {"fig2_left": left(data), "fig2_middle": middle(data)}
