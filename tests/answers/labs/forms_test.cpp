// Do Gradescope, JUnit and spreadsheets get the same points, whatever a student's output holds?
#include "answers/labs/forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attnlab::answers::labs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Grade grade_of() {
  return {"05_flash",
          "O'Neil, \"Bo\"",
          {{"values", {"It is right", ""}, 20, 30, "a < b & \"c\"\nfor \x01 n 3"},
           {"races", {"No races", ""}, 10, 10, "none"}},
          30,
          40};
}

TEST(GradeForms, Json) {
  const Json json = to_json(grade_of());
  EXPECT_EQ(json["score"], 30);
  EXPECT_EQ(json["max_score"], 40);
  EXPECT_EQ(json["tests"][0]["score"], 20);
  EXPECT_EQ(json["tests"][0]["status"], "failed");
  EXPECT_EQ(json["tests"][1]["status"], "passed");
  EXPECT_EQ(json["tests"][1]["visibility"], "visible");
}

TEST(GradeForms, JUnit) {
  const std::string xml = to_junit(grade_of());
  EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("a &lt; b &amp; &quot;c&quot;&#10;for ? n 3"));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"05_flash\" name=\"races\"/>"));
}

TEST(GradeForms, Rows) {
  EXPECT_EQ(csv_row(grade_of()), "\"O'Neil, \"\"Bo\"\"\",30,40,20,10\n");
  Lab lab;
  lab.properties.resize(1);
  lab.properties[0].name = "values";
  EXPECT_EQ(csv_header(lab), "student,score,max_score,values\n");
}

TEST(GradeForms, TextSaysWhyPointsAreLostAndNothingElse) {
  Lab lab;
  lab.name = "05_flash";
  const std::string text = to_text(lab, grade_of());
  EXPECT_THAT(text, HasSubstr("20 of  30  values"));
  EXPECT_THAT(text, HasSubstr("              a < b"));
  EXPECT_THAT(text, Not(HasSubstr("none")));
  EXPECT_THAT(text, HasSubstr("30 of  40  points"));
}

}  // namespace
}  // namespace attnlab::answers::labs
