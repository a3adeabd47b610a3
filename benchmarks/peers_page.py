"""The page of peers.py: what PyTorch's backends gave, as Markdown."""

import datetime
import shlex
import sys
import textwrap

GOLDEN = """\
## Golden values by the GPU

`attnlab.attention` in float64, b 1, h 16, 4096 tokens, d 128, causal, fp16 inputs; copies to and from the GPU included.

| | {cores} cores, s | GPU, s | largest difference, relative |
|---|---:|---:|---:|
"""

INTRODUCTION = """\
Written by `{command}` on {date}: {machine}. Each backend of `scaled_dot_product_attention`, and FlexAttention (compiled),
goes through the battery for {time_limit:g} seconds forward and as long backward (FlexAttention: three times that), then through the check on problems
of real sizes with every row (beyond 2048 tokens: 512 rows per head, forward). Left out of the battery, since PyTorch means
something else there: sequences of length 0, NaN behind a mask, `is_causal` with unequal lengths; and grouped heads for the
efficient backend, which refuses them. "judged" counts the battery's cases, "declined" those that a backend refused, or that found no room on the GPU beside the
others. Error over budget is at most 1 for every right kernel of the usual arithmetic of its type: P in that
type, sums in fp32 ([oracle.md](../oracle.md)).
"""

PARTS = """\
## Gradients of grouped heads

Where query heads share K and V, PyTorch's FlashAttention computes dK and dV for each query head, rounds them to the inputs'
type, and adds those of a group afterwards: `dk_expanded` and `dv_expanded`, then `at::sum_out`, in `mha_bwd` of
aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp. A kernel that added them in fp32 would err less. The
table asks each backend whether it does so: the share of elements of dK and dV that are, to the bit, the sum of the rounded
gradients of the same problem with K and V repeated for every query head (b 2, h 8/2, 300 tokens, d 64, causal).

| backend | type | dK | dV |
|---|---|---:|---:|
"""


def introduction(results, options):
    ran = next((r for r in results if "failed" not in r), None)
    machine = "nothing ran"
    if ran:
        cudnn = f", cuDNN {ran['cudnn']}" if ran["cudnn"] else ""
        machine = f"{ran['gpu']}, PyTorch {ran['torch']}{cudnn}, Python {ran['python']}"
    command = shlex.join(["benchmarks/peers.py", *sys.argv[1:]])
    date = datetime.date.today().isoformat()
    text = INTRODUCTION.format(command=command, date=date, machine=machine, time_limit=options.time_limit)
    return f"# PyTorch's attention before the oracle\n\n{filled(text)}\n"


def filled(text):
    return textwrap.fill(text, 130, break_long_words=False, break_on_hyphens=False)


# What a finding's case was, by a word of it.
NOTES = {
    " far,": "`far` puts the batch entries of each tensor more than 2^32 elements apart, with strides that say so. FlexAttention's "
    "compiled kernel takes offsets of 32 bits there, and gives the second entry wrong.",
    "minus-infinity": "`minus-infinity` has heads all of whose scores are -inf. Their rows are 0 by [our semantics](../semantics.md) "
    "and by PyTorch's math backend; where nothing is masked, flash gives NaN.",
}


def findings(results):
    """One line a finding, and the largest share of a budget among what is right."""
    wrong, largest = [], 0.0
    for r in results:
        for name in ("forward", "backward"):
            wrong += [f"- {r['backend']}, {r['dtype']}, {name}: {found}" for found in r.get(name, {}).get("found", [])]
            largest = max(largest, r.get(name, {}).get("error_over_budget", 0) if r.get(name, {}).get("ok") else 0)
        for p in r.get("problems", []):
            if p.get("verdict") == "wrong":
                names = ", ".join(d["mistake"] for d in p["diagnosis"]) or "no known mistake fits"
                ratio = shown(p["max_error_over_budget"])
                wrong.append(f"- {r['backend']}, {r['dtype']}, {p['problem']}: {ratio} times the budget ({names})")
            elif p.get("verdict") == "right":
                largest = max(largest, p["max_error_over_budget"])
    if not wrong:
        return f"**Everything that ran is right**; the worst number takes {shown(largest)} of its budget.\n"
    text = f"**{len(wrong)} findings.** Of everything that is right, the worst number takes {shown(largest)} of its budget.\n"
    notes = [note for word, note in NOTES.items() if any(word in line for line in wrong)]
    return "\n".join([text, *wrong, *(f"\n{filled(note)}" for note in notes), ""])


def shown(ratio):
    return f"{ratio:.3g}" if isinstance(ratio, float) else str(ratio)


def parts_table(results):
    lines = ""
    for r in results:
        if equal := r.get("summed_by_rounded_parts"):
            lines += f"| {r['backend']} | {r['dtype']} | {100 * equal[0]:.1f} % | {100 * equal[1]:.1f} % |\n"
    return PARTS + lines if lines else ""


def table(results):
    lines = [
        "| backend | type | pass | battery | judged | declined | error / budget | first finding |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        start = f"| {result['backend']} | {result['dtype']} |"
        if "failed" in result:
            lines.append(f"{start} | did not run | | | | {result['failed']} |")
            continue
        for name in ("forward", "backward"):
            r = result[name]
            said = "right" if r["ok"] else "no case" if not r["cases"] else "wrong"
            first = r["found"][0] if r["found"] else ""
            first = first if len(first) < 160 else first[:160] + " ..."
            lines.append(
                f"{start} {name} | {said} | {r['cases']} | {r['left']} | {r['error_over_budget']:.3g} | {first} |"
            )
    lines += [
        "",
        "## Real sizes",
        "",
        "| backend | type | problem | check | error / budget | diagnosis |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        for p in result.get("problems", []):
            said = p.get("verdict") or ("declined" if "skipped" in p else "failed")
            what = p.get("skipped") or p.get("error") or ", ".join(d["mistake"] for d in p.get("diagnosis", []))
            ratio = shown(p["max_error_over_budget"]) if "max_error_over_budget" in p else ""
            lines.append(f"| {result['backend']} | {result['dtype']} | {p['problem']} | {said} | {ratio} | {what} |")
    return "\n".join(lines) + "\n"


def golden_table(golden):
    lines = [
        f"| {r['what']} | {r['seconds']['cpu']:.2f} | {r['seconds']['gpu']:.2f} | {r['difference']:.1e} |\n"
        for r in golden["rows"]
    ]
    return GOLDEN.format(cores=golden["cores"]) + "".join(lines)


def page(results, options, golden=None):
    sections = [
        introduction(results, options),
        findings(results),
        "## The battery\n",
        table(results),
        parts_table(results),
        golden_table(golden) if golden else "",
    ]
    return "\n".join(section for section in sections if section)
