"""attnlab.CacheManager: the memory of a KV cache, block by block; and what prefix caches find in traces."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from attnlab import _core

OutOfBlocks = _core.OutOfBlocks

Words = Callable[[Sequence[int]], str]


class Copy(NamedTuple):
    """Rows that are copied from one block to another before anything is written there."""

    source: int
    target: int
    rows: int


class Slot(NamedTuple):
    """Where a new token's row goes; copy, if there is one, comes first."""

    block: int
    row: int
    copy: Copy | None


class Started(NamedTuple):
    """A new sequence: its name, and how many of its tokens the cache has already."""

    id: int
    cached: int


class TracedRequest(NamedTuple):
    """A request of a trace: seconds since the first, tokens, and the names of its prompt's blocks (Mooncake)."""

    arrival: float
    prompt: int
    output: int
    blocks: list[int]


class Hits(NamedTuple):
    """Blocks that a prefix cache found, of those that were asked for."""

    found: int
    blocks: int

    @property
    def rate(self) -> float:
        return self.found / self.blocks if self.blocks else 0.0


def _by_code_point(tokens: Sequence[int]) -> str:
    return "".join(chr(token) for token in tokens)


def _tokens(tokens: Iterable[int]) -> list[int]:
    values = list(tokens)
    try:
        array("i", values)
    except OverflowError:
        beyond = next(value for value in values if not -(2**31) <= value < 2**31)
        raise ValueError(f"tokens: got {beyond}, expected integers of 32 bits") from None
    return values


def _text(words: Words) -> Words:
    """The same, refusing what is no text."""

    def checked(tokens: Sequence[int]) -> str:
        text = words(tokens)
        if not isinstance(text, str):
            raise TypeError(f"words: got a function that returns {type(text).__name__}, expected one that returns str")
        return text

    return checked


class CacheManager:
    """One memory for the keys and values of all sequences: block tables, sharing, eviction, swapping.

    Tokens are integers; blocks are numbers from 0 to num_blocks - 1. sharing says how a new sequence finds what
    earlier ones left: "none", "radix" (SGLang's tree of tokens) or "hash" (vLLM's chain of full blocks). A call that
    finds no room raises OutOfBlocks and has changed nothing. reference/kv/cache_manager.h says what each call means.
    """

    def __init__(
        self,
        num_blocks: int,
        block_size: int = 16,
        sharing: Literal["none", "radix", "hash"] = "none",
        host_blocks: int = 0,
    ) -> None:
        self._cache = _core.CacheManager(num_blocks, block_size, sharing, host_blocks)
        self.block_size = block_size
        self.num_blocks = num_blocks

    def start(self, tokens: Iterable[int], upto: int | None = None, *, resumed: bool = False) -> Started:
        """A sequence of these tokens, with room for the first `upto` (default: all)."""
        return Started(*self._cache.start(_tokens(tokens), upto, resumed))

    def grow(self, id: int, upto: int) -> None:
        """Room for the tokens before `upto`."""
        self._cache.grow(id, upto)

    def append(self, id: int, token: int) -> Slot:
        """One token more."""
        block, row, copy = self._cache.append(id, _tokens([token])[0])
        return Slot(block, row, None if copy is None else Copy(*copy))

    def fork(self, id: int) -> int:
        """A second sequence with the same past."""
        return self._cache.fork(id)

    def reorder(self, beams: Sequence[int], parents: Sequence[int]) -> list[int]:
        """Beam search: sequence n of the answer goes on from beams[parents[n]]; the others go."""
        return self._cache.reorder(list(beams), list(parents))

    def match(self, tokens: Iterable[int]) -> int:
        """How many of these tokens, from the first on, the prefix cache has. They count as used now."""
        return self._cache.match(_tokens(tokens))

    def publish(self, id: int, computed: int) -> None:
        """Full blocks of the first `computed` tokens can be shared from now on."""
        self._cache.publish(id, computed)

    def finish(self, id: int, computed: int | None = None) -> None:
        """Publishes the first `computed` tokens (default: all that have room), and goes."""
        self._cache.finish(id, self._cache.room(id) if computed is None else computed)

    def swap_out(self, ids: Sequence[int]) -> list[Copy]:
        """To the host's memory; returns the copies to do."""
        return [Copy(*copy) for copy in self._cache.swap_out(list(ids))]

    def swap_in(self, ids: Sequence[int]) -> list[Copy]:
        """Back; returns the copies to do."""
        return [Copy(*copy) for copy in self._cache.swap_in(list(ids))]

    def table(self, id: int) -> list[int]:
        """The sequence's block table."""
        return self._cache.table(id)

    def tokens(self, id: int) -> list[int]:
        """The sequence's tokens."""
        return self._cache.tokens(id)

    def holders(self, block: int) -> int:
        """How many sequences hold a block; 0: it is free, or idle in the prefix cache."""
        return self._cache.holders(block)

    def kept(self, block: int) -> bool:
        """Whether the prefix cache keeps a block."""
        return self._cache.kept(block)

    @property
    def free_blocks(self) -> int:
        """Blocks that nobody has."""
        return self._cache.free_blocks

    @property
    def idle_blocks(self) -> int:
        """Blocks that the prefix cache keeps and no sequence holds: they can be evicted."""
        return self._cache.idle_blocks

    @property
    def counts(self) -> dict[str, int]:
        """Tokens of prompts and how many of them were found; evictions; copies on write."""
        return self._cache.counts()

    def check(self) -> None:
        """Raises RuntimeError naming the invariant that does not hold."""
        self._cache.check()

    def tree(self, words: Words = _by_code_point) -> str:
        """The tree of sharing="radix" as text; words says what a run of tokens is called."""
        return self._cache.tree_text(_text(words))

    def tree_svg(self, words: Words = _by_code_point, title: str = "") -> str:
        """The same as an SVG."""
        return self._cache.tree_svg(_text(words), title)


def memory_use(
    reservation: Literal["max", "pow2", "oracle", "paged"],
    capacity: int,
    lengths: Iterable[tuple[int, int]],
    *,
    max_length: int = 2048,
    block_size: int = 16,
) -> dict[str, float]:
    """Shares of a cache's memory in a server that is never idle: tokens, reserved, internal, external.

    capacity is in tokens; lengths has (prompt, output) of each request; reservation is how memory is given away: the
    longest sequence at once, the output rounded up to a power of two, the true length, or block by block.
    """
    return _core.memory_use(reservation, capacity, list(lengths), max_length, block_size)


def prefix_hits(
    requests: Iterable[Sequence[int]], capacity: int | None = None, policy: Literal["lru", "belady"] = "lru"
) -> Hits:
    """Blocks that a prefix cache of `capacity` blocks finds, request after request; None: nothing is ever evicted.

    A request is the names of its blocks, a name standing for a block and all before it. policy: the least recently
    used goes first, or the one that is used again last (Belady's optimum, which knows the future).
    """
    return Hits(*_core.prefix_hits([list(request) for request in requests], capacity, policy))


def read_trace(path: str | os.PathLike[str]) -> list[TracedRequest]:
    """A published trace of requests: Mooncake's (JSON lines) or Azure's (CSV)."""
    return [TracedRequest(*request) for request in _core.read_trace(os.fspath(path))]
