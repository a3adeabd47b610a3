"""Multi-query attention's Table 2: the printed microseconds from the printed milliseconds, and a roofline of one TPU v2 core."""

from attnlab.experiments import Result, Table

D_MODEL, HEADS, D_HEAD, LAYERS, VOCABULARY = 1024, 8, 128, 6, 32768  # section 4.1; 211M parameters fit this vocabulary
MODELS = {"multi-head": {"kv_heads": 8, "d_ff": 4096}, "multi-query": {"kv_heads": 1, "d_ff": 5440}}
# Section 4.3: milliseconds of the encoder for all sources, of a decoder's step, of a training step; tokens of the last.
MEASURED = {"multi-head": (222, 47, 433), "multi-query": (195, 3.9, 425)}
TRAINED_TOKENS = 32768


def weights(kv_heads, d_ff):
    """Numbers in a layer: an attention's queries and outputs, its keys and values, and the feed-forward network."""
    return {"queries": 2 * D_MODEL * HEADS * D_HEAD, "keys": 2 * D_MODEL * kv_heads * D_HEAD, "forward": 2 * D_MODEL * d_ff}


def encoder(model, tokens, settings):
    """FLOPs and bytes of the encoder for this many tokens: each weight meets each token; scores and their product with V."""
    layer = sum(weights(**model).values())
    flops = LAYERS * tokens * (2 * layer + 4 * settings.seqlen * HEADS * D_HEAD)
    activations = 2 * tokens * D_MODEL  # read and written once per layer: the least
    return flops, LAYERS * (layer + activations) * settings.bytes_per_number


def decoder_step(model, sequences, settings):
    """FLOPs and bytes of one token for each sequence. Keys and values of the source stand already; both caches have
    `seqlen` rows, as arrays of a fixed shape do from the first step on."""
    layer = weights(**model)
    used = 2 * layer["queries"] + layer["keys"] + layer["forward"]
    cached = 2 * 2 * sequences * settings.seqlen * model["kv_heads"] * D_HEAD  # of K and V, of both attentions
    output = D_MODEL * VOCABULARY
    flops = sequences * (LAYERS * (2 * used + 2 * 4 * settings.seqlen * HEADS * D_HEAD) + 2 * output)
    numbers = {"weights": LAYERS * used + output, "cache": LAYERS * cached}
    return flops, {name: count * settings.bytes_per_number for name, count in numbers.items()}


def run(settings, paper):
    sequences = settings.batch / settings.cores
    ours, limits, rows, document = {}, {}, [], {}
    for name, model in MODELS.items():
        encoder_ms, step_ms, training_ms = MEASURED[name]
        printed = {
            "encoder": 1e3 * encoder_ms / (settings.batch * settings.seqlen),
            "decoder": 1e3 * step_ms / settings.batch,
            "training": 1e3 * training_ms / TRAINED_TOKENS,
        }
        ours |= {f"{name}, {part}": us for part, us in printed.items()}
        flops, size = encoder(model, sequences * settings.seqlen, settings)
        step_flops, step_bytes = decoder_step(model, sequences, settings)
        for part, work, moved, tokens in (
            ("encoder", flops, size, settings.batch * settings.seqlen),
            ("decoder", step_flops, sum(step_bytes.values()), settings.batch),
        ):
            computing, moving = work / settings.peak_tflops / 1e12, moved / settings.bandwidth_gbs / 1e9
            limit = 1e6 * max(computing, moving) / tokens
            limits[f"{name}, {part}"] = limit
            rows.append([
                f"{name}, {part}", f"{work / 1e9:,.1f}", f"{moved / 1e6:,.0f}", f"{1e3 * computing:.2f}", f"{1e3 * moving:.2f}",
                "compute" if computing > moving else "memory", f"{limit:.2f}", f"{printed[part]:.2f}", f"{printed[part] / limit:.1f}",
            ])  # fmt: skip
        document[name] = {"measured_us": printed, "step_bytes": step_bytes,
                          "limit_us": {part: limits[f"{name}, {part}"] for part in ("encoder", "decoder")}}  # fmt: skip
    columns = ["on one core", "GFLOP", "MB", "compute ms", "memory ms", "bound", "limit us/token", "paper us/token", "paper / limit"]
    return Result(
        ours={"per_token": ours, "roofline": limits},
        tables=[Table("roofline", columns, rows, f"A roofline of {settings.peak_tflops:g} TFLOP/s and {settings.bandwidth_gbs:g} GB/s")],
        documents={"times": document},
        device="TPU v2, by the paper's times and a roofline",
    )
