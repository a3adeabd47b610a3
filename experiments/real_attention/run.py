"""A real model's attention: every algorithm on Q, K and V of a trained layer, against float64 and against what the model
itself computed."""

import attnlab
import numpy as np
from attnlab.experiments import Result, Table, read_safetensors


def worst(a, b):
    return float(np.abs(a.astype(np.float64) - b).max())


def run(settings, paper):
    tensors = read_safetensors(settings.folder / "minilm_layer0.safetensors")
    q, k, v, model_o = (tensors[name] for name in ("q", "k", "v", "o"))
    lengths = [int(n) for n in tensors["seqlen"]]
    batch, heads, seqlen, head_dim = q.shape
    exact = attnlab.run(q, k, v, algorithm="standard", precision="double", kv_lens=lengths).o
    model_error = worst(model_o, exact)
    rows = []
    for name in attnlab.algorithms():
        o = attnlab.run(q, k, v, algorithm=name, br=settings.br, bc=settings.bc, kv_lens=lengths).o
        rows.append({"algorithm": name, "error_from_float64": worst(o, exact), "difference_from_model": worst(o, model_o)})
    lines = [[row["algorithm"], *(f"{row[key]:.2e}" for key in ("error_from_float64", "difference_from_model"))]
             for row in rows]  # fmt: skip
    title = (
        f"{batch} sequences of {' and '.join(map(str, lengths))} tokens, padded to {seqlen}; {heads} heads, d {head_dim}; "
        f"float32, tiles of {settings.br} x {settings.bc}\n\nworst difference"
    )
    return Result(
        ours={"from_model": {"the worst of all algorithms": max(row["difference_from_model"] for row in rows)}},
        tables=[Table("real_attention", ["", "from float64", "from the model's output"],
                      [*lines, ["the model itself", f"{model_error:.2e}", ""]], title)],
        documents={"real_attention": {"model_error": model_error, "rows": rows}},
    )  # fmt: skip
