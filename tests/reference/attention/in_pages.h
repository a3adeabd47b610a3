// The same K or V in pages: shuffled, with NaN in every row that no sequence has, and table entries behind a
// sequence's last that name no page.
#pragma once

#include <limits>
#include <numeric>

#include "reference/attention/attention.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {

template <class T>
class InPages {
 public:
  InPages(const attention::Problem& p, TensorView<const T> k, TensorView<const T> v, Index page_size,
          std::uint64_t seed)
      : page_size_(page_size) {
    Random random(seed);
    Index used = 0;
    for (Index b = 0; b < p.batch; ++b) {
      const Index needed = attention::ceil_div(p.kv_rows(b).size, page_size);
      used += needed, stride_ = std::max(stride_, needed + 1);
    }
    num_pages_ = used + 3;
    std::vector<std::int32_t> pages(static_cast<std::size_t>(num_pages_));
    std::iota(pages.begin(), pages.end(), 0);
    for (std::size_t n = pages.size(); n > 1; --n) {
      std::swap(pages[n - 1], pages[static_cast<std::size_t>(random.integer(0, static_cast<Index>(n) - 1))]);
    }
    table_.assign(static_cast<std::size_t>(p.batch * stride_), std::numeric_limits<std::int32_t>::max());
    for (Index b = 0; b < p.batch; ++b) {
      const Index needed = attention::ceil_div(p.kv_rows(b).size, page_size);
      for (Index n = 0; n < needed; ++n) {
        table_[static_cast<std::size_t>(b * stride_ + n)] = pages.back();
        pages.pop_back();
      }
    }
    k_ = fill(p, k), v_ = fill(p, v);
  }

  TensorView<const T> k() const { return k_.in(); }
  TensorView<const T> v() const { return v_.in(); }
  attention::Pages pages() const { return {table_.data(), stride_, num_pages_}; }

 private:
  Buffer<T> fill(const attention::Problem& p, TensorView<const T> whole) {
    auto pool = make_buffer<T>(num_pages_, whole.heads, page_size_, whole.dim, false,
                               std::numeric_limits<T>::quiet_NaN());
    for (Index b = 0; b < p.batch; ++b) {
      const Rows rows = p.kv_rows(b);
      for (Index h = 0; h < whole.heads; ++h) {
        for (Index r = 0; r < rows.size; ++r) {
          const Index page = table_[static_cast<std::size_t>(b * stride_ + r / page_size_)];
          std::copy_n(whole.head(p.tensor_batch(b), h, {rows.begin + r, 1}).data, whole.dim,
                      pool.view.head(page, h, {r % page_size_, 1}).data);
        }
      }
    }
    return pool;
  }

  Index page_size_, stride_ = 0, num_pages_ = 0;
  std::vector<std::int32_t> table_;
  Buffer<T> k_, v_;
};

}  // namespace attnlab::testing
