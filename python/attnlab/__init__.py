"""Is this attention kernel right, and if not, what did it do wrong?

    import attnlab

    o, lse = attnlab.attention(q, k, v, causal=True)        # the right answer, in float64
    verdict = attnlab.check(q, k, v, out, causal=True)      # is this output right?
    report = attnlab.battery(kernel, dtypes=["fp16"])       # a kernel against everything that breaks kernels
    traffic = attnlab.io("flash2", seqlen=4096)             # the bytes that it has to move
    run = attnlab.emulate("kernel.cu")                      # CUDA without a GPU: counters and findings

Arrays are numpy's, PyTorch's, JAX's, CuPy's or anything else that speaks DLPack.
"""

from attnlab._attention import Forward, ForwardBackward, attention
from attnlab._battery import CaseFailure, Report, Unsupported, battery
from attnlab._check import check
from attnlab._core import version
from attnlab._emulate import CompileError, Emulation, emulate
from attnlab._io import io
from attnlab._verdict import DamageMap, Diagnosis, Element, Place, RuleResult, TensorVerdict, Verdict

__version__ = version

__all__ = [
    "CaseFailure",
    "CompileError",
    "DamageMap",
    "Diagnosis",
    "Element",
    "Emulation",
    "Forward",
    "ForwardBackward",
    "Place",
    "Report",
    "RuleResult",
    "TensorVerdict",
    "Unsupported",
    "Verdict",
    "attention",
    "battery",
    "check",
    "emulate",
    "io",
]
