// Is the registry true: does every row name a file that is there and speaks of the paper, does every backend
// have a launcher for it, and is the fittest kernel one that can run?
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "reference/core/errors.h"
#include "tests/cuda/backends.h"

namespace attnlab::testing {
namespace {

using cuda::Kernel;
using cuda::Pass;

std::string text_of(const std::string& file) {
  std::ifstream in(std::string(ATTNLAB_SOURCE_DIR) + "/" + file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Registry, EveryRowNamesItsFile) {
  std::set<std::string> names;
  for (const Kernel& kernel : cuda::kernels()) {
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name << " twice";
    EXPECT_EQ(&cuda::find_kernel(kernel.name), &kernel);
    const std::string text = text_of(kernel.file);
    for (const char* part : {"// Paper:", "// Idea:", "// Traffic:", "// Limits:"}) {
      EXPECT_NE(text.find(part), std::string::npos) << kernel.file << " has no " << part;
    }
  }
}

TEST(Registry, TheLadderShowsEveryRow) {
  const std::string ladder = text_of("docs/ladder.md");
  for (const Kernel& kernel : cuda::kernels()) {
    EXPECT_NE(ladder.find(ladder_row(kernel) + "\n"), std::string::npos) << ladder_row(kernel);
  }
}

TEST(Registry, EveryBackendHasEveryKernel) {
  for (const cuda::Backend backend : cuda::backends()) {
    const auto& functions = cuda::functions(backend);
    std::multiset<std::string> launchers, kernels;
    for (const auto& launcher : functions.softmax) launchers.insert(launcher.kernel);
    for (const auto& launcher : functions.forward) launchers.insert(launcher.kernel);
    for (const auto& launcher : functions.backward) launchers.insert(launcher.kernel);
    for (const Kernel& kernel : cuda::kernels()) kernels.insert(kernel.name);
    EXPECT_EQ(launchers, kernels) << cuda::name(backend);
  }
}

TEST(Registry, TilesAreMeasuredInWarps) {
  for (const Kernel& kernel : cuda::kernels()) {
    for (const int d : cuda::kHeadDims) {
      const cuda::Geometry g = kernel.geometry(d);
      EXPECT_GT(g.br, 0) << kernel.name;
      EXPECT_EQ(g.threads % 32, 0) << kernel.name;
      EXPECT_LE(g.threads, 1024) << kernel.name;
      EXPECT_LE(g.shared_bytes, 232448u) << kernel.name << ": beyond an H200's block";
    }
  }
}

TEST(Registry, FittestKernelFits) {
  cuda::AttentionParams params;
  for (const int d : cuda::kHeadDims) {
    params.head_dim = d;
    const Kernel& roomy = fittest_kernel(Pass::forward, params, 232448);
    EXPECT_STREQ(roomy.name, "flash2-05");
    const Kernel& tight = fittest_kernel(Pass::forward, params, 48 * 1024);
    EXPECT_LE(tight.geometry(d).shared_bytes, 48u * 1024);
    EXPECT_EQ(tight.pass, Pass::forward);
  }
}

TEST(Registry, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  try {
    cuda::find_kernel("flash9");
    FAIL() << "found flash9";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("flash2-04"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace attnlab::testing
