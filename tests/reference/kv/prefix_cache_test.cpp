// Do the two prefix caches keep, find and let go what their papers say?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "reference/kv/hash_cache.h"
#include "reference/kv/prefix_replay.h"
#include "reference/kv/radix_cache.h"
#include "reference/kv/radix_drawing.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::kv {
namespace {

using ::testing::ElementsAre;
using testing::Random;

// Words as tokens.
class Words {
 public:
  std::vector<Token> tokens(const std::string& text) {
    std::vector<Token> tokens;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      const auto [at, fresh] = ids_.try_emplace(word, static_cast<Token>(words_.size()));
      if (fresh) words_.push_back(word);
      tokens.push_back(at->second);
    }
    return tokens;
  }
  std::string text(std::span<const Token> tokens) const {
    std::string text;
    for (const Token token : tokens) {
      text += (text.empty() ? "" : " ") + words_.at(static_cast<std::size_t>(token));
    }
    return text;
  }

 private:
  std::map<std::string, Token> ids_;
  std::vector<std::string> words_;
};

// One request after the other, each with room for `reserve` tokens that it then did not need.
template <class Cache>
class Server {
 public:
  explicit Server(Index blocks, Index block_size = 1) : pool(blocks), cache(pool, block_size) {}

  // Returns how many tokens were there already.
  Index serve(std::span<const Token> tokens, Index reserve = 0) {
    const Index size = cache.block_size();
    std::vector<BlockId> table = cache.match(tokens);
    const auto found = static_cast<Index>(table.size());
    for (const BlockId block : table) pool.retain(block);
    const Index more = static_cast<Index>(tokens.size()) / size - found + reserve;
    if (const Index short_of = more - pool.free(); short_of > 0) {
      EXPECT_EQ(cache.evict(short_of), short_of);
    }
    while (static_cast<Index>(table.size()) < static_cast<Index>(tokens.size()) / size) {
      table.push_back(pool.allocate());
    }
    EXPECT_EQ(cache.insert(tokens, table), table);
    for (auto block = table.rbegin(); block != table.rend(); ++block) pool.release(*block);
    cache.check();
    return found * size;
  }

  BlockPool pool;
  Cache cache;
};

// Zheng et al. 2024, Figure 3: nine steps. "Room" is what the step's request reserves for its answer.
TEST(RadixCache, TheNineStepsOfSglangsFigure) {
  Words words;
  Server<RadixCache> server(42);
  const auto serve = [&](const std::string& text, Index reserve = 0) {
    return server.serve(words.tokens(text), reserve);
  };
  const auto tree = [&] {
    return to_text(server.cache, server.pool, [&](std::span<const Token> t) { return words.text(t); });
  };
  const std::string system = "You are a helpful assistant. ", hello = "User: Hello! Assistant: Hi! ",
                    second = "User: Solve this problem. Assistant: Sure! ",
                    story = "User: Write a story. Assistant: Once... ",
                    more = "User: Go on. Assistant: There... ", shots = "Q: 1+1? A: 2. Q: 2+2? A: 4. ";
  // 1: empty.
  EXPECT_EQ(tree(), "root\n");
  // 2: a first message and its answer, one edge.
  EXPECT_EQ(serve(system + hello), 0);
  EXPECT_EQ(tree(), "root\n|- \"You are a helpful assistant. User: Hello! Assistant: Hi!\" 9 blocks\n");
  // 3: the next turn; the first is found and reused.
  EXPECT_EQ(serve(system + hello + second), 9);
  EXPECT_EQ(tree(),
            "root\n"
            "|- \"You are a helpful assistant. User: Hello! Assistant: Hi!\" 9 blocks\n"
            "   |- \"User: Solve this problem. Assistant: Sure!\" 6 blocks\n");
  // 4: another chat splits the node, so that both share the system prompt.
  EXPECT_EQ(serve(system + story), 6) << "the system prompt and 'User:'";
  EXPECT_EQ(tree(),
            "root\n"
            "|- \"You are a helpful assistant. User:\" 6 blocks\n"
            "   |- \"Hello! Assistant: Hi!\" 3 blocks\n"
            "   |  |- \"User: Solve this problem. Assistant: Sure!\" 6 blocks\n"
            "   |- \"Write a story. Assistant: Once...\" 5 blocks\n");
  // 5: it goes on, and there is no more room: the first chat's second turn goes.
  EXPECT_EQ(serve(system + story + more, 23), 11);
  EXPECT_EQ(tree(),
            "root\n"
            "|- \"You are a helpful assistant. User:\" 6 blocks\n"
            "   |- \"Hello! Assistant: Hi!\" 3 blocks\n"
            "   |- \"Write a story. Assistant: Once...\" 5 blocks\n"
            "      |- \"User: Go on. Assistant: There...\" 5 blocks\n");
  // 6: a few-shot question shares nothing: an edge of its own from the root.
  EXPECT_EQ(serve(shots + "Q: 3+3? A: 6."), 0);
  // 7: more of them share its examples.
  EXPECT_EQ(serve(shots + "Q: 5+5? A: 10."), 9);
  EXPECT_EQ(serve(shots + "Q: 6+6? A: 12."), 9);
  EXPECT_EQ(serve(shots + "Q: 4+4? A: 8."), 9);
  const std::string seven =
      "root\n"
      "|- \"You are a helpful assistant. User:\" 6 blocks\n"
      "|  |- \"Hello! Assistant: Hi!\" 3 blocks\n"
      "|  |- \"Write a story. Assistant: Once...\" 5 blocks\n"
      "|     |- \"User: Go on. Assistant: There...\" 5 blocks\n"
      "|- \"Q: 1+1? A: 2. Q: 2+2? A: 4. Q:\" 9 blocks\n"
      "   |- \"3+3? A: 6.\" 3 blocks\n"
      "   |- \"5+5? A: 10.\" 3 blocks\n"
      "   |- \"6+6? A: 12.\" 3 blocks\n"
      "   |- \"4+4? A: 8.\" 3 blocks\n";
  EXPECT_EQ(tree(), seven);
  // 8: the first chat returns; the second, least recently used, goes.
  EXPECT_EQ(serve(system + hello + "User: Thanks! Assistant: Welcome! ", 8), 9);
  EXPECT_EQ(tree(),
            "root\n"
            "|- \"You are a helpful assistant. User:\" 6 blocks\n"
            "|  |- \"Hello! Assistant: Hi!\" 3 blocks\n"
            "|     |- \"User: Thanks! Assistant: Welcome!\" 4 blocks\n"
            "|- \"Q: 1+1? A: 2. Q: 2+2? A: 4. Q:\" 9 blocks\n"
            "   |- \"3+3? A: 6.\" 3 blocks\n"
            "   |- \"5+5? A: 10.\" 3 blocks\n"
            "   |- \"6+6? A: 12.\" 3 blocks\n"
            "   |- \"4+4? A: 8.\" 3 blocks\n");
  // 9: more answers to one question; the other questions go.
  EXPECT_EQ(serve(shots + "Q: 4+4? A: eight.", 16), 11);
  EXPECT_EQ(serve(shots + "Q: 4+4? A: VIII."), 11);
  EXPECT_EQ(tree(),
            "root\n"
            "|- \"You are a helpful assistant. User:\" 6 blocks\n"
            "|  |- \"Hello! Assistant: Hi!\" 3 blocks\n"
            "|     |- \"User: Thanks! Assistant: Welcome!\" 4 blocks\n"
            "|- \"Q: 1+1? A: 2. Q: 2+2? A: 4. Q:\" 9 blocks\n"
            "   |- \"4+4? A:\" 2 blocks\n"
            "      |- \"8.\" 1 block\n"
            "      |- \"eight.\" 1 block\n"
            "      |- \"VIII.\" 1 block\n");
}

std::vector<Token> random_request(Random& random, const std::vector<std::vector<Token>>& others) {
  std::vector<Token> tokens;
  if (!others.empty() && random.chance(0.8)) {
    const auto& other =
        others[static_cast<std::size_t>(random.integer(0, static_cast<Index>(others.size()) - 1))];
    tokens.assign(other.begin(), other.begin() + random.integer(0, static_cast<Index>(other.size())));
  }
  for (Index n = random.integer(1, 10); n > 0; --n)
    tokens.push_back(static_cast<Token>(random.integer(0, 3)));
  return tokens;
}

// Zheng et al. 2024, Theorem 3.1: with room for the longest request, the order of a depth-first walk, and the
// longest shared prefix first, compute every edge of the requests' tree once.
TEST(RadixCache, DepthFirstOrderAndLongestPrefixFirstReachTheOptimum) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    std::vector<std::vector<Token>> requests;
    for (Index n = random.integer(1, 25); n > 0; --n) requests.push_back(random_request(random, requests));
    std::set<std::vector<Token>> edges;  // every beginning of a request, once
    std::size_t longest = 0, all = 0;
    for (const auto& request : requests) {
      for (std::size_t n = 1; n <= request.size(); ++n)
        edges.insert({request.begin(), request.begin() + static_cast<Index>(n)});
      longest = std::max(longest, request.size());
      all += request.size();
    }
    const auto optimum = static_cast<Index>(all - edges.size());
    const auto room = static_cast<Index>(longest);

    auto in_order = requests;
    std::ranges::sort(in_order);
    Server<RadixCache> walk(room);
    Index found = 0;
    for (const auto& request : in_order) found += walk.serve(request);
    EXPECT_EQ(found, optimum) << "depth first, seed " << seed;

    Server<RadixCache> greedy(room);
    found = 0;
    for (auto waiting = requests; !waiting.empty();) {
      const auto shared = [&](const auto& request) { return greedy.cache.match(request).size(); };
      const auto next = std::ranges::max_element(waiting, {}, shared);
      found += greedy.serve(*next);
      waiting.erase(next);
    }
    EXPECT_EQ(found, optimum) << "longest shared prefix first, seed " << seed;
  }
}

// Block n of a request as tokens of its own.
std::vector<Token> tokens_of(const BlockNames& names, Index block_size) {
  std::vector<Token> tokens;
  for (const std::int64_t name : names)
    tokens.insert(tokens.end(), static_cast<std::size_t>(block_size), static_cast<Token>(name));
  return tokens;
}

// Random chains of names, a name standing for all before it.
std::vector<BlockNames> random_chains(std::uint64_t seed, Index count, Index longest) {
  Random random(seed);
  std::vector<BlockNames> chains;
  std::int64_t next = 0;
  for (Index n = 0; n < count; ++n) {
    BlockNames names;
    if (!chains.empty() && random.chance(0.8)) {
      const auto& other =
          chains[static_cast<std::size_t>(random.integer(0, static_cast<Index>(chains.size()) - 1))];
      names.assign(other.begin(), other.begin() + random.integer(0, static_cast<Index>(other.size())));
    }
    for (Index more = random.integer(0, longest - static_cast<Index>(names.size())); more > 0; --more)
      names.push_back(next++);
    chains.push_back(names);
  }
  return chains;
}

TEST(PrefixReplay, TreeHashesAndReplayFindTheSame) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto chains = random_chains(seed, 60, 8);
    for (const Index capacity : {8, 12, 30, 1000}) {
      const Hits expected = replay_lru(chains, capacity);
      for (const Index block_size : {1, 3}) {
        Server<RadixCache> tree(capacity, block_size);
        Server<HashCache> hashes(capacity, block_size);
        Index in_tree = 0, in_hashes = 0;
        for (const BlockNames& names : chains) {
          in_tree += tree.serve(tokens_of(names, block_size));
          in_hashes += hashes.serve(tokens_of(names, block_size));
        }
        EXPECT_EQ(in_tree, expected.found * block_size) << "seed " << seed << ", capacity " << capacity;
        EXPECT_EQ(in_hashes, expected.found * block_size) << "seed " << seed << ", capacity " << capacity;
      }
    }
    EXPECT_EQ(replay_lru(chains, 1000).found, replay_unlimited(chains).found);
  }
}

// The most blocks that any choice of what to keep finds, tried out.
Index best_by_trial(std::span<const BlockNames> requests, Index capacity, const std::set<std::int64_t>& known,
                    std::map<std::pair<std::size_t, std::set<std::int64_t>>, Index>& seen) {
  if (requests.empty()) return 0;
  const auto key = std::pair(requests.size(), known);
  if (const auto at = seen.find(key); at != seen.end()) return at->second;
  Index found = 0;
  for (const std::int64_t name : requests.front()) {
    if (!known.contains(name)) break;
    ++found;
  }
  std::set<std::int64_t> all = known;
  all.insert(requests.front().begin(), requests.front().end());
  const std::vector<std::int64_t> names(all.begin(), all.end());
  Index best = 0;
  for (unsigned kept = 0; kept < 1u << names.size(); ++kept) {
    if (std::popcount(kept) > capacity) continue;
    std::set<std::int64_t> next;
    for (std::size_t n = 0; n < names.size(); ++n) {
      if ((kept >> n & 1u) != 0) next.insert(names[n]);
    }
    best = std::max(best, best_by_trial(requests.subspan(1), capacity, next, seen));
  }
  return seen[key] = found + best;
}

TEST(PrefixReplay, BeladyIsTheBestThatAnyChoiceReaches) {
  Index better = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto chains = random_chains(seed + 500, 6, 3);
    for (const Index capacity : {1, 2, 3}) {
      std::map<std::pair<std::size_t, std::set<std::int64_t>>, Index> seen;
      const Index best = best_by_trial(chains, capacity, {}, seen);
      EXPECT_EQ(replay_belady(chains, capacity).found, best) << "seed " << seed << ", capacity " << capacity;
      EXPECT_LE(replay_lru(chains, capacity).found, best);
      better += best - replay_lru(chains, capacity).found;
    }
  }
  EXPECT_GT(better, 0) << "least recently used is not always the best";
}

// Eviction from the head of a sequence leaves blocks that nothing finds.
TEST(PrefixCaches, WhatIsLeftOfASequenceIsItsBeginning) {
  Words words;
  const auto tokens = words.tokens("a b c d e f g h");
  const auto check = [&]<class Cache>(Server<Cache> server) {
    server.serve(tokens);
    for (Index left = 3; left >= 0; --left) {
      EXPECT_EQ(server.cache.evict(1), 1);
      EXPECT_EQ(static_cast<Index>(server.cache.match(tokens).size()), left);
      server.cache.check();
    }
    EXPECT_EQ(server.cache.evict(1), 0);
  };
  check(Server<RadixCache>(10, 2));
  check(Server<HashCache>(10, 2));
}

// Blocks of 16 share less than single tokens do: what the two designs differ in.
TEST(PrefixCaches, ATreeOfTokensSharesWhatBlocksDoNot) {
  std::vector<Token> a(40, 1), b(40, 1);
  b[37] = 2;
  Server<RadixCache> tree(100, 1);
  Server<HashCache> hashes(100, 16);
  EXPECT_EQ(tree.serve(a), 0);
  EXPECT_EQ(hashes.serve(a), 0);
  EXPECT_EQ(tree.serve(b), 37);
  EXPECT_EQ(hashes.serve(b), 32);
}

TEST(PrefixCaches, KeepNothingThatTheTokensDoNotFill) {
  BlockPool pool(4);
  RadixCache cache(pool, 2);
  const std::vector<Token> tokens{1, 2, 3};
  const std::vector<BlockId> blocks{pool.allocate(), pool.allocate()};
  EXPECT_THROW(cache.insert(tokens, blocks), InvalidArgument);
  EXPECT_EQ(cache.kept(), 0);
  EXPECT_THROW(RadixCache(pool, 0), InvalidArgument);
}

// Two that forked share blocks, but one of them found its beginning elsewhere: what they share must not be kept
// below a beginning that only one of them holds.
TEST(PrefixCaches, ABlockThatOthersHoldIsNotKeptYet) {
  BlockPool pool(8);
  HashCache cache(pool, 1);
  const std::vector<Token> tokens{1, 2};
  const std::vector<BlockId> first{pool.allocate()}, forked{pool.allocate(), pool.allocate()};
  cache.insert(std::span(tokens).first(1), first);
  for (const BlockId block : forked) pool.retain(block);  // by the twin
  const auto all = cache.insert(tokens, forked);
  EXPECT_THAT(all, ElementsAre(first[0], forked[1]));
  EXPECT_EQ(cache.kept(), 1);
  pool.release(forked[1]);
  cache.insert(tokens, all);
  EXPECT_EQ(cache.kept(), 2);
}

TEST(RadixDrawing, IsAPictureOfEveryNode) {
  Words words;
  Server<RadixCache> server(10);
  server.serve(words.tokens("a <b> & c"));
  server.serve(words.tokens("a <b> d"));
  server.pool.retain(server.cache.match(words.tokens("a"))[0]);
  const auto text = [&](std::span<const Token> t) { return words.text(t); };
  const std::string svg = to_svg(server.cache, server.pool, text, "A <tree>");
  EXPECT_THAT(svg, ::testing::HasSubstr("A &lt;tree&gt;"));
  EXPECT_THAT(svg, ::testing::HasSubstr(">&amp; c<"));
  EXPECT_THAT(svg, ::testing::HasSubstr("#cfe3ff"));
  EXPECT_THAT(to_text(server.cache, server.pool, text), ::testing::HasSubstr("\"a\" 1 block, held"));
}

}  // namespace
}  // namespace attnlab::kv
