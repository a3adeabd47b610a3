// Are the shipped devices complete, sourced and consistent with the papers' figures, and is a wrong file of
// the user's refused by name?
#include "simulator/device/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "reference/core/data_dir.h"
#include "reference/core/errors.h"

namespace {

using attnlab::FileError;
using attnlab::InvalidArgument;
using namespace attnlab::device;
using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const Device& device : list()) names.push_back(device.name);
  return names;
}

// The text of a shipped file, the line of one key replaced.
std::string with_line(const std::string& key, const std::string& replacement) {
  std::ifstream file(attnlab::data_dir("simulator/device/data") / "a100-40gb.json");
  std::string text;
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    const bool here = line.find('"' + key + "\":") != std::string::npos;
    found = found || here;
    text += (here ? replacement : line) + "\n";
  }
  EXPECT_TRUE(found) << key;
  return text;
}

class UserFile : public testing::Test {
 protected:
  UserFile()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("attnlab_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
               ".json")) {}
  ~UserFile() override { std::filesystem::remove(path_); }

  Device load_text(const std::string& text) {
    std::ofstream(path_) << text;
    return load(path_.string());
  }

  std::string refusal(const std::string& text) {
    try {
      load_text(text);
    } catch (const FileError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      return error.what();
    }
    return "accepted";
  }

  std::filesystem::path path_;
};

TEST(Devices, AllShipAndAreFoundByNameAndAlias) {
  EXPECT_THAT(names(), ElementsAre("a100-40gb", "a100-80gb", "b200", "h100-sxm", "h200", "rtx4090"));
  EXPECT_EQ(load("a100").name, "a100-40gb");
  EXPECT_EQ(load("h100").name, "h100-sxm");
  EXPECT_EQ(load("4090").name, "rtx4090");
  for (const std::string& name : names()) EXPECT_EQ(load(name).name, name);
}

TEST(Devices, EveryFigureHasASource) {
  for (const Device& device : list()) {
    EXPECT_EQ(device.sources.size(), 13 + device.tensor_flops.size() + device.vector_flops.size())
        << device.name;
    for (const auto& [figure, source] : device.sources)
      EXPECT_GT(source.size(), 10u) << device.name << figure;
  }
}

// fa1_memory_hierarchy: the figures that the FlashAttention papers print for their GPUs.
TEST(Devices, AgreeWithTheFlashAttentionPapers) {
  const Device a100 = load("a100-40gb");
  EXPECT_EQ(a100.sms, 108u);
  EXPECT_EQ(a100.sram_bytes_per_sm, 192u * 1024);
  EXPECT_NEAR(static_cast<double>(a100.sms * a100.sram_bytes_per_sm), 20e6, 1.3e6);  // "20 MB"
  EXPECT_NEAR(a100.hbm_bandwidth, 1.5e12, 0.06e12);                                  // "1.5 TB/s"
  EXPECT_EQ(a100.tensor_flops.at(Arithmetic::fp16), 312e12);                         // FlashAttention-2
  EXPECT_EQ(a100.vector_flops.at(Arithmetic::fp32), 19.5e12);
  EXPECT_NEAR(load("a100-80gb").hbm_bandwidth, 2.0e12, 0.04e12);  // "2.0 TB/s"

  const Device h100 = load("h100-sxm");  // FlashAttention-3, Table 1 and section 3.1
  EXPECT_EQ(h100.hbm_bytes, std::uint64_t{80} << 30);
  EXPECT_NEAR(h100.hbm_bandwidth, 3.35e12, 0.005e12);
  EXPECT_EQ(h100.l2_bytes, 50u << 20);
  EXPECT_EQ(h100.shared_bytes_per_sm, 228u << 10);
  EXPECT_EQ(h100.register_bytes_per_sm, 256u << 10);
  EXPECT_NEAR(h100.tensor_flops.at(Arithmetic::fp16), 989e12, 0.5e12);
  EXPECT_NEAR(h100.exp_rate, 3.9e12, 0.05e12);
  EXPECT_NEAR(128.0 * static_cast<double>(h100.sms) * h100.clock_hz, 31e12,
              0.1e12);  // shared memory, "31 TB/s"
}

// 16 special functions a clock and SM on all of them; a warp is 32 threads; fp16 and bf16 multiply alike.
TEST(Devices, AreConsistent) {
  for (const Device& device : list()) {
    EXPECT_DOUBLE_EQ(device.exp_rate, 16.0 * static_cast<double>(device.sms) * device.clock_hz)
        << device.name;
    EXPECT_EQ(device.threads_per_sm, 32 * device.warps_per_sm) << device.name;
    EXPECT_EQ(device.tensor_flops.at(Arithmetic::fp16), device.tensor_flops.at(Arithmetic::bf16))
        << device.name;
    EXPECT_NEAR(device.tensor_flops.at(Arithmetic::fp16) / device.tensor_flops.at(Arithmetic::tf32), 2, 0.01)
        << device.name;
    EXPECT_EQ(device.register_bytes_per_sm, 256u << 10) << device.name;
  }
  EXPECT_FALSE(load("a100").tensor_flops.contains(Arithmetic::fp8));
}

TEST(Devices, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  try {
    load("a1000");
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("device: got 'a1000'"), HasSubstr("a100-40gb (or a100)"),
                                    HasSubstr("rtx4090"), HasSubstr(".json")));
  }
  EXPECT_THROW(load(""), InvalidArgument);
  EXPECT_THROW(load("no/such/file.json"), FileError);
  EXPECT_THROW(load("/tmp"), FileError);
}

TEST_F(UserFile, AFigureMayBeAPlainNumber) {
  const Device device = load_text(with_line("sms", "\"sms\": 7,"));
  EXPECT_EQ(device.sms, 7u);
  EXPECT_FALSE(device.sources.contains("sms"));
  EXPECT_EQ(load_text(with_line("hbm_bandwidth", "\"hbm_bandwidth\": 2e12,")).hbm_bandwidth, 2e12);
  EXPECT_EQ(load_text(with_line("hbm_bytes", "\"hbm_bytes\": 4e10,")).hbm_bytes, 40000000000u);
}

TEST_F(UserFile, AWrongFigureIsRefusedByName) {
  for (const char* value :
       {"0", "-108", "1.5", "\"108\"", "null", "[]", "{}", "{\"value\": 108}", "1e30", "true",
        "{\"value\": 0, \"source\": \"x\"}", "{\"value\": 1, \"source\": \"x\", \"unit\": \"B\"}"}) {
    EXPECT_THAT(refusal(with_line("sms", std::string("\"sms\": ") + value + ",")), HasSubstr("sms")) << value;
  }
  for (const char* value : {"0", "-1e12", "\"fast\"", "1e999", "null"}) {
    EXPECT_THAT(refusal(with_line("hbm_bandwidth", std::string("\"hbm_bandwidth\": ") + value + ",")),
                AnyOf(HasSubstr("hbm_bandwidth"), HasSubstr("number overflow")))
        << value;
  }
  EXPECT_THAT(refusal(with_line("tf32", "\"tf32\": -1,")), HasSubstr("tensor_flops.tf32: got -1"));
}

TEST_F(UserFile, MissingUnknownAndRepeatedKeysAreRefused) {
  for (const char* key :
       {"name", "description", "hbm_bytes", "hbm_bandwidth", "l2_bytes", "sms", "clock_hz",
        "sram_bytes_per_sm", "shared_bytes_per_sm", "shared_bytes_per_block", "register_bytes_per_sm",
        "threads_per_sm", "warps_per_sm", "interconnect_bandwidth", "exp_rate"}) {
    EXPECT_THAT(refusal(with_line(key, "")), HasSubstr(std::string(key) + ": missing"));
  }
  EXPECT_THAT(refusal(with_line("fp32", "")), HasSubstr("vector_flops.fp32: missing"));
  EXPECT_THAT(refusal(with_line("sms", "\"sms\": 1, \"cores\": 2,")), HasSubstr("cores: unknown key"));
  EXPECT_THAT(refusal(with_line("tf32", "\"tf33\": 1,")), HasSubstr("tensor_flops.tf33: unknown key"));
  EXPECT_THAT(refusal(with_line("sms", "\"sms\": 1, \"sms\": 2,")), HasSubstr("\"sms\" is given twice"));
}

TEST_F(UserFile, ContradictionsAreRefused) {
  EXPECT_THAT(refusal(with_line("shared_bytes_per_sm", "\"shared_bytes_per_sm\": 200000,")),
              HasSubstr("shared_bytes_per_sm: more than"));
  EXPECT_THAT(refusal(with_line("shared_bytes_per_block", "\"shared_bytes_per_block\": 170000,")),
              HasSubstr("shared_bytes_per_block: more than"));
  EXPECT_THAT(refusal(with_line("warps_per_sm", "\"warps_per_sm\": 4096,")),
              HasSubstr("warps_per_sm: more than"));
}

TEST_F(UserFile, WhatIsNotADeviceIsRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"name\": "), HasSubstr("syntax error at byte"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("expected a JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("name: missing"));
}

}  // namespace
