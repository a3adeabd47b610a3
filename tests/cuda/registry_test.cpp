// Is the registry true: does every row name files that are there and speak of the paper, does every backend
// have a launcher for it, is its algorithm one with a closed form, and is the fittest kernel one that can run?
#include "simulator/io/registry.h"

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
    for (const Kernel& kernel : cuda::kernels()) {
      std::visit(
          [&](const auto& launchers) {
            EXPECT_NE(backend == cuda::Backend::gpu ? launchers.gpu : launchers.emulator, nullptr)
                << kernel.name << " on " << cuda::name(backend);
          },
          kernel.launchers);
    }
  }
}

// Its own tiles are among those that a kernel takes, and they give the geometry that it has without asking.
TEST(Registry, KernelsTakeTheirOwnTiles) {
  const cuda::DeviceLimits hopper{90, 227 * 1024};
  for (const Kernel& kernel : cuda::kernels()) {
    if (kernel.takes == nullptr) continue;
    for (const int d : kernel.needs.head_dims) {
      const cuda::Geometry own = kernel.geometry(d, {}), asked = kernel.geometry(d, {own.br, own.bc});
      EXPECT_TRUE(kernel.takes(d, {own.br, own.bc})) << kernel.name << " " << d;
      EXPECT_EQ(own.threads, asked.threads);
      EXPECT_EQ(own.shared_bytes, asked.shared_bytes);
      EXPECT_NO_THROW(cuda::require_tiles(kernel, d, {own.br, own.bc}, hopper));
      EXPECT_THROW(cuda::require_tiles(kernel, d, {own.br + 1, own.bc}, hopper), InvalidArgument);
      EXPECT_THROW(cuda::require_tiles(kernel, d, {own.br, own.bc}, {90, own.shared_bytes - 1}),
                   InvalidArgument)
          << "tiles beyond a block's shared memory";
    }
  }
}

// Every closed form that a row names is one, of the row's pass.
TEST(Registry, AlgorithmsAreThoseOfTheFormulas) {
  for (const Kernel& kernel : cuda::kernels()) {
    if (kernel.algorithm == nullptr) continue;
    const io::Entry& entry = io::find(kernel.algorithm);
    EXPECT_TRUE(kernel.pass != Pass::backward || entry.backward) << kernel.name;
    EXPECT_NE(kernel.pass, Pass::softmax) << kernel.name << ": softmax formulas count rows of their own";
  }
}

TEST(Registry, TilesAreMeasuredInWarps) {
  for (const Kernel& kernel : cuda::kernels()) {
    std::vector<int> dims(kernel.needs.head_dims.begin(), kernel.needs.head_dims.end());
    if (dims.empty()) dims = {0};
    for (const int d : dims) {
      const cuda::Geometry g = kernel.geometry(d, {});
      EXPECT_GT(g.br, 0) << kernel.name;
      EXPECT_EQ(g.threads % 32, 0) << kernel.name;
      EXPECT_LE(g.threads, 1024) << kernel.name;
      EXPECT_LE(g.shared_bytes, 232448u) << kernel.name << ": beyond an H200's block";
    }
  }
}

TEST(Registry, FamiliesAreFoldersInTheLaddersOrder) {
  auto last = cuda::Family::softmax;
  for (const Kernel& kernel : cuda::kernels()) {
    EXPECT_LE(last, kernel.family) << kernel.name;
    last = kernel.family;
    const std::string folder = std::string("cuda/") + cuda::name(kernel.family) + "/";
    for (const char* file : {kernel.file, kernel.header})
      EXPECT_EQ(std::string(file).find(folder), 0u) << file;
  }
}

TEST(Registry, FittestKernelFits) {
  for (const int d : cuda::find_kernel("flash2-05").needs.head_dims) {
    const cuda::Need need{DType::f16, d, {}};
    const Kernel& roomy = fittest_kernel(cuda::kernels(), Pass::forward, need, {90, 232448});
    EXPECT_STREQ(roomy.name, "flash2-05");
    const Kernel& tight = fittest_kernel(cuda::kernels(), Pass::forward, need, {80, 48 * 1024});
    EXPECT_LE(tight.geometry(d, {}).shared_bytes, 48u * 1024);
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
