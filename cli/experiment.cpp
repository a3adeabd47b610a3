// attnlab experiment: a paper's figure, computed again beside the paper's numbers. The work is done in Python, by
// attnlab.experiments.
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/python.h"

namespace attnlab::cli {
namespace {

struct Options {
  std::vector<std::string> names, settings;
  std::string out = "out", folder;
  bool list = false, all = false, update = false, quick = false, no_plots = false;
};

void run(const Options& o) {
  std::vector<std::string> arguments = o.names;
  for (const std::string& setting : o.settings) arguments.insert(arguments.end(), {"--set=" + setting});
  for (const auto& [given, flag] : {std::pair{o.list, "--list"},
                                    {o.all, "--all"},
                                    {o.update, "--update"},
                                    {o.quick, "--quick"},
                                    {o.no_plots, "--no-plots"}}) {
    if (given) arguments.emplace_back(flag);
  }
  arguments.push_back("--out=" + o.out);
  if (!o.folder.empty()) arguments.push_back("--folder=" + o.folder);
  if (const int code = run_experiments(arguments); code != 0) throw Exit{code};
}

}  // namespace

void add_experiment(Command& app) {
  Command experiment = app.add_command(
      "experiment", "A paper's figure, computed again: a table beside the paper's numbers, plots, a verdict");
  const auto o = std::make_shared<Options>();
  experiment.add_option("names", o->names, "Of the experiments").type_name("NAME");
  experiment.add_flag("--list", o->list, "The experiments with their settings");
  experiment.add_flag("--all", o->all, "Every experiment");
  experiment
      .add_option("--set", o->settings, "Another setting; the paper's figures that it concerns are left out")
      .type_name("KEY=VALUE")
      .one_value_each();
  experiment.add_option("--out", o->out, "Tables, data and plots go to DIR/NAME")
      .type_name("DIR")
      .show_default();
  experiment.add_flag("--update", o->update, "They go to the experiment's own results/");
  experiment.add_flag("--quick", o->quick, "Less work for the same figures");
  experiment.add_flag("--no-plots", o->no_plots, "Data only");
  experiment.add_option("--folder", o->folder, "Experiments of your own: a folder with a folder for each")
      .type_name("DIR");
  experiment.callback([o] { run(*o); });
}

}  // namespace attnlab::cli
