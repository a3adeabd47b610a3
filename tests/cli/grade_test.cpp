// Does attnlab grade give a student points that he can follow, an instructor a table, and a cheat nothing?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/program.h"
#include "tests/cli/refusal.h"
#include "tests/files/temporary_folder.h"
#include "tests/os/sandbox.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kLabs = std::string(ATTNLAB_SOURCE_DIR) + "/labs/";
const std::string kLab = "02_warp_softmax";

class GradeCommand : public TemporaryFolder {
 protected:
  std::string solution() const { return get(kLabs + kLab + "/solution.cu"); }
  // By the property's name.
  static json tests_of(const Outcome& outcome) {
    json tests;
    const json grade = json::parse(outcome.out);
    for (const json& test : grade["tests"]) tests[test["name"].get<std::string>()] = test;
    return tests;
  }
};

TEST_F(GradeCommand, SaysWhyPointsAreLostWithTheSmallestProblem) {
  SKIP_WITHOUT_SANDBOX();
  std::string source = solution();
  const std::size_t at = source.find("expf(");
  ASSERT_NE(at, std::string::npos);
  source.replace(at, 5, "2.0f * expf(");
  put(path("mine.cu"), source);
  const Outcome outcome = attnlab_program("grade " + kLab + " '" + path("mine.cu").string() +
                                          "' --student Ada --junit '" + path("j.xml").string() + "'");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("hidden problems and questions of \"Ada\""));
  EXPECT_THAT(outcome.out, HasSubstr("0 of  20  values"));
  EXPECT_THAT(outcome.out, HasSubstr("rows 1, numbers"));
  EXPECT_THAT(outcome.out, HasSubstr("no answers.txt beside the submission"));
  EXPECT_THAT(get(path("j.xml")), HasSubstr("<testcase classname=\"02_warp_softmax\" name=\"races\"/>"));
}

// Destructors of global objects ran after the report was written: one could write another.
TEST_F(GradeCommand, AReportCannotBeForged) {
  SKIP_WITHOUT_SANDBOX();
  std::string source = solution();
  const std::string barrier = "cudaMemcpyHostToDevice";
  ASSERT_NE(source.find(barrier), std::string::npos);
  put(path("mine.cu"), source + R"(
static char* shared_place(char* p) { return p; }
__global__ void race(int* out) {
  __shared__ int x[64];
  x[threadIdx.x] = threadIdx.x;
  out[threadIdx.x] = x[63 - threadIdx.x];  // no barrier
}
struct Forger {
  ~Forger() {
    FILE* file = fopen("/proc/self/environ", "rb");
    static char text[65536];
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    for (size_t n = 0; n + 24 < size; ++n) {
      if (strncmp(text + n, "EMULATOR_REPORT=", 16) != 0) continue;
      if (FILE* report = fopen(shared_place(text + n + 16), "wb")) fputs("{\"program\": \"\", \"kernels\": [], \"findings\": []}", report), fclose(report);
    }
  }
};
static Forger forger;
static const int raced = [] {
  int* out;
  cudaMalloc(&out, 256);
  race<<<1, 64>>>(out);
  cudaDeviceSynchronize();
  cudaFree(out);
  return 0;
}();
)");
  const Outcome outcome = attnlab_program("grade " + kLab + " '" + path("mine.cu").string() + "' --json");
  const json tests = tests_of(outcome);
  EXPECT_EQ(tests["races"]["score"], 0) << outcome.out;
  EXPECT_THAT(tests["races"]["output"].get<std::string>(), HasSubstr("shared_race"));
  EXPECT_EQ(tests["values"]["score"], 20) << outcome.out;
}

TEST_F(GradeCommand, QuestionsAreTheStudentsOwn) {
  const Outcome ada = attnlab_program("grade " + kLab + " --questions --student Ada"),
                bob = attnlab_program("grade 2 --questions --student Bob");
  EXPECT_EQ(ada.exit_code, 0);
  EXPECT_NE(ada.out, bob.out);
  EXPECT_EQ(ada.out, attnlab_program("grade 02 --questions --student Ada").out);
  const json questions = json::parse(attnlab_program("grade 2 --questions --json").out);
  EXPECT_FALSE(questions.empty());
  for (const json& question : questions) EXPECT_FALSE(question["text"].get<std::string>().empty());
}

TEST_F(GradeCommand, AFolderBecomesATableThatGoesOn) {
  SKIP_WITHOUT_SANDBOX();
  std::filesystem::create_directories(path("in/bob"));
  std::filesystem::create_directories(path("in/none"));
  put(path("in/ada.cu"), "int main() { return 0 }\n");
  put(path("in/bob/x.cu"), "int main() { return 3; }\n");
  put(path("in/bob/probe.cu"), "the lab's own\n");
  const std::string command = "grade 2 --jobs 2 --all '" + path("in").string() + "'";
  const Outcome first = attnlab_program(command);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("2 graded, 0 were before"));
  EXPECT_THAT(first.out, HasSubstr("no grade: none: has not exactly one .cu file"));
  const std::string table = get(path("in/grades.csv"));
  EXPECT_THAT(table, HasSubstr("student,score,max_score,compiles,"));
  EXPECT_THAT(table, HasSubstr("ada,0,100,0,"));
  EXPECT_THAT(table, HasSubstr("bob,5,100,5,"));
  EXPECT_THAT(get(path("in/grades.feedback/ada.txt")), HasSubstr("ada.cu:1:"));
  put(path("in/cyd.cu"), "int main() {}\n");
  EXPECT_THAT(attnlab_program(command).out, HasSubstr("1 graded, 2 were before"));
  EXPECT_TRUE(get(path("in/grades.csv")).starts_with(table));
}

TEST_F(GradeCommand, AStudentsFolderHasNoSolution) {
  const Outcome outcome = attnlab_program("grade 1 --start '" + path("mine").string() + "' --student Ada");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path("mine")))
    names.insert(entry.path().filename());
  EXPECT_EQ(names,
            (std::set<std::string>{"README.md", "README.zh.md", "answers.txt", "handout.cpp", "lab.h"}));
  EXPECT_THAT(refusal_of("grade 1 --start '" + path("mine").string() + "'"), HasSubstr("--start: got "));
}

TEST_F(GradeCommand, Refusals) {
  put(path("mine.txt"), "x");
  put(path("answers.txt"), "no question = 3\n");
  put(path("mine.cu"), "int main() {}\n");
  const std::string mine = " '" + path("mine.cu").string() + "'";
  EXPECT_THAT(refusal_of("grade 9"),
              HasSubstr("got 9, expected a folder with a grade.json, or one of 01_online_softmax, "));
  EXPECT_THAT(refusal_of("grade 2"), HasSubstr("submission: got nothing"));
  EXPECT_THAT(refusal_of("grade 2 /no/such.cu"), HasSubstr("no such file"));
  EXPECT_THAT(refusal_of("grade 2 '" + path("mine.txt").string() + "'"), HasSubstr("is no .cu file"));
  EXPECT_THAT(refusal_of("grade 2" + mine + " --junit" + mine), HasSubstr("--junit"));
  EXPECT_THAT(refusal_of("grade 2 --all /no/folder"), HasSubstr("--all: got /no/folder, expected a folder"));
  EXPECT_THAT(refusal_of("grade 2 --jobs 0 --all ."), HasSubstr("--jobs"));
  EXPECT_THAT(refusal_of("grade --student eve"), HasSubstr("--student: got no submission"));
  EXPECT_THAT(refusal_of("grade --questions"), HasSubstr("lab: got nothing"));
  EXPECT_THAT(refusal_of("grade 2 --questions --junit x"), HasSubstr("--junit: got it beside --questions"));
  EXPECT_THAT(refusal_of("grade 2 --all ." + mine), HasSubstr("submission: got it beside --all"));
  EXPECT_THAT(refusal_of("grade 2" + mine + " --answers /tmp"),
              HasSubstr("--answers: got /tmp, expected a file"));
  EXPECT_THAT(refusal_of("grade 2 --questions --student '  '"), HasSubstr("--student"));
  EXPECT_THAT(refusal_of("grade 2 --start /proc/x"), HasSubstr("/proc/x: cannot be made"));
  EXPECT_THAT(refusal_of("grade 2 /tmp"), HasSubstr("is a folder, expected a file"));
}

}  // namespace
