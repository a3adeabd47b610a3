// Does every decode kernel, from every kind of cache that its row takes, give what the oracle calls right: 16 bits,
// e4m3 and int8, in pages of any size among poisoned ones, for any group of heads, several tokens, ragged lengths, any
// splits?
#include <gtest/gtest.h>

#include "cuda/host/split.h"
#include "tests/cuda/backends.h"
#include "tests/cuda/decode_cases.h"
#include "tests/cuda/findings.h"

namespace attnlab::testing {
namespace {

using Add = std::function<void(const std::string&, const std::function<void(DecodeCase&)>&)>;

// MLA's cache, whose values are the first columns of the keys.
void add_latent_cases(const Add& add) {
  const auto latent = [&](const std::string& name, const std::function<void(DecodeCase&)>& change) {
    add("latent_" + name, [&](DecodeCase& c) {
      c.latent = true, c.page_size = 16, c.splits = 2;
      c.p.head_dim = 576, c.p.head_dim_v = 512, c.p.num_heads = 16, c.p.num_kv_heads = 1,
      c.p.kv_lens = {100, 0, 1};
      change(c);
    });
  };
  latent("fp16", [](DecodeCase& c) { c.type = c.cache = DType::f16; });
  latent("few_heads", [](DecodeCase& c) {
    c.p.num_heads = 5, c.p.kv_lens = {64, 65, 128}, c.p.seqlen_kv = 128;
  });
  latent("many_heads",
         [](DecodeCase& c) { c.p.batch = 2, c.p.num_heads = 70, c.p.kv_lens = {}, c.splits = 1; });
  latent("pages_of_3", [](DecodeCase& c) { c.page_size = 3, c.splits = 1; });
  latent("contiguous", [](DecodeCase& c) { c.page_size = 0; });
  latent("hidden_nan", [](DecodeCase& c) {
    c.p.batch = 1, c.page_size = 0, c.hidden_nan = true, c.p.seqlen_q = 3, c.p.num_heads = 5;
    c.p.causal = true, c.p.kv_lens = {};
  });
  latent("tokens", [](DecodeCase& c) {
    c.p.batch = 2, c.p.seqlen_q = 3, c.p.causal = true, c.p.q_lens = {3, 2}, c.p.kv_lens = {77, 64};
  });
}

// A prompt that all sequences share.
void add_shared_cases(const Add& add) {
  add("shared_by_splits", [](DecodeCase& c) {
    c.page_size = 16, c.shared = 48, c.splits = 2, c.p.kv_lens = {100, 48, 70};
  });
  add("shared_by_tokens", [](DecodeCase& c) {
    c.page_size = 16, c.shared = 64, c.splits = 1, c.p.seqlen_q = 3, c.p.causal = true,
    c.p.q_lens = {3, 1, 2};
    c.p.kv_lens = {100, 65, 70}, c.p.head_dim = c.p.head_dim_v = 128;
  });
  add("shared_by_the_rule",
      [](DecodeCase& c) { c.page_size = 16, c.shared = 32, c.p.kv_lens = {}, c.p.num_heads = 2; });
  add("shared_nothing", [](DecodeCase& c) { c.page_size = 16; });
}

std::vector<DecodeCase> decode_cases(const cuda::Kernel& kernel) {
  std::vector<DecodeCase> all;
  const auto add = [&](const std::string& name, const std::function<void(DecodeCase&)>& change) {
    all.push_back(decode_case(name, change));
  };
  if (kernel.needs.options.has(cuda::Option::value_dim)) add_latent_cases(add);
  if (kernel.needs.options.has(cuda::Option::shared_prefix)) {
    add_shared_cases(add);  // without a shared part it is a rung that has been here
    return all;
  }
  for (const Index d : kernel.needs.head_dims) {
    if (d > 256) continue;
    for (const DType type : kernel.needs.dtypes) {
      for (const DType cache : {type, DType::e4m3, DType::i8}) {
        add("dim_" + std::to_string(d) + "_" + std::string(name(type)) + "_from_" + std::string(name(cache)),
            [&](DecodeCase& c) {
              c.type = type, c.cache = cache, c.splits = 2, c.page_size = 16;
              c.p.head_dim = c.p.head_dim_v = d;
              if (cache != type) c.scaled = Scaled::head;
            });
      }
    }
  }
  for (const Index size : {1, 3, 64}) {
    add("pages_of_" + std::to_string(size), [&](DecodeCase& c) { c.page_size = size; });
  }
  for (const Index heads : {1, 2, 16, 32}) {
    add("heads_" + std::to_string(heads) + "_for_2", [&](DecodeCase& c) {
      c.p.num_heads = heads, c.p.num_kv_heads = std::min<Index>(heads, 2), c.p.kv_lens = {65, 16, 17};
    });
  }
  for (const int splits : {1, 3, 9, cuda::kMostSplits}) {
    add("splits_" + std::to_string(splits), [&](DecodeCase& c) { c.splits = splits; });
  }
  add("by_the_rule", [](DecodeCase& c) { c.p.batch = 1, c.p.kv_lens = {}, c.p.seqlen_kv = 700; });
  add("contiguous", [](DecodeCase& c) { c.p.kv_lens = {}; });
  for (const Scaled scaled : {Scaled::tensor, Scaled::page, Scaled::token}) {
    for (const DType cache : {DType::e4m3, DType::i8}) {
      add("factors_" + std::to_string(static_cast<int>(scaled)) + "_" + std::string(name(cache)),
          [&](DecodeCase& c) { c.cache = cache, c.scaled = scaled, c.page_size = 16, c.splits = 2; });
    }
  }
  add("tokens_causal", [](DecodeCase& c) {
    c.p.seqlen_q = 5, c.p.causal = true, c.p.kv_lens = {100, 3, 33};
  });
  add("tokens_of_one_head", [](DecodeCase& c) {
    c.p.seqlen_q = 20, c.p.causal = true, c.p.num_heads = 2, c.page_size = 16, c.p.kv_lens = {100, 20, 33},
    c.splits = 2;
  });
  add("tokens_ragged", [](DecodeCase& c) {
    c.p.seqlen_q = 6, c.p.causal = true, c.p.q_lens = {6, 1, 0}, c.p.kv_lens = {90, 50, 10}, c.splits = 2;
  });
  add("tokens_packed", [](DecodeCase& c) {
    c.p.seqlen_q = 6, c.p.causal = true, c.page_size = 16, c.p.kv_lens = {};
    c.p.cu_seqlens_q = {0, 6, 7, 10}, c.p.cu_seqlens_kv = {0, 90, 140, 143};
  });
  add("window", [](DecodeCase& c) {
    c.p.seqlen_q = 3, c.p.causal = true, c.p.window.left = 20, c.page_size = 3, c.p.kv_lens = {100, 21, 5};
  });
  add("softcap", [](DecodeCase& c) { c.p.softcap = 2, c.splits = 2; });
  add("alibi", [](DecodeCase& c) {
    c.p.alibi_slopes = {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.5, 0.25, 0.125}, c.p.seqlen_q = 2;
  });
  for (const DType cache : {DType::bf16, DType::e4m3}) {
    add("hidden_nan_" + std::string(name(cache)), [&](DecodeCase& c) {
      c.cache = cache, c.hidden_nan = true, c.p.seqlen_q = 3, c.p.causal = true, c.p.kv_lens = {};
    });
  }
  const bool latent_only = kernel.needs.head_dims.size() == 1;
  std::erase_if(all, [&](const DecodeCase& c) {
    if (latent_only && !c.latent) return true;
    const cuda::DeviceLimits any{kernel.needs.min_compute_capability, SIZE_MAX};
    return cuda::refusal(kernel, need_of(c), any).has_value();
  });
  return all;
}

struct DecodeRun {
  Runner runner;
  DecodeCase problem;
};
void PrintTo(const DecodeRun& run, std::ostream* os) {
  *os << name_of(run.runner) << " " << run.problem.name;
}

std::vector<DecodeRun> all_runs() {
  std::vector<DecodeRun> all;
  for (const Runner& runner : runners(cuda::Pass::decode)) {
    for (const DecodeCase& problem : decode_cases(*runner.kernel)) all.push_back({runner, problem});
  }
  return all;
}

class DecodeKernel : public ::testing::TestWithParam<DecodeRun> {};

TEST_P(DecodeKernel, IsRight) {
  const auto& [runner, problem] = GetParam();
  DecodeInputs inputs(problem);
  inputs.run(runner.backend, *runner.kernel);
  const oracle::Verdict verdict = inputs.judged(*runner.kernel);
  EXPECT_TRUE(verdict.right) << to_text(verdict);
  expect_no_findings(runner.backend);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DecodeKernel);
INSTANTIATE_TEST_SUITE_P(Cuda, DecodeKernel, ::testing::ValuesIn(all_runs()), [](const auto& run) {
  return name_of(run.param.runner) + "_" + run.param.problem.name;
});

// The kernels that take this small problem.
std::vector<Runner> runners_of_64() {
  std::vector<Runner> all = runners(cuda::Pass::decode);
  std::erase_if(all, [](const Runner& r) {
    return std::ranges::find(r.kernel->needs.head_dims, 64) == r.kernel->needs.head_dims.end();
  });
  return all;
}

class Decode : public ::testing::TestWithParam<Runner> {};

TEST_P(Decode, SameBitsInAnyOrder) {
  const DecodeCase problem = decode_case("", [](DecodeCase& c) { c.splits = 3, c.page_size = 16; });
  const auto bits_of = [&] {
    DecodeInputs inputs(problem);
    inputs.run(GetParam().backend, *GetParam().kernel);
    return inputs.o();
  };
  const auto first = bits_of();
  for (unsigned again = 1; again <= 2; ++again) {
    set_order(GetParam().backend, 10 * again, again);
    EXPECT_EQ(first, bits_of());
    set_order(GetParam().backend, 0, 0);
  }
  expect_no_findings(GetParam().backend);
}

// Pages change where numbers lie, and nothing else.
TEST_P(Decode, RefusesMoreSplitsThanAreCombined) {
  DecodeInputs inputs(decode_case("", [](DecodeCase& c) { c.splits = cuda::kMostSplits + 1; }));
  EXPECT_THROW(inputs.run(GetParam().backend, *GetParam().kernel), InvalidArgument);
}

TEST_P(Decode, PagesChangeNoBit) {
  const auto bits_of = [&](Index page_size) {
    DecodeInputs inputs(decode_case("", [&](DecodeCase& c) { c.page_size = page_size, c.splits = 2; }));
    inputs.run(GetParam().backend, *GetParam().kernel);
    return inputs.o();
  };
  // The same random numbers come to the same keys only with as many pages: 16 and 15 make 7.
  EXPECT_EQ(bits_of(16), bits_of(15));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Decode);
INSTANTIATE_TEST_SUITE_P(Cuda, Decode, ::testing::ValuesIn(runners_of_64()),
                         [](const auto& runner) { return name_of(runner.param); });

}  // namespace
}  // namespace attnlab::testing
