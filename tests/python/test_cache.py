"""Does the package's face of the KV cache do what reference/kv says, and is every call that makes no sense refused with nothing
changed? (What the cache does is tested in tests/reference/kv.)"""

import random

import attnlab
import pytest

A_TO_J = [ord(letter) for letter in "ABCDEFGHIJ"]
SHARINGS = ("none", "radix", "hash")


@pytest.fixture
def cache():
    """Sequence 0 holds ABCDEFGHIJ in blocks of 4."""
    cache = attnlab.CacheManager(8, block_size=4, sharing="radix", host_blocks=3)
    assert cache.start(A_TO_J) == (0, 0)
    return cache


def state(cache, *ids):
    return cache.free_blocks, cache.idle_blocks, cache.counts, [(cache.table(id), cache.tokens(id)) for id in ids]


def test_a_sequence_starts_and_grows():
    cache = attnlab.CacheManager(8, block_size=4)
    started = cache.start(iter(A_TO_J), upto=3)
    assert started == attnlab.Started(id=0, cached=0)
    assert cache.tokens(started.id) == A_TO_J and len(cache.table(started.id)) == 1
    cache.grow(started.id, 10)
    assert len(set(cache.table(started.id))) == 3 and cache.free_blocks == 5
    cache.grow(started.id, 4)  # nothing is taken back
    assert len(cache.table(started.id)) == 3
    assert cache.num_blocks == 8 and cache.block_size == 4
    cache.check()


def test_tokens_are_appended(cache):
    slots = [cache.append(0, token) for token in range(3)]
    table = cache.table(0)
    assert slots == [(table[2], 2, None), (table[2], 3, None), (table[3], 0, None)]
    assert cache.tokens(0) == [*A_TO_J, 0, 1, 2]
    cache.check()


def test_a_fork_copies_on_write(cache):
    twin = cache.fork(0)
    shared = cache.table(0)
    assert cache.table(twin) == shared and [cache.holders(block) for block in shared] == [2, 2, 2]
    slot = cache.append(twin, 1)
    assert slot.copy == attnlab.Copy(source=shared[2], target=slot.block, rows=2) and slot.row == 2
    assert cache.append(0, 2) == attnlab.Slot(block=shared[2], row=2, copy=None)
    assert cache.table(twin)[:2] == shared[:2] and cache.counts["copied_blocks"] == 1
    cache.check()


def test_beams_are_reordered(cache):
    beams = [0, cache.fork(0)]
    for beam in beams:
        cache.append(beam, beam)
    kept = cache.reorder(beams, [1, 1])
    assert len(set(kept)) == 2 and all(cache.tokens(beam) == [*A_TO_J, 1] for beam in kept)
    with pytest.raises(ValueError, match="sequence: got 0"):
        cache.tokens(0)
    assert cache.free_blocks == 5
    cache.check()


@pytest.mark.parametrize(("sharing", "cached"), [("none", 0), ("radix", 8), ("hash", 8)])
def test_what_is_published_is_found(sharing, cached):
    cache = attnlab.CacheManager(9, block_size=4, sharing=sharing)
    first = cache.start(A_TO_J).id
    assert cache.start(A_TO_J).cached == 0
    cache.publish(first, 10)
    assert cache.start(A_TO_J).cached == cached
    assert cache.match(A_TO_J) == cached and cache.match(A_TO_J[:7]) == min(cached, 4) and cache.match([]) == 0
    block = cache.table(first)[0]
    assert cache.kept(block) == (sharing != "none") and not cache.kept(cache.table(first)[2])
    cache.check()


@pytest.mark.parametrize(("computed", "idle"), [(None, 2), (7, 1), (0, 0)])
def test_what_is_left_at_the_end(cache, computed, idle):
    cache.finish(0, computed)
    assert (cache.free_blocks, cache.idle_blocks) == (8 - idle, idle)
    cache.check()


def test_prompts_and_resumed_ones_are_counted_apart(cache):
    cache.finish(0)
    assert cache.start(A_TO_J).cached == 8 and cache.start(A_TO_J, resumed=True).cached == 8
    assert cache.counts == {
        "prompt_tokens": 20, "hit_tokens": 8, "resumed_tokens": 10, "found_tokens": 8, "evicted_blocks": 0,
        "copied_blocks": 0,
    }  # fmt: skip
    big = cache.start(range(1000, 1016))
    cache.finish(big.id, 0)
    for id in (1, 2):
        cache.finish(id, 0)
    cache.start(range(1000, 1032))  # needs all 8 blocks
    assert cache.counts["evicted_blocks"] == 2
    cache.check()


def test_sequences_go_to_the_host_and_back(cache):
    twin = cache.fork(0)
    table = cache.table(0)
    out = cache.swap_out([0, twin])
    assert [copy.source for copy in out] == table and all(copy.rows == 4 for copy in out)  # each block once
    assert cache.table(0) == cache.table(twin) == [copy.target for copy in out] and cache.free_blocks == 8
    with pytest.raises(ValueError, match="sequence: got 0, expected one that is not swapped out"):
        cache.append(0, 1)
    back = cache.swap_in([twin, 0])
    assert cache.table(0) == cache.table(twin) == [copy.target for copy in back] and cache.free_blocks == 5
    cache.check()


def test_the_tree_is_drawn(cache):
    assert cache.tree() == "root\n"
    cache.publish(0, 8)
    other = cache.start([*A_TO_J[:4], *A_TO_J[:4], 1])
    cache.finish(other.id)
    assert cache.tree() == 'root\n|- "ABCD" 1 block, held\n   |- "ABCD" 1 block\n   |- "EFGH" 1 block, held\n'
    assert '"8 tokens"' not in cache.tree(lambda tokens: f"{len(tokens)} tokens")
    assert '"4 tokens" 1 block' in cache.tree(lambda tokens: f"{len(tokens)} tokens")
    svg = cache.tree_svg(lambda tokens: "a < b & c", "a title")
    assert svg.startswith("<svg ") and "a title" in svg and "a &lt; b &amp; c" in svg


REFUSED = [
    (lambda c: c.start([]), "tokens: got none, expected 1 or more"),
    (lambda c: c.start([2**31]), "tokens: got 2147483648, expected integers of 32 bits"),
    (lambda c: c.start([1, 2], upto=3), "upto: got 3, expected 0 to the 2 tokens"),
    (lambda c: c.start([1, 2], upto=-1), "upto: got -1"),
    (lambda c: c.grow(0, 11), "upto: got 11, expected 0 to the 10 tokens"),
    (lambda c: c.append(0, -(2**31) - 1), "tokens: got -2147483649"),
    (lambda c: c.match([2**31]), "tokens: got 2147483648"),
    (lambda c: c.reorder([0], [1]), "parents: got 1, expected 0 to 0"),
    (lambda c: c.reorder([0], [-1]), "parents: got -1"),
    (lambda c: c.publish(0, 11), "computed: got 11, expected 0 to the 10 tokens that have room"),
    (lambda c: c.finish(0, -1), "computed: got -1"),
    (lambda c: c.swap_in([0]), "sequence: got 0, expected one that is swapped out"),
    (lambda c: c.holders(8), "block: got 8, expected 0 to 7"),
    (lambda c: c.kept(-1), "block: got -1, expected 0 to 7"),
    *(
        (lambda c, call=call: call(c), "sequence: got 7, expected one that was started")
        for call in (
            lambda c: c.grow(7, 1),
            lambda c: c.append(7, 1),
            lambda c: c.fork(7),
            lambda c: c.reorder([0, 7], [0, 0]),
            lambda c: c.publish(7, 0),
            lambda c: c.finish(7),
            lambda c: c.finish(7, 0),
            lambda c: c.swap_out([0, 7]),
            lambda c: c.table(7),
            lambda c: c.tokens(7),
        )
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_and_changes_nothing(cache, call, message):
    before = state(cache, 0)
    with pytest.raises(ValueError, match=message) as refused:
        call(cache)
    assert "\n" not in str(refused.value) and state(cache, 0) == before
    cache.check()


def test_a_token_needs_the_room_of_those_before(cache):
    started = cache.start(A_TO_J, upto=4)
    with pytest.raises(ValueError, match="sequence: got room for 4 tokens, expected room for all 10 before the next one"):
        cache.append(started.id, 1)


@pytest.mark.parametrize(
    ("tokens", "upto", "call"),
    [
        (20, 20, lambda c: c.start([1])),
        (20, 20, lambda c: c.append(1, 1)),
        (24, 20, lambda c: c.grow(1, 21)),
        (20, 20, lambda c: c.swap_out([0, 1])),
    ],
    ids=["start", "append", "grow", "swap_out"],
)
def test_out_of_blocks_has_changed_nothing(cache, tokens, upto, call):
    cache.start(range(tokens), upto)  # 3 + 5 blocks: all
    before = state(cache, 0, 1)
    with pytest.raises(attnlab.OutOfBlocks, match="blocks: got [1-9], expected at most [03]") as refused:
        call(cache)
    assert isinstance(refused.value, ValueError) and state(cache, 0, 1) == before
    cache.check()


def test_what_finds_no_room_stays_on_the_host(cache):
    cache.swap_out([0])
    cache.start(range(32))
    before = state(cache, 0, 1)
    with pytest.raises(attnlab.OutOfBlocks, match="blocks: got 3, expected at most 0"):
        cache.swap_in([0])
    assert state(cache, 0, 1) == before
    cache.check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_blocks": -1}, "num_blocks: got -1, expected 0 to 2147483647"),
        ({"num_blocks": 2**31}, "num_blocks: got 2147483648"),
        ({"num_blocks": 8, "block_size": 0}, "block_size: got 0, expected 1 or more"),
        ({"num_blocks": 8, "sharing": "tree"}, "sharing: got 'tree', expected one of none, radix, hash"),
        ({"num_blocks": 8, "host_blocks": -1}, "num_blocks: got -1"),
    ],
)
def test_a_wrong_cache_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        attnlab.CacheManager(**options)


@pytest.mark.parametrize("sharing", ["none", "hash"])
def test_only_one_kind_has_a_tree(sharing):
    cache = attnlab.CacheManager(8, sharing=sharing)
    for draw in (cache.tree, cache.tree_svg):
        with pytest.raises(ValueError, match=f"sharing: got '{sharing}', expected 'radix', which keeps a tree"):
            draw()


def test_words_that_fail_are_told(cache):
    cache.publish(0, 8)
    with pytest.raises(TypeError, match="words: got a function that returns int, expected one that returns str"):
        cache.tree(len)
    with pytest.raises(ZeroDivisionError):
        cache.tree_svg(lambda tokens: str(1 / 0))
    with pytest.raises(TypeError):
        cache.start(["a"])


@pytest.mark.parametrize("sharing", SHARINGS)
def test_the_invariants_hold_in_random_use(sharing):
    draw = random.Random(1)
    cache = attnlab.CacheManager(12, block_size=2, sharing=sharing, host_blocks=4)
    alive = []
    refused = 0
    for _ in range(1500):
        try:
            match draw.randrange(5):
                case 0:
                    alive.append(cache.start([draw.randrange(2) for _ in range(draw.randint(1, 9))]).id)
                case 1 if alive:
                    cache.append(draw.choice(alive), draw.randrange(2))
                case 2 if alive:
                    alive.append(cache.fork(draw.choice(alive)))
                case 3 if alive:
                    id = draw.choice(alive)
                    cache.publish(id, len(cache.tokens(id)))
                case 4 if alive:
                    cache.finish(alive.pop(draw.randrange(len(alive))))
        except attnlab.OutOfBlocks:
            refused += 1
        cache.check()
    assert refused and cache.counts["copied_blocks"] and (sharing == "none" or cache.counts["hit_tokens"])


def test_memory_use_of_a_server_that_is_never_idle():
    lengths = [(10, 20)] * 200
    for reservation in ("max", "pow2", "oracle", "paged"):
        use = attnlab.memory_use(reservation, 1024, lengths, max_length=64)
        shares = [use[name] for name in ("tokens", "reserved", "internal", "external")]
        assert sum(shares) == pytest.approx(1) and min(shares) >= 0
    # Each of up to 16 sequences reserves 64 tokens and never uses 34 of them.
    most = attnlab.memory_use("max", 1024, lengths, max_length=64)
    assert 15 < most["mean_batch"] <= 16 and most["internal"] == pytest.approx(most["mean_batch"] * 34 / 1024)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reservation": "min"}, "reservation: got 'min', expected one of max, pow2, oracle, paged"),
        ({"capacity": 0}, "capacity: got 0, expected 1 or more"),
        ({"block_size": 0}, "block_size: got 0, expected 1 or more"),
        ({"lengths": [(10, 2040)] * 9}, r"requests: got 10 \+ 2040"),
        ({"lengths": [(0, 5)] * 9}, r"requests: got 0 \+ 5, expected lengths from 1"),
        ({"lengths": []}, "requests: got 0, expected more than the memory holds at once"),
    ],
)
def test_memory_use_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        attnlab.memory_use(**{"reservation": "paged", "capacity": 4096, "lengths": [(8, 8)] * 999, **change})


def test_prefix_hits():
    requests = [[1, 2], [3, 4], [1, 2, 5], [3, 4]]
    assert attnlab.prefix_hits(requests) == attnlab.Hits(found=4, blocks=9)
    assert attnlab.prefix_hits(requests).rate == pytest.approx(4 / 9)
    assert attnlab.prefix_hits(requests, 0).found == 0 and attnlab.prefix_hits([]).rate == 0
    lru, belady = (attnlab.prefix_hits(requests, 3, policy).found for policy in ("lru", "belady"))
    assert lru < belady <= 4
    for call, message in [
        (lambda: attnlab.prefix_hits(requests, -1), "capacity: got -1, expected 0 or more"),
        (lambda: attnlab.prefix_hits(requests, 3, "fifo"), "policy: got 'fifo', expected one of lru, belady"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_traces_are_read(tmp_path):
    mooncake = tmp_path / "trace.jsonl"
    line = '{"timestamp": 1500, "input_length": 600, "output_length": 7, "hash_ids": [4, 9]}\n'
    mooncake.write_text(line)
    (request,) = attnlab.read_trace(mooncake)
    assert request.prompt == 600 and request.output == 7 and request.blocks == [4, 9]
    azure = tmp_path / "trace.csv"
    azure.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.5,100,5\n2023-11-16 18:17:04.0,200,6\n"
    )
    assert attnlab.read_trace(str(azure)) == [(0.0, 100, 5, []), (0.5, 200, 6, [])]
    mooncake.write_text(line + '{"timestamp": -1}\n')
    with pytest.raises((ValueError, OSError), match="trace.jsonl:2"):
        attnlab.read_trace(mooncake)
    with pytest.raises(FileNotFoundError, match="/no/such"):
        attnlab.read_trace("/no/such")
