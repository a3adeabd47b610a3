"""Draws a cache's blocks, and counts what an order of prompts finds."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import attnlab
import matplotlib.pyplot as plt

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito's


def text(letters: str) -> list[int]:
    """A token per letter."""
    return [ord(letter) for letter in letters]


def draw_blocks(cache: attnlab.CacheManager, sequences: Mapping[str, int], title: str = "") -> None:
    """Each block of the memory with its tokens' letters, in the colours of the sequences that hold it."""
    per_row = 8
    rows = -(-cache.num_blocks // per_row)
    figure, axes = plt.subplots(figsize=(9, 0.75 * rows + 0.7), layout="constrained")
    holders: dict[int, list[int]] = {}
    letters: dict[int, str] = {}
    for n, sequence in enumerate(sequences.values()):
        tokens = "".join(map(chr, cache.tokens(sequence)))
        for place, block in enumerate(cache.table(sequence)):
            holders.setdefault(block, []).append(n)
            letters[block] = tokens[place * cache.block_size : (place + 1) * cache.block_size]
    for block in range(cache.num_blocks):
        x, y = block % per_row, -(block // per_row)
        own = holders.get(block, [])
        for part, n in enumerate(own):  # a block that is shared is striped
            axes.add_patch(plt.Rectangle((x + 0.9 * part / len(own), y), 0.9 / len(own), 0.8, color=COLORS[n % 6], alpha=0.45))
        axes.add_patch(plt.Rectangle((x, y), 0.9, 0.8, fill=False, edgecolor="0.3", linewidth=1))
        axes.text(x + 0.03, y + 0.66, str(block), fontsize=7, color="0.4", va="center")
        axes.text(x + 0.45, y + 0.32, letters.get(block, "").replace(" ", "\u2423"), ha="center", va="center", family="monospace")
    for n, name in enumerate(sequences):
        axes.plot([], [], "s", color=COLORS[n % 6], alpha=0.45, label=name)
    if sequences:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes.set(xlim=(-0.1, per_row), ylim=(-(rows - 1) - 0.1, 0.9), title=title)
    axes.axis("off")
    plt.show()


def questions(seed: int = 0) -> list[list[int]]:
    """40 prompts in the order in which they came: four questions behind each of ten texts of 60 letters."""
    draw = random.Random(seed)
    word = lambda length: "".join(draw.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(length))  # noqa: E731
    prompts = [text(shared + word(20)) for shared in [word(60) for _ in range(10)] for _ in range(4)]
    draw.shuffle(prompts)
    return prompts


def found(prompts: Sequence[Sequence[int]], num_blocks: int) -> int:
    """Tokens that a radix tree finds when the prompts run one after the other."""
    cache = attnlab.CacheManager(num_blocks, block_size=1, sharing="radix")
    for prompt in prompts:
        cache.finish(cache.start(prompt).id)
    cache.check()
    return cache.counts["hit_tokens"]


def most_that_can_be_found(prompts: Sequence[Sequence[int]]) -> int:
    """All tokens but those on the edges of the tree of all prompts: each of them is computed once, in every order."""
    beginnings = {tuple(prompt[:n]) for prompt in prompts for n in range(1, len(prompt) + 1)}
    return sum(map(len, prompts)) - len(beginnings)
