// Are hidden problems the student's own, right results right, and wrong ones shown with the smallest problem?
#include "answers/labs/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>

#include "reference/attention/attention.h"

namespace attnlab::answers::labs {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

Lab lab_of(const std::string& task) {
  Lab lab;
  lab.task = task;
  return lab;
}

Group group_of(std::map<std::string, Extent> extents) {
  Group group;
  group.extents = std::move(extents);
  return group;
}

std::vector<float> numbers_of(const std::string& file) {
  const std::size_t begin = file.find('\n') + 1;
  std::vector<float> numbers((file.size() - begin) / sizeof(float));
  std::memcpy(numbers.data(), file.data() + begin, numbers.size() * sizeof(float));
  return numbers;
}

TEST(Problems, AreDrawnFromTheSeedAlone) {
  const Group group = group_of({{"rows", {1, 50, ""}}, {"cols", {7, 7, ""}}});
  const Spec one = draw(group, lab_of("softmax"), 1), again = draw(group, lab_of("softmax"), 1);
  EXPECT_EQ(to_text(one), to_text(again));
  EXPECT_EQ(one.extents.at("cols"), 7);
  bool differs = false;
  for (std::uint64_t seed = 2; seed < 10; ++seed) {
    const Spec other = draw(group, lab_of("softmax"), seed);
    EXPECT_GE(other.extents.at("rows"), 1);
    EXPECT_LE(other.extents.at("rows"), 50);
    differs |= other.extents.at("rows") != one.extents.at("rows");
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(seed_of("a"), 0xaf63dc4c8601ec8c);  // FNV-1a's own test vector
}

TEST(Problems, OneSeqlenIsBoth) {
  Group group = group_of({{"heads", {1, 1, ""}}, {"seqlen_q", {1, 500, ""}}, {"seqlen_kv", {1, 500, ""}}});
  group.one_seqlen = true;
  group.head_dims = {32, 64};
  const Spec spec = draw(group, lab_of("attention"), 5);
  EXPECT_EQ(spec.extents.at("seqlen_q"), spec.extents.at("seqlen_kv"));
}

TEST(Problems, ShrinkToTheSmallestThatFails) {
  Spec spec = draw(group_of({{"rows", {40, 40, ""}}, {"cols", {90, 90, ""}}}), lab_of("softmax"), 1);
  const Spec small = shrink(
      spec, [](const Spec& s) { return s.extents.at("cols") >= 33; }, 100);
  EXPECT_EQ(small.extents.at("rows"), 1);
  EXPECT_EQ(small.extents.at("cols"), 33);
  int calls = 0;
  shrink(
      spec, [&](const Spec&) { return ++calls > 0; }, 3);
  EXPECT_LE(calls, 3);
}

Spec spec_of(const std::string& data, std::map<std::string, Index> extents, bool causal = false) {
  Spec spec;
  spec.data = data, spec.extents = std::move(extents), spec.causal = causal, spec.seed = 3;
  return spec;
}

std::vector<float> softmax(const std::string& file, bool subtract) {
  int rows = 0, cols = 0;
  std::sscanf(file.c_str(), "softmax %d %d", &rows, &cols);
  std::vector<float> y = numbers_of(file);
  for (int r = 0; r < rows; ++r) {
    float* const row = y.data() + r * cols;
    float m = -INFINITY;
    for (int c = 0; c < cols; ++c) m = std::max(m, row[c]);
    if (!subtract || m == -INFINITY) m = 0;
    double sum = 0;
    for (int c = 0; c < cols; ++c) sum += std::exp(row[c] - m);
    for (int c = 0; c < cols; ++c) row[c] = sum == 0 ? 0 : static_cast<float>(std::exp(row[c] - m) / sum);
  }
  return y;
}

TEST(SoftmaxTask, KnowsRightFromWrong) {
  const Program right = [](const std::string& file, std::size_t) { return softmax(file, true); };
  const Program no_maximum = [](const std::string& file, std::size_t) { return softmax(file, false); };
  const Program zeros = [](const std::string&, std::size_t n) { return std::vector<float>(n); };
  const Program nans = [](const std::string&, std::size_t n) { return std::vector<float>(n, NAN); };
  for (const std::string& data : kSoftmaxTask.data()) {
    const Spec spec = spec_of(data, {{"rows", 4}, {"cols", 33}});
    EXPECT_EQ(kSoftmaxTask.run(spec, right), std::nullopt) << data;
    EXPECT_NE(kSoftmaxTask.run(spec, zeros), std::nullopt) << data;
    EXPECT_NE(kSoftmaxTask.run(spec, nans), std::nullopt) << data;
    EXPECT_EQ(kSoftmaxTask.run(spec, no_maximum).has_value(), data == "large") << data;
  }
}

TEST(SoftmaxTask, JudgesTheWayThatIsAskedFor) {
  Spec spec = spec_of("normal", {{"rows", 2}, {"cols", 5}});
  spec.ways = {"safe", "online"};
  const Program second_is_wrong = [](const std::string& file, std::size_t numbers) {
    std::vector<float> y = softmax(file, true);
    y.resize(numbers);
    return y;
  };
  EXPECT_THAT(kSoftmaxTask.run(spec, second_is_wrong), Optional(HasSubstr("online: y[0][")));
  spec.way = "safe";
  EXPECT_EQ(kSoftmaxTask.run(spec, second_is_wrong), std::nullopt);
}

TEST(ScoresTask, KnowsRightFromWrong) {
  const Spec spec = spec_of("normal", {{"m", 3}, {"n", 5}, {"k", 17}});
  float nudge = 0;
  const Program program = [&](const std::string& file, std::size_t) {
    const std::vector<float> in = numbers_of(file);
    std::vector<float> s;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 5; ++j) {
        float sum = 0;
        for (std::size_t c = 0; c < 17; ++c) sum += in[i * 17 + c] * in[51 + j * 17 + c];
        s.push_back(sum + nudge);
      }
    return s;
  };
  EXPECT_EQ(kScoresTask.run(spec, program), std::nullopt);
  nudge = 1e-3f;
  EXPECT_THAT(kScoresTask.run(spec, program), Optional(HasSubstr("s[0][0] is ")));
  nudge = NAN;
  EXPECT_NE(kScoresTask.run(spec, program), std::nullopt);
}

// The reference in float64, as a student's program.
std::vector<float> reference(const std::string& file, bool causal_as_asked) {
  int heads = 0, q = 0, kv = 0, d = 0, causal = 0;
  std::sscanf(file.c_str(), "attention %d %d %d %d %d", &heads, &q, &kv, &d, &causal);
  const std::vector<float> in = numbers_of(file);
  const std::vector<double> numbers(in.begin(), in.end());
  attention::Problem problem;
  problem.num_heads = problem.num_kv_heads = heads, problem.seqlen_q = q, problem.seqlen_kv = kv;
  problem.head_dim = problem.head_dim_v = d, problem.causal = causal_as_asked && causal == 1;
  std::vector<double> o(static_cast<std::size_t>(heads * q * d)), lse(static_cast<std::size_t>(heads * q));
  const double* const k = numbers.data() + heads * q * d;
  attention::forward<double>(attention::Algorithm::standard, problem,
                             {bhsd(numbers.data(), 1, heads, q, d), bhsd(k, 1, heads, kv, d),
                              bhsd(k + heads * kv * d, 1, heads, kv, d), bhsd(o.data(), 1, heads, q, d),
                              bhsd(lse.data(), 1, heads, q, 1)});
  std::vector<float> result(o.begin(), o.end());
  result.insert(result.end(), lse.begin(), lse.end());
  return result;
}

TEST(AttentionTask, KnowsRightFromWrong) {
  for (const std::string& data : kAttentionTask.data()) {
    const Spec spec =
        spec_of(data, {{"heads", 2}, {"seqlen_q", 5}, {"seqlen_kv", 9}, {"head_dim", 32}}, true);
    EXPECT_EQ(kAttentionTask.run(spec, [](const std::string& f, std::size_t) { return reference(f, true); }),
              std::nullopt)
        << data;
    const auto forgotten =
        kAttentionTask.run(spec, [](const std::string& f, std::size_t) { return reference(f, false); });
    EXPECT_EQ(forgotten.has_value(), true) << data;
  }
  const Spec spec = spec_of("normal", {{"heads", 1}, {"seqlen_q", 2}, {"seqlen_kv", 3}, {"head_dim", 32}});
  EXPECT_THAT(kAttentionTask.run(spec,
                                 [](const std::string&, std::size_t) -> std::vector<float> {
                                   throw ProgramFailed("ended with exit code 3");
                                 }),
              Optional(HasSubstr("ended with exit code 3")));
}

}  // namespace
}  // namespace attnlab::answers::labs
