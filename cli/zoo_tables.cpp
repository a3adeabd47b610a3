#include "cli/zoo_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "oracle/rules.h"

namespace attnlab::cli {

using answers::Animal;
using answers::HonestRuns;
using answers::Zoo;

namespace {

// "12/12", rejected of all.
std::string share(int rejected, int runs) { return runs == 0 ? "-" : fmt::format("{}/{}", rejected, runs); }

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

// "flashinfer: rtol = atol = 1e-2"
std::string title(const std::string& rule) {
  const auto rules = oracle::rules();
  const auto found = std::ranges::find(rules, rule, &oracle::Rule::name);
  return found == rules.end() ? rule : rule + ": " + found->text;
}

Table overall(const Zoo& zoo) {
  const Sums all = sums_of(zoo);
  return {{"mistakes", "runs", "of them over 64k keys", "rejected", "named"},
          {{std::to_string(zoo.animals.size()), std::to_string(all.runs), std::to_string(all.long_runs),
            std::to_string(all.rejected), std::to_string(all.named)}}};
}

Table rules_table(const Zoo& zoo) {
  const Sums all = sums_of(zoo);
  Table table{{"rule", "wrong outputs rejected", "right outputs rejected"}, {}};
  table.rows.push_back({"**attnlab's error budget**", fmt::format("**{} of {}**", all.rejected, all.runs),
                        fmt::format("**{} of {}**", all.honest_rejected, all.honest)});
  for (const std::string& rule : zoo.rules) {
    int judged = 0, rejected = 0;
    for (const Animal& animal : zoo.animals) {
      const auto at = animal.judged_by.find(rule);
      if (at != animal.judged_by.end()) judged += at->second, rejected += animal.rejected_by.at(rule);
    }
    const auto honest = zoo.honest.judged_by.find(rule);
    const int honest_judged = honest == zoo.honest.judged_by.end() ? 0 : honest->second;
    table.rows.push_back(
        {title(rule), fmt::format("{} of {}", rejected, judged),
         fmt::format("{} of {}", honest_judged == 0 ? 0 : zoo.honest.rejected_by.at(rule), honest_judged)});
  }
  return table;
}

Table honest_table(const Zoo& zoo) {
  Table table{{"honest kernels", "runs", "rejected"}, {}};
  const auto add = [&](const std::string& kernels, int runs, int rejected) {
    table.rows.push_back({kernels, std::to_string(runs), std::to_string(rejected)});
  };
  add("the zoo's kernel without a mistake, on its problems", zoo.honest.runs, zoo.honest.rejected);
  for (const HonestRuns& group : zoo.others) add(group.kernels, group.runs, group.rejected);
  const Sums all = sums_of(zoo);
  add("together", all.honest, all.honest_rejected);
  return table;
}

Table catalogue_table(const Zoo& zoo) {
  Table table{{"mistake", "what the kernel does", "where it stays within what its class may err"}, {}};
  for (const Animal& animal : zoo.animals)
    table.rows.push_back({animal.name, animal.title, fmt::format("{}", fmt::join(animal.survived, ", "))});
  return table;
}

}  // namespace

Table mistakes_table(const Zoo& zoo) {
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

std::vector<NamedTable> sensitivity_tables(const std::vector<oracle::Sensitivity>& all) {
  const auto factor = [](double f) { return f == 0 ? std::string("-") : fmt::format("{:.3g}", f); };
  Table smallest{{"class", "output", "every element", "one row", "one element"}, {}};
  Table lost{{"class"}, {}};
  for (const oracle::Term term : oracle::terms()) lost.header.emplace_back(oracle::name(term));
  for (const oracle::Sensitivity& one : all) {
    for (const oracle::SmallestCaught& c : one.caught) {
      smallest.rows.push_back({one.name, c.tensor, factor(c.everywhere),
                               c.tensor == "lse" ? "-" : factor(c.row), factor(c.element)});
    }
    lost.rows.push_back({one.name});
    for (const oracle::LostBits& bits : one.lost)
      lost.rows.back().push_back(bits.caught ? std::to_string(*bits.caught) : "-");
  }
  return {{"smallest errors", smallest}, {"lost bits", lost}};
}

std::vector<NamedTable> zoo_tables(const Zoo& zoo) {
  std::vector<NamedTable> tables{
      {"overall", overall(zoo)}, {"rules", rules_table(zoo)}, {"honest kernels", honest_table(zoo)}};
  if (!zoo.sensitivity.empty())
    for (NamedTable& table : sensitivity_tables(zoo.sensitivity)) tables.push_back(std::move(table));
  tables.push_back({"mistakes", mistakes_table(zoo)});
  tables.push_back({"catalogue", catalogue_table(zoo)});
  return tables;
}

}  // namespace attnlab::cli
