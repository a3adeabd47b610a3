"""docs/pictures/loop_order.svg: in which order FlashAttention and FlashAttention-2 visit the tiles of the scores."""

import sys

from svg import BLUE, GREEN, GREY, ORANGE, box, label, picture, text

TILES, CELL = 4, 46


def panel(left, title, order, rows_outside, notes):
    """order(row, column): when this tile's turn is, from 0. rows_outside: the outer loop runs over rows of Q."""
    x, y = left + 70, 92
    rows, columns = (ORANGE, BLUE) if rows_outside else (BLUE, ORANGE)
    parts = [text(left + 180, 24, title, 16, weight="bold"),
             text(x + TILES * CELL / 2, 52, "outer loop: rows" if rows_outside else "outer loop: columns", 12)]
    for t in range(TILES):
        parts += [label(x + t * CELL + 2, y - 28, CELL - 4, 22, f"K{t + 1} V{t + 1}", columns, 12),
                  label(x - 34, y + t * CELL + 8, 28, CELL - 16, f"Q{t + 1}", rows, 12),
                  label(x + TILES * CELL + 6, y + t * CELL + 8, 28, CELL - 16, f"O{t + 1}", rows, 12)]
    for row in range(TILES):
        for column in range(TILES):
            first = (row if rows_outside else column) == 0
            cx, cy = x + column * CELL, y + row * CELL
            parts += [box(cx + 2, cy + 2, CELL - 4, CELL - 4, GREEN if first else "none", GREEN if first else GREY),
                      text(cx + CELL / 2, cy + CELL / 2 + 5, str(order(row, column) + 1), 14, fill="#ffffff" if first else GREY)]
    for n, (colour, words) in enumerate(notes):
        parts.append(text(left + 8, y + TILES * CELL + 28 + 20 * n, words, 13, "start", colour))
    return parts


def main():
    parts = panel(0, "FlashAttention", lambda row, column: column * TILES + row, False, [
        (ORANGE, "stay in SRAM for a column: K, V (loaded 4 times)"),
        (BLUE, "at every tile: load Q, O, m, l; store O, m, l"),
        (GREY, "O: read 12 times, written 16 times"),
    ])
    parts += panel(400, "FlashAttention-2", lambda row, column: row * TILES + column, True, [
        (ORANGE, "stay in SRAM for a row: Q (loaded 4 times), O, m, l"),
        (BLUE, "at every tile: load K, V"),
        (GREY, "O: never read, written 4 times, divided once"),
    ])
    parts.append(text(390, 372, "Numbers: the order of the tiles of S = Q K^T. Green: the first step of the outer loop.", 12))
    sys.stdout.write(picture(780, 388, "The order of the tiles in FlashAttention and FlashAttention-2", parts))


main()
