#include "answers/kernels/zoo.h"

#include <algorithm>
#include <optional>

#include "answers/kernels/rungs.h"
#include "cuda/host/registry.h"
#include "oracle/mistakes/honest.h"
#include "oracle/mistakes/wrong.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

using oracle::Mistake;
using oracle::ZooCase;
using oracle::ZooTensors;

constexpr Index kLong = 10000;

bool chosen(const ZooOptions& options, const ZooCase& c) {
  if (!options.problem.empty()) return options.problem == c.name;
  return options.full || c.problem.seqlen_kv <= kLong;
}

void judge(Animal& animal, Zoo& zoo, const ZooCase& c, oracle::ZooTensors& tensors, const Mistake* mistake) {
  oracle::TileKernelOptions kernel;
  kernel.kernel_class = tensors.kernel_class();
  kernel.br = c.br, kernel.bc = c.bc, kernel.seed = 5, kernel.mistake = mistake;
  const bool cached = mistake != nullptr && mistake->step == oracle::Wrong::cached_result;
  const oracle::Outputs& outputs = tensors.run(oracle::tile_kernel(kernel), cached);
  oracle::CheckOptions options;
  options.rules = true;
  const oracle::Verdict verdict =
      oracle::check(tensors.problem(), tensors.inputs(), outputs, tensors.kernel_class(), options);
  ++animal.runs;
  animal.long_runs += c.problem.seqlen_kv > kLong;
  animal.rejected += !verdict.right;
  if (verdict.right) animal.survived.push_back(c.name);
  for (const oracle::Diagnosis& diagnosis : verdict.diagnosis) {
    if (mistake != nullptr && diagnosis.mistake == mistake->name) {
      ++animal.named;
      break;
    }
  }
  for (const oracle::RuleResult& rule : verdict.rules) {
    ++animal.judged_by[rule.rule];
    animal.rejected_by[rule.rule] += !rule.passes;
    if (std::find(zoo.rules.begin(), zoo.rules.end(), rule.rule) == zoo.rules.end()) {
      zoo.rules.push_back(rule.rule);
    }
  }
}

Zoo mistakes_and_rules(const ZooOptions& options) {
  Zoo zoo;
  const Mistake* only = options.mistake.empty() ? nullptr : &oracle::find_mistake(options.mistake);
  for (const Mistake& mistake : oracle::mistakes()) {
    if (only == nullptr || only == &mistake) {
      zoo.animals.push_back({mistake.name, mistake.title, 0, 0, 0, 0, {}, {}, {}});
    }
  }
  std::string names;
  bool any = false;
  for (const ZooCase& c : oracle::zoo_cases()) {
    names += (names.empty() ? "" : ", ") + c.name;
    if (!chosen(options, c)) continue;
    any = true;
    oracle::ZooTensors tensors(c);
    judge(zoo.honest, zoo, c, tensors, nullptr);
    for (Animal& animal : zoo.animals) {
      const Mistake& mistake = oracle::find_mistake(animal.name);
      if (!(c.backward ? mistake.backward : mistake.forward)) continue;
      if (!mistake.applies(tensors.problem(), tensors.inputs())) continue;
      if (!oracle::changes_anything(mistake, c, tensors.problem(), tensors.inputs())) continue;
      judge(animal, zoo, c, tensors, &mistake);
    }
  }
  if (!any) throw InvalidArgument("problem", options.problem, "one of " + names);
  return zoo;
}

std::vector<const cuda::Kernel*> rungs() {
  std::vector<const cuda::Kernel*> all;
  for (const cuda::Kernel& kernel : cuda::kernels()) {
    if (kernel.pass == cuda::Pass::forward || kernel.pass == cuda::Pass::backward) all.push_back(&kernel);
  }
  return all;
}

// A rung on the emulator before the oracle, where it takes the problem in fp32, fp16 or bf16.
std::optional<oracle::Verdict> judged(const cuda::Kernel& rung, ZooCase c) {
  c.backward = rung.pass == cuda::Pass::backward;
  if (bits(c.dtype) == 8 || c.dtype == DType::f64 || (c.backward && !c.problem.sinks.empty())) return {};
  c.kernel_class = rung_class();
  c.kernel_class.output = float_format(c.dtype);
  c.problem.head_dim_v = c.problem.head_dim;
  ZooTensors tensors(c);
  try {
    return oracle::judge(rung_kernel(cuda::Backend::emulator, rung.name), tensors);
  } catch (const oracle::Unsupported&) {
    return {};
  }
}

// Without --full, a sample of each: the tests run more.
std::vector<HonestRuns> honest_runs(bool full) {
  std::vector<HonestRuns> groups;
  const auto count = [&](const oracle::Verdict& verdict) {
    ++groups.back().runs;
    groups.back().rejected += !verdict.right;
  };
  for (const bool narrow : {false, true}) {
    groups.push_back({narrow ? "tile kernels with fp16 sums, random problems"
                             : "tile kernels, fp64 to FP8, random problems",
                      0, 0});
    const int wanted = full ? (narrow ? 100 : 1000) : narrow ? 5 : 60;
    for (std::uint64_t n = 0; groups.back().runs < wanted; ++n) {
      const ZooCase c = oracle::random_case(n);
      if (oracle::narrow(c) != narrow) continue;
      ZooTensors tensors(c);
      count(oracle::judge(oracle::honest_kernel(c, tensors), tensors));
    }
  }
  groups.push_back({"the reference's algorithms in float and double, random problems", 0, 0});
  for (const attention::AlgorithmInfo& algorithm : attention::algorithms()) {
    for (std::uint64_t n = 0; n < (full ? 240u : 12u); n += 6) {
      for (const DType dtype : {DType::f32, DType::f64}) {
        ZooCase c = oracle::random_case(n);
        if (c.backward && !algorithm.backward) continue;
        c.dtype = dtype, c.kernel_class = {};
        ZooTensors tensors(c);
        count(oracle::judge(oracle::reference_kernel(algorithm.id), tensors));
      }
    }
  }
  groups.push_back({"tile kernels of each type, 8k to 64k keys, causal and not", 0, 0});
  for (const ZooCase& c : oracle::long_cases()) {
    if (!full && c.problem.seqlen_kv > kLong) continue;
    ZooTensors tensors(c);
    count(oracle::judge(oracle::honest_kernel(c, tensors), tensors));
  }
  groups.push_back({"the CUDA kernels on the emulator, fp32, fp16 and bf16, random problems", 0, 0});
  for (const cuda::Kernel* rung : rungs()) {
    const int wanted = groups.back().runs + (full ? 30 : 2);
    for (std::uint64_t n = 0; groups.back().runs < wanted; ++n) {
      if (const auto verdict = judged(*rung, oracle::random_case(n))) count(*verdict);
    }
  }
  if (!full) return groups;
  groups.push_back({"the CUDA kernels on the emulator, 8k to 64k keys, causal and not", 0, 0});
  for (const cuda::Kernel* rung : rungs()) {
    for (const ZooCase& c : oracle::long_cases()) {
      if (const auto verdict = judged(*rung, c)) count(*verdict);
    }
  }
  return groups;
}

}  // namespace

Zoo run_zoo(const ZooOptions& options) {
  Zoo zoo = mistakes_and_rules(options);
  if (!options.mistake.empty() || !options.problem.empty()) return zoo;
  zoo.others = honest_runs(options.full);
  if (!options.full) return zoo;
  for (const oracle::HonestClass& one : oracle::honest_classes()) {
    zoo.sensitivity.push_back(oracle::sensitivity_of(one));
  }
  return zoo;
}

Json to_json(const Zoo& zoo) {
  const auto one = [](const Animal& animal) {
    Json json = {{"name", animal.name},         {"title", animal.title}, {"runs", animal.runs},
                 {"rejected", animal.rejected}, {"named", animal.named}, {"survived_on", animal.survived}};
    for (const auto& [rule, count] : animal.rejected_by) json["rejected_by"][rule] = count;
    return json;
  };
  Json json = {{"honest", one(zoo.honest)}, {"mistakes", Json::array()}};
  for (const Animal& animal : zoo.animals) json["mistakes"].push_back(one(animal));
  for (const HonestRuns& group : zoo.others) {
    json["honest_runs"].push_back(
        {{"kernels", group.kernels}, {"runs", group.runs}, {"rejected", group.rejected}});
  }
  return json;
}

}  // namespace attnlab::answers
