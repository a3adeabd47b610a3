// Do the cache's kernels move every number to its place, exactly, and touch nothing else: appended tokens of all
// types, also rounded to e4m3 and int8, copied pages, gathered sequences?
#include "cuda/cache/cache.h"

#include <gtest/gtest.h>

#include "tests/cuda/backends.h"
#include "tests/cuda/decode_cases.h"
#include "tests/cuda/findings.h"

namespace attnlab::testing {
namespace {

constexpr Index kPages = 7, kHeads = 2, kDim = 24, kDimV = 40;

// Raw numbers, here and on the device.
struct OnBoth {
  Raw host;
  cuda::DeviceMemory device;
  OnBoth(cuda::Backend backend, Raw raw) : host(std::move(raw)), device(backend, host.bytes.size()) {
    device.copy_from(host.bytes.data());
  }
  template <class T>
  cuda::Strided<T> strided() const {
    return {static_cast<T*>(device.data()), host.tensor.batch_stride, host.tensor.head_stride,
            host.tensor.row_stride};
  }
  std::vector<std::byte> result() const {
    std::vector<std::byte> bytes(host.bytes.size());
    device.copy_to(bytes.data());
    return bytes;
  }
};

Raw random_raw(Random& random, DType type, Index batch, Index rows, Index dim, double unit) {
  Raw raw(type, batch, kHeads, rows, dim);
  std::vector<double> row(static_cast<std::size_t>(dim));
  for (Index b = 0; b < batch; ++b) {
    for (Index h = 0; h < kHeads; ++h) {
      for (Index i = 0; i < rows; ++i) {
        for (double& x : row) x = unit * random.normal();
        write(raw.output(), b, h, i, {row.data(), 1, dim, dim});
      }
    }
  }
  return raw;
}

double number(const Raw& raw, Index b, Index h, Index i, Index c) {
  std::vector<double> row(static_cast<std::size_t>(raw.tensor.dim));
  read(raw.tensor, b, h, {i, 1}, {row.data(), 1, raw.tensor.dim, raw.tensor.dim});
  return row[static_cast<std::size_t>(c)];
}

class CacheKernels : public ::testing::TestWithParam<cuda::Backend> {
 protected:
  void TearDown() override { expect_no_findings(GetParam()); }
  template <class T>
  cuda::DeviceList<T> list(const std::vector<T>& values) const {
    return {GetParam(), values};
  }
};

// What a number of the tokens becomes in the cache.
double stored(DType cache, double x, float factor) {
  const float quotient = static_cast<float>(x) / factor;
  if (cache == DType::i8) return std::clamp(std::nearbyint(static_cast<double>(quotient)), -128.0, 127.0);
  return round_to(cache, static_cast<double>(quotient), Overflow::saturate);
}

TEST_P(CacheKernels, AppendedTokensAreWhereTheTableSays) {
  const std::vector<int> table = {5, 2, 1 << 28, 0, 6, 1 << 28}, sequences = {0, 1, 1, 0},
                         positions = {4, 0, 5, 3};
  const auto on_table = list(table), on_sequences = list(sequences), on_positions = list(positions);
  constexpr Index kPageSize = 3, kTokens = 4;
  const std::vector<float> factors = {0.5f, 0.03f};
  const auto on_factors = list(factors);
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    for (const DType cache : {type, DType::e4m3, DType::i8}) {
      Random random(3);
      // Some of them beyond the cache's range.
      const OnBoth k(GetParam(), random_raw(random, type, 1, kTokens, kDim, 8));
      const OnBoth v(GetParam(), random_raw(random, type, 1, kTokens, kDimV, 8));
      OnBoth k_cache(GetParam(), Raw(cache, kPages, kHeads, kPageSize, kDim));
      OnBoth v_cache(GetParam(), Raw(cache, kPages, kHeads, kPageSize, kDimV));
      const cuda::CacheScales scales =
          cache == type ? cuda::CacheScales{} : cuda::CacheScales{on_factors.data(), 0, 1};
      cuda::AppendParams p;
      p.type = type, p.cache_type = cache;
      p.k = k.strided<const void>(), p.v = v.strided<const void>();
      p.k_cache = {k_cache.strided<void>(), kDim, scales},
      p.v_cache = {v_cache.strided<void>(), kDimV, scales};
      p.sequences = on_sequences.data(), p.positions = on_positions.data();
      p.block_table = on_table.data(), p.block_table_stride = 3;
      p.page_size = kPageSize, p.heads = kHeads, p.tokens = kTokens;
      cuda::append(GetParam(), p);
      cuda::functions(GetParam()).synchronize();
      for (auto* pair : {&k_cache, &v_cache}) {
        const Raw& from = pair == &k_cache ? k.host : v.host;
        Raw& expected = pair->host;
        for (Index n = 0; n < kTokens; ++n) {
          const auto at = static_cast<std::size_t>(n);
          const Index page =
              table[static_cast<std::size_t>(3 * sequences[at]) + std::size_t(positions[at] / kPageSize)];
          for (Index h = 0; h < kHeads; ++h) {
            std::vector<double> row;
            for (Index c = 0; c < expected.tensor.dim; ++c) {
              const double x = number(from, 0, h, n, c);
              row.push_back(cache == type ? x : stored(cache, x, factors[static_cast<std::size_t>(h)]));
            }
            write(expected.output(), page, h, positions[at] % kPageSize,
                  {row.data(), 1, expected.tensor.dim, expected.tensor.dim});
          }
        }
        EXPECT_EQ(pair->result(), expected.bytes) << name(type) << " to " << name(cache);
      }
    }
  }
}

TEST_P(CacheKernels, CopiedPagesAreTheSame) {
  const auto from = list<int>({4, 4, 0}), to = list<int>({1, 6, 3});
  for (const DType type : {DType::f32, DType::bf16, DType::i8}) {
    Random random(4);
    OnBoth k(GetParam(), random_raw(random, type, kPages, 5, kDim, 20));
    OnBoth v(GetParam(), random_raw(random, type, kPages, 5, kDimV, 20));
    cuda::CopyPagesParams p;
    p.type = type, p.k = k.strided<void>(), p.v = v.strided<void>();
    p.from = from.data(), p.to = to.data(), p.copies = 3;
    p.page_size = 5, p.heads = kHeads, p.dim_k = kDim, p.dim_v = kDimV;
    cuda::copy_pages(GetParam(), p);
    cuda::functions(GetParam()).synchronize();
    for (OnBoth* side : {&k, &v}) {
      std::vector<std::byte> expected = side->host.bytes;
      const auto page = static_cast<std::ptrdiff_t>(expected.size() / kPages);
      for (const auto& [source, target] : {std::pair{4, 1}, {4, 6}, {0, 3}})
        std::copy_n(expected.begin() + source * page, page, expected.begin() + target * page);
      EXPECT_EQ(side->result(), expected) << name(type);
    }
  }
}

TEST_P(CacheKernels, GatheredSequencesAreContiguous) {
  for (const DType type : {DType::f16, DType::e4m3}) {
    const DecodeCase c = decode_case("", [&](DecodeCase& d) {
      d.type = DType::f16, d.cache = type, d.page_size = 3, d.p.kv_lens = {20, 0, 1}, d.p.seqlen_kv = 20;
    });
    const DecodeInputs inputs(c);
    const Tensor& paged = inputs.k();
    Raw pages(type, paged.num_pages, 2, 3, 64);
    std::memcpy(pages.bytes.data(), paged.data, pages.bytes.size());
    const OnBoth k(GetParam(), std::move(pages));
    OnBoth k_to(GetParam(), Raw(type, 3, 2, 20, 64)), v_to(GetParam(), Raw(type, 3, 2, 20, 64));
    const auto table =
        list(std::vector<int>(paged.block_table, paged.block_table + 3 * paged.block_table_stride));
    const auto lens = list<int>({20, 0, 1});
    cuda::GatherParams p;
    p.type = type, p.k = p.v = k.strided<const void>();
    p.k_to = k_to.strided<void>(), p.v_to = v_to.strided<void>();
    p.lens = lens.data(), p.block_table = table.data(), p.block_table_stride = paged.block_table_stride;
    p.page_size = 3, p.batch = 3, p.heads = 2, p.longest = 20, p.dim_k = p.dim_v = 64;
    cuda::gather(GetParam(), p);
    cuda::functions(GetParam()).synchronize();
    std::vector<double> row(64);
    for (const auto& [b, length] : {std::pair<Index, Index>{0, 20}, {2, 1}}) {
      for (Index h = 0; h < 2; ++h) {
        for (Index j = 0; j < length; ++j) {
          read(paged, b, h, {j, 1}, {row.data(), 1, 64, 64});
          write(k_to.host.output(), b, h, j, {row.data(), 1, 64, 64});
        }
      }
    }
    EXPECT_EQ(k_to.result(), k_to.host.bytes);
    EXPECT_EQ(v_to.result(), k_to.host.bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Cuda, CacheKernels, ::testing::ValuesIn(cuda::backends()),
                         [](const auto& run) { return std::string(cuda::name(run.param)); });

}  // namespace
}  // namespace attnlab::testing
