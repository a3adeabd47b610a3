"""vAttention's page sizes: every layer's K and V of a sequence is an array of its own, whose memory is mapped in whole pages."""

from attnlab.experiments import Result, Table

# layers, KV heads, head_dim: the models' published configurations (Yi-6B and Yi-34B: recalled; Llama-3: arXiv 2407.21783, Table 3)
MODELS = {"Yi-6B": (32, 4, 128), "Llama-3-8B": (32, 8, 128), "Yi-34B": (60, 8, 128)}


def run(settings, paper):
    lines, waste_lines, document = [], [], {}
    ours = {}
    for name, (layers, kv_heads, head_dim) in MODELS.items():
        for gpus in settings.gpus:
            if kv_heads % gpus:
                continue
            row = kv_heads // gpus * head_dim * settings.bytes_per_number  # of one token, in K or V of one layer
            tokens = {page: page * 1024 / row for page in settings.page_kib}
            lines.append([name, str(gpus), f"{row:,}", *(f"{count:g}" for count in tokens.values())])
            if gpus == 1:
                ours |= {f"{name}, {page} KiB": count for page, count in tokens.items()}
        row = kv_heads * head_dim * settings.bytes_per_number
        arrays = 2 * layers
        document[name] = []
        for context in settings.context:
            point = {"context": context, "cache_bytes": arrays * row * context, "mapped_bytes": {}}
            for page in settings.page_kib:
                pages = -(-row * context // (page * 1024))
                point["mapped_bytes"][str(page)] = arrays * pages * page * 1024
            document[name].append(point)
            waste = {page: mapped - point["cache_bytes"] for page, mapped in point["mapped_bytes"].items()}
            waste_lines.append(
                [name, f"{context:,}", f"{point['cache_bytes'] / 2**20:,.0f}",
                 *(f"{more / 2**20:,.1f} ({100 * more / point['mapped_bytes'][page]:.1f} %)" for page, more in waste.items())]
            )  # fmt: skip
    pages = [f"{page} KiB" for page in settings.page_kib]
    return Result(
        ours={"tokens": ours},
        tables=[
            Table("tokens", ["model", "GPUs", "bytes per row", *pages], lines, "Tokens per page"),
            Table("waste", ["model", "tokens", "cache, MiB", *pages], waste_lines,
                  "Mapped and not used by one sequence on one GPU, MiB (and of all that is mapped)"),
        ],
        documents={"pages": document},
        device="arithmetic",
    )  # fmt: skip
