// Does what a user types do no harm? File names, outputs, signals, full disks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "files/tensor_file.h"
#include "os/process.h"
#include "os/temporary_directory.h"
#include "tests/cli/program.h"

namespace attnlab {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

constexpr const char* kProgram =
    "#include \"ops.cuh\"\n"
    "__global__ void store(int* p) {\n"
    "  p[threadIdx.x] = twice(threadIdx.x);\n"
    "}\n"
    "int main() {\n"
    "  int* p;\n"
    "  cudaMalloc(&p, 32 * sizeof(int));\n"
    "  store<<<1, 32>>>(p);\n"
    "  cudaFree(p);\n"
    "}\n";
constexpr const char* kForEver =
    "#include <cstdio>\n"
    "#include <unistd.h>\n"
    "__global__ void wait(volatile int* p) { while (p[0] == 0) {} }\n"
    "int main() {\n"
    "  int* p;\n"
    "  cudaMalloc(&p, 4), cudaMemset(p, 0, 4);\n"
    "  std::printf(\"%d runs\\n\", getpid()), std::fflush(stdout);\n"
    "  wait<<<1, 1>>>(p);\n"
    "  cudaDeviceSynchronize();\n"
    "}\n";

class Safety : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  fs::path put(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  std::string get(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The program with these arguments, no shell between.
  os::Command attnlab(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), ATTNLAB_PROGRAM);
    return {.words = arguments, .input = "/dev/null", .output = path("stdout"), .errors = path("stderr")};
  }
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }
  std::vector<std::string> left_in(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path(name))) names.push_back(entry.path().filename());
    return names;
  }

 private:
  os::TemporaryDirectory folder_;
};

TEST_F(Safety, AFileNameIsNoCommand) {
  put("ops.cuh", "__device__ int twice(int i) { return 2 * i; }\n");
  for (const std::string name :
       {"q'; touch PWNED; '.cu", "bob's kernel.cu", "a b.cu", "$(touch PWNED).cu", "-x.cu"}) {
    const fs::path source = put(name, kProgram);
    ASSERT_EQ(os::run(attnlab({"emulate", source, "--json", path("r.json")})), 0) << name << get("stderr");
    const auto report = nlohmann::json::parse(get("r.json"));
    const std::string lines = report["kernels"][0]["lines"].dump();
    EXPECT_THAT(lines, HasSubstr("\"line\":3")) << name;
    EXPECT_THAT(lines, HasSubstr(nlohmann::json(source.string()).dump())) << name;
  }
  EXPECT_FALSE(fs::exists("PWNED"));
}

TEST_F(Safety, AnInputIsNeverAnOutput) {
  const std::string header = put("ops.cuh", "__device__ int twice(int i) { return 2 * i; }\n");
  const std::string source = put("s.cu", kProgram), q = path("q.npy");
  const files::Tensor tensor{{"q", DType::f32, {1, 1, 4, 8}}, std::vector<std::byte>(128)};
  files::write(q, std::span(&tensor, 1));
  fs::create_symlink(source, path("link.html"));
  struct Refused {
    std::vector<std::string> arguments;
    std::string argument, input;
  };
  for (const auto& [arguments, argument, input] : std::vector<Refused>{
           {{"emulate", "--html", source, source}, "--html", "s.cu"},
           {{"emulate", "--html", path("link.html"), source}, "--html", "s.cu"},
           {{"emulate", "--html", header, source}, "--html", "ops.cuh"},
           {{"emulate", "--json=" + source, source}, "--json", "s.cu"},
           {{"cc", source, "-o", source}, "-o", "s.cu"},
           {{"cc", "-c", source, "-o", source}, "-o", "s.cu"},
           {{"cc", "-E", source, "-o", source}, "-o", "s.cu"},
           {{"cc", "-E", source, "-o", header}, "-o", "ops.cuh"},
           {{"cc", "-c", source, "-o", path("s.o"), "-MF", source}, "-MF", "s.cu"},
           {{"cc", "-c", source, "-o", path("s.o"), "-MF", header}, "-MF", "ops.cuh"},
           {{"run", "--q", q, "--k", q, "--v", q, "--out", q}, "--out", "--q"},
           {{"run", "--q", q, "--k", q, "--v", q, "--lse", q}, "--lse", "--q"},
           {{"check", "--q", q, "--k", q, "--v", q, "--out", q, "--html", q}, "--html", "--q"},
       }) {
    const std::string before = get("s.cu") + get("ops.cuh") + get("q.npy"),
                      line = arguments[0] + " " + arguments[1];
    EXPECT_EQ(os::run(attnlab(arguments)), 2) << line;
    EXPECT_THAT(get("stderr"), HasSubstr("expected another file than the input (" + input + ")\n")) << line;
    EXPECT_THAT(get("stderr"), HasSubstr("attnlab: " + argument + ": got ")) << line;
    EXPECT_EQ(get("s.cu") + get("ops.cuh") + get("q.npy"), before) << line;
  }
}

TEST_F(Safety, LostOutputIsNoAnswer) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--version"},
                                             {"--help"},
                                             {"list", "algorithms"},
                                             {"io", "--seqlen", "1k", "--json"},
                                             {"kv", "--model", "llama3-70b"},
                                             {"run", "--seqlen", "16"},
                                             {"traffic", "--seqlen", "256"},
                                             {"io", "--seqlen", "x", "--json"}}) {
    os::Command command = attnlab(arguments);
    command.output = "/dev/full";
    EXPECT_EQ(os::run(command), 2) << arguments[0];
    EXPECT_THAT(get("stderr"), HasSubstr("attnlab: stdout: cannot be written")) << arguments[0];
    command = attnlab(arguments);
    command.words.insert(command.words.begin(), {"sh", "-c", "exec \"$0\" \"$@\" >&-"});
    EXPECT_EQ(os::run(command), 2) << arguments[0] << " >&-";
    EXPECT_THAT(get("stderr"), HasSubstr("attnlab: stdout: cannot be written")) << arguments[0] << " >&-";
  }
}

TEST_F(Safety, AKilledEmulationIsOver) {
  const std::string source = put("wait.cu", kForEver);
  fs::create_directory(path("temporary"));
  for (const int signal : {SIGTERM, SIGINT, SIGKILL}) {
    os::Command command = attnlab({"emulate", source});
    command.environment["TMPDIR"] = path("temporary");
    put("stdout", "");
    os::Child child(command);
    for (int tries = 0; tries < 1200 && !get("stdout").ends_with(" runs\n"); ++tries) pause();
    ASSERT_THAT(get("stdout"), EndsWith(" runs\n")) << get("stderr");
    const std::string emulated = "/proc/" + std::to_string(std::stoi(get("stdout")));
    EXPECT_TRUE(fs::exists(emulated));
    kill(child.id(), signal);
    EXPECT_EQ(child.wait(), 128 + signal);
    for (int tries = 0; tries < 100 && fs::exists(emulated); ++tries) pause();
    EXPECT_FALSE(fs::exists(emulated)) << "the kernel still runs";
    if (signal != SIGKILL) {
      EXPECT_EQ(left_in("temporary"), std::vector<std::string>{});
    }
  }
}

TEST_F(Safety, ATimeLimit) {
  const std::string source = put("wait.cu", kForEver);
  EXPECT_EQ(os::run(attnlab({"emulate", source, "--timeout", "1", "--json", path("r.json")})), 124)
      << get("stderr");
  const auto kernel = nlohmann::json::parse(get("r.json"))["kernels"][0];
  EXPECT_EQ(kernel["name"], "wait");
  ASSERT_EQ(kernel["findings"].size(), 1u);
  EXPECT_EQ(kernel["findings"][0]["kind"], "timeout");
  EXPECT_EQ(kernel["findings"][0]["file"], source);
  EXPECT_EQ(kernel["findings"][0]["line"], 3);
  EXPECT_EQ(kernel["findings"][0]["message"], "still runs after 1 s");

  const std::string host = put("host.cu", "int main() { volatile int n = 1; while (n) {} }\n");
  EXPECT_EQ(os::run(attnlab({"emulate", host, "--timeout=1", "--json", path("r.json")})), 124)
      << get("stderr");
  const auto findings = nlohmann::json::parse(get("r.json"))["findings"];
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0]["message"], "the program runs longer than 1 s, in code of the host");

  EXPECT_EQ(os::run(attnlab({"emulate", source, "--timeout", "0"})), 2);
  EXPECT_EQ(get("stderr"), "attnlab: --timeout: got '0', expected at least 1\n");
}

TEST_F(Safety, WhatIsNoProgramIsSaidInASentence) {
  const std::string kernel = put("k.cu", "__global__ void k() {}\n"),
                    empty = put("empty.cu", "int main() {}\n");
  const std::string killed = put("killed.cu", "#include <cstdlib>\nint main() { std::abort(); }\n");
  const std::string array = put("q.npy", "numbers");
  fs::create_directory(path("folder.cu"));
  struct Refused {
    std::vector<std::string> arguments;
    int exit_code;
    std::string words;
  };
  for (const auto& [arguments, exit_code, words] : std::vector<Refused>{
           {{"emulate", "."}, 2, "attnlab: .: is a directory, not a CUDA program\n"},
           {{"emulate", path("folder.cu")}, 2, "folder.cu: is a directory, not a CUDA program\n"},
           {{"emulate", array}, 2, "q.npy: is no source by its name, expected .cu, "},
           {{"emulate", kernel}, 2, "k.cu: has no main: "},
           {{"emulate", killed}, 134, "killed.cu: the program ended with code 134 and left no report\n"},
           {{"cc", "-arch=nosuch", empty}, 2, "-arch: got nosuch, expected one such as sm_90\n"},
           {{"cc", empty, "-o", path("")}, 2, "is a directory, not a file\n"},
       }) {
    EXPECT_EQ(os::run(attnlab(arguments)), exit_code) << arguments[1];
    EXPECT_THAT(get("stderr"), HasSubstr(words)) << arguments[1];
  }
  EXPECT_EQ(os::run(attnlab({"emulate", empty})), 0) << get("stderr");
  EXPECT_EQ(get("stdout"), "no kernel was launched\n");
}

TEST_F(Safety, ATemporaryFolderThatIsMissing) {
  const std::string source = put("wait.cu", kForEver);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"emulate", source}, {"cc", source, "-o", path("wait")}}) {
    os::Command command = attnlab(arguments);
    command.environment["TMPDIR"] = path("missing");
    EXPECT_EQ(os::run(command), 2);
    EXPECT_EQ(get("stderr"), "attnlab: TMPDIR: got " + path("missing").string() + ", expected a directory\n");
  }
}

}  // namespace
}  // namespace attnlab
