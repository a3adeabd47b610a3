"""Does attnlab.check find right outputs right, wrong ones wrong, and say where and why?"""

import json

import attnlab
import numpy as np
import plain
import pytest
from attnlab.testing import assert_correct


@pytest.fixture
def problem():
    draw = np.random.default_rng(11).standard_normal
    return [draw((1, 2, 96, 32)).astype(np.float16) for _ in range(3)]


def test_an_honest_kernel_is_right(problem):
    verdict = attnlab.check(*problem, plain.kernel(*problem, causal=True), causal=True)
    assert verdict and verdict.right
    assert 0 < verdict.max_error_over_budget <= 1
    assert verdict.rows_checked == verdict.rows_total
    assert not verdict.diagnosis and not verdict.damage


def test_one_wrong_element_is_found_and_placed(problem):
    out = plain.kernel(*problem)
    out[0, 1, 70, 5] += 0.05
    verdict = attnlab.check(*problem, out)
    assert not verdict
    assert verdict.worst.tensor == "o"
    assert verdict.worst.at == (0, 1, 70, 5)
    assert verdict.worst.got == out[0, 1, 70, 5]
    assert verdict.tensors["o"].wrong == 1
    assert verdict.max_error_over_budget == verdict.worst.error_over_budget > 1


def test_nan_is_never_right(problem):
    out = plain.kernel(*problem)
    out[0, 0, 3, 4] = np.nan
    verdict = attnlab.check(*problem, out)
    assert not verdict and verdict.tensors["o"].nonfinite_mismatch == 1


def test_a_mistake_is_named():
    # Longer than a tile, so that a mask for whole tiles only is another output than no mask.
    draw = np.random.default_rng(11).standard_normal
    problem = [draw((1, 2, 300, 32)).astype(np.float16) for _ in range(3)]
    verdict = attnlab.check(*problem, plain.kernel(*problem), causal=True)
    assert not verdict
    assert "causal" in verdict.diagnosis[0].mistake
    assert verdict.diagnosis[0].explanation in str(verdict)


def test_lse_and_gradients(problem):
    q, k, v = problem
    dout = np.random.default_rng(3).standard_normal(q.shape).astype(np.float16)
    golden = attnlab.attention(q, k, v, dout=dout)
    rounded = {name: getattr(golden, name).astype(np.float16) for name in ("dq", "dk", "dv")}
    out, lse = golden.o.astype(np.float16), golden.lse.astype(np.float32)
    verdict = attnlab.check(q, k, v, out, lse, dout=dout, **rounded)
    assert verdict and set(verdict.tensors) == {"o", "lse", "dq", "dk", "dv"}
    wrong = attnlab.check(q, k, v, out, lse / np.float32(np.log(2)), dout=dout, **rounded)
    assert not wrong.tensors["lse"].right and wrong.tensors["o"].right


def test_the_declared_arithmetic_decides(problem):
    q, k, v = (x.astype(np.float32) for x in problem)
    rough = plain.kernel(q, k, v, dtype=np.float16).astype(np.float32)
    assert not attnlab.check(q, k, v, rough)
    assert attnlab.check(q, k, v, rough.astype(np.float16), p_dtype="fp16")
    with pytest.raises(ValueError, match="p_dtype: got"):
        attnlab.check(q, k, v, rough, p_dtype="fp17")


def test_a_sample_says_that_it_is_one(problem):
    verdict = attnlab.check(*problem, plain.kernel(*problem), rows="sample:40")
    assert verdict and verdict.rows_checked < verdict.rows_total
    with pytest.raises(ValueError, match="rows: got"):
        attnlab.check(*problem, plain.kernel(*problem), rows="some")


def test_other_rules(problem):
    out = plain.kernel(*problem)
    out[:, :, 0] *= 1.01
    verdict = attnlab.check(*problem, out, rules=True)
    assert {"allclose", "flash-attention"} <= {rule.rule for rule in verdict.rules}
    assert all(rule.detail for rule in verdict.rules)


def test_json_and_html(problem):
    out = plain.kernel(*problem)
    out[0, 0, 8:16] = 0
    verdict = attnlab.check(*problem, out)
    found = json.loads(verdict.json())
    assert found["verdict"] == "wrong"
    assert {"max_error_over_budget", "worst", "nonfinite_mismatch", "diagnosis", "rules"} <= set(found)
    page = verdict._repr_html_()
    assert "data:image/png" in page and verdict.damage[0].text.split(",")[0] in page
    damage = verdict.damage[0]
    assert damage.share.ndim == 3 and damage.share[0].max() > 0 and damage.share[1].max() == 0


def test_the_assertion_has_the_verdicts_text(problem):
    out = plain.kernel(*problem)
    assert assert_correct(out, *problem).right
    assert assert_correct((out, plain.attention(*problem)[1].astype(np.float32)), *problem)
    with pytest.raises(AssertionError) as failure:
        assert_correct(out, *problem, causal=True)
    assert str(failure.value) == str(attnlab.check(*problem, out, causal=True))


def test_outputs_of_the_wrong_shape_are_refused(problem):
    with pytest.raises(ValueError, match="o"):
        attnlab.check(*problem, plain.kernel(*problem)[:, :, :-1])
