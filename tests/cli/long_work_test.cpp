// Is work that takes long refused with its estimate before it starts, begun where --yes says so, and refused even so
// where the memory does not hold it?
#include "cli/long_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "reference/core/errors.h"
#include "tests/cli/refusal.h"

namespace attnlab::cli {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

TEST(LongWork, IsRefusedWithItsEstimate) {
  for (const char* question :
       {"traffic --seqlen 16M", "run --seqlen 1M", "run --seqlen 256k --heads 8",
        "witness --kernel flash2-04 --seqlen 131072", "witness --kernel flash1-03 --seqlen 4k --heads 128",
        "battery --kernel flash2-04 --backend emulator --max-seqlen 256k",
        "battery --cmd 'true {dir}' --max-seqlen 64k --backward"}) {
    EXPECT_THAT(refusal_of(question),
                ContainsRegex("attnlab: --yes: got nothing, expected it for work of about [0-9.e+]+ "
                              "(s|minutes|hours|days|years), or smaller sizes\n"))
        << question;
  }
}

TEST(LongWork, BeyondTheMemoryIsRefusedEvenSo) {
  EXPECT_THAT(refusal_of("run --seqlen 1G --yes"),
              AllOf(HasSubstr("--seqlen: got"), HasSubstr("this machine's memory")));
  EXPECT_THAT(refusal_of("witness --kernel naive-01 --seqlen 131072 --heads 4 --yes"),
              AllOf(HasSubstr("--seqlen: got"), HasSubstr("this machine's memory")));
  EXPECT_THAT(refusal_of("battery --cmd 'true {dir}' --max-seqlen 1G --yes"),
              AllOf(HasSubstr("--max-seqlen: got"), HasSubstr("this machine's memory")));
}

TEST(LongWork, YesIsTakenEverywhereAndChangesNoAnswer) {
  for (const std::string question :
       {"traffic --seqlen 256 --json", "witness --kernel flash2-04 --seqlen 32 --json"}) {
    const Outcome without = attnlab_program(question), with = attnlab_program(question + " --yes");
    EXPECT_EQ(with.exit_code, 0) << with.err;
    EXPECT_EQ(with.out, without.out);
  }
}

TEST(LongWork, ShortWorkNeedsNoYes) {
  const LongWork work;
  EXPECT_NO_THROW(work.permit({LongWork::kMostSeconds, 0}));
  EXPECT_THROW(work.permit({LongWork::kMostSeconds + 1, 0}), InvalidArgument);
}

TEST(LongWork, DurationsAreSaidInTheirUnit) {
  EXPECT_EQ(duration(5), "5 s");
  EXPECT_EQ(duration(120), "2 minutes");
  EXPECT_EQ(duration(7200), "2 hours");
  EXPECT_EQ(duration(86400 * 3), "3 days");
  EXPECT_EQ(duration(31557600.0 * 40), "40 years");
}

}  // namespace
}  // namespace attnlab::cli
