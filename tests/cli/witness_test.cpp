// Do the four witnesses agree where they must: formula, metered run and emulated kernel to the byte, emulator
// and H200 to the sector; and does `attnlab witness` refuse in one line?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/refusal.h"

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

json witness_json(const std::string& arguments) {
  const Outcome outcome = attnlab_program("witness --json " + arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return json::parse(outcome.out);
}

TEST(Witness, FlashAttention2AgreesToTheByteAndToTheSector) {
  for (const std::string shape : {"--seqlen 128 --dim 64", "--seqlen 256 --dim 128 --causal"}) {
    const json all = witness_json("--kernel flash2-04 " + shape);
    ASSERT_EQ(all.size(), 1u);
    const json& w = all[0];
    EXPECT_EQ(w["closed_form_bytes"], w["metered_bytes"]) << shape;
    EXPECT_EQ(w["closed_form_bytes"], w["emulator_useful_bytes"]) << shape;
    for (const std::string counter :
         {"l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum", "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum",
          "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum", "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum",
          "l1tex__m_xbar2l1tex_read_sectors.sum"}) {
      ASSERT_TRUE(w["h200"].contains(counter)) << counter;
      EXPECT_GT(w["h200"][counter], 0) << counter;
      EXPECT_EQ(w["emulator"][counter], w["h200"][counter]) << counter << ", " << shape;
    }
  }
}

// A length that no GPU was measured with: three witnesses, and no invented fourth.
TEST(Witness, WithoutAMeasurementThereIsNone) {
  const json all = witness_json("--kernel flash2-04 --seqlen 130 --dim 32");
  EXPECT_FALSE(all[0].contains("h200"));
  EXPECT_EQ(all[0]["closed_form_bytes"], all[0]["emulator_useful_bytes"]);
  EXPECT_THAT(attnlab_program("witness --kernel flash2-04 --seqlen 130 --dim 32").out,
              HasSubstr("not measured"));
}

TEST(Witness, Refusals) {
  EXPECT_THAT(refusal_of("witness --kernel flash9"), HasSubstr("flash2-04"));
  EXPECT_THAT(refusal_of("witness --kernel flash2-04 --dtype fp8"),
              AllOf(HasSubstr("--dtype"), HasSubstr("bf16")));
  EXPECT_THAT(refusal_of("witness --kernel flash2-04 --seqlen 0"), HasSubstr("--seqlen"));
  EXPECT_THAT(refusal_of("witness --kernel flash2-04 --dim 65"), HasSubstr("65"));
  EXPECT_THAT(refusal_of("witness --kernel flash2-04 --seqlen 100000000"), HasSubstr("--seqlen"));
  EXPECT_THAT(refusal_of("witness --kernel flash2-04 --seqlen 131072 --heads 64"), HasSubstr("--heads"));
  EXPECT_THAT(refusal_of("witness --measured --products 0"), HasSubstr("--products"));
}

}  // namespace
