// Does `attnlab run` compute attention on tensors from files of every format and layout, say how good it is,
// and write whole results or nothing?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "files/tensor_file.h"
#include "reference/attention/attention.h"
#include "reference/core/philox.h"
#include "tests/cli/refusal.h"
#include "tests/files/temporary_folder.h"

namespace {

using attnlab::DType;
using attnlab::Index;
using attnlab::files::Tensor;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kLayer = ATTNLAB_SOURCE_DIR "/experiments/real_attention/minilm_layer0.safetensors";
constexpr double kInf = std::numeric_limits<double>::infinity();

std::string run_refusal(const std::string& arguments) { return refusal_of("run " + arguments); }

// The largest difference; infinity beside anything that does not equal it, and for NaN.
double worst(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return kInf;
  double w = 0;
  for (std::size_t n = 0; n < a.size(); ++n) {
    if (a[n] == b[n]) continue;
    const double d = std::abs(a[n] - b[n]);
    w = d <= w ? w : (std::isfinite(d) ? d : kInf);
  }
  return w;
}

std::vector<double> random_values(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  for (std::size_t n = 0; n < count; ++n) values[n] = attnlab::philox(seed, n)[0] / 1073741824.0 - 2;
  return values;
}

Tensor random_tensor(const std::string& name, std::vector<Index> shape, DType dtype, std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(*attnlab::files::element_count(shape));
  return Tensor::from(std::span<const double>(random_values(count, seed)), std::move(shape), dtype, name);
}

// [a, b, c, d] as [a, c, b, d].
Tensor swap_middle(const Tensor& t) {
  const Index a = t.shape[0], b = t.shape[1], c = t.shape[2], d = t.shape[3];
  const std::vector<double> values = t.to_double();
  std::vector<double> swapped(values.size());
  for (Index i = 0; i < a; ++i) {
    for (Index j = 0; j < b; ++j) {
      for (Index k = 0; k < c; ++k) {
        for (Index l = 0; l < d; ++l) {
          swapped[static_cast<std::size_t>(((i * c + k) * b + j) * d + l)] =
              values[static_cast<std::size_t>(((i * b + j) * c + k) * d + l)];
        }
      }
    }
  }
  return Tensor::from(std::span<const double>(swapped), {a, c, b, d}, t.dtype, t.name);
}

// The elements [begin, begin + count) under another shape.
Tensor part(const Tensor& t, Index begin, std::vector<Index> shape) {
  const std::vector<double> values = t.to_double();
  const Index count = *attnlab::files::element_count(shape);
  return Tensor::from(
      std::span(values).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)),
      std::move(shape), t.dtype, t.name);
}

class Run : public TemporaryFolder {
 protected:
  std::string at(const std::string& name) const { return path(name).string(); }

  std::string save(const std::string& name, const std::vector<Tensor>& tensors) const {
    attnlab::files::write(path(name), tensors);
    return at(name);
  }

  // Runs and gives the JSON; outputs named in `arguments` lie in the folder.
  json run(const std::string& arguments) const {
    const Outcome outcome = attnlab_program("run --json " + arguments, "cd '" + at(".") + "' && ");
    EXPECT_EQ(outcome.exit_code, 0) << arguments << ": " << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return json::parse(outcome.out);
  }

  Tensor read(const std::string& name) const {
    const auto tensors = attnlab::files::read(path(name));
    EXPECT_EQ(tensors.size(), 1u);
    return tensors.at(0);
  }
};

TEST_F(Run, EveryAlgorithmEqualsTheModelsOwnOutput) {
  const auto layer = attnlab::files::open(kLayer);
  const std::vector<double> model = layer->load("o").to_double();
  for (const auto& algorithm : attnlab::attention::algorithms()) {
    SCOPED_TRACE(algorithm.name);
    const json report = run(std::string("--kv-lens 201,22 --out o.npy --lse lse.npy --input ") + kLayer +
                            " --br 32 --bc 48 --algorithm " + algorithm.name);
    const Tensor o = read("o.npy"), lse = read("lse.npy");
    EXPECT_EQ(o.dtype, DType::f32);
    EXPECT_THAT(o.shape, ElementsAre(2, 12, 201, 32));
    EXPECT_THAT(lse.shape, ElementsAre(2, 12, 201));
    const double from_model = worst(o.to_double(), model);
    EXPECT_LE(from_model, 1e-5);
    EXPECT_EQ(report["from_file_o"]["max_abs_error"], from_model);
    EXPECT_LE(report["check"]["o"]["max_abs_error"], 1e-5);
    EXPECT_GT(report["check"]["o"]["max_abs_error"], 0);
    EXPECT_EQ(report["check"]["heads"], 24);
    EXPECT_EQ(report["rows"], 24 * 201);
    EXPECT_EQ(report["rows_without_keys"], 0);
    EXPECT_EQ(report["nonfinite_outputs"], 0);
    EXPECT_EQ(report["unused_tensors"], json::array({"seqlen"}));
  }
  const json without_lens = run("--input " + kLayer);
  EXPECT_GT(without_lens["from_file_o"]["max_abs_error"], 0.1);  // the padding matters
}

TEST_F(Run, FormatsAndLayoutsGiveTheSameNumbers) {
  const auto layer = attnlab::files::open(kLayer);
  std::vector<Tensor> bhsd, bshd;
  for (const char* name : {"q", "k", "v"}) {
    bhsd.push_back(layer->load(name));
    bshd.push_back(swap_middle(bhsd.back()));
    save(std::string(name) + ".npy", {bhsd.back()});
    save(std::string(name) + "_bshd.npy", {bshd.back()});
  }
  save("a.npz", bhsd), save("b.npz", bshd), save("b.safetensors", bshd);
  const std::string mask = " --kv-lens 201,22 ";
  run("--out o.npy --lse l.npy --input " + kLayer + mask);
  const std::vector<double> o = read("o.npy").to_double(), lse = read("l.npy").to_double();
  for (const std::string inputs : {"--input a.npz", "--q q.npy --k k.npy --v v.npy"}) {
    run(inputs + mask + "--out other.safetensors --lse other_lse.npz");
    EXPECT_EQ(read("other.safetensors").to_double(), o) << inputs;
    EXPECT_EQ(read("other_lse.npz").to_double(), lse) << inputs;
  }
  for (const std::string inputs :
       {"--input b.npz", "--input b.safetensors", "--q q_bshd.npy --k k_bshd.npy --v v_bshd.npy"}) {
    run(inputs + mask + "--layout bshd --out other.npz --lse other_lse.npy");
    const Tensor other = read("other.npz"), other_lse = read("other_lse.npy");
    EXPECT_EQ(other.name, "o");
    EXPECT_THAT(other.shape, ElementsAre(2, 201, 12, 32));
    EXPECT_LE(worst(swap_middle(other).to_double(), o), 1e-6) << inputs;
    EXPECT_THAT(other_lse.shape, ElementsAre(2, 12, 201));
    EXPECT_LE(worst(other_lse.to_double(), lse), 1e-5) << inputs;
  }
}

TEST_F(Run, ThreeDimensionsAreOneSequenceAndTwoOneHead) {
  const std::vector<Tensor> four = {random_tensor("q", {2, 4, 9, 8}, DType::f32, 1),
                                    random_tensor("k", {2, 2, 13, 8}, DType::f32, 2),
                                    random_tensor("v", {2, 2, 13, 5}, DType::f32, 3)};
  run("--causal --out o.npy --lse l.npy --input " + save("four.npz", four));
  const Tensor o = read("o.npy"), lse = read("l.npy");
  run("--causal --out o3.npy --lse l3.npy --input " +
      save("three.npz", {part(four[0], 4 * 9 * 8, {4, 9, 8}), part(four[1], 2 * 13 * 8, {2, 13, 8}),
                         part(four[2], 2 * 13 * 5, {2, 13, 5})}));
  EXPECT_THAT(read("o3.npy").shape, ElementsAre(4, 9, 5));
  EXPECT_THAT(read("l3.npy").shape, ElementsAre(4, 9));
  EXPECT_LE(worst(read("o3.npy").to_double(), part(o, 4 * 9 * 5, {4, 9, 5}).to_double()), 1e-6);
  EXPECT_LE(worst(read("l3.npy").to_double(), part(lse, 4 * 9, {4, 9}).to_double()), 1e-6);
  for (const std::string layout : {"bhsd", "bshd"}) {  // head 3 of sequence 0, which reads KV head 1
    run("--causal --out o2.npy --lse l2.npy --layout " + layout + " --input " +
        save("two.npz", {part(four[0], 3 * 9 * 8, {9, 8}), part(four[1], 13 * 8, {13, 8}),
                         part(four[2], 13 * 5, {13, 5})}));
    EXPECT_THAT(read("o2.npy").shape, ElementsAre(9, 5));
    EXPECT_THAT(read("l2.npy").shape, ElementsAre(9));
    EXPECT_LE(worst(read("o2.npy").to_double(), part(o, 3 * 9 * 5, {9, 5}).to_double()), 1e-6);
  }
}

TEST_F(Run, PackedSequencesEqualThemselvesAlone) {
  const std::vector<Tensor> packed = {random_tensor("q", {12, 2, 8}, DType::f32, 1),
                                      random_tensor("k", {20, 2, 8}, DType::f32, 2),
                                      random_tensor("v", {20, 2, 8}, DType::f32, 3)};
  const json report =
      run("--causal --cu-seqlens-q 0,5,5,12 --cu-seqlens-kv 0,9,11,20 --out o.npy --lse l.npy --input " +
          save("packed.npz", packed));
  EXPECT_EQ(report["problem"]["batch"], 3);
  EXPECT_EQ(report["problem"]["seqlen_q"], 7);
  const Tensor o = read("o.npy"), lse = read("l.npy");
  EXPECT_THAT(o.shape, ElementsAre(12, 2, 8));
  EXPECT_THAT(lse.shape, ElementsAre(2, 12));
  const auto alone = [&](Index q_begin, Index q, Index kv_begin, Index kv) {
    run("--causal --layout bshd --out alone.npy --input " +
        save("alone.npz",
             {part(packed[0], q_begin * 16, {q, 2, 8}), part(packed[1], kv_begin * 16, {kv, 2, 8}),
              part(packed[2], kv_begin * 16, {kv, 2, 8})}));
    return worst(read("alone.npy").to_double(), part(o, q_begin * 16, {q, 2, 8}).to_double());
  };
  EXPECT_LE(alone(0, 5, 0, 9), 1e-6);
  EXPECT_LE(alone(5, 7, 11, 9), 1e-6);
}

TEST_F(Run, OutputHasTheInputsTypeRoundedOnce) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::e4m3, DType::e5m2}) {
    const std::string type(attnlab::name(dtype));
    SCOPED_TRACE(type);
    std::vector<Tensor> narrow, wide;
    for (const auto& [name, seed] : {std::pair{"q", 1}, {"k", 2}, {"v", 3}}) {
      narrow.push_back(random_tensor(name, {1, 2, 33, 16}, dtype, static_cast<std::uint64_t>(seed)));
      wide.push_back(Tensor::from(std::span<const double>(narrow.back().to_double()), narrow.back().shape,
                                  DType::f32, name));
    }
    const json report = run("--out o.safetensors --lse l.npy --input " + save("narrow.safetensors", narrow));
    run("--out wide.npy --input " + save("wide.npz", wide));
    const Tensor o = read("o.safetensors");
    EXPECT_EQ(o.dtype, dtype);
    std::vector<double> once = read("wide.npy").to_double();
    const double largest = *std::ranges::max_element(once);
    attnlab::round_to(dtype, std::span(once));
    const std::vector<double> values = o.to_double();
    std::size_t different = 0;  // the last bit of a float may decide a tie
    for (std::size_t n = 0; n < values.size(); ++n) different += values[n] != once[n];
    EXPECT_LE(different, values.size() / 100);
    EXPECT_LE(worst(values, once), 2 * largest * attnlab::float_format(dtype).unit_roundoff());
    EXPECT_EQ(read("l.npy").dtype, DType::f32);
    EXPECT_GT(report["check"]["o_rounded"]["max_abs_error"], report["check"]["o"]["max_abs_error"]);
  }
}

TEST_F(Run, Float64ComputesInDouble) {
  const std::string file = save("a.npz", {random_tensor("q", {1, 2, 50, 16}, DType::f64, 1),
                                          random_tensor("k", {1, 2, 70, 16}, DType::f64, 2),
                                          random_tensor("v", {1, 2, 70, 16}, DType::f64, 3)});
  const json report = run("--algorithm flash1 --br 8 --bc 16 --out o.npy --lse l.npy --input " + file);
  EXPECT_EQ(report["precision"], "double");
  EXPECT_EQ(read("o.npy").dtype, DType::f64);
  EXPECT_EQ(read("l.npy").dtype, DType::f64);
  EXPECT_LE(report["check"]["o"]["max_abs_error"], 1e-14);
  EXPECT_GT(report["check"]["o"]["max_abs_error"], 0);
  EXPECT_THAT(run_refusal("--precision float --input " + file),
              HasSubstr("--precision: got float, expected double"));
  const json in_double = run("--precision double --input " + kLayer);
  EXPECT_LE(in_double["check"]["lse"]["max_abs_error"], 1e-13);
  EXPECT_GT(in_double["check"]["o_rounded"]["max_abs_error"], 1e-9);  // fp32 on paper
}

TEST_F(Run, MasksAndBiasesFromFiles) {
  const Index nq = 6, nk = 10;
  std::vector<double> visible, added;
  for (Index j = 0; j < nk; ++j) visible.push_back(j < 7), added.push_back(j < 7 ? 0 : -kInf);
  std::vector<Tensor> tensors = {random_tensor("q", {2, 2, nq, 8}, DType::f32, 1),
                                 random_tensor("k", {2, 2, nk, 8}, DType::f32, 2),
                                 random_tensor("v", {2, 2, nk, 8}, DType::f32, 3)};
  const std::string input = " --input " + save("plain.npz", tensors) + " ";
  run("--kv-lens 7,7 --out expected.npy" + input);
  const std::vector<double> expected = read("expected.npy").to_double();
  const auto row = [&](const char* name, std::vector<Index> shape, DType dtype) {
    return Tensor::from(std::span<const double>(std::string(name) == "mask" ? visible : added),
                        std::move(shape), dtype, name);
  };
  run("--mask " + save("m1.npy", {row("mask", {nk}, DType::boolean)}) + " --out o.npy" + input);
  EXPECT_LE(worst(read("o.npy").to_double(), expected), 1e-6);
  run("--mask " + save("m2.npy", {row("mask", {1, 1, 1, nk}, DType::i64)}) + " --out o.npy" + input);
  EXPECT_LE(worst(read("o.npy").to_double(), expected), 1e-6);
  run("--bias " + save("b.npy", {row("bias", {1, nk}, DType::f16)}) + " --out o.npy" + input);
  EXPECT_LE(worst(read("o.npy").to_double(), expected), 1e-6);
  tensors.push_back(row("mask", {1, nk}, DType::u8));
  const std::string with_mask = " --input " + save("with_mask.safetensors", tensors) + " ";
  const json report = run("--out o.npy" + with_mask);
  EXPECT_LE(worst(read("o.npy").to_double(), expected), 1e-6);
  EXPECT_EQ(report["problem"]["mask"], json::array({1, 1, 1, 10}));
  // Rows that the mask leaves without keys, in one head only.
  std::vector<double> hidden(2 * nq, 1);
  hidden[nq + 1] = hidden[nq + 4] = 0;
  const Tensor rows = Tensor::from(std::span<const double>(hidden), {2, nq, 1}, DType::boolean, "mask");
  EXPECT_EQ(run("--mask " + save("rows.npy", {rows}) + input)["rows_without_keys"], 2 * 2);

  EXPECT_THAT(run_refusal("--mask " + at("m1.npy") + with_mask),
              AllOf(HasSubstr("--mask"), HasSubstr("nothing beside")));
  EXPECT_THAT(run_refusal("--mask " + at("b.npy") + input),
              HasSubstr("--mask: got fp16, expected bool or an integer"));
  EXPECT_THAT(run_refusal("--bias " + at("m1.npy") + input), HasSubstr("--bias: got bool"));
  EXPECT_THAT(run_refusal("--bias " + save("b64.npy", {row("bias", {nk}, DType::f64)}) + input),
              HasSubstr("--bias: got fp64"));
  EXPECT_THAT(run_refusal("--mask " +
                          save("m9.npy", {Tensor::from(std::span<const double>(std::vector<double>(9, 1)),
                                                       {9}, DType::u8, "m")}) +
                          input),
              HasSubstr("--mask: got [9], expected [batch, heads, seqlen_q, seqlen_kv] = [2, 2, 6, 10]"));
}

TEST_F(Run, BackwardWritesTheGradients) {
  const std::vector<Tensor> tensors = {
      random_tensor("q", {2, 9, 4, 8}, DType::f64, 1), random_tensor("k", {2, 15, 2, 8}, DType::f64, 2),
      random_tensor("v", {2, 15, 2, 6}, DType::f64, 3), random_tensor("dout", {2, 9, 4, 6}, DType::f64, 4)};
  const json report =
      run("--backward --layout bshd --causal --q-lens 9,4 --kv-lens 3,15 --dropout 0.2 --dropout-seed 5 "
          "--out o.npy --dq dq.npy --dk dk.npy --dv dv.npy --algorithm flash1 --br 4 --bc 4 --input " +
          save("a.npz", tensors));
  // The library, by another algorithm.
  attnlab::attention::Problem p;
  p.batch = 2, p.num_heads = 4, p.num_kv_heads = 2, p.seqlen_q = 9, p.seqlen_kv = 15, p.head_dim = 8,
  p.head_dim_v = 6;
  p.causal = true, p.q_lens = {9, 4}, p.kv_lens = {3, 15}, p.dropout = {0.2, 5, 0};
  std::vector<std::vector<double>> in;
  for (const Tensor& t : tensors) in.push_back(t.to_double());
  std::vector<double> o(2 * 9 * 4 * 6), lse(2 * 9 * 4), dq(in[0].size()), dk(in[1].size()), dv(in[2].size());
  const auto q_like = [&](auto& values, Index dim) { return attnlab::bshd(values.data(), 2, 9, 4, dim); };
  const auto kv_like = [&](auto& values, Index dim) { return attnlab::bshd(values.data(), 2, 15, 2, dim); };
  const auto algorithm = attnlab::attention::Algorithm::flash2;
  attnlab::attention::forward<double>(
      algorithm, p, {q_like(in[0], 8), kv_like(in[1], 8), kv_like(in[2], 6), q_like(o, 6), q_like(lse, 1)});
  attnlab::attention::backward<double>(
      algorithm, p,
      {q_like(in[0], 8), kv_like(in[1], 8), kv_like(in[2], 6), q_like(o, 6), q_like(lse, 1), q_like(in[3], 6),
       q_like(dq, 8), kv_like(dk, 8), kv_like(dv, 6)});
  EXPECT_LE(worst(read("o.npy").to_double(), o), 1e-14);
  EXPECT_LE(worst(read("dq.npy").to_double(), dq), 1e-13);
  EXPECT_LE(worst(read("dk.npy").to_double(), dk), 1e-13);
  EXPECT_LE(worst(read("dv.npy").to_double(), dv), 1e-13);
  EXPECT_THAT(read("dk.npy").shape, ElementsAre(2, 15, 2, 8));
  for (const char* tensor : {"o", "lse", "dq", "dk", "dv"}) {
    EXPECT_LE(report["check"][tensor]["max_abs_error"], 1e-13) << tensor;
    EXPECT_GT(report["check"][tensor]["max_abs"], 0.1) << tensor;
    EXPECT_EQ(report["check"][tensor]["nonfinite_mismatches"], 0) << tensor;
  }
  EXPECT_EQ(report["rows_without_keys"], 6 * 4);  // causal: 9 queries on 3 keys
  EXPECT_EQ(report["rows"], (9 + 4) * 4);
}

TEST_F(Run, RandomTensorsFollowTheSeedAlone) {
  const std::string sizes =
      "--batch 2 --heads 4 --kv-heads 1 --seqlen-q 40 --seqlen-kv 50 --dim 16 --dim-v 8 ";
  run(sizes + "--out a.npy --threads 1");
  run(sizes + "--out b.npy --threads 2 --seed 0");
  run(sizes + "--out c.npy --seed 1");
  EXPECT_EQ(read("a.npy").data, read("b.npy").data);
  EXPECT_NE(read("a.npy").data, read("c.npy").data);
  EXPECT_EQ(read("a.npy").dtype, DType::f16);
  EXPECT_THAT(read("a.npy").shape, ElementsAre(2, 4, 40, 8));
  run(sizes + "--out d.npy --layout bshd --dtype fp32");
  EXPECT_THAT(read("d.npy").shape, ElementsAre(2, 40, 4, 8));
  run("--heads 2 --cu-seqlens-q 0,3,10 --cu-seqlens-kv 0,6,9 --out e.npy");
  EXPECT_THAT(read("e.npy").shape, ElementsAre(10, 2, 64));
  const json empty = run("--seqlen-q 3 --seqlen-kv 0 --out f.npy --lse g.npy");
  EXPECT_EQ(empty["rows_without_keys"], 3);
  EXPECT_EQ(read("f.npy").to_double(), std::vector<double>(3 * 64, 0));
  EXPECT_EQ(read("g.npy").to_double(), std::vector<double>(3, -kInf));
}

// A scale of 0 makes all keys equal: the mean of V.
TEST_F(Run, OptionsReachTheScores) {
  const std::vector<Tensor> tensors = {random_tensor("q", {4, 8}, DType::f64, 1),
                                       random_tensor("k", {5, 8}, DType::f64, 2),
                                       random_tensor("v", {5, 1}, DType::f64, 3)};
  const std::string input = " --out o.npy --lse l.npy --input " + save("a.npz", tensors);
  const std::vector<double> v = tensors[2].to_double();
  run("--scale 0" + input);
  for (double o : read("o.npy").to_double()) EXPECT_NEAR(o, (v[0] + v[1] + v[2] + v[3] + v[4]) / 5, 1e-15);
  for (double lse : read("l.npy").to_double()) EXPECT_NEAR(lse, std::log(5), 1e-15);
  run("--scale 0 --window 0,0" + input);  // the diagonal ends at the last key
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(read("o.npy").to_double()[i], v[i + 1]);
  run("--scale 0 --sinks 0" + input);
  for (double lse : read("l.npy").to_double()) EXPECT_NEAR(lse, std::log(6), 1e-15);
  run("--scale 0 --alibi --causal" + input);  // one head: slope 2^-8
  EXPECT_NEAR(read("l.npy").to_double()[0], std::log(1 + std::exp(-1.0 / 256)), 1e-15);
}

TEST_F(Run, NonFiniteNumbersAreCountedAndCompared) {
  std::vector<Tensor> tensors = {random_tensor("q", {4, 8}, DType::f32, 1),
                                 random_tensor("k", {5, 8}, DType::f32, 2),
                                 random_tensor("v", {5, 3}, DType::f32, 3)};
  std::vector<double> v = tensors[2].to_double();
  v[4 * 3 + 1] = std::numeric_limits<double>::quiet_NaN();  // the last key, which causal hides from 3 rows
  tensors[2] = Tensor::from(std::span<const double>(v), {5, 3}, DType::f32, "v");
  const json report = run("--causal --input " + save("a.npz", tensors));
  EXPECT_EQ(report["nonfinite_outputs"], 1);
  EXPECT_EQ(report["check"]["o"]["nonfinite_mismatches"], 0);
  EXPECT_LE(report["check"]["o"]["max_abs_error"], 1e-6);
  EXPECT_EQ(run("--kv-lens 4 --input " + at("a.npz"))["nonfinite_outputs"], 0);
}

TEST_F(Run, ChecksAsManyHeadsAsAsked) {
  const std::string sizes = "--batch 3 --heads 4 --kv-heads 2 --seqlen 20 ";
  EXPECT_EQ(run(sizes)["check"]["heads"], 12);
  EXPECT_EQ(run(sizes + "--check 5")["check"]["heads"], 5);
  EXPECT_EQ(run(sizes + "--check 5 --backward")["check"]["heads"], 6);  // whole groups
  EXPECT_EQ(run(sizes + "--check 1G")["check"]["heads"], 12);
  EXPECT_TRUE(run(sizes + "--check 0")["check"].is_null());
}

TEST_F(Run, TextSaysTheSame) {
  const Outcome outcome =
      attnlab_program("run --kv-lens 201,22 --out '" + at("o.npy") + "' --input " + kLayer);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("FlashAttention-2, in float"), HasSubstr("kv_lens 201, 22"),
                    HasSubstr("24 of 24 heads"), HasSubstr("file's o"), HasSubstr("0 of 4,824 see no key"),
                    HasSubstr("not used from the input: seqlen"), HasSubstr(at("o.npy"))));
}

class RunRefusals : public Run {
 protected:
  // Nothing is left behind, and an old result stays.
  std::string refused(const std::string& arguments) {
    put(path("old.npy"), "old");
    const auto before = listing();
    const std::string line =
        run_refusal("--out '" + at("old.npy") + "' --lse '" + at("new.npy") + "' " + arguments);
    EXPECT_EQ(listing(), before) << arguments;
    EXPECT_EQ(get(path("old.npy")), "old") << arguments;
    return line;
  }
  std::string with(const std::vector<Tensor>& tensors, const std::string& more = "") {
    return refused("--input " + save("in.npz", tensors) + " " + more);
  }
};

TEST_F(RunRefusals, ShapesThatDoNotFit) {
  const auto t = [](const char* name, std::vector<Index> shape) {
    return random_tensor(name, std::move(shape), DType::f32, 1);
  };
  const Tensor q = t("q", {2, 12, 5, 8}), k = t("k", {2, 4, 7, 8}), v = t("v", {2, 4, 7, 3});
  EXPECT_THAT(with({t("q", {5}), k, v}),
              AllOf(HasSubstr("in.npz: q: got [5]"), HasSubstr("[batch, heads, seqlen, dim]")));
  EXPECT_THAT(with({t("q", {1, 2, 12, 5, 8}), k, v}), HasSubstr("q: got [1, 2, 12, 5, 8]"));
  EXPECT_THAT(with({t("q", {2, 0, 5, 8}), k, v}), HasSubstr("q: got [2, 0, 5, 8]"));
  EXPECT_THAT(with({q, t("k", {4, 7, 8}), v}),
              HasSubstr("k: got [4, 7, 8], expected [2, a divisor of 12, any length, 8]"));
  EXPECT_THAT(with({q, t("k", {2, 5, 7, 8}), v}),
              HasSubstr("k: got [2, 5, 7, 8], expected [2, a divisor of 12"));
  EXPECT_THAT(with({q, t("k", {3, 4, 7, 8}), v}), HasSubstr("k: got [3, 4, 7, 8]"));
  EXPECT_THAT(with({q, t("k", {2, 4, 7, 9}), v}), HasSubstr("k: got [2, 4, 7, 9]"));
  EXPECT_THAT(with({q, k, t("v", {2, 4, 6, 3})}),
              HasSubstr("v: got [2, 4, 6, 3], expected [2, 4, 7, any dim]"));
  EXPECT_THAT(with({q, k, t("v", {2, 12, 7, 3})}), HasSubstr("v: got [2, 12, 7, 3]"));
  EXPECT_THAT(with({q, k, v}, "--layout bshd"),
              HasSubstr("k: got [2, 4, 7, 8], expected [2, any length, a divisor of 5, 8]"));
  EXPECT_THAT(with({q, k, v, t("o", {2, 12, 5, 8})}),
              HasSubstr("o: got [2, 12, 5, 8], expected [2, 12, 5, 3]"));
  EXPECT_THAT(with({q, k, v, t("dout", {2, 12, 5, 8})}, "--backward"),
              HasSubstr("dout: got [2, 12, 5, 8], expected [2, 12, 5, 3]"));
  EXPECT_THAT(with({q, k, v}, "--kv-lens 5"), HasSubstr("--kv-lens: got 1 lengths"));
  EXPECT_THAT(with({q, k, v}, "--kv-lens 5,8"), HasSubstr("--kv-lens[1]: got 8"));
  EXPECT_THAT(with({q, k, v}, "--cu-seqlens-q 0,5 --cu-seqlens-kv 0,7"),
              HasSubstr("q: got [2, 12, 5, 8], expected [total, heads, dim]"));
  const std::vector<Tensor> packed = {t("q", {12, 2, 8}), t("k", {20, 2, 8}), t("v", {20, 2, 8})};
  EXPECT_THAT(with(packed, "--cu-seqlens-q 0,5,11 --cu-seqlens-kv 0,7,20"),
              HasSubstr("q: got [12, 2, 8], expected [11, 2, 8]"));
  EXPECT_THAT(with(packed, "--cu-seqlens-q 0,5,12 --cu-seqlens-kv 0,7,21"),
              HasSubstr("k: got [20, 2, 8], expected [21, 2, 8]"));
  EXPECT_THAT(with(packed, "--cu-seqlens-q 0,5,12"), HasSubstr("--cu-seqlens-kv: got nothing"));
  EXPECT_THAT(with(packed, "--cu-seqlens-q 0,5,3 --cu-seqlens-kv 0,7,20"),
              HasSubstr("--cu-seqlens-q[2]: got 3"));
  EXPECT_THAT(with(packed, "--cu-seqlens-q 0,5,12 --cu-seqlens-kv 0,7,20 --layout bhsd"),
              HasSubstr("--layout: got bhsd"));
}

TEST_F(RunRefusals, NamesTypesAndFiles) {
  const auto t = [](const char* name, DType dtype) { return random_tensor(name, {1, 2, 3, 4}, dtype, 1); };
  const Tensor q = t("q", DType::f32), k = t("k", DType::f32), v = t("v", DType::f32);
  EXPECT_THAT(with({t("query", DType::f32), k, v}), HasSubstr("has no tensor \"q\", only: query, k, v"));
  EXPECT_THAT(with({q, t("k", DType::f16), v}), HasSubstr("k: got fp16, expected fp32, the type of q"));
  EXPECT_THAT(with({q, k, t("v", DType::f64)}), HasSubstr("v: got fp64, expected fp32"));
  EXPECT_THAT(with({random_tensor("q", {1, 2, 3, 4}, DType::f32, 1), k, v}, "--dtype fp16"),
              HasSubstr("q: got fp32, expected fp16, which --dtype says"));
  Tensor integers =
      Tensor::from(std::span<const double>(std::vector<double>(24, 1)), {1, 2, 3, 4}, DType::i32, "q");
  EXPECT_THAT(with({integers, k, v}), HasSubstr("q: got int32, expected a floating-point type"));
  const std::vector<Tensor> good = {q, k, v};
  EXPECT_THAT(with(good, "--layout sbhd"), HasSubstr("--layout: got sbhd, expected bhsd or bshd"));
  EXPECT_THAT(with(good, "--algorithm flash9"), AllOf(HasSubstr("got flash9"), HasSubstr("flash2")));
  EXPECT_THAT(with(good, "--precision half"), HasSubstr("--precision: got half, expected float or double"));
  EXPECT_THAT(with(good, "--density 50%"), HasSubstr("--density: got 0.5, expected 1 unless"));
  EXPECT_THAT(with(good, "--threads 5000"), HasSubstr("--threads: got 5000"));
  EXPECT_THAT(with(good, "--br 0"), HasSubstr("--br: got '0'"));
  EXPECT_THAT(with(good, "--batch 1"),
              HasSubstr("--batch: got 1, expected nothing beside tensors from files"));
  EXPECT_THAT(with(good, "--seqlen 3"), HasSubstr("--seqlen: got 3"));
  EXPECT_THAT(with(good, "--backward"), HasSubstr("--dout: got nothing"));
  EXPECT_THAT(with(good, "--dropout 1"), HasSubstr("dropout"));
  EXPECT_THAT(with(good, "--softcap nan"), HasSubstr("softcap"));
  EXPECT_THAT(with(good, "--sinks 1,2,3"), HasSubstr("sinks: got 3 sinks"));
  EXPECT_THAT(with(good, "--check -1"), HasSubstr("--check: got '-1'"));
  EXPECT_THAT(with(good, "--bogus"), HasSubstr("--bogus"));
  const std::string in = "--input " + at("in.npz") + " ";
  EXPECT_THAT(refused(in + "--q q.npy"), HasSubstr("--q"));
  EXPECT_THAT(refused(in + "--dq '" + at("dq.npy") + "'"), HasSubstr("--backward"));
  EXPECT_THAT(refused(in + "--dout '" + at("in.npz") + "'"), HasSubstr("--backward"));
  EXPECT_THAT(refused("--input '" + at("absent.npz") + "'"),
              AllOf(HasSubstr("absent.npz"), HasSubstr("No such file")));
  EXPECT_THAT(refused("--q '" + at("absent.npy") + "'"), HasSubstr("--k: got nothing"));
  EXPECT_THAT(refused("--q " + at("in.npz") + " --k a.npy --v b.npy"), HasSubstr("--q: got"));
  EXPECT_THAT(refused(in + "--mask " + at("in.npz")), HasSubstr("which holds 3 tensors"));
  put(path("short.npz"), get(path("in.npz")).substr(0, 500));
  EXPECT_THAT(refused("--input " + at("short.npz")), HasSubstr("short.npz"));
}

TEST_F(RunRefusals, OutputsThatCouldNotBeWritten) {
  const std::string small = "--seqlen 5 ";
  EXPECT_THAT(run_refusal(small + "--out '" + at("missing/o.npy") + "'"),
              AllOf(HasSubstr("missing/o.npy"), HasSubstr("No such file")));
  EXPECT_THAT(run_refusal(small + "--out '" + at("o.txt") + "'"), HasSubstr("unknown extension \".txt\""));
  EXPECT_THAT(run_refusal(small + "--out '" + at("o.npy") + "' --lse '" + at("./o.npy") + "'"),
              HasSubstr("--lse: got"));
  EXPECT_THAT(run_refusal(small + "--out '" + at(".") + "'"), HasSubstr("."));
  EXPECT_THAT(run_refusal(small + "--out /proc/o.npy"), HasSubstr("/proc/o.npy"));
  EXPECT_THAT(run_refusal(small + "--out '" + at("o.npy") + "' --lse '" + at("missing/l.npy") + "'"),
              HasSubstr("missing/l.npy"));
  EXPECT_TRUE(listing().empty());
}

TEST_F(RunRefusals, RandomTensorsOfAbsurdSizes) {
  EXPECT_THAT(refused(""), HasSubstr("--seqlen-q: got nothing"));
  EXPECT_THAT(refused("--seqlen 1G"),
              AllOf(HasSubstr("--seqlen: got"), HasSubstr("GiB"), HasSubstr("memory")));
  EXPECT_THAT(refused("--seqlen 1M --algorithm standard --dim 1"), HasSubstr("memory"));
  EXPECT_THAT(refused("--seqlen 1G --batch 1G --heads 1G"), HasSubstr("at most 2^112"));
  EXPECT_THAT(refused("--seqlen 2G"), HasSubstr("at most 1G"));
  EXPECT_THAT(refused("--seqlen 5 --heads 4 --kv-heads 3"), HasSubstr("--kv-heads: got 3"));
  EXPECT_THAT(refused("--seqlen 5 --dtype int8"), HasSubstr("--dtype: got int8"));
  EXPECT_THAT(refused("--seqlen 5 --dtype fp64 --precision float"), HasSubstr("--precision: got float"));
}

}  // namespace
