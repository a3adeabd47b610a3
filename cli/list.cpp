// attnlab list: what there is, from the registries.
#include "answers/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>

#include "answers/kernels/list.h"
#include "answers/quantity.h"
#include "cli/command.h"
#include "cli/table.h"
#include "reference/attention/attention.h"
#include "reference/cards/sizing.h"
#include "reference/core/errors.h"
#include "simulator/device/device.h"
#include "simulator/io/registry.h"

namespace attnlab::cli {

using answers::dump;
using answers::format_count;
using answers::Json;

namespace {

struct Options {
  std::string what;
  bool json = false;
};

std::string algorithms_text() {
  const auto described = [](const io::Entry& entry) {
    std::string text = fmt::format("  {:<15} {}\n  {:<15} {}\n", entry.name, entry.title, "", entry.paper);
    if (entry.block_mask) {
      text += fmt::format("  {:<15} leaves out the tiles that a block mask hides (--density)\n", "");
    } else if (entry.attention && attention::info(*entry.attention).skips_hidden_tiles) {
      text += fmt::format("  {:<15} leaves out the tiles that causal masks and windows hide\n", "");
    }
    if (const auto absent = answers::missing(entry); entry.attention && !absent.empty()) {
      text += fmt::format("  {:<15} missing: {}\n", "", fmt::join(absent, ", "));
    }
    return text;
  };
  std::string text =
      "Algorithms (run, io, traffic): forward and backward, with every mask of attnlab run --help\n";
  for (const io::Entry& entry : io::registry()) text += entry.attention ? described(entry) : "";
  text += "\nAlgorithms (io only): forward\n";
  for (const io::Entry& entry : io::registry()) text += entry.attention ? "" : described(entry);
  return text;
}

std::string devices_text() {
  Table table{{"name", "also", "HBM GiB", "GB/s", "L2 MiB", "SMs", "SRAM KiB/SM", "fp16", "fp8", "fp32"}, {}};
  const auto tera = [](const std::map<device::Arithmetic, double>& rates, device::Arithmetic arithmetic) {
    const auto rate = rates.find(arithmetic);
    return rate == rates.end() ? "-" : fmt::format("{:.1f}", rate->second * 1e-12);
  };
  const auto in = [](std::uint64_t bytes, double unit) {
    return fmt::format("{:g}", static_cast<double>(bytes) / unit);
  };
  for (const device::Device& d : device::list()) {
    table.rows.push_back(
        {d.name, fmt::format("{}", fmt::join(d.aliases, ", ")), in(d.hbm_bytes, 1 << 30),
         fmt::format("{:.0f}", d.hbm_bandwidth * 1e-9), in(d.l2_bytes, 1 << 20), std::to_string(d.sms),
         in(d.sram_bytes_per_sm, 1 << 10), tera(d.tensor_flops, device::Arithmetic::fp16),
         tera(d.tensor_flops, device::Arithmetic::fp8), tera(d.vector_flops, device::Arithmetic::fp32)});
  }
  return "Devices (io, kv), or a file of your own: TFLOP/s of tensor cores in fp16 and fp8, of others in "
         "fp32\n" +
         table.text();
}

std::string cached(const cards::ModelCard& card) {
  if (card.mechanism == cards::Mechanism::mla)
    return fmt::format("{} + {}", card.kv_lora_rank, card.qk_rope_head_dim);
  return fmt::format("2 x {} x {}", card.kv_heads, card.head_dim);
}

std::string models_text() {
  Table table{{"name", "also", "kind", "layers", "heads", "a layer caches", "bytes/token", "weights"}, {}};
  for (const cards::ModelCard& card : cards::list()) {
    table.rows.push_back(
        {card.name, fmt::format("{}", fmt::join(card.aliases, ", ")),
         std::string(cards::name(card.mechanism)), std::to_string(card.layers), std::to_string(card.heads),
         cached(card), format_count(cards::bytes_per_token(card, {})),
         card.parameters ? fmt::format("{:.2f}B", static_cast<double>(*card.parameters) * 1e-9) : "-"});
  }
  return "Models (kv): what a layer caches of a token, and bytes of all layers in bf16\n" + table.text();
}

// Broken at spaces into lines of at most 100 columns, the first of which begins at `indent`.
std::string wrapped(std::string text, std::size_t indent) {
  constexpr std::size_t kColumns = 100;
  std::string lines;
  while (indent + text.size() > kColumns) {
    const std::size_t at = text.rfind(' ', kColumns - indent);
    if (at == std::string::npos || at == 0) break;
    lines += text.substr(0, at) + "\n" + std::string(indent, ' ');
    text.erase(0, at + 1);
  }
  return lines + text + "\n";
}

// A name in front of its title, for lists that have no more to show.
std::string named(const char* head, const Json& list, const char* text) {
  std::size_t width = 0;
  for (const Json& row : list) width = std::max(width, row["name"].get_ref<const std::string&>().size());
  std::string lines = std::string(head) + "\n";
  for (const Json& row : list) {
    lines += fmt::format("  {:<{}}  ", row["name"].get_ref<const std::string&>(), width);
    lines += wrapped(row[text], width + 4);
  }
  return lines;
}

std::string experiments_text() {
  return named("Experiments (experiment): papers' figures, computed again", answers::experiments_json(),
               "title");
}
std::string lessons_text() { return named("Lessons, as notebooks", answers::lessons_json(), "title"); }
std::string labs_text() { return named("Course labs (grade)", answers::labs_json(), "title"); }
std::string mistakes_text() {
  return named("Mistakes that the oracle knows (check, zoo)", answers::mistakes_json(), "title");
}
std::string rules_text() {
  return named("Other projects' acceptance rules (check --rules, zoo)", answers::rules_json(), "text");
}

struct Registry {
  const char* name;
  Json (*json)();
  std::string (*text)();
};
constexpr Registry kRegistries[] = {{"algorithms", answers::algorithms_json, algorithms_text},
                                    {"kernels", answers::kernels_json, answers::kernels_text},
                                    {"devices", answers::devices_json, devices_text},
                                    {"models", answers::models_json, models_text},
                                    {"experiments", answers::experiments_json, experiments_text},
                                    {"lessons", answers::lessons_json, lessons_text},
                                    {"labs", answers::labs_json, labs_text},
                                    {"mistakes", answers::mistakes_json, mistakes_text},
                                    {"rules", answers::rules_json, rules_text}};

// "algorithms, devices, ... or rules"
std::string names() {
  std::string text;
  for (const Registry& registry : kRegistries) {
    const bool last = &registry == std::end(kRegistries) - 1;
    text += (text.empty() ? "" : last ? " or " : ", ") + std::string(registry.name);
  }
  return text;
}

void run(const Options& options) {
  Json json = Json::object();
  std::string text;
  for (const Registry& registry : kRegistries) {
    if (!options.what.empty() && options.what != registry.name) continue;
    if (options.json) {
      json[registry.name] = registry.json();
    } else {
      text += (text.empty() ? "" : "\n") + registry.text();
    }
  }
  if (options.json ? json.empty() : text.empty()) {
    throw InvalidArgument("list", "'" + options.what + "'", names() + ", or nothing for all");
  }
  if (options.json) text = dump(json);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_list(Command& app) {
  Command list = app.add_command("list", "What there is: " + names());
  const auto options = std::make_shared<Options>();
  list.add_option("what", options->what, names() + " [all]");
  list.add_flag("--json", options->json, "One JSON object, with the source of every figure");
  list.callback([options] { run(*options); });
}

}  // namespace attnlab::cli
