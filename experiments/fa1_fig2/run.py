"""FlashAttention's Figure 2: the traffic of every row at the paper's size, in closed form and metered, and the error of
the same runs against float64."""

import attnlab
import numpy as np
from attnlab.experiments import Result, Table, progress

STEP = 4  # heads that run at once
SEED = 2022  # of dropout


def problem_of(settings, row):
    """What attnlab.io is asked about a row, of the whole problem."""
    own = {key: row[key] for key in ("br", "bc", "mask_pass", "dropout_p", "density") if key in row}
    sizes = {key: settings[key] for key in ("batch", "num_heads", "seqlen", "head_dim", "dtype", "device")}
    return {"algorithm": row["algorithm"], "direction": "both", **sizes, **own}


def options_of(row):
    return {"dropout_p": row.get("dropout_p", 0.0), "dropout_seed": SEED}


def blocks_of(settings, row):
    """The tiles that exist, the same for every head, or None for all."""
    if row.get("density", 1) == 1:
        return None
    rows, cols = (-(-settings.seqlen // row[side]) for side in ("br", "bc"))
    return attnlab.random_blocks(rows, cols, density=row["density"])


def truth(inputs, row, blocks):
    """O, dQ, dK, dV in float64."""
    mask = None
    if blocks is not None:
        seqlen = inputs[0].shape[2]
        mask = blocks.repeat(row["br"], axis=0).repeat(row["bc"], axis=1)[:seqlen, :seqlen]
    q, k, v, dout = inputs
    return attnlab.run(q, k, v, dout=dout, algorithm="standard", precision="double", mask=mask, **options_of(row))


def worst(ours, exact):
    return float(max(np.abs(a.astype(np.float64) - b).max() for a, b in zip(ours, exact, strict=True)))


def run_heads(settings):
    """Of each row: what its heads loaded, stored and computed, summed, and the worst errors of O and of the gradients."""
    found = [{"metered": [], "error_o": 0.0, "error_grad": 0.0} for _ in settings.rows]
    heads = min(settings.heads_run, settings.batch * settings.num_heads)
    for first in range(0, heads, STEP):
        shape = (1, min(STEP, heads - first), settings.seqlen, settings.head_dim)
        inputs = [attnlab.random_normal(shape, dtype=settings.dtype, seed=first, stream=n) for n in range(4)]
        q, k, v, dout = inputs
        truths = {}
        for index, row in enumerate(settings.rows):
            blocks = blocks_of(settings, row)
            key = (row.get("dropout_p", 0.0), row.get("density", 1))
            if key not in truths:
                truths[key] = truth(inputs, row, blocks)
            tiles = {side: row.get(side) for side in ("br", "bc")}
            own = attnlab.run(
                q, k, v, dout=dout, algorithm=row["algorithm"], block_mask=blocks, mask_pass=row.get("mask_pass", False),
                metered=True, dtype=settings.dtype, device=settings.device, **tiles, **options_of(row),
            )  # fmt: skip
            exact, of_row = truths[key], found[index]
            of_row["metered"].append(own.traffic)
            of_row["error_o"] = max(of_row["error_o"], worst([own.o], [exact.o]))
            gradients = [own.dq, own.dk, own.dv], [exact.dq, exact.dk, exact.dv]
            of_row["error_grad"] = max(of_row["error_grad"], worst(*gradients))
            progress("running the algorithms, metered, against float64",
                     first * len(settings.rows) + (index + 1) * shape[1], heads * len(settings.rows))  # fmt: skip
    return found, heads


def counts(traffic):
    """Everything that is counted, as one flat list of numbers in a fixed order, the SRAM peak apart."""
    tensors = [(name, side, n) for name, sides in traffic["by_tensor"].items() for side, n in sides.items()]
    return tensors + [("flops", kind, n) for kind, n in traffic["flops_by_kind"].items()]


def equal(closed, metered, heads, heads_run):
    """The closed form of all heads and the sum of those that ran, each times the number of the other's heads."""
    total = [(*names, sum(n)) for *names, n in (
        (name, side, [counts(step)[i][2] for step in metered]) for i, (name, side, _) in enumerate(counts(metered[0]))
    )]  # fmt: skip
    scaled = [(name, side, n * heads) for name, side, n in total]
    peak = max(step["sram_peak_elements"] for step in metered)
    return scaled == [(*names, n * heads_run) for *names, n in counts(closed)] and peak == closed["sram_peak_elements"]


def run_middle(settings, paper):
    """HBM bytes of the forward pass against Bc. One head is metered: all move the same."""
    heads, shape = settings.batch * settings.num_heads, (1, 1, settings.seqlen, settings.head_dim)
    q, k, v = (attnlab.random_normal(shape, dtype=settings.dtype, stream=n) for n in range(3))
    row = {"algorithm": "flash1"}
    points = []
    for bc in settings.middle_bc:
        tiles = {"br": settings.middle_br, "bc": bc}
        closed = attnlab.io(**problem_of(settings, row) | tiles | {"direction": "forward"})
        own = attnlab.run(q, k, v, **row, **tiles, metered=True, dtype=settings.dtype, device=settings.device)
        figure = paper.figure("middle_gb", f"Bc {bc}")
        points.append({
            "bc": bc,
            "matrix_bytes": closed["matrix_bytes"],
            "metered_matrix_bytes": own.traffic["matrix_bytes"] * heads,
            "time_roofline_us": closed["time_roofline_us"],
            "paper_gb": figure and figure.value,
            "paper_error_gb": figure and figure.error,
        })  # fmt: skip
    return points


def notes(settings, heads_run, paper, rows):
    text = f"""\
read      by the closed form; metered: what the heads that ran were counted to load and store, against it
matrices  without the row statistics m, l, lse, D, which the paper's formulas leave out
error     worst difference from float64 on {heads_run} of {settings.batch * settings.num_heads} heads: float32 \
arithmetic, inputs rounded to {settings.dtype}
roofline  of {settings.device} (peak rates, perfect overlap), no measurement; the paper's times were measured
middle    (1 + 3 N / Bc) N d elements a head; the paper's points were measured off the figure, +- 0.05 GB
"""
    standard, flash = "standard + mask, dropout passes", "FlashAttention, Bc 256"
    if paper.figure("left_gb", standard) is None or paper.figure("left_gb", flash) is None:
        return text
    gflop = {row["label"]: row["matmul_flops"] / 1e9 for row in rows}
    printed = {row: paper.number("left_gflop", row) for row in (standard, flash)}
    return text + f"""
Why {paper.number("left_gb", standard)} GB: 18 N^2 + 12 N d elements a head. Algorithms 0 and 3 alone move 11 N^2 + 12 N d; a masking
  pass adds 2 N^2, dropout 2.5 N^2 each way with a mask of one byte. The sum fits; the paper gives none.
Why {paper.number("left_gb", flash)} GB: 33 N d elements a head at Bc 256: 13 forward (K, V 2; Q 4; O written 4, read 3), 20 backward.
  The letter of Algorithms 1 and 4 moves more: it initialises O and dQ in HBM. The rule Bc = M / 4d = 384
  would give 30 N d, but backward such tiles exceed M: 'tile rule' takes the largest that fit.
Why not {printed[standard]} and {printed[flash]} GFLOP: they do not follow from this configuration. 12 N^2 d and 14 N^2 d a head are
  {gflop[standard]:.1f} and {gflop[flash]:.1f}, {gflop[standard] / printed[standard]:.1f} and \
{gflop[flash] / printed[flash]:.1f} times as many; only their ratio is near (S is computed twice).
"""


def run(settings, paper):
    found, heads_run = run_heads(settings)
    heads = settings.batch * settings.num_heads
    rows, lines, sram_elements = [], [], 0
    for row, of_row in zip(settings.rows, found, strict=True):
        closed = attnlab.io(**problem_of(settings, row))
        sram_elements = closed["sram_elements"]
        tiles = {name: [sides["br"], sides["bc"]] for name, sides in closed["tiles"].items()}
        printed = {key: paper.number(f"left_{key}", row["label"]) for key in ("gflop", "gb", "ms")}
        same = equal(closed, of_row["metered"], heads, heads_run)
        rows.append({
            "label": row["label"],
            "algorithm": row["algorithm"],
            "tiles_forward": tiles["forward"],
            "tiles_backward": tiles["backward"],
            "worst_error_output": of_row["error_o"],
            "worst_error_gradient": of_row["error_grad"],
            "hbm_read_bytes": closed["hbm_read_bytes"],
            "hbm_write_bytes": closed["hbm_write_bytes"],
            "matrix_bytes": closed["matrix_bytes"],
            "metered_equals_closed": same,
            "sram_peak_bytes": closed["sram_peak_bytes"],
            "matmul_flops": closed["flops"],
            "time_roofline_us": closed["time_roofline_us"],
            "paper": printed if any(printed.values()) else None,
        })  # fmt: skip
        lines.append([
            row["label"],
            "{} x {}".format(*tiles["forward"]),
            f"{closed['hbm_read_bytes'] / 1e9:.3f}",
            f"{closed['hbm_write_bytes'] / 1e9:.3f}",
            "equal" if same else "DIFFERENT",
            f"{closed['matrix_bytes'] / 1e9:.2f}",
            f"{of_row['error_o']:.1e}",
            f"{of_row['error_grad']:.1e}",
            f"{closed['sram_peak_bytes'] / 1024:.1f}",
            f"{closed['flops'] / 1e9:.1f}",
            f"{closed['time_roofline_us'] / 1e3:.2f}",
        ])  # fmt: skip
    points = run_middle(settings, paper)
    header = ["", "Br x Bc", "read GB", "written GB", "metered", "matrices GB", "error O", "error grad", "SRAM KiB",
              "GFLOP", "roofline ms"]  # fmt: skip
    title = (
        f"Left: batch {settings.batch}, {settings.num_heads} heads, N {settings.seqlen}, d {settings.head_dim}, "
        f"{settings.dtype}, forward + backward, SRAM M {sram_elements}"
    )
    middle = [
        [str(p["bc"]), f"{p['matrix_bytes'] / 1e9:.3f}", f"{p['metered_matrix_bytes'] / 1e9:.3f}"] for p in points
    ]
    sizes = {key: settings[key] for key in ("batch", "num_heads", "seqlen", "head_dim", "dtype")}
    return Result(
        ours={
            "left_gb": {row["label"]: row["matrix_bytes"] / 1e9 for row in rows},
            "left_gflop": {row["label"]: row["matmul_flops"] / 1e9 for row in rows},
            "left_ms": {row["label"]: row["time_roofline_us"] / 1e3 for row in rows},
            "middle_gb": {f"Bc {point['bc']}": point["matrix_bytes"] / 1e9 for point in points},
            "middle_ms": {f"Bc {point['bc']}": point["time_roofline_us"] / 1e3 for point in points},
        },
        tables=[
            Table("fig2_left", header, lines, title, breaks=[6]),
            Table("fig2_middle", ["Bc", "closed form GB", "metered GB"], middle,
                  "Middle: forward, matrices against the block size"),
        ],
        documents={"fig2": {"settings": sizes, "heads_run": heads_run, "sram_elements": sram_elements,
                            "device": settings.device, "rows": rows, "middle": points}},
        notes=notes(settings, heads_run, paper, rows),
        device=f"{settings.device} (closed form and roofline)",
    )  # fmt: skip
