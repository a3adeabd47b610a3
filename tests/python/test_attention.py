"""Is attnlab.attention the definition, for every option, type, layout and owner of arrays?"""

import attnlab
import numpy as np
import plain
import pytest


@pytest.fixture
def draw():
    return np.random.default_rng(5).standard_normal


OPTIONS = [
    {},
    {"causal": True},
    {"window": (3, 1)},
    {"window": (None, 2), "causal": True},
    {"softmax_scale": 0.3},
    {"softcap": 2.0},
    {"sinks": [0.5, -1.0, 2.0, 0.0]},
    {"mask": np.random.default_rng(1).random((9, 13)) < 0.5},
    {"bias": np.random.default_rng(2).standard_normal((4, 1, 13)).astype(np.float32)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_is_the_definition(draw, options):
    q, k, v = draw((2, 4, 9, 8)), draw((2, 2, 13, 8)), draw((2, 2, 13, 6))
    o, lse = attnlab.attention(q, k, v, **options)
    expected_o, expected_lse = plain.attention(q, k, v, **options)
    np.testing.assert_allclose(o, expected_o, rtol=0, atol=1e-14)
    np.testing.assert_allclose(lse, expected_lse, rtol=1e-14)


def test_gradients_are_the_slopes(draw):
    q, k, v, dout = draw((1, 2, 5, 4)), draw((1, 1, 6, 4)), draw((1, 1, 6, 4)), draw((1, 2, 5, 4))
    result = attnlab.attention(q, k, v, dout=dout, causal=True)
    for tensor, gradient in zip((q, k, v), (result.dq, result.dk, result.dv), strict=True):
        step = 1e-5 * draw(tensor.shape)
        tensor += step
        above = (attnlab.attention(q, k, v, causal=True).o * dout).sum()
        tensor -= 2 * step
        below = (attnlab.attention(q, k, v, causal=True).o * dout).sum()
        tensor += step
        assert above - below == pytest.approx(2 * (gradient * step).sum(), rel=1e-6)


def test_layouts_and_fewer_dimensions_are_views_of_the_same(draw):
    q, k, v = draw((2, 3, 5, 4)), draw((2, 3, 7, 4)), draw((2, 3, 7, 4))
    o, lse = attnlab.attention(q, k, v)
    swapped = attnlab.attention(*(np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (q, k, v)), layout="bshd")
    np.testing.assert_array_equal(swapped.o.transpose(0, 2, 1, 3), o)
    np.testing.assert_array_equal(swapped.lse, lse)
    entry = attnlab.attention(q[1], k[1], v[1])
    head = attnlab.attention(q[1, 2], k[1, 2], v[1, 2], layout="bshd")
    np.testing.assert_array_equal(entry.o, o[1])
    np.testing.assert_array_equal(entry.lse, lse[1])
    np.testing.assert_array_equal(head.o, o[1, 2])
    np.testing.assert_array_equal(head.lse, lse[1, 2])


def test_strides_of_every_kind(draw):
    q, k, v = draw((1, 2, 6, 4)), draw((1, 2, 6, 4)), draw((1, 2, 6, 4))
    expected = attnlab.attention(q, k, v).o
    odd = [np.asfortranarray(q), k[:, :, ::-1], np.repeat(v, 2, axis=3)[..., ::2]]
    np.testing.assert_array_equal(
        attnlab.attention(odd[0], np.ascontiguousarray(odd[1])[:, :, ::-1], odd[2]).o, expected
    )
    record = np.zeros((1, 2, 6, 4), [("pad", "u1"), ("value", "f8")])
    record["value"] = q
    np.testing.assert_array_equal(attnlab.attention(record["value"], k, v).o, expected)
    np.testing.assert_array_equal(attnlab.attention(q.astype(">f8"), k, v).o, expected)
    q.flags.writeable = False
    np.testing.assert_array_equal(attnlab.attention(q, k, v).o, expected)


def test_every_type_is_read_exactly(draw):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in [np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]:
        q, k, v = (draw((1, 1, 4, 8)).astype(dtype) for _ in range(3))
        same = attnlab.attention(*(x.astype(np.float64) for x in (q, k, v)))
        np.testing.assert_array_equal(attnlab.attention(q, k, v).o, same.o, err_msg=str(dtype))


def test_descale_factors(draw):
    q, k, v = draw((2, 2, 4, 8)), draw((2, 1, 5, 8)), draw((2, 1, 5, 8))
    heads = np.array([[2.0, 0.5], [1.0, 4.0]], np.float32)
    o = attnlab.attention(q, k, v, q_descale=heads, v_descale=np.float32(3)).o
    np.testing.assert_allclose(o, attnlab.attention(q * heads[..., None, None], k, 3 * v).o, rtol=1e-13)


def test_padded_packed_and_paged_are_one(draw):
    lens_q, lens_kv = [3, 0, 5], [4, 6, 5]
    q, k, v = draw((3, 2, 5, 4)), draw((3, 2, 8, 4)), draw((3, 2, 8, 4))
    padded = attnlab.attention(q, k, v, causal=True, q_lens=lens_q, kv_lens=lens_kv)

    def packed(x, lens):
        return np.concatenate([x[b, :, :n] for b, n in enumerate(lens)], axis=1)

    cu = {"cu_seqlens_q": np.cumsum([0, *lens_q]), "cu_seqlens_kv": np.cumsum([0, *lens_kv])}
    result = attnlab.attention(packed(q, lens_q), packed(k, lens_kv), packed(v, lens_kv), causal=True, **cu)
    np.testing.assert_array_equal(result.o, packed(padded.o, lens_q))

    table = np.array([[5, 0], [1, 4], [2, 3]])
    pages_k, pages_v = np.full((6, 2, 4, 4), np.nan), np.full((6, 2, 4, 4), np.nan)
    for b, row in enumerate(table):
        for n, page in enumerate(row):
            pages_k[page], pages_v[page] = k[b, :, 4 * n : 4 * n + 4], v[b, :, 4 * n : 4 * n + 4]
    paged = attnlab.attention(q, pages_k, pages_v, causal=True, q_lens=lens_q, kv_lens=lens_kv, block_table=table)
    np.testing.assert_array_equal(paged.o, padded.o)


def test_empty_rows_and_empty_sequences():
    q, k = np.ones((1, 1, 3, 4)), np.ones((1, 1, 0, 4))
    o, lse = attnlab.attention(q, k, k)
    assert (o == 0).all() and (lse == -np.inf).all()
    assert attnlab.attention(k, q, q).o.shape == (1, 1, 0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": None}, "q: got None, expected an array"),
        ({"q": np.zeros((1, 1, 3, 4), int)}, "q: got int64 elements"),
        ({"k": np.zeros((3, 4))}, "k: got 2 dimensions, expected 4"),
        ({"k": np.zeros((1, 1, 3, 5))}, "k: got"),
        ({"layout": "sbhd"}, "layout: got 'sbhd'"),
        ({"causal": "yes"}, "causal: got 'yes'"),
        ({"window": 3.5}, "window: got"),
        ({"softcap": -1.0}, "softcap: got -1"),
        ({"kv_lens": [7]}, r"kv_lens\[0\]: got 7"),
        ({"kv_lens": 7}, "kv_lens: got"),
        ({"dropout_p": 1.0}, "dropout_p: got 1"),
        ({"mask": np.zeros((3, 3))}, "mask: got float64"),
        ({"mask": np.zeros((2, 3), bool)}, "mask.rows: got 2"),
        ({"bias": np.full((3, 3), 0.1)}, "bias: got float64 values that float32 does not hold"),
        ({"cu_seqlens_q": [0, 3]}, "cu_seqlens_kv: got nothing"),
        ({"threads": -1}, "threads: got -1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(change, message):
    q = np.zeros((1, 1, 3, 4))
    arguments = {"q": q, "k": q, "v": q} | change
    with pytest.raises(ValueError, match=message):
        attnlab.attention(**arguments)


def test_unknown_options_are_type_errors():
    q = np.zeros((1, 1, 3, 4))
    with pytest.raises(TypeError, match="'casual'"):
        attnlab.attention(q, q, q, casual=True)
