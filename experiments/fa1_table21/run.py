"""FlashAttention's Table 21: the memory of one attention layer, by the formulas of simulator/io/memory_footprint.h."""

import attnlab
from attnlab.experiments import Result, Table

METHODS = {
    "PyTorch": "pytorch",
    "FlashAttention": "flash_attention",
    "BlockSparseFlashAttention": "block_sparse_flash_attention",
}
MIB = 1 << 20


def shown(total, memory_gb):
    """As the paper prints it."""
    return "out of memory" if total > memory_gb * 1e9 else float(total // MIB)


def run(settings, paper):
    sizes = {key: settings[key] for key in ("batch", "num_heads", "head_dim")}
    bytes_of = {
        name: [attnlab.memory_footprint(method, seqlen=n, **sizes)["total"] for n in settings.seqlen]
        for name, method in METHODS.items()
    }
    ours = {
        f"{name}, N {n}": shown(total, settings.memory_gb)
        for name, totals in bytes_of.items()
        for n, total in zip(settings.seqlen, totals, strict=True)
    }
    lines = [
        [str(n), *(f"{ours[key]:.0f}" if isinstance(ours[key], float) else "" for key in
                   (f"{name}, N {n}" for name in METHODS))]
        for n in settings.seqlen
    ]  # fmt: skip
    document = {
        "settings": {**sizes, "memory_gb": settings.memory_gb},
        "seqlen": list(settings.seqlen),
        "bytes": bytes_of,
        "paper_mib": {
            name: [paper.number("mib", f"{name}, N {n}") for n in settings.seqlen] for name in METHODS
        },
    }
    return Result(
        ours={"mib": ours},
        tables=[Table("memory", ["N", *METHODS], lines, printed=False)],
        documents={"memory": document},
        notes="The formulas were found from the printed numbers (simulator/io/memory_footprint.h); the paper states none.\n",
        device=f"a GPU with {settings.memory_gb:g} GB",
    )
