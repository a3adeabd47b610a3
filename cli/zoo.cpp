// attnlab zoo: every known mistake as a kernel, on every problem of the zoo, before the check and before
// other projects' rules; honest kernels; and how small an error is seen.
#include <cstdio>
#include <memory>

#include "answers/json.h"
#include "cli/command.h"
#include "cli/zoo_tables.h"

namespace attnlab::cli {

using answers::dump;
using answers::HonestRuns;
using answers::run_zoo;
using answers::Zoo;
using answers::ZooOptions;

namespace {

struct Options : ZooOptions {
  bool json = false, markdown = false, sensitivity = false;
};

std::string text_of(const Zoo& zoo) {
  std::string text = mistakes_table(zoo).text();
  for (const HonestRuns& group : zoo.others) {
    text += group.kernels + ": " + std::to_string(group.rejected) + " of " + std::to_string(group.runs) +
            " rejected\n";
  }
  return text;
}

void run(const Options& options) {
  std::string text;
  if (options.sensitivity) {
    std::vector<oracle::Sensitivity> all;
    for (const oracle::HonestClass& one : oracle::honest_classes())
      all.push_back(oracle::sensitivity_of(one));
    text = markdown(sensitivity_tables(all));
  } else {
    const Zoo zoo = run_zoo(options);
    text = options.json ? dump(to_json(zoo)) : options.markdown ? markdown(zoo_tables(zoo)) : text_of(zoo);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_zoo(Command& app) {
  Command command = app.add_command("zoo", "Known mistakes as kernels: which rule rejects which of them");
  const auto options = std::make_shared<Options>();
  command.add_option("--mistake", options->mistake, "One mistake only, by its name");
  command.add_option("--problem", options->problem, "One problem only, by its name");
  command.add_flag("--full", options->full,
                   "The problems of 64k keys, every honest run and the tables of sensitivity too (minutes)");
  const Option json = command.add_flag("--json", options->json, "JSON");
  const Option markdown =
      command.add_flag("--markdown", options->markdown, "The tables of docs/results/oracle.md")
          .excludes(json);
  command
      .add_flag("--sensitivity", options->sensitivity,
                "Instead: the smallest errors that the check sees, by class and output, as Markdown")
      .excludes(json)
      .excludes(markdown);
  command.callback([options] { run(*options); });
}

}  // namespace attnlab::cli
