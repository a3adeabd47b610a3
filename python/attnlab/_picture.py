"""Small pictures for notebooks, without a plotting library."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_MOST_STRIPS = 8


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An image of [rows, cols, 3] bytes (PNG specification, W3C 2003: colour type 2, filter 0)."""
    rows, cols, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + pixels[r].tobytes() for r in range(rows))
    header = struct.pack(">IIBBBBB", cols, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def strips(share: NDArray[np.float32]) -> str:
    """Images of [strips, rows, cols] numbers from 0 (green) to 1 (red), side by side."""
    right, wrong = np.array([210, 240, 215], float), np.array([190, 20, 35], float)
    shown = []
    for n, strip in enumerate(share[:_MOST_STRIPS]):
        # A cell with one wrong element must not look right.
        weight = np.where(strip > 0, 0.25 + 0.75 * strip, 0)[..., None]
        pixels = np.ascontiguousarray((right + (wrong - right) * weight).astype(np.uint8))
        if pixels.size == 0:
            continue
        data = base64.b64encode(png(pixels)).decode()
        zoom = max(1, min(12, 160 // max(pixels.shape[:2])))
        shown.append(
            f"<img title='head {n}' style='image-rendering:pixelated;margin-right:6px;border:1px solid #888' "
            f"width='{pixels.shape[1] * zoom}' height='{pixels.shape[0] * zoom}' src='data:image/png;base64,{data}'>"
        )
    more = len(share) - _MOST_STRIPS
    return "".join(shown) + (f" and {more} more" if more > 0 else "")
