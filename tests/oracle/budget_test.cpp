// Does every honest kernel stay within the budget of its class, and how much of it does it use?
#include <gtest/gtest.h>

#include <map>

#include "reference/oracle/mistakes.h"
#include "tests/oracle/stored.h"

namespace attnlab::testing {
namespace {

using oracle::KernelClass;

struct ClassRow {
  const char* name;
  DType inputs;
  KernelClass kernel;
};

std::vector<ClassRow> classes() {
  std::vector<ClassRow> rows;
  const auto add = [&](const char* name, DType type, auto change) {
    KernelClass kernel = oracle::usual_class(type);
    change(kernel);
    kernel.name = name;
    rows.push_back({name, type, kernel});
  };
  const auto as_usual = [](KernelClass&) {};
  add("fp64", DType::f64, as_usual);
  add("fp32", DType::f32, as_usual);
  add("fp32-truncated", DType::f32, [](KernelClass& k) { k.truncating = true; });
  add("tf32", DType::f32, [](KernelClass& k) {
    k.operands = oracle::tf32();
    k.p = oracle::tf32();
    k.truncating = true;
  });
  add("fp16", DType::f16, as_usual);
  add("fp16-nearest", DType::f16, [](KernelClass& k) { k.truncating = false; });
  add("fp16-sums", DType::f16, [](KernelClass& k) { k.accumulator = float_format(DType::f16); });
  add("bf16", DType::bf16, as_usual);
  add("bf16-scores", DType::bf16, [](KernelClass& k) { k.scores = float_format(DType::bf16); });
  add("bf16-sums", DType::bf16, [](KernelClass& k) { k.accumulator = float_format(DType::bf16); });
  add("fp8", DType::e4m3, as_usual);
  add("fp8-fp22", DType::e4m3,
      [](KernelClass& k) { k.accumulator = oracle::parse_format("accumulate", "fp22"); });
  return rows;
}

struct Shape {
  Index batch, heads, kv_heads, nq, nk, d;
  bool causal;
};

class Budget : public ::testing::TestWithParam<int> {};

// The largest share of its budget that an honest kernel of the class used, over data, shapes and tiles.
TEST_P(Budget, HonestKernelsStayWithin) {
  const ClassRow row = classes()[static_cast<std::size_t>(GetParam())];
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
      c.allocate(row.inputs, bits(row.inputs) != 8);
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
    std::printf("%-15s %-4s error/budget %.3f  row RMS/limit %.3f  cosine %.3f  bias %.3f\n", row.name,
                name.c_str(), most, rms[name], cosine[name], bias[name]);
  }
}
// Every option of the problem: masks, biases, softcap, ALiBi, sinks, windows, dropout, padding, packing, GQA.
TEST_P(Budget, HoldsForEveryOption) {
  const ClassRow row = classes()[static_cast<std::size_t>(GetParam())];
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case options;
    make_case(options, seed + 500);
    StoredCase c;
    c.p = options.p;
    c.allocate(row.inputs, bits(row.inputs) != 8);
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
  const ClassRow row = classes()[static_cast<std::size_t>(GetParam())];
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
INSTANTIATE_TEST_SUITE_P(Classes, Budget, ::testing::Range(0, static_cast<int>(classes().size())),
                         [](const auto& param) {
                           std::string name = classes()[static_cast<std::size_t>(param.param)].name;
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

}  // namespace
}  // namespace attnlab::testing
