// Can a row describe kernels that this project does not have yet, and are these chosen for what they take and
// refused for all else: types, head_dims, options, compute capability, shared memory?
#include <gtest/gtest.h>

#include "cuda/host/registry.h"
#include "reference/core/errors.h"

namespace attnlab::testing {
namespace {

using cuda::DeviceLimits;
using cuda::Kernel;
using cuda::Need;
using cuda::Option;
using cuda::Pass;

constexpr DType kHalves[] = {DType::f16, DType::bf16};
constexpr DType kFp8[] = {DType::e4m3};
constexpr int kWide[] = {64, 128, 256};
constexpr int kOne[] = {128};
constexpr cuda::Operand kDecodeOperands[] = {
    {"q", "[batch, num_heads, 1, head_dim]"},
    {"k_cache", "[num_pages, page_size, num_kv_heads, head_dim]"},
    {"v_cache", "[num_pages, page_size, num_kv_heads, head_dim]"},
    {"block_table", "[batch, max_pages]"},
    {"o", "[batch, num_heads, 1, head_dim]", true},
};

// A ladder of kernels to come: tensor cores of any GPU from 8.0 on, Hopper's own instructions in FP8, and
// decoding from pages.
constexpr Kernel kMadeUp[] = {
    {.name = "mma-06",
     .title = "Tensor cores",
     .paper = "",
     .idea = "",
     .limit = "",
     .pass = Pass::forward,
     .algorithm = "flash2",
     .operands = cuda::kForwardOperands,
     .needs = {.dtypes = kHalves, .head_dims = kWide, .options = Option::causal | Option::grouped_heads},
     .launches = 1,
     .launches_narrow = 1,
     .whole_rows = false,
     .geometry =
         [](int d, cuda::Tiles) {
           return cuda::Geometry{128, 128, 128, std::size_t(128 * d * 6)};
         },
     .launchers = cuda::Launchers<cuda::AttentionParams>{}},
    {.name = "fp8-01",
     .title = "Hopper, FP8",
     .paper = "",
     .idea = "",
     .limit = "",
     .pass = Pass::forward,
     .algorithm = nullptr,
     .operands = cuda::kForwardOperands,
     .needs = {.dtypes = kFp8,
               .head_dims = kOne,
               .options = Option::causal,
               .min_compute_capability = 90,
               .this_capability_only = true},
     .launches = 1,
     .launches_narrow = 1,
     .whole_rows = false,
     .geometry =
         [](int, cuda::Tiles) {
           return cuda::Geometry{128, 128, 384, 200000};
         },
     .launchers = cuda::Launchers<cuda::AttentionParams>{},
     .family = cuda::Family::fp8},
    {.name = "decode-01",
     .title = "Decoding from pages",
     .paper = "",
     .idea = "",
     .limit = "",
     .pass = Pass::forward,
     .algorithm = "decode",
     .operands = kDecodeOperands,
     .needs = {.dtypes = kHalves, .head_dims = kOne, .options = Option::paged | Option::grouped_heads},
     .launches = 2,
     .launches_narrow = 2,
     .whole_rows = false,
     .geometry =
         [](int, cuda::Tiles) {
           return cuda::Geometry{1, 64, 128, 0};
         },
     .launchers = cuda::Launchers<cuda::AttentionParams>{},
     .family = cuda::Family::decode},
};
constexpr const Kernel &kMma = kMadeUp[0], &kFp8Kernel = kMadeUp[1], &kDecode = kMadeUp[2];

constexpr DeviceLimits kA100{80, 166912}, kH200{90, 232448}, kB200{100, 232448};

// "head_dim: got 48, expected 64, 128 or 256", or "taken".
std::string answer(const Kernel& kernel, const Need& need, const DeviceLimits& device) {
  try {
    require(kernel, need, device);
    return "taken";
  } catch (const InvalidArgument& refusal) {
    return refusal.what();
  }
}

TEST(Requires, TypesAndHeadDimsAreTheRows) {
  EXPECT_EQ(answer(kMma, {DType::f16, 64, {}}, kA100), "taken");
  EXPECT_EQ(answer(kMma, {DType::f32, 64, {}}, kA100), "dtype: got fp32, expected fp16 or bf16");
  EXPECT_EQ(answer(kMma, {DType::f16, 48, {}}, kA100), "head_dim: got 48, expected 64, 128 or 256");
  EXPECT_EQ(answer(kFp8Kernel, {DType::e4m3, 64, {}}, kH200), "head_dim: got 64, expected 128");
}

TEST(Requires, OptionsAreTheRows) {
  EXPECT_EQ(answer(kMma, {DType::f16, 64, Option::causal | Option::grouped_heads}, kA100), "taken");
  EXPECT_EQ(answer(kMma, {DType::f16, 64, Option::window}, kA100),
            "window: got bounds, expected none: mma-06 does not support it");
  EXPECT_EQ(answer(kMma, {DType::f16, 128, Option::paged}, kA100),
            "block_table: got values, expected none: mma-06 does not support it");
  EXPECT_EQ(answer(kDecode, {DType::f16, 128, Option::paged}, kA100), "taken");
}

TEST(Requires, DevicesMustBeNewEnough) {
  EXPECT_EQ(answer(kFp8Kernel, {DType::e4m3, 128, {}}, kH200), "taken");
  EXPECT_EQ(answer(kFp8Kernel, {DType::e4m3, 128, {}}, kA100),
            "device: got compute capability 8.0, expected 9.0 for fp8-01");
  EXPECT_EQ(answer(kFp8Kernel, {DType::e4m3, 128, {}}, kB200),
            "device: got compute capability 10.0, expected 9.0 for fp8-01");
  EXPECT_EQ(answer(kMma, {DType::f16, 128, {}}, kB200), "taken") << "no instruction that later GPUs lack";
  EXPECT_EQ(answer(kMma, {DType::f16, 128, {}}, {75, 166912}),
            "device: got compute capability 7.5, expected 8.0 or more for mma-06");
}

TEST(Requires, TilesMustFit) {
  EXPECT_EQ(answer(kMma, {DType::f16, 256, {}}, kH200), "taken");
  EXPECT_EQ(answer(kMma, {DType::f16, 256, {}}, kA100),
            "head_dim: got 256, expected one whose tiles fit into 166912 bytes of shared memory");
}

TEST(Requires, TheFittestIsTheLastThatTakesTheProblem) {
  const auto fittest = [](const Need& need, const DeviceLimits& device) {
    return std::string(fittest_kernel(kMadeUp, Pass::forward, need, device).name);
  };
  EXPECT_EQ(fittest({DType::f16, 64, Option::causal}, kH200), "mma-06");
  EXPECT_EQ(fittest({DType::e4m3, 128, {}}, kH200), "fp8-01");
  EXPECT_EQ(fittest({DType::f16, 128, Option::paged}, kH200), "decode-01");
  EXPECT_THROW(fittest({DType::e4m3, 128, {}}, kA100), InvalidArgument);
  EXPECT_THROW(fittest_kernel(kMadeUp, Pass::backward, {DType::f16, 64, {}}, kH200), InvalidArgument);
}

// What a problem asks for is the same before and after it became a launch's parameters.
TEST(Requires, NeedsOfAProblem) {
  attention::Problem p;
  p.num_heads = 4, p.num_kv_heads = 2, p.head_dim = 64, p.head_dim_v = 32;
  p.causal = true, p.softcap = 2, p.kv_lens = {3};
  EXPECT_EQ(cuda::names(cuda::need_of(p, DType::f16).options),
            (std::vector<std::string>{"causal", "softcap", "grouped_heads", "padded", "value_dim"}));
  cuda::AttentionParams launch;
  launch.heads_q = 4, launch.heads_kv = 2, launch.window_right = 0, launch.softcap = 2;
  const int length = 3;
  launch.lens_kv = &length;
  EXPECT_EQ(cuda::names(cuda::need_of(launch).options),
            (std::vector<std::string>{"causal", "softcap", "grouped_heads", "padded"}));
}

}  // namespace
}  // namespace attnlab::testing
