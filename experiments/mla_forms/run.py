"""Multi-head latent attention, naive and absorbed: FLOPs, bytes and roofline times from the closed forms of attnlab.io."""

import attnlab
from attnlab.experiments import Result, Table

FORMS = ("naive", "absorbed")
MEASURES = {"flops": "FLOPs", "bytes": "bytes", "us": "roofline time"}
MOST_QUERIES = 1 << 20


class Step:
    """One layer's attention for a step of one sequence."""

    def __init__(self, settings):
        self.shape = {
            "num_heads": settings.num_heads,
            "head_dim": settings.head_dim,
            "head_dim_v": settings.head_dim,
            "kv_lora_rank": settings.kv_lora_rank,
            "rope_dim": settings.rope_dim,
            "dtype": settings.dtype,
            "device": settings.device,
        }

    def cost(self, form, queries, context):
        answer = attnlab.io(f"mla-{form}", seqlen_q=queries, seqlen_kv=context, **self.shape)
        return {"flops": answer["flops"], "bytes": answer["hbm_bytes"], "us": answer["time_roofline_us"], "bound": answer["bound"]}

    def crossing(self, measure, context):
        """The least number of queries from which the naive form costs no more; nothing where it always costs more."""
        naive_wins = lambda queries: (  # noqa: E731
            self.cost("naive", queries, context)[measure] <= self.cost("absorbed", queries, context)[measure]
        )
        least, most = 1, 1
        while not naive_wins(most):
            if most == MOST_QUERIES:
                return None
            least, most = most, 2 * most
        while least + 1 < most:
            middle = (least + most) // 2
            least, most = (least, middle) if naive_wins(middle) else (middle, most)
        return most


def shown(count):
    return f"{count:.4g}" if count < 1e4 else f"{count:.3g}"


def run(settings, paper):
    step = Step(settings)
    by_context = [{"context": n, **{form: step.cost(form, 1, n) for form in FORMS}} for n in settings.context]
    by_queries = [
        {"queries": n, **{form: step.cost(form, n, settings.drawn_context) for form in FORMS}} for n in settings.queries
    ]
    crossings = [{"context": n, **{measure: step.crossing(measure, n) for measure in MEASURES}} for n in settings.context]
    # Per head and pair of query and key the absorbed form computes 2 (2 d_c + d_R), the naive one 2 (2 d_h + d_R), which also
    # computes 2 d_c (2 d_h) per key, once for all queries.
    dearer = 2 * settings.kv_lora_rank - 2 * settings.head_dim
    limit = settings.kv_lora_rank * 2 * settings.head_dim / dearer if dearer > 0 else float("inf")
    decode = [
        [f"{point['context']:,}",
         *(shown(point[form][measure]) for measure in ("flops", "bytes", "us") for form in FORMS)]
        for point in by_context
    ]  # fmt: skip
    several = [
        [str(point["queries"]), *(shown(point[form][measure] / point["queries"]) for measure in MEASURES for form in FORMS)]
        for point in by_queries
    ]
    crossing_lines = [
        [f"{line['context']:,}", *("none" if line[measure] is None else f"{line[measure]:,}" for measure in MEASURES)]
        for line in crossings
    ]
    heads = ["FLOPs naive", "absorbed", "bytes naive", "absorbed", "us naive", "absorbed"]
    return Result(
        ours={
            "groups": {"DeepSeek-V2": (settings.kv_lora_rank + settings.rope_dim) / (2 * settings.head_dim)},
            "crossing": {"queries": limit},
        },
        tables=[
            Table("decode", ["context", *heads], decode, "One query: a layer's attention for one token"),
            Table("queries", ["queries", *heads], several, f"Per token of a step, context {settings.drawn_context:,}"),
            Table("crossing", ["context", *MEASURES.values()], crossing_lines,
                  "Queries of a step from which the naive form costs no more"),
        ],
        documents={"forms": {"by_context": by_context, "by_queries": by_queries, "crossings": crossings,
                             "drawn_context": settings.drawn_context, "limit": limit}},
        notes=f"In the limit of long contexts the FLOPs cross at {limit:.2f} queries: d_c 2 d_h / (2 d_c - 2 d_h).\n",
        device=f"{settings.device}, by its roofline",
    )  # fmt: skip
