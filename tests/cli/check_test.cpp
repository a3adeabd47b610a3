// Does `attnlab check` judge what a kernel wrote, from files of every type, layout and kind of cache; say
// where it is wrong, on a screen, as JSON and as a page; and refuse what cannot be judged?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "files/tensor_file.h"
#include "oracle/golden.h"
#include "reference/core/philox.h"
#include "tests/cli/refusal.h"
#include "tests/files/temporary_folder.h"

namespace {

using attnlab::DType;
using attnlab::Index;
using attnlab::attention::Problem;
using attnlab::files::Tensor;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
namespace files = attnlab::files;
namespace oracle = attnlab::oracle;

constexpr Index kBatch = 2, kHeads = 4, kKvHeads = 2, kRows = 70, kDim = 32;

Tensor random_tensor(const std::string& name, std::vector<Index> shape, DType dtype, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(*files::element_count(shape)));
  for (std::size_t n = 0; n < values.size(); ++n) values[n] = attnlab::philox(seed, n)[0] / 1073741824.0 - 2;
  return Tensor::from(std::span<const double>(values), std::move(shape), dtype, name);
}

// [a, b, c, d] as [a, c, b, d].
Tensor swap_middle(const Tensor& t) {
  const std::vector<Index>& s = t.shape;
  const std::vector<double> from = t.to_double();
  std::vector<double> to(from.size());
  for (Index a = 0; a < s[0]; ++a) {
    for (Index b = 0; b < s[1]; ++b) {
      for (Index c = 0; c < s[2]; ++c) {
        std::copy_n(from.begin() + ((a * s[1] + b) * s[2] + c) * s[3], s[3],
                    to.begin() + ((a * s[2] + c) * s[1] + b) * s[3]);
      }
    }
  }
  return Tensor::from(std::span<const double>(to), {s[0], s[2], s[1], s[3]}, t.dtype, t.name);
}

// The same bytes under another type: bf16 as uint16.
Tensor relabelled(Tensor t, DType dtype) {
  t.dtype = dtype;
  return t;
}

oracle::Tensor view(const Tensor& t) {
  return oracle::bhsd(t.data.data(), t.dtype, t.shape[0], t.shape[1], t.shape[2], t.shape[3]);
}

// A causal problem with grouped heads, its tensors as files, and what an honest kernel writes.
class Check : public TemporaryFolder {
 protected:
  Check() {
    problem.batch = kBatch;
    problem.num_heads = kHeads;
    problem.num_kv_heads = kKvHeads;
    problem.seqlen_q = problem.seqlen_kv = kRows;
    problem.head_dim = problem.head_dim_v = kDim;
    problem.causal = true;
  }

  std::string file(const std::string& name) const { return path(name).string(); }
  std::string save(const Tensor& tensor, const std::string& name) const {
    files::write(path(name), std::span(&tensor, 1));
    return file(name);
  }
  Tensor golden_o(DType dtype = DType::f32) const {
    const oracle::Golden golden = oracle::golden(problem, {view(q), view(k), view(v), {}});
    return Tensor::from(std::span(golden.o.values), {kBatch, kHeads, kRows, kDim}, dtype, "o");
  }
  // "--q ... --k ... --v ... --out ..." of files with these tensors.
  std::string arguments(const Tensor& o) const {
    return "--causal --q " + save(q, "q.npy") + " --k " + save(k, "k.npy") + " --v " + save(v, "v.npy") +
           " --out " + save(o, "o.npy");
  }
  static json judged(const std::string& arguments, int exit_code) {
    const Outcome outcome = attnlab_program("check --json " + arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << arguments << ": " << outcome.err;
    return outcome.exit_code == 2 ? json() : json::parse(outcome.out);
  }
  static std::string screen(const std::string& arguments) {
    return attnlab_program("check " + arguments).out;
  }

  Problem problem;
  Tensor q = random_tensor("q", {kBatch, kHeads, kRows, kDim}, DType::f32, 1);
  Tensor k = random_tensor("k", {kBatch, kKvHeads, kRows, kDim}, DType::f32, 2);
  Tensor v = random_tensor("v", {kBatch, kKvHeads, kRows, kDim}, DType::f32, 3);
};

// An o with one wrong number at [batch 1, head 2, row 64, column 5].
Tensor with_one_wrong(const Tensor& o, double by) {
  std::vector<double> values = o.to_double();
  values[static_cast<std::size_t>(((kHeads + 2) * kRows + 64) * kDim + 5)] += by;
  return Tensor::from(std::span<const double>(values), o.shape, o.dtype, o.name);
}

TEST_F(Check, GoldenValuesOfTheEmulatorMakeTheSameVerdict) {
  const std::string files = arguments(with_one_wrong(golden_o(), 1e-3));
  const json here = judged(files + " --golden cpu", 1), there = judged(files + " --golden emulator", 1);
  EXPECT_EQ(here["golden"], "cpu");
  EXPECT_EQ(there["golden"], "emulator");
  EXPECT_EQ(here["worst"]["row"], there["worst"]["row"]);
  EXPECT_NEAR(here["max_error_over_budget"].get<double>(), there["max_error_over_budget"].get<double>(),
              1e-6);
  EXPECT_THAT(screen(files + " --golden emulator"), HasSubstr("golden    float64, by emulator\n"));
  EXPECT_EQ(refusal_of("check --golden tpu " + files),
            "attnlab: --golden: got 'tpu', expected auto, cpu, gpu or emulator\n");
}

TEST_F(Check, ExitCodeAndJsonSayRightOrWrong) {
  const json right = judged(arguments(golden_o()), 0);
  EXPECT_EQ(right["verdict"], "right");
  EXPECT_LE(right["max_error_over_budget"].get<double>(), 1);
  EXPECT_EQ(right["nonfinite_mismatch"], 0);
  EXPECT_EQ(right["problem"]["num_kv_heads"], kKvHeads);
  for (const char* member : {"worst", "diagnosis", "rules"}) EXPECT_TRUE(right.contains(member)) << member;

  const json wrong = judged(arguments(with_one_wrong(golden_o(), 1e-3)), 1);
  EXPECT_EQ(wrong["verdict"], "wrong");
  EXPECT_GT(wrong["max_error_over_budget"].get<double>(), 1);
  EXPECT_EQ(wrong["worst"]["batch"], 1);
  EXPECT_EQ(wrong["worst"]["head"], 2);
  EXPECT_EQ(wrong["worst"]["row"], 64);
  EXPECT_EQ(wrong["worst"]["col"], 5);
}

TEST_F(Check, TheScreenSaysWhatWhereAndHowMuch) {
  EXPECT_THAT(screen(arguments(golden_o())), AllOf(testing::StartsWith("RIGHT: every number of o lies"),
                                                   HasSubstr("causal"), Not(HasSubstr("damage"))));
  const std::string text = screen(arguments(with_one_wrong(golden_o(), 1e-3)) + " --picture ascii");
  EXPECT_THAT(text,
              AllOf(testing::StartsWith("WRONG: 1 of 17,920 numbers of o"),
                    HasSubstr("batch 1, head 2, row 64, column 5"), HasSubstr("error / budget"),
                    HasSubstr("damage of o"), HasSubstr("     64  ......-.\n"), Not(HasSubstr("\033"))));
}

TEST_F(Check, PicturesAreUnicodeOrAscii) {
  const std::string wrong = arguments(with_one_wrong(golden_o(), 1e-3));
  EXPECT_THAT(screen(wrong + " --picture unicode"), HasSubstr("\u2591"));
  EXPECT_THAT(attnlab_program("check " + wrong, "LC_ALL=C.UTF-8 ").out, HasSubstr("\u2591"));
  EXPECT_THAT(attnlab_program("check " + wrong, "LC_ALL=C ").out, Not(HasSubstr("\u2591")));
}

TEST_F(Check, AsksForTheProblemThatWasComputed) {
  std::string full = arguments(golden_o());
  full.erase(full.find("--causal"), 8);
  EXPECT_EQ(judged(full, 1)["verdict"], "wrong");  // a causal output is not one of full attention
}

TEST_F(Check, DimensionsInTheOtherOrderAreSuspected) {
  const Tensor o = golden_o();
  EXPECT_THAT(screen("--layout bshd " + arguments(o)), HasSubstr("70 heads and 4 queries"));
  EXPECT_THAT(screen(arguments(with_one_wrong(o, 1e-3))), Not(HasSubstr("--layout")));
}

TEST_F(Check, BothLayoutsAndOneFileOfAll) {
  const Tensor o = golden_o();
  const std::vector<Tensor> bhsd{q, k, v, o},
      bshd{swap_middle(q), swap_middle(k), swap_middle(v), swap_middle(o)};
  files::write(path("all.safetensors"), bhsd);
  files::write(path("all.npz"), bshd);
  EXPECT_EQ(judged("--causal --input " + file("all.safetensors"), 0)["verdict"], "right");
  EXPECT_EQ(judged("--causal --layout bshd --input " + file("all.npz"), 0)["verdict"], "right");
  // "out" is taken for o, and a tensor without a role is named.
  std::vector<Tensor> renamed{q, k, v, o, random_tensor("extra", {3}, DType::f32, 9)};
  renamed[3].name = "out";
  files::write(path("renamed.npz"), renamed);
  EXPECT_THAT(judged("--causal --input " + file("renamed.npz"), 0)["unused_tensors"], ElementsAre("extra"));
}

TEST_F(Check, Bf16AndFp8AsIntegers) {
  q = random_tensor("q", q.shape, DType::bf16, 1), k = random_tensor("k", k.shape, DType::bf16, 2);
  v = random_tensor("v", v.shape, DType::bf16, 3);
  const Tensor o = golden_o(DType::bf16);
  const std::string as_integers = "--causal --q " + save(relabelled(q, DType::u16), "q.npy") + " --k " +
                                  save(relabelled(k, DType::i16), "k.npy") + " --v " +
                                  save(relabelled(v, DType::u16), "v.npy") + " --out " +
                                  save(relabelled(o, DType::u16), "o.npy");
  EXPECT_EQ(judged(as_integers + " --dtype bf16", 0)["problem"]["dtype"], "bf16");
  EXPECT_THAT(refusal_of("check " + as_integers),
              HasSubstr("--q: got uint16, expected a floating-point type (or --dtype"));
}

TEST_F(Check, Fp8WithFactors) {
  q = random_tensor("q", q.shape, DType::e4m3, 1), k = random_tensor("k", k.shape, DType::e4m3, 2);
  v = random_tensor("v", v.shape, DType::e4m3, 3);
  problem.softmax_scale = 0.5 * 0.25 / std::sqrt(32.0);  // the factors of q and k
  std::vector<double> o = golden_o(DType::f64).to_double();
  for (double& value : o) value *= 2;  // and of v
  const Tensor bf16 = Tensor::from(std::span<const double>(o), q.shape, DType::bf16, "o");
  const std::string tensors = "--causal --dtype fp8_e4m3 --q " + save(relabelled(q, DType::u8), "q.npy") +
                              " --k " + save(relabelled(k, DType::u8), "k.npy") + " --v " +
                              save(relabelled(v, DType::u8), "v.npy") + " --out " +
                              save(relabelled(bf16, DType::u16), "o.npy");
  EXPECT_EQ(judged(tensors + " --q-scale 0.5 --k-scale 0.25 --v-scale 2", 0)["verdict"], "right");
  EXPECT_EQ(judged(tensors, 1)["verdict"], "wrong");
  // The same as files: a factor a batch entry and group of heads, and one a block of 64 rows.
  const auto factors = [&](std::vector<Index> shape, double value) {
    const std::vector<double> values(static_cast<std::size_t>(*files::element_count(shape)), value);
    return Tensor::from(std::span<const double>(values), shape, DType::f32, "s");
  };
  EXPECT_EQ(judged(tensors + " --q-scale " + save(factors({kBatch, kKvHeads}, 0.5), "qs.npy") +
                       " --k-scale " + save(factors({kBatch, kKvHeads, 2}, 0.25), "ks.npy") + " --v-scale " +
                       save(factors({1}, 2), "vs.npy"),
                   0)["verdict"],
            "right");
  EXPECT_THAT(refusal_of("check " + tensors + " --k-scale " + save(factors({3, 5}, 1), "bad.npy")),
              HasSubstr("--k-scale: got [3, 5], expected one number, [2, 2]"));
}

TEST_F(Check, LogSumExpAndGradients) {
  const Tensor dout = random_tensor("dout", q.shape, DType::f32, 4);
  const oracle::Golden golden = oracle::golden(problem, {view(q), view(k), view(v), view(dout)});
  const auto saved = [&](const oracle::GoldenTensor& values, std::vector<Index> shape, const char* name) {
    return save(Tensor::from(std::span(values.values), std::move(shape), DType::f32), name);
  };
  const std::string all = arguments(golden_o()) + " --dout " + save(dout, "dout.npy") + " --lse " +
                          saved(golden.lse, {kBatch, kHeads, kRows}, "lse.npy") + " --dq " +
                          saved(golden.dq, q.shape, "dq.npy") + " --dk " +
                          saved(golden.dk, k.shape, "dk.npy");
  const json right = judged(all + " --dv " + saved(golden.dv, v.shape, "dv.npy"), 0);
  ASSERT_EQ(right["tensors"].size(), 5u);
  const json wrong = judged(all + " --dv " + file("dk.npy"), 1);
  EXPECT_EQ(wrong["worst"]["tensor"], "dv");
  EXPECT_EQ(wrong["tensors"][3]["right"], true);
}

TEST_F(Check, PagedCache) {
  constexpr Index kPage = 16, kPages = 12, kPerSequence = 5;
  // Sequence b's page p lies at 11 - (b * 5 + p); two pages are nobody's.
  std::vector<double> pages_k(kPages * kPage * kKvHeads * kDim, 1e30), pages_v = pages_k;
  std::vector<double> table;
  const std::vector<double> from_k = k.to_double(), from_v = v.to_double();
  for (Index b = 0; b < kBatch; ++b) {
    for (Index page = 0; page < kPerSequence; ++page) {
      const Index id = kPages - 1 - (b * kPerSequence + page);
      table.push_back(static_cast<double>(id));
      for (Index r = 0; r < kPage && page * kPage + r < kRows; ++r) {
        for (Index h = 0; h < kKvHeads; ++h) {
          const Index from = ((b * kKvHeads + h) * kRows + page * kPage + r) * kDim;
          const Index to = ((id * kPage + r) * kKvHeads + h) * kDim;
          std::copy_n(from_k.begin() + from, kDim, pages_k.begin() + to);
          std::copy_n(from_v.begin() + from, kDim, pages_v.begin() + to);
        }
      }
    }
  }
  const std::vector<Index> shape{kPages, kPage, kKvHeads, kDim};
  const auto paged = [&](const std::vector<double>& values, const char* name) {
    return save(Tensor::from(std::span<const double>(values), shape, DType::f32), name);
  };
  const std::string tensors = "--causal --kv-lens 70,70 --q " + save(q, "q.npy") + " --k " +
                              paged(pages_k, "pk.npy") + " --v " + paged(pages_v, "pv.npy") + " --out " +
                              save(golden_o(), "o.npy") + " --block-table ";
  const auto table_file = [&](const std::vector<double>& ids, const char* name) {
    return save(Tensor::from(std::span<const double>(ids), {kBatch, kPerSequence}, DType::i32), name);
  };
  EXPECT_EQ(judged(tensors + table_file(table, "t.npy"), 0)["verdict"], "right");
  std::swap(table[1], table[2]);
  EXPECT_EQ(judged(tensors + table_file(table, "swapped.npy"), 1)["verdict"], "wrong");
  table[3] = 12;
  EXPECT_THAT(refusal_of("check " + tensors + table_file(table, "beyond.npy")),
              HasSubstr("block_table[0, 3]: got 12, expected a page from 0 to 11"));
}

TEST_F(Check, NonFiniteNumbersAreJudgedAndNoted) {
  Tensor o = golden_o();
  std::vector<double> values = o.to_double();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  reinterpret_cast<float*>(o.data.data())[5] = static_cast<float>(nan);
  EXPECT_EQ(judged(arguments(o), 1)["nonfinite_mismatch"], 1);
  // NaN in the last key: every row that sees it is NaN, and that is right.
  reinterpret_cast<float*>(k.data.data())[k.data.size() / sizeof(float) - 1] = static_cast<float>(nan);
  const oracle::Golden golden = oracle::golden(problem, {view(q), view(k), view(v), {}});
  for (std::size_t n = 0; n < values.size(); ++n) {
    reinterpret_cast<float*>(o.data.data())[n] = static_cast<float>(golden.o.values[n]);
  }
  const json verdict = judged(arguments(o), 0);
  EXPECT_EQ(verdict["nonfinite_inputs"]["k"], 1);
  EXPECT_THAT(screen(arguments(o)), HasSubstr("k has NaN or infinity in 1 places"));
}

TEST_F(Check, AClassThatAllowsMore) {
  const std::string slightly = arguments(with_one_wrong(golden_o(), 1e-4));
  EXPECT_EQ(judged(slightly, 1)["kernel_class"], "fp32 throughout");
  EXPECT_EQ(judged(slightly + " --p-dtype bf16", 0)["kernel_class"], "fp32 in, P bf16, fp32 accumulation");
  EXPECT_EQ(judged(slightly + " --groups exact --ds-scale 2", 1)["kernel_class"],
            "fp32 in, P fp32, dS times 2, fp32 accumulation, groups added exactly");
}

TEST_F(Check, ASampleOfRows) {
  const json verdict = judged(arguments(golden_o()) + " --rows sample:20", 0);
  EXPECT_LT(verdict["rows_checked"].get<Index>(), verdict["rows_total"].get<Index>());
}

TEST_F(Check, ThePageNeedsNoOtherFile) {
  EXPECT_EQ(judged(arguments(with_one_wrong(golden_o(), 1e-3)) + " --html " + file("v.html"), 1)["verdict"],
            "wrong");
  const std::string page = get(file("v.html"));
  EXPECT_THAT(page, AllOf(HasSubstr("<!DOCTYPE html>"), HasSubstr("<svg"), HasSubstr("batch 1, head 2"),
                          HasSubstr("<title>rows 64..69, batch 1, head 2"), Not(HasSubstr("src=")),
                          Not(HasSubstr("http"))));
}

TEST_F(Check, RefusalsNameTheArgument) {
  const std::string inputs =
      "--q " + save(q, "q.npy") + " --k " + save(k, "k.npy") + " --v " + save(v, "v.npy");
  const std::string out = save(golden_o(), "o.npy");
  const std::string all = inputs + " --out " + out;
  const auto refused = [](const std::string& arguments) { return refusal_of("check " + arguments); };
  EXPECT_THAT(refused(""), HasSubstr("--q: got nothing, expected a .npy file"));
  EXPECT_THAT(refused(inputs), HasSubstr("--out: got nothing, expected what the kernel wrote"));
  EXPECT_THAT(refused(inputs + " --out " + file("none.npy")), HasSubstr("none.npy"));
  EXPECT_THAT(refused(all + " --dq " + out), HasSubstr("--dout: got nothing"));
  EXPECT_THAT(refused(all + " --lse " + out), HasSubstr("--lse: got [2, 4, 70, 32], expected [2, 4, 70]"));
  EXPECT_THAT(refused("--layout bsdh " + all), HasSubstr("--layout: got bsdh, expected bhsd or bshd"));
  EXPECT_THAT(
      refused("--q " + file("q.npy") + " --k " + file("k.npy") + " --v " + file("q.npy") + " --out " + out),
      HasSubstr("--v: got [2, 4, 70, 32], expected [2, 2, 70, any dim]"));
  EXPECT_THAT(refused("--dtype fp16 " + all), HasSubstr("--q: got fp32, expected fp16, which --dtype says"));
  EXPECT_THAT(refused("--dtype int8 " + all), HasSubstr("--dtype: got int8, expected fp64"));
  EXPECT_THAT(refused("--out-dtype bf16 " + all), HasSubstr("--out: got fp32, expected bf16"));
  EXPECT_THAT(refused("--accumulate fp17 " + all), HasSubstr("--accumulate: got fp17, expected one of"));
  EXPECT_THAT(refused("--p-scale -1 " + all), HasSubstr("--p-scale: got -1, expected a positive number"));
  EXPECT_THAT(refused("--ds-scale nan " + all), HasSubstr("--ds-scale: got nan, expected a positive number"));
  EXPECT_THAT(refused("--groups whole " + all), HasSubstr("--groups: got whole, expected rounded or exact"));
  EXPECT_THAT(refused("--rows some " + all), HasSubstr("rows: got \"some\", expected all, or sample:N"));
  EXPECT_THAT(refused("--rules torch " + all), HasSubstr("--rules: got torch, expected all"));
  EXPECT_THAT(refused("--q-scale abc " + all), HasSubstr("abc"));
  EXPECT_THAT(refused("--page-layout bhsd " + all), HasSubstr("--page-layout: got bhsd, expected nothing"));
  EXPECT_THAT(refused("--picture oil " + all), HasSubstr("--picture: got oil"));
  EXPECT_THAT(refused("--html " + file("no/folder.html") + " " + all), HasSubstr("no/folder.html"));
  const std::string k3 = save(random_tensor("k", {kBatch, 3, kRows, kDim}, DType::f32, 1), "k3.npy");
  EXPECT_THAT(refused("--q " + file("q.npy") + " --k " + k3 + " --v " + k3 + " --out " + out),
              HasSubstr("--k: got [2, 3, 70, 32], expected [2, a divisor of 4, any length, 32]"));
  const std::string k16 = save(random_tensor("k", k.shape, DType::f16, 1), "k16.npy");
  EXPECT_THAT(refused("--q " + file("q.npy") + " --k " + k16 + " --v " + k16 + " --out " + out),
              HasSubstr("--k: got fp16, expected fp32, the type of q (or --kv-dtype)"));
}

}  // namespace
