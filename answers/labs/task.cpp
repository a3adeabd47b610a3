#include "answers/labs/task.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/core/random.h"

namespace attnlab::answers::labs {
namespace {

constexpr const Task* kTasks[] = {&kSoftmaxTask, &kScoresTask, &kAttentionTask, &kBackwardTask};

Index number(const Extent& extent, Random& random, const std::map<std::string, Index>& given) {
  if (!extent.of.empty()) return given.at(extent.of);
  return extent.low + random.below(extent.high - extent.low + 1);
}

}  // namespace

const Task* find_task(const std::string& name) {
  const auto found = std::ranges::find(kTasks, name, [](const Task* task) { return task->name; });
  return found == std::end(kTasks) ? nullptr : *found;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const Task* task : kTasks) names.push_back(task->name);
  return names;
}

std::string to_text(const Spec& spec) {
  std::string text;
  for (const auto& [name, value] : spec.extents) text += fmt::format("{} {}, ", name, value);
  return text + (spec.causal ? "causal, " : "") + "numbers \"" + spec.data + "\"";
}

std::map<std::string, double> names_of(const Spec& spec) {
  std::map<std::string, double> names = {{"causal", spec.causal ? 1 : 0}};
  for (const auto& [name, value] : spec.extents) names[name] = static_cast<double>(value);
  return names;
}

Spec draw(const Group& group, const Lab& lab, std::uint64_t seed, const std::map<std::string, Index>& given) {
  Random random(seed);
  Spec spec;
  // A group's seqlen is one number: what is drawn once holds for both.
  std::optional<Index> seqlen;
  for (const auto& [name, extent] : group.extents) {
    const bool shared = name.starts_with("seqlen") && group.one_seqlen;
    if (shared && !seqlen) seqlen = number(extent, random, given);
    spec.extents[name] = shared ? *seqlen : number(extent, random, given);
  }
  if (!group.head_dims.empty())
    spec.extents["head_dim"] =
        group.head_dims[static_cast<std::size_t>(random.below(std::ssize(group.head_dims)))];
  if (find_task(lab.task)->attention) spec.causal = group.causal ? *group.causal : random.one_in(2);
  spec.data = group.data;
  spec.seed = seed;
  spec.lse = lab.lse;
  spec.ways = lab.ways;
  return spec;
}

Spec shrink(const Spec& spec, const std::function<bool(const Spec&)>& is_wrong, int attempts) {
  Spec best = spec;
  for (bool smaller = true; smaller && attempts > 0;) {
    smaller = false;
    for (auto& [name, value] : spec.extents) {
      if (name == "head_dim") continue;  // programs take but a few
      for (const Index less : {Index{1}, best.extents.at(name) / 2, best.extents.at(name) - 1}) {
        if (less < 1 || less >= best.extents.at(name) || attempts-- <= 0) continue;
        Spec trial = best;
        trial.extents[name] = less;
        if (!is_wrong(trial)) continue;
        best = trial, smaller = true;
        break;
      }
    }
  }
  return best;
}

std::uint64_t seed_of(const std::string& words) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : words) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string file_of(const std::string& line, const std::vector<const std::vector<float>*>& numbers) {
  std::string file = line + "\n";
  for (const std::vector<float>* part : numbers)
    file.append(reinterpret_cast<const char*>(part->data()), part->size() * sizeof(float));
  return file;
}

}  // namespace attnlab::answers::labs
