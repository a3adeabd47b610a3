// Is every call brought to a program and back, and how the program ended?
#include "answers/battery_folder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "answers/battery_process.h"
#include "files/tensor_file.h"
#include "oracle/buffers/call_memory.h"
#include "reference/core/errors.h"
#include "tests/answers/program_folder.h"

namespace attnlab::answers {
namespace {

using nlohmann::json;
using oracle::Call;

attention::Problem small() {
  attention::Problem p;
  p.batch = 2, p.num_heads = 4, p.num_kv_heads = 2, p.seqlen_q = 3, p.seqlen_kv = 5;
  p.head_dim = p.head_dim_v = 8;
  return p;
}

TEST(SplitCommand, AsAShellWithoutItsSurprises) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_command("--cmd", "./k {dir}"), (Words{"./k", "{dir}"}));
  EXPECT_EQ(split_command("--cmd", "  a  'b c' \"d 'e\" f\\ g '' h\"i\"j "),
            (Words{"a", "b c", "d 'e", "f g", "", "hij"}));
  EXPECT_EQ(split_command("--cmd", "a; rm $HOME `b` | c > d*"),
            (Words{"a;", "rm", "$HOME", "`b`", "|", "c", ">", "d*"}));
  EXPECT_THROW(split_command("--cmd", "a 'b"), InvalidArgument);
  EXPECT_THROW(split_command("--cmd", "  "), InvalidArgument);
}

TEST(RunProgram, ExitCodeLastLineSignalAndTime) {
  const Folder folder;
  const auto run = [&](const std::string& text, double limit = 10) {
    return run_program({folder.script("p.sh", "#!/bin/sh\n" + text)}, limit, folder.path / "err");
  };
  EXPECT_EQ(run("exit 0").exit_code, 0);
  const ProcessEnd failed = run("echo hello; echo one >&2; echo two >&2; echo >&2; exit 7");
  EXPECT_EQ(failed.exit_code, 7);
  EXPECT_EQ(failed.last_error, "two");
  EXPECT_EQ(run("kill -SEGV $$").exit_code, 128 + 11);
  const auto begin = std::chrono::steady_clock::now();
  const ProcessEnd late = run("sleep 600 & sleep 600", 0.2);  // and what it started
  EXPECT_TRUE(late.timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_THROW(run_program({"/no/such/program"}, 1, folder.path / "err"), FileError);
}

TEST(FolderKernel, WhatIsWrittenComesBack) {
  for (const bool bshd : {false, true}) {
    for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3}) {
      const Folder folder;
      const attention::Problem p = small();
      oracle::Data data = oracle::zeros(p, dtype, false);
      for (std::size_t n = 0; n < data.q.values.size(); ++n)
        data.q.values[n] = static_cast<double>(n % 13) - 6;
      oracle::CallMemory memory(p, dtype, {.layout = bshd ? oracle::Layout::bhsd : oracle::Layout::bshd});
      memory.write(data);
      // Q has O's shape here: the program copies it.
      const std::string copies = folder.script("copy.sh", R"(#!/bin/sh
cp $1/q.npy $1/o.npy
python3 - $1 <<'END'
import sys
d = sys.argv[1]
head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4, 3), }"
head += b" " * (117 - len(head)) + b"\n"
open(d + "/lse.npy", "wb").write(b"\x93NUMPY\x01\x00\x76\x00" + head + bytes(8 * 24))
END
)");
      FolderKernelOptions options{{copies, "{dir}"}, bshd, 30};
      const auto results = memory.run([&](const Call& call) {
        if (bits(dtype) != 8) return folder_kernel(options, folder.path / "calls", false)(call);
        write_call(call, bshd, folder.path);  // fp8's output is bf16
        EXPECT_THROW(read_outputs(call, bshd, folder.path), FileError);
      });
      if (bits(dtype) == 8) continue;
      EXPECT_EQ(results.o.row(1, 2, 1),
                std::vector<double>(data.q.row(1, 2, 1).begin(), data.q.row(1, 2, 1).end()));
      EXPECT_EQ(results.lse.row(1, 3, 2)[0], 0);
      EXPECT_TRUE(fs::is_empty(folder.path / "calls"));
    }
  }
}

TEST(FolderKernel, ProblemJsonSaysEverything) {
  const Folder folder;
  attention::Problem p = small();
  p.causal = true, p.window.left = 3, p.softcap = 2, p.kv_lens = {5, 2}, p.dropout = {0.25, 1ull << 40, 3};
  oracle::CallMemory memory(p, DType::bf16, {.backward = true});
  oracle::Data data = oracle::zeros(p, DType::bf16, true);
  data.o = data.dout, data.lse = oracle::Numbers(2, 4, 3, 1);
  memory.write(data);
  EXPECT_ANY_THROW(memory.run([&](const Call& call) {
    write_call(call, true, folder.path);
    throw std::runtime_error("enough");
  }));
  const json j = json::parse(std::ifstream(folder.path / "problem.json"));
  EXPECT_EQ(j["pass"], "backward");
  EXPECT_EQ(j["layout"], "bshd");
  EXPECT_EQ(j["dtype"], "bf16");
  EXPECT_EQ(j["seqlen_kv"], 5);
  EXPECT_EQ(j["window"], json::parse("[3, null]"));
  EXPECT_EQ(j["kv_lens"], json::parse("[5, 2]"));
  EXPECT_EQ(j["dropout"]["seed"], 1ull << 40);
  EXPECT_EQ(j["alibi_slopes"], nullptr);
  EXPECT_EQ(j["outputs"], json::parse(R"(["dq.npy", "dk.npy", "dv.npy"])"));
  for (const char* file : {"q.npy", "k.npy", "v.npy", "dout.npy", "o.npy", "lse.npy"})
    EXPECT_TRUE(fs::exists(folder.path / file)) << file;
}

TEST(FolderKernel, PagesAreFilesOfTheirOwn) {
  const Folder folder;
  attention::Problem p = small();
  p.kv_lens = {5, 2};
  oracle::CallMemory memory(p, DType::f16, {.page_size = 2});
  memory.write(oracle::zeros(p, DType::f16, false));
  EXPECT_ANY_THROW(memory.run([&](const Call& call) {
    write_call(call, true, folder.path);
    throw std::runtime_error("enough");
  }));
  EXPECT_EQ(json::parse(std::ifstream(folder.path / "problem.json"))["page_size"], 2);
  const auto shape = [&](const char* name) {
    return files::open(folder.path / name)->tensors().front().shape;
  };
  EXPECT_EQ(shape("k.npy"), (std::vector<Index>{5, 2, 2, 8}));  // 3 + 1 pages and one of nobody's
  EXPECT_EQ(shape("v.npy"), (std::vector<Index>{5, 2, 2, 8}));
  EXPECT_EQ(shape("block_table.npy"), (std::vector<Index>{2, 3}));
}

}  // namespace
}  // namespace attnlab::answers
