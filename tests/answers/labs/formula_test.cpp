// Do formulas of budgets give what arithmetic gives, and refuse everything else?
#include "answers/labs/formula.h"

#include <gtest/gtest.h>

#include "tests/files/refusal.h"

namespace attnlab::answers::labs {
namespace {

double value(const std::string& formula) {
  return evaluate(formula, {{"rows", 3}, {"cols", 100}, {"head_dim", 64}});
}

TEST(Formula, Arithmetic) {
  EXPECT_EQ(value("2 * rows * cols / 8"), 75);
  EXPECT_EQ(value("rows - 1 - 1"), 1);
  EXPECT_EQ(value("12 / 2 / 3"), 2);
  EXPECT_EQ(value("2 * (rows + 4)"), 14);
  EXPECT_EQ(value("ceil(cols / 8) * 8"), 104);
  EXPECT_EQ(value("min(cols, head_dim) + max(rows, 5)"), 69);
  EXPECT_EQ(value(" 1.5*head_dim "), 96);
}

TEST(Formula, Refusals) {
  EXPECT_REFUSED(InvalidArgument, value(""), "expected a number or a name at character 1");
  EXPECT_REFUSED(InvalidArgument, value("2 *"), "expected a number or a name at character 4");
  EXPECT_REFUSED(InvalidArgument, value("rows rows"), "expected the end at character 6");
  EXPECT_REFUSED(InvalidArgument, value("seqlen"), "expected ceil, min, max or one of cols, head_dim, rows");
  EXPECT_REFUSED(InvalidArgument, value("(rows"), "expected ) at character 6");
  EXPECT_REFUSED(InvalidArgument, value("min(rows)"), "expected , at character 9");
  EXPECT_REFUSED(InvalidArgument, value("-rows"), "expected a number or a name");
  EXPECT_REFUSED(InvalidArgument, value(std::string(100000, '(')), "expected fewer parentheses");
}

}  // namespace
}  // namespace attnlab::answers::labs
