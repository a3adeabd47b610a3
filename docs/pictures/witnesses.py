"""docs/pictures/witnesses.svg: one problem, four ways to count its bytes. The numbers are those of `attnlab witness`.

usage: witnesses.py ATTNLAB
"""

import json
import subprocess
import sys

from svg import BLUE, GREEN, GREY, ORANGE, arrow, box, label, picture, text

KERNEL, SEQLEN, DIM = "flash2-04", 512, 64
SECTOR = 32


def counted(attnlab):
    command = [attnlab, "witness", "--kernel", KERNEL, "--seqlen", str(SEQLEN), "--dim", str(DIM), "--json"]
    (run,) = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    sectors = {who: [run[who][f"l1tex__t_sectors_pipe_lsu_mem_global_op_{op}.sum"] for op in ("ld", "st")] for who in ("emulator", "h200")}
    return [run["closed_form_bytes"], run["metered_bytes"], run["emulator_useful_bytes"], SECTOR * sum(sectors["h200"])]


def main():
    ways = [
        ("closed form", "a formula, for any size,", "in microseconds", GREY),
        ("metered reference", "the algorithm, run on a", "memory that counts loads", ORANGE),
        ("CUDA kernel, emulated", "the kernel, run on a CPU:", "what its warps ask for", BLUE),
        ("CUDA kernel, H200", "the same kernel on a GPU:", "the GPU's own counters", GREEN),
    ]
    width, gap = 194, 8
    parts = [text(410, 26, "How many bytes does FlashAttention-2 move?", 18, weight="bold"),
             text(410, 48, f"forward, {SEQLEN} queries and keys, head_dim {DIM}, two heads, fp32", 13)]
    for n, ((title, line1, line2, colour), count) in enumerate(zip(ways, counted(sys.argv[1]))):
        x = 10 + n * (width + gap)
        parts += [arrow(410, 58, x + width / 2, 84), box(x, 88, width, 122, stroke=colour),
                  label(x, 88, width, 28, title, colour, 14), text(x + width / 2, 138, line1, 12),
                  text(x + width / 2, 155, line2, 12), text(x + width / 2, 192, f"{count:,}", 22, weight="bold")]
    sys.stdout.write(picture(820, 220, "Four counts of the bytes that FlashAttention-2 moves", parts))


main()
