// Does each exact check catch the wrong kernel that it is there for, and pass over honest ones?
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "oracle/buffers/available.h"
#include "oracle/exact/exact_check.h"
#include "tests/oracle/test_kernels.h"

namespace attnlab::oracle {
namespace {

Case make_case(Index q, Index kv, bool causal, DType dtype = DType::f16) {
  Case c;
  attention::Problem& p = c.problem;
  p.batch = 2, p.num_heads = 4, p.num_kv_heads = 2;
  p.seqlen_q = q, p.seqlen_kv = kv;
  p.head_dim = p.head_dim_v = 32;
  p.causal = causal;
  c.dtype = dtype;
  c.profile = &find_profile("normal");
  c.seed = 11;
  return c;
}

// The arithmetic of the kernels in test_kernels.h.
KernelClass class_of_tests(DType dtype) {
  KernelClass c = usual_class(dtype);
  c.p = float_format(DType::f32);
  c.p_scale = 1;
  return c;
}

// "": nothing found. Violations come with their own name.
std::string found_by(const std::string& check, const Kernel& kernel, const Case& c) {
  const KernelClass kernel_class = class_of_tests(c.dtype);
  Trial trial(kernel, c, kernel_class, 1);
  try {
    const Finding finding = find_exact_check(check).find(trial);
    return finding ? check + ": " + *finding : "";
  } catch (const Violation& violation) {
    return violation.check + ": " + violation.what();
  }
}

// Of more elements than some power of two, as "huge" is of more than 2^31.
std::string found_beyond(Index elements, const Kernel& kernel) {
  const Case c = make_case(16, 16, false);
  const KernelClass kernel_class = class_of_tests(c.dtype);
  Trial trial(kernel, c, kernel_class, 1);
  return find_beyond(trial, elements).value_or("");
}

std::vector<Case> honest_cases() {
  std::vector<Case> cases;
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2}) {
    cases.push_back(make_case(33, 33, true, dtype));
    cases.push_back(make_case(17, 65, false, dtype));
    cases.back().layout = Layout::bshd;
  }
  cases.push_back(make_case(65, 20, true));  // rows that see nothing
  cases.push_back(make_case(1, 70, true));
  cases.push_back(make_case(0, 5, false));
  cases.push_back(make_case(5, 0, false));
  cases.push_back(make_case(30, 70, false));
  cases.back().problem.window = {8, 3};
  cases.push_back(make_case(40, 40, true));
  cases.back().problem.kv_lens = {40, 13};
  cases.back().problem.q_lens = {33, 13};
  cases.push_back(make_case(20, 30, true));
  cases.back().problem.cu_seqlens_q = {0, 20, 27};
  cases.back().problem.cu_seqlens_kv = {0, 7, 37};
  cases.push_back(make_case(20, 20, true));
  cases.back().problem.softcap = 20;
  cases.back().problem.alibi_slopes = {0.5, 0.25, 0.125, 0.0625};
  cases.push_back(make_case(20, 20, false));
  cases.back().problem.dropout = {0.2, 7, 0};
  const std::size_t forward = cases.size();
  for (std::size_t n = 0; n < forward; ++n) {
    if (bits(cases[n].dtype) == 8) continue;
    cases.push_back(cases[n]);
    cases.back().backward = true;
  }
  return cases;
}

// All but "huge", which takes 9 GB of memory.
TEST(Exact, HonestKernelsPassEveryCheck) {
  std::map<std::string, int> looked;
  for (const Case& c : honest_cases()) {
    for (const ExactCheck& check : exact_checks()) {
      if (!check.suits(c) || check.name == std::string("huge")) continue;
      ++looked[check.name];
      EXPECT_EQ(found_by(check.name, honest, c), "") << check.name << " " << to_text(c);
    }
  }
  for (const ExactCheck& check : exact_checks()) {
    if (check.name == std::string("huge")) continue;
    EXPECT_GE(looked[check.name], 5) << check.name;
  }
}

Kernel slipping(const Slip& slip) {
  return [slip](const Call& call) { honest_forward(call, slip); };
}

void expect_caught(const std::string& check, const Kernel& kernel, const Case& c) {
  const std::string found = found_by(check, kernel, c);
  EXPECT_TRUE(found.starts_with(check + ": ")) << check << " found: " << found;
}

TEST(Exact, OneHotSeesTheWrongKey) {
  expect_caught("one-hot", slipping({.causal_shift = -1}), make_case(33, 33, true));
  expect_caught("one-hot", slipping({.causal_shift = 1}), make_case(31, 32, true));  // a decoy
  expect_caught("one-hot", slipping({.dropped_key = 7}), make_case(33, 33, false));
}

TEST(Exact, OneHotNamesTheRowOfVThatCameOut) {
  const Kernel modulo = [](const Call& call) {  // KV head by modulo instead of division
    honest_forward(call);
    std::vector<double> row(static_cast<std::size_t>(call.v.dim));
    for (Index i = 0; i < call.q.seqlen; ++i) {
      read(call.v, 0, 0, {0, 1}, {row.data(), 1, call.v.dim, call.v.dim});
      for (Index c = 0; c < call.v.dim; ++c) store(call.o, 0, 0, i, c, row[static_cast<std::size_t>(c)]);
    }
  };
  const std::string found = found_by("one-hot", modulo, make_case(33, 33, false));
  EXPECT_NE(found.find("it is V's row 0"), std::string::npos) << found;
}

TEST(Exact, IntegersSeeAnUnmaskedTail) {
  expect_caught("integers", slipping({.tail_unmasked = true}), make_case(33, 33, false));
}

// The standard algorithm, PyTorch's math backend, a softmax and an einsum: o = (P / l) V.
TEST(Exact, IntegersLetKernelsDivideFirst) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    for (const bool causal : {false, true}) {
      EXPECT_EQ(found_by("integers", slipping({.divides_first = true}), make_case(67, 67, causal, dtype)),
                "");
    }
  }
}

TEST(Exact, IntegersSeeAKeyTooMuchInEitherOrder) {
  for (const bool first : {false, true}) {
    expect_caught("integers", slipping({.causal_shift = 1, .divides_first = first}), make_case(67, 67, true));
    expect_caught("integers", slipping({.dropped_key = 40, .divides_first = first}),
                  make_case(67, 67, false));
  }
}

TEST(Exact, NeedleSeesAKeyTooMuchAndAKeyTooLittle) {
  expect_caught("needle", slipping({.causal_shift = 1}), make_case(33, 40, true));
  expect_caught("needle", slipping({.dropped_key = 63}), make_case(10, 80, false));
}

TEST(Exact, ConstantVSeesWeightsThatDoNotSumToOne) {
  expect_caught("constant-v", slipping({.tail_unmasked = true}), make_case(33, 33, false));
}

TEST(Exact, CausalPrefixSeesTopLeftAlignment) {
  const Kernel top_left = [](const Call& call) {
    Slip slip;
    slip.causal_shift = call.problem.seqlen_q - call.problem.seqlen_kv;
    honest_forward(call, slip);
  };
  expect_caught("causal-prefix", top_left, make_case(33, 48, true));
}

TEST(Exact, KeyPermutationSeesADroppedKey) {
  expect_caught("key-permutation", slipping({.dropped_key = 3}), make_case(9, 20, false));
}

TEST(Exact, SplitMergeSeesALseInBaseTwo) {
  expect_caught("split-merge", slipping({.lse_base2 = true}), make_case(9, 20, false));
}

TEST(Exact, BatchIndependenceSeesASharedNumber) {
  const Kernel leaking = [](const Call& call) {
    honest_forward(call);
    store(call.o, 1, 2, 3, 0, load(call.q, 0, 0, 0, 0));
  };
  expect_caught("batch-independence", leaking, make_case(33, 33, false));
}

TEST(Exact, HeadIndependenceSeesASharedNumber) {
  const Kernel leaking = [](const Call& call) {
    honest_forward(call);
    store(call.o, 0, 0, 3, 0, load(call.k, 0, 1, 0, 0));
  };
  expect_caught("head-independence", leaking, make_case(33, 33, false));
}

TEST(Exact, HiddenNumbersSeeZeroTimesNaN) {
  expect_caught("hidden-numbers", slipping({.reads_padding = true}), make_case(33, 33, true));
}

TEST(Exact, ScaleEquivarianceSeesAFixedScale) {
  const Kernel fixed = [](const Call& call) {
    attention::Problem p = call.problem;
    p.softmax_scale.reset();
    honest_forward({p, call.q, call.k, call.v, call.dout, call.o, call.lse, {}, {}, {}, {}, {}});
  };
  expect_caught("scale-equivariance", fixed, make_case(33, 33, false));
}

TEST(Exact, PoisonSeesWhatIsNotWrittenAndWhatIsReadBehind) {
  const Kernel unwritten = [](const Call& call) {
    const double before = load(call.o.read(), 1, 3, 4, 5);
    honest_forward(call);
    store(call.o, 1, 3, 4, 5, before);
  };
  expect_caught("poison", unwritten, make_case(33, 33, false));
  const Kernel reads_behind = [](const Call& call) {
    honest_forward(call);
    Tensor longer = call.v;
    longer.seqlen += 1;
    const double behind = load(longer, 1, 1, call.v.seqlen, 0);
    store(call.o, 0, 0, 0, 0, behind > 1 ? 1 : 0);
  };
  expect_caught("poison", reads_behind, make_case(33, 33, false));
  Case padded = make_case(33, 33, false);
  padded.problem.kv_lens = {33, 30};
  const Kernel reads_padding = [](const Call& call) {
    honest_forward(call);
    store(call.o, 1, 0, 0, 0, load(call.v, 1, 0, 31, 0) > 1 ? 1 : 0);
  };
  expect_caught("poison", reads_padding, padded);
}

TEST(Exact, InputsAndGuardBands) {
  const Kernel overwrites = [](const Call& call) {
    honest_forward(call);
    *static_cast<std::uint16_t*>(const_cast<void*>(call.q.data)) ^= 1;
  };
  expect_caught("inputs-unchanged", overwrites, make_case(33, 33, false));
  const Kernel whole_tiles = [](const Call& call) {  // writes the last tile of 64 rows whole
    honest_forward(call);
    for (Index i = call.o.seqlen; i < (call.o.seqlen + 63) / 64 * 64; ++i) store(call.o, 1, 3, i, 0, 0);
  };
  expect_caught("guard-bands", whole_tiles, make_case(33, 33, false));
}

TEST(Exact, DeterminismSeesChange) {
  int calls = 0;
  const Kernel wavering = [&](const Call& call) {
    honest_forward(call);
    if (++calls % 5 == 0) store(call.o, 0, 0, 0, 0, 0.25);
  };
  expect_caught("determinism", wavering, make_case(33, 33, false));
}

TEST(Exact, GradientsThatWaverAreMeasuredAndNotBlamed) {
  int calls = 0;
  const Kernel wavering = [&](const Call& call) {
    honest_backward(call);
    store(call.dq, 0, 0, 0, 0, ++calls * 0.25);
  };
  Case c = make_case(17, 17, true);
  c.backward = true;
  const KernelClass kernel_class = class_of_tests(c.dtype);
  for (const char* check : {"determinism", "poison", "batch-independence"}) {
    const Kernel kernel = wavering;
    Trial trial(kernel, c, kernel_class, 1);
    EXPECT_EQ(find_exact_check(check).find(trial), Finding{}) << check;
    EXPECT_FALSE(trial.deterministic()) << check;
  }
}

TEST(Exact, BackwardNeedleSeesAnotherRow) {
  Case c = make_case(17, 17, true);
  c.backward = true;
  const Kernel shared = [](const Call& call) {
    honest_backward(call);
    for (Index b = 0; b < call.dq.batch; ++b)
      for (Index h = 0; h < call.dq.heads; ++h) store(call.dq, b, h, 5, 0, load(call.dout, b, h, 0, 0));
  };
  expect_caught("backward-needle", shared, c);
  const Kernel misses = [](const Call& call) {  // dV lacks a row of dO
    honest_backward(call);
    for (Index b = 0; b < call.dv.batch; ++b) {
      for (Index h = 0; h < call.dv.heads; ++h)
        for (Index n = 0; n < call.dv.dim; ++n) store(call.dv, b, h, 0, n, 0);
    }
  };
  expect_caught("backward-needle", misses, c);
}

TEST(Exact, WithoutCrossThereAreAsManyKeysAsQueries) {
  for (const bool causal : {false, true}) {
    Case c = make_case(33, 33, causal);
    c.cross = false;
    for (const ExactCheck& check : exact_checks()) {
      if (!check.suits(c)) continue;
      const Kernel kernel = [&](const Call& call) {
        EXPECT_EQ(call.problem.seqlen_q, call.problem.seqlen_kv) << check.name;
        honest(call);
      };
      EXPECT_EQ(found_by(check.name, kernel, c), "");
    }
  }
}

TEST(Exact, SamePointersSeesACache) {
  std::map<const void*, std::vector<std::byte>> cache;
  const Kernel cached = [&](const Call& call) {
    auto& kept = cache[call.q.data];
    const auto size = static_cast<std::size_t>(call.o.batch * call.o.batch_stride * 2);
    if (kept.empty()) {
      honest_forward(call);
      kept.assign(static_cast<std::byte*>(call.o.data), static_cast<std::byte*>(call.o.data) + size);
    } else {
      std::memcpy(call.o.data, kept.data(), size);
      honest_forward({call.problem, call.q, call.k, call.v, call.dout, call.o, call.lse, {}, {}, {}, {}, {}});
      std::memcpy(call.o.data, kept.data(), size);
    }
  };
  expect_caught("same-pointers", cached, make_case(33, 33, false));
}

// Element n of every tensor is element n modulo 2^bits, as with an index of too few bits.
Kernel wrapping(int bits) {
  return [bits](const Call& call) {
    honest_forward(call);
    const Index rows = (Index{1} << bits) / call.o.row_stride;
    const Tensor o = call.o.read();
    for (Index h = 0; h < o.heads; ++h) {
      for (Index i = rows; i < o.seqlen; ++i)
        for (Index c = 0; c < o.dim; ++c) store(call.o, 0, h, i, c, load(o, 0, h, i - rows, c));
    }
  };
}

TEST(Exact, HugeSeesAnIndexThatWraps) {
  EXPECT_EQ(found_beyond(Index{1} << 18, honest), "");
  const std::string found = found_beyond(Index{1} << 18, wrapping(18));
  EXPECT_NE(found.find("whose row of Q is the same"), std::string::npos) << found;
}

TEST(Exact, HugeSeesThatNothingIsWritten) {
  EXPECT_NE(found_beyond(Index{1} << 16, [](const Call&) {}), "");
}

TEST(Exact, HugeNeedsMemory) { EXPECT_THROW(found_beyond(Index{1} << 50, honest), NotEnoughMemory); }

TEST(Exact, LaterCallsSeesAKernelThatTires) {
  int calls = 0;
  const Kernel tiring = [&](const Call& call) {
    honest_forward(call);
    if (++calls > 20) store(call.o, 0, 0, 0, 0, 99);
  };
  expect_caught("later-calls", tiring, make_case(33, 33, false));
}

}  // namespace
}  // namespace attnlab::oracle
