"""Is attnlab.io what `attnlab io --json` says?"""

import json
import subprocess

import attnlab
import pytest
from attnlab._program import program


def printed(*arguments):
    return json.loads(subprocess.run([program(), "io", "--json", *arguments], check=True, capture_output=True).stdout)


def test_is_the_commands_answer():
    own = attnlab.io("flash1", seqlen=512, batch=2, num_heads=4, direction="both", dropout_p=0.1, br=64, bc=128)
    arguments = "--algorithm flash1 -N 512 --batch 2 --heads 4 --pass both --dropout 0.1 --br 64 --bc 128"
    assert own == printed(*arguments.split())
    own = attnlab.io(
        seqlen_q=100,
        seqlen_kv=300,
        num_heads=4,
        num_kv_heads=2,
        head_dim=32,
        dtype="fp32",
        causal=True,
        window=(64, None),
        device="h200",
        sram_bytes=50_000,
    )
    arguments = "--seqlen-q 100 --seqlen-kv 300 --heads 4 --kv-heads 2 --dim 32 --dtype fp32 --causal --window 64,-1"
    assert own == printed(*arguments.split(), "--device", "h200", "--sram", "50000")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "flash9"}, "algorithm: got flash9"),
        ({"seqlen": None}, "seqlen_q: got nothing"),
        ({"device": "h900"}, "device: got"),
        ({"br": -1}, "br: got -1"),
        ({"dtype": "fp12"}, "dtype: got"),
        ({"num_heads": 3, "num_kv_heads": 2}, "num_kv_heads: got 2"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        attnlab.io(**{"seqlen": 128, **change})
