"""Does attnlab.battery let honest kernels through, stop wrong ones, and stop when it is told to?"""

import json

import attnlab
import numpy as np
import plain
import pytest

SHORT = {"time_limit": 5, "max_seqlen": 70, "head_dims": [16], "hidden_nan": False, "empty": False}
WRONG = SHORT | {"time_limit": 300, "stop_after": 1}  # ends at the first failure


def honest(q, k, v, *, causal, softmax_scale):
    return plain.kernel(q, k, v, causal=causal, softmax_scale=softmax_scale)


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_an_honest_kernel_passes(dtype):
    report = attnlab.battery(honest, dtypes=[dtype], sums="nearest", **SHORT)
    assert report, str(report)
    assert report.run > 0 and not report.failures and report.max_error_over_budget <= 1
    assert json.loads(report.json())


def test_a_wrong_kernel_fails_with_a_small_example():
    def upper_left(q, k, v, *, causal):
        mask = np.tril(np.ones((q.shape[2], k.shape[2]), bool)) if causal else None
        return plain.attention(q, k, v, mask=mask)[0].astype(q.dtype)

    report = attnlab.battery(upper_left, **WRONG)
    assert not report and len(report.failures) == 1
    failure = report.failures[0]
    assert "causal" in failure.problem and failure.what
    assert str(report)
    again = attnlab.battery(upper_left, **WRONG)
    assert [f.problem for f in again.failures] == [f.problem for f in report.failures]


def test_only_what_the_kernel_has_arguments_for_is_drawn():
    seen = []

    def noted(q, k, v, *, causal):
        seen.append((causal, q.shape[1] == k.shape[1], q.dtype))
        return plain.kernel(q, k, v, causal=causal)

    attnlab.battery(noted, gqa=False, sums="nearest", **SHORT)
    assert {same for _, same, _ in seen} == {True}
    assert {causal for causal, *_ in seen} == {True, False}
    assert {str(dtype) for *_, dtype in seen} == {"float32"}


def into(q, k, v, out, lse, *, causal, softmax_scale):
    q, k, v = (x.transpose(0, 2, 1, 3) for x in (q, k, v))
    out[...] = plain.kernel(q, k, v, causal=causal, softmax_scale=softmax_scale).transpose(0, 2, 1, 3)
    if lse is not None:
        lse[...] = plain.attention(q, k, v, causal=causal, softmax_scale=softmax_scale)[1]


def forgets_the_last_row(q, k, v, out, lse, *, causal, softmax_scale):
    written = np.empty_like(out)
    into(q, k, v, written, lse, causal=causal, softmax_scale=softmax_scale)
    out[:, :-1] = written[:, :-1]


def test_lse_layout_and_buffers_to_write_to():
    report = attnlab.battery(into, layout="bshd", lse=True, sums="nearest", **SHORT)
    assert report, str(report)
    assert not attnlab.battery(forgets_the_last_row, layout="bshd", lse=True, sums="nearest", **WRONG)


def test_a_backward_function():
    def backward(dout, q, k, v, out, lse, *, causal, softmax_scale):
        golden = attnlab.attention(q, k, v, dout=dout, causal=causal, softmax_scale=softmax_scale)
        return tuple(gradient.astype(np.float32) for gradient in golden[2:])

    report = attnlab.battery(honest, backward=backward, sums="nearest", **SHORT)
    assert report, str(report)

    def without_scale(*arguments, softmax_scale, causal):
        dq, dk, dv = backward(*arguments, softmax_scale=softmax_scale, causal=causal)
        return dq / np.float32(softmax_scale), dk, dv

    report = attnlab.battery(honest, backward=without_scale, sums="nearest", **WRONG)
    assert not report and "dq" in str(report)


def paged(forgets_the_table):
    def kernel(q, k, v, *, block_table, seqlen_kv, kv_lens):
        out = np.empty_like(q)
        for b in range(q.shape[0]):
            keys = seqlen_kv if kv_lens is None else kv_lens[b]
            rows = [x[b] if block_table is None else gathered(x, block_table[b], forgets_the_table) for x in (k, v)]
            out[b] = plain.kernel(q[b : b + 1], *(x[None, :, :keys] for x in rows))[0]
        return out

    def gathered(x, pages, wrong):
        pages = np.arange(len(pages)) % x.shape[0] if wrong else pages
        return x[pages].transpose(1, 0, 2, 3).reshape(x.shape[1], len(pages) * x.shape[2], x.shape[3])

    return kernel


def test_paged_caches():
    report = attnlab.battery(paged(False), sums="nearest", **SHORT)
    assert report, str(report)
    report = attnlab.battery(paged(True), sums="nearest", **WRONG)
    assert not report and "pages of" in report.failures[0].problem


def test_exceptions_are_failures_and_unsupported_is_not():
    def raises(q, k, v):
        raise RuntimeError("no kernel image")

    report = attnlab.battery(raises, **WRONG)
    assert not report and "no kernel image" in report.failures[0].what

    def of_another_shape(q, k, v):
        return q[:, :, :-1]

    assert "expected (" in attnlab.battery(of_another_shape, **WRONG).failures[0].what

    calls = 0

    def declines_every_other(q, k, v, *, causal):
        nonlocal calls
        calls += 1
        if calls % 2:
            raise attnlab.Unsupported("odd")
        return plain.kernel(q, k, v, causal=causal)

    report = attnlab.battery(declines_every_other, sums="nearest", **SHORT)
    assert report and report.skipped > 0


@pytest.mark.parametrize("where", ["kernel", "progress"])
def test_ctrl_c_stops_it(where):
    calls = 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return plain.kernel(*arguments) if where == "kernel" else None

    kernel, progress = (interrupted, False) if where == "kernel" else (plain.kernel, interrupted)
    with pytest.raises(KeyboardInterrupt):
        attnlab.battery(kernel, progress=progress, **SHORT)
    assert calls == 3


def test_progress_and_resuming():
    steps = []
    first = attnlab.battery(
        honest, sums="nearest", progress=lambda *step: steps.append(step), **(SHORT | {"time_limit": 1})
    )
    assert steps and all(done <= total for done, total, _ in steps)
    if not first.complete:
        rest = attnlab.battery(honest, sums="nearest", first_case=first.next_case, **(SHORT | {"time_limit": 1}))
        assert rest.next_case > first.next_case


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError, match="framework: got 'mxnet'"):
        attnlab.battery(honest, framework="mxnet")
    with pytest.raises(ValueError, match="dtypes: got none"):
        attnlab.battery(honest, dtypes=[])
    with pytest.raises(ValueError, match="dtype: got"):
        attnlab.battery(honest, dtypes=["fp12"])
    with pytest.raises(ValueError, match="dtypes: got 2 types"):
        attnlab.battery(honest, dtypes=["fp16", "bf16"], p_dtype="fp8")
