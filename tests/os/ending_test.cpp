// Is nothing left behind by a process that a signal ends?
#include "os/ending.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "os/output_file.h"
#include "os/process.h"
#include "os/temporary_directory.h"
#include "reference/core/errors.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::os {
namespace {

class Ending : public TemporaryFolder {
 protected:
  // Runs `work` in a process that ends in order, sends the signal once the file "ready" is there, and returns what
  // waitpid says.
  int status_after(int signal, const std::function<void()>& work) const {
    const pid_t process = fork();
    if (process == 0) {
      setenv("TMPDIR", path("").c_str(), 1);
      end_in_order();
      work();
      _exit(0);
    }
    for (int tries = 0; tries < 1000 && !std::filesystem::exists(path("ready")); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    kill(process, signal);
    int status = 0;
    waitpid(process, &status, 0);
    std::filesystem::remove(path("ready"));
    return status;
  }
  void ready() const { put(path("ready"), ""); }
  static void sleep_long() { std::this_thread::sleep_for(std::chrono::seconds(60)); }
};

TEST_F(Ending, FilesAndFoldersGo) {
  put(path("x.csv"), "old");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int status = status_after(signal, [&] {
      const TemporaryDirectory folder;
      put(folder.path() / "inside", "text");
      OutputFile file(path("x.csv"));
      file.write("new");
      ready();
      sleep_long();
    });
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), signal);
    EXPECT_EQ(listing(), std::set<std::string>{"x.csv"});
    EXPECT_EQ(get(path("x.csv")), "old");
  }
}

// The program gets the time to put its own things in order; one that does not listen is killed.
TEST_F(Ending, ProgramsEnd) {
  for (const char* on_term : {"trap 'echo bye >said; exit' TERM", "trap '' TERM"}) {
    const std::string script = std::string("cd '") + path("").string() + "'; " + on_term +
                               "; echo $$ >pid; : >ready; while :; do sleep 0.01; done";
    const int status = status_after(SIGTERM, [&] { run({.words = {"sh", "-c", script}}); });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
    EXPECT_NE(kill(std::stoi(get(path("pid"))), 0), 0) << "the program still runs";
  }
  EXPECT_EQ(get(path("said")), "bye\n");
}

TEST_F(Ending, WhatWasWithdrawnDoesNotRun) {
  status_after(SIGTERM, [&] {
    {
      const BeforeEnd early([&] { put(path("early"), ""); });
    }
    const BeforeEnd first(
        [&] { put(path("first"), std::filesystem::exists(path("second")) ? "later" : "earlier"); });
    const BeforeEnd second([&] { put(path("second"), ""); });
    ready();
    sleep_long();
  });
  EXPECT_FALSE(std::filesystem::exists(path("early")));
  EXPECT_EQ(get(path("first")), "later");
}

// As nohup has it.
TEST_F(Ending, AnIgnoredSignalStaysIgnored) {
  const auto old = std::signal(SIGHUP, SIG_IGN);
  const int status = status_after(SIGHUP, [&] {
    ready();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  });
  std::signal(SIGHUP, old);
  EXPECT_TRUE(WIFEXITED(status));
}

TEST_F(Ending, ATemporaryDirectoryNeedsAPlace) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", path("missing").c_str(), 1);
  EXPECT_REFUSED(InvalidArgument, TemporaryDirectory(),
                 "TMPDIR: got " + path("missing").string() + ", expected a directory");
  kept.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", kept.c_str(), 1);
}

}  // namespace
}  // namespace attnlab::os
