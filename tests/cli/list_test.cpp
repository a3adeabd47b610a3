// Does `attnlab list` show everything that the registries hold, as lines that fit a terminal and as JSON?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "cuda/host/registry.h"
#include "oracle/mistakes.h"
#include "oracle/rules.h"
#include "reference/cards/model_card.h"
#include "reference/cards/sizing.h"
#include "simulator/device/device.h"
#include "simulator/io/registry.h"
#include "simulator/memory/attention_launches.h"
#include "tests/cli/refusal.h"

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string listed(const std::string& arguments) {
  const Outcome outcome = attnlab_program("list " + arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

TEST(List, ShowsEveryNameInLinesOf100) {
  const std::string text = listed("");
  for (const auto& algorithm : attnlab::io::registry()) EXPECT_THAT(text, HasSubstr(algorithm.name));
  for (const auto& device : attnlab::device::list()) {
    EXPECT_THAT(text, HasSubstr("\n" + device.name + " "));
    for (const std::string& alias : device.aliases) EXPECT_THAT(text, HasSubstr(alias));
  }
  for (const auto& card : attnlab::cards::list()) {
    EXPECT_THAT(text, HasSubstr("\n" + card.name + " "));
    for (const std::string& alias : card.aliases) EXPECT_THAT(text, HasSubstr(alias));
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(List, OnePartAtATime) {
  EXPECT_THAT(listed("algorithms"),
              AllOf(HasSubstr("flash2"), Not(HasSubstr("h100")), Not(HasSubstr("llama"))));
  EXPECT_THAT(listed("devices"), AllOf(HasSubstr("h100"), Not(HasSubstr("flash2")), Not(HasSubstr("llama"))));
  EXPECT_THAT(listed("models"),
              AllOf(HasSubstr("llama3-70b"), Not(HasSubstr("flash2")), Not(HasSubstr("h100"))));
  std::string all;
  for (const char* part :
       {"algorithms", "kernels", "devices", "models", "experiments", "lessons", "labs", "mistakes", "rules"})
    all += (all.empty() ? "" : "\n") + listed(part);
  EXPECT_EQ(listed(""), all);
}

TEST(List, JsonHoldsTheRegistries) {
  const json all = json::parse(listed("--json"));
  ASSERT_EQ(all["algorithms"].size(), attnlab::io::registry().size());
  for (const json& row : all["algorithms"]) {
    const auto& entry = attnlab::io::find(row["name"].get<std::string>());
    EXPECT_EQ(row["title"], entry.title);
    EXPECT_EQ(row["paper"], entry.paper);
    EXPECT_EQ(row["block_mask"], entry.block_mask);
    EXPECT_EQ(row["passes"].size(), entry.backward ? 2u : 1u);
    const bool replayed = entry.attention && attnlab::memory::has_launches(*entry.attention);
    EXPECT_EQ(row["commands"].size(), 1u + entry.attention.has_value() + replayed);
    EXPECT_EQ(row["missing"].size(), 2u - entry.backward - replayed);
  }
  ASSERT_EQ(all["devices"].size(), attnlab::device::list().size());
  for (const json& row : all["devices"]) {
    const auto device = attnlab::device::load(row["name"]);
    EXPECT_EQ(row["hbm_bytes"], device.hbm_bytes);
    EXPECT_EQ(row["hbm_bandwidth"], device.hbm_bandwidth);
    EXPECT_EQ(row["sram_bytes_per_sm"], device.sram_bytes_per_sm);
    EXPECT_EQ(row["tensor_flops"]["fp16"], device.tensor_flops.at(attnlab::device::Arithmetic::fp16));
    EXPECT_EQ(row["sources"].size(), device.sources.size());
  }
  const auto cards = attnlab::cards::list();
  ASSERT_EQ(all["models"].size(), cards.size());
  for (std::size_t n = 0; n < cards.size(); ++n) {
    EXPECT_EQ(all["models"][n]["name"], cards[n].name);
    EXPECT_EQ(all["models"][n]["elements_per_token"], attnlab::cards::elements_per_token(cards[n]));
    EXPECT_EQ(all["models"][n]["source"], cards[n].source);
  }
  ASSERT_EQ(all["kernels"].size(), attnlab::cuda::kernels().size());
  for (const json& row : all["kernels"]) {
    const auto& kernel = attnlab::cuda::find_kernel(row["name"].get<std::string>());
    EXPECT_EQ(row["pass"], attnlab::cuda::name(kernel.pass));
    EXPECT_EQ(row["family"], attnlab::cuda::name(kernel.family));
    EXPECT_EQ(row["algorithm"].is_null(), kernel.algorithm == nullptr);
    EXPECT_EQ(row["operands"].size(), kernel.operands.size());
    EXPECT_EQ(row["head_dims"].size(), kernel.needs.head_dims.size());
    EXPECT_EQ(row["dtypes"].size(), kernel.needs.dtypes.size());
    EXPECT_EQ(row["min_compute_capability"], "8.0");
    EXPECT_EQ(row["files"][0], kernel.file);
  }
  const json devices = json::parse(listed("devices --json"));
  EXPECT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices["devices"], all["devices"]);
}

TEST(List, MistakesAndRulesAreTheOracles) {
  const json all = json::parse(listed("--json"));
  ASSERT_EQ(all["mistakes"].size(), attnlab::oracle::mistakes().size());
  EXPECT_EQ(all["mistakes"][0]["name"], attnlab::oracle::mistakes()[0].name);
  ASSERT_EQ(all["rules"].size(), attnlab::oracle::rules().size());
  EXPECT_EQ(all["rules"][0]["source"], attnlab::oracle::rules()[0].source);
}

TEST(List, ExperimentsAndLessonsAreWhatTheirFoldersHold) {
  const json all = json::parse(listed("--json"));
  for (const char* part : {"experiments", "lessons", "labs"}) {
    for (const json& row : all[part]) {
      EXPECT_TRUE(std::filesystem::exists(ATTNLAB_SOURCE_DIR "/" + row["path"].get<std::string>())) << row;
    }
  }
  ASSERT_FALSE(all["lessons"].empty());
  EXPECT_EQ(all["lessons"][0]["name"], "01_is_my_kernel_right");
  EXPECT_EQ(all["lessons"][0]["title"], "1. Is my kernel right?");
}

TEST(List, Refusals) {
  EXPECT_THAT(refusal_of("list planets"), HasSubstr("list: got 'planets', expected algorithms, kernels"));
  EXPECT_THAT(refusal_of("list models devices"), HasSubstr("devices"));
  EXPECT_THAT(refusal_of("list --bogus"), HasSubstr("--bogus"));
  EXPECT_THAT(refusal_of("frob"), HasSubstr("command: got frob, expected one of battery, cc, check, "
                                            "convert-gqa, demo, emulate, experiment, grade, io"));
}

}  // namespace
