// Are published traces read as they are, and what is none refused by its line?
#include "files/request_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "reference/core/errors.h"

namespace attnlab::files {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path written(const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "trace";
  std::ofstream(path) << text;
  return path;
}

std::string refusal(const std::string& text) {
  try {
    read_request_trace(written(text));
  } catch (const FileError& error) {
    return error.what();
  }
  return "read";
}

TEST(RequestTrace, Mooncake) {
  const auto requests = read_request_trace(
      written("{\"timestamp\": 3000, \"input_length\": 1000, \"output_length\": 5, \"hash_ids\": [0, 7]}\n"
              "{\"timestamp\": 4500, \"input_length\": 10, \"output_length\": 0, \"hash_ids\": []}\r\n"));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].arrival, 0);
  EXPECT_EQ(requests[0].prompt, 1000);
  EXPECT_EQ(requests[0].output, 5);
  EXPECT_THAT(requests[0].blocks, ElementsAre(0, 7));
  EXPECT_EQ(requests[1].arrival, 1.5);
}

TEST(RequestTrace, Azure) {
  const auto requests = read_request_trace(
      written("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-30 23:59:59.5000000,4808,10\n"
              "2023-12-01 00:00:01.0000000,374,44\n"));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].prompt, 4808);
  EXPECT_EQ(requests[0].output, 10);
  EXPECT_DOUBLE_EQ(requests[1].arrival, 1.5);
  EXPECT_TRUE(requests[1].blocks.empty());
}

TEST(RequestTrace, RefusesTheRestByItsLine) {
  EXPECT_THAT(refusal(""), HasSubstr("no request"));
  EXPECT_THAT(refusal("hello\n"), HasSubstr(":1: expected a JSON object"));
  EXPECT_THAT(refusal("{\"timestamp\": 1}\n"), HasSubstr(":1"));
  EXPECT_THAT(refusal("{\"timestamp\": 1, \"input_length\": -1, \"output_length\": 1, \"hash_ids\": []}\n"),
              HasSubstr("input_length"));
  EXPECT_THAT(refusal("{\"timestamp\": 1, \"input_length\": 18446744073709551615, \"output_length\": 1, "
                      "\"hash_ids\": []}\n"),
              HasSubstr("input_length"));
  const std::string head = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  EXPECT_THAT(refusal(head), HasSubstr("no request"));
  EXPECT_THAT(refusal(head + "2023-11-16 18:17:03.97,1\n"), HasSubstr(":2: expected TIMESTAMP"));
  EXPECT_THAT(refusal(head + "2023-13-16 18:17:03.97,1,2\n"), HasSubstr(":2: expected a time"));
  EXPECT_THAT(refusal(head + "2023-11-16 18:17:03.97,1,2x\n"), HasSubstr(":2: expected two numbers"));
  EXPECT_THROW(read_request_trace("/no/such/trace"), FileError);
}

}  // namespace
}  // namespace attnlab::files
