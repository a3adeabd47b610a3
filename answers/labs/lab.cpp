#include "answers/labs/lab.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "answers/labs/formula.h"
#include "answers/labs/metrics.h"
#include "answers/labs/task.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;

struct KindRow {
  const char* name;
  Property::Kind kind;
  std::vector<std::string> keys;  // beside those of all
};
const std::vector<KindRow>& kinds() {
  using enum Property::Kind;
  static const std::vector<KindRow> rows = {
      {"compiles", compiles, {}},
      {"values", values, {"problems", "way"}},
      {"findings", findings, {"of"}},
      {"determinism", determinism, {"problems"}},
      {"budget", budget, {"problems", "metrics", "at_most", "at_least", "advice", "way"}},
      {"questions", questions, {}},
      {"tests", tests, {}},
  };
  return rows;
}

Text text_of(const JsonObject& json, const std::string& key) {
  const JsonObject text = json.object(key);
  text.allow_only({"en", "zh"});
  return {text.text("en"), text.text("zh")};
}

constexpr std::uint64_t kMostExtent = 4096;  // what a student's laptop computes in a second

Index number_of(const JsonObject& json, const std::string& key, std::uint64_t value) {
  if (value > kMostExtent) json.refuse(key, fmt::format("is {}, expected at most {}", value, kMostExtent));
  return static_cast<Index>(value);
}

// 5, [1, 8], or "{s}".
Extent extent_of(const JsonObject& json, const std::string& key) {
  if (json.is_text(key)) {
    const std::string text = json.text(key);
    if (text.size() < 3 || text.front() != '{' || text.back() != '}')
      json.refuse(key,
                  "is \"" + text + "\", expected a number, [low, high], or {name} of a question's number");
    return {0, 0, text.substr(1, text.size() - 2)};
  }
  if (!json.is_array(key)) {
    const Index value = number_of(json, key, json.count(key));
    return {value, value, {}};
  }
  const std::vector<std::uint64_t> both = json.counts(key);
  if (both.size() != 2 || both[0] > both[1]) json.refuse(key, "expected [low, high]");
  return {number_of(json, key, both[0]), number_of(json, key, both[1]), {}};
}

Group group_of(const JsonObject& json, const Task& task) {
  Group group;
  std::vector<std::string> known = {"count", "data"};
  for (const std::string& name : task.extents) known.push_back(name);
  if (task.attention) known.insert(known.end(), {"seqlen", "causal", "head_dims"});
  json.allow_only(known);
  group.count = number_of(json, "count", json.maybe_count("count").value_or(1));
  if (json.has("data")) group.data = json.text("data");
  const std::vector<std::string> data = task.data();
  if (std::ranges::find(data, group.data) == data.end())
    json.refuse("data", fmt::format("is {}, expected one of {}", group.data, fmt::join(data, ", ")));
  if (json.has("head_dims")) {
    for (const std::uint64_t dim : json.counts("head_dims"))
      group.head_dims.push_back(number_of(json, "head_dims", dim));
  }
  if (task.attention) group.causal = json.maybe_boolean("causal");
  group.one_seqlen = json.has("seqlen");
  for (const std::string& name : task.extents) {
    if (name == "head_dim" && !group.head_dims.empty()) continue;
    const bool both = name.starts_with("seqlen") && group.one_seqlen;
    group.extents[name] = extent_of(json, both ? "seqlen" : name);
  }
  return group;
}

std::vector<Group> groups_of(const JsonObject& json, const Task& task) {
  std::vector<Group> groups;
  for (const JsonObject& group : json.objects("problems")) groups.push_back(group_of(group, task));
  if (groups.empty()) json.refuse("problems", "has none");
  for (const Group& group : groups) {
    for (const auto& [name, extent] : group.extents)
      if (!extent.of.empty()) json.refuse("problems", "uses {" + extent.of + "}, which only a question has");
  }
  return groups;
}

std::vector<std::string> metrics_of(const JsonObject& json, const Lab& lab) {
  std::vector<std::string> metrics = json.texts("metrics");
  const std::vector<std::string> known = lab.is_cuda() ? metric_names() : std::vector<std::string>{"reads"};
  for (const std::string& metric : metrics) {
    if (std::ranges::find(known, metric) == known.end())
      json.refuse("metrics", fmt::format("names {}, expected some of {}", metric, fmt::join(known, ", ")));
  }
  if (metrics.empty()) json.refuse("metrics", "has none");
  return metrics;
}

std::string way_of(const JsonObject& json, const Lab& lab) {
  if (!json.has("way")) return "";
  const std::string way = json.text("way");
  if (std::ranges::find(lab.ways, way) == lab.ways.end())
    json.refuse("way", fmt::format("is {}, expected one of {}", way, fmt::join(lab.ways, ", ")));
  return way;
}

std::string formula_of(const JsonObject& json, const std::string& key, const Task& task) {
  if (!json.has(key)) return "";
  const std::string text = json.text(key);
  std::map<std::string, double> names;
  for (const std::string& name : task.extents) names[name] = 1;
  if (task.attention) names["causal"] = 1;
  try {
    evaluate(text, names);
  } catch (const InvalidArgument& error) {
    json.refuse(key, error.what());
  }
  return text;
}

Property property_of(const JsonObject& json, const Lab& lab, const Task& task) {
  Property property;
  property.name = json.text("name");
  const std::string kind = json.text("kind");
  const auto row = std::ranges::find(kinds(), kind, &KindRow::name);
  if (row == kinds().end()) {
    std::vector<std::string> names;
    for (const KindRow& known : kinds()) names.emplace_back(known.name);
    json.refuse("kind", fmt::format("is {}, expected one of {}", kind, fmt::join(names, ", ")));
  }
  std::vector<std::string> known = {"name", "kind", "title", "points"};
  known.insert(known.end(), row->keys.begin(), row->keys.end());
  json.allow_only(known);
  property.kind = row->kind;
  property.title = text_of(json, "title");
  property.points = static_cast<int>(number_of(json, "points", json.count("points")));
  using enum Property::Kind;
  if (property.kind == values || property.kind == determinism || property.kind == budget)
    property.problems = groups_of(json, task);
  if (property.kind == findings) {
    property.of = json.texts("of");
    const std::vector<std::string> all =
        lab.is_cuda() ? finding_names() : std::vector<std::string>{"sanitizers"};
    for (const std::string& of : property.of) {
      if (std::ranges::find(all, of) == all.end())
        json.refuse("of", fmt::format("names {}, expected some of {}", of, fmt::join(all, ", ")));
    }
  }
  if (property.kind == values || property.kind == budget) property.way = way_of(json, lab);
  if (property.kind == budget) {
    property.metrics = metrics_of(json, lab);
    property.at_most = formula_of(json, "at_most", task);
    property.at_least = formula_of(json, "at_least", task);
    if (property.at_most.empty() && property.at_least.empty())
      json.refuse("at_most", "missing, and at_least too");
    property.advice = text_of(json, "advice");
  }
  return property;
}

Question question_of(const JsonObject& json, const Lab& lab, const Task& task) {
  json.allow_only({"name", "text", "draw", "program", "arguments", "problem", "metrics", "way"});
  Question question;
  question.name = json.text("name");
  question.text = text_of(json, "text");
  if (json.has("draw")) {
    const JsonObject draws = json.object("draw");
    for (const std::string& name : draws.keys()) question.draws[name] = extent_of(draws, name);
  }
  question.program = json.text("program");
  if (question.program == "submission") {
    question.problem = group_of(json.object("problem"), task);
    for (const auto& [name, extent] : question.problem.extents) {
      if (!extent.of.empty() && !question.draws.contains(extent.of))
        json.refuse("problem", "uses {" + extent.of + "}, which the question does not draw");
    }
  } else {
    if (json.has("arguments")) question.arguments = json.texts("arguments");
    if (!fs::is_regular_file(lab.folder / question.program))
      json.refuse("program",
                  "is " + question.program + ", expected \"submission\" or a file of the lab's folder");
  }
  question.metrics = metrics_of(json, lab);
  question.way = way_of(json, lab);
  return question;
}

template <class Row>
void require_distinct(const JsonObject& json, const std::string& key, const std::vector<Row>& rows) {
  for (auto row = rows.begin(); row != rows.end(); ++row) {
    if (std::find_if(rows.begin(), row, [&](const Row& other) { return other.name == row->name; }) != row)
      json.refuse(key, "has two named " + row->name);
  }
}

}  // namespace

int Lab::max_score() const {
  return std::accumulate(properties.begin(), properties.end(), 0,
                         [](int sum, const Property& property) { return sum + property.points; });
}

Lab read_lab(const fs::path& folder) {
  const JsonObject json = JsonObject::read(folder / "grade.json");
  json.allow_only({"title", "goal", "task", "lse", "ways", "minutes", "max_lines", "warnings", "properties",
                   "questions"});
  Lab lab;
  lab.folder = fs::absolute(folder).lexically_normal();
  lab.name = (lab.folder.has_filename() ? lab.folder : lab.folder.parent_path()).filename().string();
  lab.source = fs::exists(folder / "solution.cpp") || fs::exists(folder / "handout.cpp") ? "solution.cpp"
                                                                                         : "solution.cu";
  lab.title = text_of(json, "title");
  lab.goal = text_of(json, "goal");
  lab.task = json.text("task");
  const Task* task = find_task(lab.task);
  if (task == nullptr)
    json.refuse("task", fmt::format("is {}, expected one of {}", lab.task, fmt::join(task_names(), ", ")));
  lab.lse = json.maybe_boolean("lse").value_or(true);
  if (json.has("ways")) lab.ways = json.texts("ways");
  lab.minutes = static_cast<int>(number_of(json, "minutes", json.count("minutes")));
  lab.max_lines = number_of(json, "max_lines", json.count("max_lines"));
  lab.warnings = json.texts("warnings");
  for (const JsonObject& property : json.objects("properties"))
    lab.properties.push_back(property_of(property, lab, *task));
  if (json.has("questions")) {
    for (const JsonObject& question : json.objects("questions"))
      lab.questions.push_back(question_of(question, lab, *task));
  }
  require_distinct(json, "properties", lab.properties);
  require_distinct(json, "questions", lab.questions);
  return lab;
}

namespace {

std::vector<fs::path> folders() {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_dir("labs")))
    if (fs::exists(entry.path() / "grade.json")) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::vector<Lab> all_labs() {
  std::vector<Lab> labs;
  for (const fs::path& folder : folders()) labs.push_back(read_lab(folder));
  return labs;
}

Lab find_lab(const std::string& name) {
  if (std::error_code none; fs::is_regular_file(fs::path(name) / "grade.json", none)) return read_lab(name);
  std::vector<std::string> names;
  for (const fs::path& folder : folders()) {
    const std::string lab = folder.filename().string(), number = lab.substr(0, lab.find('_'));
    if (lab == name || number == name || number == "0" + name) return read_lab(folder);
    names.push_back(lab);
  }
  throw InvalidArgument("lab", name,
                        fmt::format("a folder with a grade.json, or one of {}", fmt::join(names, ", ")));
}

}  // namespace attnlab::answers::labs
