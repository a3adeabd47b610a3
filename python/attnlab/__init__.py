"""Is this attention kernel right, and if not, what did it do wrong?

    import attnlab

    o, lse = attnlab.attention(q, k, v, causal=True)        # the right answer, in float64
    verdict = attnlab.check(q, k, v, out, causal=True)      # is this output right?
    report = attnlab.battery(kernel, dtypes=["fp16"])       # a kernel against everything that breaks kernels
    traffic = attnlab.io("flash2", seqlen=4096)             # the bytes that it has to move
    run = attnlab.run(q, k, v, algorithm="flash1")          # an algorithm of a paper, in its own order of operations
    cache = attnlab.kv("llama3-70b", context=131072)        # a model's KV cache
    cache = attnlab.CacheManager(64, sharing="radix")       # its memory, block by block
    run = attnlab.emulate("kernel.cu")                      # CUDA without a GPU: counters and findings

Arrays are numpy's, PyTorch's, JAX's, CuPy's or anything else that speaks DLPack.
"""

from attnlab._attention import Forward, ForwardBackward, attention
from attnlab._battery import CaseFailure, Report, Unsupported, battery
from attnlab._cache import CacheManager, Copy, Hits, OutOfBlocks, Slot, Started, TracedRequest, memory_use, prefix_hits, read_trace
from attnlab._check import check
from attnlab._core import version
from attnlab._emulate import CompileError, Emulation, emulate
from attnlab._io import io
from attnlab._run import Run, algorithms, random_blocks, random_normal, run
from attnlab._sizes import kv, memory_footprint
from attnlab._verdict import DamageMap, Diagnosis, Element, Place, RuleResult, TensorVerdict, Verdict

__version__ = version

__all__ = [
    "CacheManager",
    "CaseFailure",
    "CompileError",
    "Copy",
    "DamageMap",
    "Diagnosis",
    "Element",
    "Emulation",
    "Forward",
    "ForwardBackward",
    "Hits",
    "OutOfBlocks",
    "Place",
    "Report",
    "RuleResult",
    "Run",
    "Slot",
    "Started",
    "TensorVerdict",
    "TracedRequest",
    "Unsupported",
    "Verdict",
    "algorithms",
    "attention",
    "battery",
    "check",
    "emulate",
    "io",
    "kv",
    "memory_footprint",
    "memory_use",
    "prefix_hits",
    "random_blocks",
    "random_normal",
    "read_trace",
    "run",
]
