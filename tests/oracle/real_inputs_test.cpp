// Is a real model's attention right, and are mistakes planted on its activations caught and named?
//
// q, k, v and the model's own output of layers of all-MiniLM-L6-v2. Layer 0 is in the repository; a folder
// with others, of the same form, is named by the environment variable ATTNLAB_REAL_INPUTS.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "files/tensor_file.h"
#include "oracle/mistakes.h"
#include "tests/oracle/stored.h"

namespace attnlab::testing {
namespace {

using oracle::KernelClass;

std::filesystem::path path_of(int layer) {
  const std::string name = "minilm_layer" + std::to_string(layer) + ".safetensors";
  if (layer == 0) return std::filesystem::path(ATTNLAB_SOURCE_DIR) / "experiments/real_attention" / name;
  const char* folder = std::getenv("ATTNLAB_REAL_INPUTS");
  return folder == nullptr ? std::filesystem::path() : std::filesystem::path(folder) / name;
}

class RealInputs : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const std::filesystem::path path = path_of(GetParam());
    if (!std::filesystem::exists(path)) {
      GTEST_SKIP() << "layer " << GetParam() << ": no such file in ATTNLAB_REAL_INPUTS";
    }
    const auto archive = files::open(path);
    for (const char* name : {"q", "k", "v", "o"}) tensors_[name] = archive->load(name).to_double();
    const auto shape = archive->load("q").shape;
    attention::Problem p;
    p.batch = shape[0], p.num_heads = p.num_kv_heads = shape[1];
    p.seqlen_q = p.seqlen_kv = shape[2], p.head_dim = p.head_dim_v = shape[3];
    for (const double length : archive->load("seqlen").to_double())
      p.kv_lens.push_back(static_cast<Index>(length));
    problem_ = p;
  }
  // The inputs rounded to the type.
  StoredCase stored(DType type) const {
    StoredCase c;
    c.p = problem_;
    c.allocate(type, false);
    copy("q", c.q), copy("k", c.k), copy("v", c.v);
    return c;
  }
  void copy(const char* name, Stored& to) const {
    const std::vector<double>& from = tensors_.at(name);
    ASSERT_EQ(static_cast<Index>(from.size()), to.size());
    for (Index n = 0; n < to.size(); ++n) to.set(n, from[static_cast<std::size_t>(n)]);
  }

  attention::Problem problem_;
  std::map<std::string, std::vector<double>> tensors_;
};

TEST_P(RealInputs, TheModelsOwnOutputIsRight) {
  StoredCase c = stored(DType::f32);
  copy("o", c.o);
  const auto verdict = oracle::check(c.p, c.inputs(), {c.o.tensor(), {}, {}, {}, {}}, {.threads = 1});
  EXPECT_TRUE(verdict.right) << to_text(verdict);
  // As exact as fp32 is, and no more.
  KernelClass fp64 = oracle::usual_class(DType::f64);
  fp64.output = float_format(DType::f32);
  EXPECT_FALSE(
      oracle::check(c.p, c.inputs(), {c.o.tensor(), {}, {}, {}, {}}, fp64, {.threads = 1, .diagnose = false})
          .right);
}

TEST_P(RealInputs, HonestKernelsOfEveryTypeAreRight) {
  for (const DType type : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3}) {
    StoredCase c = stored(type);
    c.run(oracle::tile_kernel({.kernel_class = oracle::usual_class(type), .threads = 1}));
    const auto verdict = oracle::check(c.p, c.inputs(), c.outputs(), {.threads = 1, .diagnose = false});
    EXPECT_TRUE(verdict.right) << name(type) << "\n" << to_text(verdict);
  }
}

TEST_P(RealInputs, PlantedMistakesAreCaughtAndNamed) {
  for (const DType type : {DType::f32, DType::bf16}) {
    for (const char* planted : {"kv-lens-ignored", "o-not-rescaled", "scale-twice", "kv-head-zero"}) {
      StoredCase c = stored(type);
      oracle::TileKernelOptions options;
      options.kernel_class = oracle::usual_class(type), options.threads = 1;
      options.mistake = &oracle::find_mistake(planted);
      c.run(oracle::tile_kernel(options));
      const auto verdict = oracle::check(c.p, c.inputs(), c.outputs(), {.threads = 1});
      EXPECT_FALSE(verdict.right) << planted;
      const bool named = std::any_of(verdict.diagnosis.begin(), verdict.diagnosis.end(),
                                     [&](const oracle::Diagnosis& d) { return d.mistake == planted; });
      EXPECT_TRUE(named) << name(type) << ", " << planted << "\n" << to_text(verdict);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(MiniLm, RealInputs, ::testing::Values(0, 3, 5),
                         [](const auto& info) { return "layer" + std::to_string(info.param); });

}  // namespace
}  // namespace attnlab::testing
