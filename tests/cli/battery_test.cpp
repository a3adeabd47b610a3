// Does `attnlab battery` tell right from wrong, say how to run a failure again, and leave nothing behind?
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "files/tensor_file.h"
#include "oracle/battery/plan.h"
#include "oracle/buffers/call_memory.h"
#include "reference/core/errors.h"
#include "tests/answers/program_folder.h"
#include "tests/cli/refusal.h"

namespace {

namespace fs = std::filesystem;
namespace oracle = attnlab::oracle;
using attnlab::DType;
using attnlab::answers::Folder;
using nlohmann::json;

// A kernel program: `attnlab run` on the folder of a call; `change` is Python that may alter its arguments.
std::string runs_attnlab(const Folder& folder, const std::string& change = "") {
  return folder.script("kernel.py", std::string(R"(#!/usr/bin/env python3
import json, subprocess, sys
d = sys.argv[1]
p = json.load(open(d + "/problem.json"))
if p["pass"] == "backward" or 0 in (p["seqlen_q"], p["seqlen_kv"]):
    print("not this one", file=sys.stderr)
    sys.exit(3)
dtype = p["dtype"]
args = [")") + ATTNLAB_PROGRAM + R"(", "run", "--check", "0", "--layout", p["layout"], "--dtype", dtype,
        "--scale", repr(p["scale"]), "--out", d + "/o.npy"]
for name in "qkv":
    args += ["--" + name, d + "/" + name + ".npy"]
if "lse.npy" in p["outputs"]:
    args += ["--lse", d + "/lse.npy"]
if p["causal"]:
    args += ["--causal"]
)" + change + R"(
sys.exit(subprocess.run(args, stdout=subprocess.DEVNULL).returncode)
)");
}

std::string quick(const std::string& program) {
  return "battery --cmd '" + program + " {dir}' --head-dim 16 ";
}

TEST(BatteryCommand, ARightProgramIsRight) {
  const Folder folder;
  for (const char* options : {"--dtype fp32", "--dtype fp16 --layout bshd", "--dtype bf16 --no-lse"}) {
    const Outcome outcome =
        attnlab_program(quick(runs_attnlab(folder)) + options + " --cases 14 --no-scale --json");
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
    const json report = json::parse(outcome.out);
    EXPECT_EQ(report["verdict"], "right");
    EXPECT_GT(report["run"], 9);
    EXPECT_EQ(report["next_case"], 14);
  }
}

TEST(BatteryCommand, AWrongProgramIsNamedShrunkAndKept) {
  const Folder folder;
  const std::string program = runs_attnlab(folder, "args = [a for a in args if a != '--causal']");
  const Outcome outcome =
      attnlab_program(quick(program) + "--stop-after 1 --keep " + (folder.path / "kept").string());
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("WRONG: 1 of 1 case fails")) << outcome.out;
  EXPECT_NE(outcome.out.find("causal"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("smallest: b 1, h 1/1"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("--resume 0 --cases 1\n"), std::string::npos) << outcome.out;
  EXPECT_TRUE(fs::exists(folder.path / "kept/case-0/call-1/q.npy"));
  EXPECT_TRUE(fs::exists(folder.path / "kept/case-0/call-1/o.npy"));
  // The printed command runs that case alone.
  const auto begin = outcome.out.find("case 0 alone: attnlab ") + 22;
  const Outcome again = attnlab_program(outcome.out.substr(begin, outcome.out.find('\n', begin) - begin));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.out.find("1 of 1 case fails"), std::string::npos) << again.out << again.err;
}

TEST(BatteryCommand, FailuresOfTheProgramItself) {
  const Folder folder;
  const auto what = [&](const std::string& text) {
    const Outcome outcome = attnlab_program(quick(folder.script("k.sh", "#!/bin/sh\n" + text)) +
                                            "--stop-after 1 --no-shrink --call-time 0.5 --json");
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    const json report = json::parse(outcome.out);
    return report["failures"].empty() ? report["verdict"].get<std::string>()
                                      : report["failures"][0]["what"].get<std::string>();
  };
  EXPECT_EQ(what("echo CUDA error: too many resources >&2; exit 1"),
            "exit code 1: CUDA error: too many resources");
  EXPECT_EQ(what("exit 0"), "o.npy: was not written");
  EXPECT_EQ(what("sleep 60"), "no answer within 0.5 s");
  EXPECT_EQ(what("cp $1/v.npy $1/o.npy; cp $1/k.npy $1/lse.npy"),
            "o.npy: has the shape [2, 2, 65, 16], expected [2, 4, 65, 16]");
  EXPECT_EQ(what("exit 3"), "nothing run");
  EXPECT_EQ(what("kill -SEGV $$"), "exit code 139 (Segmentation fault)");
  EXPECT_NE(what("head -c 100 $1/q.npy >$1/o.npy").find("o.npy: is truncated: 100 bytes"), std::string::npos);
}

TEST(BatteryCommand, NothingIsLeftBehind) {
  const Folder folder, temporary;
  const std::string environment = "TMPDIR=" + temporary.path.string() + " ";
  attnlab_program(quick(runs_attnlab(folder)) + "--cases 2", environment);
  attnlab_program(quick(folder.script("k.sh", "#!/bin/sh\nexit 1")), environment);
  // Interrupted while the program runs.
  const std::string sleeps =
      folder.script("s.sh", "#!/bin/sh\necho $$ >" + (folder.path / "pid").string() + "; sleep 600");
  const std::string wait = folder.script(
      "w.sh", "#!/bin/sh\nTMPDIR=" + temporary.path.string() + " '" + ATTNLAB_PROGRAM + "' " + quick(sleeps) +
                  " & n=0; while [ ! -s " + (folder.path / "pid").string() +
                  " ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done; kill -TERM $!; wait $!; echo $? >" +
                  (folder.path / "code").string());
  EXPECT_EQ(std::system(wait.c_str()), 0);
  int code = 0, pid = 0;
  std::ifstream(folder.path / "code") >> code;
  std::ifstream(folder.path / "pid") >> pid;
  EXPECT_EQ(code, 128 + 15);
  EXPECT_NE(kill(pid, 0), 0) << "the program still runs";
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(temporary.path)) {
    if (entry.path().filename().string().starts_with("attnlab-")) left.push_back(entry.path());
  }
  EXPECT_EQ(left, std::vector<std::string>{});
}

TEST(BatteryCommand, OurOwnKernels) {
  for (const char* kernel : {"flash2-04", "flash2-backward-02"}) {
    const Outcome outcome = attnlab_program(
        std::string("battery --backend emulator --max-seqlen 33 --cases 60 --time 600 --kernel ") + kernel);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("RIGHT in all of ")) << outcome.out;
  }
}

TEST(BatteryCommand, BadInputIsRefused) {
  EXPECT_NE(refusal_of("battery").find("--cmd, --kernel: got neither"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --kernel flash2-04").find("got both"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd ./a").find("{dir}"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd \"'a {dir}\"").find("closing"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd '/no/such {dir}'").find("cannot be run"), std::string::npos);
  EXPECT_NE(refusal_of("battery --kernel flash9").find("flash9"), std::string::npos);
  EXPECT_NE(refusal_of("battery --kernel softmax-naive").find("softmax"), std::string::npos);
  EXPECT_NE(refusal_of("battery --kernel flash2-04 --backend cpu").find("--backend"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --dtype int8").find("floating-point"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --dtype fp16,bf16 --p-dtype fp32").find("--dtype"),
            std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --head-dim 0").find("--head-dim"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --page-size 0").find("--page-size"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --real /no/such.npz").find("/no/such.npz"),
            std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --time 0").find("--time"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --time nan").find("--time"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --layout bdsh").find("--layout"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --resume 100000").find("--resume"), std::string::npos);
  EXPECT_NE(refusal_of("battery --kernel flash2-04 --keep x").find("--keep"), std::string::npos);
  EXPECT_NE(refusal_of("battery --cmd 'true {dir}' --keep /dev/null/x").find("/dev/null/x"),
            std::string::npos);
}

// The program of docs/battery.md. Builds with the Python package have a Python with NumPy; others may.
TEST(BatteryCommand, TheExampleOfTheManual) {
#ifdef ATTNLAB_TEST_PYTHON
  const std::string python = ATTNLAB_TEST_PYTHON;
  ASSERT_EQ(std::system((python + " -c 'import numpy'").c_str()), 0) << python << " lacks NumPy";
#else
  const std::string python = "python3";
  if (std::system("python3 -c 'import numpy' 2>/dev/null") != 0) GTEST_SKIP() << "no NumPy";
#endif
  std::ifstream file(fs::path(ATTNLAB_SOURCE_DIR) / "docs/battery.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto begin = text.find("```python\n") + 10;
  const Folder folder;
  const std::string program =
      python + " " + folder.script("attention.py", text.substr(begin, text.find("```", begin) - begin));
  const std::string options = "--dtype fp16 --time 100 --no-shrink ";
  const Outcome right = attnlab_program(quick(program) + options + "--cases 20 --no-hidden-nan");
  EXPECT_EQ(right.exit_code, 0) << right.out << right.err;
  oracle::Schema schema;
  schema.dtypes = {DType::f16}, schema.head_dims = {16}, schema.strides = false;
  const auto plan = oracle::planned_cases(schema, 0, nullptr);
  const auto hidden = std::find_if(plan.begin(), plan.end(), [](const oracle::Case& c) {
    return c.check != nullptr && c.check->name == std::string("hidden-numbers");
  });
  const Outcome nan = attnlab_program(
      quick(program) + options +
      fmt::format("--resume {} --cases {}", hidden - plan.begin(), hidden - plan.begin() + 1));
  EXPECT_EQ(nan.exit_code, 1) << nan.out;
  EXPECT_NE(nan.out.find("hidden-numbers"), std::string::npos) << nan.out;
}

}  // namespace
