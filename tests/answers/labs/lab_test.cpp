// Is a grade.json or a proof.txt that is none refused with its field or line?
#include "answers/labs/lab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "answers/labs/proof.h"
#include "reference/core/errors.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"

namespace attnlab::answers::labs {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kGrade = R"({
  "title": {"en": "A", "zh": "B"}, "goal": {"en": "C", "zh": "D"}, "task": "softmax", "minutes": 60, "max_lines": 99,
  "warnings": ["-Wall"],
  "properties": [
    {"name": "values", "kind": "values", "title": {"en": "E", "zh": "F"}, "points": 60,
     "problems": [{"count": 2, "rows": [1, 4], "cols": 7, "data": "large"}]},
    {"name": "loads", "kind": "budget", "title": {"en": "E", "zh": "F"}, "points": 40, "problems": [{"rows": 1, "cols": 7}],
     "metrics": ["global_load_sectors"], "at_most": "2 * rows * cols", "advice": {"en": "G", "zh": "H"}}
  ],
  "questions": [{"name": "q", "text": {"en": "{s}?", "zh": "{s}?"}, "draw": {"s": [2, 9]}, "program": "submission",
                 "problem": {"rows": "{s}", "cols": 8}, "metrics": ["launches"]}]
})";

class LabFolder : public TemporaryFolder {
 protected:
  void SetUp() override {
    put(path("grade.json"), kGrade);
    put(path("handout.cu"), "h\n");
    put(path("solution.cu"), "one\ntwo\ntwo\n");
    put(path("proof.txt"), "[answer] q = 1\n");
  }
  Lab lab() const { return read_lab(path("")); }
  // The manifest with a change.
  void change(const std::function<void(json&)>& edit) const {
    json grade = json::parse(kGrade);
    edit(grade);
    put(path("grade.json"), grade.dump());
  }
};

TEST_F(LabFolder, Reads) {
  const Lab read = lab();
  EXPECT_EQ(read.source, "solution.cu");
  EXPECT_EQ(read.max_score(), 100);
  ASSERT_EQ(read.properties.size(), 2u);
  EXPECT_EQ(read.properties[0].problems[0].extents.at("rows").high, 4);
  EXPECT_EQ(read.questions[0].problem.extents.at("rows").of, "s");
}

TEST_F(LabFolder, RefusalsNameTheField) {
  const struct {
    std::function<void(json&)> edit;
    const char* says;
  } kCases[] = {
      {[](json& g) { g["tasks"] = 1; }, "tasks"},
      {[](json& g) { g["task"] = "sort"; },
       "task: is sort, expected one of softmax, scores, attention, backward"},
      {[](json& g) { g["title"].erase("zh"); }, "title.zh: missing"},
      {[](json& g) { g["properties"][0]["kind"] = "speed"; },
       "kind: is speed, expected one of compiles, values"},
      {[](json& g) { g["properties"][0]["points"] = 0; }, "points: got 0"},
      {[](json& g) { g["properties"][0]["metrics"] = 0; }, "metrics"},
      {[](json& g) { g["properties"][0]["problems"] = json::array(); }, "problems: has none"},
      {[](json& g) { g["properties"][0]["problems"][0]["data"] = "odd"; },
       "data: is odd, expected one of normal, large"},
      {[](json& g) {
         g["properties"][0]["problems"][0]["rows"] = {4, 1};
       },
       "rows: expected [low, high]"},
      {[](json& g) { g["properties"][0]["problems"][0]["rows"] = 100000; },
       "rows: is 100000, expected at most 4096"},
      {[](json& g) { g["properties"][0]["problems"][0]["heads"] = 1; }, "heads"},
      {[](json& g) { g["properties"][0]["problems"][0].erase("cols"); }, "cols: missing"},
      {[](json& g) { g["properties"][1]["metrics"] = {"time"}; },
       "metrics: names time, expected some of global_load_requests"},
      {[](json& g) { g["properties"][1]["at_most"] = "2 * seqlen"; },
       "at_most: formula: got 2 * seqlen, expected ceil"},
      {[](json& g) { g["properties"][1].erase("at_most"); }, "at_most: missing, and at_least too"},
      {[](json& g) { g["properties"][1]["name"] = "values"; }, "properties: has two named values"},
      {[](json& g) { g["properties"][0]["way"] = "safe"; }, "way: is safe, expected one of"},
      {[](json& g) { g["questions"][0]["program"] = "probe.cu"; },
       "program: is probe.cu, expected \"submission\" or a file"},
      {[](json& g) { g["questions"][0]["problem"]["rows"] = "s"; },
       "rows: is \"s\", expected a number, [low, high], or {name}"},
      {[](json& g) { g["questions"][0]["problem"]["rows"] = "{t}"; },
       "problem: uses {t}, which the question does not draw"},
  };
  for (const auto& [edit, says] : kCases) {
    change(edit);
    EXPECT_REFUSED(FileError, lab(), says);
  }
}

TEST_F(LabFolder, ProofsAreEditsOfTheSolution) {
  std::filesystem::create_directories(path("07_x"));
  for (const char* name : {"grade.json", "handout.cu", "solution.cu"})
    std::filesystem::rename(path(name), path("07_x") / name);
  put(path("cheats.txt"),
      "[cheat] c refused\n<<<<\n====\nthree\n>>>>\n[cheat] other only=.cpp\n<<<<\nno such "
      "line\n====\n>>>>\n");
  const auto proof = [&](const std::string& text) {
    put(path("07_x/proof.txt"), text);
    return read_proof(read_lab(path("07_x")));
  };
  const Proof read =
      proof("[answer] q = s + 1\n[mistake] m: values, loads\nWhy.\n<<<<\none\n====\n1\n1\n>>>>\n");
  ASSERT_EQ(read.cases.size(), 4u);
  EXPECT_EQ(read.cases[2].source, "1\n1\ntwo\ntwo\n");
  EXPECT_EQ(read.cases[2].loses, (std::vector<std::string>{"values", "loads"}));
  EXPECT_EQ(read.cases[3].source, "one\ntwo\ntwo\nthree\n");
  EXPECT_TRUE(read.cases[3].refused);
  EXPECT_EQ(read.answers.at("q"), " s + 1");

  const std::string answer = "[answer] q = 1\n";
  EXPECT_REFUSED(FileError, proof(""), "has no [answer] to q");
  EXPECT_REFUSED(FileError, proof("[answer] r = 1\n"), "line 1: \"r\" is no question");
  EXPECT_REFUSED(FileError, proof(answer + "[mistake] m: colour\n"), "line 2: \"colour\" is no property");
  EXPECT_REFUSED(FileError, proof(answer + "[mistake] m\n"), "line 2: a mistake loses something");
  EXPECT_REFUSED(FileError, proof(answer + "[joke] m\n"), "line 2: got [joke]");
  EXPECT_REFUSED(FileError, proof(answer + "[honest] m\n<<<<\ntwo\n====\n2\n>>>>\n"),
                 "not in the solution exactly once");
  EXPECT_REFUSED(FileError, proof(answer + "[honest] m\n<<<<\none\n"), "the edit has no >>>>");
  EXPECT_REFUSED(FileError, proof(answer + "[honest] m\n[honest] m\n"), "has two cases named m");
}

}  // namespace
}  // namespace attnlab::answers::labs
