// Does diagnosis name the mistake that a kernel makes, and stay silent where it knows none?
#include <gtest/gtest.h>

#include <algorithm>

#include "oracle/mistakes/wrong.h"
#include "oracle/mistakes/zoo.h"

namespace attnlab::oracle {
namespace {

CheckOptions quietly() {
  CheckOptions options;
  options.threads = 1;
  options.diagnose = false;
  return options;
}

// What cannot be told from an output: a result of an earlier call is like any other number.
bool nameless(const Mistake& mistake) { return mistake.step == Wrong::cached_result; }

class Diagnosed : public ::testing::TestWithParam<ZooCase> {};

// Mistakes that are one on this problem (whose outputs equal each other's) are listed together: the mistake
// must be among those named, and nothing may be named in its place.
TEST_P(Diagnosed, NamesEveryMistake) {
  const ZooCase& c = GetParam();
  ZooTensors tensors(c);
  TileKernelOptions options;
  options.kernel_class = tensors.kernel_class();
  options.br = c.br, options.bc = c.bc, options.threads = 1, options.seed = 5;
  for (const Mistake& mistake : mistakes()) {
    if (!(c.backward ? mistake.backward : mistake.forward) || nameless(mistake)) continue;
    if (!mistake.applies(tensors.problem(), tensors.inputs())) continue;
    if (!changes_anything(mistake, c, tensors.problem(), tensors.inputs())) continue;
    options.mistake = &mistake;
    const Outputs& outputs = tensors.run(tile_kernel(options));
    const Verdict verdict =
        check(tensors.problem(), tensors.inputs(), outputs, tensors.kernel_class(), quietly());
    const std::vector<Diagnosis> named =
        diagnose(tensors.problem(), tensors.inputs(), outputs, tensors.kernel_class(), verdict, 1, 8);
    std::string names;
    for (const Diagnosis& d : named) names += d.mistake + " ";
    const bool told = std::any_of(named.begin(), named.end(),
                                  [&](const Diagnosis& d) { return d.mistake == mistake.name; });
    EXPECT_TRUE(told) << mistake.name << " is taken for: " << names;
  }
}

std::vector<ZooCase> short_cases() {
  std::vector<ZooCase> cases = zoo_cases();
  std::erase_if(cases, [](const ZooCase& c) { return c.problem.seqlen_kv > 10000; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Oracle, Diagnosed, ::testing::ValuesIn(short_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& letter : name) letter = letter == '-' ? '_' : letter;
  return name;
});

// One element, one row and a tile that are off by something of no pattern.
TEST(Diagnosis, IsSilentAboutUnknownDamage) {
  ZooCase c = zoo_cases()[2];
  c.dtype = DType::f32;
  ZooTensors tensors(c);
  TileKernelOptions options;
  options.kernel_class = usual_class(DType::f32), options.threads = 1;
  for (const Index rows : {1, 7, 64}) {
    const Outputs& outputs = tensors.run([&](const Call& call) {
      tile_kernel(options)(call);
      auto* o = static_cast<float*>(call.o.data);
      for (Index n = 0; n < rows * 64; ++n)
        o[(70 * 64) + n] += 0.01f * static_cast<float>((n * 7919) % 13 - 6);
    });
    const Verdict verdict =
        check(tensors.problem(), tensors.inputs(), outputs, options.kernel_class, quietly());
    ASSERT_FALSE(verdict.right);
    const auto named =
        diagnose(tensors.problem(), tensors.inputs(), outputs, options.kernel_class, verdict, 1, 8);
    EXPECT_TRUE(named.empty()) << rows << " rows are taken for " << named[0].mistake;
  }
}

}  // namespace
}  // namespace attnlab::oracle
