// Does `attnlab emulate --kernel` run a kernel of cuda/ with the tiles that are asked for, and judge what it wrote?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "cuda/host/registry.h"
#include "os/temporary_directory.h"
#include "tests/cli/program.h"
#include "tests/long.h"

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace cuda = attnlab::cuda;

class EmulateKernel : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return work_.path() / name; }
  static std::string read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The kernel's file with one text in place of another.
  std::string edited(const char* kernel, const std::string& from, const std::string& to) const {
    std::string text = read(std::string(ATTNLAB_SOURCE_DIR) + "/" + cuda::find_kernel(kernel).file);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    std::ofstream(file("mine.cu")) << text.replace(at, from.size(), to);
    return file("mine.cu");
  }

 private:
  attnlab::os::TemporaryDirectory work_;
};

TEST_F(EmulateKernel, WithOtherTilesAndItsPage) {
  const Outcome outcome = attnlab_program(
      "emulate --kernel flash2-04 --seqlen 70 --dim 32 --causal --br 32 --bc 64 --check --html " +
      file("page.html") + " --json " + file("r.json"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      StartsWith("flash2-04: FlashAttention-2, one thread per row; fp32 q [1, 1, 70, 32], k [1, 1, 70, "
                 "32], causal, tiles 32 x 64\n"));
  EXPECT_THAT(outcome.out, HasSubstr("grid 3, block 32,"));
  EXPECT_THAT(outcome.out, HasSubstr("what it wrote\n  RIGHT: "));
  const std::string page = read(file("page.html"));
  EXPECT_THAT(page, HasSubstr("<title>flash2-04: "));
  EXPECT_THAT(page, HasSubstr("closed form: flash2, 32 x 64"));
  EXPECT_LT(page.find("cuda/forward/04_flash2.cu <small>"), page.find("cuda/device/row.cuh <small>"))
      << "its own file first";
  const auto json = nlohmann::json::parse(read(file("r.json")));
  EXPECT_EQ(json["check"]["verdict"], "right");
  // Every block loads its rows of Q, and its tiles of K and V up to the diagonal: 3 + 6 + 6 + 2 * 3 ... in sectors of
  // 8 floats: 70 rows of Q; K and V: 64, 64 and 70 keys.
  EXPECT_EQ(json["kernels"][0]["metrics"]["l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"],
            (70 + 2 * (64 + 64 + 70)) * 32 / 8);
}

TEST_F(EmulateKernel, GradientsAndSoftmaxAreJudgedToo) {
  for (const char* launch : {"flash2-backward-02 --seqlen-q 20 --seqlen-kv 33 --dim 32 --br 16 --bc 16 "
                             "--dtype bf16 --heads 2 --kv-heads 1",
                             "softmax-04 --heads 3 --seqlen 300 --dtype fp16"}) {
    const Outcome outcome = attnlab_program("emulate --kernel " + std::string(launch) + " --check --json");
    EXPECT_EQ(outcome.exit_code, 0) << launch << outcome.err;
    EXPECT_EQ(nlohmann::json::parse(outcome.out)["check"]["verdict"], "right") << launch;
  }
}

TEST_F(EmulateKernel, AnEditedFileIsWrongWhereItIs) {
  const std::string mine = edited("flash2-04", "o[t] *= rescale", "o[t] *= 1.0f");
  const Outcome outcome =
      attnlab_program("emulate --kernel flash2-04 " + mine + " --seqlen 64 --dim 32 --check");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("what it wrote\n  WRONG: "));
  EXPECT_THAT(outcome.out, HasSubstr("mine.cu:"));
}

TEST_F(EmulateKernel, RefusalsAreOneLine) {
  const struct {
    std::string words, says;
  } cases[] = {
      {"--kernel flash9", "--kernel: got flash9, expected one of softmax-01, "},
      {"--kernel flash2-04 --dim 63", "--dim: got 63, expected 32, 64, "},
      {"--kernel flash2-04 --br 48",
       "--br: got 48 x 16, expected tiles that flash2-04 takes with --dim 64: 32 x 8, 16, "},
      {"--kernel flash2-05 --dim 256 --br 256", "--br: got 256 x 32, expected tiles that flash2-05 takes"},
      {"--kernel naive-01 --bc 8", "--bc: got 8, expected nothing: naive-01 has its own tiles alone"},
      {"--kernel flash2-04 --dtype fp8", "--dtype: got fp8_e4m3, expected fp32, fp16 or bf16"},
      {"--kernel flash2-04 --heads 3 --kv-heads 2", "--kv-heads: got 2, expected a divisor of "},
      {"--kernel flash2-04 --seqlen 0", "--seqlen-q: got 0, expected at least 1"},
      {"--kernel flash2-04 --seqlen 1G",
       "--seqlen-q + --seqlen-kv: got 2147483648, expected at most 536870912"},
      {"--kernel flash2-04 --seqlen 128k", "--yes: got nothing, expected it for work of about "},
      {"--kernel flash2-04 --yes --seqlen 256M",
       "--seqlen: got 512 GiB to be held at once, expected less than "},
      {"--kernel flash2-04 -- 5", "--: got 5, expected nothing beside --kernel"},
      {"--kernel ''", "--kernel: got an empty text, expected a value"},
      {"--seqlen 5 x.cu", "--kernel: got nothing, expected a kernel's name beside options of its problem"},
      {"--check x.cu", "--kernel: got nothing, "},
  };
  for (const auto& [words, says] : cases) {
    const Outcome outcome = attnlab_program("emulate " + words);
    EXPECT_EQ(outcome.exit_code, 2) << words;
    EXPECT_THAT(outcome.err, StartsWith("attnlab: " + says)) << words;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }
}

TEST_F(EmulateKernel, AKernelsFileIsNoProgram) {
  const Outcome outcome = attnlab_program("emulate " ATTNLAB_SOURCE_DIR "/cuda/forward/04_flash2.cu");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err,
              HasSubstr("is a kernel, not a program: attnlab emulate --kernel flash2-04 launches it\n"));
}

// Every kernel that takes other tiles, in the smallest and in large ones, ragged and causal: minutes of compiling.
TEST_F(EmulateKernel, EveryKernelInOtherTilesIsRight) {
  if (!attnlab::long_runs()) GTEST_SKIP() << "long: ./lab test --all long";
  for (const cuda::Kernel& kernel : cuda::kernels()) {
    if (kernel.takes == nullptr) continue;
    for (const int dim : kernel.needs.head_dims) {
      for (const cuda::Tiles tiles : {cuda::Tiles{16, 16}, {32, 8}, {64, 32}, {128, 64}, {32, 64}}) {
        constexpr std::size_t kMostShared = 227 * 1024;  // an H200's
        if (!kernel.takes(dim, tiles) || kernel.geometry(dim, tiles).shared_bytes > kMostShared) continue;
        const std::string words =
            std::string(kernel.name) + " --dim " + std::to_string(dim) + " --br " + std::to_string(tiles.br) +
            " --bc " + std::to_string(tiles.bc) +
            " --seqlen-q 77 --seqlen-kv 130 --causal --heads 2 --kv-heads 1 --dropout 0.2 --check";
        const Outcome outcome = attnlab_program("emulate --kernel " + words);
        EXPECT_EQ(outcome.exit_code, 0) << words << outcome.out << outcome.err;
      }
    }
  }
}

}  // namespace
