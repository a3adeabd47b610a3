"""Draws FlashAttention's Figure 2 from fig2.json: left (HBM bytes a method) and middle (HBM bytes against Bc).

Run by `attnlab demo`, or by hand: python plot.py DIR
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OURS, PAPER = "#0072B2", "#D55E00"  # Okabe and Ito: told apart by colour-blind readers
plt.rcParams["svg.fonttype"] = "none"  # text stays text
plt.rcParams["svg.hashsalt"] = "attnlab"  # equal data, equal file


def agreement(data):
    equal = all(row["metered_equals_closed"] for row in data["rows"]) and all(
        point["matrix_bytes"] == point["metered_matrix_bytes"] for point in data["middle"])
    return "closed form = metered" if equal else "closed form (METERED DIFFERS)"


def left(data):
    rows = data["rows"][::-1]
    figure, axes = plt.subplots(figsize=(9.2, 4.6), dpi=160)
    for y, row in enumerate(rows):
        gigabytes = row["matrix_bytes"] / 1e9
        axes.barh(y, gigabytes, height=0.62, color=OURS, label=agreement(data) if y == 0 else None)
        axes.annotate(f"{gigabytes:.2f}", (gigabytes, y), xytext=(5, 0), textcoords="offset points", va="center")
        if row["paper"]:
            printed = row["paper"]["hbm_gb"]
            axes.plot([printed, printed], [y - 0.42, y + 0.42], color=PAPER, linewidth=3,
                      label=None if axes.get_legend_handles_labels()[1].count("the paper's figure") else "the paper's figure")
            axes.annotate(f"paper {printed}", (printed, y), xytext=(40, 0), textcoords="offset points", va="center", color=PAPER)
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows])
    axes.set_xlim(0, 1.2 * max(row["matrix_bytes"] for row in rows) / 1e9)
    axes.set_xlabel("HBM read and written, GB (matrices, forward + backward)")
    axes.set_title("FlashAttention, Figure 2 left: batch 64, 16 heads, N 1024, d 64, fp16", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    return figure


def middle(data):
    points = data["middle"]
    bc = [point["bc"] for point in points]
    figure, axes = plt.subplots(figsize=(6.4, 4.4), dpi=160)
    axes.plot(bc, [point["matrix_bytes"] / 1e9 for point in points], "o-", color=OURS, label=f"(1 + 3 N / Bc) N d: {agreement(data)}")
    axes.errorbar(bc, [point["paper_gb"] for point in points], yerr=data["paper"]["middle"]["error_gb"], fmt="x", markersize=9,
                  markeredgewidth=2, color=PAPER, label="the paper's points (measured off the figure)")
    axes.set_xscale("log", base=2)
    axes.set_xticks(bc, [str(b) for b in bc])
    axes.set_ylim(0)
    axes.set_xlabel("block size Bc")
    axes.set_ylabel("HBM read and written, GB (forward)")
    axes.set_title("FlashAttention, Figure 2 middle", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    return figure


def main():
    folder = pathlib.Path(sys.argv[1])
    data = json.loads((folder / "fig2.json").read_text())
    for name, draw in (("fig2_left", left), ("fig2_middle", middle)):
        figure = draw(data)
        figure.tight_layout()
        for suffix in ("svg", "png"):
            metadata = {"Date": None} if suffix == "svg" else {"Software": None}
            figure.savefig(folder / f"{name}.{suffix}", metadata=metadata)
        plt.close(figure)


if __name__ == "__main__":
    main()
