// What does the whole battery cost where the kernel costs nothing?
#include <gtest/gtest.h>

#include <chrono>

#include "oracle/battery.h"
#include "oracle/mistakes.h"
#include "tests/long.h"

namespace attnlab::oracle {
namespace {

TEST(Battery, OfAnInstantKernelTakesLessThanAMinute) {
  if (!long_runs()) GTEST_SKIP() << "times a whole battery: ./lab test --all runs it";
  using Clock = std::chrono::steady_clock;
  BatteryOptions options;
  Schema& s = options.schema;
  s.dtypes = {DType::f16, DType::bf16};
  s.head_dims = {64};
  s.window = s.softcap = s.alibi = s.dropout = s.padding = s.packed = s.backward = s.dim_v = true;
  s.mask = s.bias = s.sinks = true;
  s.page_sizes = {16, 64};
  s.max_seqlen = 1024;
  options.time_limit_s = 600;
  double kernel_s = 0;
  const BatteryReport report = battery(
      [&](const Call& call) {
        const auto begin = Clock::now();
        tile_kernel({.kernel_class = usual_class(call.q.dtype)})(call);
        kernel_s += std::chrono::duration<double>(Clock::now() - begin).count();
      },
      options);
  EXPECT_TRUE(report.right && report.complete) << to_text(report);
  EXPECT_LT(report.seconds - kernel_s, 60);
  std::printf("battery of %d cases: %.1f s, of these %.1f s in the kernel\n", static_cast<int>(report.run),
              report.seconds, kernel_s);
}

}  // namespace
}  // namespace attnlab::oracle
