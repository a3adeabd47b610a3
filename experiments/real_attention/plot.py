"""Draws real_attention.json: each algorithm's worst difference from float64 beside that of the model's own output."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import OURS, PAPER

MILLION = 1e6


def draw(documents):
    data = documents["real_attention"]
    rows = data["rows"][::-1]
    figure, axes = plt.subplots(figsize=(7.6, 0.6 + 0.45 * (len(rows) + 3)))
    for y, row in enumerate(rows):
        error = MILLION * row["error_from_float64"]
        axes.barh(y, error, height=0.6, color=OURS)
        axes.annotate(f"{error:.2f}", (error, y), xytext=(-5, 0), textcoords="offset points", va="center", ha="right",
                      color="white")  # fmt: skip
    own = MILLION * data["model_error"]
    axes.axvline(own, color=PAPER, linewidth=2)
    axes.annotate(f"the model's own output\n{own:.2f}", (own, len(rows) - 0.5),
                  xytext=(5, 0), textcoords="offset points", color=PAPER, va="top", fontsize=8.5)  # fmt: skip
    axes.set_yticks(range(len(rows)), [row["algorithm"] for row in rows])
    axes.set_xlim(0, 1.35 * own)
    axes.set_xlabel("worst difference from float64, millionths")
    axes.set_title("Attention of layer 0 of all-MiniLM-L6-v2 in float32")
    return {"real_attention": figure}
