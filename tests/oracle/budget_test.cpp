// Does every honest kernel stay within the budget of its class, and how much of it does it use?
#include <gtest/gtest.h>

#include <map>

#include "oracle/mistakes/sensitivity.h"
#include "tests/oracle/stored.h"

namespace attnlab::testing {
namespace {

using oracle::honest_classes;
using oracle::HonestClass;
using oracle::KernelClass;

const HonestClass& class_at(int index) { return honest_classes()[static_cast<std::size_t>(index)]; }

struct Shape {
  Index batch, heads, kv_heads, nq, nk, d;
  bool causal;
};

class Budget : public ::testing::TestWithParam<int> {};

// The largest share of its budget that an honest kernel of the class used, over data, shapes and tiles.
TEST_P(Budget, HonestKernelsStayWithin) {
  const HonestClass& row = class_at(GetParam());
  const Shape shapes[] = {{1, 2, 1, 96, 96, 32, true},
                          {1, 1, 1, 40, 333, 64, false},
                          {2, 2, 2, 17, 65, 16, true},
                          {1, 1, 1, 8, 2048, 32, false},
                          {1, 1, 1, 1, 1, 8, false}};
  std::map<std::string, double> used, rms, cosine, bias;
  std::uint64_t seed = 1;
  for (const char* data : kData) {
    for (const Shape& s : shapes) {
      StoredCase c;
      c.p.batch = s.batch, c.p.num_heads = s.heads, c.p.num_kv_heads = s.kv_heads;
      c.p.seqlen_q = s.nq, c.p.seqlen_kv = s.nk, c.p.head_dim = c.p.head_dim_v = s.d, c.p.causal = s.causal;
      c.allocate(row.inputs, true);
      fill(c, data, ++seed);
      const Index block = Index{16} << (seed % 5);
      c.run(oracle::tile_kernel({.kernel_class = row.kernel, .br = 64, .bc = block, .threads = 1}));
      const oracle::Verdict verdict =
          oracle::check(c.p, c.inputs(), c.outputs(), row.kernel, {.threads = 1, .diagnose = false});
      EXPECT_TRUE(verdict.right) << row.name << ", " << data << ", N " << s.nq << " x " << s.nk
                                 << ", tiles of " << block << (s.causal ? ", causal\n" : "\n")
                                 << to_text(verdict);
      for (const auto& t : verdict.tensors) {
        used[t.name] = std::max(used[t.name], t.max_error_over_budget);
        rms[t.name] = std::max(rms[t.name], t.max_row_rms / t.row_rms_limit);
        cosine[t.name] = std::max(cosine[t.name], t.cosine_over_budget);
        bias[t.name] = std::max(bias[t.name], t.bias_over_budget);
      }
    }
  }
  for (const auto& [name, most] : used) {
    std::printf("%-15s %-4s error/budget %.3f  row RMS/limit %.3f  cosine %.3f  bias %.3f\n",
                row.name.c_str(), name.c_str(), most, rms[name], cosine[name], bias[name]);
  }
}
// Every option of the problem: masks, biases, softcap, ALiBi, sinks, windows, dropout, padding, packing, GQA.
TEST_P(Budget, HoldsForEveryOption) {
  const HonestClass& row = class_at(GetParam());
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case options;
    make_case(options, seed + 500);
    StoredCase c;
    c.p = options.p;
    c.allocate(row.inputs, true);
    fill(c, kData[seed % std::size(kData)], seed);
    c.run(oracle::tile_kernel({.kernel_class = row.kernel, .br = 32, .bc = 32, .threads = 1}));
    const oracle::Verdict verdict =
        oracle::check(c.p, c.inputs(), c.outputs(), row.kernel, {.threads = 1, .diagnose = false});
    EXPECT_TRUE(verdict.right) << row.name << ", " << kData[seed % std::size(kData)] << ", seed " << seed
                               << options.description << "\n"
                               << to_text(verdict);
  }
}
// Few rows over many keys: where worst cases and averages are furthest apart.
TEST_P(Budget, HoldsOverManyKeys) {
  const HonestClass& row = class_at(GetParam());
  for (const Index keys : {16384, 65536}) {
    for (const char* data : {"normal", "offset-mean", "ties", "large-logits"}) {
      StoredCase c;
      c.p.seqlen_q = 2, c.p.seqlen_kv = keys, c.p.head_dim = c.p.head_dim_v = 32, c.p.causal = true;
      c.allocate(row.inputs, false);
      fill(c, data, 77);
      c.run(oracle::tile_kernel({.kernel_class = row.kernel, .br = 64, .bc = 64, .threads = 1}));
      const oracle::Verdict verdict =
          oracle::check(c.p, c.inputs(), c.outputs(), row.kernel, {.threads = 1, .diagnose = false});
      EXPECT_TRUE(verdict.right) << row.name << ", " << data << ", " << keys << "\n" << to_text(verdict);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Classes, Budget, ::testing::Range(0, static_cast<int>(honest_classes().size())),
                         [](const auto& param) {
                           std::string name = class_at(param.param).name;
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

// Where P's rounding is all there is, over few keys, its budget is reached.
TEST(TightBudget, OfRoundedWeights) {
  KernelClass kernel = oracle::usual_class(DType::f32);
  kernel.p = float_format(DType::bf16);
  StoredCase c;
  c.p.seqlen_q = 512, c.p.seqlen_kv = 3, c.p.head_dim = c.p.head_dim_v = 32;
  c.allocate(DType::f32, false);
  fill(c, "normal", 3);
  c.run(oracle::tile_kernel({.kernel_class = kernel, .threads = 1}));
  const oracle::Verdict verdict =
      oracle::check(c.p, c.inputs(), c.outputs(), kernel, {.threads = 1, .diagnose = false});
  EXPECT_TRUE(verdict.right) << to_text(verdict);
  EXPECT_GT(verdict.tensors.front().max_error_over_budget, 0.6);
}

// A kernel whose scale is off by an ulp, as scale * log2(e) in fp32 is: all its logits err alike.
TEST(SharedErrors, OfARoundedScaleAreHonest) {
  for (const char* data : {"values-are-keys", "offset-mean", "normal"}) {
    StoredCase c;
    c.p.num_heads = 2, c.p.seqlen_q = c.p.seqlen_kv = 1024, c.p.head_dim = c.p.head_dim_v = 64;
    c.p.softmax_scale = 0.5;
    c.allocate(DType::f32, false);
    fill(c, data, 3);
    const attention::Problem exact = c.p;
    c.p.softmax_scale = 0.5 * (1 + 0x1p-23);
    c.run(oracle::tile_kernel({.kernel_class = oracle::usual_class(DType::f32), .threads = 1}));
    const oracle::Verdict verdict =
        oracle::check(exact, c.inputs(), c.outputs(), {.threads = 1, .diagnose = false});
    EXPECT_TRUE(verdict.right) << data << "\n" << to_text(verdict);
  }
}

// FP8 weights in the backward pass: P has its scale, dS its own, and what a dS loses at either end of the
// format is part of the class.
TEST(Fp8Gradients, AreHeldToTheScaleOfTheirDs) {
  KernelClass kernel = oracle::usual_class(DType::bf16);
  kernel.p = float_format(DType::e4m3), kernel.p_scale = 256;
  for (const double ds_scale : {1.0 / 16, 1.0, 16.0, 256.0, 4096.0}) {
    kernel.ds_scale = ds_scale;
    StoredCase c;
    c.p.num_heads = 2, c.p.seqlen_q = c.p.seqlen_kv = 128, c.p.head_dim = c.p.head_dim_v = 64,
    c.p.causal = true;
    c.allocate(DType::bf16, true);
    fill(c, "normal", 5);
    c.run(oracle::tile_kernel({.kernel_class = kernel, .threads = 1}));
    const auto verdict_as = [&](double declared) {
      KernelClass other = kernel;
      other.ds_scale = declared;
      return oracle::check(c.p, c.inputs(), c.outputs(), other, {.threads = 1, .diagnose = false});
    };
    EXPECT_TRUE(verdict_as(ds_scale).right) << ds_scale << "\n" << to_text(verdict_as(ds_scale));
    // dS of 8 saturates at 448 / 4096, and half of all dS vanish below 16 * 2^-10.
    if (ds_scale == 4096 || ds_scale < 1) {
      EXPECT_FALSE(verdict_as(16).right) << ds_scale;
    }
  }
}

// The gradients of a group's query heads, rounded one by one and added, as FlashAttention-2 and PyTorch do.
TEST(GroupedGradients, MayBeRoundedHeadByHead) {
  KernelClass rounding = oracle::usual_class(DType::bf16);
  rounding.p = float_format(DType::f32);  // no other rounding hides this one
  KernelClass adding = rounding;
  adding.rounds_each_head = false;
  int found = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    for (const KernelClass& kernel : {rounding, adding}) {
      StoredCase c;
      c.p.num_heads = 8, c.p.num_kv_heads = 1, c.p.seqlen_q = c.p.seqlen_kv = 65;
      c.p.head_dim = c.p.head_dim_v = 64, c.p.causal = true;
      c.allocate(DType::bf16, true);
      fill(c, "normal", seed);
      c.run(oracle::tile_kernel({.kernel_class = kernel, .threads = 1}));
      const auto verdict_as = [&](const KernelClass& declared) {
        return oracle::check(c.p, c.inputs(), c.outputs(), declared, {.threads = 1, .diagnose = false});
      };
      EXPECT_TRUE(verdict_as(rounding).right) << to_text(verdict_as(rounding));
      if (kernel.rounds_each_head) {
        found += !verdict_as(adding).right;
      } else {
        EXPECT_TRUE(verdict_as(adding).right) << to_text(verdict_as(adding));
      }
    }
  }
  EXPECT_EQ(found, 6);
}

}  // namespace
}  // namespace attnlab::testing
