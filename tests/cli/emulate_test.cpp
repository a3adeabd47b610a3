// Do `attnlab cc` and `attnlab emulate` answer as their help says: exit codes, streams, files?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "os/temporary_directory.h"
#include "tests/cli/program.h"

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Emulate : public testing::Test {
 protected:
  // A program that prints its argument, stores 32 ints, `beyond` of them outside, and returns that argument.
  std::string program(int beyond) {
    const std::string path = work_.path() / "store.cu";
    std::ofstream(path) << "#include <cstdio>\n#include <cstdlib>\n"
                           "__global__ void store(int* p) { p[threadIdx.x] = 1; }\n"
                           "int main(int argc, char** argv) {\n"
                           "  int* p;\n"
                           "  cudaMalloc(&p, (32 - "
                        << beyond
                        << ") * sizeof(int));\n"
                           "  store<<<1, 32>>>(p);\n"
                           "  cudaFree(p);\n"
                           "  const int code = argc > 1 ? std::atoi(argv[1]) : 0;\n"
                           "  std::printf(\"code %d\\n\", code);\n"
                           "  return code;\n"
                           "}\n";
    return path;
  }
  std::string file(const std::string& name) const { return work_.path() / name; }

 private:
  attnlab::os::TemporaryDirectory work_;
};

TEST_F(Emulate, ReportFollowsTheProgramsOutput) {
  const Outcome outcome = attnlab_program("emulate " + program(0));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("code 0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("store on h200"));
}

TEST_F(Emulate, ExitCodes) {
  EXPECT_EQ(attnlab_program("emulate " + program(0) + " -- 7").exit_code, 7);
  const Outcome found = attnlab_program("emulate " + program(1));
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, HasSubstr("store.cu:3: out-of-bounds"));
}

TEST_F(Emulate, MemoryNeverFreedIsANote) {
  std::ofstream(file("leak.cu")) << "int main() {\n  int* p;\n  cudaMalloc(&p, 400);\n}\n";
  const Outcome outcome = attnlab_program("emulate " + file("leak.cu"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("notes: no errors, unless --leaks asks for them\n"));
  EXPECT_THAT(outcome.out, HasSubstr("leak.cu:3: leak: 400 bytes from cudaMalloc were never freed"));
  EXPECT_EQ(attnlab_program("emulate --leaks " + file("leak.cu")).exit_code, 1);
}

// A grid that takes hours: the estimate comes while it runs, and --timeout ends it.
TEST_F(Emulate, ALongLaunchSaysHowLong) {
  std::ofstream(file("huge.cu"))
      << "__global__ void k(int* p) { p[threadIdx.x] = 1; }\n"
         "int main() {\n  int* p;\n  cudaMalloc(&p, 128);\n  k<<<1 << 30, 32>>>(p);\n"
         "  cudaFree(p);\n}\n";
  const Outcome outcome = attnlab_program("emulate --timeout 7 " + file("huge.cu"));
  EXPECT_EQ(outcome.exit_code, 124);
  EXPECT_THAT(outcome.err,
              testing::MatchesRegex("attnlab: k: [0-9,]+ of 1,073,741,824 blocks after [0-9]+ s, about "
                                    "[0-9]+ (min|h|days) for the rest\n"));
}

TEST_F(Emulate, JsonAloneKeepsTheProgramsOutputApart) {
  const Outcome outcome = attnlab_program("emulate " + program(0) + " --gpu a100-80gb --json");
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["kernels"][0]["name"], "store");
  EXPECT_EQ(json["kernels"][0]["metrics"]["l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"], 4);
  EXPECT_EQ(outcome.err, "code 0\n");
}

TEST_F(Emulate, Files) {
  const Outcome outcome =
      attnlab_program("emulate " + program(0) + " --json " + file("r.json") + " --html=" + file("r.html") +
                      " --ideal least=128 --seed 3 --threads 1");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("code 0\n"));
  std::ifstream json(file("r.json")), html(file("r.html"));
  EXPECT_EQ(nlohmann::json::parse(json)["program"], file("store.cu"));
  const std::string page(std::istreambuf_iterator<char>(html), {});
  EXPECT_THAT(page, HasSubstr("least"));
}

TEST_F(Emulate, RefusalsAreOneLine) {
  const std::string source = program(0);
  for (const std::string& bad : std::vector<std::string>{
           "", "--gpu h300 " + source, source + " --seed x", source + " --ideal least", source + " -o prog",
           source + " --no-such-option", source + " --json=/no/such/x.json",
           source + " --html=/no/such/x.html", source + " --threads 1025"}) {
    const Outcome outcome = attnlab_program("emulate " + bad);
    EXPECT_EQ(outcome.exit_code, 2) << bad << outcome.err;
    EXPECT_EQ(outcome.out, "") << bad << ": refused before the program runs";
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << bad << ": " << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("attnlab: "));
  }
}

// The first and only call of the program is refused: its line is looked up while the process ends.
TEST_F(Emulate, ARefusedCallOfAProgramWithoutKernels) {
  std::ofstream(file("call.cu")) << "#include <cuda_runtime.h>\nint main() {\n  cudaFree((void*)1);\n}\n";
  const Outcome outcome = attnlab_program("emulate " + file("call.cu"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("call.cu:3: refused-call: cudaFree returned cudaErrorInvalidValue: "));
}

TEST_F(Emulate, WhatDoesNotCompile) {
  std::ofstream(file("bad.cu")) << "\n\nint main() { return x; }\n";
  const Outcome wrong = attnlab_program("cc " + file("bad.cu") + " -o " + file("bad"));
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("bad.cu:3:"));
  std::ofstream(file("texture.cu")) << "__global__ void k(int* p) {\n  *p = tex2D<int>(0, 1, 2);\n}\n";
  const Outcome refused = attnlab_program("cc -c " + file("texture.cu"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.err,
            "attnlab: " + file("texture.cu") + ":2: tex2D (textures and surfaces): not supported\n");
}

}  // namespace
