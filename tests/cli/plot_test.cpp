// Does the plot runner pass its arguments untouched, without a shell, and explain each failure in one line?
#include "cli/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using testing::AllOf;
using testing::HasSubstr;

// A stand-in for Python: a shell script of our own, named by ATTNLAB_PYTHON.
class RunPlot : public testing::Test {
 protected:
  RunPlot()
      : folder_(
            std::filesystem::path(testing::TempDir()) /
            ("attnlab plot " + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~RunPlot() override {
    unsetenv("ATTNLAB_PYTHON");
    std::filesystem::remove_all(folder_);
  }

  void python_is(const std::string& body) {
    const std::filesystem::path program = folder_ / "python";
    std::ofstream(program) << "#!/bin/sh\n" << body;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    setenv("ATTNLAB_PYTHON", program.c_str(), 1);
  }

  // What is printed on stderr; stdout must stay free for the command's own result.
  std::string plot(bool expected, const std::filesystem::path& script, const std::filesystem::path& data) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    EXPECT_EQ(attnlab::cli::run_plot(script, data), expected);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    return testing::internal::GetCapturedStderr();
  }

  std::filesystem::path folder_;
};

TEST_F(RunPlot, ArgumentsArriveAsTheyAre) {
  python_is("[ \"$1\" = -c ] && exit 0\nprintf '%s\\n' \"$#\" \"$1\" \"$2\" >\"" +
            (folder_ / "seen").string() + "\"\necho drawn\n");
  const std::string hostile = "out; touch x $(touch y) `touch z` '\"*";
  EXPECT_EQ(plot(true, "a script.py", hostile), "drawn\n");
  std::ifstream file(folder_ / "seen");
  const std::string seen((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(seen, "2\na script.py\n" + hostile + "\n");
}

TEST_F(RunPlot, AMissingPythonIsNamed) {
  setenv("ATTNLAB_PYTHON", "/no/such/python", 1);
  const std::string line = plot(false, "plot.py", "the/data");
  EXPECT_THAT(line, AllOf(HasSubstr("/no/such/python cannot be run"), HasSubstr("the data is in the/data")));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST_F(RunPlot, AMissingMatplotlibSaysHowToGetIt) {
  python_is("echo noise; echo noise >&2; exit 1\n");
  const std::string line = plot(false, "plot.py", "the/data");
  EXPECT_THAT(line, AllOf(HasSubstr("has no matplotlib"), HasSubstr("-m pip install matplotlib")));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
}

TEST_F(RunPlot, AFailingScriptIsReported) {
  python_is("[ \"$1\" = -c ] && exit 0\nexit 3\n");
  EXPECT_THAT(plot(false, "plot.py", "the/data"), HasSubstr("plot.py failed with exit code 3"));
  python_is("[ \"$1\" = -c ] && exit 0\nkill -9 $$\n");
  EXPECT_THAT(plot(false, "plot.py", "the/data"), HasSubstr("failed with exit code 137"));
}

}  // namespace
