// Does `attnlab io` answer with the papers' numbers, closed form equal to metered, exact at every size, and
// refuse in one line with exit code 2?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "reference/attention/attention.h"
#include "simulator/io/traffic.h"
#include "tests/cli/refusal.h"
#include "tests/files/temporary_folder.h"

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__)
constexpr const char* kOneGiB = "";  // AddressSanitizer itself needs more
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr const char* kOneGiB = "";
#else
constexpr const char* kOneGiB = "ulimit -v 1048576; ";
#endif
#else
constexpr const char* kOneGiB = "ulimit -v 1048576; ";
#endif

std::string io_text(const std::string& arguments, const std::string& environment = "") {
  const Outcome outcome = attnlab_program("io " + arguments, environment);
  EXPECT_EQ(outcome.exit_code, 0) << arguments << ": " << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

json io_json(const std::string& arguments, const std::string& environment = "") {
  return json::parse(io_text("--json " + arguments, environment));
}

std::string io_refusal(const std::string& arguments) { return refusal_of("io " + arguments); }

void expect_closed_is_metered(const json& answer) {
  EXPECT_TRUE(answer["metered_read_bytes"].is_number_unsigned());
  EXPECT_EQ(answer["hbm_read_bytes"], answer["metered_read_bytes"]);
  EXPECT_EQ(answer["hbm_write_bytes"], answer["metered_write_bytes"]);
}

std::string passes_of(const attnlab::attention::AlgorithmInfo& algorithm) {
  return algorithm.backward ? "--pass both " : "--pass forward ";
}

TEST(Io, PagesAreFoundThroughABlockTableThatIsReadToo) {
  const std::string asked = "--seqlen 1000 --dim 64 --br 64 --bc 100 --causal";
  const json whole = io_json(asked), paged = io_json(asked + " --page-size 16");
  expect_closed_is_metered(paged);
  EXPECT_FALSE(whole["by_tensor"].contains("block_table"));
  EXPECT_EQ(paged["by_tensor"]["block_table"]["write_bytes"], 0);
  EXPECT_EQ(paged["hbm_read_bytes"].get<std::uint64_t>(),
            whole["hbm_read_bytes"].get<std::uint64_t>() +
                paged["by_tensor"]["block_table"]["read_bytes"].get<std::uint64_t>());
  EXPECT_EQ(paged["matrix_bytes"], whole["matrix_bytes"]);
  for (const char* algorithm : {"standard", "memory-efficient", "flash1", "decode --seqlen-q 1"}) {
    expect_closed_is_metered(io_json(asked + " --page-size 7 --algorithm " + algorithm));
  }
  EXPECT_THAT(io_refusal(asked + " --page-size 16 --pass backward"), HasSubstr("--page-size: got 16"));
  EXPECT_THAT(io_refusal("--seqlen 64 --page-size 16 --algorithm softmax-online"), HasSubstr("pages"));
  EXPECT_THAT(io_refusal("--page-size 16 --seqlen 1G --bc 1 --br 1"), HasSubstr("--page-size: got 16"));
}

const std::string kGpt2Medium = "--batch 64 --heads 16 --seqlen 1024 --dim 64 --dtype fp16 --pass both ";

// FlashAttention, Figure 2 left, GPT-2 medium: the paper prints 40.3 GB for standard attention, 4.4 GB for
// its own.
TEST(Io, Figure2OfFlashAttention) {
  constexpr std::int64_t n = 1024, d = 64, heads = 64 * 16, fp16 = 2;
  const json with_masks = io_json("--algorithm standard --mask --dropout 0.1 " + kGpt2Medium);
  EXPECT_EQ(with_masks["matrix_bytes"], (18 * n * n + 12 * n * d) * heads * fp16);
  EXPECT_EQ(with_masks["matrix_bytes"], 40265318400);
  expect_closed_is_metered(with_masks);

  const json without = io_json("--algorithm standard " + kGpt2Medium);
  EXPECT_EQ(without["matrix_bytes"], (11 * n * n + 12 * n * d) * heads * fp16);
  EXPECT_EQ(without["matrix_bytes"], 25232932864);
  expect_closed_is_metered(without);

  const json flash = io_json("--algorithm flash1 --br 32 --bc 256 " + kGpt2Medium);
  EXPECT_EQ(flash["matrix_bytes"], 33 * n * d * heads * fp16);
  EXPECT_EQ(flash["matrix_bytes"], 4429185024);
  expect_closed_is_metered(flash);
}

TEST(Io, JsonHoldsWhatIsPromised) {
  const json answer =
      io_json("--seqlen 256 --heads 4 --kv-heads 2 --causal --pass both --dtype bf16 --device h100");
  for (const char* count : {"hbm_read_bytes", "hbm_write_bytes", "metered_read_bytes", "metered_write_bytes",
                            "sram_peak_bytes", "flops"}) {
    EXPECT_TRUE(answer[count].is_number_unsigned()) << count;
    EXPECT_GT(answer[count], 0) << count;
  }
  EXPECT_GT(answer["time_roofline_us"], 0);
  std::uint64_t read = 0, written = 0;
  for (const auto& [tensor, bytes] : answer["by_tensor"].items()) {
    read += bytes["read_bytes"].get<std::uint64_t>();
    written += bytes["write_bytes"].get<std::uint64_t>();
  }
  EXPECT_EQ(answer["hbm_read_bytes"], read);
  EXPECT_EQ(answer["hbm_write_bytes"], written);
  EXPECT_TRUE(answer["by_tensor"].contains("dQ"));
  EXPECT_LE(answer["sram_peak_elements"], answer["sram_elements"]);
  EXPECT_EQ(answer["problem"]["num_kv_heads"], 2);
}

TEST(Io, EveryAlgorithmAndOptionClosedIsMetered) {
  const std::vector<std::string> options = {
      "--seqlen 200 --causal",
      "--seqlen-q 77 --seqlen-kv 130 --heads 6 --kv-heads 2 --window 20,5 --dim 24 --dim-v 40",
      "--seqlen 150 --softcap 20 --alibi --heads 4 --sinks 0.5,-1,2,0",
      "--seqlen 100 --boolean-mask --bias --dropout 0.2 --dropout-seed 7",
      "--seqlen 100 --batch 3 --kv-lens 100,0,31 --q-lens 9,100,64",
      "--cu-seqlens-q 0,50,51,120 --cu-seqlens-kv 0,10,90,90 --window -1,3",
      "--seqlen 129 --sram 20k --dtype fp32",
      "--seqlen 129 --br 7 --bc 19",
      "--seqlen-q 1 --seqlen-kv 333",
      "--seqlen 0",
  };
  for (const auto& algorithm : attnlab::attention::algorithms()) {
    for (const std::string& option : options) {
      SCOPED_TRACE(std::string(algorithm.name) + " " + option);
      expect_closed_is_metered(io_json(passes_of(algorithm) + option + " --algorithm " + algorithm.name));
    }
  }
  const json half = io_json("--algorithm blocksparse --density 50% --seqlen 512 --br 32 --bc 32 --pass both");
  expect_closed_is_metered(half);
  EXPECT_LT(half["hbm_read_bytes"],
            io_json("--algorithm blocksparse --seqlen 512 --br 32 --bc 32 --pass both")["hbm_read_bytes"]);
}

// FlashAttention-2 forward reads Q once, and K and V once per row block.
TEST(Io, CountsBeyond64BitsStayExactIntegers) {
  const std::string text = io_text("--seqlen 1G --batch 1M --json", kOneGiB);
  const json answer = json::parse(text);
  const attnlab::io::Count n = attnlab::io::Count{1} << 30, batch = 1 << 20, row = 64 * 2;
  const attnlab::io::Count row_blocks = n / answer["tiles"]["forward"]["br"].get<std::uint64_t>();
  const auto holds = [&](const std::string& key, attnlab::io::Count count) {
    EXPECT_THAT(text, HasSubstr("\"" + key + "\": " + attnlab::io::to_string(count) + ",\n"));
  };
  holds("hbm_read_bytes", batch * (n * row + 2 * row_blocks * n * row));
  holds("hbm_write_bytes", batch * (n * row + n * 4));
  holds("flops", batch * 4 * n * n * 64);
  EXPECT_TRUE(answer["metered_read_bytes"].is_null());
  EXPECT_TRUE(answer["metered_write_bytes"].is_null());
  EXPECT_THAT(io_text("--seqlen 1G --batch 1M"), HasSubstr("too large to run"));
}

TEST(Io, AGigaTokenAnswersWithoutAllocating) {
  for (const auto& algorithm : attnlab::attention::algorithms()) {
    for (const char* mask :
         {"", " --causal", " --window 4k,0", " --boolean-mask --bias", " --heads 1k --kv-heads 8"}) {
      const json answer =
          io_json(passes_of(algorithm) + "--seqlen 1G --algorithm " + algorithm.name + mask, kOneGiB);
      EXPECT_TRUE(answer["metered_read_bytes"].is_null()) << algorithm.name << mask;
      EXPECT_GT(answer["hbm_read_bytes"], 1e18 / 1e9) << algorithm.name << mask;
    }
  }
}

TEST(Io, TextHoldsTheSameNumbers) {
  const json answer = io_json("--seqlen 300 --heads 2");
  const std::string text = io_text("--seqlen 300 --heads 2");
  EXPECT_THAT(text,
              AllOf(HasSubstr("FlashAttention-2, forward"), HasSubstr("equal"), HasSubstr("a100-40gb")));
  std::string read = std::to_string(answer["hbm_read_bytes"].get<std::uint64_t>());
  for (std::size_t at = read.size(); at > 3;) read.insert(at -= 3, ",");
  EXPECT_THAT(text, HasSubstr("closed form"));
  EXPECT_THAT(text, HasSubstr(" " + read + " "));
}

class IoFiles : public TemporaryFolder {};

TEST_F(IoFiles, AUsersDeviceDecidesSramAndTime) {
  json device;
  std::ifstream(ATTNLAB_SOURCE_DIR "/simulator/device/data/a100-40gb.json") >> device;
  device["name"] = "mine";
  device["sram_bytes_per_sm"] = 64 << 10;
  device["shared_bytes_per_sm"] = 64 << 10;
  device["shared_bytes_per_block"] = 48 << 10;
  device["hbm_bandwidth"] = 1e9;
  put(path("mine.json"), device.dump());
  const json mine = io_json("--seqlen 1k --algorithm standard --device " + path("mine.json").string());
  EXPECT_EQ(mine["sram_elements"], 32 << 10);
  EXPECT_EQ(mine["bound"], "memory");
  EXPECT_DOUBLE_EQ(mine["time_roofline_us"], mine["hbm_bytes"].get<double>() / 1e9 * 1e6);
  device.erase("sms");
  put(path("broken.json"), device.dump());
  EXPECT_THAT(io_refusal("--seqlen 1k --device " + path("broken.json").string()),
              AllOf(HasSubstr("broken.json"), HasSubstr("sms: missing")));
  EXPECT_THAT(io_refusal("--seqlen 1k --device " + path("absent.json").string()), HasSubstr("no such file"));
}

TEST(Io, SramTooSmallNamesTheNeed) {
  EXPECT_THAT(io_refusal("--seqlen 1k --sram 1k --br 64 --bc 64"),
              ContainsRegex("--sram: got 1k, expected at least [0-9]+ bytes for tiles of 64 x 64"));
  EXPECT_THAT(io_refusal("--seqlen 1k --sram 1"),
              ContainsRegex("--sram: got 1, expected at least [0-9]+ bytes"));
  EXPECT_THAT(io_refusal("--seqlen 1k --sram 0"), HasSubstr("--sram: got '0', expected at least 1"));
  // The need that is named is enough, and one element less is not.
  const std::string least = io_refusal("--seqlen 1k --sram 100");
  std::smatch found;
  ASSERT_TRUE(
      std::regex_search(least, found, std::regex("--sram: got 100, expected at least ([0-9]+) bytes")));
  const int bytes = std::stoi(found[1]);
  EXPECT_EQ(io_json("--seqlen 1k --sram " + std::to_string(bytes))["sram_peak_bytes"], bytes);
  io_refusal("--seqlen 1k --sram " + std::to_string(bytes - 1));
}

TEST(Io, Refusals) {
  EXPECT_THAT(io_refusal(""), HasSubstr("--seqlen-q: got nothing"));
  EXPECT_THAT(io_refusal("--seqlen-q 5"), HasSubstr("--seqlen-kv: got nothing"));
  const std::string some = "--seqlen 128 ";
  EXPECT_THAT(io_refusal(some + "--algorithm flash9"),
              AllOf(HasSubstr("got flash9"), HasSubstr("flash1-literal")));
  EXPECT_THAT(io_refusal(some + "--device h1000"), AllOf(HasSubstr("'h1000'"), HasSubstr("h100-sxm")));
  EXPECT_THAT(io_refusal(some + "--pass sideways"), HasSubstr("--pass: got sideways"));
  EXPECT_THAT(io_refusal(some + "--dtype fp12"), HasSubstr("fp12"));
  EXPECT_THAT(io_refusal(some + "--dtype int8"), HasSubstr("got int8, expected a floating-point type"));
  EXPECT_THAT(io_refusal(some + "--dtype fp8 --device a100"), HasSubstr("got fp8"));
  EXPECT_THAT(io_refusal(some + "--heads 12 --kv-heads 5"), HasSubstr("--kv-heads: got 5"));
  EXPECT_THAT(io_refusal(some + "--heads 0"), HasSubstr("--heads: got '0', expected at least 1"));
  EXPECT_THAT(io_refusal(some + "--batch 0"), HasSubstr("batch: got 0"));
  EXPECT_THAT(io_refusal(some + "--dim 0"), HasSubstr("--dim: got '0', expected at least 1"));
  EXPECT_THAT(io_refusal(some + "--br 0"), HasSubstr("--br: got '0'"));
  EXPECT_THAT(io_refusal(some + "--bc 0"), HasSubstr("--bc: got '0'"));
  EXPECT_THAT(io_refusal(some + "--br 2G"), HasSubstr("--br: got 2G"));
  EXPECT_THAT(io_refusal(some + "--window 5"), HasSubstr("--window: got 5, expected LEFT,RIGHT"));
  EXPECT_THAT(io_refusal(some + "--window=-2,5"), HasSubstr("--window: got '-2'"));
  EXPECT_THAT(io_refusal(some + "--scale nan"), HasSubstr("--scale: got nan"));
  EXPECT_THAT(io_refusal(some + "--scale x"), HasSubstr("--scale"));
  EXPECT_THAT(io_refusal(some + "--softcap -1"), HasSubstr("softcap"));
  EXPECT_THAT(io_refusal(some + "--dropout 1"), HasSubstr("dropout"));
  EXPECT_THAT(io_refusal(some + "--dropout-offset 4G"), HasSubstr("--dropout-offset"));
  EXPECT_THAT(io_refusal(some + "--sinks 1,2"), HasSubstr("sinks: got 2 sinks"));
  EXPECT_THAT(io_refusal(some + "--sinks 1x"), HasSubstr("--sinks: got '1x'"));
  EXPECT_THAT(io_refusal(some + "--kv-lens 1,2"), HasSubstr("--kv-lens: got 2 lengths"));
  EXPECT_THAT(io_refusal(some + "--kv-lens 129"), HasSubstr("--kv-lens[0]: got 129"));
  EXPECT_THAT(io_refusal(some + "--kv-lens a"), HasSubstr("--kv-lens: got 'a'"));
  EXPECT_THAT(io_refusal(some + "--q-lens 129"), HasSubstr("--q-lens[0]: got 129"));
  EXPECT_THAT(io_refusal("--cu-seqlens-q 0,5"), HasSubstr("--seqlen-kv: got nothing"));
  EXPECT_THAT(io_refusal(some + "--cu-seqlens-q 0,5"), HasSubstr("--cu-seqlens-kv: got nothing"));
  EXPECT_THAT(io_refusal(some + "--cu-seqlens-q 0,5 --cu-seqlens-kv 0,200"),
              HasSubstr("--cu-seqlens-kv[1]: got 200"));
  EXPECT_THAT(io_refusal(some + "--cu-seqlens-q 0,5,3 --cu-seqlens-kv 0,5,6"),
              HasSubstr("--cu-seqlens-q[2]: got 3"));
  EXPECT_THAT(io_refusal(some + "--density 50%"), HasSubstr("--density: got 0.5, expected 1 unless"));
  EXPECT_THAT(io_refusal(some + "--density 150% --algorithm blocksparse"),
              HasSubstr("--density: got '150%'"));
  EXPECT_THAT(io_refusal("--seqlen 1G --density 50% --algorithm blocksparse"), HasSubstr("2^30 tiles"));
  EXPECT_THAT(io_refusal("--seqlen 2G"), HasSubstr("--seqlen: got 2G, expected at most 1G"));
  EXPECT_THAT(io_refusal("--seqlen 99999999T"), HasSubstr("--seqlen: got '99999999T'"));
  EXPECT_THAT(io_refusal("--seqlen -5"), HasSubstr("--seqlen: got '-5'"));
  EXPECT_THAT(io_refusal("--seqlen 1.5"), HasSubstr("--seqlen: got '1.5'"));
  EXPECT_THAT(io_refusal("--seqlen 1G --batch 1G --heads 1G"), HasSubstr("at most 2^112"));
  EXPECT_THAT(io_refusal(some + "--alibi --heads 1G"), HasSubstr("--alibi"));
  EXPECT_THAT(io_refusal(some + "--bogus"), HasSubstr("--bogus"));
  EXPECT_THAT(io_refusal(some + "stray"), HasSubstr("stray"));
  EXPECT_THAT(refusal_of(""), HasSubstr("command: got nothing"));
}

}  // namespace
