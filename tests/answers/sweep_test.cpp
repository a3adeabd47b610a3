// Is a sweep what was written, and is everything else refused?
#include "answers/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/core/errors.h"

namespace {

using attnlab::answers::parse_sweep;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Sweep, Doubles) {
  EXPECT_EQ(parse_sweep("seqlen=1k..8k").field, "seqlen");
  EXPECT_THAT(parse_sweep("seqlen=1k..8k").values, ElementsAre(1024, 2048, 4096, 8192));
  EXPECT_THAT(parse_sweep("br=3..11").values, ElementsAre(3, 6));
  EXPECT_THAT(parse_sweep("br=7..7").values, ElementsAre(7));
  EXPECT_THAT(parse_sweep("x=9223372036854775808..18446744073709551615").values,
              ElementsAre(9223372036854775808u));
}

TEST(Sweep, Adds) {
  EXPECT_THAT(parse_sweep("bc=64..256..+64").values, ElementsAre(64, 128, 192, 256));
  EXPECT_THAT(parse_sweep("bc=64..250..+1k").values, ElementsAre(64));
}

TEST(Sweep, RefusesTheRest) {
  for (const char* text : {"", "seqlen", "seqlen=", "seqlen=1k", "=1..2", "seqlen=..2", "seqlen=1..",
                           "seqlen=2..1", "seqlen=0..4", "seqlen=1..4..+0", "seqlen=1..4..+", "seqlen=a..b",
                           "seqlen=-1..4", "1..2", "seqlen=1..4000..+1"}) {
    EXPECT_THROW(parse_sweep(text), attnlab::InvalidArgument) << text;
  }
  try {
    parse_sweep("seqlen=8..4");
    FAIL();
  } catch (const attnlab::InvalidArgument& error) {
    EXPECT_THAT(error.what(), HasSubstr("sweep: got seqlen=8..4, expected 1 <= FIRST <= LAST"));
  }
}

}  // namespace
