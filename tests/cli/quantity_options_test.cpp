// Do options of counts and sizes keep their default, and name themselves when they refuse?
#include "cli/quantity_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>

#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

TEST(QuantityOptions, KeepTheirDefaultAndReadNegativesAsValues) {
  std::uint64_t count = 7;
  std::uint64_t bytes = 9;
  CLI::App parser;
  Command app(parser);
  add_count(app, "--count", count, "a count");
  add_bytes(app, "--bytes", bytes, "a size");
  parser.parse("--count 2k");
  EXPECT_EQ(count, 2048u);
  EXPECT_EQ(bytes, 9u);
  try {
    parser.parse("--count -3");
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("--count: got '-3'"));
  }
}

}  // namespace
}  // namespace attnlab::cli
