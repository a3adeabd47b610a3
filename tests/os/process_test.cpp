// Does a program get its words as they are, and does it end with us?
#include "os/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "reference/core/errors.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::os {
namespace {

class Process : public TemporaryFolder {};

// A process that nobody has waited for yet is gone, too, once it has ended.
bool runs(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  status >> number >> name >> state;
  return status && state != "Z" && state != "X";
}

bool ends_within_seconds(pid_t pid) {
  for (int tries = 0; tries < 500 && runs(pid); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !runs(pid);
}

TEST_F(Process, WordsAreNoShellText) {
  for (const char* word : {"q'; touch PWNED; '", "$(touch PWNED)", "a b\n\"c\"", "*", "-n", ""})
    EXPECT_EQ(output_of({.words = {"printf", "%s", word}}), word);
  EXPECT_FALSE(std::filesystem::exists("PWNED"));
}

TEST_F(Process, ExitCodesAndSignals) {
  EXPECT_EQ(run({.words = {"true"}}), 0);
  EXPECT_EQ(run({.words = {"sh", "-c", "exit 7"}}), 7);
  EXPECT_EQ(run({.words = {"sh", "-c", "kill -SEGV $$"}}), 128 + SIGSEGV);
  EXPECT_REFUSED(FileError, run({.words = {"/no/such program"}}),
                 "/no/such program: cannot be run: No such file");
  EXPECT_REFUSED(FileError, run({.words = {path("").string()}}), "Permission denied");
}

TEST_F(Process, EnvironmentAndStreams) {
  put(path("in"), "words");
  EXPECT_EQ(run({.words = {"sh", "-c", "cat; echo $COLOUR; echo no >&2"},
                 .environment = {{"COLOUR", "red 'and' blue"}},
                 .input = path("in"),
                 .output = path("out"),
                 .errors = path("err")}),
            0);
  EXPECT_EQ(get(path("out")), "wordsred 'and' blue\n");
  EXPECT_EQ(get(path("err")), "no\n");
  EXPECT_REFUSED(FileError, run({.words = {"true"}, .input = path("missing")}),
                 "cannot be run: No such file");
}

TEST_F(Process, LongOutputIsWhole) {
  EXPECT_EQ(output_of({.words = {"head", "-c", "3000000", "/dev/zero"}}), std::string(3000000, '\0'));
}

TEST_F(Process, ATimeLimitAndTheGroup) {
  Child child({.words = {"sh", "-c", "sleep 600 & echo $! >'" + path("pid").string() + "'; wait"},
               .own_group = true});
  EXPECT_EQ(child.wait_for(0.01), std::nullopt);
  for (int tries = 0; tries < 500 && (!std::filesystem::exists(path("pid")) || get(path("pid")).empty());
       ++tries)
    EXPECT_EQ(child.wait_for(0.01), std::nullopt);
  child.kill();
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_EQ(child.wait_for(0), 128 + SIGKILL);
  EXPECT_TRUE(ends_within_seconds(std::stoi(get(path("pid")))));
}

// Of a parent that is killed without a chance to do anything.
TEST_F(Process, DiesWithItsParent) {
  const pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    Child child({.words = {"sh", "-c", "echo $$ >'" + path("pid").string() + "'; exec sleep 600"}});
    child.wait();
    _exit(0);
  }
  for (int tries = 0; tries < 500 && (!std::filesystem::exists(path("pid")) || get(path("pid")).empty());
       ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const pid_t child = std::stoi(get(path("pid")));
  EXPECT_TRUE(runs(child));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_TRUE(ends_within_seconds(child));
}

}  // namespace
}  // namespace attnlab::os
