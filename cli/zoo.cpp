// attnlab zoo: every known mistake as a kernel, on every problem of the zoo, before the check and before
// other projects' rules.
#include "reference/oracle/mistakes/zoo.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/table.h"
#include "reference/core/errors.h"
#include "reference/oracle/mistakes/wrong.h"

namespace attnlab::cli {
namespace {

using oracle::Mistake;
using oracle::ZooCase;

struct Options {
  std::string mistake, problem;
  bool full = false, json = false, markdown = false;
};

// Verdicts on the runs of one mistake, or of the honest kernels.
struct Animal {
  std::string name, title;
  int runs = 0, rejected = 0, named = 0;
  std::map<std::string, int> rejected_by;  // other projects' rules; of `judged_by` runs
  std::map<std::string, int> judged_by;
  std::vector<std::string> survived;  // problems
};

struct Zoo {
  Animal honest{"honest", "the kernel as it should be", 0, 0, 0, {}, {}, {}};
  std::vector<Animal> animals;
  std::vector<std::string> rules;
};

bool chosen(const Options& options, const ZooCase& c) {
  if (!options.problem.empty()) return options.problem == c.name;
  return options.full || c.problem.seqlen_kv <= 10000;
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

Zoo run_zoo(const Options& options) {
  Zoo zoo;
  const Mistake* only = options.mistake.empty() ? nullptr : &oracle::find_mistake(options.mistake);
  for (const Mistake& mistake : oracle::mistakes()) {
    if (only == nullptr || only == &mistake) {
      zoo.animals.push_back({mistake.name, mistake.title, 0, 0, 0, {}, {}, {}});
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
  if (!any) throw InvalidArgument("--problem", options.problem, "one of " + names);
  return zoo;
}

// "12/12", rejected of all.
std::string share(int rejected, int runs) { return runs == 0 ? "-" : fmt::format("{}/{}", rejected, runs); }

Table table_of(const Zoo& zoo) {
  Table table;
  table.header = {"mistake", "attnlab", "named"};
  table.header.insert(table.header.end(), zoo.rules.begin(), zoo.rules.end());
  const auto add = [&](const Animal& animal, bool honest) {
    std::vector<std::string> row = {animal.name, share(animal.rejected, animal.runs),
                                    honest ? "-" : share(animal.named, animal.runs)};
    for (const std::string& rule : zoo.rules) {
      const auto judged = animal.judged_by.find(rule);
      row.push_back(judged == animal.judged_by.end() ? "-"
                                                     : share(animal.rejected_by.at(rule), judged->second));
    }
    table.rows.push_back(std::move(row));
  };
  add(zoo.honest, true);
  for (const Animal& animal : zoo.animals) {
    if (animal.runs > 0) add(animal, false);
  }
  return table;
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
  return json;
}

std::string to_markdown(const Zoo& zoo, bool full) {
  const Table table = table_of(zoo);
  const auto line = [](const std::vector<std::string>& cells) {
    return fmt::format("| {} |\n", fmt::join(cells, " | "));
  };
  int runs = 0, rejected = 0, named = 0;
  for (const Animal& animal : zoo.animals) {
    runs += animal.runs, rejected += animal.rejected, named += animal.named;
  }
  std::string text = fmt::format(
      "<!-- Made by `{1}`; do not edit. -->\n"
      "# The zoo: known mistakes before the check and before other rules\n\n"
      "Made on {0:%Y-%m-%d} by `{1}`. Each mistake runs as a low-precision kernel "
      "on "
      "every problem of the zoo (`reference/oracle/mistakes/zoo_cases.cpp`: masks, windows, softcap, ALiBi, "
      "dropout, padding, packing, paging, fp32 to FP8, backward passes; with --full also 65536 keys) that it "
      "changes. A "
      "cell says how many of its runs a rule rejects. The first row is the same kernel without a mistake: "
      "whatever is rejected there is rejected wrongly. Other projects' rules judge O and gradients, never "
      "lse; "
      "the four that bound an error by that of a framework in the same type are modelled for O alone, so "
      "they "
      "have fewer runs.\n\n"
      "{2} mistakes, {3} runs: attnlab rejects {4} and names {5} of them (a cached result has no name: it is "
      "like any "
      "other number; three names are given at most). Honest runs rejected: {6} of {7}.\n\n",
      fmt::localtime(std::time(nullptr)), full ? "attnlab zoo --full --markdown" : "attnlab zoo --markdown",
      zoo.animals.size(), runs, rejected, named, zoo.honest.rejected, zoo.honest.runs);
  text += line(table.header);
  text += line(std::vector<std::string>(table.header.size(), "---"));
  for (const auto& row : table.rows) text += line(row);
  text +=
      "\n## The mistakes\n\n| mistake | what the kernel does | where it stays within what its class may err "
      "|\n"
      "| --- | --- | --- |\n";
  for (const Animal& animal : zoo.animals) {
    text += line({animal.name, animal.title, fmt::format("{}", fmt::join(animal.survived, ", "))});
  }
  return text;
}

void run(const Options& options) {
  const Zoo zoo = run_zoo(options);
  const std::string text = options.json       ? dump(to_json(zoo))
                           : options.markdown ? to_markdown(zoo, options.full)
                                              : table_of(zoo).text();
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_zoo(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("zoo", "Known mistakes as kernels: which rule rejects which of them");
  const auto options = std::make_shared<Options>();
  command->add_option("--mistake", options->mistake, "One mistake only, by its name");
  command->add_option("--problem", options->problem, "One problem only, by its name");
  command->add_flag("--full", options->full, "The problems of 64k keys too (minutes)");
  auto* json = command->add_flag("--json", options->json, "JSON");
  command->add_flag("--markdown", options->markdown, "The page docs/results/oracle.md")->excludes(json);
  command->callback([options] { run(*options); });
}

}  // namespace attnlab::cli
