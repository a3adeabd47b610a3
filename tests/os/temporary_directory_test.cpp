// Does a temporary directory outlive its process only until the next one comes?
#include "os/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/files/temporary_folder.h"

namespace attnlab::os {
namespace {

class Temporary : public TemporaryFolder {
 protected:
  // A process with a directory of its own, and a file in it. It sleeps.
  pid_t start() const {
    const pid_t process = fork();
    if (process == 0) {
      setenv("TMPDIR", path("").c_str(), 1);
      const TemporaryDirectory directory;
      put(directory.path() / "inside", "text");
      put(path("ready"), directory.path().string());
      sleep(60);
      _exit(0);
    }
    for (int tries = 0;
         tries < 2000 && (!std::filesystem::exists(path("ready")) || get(path("ready")).empty()); ++tries)
      usleep(5000);
    return process;
  }
  std::string directory_of_the_last() const {
    const std::string name = get(path("ready"));
    std::filesystem::remove(path("ready"));
    return name;
  }
  static void kill_now(pid_t process) {
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
};

TEST_F(Temporary, TheNextProcessRemovesWhatAKilledOneLeft) {
  const pid_t killed = start();
  const std::string left = directory_of_the_last();
  const pid_t alive = start();
  const std::string kept = directory_of_the_last();
  kill_now(killed);
  std::filesystem::create_directories(path("attnlab-temporary-notes"));
  std::filesystem::create_directories(path("attnlab-backup"));
  put(path("attnlab-temporary-abcdef"), "a file");
  std::filesystem::create_directory_symlink(path("attnlab-backup"), path("attnlab-temporary-123456"));
  EXPECT_TRUE(std::filesystem::exists(left));
  const pid_t next = start();
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(kept + "/inside")) << "its process runs";
  for (const char* other :
       {"attnlab-temporary-notes", "attnlab-backup", "attnlab-temporary-abcdef", "attnlab-temporary-123456"})
    EXPECT_TRUE(std::filesystem::exists(path(other))) << other;
  kill_now(alive);
  kill_now(next);
}

}  // namespace
}  // namespace attnlab::os
