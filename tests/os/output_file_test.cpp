// Is no output written over an input? That a file appears whole or not at all: tests/files/tensor_file_test.cpp.
#include "os/output_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "reference/core/errors.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::os {
namespace {

class Outputs : public TemporaryFolder {
 protected:
  void check(const std::string& output, const std::vector<NamedFile>& inputs) const {
    check_outputs(std::vector<NamedFile>{{"--out", path(output)}}, inputs);
  }
};

TEST_F(Outputs, AnInputUnderAnyName) {
  put(path("q.npy"), "numbers");
  std::filesystem::create_directory(path("folder"));
  std::filesystem::create_symlink(path("q.npy"), path("soft"));
  std::filesystem::create_hard_link(path("q.npy"), path("hard"));
  std::filesystem::create_directory_symlink(path("."), path("here"));
  const std::vector<NamedFile> inputs{{"--mask", ""}, {"--q", path("q.npy")}};
  for (const char* name : {"q.npy", "./q.npy", "folder/../q.npy", "soft", "hard", "here/q.npy"})
    EXPECT_REFUSED(InvalidArgument, check(name, inputs),
                   "--out: got " + path(name).string() + ", expected another file than the input (--q)");
  check("new.npy", inputs);
  EXPECT_EQ(get(path("q.npy")), "numbers");
}

TEST_F(Outputs, TwoOfOneName) {
  const std::vector<NamedFile> outputs{
      {"--out", path("x.npy")}, {"--lse", path("./x.npy")}, {"--dq", ""}, {"--dk", ""}};
  EXPECT_REFUSED(
      InvalidArgument, check_outputs(outputs, {}),
      "--lse: got " + path("./x.npy").string() + ", expected a file of its own, not that of --out");
}

TEST_F(Outputs, OneThatCannotBeWritten) {
  EXPECT_REFUSED(FileError, check("missing/x.npy", {}), "cannot be written: No such file");
  EXPECT_TRUE(listing().empty());
}

}  // namespace
}  // namespace attnlab::os
