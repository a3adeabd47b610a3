#include "cli/zoo_page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "oracle/rules.h"

namespace attnlab::cli {
namespace {

// "12/12", rejected of all.
std::string share(int rejected, int runs) { return runs == 0 ? "-" : fmt::format("{}/{}", rejected, runs); }

std::string line(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}
std::string head(const std::vector<std::string>& cells) {
  return line(cells) + line(std::vector<std::string>(cells.size(), "---"));
}

struct Sums {
  int runs = 0, rejected = 0, named = 0, long_runs = 0, honest = 0, honest_rejected = 0;
};
Sums sums_of(const Zoo& zoo) {
  Sums sums;
  for (const Animal& animal : zoo.animals) {
    sums.runs += animal.runs, sums.rejected += animal.rejected;
    sums.named += animal.named, sums.long_runs += animal.long_runs;
  }
  sums.honest = zoo.honest.runs, sums.honest_rejected = zoo.honest.rejected;
  for (const HonestRuns& group : zoo.others)
    sums.honest += group.runs, sums.honest_rejected += group.rejected;
  return sums;
}

// "flashinfer: rtol = atol = 1e-2", for a cell of a table.
std::string title(const std::string& rule) {
  const auto rules = oracle::rules();
  const auto found = std::ranges::find(rules, rule, &oracle::Rule::name);
  if (found == rules.end()) return rule;
  std::string text = found->text;
  for (auto at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, 1, '\\');
  return rule + ": " + text;
}

// What the README shows: a rule a line.
std::string summary(const Zoo& zoo) {
  const Sums all = sums_of(zoo);
  std::string text = head({"rule", "wrong outputs rejected", "right outputs rejected"});
  text += line({"**attnlab's error budget**", fmt::format("**{} of {}**", all.rejected, all.runs),
                fmt::format("**{} of {}**", all.honest_rejected, all.honest)});
  for (const std::string& rule : zoo.rules) {
    int judged = 0, rejected = 0;
    for (const Animal& animal : zoo.animals) {
      const auto at = animal.judged_by.find(rule);
      if (at != animal.judged_by.end()) judged += at->second, rejected += animal.rejected_by.at(rule);
    }
    const auto honest = zoo.honest.judged_by.find(rule);
    const int honest_judged = honest == zoo.honest.judged_by.end() ? 0 : honest->second;
    text += line(
        {title(rule), fmt::format("{} of {}", rejected, judged),
         fmt::format("{} of {}", honest_judged == 0 ? 0 : zoo.honest.rejected_by.at(rule), honest_judged)});
  }
  return text;
}

std::string honest_table(const Zoo& zoo) {
  std::string text = head({"honest kernels", "runs", "rejected"});
  text += line({"the zoo's kernel without a mistake, on its problems", fmt::format("{}", zoo.honest.runs),
                fmt::format("{}", zoo.honest.rejected)});
  for (const HonestRuns& group : zoo.others)
    text += line({group.kernels, fmt::format("{}", group.runs), fmt::format("{}", group.rejected)});
  const Sums all = sums_of(zoo);
  return text + line({"together", fmt::format("{}", all.honest), fmt::format("{}", all.honest_rejected)});
}

}  // namespace

Table zoo_table(const Zoo& zoo) {
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

std::string sensitivity_tables(const std::vector<oracle::Sensitivity>& all) {
  const auto factor = [](double f) { return f == 0 ? std::string("-") : fmt::format("{:.3g}", f); };
  std::string text = head({"class", "output", "every element", "one row", "one element"});
  for (const oracle::Sensitivity& one : all) {
    for (const oracle::SmallestCaught& c : one.caught)
      text += line({one.name, c.tensor, factor(c.everywhere), c.tensor == "lse" ? "-" : factor(c.row),
                    factor(c.element)});
  }
  std::vector<std::string> header = {"class"};
  for (const oracle::Term term : oracle::terms()) header.push_back(oracle::name(term));
  text +=
      "\nBits that a term of the forward pass must lose until the check sees it; -: it has none to lose, "
      "or is hidden by coarser terms of its class.\n\n" +
      head(header);
  for (const oracle::Sensitivity& one : all) {
    std::vector<std::string> row = {one.name};
    for (const oracle::LostBits& lost : one.lost)
      row.push_back(lost.caught ? fmt::format("{}", *lost.caught) : "-");
    text += line(row);
  }
  return text;
}

std::string zoo_page(const Zoo& zoo, bool full) {
  const Table table = zoo_table(zoo);
  const Sums all = sums_of(zoo);
  std::string text = fmt::format(
      "<!-- Made by `{1}`; do not edit. -->\n"
      "# The zoo: known mistakes before the check and before other rules\n\n"
      "Made on {0:%Y-%m-%d} by `{1}`. Each mistake runs as a low-precision kernel on every problem of the "
      "zoo "
      "(`oracle/mistakes/zoo_cases.cpp`: masks, windows, softcap, ALiBi, dropout, padding, "
      "packing, "
      "paging, fp32 to FP8, backward passes; with --full also 65536 keys) that it changes.\n\n"
      "{2} mistakes, {3} runs, {4} of them over 64k keys: attnlab rejects {5} and names {6} (a cached result "
      "has no name: it is like any other number; three names are given at most).\n\n"
      "<!-- summary -->\n{7}<!-- end of summary -->\n\n"
      "Right outputs of attnlab's line are all honest runs below, those of other rules the first line of "
      "them. "
      "`oracle/rules.cpp` says where each rule is written and what it demands.\n\n"
      "## Other people's kernels\n\nWhat the oracle says of PyTorch's backends on an H200, and what it found "
      "there: [peers.md](peers.md).\n\n"
      "## Honest kernels\n\n{8}\n",
      fmt::localtime(std::time(nullptr)), full ? "attnlab zoo --full --markdown" : "attnlab zoo --markdown",
      zoo.animals.size(), all.runs, all.long_runs, all.rejected, all.named, summary(zoo), honest_table(zoo));
  if (!zoo.sensitivity.empty()) {
    text +=
        "## How small an error is seen\n\nThe smallest error that the check rejects, over the honest "
        "kernel's own: all errors of an output enlarged alike, those of one row, and one element (over the "
        "output's RMS error). Normal data, 256 queries and keys, head_dim 64.\n\n" +
        sensitivity_tables(zoo.sensitivity) + "\n";
  }
  text +=
      "## Mistake by mistake\n\nA cell says how many of a mistake's runs a rule rejects. The first row is "
      "the same kernel without a mistake: whatever is rejected there is rejected wrongly.\n\n" +
      head(table.header);
  for (const auto& row : table.rows) text += line(row);
  text += "\n## The mistakes\n\n" +
          head({"mistake", "what the kernel does", "where it stays within what its class may err"});
  for (const Animal& animal : zoo.animals)
    text += line({animal.name, animal.title, fmt::format("{}", fmt::join(animal.survived, ", "))});
  return text;
}

}  // namespace attnlab::cli
