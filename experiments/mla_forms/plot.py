"""Draws MLA's forms from forms.json: per token by context (one query), and by queries of a step."""

import matplotlib.pyplot as plt
from attnlab.experiments._plots import OURS, PAPER

STYLE = {"naive": (PAPER, "s-"), "absorbed": (OURS, "o-")}
MEASURES = {"flops": "FLOPs per token", "bytes": "HBM bytes per token", "us": "roofline time per token, us"}


def three(points, key, label, title):
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.7))
    for axes, (measure, name) in zip(panels, MEASURES.items(), strict=True):
        x = [point[key] for point in points]
        for form, (color, style) in STYLE.items():
            axes.plot(x, [point[form][measure] / point.get("queries", 1) for point in points], style, color=color,
                      markersize=4, label=form)  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel(label)
        axes.set_ylabel(name)
        axes.grid(True)
    panels[0].set_title(title)
    panels[0].legend()
    return figure


def draw(documents):
    data = documents["forms"]
    return {
        "by_context": three(data["by_context"], "context", "tokens in the cache", "MLA, one query"),
        "by_queries": three(data["by_queries"], "queries", "queries of a step", f"MLA, {data['drawn_context']:,} tokens in the cache"),
    }
