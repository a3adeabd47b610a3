// Is attention through a block table equal, to the bit, to attention on keys and values in one piece?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "reference/core/errors.h"
#include "tests/reference/attention/in_pages.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;

template <class T>
struct Results {
  explicit Results(const attention::Problem& p)
      : o(make_buffer<T>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v, false, T(7))),
        lse(make_buffer<T>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1, false, T(7))) {}
  bool operator==(const Results& other) const {
    const auto same = [](const Buffer<T>& a, const Buffer<T>& b) {
      return std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(T)) == 0;
    };
    return same(o, other.o) && same(lse, other.lse);
  }
  Buffer<T> o, lse;
};

template <class T>
Buffer<T> as(const Buffer<double>& from) {
  Buffer<T> to;
  to.data.assign(from.data.begin(), from.data.end());
  const TensorView<double>& v = from.view;
  to.view = {to.data.data(), v.batch, v.heads, v.seqlen, v.dim, v.batch_stride, v.head_stride, v.row_stride};
  return to;
}

template <class T>
void expect_equal_in_pages(Algorithm algorithm, std::uint64_t seed) {
  Case c;
  make_case(c, seed, 70);
  Random random(seed + 300);
  attention::Options options;
  options.tiles = {random.integer(1, 40), random.integer(1, 40)};
  options.threads = 1;
  const auto q = as<T>(c.q), k = as<T>(c.k), v = as<T>(c.v);
  Results<T> whole(c.p), paged(c.p);
  attention::forward<T>(algorithm, c.p, {q.in(), k.in(), v.in(), whole.o.view, whole.lse.view}, options);
  for (const Index page_size : {Index{1}, Index{16}, random.integer(2, 50)}) {
    const InPages<T> cache(c.p, k.in(), v.in(), page_size, seed);
    attention::Problem p = c.p;
    p.page_size = page_size;
    attention::forward<T>(
        algorithm, p, {q.in(), cache.k(), cache.v(), paged.o.view, paged.lse.view, cache.pages()}, options);
    EXPECT_TRUE(whole == paged) << "seed " << seed << c.description << ", pages of " << page_size;
  }
}

TEST(Paged, EveryAlgorithmGivesTheSameBits) {
  for (const auto& algorithm : attention::algorithms()) {
    SCOPED_TRACE(algorithm.name);
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      expect_equal_in_pages<double>(algorithm.id, seed);
      expect_equal_in_pages<float>(algorithm.id, seed);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(Paged, RefusesTablesThatLeadNowhere) {
  attention::Problem p;
  p.seqlen_q = 1, p.seqlen_kv = 5, p.head_dim = p.head_dim_v = 1, p.page_size = 2;
  const std::vector<double> pool(8), q(1);
  std::vector<double> o(1, 7);
  std::vector<std::int32_t> table{0, 3, 2, 9};
  const auto run = [&](attention::Pages pages) {
    attention::forward<double>(Algorithm::flash2, p,
                               {bhsd(q.data(), 1, 1, 1, 1),
                                bhsd(pool.data(), 4, 1, 2, 1),
                                bhsd(pool.data(), 4, 1, 2, 1),
                                bhsd(o.data(), 1, 1, 1, 1),
                                {},
                                pages});
  };
  run({table.data(), 3, 4});
  table[1] = 4;
  EXPECT_THROW(run({table.data(), 3, 4}), InvalidArgument);
  table[1] = -1;
  EXPECT_THROW(run({table.data(), 3, 4}), InvalidArgument);
  table[1] = 1;
  EXPECT_THROW(run({table.data(), 2, 4}), InvalidArgument) << "two entries for five rows";
  EXPECT_THROW(run({table.data(), 3, 5}), InvalidArgument) << "k has four pages";
  EXPECT_THROW(run({}), InvalidArgument);
  p.page_size = -1;
  EXPECT_THROW(run({table.data(), 3, 4}), InvalidArgument);
}

}  // namespace
}  // namespace attnlab::testing
