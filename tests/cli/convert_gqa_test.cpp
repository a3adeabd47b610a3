// Does `attnlab convert-gqa` pool exactly the key and value projections of a checkpoint, in every style of
// naming, keep all other bits, and refuse what it cannot do without leaving a file behind?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "files/safetensors.h"
#include "tests/cli/program.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

namespace fs = std::filesystem;
using files::Tensor;
using ::testing::HasSubstr;

class ConvertGqa : public ::testing::Test {
 protected:
  ConvertGqa()
      : folder_(
            fs::path(::testing::TempDir()) /
            ("attnlab_gqa_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "new");
  }
  ~ConvertGqa() override { fs::remove_all(folder_); }

  std::string in() const { return (folder_ / "in.safetensors").string(); }
  std::string out() const { return (folder_ / "new" / "out.safetensors").string(); }

  Tensor random(const std::string& name, std::vector<Index> shape, DType dtype = DType::f32) {
    std::vector<double> values(static_cast<std::size_t>(*files::element_count(shape)));
    for (double& x : values) x = random_.normal();
    return Tensor::from(values, std::move(shape), dtype, name);
  }
  void write(const std::vector<Tensor>& tensors) const {
    files::write_safetensors(in(), tensors, {{"format", "pt"}, {"made by", "a test"}});
  }
  Outcome convert(const std::string& arguments) const {
    return attnlab_program("convert-gqa '" + in() + "' '" + out() + "' " + arguments);
  }
  Tensor converted(const std::string& name) const { return files::open_safetensors(out())->load(name); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  // One line on stderr, exit code 2, and no file.
  void refused(const std::string& arguments, const std::string& message) const {
    const Outcome outcome = convert(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments << outcome.out;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_TRUE(fs::is_empty(folder_ / "new"));
  }

  fs::path folder_;
  Random random_{7};
};

// The mean over the heads of each group, of [heads * head_dim, inputs] rows given as numbers.
std::vector<double> pooled(const std::vector<double>& rows, Index heads, Index groups, Index inputs) {
  const Index head_dim = static_cast<Index>(rows.size()) / heads / inputs, size = heads / groups;
  std::vector<double> result(static_cast<std::size_t>(groups * head_dim * inputs));
  for (Index h = 0; h < heads; ++h) {
    for (Index e = 0; e < head_dim * inputs; ++e) {
      result[static_cast<std::size_t>(h / size * head_dim * inputs + e)] +=
          rows[static_cast<std::size_t>(h * head_dim * inputs + e)] / static_cast<double>(size);
    }
  }
  return result;
}

void expect_near(const Tensor& tensor, const std::vector<double>& expected, double tolerance) {
  EXPECT_THAT(tensor.to_double(), ::testing::Pointwise(::testing::DoubleNear(tolerance), expected))
      << tensor.name;
}

TEST_F(ConvertGqa, LlamaNames) {
  std::vector<Tensor> tensors;
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    tensors.push_back(random(layer + "self_attn.q_proj.weight", {24, 10}, DType::bf16));
    tensors.push_back(random(layer + "self_attn.k_proj.weight", {24, 10}, DType::bf16));
    tensors.push_back(random(layer + "self_attn.v_proj.weight", {24, 10}, DType::bf16));
    tensors.push_back(random(layer + "self_attn.k_proj.bias", {24}, DType::f32));
    tensors.push_back(random(layer + "self_attn.o_proj.weight", {10, 24}, DType::bf16));
    tensors.push_back(random(layer + "self_attn.k_norm.weight", {4}, DType::f32));  // shared by the heads
  }
  tensors.push_back(random("model.embed_tokens.weight", {30, 10}, DType::f16));
  tensors.push_back(Tensor::from(std::vector<double>{1, 2, 3}, {3}, DType::i64, "position_ids"));
  write(tensors);
  const Outcome outcome = convert("--groups 2 --heads 6");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("model.layers.1.self_attn.v_proj.weight  bf16 [24, 10] -> [8, 10]\n"));
  EXPECT_THAT(outcome.out, HasSubstr("6 of 14 tensors changed, to 2 heads of K and V (mean)"));

  const auto archive = files::open_safetensors(out());
  EXPECT_EQ(archive->tensors().size(), tensors.size());
  EXPECT_EQ(archive->metadata(), (files::Metadata{{"format", "pt"}, {"made by", "a test"}}));
  for (const Tensor& before : tensors) {
    const Tensor after = archive->load(before.name);
    EXPECT_EQ(after.dtype, before.dtype);
    if (before.name.find("k_proj") == std::string::npos && before.name.find("v_proj") == std::string::npos) {
      EXPECT_EQ(after.shape, before.shape);
      EXPECT_EQ(after.data, before.data) << before.name;
    } else {
      const Index inputs = before.shape.size() == 2 ? 10 : 1;
      // Rounded once to the type: half an ulp of numbers below 4.
      expect_near(after, pooled(before.to_double(), 6, 2, inputs),
                  before.dtype == DType::bf16 ? 0x1p-7 : 0x1p-22);
    }
  }
}

TEST_F(ConvertGqa, EqualHeadsOfAGroupComeOutBitForBit) {
  const Tensor group = random("", {4, 6}, DType::f16);  // one head
  Tensor k = Tensor{{"k_proj.weight", DType::f16, {12, 6}}, {}};
  for (int h = 0; h < 3; ++h) k.data.insert(k.data.end(), group.data.begin(), group.data.end());
  write({k, random("q_proj.weight", {12, 6}, DType::f16)});
  ASSERT_EQ(convert("--groups 1 --heads 3").exit_code, 0);
  EXPECT_EQ(converted("k_proj.weight").data, group.data);
  EXPECT_EQ(converted("k_proj.weight").shape, (std::vector<Index>{4, 6}));
}

TEST_F(ConvertGqa, BertNames) {
  const std::string layer = "bert.encoder.layer.0.attention.self.";
  const Tensor key = random(layer + "key.weight", {8, 8}), value = random(layer + "value.bias", {8});
  write({random(layer + "query.weight", {8, 8}), key, value});
  ASSERT_EQ(convert("--groups 2 --heads 4 --method mean").exit_code, 0);
  expect_near(converted(key.name), pooled(key.to_double(), 4, 2, 8), 1e-6);
  expect_near(converted(value.name), pooled(value.to_double(), 4, 2, 1), 1e-6);
}

TEST_F(ConvertGqa, Gpt2sFusedAndTransposedProjection) {
  const Index hidden = 12;
  const Tensor weight = random("h.3.attn.c_attn.weight", {hidden, 3 * hidden}),
               bias = random("h.3.attn.c_attn.bias", {3 * hidden});
  const Tensor c_proj = random("h.3.attn.c_proj.weight", {hidden, hidden});
  write({weight, bias, c_proj});
  ASSERT_EQ(convert("--groups 2 --heads 4").exit_code, 0);
  const Tensor new_weight = converted(weight.name), new_bias = converted(bias.name);
  EXPECT_EQ(new_weight.shape, (std::vector<Index>{hidden, hidden + 2 * 6}));
  EXPECT_EQ(new_bias.shape, (std::vector<Index>{hidden + 2 * 6}));
  EXPECT_EQ(converted(c_proj.name).data, c_proj.data);
  const auto w = weight.to_double(), b = bias.to_double(), nw = new_weight.to_double(),
             nb = new_bias.to_double();
  const auto at = [](Index row, Index cols, Index col) { return static_cast<std::size_t>(row * cols + col); };
  for (Index n = 0; n <= hidden; ++n) {  // rows of the weight, then the bias
    const auto old_at = [&](Index c) {
      return n < hidden ? w[at(n, 36, c)] : b[static_cast<std::size_t>(c)];
    };
    const auto new_at = [&](Index c) {
      return n < hidden ? nw[at(n, 24, c)] : nb[static_cast<std::size_t>(c)];
    };
    for (Index c = 0; c < hidden; ++c) EXPECT_EQ(new_at(c), old_at(c));  // q
    for (Index part : {0, 1}) {
      for (Index c = 0; c < 6; ++c) {  // heads 0, 1 -> 0 and 2, 3 -> 1, of dimension 3
        const Index first = 12 + 12 * part + c / 3 * 6 + c % 3;
        EXPECT_NEAR(new_at(12 + 6 * part + c), (old_at(first) + old_at(first + 3)) / 2, 1e-6);
      }
    }
  }
}

TEST_F(ConvertGqa, FirstAndRandom) {
  const Tensor k = random("k_proj.weight", {8, 5});
  Tensor v = k;  // as large as k, so that only their streams can tell the random heads apart
  v.name = "v_proj.weight";
  write({random("q_proj.weight", {8, 5}), k, v});
  ASSERT_EQ(convert("--groups 2 --heads 4 --method first").exit_code, 0);
  const auto old = k.to_double(), first = converted(k.name).to_double();
  EXPECT_EQ(std::vector(first.begin(), first.begin() + 10), std::vector(old.begin(), old.begin() + 10));
  EXPECT_EQ(std::vector(first.begin() + 10, first.end()), std::vector(old.begin() + 20, old.begin() + 30));

  const auto draw = [&](const std::string& seed) {
    EXPECT_EQ(convert("--groups 2 --heads 4 --method random --seed " + seed).exit_code, 0);
    return std::pair(converted(k.name).data, converted(v.name).data);
  };
  const auto one = draw("1"), again = draw("1"), two = draw("2");
  EXPECT_EQ(one, again);
  EXPECT_NE(one.first, two.first);
  EXPECT_NE(one.first, one.second);
}

TEST_F(ConvertGqa, AConfigIsReadAndWritten) {
  // Grouped already: 8 query heads, 4 of K and V, of a dimension that hidden / heads does not give.
  write(
      {random("q_proj.weight", {40, 6}), random("k_proj.weight", {20, 6}), random("v_proj.weight", {20, 6})});
  const std::string text =
      R"({"rope_theta": 500000.0, "model_type": "llama", "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 5, "rms_norm_eps": 1e-05})";
  const Outcome outcome = convert("--groups 2 --config " + file("config.json", text));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(converted("k_proj.weight").shape, (std::vector<Index>{10, 6}));
  std::ifstream written(folder_ / "new" / "config.json");
  auto expected = nlohmann::ordered_json::parse(text);
  expected["num_key_value_heads"] = 2;
  EXPECT_EQ(nlohmann::ordered_json::parse(written).dump(), expected.dump());  // the order too
}

TEST_F(ConvertGqa, RefusesInOneLineAndLeavesNoFile) {
  refused("--groups 2 --heads 4", "in.safetensors: ");  // not there
  const Tensor q = random("q_proj.weight", {24, 6}), k = random("k_proj.weight", {24, 6});
  write({q, k});
  refused("--groups 4 --heads 6", "groups: got 4, expected a divisor of the 6 heads of k_proj.weight");
  refused("--groups 2 --heads 5",
          "heads: got 5, expected a divisor of the 24 query features of k_proj.weight");
  refused("--groups 0 --heads 6", "--groups: got 0");
  refused("--groups 2", "--heads: got nothing");
  refused("--groups 2 --heads 6 --config x", "--heads: got both");
  refused("--groups 2 --heads 6 --method median",
          "method: got 'median', expected one of mean, first, random");
  refused("--groups 2 --heads 6 --seed 3", "--seed: got 3, expected --method random");
  refused("--groups 2 --config " + file("a.json", "{}"), "num_attention_heads");
  refused("--groups 2 --config " + file("b.json", R"({"num_attention_heads": 6, "num_key_value_heads": 3})"),
          "k_proj.weight: got fp32 [24, 6], expected 3 heads of k or v with 4 features each");
  refused("--groups 2 --config " + file("c.json", R"({"num_attention_heads": 6, "head_dim": 8})"),
          "k_proj.weight: got fp32 [24, 6], expected beside queries of 6 x 8 features");
  const Outcome replace = attnlab_program("convert-gqa '" + in() + "' '" + in() + "' --groups 2 --heads 6");
  EXPECT_EQ(replace.exit_code, 2);
  EXPECT_THAT(replace.err, HasSubstr("expected another file than the input"));
  const Outcome beside =
      attnlab_program("convert-gqa '" + in() + "' '" + (folder_ / "x.safetensors").string() +
                      "' --groups 2 --config " + file("config.json", R"({"num_attention_heads": 6})"));
  EXPECT_EQ(beside.exit_code, 2);
  EXPECT_THAT(beside.err, HasSubstr("config.json, expected another file than the input (--config)"));
  EXPECT_FALSE(fs::exists(folder_ / "x.safetensors"));
  const Outcome other = attnlab_program("convert-gqa '" + in() + "' '" + (folder_ / "x.npz").string() +
                                        "' --groups 2 --heads 6");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("expected a .safetensors file"));

  write({q});
  refused("--groups 2 --heads 6", "checkpoint: got 1 tensors, no key or value projection among them");
  write({q, random("k_proj.weight", {20, 6})});
  refused("--groups 2 --heads 6", "k_proj.weight: got fp32 [20, 6], expected features of k or v");
  write({q, random("k_proj.weight", {24, 6, 1})});
  refused("--groups 2 --heads 6", "k_proj.weight: got fp32 [24, 6, 1], expected a matrix");
  write({q, k, random("k_proj.lora_A.weight", {2, 6})});
  refused("--groups 2 --heads 6",
          "k_proj.lora_A.weight: got fp32 [2, 6], expected nothing but a weight and a bias");
  write({q, random("k_proj.weight", {24, 6}, DType::e4m3)});
  refused("--groups 2 --heads 6", "k_proj.weight: got fp8_e4m3 [24, 6], expected fp64, fp32, fp16 or bf16");
  write({q, k, random("k_norm.weight", {24})});
  refused("--groups 2 --heads 6", "k_norm.weight: got fp32 [24], expected a norm that the heads share");
  write({random("c_attn.weight", {12, 35})});
  refused("--groups 2 --heads 4",
          "c_attn.weight: got fp32 [12, 35], expected 12 features of q, then k and v");
  write({random("c_attn.bias", {36})});
  refused("--groups 2 --heads 4", "c_attn.bias: got fp32 [36], expected its weight beside it");
}

}  // namespace
}  // namespace attnlab::testing
