"""Draws the measured and the least possible time per token from times.json."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import OURS, PAPER


def draw(documents):
    data = documents["times"]
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.6))
    for axes, part in zip(panels, ("encoder", "decoder"), strict=True):
        for x, (name, model) in enumerate(data.items()):
            bars = (("the paper's time", model["measured_us"][part], PAPER), ("roofline", model["limit_us"][part], OURS))
            for offset, (label, value, color) in zip((-0.2, 0.2), bars, strict=True):
                axes.bar(x + offset, value, 0.36, color=color, label=label if x == 0 else None)
                axes.annotate(f"{value:.2g}", (x + offset, value), xytext=(0, 3), textcoords="offset points", ha="center")
        axes.set_xticks(range(len(data)), list(data))
        axes.set_title(part)
        axes.set_ylabel("microseconds per token")
        axes.margins(y=0.12)
    panels[1].legend()
    return {"times": figure}
