// Does the check kill every mutant of the zoo, and does every honest kernel survive?
//
// Mistakes run as low-precision kernels on every problem of zoo_cases() that they change, and as CUDA
// kernels; honest are tile kernels of every class, the reference's algorithms in float, and our CUDA kernels
// on the emulator (all runs of these in tests/cuda are judged by the oracle as well). Nothing here says how
// large an error may be: check() does.
#include "oracle/mistakes/zoo.h"

#include <gtest/gtest.h>

#include <set>

#include "cuda/host/attention.h"
#include "cuda/host/backward.h"
#include "cuda/host/registry.h"
#include "oracle/mistakes/honest.h"
#include "oracle/mistakes/wrong.h"
#include "tests/oracle/zoo/mutants.h"

namespace attnlab::oracle {
namespace {

// Of the problems of 64k keys, this many mistakes each; `attnlab zoo --full` runs all.
constexpr std::size_t kEvery = 6;

CheckOptions quietly() {
  CheckOptions options;
  options.threads = 1;
  options.diagnose = false;
  return options;
}

bool is_long(const ZooCase& c) { return c.problem.seqlen_kv > 10000; }

TileKernelOptions kernel_options(const ZooCase& c, const ZooTensors& tensors) {
  TileKernelOptions options;
  options.kernel_class = tensors.kernel_class();
  options.br = c.br, options.bc = c.bc, options.threads = 1, options.seed = 5;
  return options;
}

class Zoo : public ::testing::TestWithParam<ZooCase> {};

TEST_P(Zoo, KillsEveryMistake) {
  const ZooCase& c = GetParam();
  ZooTensors tensors(c);
  TileKernelOptions options = kernel_options(c, tensors);
  const auto verdict = [&](bool call_before) {
    const Outputs& outputs = tensors.run(tile_kernel(options), call_before);
    return check(tensors.problem(), tensors.inputs(), outputs, tensors.kernel_class(), quietly());
  };
  const Verdict honest = verdict(false);
  EXPECT_TRUE(honest.right) << to_text(honest);
  std::size_t mutants = 0, n = c.seed;
  for (const Mistake& mistake : mistakes()) {
    if (!(c.backward ? mistake.backward : mistake.forward)) continue;
    if (!mistake.applies(tensors.problem(), tensors.inputs())) continue;
    if (is_long(c) && ++n % kEvery != 0) continue;
    if (!changes_anything(mistake, c, tensors.problem(), tensors.inputs())) continue;
    options.mistake = &mistake;
    const Verdict wrong = verdict(mistake.step == Wrong::cached_result);
    EXPECT_FALSE(wrong.right) << mistake.name << " survives, error over budget "
                              << wrong.max_error_over_budget();
    ++mutants;
  }
  EXPECT_GE(mutants, is_long(c) ? 2u : 12u);
}

INSTANTIATE_TEST_SUITE_P(Oracle, Zoo, ::testing::ValuesIn(zoo_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& letter : name) letter = letter == '-' ? '_' : letter;
  return name;
});

// Every mistake of the catalogue changes some case.
TEST(ZooGrounds, ShowEveryMistake) {
  std::set<std::string> seen;
  for (const ZooCase& c : zoo_cases()) {
    if (is_long(c)) continue;
    const ZooTensors tensors(c);
    for (const Mistake& mistake : mistakes()) {
      if (!(c.backward ? mistake.backward : mistake.forward) || seen.contains(mistake.name)) continue;
      if (mistake.applies(tensors.problem(), tensors.inputs()) &&
          changes_anything(mistake, c, tensors.problem(), tensors.inputs())) {
        seen.insert(mistake.name);
      }
    }
  }
  for (const Mistake& mistake : mistakes()) EXPECT_TRUE(seen.contains(mistake.name)) << mistake.name;
}

// `runs` random problems, with or without 16-bit accumulators.
void expect_right(int runs, bool narrow_sums) {
  int right = 0, done = 0;
  for (std::uint64_t n = 0; done < runs; ++n) {
    const ZooCase c = random_case(n);
    if (narrow(c) != narrow_sums) continue;
    ++done;
    ZooTensors tensors(c);
    const Verdict verdict = judge(honest_kernel(c, tensors), tensors);
    right += verdict.right;
    EXPECT_TRUE(verdict.right) << "case " << n << ", " << tensors.kernel_class().name << "\n"
                               << to_text(verdict);
  }
  EXPECT_EQ(right, runs);
  std::printf("%d of %d honest runs are right\n", right, runs);
}

TEST(HonestKernels, OfEveryClassAreRight) { expect_right(1000, false); }
TEST(HonestKernels, OfNarrowAccumulatorsAreRight) { expect_right(100, true); }

// In float and in double.
TEST(HonestKernels, OfTheReferenceAreRight) {
  int right = 0, done = 0;
  for (const attention::AlgorithmInfo& algorithm : attention::algorithms()) {
    for (std::uint64_t n = 0; n < 240; n += 6) {
      for (const DType dtype : {DType::f32, DType::f64}) {
        ZooCase c = random_case(n);
        if (c.backward && !algorithm.backward) continue;
        c.dtype = dtype, c.kernel_class = {};
        ZooTensors tensors(c);
        const Verdict verdict = judge(reference_kernel(algorithm.id), tensors);
        ++done, right += verdict.right;
        EXPECT_TRUE(verdict.right) << algorithm.name << ", case " << n << "\n" << to_text(verdict);
      }
    }
  }
  std::printf("%d of %d honest runs are right\n", right, done);
}

// Nine of 48; `attnlab zoo --full` runs all.
TEST(HonestKernels, OfManyKeysAreRight) {
  int right = 0, done = 0;
  const std::vector<ZooCase> cases = long_cases();
  for (std::size_t n = 0; n < cases.size(); n += n % 2 == 0 ? 5 : 7) {
    ZooTensors tensors(cases[n]);
    const Verdict verdict = judge(honest_kernel(cases[n], tensors), tensors);
    ++done, right += verdict.right;
    EXPECT_TRUE(verdict.right) << cases[n].name << "\n" << to_text(verdict);
  }
  std::printf("%d of %d honest runs are right\n", right, done);
}

// fp32 tensors that hold numbers of a type.
std::vector<float> rounded(const Tensor& t, DType type) {
  const auto* from = static_cast<const float*>(t.data);
  std::vector<float> values(from, from + t.batch * t.heads * t.seqlen * t.dim);
  round_to(type, std::span(values));
  return values;
}

TEST(HonestKernels, OfTheLadderAreRight) {
  for (const cuda::Kernel& rung : cuda::kernels()) {
    if (rung.pass != cuda::Pass::forward && rung.pass != cuda::Pass::backward) continue;
    for (const DType dtype : rung.needs.dtypes) {
      ZooCase c;
      c.problem.num_heads = 2, c.problem.seqlen_q = 40, c.problem.seqlen_kv = 50;
      c.problem.head_dim = c.problem.head_dim_v = 32, c.problem.causal = true;
      c.backward = rung.pass == cuda::Pass::backward;
      ZooTensors tensors(c);
      // The kernel rounds what it reads; golden values are taken of the rounded numbers.
      const Inputs& in = tensors.inputs();
      const std::vector<float> q = rounded(in.q, dtype), k = rounded(in.k, dtype), v = rounded(in.v, dtype);
      Inputs given = in;
      given.q.data = q.data(), given.k.data = k.data(), given.v.data = v.data();
      std::vector<float> dout;
      if (c.backward) dout = rounded(in.dout, dtype), given.dout.data = dout.data();
      KernelClass declared = usual_class(DType::f32);  // fp32 arithmetic, outputs rounded to the type
      declared.output = float_format(dtype);
      const Golden exact = golden(c.problem, {given.q, given.k, given.v, {}}, 1);
      const std::vector<float> o(exact.o.values.begin(), exact.o.values.end());
      const std::vector<float> lse(exact.lse.values.begin(), exact.lse.values.end());
      const Outputs& outputs = tensors.run([&](const Call& call) {
        if (c.backward) {
          cuda::backward(cuda::Backend::emulator, rung.name, c.problem, dtype,
                         {given.q, given.k, given.v, bhsd(o.data(), 1, 2, 40, 32),
                          bhsd(lse.data(), 1, 2, 40, 1), given.dout, call.dq, call.dk, call.dv});
        } else {
          cuda::forward(cuda::Backend::emulator, rung.name, c.problem, dtype,
                        {given.q, given.k, given.v, call.o, call.lse});
        }
      });
      const Verdict verdict = check(c.problem, given, outputs, declared, quietly());
      EXPECT_TRUE(verdict.right) << rung.name << " " << name(dtype) << "\n" << to_text(verdict);
    }
  }
}

void kill_mutants(std::span<const zoo::Mutant> mutants) {
  for (const bool causal : {false, true}) {
    ZooCase c;
    c.problem.num_heads = 4, c.problem.num_kv_heads = 2;
    c.problem.seqlen_q = 40, c.problem.seqlen_kv = 75;
    c.problem.head_dim = c.problem.head_dim_v = zoo::kHeadDim, c.problem.causal = causal;
    c.br = zoo::kBlockRows, c.bc = zoo::kBlockKeys;
    ZooTensors tensors(c);
    for (const zoo::Mutant& mutant : mutants) {
      const bool right = std::string(mutant.name) == "right";
      if (!right) {
        const Mistake& mistake = find_mistake(mutant.name);
        if (!mistake.applies(tensors.problem(), tensors.inputs()) ||
            !changes_anything(mistake, c, tensors.problem(), tensors.inputs())) {
          continue;
        }
      }
      const Outputs& outputs = tensors.run([&](const Call& call) {
        mutant.run({static_cast<const float*>(call.q.data), static_cast<const float*>(call.k.data),
                    static_cast<const float*>(call.v.data), static_cast<float*>(call.o.data),
                    static_cast<float*>(call.lse.data), 4, 2, 40, 75, static_cast<float>(c.problem.scale()),
                    causal});
      });
      const Verdict verdict =
          check(tensors.problem(), tensors.inputs(), outputs, tensors.kernel_class(), quietly());
      EXPECT_EQ(verdict.right, right) << mutant.name << (causal ? ", causal\n" : "\n") << to_text(verdict);
      if (right || verdict.right) continue;
      const std::vector<Diagnosis> named =
          diagnose(tensors.problem(), tensors.inputs(), outputs, tensors.kernel_class(), verdict, 1, 8);
      const bool told = std::any_of(named.begin(), named.end(),
                                    [&](const Diagnosis& d) { return d.mistake == mutant.name; });
      EXPECT_TRUE(told) << mutant.name << (causal ? ", causal, " : ", ") << "is taken for "
                        << (named.empty() ? "nothing known" : named[0].mistake);
    }
  }
}

TEST(CudaZoo, IsKilledAndNamedOnTheEmulator) { kill_mutants(zoo::emulator::mutants()); }

#ifdef ATTNLAB_ZOO_GPU
TEST(CudaZoo, IsKilledAndNamedOnTheGpu) {
  if (!zoo::gpu::present()) GTEST_SKIP() << "no GPU";
  kill_mutants(zoo::gpu::mutants());
}
#endif

}  // namespace
}  // namespace attnlab::oracle
