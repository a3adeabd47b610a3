// Has each counter one name of its own, in the form that Nsight Compute's names have?
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "reference/core/errors.h"
#include "simulator/emulator/report/report.h"
#include "tests/files/refusal.h"

namespace attnlab::emulator {
namespace {

TEST(Metrics, EachHasItsOwnNameAndASentence) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const MetricInfo& info = metrics()[i];
    EXPECT_EQ(static_cast<std::size_t>(info.metric), i);
    EXPECT_TRUE(names.emplace(info.name).second) << info.name;
    EXPECT_FALSE(info.description.empty()) << info.name;
  }
}

TEST(Metrics, AreNamedUnitThenCounterThenSum) {
  const std::regex form("(l1tex|smsp|lts|dram|attnlab)__[a-z0-9_]+\\.sum");
  for (const MetricInfo& info : metrics()) {
    EXPECT_TRUE(std::regex_match(std::string(info.name), form)) << info.name;
  }
}

TEST(Metrics, AreExplainedInTheDocumentation) {
  std::ifstream file(ATTNLAB_SOURCE_DIR "/docs/emulator.md");
  std::string document{std::istreambuf_iterator<char>(file), {}};
  std::erase(document, '`');
  for (const MetricInfo& info : metrics()) {
    const std::string row = "| " + std::string(info.name) + " | " + std::string(info.description) + " |";
    EXPECT_NE(document.find(row), std::string::npos) << row;
  }
}

TEST(FindingKinds, EachHasItsOwnName) {
  std::set<std::string> names;
  const std::regex form("[a-z]+(-[a-z]+)*");
  for (int i = 0; i < static_cast<int>(FindingKind::count_); ++i) {
    const std::string text(name(static_cast<FindingKind>(i)));
    EXPECT_TRUE(names.insert(text).second) << text;
    EXPECT_TRUE(std::regex_match(text, form)) << text;
  }
  EXPECT_REFUSED(InvalidArgument, name(FindingKind::count_), "a value of the enumeration");
}

TEST(FindingKinds, AreNamedAsTheEnumeratorsAre) {
  EXPECT_EQ(name(FindingKind::out_of_bounds), "out-of-bounds");
  EXPECT_EQ(name(FindingKind::read_before_wait), "read-before-wait");
  EXPECT_EQ(name(FindingKind::refused_launch), "refused-launch");
  EXPECT_EQ(name(FindingKind::refused_call), "refused-call");
}

}  // namespace
}  // namespace attnlab::emulator
