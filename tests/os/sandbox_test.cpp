// Does a program that nobody trusts keep to its sandbox, and end when it must?
#include "os/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/files/temporary_folder.h"
#include "tests/os/sandbox.h"

namespace attnlab::os {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class InSandbox : public TemporaryFolder {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }

  // Runs a script; its stdout is in the file "out", its stderr in "err".
  SandboxEnd script(const std::string& text, Sandbox sandbox = {}) const {
    return run_in(sandbox, {.words = {"sh", "-c", text, marker()},
                            .environment = {{"COLOUR", "red"}},
                            .output = path("out"),
                            .errors = path("err")});
  }
  SandboxEnd perl(const std::string& text, Sandbox sandbox = {}) const {
    return run_in(sandbox, {.words = {"perl", "-e", text, marker()}, .errors = path("err")});
  }
  // A word in the command line of everything that the test starts.
  std::string marker() const { return "sandbox-test-" + path("").string(); }
};

TEST_F(InSandbox, AnHonestProgram) {
  put(path("data"), "numbers\n");
  put(path("result"), "");
  std::filesystem::permissions(path("result"), std::filesystem::perms(0666));
  std::filesystem::permissions(path("data"), std::filesystem::perms(0644));
  const SandboxEnd end = script(
      "cat '" + path("data").string() + "'; pwd; echo $TMPDIR $COLOUR; echo written >$TMPDIR/r; exit 7",
      {.readable = {path("data")}, .results = {{"r", path("result")}}});
  EXPECT_EQ(end.code, 7) << get(path("err"));
  EXPECT_EQ(end.stopped, "");
  EXPECT_EQ(get(path("out")), "numbers\n/sandbox\n/sandbox red\n");
  EXPECT_EQ(get(path("result")), "written\n");
  EXPECT_EQ(script("kill -SEGV $$").code, 128 + SIGSEGV);
}

TEST_F(InSandbox, SeesAndChangesNothingOutside) {
  put(path("secret"), "secret");
  setenv("ATTNLAB_TEST_SECRET", "secret", 1);
  const std::string folder = path("").string();
  script("cat '" + folder +
         "secret' /etc/shadow /etc/passwd /root/.bashrc; echo $ATTNLAB_TEST_SECRET $HOME;"
         "echo x >'" +
         folder + "made'; echo x >/usr/made; echo x >/made; echo x >/dev/shm/made; mkdir -p '" + folder +
         "x'; ls -a /home /root /tmp /var /run; echo /proc/[0-9]* >seen; wc -w <seen");
  unsetenv("ATTNLAB_TEST_SECRET");
  EXPECT_EQ(listing(), (std::set<std::string>{"secret", "out", "err"}));
  const std::string out = get(path("out"));
  EXPECT_THAT(out, StartsWith("\n"));
  EXPECT_LE(std::stoi(out), 5) << "processes of others";
  EXPECT_EQ(get(path("err")).find("secret\n"), std::string::npos);
}

TEST_F(InSandbox, WhatIsReadableStaysAsItIs) {
  put(path("data"), "old");
  const Sandbox sandbox = {.readable = {path("").parent_path()}};
  script("echo new >'" + path("data").string() + "'; rm -f '" + path("data").string() + "'", sandbox);
  EXPECT_EQ(get(path("data")), "old");
  EXPECT_THAT(get(path("err")),
              ::testing::AnyOf(HasSubstr("Read-only file system"), HasSubstr("Permission denied")));
}

TEST_F(InSandbox, HasNoNetworkAndNoNewNamespaces) {
  EXPECT_EQ(perl("use Socket; exit(socket(my $s, PF_INET, SOCK_STREAM, 0) ? 0 : 7)").code, 7);
  EXPECT_EQ(perl("use Socket; exit(socket(my $s, PF_UNIX, SOCK_STREAM, 0) ? 0 : 7)").code, 0);
  EXPECT_NE(script("unshare --user true").code, 0);
  EXPECT_EQ(perl("my $name = 'x'; exit(syscall(319, $name, 0) < 0 ? 7 : 0)").code, 7) << "memfd_create";
}

TEST_F(InSandbox, HasNoMoreRightsThanAUser) {
  if (getuid() != 0) GTEST_SKIP() << "this test is for root";
  EXPECT_EQ(script("test $(id -u) -ge 61184 && grep -q 'CapEff:.*0000000000000000' /proc/self/status").code,
            0);
  EXPECT_EQ(
      script("test $(id -u) = 0 && grep -q 'CapEff:.*0000000000000000' /proc/self/status", {.trusted = true})
          .code,
      0);
}

TEST_F(InSandbox, TimeEnds) {
  const SandboxEnd end = script("trap '' TERM; while :; do :; done", {.seconds = 0.3});
  EXPECT_EQ(end.code, 124);
  EXPECT_EQ(end.stopped, "stopped after 0.3 s");
  EXPECT_TRUE(ends_with_word(marker()));
}

TEST_F(InSandbox, MemoryEnds) {
  const Sandbox small = {.memory = 100 << 20};
  const SandboxEnd alone = perl("my @a; push @a, 'x' x 1000000 while 1", small);
  EXPECT_EQ(alone.code, 137);
  EXPECT_EQ(alone.stopped, "stopped: it took more than 0.0976562 GiB of memory");
  const SandboxEnd many = perl("fork; fork; fork; my $x = 'x' x 20000000; sleep 60", small);
  EXPECT_EQ(many.code, 137) << "of all processes together";
  EXPECT_NE(script("head -c 80000000 /dev/zero >a", small).code, 0) << "a file beyond the limit";
  EXPECT_NE(script("head -c 60000000 /dev/zero >a && head -c 60000000 /dev/zero >b", small).code, 0);
  EXPECT_TRUE(ends_with_word(marker()));
}

// The memory that processes share is counted once.
TEST_F(InSandbox, AnHonestForkIsNotTooMuch) {
  const Sandbox small = {.memory = 100 << 20};
  const SandboxEnd end = perl("my $x = 'x' x 30000000; fork; fork; sleep 1", small);
  EXPECT_EQ(end.stopped, "");
  EXPECT_EQ(end.code, 0);
}

TEST_F(InSandbox, ForksEnd) {
  const SandboxEnd end = perl("while (1) { fork }", {.seconds = 1, .processes = 30});
  EXPECT_EQ(end.code, 124);
  EXPECT_TRUE(ends_with_word(marker()));
  EXPECT_NE(perl("for (1..60) { my $p = fork; exit 7 unless defined $p; sleep(5), exit unless $p }",
                 {.processes = 30})
                .code,
            0);
}

TEST_F(InSandbox, NothingIsLeftRunning) {
  EXPECT_EQ(perl("exit if fork; fork; sleep 600").code, 0);
  EXPECT_TRUE(ends_with_word(marker()));
}

TEST_F(InSandbox, MayKillItsParentAndEverybodyInside) {
  script("kill -9 $PPID; kill -9 1; kill -9 -1");
  EXPECT_TRUE(ends_with_word(marker()));
}

TEST_F(InSandbox, WhereThereIsNone) {
  setenv("PATH", path("").c_str(), 1);
  const std::string without = no_sandbox();
  put(path("bwrap"), "#!/bin/sh\necho 'bwrap: no permissions' >&2\nexit 1\n");
  std::filesystem::permissions(path("bwrap"), std::filesystem::perms(0755));
  const std::string refused = no_sandbox();
  setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
  EXPECT_EQ(without,
            "bwrap: is needed for a sandbox and cannot be run (Debian, Ubuntu: apt-get install bubblewrap)");
  EXPECT_THAT(refused, StartsWith("bwrap: this system makes no sandbox (bwrap: no permissions); allow user"));
}

}  // namespace
}  // namespace attnlab::os
