// Does `attnlab traffic` replay a problem's tiles through the caches in seconds, say what it assumed, and
// refuse in one line with exit code 2?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/refusal.h"

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

std::string traffic_text(const std::string& arguments) {
  const Outcome outcome = attnlab_program("traffic " + arguments);
  EXPECT_EQ(outcome.exit_code, 0) << arguments << ": " << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

json traffic_json(const std::string& arguments) { return json::parse(traffic_text("--json " + arguments)); }

std::string traffic_refusal(const std::string& arguments) { return refusal_of("traffic " + arguments); }

const std::string kGpt2Medium =
    "--algorithm flash2 --br 128 --bc 128 --dtype fp16 --batch 64 --heads 16 --seqlen 1024 --dim 64 --gpu "
    "h200 ";

TEST(Traffic, Gpt2MediumInWholeTiles) {
  constexpr std::uint64_t tensor = std::uint64_t{64} * 16 * 1024 * 64 * 2,
                          lse = std::uint64_t{64} * 16 * 1024 * 4;
  const json answer = traffic_json(kGpt2Medium);
  EXPECT_EQ(answer["l2_to_sm_bytes"], (1 + 2 * 8) * tensor);
  EXPECT_EQ(answer["sm_to_l2_bytes"], tensor + lse);
  EXPECT_EQ(answer["closed_form_read_bytes"], answer["l2_to_sm_bytes"]);
  EXPECT_EQ(answer["closed_form_write_bytes"], answer["sm_to_l2_bytes"]);
  EXPECT_EQ(answer["asked_read_bytes"], answer["closed_form_read_bytes"]);
  EXPECT_EQ(answer["asked_write_bytes"], answer["closed_form_write_bytes"]);
  EXPECT_EQ(answer["dram_read_bytes"], 3 * tensor);  // 33 heads at a time, 8 MiB of K and V
  EXPECT_EQ(
      answer["dram_write_bytes"].get<std::uint64_t>() + answer["dram_dirty_left_bytes"].get<std::uint64_t>(),
      tensor + lse);
  EXPECT_GT(answer["dram_dirty_left_bytes"], 0);
  EXPECT_EQ(answer["l2_read_hit_bytes"].get<std::uint64_t>() + 3 * tensor, answer["l2_to_sm_bytes"]);
  EXPECT_EQ(answer["sms"], 132);
  EXPECT_EQ(answer["l2_bytes"], 62914560);
  ASSERT_EQ(answer["kernels"].size(), 1u);
  EXPECT_EQ(answer["kernels"][0]["blocks"], 8 * 16 * 64);
  EXPECT_EQ(answer["kernels"][0]["resident_blocks"], 2);
  EXPECT_EQ(answer["kernels"][0]["by_tensor"]["K"]["read_bytes"], 8 * tensor);
}

TEST(Traffic, TenGigabytesInOneQuestion) {
  EXPECT_GT(traffic_json("--seqlen 8k --heads 64 --batch 2 ")["l2_to_sm_bytes"], 10'000'000'000u);
}

TEST(Traffic, CausalHalvesTheTiles) {
  const json dense = traffic_json(kGpt2Medium), causal = traffic_json(kGpt2Medium + "--causal");
  const auto keys = [](const json& answer) {
    return answer["kernels"][0]["by_tensor"]["K"]["read_bytes"].get<std::uint64_t>();
  };
  EXPECT_EQ(keys(dense), keys(causal) * 64 / 36);  // 8 x 8 tiles, 36 of them seen
  EXPECT_EQ(causal["closed_form_read_bytes"], causal["l2_to_sm_bytes"]);
  const json window = traffic_json(kGpt2Medium + "--window 0,0");
  EXPECT_EQ(keys(dense), keys(window) * 8);
}

TEST(Traffic, BackwardIsThreeKernels) {
  const json answer = traffic_json("--seqlen 512 --heads 4 --kv-heads 2 --pass both");
  ASSERT_EQ(answer["kernels"].size(), 4u);
  EXPECT_EQ(answer["kernels"][0]["pass"], "forward");
  EXPECT_EQ(answer["kernels"][2]["name"], "backward");
  EXPECT_EQ(answer["kernels"][2]["blocks"], 4 * 2);
  EXPECT_EQ(answer["kernels"][2]["by_tensor"]["dQ_sum"]["reduction_bytes"], 4 * 4 * 512 * 64 * 4);
  std::uint64_t sum = 0;
  for (const json& kernel : answer["kernels"]) sum += kernel["dram_read_bytes"].get<std::uint64_t>();
  EXPECT_EQ(answer["dram_read_bytes"], sum);
  EXPECT_EQ(traffic_json("--seqlen 512 --dtype fp32 --pass backward")["kernels"].size(),
            2u);  // dQ is its own sum
}

TEST(Traffic, TheGpuCanBeStudied) {
  const std::string problem = "--seqlen 2048 --sms 1 --resident-blocks ";
  constexpr std::uint64_t tensor = 2048 * 64 * 2;
  const auto dram = [](const std::string& arguments) {
    return traffic_json(arguments)["dram_read_bytes"].get<std::uint64_t>();
  };
  EXPECT_EQ(dram(problem + "1"), 3 * tensor);
  EXPECT_EQ(dram(problem + "1 --l2 256k"), 33 * tensor);
  EXPECT_EQ(dram(problem + "1 --l2 512k --l2-fraction 50%"), 33 * tensor);
  EXPECT_EQ(dram(problem + "16 --l2 512k"), 3 * tensor);
  const json l1 = traffic_json("--seqlen 256 --br 64 --bc 64 --sms 1 --l1 192k");
  EXPECT_EQ(l1["l2_to_sm_bytes"], 3 * 256 * 64 * 2);
  EXPECT_EQ(l1["l1_read_bytes"], (1 + 2 * 4) * 256 * 64 * 2);
  EXPECT_EQ(traffic_json("--seqlen 256 --gpu a100")["sms"], 108);
}

TEST(Traffic, NaiveIsStandardAttention) {
  json naive = traffic_json("--algorithm naive --seqlen 256"),
       standard = traffic_json("--algorithm standard --seqlen 256");
  EXPECT_EQ(naive, standard);
  EXPECT_EQ(naive["kernels"].size(), 3u);
  EXPECT_EQ(naive["closed_form_read_bytes"], naive["l2_to_sm_bytes"]);
}

TEST(Traffic, TextSaysWhatWasAssumed) {
  EXPECT_THAT(
      traffic_text("--seqlen 1000 --causal --pass both"),
      AllOf(HasSubstr("FlashAttention-2"), HasSubstr("1000 queries x 1000 keys"), HasSubstr("causal"),
            HasSubstr("132 SMs"), HasSubstr("60.00 MiB"), HasSubstr("DRAM read"), HasSubstr("dirty left"),
            HasSubstr("round dQ"), HasSubstr("closed form"), HasSubstr("2 resident")));
  EXPECT_THAT(traffic_text("--seqlen 100 --l2-fraction 50%"), HasSubstr("of which 50% count"));
}

TEST(Traffic, NothingToDo) {
  const json answer = traffic_json("--seqlen-q 0 --seqlen-kv 100");
  EXPECT_EQ(answer["l2_to_sm_bytes"], 0);
  EXPECT_EQ(answer["sm_to_l2_bytes"], 0);
}

TEST(Traffic, BadInputIsRefusedInOneLine) {
  const std::string some = "--seqlen 128 ";
  EXPECT_THAT(traffic_refusal(some + "--algorithm flash9"), HasSubstr("flash1"));
  EXPECT_THAT(traffic_refusal(some + "--algorithm blocksparse"), HasSubstr("blocksparse"));
  EXPECT_THAT(traffic_refusal(some + "--pass sideways"), HasSubstr("--pass: got sideways"));
  EXPECT_THAT(traffic_refusal(some + "--dtype int8"), HasSubstr("dtype: got int8"));
  EXPECT_THAT(traffic_refusal(some + "--gpu abacus"), HasSubstr("abacus"));
  EXPECT_THAT(traffic_refusal(some + "--br 0"), HasSubstr("--br: got '0'"));
  EXPECT_THAT(traffic_refusal(some + "--bc -1"), HasSubstr("--bc: got '-1'"));
  EXPECT_THAT(traffic_refusal(some + "--br 2G"), HasSubstr("--br: got 2G"));
  EXPECT_THAT(traffic_refusal(some + "--resident-blocks 0"), HasSubstr("--resident-blocks: got '0'"));
  EXPECT_THAT(traffic_refusal(some + "--resident-blocks 1T"), HasSubstr("--resident-blocks: got 1T"));
  EXPECT_THAT(traffic_refusal(some + "--sms 0"), HasSubstr("--sms: got '0'"));
  EXPECT_THAT(traffic_refusal(some + "--sms 1G"), HasSubstr("--sms: got 1G"));
  EXPECT_THAT(traffic_refusal(some + "--l2 0"), HasSubstr("--l2: got '0'"));
  EXPECT_THAT(traffic_refusal(some + "--l2 1k"), HasSubstr("--l2: got 1024 bytes"));
  EXPECT_THAT(traffic_refusal(some + "--l2 1000G"), HasSubstr("--l2: got"));
  EXPECT_THAT(traffic_refusal(some + "--l2-fraction 0"), HasSubstr("--l2-fraction: got 0"));
  EXPECT_THAT(traffic_refusal(some + "--l2-fraction 2"), HasSubstr("--l2-fraction: got '2'"));
  EXPECT_THAT(traffic_refusal(some + "--l1 1G"), HasSubstr("--l1: got 1073741824 bytes"));
  EXPECT_THAT(traffic_refusal(some + "--window 1"), HasSubstr("--window: got 1"));
  EXPECT_THAT(traffic_refusal("--seqlen 1G --heads 1G"), HasSubstr("bytes of the tensors"));
  EXPECT_THAT(traffic_refusal("--seqlen-q 0 --seqlen-kv 0 --batch 1M --heads 1M --algorithm flash1"),
              HasSubstr("--seqlen: got 1099511627776 blocks"));
  EXPECT_THAT(traffic_refusal(""), HasSubstr("--seqlen-q: got nothing"));
  EXPECT_THAT(traffic_refusal(some + "--bogus"), HasSubstr("--bogus"));
}

}  // namespace
