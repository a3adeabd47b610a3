"""docs/pictures/tiles.svg: where the tiles of flash2-04 lie: in HBM, in a block's shared memory, in a thread's registers."""

import sys

from svg import BLUE, GREEN, GREY, ORANGE, arrow, box, label, picture, text

DIM, BR, BC, PADDING = 64, 128, 16, 4  # the kernel's own at head_dim 64; rows of Q have 4 floats of padding


def matrix(x, y, name, shape, at, size, colour, words):
    """A matrix of HBM, 54 wide and 190 high, with one tile of it filled."""
    return [text(x + 27, y - 22, name, 14, weight="bold"), text(x + 27, y - 7, shape, 11),
            box(x, y, 54, 190), label(x, y + at, 54, size, words, colour, 12)]


def shared(y, name, rows, columns, colour):
    """A tile of shared memory, and its bytes."""
    return [label(400, y, 150, 40, f"{name}: {rows} x {columns}", colour, 12),
            text(560, y + 25, f"{4 * rows * columns:,} bytes", 12, "start")]


def main():
    parts = [box(10, 10, 320, 290), text(20, 30, "HBM", 14, "start", weight="bold"),
             text(20, 290, "of one head; N = keys, queries", 11, "start")]
    parts += matrix(24, 72, "Q", "[N, d]", 40, 52, ORANGE, "Br")
    parts += matrix(100, 72, "K", "[N, d]", 90, 20, BLUE, "Bc")
    parts += matrix(176, 72, "V", "[N, d]", 90, 20, BLUE, "Bc")
    parts += matrix(252, 72, "O", "[N, d]", 40, 52, GREEN, "Br")
    parts += [box(386, 10, 300, 186), text(396, 30, "Shared memory of one block", 14, "start", weight="bold")]
    parts += shared(44, "Q", BR, DIM + PADDING, ORANGE) + shared(94, "K", BC, DIM, BLUE) + shared(144, "V", BC, DIM, BLUE)
    parts += [box(386, 210, 300, 90), text(396, 230, "Registers of one thread, a row", 14, "start", weight="bold"),
              label(400, 244, 150, 40, f"o[{DIM}], m, l", GREEN, 12), text(560, 269, "of O, until the end", 12, "start"),
              arrow(332, 64, 384, 64), text(358, 56, "once", 11), arrow(332, 140, 384, 140), text(358, 120, "every", 11),
              text(358, 132, "tile", 11), arrow(384, 264, 332, 264), text(358, 256, "once", 11)]
    total = 4 * (BR * (DIM + PADDING) + 2 * BC * DIM)
    parts.append(text(348, 328, f"flash2-04 at d = {DIM}: Br = {BR}, Bc = {BC}, {total:,} bytes of shared memory; --br and --bc ask for others.", 12))
    sys.stdout.write(picture(696, 344, "The tiles of FlashAttention-2 in a GPU's memories", parts))


main()
