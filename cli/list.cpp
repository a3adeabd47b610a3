// attnlab list: what there is, from the registries.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "answers/json.h"
#include "answers/quantity.h"
#include "cli/command.h"
#include "cli/table.h"
#include "reference/attention/attention.h"
#include "reference/cards/sizing.h"
#include "reference/core/errors.h"
#include "simulator/device/device.h"
#include "simulator/io/registry.h"
#include "simulator/memory/attention_launches.h"

namespace attnlab::cli {

using answers::dump;
using answers::format_count;
using answers::Json;

namespace {

struct Options {
  std::string what;
  bool json = false;
};

// What an algorithm could have and has not: a pass, a command.
std::vector<std::string> missing(const io::Entry& entry) {
  std::vector<std::string> missing;
  if (!entry.backward) missing.push_back("backward");
  if (!entry.attention || !memory::has_launches(*entry.attention)) missing.push_back("traffic");
  return missing;
}

Json algorithms_json() {
  Json list = Json::array();
  for (const io::Entry& entry : io::registry()) {
    Json row{{"name", entry.name}, {"title", entry.title}, {"paper", entry.paper}};
    row["passes"] = entry.backward ? Json{"forward", "backward"} : Json{"forward"};
    row["commands"] = entry.attention ? Json{"run", "io"} : Json{"io"};
    if (entry.attention && memory::has_launches(*entry.attention)) row["commands"].push_back("traffic");
    row["missing"] = missing(entry);
    row["block_mask"] = entry.block_mask;
    row["skips_hidden_tiles"] = entry.attention && attention::info(*entry.attention).skips_hidden_tiles;
    list.push_back(row);
  }
  return list;
}

std::string algorithms_text() {
  const auto described = [](const io::Entry& entry) {
    std::string text = fmt::format("  {:<15} {}\n  {:<15} {}\n", entry.name, entry.title, "", entry.paper);
    if (entry.block_mask) {
      text += fmt::format("  {:<15} leaves out the tiles that a block mask hides (--density)\n", "");
    } else if (entry.attention && attention::info(*entry.attention).skips_hidden_tiles) {
      text += fmt::format("  {:<15} leaves out the tiles that causal masks and windows hide\n", "");
    }
    if (const auto absent = missing(entry); entry.attention && !absent.empty()) {
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

Json rates_json(const std::map<device::Arithmetic, double>& rates) {
  Json json = Json::object();
  for (const auto& [arithmetic, rate] : rates) json[std::string(device::name(arithmetic))] = rate;
  return json;
}

Json devices_json() {
  Json list = Json::array();
  for (const device::Device& d : device::list()) {
    list.push_back({{"name", d.name},
                    {"aliases", d.aliases},
                    {"description", d.description},
                    {"hbm_bytes", d.hbm_bytes},
                    {"hbm_bandwidth", d.hbm_bandwidth},
                    {"l2_bytes", d.l2_bytes},
                    {"sms", d.sms},
                    {"clock_hz", d.clock_hz},
                    {"sram_bytes_per_sm", d.sram_bytes_per_sm},
                    {"shared_bytes_per_sm", d.shared_bytes_per_sm},
                    {"shared_bytes_per_block", d.shared_bytes_per_block},
                    {"register_bytes_per_sm", d.register_bytes_per_sm},
                    {"threads_per_sm", d.threads_per_sm},
                    {"warps_per_sm", d.warps_per_sm},
                    {"interconnect_bandwidth", d.interconnect_bandwidth},
                    {"exp_rate", d.exp_rate},
                    {"tensor_flops", rates_json(d.tensor_flops)},
                    {"vector_flops", rates_json(d.vector_flops)},
                    {"sources", d.sources}});
  }
  return list;
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

Json models_json() {
  Json list = Json::array();
  for (const cards::ModelCard& card : cards::list()) {
    const bool mla = card.mechanism == cards::Mechanism::mla;
    list.push_back({{"name", card.name},
                    {"aliases", card.aliases},
                    {"title", card.title},
                    {"mechanism", std::string(cards::name(card.mechanism))},
                    {"layers", card.layers},
                    {"hidden", card.hidden},
                    {"heads", card.heads},
                    {"kv_heads", mla ? Json() : Json(card.kv_heads)},
                    {"head_dim", card.head_dim},
                    {"kv_lora_rank", mla ? Json(card.kv_lora_rank) : Json()},
                    {"qk_rope_head_dim", mla ? Json(card.qk_rope_head_dim) : Json()},
                    {"window", card.window != 0 ? Json(card.window) : Json()},
                    {"sliding_layers", card.sliding_layers},
                    {"parameters", card.parameters ? Json(*card.parameters) : Json()},
                    {"elements_per_token", cards::elements_per_token(card)},
                    {"source", card.source},
                    {"parameters_source", card.parameters_source}});
  }
  return list;
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

struct Registry {
  const char* name;
  Json (*json)();
  std::string (*text)();
};
constexpr Registry kRegistries[] = {{"algorithms", algorithms_json, algorithms_text},
                                    {"devices", devices_json, devices_text},
                                    {"models", models_json, models_text}};

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
    throw InvalidArgument("list", "'" + options.what + "'", "algorithms, devices, models or nothing for all");
  }
  if (options.json) text = dump(json);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_list(CLI::App& app) {
  CLI::App* list = app.add_subcommand("list", "The algorithms, devices and models there are");
  const auto options = std::make_shared<Options>();
  list->add_option("what", options->what, "algorithms, devices or models [all]");
  list->add_flag("--json", options->json, "One JSON object, with the source of every figure");
  list->callback([options] { run(*options); });
}

}  // namespace attnlab::cli
