// Does `attnlab emulate --sandbox` stop a hostile program in time, and report an honest one as ever?
#include "tests/os/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>

#include "tests/cli/program.h"
#include "tests/cli/refusal.h"
#include "tests/files/temporary_folder.h"

namespace {

using ::testing::HasSubstr;

// Each attack by its name; "touch" says of each door whether it was open.
constexpr const char* kHostile = R"(
#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>
__global__ void forever(volatile int* p) { while (*p == 0) {} }
void try_to_open(const char* path, const char* mode) {
  std::FILE* file = std::fopen(path, mode);
  std::printf("%s: %s\n", path, file ? "open" : "closed");
}
int main(int argc, char** argv) {
  const std::string attack = argc > 1 ? argv[1] : "";
  if (attack == "touch") {
    for (int i = 2; i < argc; ++i) try_to_open(argv[i], "r"), try_to_open((argv[i] + std::string(".new")).c_str(), "w");
    sockaddr_in address{AF_INET, htons(22), {htonl(INADDR_LOOPBACK)}, {}};
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    std::printf("socket: %s\n", s >= 0 && (connect(s, (sockaddr*)&address, sizeof address) == 0 || errno == ECONNREFUSED) ? "open" : "closed");
    std::printf("home: %s\n", std::getenv("HOME") ? "known" : "unknown");
  }
  if (attack == "forks") for (;;) fork();
  if (attack == "memory") for (std::vector<char*> all;;) { all.push_back(new char[1 << 24]); std::memset(all.back(), 1, 1 << 24); }
  if (attack == "loop") for (volatile int n = 0;;) n = n + 1;
  if (attack == "kernel") { int* p; cudaMalloc(&p, 4); cudaMemset(p, 0, 4); forever<<<1, 32>>>(p); cudaDeviceSynchronize(); }
  if (attack == "parent") { kill(getppid(), SIGKILL); kill(-1, SIGKILL); pause(); }
  if (attack == "child" && fork() == 0) { for (;;) pause(); }
  return 0;
}
)";

class Sandbox : public TemporaryFolder {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_SANDBOX();
    put(path("hostile.cu"), kHostile);
    std::filesystem::create_directories(path("in"));
    const Outcome compiled =
        attnlab_program("cc -c '" + path("hostile.cu").string() + "' -o '" + object() + "'");
    ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  }
  std::string object() const { return path("in/hostile.o").string(); }
  Outcome attack(const std::string& options, const std::string& arguments) const {
    return attnlab_program("emulate --sandbox '" + object() + "' " + options + " -- " + arguments);
  }
};

TEST_F(Sandbox, Doors) {
  put(path("secret"), "secret");
  const std::string home = path("home").string();
  std::filesystem::create_directories(home);
  put(home + "/.netrc", "password");
  const Outcome outcome =
      attack("", "touch '" + path("secret").string() + "' '" + home + "/.netrc' /etc/shadow");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("open"), std::string::npos) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("socket: closed\nhome: unknown\n"));
  EXPECT_EQ(listing(), (std::set<std::string>{"hostile.cu", "in", "secret", "home"}));
  const Outcome without =
      attnlab_program("emulate '" + object() + "' -- touch '" + path("secret").string() + "'");
  EXPECT_THAT(without.out, HasSubstr("secret: open")) << "the test's own doors";
}

TEST_F(Sandbox, WithoutEnd) {
  const std::string name = "attnlab: " + object() + ": ";
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome = attack("--memory 1", "memory");
  EXPECT_EQ(outcome.exit_code, 137);
  EXPECT_EQ(outcome.err, name + "stopped: it took more than 1 GiB of memory (--sandbox)\n");
  outcome = attack("--timeout 2", "kernel");
  EXPECT_EQ(outcome.exit_code, 124);
  EXPECT_THAT(outcome.out, HasSubstr("hostile.cu:11: timeout"));
  for (const char* endless : {"loop", "forks"}) {
    outcome = attack("--timeout 1", endless);
    EXPECT_EQ(outcome.exit_code, 124) << outcome.out << outcome.err;
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  EXPECT_LT(passed.count(), 200);
}

TEST_F(Sandbox, Processes) {
  Outcome outcome = attack("--timeout 5", "parent");
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("left no report"));
  outcome = attack("--timeout 30", "child " + path("marker").string());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(ends_with_word(path("marker")));
}

TEST_F(Sandbox, TheCompilerSeesNoMoreThanTheProgram) {
  put(path("secret.h"), "int secret;");
  for (const std::string& line :
       {"#include \"" + path("secret.h").string() + "\"", std::string("#include \"/etc/passwd\""),
        "asm(\".incbin \\\"" + path("secret.h").string() + "\\\"\");"}) {
    put(path("in/program.cu"), line + "\nint main() {}\n");
    const Outcome outcome = attnlab_program("emulate --sandbox '" + path("in/program.cu").string() + "'");
    EXPECT_NE(outcome.exit_code, 0) << line;
    EXPECT_THAT(outcome.err, ::testing::AnyOf(HasSubstr("No such file"), HasSubstr("not found"))) << line;
  }
}

// The report outside would print the lines of any file that the program says it was made of.
TEST_F(Sandbox, TheReportShowsNoOtherFile) {
  put(path("secret"), "the secret\nthe secret\nthe secret\n");
  std::filesystem::create_symlink(path("secret"), path("in/link.h"));
  for (const std::string& file : {path("secret").string(), path("in/link.h").string()}) {
    put(path("in/program.cu"),
        "#line 1 \"" + file +
            "\"\n__global__ void k(int* p) { p[threadIdx.x] = 1; }\n"
            "int main() { int* p; cudaMalloc(&p, 128); k<<<1, 32>>>(p); k<<<1, 64>>>(p); }\n");
    const std::string program = " '" + path("in/program.cu").string() + "' ";
    EXPECT_THAT(attnlab_program("emulate" + program).out, HasSubstr("the secret")) << "the test's own door";
    const Outcome outcome =
        attnlab_program("emulate --sandbox" + program + "--html '" + path("in/page.html").string() + "'");
    EXPECT_THAT(outcome.out, HasSubstr("k on h200"));
    EXPECT_EQ(outcome.out.find("the secret"), std::string::npos) << outcome.out;
    EXPECT_EQ(get(path("in/page.html")).find("the secret"), std::string::npos);
  }
}

TEST_F(Sandbox, FilesThatOptionsName) {
  std::filesystem::create_directories(path("options"));
  std::filesystem::copy_file(std::string(ATTNLAB_SOURCE_DIR) + "/simulator/device/data/a100-40gb.json",
                             path("options/mine.json"));
  const Outcome outcome = attnlab_program("emulate --sandbox --gpu options/mine.json '" +
                                              std::string(ATTNLAB_SOURCE_DIR) + "/docs/emulator/scores.cu'",
                                          "cd '" + path("").string() + "' && ");
  EXPECT_THAT(outcome.out, HasSubstr("scores on a100-40gb")) << outcome.err;
}

TEST_F(Sandbox, AnHonestProgramIsReportedAsEver) {
  const std::string program = std::string(ATTNLAB_SOURCE_DIR) + "/docs/emulator/scores.cu";
  const Outcome outside = attnlab_program("emulate '" + program + "' --threads 64"),
                inside = attnlab_program("emulate --sandbox '" + program + "' --threads 64");
  EXPECT_EQ(inside.exit_code, 0) << inside.err;
  EXPECT_EQ(inside.out, outside.out);
  EXPECT_EQ(inside.err, "");
}

// A student's copy of a rung: its results come out to the oracle.
TEST_F(Sandbox, AKernelIsJudged) {
  std::filesystem::copy_file(ATTNLAB_SOURCE_DIR "/cuda/softmax/02_warp_per_row.cu", path("in") / "mine.cu");
  const Outcome outcome =
      attnlab_program("emulate --sandbox --kernel softmax-02 " + (path("in") / "mine.cu").string() +
                      " --heads 2 --seqlen 40 --check");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("what it wrote\n  RIGHT: "));
}

TEST(SandboxOptions, Refusals) {
  EXPECT_THAT(refusal_of("emulate x.cu --memory 3"), HasSubstr("--memory: got 3, expected --sandbox"));
  EXPECT_THAT(refusal_of("emulate --sandbox x.cu --memory 0"),
              HasSubstr("--memory: got '0', expected at least 1"));
  EXPECT_THAT(refusal_of("emulate --sandbox /x.cu"),
              HasSubstr("--sandbox: got /x.cu, expected a source in a folder"));
  const Outcome none = attnlab_program("emulate --sandbox x.cu", "PATH=/nowhere ");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("apt-get install bubblewrap"));
}

}  // namespace
