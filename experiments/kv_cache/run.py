"""KV-cache sizes: the published bytes per token of every model card, and one model under four mechanisms."""

import attnlab
from attnlab.experiments import Result, Table

CACHE_BITS = {"deepseek-v2": 6, "deepseek-67b": 16}  # DeepSeek-V2, section 3.2.3: 6 bits on average


def elements(model):
    return attnlab.kv(model)["elements_per_token"]


def size(value):
    """1073741824 -> '1.0 GiB'."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def run(settings, paper):
    question = {key: settings[key] for key in ("context", "batch", "dtype", "memory_bytes")}
    compared = attnlab.kv(settings.model, compare=True, **question)
    mechanisms = compared["mechanisms"]
    small = attnlab.kv("deepseek-v2-lite", compare=True)["mechanisms"]
    (small_mha,) = (m["elements_per_token"] for m in small if m["mechanism"] == "MHA")
    bits = {model: elements(model) * bits for model, bits in CACHE_BITS.items()}
    most = mechanisms[0]["total_bytes"]
    lines = [
        [m["mechanism"], f"{m['elements_per_token']:,}", size(m["bytes_per_token"]), size(m["total_bytes"]),
         f"{100 * m['total_bytes'] / most:.2f} %", f"{m['max_batch']:,}"]
        for m in mechanisms
    ]  # fmt: skip
    by_context = [
        [m["mechanism"], str(context), str(total)]
        for m in mechanisms
        for context, total in zip(compared["contexts"], m["bytes_by_context"], strict=True)
    ]
    title = f"{compared['title']} with each mechanism: {settings.context:,} tokens, batch {settings.batch}, {settings.dtype}"
    return Result(
        ours={
            "bytes_per_token": {
                model: attnlab.kv(model, dtype="fp16")["bytes_per_token"] for model in paper.figures["bytes_per_token"]
            },
            "table9": {
                "small MoE, MHA": small_mha / 1e3,
                "small MoE, MLA": elements("deepseek-v2-lite") / 1e3,
                "large MoE, MLA": elements("deepseek-v2") / 1e3,
            },
            "reduction": {
                "DeepSeek-V2 against DeepSeek 67B": 100 * (1 - bits["deepseek-v2"] / bits["deepseek-67b"])
            },
        },
        tables=[
            Table("mechanisms", ["", "numbers/token", "bytes/token", "the batch", "of MHA", "max batch"], lines, title),
            Table("kv_cache", ["mechanism", "context", "bytes"], by_context, printed=False),
        ],
        documents={"kv_cache": compared},
        device=f"{settings.memory_bytes / 1e9:g} GB of memory",
    )
