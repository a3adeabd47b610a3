// Is the catalogue's kernel attention where it has no mistake, and is each mistake one?
#include "oracle/mistakes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "oracle/mistakes/wrong.h"
#include "oracle/mistakes/zoo.h"
#include "reference/attention/attention.h"

namespace attnlab::oracle {
namespace {

bool is_short(const ZooCase& c) { return c.problem.seqlen_kv <= 10000; }

TensorView<double> written(const OutputTensor& t) { return view_of<double>(t.read()); }

Kernel flash2(attention::Tiles tiles) {
  return [tiles](const Call& call) {
    attention::Options options;
    options.threads = 1, options.tiles = tiles;
    const auto in = [](const Tensor& t) { return view_of<const double>(t); };
    if (call.backward()) {
      attention::backward<double>(attention::Algorithm::flash2, call.problem,
                                  {in(call.q), in(call.k), in(call.v), in(call.saved_o), in(call.saved_lse),
                                   in(call.dout), written(call.dq), written(call.dk), written(call.dv)},
                                  options);
    } else {
      attention::forward<double>(attention::Algorithm::flash2, call.problem,
                                 {in(call.q), in(call.k), in(call.v), written(call.o), written(call.lse)},
                                 options);
    }
  };
}

std::vector<std::pair<const char*, Tensor>> tensors_of(const Outputs& outputs) {
  std::vector<std::pair<const char*, Tensor>> all = {
      {"o", outputs.o}, {"lse", outputs.lse}, {"dq", outputs.dq}, {"dk", outputs.dk}, {"dv", outputs.dv}};
  std::erase_if(all, [](const auto& t) { return !t.second; });
  return all;
}

// In float64 both are sums of the same terms in another order: each is off by at most gamma(terms) times the
// sum of magnitudes, and the logits by gamma(d) times |q| |k|, which enters every weight as a relative error.
TEST(TileKernel, WithoutAMistakeIsFlash2) {
  int compared = 0;
  for (ZooCase c : zoo_cases()) {
    if (!is_short(c) || c.page_size > 0 || c.far_heads || c.data == ZooData::very_negative) continue;
    c.dtype = DType::f64, c.kernel_class = {};
    ZooTensors tensors(c);
    TileKernelOptions options;
    options.kernel_class = usual_class(DType::f64), options.threads = 1, options.br = c.br, options.bc = c.bc;
    tensors.run(tile_kernel(options));
    const auto ours = tensors.keep();
    const Outputs& theirs = tensors.run(flash2({c.br, c.bc}));
    const auto& p = c.problem;
    const double terms = static_cast<double>(p.head_dim + p.seqlen_kv + p.seqlen_q * p.group_size());
    const auto mine = tensors_of(ours->outputs), reference = tensors_of(theirs);
    ASSERT_EQ(mine.size(), reference.size());
    for (std::size_t t = 0; t < mine.size(); ++t) {
      const Tensor& a = mine[t].second;
      const auto* x = static_cast<const double*>(a.data);
      const auto* y = static_cast<const double*>(reference[t].second.data);
      const Index size = a.batch * a.heads * a.seqlen * a.dim;
      double largest = 1;
      for (Index n = 0; n < size; ++n)
        if (std::isfinite(y[n])) largest = std::max(largest, std::abs(y[n]));
      const double largest_logit = c.data == ZooData::negative ? 200 : 30;
      const double bound = 2 * terms * 0x1p-53 * largest_logit * largest;
      for (Index n = 0; n < size; ++n, ++compared) {
        const bool equal = x[n] == y[n] || std::abs(x[n] - y[n]) <= bound;
        ASSERT_TRUE(equal) << c.name << " " << mine[t].first << "[" << n << "]: " << x[n] << ", " << y[n];
      }
    }
  }
  EXPECT_GT(compared, 100000);
}

class MistakesOn : public ::testing::TestWithParam<ZooCase> {};

// Where its precondition holds and the mutated reference differs, the kernel's outputs do.
TEST_P(MistakesOn, ChangeTheOutput) {
  int changed = 0;
  const ZooCase& c = GetParam();
  ZooTensors tensors(c);
  TileKernelOptions options;
  options.kernel_class = tensors.kernel_class();
  options.br = c.br, options.bc = c.bc, options.threads = 1, options.seed = 5;
  tensors.run(tile_kernel(options));
  const auto right = tensors.keep();
  for (const Mistake& mistake : mistakes()) {
    if (!(c.backward ? mistake.backward : mistake.forward)) continue;
    if (!mistake.applies(tensors.problem(), tensors.inputs()) ||
        !changes_anything(mistake, c, tensors.problem(), tensors.inputs())) {
      continue;
    }
    options.mistake = &mistake;
    tensors.run(tile_kernel(options), mistake.step == Wrong::cached_result);
    const auto wrong = tensors.keep();
    EXPECT_TRUE(right->bytes != wrong->bytes) << mistake.name;
    ++changed;
  }
  EXPECT_GE(changed, 12);
}

std::vector<ZooCase> short_cases() {
  std::vector<ZooCase> cases = zoo_cases();
  std::erase_if(cases, [](const ZooCase& c) { return !is_short(c); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Oracle, MistakesOn, ::testing::ValuesIn(short_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& letter : name) letter = letter == '-' ? '_' : letter;
  return name;
});

}  // namespace
}  // namespace attnlab::oracle
