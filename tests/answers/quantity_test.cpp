// Are counts, sizes and shares read exactly, and is everything else refused by name?
#include "answers/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "reference/core/errors.h"

namespace {

using attnlab::InvalidArgument;
using namespace attnlab::answers;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

template <class F>
std::string refusal(F read) {
  try {
    read();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Quantity, CountsHavePrefixesOf1024) {
  EXPECT_EQ(parse_count("n", "0"), 0u);
  EXPECT_EQ(parse_count("n", "1000"), 1000u);
  EXPECT_EQ(parse_count("n", "1k"), 1024u);
  EXPECT_EQ(parse_count("n", "64K"), 65536u);
  EXPECT_EQ(parse_count("n", "1M"), 1048576u);
  EXPECT_EQ(parse_count("n", "1m"), 1048576u);
  EXPECT_EQ(parse_count("n", "1G"), 1073741824u);
  EXPECT_EQ(parse_count("n", "2T"), 2199023255552u);
  EXPECT_EQ(parse_count("n", "1.5k"), 1536u);
  EXPECT_EQ(parse_count("n", "0.25M"), 262144u);
  EXPECT_EQ(parse_count("n", "18446744073709551615"), kMax);
}

TEST(Quantity, BytesHaveDecimalAndBinaryPrefixes) {
  EXPECT_EQ(parse_bytes("m", "4096"), 4096u);
  EXPECT_EQ(parse_bytes("m", "4096B"), 4096u);
  EXPECT_EQ(parse_bytes("m", "192KiB"), 196608u);
  EXPECT_EQ(parse_bytes("m", "192kB"), 192000u);
  EXPECT_EQ(parse_bytes("m", "192KB"), 192000u);
  EXPECT_EQ(parse_bytes("m", "192k"), 196608u);
  EXPECT_EQ(parse_bytes("m", "80GB"), 80000000000u);
  EXPECT_EQ(parse_bytes("m", "80GiB"), 85899345920u);
  EXPECT_EQ(parse_bytes("m", "80gb"), 80000000000u);
  EXPECT_EQ(parse_bytes("m", "1.44TB"), 1440000000000u);
}

TEST(Quantity, WhatIsNotAWholeNumberIsRefusedByName) {
  for (const char* text : {"", "k", "-1", "-64k", "+1", "1 k", " 1", "1kk", "1x", "1.k", ".5k", "1.0001k",
                           "0x10", "1e3", "inf", "nan", "64k ", "1,000", "\xc2\xbd"}) {
    EXPECT_THAT(
        refusal([&] { parse_count("--seqlen-q", text); }),
        AllOf(HasSubstr("--seqlen-q"), HasSubstr("'" + std::string(text) + "'"), HasSubstr("whole number")))
        << text;
  }
  for (const char* text : {"", "GB", "-80GB", "80GBs", "80iB", "1.5B", "80 GB", "80PB"}) {
    EXPECT_THAT(refusal([&] { parse_bytes("--memory", text); }),
                AllOf(HasSubstr("--memory"), HasSubstr("bytes")))
        << text;
  }
  EXPECT_THAT(refusal([] { parse_count("n", "1kB"); }), HasSubstr("whole number"));  // a size, not a count
}

TEST(Quantity, OverflowIsRefused) {
  for (const char* text : {"18446744073709551616", "16777216T", "18014398509481984k",
                           "999999999999999999999999999999", "99999999999999999999999T"}) {
    EXPECT_THAT(refusal([&] { parse_count("n", text); }), HasSubstr("2^64")) << text;
  }
  EXPECT_THAT(refusal([] { parse_bytes("m", "18446744.1TB"); }), HasSubstr("2^64"));
  EXPECT_EQ(parse_bytes("m", "18446744.073709551615TB"), kMax);
  EXPECT_EQ(parse_count("n", "16777215T"), kMax - ((std::uint64_t{1} << 40) - 1));
  EXPECT_THAT(refusal([] { parse_count("n", "1000000000000000000000000000000"); }),
              HasSubstr("whole number"));
}

TEST(Quantity, SharesAreExact) {
  EXPECT_EQ(parse_share("p", "12.5%").of(80000000000u), 10000000000u);
  EXPECT_EQ(parse_share("p", "0.125").of(80000000000u), 10000000000u);
  EXPECT_EQ(parse_share("p", "10%").of(19), 1u);
  EXPECT_EQ(parse_share("p", "100%").of(kMax), kMax);
  EXPECT_EQ(parse_share("p", "1").of(kMax), kMax);
  EXPECT_EQ(parse_share("p", "0").of(kMax), 0u);
  EXPECT_DOUBLE_EQ(parse_share("p", "33.3%").value(), 0.333);
  for (const char* text : {"", "%", "101%", "1.01", "-1%", "10 %", "10%%", "5k", "nan"}) {
    EXPECT_THAT(refusal([&] { parse_share("--reserve", text); }),
                AllOf(HasSubstr("--reserve"), HasSubstr("share")))
        << text;
  }
}

TEST(Quantity, PrintsBothUnits) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(34560), "34,560");
  EXPECT_EQ(format_count(kMax), "18,446,744,073,709,551,615");
  EXPECT_EQ(format_bytes(576), "576 B");
  EXPECT_EQ(format_bytes(327680), "320.00 KiB (327.68 kB)");
  EXPECT_EQ(format_bytes(80000000000u), "74.51 GiB (80.00 GB)");
  EXPECT_EQ(format_bytes(1010), "1010 B (1.01 kB)");
}

}  // namespace
