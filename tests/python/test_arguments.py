"""Is what makes no sense refused, with the argument's name, what it got and what was expected; never a crash, and
never memory for sizes that nobody has?"""

import math

import attnlab
import numpy as np
import pytest
from attnlab.testing import assert_correct

HUGE = 2**62
NAN = math.nan


def tensors():
    draw = np.random.default_rng(0).standard_normal
    q, k, v = (draw((1, 2, 8, 16)).astype(np.float32) for _ in range(3))
    return {"q": q, "k": k, "v": v}


def check(**change):
    given = tensors()
    out = attnlab.attention(**given).o.astype(np.float32)
    return attnlab.check(**(given | {"out": out} | change))


def attention(**change):
    return attnlab.attention(**(tensors() | change))


def battery(**change):
    return attnlab.battery(**({"kernel": lambda q, k, v: q, "time_limit": 1} | change))


def io(**change):
    return attnlab.io(**({"seqlen": 128} | change))


def emulate(**change):
    return attnlab.emulate(**({"source": "int main() {}\n"} | change))


def spread(*shape):
    """An array of any size over one number."""
    return np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), shape, [0] * len(shape))


REFUSED = [
    (attention, {"q": "abc"}, "q: got"),
    (attention, {"q": [[1, 2]]}, "q: got int64 elements, expected fp64"),
    (attention, {"q": object()}, "q: got"),
    (attention, {"q": np.zeros((1, 2, 8, 16), complex)}, "q: got complex128"),
    (attention, {"q": np.zeros(16, np.float32)}, "q: got 1 dimensions"),
    (attention, {"k": np.zeros((1, 3, 8, 16), np.float32)}, "num_kv_heads: got 3"),
    (attention, {"v": np.zeros((1, 2, 9, 16), np.float32)}, "v: got"),
    (attention, {"q": spread(1, 1, 2**40, 16)}, "seqlen_q: got 1099511627776"),
    (attention, {"q": spread(1, 2, 8, 2**40)}, "head_dim: got 1099511627776"),
    (attention, {"softmax_scale": NAN}, "softmax_scale: got nan"),
    (attention, {"softmax_scale": "1"}, "softmax_scale: got '1', expected a number"),
    (attention, {"softcap": math.inf}, "softcap: got inf"),
    (attention, {"dropout_p": HUGE}, "dropout_p: got 4611686018427387904"),
    (attention, {"dropout_seed": -1}, "dropout_seed: got -1, expected an integer from 0"),
    (attention, {"window": (2**70, 0)}, "window: got"),
    (attention, {"window": True}, "window: got True"),
    (attention, {"q_lens": [HUGE]}, r"q_lens\[0\]: got 4611686018427387904"),
    (attention, {"kv_lens": [None]}, "kv_lens: got list, expected numbers"),
    (attention, {"cu_seqlens_q": [5]}, "cu_seqlens_q: got 1 numbers"),
    (attention, {"cu_seqlens_kv": [0, 8]}, "cu_seqlens_q: got nothing"),
    (attention, {"alibi_slopes": [1, 2, 3]}, "alibi_slopes: got 3"),
    (attention, {"alibi_slopes": ["a", "b"]}, "alibi_slopes: got"),
    (attention, {"sinks": object()}, "sinks: got object"),
    (attention, {"bias": "x"}, "bias: got"),
    (attention, {"block_table": [[HUGE]]}, "block_table: got page 4611686018427387904"),
    (attention, {"block_table": [[-1]]}, r"block_table\[0, 0\]: got -1"),
    (attention, {"layout": None}, "layout: got None"),
    (attention, {"golden": "tpu"}, "golden: got 'tpu', expected auto, cpu, gpu or emulator"),
    (attention, {"threads": 1.5}, "threads: got 1.5, expected an integer"),
    (attention, {"threads": 10**6}, "threads: got 1000000, expected 0 .one a core. to 1024"),
    (check, {"out": None}, "outputs: got nothing to compare"),
    (check, {"out": [1.0]}, "out: got 1 dimensions, expected 4"),
    (check, {"rows": 5}, "rows: got 5, expected text"),
    (check, {"rows": "sample:-1"}, "rows: got"),
    (check, {"seed": -1}, "seed: got -1"),
    (check, {"diagnose": "yes"}, "diagnose: got 'yes', expected True or False"),
    (check, {"p_scale": NAN}, "p_scale: got nan"),
    (check, {"ds_scale": -1}, "ds_scale: got -1"),
    (check, {"groups": "whole"}, "groups: got whole, expected rounded or exact"),
    (check, {"exp_error": 1.5}, "exp_error: got 1.5, expected a number below 1"),
    (check, {"min_block_kv": -1}, "min_block_kv: got -1"),
    (check, {"accumulate": 3}, "accumulate: got 3, expected text"),
    (battery, {"kernel": None}, "kernel: got None, expected a function"),
    (battery, {"dtypes": 3}, "dtypes: got 3, expected a list"),
    (battery, {"head_dims": [HUGE]}, "head_dims: got 4611686018427387904"),
    (battery, {"head_dims": 64}, "head_dims: got 64, expected a list of integers"),
    (battery, {"time_limit": NAN}, "time_limit.*: got nan"),
    (battery, {"threads": -1}, "threads: got -1"),
    (battery, {"stop_after": HUGE}, "stop_after: got 4611686018427387904"),
    (battery, {"layout": "mx"}, "layout: got 'mx'"),
    (battery, {"device": "cuda"}, "device: got 'cuda', expected None with framework='numpy'"),
    (battery, {"backward": 3}, "backward: got 3"),
    (battery, {"progress": "bar"}, "progress: got 'bar'"),
    (battery, {"activations": 3}, "activations: got int, expected three arrays"),
    (io, {"seqlen": HUGE}, "seqlen_q: got 4611686018427387904"),
    (io, {"batch": "2"}, "batch: got '2', expected an integer"),
    (io, {"head_dim": NAN}, "head_dim: got nan"),
    (io, {"direction": "sideways"}, "direction: got sideways"),
    (io, {"density": 0.5}, "density: got 0.5"),
    (io, {"dropout_p": NAN}, "dropout_p: got nan"),
    (emulate, {"source": None}, "source: got None, expected"),
    (emulate, {"source": ""}, "source: got '', expected"),
    (emulate, {"timeout": -1}, "timeout: got -1"),
    (emulate, {"gpu": "h900"}, "got 'h900'|got h900"),
    (emulate, {"args": 3}, "args: got 3, expected"),
    (emulate, {"threads": "many"}, "threads"),
    (lambda **change: assert_correct(**change), tensors() | {"out": (1, 2, 3)}, "out: got a tuple of 3"),
]


@pytest.mark.parametrize(("function", "change", "message"), REFUSED, ids=lambda x: None)
def test_what_makes_no_sense_is_refused_by_name(function, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        function(**change)
