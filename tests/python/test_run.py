"""Do attnlab.run's algorithms compute attention, count what attnlab.io says, and refuse what makes no sense? Are the sizes
of attnlab.kv and attnlab.memory_footprint the program's?"""

import json
import subprocess

import attnlab
import numpy as np
import pytest
from attnlab._program import program

SHAPE = (2, 4, 50, 16)


def inputs(shape=SHAPE, kv_heads=None):
    kv_shape = (shape[0], kv_heads or shape[1], *shape[2:])
    return [attnlab.random_normal(s, dtype="fp16", stream=n) for n, s in enumerate((shape, kv_shape, kv_shape, shape))]


def forward_only():
    listed = subprocess.run([program(), "list", "algorithms", "--json"], capture_output=True, check=True, text=True)
    return {row["name"] for row in json.loads(listed.stdout)["algorithms"] if row["passes"] == ["forward"]}


FORWARD_ONLY = forward_only()


@pytest.mark.parametrize("algorithm", attnlab.algorithms())
def test_is_attention_and_its_gradients(algorithm):
    q, k, v, dout = inputs(kv_heads=2)
    options = {"causal": True, "dropout_p": 0.1, "dropout_seed": 3}
    exact = attnlab.attention(q, k, v, dout=dout, **options)
    tiles = {"br": 16, "bc": 32}
    names = ["o", "lse", "dq", "dk", "dv"]
    if algorithm in FORWARD_ONLY:
        with pytest.raises(ValueError, match=f"algorithm: got {algorithm}, expected one with a backward pass"):
            attnlab.run(q, k, v, dout=dout, algorithm=algorithm)
        dout, names = None, names[:2]
    own = attnlab.run(q, k, v, dout=dout, algorithm=algorithm, **tiles, **options)
    double = attnlab.run(q, k, v, dout=dout, algorithm=algorithm, precision="double", **tiles, **options)
    for name in names:
        assert getattr(own, name).dtype == np.float32 and getattr(double, name).dtype == np.float64
        np.testing.assert_allclose(getattr(own, name), getattr(exact, name), atol=2e-5)
        np.testing.assert_allclose(getattr(double, name), getattr(exact, name), atol=1e-12)
    assert own.traffic is None


def test_layouts_and_fewer_dimensions():
    q, k, v, _ = inputs()
    o = attnlab.run(q, k, v).o
    swapped = [tensor.transpose(0, 2, 1, 3) for tensor in (q, k, v)]
    np.testing.assert_array_equal(attnlab.run(*swapped, layout="bshd").o, o.transpose(0, 2, 1, 3))
    head = attnlab.run(q[1, 2], k[1, 2], v[1, 2])
    np.testing.assert_array_equal(head.o, o[1, 2])
    assert head.lse.shape == (50,) and head.dq is None


@pytest.mark.parametrize("row", [
    {"algorithm": "standard", "mask_pass": True},
    {"algorithm": "flash1", "br": 16, "bc": 32},
    {"algorithm": "flash2"},
])  # fmt: skip
def test_a_metered_run_counts_what_io_says(row):
    q, k, v, dout = inputs()
    own = attnlab.run(q, k, v, dout=dout, metered=True, dtype="bf16", sram_bytes=20_000, **row).traffic
    said = attnlab.io(seqlen=50, batch=2, num_heads=4, head_dim=16, dtype="bf16", sram_bytes=20_000, direction="both", **row)
    for key in ("hbm_read_bytes", "hbm_write_bytes", "matrix_bytes", "by_tensor", "sram_peak_elements", "flops_by_kind"):
        assert own[key] == said[key], key


def test_a_block_mask_hides_its_tiles():
    q, k, v, _ = inputs()
    blocks = attnlab.random_blocks(4, 2, density=0.5)
    assert blocks.dtype == np.bool_ and 0 < blocks.sum() < 8
    mask = blocks.repeat(16, axis=0).repeat(32, axis=1)[:50, :50]
    own = attnlab.run(q, k, v, algorithm="blocksparse", block_mask=blocks, br=16, bc=32)
    np.testing.assert_allclose(own.o, attnlab.attention(q, k, v, mask=mask).o, atol=1e-5)
    transposed = np.asfortranarray(blocks)
    np.testing.assert_array_equal(
        attnlab.run(q, k, v, algorithm="blocksparse", block_mask=transposed, br=16, bc=32).o, own.o
    )


def test_random_numbers_are_normal_and_stay_the_same():
    numbers = attnlab.random_normal((100, 1000), seed=1)
    assert abs(numbers.mean()) < 0.01 and abs(numbers.std() - 1) < 0.01
    np.testing.assert_array_equal(attnlab.random_normal((1000,), seed=1), numbers.reshape(-1)[:1000])
    assert not np.array_equal(attnlab.random_normal((1000,), seed=1, stream=1), numbers.reshape(-1)[:1000])
    halves = attnlab.random_normal((1000,), seed=1, dtype="fp16")
    np.testing.assert_array_equal(halves, numbers.reshape(-1)[:1000].astype(np.float16).astype(np.float32))
    assert attnlab.random_normal((0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "flash9"}, "algorithm: got flash9"),
        ({"precision": "half"}, "precision: got half"),
        ({"br": 0}, "br: got 0"),
        ({"sram_bytes": -1, "metered": True}, "sram_bytes: got -1"),
        ({"device": "h900"}, "device: got"),
        ({"dtype": "fp12"}, "dtype: got"),
        ({"sram_bytes": 100, "metered": True}, "got"),
        ({"block_table": np.zeros((2, 1), np.int32)}, "block_table: got"),
        ({"block_mask": np.ones((9, 9), bool), "algorithm": "blocksparse", "br": 16, "bc": 16}, "got"),
        ({"dropout_p": 1.5}, "dropout_p: got"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    q, k, v, _ = inputs()
    with pytest.raises(ValueError, match=message):
        attnlab.run(q, k, v, **change)


def test_random_inputs_refuse_too():
    for wrong in (lambda: attnlab.random_normal((2, -1)), lambda: attnlab.random_normal((2,), dtype="fp12"),
                  lambda: attnlab.random_blocks(0, 1, density=0.5), lambda: attnlab.random_blocks(1, 1, density=2)):  # fmt: skip
        with pytest.raises(ValueError, match="got"):
            wrong()


def printed(*arguments):
    return json.loads(subprocess.run([program(), "kv", "--json", *arguments], check=True, capture_output=True).stdout)


def test_kv_is_the_commands_answer():
    own = attnlab.kv("llama3-70b", context=131072, batch=8, memory_bytes=640_000_000_000, compare=True)
    arguments = "--model llama3-70b --context 128k --batch 8 --memory 640GB --compare"
    assert own == printed(*arguments.split())
    own = attnlab.kv("deepseek-v2", dtype="int8", group_size=64, device="h200", gpus=8, reserve_bytes=1 << 30)
    arguments = "--model deepseek-v2 --dtype int8 --group-size 64 --device h200 --gpus 8 --reserve 1GiB"
    assert own == printed(*arguments.split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "llama9"}, "got"),
        ({"model": None}, "model: got nothing"),
        ({"context": 0}, "context: got 0"),
        ({"batch": -1}, "batch: got -1"),
        ({"dtype": "fp12"}, "dtype: got 'fp12'"),
        ({"gpus": 2}, "memory_bytes: got nothing"),
        ({"device": "h200", "memory_bytes": 1}, "device: got h200"),
    ],
)
def test_kv_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        attnlab.kv(**{"model": "llama3-8b", **change})


def test_memory_footprint():
    sizes = {"batch": 16, "num_heads": 8, "head_dim": 64}
    flash = attnlab.memory_footprint("flash_attention", seqlen=1024, **sizes)
    assert flash["total"] == sum(n for name, n in flash.items() if name != "total") and flash["total"] >> 20 == 209
    with pytest.raises(ValueError, match="implementation: got xformers"):
        attnlab.memory_footprint("xformers", seqlen=1024)
    with pytest.raises(ValueError, match="seqlen: got 0"):
        attnlab.memory_footprint("pytorch", seqlen=0)
