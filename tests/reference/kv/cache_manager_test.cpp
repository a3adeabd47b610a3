// Does every token of every sequence stay where its table says, whatever is shared, copied, swapped and evicted?
#include "reference/kv/cache_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "reference/kv/hash_cache.h"
#include "reference/kv/radix_cache.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::kv {
namespace {

using ::testing::ElementsAre;

// What a row of a cache depends on: all tokens up to its own.
using Row = std::uint64_t;
constexpr Row kNothing = 0;
Row after(Row before, Token token) {
  return (before ^ static_cast<Row>(token + 1)) * 0x9E3779B97F4A7C15ULL + 1;
}

// A memory whose rows are written as the manager's answers say.
class Memory {
 public:
  Memory(Index blocks, Index block_size)
      : block_size_(block_size), rows_(static_cast<std::size_t>(blocks * block_size), kNothing) {}
  Row& row(BlockId block, Index row) {
    return rows_[static_cast<std::size_t>(Index{block} * block_size_ + row)];
  }
  void copy(const BlockCopy& copy, Memory& from) {
    for (Index r = 0; r < copy.rows; ++r) row(copy.to, r) = from.row(copy.from, r);
  }

 private:
  Index block_size_;
  std::vector<Row> rows_;
};

// The model: every sequence has its tokens, and whatever it computed is found through its table.
class Model {
 public:
  Model(const CacheManager::Options& options, std::uint64_t seed)
      : manager_(options),
        device_(options.num_blocks, options.block_size),
        host_(options.host_blocks, options.block_size),
        random_(seed) {}

  void step() {
    const Index kind = random_.integer(0, 99);
    if (live_.empty() || kind < 12) {
      start();
    } else if (kind < 70) {
      append(any());
    } else if (kind < 76) {
      fork(any());
    } else if (kind < 82) {
      publish(any());
    } else if (kind < 92) {
      finish(any());
    } else if (kind < 95) {
      reorder();
    } else {
      swap(any());
    }
  }
  void check() {
    manager_.check();
    for (const auto& [id, sequence] : live_) read(id, sequence);
  }
  const CacheManager& manager() const { return manager_; }
  Index refusals() const { return refusals_; }

 private:
  struct Sequence {
    std::vector<Token> tokens;
    Index computed = 0;
  };

  SequenceId any() {
    auto at = live_.begin();
    std::advance(at, random_.integer(0, static_cast<Index>(live_.size()) - 1));
    return at->first;
  }
  Memory& memory_of(SequenceId id) { return manager_.swapped_out(id) ? host_ : device_; }
  Row& row_of(SequenceId id, Index n) {
    const Index size = manager_.block_size();
    return memory_of(id).row(manager_.table(id)[static_cast<std::size_t>(n / size)], n % size);
  }
  void read(SequenceId id, const Sequence& sequence) {
    ASSERT_THAT(manager_.tokens(id), ::testing::ElementsAreArray(sequence.tokens));
    ASSERT_GE(manager_.room(id), sequence.computed);
    Row expected = kNothing;
    for (Index n = 0; n < sequence.computed; ++n) {
      expected = after(expected, sequence.tokens[static_cast<std::size_t>(n)]);
      ASSERT_EQ(row_of(id, n), expected) << "sequence " << id << ", token " << n;
    }
  }
  // Writes the rows of the tokens before `upto`, as a forward pass would.
  void compute(SequenceId id, Index upto) {
    Sequence& sequence = live_.at(id);
    Row row = kNothing;
    for (Index n = 0; n < upto; ++n) {
      row = after(row, sequence.tokens[static_cast<std::size_t>(n)]);
      if (n >= sequence.computed) row_of(id, n) = row;
    }
    sequence.computed = std::max(sequence.computed, upto);
  }
  // Runs what may find no room; then nothing may have changed.
  template <class Action>
  bool attempt(Action action) {
    const Index available = manager_.available(), sequences = manager_.num_sequences();
    try {
      action();
      return true;
    } catch (const OutOfBlocks&) {
      ++refusals_;
      EXPECT_EQ(manager_.available(), available);
      EXPECT_EQ(manager_.num_sequences(), sequences);
      return false;
    }
  }

  void start() {
    // Few tokens and short runs of them: beginnings meet often.
    Sequence sequence;
    if (!live_.empty() && random_.chance(0.5)) {
      const auto& other = live_.at(any()).tokens;
      sequence.tokens.assign(other.begin(),
                             other.begin() + random_.integer(0, static_cast<Index>(other.size())));
    }
    for (Index n = random_.integer(1, 12); n > 0; --n) {
      sequence.tokens.push_back(static_cast<Token>(random_.integer(0, 2)));
    }
    const auto length = static_cast<Index>(sequence.tokens.size());
    const Index upto = random_.chance(0.7) ? length : random_.integer(0, length);
    attempt([&] {
      const auto started = manager_.start(sequence.tokens, upto);
      ASSERT_LT(started.cached, length);
      sequence.computed = started.cached;
      live_[started.id] = sequence;
      read(started.id, sequence);  // what it was given is its own past
      compute(started.id, std::max(upto, started.cached));
    });
  }
  void append(SequenceId id) {
    if (manager_.swapped_out(id)) return;
    Sequence& sequence = live_.at(id);
    const auto length = static_cast<Index>(sequence.tokens.size());
    if (!attempt([&] { manager_.grow(id, length); })) return;
    compute(id, length);
    const auto token = static_cast<Token>(random_.integer(0, 2));
    attempt([&] {
      const Slot slot = manager_.append(id, token);
      if (slot.copy_before) device_.copy(*slot.copy_before, device_);
      sequence.tokens.push_back(token);
      ASSERT_EQ(&row_of(id, length), &device_.row(slot.block, slot.row));
      compute(id, length + 1);
    });
  }
  void fork(SequenceId id) {
    if (manager_.swapped_out(id)) return;
    const SequenceId twin = manager_.fork(id);
    live_[twin] = live_.at(id);
  }
  void publish(SequenceId id) {
    if (!manager_.swapped_out(id)) manager_.publish(id, live_.at(id).computed);
  }
  void finish(SequenceId id) {
    manager_.finish(id, random_.chance(0.8) ? live_.at(id).computed : 0);
    live_.erase(id);
  }
  void reorder() {
    std::vector<SequenceId> beams;
    for (const auto& [id, sequence] : live_) {
      if (!manager_.swapped_out(id) && beams.size() < 3) beams.push_back(id);
    }
    if (beams.empty()) return;
    std::vector<Index> parents;
    for (std::size_t n = 0; n < beams.size(); ++n) {
      parents.push_back(random_.integer(0, static_cast<Index>(beams.size()) - 1));
    }
    std::map<SequenceId, Sequence> before;
    for (const SequenceId beam : beams) before[beam] = live_.at(beam), live_.erase(beam);
    const auto next = manager_.reorder(beams, parents);
    for (std::size_t n = 0; n < next.size(); ++n) {
      live_[next[n]] = before.at(beams[static_cast<std::size_t>(parents[n])]);
    }
  }
  void swap(SequenceId id) {
    const bool out = !manager_.swapped_out(id);
    std::vector<SequenceId> group;
    for (const auto& [other, sequence] : live_) {
      if (manager_.swapped_out(other) != out && (other == id || random_.chance(0.3))) group.push_back(other);
    }
    attempt([&] {
      const auto copies = out ? manager_.swap_out(group) : manager_.swap_in(group);
      for (const BlockCopy& copy : copies) (out ? host_ : device_).copy(copy, out ? device_ : host_);
    });
  }

  CacheManager manager_;
  Memory device_, host_;
  testing::Random random_;
  std::map<SequenceId, Sequence> live_;
  Index refusals_ = 0;
};

class CacheManagerModel : public ::testing::TestWithParam<Sharing> {};

TEST_P(CacheManagerModel, EveryTokenStaysWhereItsTableSays) {
  // 1,000,000 operations and more in the long form.
  const bool full = std::getenv("ATTNLAB_LONG") != nullptr;
  const Index steps = full ? 30'000 : 1'500;
  Index refusals = 0, evicted = 0, copied = 0, hits = 0;
  std::uint64_t seed = 0;
  for (const Index block_size : {1, 2, 3, 8}) {
    for (const Index blocks : {0, 5, 20, 60}) {
      SCOPED_TRACE("block_size " + std::to_string(block_size) + ", blocks " + std::to_string(blocks));
      Model model({blocks, block_size, GetParam(), blocks / 2}, ++seed);
      for (Index n = 0; n < steps; ++n) {
        model.step();
        if (n % 10 == 0) model.check();
        if (HasFailure()) return;
      }
      refusals += model.refusals();
      evicted += model.manager().counts().evicted_blocks;
      copied += model.manager().counts().copied_blocks;
      hits += model.manager().counts().hit_tokens;
    }
  }
  // The model went where it matters.
  EXPECT_GT(refusals, steps / 10);
  EXPECT_GT(copied, steps / 10);
  EXPECT_EQ(evicted > steps / 10, GetParam() != Sharing::none);
  EXPECT_EQ(hits > steps / 10, GetParam() != Sharing::none);
}

INSTANTIATE_TEST_SUITE_P(
    Sharing, CacheManagerModel, ::testing::Values(Sharing::none, Sharing::radix, Sharing::hash),
    [](const auto& sharing) {
      return std::string(std::vector{"none", "radix", "hash"}.at(static_cast<std::size_t>(sharing.param)));
    });

std::vector<Token> tokens_from(Token first, Index count) {
  std::vector<Token> tokens;
  for (Index n = 0; n < count; ++n) tokens.push_back(first + static_cast<Token>(n));
  return tokens;
}

TEST(CacheManager, ParallelSamplesShareThePromptAndCopyItsLastBlockOnce) {
  CacheManager cache({.num_blocks = 8, .block_size = 4});
  const SequenceId a = cache.start(tokens_from(0, 6)).id;  // two blocks, the second half full
  const SequenceId b = cache.fork(a);
  EXPECT_EQ(cache.pool().free(), 6);
  const Slot first = cache.append(a, 100);
  ASSERT_TRUE(first.copy_before);
  EXPECT_EQ(first.copy_before->rows, 2);
  EXPECT_EQ(first.copy_before->to, first.block);
  EXPECT_EQ(first.row, 2);
  EXPECT_FALSE(cache.append(b, 101).copy_before) << "b is the last that has the old block";
  EXPECT_EQ(cache.table(a)[0], cache.table(b)[0]);
  EXPECT_NE(cache.table(a)[1], cache.table(b)[1]);
  EXPECT_EQ(cache.counts().copied_blocks, 1);
}

TEST(CacheManager, BeamsThatDieGiveBackWhatIsTheirsAlone) {
  CacheManager cache({.num_blocks = 12, .block_size = 2});
  std::vector<SequenceId> beams{cache.start(tokens_from(0, 4)).id};
  const std::vector<Index> first{0, 0, 0};
  beams = cache.reorder(beams, first);
  for (const SequenceId beam : beams) cache.append(beam, static_cast<Token>(beam));
  EXPECT_EQ(cache.pool().size() - cache.pool().free(), 2 + 3);
  const std::vector<Index> parents{2, 2, 0};
  const auto next = cache.reorder(beams, parents);
  EXPECT_THAT(next, ElementsAre(beams[2], ::testing::Gt(beams[2]), beams[0]));
  EXPECT_EQ(cache.pool().size() - cache.pool().free(), 2 + 2);
  EXPECT_THROW(cache.table(beams[1]), InvalidArgument);
  cache.check();
}

// A recomputed request counted as a prefix hit: vLLM's metrics did that after preemptions.
TEST(CacheManager, WhatASequenceFindsOfItselfIsNoHit) {
  CacheManager cache({.num_blocks = 8, .block_size = 2, .sharing = Sharing::hash});
  const auto prompt = tokens_from(0, 8);
  cache.finish(cache.start(prompt).id, 8);
  EXPECT_EQ(cache.counts().hit_tokens, 0);
  const auto again = cache.start(prompt, std::nullopt, CacheManager::Origin::resumed);
  EXPECT_EQ(again.cached, 6) << "the last token is computed again, with its block";
  EXPECT_EQ(cache.counts().hit_tokens, 0);
  EXPECT_EQ(cache.counts().prompt_tokens, 8);
  EXPECT_EQ(cache.counts().found_tokens, 6);
}

// An evictable count above what the pool could get back; freed pages left in a table.
TEST(CacheManager, WhatRunningSequencesReadIsNeitherEvictedNorCountedAsAvailable) {
  for (const Sharing sharing : {Sharing::radix, Sharing::hash}) {
    CacheManager cache({.num_blocks = 6, .block_size = 2, .sharing = sharing});
    cache.finish(cache.start(tokens_from(0, 8)).id, 8);
    EXPECT_EQ(cache.available(), 6);
    EXPECT_EQ(cache.pool().idle(), 4);
    const auto reader = cache.start(tokens_from(0, 8));
    EXPECT_EQ(reader.cached, 6);
    EXPECT_EQ(cache.available(), 2) << "of the 6, it reads 3 and has 1 of its own";
    EXPECT_THROW(cache.start(tokens_from(50, 6)), OutOfBlocks);
    const auto other = cache.start(tokens_from(50, 4));
    EXPECT_EQ(cache.available(), 0);
    for (const BlockId block : cache.table(reader.id)) {
      EXPECT_THAT(cache.table(other.id), ::testing::Not(::testing::Contains(block)));
    }
    cache.check();
  }
}

TEST(CacheManager, WhatTwoComputeAtTheSameTimeIsKeptOnce) {
  CacheManager cache({.num_blocks = 10, .block_size = 2, .sharing = Sharing::radix});
  const SequenceId a = cache.start(tokens_from(0, 5)).id, b = cache.start(tokens_from(0, 5)).id;
  EXPECT_EQ(cache.pool().free(), 4);
  cache.publish(a, 5);
  cache.publish(b, 5);
  EXPECT_EQ(cache.pool().free(), 6) << "b gave its two full blocks up for a's";
  EXPECT_EQ(cache.table(a)[0], cache.table(b)[0]);
  EXPECT_NE(cache.table(a)[2], cache.table(b)[2]) << "the last is not full";
}

TEST(CacheManager, ChunksOfAPromptGetTheirRoomOneByOne) {
  CacheManager cache({.num_blocks = 3, .block_size = 4});
  const SequenceId id = cache.start(tokens_from(0, 20), 5).id;
  EXPECT_EQ(cache.room(id), 8);
  EXPECT_THROW(cache.append(id, 1), InvalidArgument);
  cache.grow(id, 12);
  EXPECT_THROW(cache.grow(id, 13), OutOfBlocks);
  EXPECT_EQ(cache.room(id), 12);
  EXPECT_THROW(cache.grow(id, 21), InvalidArgument);
}

TEST(CacheManager, RefusesWhatMakesNoSense) {
  EXPECT_THROW(CacheManager({.num_blocks = -1}), InvalidArgument);
  EXPECT_THROW(CacheManager({.num_blocks = 1, .block_size = 0}), InvalidArgument);
  CacheManager cache({.num_blocks = 4, .block_size = 2, .host_blocks = 1});
  EXPECT_THROW(cache.start({}), InvalidArgument);
  EXPECT_THROW(cache.start({1}, 2), InvalidArgument);
  EXPECT_THROW(cache.append(0, 1), InvalidArgument);
  const SequenceId id = cache.start({1, 2, 3}).id;
  EXPECT_THROW(cache.publish(id, 4), InvalidArgument);
  const std::vector<SequenceId> ids{id};
  const std::vector<Index> parents{1};
  EXPECT_THROW(cache.reorder(ids, parents), InvalidArgument);
  EXPECT_THROW(cache.swap_in(ids), InvalidArgument);
  EXPECT_THROW(cache.swap_out(ids), OutOfBlocks) << "the host has one block";
  EXPECT_FALSE(cache.swapped_out(id));
}

TEST(BlockPool, RefusesWhatIsNotHeld) {
  BlockPool pool(2);
  EXPECT_THROW(pool.release(0), InvalidArgument);
  EXPECT_THROW(pool.retain(2), InvalidArgument);
  const BlockId block = pool.allocate();
  pool.keep(block);
  EXPECT_THROW(pool.keep(block), InvalidArgument);
  EXPECT_THROW(pool.let_go(block), InvalidArgument);
  pool.release(block);
  EXPECT_THROW(pool.release(block), InvalidArgument);
  EXPECT_EQ(pool.idle(), 1);
  pool.let_go(block);
  EXPECT_EQ(pool.free(), 2);
  EXPECT_THROW(pool.retain(block), InvalidArgument);
}

}  // namespace
}  // namespace attnlab::kv
