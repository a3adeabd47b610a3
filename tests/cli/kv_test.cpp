// Does `attnlab kv` say the right sizes as text, JSON and files, and refuse in one line with exit code 2?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/cli/program.h"

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

json kv_json(const std::string& arguments) {
  const Outcome outcome = attnlab_program("kv --json " + arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return json::parse(outcome.out);
}

// One line on stderr, nothing on stdout, exit code 2.
std::string kv_refusal(const std::string& arguments) {
  const Outcome outcome = attnlab_program("kv " + arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments << ": " << outcome.out;
  EXPECT_EQ(outcome.out, "") << arguments;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("attnlab: ")) << outcome.err;
  return outcome.err;
}

class KvFiles : public testing::Test {
 protected:
  KvFiles()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("attnlab_kv_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~KvFiles() override { std::filesystem::remove_all(path_); }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

  std::filesystem::path path_;
};

TEST(Kv, SizesOfLlama3_70B) {
  const json result = kv_json("--model llama3-70b --context 128k --batch 8 --dtype bf16 --memory 80GB");
  EXPECT_EQ(result["model"], "llama3-70b");
  EXPECT_EQ(result["mechanism"], "GQA");
  EXPECT_EQ(result["context"], 131072);
  EXPECT_EQ(result["elements_per_token"], 163840);
  EXPECT_EQ(result["bytes_per_token"], 327680);
  EXPECT_EQ(result["bytes_per_token_per_layer"], 4096);
  EXPECT_EQ(result["sequence_bytes"], 42949672960);
  EXPECT_EQ(result["total_bytes"], 343597383680);
  EXPECT_EQ(result["weights_bytes"], 141107412992);
  EXPECT_EQ(result["memory_bytes"], 80000000000);
  EXPECT_EQ(result["weights_fit"], false);
  EXPECT_EQ(result["max_batch"], 0);
  EXPECT_EQ(result["max_context"], 0);
  for (const char* count : {"bytes_per_token", "total_bytes", "weights_bytes", "max_batch", "max_context"}) {
    EXPECT_TRUE(result[count].is_number_integer()) << count;
  }
}

// 8 GPUs of 80 GB, 10 % kept: 72e9 - 141107412992 / 8 bytes for one KV head's 40 KiB a token.
TEST(Kv, LimitsOverSeveralGpus) {
  const json result =
      kv_json("--model llama3-70b --context 128k --batch 8 --memory 80GB --gpus 8 --reserve 10%");
  EXPECT_EQ(result["reserve_bytes"], 8000000000);
  EXPECT_EQ(result["weights_bytes_per_gpu"], 17638426624);
  EXPECT_EQ(result["available_bytes_per_gpu"], 54361573376);
  EXPECT_EQ(result["total_bytes_per_gpu"], 343597383680 / 8);
  EXPECT_EQ(result["max_batch"], 54361573376 / (40960ll * 131072));
  EXPECT_EQ(result["max_context"], 54361573376 / (40960ll * 8));
  EXPECT_EQ(result,
            kv_json("--model llama3-70b --context 131072 --batch 8 --memory 80GB --gpus 8 --reserve 8GB"));
}

TEST(Kv, TypesScalesAndDevices) {
  EXPECT_EQ(kv_json("--model llama3-8b --dtype fp8")["bytes_per_token"], 65536);
  EXPECT_EQ(kv_json("--model llama3-8b --dtype int4")["bytes_per_token"], 32768);
  EXPECT_EQ(kv_json("--model llama3-8b --dtype int4 --group-size 32")["bytes_per_token"],
            32768 + 2 * 65536 / 32);
  EXPECT_EQ(kv_json("--model llama3-8b --dtype int4 --group-size 32 --scale-dtype fp32")["bytes_per_token"],
            32768 + 4 * 65536 / 32);
  EXPECT_EQ(kv_json("--model llama3-8b --weights-dtype int4 --weights-group-size 128")["weights_bytes"],
            8030261248 / 2 + 8030261248 / 128 * 2);
  EXPECT_EQ(kv_json("--model llama3-8b --device h100")["memory_bytes"], 85899345920);
  const json mistral = kv_json("--model mistral-7b --memory 24GiB");
  EXPECT_TRUE(mistral["max_context"].is_null());  // every layer keeps a window only
  EXPECT_EQ(mistral["window"], 4096);
  const json deepseek = kv_json("--model deepseek-v2");
  EXPECT_EQ(deepseek["elements_per_token"], 34560);
  EXPECT_EQ(deepseek["kv_lora_rank"], 512);
  EXPECT_TRUE(deepseek["kv_heads"].is_null());
  EXPECT_TRUE(deepseek["max_batch"].is_null());  // no memory was given
}

// An RTX 4090 with Llama-3.1 8B under vLLM 0.19, 90 % of the memory given to it: 2,588 blocks, where the memory less
// the weights says 3,400.
TEST(Kv, BlocksThatAnEngineReallyHas) {
  const std::string asked = "--model llama3-8b --memory 24GiB --reserve 10% --context 4096";
  const json by_memory = kv_json(asked);
  EXPECT_EQ(by_memory["blocks_by_memory"], 3400);
  EXPECT_EQ(by_memory["num_gpu_blocks"], nullptr);
  const json engine = kv_json(asked + " --num-gpu-blocks 2588");
  EXPECT_EQ(engine["blocks_by_memory"], 3400);
  EXPECT_EQ(engine["max_batch"], 2588 / 256);
  EXPECT_EQ(engine["max_context"], 2588 * 16);
  EXPECT_NEAR(engine["unknown_bytes_per_gpu"].get<double>(), (3400 - 2588) * 2097152.0, 2097152);
  EXPECT_THAT(
      attnlab_program("kv " + asked + " --num-gpu-blocks 2588").out,
      AllOf(HasSubstr("in blocks"), HasSubstr("3,400"), HasSubstr("the engine has"), HasSubstr("2,588")));
  EXPECT_THAT(kv_refusal("--model llama3-8b --num-gpu-blocks 5"), HasSubstr("memory"));
  EXPECT_THAT(kv_refusal(asked + " --num-gpu-blocks 99999"), HasSubstr("--num-gpu-blocks: got 99999"));
}

TEST(Kv, TextNamesUnitsAndVerdict) {
  const Outcome fits = attnlab_program("kv --model llama3-8b --context 8k --batch 4 --memory 24GB");
  EXPECT_EQ(fits.exit_code, 0);
  EXPECT_THAT(fits.out,
              AllOf(HasSubstr("128.00 KiB (131.07 kB)"), HasSubstr("22.35 GiB (24.00 GB)"),
                    HasSubstr("it fits"), HasSubstr("8,030,261,248 parameters"), HasSubstr("arXiv")));
  const Outcome too_large = attnlab_program("kv --model llama3-70b --memory 80GB");
  EXPECT_THAT(too_large.out, HasSubstr("The weights do not fit: it takes --gpus 2"));
  const Outcome hopeless = attnlab_program("kv --model llama3-70b --memory 1GB");
  EXPECT_THAT(hopeless.out, HasSubstr("do not fit on any number of GPUs"));
  const Outcome reserve = attnlab_program("kv --model llama3-70b --memory 1GB --reserve 2GB");
  EXPECT_THAT(reserve.out, HasSubstr("The weights and the reserve do not fit on any number"));
}

TEST_F(KvFiles, AConfigJsonIsReadAndAsksForParametersOnlyWithAMemory) {
  const std::string config = file("config.json", R"({"model_type": "llama", "hidden_size": 4096,
      "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8})");
  const json result = kv_json("--config " + config);
  EXPECT_EQ(result["bytes_per_token"], 131072);
  EXPECT_TRUE(result["weights_bytes"].is_null());
  EXPECT_EQ(kv_json("--config " + config + " --memory 80GB --parameters 8030261248")["max_batch"],
            kv_json("--model llama3-8b --memory 80GB")["max_batch"]);
  EXPECT_EQ(kv_json("--config " + config + " --memory 1GiB --parameters 0")["max_context"], 8192);
  EXPECT_THAT(kv_refusal("--config " + config + " --memory 80GB"), HasSubstr("--parameters: got nothing"));
  EXPECT_THAT(kv_refusal("--config " + file("bad.json", "{\"model_type\": \"llama\"}")),
              HasSubstr("bad.json: hidden_size: missing"));
  EXPECT_THAT(kv_refusal("--config " + config + " --model llama3-8b"), HasSubstr("--config"));
}

TEST(Kv, Refusals) {
  EXPECT_THAT(kv_refusal(""), HasSubstr("--model: got nothing"));
  EXPECT_THAT(kv_refusal("--model lama3-70b"), AllOf(HasSubstr("'lama3-70b'"), HasSubstr("llama3-70b")));
  EXPECT_THAT(kv_refusal("--config /no/such/config.json"), HasSubstr("/no/such/config.json: no such file"));
  const std::string model = "--model llama3-8b ";
  EXPECT_THAT(kv_refusal(model + "--context -1"), HasSubstr("--context: got '-1'"));
  EXPECT_THAT(kv_refusal(model + "--context 0"), HasSubstr("context: got 0"));
  EXPECT_THAT(kv_refusal(model + "--context 99999999T"), HasSubstr("2^64"));
  EXPECT_THAT(kv_refusal(model + "--context 4T --batch 4T"), HasSubstr("2^64"));
  EXPECT_THAT(kv_refusal(model + "--batch 0"), HasSubstr("batch: got 0"));
  EXPECT_THAT(kv_refusal(model + "--dtype fp64"), AllOf(HasSubstr("--dtype: got 'fp64'"), HasSubstr("int4")));
  EXPECT_THAT(kv_refusal(model + "--weights-dtype bool"), HasSubstr("--weights-dtype: got 'bool'"));
  EXPECT_THAT(kv_refusal(model + "--memory 80PB"), HasSubstr("--memory: got '80PB'"));
  EXPECT_THAT(kv_refusal(model + "--memory 80GB --reserve 110%"), HasSubstr("--reserve: got '110%'"));
  EXPECT_THAT(kv_refusal(model + "--memory 80GB --gpus 3"), HasSubstr("gpus: got 3"));
  EXPECT_THAT(kv_refusal(model + "--memory 80GB --gpus 0"), HasSubstr("--gpus: got '0'"));
  EXPECT_THAT(kv_refusal(model + "--gpus 2"), HasSubstr("--memory: got nothing"));
  EXPECT_THAT(kv_refusal(model + "--memory 80GB --device h100"), HasSubstr("--memory"));
  EXPECT_THAT(kv_refusal(model + "--device h1000"), HasSubstr("device: got 'h1000'"));
  EXPECT_THAT(kv_refusal(model + "--out /tmp/x"), HasSubstr("--compare"));
  EXPECT_THAT(kv_refusal(model + "--compare --groups 0"),
              HasSubstr("--groups: got '0', expected at least 1"));
  EXPECT_THAT(kv_refusal(model + "--compare --out /proc/attnlab"), HasSubstr("/proc/attnlab"));
  EXPECT_THAT(kv_refusal(model + "--bogus"), HasSubstr("--bogus"));
}

TEST(Kv, CompareShowsAllMechanisms) {
  const json result = kv_json("--model llama3-70b --compare --batch 8 --context 128k");
  const json& mechanisms = result["mechanisms"];
  ASSERT_EQ(mechanisms.size(), 4u);
  const char* names[] = {"MHA", "GQA", "MQA", "MLA"};
  const int elements[] = {2 * 64 * 128 * 80, 2 * 8 * 128 * 80, 2 * 128 * 80, (512 + 64) * 80};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(mechanisms[i]["mechanism"], names[i]);
    EXPECT_EQ(mechanisms[i]["elements_per_token"], elements[i]);
    ASSERT_EQ(mechanisms[i]["bytes_by_context"].size(), result["contexts"].size());
    for (std::size_t j = 0; j < result["contexts"].size(); ++j) {
      EXPECT_EQ(mechanisms[i]["bytes_by_context"][j], std::int64_t{2} * 8 * elements[i] * (1ll << (10 + j)));
    }
  }
  const Outcome text = attnlab_program("kv --model llama3-70b --compare --batch 8 --context 128k");
  EXPECT_THAT(text.out, AllOf(HasSubstr("* GQA"), HasSubstr("512 + 64"), HasSubstr("12.50%"),
                              HasSubstr("HHHH"), HasSubstr("LLLL"), Not(HasSubstr("\x1b"))));
}

TEST_F(KvFiles, CompareWritesFilesAndSaysWhyThereAreNoPlots) {
  const std::string out = (path_ / "new" / "folder").string();
  const Outcome outcome =
      attnlab_program("kv --model gpt2 --compare --json --out " + out, "ATTNLAB_PYTHON=no-such-python ");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no plots: ATTNLAB_PYTHON: got no-such-python"), HasSubstr(out)));
  std::ifstream object(out + "/kv_cache.json");
  const json written = json::parse(object);
  EXPECT_EQ(written, json::parse(outcome.out));
  std::ifstream table(out + "/kv_cache.csv");
  std::string line;
  std::getline(table, line);
  EXPECT_EQ(line, "mechanism,context,bytes");
  std::size_t rows = 0;
  for (; std::getline(table, line); ++rows) {
    std::ostringstream expected;
    const json& variant = written["mechanisms"][rows / 11];
    expected << variant["mechanism"].get<std::string>() << ',' << written["contexts"][rows % 11] << ','
             << variant["bytes_by_context"][rows % 11];
    EXPECT_EQ(line, expected.str());
  }
  EXPECT_EQ(rows, 44u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(out), {}), 2);
}

}  // namespace
