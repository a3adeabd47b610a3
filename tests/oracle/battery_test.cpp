// Does the battery let honest kernels pass, kill every mistake of the catalogue, resume, keep its time, and
// shrink what fails?
#include "oracle/battery.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "oracle/battery/plan.h"
#include "oracle/battery/run_case.h"
#include "oracle/mistakes.h"
#include "reference/core/errors.h"
#include "tests/oracle/test_kernels.h"

namespace attnlab::oracle {
namespace {

Schema everything(std::vector<DType> dtypes) {
  Schema s;
  s.dtypes = std::move(dtypes);
  s.head_dims = {32, 64};
  s.window = s.softcap = s.alibi = s.dropout = s.padding = s.packed = s.backward = s.dim_v = true;
  s.mask = s.bias = s.sinks = true;
  s.page_sizes = {16, 64};
  s.max_seqlen = 300;
  return s;
}

Activations made_up() {
  Activations a{"made up", 2, 3, 40, 16, {}, {}, {}};
  for (std::vector<float>* values : {&a.q, &a.k, &a.v}) {
    for (int n = 0; n < 2 * 3 * 40 * 16; ++n) values->push_back(std::sin(static_cast<float>(n * n % 977)));
  }
  return a;
}

// The class of `honest` in test_kernels.h.
KernelClass float_throughout(DType inputs) {
  KernelClass c = usual_class(inputs);
  c.p = float_format(inputs == DType::f64 ? DType::f64 : DType::f32);
  c.p_scale = 1;
  return c;
}

// The tile kernel of the usual class of the call's type.
Kernel tiles_with(const Mistake* mistake) {
  const auto kernels = std::make_shared<std::map<DType, Kernel>>();
  return [=](const Call& call) {
    Kernel& kernel = (*kernels)[call.q.dtype];
    if (!kernel) {
      kernel = tile_kernel({.kernel_class = usual_class(call.q.dtype), .mistake = mistake, .threads = 1});
    }
    kernel(call);
  };
}

TEST(Plan, HoldsEveryProfileCheckEdgeTypeAndDim) {
  const Activations activations = made_up();
  const Schema schema = everything({DType::f16, DType::e5m2, DType::f32});
  std::set<std::string> seen;
  std::set<Index> q, kv;
  for (const Case& c : planned_cases(schema, 0, &activations)) {
    EXPECT_TRUE(sensible(c)) << to_text(c);
    seen.insert(c.check != nullptr ? c.check->name : c.profile->name);
    if (c.check != nullptr) continue;
    q.insert(c.problem.seqlen_q), kv.insert(c.problem.seqlen_kv);
    seen.insert(std::string(name(c.dtype)) + std::to_string(c.problem.head_dim) + (c.backward ? "b" : "f"));
    seen.insert(name(c.layout));
  }
  for (const Profile& p : profiles()) EXPECT_TRUE(seen.contains(p.name)) << p.name;
  for (const ExactCheck& c : exact_checks())
    EXPECT_EQ(seen.contains(c.name), c.name != std::string("huge")) << c.name;
  for (const LayoutInfo& l : layouts()) EXPECT_TRUE(seen.contains(l.name)) << l.name;
  for (const char* type : {"fp1632f", "fp1664b", "fp8_e5m264f", "fp3232b"})
    EXPECT_TRUE(seen.contains(type)) << type;
  for (const Index n : tile_edges(257)) EXPECT_TRUE(q.contains(n) && kv.contains(n)) << n;
  for (const Index n : {0, 1}) EXPECT_TRUE(q.contains(n) && kv.contains(n)) << n;
  EXPECT_EQ(tile_edges(300).size(), 18u);
}

TEST(Plan, StaysWithinTheSchema) {
  Schema schema;
  schema.causal = schema.gqa = schema.cross = schema.empty = schema.strides = schema.lse = false;
  schema.hidden_nan = schema.scale = false;
  schema.max_seqlen = 100;
  std::vector<Case> cases = planned_cases(schema, 3, nullptr);
  for (Index n = 0; n < 200; ++n) cases.push_back(random_case(schema, 3, nullptr, 1000 + n));
  for (const Case& c : cases) {
    const attention::Problem& p = c.problem;
    EXPECT_TRUE(!p.causal && p.num_heads == p.num_kv_heads && p.seqlen_q == p.seqlen_kv && p.seqlen_q >= 1 &&
                p.seqlen_q <= 100 && !p.window.left && p.softcap == 0 && p.alibi_slopes.empty() &&
                p.kv_lens.empty() && !p.packed() && p.dropout.p == 0 && !c.lse && !c.backward &&
                !p.softmax_scale && c.page_size == 0 && !c.cross)
        << to_text(c);
    EXPECT_TRUE(c.layout == Layout::bhsd || c.check != nullptr) << to_text(c);
  }
}

TEST(Plan, TheSameForTheSameSeed) {
  const Schema schema = everything({DType::f16});
  const auto a = planned_cases(schema, 1, nullptr), b = planned_cases(schema, 1, nullptr),
             c = planned_cases(schema, 2, nullptr);
  ASSERT_EQ(a.size(), b.size());
  bool other = false;
  for (std::size_t n = 0; n < a.size(); ++n) {
    EXPECT_EQ(to_text(a[n]), to_text(b[n]));
    EXPECT_EQ(a[n].seed, b[n].seed);
    other |= n < c.size() && c[n].seed != a[n].seed;
  }
  EXPECT_TRUE(other);
  EXPECT_EQ(to_text(random_case(schema, 1, nullptr, 5000)), to_text(random_case(schema, 1, nullptr, 5000)));
}

// Of every type: types, head dims and options take turns.
TEST(Battery, HonestKernelsAreRight) {
  const Activations activations = made_up();
  BatteryOptions options;
  options.schema = everything({DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2});
  options.schema.max_seqlen = 130;
  options.activations = &activations;
  options.time_limit_s = 600;
  options.cases = static_cast<Index>(planned_cases(options.schema, 0, &activations).size()) + 100;
  const BatteryReport report = battery(tiles_with(nullptr), options);
  EXPECT_TRUE(report.right) << to_text(report);
  EXPECT_TRUE(report.complete && report.deterministic) << to_text(report);
  EXPECT_GT(report.max_error_over_budget, 0.01) << to_text(report);
  EXPECT_LE(report.max_error_over_budget, 1) << to_text(report);
}

// One row at a time, in plain loops: nothing in common with the tile kernel.
TEST(Battery, APlainKernelIsRight) {
  for (const DType dtype : {DType::f16, DType::e5m2}) {
    BatteryOptions options;
    options.schema = everything({dtype});
    options.schema.head_dims = {16}, options.schema.max_seqlen = 40;
    options.kernel_class = float_throughout(dtype);
    options.time_limit_s = 600;
    const BatteryReport report = battery(honest, options);
    EXPECT_TRUE(report.right && report.complete) << to_text(report);
  }
}

// A kernel that divides by l before the product with V, as frameworks do.
TEST(Battery, AKernelThatDividesFirstIsRight) {
  BatteryOptions options;
  options.schema.head_dims = {32}, options.schema.max_seqlen = 130;
  options.kernel_class = float_throughout(DType::f32);
  const BatteryReport report =
      battery([](const Call& call) { honest_forward(call, {.divides_first = true}); }, options);
  EXPECT_TRUE(report.right && report.complete) << to_text(report);
}

// What the battery says of a kernel, in a process of its own: some mistakes write or read where no memory is.
// Empty where the kernel passes.
std::string verdict_on(const Kernel& kernel, const BatteryOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) return "";
  const pid_t child = fork();
  if (child == 0) {
    const BatteryReport report = battery(kernel, options);
    if (!report.failures.empty()) {
      const std::string text = report.failures[0].check + ": " + report.failures[0].what;
      [[maybe_unused]] const auto written = ::write(ends[1], text.data(), text.size());
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text(4096, ' ');
  const ssize_t bytes = ::read(ends[0], text.data(), text.size());
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
}

TEST(Battery, KillsEveryMistakeOfTheCatalogue) {
  BatteryOptions options;
  options.schema = everything({DType::f16, DType::e4m3});
  options.schema.max_seqlen = 1040;
  options.schema.head_dims = {64, 40};
  options.stop_after = 1;
  options.shrink = false;
  options.threads = 1;
  options.time_limit_s = 100;
  int killed = 0;
  for (const Mistake& mistake : mistakes()) {
    const Kernel wrong = tiles_with(&mistake), right = tiles_with(nullptr);
    const std::string verdict = verdict_on(
        [&](const Call& call) {  // where the mistake does not show, it is not made
          const bool applies = mistake.applies(call.problem, {call.q, call.k, call.v, call.dout}) &&
                               (call.backward() ? mistake.backward : mistake.forward);
          (applies ? wrong : right)(call);
        },
        options);
    killed += !verdict.empty();
    EXPECT_FALSE(verdict.empty()) << mistake.name << ": " << mistake.title;
    std::printf("%-36s %s\n", mistake.name, verdict.substr(0, 110).c_str());
    std::fflush(stdout);
  }
  std::printf("%d of %d mistakes killed\n", killed, static_cast<int>(mistakes().size()));
}

Kernel tail_unmasked() {
  return [](const Call& call) { honest_forward(call, {.tail_unmasked = true}); };
}

TEST(Battery, StopsAtTheFirstFailuresAndShrinksThem) {
  BatteryOptions options;
  options.schema.head_dims = {16, 64};
  options.kernel_class = float_throughout(DType::f32);
  options.stop_after = 2;
  const BatteryReport report = battery(tail_unmasked(), options);
  EXPECT_FALSE(report.right);
  ASSERT_EQ(report.failures.size(), 2u);
  EXPECT_FALSE(report.complete);
  EXPECT_LT(report.next_case, 10);
  const CaseFailure& failure = report.failures[0];
  EXPECT_EQ(failure.check, "values");
  EXPECT_EQ(failure.shrunk, "b 1, h 1/1, q 1, kv 1, d 16, fp32, normal") << to_text(report);
  EXPECT_FALSE(failure.verdict.right);
  EXPECT_NE(failure.what.find("times the budget"), std::string::npos) << failure.what;
}

TEST(Battery, ShrinksToTheOptionThatMatters) {
  // Wrong only where a row of the second KV head sees more than 20 keys.
  const Kernel kernel = [](const Call& call) {
    honest_forward(call);
    if (call.problem.num_kv_heads > 1 && call.problem.seqlen_kv > 20 && call.problem.causal &&
        call.o.seqlen > 0)
      store(call.o, 0, call.problem.num_heads - 1, call.o.seqlen - 1, 0, 9);
  };
  BatteryOptions options;
  options.kernel_class = float_throughout(DType::f32);
  options.stop_after = 1;
  const BatteryReport report = battery(kernel, options);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].shrunk, "b 1, h 2/2, q 1, kv 21, d 64, causal, fp32, normal")
      << to_text(report);
}

TEST(Battery, ShrinksWithinTheSchema) {
  BatteryOptions options;
  options.schema.gqa = options.schema.cross = false;
  options.kernel_class = float_throughout(DType::f32);
  options.stop_after = 1;
  battery(
      [](const Call& call) {
        EXPECT_EQ(call.problem.num_heads, call.problem.num_kv_heads);
        EXPECT_EQ(call.problem.seqlen_q, call.problem.seqlen_kv);
        honest_forward(call, {.scale_factor = 2});
      },
      options);
}

// FP8 has no backward pass, and takes no other type's turn there.
TEST(Plan, HoldsEveryOptionBackwardBesideFp8) {
  std::set<std::string> seen;
  for (const Case& c : planned_cases(everything({DType::f16, DType::e4m3}), 0, nullptr)) {
    if (!c.backward || c.check != nullptr) continue;
    const attention::Problem& p = c.problem;
    if (p.dropout.p != 0 && p.softcap == 0) seen.insert("dropout");
    if (p.softcap != 0 && p.alibi_slopes.empty()) seen.insert("softcap");
    if (c.profile != nullptr) seen.insert(c.profile->name);
  }
  for (const char* name : {"dropout", "softcap", "rising", "ties", "large-logits"})
    EXPECT_TRUE(seen.contains(name)) << name;
}

TEST(Battery, ResumesWhereItStopped) {
  std::vector<std::string> whole, parts;
  BatteryOptions options;
  options.schema.max_seqlen = 40;
  options.kernel_class = float_throughout(DType::f32);
  options.cases = 60;
  const auto noting = [](std::vector<std::string>& notes) {
    return [&notes](const Call& call) {
      notes.push_back(std::to_string(call.q.seqlen) + " " + std::to_string(load(call.q, 0, 0, 0, 0)));
      honest(call);
    };
  };
  options.schema.empty = false;
  battery(noting(whole), options);
  options.cases = 25;
  const BatteryReport first = battery(noting(parts), options);
  EXPECT_TRUE(first.complete);
  EXPECT_EQ(first.next_case, 25);
  options.cases = 60;
  options.first_case = first.next_case;
  EXPECT_EQ(battery(noting(parts), options).next_case, 60);
  EXPECT_EQ(whole, parts);
}

TEST(Battery, KeepsItsTime) {
  BatteryOptions options;
  options.kernel_class = float_throughout(DType::f32);
  options.time_limit_s = 0.2;
  const BatteryReport report = battery(honest, options);
  EXPECT_TRUE(report.right);
  EXPECT_FALSE(report.complete);
  EXPECT_GT(report.next_case, 0);
  EXPECT_LT(report.next_case, report.planned);
  EXPECT_NE(to_text(report).find("not finished: continue at case"), std::string::npos);
}

TEST(Battery, SkipsWhatTheKernelDeclines) {
  BatteryOptions options;
  options.schema.max_seqlen = 40;
  options.kernel_class = float_throughout(DType::f32);
  const BatteryReport some = battery(
      [](const Call& call) {
        if (call.problem.causal) throw Unsupported("causal");
        honest(call);
      },
      options);
  EXPECT_TRUE(some.right);
  EXPECT_GT(some.skipped, 20);
  EXPECT_NE(to_text(some).find("cases that the kernel declines: causal"), std::string::npos);
  const BatteryReport none = battery([](const Call&) { throw Unsupported("anything"); }, options);
  EXPECT_FALSE(none.right);
  EXPECT_EQ(none.run, 0);
}

TEST(Battery, LeavesOutWhatDoesNotFitInMemory) {
  BatteryOptions options;
  options.schema.max_seqlen = Index{1} << 30;
  const auto plan = planned_cases(options.schema, 0, nullptr);
  const auto first = std::find_if(plan.begin(), plan.end(),
                                  [](const Case& c) { return c.problem.seqlen_q >= (1 << 30) - 1; });
  ASSERT_NE(first, plan.end());
  options.first_case = first - plan.begin();
  const BatteryReport report = battery([](const Call&) { FAIL() << "called"; }, options);
  EXPECT_EQ(report.run, 0);
  EXPECT_GT(report.skipped, 0);
  EXPECT_NE(to_text(report).find("GB of memory are needed"), std::string::npos) << to_text(report);
}

TEST(Battery, AnExceptionIsAFailureWithItsText) {
  BatteryOptions options;
  options.stop_after = 1;
  const BatteryReport report =
      battery([](const Call&) { throw std::runtime_error("launch failed"); }, options);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].check, "exception");
  EXPECT_EQ(report.failures[0].what, "launch failed");
}

TEST(Battery, TellsItsProgress) {
  BatteryOptions options;
  options.schema.max_seqlen = 20;
  options.kernel_class = float_throughout(DType::f32);
  Index last = -1;
  options.progress = [&](Index done, Index total, int failures) {
    EXPECT_EQ(done, last + 1);
    EXPECT_GT(total, done);
    EXPECT_EQ(failures, 0);
    last = done;
  };
  const BatteryReport report = battery(honest, options);
  EXPECT_EQ(last + 1, report.planned);
}

TEST(Battery, ReportAsJson) {
  BatteryOptions options;
  options.kernel_class = float_throughout(DType::f32);
  options.stop_after = 1;
  const auto json = nlohmann::json::parse(to_json(battery(tail_unmasked(), options)));
  EXPECT_EQ(json["verdict"], "wrong");
  EXPECT_EQ(json["failures"][0]["check"], "values");
  EXPECT_EQ(json["failures"][0]["verdict"]["verdict"], "wrong");
}

TEST(Battery, RefusesWhatMakesNoSense) {
  const auto refused = [](const auto& change) {
    BatteryOptions options;
    change(options);
    try {
      battery(honest, options);
    } catch (const InvalidArgument& error) {
      return error.argument();
    }
    return std::string("nothing");
  };
  EXPECT_EQ(refused([](BatteryOptions& o) { o.schema.dtypes.clear(); }), "dtypes");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.schema.dtypes = {DType::i32}; }), "dtype");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.schema.head_dims.clear(); }), "head_dims");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.schema.max_seqlen = 0; }), "max_seqlen");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.first_case = -1; }), "first_case");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.cases = -1; }), "cases");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.stop_after = 0; }), "stop_after");
  EXPECT_EQ(refused([](BatteryOptions& o) { o.time_limit_s = NAN; }), "time_limit_s");
}

}  // namespace
}  // namespace attnlab::oracle
